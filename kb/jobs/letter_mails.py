"""The mails about letters: to the team, the receipt, a reply. Writes them, sends none."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from kb.base.config import Settings
from kb.jobs import mail, mail_templates
from kb.jobs.mail import Letter as Mail
from kb.letters.payloads import Parcel, text
from kb.searchlog.db.letter_models import Letter, Reply
from kb.support import promises
from kb.support.promises import Exchange

OFTEN: Final = 10  # letters of an address, after which it gets no more receipts: it may be a victim


def to_team(parcel: Parcel, mailbox: str, settings: Settings, contents: tuple[bytes, ...]) -> Mail:
    """A letter as a mailbox of the team gets it: who replies, replies to the customer."""
    letter = parcel.letter
    files = tuple(
        (file.name, file.type, content)
        for file, content in zip(parcel.files, contents, strict=True)
    )
    return Mail(
        to=(mailbox,),
        subject=f"[{letter.number}] {letter.subject}".rstrip(),
        text=text(parcel),
        reply_to=letter.email,
        message_id=message_id(settings, parcel.key),
        files=files,
    )


def receipt(letter: Letter, key: str, settings: Settings) -> Mail:
    """The receipt of a letter. It quotes nothing: a stranger may have given another's address."""
    paper = mail_templates.paper(settings, letter.lang)
    due = _due(letter, settings)
    values = {"number": letter.number, "site": paper.url("/"), "name": settings.site_name}
    return Mail(
        to=(letter.email,),
        subject=subject(letter, settings),
        text=paper.write("letters/receipt.txt", due=due, **values),
        reply_to=reply_address(settings),
        message_id=message_id(settings, key),
        auto="auto-replied",
    )


def _due(letter: Letter, settings: Settings) -> tuple[datetime, str] | None:
    """By when the letter is to be replied to, as promised to its plan and type, and the zone."""
    known = promises.configured(settings.promises, settings.holidays)
    exchange = Exchange(letter.at, letter.replied, letter.plan, letter.type)
    promise, by = known.of(exchange), known.due(exchange)
    if promise is None or by is None:
        return None
    zone = promise.hours.zone
    return by.astimezone(ZoneInfo(zone)), zone


def reply(letter: Letter, answer: Reply, key: str, settings: Settings) -> Mail:
    """A person's reply to a letter, in the thread of its receipt and under the person's name."""
    first = message_id(settings, f"{letter.key}-receipt")
    return Mail(
        to=(letter.email,),
        subject=f"Re: {subject(letter, settings)}",
        text=answer.text,
        reply_to=reply_address(settings),
        message_id=message_id(settings, key),
        in_reply_to=first,
        sender_name=answer.who,
        auto="",
    )


def subject(letter: Letter, settings: Settings) -> str:
    """The subject of the thread of a letter, the same in all its mails."""
    paper = mail_templates.paper(settings, letter.lang)
    return paper.subject(paper.write("letters/receipt-subject.txt", number=letter.number).strip())


def reply_address(settings: Settings) -> str:
    """Where a customer's reply goes."""
    return settings.support_email or mail.sender(settings)


def message_id(settings: Settings, key: str) -> str:
    """The Message-ID of a delivery: the same however often it is delivered."""
    return f"<{key}@{mail.sender(settings).rpartition('@')[2]}>"
