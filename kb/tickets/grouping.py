"""Questions that ask the same in other words, grouped: fast enough for a hundred thousand. Pure.

Likeness is that of `searchlog.likeness`: the words of both, weighed by their kind and rarity, and
the articles that stood nearest. A question joins the likest group there is, or founds one.
"""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kb.language import query_words
from kb.tickets.answering import Answered, Progress

LEAST: Final = 0.5  # likeness of a question to the one that founded its group
_NEAREST: Final = 0.2  # share of the articles found, as for groups of misses
_RANKS: Final = (1.0, 0.5, 0.25)  # weights of the first, second and third article
_WORDS: Final = 10  # heaviest words of a question that are compared
_MOST_HOLDERS: Final = 3000  # founders looked at by one word
_COMMON: Final = 0.2  # share of questions that hold a word by which no group is looked for
_TOLD: Final = 500


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that ask the same: numbers of rows, the founder first."""

    rows: tuple[int, ...]


def groups(answers: Sequence[Answered], progress: Progress | None = None) -> list[Group]:
    """The groups of questions; rows without words are in none. Frequent wordings found first."""
    same: defaultdict[str, list[int]] = defaultdict(list)
    for row, answer in enumerate(answers):
        if answer.words:
            same[answer.words].append(row)
    holders = Counter(word for words in same for word in set(words.split()))
    order = sorted(same, key=lambda words: (-len(same[words]), same[words][0]))
    founders = _Founders(holders, len(same))
    found: list[list[int]] = []
    for done, words in enumerate(order, 1):
        rows = same[words]
        at = founders.nearest_or_new(words, answers[rows[0]].slugs)
        if at == len(found):
            found.append([])
        found[at] += rows
        if progress and (done % _TOLD == 0 or done == len(order)):
            progress(done, len(order))
    return [Group(tuple(rows)) for rows in found]


class _Founders:
    """The founders of groups, found by their words."""

    def __init__(self, holders: Mapping[str, int], n: int) -> None:
        self._holders, self._n = holders, n
        self._most = max(50, int(_COMMON * n))
        self._numbers: defaultdict[str, array[int]] = defaultdict(lambda: array("l"))
        self._weights: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._nearest: list[tuple[str, ...]] = []

    def nearest_or_new(self, words: str, slugs: tuple[str, ...]) -> int:
        """The number of the likest founder, or that of this question, which is one from now on."""
        vector = self._vector(words)
        at = self._likest(vector, slugs)
        if at is not None:
            return at
        number = len(self._nearest)
        self._nearest.append(slugs)
        for word, weight in vector.items():
            self._numbers[word].append(number)
            self._weights[word].append(weight)
        return number

    def _vector(self, words: str) -> dict[str, float]:
        """The heaviest words of a question, as a vector of length 1."""
        weights = {
            word: times
            * math.log(1 + (self._n + 20) / self._holders[word])
            * query_words.weight(word)
            for word, times in Counter(words.split()).items()
        }
        kept = sorted(weights, key=lambda word: (-weights[word], word))[:_WORDS]
        length = math.hypot(*(weights[word] for word in kept)) or 1.0
        return {word: weights[word] / length for word in kept}

    def _likest(self, vector: Mapping[str, float], slugs: tuple[str, ...]) -> int | None:
        looked = [
            word
            for word in vector
            if 0 < len(self._numbers[word]) <= _MOST_HOLDERS and self._holders[word] <= self._most
        ]
        if not looked:
            return None
        numbers = np.concatenate([np.frombuffer(self._numbers[word], np.int_) for word in looked])
        weights = np.concatenate(
            [np.frombuffer(self._weights[word], np.float64) * vector[word] for word in looked]
        )
        candidates, places = np.unique(numbers, return_inverse=True)
        likeness = np.bincount(places, weights)
        near = np.flatnonzero(likeness >= LEAST - _NEAREST)
        best, most = None, LEAST
        for at in near[np.argsort(-likeness[near], kind="stable")][:50].tolist():
            number = int(candidates[at])
            found = float(likeness[at]) + _NEAREST * _same_articles(slugs, self._nearest[number])
            if found >= most and (best is None or found > most):
                best, most = number, found
        return best


def _same_articles(a: tuple[str, ...], b: tuple[str, ...]) -> float:
    """The cosine of two lists of articles, the first of each weighing most."""
    if not a or not b:
        return 0.0
    first, second = dict(zip(a, _RANKS, strict=False)), dict(zip(b, _RANKS, strict=False))
    product = sum(weight * second.get(slug, 0.0) for slug, weight in first.items())
    return product / (math.hypot(*first.values()) * math.hypot(*second.values()))
