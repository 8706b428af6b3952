"""Scores of a build without Whoosh's per-posting Python: BM25 over its own postings as arrays.

Answers for one word at a time; what a query is and how words add up is `ranking`'s business.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from math import log
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from kb import text
from kb.schema import FIELDS, K1, Field
from kb.segment import DRAFT, SURFACE_FIELDS, UNLISTED, Segment
from kb.text import Meaning

Docs = NDArray[np.int32]  # numbers of articles in the corpus, ascending
Scores = NDArray[np.float32]
Postings = tuple[Docs, Scores]
Beginning = tuple[tuple[int, int], ...]  # for each segment, from and to of words that begin alike
Places = tuple[tuple[int, int], ...]  # segments, and the number of a dictionary form in each
T = TypeVar("T")

_CACHED_WORDS = 1 << 15  # whose meaning is remembered
_TEXT = next(field for field in FIELDS if field.name == "text")
# Fields of words as written; the first holds every word of the others.
SURFACE = (
    _TEXT,
    *(field for field in FIELDS if field.name in SURFACE_FIELDS and field.name != _TEXT.name),
)
NOTHING: Postings = (np.empty(0, np.int32), np.empty(0, np.float32))


class Corpus:
    """The segments of a build as one numbered set of articles.

    Statistics (number of articles, document frequency, average length) count live articles only, so
    a build of a base and deltas scores as one fresh build of the same articles would.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        dead: Sequence[NDArray[np.int32]],
        scores: Sequence[Scores] | None = None,
    ) -> None:
        """`dead[i]` are the articles of `segments[i]` that were replaced later or are gone.

        `scores` are what `work_out` made of the same segments; without them that is done here.
        """
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
        self._served: tuple[int, NDArray[np.bool_]] = (-1, self.live)
        self.scores = work_out(self) if scores is None else tuple(scores)
        self.meaning = lru_cache(_CACHED_WORDS)(self._meaning)
        self.places = lru_cache(_CACHED_WORDS)(self._places)

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
            found[self.impact(self.places(lemma))[0]] = True
        return found

    def holding_phrase(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Which articles hold these surface words side by side, in this order."""
        found = np.zeros(self.size, bool)
        for segment, base in zip(self.segments, self.bases, strict=False):
            found[base + segment.docs_with_phrase(words)] = True
        return found & self.live

    # ------------------------------------------------------------ words

    def _meaning(self, word: str) -> Meaning:
        """A folded word as it was indexed, or worked out if it never was."""
        for segment in self.segments:
            at = segment.words.find(word)
            if at >= 0:
                view = segment.view
                ptr = view["word_lemmas.ptr"]
                numbers = view["word_lemmas.ids"][ptr[at] : ptr[at + 1]]
                return Meaning(
                    tuple(map(segment.lemmas.__getitem__, numbers)), view["words.weight"][at]
                )
        return text.meaning(word)

    def _places(self, lemma: str) -> Places:
        """Where a dictionary form stands: pairs of segment and its number there."""
        found = [(i, segment.lemmas.find(lemma)) for i, segment in enumerate(self.segments)]
        return tuple([(i, number) for i, number in found if number >= 0])

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
            arrays, ptr = self.segments[i].arrays, self.segments[i].view[f"{kind}.{field}.ptr"]
            a, b = ptr[low], ptr[high]
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
        return log(max(self.count, 1) / (frequency + 1)) + 1

    def impact(self, places: Places) -> Postings:
        """All fields' weighted BM25 of a dictionary form, added up per article."""
        found: list[Postings] = []
        for i, number in places:
            ptr = self.segments[i].view["field.text.ptr"]
            low, high = ptr[number], ptr[number + 1]
            docs = self.segments[i].arrays["field.text.docs"][low:high]
            scores = self.scores[i][low:high]
            if self._has_dead[i]:
                alive = np.flatnonzero(scores)
                docs, scores = docs[alive], scores[alive]
            if self.bases[i]:
                docs = docs + np.int32(self.bases[i])
            found.append((docs, scores))
        if not found:
            return NOTHING
        if len(found) == 1:
            return found[0]
        return np.concatenate([each[0] for each in found]), np.concatenate(
            [each[1] for each in found]
        )

    def frequency(self, places: Places) -> int:
        """How many articles hold a dictionary form."""
        found = 0
        for i, number in places:
            ptr = self.segments[i].view["field.text.ptr"]
            low, high = ptr[number], ptr[number + 1]
            if self._has_dead[i]:
                found += int(np.count_nonzero(self.scores[i][low:high]))
            else:
                found += high - low
        return found

    def prefix_impact(self, beginning: Beginning) -> Postings:
        """As `impact`, of all surface words of a beginning, counted as one word."""
        ranges = [(i, low, high) for i, (low, high) in enumerate(beginning) if high > low]
        docs, total = self.bm25(_TEXT, ranges, surface=True)
        if len(docs):
            total *= np.float32(_TEXT.weight)
        for field in SURFACE[1:]:
            found, scores = self.bm25(field, ranges, surface=True)
            if len(found):  # whatever a field holds, the whole text does
                total[docs.searchsorted(found)] += np.float32(field.weight) * scores
        return docs, total

    def beginning(self, start: str) -> Beginning:
        """For each segment from and to of the words that begin so."""
        return tuple([segment.words.prefix(start) for segment in self.segments])

    def goes_on(self, beginning: Beginning, places: Places) -> bool:
        """Whether another word than the forms of these is among the words of a beginning."""
        for number, (segment, (low, high)) in enumerate(
            zip(self.segments, beginning, strict=False)
        ):
            own = {at for i, at in places if i == number}
            if high - low > sum([len(segment.lemma_words(at)) for at in own]):
                return True
            ptr = segment.view["word_lemmas.ptr"]
            if not own.issuperset(segment.view["word_lemmas.ids"][ptr[low] : ptr[high]]):
                return True
        return False

    def field_scores(self, word: str, doc: int, prefix: bool = False) -> list[tuple[str, float]]:
        """What each field adds to an article's score for a dictionary form or a beginning."""
        if prefix:
            ranges = self.word_ranges(word, prefix=True)
        else:
            ranges = [(i, number, number + 1) for i, number in self.places(word)]
        found = []
        for field in FIELDS:
            if prefix and field.name not in SURFACE_FIELDS:
                continue
            docs, scores = self.bm25(field, ranges, prefix)
            at = int(np.searchsorted(docs, doc))
            if at < len(docs) and docs[at] == doc:
                found.append((field.name, field.weight * float(scores[at])))
        return found

    def forms(self, places: Places, beginning: Beginning = ()) -> tuple[NDArray[np.int32], ...]:
        """For each segment, the words with one of these dictionary forms, or of a beginning."""
        return tuple(
            [
                _forms(
                    segment,
                    [number for at, number in places if at == i],
                    beginning[i] if beginning else None,
                )
                for i, segment in enumerate(self.segments)
            ]
        )


def work_out(corpus: Corpus) -> tuple[Scores, ...]:
    """What `Corpus.impact` is made of: a score for each posting of the field `text`, per segment.

    The field holds every word of every other field. Articles that count no more score 0.
    """
    names = _numbered(corpus)
    known = max((int(each.max(initial=-1)) for each in names), default=-1) + 1
    scores = [
        np.zeros(len(segment.arrays["field.text.docs"]), np.float32) for segment in corpus.segments
    ]
    for field in FIELDS:
        frequency = np.zeros(known, np.int64)
        for number, name in zip(range(len(scores)), names, strict=True):
            frequency[name] += _live_df(corpus, number, field.name)
        idf = (np.log(max(corpus.count, 1) / (frequency + 1)) + 1) * (field.weight * (K1 + 1))
        for number, name in zip(range(len(scores)), names, strict=True):
            arrays, base = corpus.segments[number].arrays, corpus.bases[number]
            docs, tf = (arrays[f"field.{field.name}.{kind}"] for kind in ("docs", "tf"))
            norms = corpus.norms[field.name][base : base + corpus.segments[number].size]
            worth = np.repeat(
                idf[name].astype(np.float32), np.diff(arrays[f"field.{field.name}.ptr"])
            )
            worth *= tf / (tf + norms[docs])
            if field.name == "text":
                scores[number] += worth
            else:
                scores[number][arrays[f"field.{field.name}.at"]] += worth
    for number, (segment, base) in enumerate(zip(corpus.segments, corpus.bases, strict=False)):
        alive = corpus.live[base : base + segment.size]
        if not alive.all():
            scores[number] *= alive[segment.arrays["field.text.docs"]]
    return tuple(scores)


def _numbered(corpus: Corpus) -> list[NDArray[np.int64]]:
    """The dictionary forms of each segment, numbered through the corpus."""
    found: list[NDArray[np.int64]] = []
    more: dict[str, int] = {}
    first = corpus.segments[0].lemmas if corpus.segments else []
    for number, segment in enumerate(corpus.segments):
        if not number:
            found.append(np.arange(len(first)))
            continue
        places = [corpus.segments[0].lemmas.find(lemma) for lemma in segment.lemmas]
        for i, place in enumerate(places):
            if place < 0:
                places[i] = more.setdefault(segment.lemmas[i], len(first) + len(more))
        found.append(np.array(places, np.int64))
    return found


def _live_df(corpus: Corpus, number: int, field: str) -> NDArray[np.int64]:
    """In how many live articles of a segment each of its dictionary forms stands in a field."""
    arrays, base = corpus.segments[number].arrays, corpus.bases[number]
    counts: NDArray[np.int64] = np.diff(arrays[f"field.{field}.ptr"])
    alive = corpus.live[base : base + corpus.segments[number].size]
    if alive.all():
        return counts
    owners = np.repeat(np.arange(len(counts)), counts)
    return np.bincount(owners[alive[arrays[f"field.{field}.docs"]]], minlength=len(counts)).astype(
        np.int64
    )


def _forms(
    segment: Segment, lemmas: Sequence[int], beginning: tuple[int, int] | None
) -> NDArray[np.int32]:
    found = [segment.lemma_words(at) for at in lemmas]
    if beginning:
        found.append(np.arange(*beginning, dtype=np.int32))
    if len(found) == 1:
        return found[0]
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
