"""Letters reach their receivers: at least once, under one key, by mail servers and help desks."""

import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from itertools import pairwise

import help_desks
import postbox
import pytest

from kb.base.config import Settings
from kb.jobs.delivery import GIVEN_UP, LEASE, WAITS, Deliverer
from kb.letters import channels, http_post
from kb.letters.attachments import AttachmentFolder, GivenFile
from kb.letters.http_post import NotDelivered, Request
from kb.searchlog.db.letter_models import LetterFilter, NewDelivery, NewLetter, TrailStep
from kb.searchlog.db.log import SearchLog

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
LETTER = NewLetter(
    "key", "Не приходит <!channel> @all\nписьмо `код`", "anna@example.com",
    subject="Пароль & «код»",
    type="Вход", plan="Про", lang="ru", owner="Вера",
    trail=(TrailStep("r1", "сброс пароля", NOON, 0, ("ru/vpn",), ()),),
)  # fmt: skip


class Site:
    """A log with letters, a clock and a deliverer."""

    def __init__(self, tmp_path, **settings):
        self.settings = Settings(
            data=tmp_path, base_url="https://help.example.com", site_name="Справка",
            support_email="support@example.com", **settings,
        )  # fmt: skip
        self.log = SearchLog(self.settings.log_url)
        self.at = NOON
        self.files = AttachmentFolder(tmp_path)
        self.options = {}

    def letter(self, new=LETTER, *files):
        saved = tuple(self.files.save(GivenFile(name, content)) for name, content in files)
        queued = channels.of_letter(self.settings, new.key)
        return self.log.letters.store(replace(new, attachments=saved), self.at, deliveries=queued)

    def deliver(self, wait=0.0):
        self.at += timedelta(seconds=wait)
        return Deliverer(self.settings, self.log, lambda: self.at, **self.options).deliver_due()


@pytest.fixture
def make_site(tmp_path):
    with ExitStack() as open_sites:

        def make(**settings):
            site = Site(tmp_path, **settings)
            open_sites.callback(site.log.close)
            return site

        yield make


# --- at least once ------------------------------------------------------------------------------


def test_a_webhook_gets_the_letter_signed_and_once(make_site):
    with help_desks.opened() as kept:
        site = make_site(letters_webhook=f"{kept.url}/hook?a=1", letters_webhook_secret="secret")
        letter = site.letter(LETTER, ("снимок.png", b"png"))

        assert (site.deliver().sent, site.deliver(3600).sent) == (1, 0)

    [(method, path, headers, body)] = kept.requests
    assert (method, path) == ("POST", "/hook?a=1")
    assert help_desks.is_signed("secret", headers, body)
    assert not help_desks.is_signed("secret", headers, body + b" ")
    assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    assert headers["Idempotency-Key"] == headers["webhook-id"] == "key-webhook"
    [told] = kept.bodies
    assert (told["number"], told["email"], told["type"], told["plan"], told["owner"]) == (
        letter.number, "anna@example.com", "Вход", "Про", "Вера",
    )  # fmt: skip
    assert told["trail"][0] | {"at": ""} == {
        "query": "сброс пароля", "at": "", "found": 0, "shown": ["ru/vpn"], "opened": [],
    }  # fmt: skip
    assert told["files"] == [{"name": "снимок.png", "type": "image/png", "bytes": 3}]
    assert told["board"] == f"https://help.example.com/leads/letters/{letter.id}"


def test_what_fails_is_tried_again_with_growing_waits_under_the_same_key(make_site):
    with help_desks.opened() as kept:
        kept.refuse = lambda n: 503
        site = make_site(letters_webhook=kept.url)
        site.letter()
        tried = []
        for _ in range(4 * 3600):
            if site.deliver().failed:
                tried.append((site.at - NOON).total_seconds())
            [waiting] = site.log.outbox.of_letter(1)
            site.at = waiting.due
            if len(tried) == 6:
                break
        kept.refuse = lambda n: 0
        assert site.deliver().sent == 1

    gaps = [later - before for before, later in pairwise(tried)]
    assert all(0.79 * wait <= gap <= 1.21 * wait for gap, wait in zip(gaps, WAITS, strict=False))
    assert {headers["webhook-id"] for _, _, headers, _ in kept.requests} == {"key-webhook"}
    assert "503" in waiting.trouble


