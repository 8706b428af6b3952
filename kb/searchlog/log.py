"""The log of searches as one thing: recorded, asked, groomed, kept short. Speaks to `desk`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from kb import runs
from kb.errors import LogUnavailable
from kb.redaction import redact
from kb.searchlog.board import Boards
from kb.searchlog.desk import Desk
from kb.searchlog.groups import Groups
from kb.searchlog.news import Newsroom
from kb.searchlog.numbers import Numbers
from kb.searchlog.rows import folded, row_of
from kb.searchlog.sharing import Sharing
from kb.searchlog.statements import PAGE, count_rows, insert, pages, select_one, upsert
from kb.searchlog.tables import FEEDBACK, META, REPORTS, SENT, TICKETS
from kb.searchlog.values import Amendment, Search, dump, stamp, to_ms


class SearchLog(Sharing, Boards, Groups, Newsroom, Numbers):
    """The log at a database address. Every method may be called from any thread, also after a fork.

    Raises LogUnavailable when the database cannot be reached; what was returned from before is
    on the disk.
    """

    def __init__(self, url: str) -> None:
        """Opens the log and brings its tables up to date."""
        super().__init__(url)
        self.forged = 0  # reports that named another visit's run

    def record(self, *searches: Search) -> None:
        """Keep these searches: new ones, or more about known ones. Recording twice changes nothing.

        A search joins the visit's search that it goes on with, whichever arrives first. A report
        may only amend a run of its own visit.
        """
        rows = [row_of(search) for search in searches]  # while others have their turn
        with self._writing() as connection:
            desk = Desk(connection)
            forged = sum(map(desk.record, searches, rows))
            desk.finish()
        self.forged += forged

    def amend(self, more: Amendment) -> bool:
        """Keep what came of a search later; False if no such search is known (yet).

        As with `record`, only its own visit may add to a search.
        """
        with self._writing() as connection:
            desk = Desk(connection)
            forged = desk.amend(more)
            desk.finish()
        self.forged += forged or 0
        return forged is not None

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
            "at": stamp(at or datetime.now(UTC)),
            "slug": slug[: runs.MAX_TEXT],
            "helpful": helpful,
            "reason": redact(reason[: runs.MAX_TEXT]),
            "text": redact(text[:2000]),
            "run": run[:80],
        }
        with self._writing() as connection:
            upsert(connection, FEEDBACK, row)
            desk = Desk(connection)
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
        replied: datetime | None = None,
        at: datetime | None = None,
        id: str = "",
    ) -> str:
        """Keep a letter as it was written, flag the visit's searches of 30 min; returns its id.

        `visit` may also be one of its runs. The letter and the visit are kept apart.
        The same `id` again changes nothing.
        """
        id = id or uuid4().hex
        ms = stamp(at or datetime.now(UTC))
        row = {"id": id, "at": ms, "lang": lang, "type": type, "text": text, "reply_to": reply_to}
        row |= {"offered": dump(list(offered)), "replied": stamp(replied) if replied else 0}
        with self._writing() as connection:
            if select_one(connection, "select 1 from tickets where id = :id", id=id):
                return id
            insert(connection, TICKETS, row)
            if visit:
                desk = Desk(connection)
                visit = desk.visit_of(visit, visit)
                upsert(connection, SENT, {"visit": visit, "at": ms})
                desk.settle(visit, ms - to_ms(runs.TICKETED), ms)
                desk.finish()
        return id

    def purge(self, before: datetime) -> int:
        """Delete single searches, votes and letters older than `before`; groups and counts stay."""
        cut, purged = stamp(before), 0
        while True:
            with self._writing() as connection:
                desk = Desk(connection)
                some = desk.purge(cut, PAGE)
                desk.finish()
            purged += some
            if some < PAGE:
                break
        with self._writing() as connection:
            for table in (FEEDBACK, TICKETS, SENT, REPORTS):
                connection.execute(table.delete().where(table.c.at < cut))
        return purged

    def forget(self, text: str) -> int:
        """Remove every trace of `text`, however it is cased; returns how many places held it."""
        sought = folded(text)
        if not sought:
            return 0
        with self._writing() as connection:
            desk = Desk(connection)
            places = desk.forget(sought, text)
            desk.finish()
        self._vacuum()
        return places


def migrate(from_url: str, to_url: str, *, page: int = PAGE) -> dict[str, int]:
    """Copy a whole log into an empty one, all or nothing; rows by table."""
    source, target = SearchLog(from_url), SearchLog(to_url)
    copied: dict[str, int] = {}
    try:
        with source._reading() as old, target._writing() as new:
            for table in META.sorted_tables:
                if count_rows(new, table):
                    raise LogUnavailable(
                        f"{target!r} already holds {table.name}; give the address of an empty log"
                    )
            for table in META.sorted_tables:
                rows: list[dict[str, Any]] = []
                for row in pages(old, table, page):
                    rows.append(row)
                    if len(rows) == page:
                        insert(new, table, *rows)
                        rows = []
                insert(new, table, *rows)
                copied[table.name] = count_rows(new, table)
                if copied[table.name] != count_rows(old, table):
                    raise LogUnavailable(
                        f"{source!r} changed meanwhile; stop `kb serve` and run it again"
                    )
    finally:
        source.close()
        target.close()
    return copied
