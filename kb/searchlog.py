"""Searches and what came of them, kept in SQLite or PostgreSQL. Ranks nothing, waits for nobody.

The only module that speaks SQL. What is written is redacted first; a search is one row however
many keys it took. Times are milliseconds since 1970 in the tables and aware datetimes outside.

All writers take turns: `BEGIN IMMEDIATE` on SQLite, one advisory lock on PostgreSQL. A search is
recorded in a few milliseconds, and grouping needs to see the group founded a moment before.
"""

import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import QueuePool, StaticPool

from kb import runs, text
from kb.errors import LogUnavailable
from kb.redaction import redact

HEAD: Final = "0001"  # the newest step in kb/migrations
UNSOLVED: Final = ("open", "assigned", "regressed")
STATUSES: Final = ("open", "assigned", "answered", "regressed", "dismissed")
FORGOTTEN: Final = "‹forgotten›"

_BUSY_MS = 5_000
_PHRASINGS = 20
_PAGE = 1_000
_LOCK = 0x6B62_6C6F  # any number, the same in every process
# Below this version, a write-ahead log with several writers can be damaged (SQLite forum, 2026).
_WAL_SINCE = (3, 51, 3)


# --- tables, as the migrations leave them -------------------------------------------------------

_meta = sa.MetaData()


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _whole(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _yes(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Boolean, nullable=False) for name in names]


def _key(name: str, type: type[sa.types.TypeEngine[Any]] = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, type, primary_key=True, autoincrement=False)


_runs = sa.Table(
    "runs",
    _meta,
    _key("id"),
    *_text("visit", "query", "phrase", "key", "words", "lang", "surface", "filters"),
    *_text("build", "correction", "corrected", "shown"),
    *_whole("total"),
    sa.Column("unfiltered", sa.BigInteger),
    *_yes("confident"),
    *_whole("keystrokes", "ms", "started", "ended", "seen"),
    *_yes("clicked", "answered", "refined", "ticketed", "unhelpful", "robot"),
    sa.Column("kind", sa.Text),
    *_yes("miss", "counted"),
    sa.Column("group_id", sa.BigInteger),
    *_text("day"),
    sa.Index("runs_visit", "visit", "started"),
    sa.Index("runs_ended", "ended"),
    sa.Index("runs_group", "group_id", "miss", "visit"),
    sa.Index("runs_phrase", "lang", "phrase"),
)
_reports = sa.Table(  # which run a report became part of
    "reports",
    _meta,
    _key("id"),
    *_text("report", "run", "visit"),
    *_whole("at"),
    sa.Index("reports_report", "report"),
    sa.Index("reports_run", "run"),
)
_events = sa.Table(
    "events",
    _meta,
    *map(_key, ("run", "kind", "slug")),
    _key("ms", sa.BigInteger),
    *_whole("rank", "at"),
    sa.Index("events_slug", "kind", "slug"),
)
_groups = sa.Table(
    "groups",
    _meta,
    _key("id", sa.BigInteger),
    *_text("question", "lang", "words", "status", "owner", "note"),
    *_whole("first", "last", "visits", "searches", "tickets"),
    *_text("kinds", "phrasings"),
    *_whole("past_visits", "past_searches", "past_tickets"),
    *_text("past_kinds", "answer_slug", "answer_build", "answer_commit"),
    *_whole("answer_rank", "answer_committed", "answer_at"),
    *_text("triage", "dismissed_reason"),
    *_whole("dismissed_until", "merged_into", "priority"),
    sa.Index("groups_order", "priority", "first"),
)
_group_words = sa.Table(
    "group_words",
    _meta,
    _key("word"),
    _key("group_id", sa.BigInteger),
    *_whole("size"),
    sa.Index("group_words_group", "group_id"),
)
_history = sa.Table(
    "history",
    _meta,
    _key("id", sa.BigInteger),
    *_whole("group_id", "at"),
    *_text("who", "what", "detail"),
    sa.Index("history_group", "group_id"),
)
_feedback = sa.Table(
    "feedback",
    _meta,
    _key("id"),
    *_whole("at"),
    *_text("slug", "reason", "text", "run"),
    *_yes("helpful"),
    sa.Index("feedback_run", "run"),
    sa.Index("feedback_slug", "slug"),
)
_tickets = sa.Table(
    "tickets",
    _meta,
    _key("id"),
    *_whole("at"),
    *_text("lang", "type", "text", "reply_to", "offered"),
)
# That a visit sent a letter, apart from the letter: no search leads to a name.
_sent = sa.Table("sent", _meta, _key("visit"), _key("at", sa.BigInteger))
_days = sa.Table("days", _meta, *map(_key, ("day", "lang", "name")), *_whole("n"))


