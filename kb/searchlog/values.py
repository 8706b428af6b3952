"""What goes into the log and comes out of it, as values. Keeps nothing."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final

from kb import runs
from kb.messages import NOTHING, Message

UNSOLVED: Final = ("open", "assigned", "regressed")
STATUSES: Final = ("open", "assigned", "answered", "regressed", "dismissed")
KINDS: Final = (*runs.KINDS, "ticketed", "unhelpful")  # the kinds, then the flags beside them
COUNTS: Final = tuple(f"n_{name}" for name in KINDS)  # their columns where they are added up
ORDERS: Final = ("cost", "visits", "latest", "newest", "oldest")
CAUSES: Final = (
    *("layout", "translit", "spelling", "filters", "language"),
    *("draft", "expired", "synonym", "found", "content"),
)
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
    category: str = ""  # of the nearest article, and who answers for it: for a new group
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Amendment:
    """What came of a search later, told without its words: a click on a page of results."""

    report: str  # its run, as the page named it
    visit: str  # or the run again, where the page knew of no visit
    at: float  # seconds since 1970
    events: tuple[runs.Event, ...] = ()
    robot: bool = False


@dataclass(frozen=True, slots=True)
class Triage:
    """What would have answered a group (LEADS.md §8), as of a build."""

    cause: str  # one of CAUSES; "found": the index does answer it; "content": nothing would
    build: str = ""
    query: str = ""  # what would have had to be asked
    slug: str = ""  # the article that would have answered
    words: tuple[str, str] | None = None  # of a synonym: the customers' word and the articles'


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about a group."""

    group: int
    triage: Triage
    category: str = ""  # of the nearest article
    owner: str = ""  # of that category


@dataclass(frozen=True, slots=True)
class Filter:
    """Which groups the board shows; what is empty does not matter."""

    status: str = ""  # one of STATUSES; "": what nobody has solved; "all"
    kind: str = ""  # one of KINDS
    owner: str | None = None  # "": nobody's
    category: str | None = None  # of the nearest article; "": none known
    lang: str = ""
    cause: str = ""  # one of CAUSES
    text: str = ""  # stands in the question or one of its phrasings, however it is cased
    since: date | None = None  # with one of both only the misses of these days (UTC) count
    until: date | None = None  # the last day


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
    category: str = ""  # of the nearest article
    triage: Triage | None = None
    answer: Answer | None = None
    dismissed: str = ""  # why
    dismissed_until: datetime | None = None

    def shape(self) -> dict[str, Any]:
        """As `GET /api/misses` and `kb misses --format json` give it (CONTRACT.md)."""
        return {
            "id": self.id,
            "question": self.question,
            "phrasings": [{"query": query, "visits": n} for query, n in self.phrasings],
            "visits": self.visits,
            "kinds": dict(self.kinds),
            "status": self.status,
            "owner": self.owner,
            "category": self.category,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "triage": _plain(self.triage),
            "answer": _plain(self.answer),
        }


@dataclass(frozen=True, slots=True)
class Board:
    """A page of the board, and how many groups there are behind it."""

    groups: tuple[MissGroup, ...]
    total: int
    page: int  # from 1
    pages: int
    facets: Mapping[str, Mapping[str, int]]
    """For `status`, `kind`, `owner`, `category`, `lang`, `cause`: groups by value, if this one
    filter were set to it and the others stayed."""


@dataclass(frozen=True, slots=True)
class GroupDay:
    """How often a group was asked in vain on a day (ISO, UTC)."""

    day: str
    visits: int
    searches: int
    tickets: int
    kinds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """An article in the results of a group's searches."""

    slug: str
    searches: int  # in which it was shown, or clicked
    rank: float  # mean place, from 1


@dataclass(frozen=True, slots=True)
class Details:
    """All there is to know of one group, newest last."""

    group: MissGroup
    phrasings: tuple[tuple[str, int], ...]  # with visits, most used first
    days: tuple[GroupDay, ...]
    shown: tuple[Seen, ...]  # most often first
    clicked: tuple[Seen, ...]
    filters: tuple[tuple[Mapping[str, str], int], ...]  # that were set, with searches
    merged: tuple[MissGroup, ...]  # groups that were merged into this one
    history: tuple["Change", ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """What a reader thought of an article."""

    slug: str
    helpful: bool
    reason: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Suggestions:
    """A page of what readers wrote of articles, the newest first."""

    votes: tuple[Vote, ...]
    total: int
    page: int  # from 1
    pages: int


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
    replied: datetime | None = None


@dataclass(frozen=True, slots=True)
class Popular:
    """A query others asked, or an article others opened, with the number of visits."""

    name: str
    visits: int


@dataclass(frozen=True, slots=True)
class Change:
    """Who did what to a group, and when; an empty `who` is the service itself."""

    at: datetime
    who: str
    what: str
    detail: str
    group: int = 0
    action: int = 0  # what was done to several groups at once has one number
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """The last thing that somebody did, and can undo."""

    id: int
    at: datetime
    what: str
    detail: str
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the log can be written, and how much it holds."""

    ok: bool
    database: str  # "SQLite 3.40.1" or "PostgreSQL 15.16"
    searches: int = 0
    message: Message = NOTHING  # why it is not ok


def _plain(value: "Triage | Answer | None") -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        name: each.isoformat() if isinstance(each, datetime) else each
        for name, each in asdict(value).items()
    }


def to_ms(seconds: float) -> int:
    return round(seconds * 1000)


def when(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def stamp(moment: datetime) -> int:
    return to_ms(moment.timestamp())


def midnight(day: date) -> int:
    """When a day begins, in UTC."""
    return stamp(datetime.combine(day, time.min, UTC))


def dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
