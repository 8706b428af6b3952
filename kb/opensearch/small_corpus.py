"""A few articles of a build as a corpus in memory, with the statistics of the whole build.

Made of blobs for one query. Scores, confidence and excerpts of its articles are those that the
whole corpus gives them.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.index import ngrams
from kb.index.array_tools import offsets, ranges
from kb.index.corpus import (
    NOTHING,
    PREFIX_FIELDS,
    Corpus,
    LemmaIds,
    Postings,
    PrefixRanges,
    Scores,
)
from kb.index.counts import LightCorpus
from kb.index.document import Kind
from kb.index.postings import FIELD_KINDS
from kb.index.schema import FIELDS, K1, LEAD
from kb.index.segment import Segment
from kb.opensearch.blobs import Text, Words, stop_words

_NO_POINTERS, _NONE = np.zeros(1, np.int64), np.empty(0, np.int32)
_IN_FIELD = {
    name: np.isin(np.arange(len(Kind)), [int(kind) for kind in kinds])
    for name, kinds in FIELD_KINDS.items()
}
_ABSENT: dict[str, NDArray[Any]] = {  # no ready scores, and without texts no excerpts
    "tokens.start": np.empty(0, np.uint32),
    "tokens.end": np.empty(0, np.uint32),
    "regions.section": _NONE,
    "regions.byte": np.empty(0, np.uint32),
    "texts.ptr": _NO_POINTERS,
    "texts.blob": np.empty(0, np.uint8),
    "field.text.ptr": _NO_POINTERS,
    "field.text.docs": _NONE,
    **{
        f"surface.{field.name}.{part}": array
        for field in PREFIX_FIELDS
        for part, array in (
            ("ptr", _NO_POINTERS), ("docs", _NONE), ("tf", np.empty(0, np.uint16)),
        )
    },
}  # fmt: skip

PrefixCounts = Mapping[str, int]  # by field, and "" in any


class _Views(dict[str, Any]):
    """The memory of arrays by name, taken when first asked for."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__()
        self._arrays = arrays

    def __missing__(self, name: str) -> Any:
        found = self[name] = self._arrays[name].data
        return found


class SmallSegment(Segment):
    """Some articles of a segment, with its dictionaries."""

    def __init__(
        self,
        light: Segment,
        docs: NDArray[np.int32],
        words: Sequence[Words],
        texts: Sequence[Text],
    ) -> None:
        """`docs` are the numbers of the articles in the segment, ascending."""
        self._light = light
        self.words, self.lemmas, self.labels = light.words, light.lemmas, light.labels
        self.size = len(docs)
        self.arrays = {**light.arrays, **_ABSENT, **_ranked(light, docs, words)}
        if texts:
            self.arrays |= _shown(texts)
        self.view = _Views(self.arrays)

    def rows(self) -> NDArray[np.int32]:
        """See `Segment.rows`: the table is that of the whole segment."""
        return self._light.rows()

    @cached_property
    def held(self) -> "_Held":
        """Which words its articles hold, and where."""
        arrays = self.arrays
        docs = np.repeat(np.arange(self.size), np.diff(arrays["tokens.ptr"]))
        kinds = ngrams.region_kinds(arrays)
        body = _IN_FIELD["lead"][kinds]
        nth = np.cumsum(body)
        before = np.append(0, nth)[arrays["tokens.ptr"][:-1]]
        lead = body & (nth - before[docs] <= LEAD)
        others = np.repeat(np.arange(self.size), np.diff(arrays["tail.ptr"]))
        words = np.concatenate((arrays["tokens.words"], arrays["tail.words"]))
        docs = np.concatenate((docs, others))
        at = np.argsort(words.astype(np.int64) * max(self.size, 1) + docs, kind="stable")
        return _Held(
            words[at], docs[at], np.concatenate((kinds, arrays["tail.kind"]))[at],
            np.concatenate((lead, np.zeros(len(others), bool)))[at],
            np.concatenate((np.ones(len(kinds), np.int64), arrays["tail.times"]))[at],
        )  # fmt: skip


class _Held(NamedTuple):
    """The tokens of a small segment, by word and article, and those that are only counted."""

    words: NDArray[np.int32]
    docs: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    lead: NDArray[np.bool_]
    times: NDArray[np.int64]  # 1 for a token

    def of(self, lows: NDArray[Any], highs: NDArray[Any]) -> "_Held":
        """Those of half-open ranges of words."""
        first, last = np.searchsorted(self.words, lows), np.searchsorted(self.words, highs)
        at, _ = ranges(first.astype(np.int64), last.astype(np.int64))
        return _Held(self.words[at], self.docs[at], self.kinds[at], self.lead[at], self.times[at])

    def counts(self, field: str, size: int) -> NDArray[np.int64]:
        """How many of them each article has in a field."""
        chosen = self.lead if field == "lead" else _IN_FIELD[field][self.kinds]
        found = np.bincount(self.docs[chosen], self.times[chosen], size)
        return found.astype(np.int64)


