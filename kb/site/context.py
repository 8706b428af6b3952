"""Request helpers of all views: the site, language, addresses, parameters and rate limits."""

import logging
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote, urlsplit

from crawleruseragents import is_crawler
from flask import Flask, Response
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header
from werkzeug.sansio.utils import get_current_url

from kb.base.audiences import STRANGERS, Readers
from kb.base.cache import Cache
from kb.base.catalogs import Languages
from kb.base.config import Settings
from kb.base.errors import KBError, LogUnavailable
from kb.base.networks import network
from kb.cards import Card
from kb.catalog import Page
from kb.current_build import Edition
from kb.index.segment import article_url, topic_url
from kb.letters.form_key import FormStamps, form_key
from kb.searchlog import reports, sessions
from kb.service import KnowledgeBase
from kb.site import auth, current, query_strings
from kb.site import readers as known_readers
from kb.site.formatting import refresh
from kb.site.metrics import Metrics
from kb.site.rate_limits import CrawlDetector, RateLimiter, allows_in
from kb.site.readers import Reader
from kb.site.templating import Environment

LONGEST_QUERY = 500  # characters
_DAY = 86_400.0
_BEGIN_FOR_PROGRAMS = ("/api/", "/hooks/", "/builds/")
_FOR_PROGRAMS = frozenset(["/healthz", "/readyz", "/metrics", "/mcp"])
_ID = re.compile(r"[A-Za-z0-9_-]{6,64}")
_REPEATED = 1800  # seconds in which the same query of one browser is a reload
# Programs by their kind, and tools that load tests and probes send; crawler-user-agents knows
# robots by their names. Cubot makes telephones.
_ROBOT = re.compile(
    r"(?<!\bcu)bot|crawl|spider|slurp|scrap|preview|fetch|monitor|headless|phantom|curl|wget|python"
    r"|okhttp|java/|libwww|go-http|axios|postman|insomnia|^ruby|\bk6/|nagios|datadog|newrelic"
    r"|kube-probe|googlehc|healthchecker|prometheus|lighthouse|jmeter|vegeta|gatling|\bdart/|^php"
    r"|guzzle|reqwest|\bprobe\b",
    re.I,
)


class Place(NamedTuple):
    """What addresses and sentences of a page depend on."""

    lang: str
    root: str  # the URL prefix
    prefix: str  # of addresses that name the language, else ""


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of one running site that views share."""

    service: KnowledgeBase
    settings: Settings
    languages: Languages
    metrics: Metrics
    limits: RateLimiter
    crawls: CrawlDetector
    stamps: FormStamps  # of contact forms
    assets: Mapping[str, str]  # static file → address with the hash of its content
    environment: Callable[[Place], Environment]  # of templates
    headers: tuple[tuple[str, str], ...] = ()  # added to each answer that does not set them
    popular: dict[str, tuple[Edition, float, tuple[Card, ...]]] = field(default_factory=dict)
    """What strangers of a language open, of which edition, and when that was read."""
    documents: dict[str, tuple[object, str]] = field(default_factory=dict)
    """Texts over all articles for strangers by name, each with what it was made of."""
    salt: bytes = field(default_factory=partial(secrets.token_bytes, 16), repr=False)
    """Key of the hashes of networks; it is in memory only."""


def site() -> Site:
    """The site that answers this request."""
    return site_of(current.app())


def site_of(app: Flask) -> Site:
    """The site of an application."""
    running: Site = app.extensions["kb"]
    return running


def kb() -> KnowledgeBase:
    """The service of the site that answers this request, with what its reader may see."""
    service, among = site().service, readers()
    return service if among == STRANGERS else service.seen_by(among)


def audience() -> str:
    """What tells the reader of this request from a stranger; see `KnowledgeBase.audience`."""
    return "" if readers() == STRANGERS else kb().audience()


def readers() -> Readers:
    """Among whom the sender of this request is; the board sets it for those it lets in."""
    notes = current.notes()
    if "readers" not in notes:
        known = reader()
        notes.readers = known.readers if known else STRANGERS
    found: Readers = notes.readers
    return found


def reader() -> Reader | None:
    """Who sent this request, if they are signed in as a reader."""
    notes = current.notes()
    if "reader" not in notes:
        notes.reader = known_readers.who(current.request().environ, site().settings)
    found: Reader | None = notes.reader
    return found


def is_shut_out() -> bool:
    """Whether whoever asks may read nothing of this site: it is private, and they are a stranger.

    They get the way in, the board's and the page of an error; no article is named there.
    """
    return site().settings.private and reader() is None and readers() == STRANGERS


def is_for_programs() -> bool:
    """Whether the address of the request is one that programs ask."""
    path = current.request().path
    return path.startswith(_BEGIN_FOR_PROGRAMS) or path in _FOR_PROGRAMS


def document(name: str, write: Callable[[], str]) -> str:
    """A text over all articles, which is kept for strangers until build, day or address change."""
    if audience():
        return write()
    key, kept = (*kb().edition(), absolute("/")), site().documents
    known = kept.get(name)
    if known is None or known[0] != key:
        known = kept[name] = (key, write())
    return known[1]


def title_of(slug: str) -> str:
    """The title of an article, or its slug if it is not served."""
    try:
        found = kb().article(slug)
    except KBError:
        return slug
    return found.title if isinstance(found, Page) else slug


# --- language -----------------------------------------------------------------------------------


def negotiated_language() -> str:
    """The interface language that `Accept-Language` prefers, else the site's default."""
    notes = current.notes()
    if "negotiated" not in notes:
        languages = site().languages
        accepted = current.request().headers.get("Accept-Language", "")
        notes.negotiated = _preferred[accepted, languages.codes] or languages.default
    return str(notes.negotiated)


