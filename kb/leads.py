"""The leads' board: each view reads the request, asks the service one thing and renders.

Nobody gets past `_only_leads` but through the sign-in; every change is asked for by our own pages.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, Response, abort, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from kb import charts, front, i18n, keys, scaffold, signin
from kb.front import kb, site
from kb.searchlog import ORDERS, Action, Board, Details, Filter, GroupDay, Seen

leads = Blueprint("leads", __name__, url_prefix="/leads")

COOKIE, LANG_COOKIE = "kb_leads", "kb_leads_lang"
FILTERS: Final = ("status", "kind", "owner", "category", "lang", "cause", "period", "q")
PERIODS: Final = ("7", "30", "90", "365")  # days
NOBODY: Final = "-"  # the owner of what has none
MOST_AT_ONCE: Final = 500
TREND: Final = 60  # days of a question's chart
CLAIMED: Final = 10  # phrasings that a ready article claims to answer
FRESH: Final = timedelta(hours=1)  # how long undoing is offered
_OPEN = ("leads.sign_in", "leads.sign_out")
_OWN_PATH = re.compile(r"/leads(/[\w.-]+)*(\?[^\s\\]*)?", re.ASCII)


# --- who may come in ----------------------------------------------------------------------------


@leads.before_request
def _only_leads() -> ResponseReturnValue | None:
    """Refuses whoever is not signed in, and what another site's page sends."""
    g.prefixed = False
    front.speak(request.args.get("ui") or request.cookies.get(LANG_COOKIE))
    if request.method not in ("GET", "HEAD") and not _is_from_here():
        abort(403)
    g.lead = _door().lead(request.cookies.get(COOKIE, ""))
    if g.lead is None and request.endpoint not in _OPEN:
        return _sign_in_page(request.full_path.rstrip("?") if request.method == "GET" else "", 401)
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


@leads.context_processor
def _names() -> dict[str, object]:
    return {"here": _here, "named": charts.spread, "share": charts.share}


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
    target = _own_path(request.values.get("next", ""))
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
    name = _sent("name", 80)
    response = front.made(redirect(target, 303))
    _set_cookie(response, COOKIE, _door().cookie(name), signin.LASTS)
    return response


def _sign_in_page(target: str, status: int = 200, wrong: str = "") -> ResponseReturnValue:
    is_possible = site().settings.leads_password is not None
    page = render_template(
        "leads/sign-in.html", target=_own_path(target), wrong=wrong, is_possible=is_possible
    )
    return page, status


def _own_path(text: str) -> str:
    """An address of the board, whatever was sent."""
    return text if _OWN_PATH.fullmatch(text) else "/leads"


