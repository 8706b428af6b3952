"""The Flask application of the site: blueprints, template names, error pages and headers."""

from functools import lru_cache, partial
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any, NoReturn
from urllib.parse import urlsplit

from flask import Flask, Request, Response
from flask.typing import ResponseReturnValue
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as BaseResponse

from kb.base import catalogs, resources
from kb.base.config import Settings
from kb.base.errors import IndexMissing, KBError, SearchUnavailable
from kb.current_build import Edition
from kb.index.segment import article_url
from kb.letters.form_key import FormStamps
from kb.searchlog import sessions  # fmt: skip
from kb.service import KnowledgeBase
from kb.site import (
    answer_cache,
    api,
    banner,
    board,
    board_api,
    builds,
    compression,
    contact,
    context,
    current,
    feeds,
    formatting,
    git_webhook,
    html_text,
    leaving,
    markdown_pages,
    mcp,
    pages,
    promises,
    proxies,
    reader_sign_in,
    readers,
    redirects,
    request_ids,
    static_files,
    subscriptions,
    templating,
    url_prefix,
    widget,
)
from kb.site.metrics import Metrics
from kb.site.rate_limits import CrawlDetector, RateLimiter

_LARGEST_BODY = 64 * 1024  # bytes
_PLACES = 64  # of templates; URL prefixes come from settings and trusted proxies
_COMPRESSED = ("text/", "application/xml")
_LEAST_COMPRESSED = 1400  # bytes; less fits into one packet
_POLICY = "Content-Security-Policy"
_ALWAYS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"))
_OF_PAGES = (("Cache-Control", "private, no-cache"),)
_SEARCH_AGAIN = "30"  # seconds, where search does not answer
_CODES = {
    400: "bad-request", 401: "unauthorized", 403: "forbidden", 404: "not-found",
    405: "method-not-allowed", 413: "too-large", 415: "bad-request", 429: "too-many-requests",
    500: "internal-error",
}  # fmt: skip


class _Application(Flask):
    """A Flask application that redirects to paths below the URL prefix, not to the Host header."""

    jinja_environment = templating.Environment
    jinja_env: templating.Environment

    def redirect(self, location: str, code: int = 302) -> BaseResponse:
        """The redirect of a view; a path of this site gets the URL prefix."""
        is_own = location.startswith("/")
        below = current.request().script_root + location if is_own else location
        return super().redirect(below, code)

    def raise_routing_exception(self, request: Request) -> NoReturn:
        """Raises the error of routing; a redirect keeps only path and query of its address."""
        error = request.routing_exception
        if isinstance(error, RequestRedirect):
            path, query = urlsplit(error.new_url)[2:4]
            error.new_url = "/" + path.lstrip("/\\") + ("?" + query if query else "")
        super().raise_routing_exception(request)


def create_app(
    service: KnowledgeBase,
    settings: Settings | None = None,
    *,
    cache_slots: int = answer_cache.SLOTS,
) -> Flask:
    """The site over a service, as a Flask application and WSGI callable.

    `settings` are those of the service unless given. `cache_slots` is how many answers of
    `/api/search` are cached in memory that all processes forked later share; 0 for none. Several
    applications in one process are independent. Raises ConfigError for templates or translations
    that cannot be read.
    """
    settings = settings or service.settings
    app = _Application("kb", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=_LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=_LARGEST_BODY,
        MAX_FORM_PARTS=50,
        TRUSTED_HOSTS=list(settings.trusted_hosts) or None,
    )
    languages = catalogs.languages(settings.templates, settings.langs, settings.lang)
    formatting.install(app, languages)
    static = _folders(settings.static, "static")
    metrics = Metrics(partial(_gauges, service))
    service.recorder.count = metrics.log
    service.count_of_cluster(metrics.cluster)
    app.extensions["kb"] = context.Site(
        service=service,
        settings=settings,
        languages=languages,
        metrics=metrics,
        limits=RateLimiter(),
        crawls=CrawlDetector(sessions.ROBOT_RATE, 60.0),
        stamps=FormStamps(settings),
        assets=static_files.addresses(static),
        environment=lru_cache(_PLACES)(partial(_environment, app)),
        headers=((_POLICY, policy(settings)), *_ALWAYS),
    )
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(folder) for folder in _folders(settings.templates, "templates")]
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    _add_routes(app, languages.codes, static)
    _add_names(app)
    _add_errors(app)
    app.before_request(reader_sign_in.refuse_strangers)
    _add_headers(app, settings)
    cached = _with_cache(app.wsgi_app, context.site_of(app), answer_cache.AnswerCache(cache_slots))
    prefixed = url_prefix.UrlPrefix(cached, url_prefix.of_url(settings.base_url))
    named = request_ids.RequestIds(prefixed)
    app.wsgi_app = proxies.TrustedProxies(  # type: ignore[method-assign]
        named, settings.trusted_proxies, settings.groups_header
    )
    return app


