"""How much of a question one place of the first articles holds, and if it is enough. Ranks nothing.

A place is a title and sixty words of its article. The threshold leans on how much of a random
question of the same length a place of this base holds (`calibration`), never on the script or the
language of the question. The method and its curve: `docs/ranking.md`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.matches import LIKE, SYNONYM, Matches

LOOKED_INTO = 10  # first articles
BLOCK = 30  # words; two neighbouring blocks and the title make a place
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
    matches: Matches, first: NDArray[np.intp], level: float, stops: Stops = _NONE
) -> bool:
    """Whether a place of the articles `first` holds enough of the question, or of one sentence."""
    places = _places(matches, first[:LOOKED_INTO])
    if places is None:
        return False
    masses = np.array([each.mass for each in matches.sought], np.float32)
    if _share(places, masses, stops) >= threshold(level, len(masses) + stops.words):
        return True
    sentences = np.array([each.sentence for each in matches.sought])
    for number in np.unique(sentences).tolist():
        chosen = sentences == number
        count = int(np.count_nonzero(chosen))
        if SHORTEST <= count < len(masses) and _share(places, masses * chosen) >= threshold(
            level, count, SENTENCE
        ):
            return True
    return False


def share(matches: Matches, first: NDArray[np.intp], stops: Stops = _NONE) -> float:
    """The largest share of the question that a place of the articles `first` holds, 0–1."""
    places = _places(matches, first[:LOOKED_INTO])
    masses = np.array([each.mass for each in matches.sought], np.float32)
    return 0.0 if places is None else _share(places, masses, stops)


def _share(places: NDArray[np.float32], masses: NDArray[np.float32], stops: Stops = _NONE) -> float:
    held = float((places @ masses).max())
    return (held + stops.held) / (float(masses.sum()) + stops.mass) if held else 0.0


def _places(matches: Matches, first: NDArray[np.intp]) -> NDArray[np.float32] | None:
    """How far (0–1) each place of some articles holds each word; None where no word is held."""
    count = len(matches.sought)
    among = np.full(len(matches.docs), -1)
    among[first] = np.arange(len(first))
    chosen = np.flatnonzero((matches.kind != LIKE) & (among[matches.unit] >= 0))
    if not count or not len(chosen):
        return None
    unit = matches.unit[chosen]
    token = matches.gathered("token", chosen)
    title = np.array([_title(matches, i) for i in first.tolist()])[among[unit]]
    block = np.where(token < title, 0, 1 + (token - title) // BLOCK)
    size = int(block.max()) + 2
    held = np.zeros((len(first) * size, count), np.float32)
    cells = among[unit] * size + block
    synonym = matches.kind[chosen] == SYNONYM  # first: the word itself counts more
    held[cells[synonym], matches.word[chosen][synonym]] = matches.likeness[chosen][synonym]
    held[cells[~synonym], matches.word[chosen][~synonym]] = 1.0
    places = held.reshape(len(first), size, count)
    of_title = places[:, :1].copy()
    np.maximum(places[:, 1:-1], places[:, 2:], out=places[:, 1:-1])
    found: NDArray[np.float32] = np.maximum(places, of_title)
    return found.reshape(-1, count)


def _title(matches: Matches, unit: int) -> int:
    """How many tokens the title of an article has."""
    segment, doc = matches.corpus.locate(int(matches.docs[unit]))
    return segment.title_tokens(doc)
