"""The manual of the board, out of the articles that come with the product. Searches nothing.

A team's own base does not hold them, and its customers should not find them there.
"""

import re
from functools import lru_cache
from typing import Final

from flask import abort, g, render_template
from flask.typing import ResponseReturnValue

from kb import articles, markup, prose, shipped
from kb.front import kb
from kb.leads.door import leads
from kb.service import Page

PAGES: Final = ("board", "numbers", "reading-misses", "what-is-counted", "privacy")
_LANGS: Final = ("ru", "en")
_LINK = re.compile(r'<a [^>]*?href="/articles/([^"#]+)(#[^"]*)?"[^>]*>(.*?)</a>', re.S)


@leads.get("/help/<name>")
def manual(name: str) -> ResponseReturnValue:
    """One page of the manual in the reader's language, else in English."""
    if name not in PAGES:
        abort(404)
    title, lang, html = _page(name, str(g.lang) if g.lang in _LANGS else "en")
    body = _LINK.sub(_leading_somewhere, html)
    return render_template("leads/help.html", title=title, in_lang=lang, body=body)


@lru_cache(len(PAGES) * len(_LANGS))
def _page(name: str, lang: str) -> tuple[str, str, str]:
    path = f"{lang}/support/{name}.md"
    article = articles.parse(path, (shipped.folder("articles") / path).read_bytes()).article
    if article is None:
        raise ValueError(f"the manual's {path} is no article")
    rendered = markup.render(article.body, path=path, lang=lang, title=article.title)
    return article.title, lang, prose.dressed(rendered.html)


def _leading_somewhere(link: re.Match[str]) -> str:
    """A link within the manual, or to an article that is served here; else its words alone."""
    slug, anchor, words = link[1], link[2] or "", link[3]
    place, _, name = slug.rpartition("/")
    if place in [f"{lang}/support" for lang in _LANGS] and name in PAGES:
        return f'<a href="/leads/help/{name}{anchor}">{words}</a>'
    return link[0] if isinstance(kb().article(slug), Page) else words
