"""Where the words of a query, and words that share their letters, stand. Scores nothing.

One look through the content of the candidates serves all that follows: re-ranking, confidence and
snippets.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb import letters
from kb.instant import Corpus, Docs, Scores

Numbers = NDArray[np.int32]

_CACHED = 1 << 14  # words whose grams are remembered


class Sought(NamedTuple):
    """A content word of the query: what it weighs, what holding it is worth, what stands for it.

    `forms` and `others` are per segment; a synonym (`others`) counts `other_weight`.
    """

    text: str
    weight: float
    mass: float
    forms: tuple[Numbers, ...]
    others: tuple[Numbers, ...]
    other_weight: float


class Gram(NamedTuple):
    """A character 4-gram of a word: per segment from and to of the words that have it, its idf."""

    spans: tuple[tuple[int, int], ...]
    idf: float


class Grams(NamedTuple):
    """The grams of all words of a query; one that two words share stands there twice."""

    spans: tuple[tuple[tuple[int, int], ...], ...]
    worth: Scores  # rarity times the weight of the word


NO_GRAMS = Grams((), np.empty(0, np.float32))  # where only words are looked for


class Letters:
    """How rare the grams of words are in a corpus, and where to find the words that have them."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._frequency = [live_frequency(corpus, i) for i in range(len(corpus.segments))]
        self._of_word = lru_cache(_CACHED)(self._grams)

    def of(self, sought: Sequence[Sought]) -> Grams:
        """The grams of some words, each word once."""
        words = {each.text: each.weight for each in sought}
        found = [(gram, weight) for word, weight in words.items() for gram in self._of_word(word)]
        worth = np.array([gram.idf * weight for gram, weight in found], np.float32)
        return Grams(tuple(gram.spans for gram, _ in found), worth)

    def _grams(self, word: str) -> tuple[Gram, ...]:
        """The distinct grams of a word that stand in some article."""
        found = []
        for key in dict.fromkeys(letters.keys_of(word)):
            spans = []
            frequency = 0
            for segment, counts in zip(self._corpus.segments, self._frequency, strict=True):
                keys = segment.view["grams.keys"]
                at = bisect_left(keys, key)
                if at < len(keys) and keys[at] == key:
                    ptr = segment.view["grams.ptr"]
                    spans.append((ptr[at], ptr[at + 1]))
                    frequency += int(counts[at])
                else:
                    spans.append((0, 0))
            if frequency:
                idf = log(max(self._corpus.count, 1) / (frequency + 1)) + 1
                found.append(Gram(tuple(spans), idf))
        return tuple(found)


