"""The best section of a hit, with the words to mark, from prepared places. Ranks no articles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.analysis import Kind, cut
from kb.instant import Scores
from kb.matches import LIKE, SYNONYM, Matches

WINDOW = 32  # words of a snippet
BEFORE = 6  # of them before the first marked one
LONGEST = 320  # characters
_HEADING, _BODY = int(Kind.HEADING), int(Kind.BODY)
_FEW = 16  # matches that are looked at one by one
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
    """Cuts excerpts from articles of a query's matches."""

    def __init__(self, matches: Matches) -> None:
        self._matches = matches
        # A synonym weighs less, so a passage with the word itself is preferred.
        own = [each.mass for each in matches.sought]
        others = [each.mass * each.other_weight for each in matches.sought]
        self._each = [*own, *others]
        self._weights = np.array(self._each, np.float32)

    def excerpts(self, units: Sequence[int]) -> list[Excerpt]:
        """Title, best section and its best passage of some of the articles, with their marks."""
        return [self._excerpt(seen) for seen in self._seen(units)]

    def _seen(self, units: Sequence[int]) -> Iterator["_Seen"]:
        """Where the words of the query stand in the articles; all are looked through at once."""
        matches = self._matches
        chosen, of = self._chosen(units)
        at = matches.gathered("token", chosen).astype(np.int64)
        groups = matches.word[chosen] + len(matches.sought) * (matches.kind[chosen] == SYNONYM)
        places = [matches.corpus.locate(int(matches.docs[unit])) for unit in units]
        regions = []
        for segment, doc in places:
            low, high = segment.arrays["regions.ptr"][doc : doc + 2].tolist()
            regions.append((segment.arrays, slice(low, high)))
        edges = np.cumsum([0, *(each.stop - each.start for _, each in regions)])
        starts = np.concatenate([arrays["regions.token"][each] for arrays, each in regions])
        kinds = np.concatenate([arrays["regions.kind"][each] for arrays, each in regions])
        sections = np.concatenate([arrays["regions.section"][each] for arrays, each in regions])
        owner = np.repeat(np.arange(len(units)), np.diff(edges))
        apart = np.int64(1) << 32  # no article has so many tokens
        region = np.searchsorted(starts + owner * apart, at + of * apart, side="right") - 1
        worth = self._worth(kinds, owner, sections, region, groups)
        bounds = np.searchsorted(of, np.arange(len(units) + 1)).tolist()
        for number, (segment, doc) in enumerate(places):
            low, high = bounds[number], bounds[number + 1]
            a, b = int(edges[number]), int(edges[number + 1])
            yield _Seen(
                _Place(segment.arrays, doc),
                kinds[a:b].tolist(),
                sections[a:b].tolist(),
                worth[a:b],
                starts[a:b].tolist(),
                segment.arrays["regions.byte"][regions[number][1]].tolist(),
                at[low:high],
                groups[low:high],
                region[low:high] - a,
            )

    def _chosen(self, units: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """The matches to mark in each article, and which of `units` each is in."""
        bounds, kind = self._matches.bounds, self._matches.kind
        spans = [np.arange(bounds[unit], bounds[unit + 1]) for unit in units]
        whole = np.concatenate(spans)
        of = np.repeat(np.arange(len(units)), [len(span) for span in spans])
        marked = kind[whole] != LIKE
        return whole[marked], of[marked]

    def _worth(
        self,
        kinds: NDArray[np.uint8],
        of: NDArray[np.int64],
        sections: NDArray[np.int32],
        region: NDArray[np.int64],
        groups: NDArray[np.int64],
    ) -> Scores:
        """How much of the query the section of each region holds; its heading counts more."""
        size = int(sections.max(initial=0)) + 1
        place = of * size + sections
        held = np.zeros(((int(of.max(initial=0)) + 1) * size, len(self._weights)), np.float32)
        inside = kinds[region] >= _HEADING
        held[place[region[inside]], groups[inside]] = 1.0
        headed = kinds[region] == _HEADING
        held[place[region[headed]], groups[headed]] = 1.5
        worth: Scores = (held @ self._weights)[place]
        return np.where(kinds == _BODY, worth, np.float32(-1))

    def _excerpt(self, seen: "_Seen") -> Excerpt:
        place = seen.place
        title_end = seen.bytes[1] if len(seen.bytes) > 1 else place.size
        title, title_marks = place.marked(0, title_end - 1, seen.at[seen.region == 0])
        best = int(np.argmax(seen.worth))
        if seen.kinds[best] != _BODY:
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

    def _window(self, at: NDArray[np.int64], groups: NDArray[np.int64]) -> int:
        """The match to begin with, so that the window's distinct words weigh most."""
        if len(at) <= _FEW:
            return self._window_of_few(at.tolist(), groups.tolist())
        seen = np.zeros((len(at) + 1, len(self._weights)), np.float32)
        seen[np.arange(1, len(at) + 1), groups] = 1.0
        np.cumsum(seen, axis=0, out=seen)
        ends = np.searchsorted(at, at + (WINDOW - BEFORE), side="right")
        held = seen[ends] - seen[:-1]
        worth = (np.minimum(held, 1.0) + _AGAIN * held) @ self._weights
        return int(at[np.argmax(worth)])

    def _window_of_few(self, at: list[int], groups: list[int]) -> int:
        """The same, match by match: for a few that is faster."""
        best, best_worth = at[0], -1.0
        for i, first in enumerate(at):
            worth = 0.0
            seen = 0
            for place, group in zip(at[i:], groups[i:], strict=True):
                if place - first > WINDOW - BEFORE:
                    break
                worth += self._each[group] * (_AGAIN if seen >> group & 1 else 1 + _AGAIN)
                seen |= 1 << group
            if worth > best_worth + 1e-6:
                best, best_worth = first, worth
        return best


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
    groups: NDArray[np.int64]
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
