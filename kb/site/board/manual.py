"""The manual of the board: articles that come with the product, shown to leads alone.

A team's own base does not hold them, and its customers should not find them there.
"""

import re
from functools import lru_cache
from typing import Final

from flask import abort, g, request
from flask.typing import ResponseReturnValue

from kb.base import resources
from kb.catalog import Page
from kb.content import articles, markup
from kb.site import article_html, url_prefix
from kb.site.board.sign_in import leads
from kb.site.context import kb, render

PAGES: Final = (
    "board",
    "letters",
    "people",
    "numbers",
    "reading-misses",
    "what-is-counted",
    "learned-lines",
    "privacy",
)
_LANGS: Final = ("ru", "en")
_LINK = re.compile(r'<a [^>]*?href="/articles/([^"#]+)(#[^"]*)?"[^>]*>(.*?)</a>', re.S)


@leads.get("/help/<name>")
def manual(name: str) -> ResponseReturnValue:
    """A page of the manual in the language of the interface, else in English."""
    if name not in PAGES:
        abort(404)
    title, lang, html = _page(name, str(g.lang) if g.lang in _LANGS else "en")
    body = url_prefix.added(_LINK.sub(_reachable, html), request.script_root)
    return render("leads/help.html", title=title, in_lang=lang, body=body)


@lru_cache(len(PAGES) * len(_LANGS))
def _page(name: str, lang: str) -> tuple[str, str, str]:
    path = f"{lang}/support/{name}.md"
    article = articles.parse(path, (resources.folder("articles") / path).read_bytes()).article
    if article is None:
        raise ValueError(f"the manual's {path} is no article")
    rendered = markup.render(article.body, path=path, lang=lang, title=article.title)
    return article.title, lang, article_html.prepared(rendered.html)


def _reachable(link: re.Match[str]) -> str:
    """The link, if it leads within the manual or to an article served here; else its text."""
    slug, anchor, words = link[1], link[2] or "", link[3]
    place, _, name = slug.rpartition("/")
    if place in [f"{lang}/support" for lang in _LANGS] and name in PAGES:
        return f'<a href="/leads/help/{name}{anchor}">{words}</a>'
    return link[0] if isinstance(kb().article(slug), Page) else words
