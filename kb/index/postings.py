"""Postings: which article holds which term of a field, and how often."""

import pickle
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.index import array_tools, ngrams, spool
from kb.index.document import Kind
from kb.index.schema import FIELD_NAMES, LEAD, SURFACE_FIELDS
from kb.language.vocabulary import Vocabulary

FIELD_KINDS: dict[str, tuple[Kind, ...]] = {
    "title": (Kind.TITLE,),
    "answers": (Kind.ANSWERS,),
    "learned": (Kind.LEARNED,),
    "headings": (Kind.HEADING,),
    "tags": (Kind.TAGS,),
    "lead": (Kind.HEADING, Kind.BODY, Kind.CLOSING),
    "attached": (Kind.ATTACHED,),
    "text": tuple(kind for kind in Kind if kind != Kind.ATTACHED),
}
Ids = NDArray[Any]
MOST_COUNTED = 0xFFFF  # times that a term counts in an article
_AT_ONCE = 1 << 22  # postings that are added up at once
Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # terms, articles, counts


class Run(NamedTuple):
    """Postings of some articles that follow one another: only the terms that they hold."""

    terms: NDArray[np.int32]
    sizes: NDArray[np.int32]  # postings of each term
    docs: NDArray[np.int32]
    counts: NDArray[np.uint16]

    @classmethod
    def of(cls, pairs: Pairs, first: int) -> "Run":
        """The postings of sorted pairs; their articles are numbered from `first`."""
        term, doc, counts = pairs
        starts = array_tools.run_starts(term)
        sizes = np.diff(starts, append=len(term))
        return cls(
            term[starts].astype(np.int32), sizes.astype(np.int32),
            (doc + first).astype(np.int32), np.minimum(counts, MOST_COUNTED).astype(np.uint16),
        )  # fmt: skip


class Runs:
    """Runs of a field in order, each of later articles than those before it; on disk if long."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is as that of a spool."""
        self._spool, self._places = spool.Spool(folder), list[spool.Place]()

    def add(self, run: Run) -> None:
        """Adds the next one."""
        self._places.append(self._spool.add(pickle.dumps(run)))

    def __iter__(self) -> Iterator[Run]:
        """Reads them one after another."""
        for place in self._places:
            yield pickle.loads(self._spool.read(place))  # noqa: S301 - our own


@dataclass(frozen=True, slots=True)
class Postings:
    """A field: term i stands in `docs[ptr[i]:ptr[i + 1]]`, ascending, each as often as `counts`."""

    terms: Vocabulary
    ptr: NDArray[np.int64]
    docs: NDArray[np.int32]
    counts: NDArray[np.uint16]
    size: int  # articles

    @classmethod
    def of(
        cls, terms: Vocabulary, ids: Ids, docs: Ids, size: int, times: Ids | None = None
    ) -> "Postings":
        """The postings of pairs of term and article in any order; each counts 1, or its `times`."""
        return cls.merged(terms, [Run.of(pairs(ids, docs, size, times), 0)], size)

    @classmethod
    def merged(
        cls, terms: Vocabulary, runs: Iterable[Run], size: int, folder: Path | None = None
    ) -> "Postings":
        """The postings of runs, each of later articles than those before it, which are read twice.

        `folder` is where long arrays lie, as those of a spool.
        """
        total = np.zeros(len(terms), np.int64)
        for run in runs:
            total[run.terms] += run.sizes
        ptr = array_tools.offsets(total)
        length = int(ptr[-1])
        docs = spool.empty(length, np.int32, folder)
        counts = spool.empty(length, np.uint16, folder)
        free = ptr[:-1].copy()  # the next place of each term
        for run in runs:
            places, _ = array_tools.ranges(free[run.terms], free[run.terms] + run.sizes)
            docs[places], counts[places] = run.docs, run.counts
            free[run.terms] += run.sizes
        return cls(terms, ptr, docs, counts, size)

    def joined(self, other: "Postings") -> "Postings":
        """These postings, and where only `other` holds a term a posting that counts 0."""
        if not len(other.docs):
            return self
        ids = [np.repeat(np.arange(len(self.terms)), np.diff(each.ptr)) for each in (self, other)]
        return Postings.of(
            self.terms, np.concatenate(ids), np.concatenate((self.docs, other.docs)), self.size,
            np.concatenate((self.counts, np.zeros_like(other.counts))),
        )  # fmt: skip

    def lengths(self) -> NDArray[np.int32]:
        """The number of terms of each article in the field."""
        total = np.zeros(self.size)
        for start in range(0, len(self.docs), _AT_ONCE):  # in 64 bits, twice as long as postings
            some = slice(start, start + _AT_ONCE)
            total += np.bincount(self.docs[some], self.counts[some], self.size)
        return total.astype(np.int32)


def pairs(ids: Ids, docs: Ids, size: int, times: Ids | None = None) -> Pairs:
    """The distinct pairs of term and article, sorted, and how often each is there.

    `size` is the number of articles; a pair counts 1, or its `times`.
    """
    key = ids.astype(np.int64) * max(size, 1) + docs
    if times is None:
        key.sort()
    else:
        order = np.argsort(key)
        key, times = key[order], times[order]
    first = array_tools.run_starts(key)
    if times is None:
        counts = np.diff(first, append=len(key))
    else:
        counts = np.add.reduceat(times, first) if len(first) else np.empty(0, np.int64)
    term, doc = np.divmod(key[first], max(size, 1))
    return term, doc, counts


def counted(arrays: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, Pairs]]:
    """The postings of articles by field: `field.*` of dictionary forms, `surface.*` of words.

    `arrays` are those of their words and regions, and of the dictionary forms of each word.
    """
    stream, ptr = arrays["tokens.words"], arrays["word_lemmas.ptr"]
    size = len(arrays["tokens.ptr"]) - 1
    docs = np.repeat(np.arange(size, dtype=np.int64), np.diff(arrays["tokens.ptr"]))
    kinds = ngrams.region_kinds(arrays)
    for name in FIELD_NAMES:
        is_of_field = np.zeros(len(Kind), bool)
        is_of_field[[*FIELD_KINDS[name]]] = True
        at = np.flatnonzero(is_of_field[kinds])
        if name == "lead":
            first = np.searchsorted(docs[at], np.arange(size))
            at = at[np.arange(len(at)) - first[docs[at]] < LEAD]
        if not len(at):
            continue
        word, doc, counts = found = pairs(stream[at], docs[at], size)
        if name in SURFACE_FIELDS:
            yield f"surface.{name}", found
        steps, forms = array_tools.ranges(ptr[word], ptr[word + 1])
        ids = arrays["word_lemmas.ids"][steps]
        of_forms = pairs(ids, np.repeat(doc, forms), size, np.repeat(counts, forms))
        yield f"field.{name}", of_forms
