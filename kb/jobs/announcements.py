"""Mails that are due by an answer or by time: finds them and queues them. Sends none.

Who waited for an answer is told once it is proved; whoever got a reply is asked some days later
whether all works, as a friend would ask; a word of thanks goes to the author it is meant for.
"""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Final

from kb.base.config import Settings
from kb.base.errors import KBError
from kb.catalog import Page
from kb.index.segment import article_url
from kb.jobs import subscription_mails
from kb.jobs.mail import Letter as Mail
from kb.jobs.subscription_mails import Told
from kb.letters import answers
from kb.searchlog.db.letter_models import CUSTOMER, FOLLOW_UP, MAIL, NewDelivery
from kb.searchlog.db.subscriptions import AnsweredSubscription
from kb.service import KnowledgeBase
from kb.site import accounts

_LATE: Final = timedelta(days=14)  # after which nobody is asked any more
_THANKED: Final = timedelta(days=7)  # after which thanks are on the board alone


def queue_due(service: KnowledgeBase, settings: Settings) -> int:
    """Queues what is due now, and deletes subscriptions that have waited too long.

    Returns how many mails were queued. Raises LogUnavailable.
    """
    if settings.smtp_url is None:
        return 0
    jobs = (_tell_answers, _ask_whether_all_works, _pass_thanks_on)
    return sum(job(service, settings) for job in jobs)


def _tell_answers(service: KnowledgeBase, settings: Settings) -> int:
    log = service.log.subscriptions
    log.purge(service.now())
    queued = 0
    for each in log.answered() if settings.tells_answers else ():
        if told := _told(service, each.slug):
            log.tell(each.subscription, _mail(each, told, settings), service.now())
            queued += 1
    return queued


def _told(service: KnowledgeBase, slug: str) -> Told | None:
    """The article as a mail tells of it; None while it has no page."""
    page = _page(service, slug)
    if page is None:
        return None
    return Told(
        page.title, article_url(page.slug), page.answer, answers.why(page.html), page.author
    )


def _page(service: KnowledgeBase, slug: str) -> Page | None:
    try:
        page = service.article(slug)
    except KBError:  # no build can be read just now
        return None
    return page if isinstance(page, Page) else None


def _mail(each: AnsweredSubscription, told: Told, settings: Settings) -> NewDelivery:
    who = each.subscription
    made = subscription_mails.answer(who.address, who.lang, who.query, told, settings)
    return _queued(f"told-{who.id}", made)


def _queued(key: str, mail: Mail) -> NewDelivery:
    fields = {name: value for name, value in asdict(mail).items() if name != "files"}
    return NewDelivery(key, CUSTOMER, MAIL, payload=json.dumps(fields, ensure_ascii=False))


def _ask_whether_all_works(service: KnowledgeBase, settings: Settings) -> int:
    if not settings.follow_up_days:
        return 0
    until = service.now() - timedelta(days=settings.follow_up_days)
    letters = service.log.letters.to_follow_up(until - _LATE, until)
    for letter in letters:
        asked = NewDelivery(f"{letter.key}-follow-up", CUSTOMER, FOLLOW_UP, letter=letter.id)
        service.log.outbox.put(asked, at=service.now())
    return len(letters)


def _pass_thanks_on(service: KnowledgeBase, settings: Settings) -> int:
    """Queues the words of thanks of the last days whose author has a mailbox on the board."""
    found = {
        f"thanks-{each.id}": each for each in service.log.remarks.thanks(service.now() - _THANKED)
    }
    people = accounts.of(settings, service.shared_json).read()
    new = []
    known = service.log.outbox.known(list(found))
    for key, each in found.items():
        if key in known:
            continue
        page = _page(service, each.slug)
        person = people.find(page.author) if page and page.author else None
        if page and person and person.email:
            mail = subscription_mails.thanks(
                person.email, person.lang or settings.lang, each.text, page.title,
                article_url(page.slug), settings,
            )  # fmt: skip
            new.append(_queued(key, mail))
    if new:
        service.log.outbox.put(*new, at=service.now())
    return len(new)
