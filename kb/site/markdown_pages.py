"""What programs read instead of pages: articles as Markdown, `llms.txt` and `llms-full.txt`.

The format of the lists is that of llmstxt.org. What lists do not show stands in none of them.
"""

import json
from collections.abc import Callable, Iterator
from itertools import groupby
from urllib.parse import unquote, urlsplit

from flask import Blueprint, Response, abort, redirect
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import TooManyRequests
from werkzeug.http import parse_accept_header

from kb.base.cache import Cache
from kb.cards import Card
from kb.catalog import Moved, Page
from kb.index.segment import article_url
from kb.site import context, current, formatting
from kb.site.context import kb, site

markdown_pages = Blueprint("markdown_pages", __name__)

MARKDOWN = "text/markdown"
LONGEST = 4_000_000  # characters of `llms-full.txt`; the articles beyond are told by number
_CACHED = "public, max-age=300"


# --- an article ---------------------------------------------------------------------------------


@markdown_pages.get("/articles/<path:slug>.md")
def markdown(slug: str) -> ResponseReturnValue:
    """An article as Markdown, or a redirect from a former address."""
    found = kb().article(slug)
    if isinstance(found, Moved) and not found.topic:
        return redirect(context.quoted(markdown_url(found.slug)), 301)
    if found is None or isinstance(found, Moved):
        abort(404)
    return response(found)


def is_asked_for() -> bool:
    """Whether the client would rather have Markdown than a page."""
    return _prefers_markdown[current.request().headers.get("Accept", "")]


def _is_markdown_best(accept: str) -> bool:
    accepted = parse_accept_header(accept, MIMEAccept)
    return accepted.best_match(["text/html", MARKDOWN]) == MARKDOWN


_prefers_markdown = Cache[str, bool](_is_markdown_best, megabytes=0.1)


def markdown_url(slug: str) -> str:
    """The address of an article as Markdown."""
    return f"{article_url(slug)}.md"


def named(address: str) -> Page | None:
    """The article with this slug or URL, now or formerly; None if there is none."""
    path = unquote(urlsplit(address.strip()).path)
    slug = path.partition("/articles/")[2] or path
    found = kb().article(slug.strip("/").removesuffix(".md"))
    if isinstance(found, Moved):
        found = None if found.topic else kb().article(found.slug)
    return found if isinstance(found, Page) else None


def response(page: Page) -> Response:
    """The article as Markdown, with its head."""
    made = Response(whole(page), content_type=f"{MARKDOWN}; charset=utf-8")
    made.headers["Cache-Control"] = "private, no-cache"
    made.headers["Link"] = f'<{context.absolute(article_url(page.slug))}>; rel="canonical"'
    made.vary.add("Accept")
    if page.unlisted:
        made.headers["X-Robots-Tag"] = "noindex"
    return made


def whole(page: Page) -> str:
    """The Markdown of an article: a head for programs, its title, its short answer and its text."""
    head = {
        "title": page.title,
        "lang": page.lang,
        "updated": page.updated.isoformat() if page.updated else "",
        "author": page.author,
        "url": context.absolute(article_url(page.slug)),
    }
    # A JSON text is one of YAML, too.
    lines = [
        f"{name}: {json.dumps(text, ensure_ascii=False)}" for name, text in head.items() if text
    ]
    return "\n".join(["---", *lines, "---", "", _text(page.slug, page.title, page.answer)])


def _text(slug: str, title: str, answer: str) -> str:
    body = kb().markdown(slug, context.absolute("/")) or ""
    short = " ".join(answer.split())
    lead = f"> {short}\n\n" if short and short not in body else ""
    return f"# {_one_line(title)}\n\n{lead}{body}\n"


# --- lists --------------------------------------------------------------------------------------


@markdown_pages.get("/llms.txt")
def listed(ui: str | None = None) -> ResponseReturnValue:
    """All articles with their short answers, by language and topic; of one language by prefix."""
    return _document("llms.txt", ui, _list)


@markdown_pages.get("/llms-full.txt")
def full(ui: str | None = None) -> ResponseReturnValue:
    """The text of all articles in one file; of one language by prefix."""
    if not context.is_within_rate("llms-full", 60, 3600):
        raise TooManyRequests("too many copies of the whole base; wait an hour")
    return _document("llms-full.txt", ui, _full)


def _document(name: str, ui: str | None, write: Callable[[list[Card]], Iterator[str]]) -> Response:
    """A text over all cards of a language."""

    def written() -> str:
        context.set_language(ui or site().languages.default)
        return "".join(write([card for card in kb().all_cards() if ui in (None, card.lang)]))

    text = context.document(f"{ui or ''}/{name}", written)
    made = Response(text, content_type="text/plain; charset=utf-8")
    made.headers["Cache-Control"] = _CACHED
    return made


def _list(cards: list[Card]) -> Iterator[str]:
    yield f"# {_one_line(site_title())}\n"
    what = formatting.gettext("Ready answers of the support team, as Markdown for programs.")
    yield f"\n> {what}\n"
    yield f"\n{_how_to_search()}\n"
    for (lang, path), group in groupby(cards, lambda card: (card.lang, card.path)):
        yield f"\n## {_one_line(' › '.join((formatting.own_name(lang), *path)))}\n\n"
        yield from map(_line, group)


def _line(card: Card) -> str:
    address = context.absolute(markdown_url(card.slug))
    answer = f": {_one_line(card.answer)}" if card.answer else ""
    title = _one_line(card.title).replace("[", "(").replace("]", ")")
    return f"- [{title}]({address}){answer}\n"


def _full(cards: list[Card]) -> Iterator[str]:
    yield f"# {_one_line(site_title())}\n"
    left = LONGEST
    for at, card in enumerate(cards):
        text = _text(card.slug, card.title, card.answer)
        left -= len(text)
        if left < 0:
            yield f"\n---\n\n{len(cards) - at} more articles: {context.absolute('/llms.txt')}\n"
            return
        yield f"\n---\n\n<{context.absolute(card.url)}>\n\n{text}"


def site_title() -> str:
    """The name of the site in the language of this request."""
    return site().settings.site_name or formatting.gettext("Help centre")


def _how_to_search() -> str:
    address = context.absolute("/api/search?q=")
    said: str = formatting.gettext("Search, with answers in JSON: %(address)s", address=address)
    return said


def _one_line(text: str) -> str:
    return " ".join(text.split())
