"""Analyses an article: its HTML, sections, text and words. Writes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.base import resources
from kb.content.articles import Article
from kb.content.markup import Link, Rendered, Section
from kb.language import tokens


class Kind(IntEnum):
    """The part of an article that a region of its text is."""

    TITLE = 0
    ANSWERS = 1
    LEARNED = 2  # a question of readers that the article solved; no reader is shown it
    TAGS = 3
    SUMMARY = 4  # the `answer` of the front matter
    HEADING = 5
    BODY = 6
    CLOSING = 7  # the body of a section that leads on: “See also”
    ATTACHED = 8  # a page of a file that the article links to


class AttachedSection(NamedTuple):
    """A page of a file that an article links to, or the whole file; a section of the article."""

    url: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Analysed:
    """An article, rendered and cut into words.

    `text` is what snippets are cut from: the regions one after another, each ended by a newline.
    Token i is `words[i]`, folded, and stands at bytes `starts[i]:ends[i]` of the UTF-8 of `text`;
    `extras[i]` says that it is no word of a query (`tokens.Token`).
    Region j is of kind `kinds[j]`, belongs to section `of_section[j]` and begins with token
    `first_token[j]` and byte `first_byte[j]`. `claims[j]` says how surely the article answers the
    question that it holds: 1 by its writer's word, less by what readers did, 0 if it is none.
    The sections of `attached` are numbered after `sections`.
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
    extras: NDArray[np.bool_]
    kinds: NDArray[np.uint8]
    of_section: NDArray[np.int32]
    first_token: NDArray[np.uint32]
    first_byte: NDArray[np.uint32]
    claims: NDArray[np.float32]
    attached: tuple[AttachedSection, ...] = ()  # without their texts


class _Region(NamedTuple):
    """A part of the text of an article."""

    kind: Kind
    section: int
    text: str
    claim: float = 0.0


_CLOSING = frozenset(
    tuple(tokens.plain_words(line)) for line in resources.lines("closing_headings.txt")
)


def cut(line: str, length: int) -> str:
    """The beginning of a line, ended by “…” at a word where it is longer than `length`."""
    if len(line) <= length:
        return line
    head = line[:length]
    at = head.rfind(" ")
    return head[: at if at > length // 2 else length].rstrip(" ,.;:—–-") + "…"


def analyse(article: Article, rendered: Rendered) -> Analysed:
    """Cuts a rendered article into words, with the place of each in its text."""
    return Analysed(
        article=article,
        html=rendered.html,
        sections=tuple(Section(s.anchor, s.title, s.level, "") for s in rendered.sections),
        links=rendered.links,
        anchors=rendered.anchors,
        short_answer=article.answer or rendered.summary,
        **_cut(list(_regions(article, rendered.sections))),
    )


def with_learned(doc: Analysed, lines: Mapping[str, float]) -> Analysed:
    """The article with these learned lines and no others; each with its claim, 0–1."""
    old = _regions_of(doc)
    at = sum(region.kind < Kind.LEARNED for region in old)
    kept = [region for region in old if region.kind != Kind.LEARNED]
    learned = [_Region(Kind.LEARNED, 0, _line(text), claim) for text, claim in lines.items()]
    return replace(doc, **_cut([*kept[:at], *learned, *kept[at:]]))


def with_attached(doc: Analysed, sections: Sequence[AttachedSection]) -> Analysed:
    """The article with these pages of files that it links to, and no others."""
    kept = [region for region in _regions_of(doc) if region.kind != Kind.ATTACHED]
    pages = [
        _Region(Kind.ATTACHED, number, tokens.clean(section.text))
        for number, section in enumerate(sections, len(doc.sections))
    ]
    attached = tuple(section._replace(text="") for section in sections)
    return replace(doc, attached=attached, **_cut([*kept, *pages]))


def _regions_of(doc: Analysed) -> list[_Region]:
    """The regions that an analysed article was cut from."""
    whole = doc.text.encode()
    ends = [*doc.first_byte[1:].tolist(), len(whole)]
    return [
        _Region(Kind(kind), section, whole[start : end - 1].decode(), claim)
        for kind, section, start, end, claim in zip(
            doc.kinds.tolist(), doc.of_section.tolist(), doc.first_byte.tolist(), ends,
            doc.claims.tolist(), strict=True,
        )
    ]  # fmt: skip


def _cut(regions: Sequence[_Region]) -> dict[str, Any]:
    """The text of an article and what tells its words and regions, as fields of `Analysed`."""
    whole = "".join(region.text + "\n" for region in regions)
    found = [*tokens.tokens(whole), *tokens.signs(whole)]
    found.sort(key=lambda token: token.start)
    at_char = np.fromiter((token.start for token in found), np.int64, len(found))
    to_char = np.fromiter((token.end for token in found), np.int64, len(found))
    byte_at = _byte_offsets(whole)
    edges = np.cumsum([0, *(len(region.text) + 1 for region in regions)])[:-1]
    return {
        "text": whole,
        "words": [token.text for token in found],
        "starts": byte_at[at_char].astype(np.uint32),
        "ends": byte_at[to_char].astype(np.uint32),
        "extras": np.fromiter((token.extra for token in found), bool, len(found)),
        "kinds": np.array([region.kind for region in regions], np.uint8),
        "of_section": np.array([region.section for region in regions], np.int32),
        "first_token": np.searchsorted(at_char, edges).astype(np.uint32),
        "first_byte": byte_at[edges].astype(np.uint32),
        "claims": np.array([region.claim for region in regions], np.float32),
    }


def _regions(article: Article, sections: Iterable[Section]) -> Iterable[_Region]:
    yield _Region(Kind.TITLE, 0, _line(article.title))
    for answer in article.answers:
        yield _Region(Kind.ANSWERS, 0, _line(answer), 1.0)
    if article.tags or article.category:
        yield _Region(Kind.TAGS, 0, _line(", ".join((*article.tags, article.category))))
    if article.answer:
        yield _Region(Kind.SUMMARY, 0, _line(article.answer))
    for number, section in enumerate(sections):
        if section.title:
            yield _Region(Kind.HEADING, number, _line(section.title))
        if section.text:
            kind = Kind.CLOSING if _is_closing(section.title) else Kind.BODY
            yield _Region(kind, number, tokens.clean(section.text))


def _is_closing(heading: str) -> bool:
    return tuple(tokens.plain_words(heading)) in _CLOSING


def _line(value: str) -> str:
    return " ".join(tokens.clean(value).split())


def _byte_offsets(whole: str) -> NDArray[np.int64]:
    """Where each character (and the end) of `whole` begins in its UTF-8."""
    points = np.frombuffer(whole.encode("utf-32-le"), np.uint32)
    sizes = 1 + (points > 0x7F) + (points > 0x7FF) + (points > 0xFFFF)
    offsets = np.zeros(len(points) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets
