"""Kills builders at random moments while others read; prints what was lost: nothing.

    PYTHONPATH=.:tests python tests/reliability/kills.py --kills 200

Each kill must leave a base that answers as a whole and a lock that the next build can take; exit 1
if one did not.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import test_indexer as short

from kb.base.config import Settings
from kb.indexer import rebuild
from kb.service import KnowledgeBase

ARTICLES = 12


def read(settings, pipe, stop):
    """Searches without pause until told to stop; sends the number of searches and of failures."""
    kb = KnowledgeBase.open(settings, cached_answers=0)
    told = Counter()
    while not stop.is_set():
        try:
            told["searches"] += 1
            told["failed"] += kb.answer("password", exact=True).total != ARTICLES
        except Exception as error:
            told[f"failed: {error!r}"] += 1
    pipe.send(told)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    told = Counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(articles=Path(folder) / "articles", data=Path(folder) / "var")
        settings.articles.mkdir()
        for name in range(ARTICLES):
            (settings.articles / f"n{name}.md").write_text(f"# Password {name}\n\nversion 0")
        rebuild(settings)
        stop = short.FORK.Event()
        readers = []
        for _ in range(options.readers):
            ours, theirs = short.FORK.Pipe()
            reader = short.FORK.Process(target=read, args=(settings, theirs, stop))
            reader.start()
            readers.append((reader, ours))
        builds = set()
        for _ in range(options.kills):
            builder = short.FORK.Process(
                target=short._build_for_ever, args=(settings, rng.random())
            )
            builder.start()
            time.sleep(rng.random())
            builder.kill()
            builder.join()
            told["kills"] += 1
            try:
                results = KnowledgeBase.open(settings).answer("password", exact=True)
                told["incomplete"] += results.total != ARTICLES
                builds.add(results.build)
            except Exception as error:
                told["unreadable"] += 1
                print(repr(error), file=sys.stderr)
            if rng.random() < 0.2:
                try:
                    short.build_when_unlocked(settings)
                except AssertionError:
                    told["stuck locks"] += 1
        stop.set()
        for reader, pipe in readers:
            told += pipe.recv()
            reader.join()
    named = ("kills", "unreadable", "incomplete", "stuck locks", "searches", "failed")
    counts = ", ".join(f"{name} {told[name]}" for name in named)
    print(f"measured: {counts}, builds seen {len(builds)}")
    others = {name: count for name, count in told.items() if name not in named}
    for name, count in others.items():
        print(f"{name}: {count}")
    return 1 if others or any(told[name] for name in named[1:4]) or told["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
