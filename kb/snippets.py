"""The best section of a hit and the words to mark in it, from places prepared at build time. Ranks no articles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.analysis import Kind, cut
from kb.segment import Segment

WINDOW = 32  # words of a snippet
BEFORE = 6  # of them before the first marked one
LONGEST = 320  # characters
_MOST_MATCHES = 400  # of one article that are looked at

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
        """`groups[i]` are the places of the words that stand for word i, which weighs `weights[i]`."""
        self.segment = segment
        self.groups = [group for group in groups if len(group)][:255]
        self._weights = np.zeros(len(self.groups) + 1, np.float32)
        self._weights[1:] = [w for group, w in zip(groups, weights, strict=True) if len(group)][
            :255
        ]

    def matches(self, doc: int) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
        """Tokens of an article that are marked, and of which group (from 1) each is."""
        arrays = self.segment.arrays
        ptr = arrays["tokens.ptr"]
        stream = arrays["tokens.words"][ptr[doc] : ptr[doc + 1]]
        group_of = self.segment.scratch()
        for number, group in enumerate(self.groups, 1):
            group_of[group] = number
        try:
            found = group_of[stream]
        finally:
            for group in self.groups:
                group_of[group] = 0
        at = np.flatnonzero(found)[:_MOST_MATCHES]
        return at, found[at]

    def excerpt(self, doc: int) -> Excerpt:
        """Title, best section and its best passage, each with the words of the query marked."""
        arrays = self.segment.arrays
        at, groups = self.matches(doc)
        low, high = arrays["regions.ptr"][doc : doc + 2].tolist()
        region_tokens = arrays["regions.token"][low:high]
        kinds = arrays["regions.kind"][low:high]
        region_of = np.searchsorted(region_tokens, at, side="right") - 1
        best = self._best_region(kinds, arrays["regions.section"][low:high], region_of, groups)
        first_token, bytes_at = int(arrays["tokens.ptr"][doc]), int(arrays["texts.ptr"][doc])
        place = _Place(arrays, first_token, bytes_at, int(arrays["texts.ptr"][doc + 1]) - bytes_at)
        title_end = int(arrays["regions.byte"][low + 1]) if high - low > 1 else place.size
        title, title_marks = place.marked(0, title_end - 1, at[region_of == 0])
        if best < 0:
            return Excerpt(title, title_marks, 0, "", ())
        start = int(arrays["regions.byte"][low + best])
        end = int(arrays["regions.byte"][low + best + 1]) if low + best + 1 < high else place.size
        chosen = region_of == best
        tokens = (
            int(region_tokens[best]),
            int(region_tokens[best + 1]) if best + 1 < len(kinds) else int(arrays["tokens.ptr"][doc + 1]) - first_token,
        )  # fmt: skip
        text, marks = self._passage(place, start, end - 1, tokens, at[chosen], groups[chosen])
        return Excerpt(title, title_marks, int(arrays["regions.section"][low + best]), text, marks)

    def _best_region(
        self,
        kinds: NDArray[np.uint8],
        sections: NDArray[np.int32],
        region_of: NDArray[np.intp],
        groups: NDArray[np.uint8],
    ) -> int:
        """The body region whose section holds most of the query; its heading counts with it.

        The first body region where the query stands in none, -1 where there is no body at all.
        """
        bodies = np.flatnonzero(kinds == Kind.BODY)
        if not len(bodies):
            return -1
        inside = kinds[region_of] >= Kind.HEADING
        if not inside.any():
            return int(bodies[0])
        held = np.zeros((int(sections.max()) + 1, len(self._weights)), np.float32)
        held[sections[region_of[inside]], groups[inside]] = 1.0
        headed = inside & (kinds[region_of] == Kind.HEADING)
        held[sections[region_of[headed]], groups[headed]] = 1.5
        worth = held @ self._weights
        return int(bodies[np.argmax(worth[sections[bodies]])])

    def _passage(
        self,
        place: "_Place",
        start: int,
        end: int,
        tokens: tuple[int, int],
        at: NDArray[np.intp],
        groups: NDArray[np.uint8],
    ) -> tuple[str, Marks]:
        """The stretch of about `WINDOW` words that holds most of the query."""
        first = self._window(at.tolist(), groups.tolist()) if len(at) else tokens[0]
        from_token = max(tokens[0], first - BEFORE)
        if from_token - tokens[0] <= BEFORE:
            from_token = tokens[0]
        to_token = min(tokens[1], from_token + WINDOW)
        low = start if from_token == tokens[0] else place.start(from_token)
        high = end if to_token == tokens[1] else place.end(to_token - 1)
        text, marks = place.marked(low, high, at[(at >= from_token) & (at < to_token)])
        return _shortened(text, marks, low > start, high < end)

    def _window(self, at: Sequence[int], groups: Sequence[int]) -> int:
        """The match to begin with, so that the window's distinct words weigh most."""
        weights = self._weights.tolist()
        best, best_worth = at[0], -1.0
        for i, first in enumerate(at):
            seen: set[int] = set()
            worth = 0.0
            for j in range(i, min(i + WINDOW, len(at))):
                if at[j] - first > WINDOW - BEFORE:
                    break
                worth += weights[groups[j]] * (0.05 if groups[j] in seen else 1.0)
                seen.add(groups[j])
            if worth > best_worth + 1e-6:
                best, best_worth = first, worth
        return best


class _Place:
    """An article's text in its segment, cut by bytes."""

    def __init__(
        self, arrays: Mapping[str, NDArray[np.generic]], token: int, byte: int, size: int
    ) -> None:
        self._arrays, self._token, self._byte, self.size = arrays, token, byte, size

    def start(self, token: int) -> int:
        return int(self._arrays["tokens.start"][self._token + token])

    def end(self, token: int) -> int:
        return int(self._arrays["tokens.end"][self._token + token])

    def marked(self, low: int, high: int, at: NDArray[np.intp]) -> tuple[str, Marks]:
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
