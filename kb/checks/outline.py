"""Where an article's Markdown leads and what can be linked to, without making HTML of it.

Rendering tells the same and takes thirty times as long; `read` says None where only rendering can
tell: blocks of HTML, reference links, code that may or may not be code.
"""

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property

from markdown import Markdown
from markdown.inlinepatterns import LINK_RE, LinkInlineProcessor

from kb.checks.prose import CODE, HTML_COMMENT
from kb.content.articles import Article, heading_text
from kb.content.markup import Link, heading_ids
from kb.content.markup.link_targets import anchor, resolve


@dataclass(frozen=True)
class Outline:
    """Links and images within the folder, and images of other sites."""

    article: Article
    links: tuple[Link, ...]

    @cached_property
    def anchors(self) -> tuple[str, ...]:
        """The anchors that are sure, in order; see `may_have`."""
        return tuple(dict.fromkeys(_anchors(self.article)))

    def may_have(self, wanted: str) -> bool:
        """Whether rendering might show this anchor all the same: a repeated or unusual heading.

        The words of an anchor stand in the text.
        """
        words = re.sub(r"-\d+$", "", wanted.removeprefix("h-"))
        is_of_tool = self.article.dialect in heading_ids.OTHER  # whose ids are other words
        return is_of_tool or wanted in self.anchors or words in self._words

    @cached_property
    def _words(self) -> str:
        return anchor(self.article.body)


_MOST_LOOSE = 300  # brackets of a paragraph that begin no link; more may take a renderer minutes
_FENCE = re.compile(r"(?:[-*+]|\d{1,9}[.)])?[ \t>]*(`{3,}|~{3,})([^`]*)$")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_INCLUDE = re.compile(r"\[!INCLUDE\s*\[([^\]\n]*)\]\([^)\n]*\)\s*\]", re.I)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()>#+.!|-])")
_OPENING = re.compile(r"(!?)\[")
_SIMPLE = re.compile(r"""([^\[\]\\<>]*)\]\(([^\s()<>"'\\]+)\)""")
_SIGNS = re.compile(r"\][(:]|<|\{|:::|\[\[|-8<-|#\|")  # of anything but plain text
_UNSURE = re.compile(
    r"^ {0,3}(?:>[ ]?)*\[[^\]\n]+\]:"  # a reference or footnote: `[name]: …`
    r"|^(?:[^|\n][^\n]*)?</?(?!(?:a|abbr|b|br|cite|code|del|em|i|img|ins|kbd|mark|q|s|samp|small|span|strong|sub|sup"
    r"|u|var|wbr)\b|https?:|mailto:|[\w.+-]+@)[a-z!?]"  # HTML outside of sentences and tables
    r"|=\{|\{[:{%]",  # of other tools: JSX, kramdown, Jekyll, Hugo
    re.I | re.M,
)
_TAGS = re.compile(
    r"\[\[|\{\{|\{%|-8<-|#\||[ \t]=\d*%?x\d*%?[ \t]*\)"
)  # of other tools, in which links may stand
_COLON_IMAGE = re.compile(r":::\s*image\b([^\n]*?):::", re.I)
_HTML_LINK = re.compile(r"<(a|img)\s([^<>]*)>", re.I)
_ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")
_ID = re.compile(r"""\b(?:id|name)\s*=\s*["']?([^\s"'<>]+)""")
_OWN_ID = re.compile(r"\s*\{#([^\s{}<>&\"]+)\}\s*$")


_RENDERED = frozenset(("docsify", "vitepress"))  # tools with ids of headings of their own


class _Unsure(Exception):
    """Only rendering can tell."""


def read(article: Article) -> Outline | None:
    """The outline of an article, or None where it must be rendered to be known."""
    if article.path.lower().endswith(".mdx") or article.dialect in _RENDERED:
        return None
    try:
        return Outline(
            article,
            tuple(
                link
                for number, paragraph in _paragraphs(_uncommented(article.body))
                for link in _links(paragraph, number, article.path)
            ),
        )
    except _Unsure:
        return None


def _uncommented(body: str) -> list[str]:
    """The lines of the body without what stands in comments."""
    if "<!--" in body:
        body = HTML_COMMENT.sub(_emptied, body)
    return body.split("\n")


def _emptied(comment: re.Match[str]) -> str:
    """As many line ends as the comment has; one that begins within a line may end anywhere."""
    breaks = comment[0].count("\n")
    before = comment.string[comment.string.rfind("\n", 0, comment.start()) + 1 : comment.start()]
    if breaks and before.strip(" \t>"):
        raise _Unsure
    return "\n" * breaks


