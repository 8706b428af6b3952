"""Converts searches to rows and rows to values: redacts, joins, counts. Pure; asks no database."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kb.language import query_words, sketches
from kb.language.redaction import PLACEHOLDER, redact
from kb.searchlog import reports, sessions
from kb.searchlog.db.choices import KINDS
from kb.searchlog.db.models import (
    COUNTS,
    GroupAnswer,
    GroupProgress,
    Miss,
    MissGroup,
    Question,
    Search,
    Triage,
    dump,
    to_ms,
    when,
)
from kb.searchlog.miss_kinds import HASTY, MISS_KINDS, Facts

RUN_TEXTS = ("query", "phrase", "key", "corrected", "filters", "shown")


def row_of(search: Search) -> dict[str, Any]:
    """A search as it is stored: redacted, its words in normal form, its kind not yet known."""
    query = redact(search.query[: reports.MAX_TEXT]).strip()
    corrected = redact(search.corrected[: reports.MAX_TEXT]).strip()
    clicked = any(event.kind == "click" for event in search.events)
    answered = any(event.kind == "answered" for event in search.events)
    started, ended = to_ms(search.started), to_ms(search.ended)
    return {
        "id": search.id,
        "visit": search.visit,
        "query": query,
        "phrase": folded(query),
        "key": _key(query),
        "words": _words(corrected or query),
        "lang": search.lang[:16],
        "surface": search.surface,
        "filters": dump({k: redact(v) for k, v in sorted(search.filters.items())}),
        "build": search.build,
        "correction": search.correction,
        "corrected": corrected,
        "shown": dump([list(pair) for pair in search.shown]),
        "total": search.total,
        "unfiltered": search.unfiltered,
        "confident": search.confident,
        "keystrokes": search.keystrokes,
        "ms": max(0, ended - started),
        "started": started,
        "ended": ended,
        "seen": to_ms(search.seen),
        "clicked": clicked,
        "answered": answered,
        "refined": False,
        "ticketed": False,
        "unhelpful": False,
        "robot": search.robot,
        "kind": None,
        "miss": False,
        "counted": False,
        "group_id": None,
        "day": when(started).date().isoformat(),
        "asks": None,
        "crowded": False,
        "rank": next((event.rank for event in search.events if event.kind == "click"), 0),
        "hasty": _is_hasty(search),
        "offered": dump(offered) if (offered := _offered(search)) is not None else "",
    }


def _is_hasty(search: Search) -> bool:
    """Whether somebody left while they were typing."""
    is_left = any(event.kind == "left" for event in search.events)
    return search.is_unfinished and is_left and search.seen < HASTY


def _offered(search: Search) -> dict[str, str] | None:
    """What the asker had before them: what the page showed, else what was found; None: unknown."""
    found = {slug: sketches.digest(sketch) for slug, sketch in search.offered.items()}
    shown = [slug for slug, _ in search.shown]
    if search.total and not (shown or found):
        return None
    offered = {slug: found.get(slug, "") for slug in shown} if shown else found
    return _with_opened(offered, search.events)


def _with_opened(offered: Mapping[str, str], events: Iterable[reports.Event]) -> dict[str, str]:
    opened = (event.slug for event in events if event.kind in _OPENED and event.slug)
    return {**dict.fromkeys(opened, ""), **offered}


_OPENED: Final = ("click", "answered")


def _words(query: str) -> str:
    return " ".join(sorted(set(_key(query).split())))


def _key(query: str) -> str:
    """The words of a query that ask something: what was replaced asks nothing."""
    return query_words.key(PLACEHOLDER.sub(" ", query))


def folded(query: str) -> str:
    """A query in small letters, ё as е, with single spaces: its wording for groups."""
    return " ".join(query.casefold().replace("ё", "е").split())


_ASKED = (
    "query",
    "phrase",
    "key",
    "words",
    "lang",
    "filters",
    "build",
    "correction",
    "corrected",
    "shown",
    "total",
    "unfiltered",
    "confident",
    "offered",
    "hasty",
)


NO_GROUP: Final[dict[str, int | None]] = {"group_id": None, "asks": None, "crowded": False}
ROBOT: Final[dict[str, Any]] = {"robot": True, **NO_GROUP}


def amended(before: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """A run joined with a later report of it: the longer, later and new values win."""
    after = dict(before)
    if more["keystrokes"] > before["keystrokes"]:
        after |= {name: more[name] for name in _ASKED}
        after["ended"] = max(before["ended"], before["started"] + more["ms"])
        after["ms"] = after["ended"] - before["started"]
        after["keystrokes"] = more["keystrokes"]
        after["seen"] = more["seen"]
    if more["phrase"] == after["phrase"]:  # how long the list of an earlier step stood is no matter
        after["seen"] = max(after["seen"], more["seen"])
    if after["shown"] == "[]":
        after["shown"] = more["shown"]
    if not after["offered"] or (before["shown"] == "[]" and more["shown"] != "[]"):
        after["offered"] = more["offered"]
    for name in ("clicked", "answered", "robot", "rank"):
        after[name] = before[name] or more[name]
    if after["words"] != before["words"]:
        after |= NO_GROUP
    return after


def with_events(
    before: dict[str, Any], events: Iterable[reports.Event], *, robot: bool = False
) -> dict[str, Any]:
    """A run with events that were reported later."""
    events = list(events)
    clicks = [event for event in events if event.kind == "click"]
    offered = before["offered"]
    if offered:
        offered = dump(_with_opened(json.loads(offered), events))
    return before | {
        "offered": offered,
        "clicked": before["clicked"] or bool(clicks),
        "answered": before["answered"] or any(event.kind == "answered" for event in events),
        "rank": before["rank"] or (clicks[0].rank if clicks else 0),
        "robot": before["robot"] or robot,
    }


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two runs joined into one search: the id of the first, the later question, all events."""
    earlier, later = (first, second) if first["started"] <= second["started"] else (second, first)
    after = dict(first)
    after |= {name: later[name] for name in (*_ASKED, "seen")}
    after["surface"] = earlier["surface"]
    after["started"] = earlier["started"]
    after["ended"] = max(earlier["ended"], later["ended"])
    after["ms"] = after["ended"] - after["started"]
    after["day"] = earlier["day"]
    after["keystrokes"] = first["keystrokes"] + second["keystrokes"]
    for name in ("clicked", "answered", "ticketed", "unhelpful", "robot", "rank"):
        after[name] = first[name] or second[name]
    if after["words"] != first["words"]:
        after |= NO_GROUP
    return after


