"""What search engines, feed readers and browsers read about the site. No page for people."""

from datetime import UTC, date, datetime, time
from typing import Any

from flask import Blueprint, Response, redirect, render_template
from flask.typing import ResponseReturnValue

from kb import front, theme
from kb.front import kb, site
from kb.service import Card, Page

feeds = Blueprint("feeds", __name__)

_HIDDEN = ("/search", "/api/", "/leads/", "/contact", "/widget", "/metrics")
_DEFAULT_ACCENT = "#1a56db"


@feeds.get("/robots.txt")
def robots() -> ResponseReturnValue:
    """Articles may be read by robots, result pages may not."""
    codes = site().languages.codes
    hidden = (*_HIDDEN, *(f"/{code}/search" for code in codes))
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in hidden)]
    text = "\n".join([*lines, "", f"Sitemap: {front.absolute('/sitemap.xml')}", ""])
    return _kept(text, "text/plain; charset=utf-8")


@feeds.get("/sitemap.xml")
def sitemap() -> ResponseReturnValue:
    """Every article with its date and its other languages; made once for a build and a day."""
    made_of = (*kb().edition(), front.absolute("/"))
    known = site().sitemap.get("last")
    if known is None or known[0] != made_of:
        pages = [(card, _alternates(card)) for card in kb().all_cards()]
        homes = [(code, f"/{code}/") for code in site().languages.codes]
        text = render_template("sitemap.xml", pages=pages, homes=homes)
        known = site().sitemap["last"] = (made_of, text)
    return _kept(known[1], "application/xml")


def _alternates(card: Card) -> tuple[Card, ...]:
    others = kb().translations(card.slug)
    return (card, *others) if others else ()


@feeds.get("/feed.xml")
def changes() -> ResponseReturnValue:
    """The articles changed last, as Atom."""
    front.speak(None)
    cards = kb().changes(30)
    newest = max((card.updated for card in cards if card.updated), default=date(1970, 1, 1))
    text = render_template("feed.xml", cards=cards, newest=newest, moment=_moment)
    return _kept(text, "application/atom+xml")


def _moment(day: date) -> str:
    """A day as Atom wants it: midnight, UTC."""
    return datetime.combine(day, time(), UTC).isoformat().replace("+00:00", "Z")


@feeds.get("/opensearch.xml")
def opensearch() -> ResponseReturnValue:
    """Lets a browser search here from its address bar."""
    front.speak(None)
    text = render_template("opensearch.xml")
    return _kept(text, "application/opensearchdescription+xml")


@feeds.get("/manifest.webmanifest")
def manifest() -> ResponseReturnValue:
    """Lets a phone keep the help centre on its home screen."""
    lang = front.speak(None)
    text = render_template("manifest.webmanifest", lang=lang)
    return _kept(text, "application/manifest+json")


@feeds.get("/theme.css")
def colours() -> ResponseReturnValue:
    """The site's own colours."""
    return _kept(theme.sheet(site().settings.accent), "text/css; charset=utf-8")


@feeds.get("/favicon.ico")
def favicon() -> ResponseReturnValue:
    """For those who ask for it without reading the page."""
    return redirect(site().assets["icon.png"], 302)


def has_own_colours() -> bool:
    """Whether pages need `/theme.css` at all."""
    return site().settings.accent.lower() != _DEFAULT_ACCENT


def linked_data(page: Page) -> dict[str, Any]:
    """An article and its place as schema.org's words (JSON-LD)."""
    address = front.absolute(front.article_url(page.slug))
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
    places = [(page.title, address)]
    if page.category:
        category = front.absolute(front.category_url(page.category, page.lang))
        places.insert(0, (page.category, category))
    crumbs = [
        {"@type": "ListItem", "position": at, "name": name, "item": url}
        for at, (name, url) in enumerate(places, 1)
    ]
    return {
        "@context": "https://schema.org",
        "@graph": [article, {"@type": "BreadcrumbList", "itemListElement": crumbs}],
    }


def _kept(text: str, content_type: str) -> Response:
    response = Response(text, content_type=content_type)
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Vary"] = "Accept-Language"
    return response