def _preferred_language(key: tuple[str, tuple[str, ...]]) -> str:
    accepted, codes = key
    return parse_accept_header(accepted, LanguageAccept).best_match(codes) or ""


_preferred = Cache[tuple[str, tuple[str, ...]], str](_preferred_language, megabytes=0.25)


def set_language(code: str | None) -> str:
    """Sets the language of this request to `code`, or to the negotiated one if it is unknown."""
    lang = code if code in site().languages.codes else negotiated_language()
    current.notes().lang = lang
    refresh()  # Flask-Babel remembers the language it used first
    return str(lang)


def language_prefix() -> str:
    """`/ru` where an address without it would be answered in another language, else ""."""
    notes = current.notes()
    lang = notes.get("lang") or negotiated_language()
    return f"/{lang}" if notes.get("prefixed") or lang != negotiated_language() else ""


def place() -> Place:
    """The place of this request."""
    lang = current.notes().get("lang") or set_language(None)
    return Place(lang, current.request().script_root, language_prefix())


def render(template: str, **values: object) -> str:
    """A template with values, in the place of this request."""
    return site().environment(place()).get_template(template).render(values)


# --- addresses ----------------------------------------------------------------------------------

# A page of results has the same query in each of its links.
_quoted = Cache[str, str](quote_plus, megabytes=0.5)


def _url_of_root(key: tuple[str, str, str]) -> str:
    return get_current_url(*key).rstrip("/")


_root_url = Cache[tuple[str, str, str], str](_url_of_root, megabytes=0.1)


def quoted_value(value: str) -> str:
    """The value of a query parameter as it stands in an address."""
    return _quoted[value]


def with_params(url: str, **params: object) -> str:
    """The address with query parameters added; None, "", 0 and False are left out."""
    path, hash_, anchor = url.partition("#")
    kept = [f"{name}={_quoted[str(value)]}" for name, value in params.items() if value]
    if not kept:
        return url
    return f"{path}{'&' if '?' in path else '?'}{'&'.join(kept)}{hash_}{anchor}"


def url(path: str, **params: object) -> str:
    """A path of this site as its pages link to it: below the URL prefix, with query parameters."""
    return below(current.request().script_root, path, **params)


def below(root: str, path: str, /, **params: object) -> str:
    """A path of the site below the URL prefix `root`, with query parameters."""
    return root + with_params(path, **params)


def absolute(path: str) -> str:
    """The full URL of a path of this site, by `KB_BASE_URL` or else by the request."""
    notes = current.notes()
    if "base" not in notes:
        request = current.request()
        notes.base = (
            site().settings.base_url.rstrip("/")
            or _root_url[request.scheme, request.host, request.root_path]
        )
    return str(notes.base) + quoted(path)


