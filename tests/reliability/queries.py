"""Asks a real base tens of thousands of generated questions; prints failures and percentiles.

    PYTHONPATH=.:tests python tests/reliability/queries.py [FOLDER]

The answers are those of the service: repairs, facets and snippets included, nothing cached. Exit 1
after an exception, an answer of more than a second, a 99th percentile above 50 ms (processor time),
or a `?` or `!` at the end that changes a hit.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import bases
import numpy as np

from kb.service import KnowledgeBase


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="Markdown articles; else made up")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--articles", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = (
            bases.sampled(options.folder, Path(folder), options.articles)
            if options.folder
            else bases.made_up(Path(folder), options.articles)
        )
        kb = KnowledgeBase.open(base.settings, cached_answers=0)
        segment = kb.catalog().reader.corpus.segments[0]
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
        marked = [query for query in queries[::50] if is_changed_by_a_mark(kb, query)]
        articles = kb.status().articles
    for name, values in (("wall", wall), ("CPU", cpu)):
        p50, p95, p99 = np.percentile(values, [50, 95, 99]) * 1000
        print(
            f"{name} ms: p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, max {max(values) * 1000:.1f}"
        )
    slowest = queries[int(np.argmax(cpu))]
    print(f"slowest: {slowest[:80]!a}")
    for query, error in failed[:5]:
        print(ascii(query[:80]), error)
    for query in marked[:5]:
        print(f"a mark at the end changes: {query[:80]!a}")
    p99, most = np.percentile(cpu, 99) * 1000, max(cpu)
    print(
        f"measured: queries {len(queries)}, articles {articles}, exceptions {len(failed)}, p99 "
        f"{p99:.1f} ms, longest {most * 1000:.0f} ms (processor), changed by a mark {len(marked)}"
    )
    return 1 if failed or marked or p99 > 50 or most > 1 else 0


def is_changed_by_a_mark(kb: KnowledgeBase, query: str) -> bool:
    """Whether a `?` or `!` after the last letter changes which articles are found."""
    query = query.rstrip()[:400]
    if not query or not query[-1].isalpha():
        return False
    hits = [[hit.slug for hit in kb.answer(query + mark).hits] for mark in ("", "?", "!")]
    return hits[0] != hits[1] or hits[0] != hits[2]


if __name__ == "__main__":
    sys.exit(main())
