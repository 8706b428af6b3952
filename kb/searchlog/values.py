"""What goes into the log and comes out of it, as values. Keeps nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from kb import runs

UNSOLVED: Final = ("open", "assigned", "regressed")
STATUSES: Final = ("open", "assigned", "answered", "regressed", "dismissed")
FORGOTTEN: Final = "‹forgotten›"


@dataclass(frozen=True, slots=True)
class Search:
    """A closed run and what the index said to it; times in seconds since 1970, not yet redacted."""

    id: str  # of the run: the report's, with ~2, ~3 … for its further runs
    visit: str
    query: str
    started: float
    ended: float  # of the last step
    report: str = ""  # the report's run, where it is not `id`
    first: str = ""  # what was typed first; empty: the query
    lang: str = ""
    surface: str = "box"
    filters: Mapping[str, str] = field(default_factory=dict)
    build: str = ""
    total: int = 0
    unfiltered: int | None = None  # hits without the filters, where there were filters
    confident: bool = False
    correction: str = ""  # kind of the repair, or ""
    corrected: str = ""  # the query it led to
    keystrokes: int = 1
    seen: float = 0.0  # seconds the results stood there
    shown: tuple[tuple[str, int], ...] = ()
    events: tuple[runs.Event, ...] = ()
    robot: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The article that answers a group, found by replay."""

    slug: str
    build: str
    commit: str
    rank: int
    committed: datetime | None  # when the article was
    at: datetime


@dataclass(frozen=True, slots=True)
class MissGroup:
    """Misses that ask the same thing."""

    id: int
    question: str
    lang: str
    phrasings: tuple[tuple[str, int], ...]  # with the visits that used them, most used first
    visits: int
    searches: int
    tickets: int  # visits that then wrote to support
    kinds: Mapping[str, int]  # kinds and flags, in searches
    status: str
    owner: str
    note: str
    first: datetime
    last: datetime
    triage: str = ""
    answer: Answer | None = None
    dismissed: str = ""  # why
    dismissed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """What a reader thought of an article."""

    slug: str
    helpful: bool
    reason: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """A letter from the contact form, as it was written."""

    id: str
    at: datetime
    lang: str
    type: str
    text: str
    reply_to: str
    offered: tuple[str, ...]  # articles shown while it was written


@dataclass(frozen=True, slots=True)
class Popular:
    """A query others asked, or an article others opened, with the number of visits."""

    name: str
    visits: int


@dataclass(frozen=True, slots=True)
class Change:
    """Who did what to a group, and when."""

    at: datetime
    who: str
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the log can be written, and how much it holds."""

    ok: bool
    database: str  # "SQLite 3.40.1" or "PostgreSQL 15.16"
    searches: int = 0
    message: str = ""


def to_ms(seconds: float) -> int:
    return round(seconds * 1000)


def when(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def stamp(moment: datetime) -> int:
    return to_ms(moment.timestamp())


def dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
