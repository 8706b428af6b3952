"""Renderer of articles: Markdown to safe HTML, sections and plain text. Opens no file.

Syntax of other tools is translated, Python-Markdown writes HTML, nh3 sanitises it by a list of what
is allowed, and one pass over the result sets ids and links and collects the sections.
"""

import html
import re
from collections.abc import Collection
from urllib.parse import unquote

from kb.content.markup import embeds, tables
from kb.content.markup.admonitions import TITLES
from kb.content.markup.html_pass import HtmlPass, plain_words
from kb.content.markup.link_targets import BY_NAME
from kb.content.markup.models import APPENDED, Inclusions, Link, Rendered, Section, TooDeep
from kb.content.markup.tags import Context
from kb.content.markup.translate import reads_mdx, translate

__all__ = [
    "VERSION",
    "Inclusions",
    "Link",
    "Rendered",
    "Section",
    "TooDeep",
    "load",
    "render",
    "unknown_tags",
]

VERSION = "10"  # of what `render` makes of the same text; a new one makes every rendering new

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
    also: Collection[str] = (),
    inclusions: Inclusions | None = None,
    titled: bool = False,
) -> Rendered:
    """Renders the Markdown `body` of the article at `path`.

    `lang` is the language of the words added, such as titles of admonitions. A first heading equal
    to `title` is left out; `titled` says that the title itself was a heading above the body, which
    counts where a tool numbers equal headings. `dialect` names the tool that the folder is written
    for, `also` further tools whose syntax is met there, `inclusions` what other files hold for it.
    `remote_images` keeps images of other sites; else they become links. Has no time limit: see
    `kb.base.sandbox`. Raises TooDeep.
    """
    own = lang if lang in TITLES else "en"
    context = _context(path, own, {dialect, *also}, inclusions)
    source = _without_title(_html(body, context), title)
    if "hugo" in context.tools:
        source = _TERM.sub(_with_anchor, source)
    done = HtmlPass(
        path, own, remote_images=remote_images, shift="<h1" in source, dialect=dialect,
        title=title or "" if titled else "",
    )  # fmt: skip
    done.run(source)
    return Rendered(
        done.html(), done.sections(), _placed(done.links, body), done.summary, tuple(done.ids)
    )


def load(tools: Collection[str]) -> None:
    """Loads what `render` needs for folders of these tools, before rendering processes are forked.

    Otherwise each of them would load it for itself.
    """
    render("", path="", lang="en")
    if "mkdocs" in tools:
        render("", path="", lang="en", dialect="mkdocs")


def _html(body: str, context: Context) -> str:
    """The sanitised HTML, by the parser that the folder was written for."""
    # Who only reads pages loads no Markdown.
    from kb.content.markup.cleaning import clean

    return clean(embeds.linked(tables.joined(_converted(body, context)), context.lang))


def _converted(body: str, context: Context) -> str:
    translated, _ = translate(body, context)
    if "mkdocs" in context.tools:
        from kb.content.markup import python_markdown

        appended = (text for name, text in context.included.items() if name.startswith(APPENDED))
        return python_markdown.convert("\n\n".join((translated, *appended)))
    from kb.content.markup import commonmark

    return commonmark.convert(
        translated,
        is_mdx=reads_mdx(context),
        titled_callouts=bool(context.tools & {"obsidian", "vitepress"}),
        html_holds="jekyll" in context.tools,
    )


def unknown_tags(
    body: str,
    dialect: str,
    path: str = "",
    also: Collection[str] = (),
    inclusions: Inclusions | None = None,
) -> list[tuple[str, int]]:
    """Tags of tools that have no meaning here, each with its line of the body from 1."""
    return translate(body, _context(path, "en", {dialect, *also}, inclusions))[1]


def _context(
    path: str, lang: str, tools: Collection[str], inclusions: Inclusions | None
) -> Context:
    given = inclusions or Inclusions()
    return Context(path, lang, frozenset(tools), given.texts, given.variables)


_TERM = re.compile(r"<dt>(.*?)</dt>", re.S)


def _with_anchor(term: re.Match[str]) -> str:
    """A term of a definition list that links may lead to, as Hugo makes them."""
    name = plain_words(_ANY_TAG.sub("", term[1]))
    return f'<dt id="{html.escape(name, quote=True)}">{term[1]}</dt>'


def _without_title(source: str, title: str | None) -> str:
    if not title:
        return source
    found = _HEADING.search(source)
    if (
        found
        and plain_words(_ANY_TAG.sub("", found[2])).casefold() == " ".join(title.split()).casefold()
    ):
        id_ = _ID.search(found[0][: found.start(2) - found.start()])
        place = f'<a id="{id_[1]}"></a>' if id_ else ""
        return source[: found.start()] + place + source[found.end() :]
    return source


_ID = re.compile(r'\bid="([^"]*)"')


def _written(target: str) -> str:
    """A target as the article holds it: a name without the scheme that translation put before."""
    named = BY_NAME.match(target)
    return unquote(target[named.end() :].partition("#")[0]) if named else target


def _placed(links: list[Link], body: str) -> tuple[Link, ...]:
    """The links with their lines; each is searched for behind the one before it."""
    placed = []
    at = line = 0
    for link in links:
        written = _written(link.target)
        found = body.find(written, at)
        if found >= 0:
            line += body.count("\n", at, found)
            at = found
            placed.append(Link(link.target, line + 1, link.image, link.alt, link.url))
        else:
            first = body.find(written)
            number = body.count("\n", 0, first) + 1 if first >= 0 else 1
            placed.append(Link(link.target, number, link.image, link.alt, link.url))
    return tuple(placed)
