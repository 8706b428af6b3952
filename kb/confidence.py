"""How much of a question one place of the first articles holds, and if it is enough. Ranks nothing.

The threshold leans on how much of a random question of the same length a place of this base holds
(`calibration`), never on the script or the language of the question. The method and its curve:
`docs/ranking.md`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.instant import Scores
from kb.terms import Content

LOOKED_INTO = 10  # first articles
WHOLE, SENTENCE = 0.96, 1.04  # of the level, for a whole question and for one of its sentences
SHORTEST = 6  # words of a sentence that may speak for the question
FALL, CAP = 0.35, 0.70  # longer questions need a smaller share; none needs more than the cap


def threshold(level: float, words: int, factor: float = WHOLE) -> float:
    """The share of a question of so many words that one place must hold."""
    share: float = factor * level * (8 / max(words, 1)) ** FALL
    return min(CAP, share)


class Stops(NamedTuple):
    """The stop words of a question: they stand in no content, so a place is taken to hold each as
    likely as an article of the base does."""

    words: int = 0
    mass: float = 0.0
    held: float = 0.0


NO_STOPS = Stops()


class Questions(NamedTuple):
    """A question, and each of its sentences that may speak for it."""

    masses: Scores  # a row for each: what each word is worth
    sizes: tuple[int, ...]  # words of each


def questions(contents: Sequence[Content]) -> Questions:
    """The whole question first, then its sentences, if it has several, that are long enough."""
    masses = np.array([[each.mass for each in contents]], np.float32)
    sentences = [each.sentence for each in contents]
    if not sentences or sentences[0] == sentences[-1]:
        return Questions(masses, (len(contents),))
    long = [number for number, size in Counter(sentences).items() if size >= SHORTEST]
    rows = [masses[0] * (np.array(sentences) == number) for number in long]
    return Questions(
        np.array([masses[0], *rows], np.float32),
        (len(contents), *(sentences.count(number) for number in long)),
    )


def is_enough(
    held: Scores, asked: Questions, first: NDArray[Any], level: float, stops: Stops = NO_STOPS
) -> bool:
    """Whether a place of the articles `first` holds enough of the question, or of one sentence.

    `held` is what the best place of each article holds, a row for each of the questions.
    """
    needed = threshold(level, asked.sizes[0] + stops.words)
    if share(held[0], asked.masses[0], first, stops) >= needed:
        return True
    return any(
        share(held[row], asked.masses[row], first) >= threshold(level, size, SENTENCE)
        for row, size in enumerate(asked.sizes)
        if row
    )


def share(held: Scores, masses: Scores, first: NDArray[Any], stops: Stops = NO_STOPS) -> float:
    """The largest share of a question that a place of the articles `first` holds, 0–1."""
    most = float(held[first[:LOOKED_INTO]].max(initial=0.0))
    return (most + stops.held) / (float(masses.sum()) + stops.mass) if most else 0.0
