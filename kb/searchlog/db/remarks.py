"""What readers write to the team: remarks and thanks below articles, and why they leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from kb.language.redaction import redact
from kb.searchlog.db.database import Database
from kb.searchlog.db.models import stamp, when
from kb.searchlog.db.sql import execute, insert, select
from kb.searchlog.db.tables import DEPARTURES

WHY_LEAVE: Final = ("price", "missing", "hard", "broken", "support", "done", "other")
LONGEST: Final = 2000  # characters of a remark
_LISTED: Final = 500  # remarks that a page shows


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reader wrote below an article."""

    id: str
    slug: str
    at: datetime
    is_thanks: bool  # below “helpful”
    reason: str
    text: str
    done_by: str = ""  # who ticked it off; "": nobody


@dataclass(frozen=True, slots=True)
class ArticleRemarks:
    """The remarks on one article, the newest first."""

    slug: str
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody who said why they leave."""

    at: datetime
    lang: str
    reason: str
    text: str


class Remarks:
    """Reads and ticks off what readers wrote. Every method may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_article(self, since: datetime, *, done: bool = False) -> list[ArticleRemarks]:
        """What was wished of each article, those with most wishes first?

        With `done` what was ticked off, else what was not.
        """
        query = f"""select * from feedback where text <> '' and not helpful and at >= :since
                    and done_by {"<>" if done else "="} '' order by at desc, id limit :limit"""  # noqa: S608
        of: dict[str, list[Remark]] = {}
        for row in self._database.select(query, since=stamp(since), limit=_LISTED):
            of.setdefault(row["slug"], []).append(_remark(row))
        found = [ArticleRemarks(slug, tuple(remarks)) for slug, remarks in of.items()]
        return sorted(found, key=lambda each: -len(each.remarks))

    def thanks(self, since: datetime) -> list[Remark]:
        """What was written in thanks, the newest first?"""
        query = """select * from feedback where text <> '' and helpful and at >= :since
                   order by at desc, id limit :limit"""
        return [
            _remark(row) for row in self._database.select(query, since=stamp(since), limit=_LISTED)
        ]

    def tick(self, ids: Sequence[str], who: str) -> int:
        """Ticks remarks off, or with an empty `who` makes them open again. Returns how many."""
        query = "update feedback set done_by = :who where id in :ids and done_by <> :who"
        with self._database.writing() as c:
            return execute(c, query, who=who, ids=list(ids) or [""])

    def leave(self, reason: str, text: str, lang: str, at: datetime) -> None:
        """Stores why somebody leaves, redacted."""
        row = {
            "id": uuid4().hex, "at": stamp(at), "lang": lang, "reason": reason,
            "text": redact(text[:LONGEST]),
        }  # fmt: skip
        with self._database.writing() as c:
            insert(c, DEPARTURES, row)

    def departures(self, since: datetime, until: datetime) -> list[Departure]:
        """Who said why they leave, the newest first?"""
        query = """select * from departures where at >= :since and at < :until
                   order by at desc, id limit :limit"""
        with self._database.reading() as c:
            rows = select(c, query, since=stamp(since), until=stamp(until), limit=10 * _LISTED)
        return [Departure(when(r["at"]), r["lang"], r["reason"], r["text"]) for r in rows]


def _remark(row: dict[str, Any]) -> Remark:
    return Remark(
        row["id"], row["slug"], when(row["at"]), bool(row["helpful"]), row["reason"],
        row["text"], row["done_by"],
    )  # fmt: skip