def largest_body(path: str) -> int:
    """The longest request body that `path`, which may have a URL prefix, accepts, in bytes."""
    if path.endswith(contact.PATH) and not path.endswith(contact.NOTED):
        return contact.LARGEST
    return git_webhook.LARGEST if path.endswith(git_webhook.PATH) else _LARGEST_BODY


def _folders(own: Path | None, name: str) -> tuple[Path, ...]:
    """The folders to look in: the operator's, if there is one, then ours."""
    ours = resources.folder(name)
    return (ours,) if own is None else (own, ours)


def _gauges(service: KnowledgeBase) -> dict[str, float]:
    status = service.status()
    outbox = service.outbox_health()
    found: dict[str, float] = {
        "ready": status.build is not None,
        "degraded": status.is_damaged,
        "articles": status.articles,
        "letters_waiting": outbox.waiting,
        "letters_stuck": outbox.stuck,
    }
    if status.made is not None:
        found["build_timestamp_seconds"] = status.made.timestamp()
    if (pulled := service.pulled_at()) is not None:
        found["pull_timestamp_seconds"] = pulled.timestamp()
    return found


def _with_cache(
    app: answer_cache.Application, site: context.Site, cache: answer_cache.AnswerCache
) -> answer_cache.CacheMiddleware:
    """The WSGI application behind the response cache, which counts its answers itself."""

    def observe(status: int, outcome: answer_cache.Outcome | None, seconds: float) -> None:
        site.metrics.request(answer_cache.PATH, "GET", status, seconds)
        if outcome is not None:
            site.metrics.search(outcome.found, outcome.confident)

    def edition(environ: answer_cache.Environ) -> Edition | None:
        reader = readers.who(environ, site.settings)
        if reader is None:
            return None if site.settings.private else site.service.edition()
        is_shared = not site.service.seen_by(reader.readers).audience()
        return site.service.edition() if is_shared else None

    return answer_cache.CacheMiddleware(
        app,
        cache,
        edition=edition,
        lasting=site.service.lasting,
        answer=partial(api.answered, site.service, keep=not cache.keeps),
        hosts=site.settings.trusted_hosts,
        headers=site.headers,
        is_private=site.settings.private,
        observe=observe,
    )


# --- routes -------------------------------------------------------------------------------------


def _add_routes(app: Flask, codes: tuple[str, ...], static: tuple[Path, ...]) -> None:
    for blueprint in (
        api.api,
        pages.pages,
        contact.contact,
        feeds.feeds,
        markdown_pages.markdown_pages,
        mcp.mcp,
        subscriptions.subscriptions,
        leaving.leaving,
        reader_sign_in.reader_sign_in,
        git_webhook.hooks,
        board_api.board_api,
        builds.builds,
        board.leads,
        widget.widget,
    ):
        app.register_blueprint(blueprint)
    for code in codes:
        interface = {"ui": code}
        app.add_url_rule(f"/{code}/", "pages.home_in", pages.home, defaults=interface)
        app.add_url_rule(f"/{code}/search", "pages.search_in", pages.search, defaults=interface)
        for name, view in (("llms", markdown_pages.listed), ("llms-full", markdown_pages.full)):
            app.add_url_rule(f"/{code}/{name}.txt", f"{name}_in", view, defaults=interface)
    known = context.site_of(app).assets
    serve = partial(static_files.response, static, known)
    app.add_url_rule("/static/<path:name>", "static", serve)


