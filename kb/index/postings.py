"""Postings: which article holds which term of a field, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.index import array_tools, ngrams
from kb.index.document import Kind
from kb.index.schema import FIELD_NAMES, LEAD, SURFACE
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


@dataclass(frozen=True, slots=True)
class Postings:
    """A field: term i stands in `docs[ptr[i]:ptr[i + 1]]`, ascending, each as often as `counts`."""

    terms: Vocabulary
    ptr: NDArray[np.int64]
    docs: NDArray[np.int32]
    counts: NDArray[np.int64]
    size: int  # articles

    @classmethod
    def of(
        cls, terms: Vocabulary, ids: Ids, docs: Ids, size: int, times: Ids | None = None
    ) -> "Postings":
        """The postings of pairs of term and article in any order; each counts 1, or its `times`."""
        key = ids.astype(np.int64) * max(size, 1) + docs
        if times is None:
            key.sort()
        else:
            order = np.argsort(key, kind="stable")
            key, times = key[order], times[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        if times is None:
            counts = np.diff(first, append=len(key))
        else:
            counts = np.add.reduceat(times, first) if len(first) else np.empty(0, np.int64)
        term, doc = np.divmod(key[first], max(size, 1))
        ptr = array_tools.offsets(np.bincount(term, minlength=len(terms)))
        return cls(terms, ptr, doc.astype(np.int32), counts, size)

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
        return np.bincount(self.docs, weights=self.counts, minlength=self.size).astype(np.int32)


def counted(
    words: Vocabulary, lemmas: Vocabulary, arrays: Mapping[str, NDArray[Any]]
) -> dict[str, Postings]:
    """The postings of every field of dictionary forms, and of the words as written."""
    stream, ptr = arrays["tokens.words"], arrays["word_lemmas.ptr"]
    size = len(arrays["tokens.ptr"]) - 1
    docs = np.repeat(np.arange(size, dtype=np.int64), np.diff(arrays["tokens.ptr"]))
    kinds = ngrams.region_kinds(arrays)
    own = np.flatnonzero(kinds != Kind.ATTACHED)
    found = {SURFACE: Postings.of(words, stream[own], docs[own], size)}
    for name in FIELD_NAMES:
        at = np.flatnonzero(np.isin(kinds, FIELD_KINDS[name]))
        if name == "lead":
            first = np.searchsorted(docs[at], np.arange(size))
            at = at[np.arange(len(at)) - first[docs[at]] < LEAD]
        each = Postings.of(words, stream[at], docs[at], size)
        word = np.repeat(np.arange(len(words)), np.diff(each.ptr))
        steps, forms = array_tools.ranges(ptr[word], ptr[word + 1])
        ids = arrays["word_lemmas.ids"][steps]
        found[name] = Postings.of(
            lemmas, ids, np.repeat(each.docs, forms), size, np.repeat(each.counts, forms)
        )
    return found
