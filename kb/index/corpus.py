"""The corpus: the inverted index of a build, its segments as one, with the BM25 score of a term.

Scores one term at a time; `ranking` parses queries and adds the scores of their words up.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date
from functools import cached_property, partial
from itertools import pairwise
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.base.cache import TEXT, Cache, Key, Value
from kb.index import ngrams
from kb.index.array_tools import run_starts
from kb.index.schema import FIELDS, K1, SURFACE_FIELDS, B, Field
from kb.index.segment import DRAFT, UNLISTED, Segment
from kb.language import query_words
from kb.language.query_words import Meaning
from kb.language.spelling import Frequencies

Docs = NDArray[np.int32]  # numbers of articles in the corpus, ascending
Scores = NDArray[np.float32]
Postings = tuple[Docs, Scores]
PrefixRanges = tuple[tuple[int, int], ...]  # of words with one prefix: from and to, by segment
LemmaIds = tuple[tuple[int, int], ...]  # of a dictionary form: each segment and its number there

_TEXT = next(field for field in FIELDS if field.name == "text")
_WHOLE = ("text", "attached")  # fields that hold every word of an article and of its files
_AT_ONCE = 1 << 16  # postings
PAIR_BYTES = 176  # of a pair of numbers in `LemmaIds` or `PrefixRanges`, in memory
# The fields in which a prefix is looked up.
PREFIX_FIELDS = (
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
        deleted: Sequence[NDArray[np.int32]],
        scores: Sequence[Scores] | None = None,
    ) -> None:
        """Takes the segments in their order.

        `deleted[i]` are the articles of `segments[i]` that were replaced later, are gone, or are
        not for these readers. `scores` are those that `impact_scores` made of the same segments;
        without them they are computed when first needed, which takes seconds where there are many
        articles.
        """
        self.segments = tuple(segments)
        self.bases = [0]
        for segment in segments:
            self.bases.append(self.bases[-1] + segment.size)
        self.size = self.bases[-1]
        self.live = np.ones(self.size, bool)
        for base, gone in zip(self.bases, deleted, strict=False):
            self.live[base + gone] = False
        self._has_deleted = [len(gone) > 0 for gone in deleted]
        self.count = int(np.count_nonzero(self.live))
        self.norms = {field.name: self._norm(field) for field in FIELDS}
        self.langs, self.lang = self._label_codes("lang", "langs")
        self.categories, self.category = self._label_codes("category", "categories")
        self.audiences, self.audience = self._label_codes("audience", "audiences")
        self.flags = self.column("flags")
        self.boost = self.column("boost")
        self.updated = self.column("updated")
        self._publish, self._expires = self.column("publish"), self.column("expires")
        self._hidden = np.zeros(self.size, bool)
        self._served: tuple[int, NDArray[np.bool_]] = (-1, self.live)
        if scores is not None:
            self.scores = tuple(scores)
        self._caches: list[Cache[Any, Any]] = []
        self.meaning = self.cache(self._meaning, 4, _size_of_meaning).__getitem__
        self.lemma_ids = self.cache(self._lemma_ids, 2, _size_of_lemma_ids).__getitem__

    @cached_property
    def averages(self) -> dict[str, tuple[float, int]]:
        """Of the lengths of content, titles and lines of live articles: their sum and number."""
        found = {}
        for name in ("content.length", "content.title"):
            found[name] = (
                float(self.column(name)[self.live].sum()) if self.size else 0.0,
                self.count,
            )
        live = np.repeat(self.live, self.lines)
        lines = self.column("lines.length")[live] if self.size else live
        found["lines.length"] = (float(lines.sum()), int(np.count_nonzero(live)))
        return found

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        """How many headings and answered questions each article has."""
        of = [np.diff(segment.arrays["lines.of"]) for segment in self.segments]
        return np.concatenate(of) if of else np.empty(0, np.int64)

    @cached_property
    def scores(self) -> tuple[Scores, ...]:
        """The scores that `impact` reads; see `impact_scores`."""
        return impact_scores(self)

    def without(self, hidden: NDArray[np.bool_], scores: Sequence[Scores] | None) -> "Corpus":
        """The same segments without some articles, as if they had never been written.

        `hidden` is a mask of them, `scores` are as of `__init__`.
        """
        return Corpus(self.segments, self._gone_with(hidden), scores)

    def _gone_with(self, hidden: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
        """By segment the articles that are not live, or hidden."""
        gone = ~self.live | hidden
        bounds = zip(self.bases, self.bases[1:], strict=False)
        return [np.flatnonzero(gone[low:high]).astype(np.int32) for low, high in bounds]

    def cache(
        self, function: Callable[[Key], Value], megabytes: float, size: Callable[[Key, Value], int]
    ) -> Cache[Key, Value]:
        """A new cache of a function of this corpus; `size` gives the bytes of an entry."""
        cache = Cache(function, megabytes, size)
        self._caches.append(cache)
        return cache

    def forget(self) -> None:
        """Empties the caches, once another corpus is asked."""
        for cache in self._caches:
            cache.forget()

    def column(self, name: str) -> NDArray[Any]:
        """The array `name` of all segments, one after another."""
        parts = [segment.arrays[name] for segment in self.segments]
        return np.concatenate(parts) if parts else np.empty(0, np.int32)

    def _norm(self, field: Field) -> Scores:
        """The length norm of a field for each article: Whoosh's lengths, exact averages."""
        total = float(self.column(f"total.{field.name}")[self.live].sum()) if self.size else 0.0
        return length_norms(self.column(f"length.{field.name}"), total, self.count, field.b)

    def _label_codes(self, codes: str, labels: str) -> tuple[list[str], NDArray[np.int32]]:
        """The labels of all segments, and for each article the number of its own."""
        names: dict[str, int] = {}
        parts = []
        for segment in self.segments:
            mapped = [names.setdefault(name, len(names)) for name in segment.labels[labels]]
            parts.append(np.array(mapped, np.int32)[segment.arrays[codes]])
        return list(names), np.concatenate(parts) if parts else np.empty(0, np.int32)

    # ------------------------------------------------------------ articles

    def locate(self, doc: int) -> tuple[Segment, int]:
        """The segment of an article and its number there."""
        number = bisect_right(self.bases, doc) - 1
        return self.segments[number], doc - self.bases[number]

    def hide(self, docs: NDArray[np.bool_]) -> None:
        """Takes articles out of what search shows, though they have a page."""
        self._hidden = docs
        self._served = (-1, self.live)

    def served(self, today: date) -> NDArray[np.bool_]:
        """A mask of the articles search may show: as `readable`, neither unlisted nor hidden."""
        day = today.toordinal()
        known, mask = self._served
        if known != day:
            mask = self.readable(today) & ((self.flags & UNLISTED) == 0) & ~self._hidden
            self._served = (day, mask)
        return mask

    def readable(self, today: date) -> NDArray[np.bool_]:
        """A mask of the articles with a page on `today`: live, published, not expired, no draft."""
        day = today.toordinal()
        mask: NDArray[np.bool_] = self.live & (self.flags & DRAFT == 0)
        return mask & (self._publish <= day) & (self._expires > day)

    # ------------------------------------------------------------ sets of articles

    def is_labelled(
        self, names: Sequence[str], codes: NDArray[np.int32], name: str
    ) -> NDArray[np.bool_]:
        """A mask of the articles with the label `name`, by the `names` and `codes` of a kind."""
        if name not in names:
            return np.zeros(self.size, bool)
        return np.equal(codes, names.index(name))

    @cached_property
    def _tags(self) -> tuple[list[str], NDArray[np.int32], NDArray[np.int32]]:
        """All tags, and the number of the tag and the article of each time an article has one."""
        names: dict[str, int] = {}
        ids, owners = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
        for segment, base in zip(self.segments, self.bases, strict=False):
            own, of = segment.tags()
            mapped = [names.setdefault(name, len(names)) for name in segment.labels["tags"]]
            ids.append(np.array(mapped, np.int32)[own])
            owners.append(of + np.int32(base))
        return list(names), np.concatenate(ids), np.concatenate(owners)

    def tagged(self, tag: str) -> NDArray[np.bool_]:
        """A mask of the articles with a tag."""
        names, ids, owners = self._tags
        found = np.zeros(self.size, bool)
        if tag in names:
            found[owners[ids == names.index(tag)]] = True
        return found

    def tag_counts(self, chosen: NDArray[np.bool_]) -> tuple[list[str], list[int]]:
        """All tags, and how many of the chosen articles have each."""
        names, ids, owners = self._tags
        counts: list[int] = np.bincount(ids.compress(chosen[owners]), minlength=len(names)).tolist()
        return names, counts

    def holding(self, lemmas: Sequence[str]) -> NDArray[np.bool_]:
        """A mask of the articles that hold one of these dictionary forms."""
        found = np.zeros(self.size, bool)
        for lemma in lemmas:
            found[self.impact(self.lemma_ids(lemma))[0]] = True
        return found

    def holding_phrase(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """A mask of the articles that hold these words as written, side by side, in this order."""
        found = np.zeros(self.size, bool)
        for segment, base in zip(self.segments, self.bases, strict=False):
            found[base + segment.docs_with_phrase(words)] = True
        return found & self.live

    # ------------------------------------------------------------ words

    def _meaning(self, word: str) -> Meaning:
        """Dictionary forms and weight of a folded word, read from the index where it holds it."""
        for segment in self.segments:
            at = segment.words.find(word)
            if at >= 0:
                view = segment.view
                ptr = view["word_lemmas.ptr"]
                numbers = view["word_lemmas.ids"][ptr[at] : ptr[at + 1]]
                return Meaning(
                    tuple(map(segment.lemmas.__getitem__, numbers)), view["words.weight"][at]
                )
        return query_words.meaning(word)

    def knows(self, word: str, unfinished: bool = False) -> bool:
        """Whether some article holds a folded word, or one that begins so."""
        for number, segment in enumerate(self.segments):
            at = segment.words.find(word)
            if at >= 0 and self._is_held(number, at, at + 1):
                return True
        return unfinished and self.begins(word)

    def begins(self, start: str) -> bool:
        """Whether some article holds a word that begins so."""
        return any(
            low < high and self._is_held(number, low, high)
            for number, (low, high) in enumerate(self.prefix_ranges(start))
        )

    def _is_held(self, number: int, low: int, high: int) -> bool:
        """Whether a live article holds one of a range of words of a segment.

        A vocabulary also holds the words of articles that were superseded or are not for these
        readers.
        """
        return not self._has_deleted[number] or bool(self._holders(number, low, high).any())

    def _holders(self, number: int, low: int, high: int) -> NDArray[np.bool_]:
        """For each posting of a range of words of a segment whether its article is live."""
        segment, base = self.segments[number], self.bases[number]
        docs: list[Docs] = []
        for name in _WHOLE:
            ptr = segment.view[f"surface.{name}.ptr"]
            docs.append(segment.arrays[f"surface.{name}.docs"][ptr[low] : ptr[high]])
        is_live: NDArray[np.bool_] = self.live[base + np.concatenate(docs)]
        return is_live

    def _held(self, number: int, low: int, high: int) -> NDArray[np.intp]:
        """Those of a range of words of a segment that a live article holds."""
        if not self._has_deleted[number]:
            return np.arange(low, high)
        arrays, words = self.segments[number].arrays, np.arange(low, high)
        counts = (np.diff(arrays[f"surface.{name}.ptr"][low : high + 1]) for name in _WHOLE)
        owners = np.concatenate([np.repeat(words, each) for each in counts])
        return np.unique(owners[self._holders(number, low, high)])

    def frequencies(self, number: int) -> Frequencies:
        """In how many live articles each word of a segment stands."""
        if self._has_deleted[number]:
            return _LiveFrequencies(partial(self._holders, number))
        counts: NDArray[np.uint32] = self.segments[number].arrays["surface.text.df"]
        return counts

    def gram_frequencies(self, number: int) -> NDArray[np.int32]:
        """In how many live articles each n-gram of a segment stands."""
        segment, base = self.segments[number], self.bases[number]
        frequency: NDArray[np.int32] = segment.arrays["grams.df"]
        deleted = (~self.live[base : base + segment.size]).nonzero()[0].tolist()
        if deleted:
            frequency = frequency.copy()
        for doc in deleted:
            frequency[ngrams.places_of_article(segment.words, segment.arrays, doc)] -= 1
        return frequency

    def _lemma_ids(self, lemma: str) -> LemmaIds:
        """The number of a dictionary form in each segment that holds it."""
        numbers = [(i, segment.lemmas.find(lemma)) for i, segment in enumerate(self.segments)]
        return tuple([(i, number) for i, number in numbers if number >= 0])

    def word_ranges(self, word: str, prefix: bool) -> list[tuple[int, int, int]]:
        """Segment, from and to of a word as written, or of all words with this prefix."""
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
        """The articles that hold terms of a field, and how often each does (as a float).

        A range is a segment and a half-open range of terms, which are words as written with
        `surface` and dictionary forms without. The terms of a range count as one.
        """
        kind = "surface" if surface else "field"
        all_docs, all_tf = [], []
        for i, low, high in ranges:
            arrays, ptr = self.segments[i].arrays, self.segments[i].view[f"{kind}.{field}.ptr"]
            a, b = ptr[low], ptr[high]
            if a == b:
                continue
            docs, tf = arrays[f"{kind}.{field}.docs"][a:b], arrays[f"{kind}.{field}.tf"][a:b]
            if not tf.all():  # of `text`: what only a file says
                docs, tf = docs[tf > 0], tf[tf > 0]
            if high - low > 1:
                sums = np.bincount(docs, weights=tf, minlength=1)
                docs = np.flatnonzero(sums).astype(np.int32)
                tf = sums[docs]
            if self.bases[i]:
                docs = docs + np.int32(self.bases[i])
            if self._has_deleted[i]:
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
        """The BM25 scores of one term in one field without its weight, by the formula of Whoosh.

        Arguments are those of `postings`. Source: `whoosh.scoring.BM25F`; `docs/ranking.md`.
        """
        docs, tf = self.postings(field.name, ranges, surface)
        if not len(docs):
            return NOTHING
        scale = np.float32(self.idf(len(docs)) * (K1 + 1))
        return docs, scale * tf / (tf + self.norms[field.name][docs])

    def idf(self, frequency: int) -> float:
        """The inverse document frequency of a term: log(N / (df + 1)) + 1, as in Whoosh."""
        return log(max(self.count, 1) / (frequency + 1)) + 1

    def impact(self, lemma_ids: LemmaIds) -> Postings:
        """The articles that hold a dictionary form, with the sum of its weighted BM25 scores."""
        found: list[Postings] = []
        for i, number in lemma_ids:
            ptr = self.segments[i].view["field.text.ptr"]
            low, high = ptr[number], ptr[number + 1]
            docs = self.segments[i].arrays["field.text.docs"][low:high]
            scores = self.scores[i][low:high]
            if self._has_deleted[i]:
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

    def frequency(self, lemma_ids: LemmaIds) -> int:
        """The document frequency of a dictionary form: how many live articles hold it."""
        frequency = 0
        for i, number in lemma_ids:
            ptr = self.segments[i].view["field.text.ptr"]
            low, high = ptr[number], ptr[number + 1]
            if self._has_deleted[i]:
                frequency += int(np.count_nonzero(self.scores[i][low:high]))
            else:
                frequency += high - low
        return frequency

    def prefix_frequency(self, prefix_ranges: PrefixRanges, postings: Postings) -> int:
        """How many live articles hold a word with a prefix, of which these are the postings."""
        return len(postings[0])

    def union_frequency(self, frequencies: Sequence[int], postings: Postings) -> int:
        """How many live articles hold one of some terms, of which these are the postings.

        `frequencies` are those of the terms.
        """
        return len(postings[0])

    def prefix_impact(self, prefix_ranges: PrefixRanges) -> Postings:
        """The articles that hold a word with a prefix, scored as if all these were one word.

        The score is the sum of the weighted BM25 scores of `PREFIX_FIELDS`.
        """
        ranges = [(i, low, high) for i, (low, high) in enumerate(prefix_ranges) if high > low]
        total = np.zeros(self.size, np.float32)
        for field in PREFIX_FIELDS:
            docs, scores = self.bm25(field, ranges, surface=True)
            total[docs] += np.float32(field.weight) * scores
        found = total.nonzero()[0].astype(np.int32)
        return (found, total[found]) if len(found) else NOTHING

    def prefix_ranges(self, prefix: str) -> PrefixRanges:
        """The range of the words with a prefix in each segment."""
        return tuple([segment.words.prefix(prefix) for segment in self.segments])

    def has_longer_words(self, prefix_ranges: PrefixRanges, lemma_ids: LemmaIds) -> bool:
        """Whether the words with a prefix hold another one than forms of these dictionary forms."""
        for number, (segment, (low, high)) in enumerate(
            zip(self.segments, prefix_ranges, strict=False)
        ):
            own = {at for i, at in lemma_ids if i == number}
            ptr = segment.view["word_lemmas.ptr"]
            if self._has_deleted[number]:
                ids = segment.view["word_lemmas.ids"]
                held = self._held(number, low, high).tolist()
                if not all(own.issuperset(ids[ptr[at] : ptr[at + 1]]) for at in held):
                    return True
                continue
            if high - low > sum([len(segment.lemma_words(at)) for at in own]):
                return True
            if not own.issuperset(segment.view["word_lemmas.ids"][ptr[low] : ptr[high]]):
                return True
        return False

    def field_scores(self, word: str, doc: int, prefix: bool = False) -> list[tuple[str, float]]:
        """What each field adds to an article's score for a dictionary form or a prefix."""
        if prefix:
            ranges = self.word_ranges(word, prefix=True)
        else:
            ranges = [(i, number, number + 1) for i, number in self.lemma_ids(word)]
        scored = []
        for field in FIELDS:
            if prefix and field.name not in SURFACE_FIELDS:
                continue
            docs, scores = self.bm25(field, ranges, prefix)
            at = int(np.searchsorted(docs, doc))
            if at < len(docs) and docs[at] == doc:
                scored.append((field.name, field.weight * float(scores[at])))
        return scored

    def forms(
        self, lemma_ids: LemmaIds, prefix_ranges: PrefixRanges = ()
    ) -> tuple[NDArray[np.int32], ...]:
        """For each segment, the words with one of these dictionary forms, or in a range."""
        return tuple(
            [
                _forms(
                    segment,
                    [number for at, number in lemma_ids if at == i],
                    prefix_ranges[i] if prefix_ranges else None,
                )
                for i, segment in enumerate(self.segments)
            ]
        )


class _LiveFrequencies:
    """The live document frequency of each word of a segment, counted when it is asked for."""

    def __init__(self, holders: Callable[[int, int], NDArray[np.bool_]]) -> None:
        self._holders = holders

    def __getitem__(self, place: int, /) -> int:
        return int(np.count_nonzero(self._holders(place, place + 1)))


def length_norms(lengths: NDArray[Any], total: float, count: int, b: float = B) -> Scores:
    """BM25's length norms: k1 · (1 − b + b · length / average length), float32.

    The average is `total` words in `count` articles; `b` in 0–1 says how far long ones count less.
    """
    average = total / count if total else 1.0
    return (K1 * ((1 - b) + b * lengths.astype(np.float64) / average)).astype(np.float32)


def impact_scores(corpus: Corpus) -> tuple[Scores, ...]:
    """The scores that `Corpus.impact` reads: one for each posting of the field `text`, by segment.

    A score is the sum of the weighted BM25 scores of all fields, since `text` has a posting for
    every word of the others, which counts 0 where only a file holds it. Deleted articles score 0.
    """
    lemmas = _lemma_numbers(corpus)
    count = max((int(each.max(initial=-1)) for each in lemmas), default=-1) + 1
    scores = [
        np.zeros(len(segment.arrays["field.text.docs"]), np.float32) for segment in corpus.segments
    ]
    for field in FIELDS:
        frequency = np.zeros(count, np.int64)
        for number, lemma in enumerate(lemmas):
            frequency[lemma] += _live_df(corpus, number, field.name)
        idf = (np.log(max(corpus.count, 1) / (frequency + 1)) + 1) * (field.weight * (K1 + 1))
        for number, lemma in enumerate(lemmas):
            arrays, base = corpus.segments[number].arrays, corpus.bases[number]
            docs, tf = (arrays[f"field.{field.name}.{kind}"] for kind in ("docs", "tf"))
            articles = slice(base, base + corpus.segments[number].size)
            # That of a deleted article is infinite, so that it scores 0.
            norms = np.where(
                corpus.live[articles], corpus.norms[field.name][articles], np.float32(np.inf)
            )
            pointers, of_lemma = arrays[f"field.{field.name}.ptr"], idf[lemma].astype(np.float32)
            for first, last in _pieces(pointers):
                low, high = pointers[first], pointers[last]
                bm25 = np.repeat(of_lemma[first:last], np.diff(pointers[first : last + 1]))
                bm25 *= tf[low:high] / (tf[low:high] + norms.take(docs[low:high]))
                if field.name == "text":
                    scores[number][low:high] += bm25
                else:
                    scores[number][arrays[f"field.{field.name}.at"][low:high]] += bm25
    return tuple(scores)


def _pieces(pointers: NDArray[Any]) -> list[tuple[int, int]]:
    """Ranges of lists of postings: as many as have a number of postings that caches hold."""
    starts = np.arange(0, int(pointers[-1]), _AT_ONCE)
    bounds = np.append(np.searchsorted(pointers, starts), len(pointers) - 1)  # ascending
    return list(pairwise(bounds[run_starts(bounds)].tolist()))


def _lemma_numbers(corpus: Corpus) -> list[NDArray[np.int64]]:
    """The dictionary forms of each segment, numbered through the corpus."""
    if not corpus.segments:
        return []
    first, *others = [segment.lemmas for segment in corpus.segments]
    numbers = [np.arange(len(first))]
    added: dict[str, int] = {}  # forms that the first segment lacks
    for lemmas in others:
        of_first = [(lemma, first.find(lemma)) for lemma in lemmas]
        numbers.append(
            np.array(
                [
                    number if number >= 0 else added.setdefault(lemma, len(first) + len(added))
                    for lemma, number in of_first
                ],
                np.int64,
            )
        )
    return numbers


def _live_df(corpus: Corpus, number: int, field: str) -> NDArray[np.int64]:
    """In how many live articles of a segment each of its dictionary forms stands in a field."""
    arrays, base = corpus.segments[number].arrays, corpus.bases[number]
    pointers = arrays[f"field.{field}.ptr"]
    counts: NDArray[np.int64] = np.diff(pointers)
    docs, tf = arrays[f"field.{field}.docs"], arrays[f"field.{field}.tf"]
    gone = ~corpus.live[base : base + corpus.segments[number].size]
    lost = [np.empty(0, np.intp)]  # postings, of few articles
    for low in range(0, len(docs), _AT_ONCE):
        piece = slice(low, low + _AT_ONCE)
        lost.append(low + np.flatnonzero(gone.take(docs[piece]) | (tf[piece] == 0)))
    owners = np.searchsorted(pointers, np.concatenate(lost), side="right") - 1
    return counts - np.bincount(owners, minlength=len(counts))


def _size_of_meaning(word: str, meaning: Meaning) -> int:
    lemmas = meaning.lemmas
    return 4 * (len(word) + sum(map(len, lemmas))) + (TEXT + 8) * len(lemmas) + TEXT + 192


def _size_of_lemma_ids(lemma: str, lemma_ids: LemmaIds) -> int:
    # A text holds its UTF-8 as well, once something asked for that.
    return 8 * len(lemma) + PAIR_BYTES * len(lemma_ids) + TEXT + 64


def _forms(
    segment: Segment, lemmas: Sequence[int], word_range: tuple[int, int] | None
) -> NDArray[np.int32]:
    forms = [segment.lemma_words(lemma) for lemma in lemmas]
    if word_range:
        forms.append(np.arange(*word_range, dtype=np.int32))
    if len(forms) == 1:
        return forms[0]
    return np.concatenate(forms) if forms else np.empty(0, np.int32)
