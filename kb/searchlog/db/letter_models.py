"""The values of letters to support: what a customer sends, what is stored, what is delivered."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

CUSTOMER: Final = "customer"  # the channel of mail to whoever wrote; all others reach the team
LETTER, ACKNOWLEDGEMENT, REPLY, MAIL = "letter", "acknowledgement", "reply", "mail"
CONFIRMATION: Final = "confirmation"  # asks an address whether it wants to be told of an answer
FOLLOW_UP: Final = "follow-up"  # asks whoever got a reply whether all works
EVENT: Final = "event"  # something that a hook hears of
"""What a delivery delivers: a letter to the team, its receipt, a reply, a mail as it is, …"""
WAITING, SENT, GAVE_UP = "waiting", "sent", "gave up"
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # of a number: none is taken for another


@dataclass(frozen=True, slots=True)
class TrailStep:
    """One search of the visit that a letter came from."""

    run: str
    query: str
    at: datetime
    total: int  # articles found
    shown: tuple[str, ...] = ()  # slugs, the first three
    opened: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a letter; its content lies in the data folder under its id."""

    id: str
    name: str
    type: str  # MIME, by its ending
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class NewLetter:
    """A letter as a customer sends it.

    `key` makes it idempotent: a letter with a key that is known is not stored again. `visit` flags
    the searches of the half hour before; only `run` and `trail`, which the customer saw and left
    ticked, are kept with the letter. `offered` are articles shown while it was written.
    """

    key: str
    text: str
    email: str
    subject: str = ""
    type: str = ""
    plan: str = ""
    lang: str = ""
    form: str = ""  # id of the form it was written in
    visit: str = ""
    run: str = ""  # the search that led to it
    trail: tuple[TrailStep, ...] = ()
    offered: tuple[str, ...] = ()
    owner: str = ""  # of its type or topic; whoever knows the address comes first
    attachments: tuple[Attachment, ...] = ()
    number: str = ""  # where it was told before the letter could be stored


@dataclass(frozen=True, slots=True)
class Letter:
    """A stored letter, and what became of it."""

    id: int
    key: str
    number: str  # what the customer calls it by
    at: datetime
    lang: str
    subject: str
    text: str
    email: str
    type: str
    plan: str
    state: str  # one of `choices.STATES`
    owner: str
    offered: tuple[str, ...]
    replied: datetime | None  # first reply
    group: int  # of misses that it belongs to; 0: none
    trail: tuple[TrailStep, ...]
    handed: int  # how often it was handed on
    files: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a letter, sent from the board or noted by hand."""

    id: int
    letter: int
    at: datetime
    who: str
    text: str  # "" where it was sent from elsewhere
    articles: tuple[str, ...]  # slugs it links to
    by_hand: bool


@dataclass(frozen=True, slots=True)
class LetterEvent:
    """A change of a letter; an empty `who` is the service itself."""

    at: datetime
    who: str
    what: str  # one of EVENTS
    detail: str


EVENTS: Final = ("handed on", "answered", "marked answered", "closed", "reopened")


@dataclass(frozen=True, slots=True)
class LetterDetails:
    """All that is stored of one letter, the oldest first."""

    letter: Letter
    attachments: tuple[Attachment, ...]
    replies: tuple[Reply, ...]
    history: tuple[LetterEvent, ...]
    deliveries: tuple["Delivery", ...]
    earlier: tuple[Letter, ...]  # others of the same address, the newest first


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """A filter of letters; an empty field matches all."""

    state: str = ""
    type: str | None = None  # "": without a type
    plan: str | None = None
    owner: str | None = None  # "": nobody's
    group: int = 0
    text: str = ""  # stands in number, subject, text or address, however it is cased


@dataclass(frozen=True, slots=True)
class LetterPage:
    """A page of letters, and how many there are behind it."""

    letters: tuple[Letter, ...]
    total: int
    page: int  # from 1
    pages: int
    facets: Mapping[str, Mapping[str, int]]
    """For `state`, `type`, `plan`, `owner`: letters by value, if this one filter were set to it
    and the others stayed."""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """Something to be delivered, at least once; a key that is known is not queued again."""

    key: str  # idempotency key, for whoever receives it
    channel: str
    what: str  # LETTER, ACKNOWLEDGEMENT, REPLY, MAIL, CONFIRMATION, FOLLOW_UP or EVENT
    letter: int = 0
    payload: str = ""  # JSON; of a REPLY its id, of a MAIL all of it, else a mailbox


@dataclass(frozen=True, slots=True)
class Delivery:
    """A queued delivery and what became of it."""

    id: int
    key: str
    channel: str
    what: str
    letter: int
    payload: str
    at: datetime
    state: str  # WAITING, SENT or GAVE_UP
    attempts: int
    due: datetime  # when it is tried next
    sent: datetime | None
    trouble: str  # of the last try, a Message in one line


@dataclass(frozen=True, slots=True)
class OutboxHealth:
    """How the outbox stands."""

    waiting: int = 0
    stuck: int = 0  # tried often in vain, or given up
    oldest: datetime | None = None  # the longest waiting


def new_number() -> str:
    """A number for a letter: eight signs that nobody guesses and nobody confuses."""
    signs = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{signs[:4]}-{signs[4:]}"
