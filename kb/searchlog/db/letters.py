"""Letters to support: stores them with what is to be delivered, lists them, and what leads do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy.engine import Connection

from kb.searchlog import sessions
from kb.searchlog.askers import Askers
from kb.searchlog.db.choices import ANSWERED, CLOSED, NEW
from kb.searchlog.db.contact_forms import mark_sent
from kb.searchlog.db.database import Database
from kb.searchlog.db.letter_models import (
    Attachment,
    Letter,
    LetterDetails,
    LetterFilter,
    LetterPage,
    NewDelivery,
    NewLetter,
    Reply,
    TrailStep,
    new_number,
)
from kb.searchlog.db.letter_rows import (
    attachment_of,
    delivery_of,
    event_of,
    folded_address,
    letter_of,
    reply_of,
    row_of,
    trail_of,
)
from kb.searchlog.db.models import dump, stamp, to_ms
from kb.searchlog.db.outbox import queue
from kb.searchlog.db.records import folded
from kb.searchlog.db.sql import execute, insert, next_id, select, select_one, update, upsert
from kb.searchlog.db.tables import (
    ATTACHMENT_CONTENTS,
    ATTACHMENTS,
    LETTER_EVENTS,
    LETTERS,
    REPLIES,
    SENT,
)
from kb.searchlog.db.transaction import LogTransaction

_MOST_STEPS: Final = 20  # searches of a trail
_MOST_EARLIER: Final = 20


class Letters:
    """Stores, reads and changes letters. Every method may be called from any thread."""

    def __init__(self, database: Database, askers: Askers | None = None) -> None:
        self._database = database
        self._askers = askers

    # ------------------------------------------------------------ what customers do

    def store(
        self,
        new: NewLetter,
        at: datetime,
        *,
        deliveries: Sequence[NewDelivery] = (),
        contents: Mapping[str, bytes] = MappingProxyType({}),
        asker: str = "",
    ) -> Letter:
        """Stores a letter with its attachments and deliveries, all or nothing, and returns it.

        When this returns, it is on the disk. The searches of its visit of 30 min before are flagged
        `ticketed`. `contents` are its files by id, where other machines need them. Its owner is
        whoever had the last letter of this address, else `new.owner`. The same key again changes
        nothing.
        """
        ms = stamp(at)
        with self._database.writing() as c:
            known = select_one(c, "select * from letters where key = :key", key=new.key)
            if known is not None:
                return letter_of(known)
            id = next_id(c, "letters")
            owner = _owner_of(c, new.email) or new.owner
            row = row_of(new, id, _free_number(c, new.number), ms, owner)
            words = " ".join((row["number"], new.subject, new.text, new.email))
            insert(c, LETTERS, row | {"folded": folded(words)})
            insert(c, ATTACHMENTS, *(_file_row(file, id) for file in new.attachments))
            files = [{"id": file, "content": content} for file, content in contents.items()]
            insert(c, ATTACHMENT_CONTENTS, *files)
            queue(c, (replace(each, letter=id) for each in deliveries), ms)
            mark_sent(c, new.form, ms)
            self._flag_searches(c, new.visit, ms, asker)
        return letter_of(row)

    def _flag_searches(self, connection: Connection, visit: str, ms: int, asker: str) -> None:
        """Flags the searches of a visit, or of the visit that a run is of."""
        if not visit:
            return
        transaction = LogTransaction(connection, self._askers, asker)
        visit = transaction.visit_of(visit, visit)
        upsert(connection, SENT, {"visit": visit, "at": ms})
        transaction.settle(visit, ms - to_ms(sessions.TICKETED), ms)
        transaction.finish()

    def of_form(self, form: str) -> int:
        """How many letters were sent from one rendering of the form?"""
        query = "select count(*) as n from letters where form = :form"
        row = self._database.select_one(query, form=form)
        return int(row["n"]) if row and form else 0

    def trail(self, visit: str, since: datetime, runs: Sequence[str] = ()) -> list[TrailStep]:
        """What did a visit search for and open since a moment, the oldest first?

        With `runs` only these searches of the visit.
        """
        if not visit:
            return []
        query = f"""select id, query, total, shown, ended from runs
                    where visit = :visit and ended >= :since and query <> ''
                      {"and id in :runs" if runs else ""}
                    order by ended desc, id limit :limit"""  # noqa: S608
        values: dict[str, Any] = {"runs": list(runs)} if runs else {}
        with self._database.reading() as c:
            rows = select(c, query, visit=visit, since=stamp(since), limit=_MOST_STEPS, **values)
            clicks = select(
                c,
                "select run, slug from events where run in :runs and kind = 'click' order by ms",
                runs=[row["id"] for row in rows],
            )
        opened: dict[str, dict[str, None]] = {}
        for click in clicks:
            opened.setdefault(click["run"], {})[click["slug"]] = None
        return [trail_of(row, tuple(opened.get(row["id"], ()))) for row in reversed(rows)]

    # ------------------------------------------------------------ what leads see

    def find(
        self, wanted: LetterFilter, *, page: int = 1, limit: int = 30, first: Sequence[str] = ()
    ) -> LetterPage:
        """A page of letters, the newest first, with how many there are by each filter.

        Letters that wait for a reply to customers of the plans `first` stand before all others.
        """
        condition, values = _condition(wanted)
        before = (
            "case when l.state = 'new' and l.plan in :first then 0 else 1 end," if first else ""
        )
        of_first: dict[str, Any] = {"first": list(first)} if first else {}
        with self._database.reading() as c:
            row = select_one(c, f"select count(*) as n from letters l where {condition}", **values)  # noqa: S608
            total = int(row["n"]) if row else 0
            pages = max(1, -(-total // limit))
            page = min(max(page, 1), pages)
            rows = select(
                c,
                f"""{_SELECT} where {condition} order by {before} l.at desc, l.id desc
                    limit :limit offset :skip""",
                **of_first,
                limit=limit,
                skip=(page - 1) * limit,
                **values,
            )
            facets = {name: _facet(c, wanted, name) for name in _FACETS}
        return LetterPage(tuple(map(letter_of, rows)), total, page, pages, facets)

    def get(self, id: int) -> Letter | None:
        """The letter with this id."""
        row = self._database.select_one(f"{_SELECT} where l.id = :id", id=id)
        return letter_of(row) if row else None

    def by_key(self, key: str) -> Letter | None:
        """The letter with this idempotency key."""
        row = self._database.select_one(f"{_SELECT} where l.key = :key", key=key)
        return letter_of(row) if row else None

    def details(self, id: int) -> LetterDetails | None:
        """All that is stored of a letter, or None if there is none."""
        with self._database.reading() as c:
            row = select_one(c, f"{_SELECT} where l.id = :id", id=id)
            if row is None:
                return None
            earlier = select(
                c,
                f"""{_SELECT} where l.address = :address and l.id <> :id
                    order by l.at desc, l.id desc limit :limit""",
                address=row["address"],
                id=id,
                limit=_MOST_EARLIER,
            )
            files, replies, history, deliveries = (
                select(c, f"select * from {table} where letter = :id order by id", id=id)  # noqa: S608
                for table in ("attachments", "replies", "letter_events", "outbox")
            )
        return LetterDetails(
            letter_of(row),
            tuple(map(attachment_of, files)),
            tuple(map(reply_of, replies)),
            tuple(map(event_of, history)),
            tuple(map(delivery_of, deliveries)),
            tuple(map(letter_of, earlier)),
        )

    def attachment(self, letter: int, id: str) -> Attachment | None:
        """A file of a letter, or None."""
        query = "select * from attachments where letter = :letter and id = :id"
        row = self._database.select_one(query, letter=letter, id=id)
        return attachment_of(row) if row else None

    def content(self, file: Attachment) -> bytes | None:
        """The content of a file that machines share, or None."""
        query = "select content from attachment_contents where id = :id"
        row = self._database.select_one(query, id=file.id)
        return bytes(row["content"]) if row else None

    def drop_contents(self) -> None:
        """Removes contents of files that no letter has any more."""
        with self._database.writing() as c:
            execute(
                c,
                "delete from attachment_contents where id not in (select id from attachments)",
            )

    def attachment_ids(self) -> set[str]:
        """The ids of all files that some letter has."""
        rows = self._database.select("select id from attachments")
        return {row["id"] for row in rows}

    def reply(self, id: int) -> Reply | None:
        """A stored reply."""
        row = self._database.select_one("select * from replies where id = :id", id=id)
        return reply_of(row) if row else None

    def to_follow_up(self, since: datetime, until: datetime, *, limit: int = 100) -> list[Letter]:
        """Which letters were first answered in a stretch of time, the oldest first?

        Without those that were closed or reopened since, whose writer wrote again, or was asked.
        """
        rows = self._database.select(
            """select l.* from letters l
               where l.state = 'answered' and l.replied >= :since and l.replied < :until
                 and not exists (select 1 from letters o
                                 where o.address = l.address and o.at > l.replied)
                 and not exists (select 1 from outbox d where d.key = l.key || '-follow-up')
               order by l.replied, l.id limit :limit""",
            since=stamp(since),
            until=stamp(until),
            limit=limit,
        )
        return list(map(letter_of, rows))

    # ------------------------------------------------------------ what leads do

    def answer(
        self,
        id: int,
        text: str,
        who: str,
        at: datetime,
        *,
        articles: Sequence[str] = (),
        by_hand: bool = False,
        deliveries: Sequence[NewDelivery] = (),
    ) -> int:
        """Stores a reply and queues it; the letter is answered. Returns the id of the reply.

        `by_hand` notes a reply that went another way. The payload of `deliveries` becomes that id.
        Whoever answers a letter that nobody owns owns it. What is queued already under the key of
        a delivery changes nothing. Raises KeyError if there is no letter.
        """
        ms = stamp(at)
        with self._database.writing() as c:
            row = _row(c, id)
            if known := _queued(c, deliveries):
                return known  # the same answer, sent twice
            reply = next_id(c, "replies")
            insert(
                c,
                REPLIES,
                {
                    "id": reply,
                    "letter": id,
                    "at": ms,
                    "who": who,
                    "text": text,
                    "articles": dump(list(articles)),
                    "by_hand": by_hand,
                },
            )
            more = {"replied": row["replied"] or ms, "owner": row["owner"] or who}
            update(c, LETTERS, id, {"state": ANSWERED, **more})
            _note(c, id, ms, who, "marked answered" if by_hand else "answered")
            queue(c, (replace(each, letter=id, payload=str(reply)) for each in deliveries), ms)
        return reply

    def hand_on(self, id: int, owner: str, who: str, at: datetime) -> bool:
        """Hands a letter on to another owner, which is counted. Returns whether that is a change.

        The first owner of a letter that nobody owned is no handing on. Raises KeyError.
        """
        with self._database.writing() as c:
            row = _row(c, id)
            if row["owner"] == owner:
                return False
            handed = row["handed"] + (1 if row["owner"] else 0)
            update(c, LETTERS, id, {"owner": owner, "handed": handed})
            _note(c, id, stamp(at), who, "handed on", owner)
        return True

    def close(self, id: int, who: str, at: datetime) -> bool:
        """Closes a letter that needs no answer, or no more. Returns whether that is a change."""
        return self._set_state(id, CLOSED, "closed", who, at)

    def reopen(self, id: int, who: str, at: datetime) -> bool:
        """Opens a letter again. Returns whether that is a change."""
        return self._set_state(id, NEW, "reopened", who, at)

    def _set_state(self, id: int, state: str, what: str, who: str, at: datetime) -> bool:
        with self._database.writing() as c:
            if _row(c, id)["state"] == state:
                return False
            update(c, LETTERS, id, {"state": state})
            _note(c, id, stamp(at), who, what)
        return True

    def tie(self, since: datetime | None = None) -> None:
        """Notes the group of each letter that names its search, before searches are deleted.

        With `since` only of letters from then on.
        """
        with self._database.writing() as c:
            execute(
                c,
                f"""update letters set in_group = coalesce(({_LIVE_GROUP.format(l="letters")}), 0)
                    where run <> '' and in_group = 0 and at >= :since""",  # noqa: S608
                since=stamp(since) if since else 0,
            )


def _row(connection: Connection, id: int) -> dict[str, Any]:
    row = select_one(connection, "select * from letters where id = :id", id=id)
    if row is None:
        raise KeyError(f"no letter {id}")
    return row


def _queued(connection: Connection, deliveries: Sequence[NewDelivery]) -> int:
    """The reply that these deliveries were queued for already, or 0."""
    for each in deliveries:
        query = "select payload from outbox where key = :key"
        if row := select_one(connection, query, key=each.key):
            return int(row["payload"])
    return 0


def _note(
    connection: Connection, letter: int, ms: int, who: str, what: str, told: str = ""
) -> None:
    row = {"id": next_id(connection, "letter_events"), "letter": letter, "at": ms}
    insert(connection, LETTER_EVENTS, row | {"who": who, "what": what, "detail": told})


def _free_number(connection: Connection, told: str = "") -> str:
    while True:
        number, told = told or new_number(), ""
        query = "select 1 from letters where number = :number"
        if select_one(connection, query, number=number) is None:
            return number


def _owner_of(connection: Connection, email: str) -> str:
    """Who had the last letter of an address, or ""."""
    row = select_one(
        connection,
        """select owner from letters where address = :address and address <> '' and owner <> ''
           order by at desc, id desc limit 1""",
        address=folded_address(email),
    )
    return str(row["owner"]) if row else ""


def _file_row(file: Attachment, letter: int) -> dict[str, Any]:
    row = {"id": file.id, "letter": letter, "name": file.name, "type": file.type}
    return row | {"size": file.size}


def _condition(wanted: LetterFilter, but: str = "") -> tuple[str, dict[str, Any]]:
    """The condition of a filter, one of its fields left out, and its values."""
    parts: list[str] = ["1 = 1"]
    values: dict[str, Any] = {}
    for name in _FACETS:
        value = getattr(wanted, name)
        if name != but and (value if name == "state" else value is not None):
            parts.append(f"l.{name} = :{name}")
            values[name] = value
    if wanted.group:
        parts.append(f"({_MAY_BE_OF_GROUP}) and ({_GROUP}) = :in_group")
        values["in_group"] = wanted.group
    if sought := folded(wanted.text):
        parts.append("l.folded like :sought escape '!'")
        for special in "!%_":
            sought = sought.replace(special, f"!{special}")
        values["sought"] = f"%{sought}%"
    return " and ".join(parts), values


def _facet(connection: Connection, wanted: LetterFilter, name: str) -> dict[str, int]:
    condition, values = _condition(wanted, but=name)
    query = f"""select l.{name} as value, count(*) as n from letters l where {condition}
                group by l.{name} order by count(*) desc, l.{name}"""  # noqa: S608
    return {row["value"]: int(row["n"]) for row in select(connection, query, **values)}


_FACETS: Final = ("state", "type", "plan", "owner")
# The group of the search that led to a letter; the last search of a report that became several.
_LIVE_GROUP: Final = """select r.group_id from reports p join runs r on r.id = p.run
    where p.report = {l}.run and {l}.run <> '' order by r.ended desc, r.id desc limit 1"""
_GROUP: Final = f"""coalesce(({_LIVE_GROUP.format(l="l")}),
    (select case when g.merged_into > 0 then g.merged_into else g.id end
     from groups g where g.id = l.in_group), 0)"""  # noqa: S608
# Found by the index of searches, where `_GROUP` is worked out letter by letter.
_MAY_BE_OF_GROUP: Final = """l.in_group <> 0 or l.run in (
    select p.report from reports p join runs r on r.id = p.run where r.group_id = :in_group)"""
_SELECT: Final = f"select l.*, {_GROUP} as of_group from letters l"  # noqa: S608
