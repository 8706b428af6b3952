"""The best section of a hit, with the words to mark, from prepared places. Ranks no articles."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kb.analysis import Kind, cut
from kb.matches import Matches
from kb.segment import Segment

WINDOW = 32  # words of a snippet
BEFORE = 6  # of them before the first marked one
LONGEST = 320  # characters
MOST = 256  # marked words of an article that are looked at
HEADED = 1.5  # what a word counts that stands in the section's heading
_HEADING, _BODY = int(Kind.HEADING), int(Kind.BODY)
AGAIN = 0.05  # what a word counts that stands in the passage already

Marks = tuple[tuple[int, int], ...]
Found = Sequence[tuple[int, int]]  # number of a token, and of what it stands for


class Excerpt(NamedTuple):
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
        self._worth = [*own, *(each.mass * each.other_weight for each in matches.sought)]

    def excerpts(self, units: Sequence[int]) -> list[Excerpt]:
        """Title, best section and its best passage of some of the articles, with their marks."""
        matches = self._matches
        tokens = matches.gathered("token", matches.unit, matches.place)
        words = matches.word + np.where(matches.is_form, 0, len(matches.sought))
        lows = matches.unit.searchsorted(units).tolist()
        highs = matches.unit.searchsorted(units, side="right").tolist()
        found = []
        for unit, low, high in zip(units, lows, highs, strict=True):
            some = slice(low, min(high, low + MOST))
            marked = list(zip(tokens[some].tolist(), words[some].tolist(), strict=True))
            found.append(self._excerpt(unit, marked))
        return found

    def _excerpt(self, unit: int, marked: Found) -> Excerpt:
        article = _Article(*self._matches.corpus.locate(int(self._matches.docs[unit])))
        found = article.by_region(marked)
        title, marks = article.marked(*article.bytes(0), found.get(0, ()))
        best = article.body(self._best(article, found))
        if best < 0:
            return Excerpt(title, marks, 0, "", ())
        text, text_marks = self._passage(article, best, found.get(best, ()))
        return Excerpt(title, marks, article.sections[best], text, text_marks)

    def _best(self, article: "_Article", found: Mapping[int, Found]) -> list[int]:
        """The sections with words of the query, the one with most of it first.

        A word of the heading counts more.
        """
        held: dict[int, dict[int, float]] = {}
        for region, some in found.items():
            if article.kinds[region] >= _HEADING:
                share = HEADED if article.kinds[region] == _HEADING else 1.0
                words = held.setdefault(article.sections[region], {})
                for _, word in some:
                    if words.get(word, 0.0) < share:
                        words[word] = share
        worth = {
            section: sum([share * self._worth[word] for word, share in words.items()])
            for section, words in held.items()
        }
        return sorted(worth, key=lambda section: -worth[section])

    def _passage(self, article: "_Article", region: int, found: Found) -> tuple[str, Marks]:
        """At most 32 words of a section, with its words of the query that weigh most."""
        (begin, finish), (start, end) = article.tokens(region), article.bytes(region)
        first = self._window(found) if found else begin
        low = max(begin, first - BEFORE)
        if low - begin <= BEFORE:
            low = begin
        high = min(finish, low + WINDOW)
        left = start if low == begin else article.start(low)
        right = end if high == finish else article.end(high - 1)
        inside = [each for each in found if low <= each[0] < high]
        text, marks = article.marked(left, right, inside)
        return shortened(text, marks, left > start, right < end)

    def _window(self, found: Found) -> int:
        """The token to begin with, so that the window's distinct words weigh most."""
        best, best_worth = found[0][0], -1.0
        for i, (first, _) in enumerate(found):
            worth = 0.0
            seen = 0
            for token, word in found[i : i + WINDOW]:
                if token - first > WINDOW - BEFORE:
                    break
                worth += self._worth[word] * (AGAIN if seen >> word & 1 else 1 + AGAIN)
                seen |= 1 << word
            if worth > best_worth + 1e-6:
                best, best_worth = first, worth
        return best


