"""The feed of the log: what happened since hooks were last told, each thing once. Sends nothing.

What is told and that it was told is written in one transaction: a process that dies in between has
done neither. Where nothing was told yet, or not for a week, the feed begins with this moment.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Connection

from kb.searchlog.db.database import Database
from kb.searchlog.db.feed_models import ArticleChange, BadVote, Publication, QuestionChange
from kb.searchlog.db.letter_models import NewDelivery
from kb.searchlog.db.models import dump, stamp, when
from kb.searchlog.db.outbox import queue
from kb.searchlog.db.sql import execute, select, select_one, upsert
from kb.searchlog.db.tables import ANNOUNCED, FEED_POSITIONS

FORGETS: Final = timedelta(days=7)  # what is older is no news, and no delivery is tried for longer
VOTE_SETTLES: Final = timedelta(minutes=2)  # a reader first votes, then may say why
_LOOKED: Final = 3_600_000  # milliseconds after which a look that found nothing is noted
_MOST: Final = 500  # questions of one look
_CHANGES: Final[Mapping[str, str]] = {  # in the history of a group
    "waiting": "question.answered",
    "answered": "question.proved",
    "regressed": "question.lost",
}


class Feed:
    """Reads what is new and queues what is to be told of it. Several processes may do so."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def questions(
        self, now: datetime, write: Callable[[Sequence[QuestionChange]], Sequence[NewDelivery]]
    ) -> int:
        """Queues what `write` makes of new and changed questions. Returns how many deliveries."""
        with self._database.reading() as c:
            is_news = any(_is_behind(c, name, now) for name in ("groups", "history"))
        if not is_news:  # most looks write nothing
            return 0
        with self._database.writing() as c:
            found = [*_opened(c, now), *_changed(c, now)]
            return _queue(c, write(found), now) if found else 0

    def votes(
        self, now: datetime, write: Callable[[Sequence[BadVote]], Sequence[NewDelivery]]
    ) -> int:
        """Queues what `write` makes of votes against articles, some minutes after they came."""
        values = {"low": stamp(now - FORGETS), "high": stamp(now - VOTE_SETTLES)}
        with self._database.reading() as c:
            began = _position(c, "votes")
            is_stale = began is None or _is_forgotten(began, now)
            if not is_stale and not _is_unlooked(began, now) and not select(c, _VOTES, **values):
                return 0
        with self._database.writing() as c:
            if is_stale:
                _set(c, "votes", stamp(now), now)
                return 0
            assert began is not None  # noqa: S101 - else it is stale
            _set(c, "votes", began["at"], now)
            execute(
                c, "delete from announced where kind = 'vote' and cast(state as bigint) < :low",
                low=values["low"],
            )  # fmt: skip
            rows = [row for row in select(c, _VOTES, **values) if row["at"] >= began["at"]]
            _announce(c, "vote", {row["id"]: str(row["at"]) for row in rows})
            found = [
                BadVote(row["id"], when(row["at"]), row["slug"], row["reason"], row["text"])
                for row in rows
            ]
            return _queue(c, write(found), now) if found else 0

    def articles(
        self,
        shown: Publication,
        now: datetime,
        write: Callable[[Sequence[ArticleChange]], Sequence[NewDelivery]],
    ) -> int:
        """Queues what `write` makes of the difference from the build that was told last.

        A build that is older than that one, as after a rollback, tells nothing.
        """
        mark = f"{shown.day.isoformat()} {shown.build}"
        with self._database.writing() as c:
            before = _position(c, "articles")
            if before is not None and not _is_newer(shown, before["detail"]):
                _set(c, "articles", before["at"], now, before["detail"])
                return 0
            known = _announced(c, "article")
            _set(c, "articles", stamp(now), now, mark)
            _announce(
                c, "article",
                {slug: dump([a.digest, a.lang, a.title]) for slug, a in shown.articles.items()
                 if known.get(slug, [""])[0] != a.digest},
            )  # fmt: skip
            gone = known.keys() - shown.articles.keys()
            _take_back(c, "article", sorted(gone))
            if before is None or _is_forgotten(before, now):
                return 0
            return _queue(c, write(_differences(shown, known, now)), now)

    def rejections(
        self,
        rejected: Mapping[str, str],
        indexed: datetime,
        now: datetime,
        write: Callable[[Sequence[str]], Sequence[NewDelivery]],
    ) -> int:
        """Queues what `write` makes of files that an indexing rejected and the one before did not.

        `rejected` are states by name; `write` is given the names that are new or of another state.
        """
        with self._database.writing() as c:
            before = _position(c, "rejected")
            if before is not None and before["at"] >= stamp(indexed):
                return 0
            known = _announced(c, "rejected")
            new = {name: state for name, state in rejected.items() if known.get(name) != [state]}
            _set(c, "rejected", stamp(indexed), now)
            _announce(c, "rejected", {name: dump([state]) for name, state in new.items()})
            _take_back(c, "rejected", sorted(known.keys() - rejected.keys()))
            if before is None or indexed < now - FORGETS:
                return 0
            return _queue(c, write(sorted(new)), now)

    def told_of(self) -> str:
        """The day and the build that articles were told of last, with a space between, or ""."""
        row = self._database.select_one("select detail from feed_positions where name = 'articles'")
        return str(row["detail"]) if row else ""


# --- positions ----------------------------------------------------------------------------------


