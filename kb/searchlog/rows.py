"""Searches as rows, and rows as searches: redacted, joined, counted. Pure, asks no database."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kb import runs, text
from kb.redaction import redact
from kb.searchlog.values import (
    COUNTS,
    KINDS,
    Answer,
    MissGroup,
    Search,
    Triage,
    dump,
    to_ms,
    when,
)

RUN_TEXTS = ("query", "phrase", "key", "corrected", "filters", "shown")


def row_of(search: Search) -> dict[str, Any]:
    """A search as it is stored: redacted, its words in normal form, its kind not yet known."""
    query = redact(search.query[: runs.MAX_TEXT]).strip()
    corrected = redact(search.corrected[: runs.MAX_TEXT]).strip()
    clicked = any(event.kind == "click" for event in search.events)
    answered = any(event.kind == "answered" for event in search.events)
    started, ended = to_ms(search.started), to_ms(search.ended)
    return {
        "id": search.id,
        "visit": search.visit,
        "query": query,
        "phrase": folded(query),
        "key": text.key(query),
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
        "rank": next((event.rank for event in search.events if event.kind == "click"), 0),
    }


def _words(query: str) -> str:
    return " ".join(sorted(set(text.key(query).split())))


def folded(query: str) -> str:
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
)


NO_GROUP: Final[dict[str, int | None]] = {"group_id": None, "asks": None}
ROBOT: Final[dict[str, Any]] = {"robot": True, **NO_GROUP}


def amended(before: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """A run and a later report of it: what is longer, later or new wins."""
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
    for name in ("clicked", "answered", "robot", "rank"):
        after[name] = before[name] or more[name]
    if after["words"] != before["words"]:
        after |= NO_GROUP
    return after


def with_events(
    before: dict[str, Any], events: Iterable[runs.Event], *, robot: bool = False
) -> dict[str, Any]:
    """A run, and what came of it later."""
    clicks = [event for event in events if event.kind == "click"]
    return before | {
        "clicked": before["clicked"] or bool(clicks),
        "answered": before["answered"] or any(event.kind == "answered" for event in events),
        "rank": before["rank"] or (clicks[0].rank if clicks else 0),
        "robot": before["robot"] or robot,
    }


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two runs that are one search, under the first one's id: the later question, all that came."""
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


def as_run(row: dict[str, Any]) -> runs.Run:
    return runs.Run(
        first=row["query"],
        last=row["query"],
        query=row["query"],
        started=row["started"] / 1000,
        ended=row["ended"] / 1000,
        keystrokes=row["keystrokes"],
        closed=row["clicked"] or row["answered"],
    )


def facts_of(row: dict[str, Any]) -> runs.Facts:
    return runs.Facts(
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
    )


def names_of(row: Mapping[str, Any]) -> list[str]:
    """The kind and the flags of a miss."""
    flags = [name for name in ("ticketed", "unhelpful") if row[name]]
    return ([row["kind"]] if row["kind"] else []) + flags


def counters(row: dict[str, Any]) -> list[str]:
    """What a search counts as on its day; robots are left out of everything else."""
    if row["robot"]:
        return ["robots"]
    names = ["searches", f"surface:{row['surface']}", *names_of(row)]
    names += [name for name in ("clicked", "answered", "miss", "counted") if row[name]]
    if row["rank"]:
        names.append(f"rank:{row['rank'] if row['rank'] <= RANKS else 'more'}")
    return names


SUMMED: Final = ("visits", "searches", "tickets", *COUNTS)  # of a group, by day
RANKS: Final = 10  # places that are counted one by one


def kinds_of(row: Mapping[str, Any]) -> dict[str, int]:
    """The kinds and flags of a row of sums."""
    return {k: int(row[n]) for k, n in zip(KINDS, COUNTS, strict=True) if row[n]}


def mask_of(kinds: Mapping[str, int]) -> int:
    """A bit for each kind and flag that occurs."""
    return sum(1 << at for at, name in enumerate(KINDS) if kinds.get(name))


def group_of(row: Mapping[str, Any], phrasings: Iterable[tuple[str, int]] = ()) -> MissGroup:
    answer = None
    if row["answer_at"]:
        committed = when(row["answer_committed"]) if row["answer_committed"] else None
        answer = Answer(
            row["answer_slug"],
            row["answer_build"],
            row["answer_commit"],
            row["answer_rank"],
            committed,
            when(row["answer_at"]),
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
    )


def triage_of(stored: str) -> Triage | None:
    if not stored:
        return None
    values = json.loads(stored)
    return Triage(**values | {"words": tuple(values["words"]) if values["words"] else None})


def exported(row: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    """A stored search in plain words, ready for JSON."""
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