# --- what goes in and comes out -----------------------------------------------------------------


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


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _when(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _at(moment: datetime) -> int:
    return _ms(moment.timestamp())


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class SearchLog:
    """The log at a database address. Every method may be called from any thread, also after a fork.

    Raises LogUnavailable when the database cannot be reached; what was returned from before is
    on the disk.
    """

    def __init__(self, url: str) -> None:
        """Opens the log and brings its tables up to date."""
        self._url = _address(url)
        self._file = _file(self._url)
        self._inode: tuple[int, int] | None = None
        # A database in memory has one connection for all threads.
        self._turn = threading.RLock() if self._url.database in (None, "", ":memory:") else None
        self.forged = 0  # reports that named another visit's run
        with _plainly(self._url):
            self._engine = _engine(self._url)
            self._upgrade()
        os.register_at_fork(after_in_child=_forget_connections(weakref.ref(self)))

    def __repr__(self) -> str:
        return f"SearchLog({self._url.render_as_string()!r})"

    def close(self) -> None:
        """Gives all connections back."""
        self._engine.dispose()

    # --- connections ----------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with (
            _plainly(self._url),
            self._turn or _nothing(),
            self._engine.connect().execution_options(kb_begin="BEGIN") as connection,
        ):
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _plainly(self._url), self._turn or _nothing():
            self._mind_the_file()
            with self._engine.begin() as connection:
                _take_turn(connection)
                yield connection

    def _mind_the_file(self) -> None:
        """A file that was removed or replaced is opened anew; the old one would swallow rows."""
        if self._file is not None and _inode(self._file) != self._inode:
            self._engine.dispose()
            self._upgrade()

    def _upgrade(self) -> None:
        if self._file is not None:
            _make_private(self._file)
        with self._engine.connect().execution_options(kb_begin="BEGIN") as connection:
            is_current = _version(connection) == HEAD
        if not is_current:  # opening a log that is up to date waits for no writer
            with self._engine.begin() as connection:
                _take_turn(connection)
                if _version(connection) != HEAD:
                    _migrate(connection)
        if self._file is not None:
            self._inode = _inode(self._file)

    # --- recording ------------------------------------------------------------------------------

    def record(self, *searches: Search) -> None:
        """Keep these searches: new ones, or more about known ones. Recording twice changes nothing.

        A search joins the visit's search that it goes on with, whichever arrives first. A report
        may only amend a run of its own visit.
        """
        with self._writing() as connection:
            desk = _Desk(connection)
            for search in searches:
                self.forged += desk.record(search)
            desk.finish()

    def feedback(
        self,
        slug: str,
        helpful: bool,
        *,
        reason: str = "",
        text: str = "",
        run: str = "",
        at: datetime | None = None,
        id: str = "",
    ) -> None:
        """Keep what a reader thought of an article; the latest vote of a run on an article wins."""
        row = {
            "id": id or (f"{run}:{slug}" if run else uuid4().hex),
            "at": _at(at or datetime.now(UTC)),
            "slug": slug[: runs.MAX_TEXT],
            "helpful": helpful,
            "reason": redact(reason[: runs.MAX_TEXT]),
            "text": redact(text[:2000]),
            "run": run[:80],
        }
        with self._writing() as connection:
            _upsert(connection, _feedback, row)
            desk = _Desk(connection)
            desk.settle_reports(run)
            desk.finish()

    def ticket(
        self,
        text: str,
        *,
        visit: str = "",
        lang: str = "",
        type: str = "",
        reply_to: str = "",
        offered: Sequence[str] = (),
        at: datetime | None = None,
        id: str = "",
    ) -> str:
        """Keep a letter as it was written, flag the visit's searches of 30 min; returns its id.

        The letter and the visit are kept apart. The same `id` again changes nothing.
        """
        id = id or uuid4().hex
        ms = _at(at or datetime.now(UTC))
        row = {"id": id, "at": ms, "lang": lang, "type": type, "text": text, "reply_to": reply_to}
        with self._writing() as connection:
            if _one(connection, "select 1 from tickets where id = :id", id=id):
                return id
            connection.execute(_tickets.insert(), row | {"offered": _dump(list(offered))})
            if visit:
                _upsert(connection, _sent, {"visit": visit, "at": ms})
                desk = _Desk(connection)
                desk.settle(visit, ms - _ms(runs.TICKETED), ms)
                desk.finish()
        return id

    # --- asking ---------------------------------------------------------------------------------

    def misses(
        self,
        *,
        since: datetime | None = None,
        status: str | None = None,
        kind: str | None = None,
        owner: str | None = None,
        lang: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[MissGroup]:
        """What could people not find, the costliest first: visits × (3 if a letter came), then age.

        `status` None means what nobody has solved, `all` everything. With `since` or `kind` only
        such misses count.
        """
        recent = since is not None or kind is not None
        query = f"""
            select g.*, {"r.visits" if recent else "g.visits"} as v,
                   {"r.searches" if recent else "g.searches"} as s
            from groups g {_RECENT.format(kind=_KIND_SQL.get(kind or "", "")) if recent else ""}
            where g.merged_into = 0 and g.visits > 0
              {"" if status == "all" else "and g.status in :statuses"}
              {"and g.owner = :owner" if owner is not None else ""}
              {"and g.lang = :lang" if lang is not None else ""}
            order by {
            "r.visits * (case when g.tickets > 0 then 3 else 1 end)" if recent else "g.priority"
        } desc, g.first, g.id
            limit :limit offset :offset"""  # noqa: S608 (only our own words are put in)
        values: dict[str, Any] = {"limit": limit, "offset": offset}
        if status != "all":
            values["statuses"] = UNSOLVED if status is None else (status,)
        if owner is not None:
            values["owner"] = owner
        if lang is not None:
            values["lang"] = lang
        if recent:
            values["since"] = _at(since) if since else 0
            if kind is not None and kind not in _KIND_SQL:
                return []
        with self._reading() as connection:
            return [_group(row) for row in _all(connection, query, **values)]

    def group(self, id: int) -> MissGroup | None:
        """What is known of one group? A merged one leads to the group it is in."""
        query = "select *, visits as v, searches as s from groups where id = :id"
        with self._reading() as connection:
            row = _one(connection, query, id=id)
            while row is not None and row["merged_into"]:
                row = _one(connection, query, id=row["merged_into"])
            return _group(row) if row is not None else None

    def tickets(self, *, since: datetime | None = None, limit: int = 1000) -> list[Ticket]:
        """Which letters came, the newest first?"""
        query = "select * from tickets where at >= :since order by at desc, id limit :limit"
        with self._reading() as connection:
            return [
                Ticket(
                    row["id"],
                    _when(row["at"]),
                    row["lang"],
                    row["type"],
                    row["text"],
                    row["reply_to"],
                    tuple(json.loads(row["offered"])),
                )
                for row in _all(connection, query, since=_at(since) if since else 0, limit=limit)
            ]

    def votes(
        self, slug: str | None = None, *, since: datetime | None = None, limit: int = 1000
    ) -> list[Vote]:
        """What did readers think of an article, or of all, the newest first?"""
        query = f"""
            select * from feedback where at >= :since {"and slug = :slug" if slug else ""}
            order by at desc, id limit :limit"""  # noqa: S608
        values = {"slug": slug} if slug else {}
        with self._reading() as connection:
            return [
                Vote(row["slug"], row["helpful"], row["reason"], row["text"], _when(row["at"]))
                for row in _all(
                    connection, query, since=_at(since) if since else 0, limit=limit, **values
                )
            ]

    def successful_queries(self, lang: str, *, limit: int = 500) -> list[Popular]:
        """What did at least three visits ask in these words and find?"""
        query = """
            select min(query) as name, count(distinct visit) as visits from runs
            where lang = :lang and not robot and (clicked or answered) and query not like '%‹%'
            group by phrase having count(distinct visit) >= 3
            order by visits desc, phrase limit :limit"""
        with self._reading() as connection:
            return [
                Popular(r["name"], r["visits"])
                for r in _all(connection, query, lang=lang, limit=limit)
            ]

    def popular(
        self, lang: str | None = None, *, since: datetime | None = None, limit: int = 10
    ) -> list[Popular]:
        """Which articles were opened from a search by most visits (of searches in `lang`)?"""
        query = f"""
            select e.slug as name, count(distinct r.visit) as visits
            from events e join runs r on r.id = e.run
            where e.kind in ('click', 'answered') and e.slug <> '' and not r.robot
              and e.at >= :since {"and r.lang = :lang" if lang else ""}
            group by e.slug order by visits desc, e.slug limit :limit"""  # noqa: S608
        values: dict[str, Any] = {"lang": lang} if lang else {}
        values |= {"since": _at(since) if since else 0, "limit": limit}
        with self._reading() as connection:
            return [
                Popular(row["name"], row["visits"]) for row in _all(connection, query, **values)
            ]

    def days(
        self, since: str = "", until: str = "9999", *, lang: str | None = None
    ) -> dict[str, dict[str, int]]:
        """How many searches of which kind were there on each day (ISO, UTC)? Outlives retention."""
        query = f"""
            select day, name, sum(n) as n from days where day >= :since and day <= :until
            {"and lang = :lang" if lang is not None else ""}
            group by day, name order by day, name"""  # noqa: S608
        values = {"lang": lang} if lang is not None else {}
        found: dict[str, dict[str, int]] = {}
        with self._reading() as connection:
            for row in _all(connection, query, since=since, until=until, **values):
                if row["n"]:
                    found.setdefault(row["day"], {})[row["name"]] = int(row["n"])
        return found

    def history(self, group: int) -> list[Change]:
        """Who did what to a group, the oldest first?"""
        query = "select * from history where group_id = :group order by at, id"
        with self._reading() as connection:
            return [
                Change(_when(row["at"]), row["who"], row["what"], row["detail"])
                for row in _all(connection, query, group=group)
            ]

    def health(self) -> Health:
        """Can the log be read, and how much is in it? Never raises."""
        try:
            with self._reading() as connection:
                name = "SQLite" if connection.dialect.name == "sqlite" else "PostgreSQL"
                version = ".".join(map(str, connection.dialect.server_version_info or ()))
                count = _one(connection, "select count(*) as n from runs")
                return Health(True, f"{name} {version}", count["n"] if count else 0)
        except LogUnavailable as error:
            return Health(False, self._url.get_backend_name(), message=str(error))

    def export(self, *, page: int = _PAGE) -> Iterator[dict[str, Any]]:
        """Every search that is kept, by id; read in pages so that nobody waits for it."""
        after = ""
        while True:
            query = "select * from runs where id > :after order by id limit :page"
            with self._reading() as connection:
                rows = _all(connection, query, after=after, page=page)
                ids = [row["id"] for row in rows]
                events = _all(
                    connection,
                    "select * from events where run in :ids order by run, ms, kind, slug",
                    ids=ids or [""],
                )
            by_run: dict[str, list[dict[str, Any]]] = {}
            for event in events:
                came = {k: event[k] for k in ("kind", "slug", "rank", "ms")}
                by_run.setdefault(event["run"], []).append(came)
            for row in rows:
                yield _exported(row, by_run.get(row["id"], []))
            if len(rows) < page:
                return
            after = ids[-1]

    # --- keeping less ---------------------------------------------------------------------------

    def purge(self, before: datetime) -> int:
        """Delete single searches, votes and letters older than `before`; groups and counts stay."""
        cut, purged = _at(before), 0
        while True:
            with self._writing() as connection:
                desk = _Desk(connection)
                some = desk.purge(cut, _PAGE)
                desk.finish()
            purged += some
            if some < _PAGE:
                break
        with self._writing() as connection:
            for table in (_feedback, _tickets, _sent, _reports):
                connection.execute(table.delete().where(table.c.at < cut))
        return purged

    def forget(self, text: str) -> int:
        """Remove every trace of `text`, however it is cased; returns how many places held it."""
        sought = _folded(text)
        if not sought:
            return 0
        with self._writing() as connection:
            desk = _Desk(connection)
            places = desk.forget(sought, text)
            desk.finish()
        self._vacuum()
        return places

    def _vacuum(self) -> None:
        """What was deleted leaves the file too."""
        options: dict[str, Any] = {"kb_begin": ""}
        if self._url.get_backend_name() == "postgresql":
            options["isolation_level"] = "AUTOCOMMIT"
        with (
            _plainly(self._url),
            self._turn or _nothing(),
            self._engine.connect().execution_options(**options) as connection,
        ):
            connection.exec_driver_sql("VACUUM")

    # --- the life of a group --------------------------------------------------------------------

    def assign(self, group: int, owner: str, *, who: str = "", at: datetime | None = None) -> None:
        """From now on `owner` answers for the group; an empty owner opens it again."""
        with self._writing() as connection:
            row = _group_row(connection, group)
            status = row["status"]
            if status in ("open", "assigned"):
                status = "assigned" if owner else "open"
            _change(connection, group, who, "assigned", owner, at, owner=owner, status=status)

    def dismiss(
        self,
        group: int,
        reason: str,
        *,
        until: datetime | None = None,
        who: str = "",
        at: datetime | None = None,
    ) -> None:
        """Nobody will answer the group, for a reason and at most until a date."""
        with self._writing() as connection:
            _group_row(connection, group)
            values = {"dismissed_reason": reason, "dismissed_until": _at(until) if until else 0}
            _change(connection, group, who, "dismissed", reason, at, status="dismissed", **values)

    def reopen(self, group: int, *, who: str = "", at: datetime | None = None) -> None:
        """The group waits for an answer again, whatever it was before."""
        with self._writing() as connection:
            row = _group_row(connection, group)
            status = "assigned" if row["owner"] else "open"
            _change(
                connection,
                group,
                who,
                "reopened",
                "",
                at,
                status=status,
                dismissed_reason="",
                dismissed_until=0,
            )

    def annotate(self, group: int, note: str, *, who: str = "", at: datetime | None = None) -> None:
        """The group carries this note from now on."""
        with self._writing() as connection:
            _group_row(connection, group)
            _change(connection, group, who, "note", note, at, note=note)

    def triage(self, group: int, finding: str, *, at: datetime | None = None) -> None:
        """This is what would have answered the group (LEADS.md §8)."""
        with self._writing() as connection:
            if _group_row(connection, group)["triage"] != finding:
                _change(connection, group, "", "triage", finding, at, triage=finding)

    def answer(
        self,
        group: int,
        *,
        slug: str,
        build: str,
        commit: str = "",
        rank: int = 1,
        committed: datetime | None = None,
        at: datetime | None = None,
    ) -> bool:
        """Replay found an article that answers the group; True if the group was not answered."""
        now = at or datetime.now(UTC)
        with self._writing() as connection:
            row = _group_row(connection, group)
            values = {
                "answer_slug": slug,
                "answer_build": build,
                "answer_commit": commit,
                "answer_rank": rank,
                "answer_committed": _at(committed) if committed else 0,
            }
            if row["status"] == "answered":
                if row["answer_slug"] != slug:
                    _change(connection, group, "", "answer moved", slug, now, **values)
                return False
            values |= {"answer_at": _at(now)}
            _change(connection, group, "", "answered", slug, now, status="answered", **values)
            return True

    def regress(self, group: int, reason: str, *, at: datetime | None = None) -> bool:
        """The answer of the group fell out; True if it had one."""
        with self._writing() as connection:
            if _group_row(connection, group)["status"] != "answered":
                return False
            _change(connection, group, "", "regressed", reason, at, status="regressed")
            return True

    def merge(self, group: int, into: int, *, who: str = "", at: datetime | None = None) -> None:
        """`group` asks the same as `into`: its misses, now and later, are counted there."""
        with self._writing() as connection:
            row, target = _group_row(connection, group), _group_row(connection, into)
            if group == into or target["merged_into"]:
                raise KeyError(f"group {group} cannot be merged into {into}")
            _run(
                connection,
                "update runs set group_id = :into where group_id = :g",
                into=into,
                g=group,
            )
            _run(
                connection,
                """update groups set merged_into = :into
                   where merged_into = :g or id = :g""",
                into=into,
                g=group,
            )
            past = {name: target[name] + row[name] for name in _PAST}
            kinds = _added(json.loads(target["past_kinds"]), json.loads(row["past_kinds"]))
            _change(
                connection, into, who, "merged", str(group), at, past_kinds=_dump(kinds), **past
            )
            _change(
                connection,
                group,
                who,
                "merged into",
                str(into),
                at,
                past_kinds="{}",
                **dict.fromkeys(_PAST, 0),
            )
            _Desk(connection).finish({group, into})

    def split(self, group: int, phrasing: str, *, who: str = "", at: datetime | None = None) -> int:
        """A phrasing asks something else: it founds a group of its own, whose id is returned."""
        with self._writing() as connection:
            _group_row(connection, group)
            row = _one(
                connection,
                "select * from runs where group_id = :g and query = :q order by started limit 1",
                g=group,
                q=phrasing,
            )
            if row is None:
                raise KeyError(f"group {group} has no phrasing {phrasing!r}")
            desk = _Desk(connection)
            new = desk.found(row)
            _run(
                connection,
                "update runs set group_id = :new where group_id = :g and words = :w",
                new=new,
                g=group,
                w=row["words"],
            )
            _change(connection, group, who, "split", f"{phrasing} → {new}", at)
            _change(connection, new, who, "split from", str(group), at)
            desk.finish({group, new})
            return new

    def groups_to_replay(self, after: int = 0, limit: int = 500) -> list[MissGroup]:
        """Which groups are asked again after a build, by id: all but dismissed and merged ones."""
        query = """
            select *, visits as v, searches as s from groups
            where id > :after and merged_into = 0 and status <> 'dismissed' and question <> :gone
            order by id limit :limit"""
        with self._reading() as connection:
            rows = _all(connection, query, after=after, limit=limit, gone=FORGOTTEN)
            return [_group(row) for row in rows]


_PAST = ("past_visits", "past_searches", "past_tickets")
_RECENT = """
    join (select group_id, count(distinct visit) as visits, count(*) as searches from runs
          where miss and not robot and ended >= :since {kind} group by group_id) r
      on r.group_id = g.id"""
_KIND_SQL = {name: f"and kind = '{name}'" for name in runs.KINDS} | {
    "ticketed": "and ticketed",
    "unhelpful": "and unhelpful",
    "": "",
}


# --- one transaction's work ---------------------------------------------------------------------


class _Desk:
    """What a writing transaction does to searches, and which groups and days it must add up."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._touched: set[int] = set()
        self._days: dict[tuple[str, str, str], int] = {}

    def record(self, search: Search) -> int:
        """Insert, join or amend; 1 if the report names a run of another visit."""
        c = self._connection
        known = _one(c, "select run, visit from reports where id = :id", id=search.id)
        if known is not None and known["visit"] != search.visit:
            return 1
        row = _row(search)
        if known is not None:
            before = _one(c, "select * from runs where id = :id", id=known["run"])
            if before is None:
                return 0  # purged
            after = _amended(before, row)
        else:
            before, after = self._joined(search, row)
            report = {
                "id": search.id,
                "report": search.report or search.id,
                "run": after["id"],
                "visit": search.visit,
                "at": row["ended"],
            }
            c.execute(_reports.insert(), report)
        self._write_events(search, after["id"])
        self._put(before, after)
        self.settle(
            search.visit,
            after["started"] - _ms(runs.REFINED),
            after["ended"] + _ms(runs.REFINED),
            robot=after["robot"],
            only=after["id"],
        )
        return 0

    def _joined(
        self, search: Search, row: dict[str, Any]
    ) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """The stored run that this one goes on with, and both in one; or None and this one."""
        gap = _ms(runs.GAP)
        near = _all(
            self._connection,
            """select * from runs where visit = :visit and ended >= :low and started <= :high
               order by started, id""",
            visit=row["visit"],
            low=row["started"] - gap,
            high=row["ended"] + gap,
        )
        if not near:
            return None, row
        new = runs.Run(
            first=redact(search.first or search.query),
            last=row["query"],
            query=row["query"],
            started=row["started"] / 1000,
            ended=row["ended"] / 1000,
            closed=row["clicked"] or row["answered"],
        )
        # Only neighbours go on with each other: what was asked in between ends a search.
        earlier = [other for other in near if other["started"] <= row["started"]][-1:]
        later = [other for other in near if other["started"] > row["started"]][:1]
        before: dict[str, Any] | None = None
        for other in earlier + later:
            stored = _as_run(other)
            if len(runs.fold((stored, new))) > 1:
                continue
            if before is None:
                before = other
                row = _merged(other, row)
                new = runs.fold((stored, new))[0]
            else:  # this one stood between two: all three are one search
                row = _merged(row, other)
                self._absorb(other, row["id"])
        return before, row

    def _absorb(self, other: dict[str, Any], into: str) -> None:
        for table in ("reports", "events"):
            query = f"update {table} set run = :into where run = :id"  # noqa: S608
            _run(self._connection, query, into=into, id=other["id"])
        _run(self._connection, "delete from runs where id = :id", id=other["id"])
        self._count(other, -1)
        self._touch(other)

    def _write_events(self, search: Search, run: str) -> None:
        rows = {
            (event.kind, event.slug, event.ms): {
                "run": run,
                "kind": event.kind,
                "slug": event.slug,
                "ms": event.ms,
                "rank": event.rank,
                "at": _ms(search.ended),
            }
            for event in search.events
        }
        _upsert(self._connection, _events, *rows.values())

    def _put(self, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        """Write a run; days and groups follow what changed."""
        if before == after:
            return
        c = self._connection
        if before is None:
            c.execute(_runs.insert(), after)
        else:
            changed = {k: v for k, v in after.items() if before[k] != v}
            c.execute(_runs.update().where(_runs.c.id == before["id"]).values(changed))
            self._count(before, -1)
            self._touch(before)
        self._count(after, 1)
        self._touch(after)

    def settle(
        self, visit: str, low: int, high: int, *, robot: bool = False, only: str = ""
    ) -> None:
        """Kinds and flags of a visit's searches in a stretch of time, from what is stored.

        Of a robot's searches `only` that one.
        """
        c = self._connection
        if not robot and _one(
            c,
            """select 1 from runs r where visit = :visit and ended >= :low and started <= :high
               and (select count(*) from runs o where o.visit = r.visit
                    and o.started > r.started - 60000 and o.started <= r.started) > :most""",
            visit=visit,
            low=low,
            high=high,
            most=runs.ROBOT_RATE,
        ):
            self._mark_robot(visit)
            robot = True
        rows = _all(
            c,
            """select * from runs where visit = :visit and ended >= :low and started <= :high
               order by started, id""",
            visit=visit,
            low=low,
            high=high,
        )
        if robot:  # nobody looks at what a robot did next, and it does a lot
            rows = [row for row in rows if row["id"] == only] if only else rows
        sent = [row["at"] for row in _all(c, "select at from sent where visit = :v", v=visit)]
        for row in rows:
            self._put(row, self._settled(row, rows, sent))

    def _mark_robot(self, visit: str) -> None:
        for row in _all(
            self._connection, "select * from runs where visit = :v and not robot", v=visit
        ):
            self._put(row, row | {"robot": True})

    def _settled(
        self, row: dict[str, Any], visit: list[dict[str, Any]], sent: list[int]
    ) -> dict[str, Any]:
        after = dict(row)
        after["refined"] = row["refined"] or any(
            0 <= other["started"] - row["ended"] <= _ms(runs.REFINED) and other["key"] != row["key"]
            for other in visit
            if other["id"] != row["id"]
        )
        after["ticketed"] = row["ticketed"] or any(
            row["started"] <= at <= row["ended"] + _ms(runs.TICKETED) for at in sent
        )
        voted = _one(
            self._connection,
            """select 1 from feedback f join reports r on r.report = f.run
               where r.run = :run and not f.helpful
                 and (not exists (select 1 from reports o
                                  where o.report = r.report and o.run <> r.run)
                      or exists (select 1 from events e
                                 where e.run = r.run and e.kind = 'click' and e.slug = f.slug))
               limit 1""",
            run=row["id"],
        )
        after["unhelpful"] = voted is not None
        facts = _facts(after)
        after["kind"] = runs.kind(facts)
        after["miss"] = runs.is_miss(facts)
        after["counted"] = runs.is_counted(facts)
        if not after["miss"] or row["robot"]:
            after["group_id"] = None
        elif row["group_id"] is None:
            after["group_id"] = self._group_for(after)
        return after

    def settle_reports(self, report: str) -> None:
        """Kinds and flags of the runs a report became part of."""
        query = """select distinct r.visit, r.started, r.ended from runs r
                   join reports p on p.run = r.id where p.report = :report"""
        for row in _all(self._connection, query, report=report) if report else ():
            self.settle(row["visit"], row["started"], row["ended"])

    # --- groups ---

    def _group_for(self, row: dict[str, Any]) -> int | None:
        """The group that asks the same, or a new one; None if nothing is asked."""
        words = row["words"].split()
        if not words:
            return None
        # The most words a set may have, or lack, and still be alike: no others are looked at.
        found = _all(
            self._connection,
            """select group_id, size, count(*) as shared from group_words
               where word in :words and size * 10 >= :n * 7 and size * 7 <= :n * 10
               group by group_id, size
               having count(*) * 10 >= 7 * (:n + size - count(*))
               order by group_id""",
            words=words,
            n=len(words),
        )
        if not found:
            return self.found(row)
        n = len(words)
        best = min(
            found, key=lambda f: (-f["shared"] / (n + f["size"] - f["shared"]), f["group_id"])
        )
        id = int(best["group_id"])
        group = _group_row(self._connection, id)
        while group["merged_into"]:
            id = group["merged_into"]
            group = _group_row(self._connection, id)
        self._revive(group, row)
        return id

    def _revive(self, group: dict[str, Any], row: dict[str, Any]) -> None:
        """A later miss on an answered group regresses it; a dismissal ends with its date."""
        ended = row["ended"]
        if group["status"] == "answered" and ended > group["answer_at"]:
            why = f"missed again: {row['query']}"
            _change(
                self._connection,
                group["id"],
                "",
                "regressed",
                why,
                _when(ended),
                status="regressed",
            )
        if group["status"] == "dismissed" and 0 < group["dismissed_until"] < ended:
            status = "assigned" if group["owner"] else "open"
            _change(
                self._connection,
                group["id"],
                "",
                "reopened",
                "missed again",
                _when(ended),
                status=status,
                dismissed_reason="",
                dismissed_until=0,
            )

    def found(self, row: dict[str, Any]) -> int:
        """A new group of what this run asks."""
        c = self._connection
        id = _next(c, "groups")
        words = row["words"].split()
        values: dict[str, Any] = {column.name: "" for column in _groups.c}
        values |= {c.name: 0 for c in _groups.c if isinstance(c.type, sa.BigInteger)}
        values |= {
            "id": id,
            "question": row["query"],
            "lang": row["lang"],
            "words": row["words"],
            "status": "open",
            "first": row["ended"],
            "last": row["ended"],
            "kinds": "{}",
            "past_kinds": "{}",
            "phrasings": "[]",
        }
        c.execute(_groups.insert(), values)
        if words:
            size = len(words)
            c.execute(
                _group_words.insert(),
                [{"word": word, "group_id": id, "size": size} for word in words],
            )
        return id

    def _touch(self, row: dict[str, Any]) -> None:
        if row["group_id"] is not None:
            self._touched.add(row["group_id"])

    # --- adding up ---

    def _count(self, row: dict[str, Any], sign: int) -> None:
        for name in _counters(row):
            key = (row["day"], row["lang"], name)
            self._days[key] = self._days.get(key, 0) + sign

    def finish(self, groups: Iterable[int] = ()) -> None:
        """Bring the sums of all that was touched up to date."""
        counted = [
            {"day": day, "lang": lang, "name": name, "n": n}
            for (day, lang, name), n in sorted(self._days.items())
            if n
        ]
        _upsert(self._connection, _days, *counted, adds=True)
        self._days.clear()
        for id in sorted(self._touched | set(groups)):
            self._sum(id)
        self._touched.clear()

    def _sum(self, id: int) -> None:
        c = self._connection
        group = _group_row(c, id)
        totals = _one(
            c,
            """select count(distinct visit) as visits, count(*) as searches,
                      count(distinct case when ticketed then visit end) as tickets,
                      min(ended) as first, max(ended) as last
               from runs where group_id = :id and miss and not robot""",
            id=id,
        )
        assert totals is not None  # noqa: S101 (an aggregate always has a row)
        kinds: dict[str, int] = json.loads(group["past_kinds"])
        for row in _all(
            c,
            """select kind, ticketed, unhelpful, count(*) as n from runs
               where group_id = :id and miss and not robot group by kind, ticketed, unhelpful""",
            id=id,
        ):
            kinds = _added(kinds, dict.fromkeys(_names_of(row), row["n"]))
        phrasings = _all(
            c,
            """select min(query) as query, count(distinct visit) as visits from runs
               where group_id = :id and miss and not robot
               group by phrase order by visits desc, phrase limit :most""",
            id=id,
            most=_PHRASINGS,
        )
        visits = group["past_visits"] + totals["visits"]
        tickets = group["past_tickets"] + totals["tickets"]
        values = {
            "visits": visits,
            "searches": group["past_searches"] + totals["searches"],
            "tickets": tickets,
            "kinds": _dump(dict(sorted(kinds.items()))),
            "phrasings": _dump([[row["query"], row["visits"]] for row in phrasings]),
            "first": min(group["first"], totals["first"] or group["first"]),
            "last": max(group["last"] if group["past_visits"] else 0, totals["last"] or 0)
            or group["last"],
            "priority": visits * (3 if tickets else 1),
        }
        c.execute(_groups.update().where(_groups.c.id == id).values(values))

    # --- keeping less ---

    def purge(self, cut: int, most: int) -> int:
        """Delete up to `most` runs that ended before `cut`; their groups remember the numbers."""
        c = self._connection
        rows = _all(
            c,
            "select * from runs where ended < :cut order by ended, id limit :most",
            cut=cut,
            most=most,
        )
        if not rows:
            return 0
        ids = [row["id"] for row in rows]
        self._delete(ids)
        gone: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            if row["group_id"] is not None and row["miss"] and not row["robot"]:
                gone.setdefault(row["group_id"], []).append(row)
        for id, members in gone.items():
            self._remember(id, members)
            self._touched.add(id)
        return len(rows)

    def _delete(self, ids: list[str]) -> None:
        for table, column in (("events", "run"), ("reports", "run"), ("runs", "id")):
            query = f"delete from {table} where {column} in :ids"  # noqa: S608
            _run(self._connection, query, ids=ids)

    def _remember(self, id: int, members: list[dict[str, Any]]) -> None:
        c = self._connection
        group = _group_row(c, id)
        visits = {row["visit"] for row in members}
        still = {
            row["visit"]
            for row in _all(
                c,
                """select distinct visit from runs
                   where group_id = :id and miss and not robot and visit in :visits""",
                id=id,
                visits=sorted(visits),
            )
        }
        ticketed = {row["visit"] for row in members if row["ticketed"]} - still
        kinds = json.loads(group["past_kinds"])
        for row in members:
            kinds = _added(kinds, dict.fromkeys(_names_of(row), 1))
        values = {
            "past_visits": group["past_visits"] + len(visits - still),
            "past_searches": group["past_searches"] + len(members),
            "past_tickets": group["past_tickets"] + len(ticketed),
            "past_kinds": _dump(kinds),
        }
        c.execute(_groups.update().where(_groups.c.id == id).values(values))

    def forget(self, sought: str, as_given: str) -> int:
        """Remove rows that hold `sought`; a group keeps its id and counts, not its words."""
        c = self._connection
        places = 0
        words = set(text.key(as_given).split())
        for row in _pages(c, _runs):
            if any(sought in _folded(str(row[name])) for name in _RUN_TEXTS):
                self._delete([row["id"]])
                self._count(row, -1)
                self._touch(row)
                places += 1
        for table, names in (
            (_feedback, ("reason", "text", "slug")),
            (_tickets, ("text", "reply_to")),
            (_history, ("detail", "who")),
            (_events, ("slug",)),
        ):
            for row in _pages(c, table):
                if any(sought in _folded(row[name]) for name in names):
                    match = [column == row[column.name] for column in table.primary_key]
                    c.execute(table.delete().where(*match))
                    places += 1
        for row in _pages(c, _groups):
            held = ("question", "phrasings", "note", "triage", "dismissed_reason", "owner")
            in_words = bool(words) and words <= set(row["words"].split())
            if in_words or any(sought in _folded(row[name]) for name in held):
                self._forget_group(row, sought, words)
                places += 1
        return places

    def _forget_group(self, group: dict[str, Any], sought: str, words: set[str]) -> None:
        c, id = self._connection, group["id"]
        values = {
            name: "" if sought in _folded(group[name]) else group[name]
            for name in ("note", "triage", "dismissed_reason", "owner")
        }
        if sought in _folded(group["question"]) or words <= set(group["words"].split()):
            other = _one(
                c,
                "select query, words from runs where group_id = :id order by started limit 1",
                id=id,
            )
            values["question"] = other["query"] if other else FORGOTTEN
            values["words"] = other["words"] if other else ""
            _run(c, "delete from group_words where group_id = :id", id=id)
            left = values["words"].split()
            if left:
                rows = [{"word": word, "group_id": id, "size": len(left)} for word in left]
                c.execute(_group_words.insert(), rows)
        c.execute(_groups.update().where(_groups.c.id == id).values(values))
        self._touched.add(id)


_RUN_TEXTS = ("query", "phrase", "key", "corrected", "filters", "shown")


def _row(search: Search) -> dict[str, Any]:
    """A search as it is stored: redacted, its words in normal form, its kind not yet known."""
    query = redact(search.query[: runs.MAX_TEXT]).strip()
    corrected = redact(search.corrected[: runs.MAX_TEXT]).strip()
    clicked = any(event.kind == "click" for event in search.events)
    answered = any(event.kind == "answered" for event in search.events)
    started, ended = _ms(search.started), _ms(search.ended)
    return {
        "id": search.id,
        "visit": search.visit,
        "query": query,
        "phrase": _folded(query),
        "key": text.key(query),
        "words": _words(corrected or query),
        "lang": search.lang[:16],
        "surface": search.surface,
        "filters": _dump({k: redact(v) for k, v in sorted(search.filters.items())}),
        "build": search.build,
        "correction": search.correction,
        "corrected": corrected,
        "shown": _dump([list(pair) for pair in search.shown]),
        "total": search.total,
        "unfiltered": search.unfiltered,
        "confident": search.confident,
        "keystrokes": search.keystrokes,
        "ms": max(0, ended - started),
        "started": started,
        "ended": ended,
        "seen": _ms(search.seen),
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
        "day": _when(started).date().isoformat(),
    }


def _words(query: str) -> str:
    return " ".join(sorted(set(text.key(query).split())))


def _folded(query: str) -> str:
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


def _amended(before: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """A run and a later report of it: what is longer, later or new wins."""
    after = dict(before)
    if more["keystrokes"] > before["keystrokes"]:
        after |= {name: more[name] for name in _ASKED}
        after["ended"] = max(before["ended"], before["started"] + more["ms"])
        after["ms"] = after["ended"] - before["started"]
        after["keystrokes"] = more["keystrokes"]
        after["seen"] = more["seen"]
    after["seen"] = max(after["seen"], more["seen"])
    if after["shown"] == "[]":
        after["shown"] = more["shown"]
    for name in ("clicked", "answered", "robot"):
        after[name] = before[name] or more[name]
    if after["words"] != before["words"]:
        after["group_id"] = None
    return after


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
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
    for name in ("clicked", "answered", "ticketed", "unhelpful", "robot"):
        after[name] = first[name] or second[name]
    if after["words"] != first["words"]:
        after["group_id"] = None
    return after


def _as_run(row: dict[str, Any]) -> runs.Run:
    return runs.Run(
        first=row["query"],
        last=row["query"],
        query=row["query"],
        started=row["started"] / 1000,
        ended=row["ended"] / 1000,
        keystrokes=row["keystrokes"],
        closed=row["clicked"] or row["answered"],
    )


def _facts(row: dict[str, Any]) -> runs.Facts:
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


def _names_of(row: Mapping[str, Any]) -> list[str]:
    """The kind and the flags of a miss."""
    flags = [name for name in ("ticketed", "unhelpful") if row[name]]
    return ([row["kind"]] if row["kind"] else []) + flags


def _counters(row: dict[str, Any]) -> list[str]:
    """What a search counts as on its day; robots are left out of everything else."""
    if row["robot"]:
        return ["robots"]
    names = ["searches", f"surface:{row['surface']}", *_names_of(row)]
    names += [name for name in ("clicked", "answered", "miss", "counted") if row[name]]
    return names


def _added(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in a | b}


def _group(row: dict[str, Any]) -> MissGroup:
    answer = None
    if row["answer_at"]:
        committed = _when(row["answer_committed"]) if row["answer_committed"] else None
        answer = Answer(
            row["answer_slug"],
            row["answer_build"],
            row["answer_commit"],
            row["answer_rank"],
            committed,
            _when(row["answer_at"]),
        )
    return MissGroup(
        id=row["id"],
        question=row["question"],
        lang=row["lang"],
        phrasings=tuple((q, n) for q, n in json.loads(row["phrasings"])),
        visits=row["v"],
        searches=row["s"],
        tickets=row["tickets"],
        kinds=json.loads(row["kinds"]),
        status=row["status"],
        owner=row["owner"],
        note=row["note"],
        first=_when(row["first"]),
        last=_when(row["last"]),
        triage=row["triage"],
        answer=answer,
        dismissed=row["dismissed_reason"],
        dismissed_until=_when(row["dismissed_until"]) if row["dismissed_until"] else None,
    )


def _exported(row: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    """A stored search in plain words, ready for JSON."""
    kept = {name: row[name] for name in _EXPORTED}
    return kept | {
        "started": _when(row["started"]).isoformat(),
        "ended": _when(row["ended"]).isoformat(),
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


def exists(url: str) -> bool:
    """Whether there may be a log at the address: a file that is not there holds no search."""
    file = _file(_address(url))
    return file is None or file.exists()


# --- moving -------------------------------------------------------------------------------------


def migrate(from_url: str, to_url: str, *, page: int = _PAGE) -> dict[str, int]:
    """Copy a whole log into an empty one, all or nothing; rows by table."""
    source, target = SearchLog(from_url), SearchLog(to_url)
    copied: dict[str, int] = {}
    try:
        with source._reading() as old, target._writing() as new:
            for table in _meta.sorted_tables:
                if _count_rows(new, table):
                    raise LogUnavailable(
                        f"{target!r} already holds {table.name}; give the address of an empty log"
                    )
            for table in _meta.sorted_tables:
                rows: list[dict[str, Any]] = []
                for row in _pages(old, table, page):
                    rows.append(row)
                    if len(rows) == page:
                        new.execute(table.insert(), rows)
                        rows = []
                if rows:
                    new.execute(table.insert(), rows)
                copied[table.name] = _count_rows(new, table)
                if copied[table.name] != _count_rows(old, table):
                    raise LogUnavailable(
                        f"{source!r} changed meanwhile; stop `kb serve` and run it again"
                    )
    finally:
        source.close()
        target.close()
    return copied


def _count_rows(connection: Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _pages(connection: Connection, table: sa.Table, page: int = _PAGE) -> Iterator[dict[str, Any]]:
    """All rows of a table by its key, some at a time."""
    keys = list(table.primary_key.columns)
    last: list[Any] | None = None
    while True:
        query = sa.select(table).order_by(*keys).limit(page)
        if last is not None:
            query = query.where(sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, last)))
        rows = [dict(row) for row in connection.execute(query).mappings()]
        yield from rows
        if len(rows) < page:
            return
        last = [rows[-1][column.name] for column in keys]


# --- statements ---------------------------------------------------------------------------------


@lru_cache(512)
def _statement(query: str, lists: tuple[str, ...]) -> sa.TextClause:
    return sa.text(query).bindparams(*(sa.bindparam(name, expanding=True) for name in lists))


def _execute(connection: Connection, query: str, values: Mapping[str, Any]) -> sa.CursorResult[Any]:
    lists = tuple(name for name, value in values.items() if isinstance(value, list | tuple))
    return connection.execute(_statement(query, lists), values)


def _all(connection: Connection, query: str, **values: Any) -> list[dict[str, Any]]:
    rows = _execute(connection, query, values).mappings()
    return [_typed(dict(row)) for row in rows]


def _one(connection: Connection, query: str, **values: Any) -> dict[str, Any] | None:
    row = _execute(connection, query, values).mappings().first()
    return _typed(dict(row)) if row is not None else None


def _run(connection: Connection, query: str, **values: Any) -> None:
    _execute(connection, query, values)


_BOOLEANS = {c.name for t in _meta.tables.values() for c in t.c if isinstance(c.type, sa.Boolean)}


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """SQLite gives 0 and 1 where the query is written out."""
    for name in _BOOLEANS & row.keys():
        row[name] = bool(row[name])
    return row


@lru_cache(64)
def _upserting(dialect: str, table: sa.Table, adds: bool) -> sa.Insert:
    """Insert a row; where its key is there, put its other values, or add its `n`."""
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    keys = [column.name for column in table.primary_key]
    others: dict[str, Any] = {
        c.name: insert.excluded[c.name] for c in table.c if c.name not in keys
    }
    if adds:
        others = {"n": table.c.n + insert.excluded.n}
    if not others:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_=others)


def _upsert(
    connection: Connection, table: sa.Table, *rows: dict[str, Any], adds: bool = False
) -> None:
    if rows:
        connection.execute(_upserting(connection.dialect.name, table, adds), list(rows))


def _next(connection: Connection, table: str) -> int:
    row = _one(connection, f"select coalesce(max(id), 0) + 1 as id from {table}")  # noqa: S608
    return int(row["id"]) if row else 1


def _group_row(connection: Connection, id: int) -> dict[str, Any]:
    row = _one(connection, "select * from groups where id = :id", id=id)
    if row is None:
        raise KeyError(f"no group {id}")
    return row


def _change(
    connection: Connection,
    group: int,
    who: str,
    what: str,
    detail: str,
    at: datetime | None,
    **values: Any,
) -> None:
    """Change a group and write down who did what."""
    if values:
        connection.execute(_groups.update().where(_groups.c.id == group).values(values))
    row = {
        "id": _next(connection, "history"),
        "group_id": group,
        "at": _at(at or datetime.now(UTC)),
        "who": who,
        "what": what,
        "detail": detail,
    }
    connection.execute(_history.insert(), row)


# --- databases ----------------------------------------------------------------------------------


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise LogUnavailable(
            "the address of the search log cannot be read; write KB_DATABASE_URL as "
            "sqlite:///file or postgresql+psycopg://user@host/database"
        ) from None
    if address.drivername in ("postgresql", "postgres"):
        address = address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() not in ("sqlite", "postgresql"):
        raise LogUnavailable(
            f"the search log knows SQLite and PostgreSQL, not {address.get_backend_name()}; "
            "change KB_DATABASE_URL"
        )
    return address


def _file(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_private(file: Path) -> None:
    """What people searched for is read by the service's user only."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise LogUnavailable(
            f"the search log {file} cannot be written ({error.strerror}); check KB_DATA"
        ) from None


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        pool: type[StaticPool] | type[QueuePool] = StaticPool if _file(url) is None else QueuePool
        connect = {"timeout": _BUSY_MS / 1000, "check_same_thread": False}
        engine = sa.create_engine(url, poolclass=pool, connect_args=connect)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    limits = f"-c lock_timeout={_BUSY_MS} -c statement_timeout=60000"
    return sa.create_engine(
        url,
        pool_size=2,
        max_overflow=8,
        pool_pre_ping=True,
        pool_timeout=5,
        connect_args={"connect_timeout": 5, "application_name": "kb", "options": limits},
    )


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite` alone
    wal = sqlite3.sqlite_version_info >= _WAL_SINCE
    for pragma in (
        f"busy_timeout = {_BUSY_MS}",
        "secure_delete = on",
        f"journal_mode = {'wal' if wal else 'delete'}",
        "synchronous = full",
        "foreign_keys = on",
        "temp_store = memory",
    ):
        connection.execute(f"pragma {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes loses to whoever wrote in between.
    begin = connection.get_execution_options().get("kb_begin", "BEGIN IMMEDIATE")
    if begin:
        connection.exec_driver_sql(begin)


def _take_turn(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")


def _version(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    row = _one(connection, "select version_num from alembic_version")
    return str(row["version_num"]) if row else None


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _forget_connections(log: "weakref.ref[SearchLog]") -> Any:
    def after_fork() -> None:
        found = log()
        if found is not None:
            # The parent goes on using its connections; closing them here would end them there.
            found._engine.dispose(close=False)
            if found._turn is not None:
                found._turn = threading.RLock()

    return after_fork


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _plainly(url: URL) -> Iterator[None]:
    """Database trouble as one sentence with the next step."""
    try:
        yield
    except (DBAPIError, NoSuchModuleError, ModuleNotFoundError, sa.exc.TimeoutError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        raise LogUnavailable(
            f"the search log {url.render_as_string()} cannot be used: {reason}; "
            "check KB_DATABASE_URL and that the database is there and has room"
        ) from error