def _add_names(app: Flask) -> None:
    """Adds the filters, and the functions and values that all templates use."""
    site = context.site_of(app)
    app.jinja_env.filters.update(
        long_date=lambda day: formatting.long_date(day, current.notes().lang),
        heading=formatting.heading,
        marked=html_text.marked,
        chain=html_text.chain,
        said=lambda text: site.languages.say(text, current.notes().get("lang", "")),
    )
    app.jinja_env.globals.update(
        own_name=formatting.own_name,
        plural_forms=formatting.plural_forms,
        absolute=context.absolute,
        article_url=article_url,
        markdown_url=markdown_pages.markdown_url,
        category_url=context.category_url,
        feed_url=context.feed_url,
        history_url=context.history_url,
        linked_data=feeds.linked_data,
        new_id=context.new_id,
        assets=site.assets,
        langs=site.languages.codes,
        settings=site.settings,
        said=_translated,
        own_colours=feeds.has_own_colours(site.settings),
        offers=_offers,
        preview=_preview,
        promised=_promised,
        promised_line=_promised_line,
        banner=banner.shown,
        reader_name=_reader_name,
        is_reader_by_link=_is_reader_by_link,
    )


def _environment(app: _Application, place: context.Place) -> templating.Environment:
    """The templates of a place, which must be that of this request."""
    site = context.site_of(app)
    below = partial(context.below, place.root)

    return app.jinja_env.localised(
        place.lang,
        {
            **formatting.texts(site.languages.words[place.lang]),
            **place._asdict(),
            "url": below if place.root else context.with_params,
            "asset": {name: below(address) for name, address in site.assets.items()}.__getitem__,
            "site_name": _translated(site.settings.site_name) or formatting.gettext("Help centre"),
            "promise": _translated(site.settings.promise),
        },
    )


def _preview() -> Any:
    """What `kb serve --watch` shows of articles that are being written; None for readers."""
    return current.notes().get("preview")


def _offers() -> tuple[tuple[str, str, str], ...]:
    """Popular articles for an empty search box: title, address and language of each."""
    root = current.request().script_root
    cards = pages.popular(current.notes().lang)
    return tuple([(card.title, root + card.url, card.lang) for card in cards])


def _promised() -> promises.Shown:
    """What is promised, once for each request; nothing where it cannot be told."""
    notes = current.notes()
    if "promised" not in notes:
        notes.promised = promises.Shown() if notes.get("broken") else promises.shown()
    shown: promises.Shown = notes.promised
    return shown


def _promised_line(own: str) -> str:
    """What is promised in one line, for scripts: the operator's `own` words or ours; any delay."""
    shown = _promised()
    return " ".join(filter(None, (own or shown.sentence, shown.delay)))


def _reader_name() -> str:
    reader = context.reader()
    return reader.name if reader else ""


def _is_reader_by_link() -> bool:
    """Whether the reader has a cookie of ours, which they can give back."""
    reader = context.reader()
    return reader is not None and not reader.is_proxied


def _translated(text: str) -> str:
    """A setting in the language of the request, if the operator's catalog translates it."""
    return formatting.gettext(text) if text else ""  # the empty message is the catalog's header


# --- errors -------------------------------------------------------------------------------------


def _add_errors(app: Flask) -> None:
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(KBError, _on_service)
    app.register_error_handler(Exception, _on_bug)


def _on_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:  # a redirect
        return error
    if context.is_for_programs():
        message = error.description or error.name
        answer: ResponseReturnValue = api.error(_CODES.get(status, "error"), message, status)
    else:
        meant = redirects.to_canonical() if status == 404 else None
        answer = meant or pages.error_page(status)
    made: Response = context.as_response(answer)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            made.headers[name] = value
    return made


