"""Hands a letter to the mail server of `KB_SMTP_URL`. Writes none and keeps none."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import formataddr, formatdate, make_msgid
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from kb.base.config import Settings
from kb.base.errors import ConfigError, MailFailed, MailRefused
from kb.base.escaping import header, lines
from kb.base.messages import Message

TIMEOUT = 30.0  # seconds to wait for any one word of the mail server
_PORTS = {"smtp": 25, "smtps": 465}
_HERE = frozenset(["localhost", "127.0.0.1", "::1"])
_EXAMPLE = "smtp://user:password@mail.example.com:587"


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to somebody: always as plain text, beside it as HTML where `html` is given."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str = ""
    reply_to: str = ""
    message_id: str = ""  # `<…@…>`; empty: a new one
    in_reply_to: str = ""  # the Message-ID of the mail that this one answers
    sender_name: str = ""  # of a person; empty: the site's
    auto: str = "auto-generated"  # RFC 3834; empty: a person wrote it
    files: tuple[tuple[str, str, bytes], ...] = ()  # name, type and content of each


def send(settings: Settings, letter: Letter) -> None:
    """Hand the letter over, so that the mail server answers for it.

    `smtps://` is encrypted from the first byte, `smtp://` as soon as the server offers it
    (STARTTLS, RFC 3207); a password leaves this machine encrypted or not at all.
    Raises ConfigError without a usable `KB_SMTP_URL` or a recipient, MailFailed if the server did
    not take the letter, or not for everybody.
    """
    address = _address(settings)
    if not letter.to:
        raise ConfigError(
            Message("nobody to write to; set KB_LEADS_EMAIL, such as lead@example.com")
        )
    where = f"{address.hostname}:{_port(address)}"
    try:
        with _connected(address) as server:
            refused = server.send_message(message(settings, letter), to_addrs=letter.to)
    except smtplib.SMTPRecipientsRefused as error:
        reason = Message(
            "{where} did not take the letter: {reason}; check the address",
            where=where,
            reason=_reason(error),
        )
        is_final = all(code >= 500 for code, _ in error.recipients.values())
        raise (MailRefused if is_final else MailFailed)(reason) from error
    except (OSError, smtplib.SMTPException) as error:
        raise MailFailed(
            Message(
                "{where} did not take the letter: {reason}; check KB_SMTP_URL",
                where=where,
                reason=_reason(error),
            )
        ) from error
    if refused:
        raise MailFailed(
            Message(
                "{where} took the letter, but not for {refused}; check KB_LEADS_EMAIL",
                where=where,
                refused=", ".join(refused),
            )
        )


def check(settings: Settings) -> str:
    """Greets the mail server and signs in, as before a letter; returns its host and port.

    Raises ConfigError and MailFailed as `send` does.
    """
    address = _address(settings)
    where = f"{address.hostname}:{_port(address)}"
    try:
        with _connected(address) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        raise MailFailed(
            Message("{where} takes no letters: {reason}; check KB_SMTP_URL",
                    where=where, reason=_reason(error))
        ) from error  # fmt: skip
    return where


def message(settings: Settings, letter: Letter) -> EmailMessage:
    """The letter as it travels; no text can begin a header of its own."""
    found = EmailMessage(policy=_WHOLE_WORDS)
    box = sender(settings)
    found["From"] = formataddr((header(letter.sender_name or settings.site_name), box))
    found["To"] = ", ".join(map(header, letter.to))
    found["Subject"] = header(letter.subject)
    if letter.reply_to:
        found["Reply-To"] = header(letter.reply_to)
    found["Date"] = formatdate(localtime=False)
    found["Message-ID"] = letter.message_id or make_msgid("kb", box.rpartition("@")[2])
    if letter.in_reply_to:
        found["In-Reply-To"] = found["References"] = letter.in_reply_to
    if letter.auto:
        found["Auto-Submitted"] = letter.auto  # RFC 3834: no out-of-office reply, please
    found.set_content(lines(letter.text))
    if letter.html:
        found.add_alternative(lines(letter.html), subtype="html")
    for name, type, content in letter.files:
        kind, _, subtype = type.partition("/")
        found.add_attachment(content, maintype=kind, subtype=subtype, filename=header(name))
    return found


class _WholeWords(EmailPolicy):
    """Folds a subject that is not ASCII into encoded words alone.

    The library may leave figures outside them, and mail programs drop the space beside:
    «на 37вопросов».
    """

    def fold(self, name: str, value: Any) -> str:
        """The header as lines."""
        return _encoded(name, str(value), self.linesep) or super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The header as lines of bytes."""
        encoded = _encoded(name, str(value), self.linesep)
        return encoded.encode("ascii") if encoded else super().fold_binary(name, value)


def _encoded(name: str, text: str, end: str) -> str:
    """A subject as encoded words; "" for what the library folds well."""
    if name.casefold() != "subject" or text.isascii():
        return ""
    words = Header(text, "utf-8", header_name=name).encode(linesep=end)
    return f"{name}: {words}{end}"


_WHOLE_WORDS: Final = _WholeWords()


def sender(settings: Settings) -> str:
    """`KB_MAIL_FROM`, else the address customers know, else one of the mail server's host."""
    return settings.mail_from or settings.support_email or f"kb@{_address(settings).hostname}"


def _address(settings: Settings) -> SplitResult:
    """The parts of `KB_SMTP_URL`; what is wrong with it is said without repeating the password."""
    if settings.smtp_url is None:
        raise ConfigError(
            Message("no mail server; set KB_SMTP_URL, such as {example}", example=_EXAMPLE)
        )
    try:
        address = urlsplit(settings.smtp_url.get_secret_value())
        usable = address.scheme in _PORTS and address.hostname and address.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            Message("KB_SMTP_URL is no address of a mail server; write {example}", example=_EXAMPLE)
        )
    return address


def _port(address: SplitResult) -> int:
    return address.port or _PORTS[address.scheme]


@contextmanager
def _connected(address: SplitResult) -> Iterator[smtplib.SMTP]:
    """A server that is ready to take a letter."""
    host, port = str(address.hostname), _port(address)
    trust = ssl.create_default_context()
    if address.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=trust)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT)
    with server:
        server.ehlo_or_helo_if_needed()
        encrypted = address.scheme == "smtps"
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=trust)
            encrypted = True
        if address.username:
            if not encrypted and host not in _HERE:
                raise smtplib.SMTPException(
                    Message("it offers no encryption, and a password needs it")
                )
            server.login(*_login(address))
        yield server


def _login(address: SplitResult) -> tuple[str, str]:
    user, password = unquote(address.username or ""), unquote(address.password or "")
    if not (user + password).isascii():
        raise ConfigError(
            Message("the password in KB_SMTP_URL must be ASCII; choose one of A-Z a-z 0-9")
        )
    return user, password


def _reason(error: Exception) -> str:
    """What the server or the system said, in one line."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{who}: {_said(*said)}" for who, said in error.recipients.items())
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    if error.args and isinstance(error.args[0], Message):
        return error.args[0]
    return header(str(error)) or type(error).__name__


def _said(code: int, text: bytes | str) -> str:
    return header(f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}")