def test_a_receiver_may_ask_for_more_time(make_site):
    site = make_site(letters_webhook="http://127.0.0.1:1")

    def asks(request):
        raise NotDelivered("429 Too Many Requests", 1800.0)

    site.options = {"post": asks}
    site.letter()
    site.deliver()

    [waiting] = site.log.outbox.of_letter(1)
    assert waiting.due - NOON == timedelta(seconds=1800)


def test_after_a_week_a_delivery_is_given_up_seen_and_can_be_retried(make_site):
    site = make_site(letters_webhook="http://127.0.0.1:1")  # nobody listens there
    site.letter()
    site.deliver()
    site.at = NOON + GIVEN_UP + timedelta(hours=1)
    site.deliver()

    [stuck] = site.log.outbox.stuck()
    assert (stuck.state, stuck.attempts) == ("gave up", 2)
    assert site.deliver(86_400).failed == 0
    with help_desks.opened() as kept:
        site.settings = site.settings.model_copy(update={"letters_webhook": kept.url})
        site.log.outbox.retry(site.at)
        assert site.deliver().sent == 1


def test_a_deliverer_that_died_leaves_its_work_to_the_next(make_site):
    with help_desks.opened() as kept:
        site = make_site(letters_webhook=kept.url)
        site.letter()
        assert len(site.log.outbox.claim(site.at, LEASE)) == 1  # and is killed here

        assert site.deliver(60).sent == 0
        assert site.deliver(LEASE.total_seconds()).sent == 1


def test_a_channel_that_was_taken_away_is_seen_not_lost(make_site):
    site = make_site(letters_webhook="http://127.0.0.1:1")
    site.letter()
    site.settings = site.settings.model_copy(update={"letters_webhook": ""})

    site.deliver()

    [waiting] = site.log.outbox.of_letter(1)
    assert waiting.state == "waiting"
    assert "KB_LETTERS_WEBHOOK is not set" in waiting.trouble


def test_several_channels_are_independent(make_site):
    with help_desks.opened() as broken, help_desks.opened(help_desks.incoming) as chat:
        broken.refuse = lambda n: 500
        site = make_site(letters_webhook=broken.url, letters_slack=chat.url,
                         letters_mattermost=f"{chat.url}/m")  # fmt: skip
        site.letter()

        done = site.deliver()

    assert (done.sent, done.failed) == (2, 1)


# --- the request itself -------------------------------------------------------------------------


@contextmanager
def raw_server(talk):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                # A server that leaves part of a request unread resets the connection.
                request = b""
                while not request.endswith(b"\r\n\r\n{}") and (part := connection.recv(65536)):
                    request += part
                talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(20)


def test_an_answer_that_drips_for_ever_ends_at_the_deadline():
    def drip(connection):
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X")
                time.sleep(0.05)
        except OSError:
            pass

    with raw_server(drip) as url, pytest.raises(NotDelivered):
        http_post.send(Request(url, {}, b"{}"), timeout=5, deadline=0.5)


def test_an_endless_answer_is_not_read_to_its_end():
    def pour(connection):
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(100_000):
                connection.sendall(b"x" * 65536)
        except OSError:
            pass

    with raw_server(pour) as url:
        assert len(http_post.send(Request(url, {}, b"{}"))) == 256 * 1024


@pytest.mark.parametrize(
    ("path", "headers"),
    [("bot1:s3cret x/send", {}), ("x", {"Authorization": "Bearer s3cret\nx"})],
)
def test_what_cannot_be_sent_is_not_quoted_for_it_may_be_a_secret(path, headers):
    with pytest.raises(NotDelivered) as told:
        http_post.send(Request(f"http://127.0.0.1:9/{path}", headers))

    assert "s3cret" not in str(told.value)