def with_query(url: str) -> str:
    """The address with the query string of the request."""
    query = current.request().query_string.decode("latin-1")
    return f"{url}?{query}" if query else url


def quoted(path: str) -> str:
    """The address percent-encoded to ASCII; what is encoded already stays."""
    return _quoted_paths[path]


def _quoted_path(path: str) -> str:
    return quote(path, safe="/#?=&%:@!$'()*+,;~-._")


_quoted_paths = Cache[str, str](_quoted_path, megabytes=0.25)


def category_url(key: str, lang: str) -> str:
    """The address of a topic's page, or with the key "" of all topics of a language."""
    return topic_url(lang, key)


def history_url(slug: str) -> str:
    """The address of what changed in an article."""
    return article_url(slug) + "/history"


def feed_url(key: str, lang: str) -> str:
    """The address of the Atom feed of a topic, or with the key "" of a language."""
    return category_url(key, lang).rstrip("/") + "/feed.xml"


def words_of_address(path: str) -> str:
    """The words of an address as a query: `/help/Reset-password.html` → `help Reset password`."""
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


def args() -> Mapping[str, str]:
    """The parameters of the address as `Request.args` has them; of one name the first counts.

    The dictionary of Werkzeug raises and catches an error for each that is not there.
    """
    notes = current.notes()
    if "args" not in notes:
        sent = current.request().query_string.decode("utf-8", "replace")
        notes.args = dict(reversed(query_strings.fields(sent, "werkzeug.url_quote")))
    found: Mapping[str, str] = notes.args
    return found


def query() -> str:
    """The query of the request, cut to 500 characters."""
    return args().get("q", "")[:LONGEST_QUERY].strip()


def page_number(text: str) -> int:
    """A page number of 1 to 1000; other text is page 1."""
    return min(int(text), 1000) if text.isascii() and text.isdigit() and int(text[:9]) else 1


def given_id(name: str) -> str:
    """The random id in a field of the request, or "" if it is not one."""
    request = current.request()
    sent = args() if request.method == "GET" else request.values
    id = sent.get(name, "")
    return id if is_id(id) else ""


def is_id(text: str) -> bool:
    """Whether a text is a random id of a run, a visit or a form."""
    return _ID.fullmatch(text) is not None


