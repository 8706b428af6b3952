"""Builds the hostile folder with a real service's limits; prints time, memory and reasons.

    PYTHONPATH=.:tests python tests/soak/hostile.py

Sixty files that nobody should have to read, beside thirty good articles that must all be found.
"""

import tempfile
from collections import Counter
from pathlib import Path

import test_indexer as short

from kb.config import Settings


def main():
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(articles=Path(folder) / "articles", data=Path(folder) / "var")

        def write(path, body, /, title):
            file = settings.articles / f"{path}.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"---\ntitle: {title}\n---\n{body}\n", "utf-8")

        report, bad = short.build_hostile(settings, write)
        short.assert_only_good_articles_are_built(settings, report, bad)
    own, children = report["megabytes"]
    print(f"hostile files: {len(bad | short.EITHER.keys())}, articles: {report['articles']}")
    print(f"seconds: {report['seconds']:.1f}, MB: {own:.0f} itself, {children:.0f} largest child")
    for code, count in sorted(Counter(code for _, code, *_ in report["rejected"]).items()):
        print(f"{code}: {count}")


if __name__ == "__main__":
    main()
