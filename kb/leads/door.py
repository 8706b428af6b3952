"""Who comes in to the board, in which language. Shows nothing but the sign-in."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, Response, abort, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from kb import charts, front, i18n, signin
from kb.errors import LogUnavailable
from kb.front import site
from kb.leads import words

leads = Blueprint("leads", __name__, url_prefix="/leads")

COOKIE, LANG_COOKIE = "kb_leads", "kb_leads_lang"
_OPEN: Final = ("leads.sign_in", "leads.sign_out")
_OWN_FIELDS: Final = ("password", "name", "next")
_SENT_AGAIN: Final = ("/leads/do", "/leads/undo")
_OWN_PATH = re.compile(r"/leads(/[\w.-]+)*(\?[^\s\\]*)?", re.ASCII)


@leads.before_request
def _only_leads() -> ResponseReturnValue | None:
    """Refuses whoever is not signed in, and what another site's page sends."""
    g.prefixed = False
    front.speak(request.args.get("ui") or request.cookies.get(LANG_COOKIE))
    if request.method not in ("GET", "HEAD") and not _is_from_here():
        abort(403)
    g.lead = _door().lead(request.cookies.get(COOKIE, ""))
    if g.lead is None and request.endpoint not in _OPEN:
        return _sign_in_page(request.full_path.rstrip("?"), 401, "ended" if request.form else "")
    return None


@leads.after_request
def _keep_nothing(response: Response) -> Response:
    """What leads see stays in no cache; the language they chose stays for a year."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    chosen = request.args.get("ui")
    if chosen in site().languages.codes:
        _set_cookie(response, LANG_COOKIE, chosen, 365 * 86400)
    return response


@leads.errorhandler(LogUnavailable)
def _no_log(error: LogUnavailable) -> ResponseReturnValue:
    """Leads are told what customers are not: what is wrong with the log."""
    front.log(str(error))
    return render_template("leads/unavailable.html", message=error.message), 503


@leads.context_processor
def _names() -> dict[str, object]:
    return {"here": _here, "named": charts.spread, "share": charts.share, "called": words}


def _spoken(form: Callable[..., str], value: object, *more: object) -> str:
    """A value in the language of the page."""
    return form(value, g.lang, *more)


for _form in (i18n.short_date, i18n.number, i18n.percent, i18n.long_time):
    leads.add_app_template_filter(partial(_spoken, _form), _form.__name__)


def _here(**params: object) -> str:
    """The address asked for, with some of its parameters changed; empty ones are left out."""
    kept = {name: value for name, value in request.args.items() if name != "ui"}
    return front.with_params(request.path, **{**kept, **params})


def _door() -> signin.Door:
    secret = site().settings.leads_password
    return signin.Door(secret.get_secret_value() if secret else None)


def _tries() -> signin.Tries:
    return signin.Tries(site().settings.data / "leads-tries.json")


def _is_from_here() -> bool:
    """Whether our own page sent this: browsers say so in one of two headers."""
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site in ("same-origin", "none")
    sender = urlsplit(request.headers.get("Origin", "")).netloc
    return bool(sender) and sender in (request.host, urlsplit(site().settings.base_url).netloc)


def _set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    """A cookie for the board alone, which no script can read."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/leads",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


@leads.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """A password for a session of 12 hours; also the link that `kb serve` prints."""
    target = own_path(request.values.get("next", ""))
    given = request.form.get("password", "") or request.args.get("token", "")
    if not given:
        return redirect(target, 303) if g.lead is not None else _sign_in_page(target)
    address = request.remote_addr or ""
    if not _tries().take(address):
        answer = front.made(_sign_in_page(target, 429, "often"))
        answer.headers["Retry-After"] = str(signin.WINDOW)
        return answer
    if not _door().opens(given):
        return _sign_in_page(target, 401, "wrong")
    _tries().forgive(address)
    # What was sent when the session had ended is sent once more, by the browser.
    response = front.made(redirect(target, 307 if target in _SENT_AGAIN else 303))
    _set_cookie(response, COOKIE, _door().cookie(sent("name", 80)), signin.LASTS)
    return response


def _sign_in_page(target: str, status: int = 200, wrong: str = "") -> ResponseReturnValue:
    fields = request.form.items(multi=True)
    page = render_template(
        "leads/sign-in.html",
        target=own_path(target),
        wrong=wrong,
        kept=[(name, value) for name, value in fields if name not in _OWN_FIELDS],
        is_possible=site().settings.leads_password is not None,
    )
    return page, status


def own_path(text: str) -> str:
    """An address of the board, whatever was sent."""
    return text if _OWN_PATH.fullmatch(text) else "/leads"


@leads.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Ends the session in this browser."""
    response = front.made(redirect("/leads/sign-in", 303))
    _set_cookie(response, COOKIE, "", 0)
    return response


# --- what was sent ------------------------------------------------------------------------------


def who() -> str:
    """Who does it; somebody without a name is a lead all the same."""
    return g.lead or "lead"


def text(name: str, most: int) -> str:
    """Lines of a form, cut; what no database can keep is left out."""
    found = request.form.get(name, "").replace("\0", "").encode("utf-8", "ignore").decode()
    return found.replace("\r\n", "\n").strip()[:most]


def sent(name: str, most: int) -> str:
    """One line of a form."""
    return " ".join(text(name, most).split())


def asked(name: str, most: int) -> str:
    """One line of an address."""
    found = request.args.get(name, "").replace("\0", "").encode("utf-8", "ignore").decode()
    return " ".join(found.split())[:most]


def back_to(address: str, said: str) -> ResponseReturnValue:
    """To a page of the board, with what is to be said there."""
    path, _, query = address.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name != "said"]
    return redirect(f"{path}?{urlencode([*kept, ('said', said)])}", 303)


def file(content: str, name: str, kind: str) -> Response:
    """A text to be kept under a name."""
    response = Response(content, content_type=f"{kind}; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