def storable(text: str) -> str:
    """The text without NUL and lone surrogates, which no database stores."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def new_id() -> str:
    """A random id for a run."""
    return secrets.token_urlsafe(9)


def repeated_id(*asked: str) -> str:
    """An id for a run that is the same when a visitor's browser asks the same within half an hour.

    It says nothing of the visitor: it is a hash, keyed by a random salt of this server.
    """
    running = site()
    moment = int(running.service.now().timestamp()) // _REPEATED
    browser = current.request().headers.get("User-Agent", "")
    told = "\0".join((asker(), browser, str(moment), *asked))
    hashed = blake2b(told.encode("utf-8", "replace"), key=running.salt, digest_size=9)
    return urlsafe_b64encode(hashed.digest()).decode()


def is_robot() -> bool:
    """Whether the `User-Agent` is missing or names a program."""
    return _is_robot(current.request().headers.get("User-Agent", "")[:500])


@lru_cache(2048)
def _is_robot(agent: str) -> bool:
    return not agent or _ROBOT.search(agent) is not None or is_crawler(agent)


def is_prefetch() -> bool:
    """Whether a browser prefetches the page."""
    headers = current.request().headers
    purpose = headers.get("Sec-Purpose", "") + headers.get("Purpose", "")
    return "prefetch" in purpose


def is_own_request() -> bool | None:
    """Whether a page of this site sent the request, by `Sec-Fetch-Site` or else `Origin`.

    None if the client sends neither header, as programs do.
    """
    headers = current.request().headers
    fetch_site = headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site in ("same-origin", "none")
    sender = headers.get("Origin")
    return None if sender is None else _is_our_host(sender)


def is_cross_site() -> bool:
    """Whether a page of another site sent the request."""
    return is_own_request() is False


def is_visit() -> bool:
    """Whether a person opened this page from this site, a bookmark or the address bar.

    A prefetch, an embedded page or a link on another site is not a visit. For browsers that send
    no `Sec-Fetch-*` headers `Referer` decides, where it is sent.
    """
    request = current.request()
    headers = request.headers
    if request.method != "GET" or is_prefetch():
        return False
    fetch_site = headers.get("Sec-Fetch-Site")
    if fetch_site is None:
        return "Referer" not in headers or _is_our_host(headers["Referer"])
    return (
        fetch_site in ("same-origin", "same-site", "none")
        and headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        and headers.get("Sec-Fetch-Dest", "document") == "document"
    )


def _is_our_host(address: str) -> bool:
    try:
        host = urlsplit(address).netloc
    except ValueError:
        return False
    ours = (current.request().host, urlsplit(site().settings.base_url).netloc)
    return bool(host) and host in ours


def is_within_rate(action: str, most: int, seconds: float, *, by: str = "") -> bool:
    """Whether this address may do `action` again: `most` times in `seconds`. Counts it.

    `by` is whoever is counted instead of the address.
    """
    return site().limits.allows(action, by or _address_hash(), most, seconds)


def may_send_form(action: str, most: int, seconds: float) -> bool:
    """Whether this address may send a form again, as `is_within_rate` but on all machines.

    While the log that they share cannot be reached, each counts for itself.
    """
    if not is_within_rate(action, most, seconds):
        return False
    settings = site().settings
    if not settings.shares_log:
        return True
    address = (current.request().remote_addr or "").encode()
    who = blake2b(address, key=form_key(settings), digest_size=12)
    try:
        counts = kb().shared_json(f"rate-{action}", is_one=True)
        return allows_in(counts, who.hexdigest(), most, seconds, kb().now().timestamp())
    except LogUnavailable:
        return True


def record_report(report: reports.Report, *, robot: bool = False) -> bool:
    """Records a report; False if the visitor's network has reported too much.

    Reports of no search, such as a click, are counted apart, under the same limits.
    """
    searches = sessions.count_searches(report)
    is_allowed = may_report("search", searches) if searches else may_report("event")
    if is_allowed:
        kb().report(report, robot=robot or is_robot(), asker=asker())
    return is_allowed


def may_report(kind: str, n: int = 1) -> bool:
    """Whether the visitor's network may report `n` more of `kind`: search, event or vote.

    Counts them, each kind apart, under `KB_SEARCHES_PER_MINUTE` and `KB_SEARCHES_PER_DAY`; those
    beyond the limits count as `limited` in the metrics.
    """
    running = site()
    allows, who, settings = running.limits.allows, asker(), running.settings
    is_allowed = allows(f"{kind} minute", who, settings.searches_per_minute, 60.0, n) and allows(
        f"{kind} day", who, settings.searches_per_day, _DAY, n
    )
    if not is_allowed:
        running.metrics.log("limited", n)
    return is_allowed


_networks = Cache[str, str](network, megabytes=0.25)


def asker() -> str:
    """A hash of the visitor's network and the day, keyed by a random salt of this server."""
    notes = current.notes()
    if "asker" not in notes:
        running, address = site(), current.request().remote_addr or ""
        network_and_day = f"{_networks[address]} {running.service.today()}"
        digest = blake2b(network_and_day.encode(), key=running.salt, digest_size=16)
        notes.asker = digest.hexdigest()
    return str(notes.asker)


def robot_runs(run: str) -> list[str]:
    """The runs from this address that turn out to be a crawler's, now that `run` was searched."""
    return site().crawls.add(_address_hash(), run)


def _address_hash() -> str:
    return auth.hashed_address(current.request().remote_addr or "")


def log_warning(message: str) -> None:
    """Logs a warning for the operator; `message` holds nothing that a customer typed."""
    logging.getLogger("kb.web").warning(message)


def log_bug() -> None:
    """Logs the traceback of the exception being handled."""
    request = current.request()
    logging.getLogger("kb.web").exception("%s %s failed", request.method, request.path)


def reraises_bugs() -> bool:
    """Whether a bug is raised, as in tests and debug mode, instead of shown as an error page."""
    app = current.app()
    return bool(app.testing or app.debug)


def as_response(answer: ResponseReturnValue) -> Response:
    """The return value of a view as a response whose headers can be set."""
    response: Response = current.app().make_response(answer)
    return response