def _paragraphs(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The text between empty lines, with the number of its first line; code is left out."""
    held: list[str] = []
    fence = ""
    column = 0  # where the text of the last list item begins; 0 outside lists
    was_empty, was_code = True, False
    for number, line in enumerate(lines, 1):
        text = line.lstrip(" \t")
        if not text or text.isspace():
            if held and not fence:
                yield number - len(held), "\n".join(held)
                held = []
            was_empty = True
            continue
        found = _FENCE.match(text) if "```" in text or "~~~" in text else None
        if fence:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
            continue
        if found:
            fence = found[1]
            if held:
                yield number - len(held), "\n".join(held)
                held = []
            continue
        indent = len(line[: len(line) - len(text)].expandtabs(4))
        item = _ITEM.match(text)
        if was_empty and indent < 2 and not item:
            column = 0
        if indent - column >= 4 and (was_empty or was_code):
            was_code, was_empty = True, False
            if column and ("[" in text or "<" in text):
                raise _Unsure  # code in a list item, or an item of a deeper list
            continue
        if item:
            column = indent + item.end()
        was_empty = was_code = False
        held.append(line)
    if held:
        yield len(lines) + 1 - len(held), "\n".join(held)


def _links(paragraph: str, first: int, path: str) -> Iterator[Link]:
    if paragraph.count("[") - paragraph.count("](") > _MOST_LOOSE or ">" * 40 in paragraph:
        raise _Unsure
    if not _SIGNS.search(paragraph):
        return
    if "`" in paragraph:
        paragraph = CODE.sub(lambda found: "x" + "\n" * found[0].count("\n"), paragraph)
    if "[!" in paragraph:
        paragraph = _INCLUDE.sub("x", paragraph)
    if _TAGS.search(paragraph):
        raise _Unsure
    is_plain = "<" not in paragraph and "]:" not in paragraph and "{" not in paragraph
    if not is_plain and _UNSURE.search(paragraph):
        raise _Unsure
    if "\\" in paragraph:
        paragraph = _ESCAPED.sub(
            lambda found: "x" if found[1] in "[]()<>`" else found[1], paragraph
        )
    if "](" in paragraph:
        yield from _bracketed(paragraph, first, path)
    for found in _COLON_IMAGE.finditer(paragraph) if ":::" in paragraph else ():
        values = _values(found[1])
        line = first + paragraph.count("\n", 0, found.start())
        yield from _link(values.get("source", ""), values.get("alt-text", ""), line, path, True)
    for found in _HTML_LINK.finditer(paragraph) if "<" in paragraph else ():
        values = _values(found[2])
        is_image = found[1].lower() == "img"
        target = values.get("src" if is_image else "href")
        if target is None:
            continue
        line = first + paragraph.count("\n", 0, found.start())
        yield from _link(target, values.get("alt", ""), line, path, is_image)


def _values(attributes: str) -> dict[str, str]:
    return {
        name.lower(): html.unescape(value.strip("\"'")).strip()
        for name, value in _ATTRIBUTE.findall(attributes)
    }


def _bracketed(paragraph: str, first: int, path: str) -> Iterator[Link]:
    """`[text](address "title")` and `![text](address)`, read by Python-Markdown's own reader."""
    reader = _reader()
    for found in _OPENING.finditer(paragraph):
        if simple := _SIMPLE.match(paragraph, found.end()):
            text, target = simple.groups()
            at = simple.start(2)
        else:
            text, at, is_whole = reader.getText(paragraph, found.end())
            if not is_whole or paragraph[at : at + 1] != "(":
                continue
            target, _, _, is_whole = reader.getLink(paragraph, at)
            if not is_whole:
                continue
        line = first + paragraph.count("\n", 0, at)
        yield from _link(html.unescape(target), text, line, path, bool(found[1]))


@cache
def _reader() -> LinkInlineProcessor:
    converter = Markdown()
    converter.convert("x")  # makes the store of nodes that the reader looks into
    return LinkInlineProcessor(LINK_RE, converter)


def _link(target: str, alt: str, line: int, path: str, is_image: bool = False) -> Iterator[Link]:
    """The link, unless it leads to another site and is no image."""
    url = resolve(target, path, image=is_image)
    if (is_image and target) or (not is_image and not re.match("https?:|mailto:|tel:", url, re.I)):
        yield Link(target, line, is_image, alt if is_image else "", url)


def _anchors(article: Article) -> Iterator[str]:
    """Anchors of headings and of HTML; a heading that repeats the title is not shown."""
    with suppress(_Unsure):
        for _, paragraph in _paragraphs(_uncommented(article.body)):
            for line in paragraph.split("\n"):
                if "#" in line and (found := _HEADING.fullmatch(line)):
                    own = _OWN_ID.search(found[1])
                    heading = heading_text(_INCLUDE.sub(r"\1", found[1]))
                    if heading.casefold() == article.title.casefold():
                        continue
                    yield anchor(own[1] if own else heading)
                if "<" in line:
                    yield from (anchor(html.unescape(found)) for found in _ID.findall(line))
