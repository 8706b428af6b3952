"""How often answers are confident and wrong, or right and unsure, on our own judged questions.

`python benchmarks/certainty.py [--peers]`

`data/judged.tsv` holds a folder, a question as people type it, and the articles that answer it,
put down before any answer was looked at; `-` where none does. Printed for each factor of the
threshold, of which 1 is served; shares are of all questions of a language. With `--peers`, how many
of the questions that have an answer find it first and among the first three, beside SQLite FTS5.
"""

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # not ours: http.py

from benchmarks import peers
from benchmarks.lib import corpora
from benchmarks.relevance import FACTORS, at_each_factor
from benchmarks.titles import lang_of, opened
from kb.search import Searcher, SearchRequest

JUDGED = Path(__file__).with_name("data") / "judged.tsv"


def read() -> dict[str, list[tuple[str, set[str]]]]:
    """The questions of each folder, each with the articles that answer it."""
    found = defaultdict(list)
    for line in JUDGED.read_text("utf-8").splitlines():
        folder, question, slugs = line.split("\t")
        found[folder].append((question, set(slugs.split(",")) - {"-"}))
    return found


def certainty() -> None:
    """Prints the shares for each factor, and the questions that are counted at 1."""
    wrong = {lang: dict.fromkeys(FACTORS, 0) for lang in ("ru", "en")}
    unsure = {lang: dict.fromkeys(FACTORS, 0) for lang in ("ru", "en")}
    asked = dict.fromkeys(("ru", "en"), 0)
    for folder, questions in read().items():
        lang = lang_of(folder)
        asked[lang] += len(questions)
        with opened(folder) as searcher:
            for factor in at_each_factor(searcher):
                for question, slugs in questions:
                    results = searcher.answer(SearchRequest(question, limit=1), date.today())
                    first = results.hits[0].slug if results.hits else ""
                    wrong[lang][factor] += results.confident and first not in slugs
                    unsure[lang][factor] += not results.confident and first in slugs
                    if factor == 1 and results.confident != (first in slugs):
                        state = "confident and wrong" if results.confident else "right and unsure"
                        print(f"{folder}: {question} → {first or 'nothing'}: {state}")
    print(f"{'':30}" + "".join(f"{factor:>7g}" for factor in FACTORS))
    for lang, count in asked.items():
        for name, counts in (("confident and wrong", wrong), ("right and unsure", unsure)):
            shares = "".join(f"{number / count:7.3f}" for number in counts[lang].values())
            print(f"{lang}, {name:24}{shares}")


def beside_peers() -> None:
    """Prints how many answers stand first and among the first three, of ours and of FTS5."""
    asked = Counter[str]()
    found = Counter[tuple[str, str, int]]()
    for folder, questions in read().items():
        lang = lang_of(folder)
        answered = [(question, slugs) for question, slugs in questions if slugs]
        asked[lang] += len(answered)
        with (
            opened(folder) as searcher,
            tempfile.TemporaryDirectory(prefix="kb-certainty-") as work,
        ):
            for name, rank in engines(searcher, Path(work)).items():
                for question, slugs in answered:
                    hits = rank(question)
                    for depth in (1, 3):
                        found[lang, name, depth] += bool(slugs.intersection(hits[:depth]))
    for (lang, name, depth), count in found.items():
        print(f"{lang}, {name:16} among the first {depth}: {count} of {asked[lang]}")


def engines(searcher: Searcher, folder: Path) -> dict[str, Callable[[str], list[str]]]:
    """Ours and SQLite FTS5 over the same articles: a question to the slugs of the first three."""

    def ours(question: str) -> list[str]:
        request = SearchRequest(question, limit=3, facets=False)
        return [hit.slug for hit in searcher.answer(request, date.today()).hits]

    found = {"ours": ours}
    for tokenizer in ("unicode61", "porter unicode61"):
        peer = peers.FTS5(folder / tokenizer.split()[0], tokenizer)
        peer.build(corpora.plain(searcher.reader))
        found[peer.name] = partial(peer.search, limit=3)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peers", action="store_true", help="count first and top three instead")
    given = options.parse_args()
    corpora.require()
    if given.peers:
        beside_peers()
    else:
        certainty()


if __name__ == "__main__":
    main()
