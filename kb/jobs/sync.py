"""Brings the site up to the articles' repository: pull, index, publish, tell. Serves nothing."""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic, sleep

from kb.base import data_folder
from kb.base.config import Settings
from kb.base.errors import BuildBusy, ConfigError, KBError, MailFailed
from kb.base.messages import Message
from kb.content import status
from kb.content.status import Synced
from kb.git import pull
from kb.git.pull import PullFailed
from kb.indexer import BuildReport
from kb.jobs import mail, mail_templates
from kb.jobs.mail import Letter
from kb.service import KnowledgeBase, utc_now

logger = logging.getLogger(__name__)

PATIENCE = 600.0  # seconds to wait for another sync, or another build
LASTING = timedelta(minutes=30)  # a network that fails for less is no news
_LOOK = 0.2
_FAILED = ("fetch-failed", "no-repository", "not-built")  # nothing a reader of articles can cure
_HELD = {
    "would-lose": Message(
        "articles that are served now cannot be read any more; the old build stays until they are"
        " corrected"
    ),
    "empty": Message(
        "the folder holds no article any more; the old build stays until they are back"
    ),
    "withdrawn": Message(
        "these very articles were rolled back; the old build stays until one of them changes, or"
        " somebody runs `kb index`"
    ),
}


def sync(
    service: KnowledgeBase, *, now: Callable[[], datetime] = utc_now, patience: float = PATIENCE
) -> Synced:
    """Pulls, indexes and publishes carefully; how it came out is kept for the leads' page.

    Whatever goes wrong, the old build goes on serving. Raises BuildBusy if another sync is still at
    work after `patience` seconds.
    """
    settings = service.settings
    with _alone(settings, patience):
        last = status.read(settings.data, Synced)
        result = _result(service, now(), patience)
        if last is not None and last.trouble == result.trouble:
            result = replace(result, since=last.since, is_told=last.is_told)
        if is_news(result):
            result = replace(result, is_told=_tell(settings, result))
        status.write(settings.data, result)
    return result


def is_news(result: Synced) -> bool:
    """Whether a letter is due: new trouble that no person made on purpose and that lasts."""
    if not result.trouble or result.is_told or result.code == "withdrawn":
        return False
    return result.code != "fetch-failed" or result.at - result.since >= LASTING


def _result(service: KnowledgeBase, at: datetime, patience: float) -> Synced:
    settings = service.settings
    served = service.status().build or ""
    result = Synced(at=at, since=at, outcome="unchanged", build=served)
    try:
        pulled = pull.pull(settings.articles, settings.sync_remote, settings.sync_branch)
    except PullFailed as error:
        return _troubled(result, error.code, error.message)
    result = replace(result, branch=pulled.branch, commit=pulled.after)
    try:
        report = _rebuilt(service, patience)
    except KBError as error:
        return _troubled(result, "not-built", error.message)
    return _built(result, report)


def _troubled(result: Synced, code: str, message: Message) -> Synced:
    outcome = "failed" if code in _FAILED else "held"
    return replace(result, outcome=outcome, code=code, message=message)


def _built(result: Synced, report: BuildReport) -> Synced:
    result = replace(
        result,
        build=report.build,
        rejected=report.rejected,
        answered=report.answered,
        regressed=report.regressed,
        unasked=report.unasked,
    )
    if report.withheld:
        return _troubled(result, report.withheld, _HELD[report.withheld])
    return replace(result, outcome="published") if report.published else result


def _rebuilt(service: KnowledgeBase, patience: float) -> BuildReport:
    """A careful rebuild, after the one that may be going on."""
    end = monotonic() + patience
    while True:
        try:
            return service.rebuild(careful=True)
        except BuildBusy:
            if monotonic() >= end:
                raise
            sleep(_LOOK)


@contextmanager
def _alone(settings: Settings, patience: float) -> Iterator[None]:
    """One sync at a time; the lock goes with the process, however it ends."""
    data_folder.prepare(settings.data)
    end = monotonic() + patience
    lock = os.open(settings.data / "sync.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if monotonic() >= end:
                    raise BuildBusy(
                        Message("another `kb sync` is at work; wait until it has finished")
                    ) from None
                sleep(_LOOK)
        yield
    finally:
        os.close(lock)


def letter(result: Synced, settings: Settings, to: tuple[str, ...] = (), lang: str = "") -> Letter:
    """What went wrong, why, and what to do, in `lang`, by default that of the settings."""
    paper = mail_templates.paper(settings, lang)
    values = {"sync": result, "board": paper.url("/leads/state")}
    subject = paper.write("letters/sync-headline.txt", **values).strip()
    text = paper.write("letters/sync.txt", headline=subject, **values)
    return Letter(to, paper.subject(subject), text)


def _tell(settings: Settings, result: Synced) -> bool:
    """Whether the letter has gone; a mail server that refuses is tried at the next sync."""
    if settings.smtp_url is None or not settings.leads_email:
        return False
    try:
        for lang, to in settings.letter_readers.items():
            mail.send(settings, letter(result, settings, to, lang))
    except (ConfigError, MailFailed) as error:
        logger.warning("%s", error)
        return False
    return True
