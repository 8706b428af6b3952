"""What readers type of titles, over all titles of all given folders. Times nothing.

`python benchmarks/titles.py [prefixes] [anchors] [--folder NAME]`

- `prefixes`: no beginning of a word of a title loses the article while the word is typed, and the
  number of hits does not depend on case.
- `anchors`: a query that is a title leads to the article, not into one of its sections.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # not ours: http.py

from benchmarks.lib import corpora
from kb.base.config import Settings
from kb.index.segment import UNLISTED
from kb.jobs import evaluation
from kb.search import Searcher, SearchRequest

PARTS = ("prefixes", "anchors")
SHOWN = 10
_WORD = re.compile(r"\S+")
_RUSSIAN = re.compile(r"[-/]ru(?:/|$)")


def lang_of(name: str) -> str:
    """The language of a folder of shared articles, by its name: `helm/ru`, `kubernetes-ru`."""
    return "ru" if _RUSSIAN.search(name) else "en"


@contextmanager
def opened(name: str) -> Iterator[Searcher]:
    """The searcher of a folder of shared articles, for readers of its language."""
    folder = corpora.SHARED / "articles" / name
    with evaluation.built(folder, Settings(lang=lang_of(name))) as service:
        yield service.catalog().searcher


def titles(searcher: Searcher) -> dict[int, str]:
    """The titles of the articles that search may show, by their numbers."""
    corpus = searcher.reader.corpus
    served = corpus.served(date.today()) & ((corpus.flags & UNLISTED) == 0)
    return {doc: str(searcher.reader.card(doc)["title"]) for doc in served.nonzero()[0].tolist()}


def prefixes(searcher: Searcher) -> tuple[int, list[str]]:
    """How many beginnings of words of titles there are, and those that do not find the article."""
    holders: dict[str, set[int]] = defaultdict(set)
    for doc, title in titles(searcher).items():
        for word in _WORD.findall(title):
            for end in range(1, len(word) + 1):
                if word[end - 1].isalnum():
                    holders[word[:end]].add(doc)
    lost = []
    for typed, docs in holders.items():
        for written in {typed, typed.lower()}:
            hits = searcher.hits(written)
            lost += [
                f"{written} ({searcher.reader.card(doc)['title']})" for doc in docs if not hits[doc]
            ]
    return len(holders), lost


def anchors(searcher: Searcher) -> tuple[int, list[str]]:
    """How many titles were asked for, and those whose first hit leads into a section."""
    asked = {title for title in titles(searcher).values() if any(map(str.isalnum, title))}
    into = []
    for title in sorted(asked):
        request = SearchRequest(title, limit=1, exact=True, facets=False)
        hits = searcher.answer(request, date.today()).hits
        if not hits or "#" in hits[0].url:
            into.append(f"{title} → {hits[0].url if hits else 'nothing'}")
    return len(asked), into


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("parts", nargs="*", default=PARTS, help=", ".join(PARTS))
    options.add_argument("--folder", action="append", default=[], help="only these folders")
    given = options.parse_args()
    corpora.require()
    every = sorted(path.name for path in (corpora.SHARED / "articles").iterdir() if path.is_dir())
    totals: dict[str, list[int]] = {part: [0, 0] for part in given.parts}
    for name in given.folder or every:
        with opened(name) as searcher:
            for part in given.parts:
                count, wrong = {"prefixes": prefixes, "anchors": anchors}[part](searcher)
                totals[part][0] += count
                totals[part][1] += len(wrong)
                print(f"{name}, {part}: {len(wrong)} of {count}", *wrong[:SHOWN], sep="\n    ")
    for part, (count, wrong) in totals.items():
        print(f"all, {part}: {wrong} of {count} ({100 * wrong / max(count, 1):.2f} %)")


if __name__ == "__main__":
    main()
