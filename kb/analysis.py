"""One article to all that the index holds of it: HTML, sections, words. Writes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from kb import text
from kb.articles import Article
from kb.markup import Link, Rendered, Section


class Kind(IntEnum):
    """What part of an article a region of its text is."""

    TITLE = 0
    ANSWERS = 1
    TAGS = 2
    SUMMARY = 3  # the `answer` of the front matter
    HEADING = 4
    BODY = 5


@dataclass(frozen=True, slots=True)
class Analysed:
    """An article, rendered and cut into words.

    `text` is what snippets are cut from: the regions one after another, each ended by a newline.
    Token i is `words[i]`, folded, and stands at bytes `starts[i]:ends[i]` of the UTF-8 of `text`;
    `compounds[i]` says that it is a whole whose parts follow as tokens of their own.
    Region j is of kind `kinds[j]`, belongs to section `of_section[j]` and begins with token
    `first_token[j]` and byte `first_byte[j]`.
    """

    article: Article
    html: str
    sections: tuple[Section, ...]  # without their texts
    links: tuple[Link, ...]
    anchors: tuple[str, ...]
    short_answer: str  # the `answer` of the front matter, else the first paragraph
    text: str
    words: list[str]
    starts: NDArray[np.uint32]
    ends: NDArray[np.uint32]
    compounds: NDArray[np.bool_]
    kinds: NDArray[np.uint8]
    of_section: NDArray[np.int32]
    first_token: NDArray[np.uint32]
    first_byte: NDArray[np.uint32]

    def words_of(self, *kinds: Kind) -> list[str]:
        """The words of the regions of these kinds, in order, without compounds."""
        bounds = [*self.first_token.tolist(), len(self.words)]
        whole = self.compounds.tolist()
        return [
            self.words[i]
            for j, kind in enumerate(self.kinds.tolist())
            if kind in kinds
            for i in range(bounds[j], bounds[j + 1])
            if not whole[i]
        ]


def cut(line: str, length: int) -> str:
    """The beginning of a line, ended by “…” at a word where it is longer than `length`."""
    if len(line) <= length:
        return line
    head = line[:length]
    at = head.rfind(" ")
    return head[: at if at > length // 2 else length].rstrip(" ,.;:—–-") + "…"


def analyse(article: Article, rendered: Rendered) -> Analysed:
    """The words and places of a rendered article."""
    regions = list(_regions(article, rendered.sections))
    whole = "".join(part + "\n" for _, _, part in regions)
    found = text.tokens(whole)
    at_char = np.fromiter((token.start for token in found), np.int64, len(found))
    to_char = np.fromiter((token.end for token in found), np.int64, len(found))
    byte_at = _byte_offsets(whole)
    edges = np.cumsum([0, *(len(part) + 1 for _, _, part in regions)])[:-1]
    return Analysed(
        article=article,
        html=rendered.html,
        sections=tuple(Section(s.anchor, s.title, s.level, "") for s in rendered.sections),
        links=rendered.links,
        anchors=rendered.anchors,
        short_answer=article.answer or rendered.summary,
        text=whole,
        words=[token.text for token in found],
        starts=byte_at[at_char].astype(np.uint32),
        ends=byte_at[to_char].astype(np.uint32),
        compounds=np.fromiter((token.compound for token in found), bool, len(found)),
        kinds=np.array([kind for kind, _, _ in regions], np.uint8),
        of_section=np.array([section for _, section, _ in regions], np.int32),
        first_token=np.searchsorted(at_char, edges).astype(np.uint32),
        first_byte=byte_at[edges].astype(np.uint32),
    )


def _regions(article: Article, sections: Iterable[Section]) -> Iterable[tuple[Kind, int, str]]:
    yield Kind.TITLE, 0, _line(article.title)
    for answer in article.answers:
        yield Kind.ANSWERS, 0, _line(answer)
    if article.tags or article.category:
        yield Kind.TAGS, 0, _line(", ".join((*article.tags, article.category)))
    if article.answer:
        yield Kind.SUMMARY, 0, _line(article.answer)
    for number, section in enumerate(sections):
        if section.title:
            yield Kind.HEADING, number, _line(section.title)
        if section.text:
            yield Kind.BODY, number, text.clean(section.text)


def _line(value: str) -> str:
    return " ".join(text.clean(value).split())


def _byte_offsets(whole: str) -> NDArray[np.int64]:
    """Where each character (and the end) of `whole` begins in its UTF-8."""
    points = np.frombuffer(whole.encode("utf-32-le"), np.uint32)
    sizes = 1 + (points > 0x7F) + (points > 0x7FF) + (points > 0xFFFF)
    offsets = np.zeros(len(points) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets
