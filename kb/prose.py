"""An article's sanitised HTML made ready for reading: marks, the why, scrolling. Adds no text."""

import re
from collections.abc import Iterator
from html import escape, unescape

from kb import text

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_VOID = frozenset(["area", "br", "col", "hr", "img", "input", "link", "source", "track", "wbr"])
_UNMARKED = frozenset(["pre", "script", "style", "svg"])
_HEADING = re.compile(r"<h([1-6])\b")
_WHY = re.compile(r"почему\b|отчего\b|причин|why\b|the reason|cause", re.IGNORECASE)


def dressed(html: str, query: str = "") -> str:
    """The article's body as its page shows it, the words of `query` marked."""
    return marked(_scrolling(_explained(_untitled(list(nodes(html))))), query)


def nodes(html: str) -> Iterator[str]:
    """The elements and texts at the top of the tree; joined, they are the HTML."""
    depth = begin = 0
    for tag in _TAG.finditer(html):
        closing, name = bool(tag[1]), tag[2].lower()
        if name in _VOID:
            continue
        if not closing:
            if depth == 0 and tag.start() > begin:
                yield html[begin : tag.start()]
                begin = tag.start()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                yield html[begin : tag.end()]
                begin = tag.end()
    if begin < len(html):
        yield html[begin:]


def plain(html: str) -> str:
    """What is read of the HTML."""
    return " ".join(unescape(_TAG.sub("", html)).split())


def _untitled(parts: list[str]) -> list[str]:
    """Without the `<h1>` that begins it: the page has the title already."""
    for at, part in enumerate(parts):
        if part.strip():
            heading = _HEADING.match(part)
            return parts[at + 1 :] if heading and heading[1] == "1" else parts
    return parts


def _explained(parts: list[str]) -> str:
    """Sections that say why something happens stand in a `<section class="why">`."""
    done: list[str] = []
    inside = 0  # level of the heading that opened the section
    for part in parts:
        heading = _HEADING.match(part)
        level = int(heading[1]) if heading else 7
        if inside and level <= inside:
            done.append("</section>")
            inside = 0
        if heading and not inside and _WHY.match(plain(part)):
            done.append('<section class="why">')
            inside = level
        done.append(part)
    return "".join(done) + ("</section>" if inside else "")


def _scrolling(html: str) -> str:
    """Wide tables and code scroll by themselves, by keyboard too."""
    html = re.sub(r"<table\b", '<div class="scroll" tabindex="0"><table', html)
    html = html.replace("</table>", "</table></div>")
    return re.sub(r"<pre\b(?![^>]*tabindex)", '<pre tabindex="0"', html)


def marked(html: str, query: str) -> str:
    """The words of the query in `<mark>`, in whatever form the article has them."""
    wanted = {
        lemma
        for word in text.plain_words(query)
        if word not in text.STOP
        for lemma in text.lemmas(word)
    }
    if not wanted:
        return html
    done: list[str] = []
    at = 0
    unmarked = ""
    for tag in _TAG.finditer(html):
        between = html[at : tag.start()]
        done += (between if unmarked else _marked(between, wanted)), tag[0]
        at = tag.end()
        name = tag[2].lower()
        if not unmarked and not tag[1] and name in _UNMARKED:
            unmarked = name
        elif unmarked == name and tag[1]:
            unmarked = ""
    done.append(_marked(html[at:], wanted))
    return "".join(done)


def _marked(between: str, wanted: set[str]) -> str:
    if not between.strip():
        return between
    words, at = unescape(between), 0
    done: list[str] = []
    for token in text.tokens(words):
        if token.start >= at and wanted.intersection(text.lemmas(token.text)):
            done += (
                escape(words[at : token.start], quote=False),
                f"<mark>{escape(words[token.start : token.end], quote=False)}</mark>",
            )
            at = token.end
    return "".join(done) + escape(words[at:], quote=False) if done else between
