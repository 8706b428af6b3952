"""How much of a question one place of the first articles holds, and if it is enough. Ranks nothing.

The threshold leans on how much of a random question of the same length a place of this base holds
(`calibration`), never on the script or the language of the question. The method and its curve:
`docs/ranking.md`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.places import Places

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


_NONE = Stops()


def is_enough(
    places: Places,
    sentences: list[int],
    first: NDArray[np.intp],
    level: float,
    stops: Stops = _NONE,
) -> bool:
    """Whether a place of the articles `first` holds enough of the question, or of one sentence.

    `sentences` are the numbers of the sentences the words of the question stand in.
    """
    count = len(sentences)
    if share(places, first, stops) >= threshold(level, count + stops.words):
        return True
    if len(set(sentences)) < 2:
        return False
    numbers = np.array(sentences)
    for number in np.unique(numbers).tolist():
        chosen = (numbers == number).astype(np.float32)
        size = int(chosen.sum())
        if size >= SHORTEST and _share(places, first, chosen) >= threshold(level, size, SENTENCE):
            return True
    return False


def share(places: Places, first: NDArray[np.intp], stops: Stops = _NONE) -> float:
    """The largest share of the question that a place of the articles `first` holds, 0–1."""
    return _share(places, first, None, stops)


def _share(
    places: Places,
    first: NDArray[np.intp],
    of: NDArray[np.float32] | None,
    stops: Stops = _NONE,
) -> float:
    held = float(places.most(of)[first[:LOOKED_INTO]].max(initial=0.0))
    masses = places.masses if of is None else places.masses * of
    return (held + stops.held) / (float(masses.sum()) + stops.mass) if held else 0.0
