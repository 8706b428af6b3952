"""The letter to owners: which questions are theirs since the last one, once a day."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from kb.base.config import Settings
from kb.base.errors import MailFailed
from kb.jobs import mail_templates
from kb.jobs.mail import Letter
from kb.searchlog.db.assignments import AssignmentQueries, Assignments
from kb.site.accounts import People

_BOX: Final = r"[^\s@<>,;\"]+@[^\s@<>,;\"]+"
_ADDRESS: Final = re.compile(rf"({_BOX})|[^<>]*<({_BOX})>")
TOP: Final = 20  # questions that are told in words, the others as a number


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody with a mailbox, and the names by which questions are theirs."""

    mailbox: str
    lang: str
    names: tuple[str, ...]
    name: str = ""  # of their account, "" where they have none


@dataclass(frozen=True, slots=True)
class Notice:
    """What an owner is told."""

    owner: Owner
    news: Assignments

    def to_json(self) -> dict[str, Any]:
        """The notice in plain values."""
        return {
            "to": self.owner.mailbox,
            "lang": self.owner.lang,
            "total": self.news.total,
            "questions": [
                {"id": each.group.id, "question": each.group.label, "by": each.by}
                for each in self.news.listed
            ],
        }


def owners(
    names: Iterable[str], people: People, settings: Settings
) -> tuple[list[Owner], list[str]]:
    """Who is behind the names at questions, each mailbox once; and names without a mailbox.

    A mailbox is that of the account of this name, else the name itself holds it, as in owners.yml.
    """
    found: dict[str, Owner] = {}
    without = []
    for name in names:
        person = people.find(name) or people.by_email(_address(name))
        mailbox = (person.email if person else "") or _address(name)
        if not mailbox:
            without.append(name)
            continue
        key = mailbox.casefold()
        lang = (person.lang if person else "") or _lang(mailbox, settings)
        known = found.get(key) or Owner(mailbox, lang, (), person.name if person else "")
        found[key] = Owner(known.mailbox, known.lang, (*known.names, name), known.name)
    return list(found.values()), without


def _address(name: str) -> str:
    """The mailbox in `anna@example.com` or `Anna <anna@example.com>`, or ""."""
    found = _ADDRESS.fullmatch(name) if name.isprintable() else None
    return (found[1] or found[2]) if found else ""


def _lang(mailbox: str, settings: Settings) -> str:
    """The language in which leads' letters go to a mailbox, else that of the site."""
    for lang, boxes in settings.letter_readers.items():
        if mailbox.casefold() in map(str.casefold, boxes):
            return lang
    return settings.lang


def letter(notice: Notice, settings: Settings) -> Letter:
    """The notice in the language of its owner, as plain text and as HTML."""
    paper = mail_templates.paper(settings, notice.owner.lang)
    board = paper.url("/leads")
    values = {
        "news": notice.news,
        "owner": notice.owner,
        "top": TOP,
        "lang": paper.lang,
        "board": board,
        "mine": f"{board}?{urlencode({'owner': notice.owner.names[0]})}",
    }
    headline = paper.write("letters/assigned-headline.txt", **values).strip()
    return Letter(
        (notice.owner.mailbox,),
        paper.subject(headline),
        paper.write("letters/assigned.txt", headline=headline, **values),
        paper.write("letters/assigned.html", headline=headline, **values),
    )


def pending(everybody: Iterable[Owner], log: AssignmentQueries, now: datetime) -> Iterator[Notice]:
    """What each owner would be told; who has no news is left out."""
    for owner in everybody:
        news = log.pending(owner.names, now)
        if news.total:
            yield Notice(owner, news)


def tell(
    everybody: Iterable[Owner],
    log: AssignmentQueries,
    now: datetime,
    send: Callable[[Notice], None],
) -> Iterator[tuple[Notice, MailFailed | None]]:
    """Sends each owner what is new, each question once and one letter a day.

    Marks before it sends, so that a second run at the same time tells nothing twice. What the mail
    server did not take is taken back and yielded with its error.
    """
    log.forget_ended(now)
    for owner in everybody:
        news = log.claim(owner.names, now)
        if not news.total:
            continue
        failed = None
        try:
            send(Notice(owner, news))
        except MailFailed as error:
            failed = error
            log.release(owner.names, now)
        except BaseException:
            log.release(owner.names, now)
            raise
        yield Notice(owner, news), failed
