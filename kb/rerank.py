"""Scores of a few hundred candidates from their letters and word order. Finds no hits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb import letters
from kb.instant import Corpus, Docs, Scores
from kb.letters import BODY, LINES, TITLE
from kb.schema import K1, B
from kb.segment import Segment

WEIGHTS = {BODY: 0.3, TITLE: 0.08, LINES: 0.06}
PAIRS = 0.6
CANDIDATES = 200  # at most
LINED = 40  # of the candidates, whose headings and answered questions are compared
COMMON = 0.25  # grams in a larger share of articles than this tell nothing

Pairs = Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as re-ranking needs it: content words in order, none of them a stop word.

    Word i is `texts[i]`, weighs `weights[i]`, and any word of `forms[i][s]` of segment s is it.
    """

    texts: tuple[str, ...]
    weights: tuple[float, ...]
    forms: tuple[tuple[NDArray[np.int32], ...], ...]


@dataclass(frozen=True, slots=True)
class _Grams:
    """The grams of a query: distinct keys and what each weighs, idf and field weight included."""

    keys: NDArray[np.uint64]
    weights: Scores


class Reranker:
    """Grams and pairs of one corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._norms = {
            name: self._norm(name)
            for name in (f"{BODY}.length", f"{TITLE}.length", "content.length")
        }
        self._line_norms = self._norm_of_lines()
        self.frequencies = {
            name: [_live_frequency(corpus, number, name) for number in range(len(corpus.segments))]
            for name in (BODY, TITLE, LINES)
        }

    def _norm(self, name: str) -> list[Scores]:
        """BM25's part of an article's length, per segment; the average is of live articles."""
        lengths = [segment.arrays[name] for segment in self._corpus.segments]
        live = (self._corpus.live[base:] for base in self._corpus.bases)
        total = sum(
            float(each[mask[: len(each)]].sum()) for each, mask in zip(lengths, live, strict=False)
        )
        average = total / self._corpus.count if total else 1.0
        return [(K1 * ((1 - B) + B * each / average)).astype(np.float32) for each in lengths]

    def _norm_of_lines(self) -> list[Scores]:
        total = count = 0.0
        for segment, base in zip(self._corpus.segments, self._corpus.bases, strict=False):
            per_article = np.diff(segment.arrays["lines.of"])
            live = np.repeat(self._corpus.live[base : base + segment.size], per_article)
            total += float(segment.arrays[f"{LINES}.length"][live].sum())
            count += float(np.count_nonzero(live))
        average = total / count if total else 1.0
        return [
            (K1 * ((1 - B) + B * segment.arrays[f"{LINES}.length"] / average)).astype(np.float32)
            for segment in self._corpus.segments
        ]

    def scores(self, asked: Asked, docs: Docs, words: Scores) -> "Reranked":
        """What letters and pairs add; `docs` ascend, `words` are their scores so far."""
        return Reranked(self, asked, docs, words)


def _live_frequency(corpus: Corpus, number: int, name: str) -> NDArray[np.int32]:
    """In how many live articles of a segment each gram stands."""
    segment, base = corpus.segments[number], corpus.bases[number]
    dead = np.flatnonzero(~corpus.live[base : base + segment.size]).tolist()
    frequency = segment.gram_frequency(name)
    if not dead:
        return frequency
    frequency = frequency.copy()
    for doc in dead:
        words = [segment.words[word] for word in _words_of(segment, doc, name)]
        if words:
            gone = np.unique(letters.keys(words, letters.SIZES[name])[0])
            frequency[np.searchsorted(segment.arrays[f"{name}.keys"], gone)] -= 1
    return frequency


def _words_of(segment: Segment, doc: int, name: str) -> list[int]:
    """The distinct words of an article whose grams are counted under `name`."""
    arrays = segment.arrays
    if name == LINES:
        low, high = arrays["lines.ptr"][arrays["lines.of"][doc : doc + 2]].tolist()
        found = arrays["lines.words"][low:high]
    else:
        low, high = arrays["content.ptr"][doc : doc + 2].tolist()
        if name == TITLE:
            high = min(low + 2 + int(arrays["content.title"][doc]), high)
        found = arrays["content.words"][low:high]
    distinct: list[int] = np.unique(found[found < len(segment.words)]).tolist()
    return distinct


class Reranked:
    """The parts re-ranking adds, by name, each aligned with the candidates, and their sum."""

    def __init__(self, reranker: Reranker, asked: Asked, docs: Docs, words: Scores) -> None:
        self._reranker, self._corpus, self._asked = reranker, reranker._corpus, asked
        self._docs = docs
        self._bounds = np.searchsorted(docs, self._corpus.bases).tolist()
        self.parts: dict[str, Scores] = {}
        self._bodies()
        self._titles()
        self.total: Scores = words + self.parts[BODY] + self.parts[TITLE] + self.parts["pairs"]
        self._lines()

    def _local(self, number: int) -> tuple[int, int, NDArray[np.int64]]:
        """The candidates of a segment: from, to, and their numbers there."""
        low, high = self._bounds[number], self._bounds[number + 1]
        return low, high, self._docs[low:high].astype(np.int64) - self._corpus.bases[number]

    def _bodies(self) -> None:
        """Grams of the content, and pairs of words in it."""
        asked = self._asked
        grams, pairs = self._grams(BODY), _query_pairs(asked.texts)
        bodies = np.zeros(len(self._docs), np.float32)
        counts = np.zeros((len(self._docs), len(pairs)), np.float32)
        norms = np.ones(len(self._docs), np.float32)
        for number, segment in enumerate(self._corpus.segments):
            low, high, local = self._local(number)
            if low == high:
                continue
            ptr = segment.arrays["content.ptr"]
            view = _View(
                segment, BODY, grams.keys, [forms[number] for forms in asked.forms],
                segment.arrays["content.words"], ptr[local], ptr[local + 1],
            )  # fmt: skip
            bodies[low:high] = view.bm25(
                grams.weights, self._reranker._norms[f"{BODY}.length"][number][local]
            )
            counts[low:high] = view.pairs(pairs)
            norms[low:high] = self._reranker._norms["content.length"][number][local]
        self.parts[BODY] = bodies
        # How rare a pair is is judged among the candidates: who holds it is nearly always one.
        idf = np.log(max(self._corpus.count, 1) / (np.count_nonzero(counts, axis=0) + 1)) + 1
        weights = (idf * PAIRS * (K1 + 1)).astype(np.float32)
        self.parts["pairs"] = (counts / (counts + norms[:, None])) @ weights

    def _titles(self) -> None:
        grams = self._grams(TITLE)
        titles = np.zeros(len(self._docs), np.float32)
        for number, segment in enumerate(self._corpus.segments):
            low, high, local = self._local(number)
            if low == high:
                continue
            arrays = segment.arrays
            start = arrays["content.ptr"][local]
            end = np.minimum(
                start + 2 + arrays["content.title"][local], arrays["content.ptr"][local + 1]
            )
            view = _View(segment, TITLE, grams.keys, (), arrays["content.words"], start, end)
            norms = self._reranker._norms[f"{TITLE}.length"][number][local]
            titles[low:high] = view.bm25(grams.weights, norms)
        self.parts[TITLE] = titles

    def _lines(self) -> None:
        """Grams of the best heading or answered question of the best candidates so far."""
        grams = self._grams(LINES)
        best = np.zeros(len(self._docs), np.float32)
        chosen = np.arange(len(self._docs))
        if len(chosen) > LINED:
            chosen = np.sort(np.argpartition(-self.total, LINED - 1)[:LINED])
        bounds = np.searchsorted(chosen, self._bounds).tolist()
        for number, segment in enumerate(self._corpus.segments):
            these = chosen[bounds[number] : bounds[number + 1]]
            local = self._docs[these].astype(np.int64) - self._corpus.bases[number]
            of = segment.arrays["lines.of"]
            lines, counts = letters.ranges(of[local], of[local + 1])
            if not len(lines):
                continue
            ptr = segment.arrays["lines.ptr"]
            words = segment.arrays["lines.words"]
            view = _View(segment, LINES, grams.keys, (), words, ptr[lines], ptr[lines + 1])
            scores = view.bm25(grams.weights, self._reranker._line_norms[number][lines])
            np.maximum.at(best, np.repeat(these, counts), scores)
        self.parts[LINES] = best
        self.total = self.total + best

    def _grams(self, name: str) -> _Grams:
        found = [
            (letters.keys_of(word, name), weight)
            for word, weight in zip(self._asked.texts, self._asked.weights, strict=True)
        ]
        if not found:
            return _Grams(np.empty(0, np.uint64), np.empty(0, np.float32))
        every = np.concatenate([keys for keys, _ in found])
        each = np.repeat([weight for _, weight in found], [len(keys) for keys, _ in found])
        keys, place = np.unique(every, return_inverse=True)
        weights = np.bincount(place, weights=each)
        frequency = np.zeros(len(keys), np.int64)
        for number, segment in enumerate(self._corpus.segments):
            at, there = _find(segment.arrays[f"{name}.keys"], keys)
            frequency[there] += self._reranker.frequencies[name][number][at[there]]
        count = max(self._corpus.count, 1)
        telling = (frequency > 0) & (frequency <= max(COMMON * count, 10))
        weights = weights * (np.log(count / (frequency + 1)) + 1) * (K1 + 1) * WEIGHTS[name]
        return _Grams(keys[telling], weights[telling].astype(np.float32))


class _View:
    """Where words of the query, or words with letters of them, stand in some units of a segment.

    Unit i is the words `words[starts[i]:ends[i]]`.
    """

    def __init__(
        self,
        segment: Segment,
        name: str,
        keys: NDArray[np.uint64],
        forms: Sequence[NDArray[np.int32]],
        words: NDArray[np.int32],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
    ) -> None:
        arrays = segment.arrays
        self._units, self._grams = len(starts), len(keys)
        at, there = _find(arrays[f"{name}.keys"], keys)
        ptr, places = arrays[f"{name}.ptr"], at[there]
        steps, lengths = letters.ranges(ptr[places], ptr[places + 1])
        sought = arrays[f"{name}.words"][steps]
        grams = np.repeat(np.flatnonzero(there), lengths)
        count = len(sought)
        if forms:
            sought = np.concatenate((sought, *forms))
        # A word's row is any number its places agree on: the last of its places among the sought.
        table = segment.rows()
        table[sought] = np.arange(1, len(sought) + 1, dtype=np.int32)
        row = table[sought[:count]]
        self._number = np.zeros(len(sought) + 1, np.uint8)  # of the word a row stands for, from 1
        for number, form in enumerate(forms, 1):
            self._number[table[form]] = number
        found = table[_slices(words, starts, ends)]
        table[sought] = 0
        self._at = np.flatnonzero(found != 0)
        self._row = found[self._at]
        edges = np.cumsum(ends - starts)
        per_unit = np.diff(np.searchsorted(self._at, edges), prepend=0)
        self._unit = np.repeat(np.arange(self._units), per_unit)
        kind = np.uint16 if len(sought) < 65535 else np.uint32
        self._gram_of = grams[np.argsort(row.astype(kind), kind="stable")]
        per_row = np.bincount(row, minlength=len(sought) + 1)
        self._gram_end = np.cumsum(per_row)
        self._gram_start = self._gram_end - per_row

    def bm25(self, weights: Scores, norms: Scores) -> Scores:
        """The grams' BM25 added up, per unit."""
        if not self._grams or not len(self._at):
            return np.zeros(self._units, np.float32)
        steps, lengths = letters.ranges(self._gram_start[self._row], self._gram_end[self._row])
        cells = np.repeat(self._unit * self._grams, lengths) + self._gram_of[steps]
        tf = np.bincount(cells, minlength=self._units * self._grams).astype(np.float32)
        tf = tf.reshape(self._units, self._grams)
        tf /= tf + norms[:, None]
        found: Scores = tf @ weights
        return found

    def pairs(self, wanted: Pairs) -> NDArray[np.float32]:
        """How often each wanted pair of words stands side by side or with one word between."""
        counts = np.zeros(self._units * len(wanted), np.float32)
        number = self._number[self._row]
        chosen = np.flatnonzero(number)
        if not wanted or len(chosen) < 2:
            return counts.reshape(self._units, len(wanted))
        at, number, unit = self._at[chosen], number[chosen], self._unit[chosen]
        side = max(max(pair) for pair in wanted) + 1
        place = np.full(max(side, int(number.max()) + 1) ** 2, -1, np.int32)
        side = max(side, int(number.max()) + 1)
        for (a, b), column in wanted.items():
            place[a * side + b] = column
        for step in (1, 2):
            column = place[number[:-step].astype(np.int64) * side + number[step:]]
            near = (at[step:] - at[:-step] <= 2) & (column >= 0) & (unit[step:] == unit[:-step])
            cells = unit[:-step][near] * len(wanted) + column[near]
            counts += np.bincount(cells, minlength=len(counts)).astype(np.float32)
        return counts.reshape(self._units, len(wanted))


def _slices(
    words: NDArray[np.int32], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int32]:
    """The words of all units, one after another."""
    if len(starts) > 2 * CANDIDATES:
        return words[letters.ranges(starts, ends)[0]]
    parts = [words[low:high] for low, high in zip(starts.tolist(), ends.tolist(), strict=True)]
    return np.concatenate(parts) if parts else words[:0]


def _query_pairs(words: Sequence[str]) -> Pairs:
    """The distinct pairs of words that stand together in the query, by their numbers from 1."""
    found: dict[tuple[int, int], int] = {}
    for step in (1, 2):
        for a in range(1, len(words) - step + 1):
            found.setdefault((a, a + step), len(found))
    return found


def _find(
    keys: NDArray[np.uint64], wanted: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each wanted key stands among the sorted keys, and whether it does."""
    at = np.searchsorted(keys, wanted)
    there = np.zeros(len(wanted), bool)
    inside = at < len(keys)
    there[inside] = keys[at[inside]] == wanted[inside]
    return at, there
