"""Asks a real base tens of thousands of generated questions; prints failures and percentiles.

    PYTHONPATH=.:tests python tests/soak/queries.py ../shared/data/articles/dynamics365-bc-ru

The answers are those of the service: repairs, facets and snippets included, nothing cached.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import bases
import numpy as np

from kb.service import KnowledgeBase


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of Markdown articles")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--articles", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = bases.sampled(options.folder, Path(folder), options.articles)
        kb = KnowledgeBase.open(base.settings, cached_answers=0)
        segment = kb._opened().library.corpus.segments[0]
        rng = random.Random(options.seed)
        vocabulary = rng.choices(segment.words, k=5_000) + bases.WORDS * 5
        titles = [card.title for card in kb.all_cards()]
        queries = bases.strange_queries(rng, vocabulary + titles, options.count)
        wall, cpu, failed = [], [], []
        for query in queries:
            began, worked = time.perf_counter(), time.thread_time()
            try:
                kb.answer(query)
            except Exception as error:
                failed.append((query, repr(error)))
            wall.append(time.perf_counter() - began)
            cpu.append(time.thread_time() - worked)
        articles = kb.status().articles
    print(f"queries: {len(queries)}, articles: {articles}, exceptions: {len(failed)}")
    for name, values in (("wall", wall), ("CPU", cpu)):
        p50, p95, p99 = np.percentile(values, [50, 95, 99]) * 1000
        print(
            f"{name} ms: p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, max {max(values) * 1000:.1f}"
        )
    slowest = queries[int(np.argmax(cpu))]
    print(f"slowest: {slowest[:80]!a}")
    for query, error in failed[:5]:
        print(ascii(query[:80]), error)


if __name__ == "__main__":
    main()
