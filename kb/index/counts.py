"""Counts of a build: how many live articles of each audience hold each word, form and n-gram.

A light build has no postings to count, yet its readers are to get the statistics of the articles
that they may see, and no others. Averages of lengths stand in the segments.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.index import ngrams
from kb.index.arrays import Arrays, read_arrays, write_arrays
from kb.index.corpus import Corpus, LemmaIds, PrefixRanges
from kb.index.schema import FIELD_NAMES, Field
from kb.index.segment import Segment
from kb.language.spelling import Frequencies

COUNTS = "counts.kb"
_ANY = "any"  # a dictionary form in any field
_CHUNK = 1 << 20  # postings that are counted at once

Frequency = NDArray[np.int32]


def write_counts(draft: Path, corpus: Corpus) -> None:
    """Writes the counts of a corpus of all articles into the folder of its build."""
    arrays: dict[str, NDArray[Any]] = {}
    for number, segment in enumerate(corpus.segments):
        base = corpus.bases[number]
        live = corpus.live[base : base + segment.size]
        label = np.where(live, corpus.audience[base : base + segment.size], -1)
        count = _Counter(segment, label, len(corpus.audiences))
        arrays[f"{number}.{_ANY}"] = count.holders("field.text")
        for name in FIELD_NAMES:
            found = count.holders(f"field.{name}", with_empty=False)
            if found.any():
                arrays[f"{number}.{name}"] = found
        both = (count.holders(f"surface.{name}") for name in ("text", "attached"))
        arrays[f"{number}.words"] = sum(both, np.zeros((1, 1), np.int32))
        arrays[f"{number}.grams"] = count.grams(corpus.gram_frequencies(number), corpus.audiences)
    write_arrays(draft / COUNTS, arrays)


class _Counter:
    """Counts the articles of one segment by audience; those of label -1 are left out."""

    def __init__(self, segment: Segment, label: NDArray[Any], labels: int) -> None:
        self._segment, self._label, self._labels = segment, label.astype(np.int64), labels

    def holders(self, field: str, with_empty: bool = True) -> Frequency:
        """How many articles of each audience hold each term; or hold it at least once."""
        arrays = self._segment.arrays
        ptr, docs = arrays[f"{field}.ptr"], arrays[f"{field}.docs"]
        terms = len(ptr) - 1
        found = np.zeros((self._labels, max(terms, 1)), np.int32)
        low = 0
        while low < terms:
            high = max(int(np.searchsorted(ptr, ptr[low] + _CHUNK, "right")) - 1, low + 1)
            a, b = int(ptr[low]), int(ptr[high])
            owner = np.repeat(np.arange(high - low), np.diff(ptr[low : high + 1]))
            label = self._label[docs[a:b]]
            kept = label >= 0
            if not with_empty:
                kept &= arrays[f"{field}.tf"][a:b] > 0
            cells = label[kept] * (high - low) + owner[kept]
            counts = np.bincount(cells, minlength=self._labels * (high - low))
            found[:, low:high] = counts.reshape(self._labels, high - low)
            low = high
        return found[:, :terms]

    def grams(self, live: Frequency, labels: Sequence[str]) -> Frequency:
        """In how many articles of each audience each n-gram stands; `live` are those of all."""
        segment = self._segment
        found = np.zeros((self._labels, len(live)), np.int32)
        public = labels.index("") if "" in labels else -1
        for number in range(self._labels):
            if number != public:
                for doc in np.flatnonzero(self._label == number).tolist():
                    row = found[number]
                    row[ngrams.places_of_article(segment.words, segment.arrays, doc)] += 1
        if public >= 0:
            found[public] = live - found.sum(axis=0)
        return found


class Counts:
    """The counts of an opened build, of the articles for some audiences or all."""

    def __init__(self, arrays: Arrays, visible: NDArray[np.bool_] | None = None) -> None:
        """`visible` says for each label of the corpus whether its articles count."""
        self._arrays, self._visible = arrays, visible
        self._known: dict[str, Frequency | None] = {}

    def narrowed(self, visible: NDArray[np.bool_]) -> "Counts":
        """The counts of the articles with these labels alone."""
        return Counts(self._arrays, visible)

    def of(self, number: int, name: str) -> Frequency | None:
        """Those of a segment, by term; None where no article holds any."""
        key = f"{number}.{name}"
        if key not in self._known:
            rows = self._arrays.get(key)
            if rows is not None:
                chosen = rows if self._visible is None else rows[self._visible]
                rows = chosen[0] if len(chosen) == 1 else chosen.sum(axis=0, dtype=np.int32)
            self._known[key] = rows
        return self._known[key]


class LightCorpus(Corpus):
    """The corpus of a light build: articles, words and statistics, but no postings.

    What needs postings (`impact`, `holding`, phrases) is a matter of the cluster.
    """

    def __init__(
        self, segments: Sequence[Segment], deleted: Sequence[NDArray[np.int32]], counts: Counts
    ) -> None:
        self._counts = counts
        super().__init__(segments, deleted)

    def without(self, hidden: NDArray[np.bool_], scores: object = None) -> "LightCorpus":
        """See `Corpus.without`; `hidden` are all articles with some labels."""
        visible = np.zeros(len(self.audiences), bool)
        visible[np.unique(self.audience[self.live & ~hidden])] = True
        return LightCorpus(self.segments, self._gone_with(hidden), self._counts.narrowed(visible))

    def frequency(self, lemma_ids: LemmaIds) -> int:
        """See `Corpus.frequency`."""
        return self._held_in(_ANY, lemma_ids)

    def frequency_in(self, field: Field, lemma_ids: LemmaIds) -> int:
        """How many live articles hold a dictionary form in a field."""
        return self._held_in(field.name, lemma_ids)

    def _held_in(self, name: str, lemma_ids: LemmaIds) -> int:
        found = ((self._counts.of(number, name), lemma) for number, lemma in lemma_ids)
        return sum(int(counts[lemma]) for counts, lemma in found if counts is not None)

    def most_holding(self, prefix_ranges: PrefixRanges) -> int:
        """How many live articles hold one of these words, at most."""
        held = (
            int(self._words(number)[low:high].sum())
            for number, (low, high) in enumerate(prefix_ranges)
        )
        return min(sum(held), self.count)

    def frequencies(self, number: int) -> Frequencies:
        """See `Corpus.frequencies`."""
        return self._words(number)

    def gram_frequencies(self, number: int) -> Frequency:
        """See `Corpus.gram_frequencies`."""
        counts = self._counts.of(number, "grams")
        return np.zeros(0, np.int32) if counts is None else counts

    def _words(self, number: int) -> Frequency:
        counts = self._counts.of(number, "words")
        return np.zeros(len(self.segments[number].words), np.int32) if counts is None else counts

    def _is_held(self, number: int, low: int, high: int) -> bool:
        return bool(self._words(number)[low:high].any())

    def _held(self, number: int, low: int, high: int) -> NDArray[np.intp]:
        return low + np.flatnonzero(self._words(number)[low:high])


def read_counts(folder: Path) -> Counts:
    """The counts of a build. Raises IndexDamaged if it has none."""
    return Counts(read_arrays(folder / COUNTS))