def _on_service(error: KBError) -> ResponseReturnValue:
    """The error page of a service that cannot answer; the message is for the log alone."""
    context.log_warning(str(error))
    if isinstance(error, SearchUnavailable):
        return _on_search_away()
    missing = isinstance(error, IndexMissing)
    if context.is_for_programs():
        message = (
            "no build yet; run `kb index`" if missing else "not available now; see the server's log"
        )
        return api.error("no-build" if missing else "unavailable", message, 503)
    return pages.error_page(503, command="kb index" if missing else "")


def _on_search_away() -> ResponseReturnValue:
    """Pages can be read, and search can be tried again soon."""
    answer: ResponseReturnValue = (
        api.error("unavailable", "search does not answer now; try again in a minute", 503)
        if context.is_for_programs()
        else pages.error_page(503, is_search=True)
    )
    made: Response = context.as_response(answer)
    made.headers["Retry-After"] = _SEARCH_AGAIN
    return made


def _on_bug(error: Exception) -> ResponseReturnValue:
    if context.reraises_bugs():
        raise error
    context.log_bug()
    if context.is_for_programs():
        return api.error("internal-error", "a mistake of ours; it has been logged", 500)
    return pages.error_page(500)


# --- headers ------------------------------------------------------------------------------------


def policy(settings: Settings, ancestors: str = "'none'") -> str:
    """The Content-Security-Policy of pages; `ancestors` are the sites that may frame them."""
    images = "'self' https:" if settings.remote_images else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; "
        "connect-src 'self'; form-action 'self'; manifest-src 'self'; frame-src 'self'; "
        f"base-uri 'none'; frame-ancestors {ancestors}"
    )


def _add_headers(app: Flask, settings: Settings) -> None:
    site = context.site_of(app)
    everywhere, metrics = site.headers, site.metrics
    framed = policy(settings, " ".join(settings.widget_parents) or "'self'")
    frame = ((_POLICY, framed), *_ALWAYS)

    @app.after_request
    def finish(response: Response) -> Response:
        incoming = current.request()
        complete(response, incoming.endpoint == "widget.frame")
        rule = incoming.url_rule.rule if incoming.url_rule else "other"
        took = perf_counter() - incoming.environ.get(proxies.STARTED, inf)
        metrics.request(rule, incoming.method, response.status_code, max(took, 0.0))
        return response

    def complete(response: Response, is_frame: bool) -> None:
        headers = response.headers
        is_page = response.mimetype == "text/html"
        added = (*(frame if is_frame else everywhere), *(_OF_PAGES if is_page else ()))
        set_already = {name.lower() for name, _ in headers}
        headers.extend([each for each in added if each[0].lower() not in set_already])
        if is_page:
            _vary(response, "Accept-Language")
        if _is_for_some():
            _keep_out_of_caches(response)
        _compress(response)


def _is_for_some() -> bool:
    """Whether an answer is not for everybody, so that nobody may keep it."""
    if context.site().settings.private:
        return not reader_sign_in.is_open()
    return current.request().endpoint != "static" and bool(context.audience())


def _keep_out_of_caches(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"
    for name in ("ETag", "Expires", "Last-Modified"):
        response.headers.pop(name, None)


def _vary(response: Response, name: str) -> None:
    """Notes a request header that the response depends on."""
    known = response.headers.get("Vary", "")
    if name.lower() not in known.lower().split(", "):
        response.headers["Vary"] = f"{known}, {name}" if known else name


def _compress(response: Response) -> None:
    kind = response.mimetype or ""
    is_text = kind.startswith(_COMPRESSED) or kind.endswith(("+json", "+xml"))
    if not is_text or response.direct_passthrough or "Content-Encoding" in response.headers:
        return
    _vary(response, "Accept-Encoding")
    body = response.get_data()
    if len(body) > _LEAST_COMPRESSED and _accepts_gzip():
        response.set_data(compression.compress(body))
        response.headers["Content-Encoding"] = "gzip"


def _accepts_gzip() -> bool:
    return compression.accepts_gzip(current.request().headers.get("Accept-Encoding", ""))
