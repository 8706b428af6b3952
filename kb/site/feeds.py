"""Documents for search engines, feed readers and browsers: sitemap, Atom feed, manifest."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from flask import Blueprint, Response, abort, redirect
from flask.typing import ResponseReturnValue

from kb.base.config import Settings
from kb.cards import Card
from kb.catalog import Page
from kb.index.segment import article_url
from kb.site import context, theme
from kb.site.context import kb, site
from kb.topic_pages import TopicLink, TopicPage

feeds = Blueprint("feeds", __name__)

_HIDDEN = (
    "/search", "/api/", "/leads/", "/contact", "/tell-me", "/leaving", "/sign-in", "/widget",
    "/metrics", "/articles/*/history",
)  # fmt: skip
_IN_FEED = 30  # articles
_DEFAULT_ACCENT = "#1a56db"


@feeds.get("/robots.txt")
def robots() -> ResponseReturnValue:
    """`robots.txt`: crawlers may read articles, not result pages."""
    codes = site().languages.codes
    hidden: tuple[str, ...] = (*_HIDDEN, *(f"/{code}/search" for code in codes))
    if site().settings.private:
        hidden = ("/",)
    lines = ["User-agent: *", *(f"Disallow: {context.url(path)}" for path in hidden)]
    text = "\n".join([*lines, "", f"Sitemap: {context.absolute('/sitemap.xml')}", ""])
    return _cacheable(text, "text/plain; charset=utf-8")


@feeds.get("/sitemap.xml")
def sitemap() -> ResponseReturnValue:
    """The sitemap: topics, and articles with date and translations; cached per build and day."""
    return _cacheable(context.document("sitemap.xml", _sitemap), "application/xml")


def _sitemap() -> str:
    pages = [(card, _alternates(card)) for card in kb().all_cards()]
    homes = [(code, f"/{code}/") for code in site().languages.codes]
    return context.render("sitemap.xml", pages=pages, homes=homes, topics=kb().topics())


def _alternates(card: Card) -> tuple[Card, ...]:
    others = kb().translations(card.slug)
    return (card, *others) if others else ()


@feeds.get("/feed.xml")
def atom_feed() -> ResponseReturnValue:
    """The Atom feed of the articles updated last."""
    context.set_language(None)
    return _feed(kb().changes(_IN_FEED), "/feed.xml", "/")


@feeds.get("/categories/<lang>/feed.xml")
@feeds.get("/categories/<lang>/<path:key>/feed.xml")
def topic_feed(lang: str, key: str = "") -> ResponseReturnValue:
    """The Atom feed of the articles under a topic, or of a language, updated last.

    That of an address that a topic had before it was one redirects to it.
    """
    context.set_language(lang)
    shown = kb().topic(key, lang)
    if shown is None:
        abort(404)
    if isinstance(shown, TopicLink):
        return redirect(context.feed_url(shown.key, shown.lang), 301)
    address = context.category_url(key, lang)
    return _feed(
        kb().changes_under(key, lang, _IN_FEED), context.feed_url(key, lang), address, shown
    )


def _feed(
    cards: Sequence[Card], address: str, page: str, topic: TopicPage | None = None
) -> Response:
    newest = max((card.updated for card in cards if card.updated), default=date(1970, 1, 1))
    text = context.render(
        "feed.xml", cards=cards, newest=newest, moment=_moment, address=address, page=page,
        topic=topic,
    )  # fmt: skip
    return _cacheable(text, "application/atom+xml")


def _moment(day: date) -> str:
    """Midnight UTC of a day as an Atom timestamp."""
    return datetime.combine(day, time(), UTC).isoformat().replace("+00:00", "Z")


@feeds.get("/opensearch.xml")
def opensearch() -> ResponseReturnValue:
    """The OpenSearch description, by which a browser searches here from its address bar."""
    context.set_language(None)
    text = context.render("opensearch.xml")
    return _cacheable(text, "application/opensearchdescription+xml")


@feeds.get("/manifest.webmanifest")
def manifest() -> ResponseReturnValue:
    """The web app manifest, by which a phone installs the site on its home screen."""
    lang = context.set_language(None)
    text = context.render("manifest.webmanifest", lang=lang)
    return _cacheable(text, "application/manifest+json")


@feeds.get("/theme.css")
def colours() -> ResponseReturnValue:
    """The style sheet of the site's accent colour."""
    return _cacheable(theme.stylesheet(site().settings.accent), "text/css; charset=utf-8")


@feeds.get("/favicon.ico")
def favicon() -> ResponseReturnValue:
    """The icon at the address that clients try by default."""
    return redirect(site().assets["icon.png"], 302)


def has_own_colours(settings: Settings) -> bool:
    """Whether the accent is not the default one, so that pages need `/theme.css`."""
    return settings.accent.lower() != _DEFAULT_ACCENT


def linked_data(page: Page) -> dict[str, Any]:
    """JSON-LD of an article and its breadcrumbs (schema.org: TechArticle, BreadcrumbList)."""
    address = context.absolute(article_url(page.slug))
    article: dict[str, Any] = {
        "@type": "TechArticle",
        "headline": page.title,
        "inLanguage": page.lang,
        "url": address,
    }
    if page.answer:
        article["description"] = page.answer
    if page.author:
        article["author"] = {"@type": "Person", "name": page.author}
    if page.updated:
        article["dateModified"] = page.updated.isoformat()
    above = [
        (topic.title, context.absolute(context.category_url(topic.key, topic.lang)))
        for topic in page.above
    ]
    places = [*above, (page.title, address)]
    crumbs = [
        {"@type": "ListItem", "position": at, "name": name, "item": url}
        for at, (name, url) in enumerate(places, 1)
    ]
    return {
        "@context": "https://schema.org",
        "@graph": [article, {"@type": "BreadcrumbList", "itemListElement": crumbs}],
    }


def _cacheable(text: str, content_type: str) -> Response:
    response = Response(text, content_type=content_type)
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Vary"] = "Accept-Language"
    return response
