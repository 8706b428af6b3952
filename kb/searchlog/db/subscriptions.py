"""Who wants to be told when a question has an answer. Keeps addresses apart from all searches.

A subscription holds an address, a question and nothing of the visit it was made in. It is deleted
with the letter that tells the answer, on request, or after 180 days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from kb.language.redaction import redact
from kb.searchlog.db.database import Database
from kb.searchlog.db.letter_models import NewDelivery
from kb.searchlog.db.letter_rows import folded_address
from kb.searchlog.db.models import stamp
from kb.searchlog.db.outbox import queue
from kb.searchlog.db.records import folded
from kb.searchlog.db.sql import execute, insert, next_id, select
from kb.searchlog.db.tables import SUBSCRIPTIONS

LASTS: Final = timedelta(days=180)  # of a confirmed one
UNCONFIRMED: Final = timedelta(days=2)
_MOST_ASKED: Final = 3  # mails to confirm that an address gets in a day: it may be a victim


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody who waits for the answer to a question."""

    id: int
    address: str
    lang: str
    query: str  # redacted, as searches are
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class AnsweredSubscription:
    """A confirmed subscription whose question was proved answered, and by which article."""

    subscription: Subscription
    slug: str


class Subscriptions:
    """Stores, confirms and ends subscriptions. Every method may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, token: str, address: str, query: str, lang: str, at: datetime, mail: NewDelivery
    ) -> bool:
        """Stores a subscription to be confirmed, with the mail that asks for it.

        False, and nothing is stored, if the address has been asked three times in the last day or
        waits for this question already.
        """
        asked = redact(query)
        now = stamp(at)
        row = {
            "token": _digest(token), "address": address, "known_as": folded_address(address),
            "lang": lang, "query": asked, "phrase": folded(asked), "at": now, "confirmed": 0,
        }  # fmt: skip
        with self._database.writing() as c:
            known = select(
                c,
                "select phrase, confirmed, at from subscriptions where known_as = :address",
                address=row["known_as"],
            )
            asked_today = [each for each in known if each["at"] > now - _DAY]
            waits = any(each["confirmed"] and each["phrase"] == row["phrase"] for each in known)
            if waits or len(asked_today) >= _MOST_ASKED:
                return False
            insert(c, SUBSCRIPTIONS, row | {"id": next_id(c, "subscriptions")})
            queue(c, [mail], now)
        return True

    def find(self, token: str) -> Subscription | None:
        """The subscription whose mail held this token, if it is still there."""
        query = "select * from subscriptions where token = :token"
        row = self._database.select_one(query, token=_digest(token))
        return _subscription(row) if row else None

    def confirm(self, token: str, at: datetime) -> bool:
        """Whether there is such a subscription; it is confirmed from now on."""
        with self._database.writing() as c:
            return bool(
                execute(
                    c,
                    """update subscriptions set confirmed = case when confirmed = 0 then :now
                       else confirmed end where token = :token""",
                    now=stamp(at),
                    token=_digest(token),
                )
            )

    def remove(self, token: str) -> bool:
        """Whether there was such a subscription; nothing of it is left."""
        query = "delete from subscriptions where token = :token"
        with self._database.writing() as c:
            return bool(execute(c, query, token=_digest(token)))

    def answered(self, *, limit: int = 100) -> list[AnsweredSubscription]:
        """Which confirmed ones ask what is proved answered now, the oldest first?"""
        rows = self._database.select(_ANSWERED, limit=limit)
        first = {row["id"]: row for row in reversed(rows)}  # a wording may be of several groups
        return [
            AnsweredSubscription(_subscription(first[id]), first[id]["slug"])
            for id in sorted(first)
        ]

    def tell(self, subscription: Subscription, mail: NewDelivery, at: datetime) -> None:
        """Queues the mail that tells the answer, and deletes the subscription: both or neither."""
        with self._database.writing() as c:
            ended = execute(c, "delete from subscriptions where id = :id", id=subscription.id)
            if ended:
                queue(c, [mail], stamp(at))

    def purge(self, now: datetime) -> int:
        """Deletes those never confirmed and those that waited too long. Returns how many."""
        with self._database.writing() as c:
            return execute(
                c,
                """delete from subscriptions where (confirmed = 0 and at < :unconfirmed)
                   or (confirmed > 0 and confirmed < :old)""",
                unconfirmed=stamp(now - UNCONFIRMED),
                old=stamp(now - LASTS),
            )

    def waiting(self, phrases: Sequence[str]) -> int:
        """How many people wait for one of these wordings?"""
        query = """select count(distinct known_as) as n from subscriptions
                   where confirmed > 0 and phrase in :phrases"""
        row = self._database.select_one(query, phrases=[folded(each) for each in phrases] or [""])
        return int(row["n"]) if row else 0


_DAY: Final = 86_400_000  # milliseconds
_ANSWERED: Final = """
    select s.*, g.answer_slug as slug from subscriptions s
    join phrasings p on p.phrase = s.phrase
    join groups f on f.id = p.group_id
    join groups g on g.id = case when f.merged_into = 0 then f.id else f.merged_into end
    where s.confirmed > 0 and g.status = 'answered' and g.answer_slug <> ''
    order by s.id, g.id limit :limit"""


def _digest(token: str) -> str:
    """What is stored of a token: who reads the database cannot confirm or end anything."""
    return blake2b(token.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _subscription(row: dict[str, Any]) -> Subscription:
    return Subscription(
        row["id"], row["address"], row["lang"], row["query"], bool(row["confirmed"])
    )
