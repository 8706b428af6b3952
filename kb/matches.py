"""Where the words of a query, and words with most of their letters, stand. Scores nothing.

One look through the content of the candidates serves all that follows: re-ranking, confidence and
snippets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb import letters
from kb.instant import Corpus, Docs, Recent, Scores

ALIKE = 0.3  # words that share less of their letters are not alike
_MOST_ALIKE = 512  # words of a segment that are like one word
_CACHED = 200_000  # words in all lists of like words together

Numbers = NDArray[np.int32]


# What a place in an article holds a word of the query as: a word with most of its letters, a
# synonym, or the word itself in some form (also a word that begins so, where it is unfinished).
LIKE, SYNONYM, FORM = 0, 1, 2
_KINDS = np.array([LIKE, SYNONYM, FORM], np.uint8)


@dataclass(frozen=True, slots=True)
class Alike:
    """Words like one word: per segment their numbers and how like they are, 0–1."""

    numbers: tuple[Numbers, ...]
    likeness: tuple[Scores, ...]
    letters: float  # what all letters of the word are worth: the sum of the grams' idf


@dataclass(frozen=True, slots=True)
class Sought:
    """A content word of the query: what it weighs, what holding it is worth, what stands for it.

    `forms`, `others` and `alike` are per segment; a synonym (`others`) counts `other_weight`.
    """

    text: str
    weight: float
    mass: float
    sentence: int
    forms: tuple[Numbers, ...]
    others: tuple[Numbers, ...]
    other_weight: float
    alike: Alike


class Matches:
    """The matches of a query in some articles, by article and place; every array is per match."""

    def __init__(self, corpus: Corpus, sought: Sequence[Sought], docs: Docs) -> None:
        """`docs` ascend; articles are numbered by their place among them."""
        self.corpus, self.sought, self.docs = corpus, sought, docs
        bounds = np.searchsorted(docs, corpus.bases).tolist()
        parts = [
            self._of(number, low, high)
            for number, (low, high) in enumerate(pairwise(bounds))
            if high > low
        ]
        if not parts:
            parts = [_nothing()]
        unit, word, kind, likeness, place = parts[0] if len(parts) == 1 else _joined(parts)
        self.unit: NDArray[np.int64] = unit
        self.word: NDArray[np.int64] = word
        self.kind: NDArray[np.uint8] = kind
        self.likeness: Scores = likeness
        self.place: NDArray[np.int64] = place  # in the content of the article's segment
        self.bounds: list[int] = np.searchsorted(unit, np.arange(len(docs) + 1)).tolist()

    def _of(self, number: int, low: int, high: int) -> tuple[NDArray[Any], ...]:
        """The matches in the articles `low` to `high`, which are of one segment."""
        segment = self.corpus.segments[number]
        arrays = segment.arrays
        rows, word, kind, likeness = self._rows(number)
        local = self.docs[low:high] - self.corpus.bases[number]
        starts = arrays["content.ptr"][local]
        ends = arrays["content.ptr"][local + 1]
        content = arrays["content.words"]
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        table = segment.rows()
        table[rows] = np.arange(1, len(rows) + 1, dtype=np.int32)
        found = table[np.concatenate([content[a:b] for a, b in spans])]
        table[rows] = 0
        at = np.flatnonzero(found != 0)
        row = found[at] - 1
        edges = np.cumsum(ends - starts)
        per_unit = np.diff(np.searchsorted(at, edges), prepend=0)
        unit = np.repeat(np.arange(low, high), per_unit)
        place = at + np.repeat(starts - (edges - (ends - starts)), per_unit)
        return unit, word[row], kind[row], likeness[row], place

    def _rows(self, number: int) -> tuple[NDArray[Any], ...]:
        """Words of a segment with the word of the query, the kind and the likeness of each.

        Later rows of a word overrule earlier ones: its forms overrule synonyms, those like words.
        """
        sought = self.sought
        lists = [each.alike.numbers[number] for each in sought]
        lists += [each.others[number] for each in sought]
        # A form of two words is that of the word with fewer: `н…` does not take `настройка`.
        rarest_last = sorted(range(len(sought)), key=lambda i: -len(sought[i].forms[number]))
        lists += [sought[i].forms[number] for i in rarest_last]
        lengths = [len(each) for each in lists]
        rows = np.concatenate(lists) if lists else np.empty(0, np.int32)
        numbers = [*range(len(sought)), *range(len(sought)), *rarest_last]
        word = np.repeat(np.array(numbers, np.int64), lengths)
        kind = np.repeat(np.repeat(_KINDS, len(sought)), lengths)
        likeness = np.ones(len(rows), np.float32)
        like = [each.alike.likeness[number] for each in sought]
        if like:
            head = np.concatenate(like)
            likeness[: len(head)] = head
        synonyms = np.flatnonzero(kind == SYNONYM)
        if len(synonyms):
            weights = np.array([each.other_weight for each in sought], np.float32)
            likeness[synonyms] = weights[word[synonyms]]
        return rows, word, kind, likeness

    def gathered(self, name: str, chosen: NDArray[np.intp]) -> NDArray[np.int32]:
        """`content.<name>` (token or line) at the chosen matches, which ascend."""
        corpus = self.corpus
        if len(corpus.segments) == 1:
            return corpus.segments[0].arrays[f"content.{name}"][self.place[chosen]]
        values = np.empty(len(chosen), np.int32)
        number = np.searchsorted(corpus.bases, self.docs[self.unit[chosen]], side="right") - 1
        for i in np.unique(number).tolist():
            here = number == i
            content = corpus.segments[i].arrays[f"content.{name}"]
            values[here] = content[self.place[chosen][here]]
        return values


class Likeness:
    """Which words of a corpus are like a word."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._frequency = [_live_frequency(corpus, i) for i in range(len(corpus.segments))]
        self._known: Recent[Alike] = Recent(
            lambda value: 2 * sum(map(len, value.numbers)) + 64, _CACHED
        )

    def alike(self, word: str) -> Alike:
        """The words that share at least `ALIKE` of the letters of `word`, itself among them."""
        found = self._known.get((word, ""))
        if found is None:
            found = self._alike(word)
            self._known.put((word, ""), found)
        return found

    def _alike(self, word: str) -> Alike:
        keys = np.unique(letters.keys([word])[0])
        places = []
        frequency = np.zeros(len(keys), np.int64)
        for segment, counts in zip(self._corpus.segments, self._frequency, strict=True):
            at, there = _find(segment.arrays["grams.keys"], keys)
            frequency[there] += counts[at[there]]
            places.append((at, there))
        telling = frequency > 0
        idf = np.log(max(self._corpus.count, 1) / (frequency + 1)) + 1
        whole = float(idf[telling].sum())
        numbers, likeness = [], []
        for segment, (at, there) in zip(self._corpus.segments, places, strict=True):
            chosen = there & telling
            found, likes = _sharing(segment.arrays, at[chosen], idf[chosen], whole)
            numbers.append(found)
            likeness.append(likes)
        return Alike(tuple(numbers), tuple(likeness), whole)


