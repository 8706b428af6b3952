"""Access to the board: sign-in, sign-out, own password, language; helpers of its views."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from typing import Final
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, abort, g, redirect, request
from flask.typing import ResponseReturnValue

from kb.base import passwords
from kb.base.audiences import INSIDERS, STRANGERS
from kb.base.errors import ConfigError, LogUnavailable
from kb.base.networks import network
from kb.site import auth, charts, context, formatting
from kb.site.board import labels, people, roles
from kb.site.context import kb, site, storable
from kb.site.throttle import LoginThrottle

leads = Blueprint("leads", __name__, url_prefix="/leads")

COOKIE, DEVICE_COOKIE, LANG_COOKIE = people.COOKIE, "kb_leads_device", "kb_leads_lang"
SEEN_COOKIE: Final = "kb_leads_seen"  # when the visit before this one, and this one, were last here
_PAUSE: Final = timedelta(minutes=30)  # after which another visit begins
_YEAR: Final = 365 * 86400
_OWN_FIELDS: Final = ("password", "token", "name", "next", "new", "again")
_SENT_AGAIN: Final = ("/leads/do", "/leads/undo")
_OWN_PATH = re.compile(r"/leads(/[\w.-]+)*(\?[^\s\\]*)?", re.ASCII)


@leads.before_request
def _only_leads() -> ResponseReturnValue | None:
    """Refuses strangers, what a role may not do, and changes that another site's page sends."""
    g.prefixed = False
    context.set_language(request.args.get("ui") or request.cookies.get(LANG_COOKIE))
    if request.method not in ("GET", "HEAD") and not context.is_own_request():
        abort(403)
    g.lead = people.who_asks()
    g.seen, g.seen_now = _seen(request.cookies.get(SEEN_COOKIE, ""), kb().now())
    if g.lead is None and request.endpoint not in roles.OPEN:
        return _turned_away()
    g.readers = STRANGERS if g.lead is None else INSIDERS
    if g.lead is not None and not _may(str(request.endpoint), request.form.get("do", "")):
        return context.render("leads/not-yours.html"), 403
    return None


def _turned_away() -> ResponseReturnValue:
    """The page to sign in on; it keeps what was sent, and says why a proxy named one in vain."""
    if people.refused():
        return _sign_in_page("/leads", 403, "group")
    is_kept = request.path in _SENT_AGAIN and bool(request.form)
    return _sign_in_page(request.full_path.rstrip("?"), 401, "ended" if is_kept else "")


def _may(endpoint: str, action: str = "") -> bool:
    """Whether the role of whoever sent this request lets them do it."""
    return g.lead is not None and roles.may(g.lead.role, endpoint, action)


def _may_do(action: str) -> bool:
    """Whether they may do an action with questions."""
    return _may(roles.DO, action)


