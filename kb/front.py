"""What every view needs: the site, its language, its addresses. Answers no request itself."""

import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

from flask import Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue

from kb import signin
from kb.catalogues import Languages
from kb.config import Settings
from kb.i18n import refresh
from kb.metrics import Metrics
from kb.rates import Crawls, Limits
from kb.service import Card, KnowledgeBase

LONGEST_QUERY = 500
_ID = re.compile(r"[A-Za-z0-9_-]{6,64}")
_ROBOT = re.compile(
    "bot|crawl|spider|slurp|scrap|preview|fetch|monitor|headless|phantom|curl|wget|python-|okhttp"
    "|java/|libwww|go-http|node-fetch|axios",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Site:
    """One running site."""

    service: KnowledgeBase
    settings: Settings
    languages: Languages
    metrics: Metrics
    limits: Limits
    crawls: Crawls
    assets: Mapping[str, str]  # static file → address with the hash of its content
    headers: tuple[tuple[str, str], ...] = ()  # of every answer that has none of its own
    popular: dict[str, tuple[float, tuple[Card, ...]]] = field(default_factory=dict)
    sitemap: dict[str, tuple[object, str]] = field(default_factory=dict)  # what it was made of


def site() -> Site:
    """The site this request came to."""
    return site_of(current_app)


def site_of(app: Flask) -> Site:
    """The site an application serves."""
    found: Site = app.extensions["kb"]
    return found


def kb() -> KnowledgeBase:
    """The service behind the site."""
    return site().service


# --- language -----------------------------------------------------------------------------------


def negotiated() -> str:
    """The interface language the browser asks for, else the site's own."""
    languages = site().languages
    return request.accept_languages.best_match(languages.codes) or languages.default


def speak(code: str | None) -> str:
    """Answer this request in `code` if the interface knows it, else in the negotiated language."""
    g.lang = code if code in site().languages.codes else negotiated()
    refresh()  # Flask-Babel remembers the language it used first
    return str(g.lang)


def prefix() -> str:
    """`/ru` where the neutral address would be answered in another language, else nothing."""
    lang = g.get("lang") or negotiated()
    return f"/{lang}" if g.get("prefixed") or lang != negotiated() else ""


# --- addresses ----------------------------------------------------------------------------------

_quoted = lru_cache(256)(quote_plus)  # a page of results writes its question in each of its links


def with_params(url: str, **params: object) -> str:
    """The address with parameters before its anchor; empty ones are left out."""
    path, hash_, anchor = url.partition("#")
    kept = [
        f"{name}={_quoted(str(value))}"
        for name, value in params.items()
        if value not in (None, "", 0, False)
    ]
    if not kept:
        return url
    return f"{path}{'&' if '?' in path else '?'}{'&'.join(kept)}{hash_}{anchor}"


def absolute(path: str) -> str:
    """The address as the outside world writes it."""
    base = site().settings.base_url or request.url_root
    return base.rstrip("/") + quoted(path)


def quoted(path: str) -> str:
    """The address in ASCII; what is quoted already stays."""
    return quote(path, safe="/#?=&%:@!$'()*+,;~-._")


def article_url(slug: str) -> str:
    """The one address of an article."""
    return "/articles/" + slug


def category_url(name: str, lang: str) -> str:
    """The one address of a category."""
    return f"/categories/{lang}/{quote(name)}"


def words_of(path: str) -> str:
    """The words of an address: `/help/Reset-password.html` → `help Reset password`."""
    known = set(site().languages.codes) | {
        "articles",
        "categories",
        "search",
        "html",
        "htm",
        "php",
        "md",
    }
    words = re.findall(r"\w+", unquote(path).replace("_", " "))
    return " ".join(word for word in words if word.lower() not in known)[:LONGEST_QUERY]


# --- what was sent ------------------------------------------------------------------------------


def query() -> str:
    """What was typed, cut to what is looked at; never an error."""
    return request.args.get("q", "")[:LONGEST_QUERY].strip()


def page_number(text: str) -> int:
    """A page that was asked for, 1 to 1000; anything else is the first."""
    return min(int(text), 1000) if text.isascii() and text.isdigit() and int(text[:9]) else 1


def given_id(name: str) -> str:
    """A random id a browser sent, or nothing if it is none."""
    found = request.values.get(name, "")
    return found if _ID.fullmatch(found) else ""


def new_id() -> str:
    """A random id of a run."""
    return secrets.token_urlsafe(9)


def is_robot() -> bool:
    """Whether the visitor says it is a program; nothing of what it says is kept."""
    agent = request.headers.get("User-Agent", "")
    return not agent or _ROBOT.search(agent) is not None


def is_prefetch() -> bool:
    """Whether a browser loads the page ahead of any click."""
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    return "prefetch" in purpose


def is_foreign() -> bool:
    """Whether another site's page sent this form."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def allowed(what: str, most: int, seconds: float) -> bool:
    """Whether this visitor may do `what` once more; the address is kept as a hash, in memory."""
    return site().limits.allows(what, _who(), most, seconds)


def crawled(run: str) -> list[str]:
    """The searches without scripts from this address that are a robot's, now that `run` came."""
    return site().crawls.found(_who(), run)


def _who() -> str:
    return signin.whose(request.remote_addr or "")


def log(message: str) -> None:
    """A line for whoever runs the service; nothing a customer typed."""
    logging.getLogger("kb.web").warning(message)


def log_bug() -> None:
    """The traceback of what is being handled, for whoever runs the service."""
    logging.getLogger("kb.web").exception("%s %s failed", request.method, request.path)


def is_tested() -> bool:
    """Whether a mistake of ours should end in a traceback."""
    return bool(current_app.testing or current_app.debug)


def made(answer: ResponseReturnValue) -> Response:
    """What a view returned, as a response whose headers can be set."""
    response: Response = current_app.make_response(answer)
    return response
