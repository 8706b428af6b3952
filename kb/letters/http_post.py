"""One HTTP request with a deadline and a bounded answer. Follows no redirect, knows no letter."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection, InvalidURL
from threading import Event, Timer
from typing import Final
from urllib.parse import urlsplit

from kb.base.escaping import header
from kb.base.messages import Message

TIMEOUT: Final = 20.0  # seconds for any one word of the receiver
DEADLINE: Final = 60.0  # seconds for all of it
_LARGEST: Final = 256 * 1024  # bytes of an answer that are read
_QUOTED: Final = 200  # characters of an answer that are told


class NotDelivered(Exception):
    """The receiver did not take a request; `after` are the seconds it asked to wait, or 0."""

    def __init__(self, reason: Message, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: a method, an address, headers and a body."""

    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    method: str = "POST"


def send(request: Request, *, timeout: float = TIMEOUT, deadline: float = DEADLINE) -> bytes:
    """The body of the answer, if its status is 200 to 299. Raises NotDelivered."""
    address = urlsplit(request.url)
    host = address.netloc.rpartition("@")[2]
    make = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = make(host, timeout=timeout)
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    late = Event()
    guard = Timer(deadline, _cut, [connection, late])
    guard.daemon = True
    guard.start()
    try:
        connection.request(request.method, path, request.body, dict(request.headers))
        with connection.getresponse() as answer:
            body = answer.read(_LARGEST)
    except (OSError, HTTPException, ValueError) as error:
        raise NotDelivered(_late(deadline) if late.is_set() else _told(error)) from None
    finally:
        guard.cancel()
        connection.close()
    if late.is_set():
        raise NotDelivered(_late(deadline))
    if not 200 <= answer.status < 300:
        told = header(body.decode("utf-8", "replace"))[:_QUOTED]
        status = f"{answer.status} {header(answer.reason)}: {told}".rstrip(": ")
        raise NotDelivered(
            Message("{text}", text=status),
            _seconds(answer.getheader("Retry-After", "")),
        )
    return body


def _cut(connection: HTTPConnection, late: Event) -> None:
    """Ends a conversation that goes on for ever, a byte at a time."""
    late.set()
    with suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)


def _late(deadline: float) -> Message:
    return Message("no whole answer within {seconds} s", seconds=f"{deadline:g}")


def _told(error: Exception) -> Message:
    if isinstance(error, InvalidURL | ValueError):  # it quotes the address or header: a secret
        return Message("a character in the address or in a secret cannot be sent")
    return Message("{text}", text=header(str(error)) or type(error).__name__)


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0