@leads.after_request
def _keep_nothing(response: Response) -> Response:
    """Forbids caching, and remembers the chosen language for a year."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    chosen = request.args.get("ui")
    if chosen in site().languages.codes:
        _set_cookie(response, LANG_COOKIE, chosen, _YEAR)
    if g.get("lead") is not None:
        _set_cookie(response, SEEN_COOKIE, g.seen_now, _YEAR)
    return response


def _seen(cookie: str, now: datetime) -> tuple[datetime | None, str]:
    """When the visit before this one was last here, if it is known; and the cookie to set."""
    times = [int(part) for part in cookie.split("-") if part.isascii() and part.isdigit()][:2]
    before, here = [*times, 0, 0][:2]
    at = int(now.timestamp())
    if here and at - here > _PAUSE.total_seconds():
        before = here
    return (datetime.fromtimestamp(min(before, at), UTC) if before else None), f"{before}-{at}"


@leads.errorhandler(LogUnavailable)
def _no_log(error: LogUnavailable) -> ResponseReturnValue:
    """The error page for leads, who see what is wrong with the log."""
    context.log_warning(str(error))
    return context.render("leads/unavailable.html", message=error.message), 503


@leads.errorhandler(ConfigError)
def _no_accounts(error: ConfigError) -> ResponseReturnValue:
    """The error page where the accounts cannot be read; the message is for the log alone."""
    context.log_warning(str(error))
    g.lead = None
    return context.render("leads/no-accounts.html"), 503


def _formatted(form: Callable[..., str], value: object, *more: object) -> str:
    """A value formatted in the language of the page."""
    return form(value, g.lang, *more)


for _form in (formatting.short_date, formatting.number, formatting.percent, formatting.long_time):
    leads.add_app_template_filter(partial(_formatted, _form), _form.__name__)


def _here(**params: object) -> str:
    """The requested path with some query parameters changed; empty ones are left out."""
    kept = {name: value for name, value in request.args.items() if name != "ui"}
    return context.with_params(request.path, **{**kept, **params})


_NAMES = {
    "here": _here,
    "named": charts.evenly_spaced,
    "share": charts.bar_percent,
    "may": _may,
    "may_do": _may_do,
    "called": labels,
    "title_of": context.title_of,
    "sparkline": charts.sparkline,
}
leads.record_once(lambda state: state.app.jinja_env.globals.update(_NAMES))


def _throttle() -> LoginThrottle:
    return LoginThrottle(kb().shared_json("leads-tries"))


def _set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    """Sets a cookie for the board alone, which no script can read."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=context.url("/leads"),
        secure=request.is_secure or site().settings.base_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )


@leads.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """Signs in for 12 hours by name and password, the shared password, or the token of a link.

    A GET of the link does not use up the token: mail programs that check links send one, too.
    """
    target = own_path(request.values.get("next", ""))
    password, token = request.form.get("password", ""), request.form.get("token", "")
    if password:
        return _by_password(target, password)
    if token:
        return _by_link(target, token)
    if g.lead is not None:
        return redirect(target, 303)
    return _sign_in_page(target, token=request.args.get("token", "")[:100])


def _by_password(target: str, password: str) -> ResponseReturnValue:
    """Signs in by password, if the throttle allows a try.

    The name of an account needs its own password; any other name goes with the shared one.
    """
    name, (client, wait) = form_line("name", 80), _try()
    if wait:
        return _wait(_sign_in_page(target, 429, "often", wait=wait), wait)
    person = people.people().signed_in(name, password)
    if person is None and (people.people().find(name) or not people.shared().is_right(password)):
        return _sign_in_page(target, 401, "wrong")
    if person is None and people.is_taken(name):
        return _sign_in_page(target, 401, "taken")
    _throttle().succeeded(client)
    if person is None:
        return _welcome(target, people.shared(), name)
    return _welcome(target, person.sessions(), person.name)


def _by_link(target: str, token: str) -> ResponseReturnValue:
    """Signs in by the token of a link, which is used up."""
    name = form_line("name", 80)
    if people.is_taken(name):
        return _sign_in_page(target, 401, "taken", token=token[:100])
    if not people.links().use(token):
        return _sign_in_page(target, 401, "spent")
    return _welcome(target, people.shared(), name)


def _try() -> tuple[str, int]:
    """Takes one try of this browser, else of its network: who it is, and the seconds to wait."""
    device = _devices().device(request.cookies.get(DEVICE_COOKIE, ""))
    client = device or network(request.remote_addr or "")
    return client, ceil(_throttle().take(client, is_device=device is not None))


def _wait(page: ResponseReturnValue, seconds: int) -> ResponseReturnValue:
    answer = context.as_response(page)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _devices() -> auth.PasswordAuth:
    """Signs the cookies of browsers that were signed in, whoever it was."""
    return people.shared()


def _welcome(target: str, keeper: auth.PasswordAuth, name: str) -> ResponseReturnValue:
    """Redirects to the requested page with cookies of a new session and of the device."""
    people.ended().prepare()
    if not site().settings.leads_password:
        people.links().make_key()  # of the cookies of devices
    # 307: the browser repeats the form that was sent when the session had ended.
    response = context.as_response(redirect(target, 307 if target in _SENT_AGAIN else 303))
    _set_cookie(response, COOKIE, keeper.session_cookie(name), auth.SESSION_LASTS)
    if _devices().device(request.cookies.get(DEVICE_COOKIE, "")) is None:
        _set_cookie(response, DEVICE_COOKIE, _devices().device_cookie(), auth.DEVICE_LASTS)
    return response


