"""Builds the hostile folder with a real service's limits; prints time, memory and reasons.

    PYTHONPATH=.:tests python tests/reliability/hostile.py

Sixty files that nobody should have to read, beside thirty good articles that must all be found.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import test_indexer as short

from kb.base.config import Settings


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(articles=Path(folder) / "articles", data=Path(folder) / "var")

        def write(path, body, /, title):
            file = settings.articles / f"{path}.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"---\ntitle: {title}\n---\n{body}\n", "utf-8")

        report, bad = short.build_hostile(settings, write)
        short.assert_only_good_articles_are_built(settings, report, bad)
    own, children = report["megabytes"]
    for code, count in sorted(Counter(code for _, code, *_ in report["rejected"]).items()):
        print(f"{code}: {count}")
    print(
        f"measured: hostile files {len(bad | short.EITHER.keys())}, articles {report['articles']}, "
        f"{report['seconds']:.1f} s, {own:.0f} MB itself, {children:.0f} MB the largest child"
    )
    return 1 if report["seconds"] > 60 or max(own, children) > 500 else 0


if __name__ == "__main__":
    sys.exit(main())
