"""How much of nonsense one place of a base holds by chance: the measure of confidence.

Ranks no query of a person. Words drawn at random from the base itself are a question about nothing.
How much of such questions the best place still holds depends on the base alone, so a threshold set
by it needs no tuning by hand. The method and its curve: `docs/ranking.md`.
"""

from math import exp, log

import numpy as np

from kb.instant import Corpus
from kb.library import Library
from kb.query import Query, Word
from kb.ranking import Ranker
from kb.segment import Segment
from kb.synonyms import Synonyms

SIZES = (6, 8, 10, 13)  # words of a random question
PER_SIZE = 60
QUANTILE = 0.85
EXPONENT = 0.75  # how the share falls with the number of words
UNKNOWN = 0.6  # of a base too small to say
FEW = 2000  # words: of so few, the different ones are counted

Words = list[tuple[Segment, int]]  # places in the vocabularies of segments


def level(library: Library) -> float:
    """The share of eight random words that one place of this base holds, at the 85th percentile.

    Depends on the articles and their order of paths only, not on how the build came about.
    """
    corpus = library.corpus
    words = _words(library)
    if len(words) < FEW and len({segment.words[at] for segment, at in words}) < 2 * max(SIZES):
        return UNKNOWN
    ranker = Ranker(corpus, Synonyms())
    logs = []
    for size in SIZES:
        chance = np.random.default_rng(size)
        shares = [ranker.share(_question(words, size, chance, corpus)) for _ in range(PER_SIZE)]
        share = float(np.quantile(shares, QUANTILE))
        logs.append(log(max(0.05, share) * (size / 8) ** EXPONENT))
    return exp(sum(logs) / len(logs))


def _words(library: Library) -> Words:
    """Some forty thousand words, evenly spread over the articles in order of paths."""
    found: Words = []
    docs = library.in_order
    for doc in docs[:: max(1, len(docs) // 2000)].tolist():
        segment, number = library.corpus.locate(doc)
        low, high = segment.arrays["tokens.ptr"][number : number + 2].tolist()
        stream = segment.arrays["tokens.words"][low:high]
        stream = stream[~segment.arrays["tokens.compound"][low:high]]
        found += [(segment, at) for at in stream[:: max(1, len(stream) // 20)].tolist()]
    return found


def _question(words: Words, size: int, chance: np.random.Generator, corpus: Corpus) -> Query:
    """Random words, no two of them forms of one."""
    chosen: dict[tuple[str, ...], tuple[Word, float]] = {}
    for number in chance.integers(len(words), size=20 * size).tolist():
        segment, at = words[number]
        word = segment.words[at]
        lemmas, weight = corpus.meaning(word)
        chosen.setdefault(lemmas, (Word(word, lemmas), weight))
        if len(chosen) == size:
            break
    found = tuple(word for word, _ in chosen.values())
    weights = tuple(weight for _, weight in chosen.values())
    return Query(" ".join(word.text for word in found), found, weights)