def _sharing(
    arrays: dict[str, NDArray[Any]], places: NDArray[np.intp], idf: Scores, whole: float
) -> tuple[Numbers, Scores]:
    """The words that have the grams at `places`, with the share of `whole` each has."""
    ptr = arrays["grams.ptr"]
    steps, lengths = letters.ranges(ptr[places], ptr[places + 1])
    if not len(steps):
        return np.empty(0, np.int32), np.empty(0, np.float32)
    words, place = np.unique(arrays["grams.words"][steps], return_inverse=True)
    shares = np.bincount(place, weights=np.repeat(idf, lengths)) / whole
    likely = np.flatnonzero(shares >= ALIKE)
    if len(likely) > _MOST_ALIKE:
        likely = np.sort(likely[np.argsort(-shares[likely], kind="stable")[:_MOST_ALIKE]])
    return words[likely], np.minimum(shares[likely], 1.0).astype(np.float32)


def _live_frequency(corpus: Corpus, number: int) -> NDArray[np.int32]:
    """In how many live articles of a segment each gram stands."""
    segment, base = corpus.segments[number], corpus.bases[number]
    arrays = segment.arrays
    frequency: NDArray[np.int32] = arrays["grams.df"]
    dead = np.flatnonzero(~corpus.live[base : base + segment.size]).tolist()
    if dead:
        frequency = frequency.copy()
    for doc in dead:
        low, high = arrays["content.ptr"][doc : doc + 2].tolist()
        found = np.unique(arrays["content.words"][low:high])
        words = [segment.words[word] for word in found[found < len(segment.words)].tolist()]
        if words:
            gone = np.unique(letters.keys(words)[0])
            frequency[np.searchsorted(arrays["grams.keys"], gone)] -= 1
    return frequency


def _find(
    keys: NDArray[np.uint64], wanted: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each wanted key stands among the sorted keys, and whether it does."""
    at = np.searchsorted(keys, wanted)
    there = np.zeros(len(wanted), bool)
    inside = at < len(keys)
    there[inside] = keys[at[inside]] == wanted[inside]
    return at, there


def _joined(parts: Sequence[tuple[NDArray[Any], ...]]) -> tuple[NDArray[Any], ...]:
    return tuple(np.concatenate(each) for each in zip(*parts, strict=True))


def _nothing() -> tuple[NDArray[Any], ...]:
    whole = np.empty(0, np.int64)
    return whole, whole, np.empty(0, np.uint8), np.empty(0, np.float32), whole