def _position(c: Connection, name: str) -> dict[str, Any] | None:
    return select_one(c, "select * from feed_positions where name = :name", name=name)


def _set(c: Connection, name: str, at: int, now: datetime, detail: str = "") -> None:
    row = {"name": name, "at": at, "looked": stamp(now), "detail": detail}
    upsert(c, FEED_POSITIONS, row)


def _is_forgotten(position: Mapping[str, Any], now: datetime) -> bool:
    """Whether nobody has looked for so long that a mountain of old news would come."""
    return bool(position["looked"] < stamp(now - FORGETS))


def _is_unlooked(position: Mapping[str, Any] | None, now: datetime) -> bool:
    return position is None or bool(position["looked"] < stamp(now) - _LOOKED)


def _is_behind(c: Connection, table: str, now: datetime) -> bool:
    """Whether a table has rows after the position of the feed, or the look is to be noted."""
    position = _position(c, table)
    return _is_unlooked(position, now) or (position or {})["at"] != _last(c, table)


def _last(c: Connection, table: str) -> int:
    row = select_one(c, f"select coalesce(max(id), 0) as id from {table}")  # noqa: S608
    return int(row["id"]) if row else 0


def _begin(c: Connection, table: str, now: datetime) -> int | None:
    """The number after which rows of a table are news; None, and noted, where none are yet."""
    position = _position(c, table)
    if position is not None and not _is_forgotten(position, now):
        return int(position["at"])
    _set(c, table, _last(c, table), now)
    return None


def _end(c: Connection, table: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Notes how far a table was read: to the last row of a full look, else to its end."""
    _set(c, table, int(rows[-1]["id"]) if len(rows) == _MOST else _last(c, table), now)


# --- questions ----------------------------------------------------------------------------------


def _opened(c: Connection, now: datetime) -> list[QuestionChange]:
    after = _begin(c, "groups", now)
    if after is None:
        return []
    rows = select(c, _OPENED, after=after, most=_MOST)
    _end(c, "groups", rows, now)
    return [
        _question(row, "question.opened", f"group {row['id']}", row["first"])
        for row in rows
        if row["visits"] and not row["merged_into"] and row["status"] in ("open", "assigned")
    ]


def _changed(c: Connection, now: datetime) -> list[QuestionChange]:
    after = _begin(c, "history", now)
    if after is None:
        return []
    rows = select(c, _CHANGED, after=after, whats=list(_CHANGES), most=_MOST)
    _end(c, "history", rows, now)
    return [
        _question(row | {"id": row["group_id"]}, _CHANGES[row["what"]], f"{row['id']}", row["at"])
        for row in rows
        if row["at"] >= stamp(now - FORGETS)
    ]


def _question(row: Mapping[str, Any], event: str, key: str, at: int) -> QuestionChange:
    return QuestionChange(
        event, key, when(at), row["id"], row["label"] or row["question"], row["lang"],
        row["status"], row["owner"], row["category"],
        row["answer_slug"] if event != "question.opened" else "",
    )  # fmt: skip


_OPENED: Final = """
    select g.* from groups g where g.id > :after
      and not exists (select 1 from history h where h.group_id = g.id and h.what = 'split from')
    order by g.id limit :most"""
_CHANGED: Final = """
    select h.id, h.group_id, h.what, h.at, g.label, g.question, g.lang, g.status, g.owner,
           g.category, g.answer_slug
    from history h join groups g on g.id = h.group_id
    where h.id > :after and h.what in :whats order by h.id limit :most"""
_VOTES: Final = """
    select id, at, slug, reason, text from feedback f
    where not helpful and at >= :low and at < :high
      and not exists (select 1 from announced a where a.kind = 'vote' and a.name = f.id)
    order by at, id"""


# --- articles -----------------------------------------------------------------------------------


def _is_newer(shown: Publication, told: str) -> bool:
    day, _, build = told.partition(" ")
    return (shown.build, shown.day.isoformat()) > (build, day)


def _differences(
    shown: Publication, known: Mapping[str, list[str]], now: datetime
) -> list[ArticleChange]:
    found = []
    for slug, article in shown.articles.items():
        if slug not in known or known[slug][0] != article.digest:
            event = "article.changed" if slug in known else "article.published"
            found.append(ArticleChange(event, now, shown.build, slug, article.title, article.lang))
    for slug in known.keys() - shown.articles.keys():
        _, lang, title = known[slug]
        found.append(ArticleChange("article.removed", now, shown.build, slug, title, lang))
    return sorted(found, key=lambda change: (change.event, change.slug))


def _announced(c: Connection, kind: str) -> dict[str, list[str]]:
    rows = select(c, "select name, state from announced where kind = :kind", kind=kind)
    return {row["name"]: json.loads(row["state"]) for row in rows}


def _announce(c: Connection, kind: str, states: Mapping[str, str]) -> None:
    rows = ({"kind": kind, "name": name, "state": state} for name, state in states.items())
    upsert(c, ANNOUNCED, *rows)


def _take_back(c: Connection, kind: str, names: Sequence[str]) -> None:
    for at in range(0, len(names), 500):
        some = list(names[at : at + 500])
        execute(c, "delete from announced where kind = :kind and name in :some", kind=kind,
                some=some)  # fmt: skip


def _queue(c: Connection, new: Sequence[NewDelivery], now: datetime) -> int:
    queue(c, new, stamp(now))
    return len(new)
