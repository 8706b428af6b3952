"""Delivers what the outbox holds, at least once, by the channels of the settings. Stores no letter.

What fails is tried again with growing waits for a week; what was delivered but not noted, because
this process died in between, is delivered again under the same key.
"""

import json
import logging
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Final

from kb.base import catalogs
from kb.base.config import Settings, variable
from kb.base.errors import ConfigError, KBError, LogUnavailable, MailRefused, reason
from kb.base.messages import Message
from kb.hooks import events, shapes
from kb.hooks.events import Event
from kb.jobs import letter_mails, mail, subscription_mails
from kb.letters import http_post, payloads
from kb.letters.attachments import AttachmentFolder
from kb.letters.channels import HOOK
from kb.letters.http_post import NotDelivered, Request
from kb.letters.payloads import Parcel
from kb.searchlog.db.letter_models import (
    ACKNOWLEDGEMENT,
    CONFIRMATION,
    CUSTOMER,
    EVENT,
    FOLLOW_UP,
    MAIL,
    REPLY,
    Attachment,
    Delivery,
    LetterDetails,
)
from kb.searchlog.db.log import SearchLog

WAITS: Final = (10.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 3 * 3600.0, 6 * 3600.0)  # seconds
LEASE: Final = timedelta(minutes=5)  # longer than any delivery takes
GIVEN_UP: Final = timedelta(days=7)
AT_ONCE: Final = 4  # deliveries
BATCH: Final = 20
_SPREAD: Final = 0.2  # of a wait: not all at once when a receiver is back
_LONGEST_WISH: Final = 3600.0  # seconds that a receiver may ask to wait
_TIED: Final = timedelta(days=2)  # after which a search is in the log, or never will be
_TIDY: Final = 600.0  # seconds between two looks at what nobody needs any more

logger = logging.getLogger(__name__)


class _Given(Exception):
    """A delivery that will never succeed."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of a batch."""

    sent: int = 0
    failed: int = 0

    def __add__(self, other: "Delivered") -> "Delivered":
        return Delivered(self.sent + other.sent, self.failed + other.failed)


