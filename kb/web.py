"""create_app(service): the customers' site. Joins views, headers and errors; answers nothing."""

import mimetypes
from functools import cache, lru_cache, partial
from hashlib import blake2b
from math import inf
from pathlib import Path
from time import perf_counter

from flask import Flask, Request, Response, g, request
from flask.typing import ResponseReturnValue
from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from kb import (
    api,
    catalogues,
    feeds,
    front,
    hooks,
    i18n,
    leads,
    packing,
    pages,
    proxies,
    repeats,
    runs,
    shipped,
    widget,
)  # fmt: skip
from kb.config import Settings
from kb.errors import IndexMissing, KBError
from kb.metrics import Metrics
from kb.rates import Crawls, Limits
from kb.service import KnowledgeBase

_LARGEST_BODY = 64 * 1024
_YEAR = "public, max-age=31536000, immutable"
_COMPRESSED = ("text/", "application/xml")
_WORTH_IT = 1400  # bytes; less fits into one packet anyway
_FILES = 64  # static files kept packed
_PARTS = 256  # pieces of pages kept: a few of each language, more as what is popular changes
_ALWAYS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"))
_CODES = {
    400: "bad-request", 401: "unauthorized", 403: "forbidden", 404: "not-found",
    405: "method-not-allowed", 413: "too-large", 415: "bad-request", 429: "too-many-requests",
    500: "internal-error",
}  # fmt: skip

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("image/avif", ".avif")
mimetypes.add_type("image/webp", ".webp")


def create_app(
    service: KnowledgeBase, settings: Settings | None = None, *, kept: int = repeats.SLOTS
) -> Flask:
    """A site over a service; several in one process do not know of each other.

    `kept` answers of `/api/search` are kept in memory, shared by all processes forked later.
    """
    settings = settings or service.settings
    app = Flask("kb", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=_LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=_LARGEST_BODY,
        MAX_FORM_PARTS=50,
        TRUSTED_HOSTS=list(settings.trusted_hosts) or None,
    )
    languages = catalogues.languages(settings.templates, settings.langs, settings.lang)
    i18n.install(app, languages)
    static = _folders(settings.static, "static")
    metrics = Metrics(partial(_state, service))
    service.count_reports(metrics.log)
    app.extensions["kb"] = front.Site(
        service=service,
        settings=settings,
        languages=languages,
        metrics=metrics,
        limits=Limits(),
        crawls=Crawls(runs.ROBOT_RATE, 60.0),
        assets=_assets(static),
        headers=(("Content-Security-Policy", policy(settings)), *_ALWAYS),
    )
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(folder) for folder in _folders(settings.templates, "templates")]
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    _add_routes(app, languages.codes, static)
    _add_names(app)
    _add_errors(app)
    _add_headers(app, settings)
    repeated = _repeated(app.wsgi_app, app.extensions["kb"], repeats.Shelf(kept))
    app.wsgi_app = proxies.Proxies(repeated, settings.trusted_proxies)  # type: ignore[method-assign]
    return app


def _folders(own: Path | None, name: str) -> tuple[Path, ...]:
    """Where to look, the site's own folder first."""
    ours = shipped.folder(name)
    return (ours,) if own is None else (own, ours)


def _state(service: KnowledgeBase) -> dict[str, float]:
    try:
        status = service.status()
    except KBError:
        return {"ready": 0}
    return {"ready": float(status.build is not None), "articles": status.articles}


def _repeated(app: repeats.Application, site: front.Site, shelf: repeats.Shelf) -> repeats.Repeats:
    """The application behind what is answered before it begins."""

    def told(status: int, outcome: repeats.Outcome | None, seconds: float) -> None:
        site.metrics.request(repeats.PATH, "GET", status, seconds)
        if outcome is not None:
            site.metrics.search(outcome.found, outcome.confident)

    return repeats.Repeats(
        app,
        shelf,
        edition=site.service.edition,
        answer=partial(api.answered, site.service),
        hosts=site.settings.trusted_hosts,
        headers=site.headers,
        told=told,
    )


# --- routes -------------------------------------------------------------------------------------


def _add_routes(app: Flask, codes: tuple[str, ...], static: tuple[Path, ...]) -> None:
    for blueprint in (api.api, pages.pages, feeds.feeds, hooks.hooks, leads.leads, widget.widget):
        app.register_blueprint(blueprint)
    for code in codes:
        said = {"ui": code}
        app.add_url_rule(f"/{code}/", "pages.home_in", pages.home, defaults=said)
        app.add_url_rule(f"/{code}/search", "pages.search_in", pages.search, defaults=said)
    app.add_url_rule("/static/<path:name>", "static", partial(_static, static))


def _assets(folders: tuple[Path, ...]) -> dict[str, str]:
    """Every static file's address with the hash of its content, so it may be kept for ever."""
    found: dict[str, str] = {}
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            name = file.relative_to(folder).as_posix()
            if file.is_file() and name not in found:
                digest = blake2b(file.read_bytes(), digest_size=6).hexdigest()
                found[name] = f"/static/{name}?v={digest}"
    return found


