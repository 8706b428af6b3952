"""How much of a question one place of the first articles holds, and if it is enough. Ranks nothing.

A place is a title and sixty words of its article. The threshold leans on how much of a random
question of the same length a place of this base holds (`calibration`), never on the script or the
language of the question. The method and its curve: `docs/ranking.md`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.analysis import Kind
from kb.instant import Corpus, Docs

LOOKED_INTO = 10  # first articles
BLOCK = 30  # words; two neighbouring blocks and the title make a place
WHOLE, SENTENCE = 1.03, 1.1  # of the level, for a whole question and for one of its sentences
SHORTEST = 6  # words of a sentence that may speak for the question
FALL, CAP = 0.35, 0.70  # longer questions need a smaller share; none needs more than the cap


@dataclass(frozen=True, slots=True)
class Sought:
    """A distinct word of the question: what holding it is worth, and which words stand for it.

    `forms[s]` are words of segment s; `others[s]` are synonyms, which count `other_weight` of it.
    """

    mass: float
    sentence: int
    forms: tuple[NDArray[np.int32], ...]
    others: tuple[NDArray[np.int32], ...] = ()
    other_weight: float = 0.0


def threshold(level: float, words: int, factor: float = WHOLE) -> float:
    """The share of a question of so many words that one place must hold."""
    share: float = factor * level * (8 / max(words, 1)) ** FALL
    return min(CAP, share)


def is_enough(corpus: Corpus, sought: Sequence[Sought], docs: Docs, level: float) -> bool:
    """Whether a place of the first articles holds enough of the question, or of one sentence."""
    places = _places(corpus, sought, docs[:LOOKED_INTO])
    if places is None:
        return False
    masses = np.array([each.mass for each in sought], np.float32)
    if _share(places, masses) >= threshold(level, len(sought)):
        return True
    sentences = np.array([each.sentence for each in sought])
    for number in np.unique(sentences).tolist():
        chosen = sentences == number
        words = int(np.count_nonzero(chosen))
        if SHORTEST <= words < len(sought) and _share(places, masses * chosen) >= threshold(
            level, words, SENTENCE
        ):
            return True
    return False


def share(corpus: Corpus, sought: Sequence[Sought], docs: Docs) -> float:
    """The largest share of the question that a place of the first articles holds, 0–1."""
    places = _places(corpus, sought, docs[:LOOKED_INTO])
    masses = np.array([each.mass for each in sought], np.float32)
    return 0.0 if places is None else _share(places, masses)


def _share(places: NDArray[np.float32], masses: NDArray[np.float32]) -> float:
    whole = float(masses.sum())
    return float((places @ masses).max()) / whole if whole else 0.0


def _places(corpus: Corpus, sought: Sequence[Sought], docs: Docs) -> NDArray[np.float32] | None:
    """How far (0–1) each place of the articles holds each word; None where there is no word."""
    if not sought or not len(docs):
        return None
    numbers = np.searchsorted(corpus.bases, docs, side="right") - 1
    parts = [
        _places_of(corpus, number, sought, docs[numbers == number])
        for number in np.unique(numbers).tolist()
    ]
    return np.concatenate(parts)


def _places_of(
    corpus: Corpus, number: int, sought: Sequence[Sought], docs: Docs
) -> NDArray[np.float32]:
    segment = corpus.segments[number]
    arrays = segment.arrays
    local = docs - corpus.bases[number]
    spans = [(int(arrays["tokens.ptr"][doc]), int(arrays["tokens.ptr"][doc + 1])) for doc in local]
    stream = np.concatenate([arrays["tokens.words"][low:high] for low, high in spans])
    whole = np.concatenate([arrays["tokens.compound"][low:high] for low, high in spans])
    lengths = np.array([high - low for low, high in spans])
    edges = np.cumsum(lengths)
    count = len(sought)
    table = segment.rows()
    for column, each in enumerate(sought, 1):  # synonyms first: the word itself counts more
        if each.others:
            table[each.others[number]] = count + column
    for column, each in enumerate(sought, 1):
        table[each.forms[number]] = column
    column = table[stream]
    for each in sought:
        table[each.forms[number]] = 0
        if each.others:
            table[each.others[number]] = 0
    at = np.flatnonzero((column > 0) & ~whole)
    unit = np.repeat(np.arange(len(local)), np.diff(np.searchsorted(at, edges), prepend=0))
    titles = np.array([_title(arrays, doc) for doc in local.tolist()])
    offset = at - (edges - lengths)[unit]
    block = np.where(offset < titles[unit], 0, 1 + (offset - titles[unit]) // BLOCK)
    size = int(block.max(initial=0)) + 2
    held = np.zeros((len(local) * size, 2 * count), np.float32)
    held[unit * size + block, column[at] - 1] = 1.0
    weights = np.array([each.other_weight for each in sought], np.float32)
    places = np.maximum(held[:, :count], held[:, count:] * weights).reshape(-1, size, count)
    title = places[:, :1].copy()
    np.maximum(places[:, 1:-1], places[:, 2:], out=places[:, 1:-1])
    found: NDArray[np.float32] = np.maximum(places, title)
    return found.reshape(-1, count)


def _title(arrays: dict[str, NDArray[np.generic]], doc: int) -> int:
    """How many tokens the title of an article has."""
    low, high = int(arrays["regions.ptr"][doc]), int(arrays["regions.ptr"][doc + 1])
    if high - low < 2 or arrays["regions.kind"][low] != Kind.TITLE:
        return 0
    return int(arrays["regions.token"][low + 1])
