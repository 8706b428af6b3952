"""Hands a letter to the mail server of `KB_SMTP_URL`. Writes none and keeps none."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from urllib.parse import SplitResult, unquote, urlsplit

from kb.config import Settings
from kb.errors import ConfigError, MailFailed

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


def send(settings: Settings, letter: Letter) -> None:
    """Hand the letter over, so that the mail server answers for it.

    `smtps://` is encrypted from the first byte, `smtp://` as soon as the server offers it
    (STARTTLS, RFC 3207); a password leaves this machine encrypted or not at all.
    Raises ConfigError without a usable `KB_SMTP_URL` or a recipient, MailFailed if the server did
    not take the letter, or not for everybody.
    """
    address = _address(settings)
    if not letter.to:
        raise ConfigError("nobody to write to; set KB_LEADS_EMAIL, such as lead@example.com")
    where = f"{address.hostname}:{_port(address)}"
    try:
        with _connected(address) as server:
            refused = server.send_message(message(settings, letter), to_addrs=letter.to)
    except (OSError, smtplib.SMTPException) as error:
        raise MailFailed(
            f"{where} did not take the letter: {_reason(error)}; check KB_SMTP_URL"
        ) from error
    if refused:
        raise MailFailed(
            f"{where} took the letter, but not for {', '.join(refused)}; check KB_LEADS_EMAIL"
        )


def message(settings: Settings, letter: Letter) -> EmailMessage:
    """The letter as it travels; no text can begin a header of its own."""
    found = EmailMessage()
    sender = _sender(settings)
    found["From"] = formataddr((_line(settings.site_name), sender))
    found["To"] = ", ".join(map(_line, letter.to))
    found["Subject"] = _line(letter.subject)
    if letter.reply_to:
        found["Reply-To"] = _line(letter.reply_to)
    found["Date"] = formatdate(localtime=False)
    found["Message-ID"] = make_msgid("kb", sender.rpartition("@")[2])
    found["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office reply, please
    found.set_content(letter.text)
    if letter.html:
        found.add_alternative(letter.html, subtype="html")
    return found


def _sender(settings: Settings) -> str:
    """`KB_MAIL_FROM`, else the address customers know, else one of the mail server's host."""
    return settings.mail_from or settings.support_email or f"kb@{_address(settings).hostname}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _address(settings: Settings) -> SplitResult:
    """The parts of `KB_SMTP_URL`; what is wrong with it is said without repeating the password."""
    if settings.smtp_url is None:
        raise ConfigError(f"no mail server; set KB_SMTP_URL, such as {_EXAMPLE}")
    try:
        address = urlsplit(settings.smtp_url.get_secret_value())
        usable = address.scheme in _PORTS and address.hostname and address.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"KB_SMTP_URL is no address of a mail server; write {_EXAMPLE}")
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
                raise smtplib.SMTPException("it offers no encryption, and a password needs it")
            server.login(*_login(address))
        yield server


def _login(address: SplitResult) -> tuple[str, str]:
    user, password = unquote(address.username or ""), unquote(address.password or "")
    if not (user + password).isascii():
        raise ConfigError("the password in KB_SMTP_URL must be ASCII; choose one of A-Z a-z 0-9")
    return user, password


def _reason(error: Exception) -> str:
    """What the server or the system said, in one line."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{who}: {_said(*said)}" for who, said in error.recipients.items())
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    return _line(str(error)) or type(error).__name__


def _said(code: int, text: bytes | str) -> str:
    return _line(f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}")
