"""Edits a folder at random and compares each incremental build with a full one.

    PYTHONPATH=.:tests python tests/reliability/edits.py --sequences 30

Raises AssertionError, with the question, at the first answer or page that differs.
"""

import argparse
import random
import tempfile
from pathlib import Path

import test_indexer as short
import yaml

from kb import indexer
from kb.base.config import Settings
from kb.index import writer as writing
from kb.service import KnowledgeBase


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=30)
    options = parser.parse_args()
    writing.MOST_DELETED = 1.0
    for seed in range(options.sequences):
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(articles=Path(folder) / "articles", data=Path(folder) / "var")
            settings.articles.mkdir()
            run(settings, seed)
        print(f"sequence {seed}: equal", flush=True)


def run(settings, seed):
    """One sequence of edits, compared after every second build."""

    def write(path, body, /, **front):
        file = settings.articles / f"{path}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        head = yaml.safe_dump(front, allow_unicode=True, sort_keys=False)
        file.write_text(f"---\n{head}---\n{body}\n", "utf-8")

    rng = random.Random(seed)
    for _ in range(40):
        short.edit(rng, write, settings, "add")
    indexer.rebuild(settings)
    for number in range(16):
        for _ in range(rng.randint(1, 4)):
            short.edit(rng, write, settings)
        incremental = indexer.rebuild(settings)
        if number % 2 == 0:
            continue
        apart = settings.model_copy(update={"data": settings.data / "full"})
        full = indexer.rebuild(apart, full=True)
        assert (incremental.articles, incremental.rejected) == (full.articles, full.rejected)
        one, other = KnowledgeBase.open(settings), KnowledgeBase.open(apart)
        short.assert_same_answers(one, other, rng)
        short.assert_same_pages(one, other)


if __name__ == "__main__":
    main()
