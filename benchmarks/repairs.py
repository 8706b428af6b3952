"""How often words that a base does not have are repaired with confidence. Times nothing.

`python benchmarks/repairs.py [--words N]`

The words are common ones of other folders, none of which the base holds in any form; whoever types
one asks for something that is not there. At most one of a hundred may be repaired.
"""

import argparse
import random
import re
import sys
from collections import Counter
from datetime import date
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # not ours: http.py

from benchmarks.lib import corpora
from benchmarks.titles import opened
from kb.language import morphology, tokens
from kb.search import Searcher, SearchRequest

BASES = {
    "ru": ("fastapi-ru", "kubernetes-ru"),
    "en": ("plausible-docs", "evcc-docs"),
}
OTHERS = {
    "ru": ("dynamics365-bc-ru", "b24-rest-ru", "helm/ru"),
    "en": ("identity-site/content/_en", "hugo-docs/content/en", "gitbook-adobe-aep", "helm/en"),
}
LETTERS = {"ru": re.compile("[а-яё]{4,}"), "en": re.compile("[a-z]{4,}")}
LEAST = 3  # files that hold a word
_CODE = re.compile(
    r"```.*?```|`[^`]*`|\{[%{].*?[}%]\}|<[^>]*>|\]\([^)]*\)|^---.*?^---", re.S | re.M
)
_RUN = re.compile(r"(?<![\w./:@#-])\w+(?![\w/:@(-]|\.\w)")


def common(lang: str) -> list[str]:
    """The words of other folders' prose that several files hold, the commonest first."""
    counts: Counter[str] = Counter()
    for name in OTHERS[lang]:
        for path in (corpora.SHARED / "articles" / name).rglob("*.md*"):
            prose = _CODE.sub(" ", path.read_text("utf-8", "replace"))
            counts.update({word for word in _RUN.findall(prose) if LETTERS[lang].fullmatch(word)})
    return [tokens.fold(word) for word, count in counts.most_common() if count >= LEAST]


def foreign(searcher: Searcher, words: list[str], count: int) -> list[str]:
    """A fixed random choice of the words that a base does not hold in any form."""
    corpus = searcher.reader.corpus
    absent = [
        word
        for word in words
        if not corpus.knows(word) and not any(map(corpus.lemma_ids, morphology.lemmas(word)))
    ]
    return sorted(random.Random(corpora.SEED).sample(absent[: 4 * count], min(count, len(absent))))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--words", type=int, default=500, help="words of each language")
    given = options.parse_args()
    corpora.require()
    for lang, names in BASES.items():
        words = common(lang)
        for name in names:
            with opened(name) as searcher:
                asked = foreign(searcher, words, given.words)
                repaired = []
                for word in asked:
                    results = searcher.answer(SearchRequest(word, limit=1), date.today())
                    if results.confident and results.correction:
                        repaired.append(f"{word} → {results.correction.query}")
                share = 100 * len(repaired) / max(len(asked), 1)
                print(f"{lang}, {name}: {len(repaired)} of {len(asked)} ({share:.1f} %)")
                print("   ", *repaired, sep="  ")


if __name__ == "__main__":
    main()