class SmallCorpus(Corpus):
    """Some articles of a build, their numbers and statistics those of the whole build."""

    def __init__(
        self,
        light: LightCorpus,
        docs: NDArray[np.int32],
        words: Sequence[Words],
        texts: Sequence[Text] = (),
        prefixes: Mapping[str, PrefixCounts] | None = None,
    ) -> None:
        """`docs` are the numbers of the articles in the build, ascending.

        Without `texts` no excerpts can be cut. `prefixes` tell in how many articles of the build
        a word stands that begins so.
        """
        self._light, self.docs, self._prefixes = light, docs, prefixes or {}
        bounds = np.searchsorted(docs, light.bases).tolist()
        self.segments = tuple(
            SmallSegment(
                segment, docs[low:high] - np.int32(base), words[low:high], texts[low:high]
            )
            for segment, base, low, high in zip(
                light.segments, light.bases, bounds, bounds[1:], strict=False
            )
        )  # fmt: skip
        self.bases = bounds
        self.size = len(docs)
        self.count = light.count
        self.live = np.ones(self.size, bool)
        self._has_deleted = [False] * len(self.segments)
        self.norms = {name: norms[docs] for name, norms in light.norms.items()}
        self.langs, self.lang = light.langs, light.lang[docs]
        self.flags, self.boost, self.updated = (
            light.flags[docs], light.boost[docs], light.updated[docs],
        )  # fmt: skip
        self.scores = tuple(np.empty(0, np.float32) for _ in self.segments)
        self._caches = []
        self.meaning, self.lemma_ids = light.meaning, light.lemma_ids
        self.averages = light.averages

    def gram_frequencies(self, number: int) -> NDArray[np.int32]:
        """See `Corpus.gram_frequencies`."""
        return self._light.gram_frequencies(number)

    def frequency(self, lemma_ids: LemmaIds) -> int:
        """See `Corpus.frequency`."""
        return self._light.frequency(lemma_ids)

    def prefix_ranges(self, prefix: str) -> PrefixRanges:
        """See `Corpus.prefix_ranges`."""
        return self._light.prefix_ranges(prefix)

    def has_longer_words(self, prefix_ranges: PrefixRanges, lemma_ids: LemmaIds) -> bool:
        """See `Corpus.has_longer_words`."""
        return self._light.has_longer_words(prefix_ranges, lemma_ids)

    def prefix_frequency(self, prefix_ranges: PrefixRanges, postings: Postings) -> int:
        """See `Corpus.prefix_frequency`."""
        return max(self._prefix_counts(prefix_ranges).get("", 0), len(postings[0]))

    def union_frequency(self, frequencies: Sequence[int], postings: Postings) -> int:
        """See `Corpus.union_frequency`; estimated as if the terms knew nothing of each other."""
        if len(frequencies) == 1:
            return frequencies[0]
        whole = max(self.count, 1)
        without = np.prod([1 - min(each, whole) / whole for each in frequencies])
        return max(round(whole * (1 - float(without))), len(postings[0]), *frequencies)

    def impact(self, lemma_ids: LemmaIds) -> Postings:
        """See `Corpus.impact`."""
        total, is_held = np.zeros(self.size, np.float32), np.zeros(self.size, bool)
        found = [(number, self._with_lemma(number, lemma)) for number, lemma in lemma_ids]
        found = [(number, held) for number, held in found if len(held.docs)]
        for number, held in found:
            is_held[held.docs + self.bases[number]] = True
        for field in FIELDS:
            scale = self._scale(field.weight, self._light.frequency_in(field, lemma_ids))
            for number, held in found:
                self._add(total, field.name, number, held, scale)
        docs = is_held.nonzero()[0].astype(np.int32)
        return docs, total[docs]

    def _with_lemma(self, number: int, lemma: int) -> _Held:
        words = self.segments[number].lemma_words(lemma)
        return self._held_by(number, words, words + 1)

    def _held_by(self, number: int, lows: Any, highs: Any) -> _Held:
        segment = self.segments[number]
        assert isinstance(segment, SmallSegment)  # noqa: S101 - all are
        return segment.held.of(lows, highs)

    def _scale(self, weight: float, frequency: int) -> np.float32:
        return np.float32(self.idf(frequency) * (weight * (K1 + 1)))

    def _add(self, total: Scores, field: str, number: int, held: _Held, scale: np.float32) -> None:
        """Adds the BM25 scores of what articles of one segment hold in a field."""
        base, size = self.bases[number], self.segments[number].size
        tf = np.minimum(held.counts(field, size), 65535).astype(np.float32)
        norms = self.norms[field][base : base + size]
        total[base : base + size] += scale * (tf / (tf + norms))

    def prefix_impact(self, prefix_ranges: PrefixRanges) -> Postings:
        """See `Corpus.prefix_impact`."""
        total, counts = np.zeros(self.size, np.float32), self._prefix_counts(prefix_ranges)
        found = [
            (number, self._held_by(number, np.array([low]), np.array([high])))
            for number, (low, high) in enumerate(prefix_ranges)
            if high > low
        ]
        for field in PREFIX_FIELDS:
            scale = self._scale(field.weight, counts.get(field.name, 0))
            for number, held in found:
                self._add(total, field.name, number, held, scale)
        docs = total.nonzero()[0].astype(np.int32)
        return (docs, total[docs]) if len(docs) else NOTHING

    def field_scores(self, word: str, doc: int, prefix: bool = False) -> list[tuple[str, float]]:
        """See `Corpus.field_scores`."""
        ranges = self.prefix_ranges(word) if prefix else ()
        lemma_ids = self.lemma_ids(word)
        number = bisect_right(self.bases, doc) - 1
        if prefix:
            low, high = ranges[number]
            held = self._held_by(number, np.array([low]), np.array([high]))
        else:
            ids = [lemma for at, lemma in lemma_ids if at == number]
            if not ids:
                return []
            held = self._with_lemma(number, ids[0])
        counts, found = self._prefix_counts(ranges), []
        for field in PREFIX_FIELDS if prefix else FIELDS:
            frequency = (
                counts.get(field.name, 0) if prefix else self._light.frequency_in(field, lemma_ids)
            )
            total = np.zeros(self.size, np.float32)
            self._add(total, field.name, number, held, self._scale(field.weight, frequency))
            if total[doc]:
                found.append((field.name, float(total[doc])))
        return found

    def _prefix_counts(self, prefix_ranges: PrefixRanges) -> PrefixCounts:
        """The counts of the prefix that has these ranges."""
        for prefix, counts in self._prefixes.items():
            if self.prefix_ranges(prefix) == prefix_ranges:
                return counts
        return {}


