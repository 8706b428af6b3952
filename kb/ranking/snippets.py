"""Cuts snippets: the best section of a hit and the words to mark. Ranks no articles."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kb.index.document import Kind, cut
from kb.index.segment import Segment
from kb.ranking.matching import Matches

WINDOW = 32  # words of a snippet
BEFORE = 6  # of them before the first marked one
LONGEST = 320  # characters
MOST = 256  # matched words of an article that are looked at
HEADED = 1.5  # weight of a word in the heading of the section
ADDED = 0.1  # of the query, that a section must hold beyond title and beginning to be linked
BEGINNING = -1  # stands for the section of a passage that is no section
_TITLE, _SUMMARY = int(Kind.TITLE), int(Kind.SUMMARY)
_HEADING, _BODY, _CLOSING = int(Kind.HEADING), int(Kind.BODY), int(Kind.CLOSING)
_ATTACHED = int(Kind.ATTACHED)
ATTACHED = 0.7  # weight of a word in a file: the article's own sections are preferred
MOST_ATTACHED = 64  # matched words of a page of a file that are looked at
AGAIN = 0.05  # weight of a word that the passage holds already

Marks = tuple[tuple[int, int], ...]
TokenMatches = Sequence[tuple[int, int]]  # number of a token, and of the word it matches


class Excerpt(NamedTuple):
    """The parts of an article's text that a result list shows."""

    title: str
    title_marks: Marks
    section: int  # number of the section it is cut from; `BEGINNING`: the article itself
    text: str
    marks: Marks


class Highlighter:
    """Cuts excerpts from the articles that match a query."""

    def __init__(self, matches: Matches) -> None:
        self._matches = matches
        # A synonym weighs less, so a passage with the word itself is preferred.
        own = [each.query_weight for each in matches.sought]
        self._gain = [*own, *(each.query_weight * each.synonym_weight for each in matches.sought)]

    def excerpts(self, units: Sequence[int]) -> list[Excerpt]:
        """Title, best section and its best passage of some of the articles, with their marks."""
        matches = self._matches
        tokens = matches.gathered("token", matches.unit, matches.place)
        words = matches.word + np.where(matches.is_form, 0, len(matches.sought))
        lows = matches.unit.searchsorted(units).tolist()
        highs = matches.unit.searchsorted(units, side="right").tolist()
        found = []
        for unit, low, high in zip(units, lows, highs, strict=True):
            end = low + int(matches.place[low:high].searchsorted(matches.own_end[unit]))
            own, attached = (
                list(zip(tokens[some].tolist(), words[some].tolist(), strict=True))
                for some in (slice(low, min(end, low + MOST)), slice(end, high))
            )
            found.append(self._excerpt(unit, own, attached))
        return found

    def _excerpt(self, unit: int, own: TokenMatches, attached: TokenMatches) -> Excerpt:
        article = _ArticleText(*self._matches.corpus.locate(int(self._matches.docs[unit])))
        found = article.by_region([*own, *self._best_page(article, attached)])
        title, marks = article.marked(*article.bytes(0), found.get(0, ()))
        best = self._body(article, found)
        if best < 0:
            return Excerpt(title, marks, BEGINNING, "", ())
        section = BEGINNING if best == article.beginning else article.sections[best]
        text, text_marks = self._passage(article, best, found.get(best, ()))
        return Excerpt(title, marks, section, text, text_marks)

    def _best_page(self, article: "_ArticleText", attached: TokenMatches) -> TokenMatches:
        """Of the words in files those of the page whose distinct words weigh most."""
        best: TokenMatches = ()
        most = 0.0
        for page in article.by_region(attached).values():
            seen: set[int] = set()
            gain = 0.0
            for _, word in page:
                if word not in seen:
                    seen.add(word)
                    gain += self._gain[word]
            if gain > most:
                best, most = page[:MOST_ATTACHED], gain
        return best

    def _body(self, article: "_ArticleText", found: Mapping[int, TokenMatches]) -> int:
        """The region to cut the passage from; -1 for none.

        It is the body of the section that holds most of the query, among those that hold some of
        it beyond the title and the beginning; else the beginning. A word of a heading counts more,
        one in a file less.
        """
        words, front = len(self._matches.sought), set[int]()
        by_section: dict[int, dict[int, float]] = {}
        headed: set[int] = set()
        for region, some in found.items():
            kind, section = article.kinds[region], article.sections[region]
            if article.is_front(region):
                front.update([word % words for _, word in some])
            elif kind >= _HEADING:
                if kind == _HEADING:
                    headed.add(section)
                share = {_HEADING: HEADED, _ATTACHED: ATTACHED}.get(kind, 1.0)
                held = by_section.setdefault(section, {})
                for _, word in some:
                    if held.get(word, 0.0) < share:
                        held[word] = share
        needed = ADDED * sum(self._gain[:words])
        best, most = article.beginning, -1.0
        for section, held in by_section.items():
            gains = [(word, share * self._gain[word]) for word, share in held.items()]
            added = sum([gain for word, gain in gains if word % words not in front])
            total = sum([gain for _, gain in gains])
            region = article.body(section, section in headed)
            if region >= 0 and 0 < added >= needed and total > most:
                best, most = region, total
        return best

    def _passage(
        self, article: "_ArticleText", region: int, found: TokenMatches
    ) -> tuple[str, Marks]:
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

    def _window(self, found: TokenMatches) -> int:
        """The token to begin with, so that the window's distinct words weigh most."""
        best, best_gain = found[0][0], -1.0
        for i, (first, _) in enumerate(found):
            gain = 0.0
            seen = 0
            for token, word in found[i : i + WINDOW]:
                if token - first > WINDOW - BEFORE:
                    break
                gain += self._gain[word] * (AGAIN if seen >> word & 1 else 1 + AGAIN)
                seen |= 1 << word
            if gain > best_gain + 1e-6:
                best, best_gain = first, gain
        return best


class _ArticleText:
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

    def by_region(self, found: TokenMatches) -> dict[int, list[tuple[int, int]]]:
        """The words to mark, by region."""
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

    @cached_property
    def beginning(self) -> int:
        """The first body; -1 for none."""
        return next((i for i, kind in enumerate(self.kinds) if kind in (_BODY, _CLOSING)), -1)

    def is_front(self, region: int) -> bool:
        """Whether a region is read first: title, short answer, and the section of the beginning."""
        if self.kinds[region] >= _HEADING:
            at = self.beginning
            return at >= 0 and bool(self.sections[region] == self.sections[at])
        return self.kinds[region] in (_TITLE, _SUMMARY)

    def body(self, section: int, is_asked: bool) -> int:
        """The first body of a section, -1 for none; of a closing one only if it is asked for."""
        for region, kind in enumerate(self.kinds):
            if self.sections[region] == section and (
                kind in (_BODY, _ATTACHED) or (is_asked and kind == _CLOSING)
            ):
                return region
        return -1

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

    def marked(self, low: int, high: int, found: TokenMatches) -> tuple[str, Marks]:
        """Bytes `low` to `high` as text, with the tokens found as marks in characters."""
        data = bytes(self._view["texts.blob"][self._byte + low : self._byte + max(high, low)])
        if not found:
            return data.decode("utf-8", "replace"), ()
        starts, ends, base = self._view["tokens.start"], self._view["tokens.end"], self._token
        pieces: list[str] = []
        marks: list[tuple[int, int]] = []
        done = length = 0
        for token, _ in found:
            start, end = starts[base + token] - low, min(ends[base + token], high) - low
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
