"""Rebuilds again and again under the load of reading processes; prints what they saw.

    PYTHONPATH=.:tests python tests/soak/rebuilds.py --rebuilds 50 --readers 4

Every answer must be of one whole build, and a new build must be visible within two seconds.
"""

import argparse
import tempfile
from pathlib import Path

import test_service as short

from kb.config import Settings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rebuilds", type=int, default=50)
    parser.add_argument("--readers", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(articles=Path(folder) / "articles", data=Path(folder) / "var")
        settings.articles.mkdir()
        wrong, searches, unseen = short.rebuild_under_load(
            settings, options.rebuilds, options.readers
        )
    print(f"rebuilds: {options.rebuilds}, readers: {options.readers}")
    print(f"searches: {searches}, failed: {len(wrong)}")
    print(f"longest time a new build stayed unseen: {unseen:.2f} s")
    for line in wrong[:5]:
        print(line)


if __name__ == "__main__":
    main()