def as_run(row: dict[str, Any]) -> sessions.Run:
    """The run of a stored search, into which a later report can be folded."""
    return sessions.Run(
        first=row["query"],
        last=row["query"],
        query=row["query"],
        started=row["started"] / 1000,
        ended=row["ended"] / 1000,
        keystrokes=row["keystrokes"],
        closed=row["clicked"] or row["answered"],
    )


def facts_of(row: Mapping[str, Any]) -> Facts:
    """The facts by which the miss kinds of a row of `runs` are decided."""
    return Facts(
        total=row["total"],
        unfiltered=row["unfiltered"],
        confident=row["confident"],
        correction=row["correction"],
        shown=row["shown"] != "[]",
        seen=row["seen"] / 1000,
        clicked=row["clicked"],
        answered=row["answered"],
        refined=row["refined"],
        ticketed=row["ticketed"],
        unhelpful=row["unhelpful"],
        hasty=row["hasty"] and not (row["clicked"] or row["answered"]),
    )


def miss_of(row: Mapping[str, Any]) -> Miss:
    """A row of `runs` as a miss that is to be settled."""
    offered: dict[str, str] | None = json.loads(row["offered"]) if row["offered"] else None
    if offered is None and not row["total"]:
        offered = {}  # nothing was found
    filters = tuple(sorted(json.loads(row["filters"]).items()))
    return Miss(
        visit=row["visit"],
        wording=row["phrase"],
        asked=Question(row["query"], row["lang"], filters),
        kinds=tuple(names_of(row)),
        offered=offered,
    )


def past_miss(group: MissGroup) -> Miss:
    """What a group asks, where no search of it is kept."""
    asked = Question(group.question, group.lang)
    return Miss("", folded(group.question), asked, tuple(group.kinds), None)


def names_of(row: Mapping[str, Any]) -> list[str]:
    """The kind and the flags of a miss."""
    flags = [kind.name for kind in MISS_KINDS if kind.is_flag and row[kind.name]]
    return [row["kind"], *flags] if row["kind"] else flags


def counters(row: dict[str, Any]) -> list[str]:
    """The counters of a day that a search adds to.

    A robot adds to that of robots alone, an agent to those of agents: the rates are of people.
    """
    if row["robot"]:
        return ["robots"]
    if row["surface"] == reports.AGENT:
        return ["agents", *(["agent misses"] if row["miss"] else [])]
    names = ["searches", f"surface:{row['surface']}", *names_of(row)]
    names += [name for name in ("clicked", "answered", "miss", "counted") if row[name]]
    if row["rank"]:
        names.append(f"rank:{row['rank'] if row['rank'] <= RANKS else 'more'}")
    return names


