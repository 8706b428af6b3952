"""Measures the chance level of a corpus: the coverage of random queries by its best passage.

Words drawn at random from the articles ask about nothing. Their coverage depends on the corpus
alone, so the threshold of `confidence` that is a multiple of it needs no tuning by hand. Method and
curve: `docs/ranking.md`.
"""

from math import exp, log

import numpy as np

from kb.index.corpus import Corpus
from kb.index.reader import IndexReader
from kb.index.segment import Segment
from kb.language.query import Query, Word
from kb.language.synonyms import Synonyms
from kb.ranking.ranker import Ranker

SIZES = (6, 8, 10, 13)  # words of a random query
PER_SIZE = 60
QUANTILE = 0.85
EXPONENT = 0.75  # of the number of words, with which coverage falls
DEFAULT_LEVEL = 0.6  # of a corpus too small to measure
FEW = 2000  # occurrences; of fewer, distinct words are counted

Occurrences = list[tuple[Segment, int]]  # numbers of words in the vocabularies of segments


def chance_level(reader: IndexReader) -> float:
    """The coverage, 0–1, of eight random words by the best passage, at the 85th percentile.

    Depends on the articles and the order of their paths only: a build of several segments gives
    the same as a full one.
    """
    corpus = reader.corpus
    words = _words(reader)
    if len(words) < FEW and len({segment.words[at] for segment, at in words}) < 2 * max(SIZES):
        return DEFAULT_LEVEL
    ranker = Ranker(corpus, Synonyms(), DEFAULT_LEVEL)
    logs = []
    for size in SIZES:
        chance = np.random.default_rng(size)
        shares = [ranker.coverage(_query(words, size, chance, corpus)) for _ in range(PER_SIZE)]
        share = float(np.quantile(shares, QUANTILE))
        logs.append(log(max(0.05, share) * (size / 8) ** EXPONENT))
    return exp(sum(logs) / len(logs))


def _words(reader: IndexReader) -> Occurrences:
    """Some forty thousand occurrences, evenly spread over the articles in order of paths."""
    words: Occurrences = []
    docs = reader.in_order
    for doc in docs[:: max(1, len(docs) // 2000)].tolist():
        segment, number = reader.corpus.locate(doc)
        low, high = segment.arrays["tokens.ptr"][number : number + 2].tolist()
        stream = segment.arrays["tokens.words"][low:high]
        stream = stream[~segment.arrays["tokens.extra"][low:high]]
        words += [(segment, at) for at in stream[:: max(1, len(stream) // 20)].tolist()]
    return words


def _query(words: Occurrences, size: int, chance: np.random.Generator, corpus: Corpus) -> Query:
    """A query of random words, no two of them forms of one."""
    chosen: dict[tuple[str, ...], tuple[Word, float]] = {}
    for number in chance.integers(len(words), size=20 * size).tolist():
        segment, at = words[number]
        word = segment.words[at]
        lemmas, weight = corpus.meaning(word)
        chosen.setdefault(lemmas, (Word(word, lemmas), weight))
        if len(chosen) == size:
            break
    drawn = tuple(word for word, _ in chosen.values())
    weights = tuple(weight for _, weight in chosen.values())
    return Query(" ".join(word.text for word in drawn), drawn, weights)
