"""Finds the words of a query, and words that share n-grams with them, in articles. Scores nothing.

One pass through the content of the candidates serves re-scoring, confidence and snippets.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from math import log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.base.cache import TEXT
from kb.index import ngrams
from kb.index.corpus import Corpus, Docs, Scores

Numbers = NDArray[np.int32]


class SoughtTerm(NamedTuple):
    """A content word of the query with its weights and the words that match it.

    `forms` and `synonyms` are numbers of words, per segment.
    """

    text: str
    weight: float
    query_weight: float
    forms: tuple[Numbers, ...]
    synonyms: tuple[Numbers, ...]
    synonym_weight: float


class Gram(NamedTuple):
    """A character 4-gram of a word: per segment the range of words that have it, and its idf."""

    spans: tuple[tuple[int, int], ...]
    idf: float


class Grams(NamedTuple):
    """The n-grams of all words of a query; one that two words share occurs twice."""

    spans: tuple[tuple[tuple[int, int], ...], ...]
    gain: Scores  # idf times the weight of the word


NO_GRAMS = Grams((), np.empty(0, np.float32))  # to find words only


class QueryNgrams:
    """The n-grams of words in a corpus, cached: their idf, and the words that have them."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._frequency = [corpus.gram_frequencies(i) for i in range(len(corpus.segments))]
        self._of_word = corpus.cache(self._grams, 2, _size_of_grams)

    def of(self, sought: Sequence[SoughtTerm]) -> Grams:
        """The n-grams of some words, each word once."""
        words = {each.text: each.weight for each in sought}
        found = [(gram, weight) for word, weight in words.items() for gram in self._of_word[word]]
        gain = np.array([gram.idf * weight for gram, weight in found], np.float32)
        return Grams(tuple(gram.spans for gram, _ in found), gain)

    def _grams(self, word: str) -> tuple[Gram, ...]:
        """The distinct n-grams of a word that occur in some article."""
        found = []
        for key in dict.fromkeys(ngrams.keys_of(word)):
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


def _size_of_grams(word: str, grams: tuple[Gram, ...]) -> int:
    spans = sum([len(gram.spans) for gram in grams])
    return 4 * len(word) + 176 * spans + 232 * len(grams) + TEXT + 64


class Matches:
    """The words of a query in some articles, by article and position.

    `unit`, `word`, `is_form` and `place` are parallel arrays of the words that match: a form of a
    word of the query (also a word that begins with it, where it is unfinished), or a synonym.
    `near_unit`, `near_place` and `near_row` are those of all words that share n-grams with the
    query; `has` is rows × n-grams, 1 where a word has an n-gram.
    """

    def __init__(
        self, corpus: Corpus, sought: Sequence[SoughtTerm], grams: Grams, docs: Docs
    ) -> None:
        """`docs` ascend; a unit is the place of an article among them."""
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
            whole = _Part(*map(np.concatenate, zip(_nothing(len(grams.gain)), *parts, strict=True)))
        self.near_unit, self.near_place, self.near_row = whole.unit, whole.place, whole.row
        self.has = whole.has
        self.title_end = whole.title_end  # per article, in the content of its segment
        self.own_end = whole.own_end  # where the files begin that the article links to
        code = whole.code[whole.row]
        found = code.nonzero()[0]
        code = code[found] - 1
        self.unit: NDArray[np.int64] = whole.unit[found]
        self.place: NDArray[np.int64] = whole.place[found]
        self.is_form: NDArray[np.bool_] = code >= len(sought)
        self.word: NDArray[np.int64] = code - len(sought) * self.is_form

    def _of(self, number: int, low: int, high: int, rows: int) -> "_Part":
        """The matches in the units `low` to `high`, which are of one segment."""
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
        own_end = starts + arrays["content.own"][local]
        return _Part(unit, place, row_of[at] + (rows - 1), title_end, own_end, code, has)

    def _rows(self, number: int, stream: Numbers) -> tuple[Numbers, Numbers, NDArray[np.uint8]]:
        """For each word of the stream its row or 0; and of each row the code and the n-grams.

        The code is 0 for a word that only shares n-grams, 1 + i for a synonym of word i of the
        query, 1 + words + i for a form of it.
        """
        segment, sought = self.corpus.segments[number], self.sought
        by_gram = segment.arrays["grams.words"]
        spans = [each[number] for each in self.grams.spans]
        lists = [by_gram[a:b] for a, b in spans]
        alike = sum(b - a for a, b in spans)
        synonyms = [i for i, each in enumerate(sought) if len(each.synonyms[number])]
        # A form of two words counts for the word with fewer forms: `н…` does not take `настройка`.
        forms = sorted(range(len(sought)), key=lambda i: -len(sought[i].forms[number]))
        lists += [sought[i].synonyms[number] for i in synonyms]
        lists += [sought[i].forms[number] for i in forms]
        words = np.concatenate(lists) if lists else np.empty(0, np.int32)
        table = segment.rows()
        table[words] = np.arange(1, len(words) + 1, dtype=np.int32)
        row_of = table[stream]
        row = table[words] - 1  # a word that occurs twice has one row all the same
        table[words] = 0
        code = np.zeros(len(words), np.int32)
        codes = [i + 1 for i in synonyms] + [len(sought) + i + 1 for i in forms]
        lengths = [len(each) for each in lists[len(spans) :]]
        code[row[alike:]] = np.repeat(np.array(codes, np.int32), lengths)
        has = np.zeros((len(words), len(spans)), np.uint8)
        column = np.repeat(np.arange(len(spans)), [b - a for a, b in spans])
        has[row[:alike], column] = 1
        return row_of, code, has

    def gathered(self, name: str, unit: NDArray[Any], place: NDArray[Any]) -> NDArray[np.int32]:
        """The values of the array `content.<name>` (token or line) at some positions."""
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
    """The matches in the articles of one segment; fields as in `Matches`."""

    unit: NDArray[Any]
    place: NDArray[Any]
    row: NDArray[Any]
    title_end: NDArray[Any]
    own_end: NDArray[Any]
    code: NDArray[Any]
    has: NDArray[Any]


def _nothing(grams: int) -> _Part:
    whole = np.empty(0, np.int64)
    return _Part(whole, whole, whole, whole, whole, whole, np.empty((0, grams), np.uint8))