@leads.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Ends the session in this browser."""
    response = front.made(redirect("/leads/sign-in", 303))
    _set_cookie(response, COOKIE, "", 0)
    return response


# --- the list -----------------------------------------------------------------------------------


@leads.get("", strict_slashes=False)
def board() -> ResponseReturnValue:
    """The questions that reach support, narrowed and ordered as asked; the costliest first."""
    chosen = {name: request.args.get(name, "")[:200] for name in FILTERS}
    order = request.args.get("order", "")
    found = kb().board(
        _filter(chosen),
        order=order if order in ORDERS else ORDERS[0],
        page=front.page_number(request.args.get("page", "")),
    )
    return render_template(
        "leads/board.html",
        board=found,
        chosen=chosen,
        order=order,
        orders=ORDERS,
        periods=PERIODS,
        owners=_owners(found),
        last=_undoable(),
        said=request.args.get("said", ""),
    )


def _filter(chosen: Mapping[str, str]) -> Filter:
    """What was chosen, as the log understands it; `-` is nobody's and nothing's."""
    days = chosen["period"]
    since = kb().today() - timedelta(days=int(days) - 1) if days in PERIODS else None
    return Filter(
        status=chosen["status"],
        kind=chosen["kind"],
        owner=_value(chosen["owner"]),
        category=_value(chosen["category"]),
        lang=chosen["lang"],
        cause=chosen["cause"],
        text=chosen["q"],
        since=since,
    )


def _owners(found: Board) -> list[str]:
    return sorted(filter(None, found.facets["owner"]))


def _value(chosen: str) -> str | None:
    return "" if chosen == NOBODY else chosen or None


def _who() -> str:
    """Who does it; somebody without a name is a lead all the same."""
    return g.lead or "lead"


def _undoable() -> Action | None:
    """What this lead did last, while it is fresh."""
    last = kb().last_action(_who())
    return last if last is not None and kb().now() - last.at < FRESH else None


@leads.post("/do")
def do() -> ResponseReturnValue:
    """One action on all questions that are ticked, by whoever asks for it."""
    ids = [int(id) for id in request.form.getlist("id")[:MOST_AT_ONCE] if _is_id(id)]
    action = ACTIONS.get(request.form.get("do", ""))
    if action is None:
        abort(400)
    return _back(_tried(action, ids) if ids else "none")


def _tried(action: Callable[[list[int]], object], ids: list[int]) -> str:
    """What to say once it is done, or why it could not be."""
    try:
        return "done" if action(ids) else "same"
    except KeyError:
        return "moved"


def _assign(ids: list[int]) -> object:
    return kb().assign(ids, _sent("owner", 80), who=_who())


def _dismiss(ids: list[int]) -> object:
    return kb().dismiss(ids, _sent("reason", 500), until=_day("until"), who=_who())


def _reopen(ids: list[int]) -> object:
    return kb().reopen(ids, who=_who())


def _merge(ids: list[int]) -> object:
    """Into the question that is named, else into the first of the list."""
    named = request.form.get("into", "").lstrip("#")
    into = int(named) if _is_id(named) else ids[0]
    return kb().merge([id for id in ids if id != into], into, who=_who())


def _note(ids: list[int]) -> object:
    return kb().annotate(ids, _text("note", 5000), who=_who())


def _split(ids: list[int]) -> object:
    return kb().split(ids[0], request.form.getlist("phrasing")[:500], who=_who())


ACTIONS: Mapping[str, Callable[[list[int]], object]] = {
    "assign": _assign,
    "dismiss": _dismiss,
    "reopen": _reopen,
    "merge": _merge,
    "note": _note,
    "split": _split,
}


@leads.post("/undo")
def undo() -> ResponseReturnValue:
    """Takes back what this lead did last."""
    last = kb().last_action(_who())
    if last is None or str(last.id) != request.form.get("action"):
        return _back("late")
    kb().undo(last.id, who=_who())
    return _back("undone")


def _back(said: str) -> ResponseReturnValue:
    """To the page the form stood on, with what is to be said there."""
    return _back_to(_own_path(request.form.get("back", "")), said)


def _back_to(address: str, said: str) -> ResponseReturnValue:
    path, _, query = address.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name != "said"]
    return redirect(f"{path}?{urlencode([*kept, ('said', said)])}", 303)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _day(name: str) -> datetime | None:
    """The end of a day that was chosen; no day, no end."""
    try:
        return datetime.combine(date.fromisoformat(_sent(name, 10)), time(23, 59, 59), UTC)
    except ValueError:
        return None


def _text(name: str, most: int) -> str:
    """Lines of a form, cut; what no database can keep is left out."""
    text = request.form.get(name, "").replace("\0", "").encode("utf-8", "ignore").decode()
    return text.replace("\r\n", "\n").strip()[:most]


def _sent(name: str, most: int) -> str:
    """One line of a form."""
    return " ".join(_text(name, most).split())


# --- one question -------------------------------------------------------------------------------


@leads.get("/<int:id>")
def group(id: int) -> ResponseReturnValue:
    """All there is to know of one question, and what can be done about it."""
    found = _found(id)
    if found.group.id != id:
        return redirect(f"/leads/{found.group.id}", 301)
    question = found.group
    return render_template(
        "leads/group.html",
        found=found,
        group=question,
        trend=_trend(found.days, kb().today()),
        articles=_places(found),
        draft=_draft(found),
        title=_title(found),
        patch=kb().synonym_patch(question.triage.words)
        if question.triage and question.triage.words
        else "",
        owners=_owners(kb().board(Filter(status="all"), limit=1)),
        last=_undoable(),
        said=request.args.get("said", ""),
    )


def _found(id: int) -> Details:
    found = kb().group(id)
    if found is None:
        abort(404)
    return found


def _places(found: Details) -> dict[str, tuple[Seen | None, Seen | None]]:
    """Articles as they were shown and as they were opened, the most shown first."""
    shown = {seen.slug: seen for seen in found.shown}
    clicked = {seen.slug: seen for seen in found.clicked}
    return {slug: (shown.get(slug), clicked.get(slug)) for slug in (*shown, *clicked)}


@dataclass(frozen=True, slots=True)
class Trend:
    """How often a question was asked by day, the days without a search too."""

    days: tuple[tuple[date, int, int, int], ...]  # day, visits, searches, letters
    chart: charts.Columns


def _trend(days: Sequence[GroupDay], today: date) -> Trend:
    by_day = {day.day: day for day in days}
    rows = []
    for back in range(TREND - 1, -1, -1):
        at = today - timedelta(days=back)
        found = by_day.get(at.isoformat())
        rows.append((at, found.visits, found.searches, found.tickets) if found else (at, 0, 0, 0))
    return Trend(tuple(rows), charts.columns([[visits] for _, visits, *_ in rows]))


@leads.get("/<int:id>/article.md")
def article(id: int) -> ResponseReturnValue:
    """A ready article that claims the question, to be filled in and put among the others."""
    found = _found(id)
    name = scaffold.file_name(_title(found)) + ".md"
    return _file(_draft(found), name, "text/markdown")


def _title(found: Details) -> str:
    """What the article is called: as it was asked for, else the question with a capital."""
    asked = " ".join(request.args.get("title", "")[:200].split())
    question = found.group.question
    return asked or question[:1].upper() + question[1:]


def _draft(found: Details) -> str:
    kind = request.args.get("type", "")
    settings = site().settings
    lang = found.group.lang if found.group.lang in settings.langs else settings.lang
    return scaffold.skeleton(
        _title(found),
        lang=lang,
        kind=kind if kind in keys.TYPES else "how-to",
        today=kb().today(),
        category=found.group.category,
        answers=[query for query, _ in found.phrasings[:CLAIMED]] or [found.group.question],
    )


@leads.get("/<int:id>/synonyms.patch")
def synonyms(id: int) -> ResponseReturnValue:
    """A patch of `synonyms.yml` by which one word finds another."""
    _found(id)
    words = [" ".join(request.args.get(name, "")[:80].split()) for name in ("word", "means")]
    if not all(words):
        return _back_to(f"/leads/{id}", "words")
    return _file(kb().synonym_patch(words), "synonyms.patch", "text/x-diff")


def _file(text: str, name: str, kind: str) -> Response:
    response = Response(text, content_type=f"{kind}; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
