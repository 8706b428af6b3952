"""The values that the log stores and returns. Stores nothing."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final

from kb.base.messages import NOTHING, Message
from kb.searchlog import reports
from kb.searchlog.miss_kinds import MISS_KINDS

UNSOLVED: Final = ("open", "assigned", "regressed")
ANSWERING: Final = ("waiting", "answered")  # an article answers them
COUNTS: Final = tuple(kind.column for kind in MISS_KINDS)
ORDERS: Final = ("cost", "visits", "latest", "newest", "oldest")
CAUSES: Final = (
    *("layout", "translit", "spelling", "filters", "language"),
    *("draft", "expired", "synonym", "unhelpful", "found", "content"),
)
MOST_LISTED: Final = 200  # of each kind of news; a letter that tells more is read by nobody
FORGOTTEN: Final = "‹forgotten›"


@dataclass(frozen=True, slots=True)
class Search:
    """A closed run with its outcome; times in seconds since 1970, not yet redacted."""

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
    events: tuple[reports.Event, ...] = ()
    robot: bool = False
    category: str = ""  # of the nearest article, and who answers for it: for a new group
    owner: str = ""
    is_owned: bool = True  # the article is near enough to assign the owner, else they are told
    asker: str = ""  # a hash of the visitor's network on this day; it is never stored
    is_bare: bool = False  # no script told the visit
    is_unfinished: bool = False  # its last word is none
    offered: Mapping[str, bytes] = field(default_factory=dict)
    """Slugs of the first articles found, with sketches of their words (`language.sketches`)."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """Events of a search that were reported later, without its words."""

    report: str  # its run, as the page named it
    visit: str  # or the run again, where the page knew of no visit
    at: float  # seconds since 1970
    events: tuple[reports.Event, ...] = ()
    robot: bool = False
    asker: str = ""  # as of a search


@dataclass(frozen=True, slots=True)
class Triage:
    """The likely cause of a group's misses, and what would have answered it, as of a build."""

    cause: str  # one of CAUSES; "found": the index does answer it; "content": nothing would
    build: str = ""
    query: str = ""  # what would have had to be asked
    slug: str = ""  # the article that would have answered
    words: tuple[str, str] | None = None  # of a synonym: the customers' word and the articles'


@dataclass(frozen=True, slots=True)
class GroupTriage:
    """The triage of a group, with its category and owner."""

    group: int
    triage: Triage
    category: str = ""  # of the nearest article
    owner: str = ""  # of that category


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of groups; an empty field matches all."""

    status: str = ""  # one of `choices.STATUSES`; "": what nobody has solved; "all"
    kind: str = ""  # one of `choices.KINDS`
    owner: str | None = None  # "": nobody's
    category: str | None = None  # of the nearest article; "": none known
    lang: str = ""
    cause: str = ""  # one of CAUSES
    text: str = ""  # stands in the question or one of its phrasings, however it is cased
    since: date | None = None  # with one of both only the misses of these days (UTC) count
    until: date | None = None  # the last day


@dataclass(frozen=True, slots=True)
class Question:
    """What one asks of the index: a query, with its language and filters."""

    query: str
    lang: str = ""
    filters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Miss:
    """One search of a group, with what it remembers of what the asker had before them."""

    visit: str
    wording: str
    asked: Question
    kinds: tuple[str, ...]  # the kind and the flags
    offered: Mapping[str, str] | None
    """Slugs shown or opened, with digests of their words then ("" if unknown); None: unknown."""


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """How much of what a group asks the search answers today (`searchlog.closing`)."""

    wordings: int
    answered_wordings: int
    visits: int
    answered_visits: int
    is_enough: bool = False  # for the group to wait for its proof
    slug: str = ""  # of the article that answers most
    rank: int = 0
    standing: tuple[str, ...] = ()  # what stands for the commonest wording
    unhelpful: str = ""  # an article that stands first, but did not help those it was shown to


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """The article that answers a group, found by replay."""

    slug: str
    build: str
    commit: str
    rank: int
    committed: datetime | None  # when the article was
    at: datetime
    share: int = 100  # per cent of the group's visits that it answered


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
    answer: GroupAnswer | None = None
    dismissed: str = ""  # why
    dismissed_until: datetime | None = None
    progress: GroupProgress | None = None  # of the last replay
    label: str = ""  # its most asked wording, repaired; else the question

    def shape(self) -> dict[str, Any]:
        """The group as JSON values, as `GET /api/misses` and `kb misses --format json` give it."""
        return {
            "id": self.id,
            "question": self.question,
            "label": self.label,
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
            "progress": _plain(self.progress),
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
    """The number of misses of a group on a day (ISO, UTC)."""

    day: str
    visits: int
    searches: int
    tickets: int
    kinds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ArticleRank:
    """An article in the results of a group's searches."""

    slug: str
    searches: int  # in which it was shown, or clicked
    rank: float  # mean place, from 1


@dataclass(frozen=True, slots=True)
class Details:
    """All that is stored of one group, newest last."""

    group: MissGroup
    phrasings: tuple[tuple[str, int], ...]  # with visits, most used first
    days: tuple[GroupDay, ...]
    shown: tuple[ArticleRank, ...]  # most often first
    clicked: tuple[ArticleRank, ...]
    filters: tuple[tuple[Mapping[str, str], int], ...]  # that were set, with searches
    merged: tuple[MissGroup, ...]  # groups that were merged into this one
    history: tuple["HistoryEntry", ...]


@dataclass(frozen=True, slots=True)
class Forgettable:
    """Groups that may be removed with all their searches."""

    groups: tuple[int, ...] = ()
    searches: int = 0
    examples: tuple[str, ...] = ()  # questions, the newest first


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote of a reader on an article."""

    slug: str
    helpful: bool
    reason: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Suggestions:
    """A page of what readers wrote about articles, the newest first."""

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
    """A query others asked, or an article others opened, with the number of askers."""

    name: str
    askers: int


@dataclass(frozen=True, slots=True)
class Liked:
    """An article, with the number of visits that said it helped."""

    slug: str
    visits: int


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A change of a group; an empty `who` is the service itself."""

    at: datetime
    who: str
    what: str
    detail: str
    group: int = 0
    action: int = 0  # what was done to several groups at once has one number
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """The last action of a person, which can be undone."""

    id: int
    at: datetime
    what: str
    detail: str
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the log: whether it can be written, and how much it holds."""

    ok: bool
    database: str  # "SQLite 3.40.1" or "PostgreSQL 15.16"
    searches: int = 0
    message: Message = NOTHING  # why it is not ok


def _plain(value: "Triage | GroupAnswer | GroupProgress | None") -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        name: each.isoformat() if isinstance(each, datetime) else each
        for name, each in asdict(value).items()
    }


def to_ms(seconds: float) -> int:
    """Seconds as whole milliseconds."""
    return round(seconds * 1000)


def when(ms: int) -> datetime:
    """Milliseconds since 1970 as a moment in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def stamp(moment: datetime) -> int:
    """A moment as milliseconds since 1970."""
    return to_ms(moment.timestamp())


def midnight(day: date) -> int:
    """When a day begins, in UTC."""
    return stamp(datetime.combine(day, time.min, UTC))


def dump(value: object) -> str:
    """A value as compact JSON, as the columns of the log hold it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
