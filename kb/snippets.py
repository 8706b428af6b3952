"""The best section of a hit, with the words to mark, from prepared places. Ranks no articles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.analysis import Kind, cut
from kb.instant import Scores
from kb.segment import Segment

WINDOW = 32  # words of a snippet
BEFORE = 6  # of them before the first marked one
LONGEST = 320  # characters
_MOST_GROUPS = 255
_AGAIN = 0.05  # what a word counts that stands in the passage already

Marks = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What the result list shows of an article's text."""

    title: str
    title_marks: Marks
    section: int  # number of the best section
    text: str
    marks: Marks


class Marker:
    """The words to mark in one segment: which of its words answer which word of the query."""

    def __init__(
        self, segment: Segment, groups: Sequence[NDArray[np.int32]], weights: Sequence[float]
    ) -> None:
        """`groups[i]` are the words that stand for word i of the query, of weight `weights[i]`."""
        found = [each for each in zip(groups, weights, strict=True) if len(each[0])][:_MOST_GROUPS]
        self.segment = segment
        self.groups = [group for group, _ in found]
        self._weights = np.array([0.0, *(weight for _, weight in found)], np.float32)

    def excerpts(self, docs: Sequence[int]) -> list[Excerpt]:
        """Title, best section and best passage of each article, with the query's words marked."""
        ascending = sorted(docs)  # as their tokens stand; `_seen` searches among these
        found = dict(zip(ascending, map(self._excerpt, self._seen(ascending)), strict=True))
        return [found[doc] for doc in docs]

    def _seen(self, docs: Sequence[int]) -> Iterator["_Seen"]:
        """Where the words of the query stand in the articles; all are looked through at once."""
        arrays = self.segment.arrays
        token_ptr, region_ptr = arrays["tokens.ptr"], arrays["regions.ptr"]
        first = token_ptr[docs]
        at, groups, of = self._matches(docs)
        regions = [slice(int(region_ptr[doc]), int(region_ptr[doc + 1])) for doc in docs]
        starts = np.concatenate([arrays["regions.token"][each] + base
                                 for each, base in zip(regions, first, strict=True)])  # fmt: skip
        edges = np.cumsum([0, *(each.stop - each.start for each in regions)])
        region = np.searchsorted(starts, at, side="right") - 1
        kinds = np.concatenate([arrays["regions.kind"][each] for each in regions])
        sections = np.concatenate([arrays["regions.section"][each] for each in regions])
        worth = self._worth(
            kinds, np.repeat(np.arange(len(docs)), np.diff(edges)), sections, region, groups
        )
        bounds = np.searchsorted(of, np.arange(len(docs) + 1))
        for number, doc in enumerate(docs):
            low, high = int(bounds[number]), int(bounds[number + 1])
            a, b = int(edges[number]), int(edges[number + 1])
            yield _Seen(
                _Place(arrays, doc),
                kinds[a:b].tolist(),
                sections[a:b].tolist(),
                worth[a:b],
                (starts[a:b] - first[number]).tolist(),
                arrays["regions.byte"][regions[number]].tolist(),
                at[low:high] - first[number],
                groups[low:high],
                region[low:high] - a,
            )

    def _matches(
        self, docs: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
        """Marked tokens of the segment, of which group (from 1) each is, and of which article."""
        arrays = self.segment.arrays
        ptr = arrays["tokens.ptr"]
        spans = [(int(ptr[doc]), int(ptr[doc + 1])) for doc in docs]
        stream = np.concatenate([arrays["tokens.words"][low:high] for low, high in spans])
        group_of = self.segment.scratch()
        for number, group in enumerate(self.groups, 1):
            group_of[group] = number
        found = group_of[stream]
        for group in self.groups:
            group_of[group] = 0
        at = np.flatnonzero(found != 0)
        lengths = np.array([high - low for low, high in spans])
        edges = np.cumsum(lengths)
        of = np.repeat(np.arange(len(docs)), np.diff(np.searchsorted(at, edges), prepend=0))
        begin = np.array([low for low, _ in spans]) - (edges - lengths)
        return at + begin[of], found[at], of

    def _worth(
        self,
        kinds: NDArray[np.uint8],
        of: NDArray[np.int64],
        sections: NDArray[np.int32],
        region: NDArray[np.int64],
        groups: NDArray[np.uint8],
    ) -> Scores:
        """How much of the query the section of each region holds; its heading counts more."""
        size = int(sections.max(initial=0)) + 1
        place = of * size + sections
        held = np.zeros(((int(of.max(initial=0)) + 1) * size, len(self._weights)), np.float32)
        inside = kinds[region] >= Kind.HEADING
        held[place[region[inside]], groups[inside]] = 1.0
        headed = kinds[region] == Kind.HEADING
        held[place[region[headed]], groups[headed]] = 1.5
        worth: Scores = (held @ self._weights)[place]
        return np.where(kinds == Kind.BODY, worth, np.float32(-1))

    def _excerpt(self, seen: "_Seen") -> Excerpt:
        place = seen.place
        title_end = seen.bytes[1] if len(seen.bytes) > 1 else place.size
        title, title_marks = place.marked(0, title_end - 1, seen.at[seen.region == 0])
        best = int(np.argmax(seen.worth))
        if seen.kinds[best] != Kind.BODY:
            return Excerpt(title, title_marks, 0, "", ())
        last = best + 1 == len(seen.kinds)
        start, end = seen.bytes[best], (place.size if last else seen.bytes[best + 1]) - 1
        low, high = seen.tokens[best], place.tokens if last else seen.tokens[best + 1]
        chosen = seen.region == best
        at = seen.at[chosen]
        first = self._window(at, seen.groups[chosen]) if len(at) else low
        from_token = max(low, first - BEFORE)
        if from_token - low <= BEFORE:
            from_token = low
        to_token = min(high, from_token + WINDOW)
        left = start if from_token == low else place.start(from_token)
        right = end if to_token == high else place.end(to_token - 1)
        text, marks = place.marked(left, right, at[(at >= from_token) & (at < to_token)])
        text, marks = _shortened(text, marks, left > start, right < end)
        return Excerpt(title, title_marks, seen.sections[best], text, marks)

    def _window(self, at: NDArray[np.int64], groups: NDArray[np.uint8]) -> int:
        """The match to begin with, so that the window's distinct words weigh most."""
        if len(at) == 1:
            return int(at[0])
        seen = np.zeros((len(at) + 1, len(self._weights)), np.float32)
        seen[np.arange(1, len(at) + 1), groups] = 1.0
        np.cumsum(seen, axis=0, out=seen)
        ends = np.searchsorted(at, at + (WINDOW - BEFORE), side="right")
        held = seen[ends] - seen[:-1]
        worth = (np.minimum(held, 1.0) + _AGAIN * held) @ self._weights
        return int(at[np.argmax(worth)])


@dataclass(frozen=True, slots=True)
class _Seen:
    """One article with the places of the query's words; lists are per region or match."""

    place: "_Place"
    kinds: list[int]
    sections: list[int]
    worth: Scores
    tokens: list[int]  # the first of each region
    bytes: list[int]
    at: NDArray[np.int64]
    groups: NDArray[np.uint8]
    region: NDArray[np.int64]


class _Place:
    """An article's text in its segment, cut by bytes."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], doc: int) -> None:
        self._arrays = arrays
        self._token, end = arrays["tokens.ptr"][doc : doc + 2].tolist()
        self._byte, stop = arrays["texts.ptr"][doc : doc + 2].tolist()
        self.tokens, self.size = end - self._token, stop - self._byte

    def start(self, token: int) -> int:
        """The byte a token begins at."""
        return int(self._arrays["tokens.start"][self._token + token])

    def end(self, token: int) -> int:
        """The byte after a token."""
        return int(self._arrays["tokens.end"][self._token + token])

    def marked(self, low: int, high: int, at: NDArray[np.int64]) -> tuple[str, Marks]:
        """Bytes `low` to `high` as text, with the tokens `at` of it as marks in characters."""
        data = self._arrays["texts.blob"][self._byte + low : self._byte + max(high, low)].tobytes()
        if not len(at):
            return data.decode("utf-8", "replace"), ()
        starts = self._arrays["tokens.start"][self._token + at].tolist()
        ends = self._arrays["tokens.end"][self._token + at].tolist()
        pieces: list[str] = []
        marks: list[tuple[int, int]] = []
        done = length = 0
        for start, end in zip(starts, ends, strict=True):
            start, end = start - low, end - low
            if end <= done:  # a part of a compound that is marked already
                continue
            start = max(start, done)
            before, word = data[done:start].decode(), data[start:end].decode()
            pieces += (before, word)
            length += len(before)
            marks.append((length, length + len(word)))
            length += len(word)
            done = end
        pieces.append(data[done:].decode())
        return "".join(pieces), tuple(marks)


def _shortened(text: str, marks: Marks, cut_before: bool, cut_after: bool) -> tuple[str, Marks]:
    """One line of at most `LONGEST` characters, with “…” where it was cut."""
    text = text.replace("\n", " ")
    if len(text) > LONGEST:
        text, cut_after = cut(text, LONGEST).removesuffix("…"), True
        marks = tuple((a, min(b, len(text))) for a, b in marks if a < len(text))
    if cut_before:
        text = "…" + text
        marks = tuple((a + 1, b + 1) for a, b in marks)
    return (text + "…" if cut_after else text), marks
