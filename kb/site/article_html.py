"""Article HTML for its page: highlighted query, sections that explain why, scrolling tables.

The HTML was sanitised when it was indexed; nothing here adds text.
"""

import re
from collections.abc import Iterator
from html import escape, unescape
from itertools import islice

from kb.language import morphology, query_words, tokens

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_VOID = frozenset(["area", "br", "col", "hr", "img", "input", "link", "source", "track", "wbr"])
_UNMARKED = frozenset(["pre", "script", "style", "svg"])
_HEADING = re.compile(r"<h([1-6])\b")
_LEVEL = re.compile(r"<(/?)h([1-6])\b")
_SOURCE = re.compile(r'\ssrc="([^"]+)"')
_SAYS = re.compile(r'\salt="[^"]*[^"\s]')  # what the image shows
_OPENING = 600  # characters
_HEADINGS = re.compile(r"<h([1-6])\b.*?</h\1>", re.DOTALL)
_TITLE = re.compile(r"\s*<h1\b.*?</h1>", re.DOTALL)
_WHY = re.compile(r"почему\b|отчего\b|причин|why\b|the reason|cause", re.IGNORECASE)


def prepared(html: str, query: str = "") -> str:
    """The body of an article as its page shows it, with the words of `query` highlighted."""
    body = _levelled(_explained(_untitled(html)))
    return highlighted(_scrolling(_enlargeable(body)), query)


def opening(html: str) -> str:
    """The text that an article begins with, after its title."""
    return text_of("".join(islice(top_level_parts(_untitled(html)), 4)))[:_OPENING]


def top_level_parts(html: str) -> Iterator[str]:
    """The elements and texts at the top level, in order; joined, they are `html`."""
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


def text_of(html: str) -> str:
    """The text of the HTML, white space collapsed."""
    return " ".join(unescape(_TAG.sub("", html)).split())


def _untitled(html: str) -> str:
    """The HTML without a leading `<h1>`: the page shows the title itself."""
    title = _TITLE.match(html)
    return html[title.end() :] if title else html


def _explained(html: str) -> str:
    """The HTML with each section that explains a cause inside `<section class="why">`."""
    if not any(_says_why(heading[0]) for heading in _HEADINGS.finditer(html)):
        return html
    done: list[str] = []
    inside = 0  # level of the heading that opened the section
    for part in top_level_parts(html):
        heading = _HEADING.match(part)
        level = int(heading[1]) if heading else 7
        if inside and level <= inside:
            done.append("</section>")
            inside = 0
        if heading and not inside and _says_why(part):
            done.append('<section class="why">')
            inside = level
        done.append(part)
    return "".join(done) + ("</section>" if inside else "")


def _says_why(heading: str) -> bool:
    return _WHY.match(text_of(heading).removeprefix("#")) is not None


def _levelled(html: str) -> str:
    """The HTML with headings of level 2 and below, none of which skips a level."""
    above: list[int] = []  # the levels of the heading and those it stands under, as written

    def level(heading: re.Match[str]) -> str:
        closing, written = heading[1], int(heading[2])
        if not closing:
            while above and above[-1] >= written:
                above.pop()
            above.append(written)
        return f"<{closing}h{min(len(above) + 1, 6)}"

    return _LEVEL.sub(level, html)


def _enlargeable(html: str) -> str:
    """The HTML with images that say what they show linked to their files, unless linked already."""
    if "<img" not in html:  # as in most: no need to look at each tag
        return html
    done: list[str] = []
    at = inside = 0  # `inside` counts open links and pictures
    for tag in _TAG.finditer(html):
        name = tag[2].lower()
        if name in ("a", "picture"):
            inside += -1 if tag[1] else 1
        elif name == "img" and inside <= 0 and _SAYS.search(tag[0]):
            source = _SOURCE.search(tag[0])
            if source:
                done += html[at : tag.start()], f'<a class="zoom" href="{source[1]}">{tag[0]}</a>'
                at = tag.end()
    return "".join(done) + html[at:]


def _scrolling(html: str) -> str:
    """The HTML with tables and code in boxes that scroll, by keyboard too."""
    html = re.sub(r"<table\b", '<div class="scroll" tabindex="0"><table', html)
    html = html.replace("</table>", "</table></div>")
    return re.sub(r"<pre\b(?![^>]*tabindex)", '<pre tabindex="0"', html)


def highlighted(html: str, query: str) -> str:
    """The HTML with the words of the query, in any form, inside `<mark>`."""
    wanted = {
        lemma
        for word in tokens.plain_words(query)
        if word not in query_words.STOP
        for lemma in morphology.lemmas(word)
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
    for token in tokens.tokens(words):
        if token.start >= at and wanted.intersection(morphology.lemmas(token.text)):
            done += (
                escape(words[at : token.start], quote=False),
                f"<mark>{escape(words[token.start : token.end], quote=False)}</mark>",
            )
            at = token.end
    return "".join(done) + escape(words[at:], quote=False) if done else between
