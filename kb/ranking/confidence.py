"""Confidence: whether the first articles answer a query, by its coverage in one passage.

The threshold depends on the coverage of random queries of the same length in this corpus
(`calibration`), not on the script or language of the query. Method and curve: `docs/ranking.md`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from kb.ranking.terms import ContentTerm

LOOKED_INTO = 10  # first articles
WHOLE, SENTENCE = 0.98, 1.06  # factors of the chance level, for a query and for one sentence of it
SHORTEST = 6  # words of a sentence that is judged apart
FALL, CAP = 0.35, 0.70  # longer queries need a smaller coverage; none needs more than the cap


def threshold(chance_level: float, words: int, factor: float = WHOLE) -> float:
    """The coverage, 0–1, that a query of so many words needs to count as answered.

    `chance_level` is the coverage of a random query of eight words.
    """
    needed: float = factor * chance_level * (8 / max(words, 1)) ** FALL
    return min(CAP, needed)


class StopWords(NamedTuple):
    """The stop words of a query together. No content holds them, so their coverage is estimated."""

    words: int = 0
    query_weight: float = 0.0
    coverage: float = 0.0  # in parts of the query weight


NO_STOP_WORDS = StopWords()


class QueryWeights(NamedTuple):
    """The weights of the words of a query, and of each of its sentences that is judged apart."""

    rows: list[list[float]]  # (1 + sentences) × words
    sizes: tuple[int, ...]  # words of each row


def query_weights(content: Sequence[ContentTerm]) -> QueryWeights:
    """The whole query first, then its sentences, if it has several, that are long enough."""
    weights = [each.query_weight for each in content]
    if not content or content[0].sentence == content[-1].sentence:
        return QueryWeights([weights], (len(content),))
    sentences = [each.sentence for each in content]
    long = [number for number, size in Counter(sentences).items() if size >= SHORTEST]
    rows = [
        [weight * (each == number) for weight, each in zip(weights, sentences, strict=True)]
        for number in long
    ]
    return QueryWeights(
        [weights, *rows], (len(content), *(sentences.count(number) for number in long))
    )


def margin(
    coverage: Sequence[float],
    weights: QueryWeights,
    chance_level: float,
    stop_words: StopWords = NO_STOP_WORDS,
) -> float:
    """How much of the query a passage of the first articles covers, in parts of what is enough.

    1 and more is an answer. A sentence of the query may do better than the whole.
    `coverage` is, for each row of `weights`, the most that a passage of the first articles covers.
    """
    needed = threshold(chance_level, weights.sizes[0] + stop_words.words)
    whole = share(coverage[0], weights.rows[0], stop_words) / needed
    if whole >= 1:
        return whole
    sentences = (
        share(coverage[row], weights.rows[row]) / threshold(chance_level, size, SENTENCE)
        for row, size in enumerate(weights.sizes)
        if row
    )
    return max(whole, *sentences) if len(weights.sizes) > 1 else whole


def share(
    coverage: float, weights: Sequence[float], stop_words: StopWords = NO_STOP_WORDS
) -> float:
    """The share of a query, 0–1, that a passage holds; `coverage` is in parts of the weights."""
    total = sum(weights) + stop_words.query_weight
    return (coverage + stop_words.coverage) / total if coverage else 0.0
