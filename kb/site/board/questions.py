"""The list of groups of misses, its CSV export, and actions on groups."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic
from typing import Final

from flask import abort, g, request
from flask.typing import ResponseReturnValue

from kb.searchlog.db.models import ORDERS, Action, Filter, MissGroup
from kb.searchlog.db.records import priority_of
from kb.site import context, csv_export
from kb.site.board import labels, people, roles
from kb.site.board.sign_in import (
    back_to,
    download,
    form_line,
    form_text,
    lead_name,
    leads,
    own_path,
    query_param,
)
from kb.site.context import kb
from kb.site.formatting import gettext

FILTERS: Final = ("status", "kind", "owner", "category", "lang", "cause", "period", "q")
PERIODS: Final = ("7", "30", "90", "365")  # days
NOBODY: Final = "-"  # filters groups without an owner
MOST_AT_ONCE: Final = 500
MOST_ROWS: Final = 10_000  # of the CSV; a flood may have left more
SECONDS: Final = 20.0  # to write the CSV
FRESH: Final = timedelta(hours=1)  # how long an action can be undone
TREND: Final = 14  # days of a row's trend
_DAY: Final = timedelta(days=1)
WEEK: Final = 7 * _DAY
CLUSTERS: Final = 50  # of questions that look alike, on one page


@leads.get("", strict_slashes=False)
def board() -> ResponseReturnValue:
    """The list of groups, filtered and ordered; the costliest first by default."""
    chosen = {name: query_param(name, 200) for name in FILTERS}
    order = request.args.get("order", "")
    found = kb().log.board.page(
        _filter(chosen),
        order=order if order in ORDERS else ORDERS[0],
        page=context.page_number(request.args.get("page", "")),
    )
    today, log = kb().today(), kb().log
    last, before = (
        log.statistics.week(today - WEEK + _DAY, today),
        log.statistics.week(today - 2 * WEEK + _DAY, today - WEEK),
    )
    return context.render(
        "leads/board.html",
        board=found,
        weeks=(last, before),
        trends=log.board.trends([each.id for each in found.groups], today - TREND * _DAY, today),
        seen=g.seen,
        fresh=log.board.count_new(g.seen) if g.seen else 0,
        is_narrowed=any(chosen.values()),
        chosen=chosen,
        order=order,
        orders=ORDERS,
        periods=PERIODS,
        owners=people.owners(*found.facets["owner"]),
        last=undoable(),
        said=request.args.get("said", ""),
    )


@leads.get("/alike")
def alike() -> ResponseReturnValue:
    """Questions that look like the same one, by the costliest of them, to merge or tell apart."""
    pairs = kb().log.likeness.pairs()
    ids = {id for pair in pairs for id in (pair.first, pair.second)}
    groups = {group.id: group for group in kb().log.groups.get_all(sorted(ids))}
    clusters: dict[int, list[int]] = {}
    taken: set[int] = set()
    for pair in sorted(pairs, key=lambda pair: (_cost(groups[pair.first]), -pair.likeness)):
        if pair.second in taken or pair.first in taken - clusters.keys():
            continue  # one question at a time: merging changes what is alike
        clusters.setdefault(pair.first, []).append(pair.second)
        taken |= {pair.first, pair.second}
    shown = list(clusters.items())[:CLUSTERS]
    return context.render(
        "leads/alike.html",
        clusters=[(groups[id], [groups[each] for each in others]) for id, others in shown],
        more=len(clusters) - len(shown),
        last=undoable(),
        said=request.args.get("said", ""),
    )


def _cost(group: MissGroup) -> tuple[int, datetime, int]:
    """The costliest first, as on the board."""
    return -priority_of(group.visits, group.tickets), group.first, group.id


@leads.get("/misses.csv")
def misses() -> ResponseReturnValue:
    """The groups of the same filter as CSV."""
    heads = (
        gettext("No."), gettext("Question"), gettext("Visits"), gettext("Searches"),
        gettext("Letters"), gettext("Kinds"), gettext("Status"), gettext("Owner"),
        gettext("Category"), gettext("Language"), gettext("Likely cause"), gettext("First"),
        gettext("Last"), gettext("Answered by"), gettext("Asked as"),
    )  # fmt: skip
    chosen = {name: query_param(name, 200) for name in FILTERS}
    rows = _rows(_filter(chosen))
    return download(csv_export.to_csv([heads, *rows], lang=str(g.lang)), "misses.csv", "text/csv")


def _rows(filter: Filter) -> Iterator[tuple[object, ...]]:
    """Rows of the costliest groups; the last one says so if rows or time did not suffice."""
    ends = monotonic() + SECONDS
    for n, group in enumerate(kb().log.board.listed(filter, limit=MOST_ROWS + 1)):
        if n == MOST_ROWS or monotonic() > ends:
            yield "", gettext("There are more questions: narrow the choice to see the rest.")
            return
        yield _row(group)


def _row(group: MissGroup) -> tuple[object, ...]:
    kinds, cause = labels.kinds(), group.triage.cause if group.triage else ""
    return (
        group.id, group.label, group.visits, group.searches, group.tickets,
        ", ".join(f"{kinds.get(kind, kind)}: {n}" for kind, n in group.kinds.items()),
        labels.statuses().get(group.status, group.status), group.owner, group.category, group.lang,
        labels.causes().get(cause, cause), group.first, group.last,
        group.answer.slug if group.answer else "",
        " | ".join(query for query, _ in group.phrasings),
    )  # fmt: skip


def _filter(chosen: Mapping[str, str]) -> Filter:
    """The chosen values as a filter of the log; `-` stands for none."""
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
    """The last action of this lead, if it can still be undone."""
    last = kb().log.actions.last_action(lead_name())
    if last is None or not roles.may_undo(g.lead.role, last.what):
        return None
    return last if kb().now() - last.at < FRESH else None


@leads.post("/do")
def do() -> ResponseReturnValue:
    """Does one action on all ticked groups, as this lead."""
    ids = [int(id) for id in request.form.getlist("id")[:MOST_AT_ONCE] if _is_id(id)]
    action = ACTIONS.get(request.form.get("do", ""))
    if action is None:
        abort(400)
    return _back(_tried(action, ids) if ids else "none")


def _tried(action: Callable[[list[int]], object], ids: list[int]) -> str:
    """The key of the message about the outcome."""
    try:
        return "done" if action(ids) else "same"
    except KeyError:
        return "moved"


def _assign(ids: list[int]) -> object:
    return kb().log.actions.assign(ids, form_line("owner", 80), who=lead_name())


def _take(ids: list[int]) -> object:
    """Assigns the groups to whoever asks; nobody can who gave no name."""
    if not g.lead.name:
        abort(400)
    return kb().log.actions.assign(ids, g.lead.name, who=lead_name())


def _dismiss(ids: list[int]) -> object:
    return kb().log.actions.dismiss(
        ids, form_line("reason", 500), until=_day("until"), who=lead_name()
    )


def _reopen(ids: list[int]) -> object:
    return kb().log.actions.reopen(ids, who=lead_name())


def _merge(ids: list[int]) -> object:
    """Merges into the named group, else into the first of the list."""
    named = request.form.get("into", "").lstrip("#")
    into = int(named) if _is_id(named) else ids[0]
    return kb().log.actions.merge([id for id in ids if id != into], into, who=lead_name())


def _separate(ids: list[int]) -> object:
    """Tells the ticked groups apart from the named one."""
    named = request.form.get("into", "")
    if not _is_id(named):
        raise KeyError("no group is named")
    return kb().log.actions.separate(ids, int(named), who=lead_name())


def _note(ids: list[int]) -> object:
    return kb().log.actions.annotate(ids, form_text("note", 5000), who=lead_name())


def _split(ids: list[int]) -> object:
    return kb().log.actions.split(ids[0], request.form.getlist("phrasing")[:500], who=lead_name())


ACTIONS: Mapping[str, Callable[[list[int]], object]] = {
    "assign": _assign,
    "take": _take,
    "dismiss": _dismiss,
    "reopen": _reopen,
    "merge": _merge,
    "separate": _separate,
    "note": _note,
    "split": _split,
}


@leads.post("/undo")
def undo() -> ResponseReturnValue:
    """Undoes the last action of this lead."""
    last = kb().log.actions.last_action(lead_name())
    if last is None or str(last.id) != request.form.get("action"):
        return _back("late")
    if not roles.may_undo(g.lead.role, last.what):
        abort(403)
    kb().log.actions.undo(last.id, who=lead_name())
    return _back("undone")


def _back(said: str) -> ResponseReturnValue:
    """Redirects to the page of the form with a message."""
    return back_to(own_path(request.form.get("back", "")), said)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _day(name: str) -> datetime | None:
    """The end of the day in a field of the form, or None."""
    try:
        return datetime.combine(date.fromisoformat(form_line(name, 10)), time(23, 59, 59), UTC)
    except ValueError:
        return None
