"""The lines of an article outside code and comments, for rules that look at Markdown itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kb.content.articles import Article

HTML_COMMENT = re.compile(r"<!--.*?-->", re.S)
CODE = re.compile(r"(?<!\\)(`+)(.+?)(?<!`)\1(?!`)", re.S)  # in a sentence
_FENCE = re.compile(r"([ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)(`{3,}|~{3,})([^`\n]*)$")
# What begins a block whose text is indented: a list item, a note or tab of MkDocs, a footnote.
_ITEM = re.compile(
    r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)]|!!!|\?\?\?\+?|===[!+]?)[ \t]|\[\^[^\]]+\]:|:   )"
)
_ALONE = re.compile(r"[ \t>]*(?:\||#{1,6}[ \t])")  # a row of a table, a heading
_INDENTED = re.compile(r"(?: {4}|\t)")
_HTML_CODE = re.compile(r"<(pre|code|script|style|svg|textarea)\b.*?(?:</\1>|\Z)", re.S | re.I)
_RAW = re.compile(r"\{%-?\s*raw.*?endraw\s*-?%\}|\{\{<\s*highlight.*?/highlight\s*>\}\}", re.S)


class Line(NamedTuple):
    """A line of the body, code taken out."""

    number: int  # from 1
    text: str
    written: str  # with its code


@dataclass(frozen=True, slots=True)
class Prose:
    """An article without its code."""

    lines: list[Line]
    open_fence: int = 0  # the line of a fence that never ends, 0 for none


def read(article: Article) -> Prose:
    """The article's lines outside blocks of code; code in sentences is signs that say nothing."""
    body = article.body
    for pattern in (HTML_COMMENT, _RAW):
        body = pattern.sub(_blank, body)
    lines: list[Line] = []
    fence, began, margin = "", 0, 0
    is_list, was_empty = False, True
    for number, text in enumerate(body.split("\n"), 1):
        found = _FENCE.match(text) if "```" in text or "~~~" in text else None
        if fence:
            if found and _closes(found, fence, margin):
                fence = ""
            continue
        if found:
            fence, began, margin = found[2], number, _width(found[1])
            continue
        bare = text.strip()
        if bare:
            is_item = bool(_ITEM.match(text))
            if was_empty and not is_item and not text[0].isspace():
                is_list = False
            is_list = is_list or is_item
            if was_empty and not is_list and _INDENTED.match(text):
                continue  # a block of code, which goes on until a line that is not indented
        was_empty = not bare
        if bare:
            lines.append(Line(number, text, text))
    return Prose(_without_code(lines), began if fence else 0)


def _closes(found: re.Match[str], fence: str, margin: int) -> bool:
    """Whether a fence ends the block that `fence`, indented by `margin`, began."""
    is_alike = found[2].startswith(fence) and not found[3].strip()
    return is_alike and _width(found[1]) < margin + 4


def _width(indent: str) -> int:
    return len(indent.expandtabs(4))


def _without_code(lines: list[Line]) -> list[Line]:
    """The lines with code in sentences and HTML replaced by signs that say nothing."""
    if not lines:
        return lines
    whole = "\n".join(line.text for line in lines)
    if "`" in whole:
        whole = "\n".join(CODE.sub(_blank, paragraph) for paragraph in _paragraphs(lines))
    if "<" in whole:
        whole = _HTML_CODE.sub(_blank, whole)
    return [
        Line(line.number, text, line.written)
        for line, text in zip(lines, whole.split("\n"), strict=True)
    ]


def _paragraphs(lines: list[Line]) -> Iterator[str]:
    """The texts that code in sentences does not reach out of."""
    held: list[str] = []
    before = 0
    for line in lines:
        is_alone = bool(_ALONE.match(line.text))
        if held and (is_alone or line.number != before + 1):
            yield "\n".join(held)
            held = []
        held.append(line.text)
        before = 0 if is_alone else line.number
    yield "\n".join(held)


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "\ue000", found[0])