def _ranked(
    light: Segment, docs: NDArray[np.int32], articles: Sequence[Words]
) -> dict[str, NDArray[Any]]:
    """What ranking reads of a segment that holds these articles alone."""
    lines = light.arrays["lines.of"]
    at, counts = ranges(lines[docs].astype(np.int64), lines[docs + 1].astype(np.int64))
    arrays: dict[str, NDArray[Any]] = {
        "tokens.ptr": offsets([len(each.words) for each in articles]),
        "tokens.words": _joined([each.words for each in articles], np.int32),
        "tokens.extra": _joined([each.extra for each in articles], np.bool_),
        "regions.ptr": offsets([len(each.kind) for each in articles]),
        "regions.kind": _joined([each.kind for each in articles], np.uint8),
        "regions.token": _joined([each.token for each in articles], np.uint32),
        "tail.ptr": offsets([len(each.tail.words) for each in articles]),
        "tail.words": _joined([each.tail.words for each in articles], np.int32),
        "tail.kind": _joined([each.tail.kind for each in articles], np.uint8),
        "tail.times": _joined([each.tail.times for each in articles], np.int64),
    }
    arrays["regions.claim"] = np.zeros(len(arrays["regions.kind"]), np.float32)
    places, of_articles = ngrams.content(stop_words(light), arrays)
    made = places | {
        "content.ptr": offsets(of_articles["content.ptr"]),
        "content.own": of_articles["content.own"],
        "lines.of": offsets(counts),
        "lines.claim": light.arrays["lines.claim"][at],
        "lines.length": light.arrays["lines.length"][at],
        "content.length": light.arrays["content.length"][docs],
        "content.title": light.arrays["content.title"][docs],
    }
    return arrays | made


def _shown(articles: Sequence[Text]) -> dict[str, NDArray[Any]]:
    """What excerpts are cut from."""
    return {
        "tokens.start": _joined([each.start for each in articles], np.uint32),
        "tokens.end": _joined([each.end for each in articles], np.uint32),
        "regions.section": _joined([each.section for each in articles], np.int32),
        "regions.byte": _joined([each.byte for each in articles], np.uint32),
        "texts.ptr": offsets([len(each.text) for each in articles]),
        "texts.blob": np.frombuffer(b"".join([each.text for each in articles]) or b"\0", np.uint8),
    }


def _joined(parts: Sequence[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)