def test_a_redirect_is_a_failure_and_its_text_one_line():
    def lead_away(connection):
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n\x1b[2Jgo\naway")

    with raw_server(lead_away) as url, pytest.raises(NotDelivered) as caught:
        http_post.send(Request(url, {}, b"{}"))
    assert str(caught.value) == "302 Found: \\u001b[2Jgo away"


# --- help desks and chats -----------------------------------------------------------------------


def test_zendesk_gets_a_ticket_with_its_files_and_requester(make_site):
    with help_desks.opened(help_desks.zendesk) as kept:
        site = make_site(letters_zendesk=kept.url, letters_zendesk_token=help_desks.ZENDESK_TOKEN)
        letter = site.letter(LETTER, ("снимок.png", b"png"))

        assert site.deliver().sent == 1

    [ticket] = kept.tickets
    assert ticket["subject"] == f"[{letter.number}] Пароль & «код»"
    assert ticket["requester"] == {"name": "anna", "email": "anna@example.com"}
    assert ticket["comment"]["uploads"] == ["token-1"]
    assert kept.uploads == [("снимок.png", b"png")]
    assert "Не приходит" in ticket["comment"]["body"]
    assert ticket["tags"] == ["kb", "вход", "про", "ru"]


def test_zammad_gets_a_ticket_with_its_files_and_customer(make_site):
    with help_desks.opened(help_desks.zammad) as kept:
        site = make_site(letters_zammad=kept.url, letters_zammad_token=help_desks.ZAMMAD_TOKEN)
        letter = site.letter(LETTER, ("снимок.png", b"png"))

        assert site.deliver().sent == 1

    [ticket] = kept.tickets
    assert ticket["title"] == f"[{letter.number}] Пароль & «код»"
    assert (ticket["group"], ticket["customer_id"]) == ("Users", "guess:anna@example.com")
    assert ticket["article"]["attachments"][0] == {
        "filename": "снимок.png", "data": "cG5n", "mime-type": "image/png",
    }  # fmt: skip


def test_a_letter_whose_file_is_not_here_waits_and_says_where_to_bring_it(make_site):
    with help_desks.opened(help_desks.zammad) as kept:
        site = make_site(letters_zammad=kept.url, letters_zammad_token=help_desks.ZAMMAD_TOKEN)
        letter = site.letter(LETTER, ("снимок.png", b"png"))
        [file] = site.log.letters.details(letter.id).attachments
        site.files.path(file).rename(site.settings.data / "elsewhere")
        assert site.deliver().failed == 1
        [waiting] = site.log.outbox.of_letter(letter.id)
        assert "attachments" in waiting.trouble
        (site.settings.data / "elsewhere").rename(site.files.path(file))

        assert site.deliver(60).sent == 1


@pytest.mark.parametrize(
    ("desk", "settings"),
    [
        (help_desks.zendesk, {"letters_zendesk_token": help_desks.ZENDESK_TOKEN}),
        (help_desks.zammad, {"letters_zammad_token": help_desks.ZAMMAD_TOKEN}),
    ],
    ids=["zendesk", "zammad"],
)
def test_a_ticket_whose_answer_was_lost_is_not_made_twice(make_site, desk, settings):
    with help_desks.opened(desk) as kept:
        kept.answered = False
        site = make_site(**settings, **{f"letters_{desk.__name__}": kept.url})
        site.letter()
        assert site.deliver().failed == 1
        kept.answered = True

        assert site.deliver(60).sent == 1

    assert len(kept.tickets) == 1


def test_telegram_slack_and_mattermost_are_told(make_site):
    with (
        help_desks.opened(help_desks.telegram) as telegram,
        help_desks.opened(help_desks.incoming) as chat,
    ):
        site = make_site(letters_telegram="-100", letters_telegram_token="12:abc",
                         letters_slack=chat.url, letters_mattermost=chat.url)  # fmt: skip
        site.options = {"telegram": telegram.url}
        letter = site.letter()

        assert site.deliver().sent == 3

    [message] = telegram.bodies
    assert (message["chat_id"], message["text"].split("\n")[0]) == (
        "-100", f"{letter.number} Пароль & «код»",
    )  # fmt: skip
    for told in chat.bodies:
        lines = told["text"].split("\n")
        assert lines[0] == f"{letter.number} `Пароль &amp; «код»`"
        # Nobody is called by what a customer writes.
        assert lines[2] == "`Не приходит &lt;!channel&gt; @all письмо 'код'`"


# --- mail ---------------------------------------------------------------------------------------


def test_the_team_and_the_customer_get_mail_that_threads(make_site):
    with postbox.opened() as inbox:
        site = make_site(smtp_url=f"smtp://{inbox.where}", letters_email=("team@example.com",))
        letter = site.letter(LETTER, ("снимок.png", b"\x89PNG"))
        assert site.deliver().sent == 2
        queued = channels.of_reply(letter.key, "1")
        text = "Добрый день!\n\nСтатья: https://help.example.com/articles/ru/vpn\n\nВера Ясная"
        site.log.letters.answer(letter.id, text, "Вера Ясная", site.at, deliveries=[queued])
        assert site.deliver().sent == 1

        mails = {mail["To"]: mail for mail in postbox.letters(inbox)[:2]}
        reply = postbox.letters(inbox)[2]

    team, receipt = mails["team@example.com"], mails["anna@example.com"]
    assert team["Reply-To"] == "anna@example.com"
    assert team["Subject"] == f"[{letter.number}] Пароль & «код»"
    assert team["Message-ID"] == "<key-email-0@example.com>"
    [file] = list(team.iter_attachments())
    assert (file.get_filename(), file.get_content()) == ("снимок.png", b"\x89PNG")
    assert receipt["Subject"] == f"Справка: Ваше письмо {letter.number}"
    assert receipt["Auto-Submitted"] == "auto-replied"
    assert receipt["Reply-To"] == reply["Reply-To"] == "support@example.com"
    assert letter.number in receipt.get_content()
    assert "Не приходит" not in receipt.get_content()  # a stranger may have given this address
    assert reply["Subject"] == f"Re: {receipt['Subject']}"
    assert reply["In-Reply-To"] == reply["References"] == receipt["Message-ID"]
    assert parseaddr(str(reply["From"])) == ("Вера Ясная", "support@example.com")
    assert reply["Auto-Submitted"] is None
    assert reply.get_content().replace("\r\n", "\n").strip() == text
    assert all(not mail.defects for mail in (team, receipt, reply))


@pytest.mark.parametrize(
    ("promises", "is_told"),
    [
        ({"Про": "within 30 minutes on weekdays 9–18 Europe/Moscow"}, True),
        ({"Бесплатный": "within 1 day"}, False),
        ({}, False),
    ],
)
def test_the_receipt_says_by_when_the_reply_comes(make_site, promises, is_told):
    with postbox.opened() as inbox:
        site = make_site(smtp_url=f"smtp://{inbox.where}", promises=promises)
        site.letter()
        site.deliver()
        [receipt] = postbox.letters(inbox)

    told = "Ответим до 30 ноября, 09:30 (Москва)."  # it came on a Sunday
    assert (told in receipt.get_content()) is is_told
    assert ("Ответим до" in receipt.get_content()) is is_told


def test_each_mailbox_of_the_team_is_served_apart(make_site):
    with postbox.opened() as inbox:
        inbox.unknown.add("gone@example.com")
        site = make_site(
            smtp_url=f"smtp://{inbox.where}", letters_email=("gone@example.com", "b@example.com")
        )
        site.letter()

        done = site.deliver()
        again = site.deliver(86_400)

    assert (done.sent, done.failed, again.failed) == (2, 1, 0)
    [stuck] = site.log.outbox.stuck()
    assert (stuck.payload, stuck.state) == ("gone@example.com", "gave up")
    assert "550" in stuck.trouble


def test_an_address_that_is_flooded_gets_no_receipt_without_end(make_site):
    with postbox.opened() as inbox:
        site = make_site(smtp_url=f"smtp://{inbox.where}")
        for n in range(15):
            site.letter(replace(LETTER, key=f"k{n}"))
            site.deliver(60)

        assert len(inbox.envelopes) == 10
    assert site.log.letters.find(LetterFilter()).total == 15


def test_hostile_letters_begin_no_header(make_site):
    hostile = replace(
        LETTER, subject="a\r\nBcc: evil@example.com", email="a@b.example", text="x\r\n.\r\nQUIT"
    )
    with postbox.opened() as inbox:
        site = make_site(smtp_url=f"smtp://{inbox.where}", letters_email=("team@example.com",))
        site.letter(hostile)

        assert site.deliver().sent == 2
        assert {mail["Bcc"] for mail in postbox.letters(inbox)} == {None}


def test_a_mail_of_others_goes_the_same_way(make_site):
    with postbox.opened() as inbox:
        site = make_site(smtp_url=f"smtp://{inbox.where}")
        payload = json.dumps({"to": ["x@example.com"], "subject": "Ответ есть", "text": "Вот"})
        site.log.outbox.put(NewDelivery("told-1", "customer", "mail", payload=payload), at=NOON)

        assert site.deliver().sent == 1
        assert inbox.letter()["Subject"] == "Ответ есть"
