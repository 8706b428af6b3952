"""Signing in of readers: by a link of the team's own login page. Keeps strangers out if asked to.

Who they are and what they may see is `readers` and `kb.base.audiences`.
"""

from typing import Final
from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, abort, g, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Unauthorized

from kb.searchlog.db.token_models import SEARCH
from kb.site import context, readers, tokens
from kb.site.context import site

reader_sign_in = Blueprint("reader_sign_in", __name__)

PATH: Final = "/sign-in"
LINK: Final = "/sign-in/reader"
# What strangers get of a private site: what holds no article, or asks for a secret of its own.
OPEN: Final = frozenset(
    [
        *("static", "api.health", "api.ready", "api.metrics", "api.misses", "hooks.push"),
        *("builds.current", "builds.file"),
        *("feeds.colours", "feeds.favicon", "feeds.robots"),
        *("reader_sign_in.page", "reader_sign_in.by_link", "reader_sign_in.sign_out"),
    ]
)
_OWN_SIGN_IN: Final = ("leads", "board_api")  # blueprints that ask who it is themselves


def refuse_strangers() -> ResponseReturnValue | None:
    """Leads strangers of a private site to the login page; programs are told to sign in.

    A program with a token for searching sees what is for everybody.
    """
    if not site().settings.private or is_open() or context.reader() is not None:
        return None
    if context.is_for_programs():
        if tokens.if_sent(SEARCH):
            return None
        raise Unauthorized("sign in first: this site is for its own readers")
    if site().settings.sign_in_url and request.method in ("GET", "HEAD"):
        return _no_store(redirect(_login_page(request.full_path.rstrip("?")), 302))
    return _hint(401)


def is_open() -> bool:
    """Whether a private site answers this request whoever asks."""
    return request.blueprint in _OWN_SIGN_IN or request.endpoint in OPEN


@reader_sign_in.get(PATH)
def page() -> ResponseReturnValue:
    """Leads to the login page of the team, or says how to get in."""
    if site().settings.sign_in_url and context.reader() is None:
        return _no_store(redirect(_login_page(_came_from()), 302))
    return _hint(200)


@reader_sign_in.get(LINK)
def by_link() -> ResponseReturnValue:
    """Signs in whom a signed link names, and goes on to `next`, a path of this site."""
    links = readers.signed_links(site().settings)
    if links is None:
        abort(404)
    given = (request.args.get(name, "") for name in ("user", "groups", "until", "signature"))
    reader = links.reader(*given)
    if reader is None:
        return _hint(401, wrong=True)
    answer = redirect(own_path(request.args.get("next", "")), 303)
    return _with_cookie(_no_store(answer), links.cookie(reader), links.hours * 3600)


@reader_sign_in.post(f"{LINK}/out")
def sign_out() -> ResponseReturnValue:
    """Forgets the cookie."""
    if context.is_cross_site():
        abort(403)
    return _with_cookie(_no_store(redirect("/", 303)), "", 0)


def own_path(text: str) -> str:
    """The address if it is a path of this site, else the home page."""
    is_own = text.startswith("/") and not text.startswith("//") and text.isprintable()
    return context.quoted(text) if is_own and "\\" not in text else "/"


def _came_from() -> str:
    """The path of the page of this site that led here."""
    try:
        address = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return "/"
    if address.netloc != request.host or not address.path.startswith(request.script_root + "/"):
        return "/"
    path = address.path.removeprefix(request.script_root)
    return f"{path}?{address.query}" if address.query else path


def _login_page(next: str) -> str:
    return site().settings.sign_in_url.replace("{next}", quote(next, safe=""))


def _hint(status: int, *, wrong: bool = False) -> ResponseReturnValue:
    """The page that says how readers get in; it shows nothing of any article."""
    context.set_language(request.path.split("/")[1] or None)
    reader = context.reader()
    g.broken = g.get("broken") or reader is None
    answer = context.as_response(context.render("sign-in.html", wrong=wrong, reader=reader))
    answer.status_code = status
    return _no_store(answer)


def _no_store(answer: ResponseReturnValue) -> Response:
    made = context.as_response(answer)
    made.headers["Cache-Control"] = "no-store"
    return made


def _with_cookie(answer: Response, value: str, seconds: int) -> Response:
    answer.set_cookie(
        readers.COOKIE,
        value,
        max_age=seconds,
        path=context.url("/"),
        secure=request.is_secure or site().settings.base_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
    return answer