class Deliverer:
    """Delivers what is due. Several may work on one log: each delivery is claimed by one."""

    def __init__(
        self,
        settings: Settings,
        log: SearchLog,
        now: Callable[[], datetime],
        *,
        post: Callable[[Request], bytes] = http_post.send,
        waits: tuple[float, ...] = WAITS,
        telegram: str = "https://api.telegram.org",
    ) -> None:
        """`post` sends an HTTP request; `waits` are the seconds before each further try."""
        self._settings = settings
        self._log = log
        self._now = now
        self._post = post
        self._waits = waits
        self._telegram = telegram
        self._files = AttachmentFolder(settings.data)
        self._languages = catalogs.languages(settings.templates, settings.langs, settings.lang)
        self._channels: Mapping[str, Callable[[Delivery, LetterDetails], None]] = {
            "email": self._to_mailbox,
            "webhook": self._to_webhook,
            "zendesk": self._to_zendesk,
            "zammad": self._to_zammad,
            "telegram": self._to_telegram,
            "slack": self._to_slack,
            "mattermost": self._to_mattermost,
        }

    def deliver_due(self, *, most: int = 1_000_000) -> Delivered:
        """Delivers what is due now, in batches. Raises LogUnavailable."""
        total = Delivered()
        with ThreadPoolExecutor(AT_ONCE, "delivery") as threads:
            while total.sent + total.failed < most:
                batch = self._log.outbox.claim(self._now(), LEASE, limit=BATCH)
                if not batch:
                    break
                troubles = dict(
                    zip((each.id for each in batch), threads.map(self._try, batch), strict=True)
                )
                total += self._settle(batch, troubles)
        return total

    def _settle(self, batch: list[Delivery], troubles: Mapping[int, Exception | None]) -> Delivered:
        failed = {
            each.id: (reason(trouble), self._next_try(each, trouble))
            for each in batch
            if (trouble := troubles[each.id]) is not None
        }
        sent = [each.id for each in batch if each.id not in failed]
        self._log.outbox.settle(sent, failed, self._now())
        return Delivered(len(sent), len(failed))

    def _next_try(self, delivery: Delivery, trouble: Exception) -> datetime | None:
        """When a delivery is tried again, or None if it never is."""
        now = self._now()
        if isinstance(trouble, _Given) or now - delivery.at > GIVEN_UP:
            return None
        wait = self._waits[min(delivery.attempts, len(self._waits)) - 1]
        wait *= 1 + random.uniform(-_SPREAD, _SPREAD)  # noqa: S311
        if isinstance(trouble, NotDelivered):
            wait = max(wait, min(trouble.after, _LONGEST_WISH))
        return now + timedelta(seconds=wait)

    def _try(self, delivery: Delivery) -> Exception | None:
        """Delivers once; returns what went wrong, or None."""
        try:
            self._deliver(delivery)
        except (_Given, NotDelivered, KBError) as error:
            return _Given(error.message) if isinstance(error, MailRefused) else error
        except Exception as error:  # a mistake of ours is tried again, and seen
            logger.exception("delivery %d failed", delivery.id)
            return error
        return None

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.what == MAIL:
            mail.send(self._settings, mail_of(delivery.payload))
            return
        if delivery.what == CONFIRMATION:
            asked = json.loads(delivery.payload)
            mail.send(self._settings, subscription_mails.confirmation(asked, self._settings))
            return
        if delivery.what == EVENT:
            self._to_hook(delivery, Event.read(delivery.payload))
            return
        found = self._log.letters.details(delivery.letter)
        if found is None:
            raise _Given(Message("the letter is there no more"))
        if delivery.channel == CUSTOMER:
            self._to_customer(delivery, found)
        elif delivery.channel.startswith(HOOK):
            self._to_hook(delivery, events.of_letter(found.letter))
        elif delivery.channel in self._channels:
            self._channels[delivery.channel](delivery, found)
        else:
            raise _Given(Message("there is no channel {channel}", channel=delivery.channel))

    # ------------------------------------------------------------ mail

    def _to_customer(self, delivery: Delivery, found: LetterDetails) -> None:
        letter = found.letter
        if delivery.what == ACKNOWLEDGEMENT:
            if _is_often(found):
                raise _Given(Message("no receipt: too many letters came from this address"))
            mail.send(self._settings, letter_mails.receipt(letter, delivery.key, self._settings))
        elif delivery.what == REPLY:
            reply = self._log.letters.reply(int(delivery.payload))
            if reply is None:
                raise _Given(Message("the reply is there no more"))
            mail.send(
                self._settings, letter_mails.reply(letter, reply, delivery.key, self._settings)
            )
        elif delivery.what == FOLLOW_UP:
            who = found.replies[-1].who if found.replies else letter.owner
            asked = subscription_mails.follow_up(letter, who, delivery.key, self._settings)
            mail.send(self._settings, asked)
        else:
            raise _Given(
                Message("nothing of the kind {what} goes to customers", what=delivery.what)
            )

    def _to_mailbox(self, delivery: Delivery, found: LetterDetails) -> None:
        parcel = self._parcel(delivery, found)
        letter = letter_mails.to_team(
            parcel, delivery.payload, self._settings, self._contents(found)
        )
        mail.send(self._settings, letter)

    # ------------------------------------------------------------ HTTP

    def _to_webhook(self, delivery: Delivery, found: LetterDetails) -> None:
        settings, secret = self._settings, self._settings.letters_webhook_secret
        self._post(
            payloads.webhook(
                self._parcel(delivery, found),
                self._needed(settings.letters_webhook, "letters_webhook"),
                secret.get_secret_value() if secret else "",
                int(self._now().timestamp()),
            )
        )

    def _to_zendesk(self, delivery: Delivery, found: LetterDetails) -> None:
        url = self._needed(self._settings.letters_zendesk, "letters_zendesk")
        token = self._secret("letters_zendesk_token")
        if delivery.attempts > 1:  # the answer to an earlier try may have been lost
            known = _read(self._post(payloads.zendesk_known(url, token, delivery.key)))
            if known.get("count") or known.get("tickets"):
                return
        uploads = []
        for file, content in zip(found.attachments, self._contents(found), strict=True):
            request = payloads.zendesk_upload(url, token, file.name, file.type, content)
            upload = _read(self._post(request)).get("upload")
            uploads.append(str(upload.get("token", "")) if isinstance(upload, dict) else "")
        self._post(payloads.zendesk(self._parcel(delivery, found), url, token, uploads))

    def _to_zammad(self, delivery: Delivery, found: LetterDetails) -> None:
        url = self._needed(self._settings.letters_zammad, "letters_zammad")
        token = self._secret("letters_zammad_token")
        if delivery.attempts > 1:
            asked = payloads.zammad_known(url, token, found.letter.number)
            if _read(self._post(asked)).get("tickets"):
                return
        group = self._settings.letters_zammad_group
        parcel = self._parcel(delivery, found)
        self._post(payloads.zammad(parcel, url, token, group, self._contents(found)))

    def _to_telegram(self, delivery: Delivery, found: LetterDetails) -> None:
        chat = self._needed(self._settings.letters_telegram, "letters_telegram")
        token, parcel = self._secret("letters_telegram_token"), self._parcel(delivery, found)
        self._post(payloads.telegram(parcel, token, chat, self._telegram))

    def _to_slack(self, delivery: Delivery, found: LetterDetails) -> None:
        parcel = self._parcel(delivery, found)
        self._post(payloads.chat(parcel, self._secret("letters_slack")))

    def _to_mattermost(self, delivery: Delivery, found: LetterDetails) -> None:
        parcel = self._parcel(delivery, found)
        self._post(payloads.chat(parcel, self._secret("letters_mattermost")))

    def _to_hook(self, delivery: Delivery, event: Event) -> None:
        name = delivery.channel.removeprefix(HOOK)
        hook = next((each for each in self._settings.hooks if each.called == name), None)
        if hook is None:
            raise _Given(Message("KB_HOOKS has no hook {name} any more", name=name))
        now = int(self._now().timestamp())
        say, base = self._languages.say, self._settings.base_url
        self._post(shapes.request(hook, event, say, base, now, self._telegram))

    # ------------------------------------------------------------ what is sent

    def _parcel(self, delivery: Delivery, found: LetterDetails) -> Parcel:
        base = self._settings.base_url
        board = f"{base}/leads/letters/{found.letter.id}" if base else ""
        return Parcel(found.letter, delivery.key, found.attachments, board, base)

    def _contents(self, found: LetterDetails) -> tuple[bytes, ...]:
        """The contents of all files. Raises ConfigError where this machine does not have them."""
        try:
            return tuple(map(self._content, found.attachments))
        except OSError as error:
            raise ConfigError(
                Message(
                    "an attachment cannot be read ({reason}); bring it back into the folder"
                    " attachments of KB_DATA, from the machine that took the letter or a backup",
                    reason=reason(error),
                )
            ) from None

    def _content(self, file: Attachment) -> bytes:
        shared = self._log.letters.content(file) if self._settings.shares_log else None
        return self._files.path(file).read_bytes() if shared is None else shared

    def _secret(self, name: str) -> str:
        secret = getattr(self._settings, name)
        return self._needed(secret.get_secret_value() if secret else "", name)

    def _needed(self, value: str, name: str) -> str:
        if not value:
            raise ConfigError(
                Message(
                    "{setting} is not set, but a letter waits for it; set it",
                    setting=variable(name),
                )
            )
        return value