def _static(folders: tuple[Path, ...], name: str) -> ResponseReturnValue:
    address = front.site().assets.get(name)
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if address is None or file is None:
        return pages.error_page(404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    is_text = kind.startswith("text/") or kind == "image/svg+xml"
    content_type = f"{kind}; charset=utf-8" if is_text else kind
    if is_text and _takes_gzip():
        response = Response(_packed(file, file.stat().st_mtime_ns), content_type=content_type)
        response.headers.update({"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
    else:
        response = Response(file.read_bytes(), content_type=content_type)
    current = request.full_path == address
    response.headers["Cache-Control"] = _YEAR if current else "public, max-age=300"
    return response


@lru_cache(_FILES)
def _packed(file: Path, changed: int) -> bytes:
    """A file as it was `changed` last, packed once."""
    return packing.smallest(file.read_bytes())


def _add_names(app: Flask) -> None:
    """What templates may say besides their own words."""
    site = front.site_of(app)

    @cache
    def common(lang: str) -> dict[str, object]:
        """What all pages of a language say; it must be the one that is spoken now."""
        return {
            "lang": lang,
            "langs": site.languages.codes,
            "settings": site.settings,
            "said": _said,
            "site_name": _said(site.settings.site_name) or i18n.gettext("Help centre"),
            "promise": _said(site.settings.promise),
            "own_colours": feeds.has_own_colours(),
        }

    @lru_cache(_PARTS)
    def rendered(name: str, lang: str, values: tuple[tuple[str, object], ...]) -> Markup:
        template = app.jinja_env.get_template(name)
        return Markup(template.render(common(lang), **dict(values)))  # noqa: S704 - is escaped

    def part(name: str, **values: object) -> Markup:
        """A piece of many pages, made of its language and these values alone: rendered once."""
        return rendered(name, g.lang, tuple(values.items()))

    app.jinja_env.filters["long_date"] = lambda day: i18n.long_date(day, g.lang)
    app.jinja_env.filters["heading"] = _heading
    app.jinja_env.globals.update(
        own_name=i18n.own_name,
        plural_forms=i18n.plural_forms,
        with_params=front.with_params,
        absolute=front.absolute,
        article_url=front.article_url,
        category_url=front.category_url,
        linked_data=feeds.linked_data,
        new_id=front.new_id,
        asset=site.assets.__getitem__,
        offers=_offers,
        part=part,
    )

    @app.context_processor
    def names() -> dict[str, object]:
        return {**common(g.get("lang") or front.speak(None)), "prefix": front.prefix()}


def _offers() -> tuple[tuple[str, str, str], ...]:
    """What the box offers where it finds nothing: title, address and language of each."""
    return tuple((card.title, card.url, card.lang) for card in pages.popular(g.lang))


def _said(text: str) -> str:
    """A setting in the reader's language, if the site's own catalogue has it."""
    return i18n.gettext(text) if text else ""  # an empty message is the catalogue's header


def _heading(name: str) -> str:
    """A category as a heading: a folder's name gets its spaces and its capital."""
    if not name or " " in name:
        return name
    words = name.replace("-", " ").replace("_", " ").strip() or name
    return words[:1].upper() + words[1:]


# --- errors -------------------------------------------------------------------------------------


def _add_errors(app: Flask) -> None:
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(KBError, _on_service)
    app.register_error_handler(Exception, _on_bug)


def _is_for_programs() -> bool:
    path = request.path
    return path.startswith(("/api/", "/hooks/")) or path in ("/healthz", "/readyz", "/metrics")


def _on_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:  # a redirect
        return error
    if _is_for_programs():
        message = error.description or error.name
        answer: ResponseReturnValue = api.error(_CODES.get(status, "error"), message, status)
    else:
        answer = pages.error_page(status)
    made: Response = front.made(answer)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            made.headers[name] = value
    return made


def _on_service(error: KBError) -> ResponseReturnValue:
    """Whoever runs the service reads what it says, a customer only the command."""
    missing = isinstance(error, IndexMissing)
    front.log(str(error))
    if _is_for_programs():
        message = (
            "no build yet; run `kb index`" if missing else "not available now; see the server's log"
        )
        return api.error("no-build" if missing else "unavailable", message, 503)
    return pages.error_page(503, command="kb index" if missing else "")


def _on_bug(error: Exception) -> ResponseReturnValue:
    if front.is_tested():
        raise error
    front.log_bug()
    if _is_for_programs():
        return api.error("internal-error", "a mistake of ours; it has been logged", 500)
    return pages.error_page(500)


# --- headers ------------------------------------------------------------------------------------


def policy(settings: Settings, ancestors: str = "'none'") -> str:
    """The Content-Security-Policy of pages."""
    images = "'self' https:" if settings.remote_images else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; "
        "connect-src 'self'; form-action 'self'; manifest-src 'self'; frame-src 'self'; "
        f"base-uri 'none'; frame-ancestors {ancestors}"
    )


def _add_headers(app: Flask, settings: Settings) -> None:
    everywhere = policy(settings)
    metrics: Metrics = app.extensions["kb"].metrics
    frame = policy(settings, " ".join(settings.widget_parents) or "'self'")

    @app.after_request
    def finish(response: Response) -> Response:
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]
        complete(response, asked.endpoint == "widget.frame")
        rule = asked.url_rule.rule if asked.url_rule else "other"
        took = perf_counter() - asked.environ.get(proxies.STARTED, inf)
        metrics.request(rule, asked.method, response.status_code, max(took, 0.0))
        return response

    def complete(response: Response, is_frame: bool) -> None:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", frame if is_frame else everywhere)
        for name, value in _ALWAYS:
            headers.setdefault(name, value)
        if response.mimetype == "text/html":
            headers.setdefault("Cache-Control", "private, no-cache")
            response.vary.add("Accept-Language")
        _compress(response)


def _compress(response: Response) -> None:
    kind = response.mimetype or ""
    is_text = kind.startswith(_COMPRESSED) or kind.endswith(("+json", "+xml"))
    if not is_text or response.direct_passthrough or "Content-Encoding" in response.headers:
        return
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) > _WORTH_IT and _takes_gzip():
        response.set_data(packing.packed(body))
        response.headers["Content-Encoding"] = "gzip"


def _takes_gzip() -> bool:
    return packing.is_taken(request.headers.get("Accept-Encoding", ""))
