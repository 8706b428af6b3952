"""Rebuilds again and again under the load of reading processes; prints what they saw.

    PYTHONPATH=.:tests python tests/reliability/rebuilds.py --rebuilds 50 --readers 4

Every answer must be of one whole build, and a new build must be visible within two seconds; exit 1
if not.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import test_service as short

from kb.base.config import Settings


def main() -> int:
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
    for line in wrong[:5]:
        print(line)
    print(
        f"measured: rebuilds {options.rebuilds}, readers {options.readers}, searches {searches}, "
        f"failed {len(wrong)}, a new build unseen for {unseen:.2f} s at most"
    )
    return 1 if wrong or unseen > 2 else 0


if __name__ == "__main__":
    sys.exit(main())
