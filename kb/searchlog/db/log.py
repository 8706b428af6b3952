"""SearchLog: records searches, votes and letters, and deletes what must not be kept."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from kb.base.errors import LogUnavailable
from kb.language.redaction import redact
from kb.searchlog import reports
from kb.searchlog.askers import Askers
from kb.searchlog.db.assignments import AssignmentQueries
from kb.searchlog.db.board import BoardQueries, last_group
from kb.searchlog.db.contact_forms import ContactForms
from kb.searchlog.db.database import Database
from kb.searchlog.db.feed import Feed
from kb.searchlog.db.group_actions import GroupActions
from kb.searchlog.db.letter_models import NewLetter
from kb.searchlog.db.letters import Letters
from kb.searchlog.db.likeness import LikenessQueries
from kb.searchlog.db.machines import Machines, SharedObjects
from kb.searchlog.db.models import Amendment, Forgettable, Health, Search, stamp
from kb.searchlog.db.outbox import Outbox
from kb.searchlog.db.proofs import ProofQueries
from kb.searchlog.db.queries import ClosingQueries, GroupQueries, Inbox
from kb.searchlog.db.records import exported, folded, row_of
from kb.searchlog.db.remarks import Remarks
from kb.searchlog.db.sharing import AskerQueries
from kb.searchlog.db.sql import (
    PAGE,
    remove_letters,
    select,
    select_one,
    select_tuples,
    upsert,
)
from kb.searchlog.db.statistics import Statistics
from kb.searchlog.db.subscriptions import Subscriptions
from kb.searchlog.db.tables import (
    ASKERS,
    DEPARTURES,
    FEEDBACK,
    FORMS,
    PROOFS,
    REPORTS,
    SENT,
    SKETCHES,
)
from kb.searchlog.db.tokens import Tokens
from kb.searchlog.db.transaction import LogTransaction
from kb.searchlog.db.usage import Usage
from kb.searchlog.db.weekly import WeeklyQueries


class SearchLog:
    """The log at a database address. Every method may be called from any thread, also after a fork.

    Raises LogUnavailable when the database cannot be reached; what was returned from before is
    on the disk.
    """

    def __init__(
        self,
        url: str,
        askers: Askers | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Opens the log and brings its tables up to date; without `askers` none are counted.

        `now` gives the moment of what leads do. Raises LogUnavailable.
        """
        self.database = Database(url)
        self.board = BoardQueries(self.database)
        self.groups = GroupQueries(self.database)
        self.actions = GroupActions(self.database, now)
        self.inbox = Inbox(self.database)
        self.closing = ClosingQueries(self.database)
        self.likeness = LikenessQueries(self.database)
        self.statistics = Statistics(self.database)
        self.usage = Usage(self.database)
        self.weekly = WeeklyQueries(self.database)
        self.assignments = AssignmentQueries(self.database)
        self.shared = AskerQueries(self.database)
        self.proofs = ProofQueries(self.database)
        self.letters = Letters(self.database, askers)
        self.outbox = Outbox(self.database)
        self.forms = ContactForms(self.database)
        self.subscriptions = Subscriptions(self.database)
        self.remarks = Remarks(self.database)
        self.feed = Feed(self.database)
        self.tokens = Tokens(self.database)
        self.machines = Machines(self.database)
        self.objects = SharedObjects(self.database)
        self._askers = askers
        self.forged = 0  # reports that named another visit's run
        self.missed = 0  # searches that came to count as misses

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.database.url.render_as_string()!r})"

    def close(self) -> None:
        """Closes all connections."""
        self.database.close()

    def record(self, *searches: Search) -> None:
        """Stores searches, or what is new about stored ones. Recording one twice changes nothing.

        A search joins the visit's search that it goes on with, whichever arrives first. A report
        may only amend a run of its own visit.
        """
        rows = [row_of(search) for search in searches]  # while others have their turn
        with self.database.writing() as connection:
            transaction = LogTransaction(connection, self._askers)
            forged = sum(map(transaction.record, searches, rows))
            transaction.finish()
        self.forged += forged
        self.missed += transaction.missed

    def amend(self, more: Amendment) -> bool:
        """Adds events to a stored search. Returns False if no such search is stored.

        As with `record`, only its own visit may add to a search.
        """
        with self.database.writing() as connection:
            transaction = LogTransaction(connection, self._askers)
            forged = transaction.amend(more)
            transaction.finish()
        self.forged += forged or 0
        self.missed += transaction.missed
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
        asker: str = "",
    ) -> None:
        """Stores a vote on an article; the latest vote of a run on an article counts."""
        row = {
            "id": id or (f"{run}:{slug}" if run else uuid4().hex),
            "at": stamp(at or datetime.now(UTC)),
            "slug": slug[: reports.MAX_TEXT],
            "helpful": helpful,
            "reason": redact(reason[: reports.MAX_TEXT]),
            "text": redact(text[:2000]),
            "run": run[:80],
            "done_by": "",
        }
        with self.database.writing() as connection:
            upsert(connection, FEEDBACK, row)
            transaction = LogTransaction(connection, self._askers, asker)
            transaction.settle_reports(run)
            transaction.finish()
        self.missed += transaction.missed

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
        asker: str = "",
    ) -> str:
        """Stores a letter of which this is known, by its key `id`; see `Letters.store`.

        `visit` may also be one of its runs. `replied` is when it was replied to elsewhere.
        Returns the key.
        """
        new = NewLetter(
            key=id or uuid4().hex, text=text, email=reply_to, type=type, lang=lang, visit=visit,
            offered=tuple(offered),
        )  # fmt: skip
        letter = self.letters.store(new, at or datetime.now(UTC), asker=asker)
        if replied and letter.replied is None:
            self.letters.answer(letter.id, "", "", replied, by_hand=True)
        return letter.key

    def purge(self, before: datetime) -> int:
        """Deletes searches, votes and letters older than `before`; groups and counts stay.

        Counts of askers go with the searches.
        """
        cut, purged = stamp(before), 0
        self.letters.tie()
        while True:
            with self.database.writing() as connection:
                transaction = LogTransaction(connection)
                some = transaction.purge(cut, PAGE)
                transaction.finish()
            purged += some
            if some < PAGE:
                break
        with self.database.writing() as connection:
            old = select(connection, "select id from letters where at < :cut", cut=cut)
            remove_letters(connection, [row["id"] for row in old])
            for table in (FEEDBACK, DEPARTURES, SENT, REPORTS, SKETCHES, FORMS):
                connection.execute(table.delete().where(table.c.at < cut))
            day = before.astimezone(UTC).date().isoformat()
            for counts in (ASKERS, PROOFS):
                connection.execute(counts.delete().where(counts.c.day < day))
        return purged

    def forget(self, text: str) -> int:
        """Removes every row that holds `text`, in any case. Returns how many."""
        sought = folded(text)
        if not sought:
            return 0
        with self.database.writing() as connection:
            transaction = LogTransaction(connection)
            places = transaction.forget(sought, text)
            transaction.finish()
        self.database.vacuum()
        return places

    def forgettable(
        self,
        since: datetime,
        *,
        until: datetime | None = None,
        fewer_than: int | None = None,
        text: str = "",
    ) -> Forgettable:
        """Which groups founded in a stretch of time has no lead worked on?

        With `fewer_than` only what fewer visits asked, with `text` only questions that hold it,
        however it is cased. What is merged, or has something merged into it, is left out.
        """
        low, high = stamp(since), stamp(until) if until else 2**62
        found: list[tuple[int, str, int]] = []
        with self.database.reading() as connection:
            last = last_group(connection)
        for after in range(0, last, PAGE):
            with self.database.reading() as connection:
                found += select_tuples(
                    connection, _UNTOUCHED, after=after, until=after + PAGE, low=low, high=high,
                    visits=2**62 if fewer_than is None else fewer_than,
                )  # fmt: skip
        sought = folded(text)
        found = [row for row in found if sought in folded(row[1])]
        return Forgettable(
            tuple(id for id, _, _ in found),
            sum(searches for _, _, searches in found),
            tuple(question for _, question, _ in found[:-6:-1]),
        )

    def forget_groups(
        self, groups: Sequence[int], progress: Callable[[int, int], None] | None = None
    ) -> int:
        """Removes groups with their searches, some at a time. Returns how many searches."""
        searches = 0
        for at in range(0, len(groups), _STEP):
            with self.database.writing() as connection:
                transaction = LogTransaction(connection)
                searches += transaction.forget_groups(list(groups[at : at + _STEP]))
                transaction.finish()
            if progress:
                progress(min(at + _STEP, len(groups)), len(groups))
        self.database.vacuum()
        return searches

    def health(self) -> Health:
        """The state of the log: whether it can be written, and how much it holds. Never raises."""
        try:
            with self.database.reading() as connection:
                name = "SQLite" if connection.dialect.name == "sqlite" else "PostgreSQL"
                version = ".".join(map(str, connection.dialect.server_version_info or ()))
                count = select_one(connection, "select count(*) as n from runs")
                return Health(True, f"{name} {version}", count["n"] if count else 0)
        except LogUnavailable as error:
            return Health(False, self.database.url.get_backend_name(), message=error.message)

    def export(self, *, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """Yields every stored search by id; reads in pages, so that no writer waits."""
        after = ""
        while True:
            query = "select * from runs where id > :after order by id limit :page"
            with self.database.reading() as connection:
                rows = select(connection, query, after=after, page=page)
                ids = [row["id"] for row in rows]
                events = select(
                    connection,
                    "select * from events where run in :ids order by run, ms, kind, slug",
                    ids=ids or [""],
                )
            by_run: dict[str, list[dict[str, Any]]] = {}
            for event in events:
                came = {k: event[k] for k in ("kind", "slug", "rank", "ms")}
                by_run.setdefault(event["run"], []).append(came)
            for row in rows:
                yield exported(row, by_run.get(row["id"], []))
            if len(rows) < page:
                return
            after = ids[-1]


_STEP = 50  # groups removed in one transaction: searches wait meanwhile
_UNTOUCHED = """
    select g.id, g.question, g.searches from groups g
    where g.id > :after and g.id <= :until and g.merged_into = 0 and g.visits > 0
      and g.first >= :low and g.first < :high and g.visits < :visits and g.note = ''
      and not exists (select 1 from history h where h.group_id = g.id and h.who <> '')
      and not exists (select 1 from groups m where m.merged_into = g.id)
    order by g.id"""