AskersKey = tuple[str, int, str, str]
"""What askers are counted for: kind, group, language and name, as in `tables.ASKERS`."""


def counted_for(row: Mapping[str, Any]) -> set[AskersKey]:
    """The counts of askers that a search adds to; none of a robot."""
    keys: set[AskersKey] = set()
    if row["robot"]:
        return keys
    if row["asks"] is not None:
        keys |= {("group", row["asks"], "", ""), ("phrase", 0, "", row["phrase"])}
        keys |= {("word", row["asks"], "", word) for word in row["key"].split()}
    if row["clicked"] or row["answered"]:
        keys.add(("found", 0, row["lang"], row["phrase"]))
    return keys


SUMMED: Final = ("visits", "searches", "tickets", *COUNTS)  # of a group, by day
RANKS: Final = 10  # places that are counted one by one


def kinds_of(row: Mapping[str, Any]) -> dict[str, int]:
    """The kinds and flags of a row of sums."""
    return {k: int(row[n]) for k, n in zip(KINDS, COUNTS, strict=True) if row[n]}


def mask_of(kinds: Mapping[str, int]) -> int:
    """A bit mask of the kinds and flags that occur."""
    return sum(1 << kind.bit for kind in MISS_KINDS if kinds.get(kind.name))


def names_in(mask: int) -> list[str]:
    """The kinds and flags of a mask."""
    return [kind.name for kind in MISS_KINDS if mask >> kind.bit & 1]


def priority_of(visits: int, tickets: int) -> int:
    """The cost of a group: its visits, times three if one of them wrote a letter."""
    return visits * (3 if tickets else 1)


def reopened(group: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a group that is reopened: it is its owner's again, if it has one."""
    status = "assigned" if group["owner"] else "open"
    return {"status": status, "dismissed_reason": "", "dismissed_until": 0}


def group_of(row: Mapping[str, Any], phrasings: Iterable[tuple[str, int]] = ()) -> MissGroup:
    """A row of `groups` as a value; `phrasings` are its wordings with their visits."""
    answer = None
    if row["answer_at"]:
        committed = when(row["answer_committed"]) if row["answer_committed"] else None
        answer = GroupAnswer(
            row["answer_slug"],
            row["answer_build"],
            row["answer_commit"],
            row["answer_rank"],
            committed,
            when(row["answer_at"]),
            row["answer_share"],
        )
    return MissGroup(
        id=row["id"],
        question=row["question"],
        lang=row["lang"],
        phrasings=tuple((q, n) for q, n in phrasings),
        visits=int(row["visits"]),
        searches=int(row["searches"]),
        tickets=int(row["tickets"]),
        kinds=json.loads(row["kinds"]),
        status=row["status"],
        owner=row["owner"],
        note=row["note"],
        first=when(row["first"]),
        last=when(row["last"]),
        category=row["category"],
        triage=triage_of(row["triage"]),
        answer=answer,
        dismissed=row["dismissed_reason"],
        dismissed_until=when(row["dismissed_until"]) if row["dismissed_until"] else None,
        progress=progress_of(row["progress"]),
        label=row["label"] or row["question"],
    )


def progress_of(stored: str) -> GroupProgress | None:
    """What a column of JSON says of how much is answered; None if it is empty."""
    if not stored:
        return None
    values = json.loads(stored)
    return GroupProgress(**values | {"standing": tuple(values["standing"])})


def triage_of(stored: str) -> Triage | None:
    """The triage in a column of JSON; None if the column is empty."""
    if not stored:
        return None
    values = json.loads(stored)
    return Triage(**values | {"words": tuple(values["words"]) if values["words"] else None})


def exported(row: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    """A stored search as JSON values, as `kb log export` writes it."""
    kept = {name: row[name] for name in _EXPORTED}
    return kept | {
        "started": when(row["started"]).isoformat(),
        "ended": when(row["ended"]).isoformat(),
        "filters": json.loads(row["filters"]),
        "shown": json.loads(row["shown"]),
        "group": row["group_id"],
        "events": events,
    }


_EXPORTED = (
    "id",
    "visit",
    "query",
    "lang",
    "surface",
    "build",
    "total",
    "unfiltered",
    "confident",
    "correction",
    "corrected",
    "keystrokes",
    "ms",
    "seen",
    "rank",
    "clicked",
    "answered",
    "refined",
    "ticketed",
    "unhelpful",
    "robot",
    "kind",
    "miss",
    "counted",
)
