"""Markdown to safe HTML, sections with anchors and plain text, in one pass. Opens no file.

Other systems' spellings become ours, Python-Markdown writes HTML, nh3 takes everything out of it
that is not on our list, and one walk over the result sets ids, addresses and titles and gathers the
sections.
"""

import re

from kb.markup.notes import TITLES
from kb.markup.spellings import not_understood, prepared
from kb.markup.values import Link, Rendered, Section
from kb.markup.walk import Walk, plain_words

__all__ = ["VERSION", "Link", "Rendered", "Section", "not_understood", "render"]

VERSION = "1"  # of what `render` makes of the same text; a new one makes every rendering new

_HEADING = re.compile(r"<h([1-6])[^<>]*>(.*?)</h\1>", re.S)
_ANY_TAG = re.compile(r"<[^<>]*>")


def render(
    body: str,
    *,
    path: str,
    lang: str,
    title: str | None = None,
    remote_images: bool = False,
    dialect: str = "",
) -> Rendered:
    """The Markdown `body` of the article at `path`, as its page and its index need it.

    `title` is shown by the page already: a first heading that repeats it is left out. `lang` is the
    language of what we add: titles of notes, names of links. `dialect` is the article's: other
    tools' tags are read where it is not "". Slow or deeply nested bodies are the
    caller's to stop (`limits`); this one may raise RecursionError.
    """
    from kb.markup.converter import clean_html  # who only reads pages loads no Markdown

    own = lang if lang in TITLES else "en"
    source = clean_html(prepared(body, path, own, dialect))
    source = _without_title(source, title)
    walk = Walk(path, own, remote_images=remote_images, shift="<h1" in source, dialect=dialect)
    walk.through(source)
    return Rendered(
        walk.html(), walk.sections(), _placed(walk.links, body), walk.summary, tuple(walk.ids)
    )


def _without_title(source: str, title: str | None) -> str:
    if not title:
        return source
    found = _HEADING.search(source)
    if (
        found
        and plain_words(_ANY_TAG.sub("", found[2])).casefold() == " ".join(title.split()).casefold()
    ):
        return source[: found.start()] + source[found.end() :]
    return source


def _placed(links: list[Link], body: str) -> tuple[Link, ...]:
    """The links with their lines: each is looked for behind the one before it."""
    placed = []
    at = line = 0
    for link in links:
        found = body.find(link.target, at)
        if found >= 0:
            line += body.count("\n", at, found)
            at = found
            placed.append(Link(link.target, line + 1, link.image, link.alt, link.url))
        else:
            first = body.find(link.target)
            number = body.count("\n", 0, first) + 1 if first >= 0 else 1
            placed.append(Link(link.target, number, link.image, link.alt, link.url))
    return tuple(placed)
