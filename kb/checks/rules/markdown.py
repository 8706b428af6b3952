"""Markdown that is not shown as it was meant: fences, tables, HTML, references, headings, notes."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from kb.base.messages import Message
from kb.checks.prose import Line
from kb.checks.rules.base import Base, Finding, line_of, rule
from kb.content import scaffold
from kb.content.articles import Article
from kb.content.markup.link_targets import BY_NAME
from kb.content.tools import DIPLODOC


def _lines(base: Base) -> Iterator[tuple[Article, list[Line]]]:
    """The articles that are asked about, with their lines outside code."""
    for article in base.articles:
        if base.is_asked(article.path):
            yield article, base.prose(article).lines


@rule("unclosed-fence", "warning")
def _unclosed_fence(base: Base) -> Iterator[Finding]:
    """A block of code begins and never ends: all that follows is shown as code."""
    for article in base.articles:
        if base.is_asked(article.path) and (number := base.prose(article).open_fence):
            yield Finding(
                article,
                line_of(article, number),
                Message("the block of code that begins here never ends"),
                Message("close it by a line of the same signs"),
            )


# ---------------------------------------------------------------- tables

_DELIMITER = re.compile(
    r"\|?(?:[ \t]*:?-+:?[ \t]*\|)+(?:[ \t]*:?-+:?[ \t]*)?|\|?[ \t]*:?-{3,}:?[ \t]*\|"
)
_ROW = re.compile(r"\|.*\|.*\|\s*")
_CELL_END = re.compile(r"(?<!\\)\|")


@rule("broken-table", "warning")
def _broken_table(base: Base) -> Iterator[Finding]:
    """Rows that look like a table are none: the line of hyphens is missing or of another width."""
    for article, lines in _lines(base):
        for number, message in _tables(lines) if "|" in article.body else ():
            cure = Message("below the first row write `|---|---|`, with a `---` for each column")
            yield Finding(article, line_of(article, number), message, cure)


def _tables(lines: list[Line]) -> Iterator[tuple[int, Message]]:
    """First lines of blocks that look like a table and are none."""
    at = 0
    while at < len(lines):
        block = []
        while at < len(lines) and lines[at].written.strip().startswith("|"):
            block.append(lines[at])
            at += 1
        at += 1
        if len(block) < 2 or not all(_ROW.fullmatch(line.written.strip()) for line in block[:2]):
            continue
        second = block[1].text.strip()
        if any(line.text.strip().startswith(("||", "|#", "#|")) for line in block):
            continue  # a table of Diplodoc
        if not _DELIMITER.fullmatch(second):
            if not any(_DELIMITER.fullmatch(line.text.strip()) for line in block):
                yield (
                    block[0].number,
                    Message("these rows are no table: no line `|---|` below the first"),
                )
        elif _width(second) != _width(block[0].written):
            yield (
                block[1].number,
                Message(
                    "the line of hyphens has {n} columns, the row above {others}",
                    n=_width(second),
                    others=_width(block[0].written),
                ),
            )


def _width(row: str) -> int:
    return len(_CELL_END.split(row.strip().removeprefix("|").removesuffix("|")))


# ---------------------------------------------------------------- HTML

_PAIRED = (
    "aside|blockquote|center|details|div|dl|figure|iframe|ol|picture|section|summary|table|ul|video"
)
_HTML = re.compile(rf"<(/?)({_PAIRED})\b[^<>]*?(/?)>", re.I)


@rule("unclosed-html", "warning")
def _unclosed_html(base: Base) -> Iterator[Finding]:
    """An HTML element is opened and not closed, or closed and not opened."""
    for article, lines in _lines(base):
        for number, message, cure in _unclosed(lines) if "<" in article.body else ():
            yield Finding(article, line_of(article, number), message, cure)


def _unclosed(lines: list[Line]) -> Iterator[tuple[int, Message, Message]]:
    opened: dict[str, list[int]] = {}
    starts = list(accumulate((len(line.text) + 1 for line in lines), initial=0))
    for found in _HTML.finditer("\n".join(line.text for line in lines)):  # a tag may take lines
        number = lines[bisect_right(starts, found.start()) - 1].number
        closing, name, alone = found.groups()
        places = opened.setdefault(name.lower(), [])
        if closing and places:
            places.pop()
        elif closing:
            message = Message("`</{name}>` closes what was not opened", name=name.lower())
            yield number, message, Message("remove it, or open the element before")
        elif not alone:
            places.append(number)
    for name, places in opened.items():
        for number in places:
            message = Message("`<{name}>` is not closed", name=name)
            yield number, message, Message("write `</{name}>` where it ends", name=name)


# ---------------------------------------------------------------- references and links

_DEFINED = re.compile(r"^[ \t]*(?:>[ ]?)*\[([^\]\n]+)\]:", re.M)
_FULL = re.compile(r"(?<![\w\]\\!)])!?\[([^\[\]\n]+)\]\[([^\[\]\n]*)\](?![(:\[])")
_NOTE = re.compile(r"(?<!\\)\[\^([^\[\]\s]+)\](?![:(])")
_EMPTY = re.compile(r"(?<![!@\\\]])\[([^\[\]\n]*)\]\(\s*(<>|[^()\s]*)\s*\)(?!\{)")  # else an anchor


_TITLED = re.compile(r"#.|[^\s#:]+\.(?:md|ya?ml)(?:#|$)", re.I)


@rule("undefined-reference", "warning")
def _undefined_reference(base: Base) -> Iterator[Finding]:
    """`[text][name]` or `[^name]` names a link or footnote that is defined nowhere."""
    for article, lines in _lines(base):
        if "][" not in article.body and "[^" not in article.body:
            continue
        texts = (article.body, *_included(base, article))
        defined = {_name(name) for text in texts for name in _DEFINED.findall(text)}
        for line in lines:
            for written in _undefined(line, defined):
                yield Finding(
                    article,
                    line_of(article, line.number),
                    Message("{written} is defined nowhere", written=written),
                    Message("add a line `[name]: …`, or write the address in round brackets"),
                )


def _included(base: Base, article: Article) -> Iterable[str]:
    """The texts of other files that the article holds: MkDocs appends definitions to pages."""
    included = base.inclusions.get(article.path)
    return included.texts.values() if included else ()


def _undefined(line: Line, defined: set[str]) -> Iterator[str]:
    text = line.text
    if "][" in text:
        for found in _FULL.finditer(text):
            words, name = found.groups()
            named = name or line.written[found.start(1) : found.end(1)]
            if _name(named) not in defined and not words.startswith("^"):
                yield line.written[found.start() : found.end()]
    if "[^" in text:
        for name in _NOTE.findall(text):
            if _name(f"^{name}") not in defined:
                yield f"[^{name}]"


def _name(written: str) -> str:
    return " ".join(written.casefold().split())


@rule("empty-link", "warning")
def _empty_link(base: Base) -> Iterator[Finding]:
    """A link has no words to press, or leads to no address."""
    for article, lines in _lines(base):
        for line in lines:
            for words, target in _EMPTY.findall(line.text) if "](" in line.text else ():
                if words.strip() and target.strip("<>"):
                    continue
                if article.dialect == DIPLODOC and _TITLED.match(target):
                    continue  # the title of the target is put in
                lacks = "words" if target.strip("<>") else "address"
                yield Finding(
                    article,
                    line_of(article, line.number),
                    Message("a link to {target} has no words", target=target)
                    if lacks == "words"
                    else Message("the link “{words}” has no address", words=words),
                    Message("write [words](address), or drop the link"),
                )


_OTHER_SCHEME = re.compile(
    r"\]\(\s*<?((?!https?:|mailto:|tel:)[A-Za-z][A-Za-z0-9+.-]*:[^\s)>]*|\\\\[^\s)>]+)", re.I
)


@rule("link-lost", "warning")
def _link_lost(base: Base) -> Iterator[Finding]:
    """The address of a link is of a kind that pages do not open, so only its words are shown."""
    for article, lines in _lines(base):
        for line in lines:
            for target in _OTHER_SCHEME.findall(line.text) if "](" in line.text else ():
                if not BY_NAME.match(target):
                    yield Finding(
                        article,
                        line_of(article, line.number),
                        Message("the link loses its address: {target}", target=target),
                        Message("use http, https, mailto or tel, or write the address as text"),
                    )


# ---------------------------------------------------------------- headings and notes

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(?!\[[^\]\n]*\]\(#tab/)\S")


@rule("skipped-heading", "hint")
def _skipped_heading(base: Base) -> Iterator[Finding]:
    """A heading is more than one level below the one before it."""
    for article, lines in _lines(base):
        level = 0
        for line in lines:
            found = _HEADING.match(line.text)
            if found:
                if level and len(found[1]) > level + 1:
                    yield Finding(
                        article,
                        line_of(article, line.number),
                        Message(
                            "a heading of level {next} follows one of level {before}",
                            next=len(found[1]),
                            before=level,
                        ),
                        Message("write `{signs}`", signs="#" * (level + 1)),
                    )
                level = len(found[1])


_NOTE_TO_SELF = re.compile(
    r"\b(?:TODO|FIXME)\b(?=:|\(\w)|^(?:[-*+>][ \t]*)*(?:TODO|FIXME)\.*$"
    r"|\bTB[DA]\b(?=[\s.:|)]|$)"
)


@rule("unfinished", "warning")
def _unfinished(base: Base) -> Iterator[Finding]:
    """The text still holds a note such as TODO or TBD, or a line that `kb new` wrote."""
    placeholders = scaffold.placeholders()
    for article, lines in _lines(base):
        for line in lines:
            text = line.text.strip()
            if text in placeholders or (found := _NOTE_TO_SELF.search(text)):
                note = text if text in placeholders else found[0].strip() if found else ""
                yield Finding(
                    article,
                    line_of(article, line.number),
                    Message("unfinished: {note}", note=note),
                    Message("write what is meant, or mark the article `draft: yes`"),
                )
                break