def _sign_in_page(
    target: str, status: int = 200, wrong: str = "", *, token: str = "", wait: int = 0
) -> ResponseReturnValue:
    fields = request.form.items(multi=True)
    everybody, is_shared = people.people().everybody, site().settings.leads_password is not None
    page = context.render(
        "leads/sign-in.html",
        target=own_path(target),
        wrong=wrong,
        wait=wait,
        token=token,
        kept=[(name, value) for name, value in fields if name not in _OWN_FIELDS],
        has_accounts=bool(everybody),
        is_shared=is_shared,
        is_possible=bool(everybody) or is_shared,
        refused=people.refused() if wrong == "group" else None,
    )
    return page, status


@leads.route("/password", methods=["GET", "POST"])
def own_password() -> ResponseReturnValue:
    """The page on which a person changes their own password; their other sessions end."""
    if g.lead.person is None:
        abort(404)
    if request.method == "GET":
        return context.render("leads/password.html", wrong="", changed="changed" in request.args)
    wrong, wait = _wrong_change()
    page = context.render("leads/password.html", wrong=wrong, wait=wait, changed=False)
    if wait:
        return _wait((page, 429), wait)
    if wrong:
        return page, 401 if wrong == "wrong" else 400
    hashed = auth.hash_password(request.form["new"])
    people.file().change(lambda everybody: everybody.changed(g.lead.name, password=hashed))
    g.pop("people")
    person = people.people().find(g.lead.name)
    if person is None:
        abort(409)
    return _welcome("/leads/password?changed=1", person.sessions(), person.name)


def _wrong_change() -> tuple[str, int]:
    """What is wrong with a change of the own password, "" if nothing; and the seconds to wait."""
    new = request.form.get("new", "")
    if passwords.weakness(new) or len(new) > auth.LONGEST_PASSWORD:
        return "weak", 0
    if new != request.form.get("again", ""):
        return "again", 0
    client, wait = _try()
    if wait:
        return "often", wait
    if people.people().signed_in(g.lead.name, request.form.get("password", "")) is None:
        return "wrong", 0
    _throttle().succeeded(client)
    return "", 0


def own_path(text: str) -> str:
    """The address, if it is one of the board; else that of its first page."""
    return text if _OWN_PATH.fullmatch(text) else "/leads"


@leads.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Revokes the session, also for copies of its cookie."""
    if g.lead is not None and g.lead.session is not None:
        people.ended().add(g.lead.session)
    response = context.as_response(redirect("/leads/sign-in", 303))
    _set_cookie(response, COOKIE, "", 0)
    return response


# --- fields ------------------------------------------------------------------------------


def lead_name() -> str:
    """The name of the lead, or "lead" if they gave none."""
    return g.lead.name or "lead"


def form_text(name: str, most: int) -> str:
    """A field of the form, cut to `most` characters, as lines."""
    return storable(request.form.get(name, "")).replace("\r\n", "\n").strip()[:most]


def form_line(name: str, most: int) -> str:
    """A field of the form, cut to `most` characters, as one line."""
    return " ".join(form_text(name, most).split())


def query_param(name: str, most: int) -> str:
    """A query parameter, cut to `most` characters, as one line."""
    return " ".join(storable(request.args.get(name, "")).split())[:most]


def back_to(address: str, said: str) -> ResponseReturnValue:
    """Redirects to a page of the board with the key of a message."""
    path, _, query = address.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name != "said"]
    return redirect(f"{path}?{urlencode([*kept, ('said', said)])}", 303)


def download(content: str, name: str, kind: str) -> Response:
    """A text as a file to download."""
    response = Response(content, content_type=f"{kind}; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