def run(
    deliverer: Deliverer,
    log: SearchLog,
    now: Callable[[], datetime],
    data: AttachmentFolder,
    goes_on: Callable[[], bool],
    *,
    announce: Callable[[], object] = lambda: None,
    look: Callable[[], object] = lambda: None,
    pause: float = 1.0,
) -> None:
    """Delivers what is due, looks again after `pause` seconds, and tidies up now and then.

    Then `announce` also queues what has become due; `look` queues what just happened, each time.
    """
    tidied = monotonic() - _TIDY
    trouble = ""
    while goes_on():
        try:
            look()
            while goes_on() and deliverer.deliver_due(most=BATCH) != Delivered():
                pass
            if monotonic() - tidied >= _TIDY:
                tidied = monotonic()
                tidy(log, now, data)
                announce()
            trouble = ""
        except LogUnavailable as error:
            if trouble != str(error):
                logger.warning("letters wait in the log: %s", error)
            trouble = str(error)
        sleep(pause)


def tidy(log: SearchLog, now: Callable[[], datetime], files: AttachmentFolder) -> None:
    """Ties letters to their groups, forgets what was sent long ago and files of no letter."""
    log.letters.tie(now() - _TIED)
    log.outbox.purge(now())
    files.sweep(log.letters.attachment_ids())
    log.letters.drop_contents()


def mail_of(payload: str) -> mail.Letter:
    """The mail of a MAIL delivery: `to`, `subject`, `text` and what else `mail.Letter` has."""
    fields = json.loads(payload)
    return mail.Letter(to=tuple(fields.pop("to")), **fields)


def _is_often(found: LetterDetails) -> bool:
    """Whether an address had more letters in the day before this one than anybody writes."""
    day = found.letter.at - timedelta(days=1)
    before = [each for each in found.earlier if day <= each.at <= found.letter.at]
    return len(before) >= letter_mails.OFTEN


def _read(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body)
    except ValueError:
        raise NotDelivered(Message("the answer is no JSON")) from None
    if not isinstance(value, dict):
        raise NotDelivered(Message("the answer is no JSON object"))
    return value
