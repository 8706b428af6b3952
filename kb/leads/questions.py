"""The list of questions and what leads do with them. Shows no single one."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from flask import abort, g, render_template, request
from flask.typing import ResponseReturnValue

from kb import front, sheets
from kb.front import kb
from kb.i18n import gettext
from kb.leads import words
from kb.leads.door import asked, back_to, file, leads, own_path, sent, text, who
from kb.searchlog import ORDERS, Action, Filter, MissGroup

FILTERS: Final = ("status", "kind", "owner", "category", "lang", "cause", "period", "q")
PERIODS: Final = ("7", "30", "90", "365")  # days
NOBODY: Final = "-"  # the owner of what has none
MOST_AT_ONCE: Final = 500
FRESH: Final = timedelta(hours=1)  # how long undoing is offered


@leads.get("", strict_slashes=False)
def board() -> ResponseReturnValue:
    """The questions that reach support, narrowed and ordered as asked; the costliest first."""
    chosen = {name: asked(name, 200) for name in FILTERS}
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
        owners=sorted(kb().owners().union(filter(None, found.facets["owner"]))),
        last=undoable(),
        said=request.args.get("said", ""),
    )


@leads.get("/misses.csv")
def misses() -> ResponseReturnValue:
    """All that the same choice would list, as a table for a spreadsheet."""
    heads = (
        gettext("No."), gettext("Question"), gettext("Visits"), gettext("Searches"),
        gettext("Letters"), gettext("Kinds"), gettext("Status"), gettext("Owner"),
        gettext("Category"), gettext("Language"), gettext("Likely cause"), gettext("First"),
        gettext("Last"), gettext("Answered by"), gettext("Asked as"),
    )  # fmt: skip
    chosen = {name: asked(name, 200) for name in FILTERS}
    rows = map(_row, _all(_filter(chosen)))
    return file(sheets.table([heads, *rows], lang=str(g.lang)), "misses.csv", "text/csv")


def _all(filter: Filter) -> Iterator[MissGroup]:
    page, pages = 1, 1
    while page <= pages:
        found = kb().board(filter, page=page, limit=MOST_AT_ONCE)
        yield from found.groups
        page, pages = page + 1, found.pages


def _row(group: MissGroup) -> tuple[object, ...]:
    kinds, cause = words.kinds(), group.triage.cause if group.triage else ""
    return (
        group.id, group.question, group.visits, group.searches, group.tickets,
        ", ".join(f"{kinds.get(kind, kind)}: {n}" for kind, n in group.kinds.items()),
        words.statuses().get(group.status, group.status), group.owner, group.category, group.lang,
        words.causes().get(cause, cause), group.first, group.last,
        group.answer.slug if group.answer else "",
        " | ".join(query for query, _ in group.phrasings),
    )  # fmt: skip


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


def _value(chosen: str) -> str | None:
    return "" if chosen == NOBODY else chosen or None


def undoable() -> Action | None:
    """What this lead did last, while it is fresh."""
    last = kb().last_action(who())
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
    return kb().assign(ids, sent("owner", 80), who=who())


def _dismiss(ids: list[int]) -> object:
    return kb().dismiss(ids, sent("reason", 500), until=_day("until"), who=who())


def _reopen(ids: list[int]) -> object:
    return kb().reopen(ids, who=who())


def _merge(ids: list[int]) -> object:
    """Into the question that is named, else into the first of the list."""
    named = request.form.get("into", "").lstrip("#")
    into = int(named) if _is_id(named) else ids[0]
    return kb().merge([id for id in ids if id != into], into, who=who())


def _note(ids: list[int]) -> object:
    return kb().annotate(ids, text("note", 5000), who=who())


def _split(ids: list[int]) -> object:
    return kb().split(ids[0], request.form.getlist("phrasing")[:500], who=who())


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
    last = kb().last_action(who())
    if last is None or str(last.id) != request.form.get("action"):
        return _back("late")
    kb().undo(last.id, who=who())
    return _back("undone")


def _back(said: str) -> ResponseReturnValue:
    """To the page the form stood on."""
    return back_to(own_path(request.form.get("back", "")), said)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _day(name: str) -> datetime | None:
    """The end of a day that was chosen; no day, no end."""
    try:
        return datetime.combine(date.fromisoformat(sent(name, 10)), time(23, 59, 59), UTC)
    except ValueError:
        return None