class _Article:
    """An article's text in its segment, cut by bytes; its regions are titles, headings, bodies."""

    def __init__(self, segment: Segment, doc: int) -> None:
        self._view = view = segment.view
        low, high = view["regions.ptr"][doc], view["regions.ptr"][doc + 1]
        self.kinds = view["regions.kind"][low:high]
        self.sections = view["regions.section"][low:high]
        self._firsts = view["regions.token"][low:high]
        self._starts = view["regions.byte"][low:high]
        self._token, self._byte = view["tokens.ptr"][doc], view["texts.ptr"][doc]
        self._tokens = view["tokens.ptr"][doc + 1] - self._token
        self._size = view["texts.ptr"][doc + 1] - self._byte

    def by_region(self, found: Found) -> dict[int, list[tuple[int, int]]]:
        """The words to mark, apart for each region that has any."""
        regions: dict[int, list[tuple[int, int]]] = {}
        region, until = -1, 0
        some: list[tuple[int, int]] = []
        for each in found:
            if each[0] >= until:
                region = bisect_right(self._firsts, each[0], max(region, 0)) - 1
                until = self.tokens(region)[1]
                some = regions.setdefault(region, [])
            some.append(each)
        return regions

    def body(self, sections: Sequence[int]) -> int:
        """The body of the first of the sections that has one, else of the article; -1 for none."""
        bodies = [i for i, kind in enumerate(self.kinds) if kind == _BODY]
        for section in sections:
            for region in bodies:
                if self.sections[region] == section:
                    return region
        return bodies[0] if bodies else -1

    def tokens(self, region: int) -> tuple[int, int]:
        """The first token of a region and the one after its last."""
        after = region + 1
        end = self._firsts[after] if after < len(self._firsts) else self._tokens
        return self._firsts[region], end

    def bytes(self, region: int) -> tuple[int, int]:
        """The first byte of a region and the one after its last."""
        after = region + 1
        end = self._starts[after] if after < len(self._starts) else self._size
        return (self._starts[region], end - 1) if len(self._starts) else (0, 0)

    def start(self, token: int) -> int:
        """The byte a token begins at."""
        return int(self._view["tokens.start"][self._token + token])

    def end(self, token: int) -> int:
        """The byte after a token."""
        return int(self._view["tokens.end"][self._token + token])

    def marked(self, low: int, high: int, found: Found) -> tuple[str, Marks]:
        """Bytes `low` to `high` as text, with the tokens found as marks in characters."""
        data = bytes(self._view["texts.blob"][self._byte + low : self._byte + max(high, low)])
        if not found:
            return data.decode("utf-8", "replace"), ()
        starts, ends, base = self._view["tokens.start"], self._view["tokens.end"], self._token
        pieces: list[str] = []
        marks: list[tuple[int, int]] = []
        done = length = 0
        for token, _ in found:
            start, end = starts[base + token] - low, ends[base + token] - low
            if end <= done:  # a part of a compound that is marked already
                continue
            start = max(start, done)
            before, word = data[done:start].decode(), data[start:end].decode()
            pieces += (before, word)
            length += len(before)
            marks.append((length, length + len(word)))
            length += len(word)
            done = end
        pieces.append(data[done:].decode("utf-8", "replace"))
        return "".join(pieces), tuple(marks)


def shortened(text: str, marks: Marks, cut_before: bool, cut_after: bool) -> tuple[str, Marks]:
    """One line of at most `LONGEST` characters, with “…” where it was cut."""
    text = text.replace("\n", " ")
    if len(text) > LONGEST:
        text, cut_after = cut(text, LONGEST).removesuffix("…"), True
        marks = tuple((a, min(b, len(text))) for a, b in marks if a < len(text))
    if cut_before:
        text = "…" + text
        marks = tuple([(a + 1, b + 1) for a, b in marks])
    return (text + "…" if cut_after else text), marks
