"""A mail server of the tests' own, in this process, on a free port."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from typing import Any

from needs import library

USER, PASSWORD = "kb@example.com", "pass:word/@"


class Inbox:
    """Keeps what arrives; refuses whom it is told to refuse."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.envelopes: list[Any] = []
        self.encrypted: list[bool] = []
        self.unknown: set[str] = set()

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.unknown:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    def letter(self) -> Any:
        """The only letter that came."""
        (envelope,) = self.envelopes
        return message_from_bytes(envelope.content, policy=policy.default)


def letters(inbox: Inbox) -> list[Any]:
    """All letters that came, in order."""
    return [message_from_bytes(each.content, policy=policy.default) for each in inbox.envelopes]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def opened(
    tls: ssl.SSLContext | None = None, *, smtps: bool = False, login: bool = False
) -> Iterator[Inbox]:
    """A mail server, with STARTTLS or encrypted at once, that may ask for USER and PASSWORD."""
    controllers = library("aiosmtpd.controller", "aiosmtpd")
    inbox = Inbox(f"127.0.0.1:{(port := free_port())}")
    more: dict[str, Any] = {}
    if login:
        more = {
            "authenticator": _authenticate,
            "auth_required": True,
            "auth_require_tls": bool(tls),
        }
    if tls and not smtps:
        more |= {"tls_context": tls, "require_starttls": True}
    controller = controllers.Controller(
        inbox, hostname="127.0.0.1", port=port, ssl_context=tls if smtps else None, **more
    )
    controller.start()
    try:
        yield inbox
    finally:
        controller.stop()


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> Any:
    right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return library("aiosmtpd.smtp", "aiosmtpd").AuthResult(success=right, handled=False)