class Matches:
    """The words of a query in some articles, by article and place.

    `unit`, `word`, `is_form` and `place` are per word found: a form of a word of the query (also a
    word that begins so, where it is unfinished), or a synonym of it. `near_…` are of all words
    that share letters with the query, these among them; `has` tells which grams, by their rows.
    """

    def __init__(self, corpus: Corpus, sought: Sequence[Sought], grams: Grams, docs: Docs) -> None:
        """`docs` ascend; articles are numbered by their place among them."""
        self.corpus, self.sought, self.grams, self.docs = corpus, sought, grams, docs
        bounds = np.searchsorted(docs, corpus.bases).tolist()
        parts: list[_Part] = []
        rows = 0
        for number, (low, high) in enumerate(pairwise(bounds)):
            if high > low:
                part = self._of(number, low, high, rows)
                rows += len(part.code)
                parts.append(part)
        if len(parts) == 1:
            whole = parts[0]
        else:
            whole = _Part(
                *map(np.concatenate, zip(_nothing(len(grams.worth)), *parts, strict=True))
            )
        self.near_unit, self.near_place, self.near_row = whole.unit, whole.place, whole.row
        self.has = whole.has
        self.title_end = whole.title_end  # per article, in the content of its segment
        code = whole.code[whole.row]
        found = code.nonzero()[0]
        code = code[found] - 1
        self.unit: NDArray[np.int64] = whole.unit[found]
        self.place: NDArray[np.int64] = whole.place[found]
        self.is_form: NDArray[np.bool_] = code >= len(sought)
        self.word: NDArray[np.int64] = code - len(sought) * self.is_form

    def _of(self, number: int, low: int, high: int, rows: int) -> "_Part":
        """What is found in the articles `low` to `high`, which are of one segment."""
        arrays = self.corpus.segments[number].arrays
        local = self.docs[low:high] - self.corpus.bases[number]
        ptr, content = arrays["content.ptr"], arrays["content.words"]
        starts, ends = ptr[local], ptr[local + 1]
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        stream = np.concatenate([content[a:b] for a, b in spans])
        row_of, code, has = self._rows(number, stream)
        at = row_of.nonzero()[0]
        edges = np.cumsum(ends - starts)
        counts = np.diff(np.searchsorted(at, edges), prepend=0)
        unit = np.repeat(np.arange(low, high), counts)
        place = at + np.repeat(ends - edges, counts)
        title_end = starts + (2 + arrays["content.title"][local])  # a border of two is before it
        return _Part(unit, place, row_of[at] + (rows - 1), title_end, code, has)

    def _rows(self, number: int, stream: Numbers) -> tuple[Numbers, Numbers, NDArray[np.uint8]]:
        """For each word of the stream its row or 0; and the rows: what the word is, its grams.

        What it is: 0 only letters are shared, i + 1 a synonym of the word i of the query, after
        those i + 1 a form of it.
        """
        segment, sought = self.corpus.segments[number], self.sought
        held = segment.arrays["grams.words"]
        spans = [each[number] for each in self.grams.spans]
        lists = [held[a:b] for a, b in spans]
        alike = sum(b - a for a, b in spans)
        others = [i for i, each in enumerate(sought) if len(each.others[number])]
        # A form of two words is that of the word with fewer: `н…` does not take `настройка`.
        forms = sorted(range(len(sought)), key=lambda i: -len(sought[i].forms[number]))
        lists += [sought[i].others[number] for i in others]
        lists += [sought[i].forms[number] for i in forms]
        words = np.concatenate(lists) if lists else np.empty(0, np.int32)
        table = segment.rows()
        table[words] = np.arange(1, len(words) + 1, dtype=np.int32)
        row_of = table[stream]
        row = table[words] - 1  # a word that stands there twice has one row all the same
        table[words] = 0
        code = np.zeros(len(words), np.int32)
        codes = [i + 1 for i in others] + [len(sought) + i + 1 for i in forms]
        lengths = [len(each) for each in lists[len(spans) :]]
        code[row[alike:]] = np.repeat(np.array(codes, np.int32), lengths)
        has = np.zeros((len(words), len(spans)), np.uint8)
        column = np.repeat(np.arange(len(spans)), [b - a for a, b in spans])
        has[row[:alike], column] = 1
        return row_of, code, has

    def gathered(self, name: str, unit: NDArray[Any], place: NDArray[Any]) -> NDArray[np.int32]:
        """`content.<name>` (token or line) at some places."""
        corpus = self.corpus
        if len(corpus.segments) == 1:
            values: NDArray[np.int32] = corpus.segments[0].arrays[f"content.{name}"][place]
            return values
        values = np.empty(len(place), np.int32)
        number = np.searchsorted(corpus.bases, self.docs[unit], side="right") - 1
        for i in np.unique(number).tolist():
            here = number == i
            values[here] = corpus.segments[i].arrays[f"content.{name}"][place[here]]
        return values


class _Part(NamedTuple):
    """What is found in the articles of one segment: places, articles, rows."""

    unit: NDArray[Any]
    place: NDArray[Any]
    row: NDArray[Any]
    title_end: NDArray[Any]
    code: NDArray[Any]
    has: NDArray[Any]


def _nothing(grams: int) -> _Part:
    whole = np.empty(0, np.int64)
    return _Part(whole, whole, whole, whole, whole, np.empty((0, grams), np.uint8))


def live_frequency(corpus: Corpus, number: int) -> NDArray[np.int32]:
    """In how many live articles of a segment each gram stands."""
    segment, base = corpus.segments[number], corpus.bases[number]
    arrays = segment.arrays
    frequency: NDArray[np.int32] = arrays["grams.df"]
    dead = (~corpus.live[base : base + segment.size]).nonzero()[0].tolist()
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
