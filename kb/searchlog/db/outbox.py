"""The outbox: what is to be delivered, who tries it now, and what is stuck. Delivers nothing.

A delivery is queued in the transaction that stores what it is about. Whoever delivers claims it for
a while; one that died claims no longer, and the delivery is made again under the same key.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Connection

from kb.searchlog.db.database import Database
from kb.searchlog.db.letter_models import WAITING, Delivery, NewDelivery, OutboxHealth
from kb.searchlog.db.letter_rows import delivery_of, delivery_row, trouble_kept
from kb.searchlog.db.models import stamp, when
from kb.searchlog.db.sql import execute, insert, next_id, select, select_one
from kb.searchlog.db.tables import OUTBOX

STUCK: Final = 5  # tries in vain after which somebody should look
_SENT_KEPT: Final = timedelta(days=30)


class Outbox:
    """Queues, claims and settles deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, *new: NewDelivery, at: datetime) -> None:
        """Queues deliveries that belong to nothing else that is stored now."""
        with self._database.writing() as connection:
            queue(connection, new, stamp(at))

    def known(self, keys: Sequence[str]) -> set[str]:
        """Which of these keys were queued already?"""
        query = "select key from outbox where key in :keys"
        return {row["key"] for row in self._database.select(query, keys=list(keys) or [""])}

    def claim(
        self, now: datetime, lease: timedelta, *, limit: int = 20, channels: Sequence[str] = ()
    ) -> list[Delivery]:
        """Claims what is due and nobody else is delivering, the longest due first.

        After `lease` it is due again, unless it was settled. `channels` narrows to some.
        """
        ms = stamp(now)
        due = f"""select id from outbox where state = 'waiting' and due <= :now
                  and claimed <= :now {"and channel in :channels" if channels else ""}
                  order by due, id limit :limit"""  # noqa: S608
        more: dict[str, Any] = {"channels": list(channels)} if channels else {}
        if not self._database.select(due, now=ms, limit=1, **more):  # most looks write nothing
            return []
        with self._database.writing() as c:
            ids = [row["id"] for row in select(c, due, now=ms, limit=limit, **more)]
            execute(
                c,
                "update outbox set claimed = :until, attempts = attempts + 1 where id in :ids",
                until=stamp(now + lease),
                ids=ids,
            )
            rows = select(c, "select * from outbox where id in :ids order by due, id", ids=ids)
        return [delivery_of(row) for row in rows]

    def settle(
        self,
        sent: Iterable[int],
        failed: Mapping[int, tuple[str, datetime | None]],
        now: datetime,
    ) -> None:
        """Notes what was sent, and of what was not, why and when to try again; None: never."""
        with self._database.writing() as c:
            ids = list(sent)
            if ids:
                execute(
                    c,
                    """update outbox set state = 'sent', sent = :now, claimed = 0, trouble = '',
                       payload = case when letter = 0 then '' else payload end
                       where id in :ids""",
                    now=stamp(now),
                    ids=ids,
                )
            for id, (trouble, due) in failed.items():
                execute(
                    c,
                    """update outbox set state = :state, due = :due, claimed = 0,
                       trouble = :trouble where id = :id and state <> 'sent'""",
                    state=WAITING if due else "gave up",
                    due=stamp(due or now),
                    trouble=trouble_kept(trouble),
                    id=id,
                )

    def retry(self, now: datetime, ids: Sequence[int] = ()) -> int:
        """Makes what waits or was given up due at once; without ids all of it. Returns how many."""
        with self._database.writing() as c:
            return execute(
                c,
                f"""update outbox set state = 'waiting', due = :now, claimed = 0
                    where state <> 'sent' and attempts > 0 {"and id in :ids" if ids else ""}""",  # noqa: S608
                now=stamp(now),
                **({"ids": list(ids)} if ids else {}),
            )

    def health(self) -> OutboxHealth:
        """How many deliveries wait, how many of them in vain, and since when the first does."""
        row = self._database.select_one(
            f"""select sum(case when state = 'waiting' then 1 else 0 end) as waiting,
                       sum(case when {_STUCK} then 1 else 0 end) as stuck,
                       min(case when state = 'waiting' then at end) as oldest
                from outbox where state <> 'sent'"""  # noqa: S608
        )
        if row is None:
            return OutboxHealth()
        oldest = when(row["oldest"]) if row["oldest"] else None
        return OutboxHealth(int(row["waiting"] or 0), int(row["stuck"] or 0), oldest)

    def stuck(self, *, limit: int = 100) -> list[Delivery]:
        """What was tried in vain for long, the oldest first?"""
        query = f"""select * from outbox where state <> 'sent' and {_STUCK}
                    order by at, id limit :limit"""  # noqa: S608
        return [delivery_of(row) for row in self._database.select(query, limit=limit)]

    def of_letter(self, letter: int) -> list[Delivery]:
        """What was to be delivered of a letter, the oldest first?"""
        query = "select * from outbox where letter = :letter order by id"
        return [delivery_of(row) for row in self._database.select(query, letter=letter)]

    def purge(self, now: datetime) -> None:
        """Deletes what was sent a month ago and belongs to no letter, and events given up then."""
        with self._database.writing() as c:
            execute(
                c,
                """delete from outbox where letter = 0
                   and ((state = 'sent' and sent < :cut)
                        or (state = 'gave up' and what = 'event' and at < :cut))""",
                cut=stamp(now - _SENT_KEPT),
            )


def queue(connection: Connection, new: Iterable[NewDelivery], at: int) -> None:
    """Queues deliveries in a transaction of the caller, but for those whose key is known."""
    for each in new:
        if select_one(connection, "select 1 from outbox where key = :key", key=each.key) is None:
            insert(connection, OUTBOX, delivery_row(each, next_id(connection, "outbox"), at))


_STUCK: Final = f"(state = 'gave up' or (state = 'waiting' and attempts >= {STUCK}))"
