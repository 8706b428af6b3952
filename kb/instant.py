"""Scores of a build without Whoosh's per-posting Python: BM25 over its own postings as arrays.

Answers for one word at a time; what a query is and how words add up is `ranking`'s business.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import date
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from kb.schema import FIELDS, K1, Field
from kb.segment import DRAFT, SURFACE_FIELDS, UNLISTED, Segment

Docs = NDArray[np.int32]  # numbers of articles in the corpus, ascending
Scores = NDArray[np.float32]
Postings = tuple[Docs, Scores]
T = TypeVar("T")

_CACHED_FORMS = 500_000  # words in all cached lists together
_CACHED_POSTINGS = 2_000_000  # in all cached lists together: 8 bytes each
NOTHING: Postings = (np.empty(0, np.int32), np.empty(0, np.float32))


class Corpus:
    """The segments of a build as one numbered set of articles.

    Statistics (number of articles, document frequency, average length) count live articles only, so
    a build of a base and deltas scores as one fresh build of the same articles would.
    """

    def __init__(self, segments: Sequence[Segment], dead: Sequence[NDArray[np.int32]]) -> None:
        """`dead[i]` are the articles of `segments[i]` that were replaced later or are gone."""
        self.segments = tuple(segments)
        self.bases = [0]
        for segment in segments:
            self.bases.append(self.bases[-1] + segment.size)
        self.size = self.bases[-1]
        self.live = np.ones(self.size, bool)
        for base, gone in zip(self.bases, dead, strict=False):
            self.live[base + gone] = False
        self._has_dead = [len(gone) > 0 for gone in dead]
        self.count = int(np.count_nonzero(self.live))
        self.norms = {field.name: self._norm(field) for field in FIELDS}
        self.langs, self.lang = self._labelled("lang", "langs")
        self.categories, self.category = self._labelled("category", "categories")
        self.flags = self._all("flags")
        self.boost = self._all("boost")
        self.updated = self._all("updated")
        self._publish, self._expires = self._all("publish"), self._all("expires")
        self.boosted = bool(np.any(self.boost != 1.0))
        self._served: tuple[int, NDArray[np.bool_]] = (-1, self.live)
        self._forms: Recent[tuple[NDArray[np.int32], ...]] = Recent(
            lambda value: sum(map(len, value)) + 32, _CACHED_FORMS
        )
        self._impacts: Recent[Postings] = Recent(lambda value: len(value[0]) + 32, _CACHED_POSTINGS)

    def _all(self, name: str) -> NDArray[Any]:
        parts = [segment.arrays[name] for segment in self.segments]
        return np.concatenate(parts) if parts else np.empty(0, np.int32)

    def _norm(self, field: Field) -> Scores:
        """The part of BM25's denominator that a field's length makes, per article."""
        lengths = self._all(f"length.{field.name}").astype(np.float64)
        total = float(self._all(f"total.{field.name}")[self.live].sum()) if self.size else 0.0
        average = total / self.count if total else 1.0
        return (K1 * ((1 - field.b) + field.b * lengths / average)).astype(np.float32)

    def _labelled(self, codes: str, labels: str) -> tuple[list[str], NDArray[np.int32]]:
        names: dict[str, int] = {}
        parts = []
        for segment in self.segments:
            mapped = [names.setdefault(name, len(names)) for name in segment.labels[labels]]
            parts.append(np.array(mapped, np.int32)[segment.arrays[codes]])
        return list(names), np.concatenate(parts) if parts else np.empty(0, np.int32)

    # ------------------------------------------------------------ articles

    def locate(self, doc: int) -> tuple[Segment, int]:
        """The segment of an article and its number there."""
        _, segment, number = self.place(doc)
        return segment, number

    def place(self, doc: int) -> tuple[int, Segment, int]:
        """Number of the segment of an article, the segment, and the article's number there."""
        number = bisect_right(self.bases, doc) - 1
        return number, self.segments[number], doc - self.bases[number]

    def served(self, today: date) -> NDArray[np.bool_]:
        """Which articles search may show today: live, published, neither draft nor unlisted."""
        day = today.toordinal()
        known, mask = self._served
        if known != day:
            mask = self.readable(today) & ((self.flags & UNLISTED) == 0)
            self._served = (day, mask)
        return mask

    def readable(self, today: date) -> NDArray[np.bool_]:
        """Which articles have a page today: as `served`, and unlisted ones."""
        day = today.toordinal()
        mask: NDArray[np.bool_] = self.live & (self.flags & DRAFT == 0)
        return mask & (self._publish <= day) & (self._expires > day)

    # ------------------------------------------------------------ sets of articles

    def is_labelled(
        self, names: Sequence[str], codes: NDArray[np.int32], name: str
    ) -> NDArray[np.bool_]:
        """Which articles have a language or category."""
        if name not in names:
            return np.zeros(self.size, bool)
        return np.equal(codes, names.index(name))

    def tagged(self, tag: str) -> NDArray[np.bool_]:
        """Which articles have a tag."""
        found = np.zeros(self.size, bool)
        for segment, base in zip(self.segments, self.bases, strict=False):
            if tag in segment.labels["tags"]:
                ids, owners = segment.tags()
                found[base + owners[ids == segment.labels["tags"].index(tag)]] = True
        return found

    def tag_counts(self, chosen: NDArray[np.bool_]) -> tuple[list[str], NDArray[np.int_]]:
        """All tags, and how many of the chosen articles have each."""
        names: dict[str, int] = {}
        for segment, base in zip(self.segments, self.bases, strict=False):
            ids, owners = segment.tags()
            counts = np.bincount(ids[chosen[base + owners]], minlength=len(segment.labels["tags"]))
            for name, count in zip(segment.labels["tags"], counts.tolist(), strict=True):
                names[name] = names.get(name, 0) + count
        return list(names), np.array(list(names.values()), np.int_)

    def holding(self, lemmas: Sequence[str]) -> NDArray[np.bool_]:
        """Which articles hold some form of a word."""
        found = np.zeros(self.size, bool)
        for lemma in lemmas:
            found[self.impact(lemma)[0]] = True
        return found

    def holding_phrase(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Which articles hold these surface words side by side, in this order."""
        found = np.zeros(self.size, bool)
        for segment, base in zip(self.segments, self.bases, strict=False):
            found[base + segment.docs_with_phrase(words)] = True
        return found & self.live

    # ------------------------------------------------------------ words

    def term(self, lemma: str) -> list[tuple[int, int]]:
        """Where a dictionary form stands: pairs of segment and its number there."""
        found = ((i, segment.lemmas.find(lemma)) for i, segment in enumerate(self.segments))
        return [(i, number) for i, number in found if number >= 0]

    def word_ranges(self, word: str, prefix: bool) -> list[tuple[int, int, int]]:
        """Where a surface word, or all words that begin with it, stand: segment, from, to."""
        found = []
        for i, segment in enumerate(self.segments):
            if prefix:
                low, high = segment.words.prefix(word)
            else:
                low = segment.words.find(word)
                high = low + 1 if low >= 0 else low
            if high > low:
                found.append((i, low, high))
        return found

    def postings(
        self, field: str, ranges: Sequence[tuple[int, int, int]], surface: bool
    ) -> Postings:
        """Articles with a term of the ranges in a field, and how often (as a float).

        A range is segment, first and last-but-one term; several terms of a range count as one.
        """
        kind = "surface" if surface else "field"
        all_docs, all_tf = [], []
        for i, low, high in ranges:
            arrays = self.segments[i].arrays
            ptr = arrays[f"{kind}.{field}.ptr"]
            a, b = int(ptr[low]), int(ptr[high])
            if a == b:
                continue
            docs, tf = arrays[f"{kind}.{field}.docs"][a:b], arrays[f"{kind}.{field}.tf"][a:b]
            if high - low > 1:
                sums = np.bincount(docs, weights=tf, minlength=1)
                docs = np.flatnonzero(sums).astype(np.int32)
                tf = sums[docs]
            if self.bases[i]:
                docs = docs + np.int32(self.bases[i])
            if self._has_dead[i]:
                alive = self.live[docs]
                docs, tf = docs[alive], tf[alive]
            all_docs.append(docs)
            all_tf.append(tf.astype(np.float32))
        if len(all_docs) == 1:
            return all_docs[0], all_tf[0]
        return (np.concatenate(all_docs), np.concatenate(all_tf)) if all_docs else NOTHING

    def bm25(
        self, field: Field, ranges: Sequence[tuple[int, int, int]], surface: bool = False
    ) -> Postings:
        """BM25 of one term in one field, as `whoosh.scoring.BM25F` scores it, unweighted."""
        docs, tf = self.postings(field.name, ranges, surface)
        if not len(docs):
            return NOTHING
        scale = np.float32(self.idf(len(docs)) * (K1 + 1))
        return docs, scale * tf / (tf + self.norms[field.name][docs])

    def idf(self, frequency: int) -> float:
        """Whoosh's inverse document frequency: log(N / (df + 1)) + 1."""
        return float(np.log(max(self.count, 1) / (frequency + 1)) + 1)

    def impact(self, lemma: str) -> Postings:
        """All fields' weighted BM25 of a dictionary form, added up per article."""
        return self._cached(("=", lemma), lambda: self._impact(lemma))

    def _impact(self, lemma: str) -> Postings:
        ranges = [(i, number, number + 1) for i, number in self.term(lemma)]
        return self._sum([(field, ranges, False) for field in FIELDS]) if ranges else NOTHING

    def prefix_impact(self, start: str) -> Postings:
        """As `impact`, of all surface words that begin with `start`, counted as one word."""
        return self._cached(("*", start), lambda: self._prefix_impact(start))

    def _prefix_impact(self, start: str) -> Postings:
        ranges = self.word_ranges(start, prefix=True)
        fields = [field for field in FIELDS if field.name in SURFACE_FIELDS]
        return self._sum([(field, ranges, True) for field in fields]) if ranges else NOTHING

    def _sum(self, lists: Sequence[tuple[Field, list[tuple[int, int, int]], bool]]) -> Postings:
        """Adds the fields up; the field `text` holds every article that any field holds."""
        *parts, (whole, ranges, surface) = sorted(lists, key=lambda part: part[0].name == "text")
        docs, total = self.bm25(whole, ranges, surface)
        total = total * np.float32(whole.weight)
        for field, ranges, surface in parts:
            found, scores = self.bm25(field, ranges, surface)
            if len(found):
                total[np.searchsorted(docs, found)] += np.float32(field.weight) * scores
        return docs, total

    def field_scores(self, word: str, doc: int, prefix: bool = False) -> list[tuple[str, float]]:
        """What each field adds to an article's score for a dictionary form or a beginning."""
        if prefix:
            ranges = self.word_ranges(word, prefix=True)
        else:
            ranges = [(i, number, number + 1) for i, number in self.term(word)]
        found = []
        for field in FIELDS:
            if prefix and field.name not in SURFACE_FIELDS:
                continue
            docs, scores = self.bm25(field, ranges, prefix)
            at = int(np.searchsorted(docs, doc))
            if at < len(docs) and docs[at] == doc:
                found.append((field.name, field.weight * float(scores[at])))
        return found

    def forms(self, lemmas: Sequence[str], start: str = "") -> tuple[NDArray[np.int32], ...]:
        """For each segment, the words with one of these dictionary forms, or that begin so."""
        key = (start, "\0".join(lemmas))
        found = self._forms.get(key)
        if found is None:
            found = tuple(_forms(segment, lemmas, start) for segment in self.segments)
            self._forms.put(key, found)
        return found

    def _cached(self, key: tuple[str, str], make: Callable[[], Postings]) -> Postings:
        found = self._impacts.get(key)
        if found is None:
            found = make()
            self._impacts.put(key, found)
        return found


def _forms(segment: Segment, lemmas: Sequence[str], start: str) -> NDArray[np.int32]:
    found = [segment.lemma_words(at) for at in map(segment.lemmas.find, lemmas) if at >= 0]
    if start:
        found.append(np.arange(*segment.words.prefix(start), dtype=np.int32))
    return np.concatenate(found) if found else np.empty(0, np.int32)


class Recent(Generic[T]):
    """Values by key, the longest unused dropped first once they are too large together."""

    def __init__(self, size: Callable[[T], int], most: int) -> None:
        self._size, self._most, self._total = size, most, 0
        self._values: OrderedDict[tuple[str, str], T] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, str]) -> T | None:
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            return found

    def put(self, key: tuple[str, str], value: T) -> None:
        size = self._size(value)
        with self._lock:
            if key in self._values or size > self._most // 4:
                return
            self._total += size
            self._values[key] = value
            while self._total > self._most:
                self._total -= self._size(self._values.popitem(last=False)[1])
