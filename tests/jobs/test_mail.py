"""Letters on their way, against a real mail server on this machine."""

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.header import decode_header, make_header
from typing import Any

import postbox
import pytest
from needs import library
from postbox import USER, Inbox, free_port

from kb.base.config import Settings
from kb.base.errors import ConfigError, MailFailed
from kb.jobs import mail
from kb.jobs.mail import Letter

LETTER = Letter(("lead@example.com",), "Неделя в справке", "Привет.\n.\nТочка.\n", "<p>Привет.</p>")
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")


@pytest.fixture(scope="module")
def authority() -> Any:
    """A certificate authority that only these tests know."""
    return library("trustme", "trustme").CA()


@pytest.fixture
def trusted(authority: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The server's side of encryption; our side trusts it."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def post() -> Iterator[Callable[..., tuple[Inbox, str]]]:
    """`post()` starts a mail server and gives its inbox and address."""
    with ExitStack() as stack:

        def start(tls: ssl.SSLContext | None = None, **more: bool) -> tuple[Inbox, str]:
            inbox = stack.enter_context(postbox.opened(tls, **more))
            return inbox, inbox.where

        yield start


def settings(url: str | None, **more: Any) -> Settings:
    return Settings(smtp_url=url, support_email="help@example.com", **more)


def test_a_letter_arrives_as_text_and_html(post):
    inbox, where = post()

    mail.send(settings(f"smtp://{where}", site_name="Справка «Ромашки»"), LETTER)

    letter = inbox.letter()
    assert inbox.envelopes[0].rcpt_tos == ["lead@example.com"]
    assert letter["Subject"] == "Неделя в справке"
    assert letter["From"] == "Справка «Ромашки» <help@example.com>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"]
    assert letter["Message-ID"].endswith("@example.com>")
    assert letter.get_body(("plain",)).get_content().splitlines() == LETTER.text.splitlines()
    assert letter.get_body(("html",)).get_content().strip() == LETTER.html


def test_nothing_that_was_typed_begins_a_header():
    sly = Letter(
        ("lead@example.com",), "Итоги\r\nBcc: all@example.com", "…", reply_to="a@b.c\nX: y"
    )

    letter = mail.message(settings("smtp://mail.example.com"), sly)

    assert "Bcc" not in letter
    assert "X" not in letter
    assert letter["Subject"] == "Итоги Bcc: all@example.com"


def test_a_server_that_offers_encryption_is_taken_at_its_word(post, trusted):
    inbox, where = post(trusted, login=True)
    address = f"smtp://{USER.replace('@', '%40')}:pass%3Aword%2F%40@{where}"

    mail.send(settings(address), LETTER)

    assert inbox.encrypted == [True]


def test_smtps_is_encrypted_from_the_first_byte(post, trusted):
    inbox, where = post(trusted, smtps=True)

    mail.send(settings(f"smtps://{where}"), LETTER)

    assert inbox.letter()["Subject"] == LETTER.subject


def test_a_certificate_nobody_vouches_for_gets_no_letter(post, authority):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    inbox, where = post(context)

    with pytest.raises(MailFailed, match=r"CERTIFICATE_VERIFY_FAILED.*check KB_SMTP_URL"):
        mail.send(settings(f"smtp://{where}"), LETTER)
    assert inbox.envelopes == []


def test_a_password_leaves_this_machine_encrypted_or_not_at_all(post, monkeypatch):
    _, where = post(login=True)
    monkeypatch.setattr(mail, "_HERE", frozenset())  # as if the server were elsewhere

    with pytest.raises(MailFailed, match="no encryption, and a password needs it"):
        mail.send(settings(f"smtp://user:secret@{where}"), LETTER)


def test_a_wrong_password_is_said_without_repeating_it(post):
    _, where = post(login=True)

    with pytest.raises(MailFailed) as failed:
        mail.send(settings(f"smtp://kb:not-the-password@{where}"), LETTER)

    assert str(failed.value).startswith(f"{where} did not take the letter: 535 ")
    assert str(failed.value).endswith("; check KB_SMTP_URL")
    assert "not-the-password" not in str(failed.value)


def test_a_password_the_protocol_cannot_carry_is_said_with_the_cure(post):
    _, where = post(login=True)

    with pytest.raises(ConfigError, match="must be ASCII; choose one"):
        mail.send(settings(f"smtp://kb:пароль@{where}"), LETTER)


def test_who_got_no_letter_is_named(post):
    inbox, where = post()
    inbox.unknown = {"gone@example.com"}
    both = Letter(("lead@example.com", "gone@example.com"), "Неделя", "…")

    with pytest.raises(MailFailed, match=r"not for gone@example\.com; check KB_LEADS_EMAIL"):
        mail.send(settings(f"smtp://{where}"), both)
    assert inbox.envelopes[0].rcpt_tos == ["lead@example.com"]

    alone = Letter(("gone@example.com",), "Неделя", "…")
    with pytest.raises(MailFailed, match=r"gone@example\.com: 550 no such mailbox"):
        mail.send(settings(f"smtp://{where}"), alone)


def test_a_server_that_is_not_there_is_one_line():
    with pytest.raises(MailFailed, match=r"^127\.0\.0\.1:\d+ did not take the letter: .*refused"):
        mail.send(settings(f"smtp://127.0.0.1:{free_port()}"), LETTER)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "no mail server; set KB_SMTP_URL"),
        ("mail.example.com:25", "KB_SMTP_URL is no address"),
        ("http://mail.example.com", "KB_SMTP_URL is no address"),
        ("smtp://user:secret@mail.example.com:99999", "KB_SMTP_URL is no address"),
        ("smtp://", "KB_SMTP_URL is no address"),
    ],
)
def test_an_address_that_is_none_is_said_with_the_cure(url, said):
    with pytest.raises(ConfigError, match=said) as wrong:
        mail.send(settings(url), LETTER)

    assert "secret" not in str(wrong.value)
    assert "smtp://user:password@mail.example.com:587" in str(wrong.value)


def test_a_letter_to_nobody_is_said_with_the_cure():
    with pytest.raises(ConfigError, match="nobody to write to; set KB_LEADS_EMAIL"):
        mail.send(settings("smtp://mail.example.com"), Letter((), "Неделя", "…"))


@pytest.mark.parametrize("box", ["lead", "a@b, c@d", "<a@b>", "a b@c"])
def test_a_mailbox_that_is_none_is_refused(box):
    with pytest.raises(ValueError, match="is no e-mail address"):
        Settings(leads_email=(box,))


@pytest.mark.parametrize("shift", range(12))
def test_a_subject_is_folded_into_encoded_words_alone(shift):
    subject = (
        "н" * (shift + 1) + " 12 новых вопросов без ответа, на 37 вопросов появился ответ 2026"
    )
    letter = Letter(("lead@example.com",), subject, "Привет.")

    raw = bytes(mail.message(settings("smtp://localhost"), letter)).decode()
    told = raw[raw.index("Subject: ") + 9 :].split("\nDate:")[0]

    assert all(re.fullmatch(r"=\?utf-8\?b\?[\w+/=]+\?=", word) for word in told.split())
    assert str(make_header(decode_header(told.replace("\n", "")))) == subject
    assert max(map(len, raw.split("\n\n")[0].splitlines())) <= 78
