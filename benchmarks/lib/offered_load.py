"""HTTP requests at a fixed rate, or as fast as answers come. Starts no server, judges no answer.

At a fixed rate a request is due at its moment whether or not earlier ones were answered, and its
latency counts from that moment: a server that stands still delays all who come meanwhile.
"""

import re
import selectors
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection
from time import perf_counter

Address = tuple[str, int]

AT_ONCE = 8  # connections of clients that wait for each answer
MOST = 64  # connections that are opened at a fixed rate while answers are late
PATIENCE = 60.0  # seconds for answers that are missing in the end
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REQUEST = "GET {} HTTP/1.1\r\nHost: {}:{}\r\nAccept-Encoding: gzip\r\n\r\n"


@dataclass(slots=True)
class Answers:
    """What came of the requests of some seconds."""

    ms: list[float] = field(default_factory=list)  # from when each was due
    failed: int = 0  # answered by another status than 200, or not at all
    bytes: int = 0  # of all answers, heads included
    seconds: float = 0.0  # until the last of them


class _Connection:
    """A connection that stays open, and the answer that is read from it."""

    def __init__(self, address: Address) -> None:
        self.socket = create_connection(address, timeout=10)
        self.socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self.due, self.received = 0.0, b""

    def send(self, request: bytes, due: float) -> None:
        self.due, self.received = due, b""
        self.socket.sendall(request)

    def status(self) -> int | None:
        """Reads on: the status of an answer read wholly, 0 after an end too early, or None."""
        part = self.socket.recv(2**16)
        self.received += part
        return status_of(self.received) if part else 0


def status_of(received: bytes) -> int | None:
    """The status of an answer, or None while some of it is missing."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    length = _LENGTH.search(head)
    is_whole = len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n")
    return int(head[9:12]) if is_whole else None


def asked(
    address: Address,
    paths: Iterable[str],
    seconds: float,
    rate: float | None = None,
    at_once: int = AT_ONCE,
) -> Answers:
    """Asks for the paths in turn until the time is over, or there are no more, and for all answers.

    `rate` is how many requests a second are due; without one, so many clients ask as soon as they
    are answered.
    """
    return _Load(address, paths, seconds, rate, at_once).run()


class _Load:
    """The requests of some seconds and the connections they use."""

    def __init__(
        self,
        address: Address,
        paths: Iterable[str],
        seconds: float,
        rate: float | None,
        at_once: int,
    ) -> None:
        self._address, self._seconds, self._rate = address, seconds, rate
        self._requests = (_REQUEST.format(path, *address).encode() for path in paths)
        self._next = next(self._requests, None)
        self._idle = deque(_Connection(address) for _ in range(at_once))
        self._waiting = selectors.SelectSelector()  # epoll rounds up to whole milliseconds
        self._sent, self._answers = 0, Answers()

    def run(self) -> Answers:
        began = perf_counter()
        is_over = False
        while True:
            now = perf_counter() - began
            if not is_over:
                is_over = not self._send(now)
            busy = len(self._waiting.get_map())
            if (is_over and not busy) or now > self._seconds + PATIENCE:
                self._answers.failed += busy
                break
            self._receive(self._pause(now, is_over), began)
        self._answers.seconds = perf_counter() - began
        for connection in self._connections():
            connection.socket.close()
        self._waiting.close()
        return self._answers

    def _connections(self) -> Iterator[_Connection]:
        yield from self._idle
        yield from (key.data for key in self._waiting.get_map().values())

    def _due(self, now: float) -> float:
        return self._sent / self._rate if self._rate else now

    def _send(self, now: float) -> bool:
        """Sends what is due and can be sent; whether more will be."""
        while (due := self._due(now)) <= now:
            if due >= self._seconds:
                return False
            if not self._idle and (not self._rate or len(self._waiting.get_map()) >= MOST):
                return True
            if self._next is None:
                return False
            connection = self._idle.popleft() if self._idle else _Connection(self._address)
            connection.send(self._next, due)
            self._sent += 1
            self._waiting.register(connection.socket, selectors.EVENT_READ, connection)
            self._next = next(self._requests, None)
        return True

    def _pause(self, now: float, is_over: bool) -> float:
        """Seconds until there is something to send."""
        can_send = not is_over and len(self._waiting.get_map()) < MOST
        return min(max(self._due(now) - now, 0), 1.0) if self._rate and can_send else 1.0

    def _receive(self, seconds: float, began: float) -> None:
        """Reads what has come, or comes within so many seconds."""
        for key, _ in self._waiting.select(seconds):
            connection: _Connection = key.data
            status = connection.status()
            if status is None:
                continue
            self._waiting.unregister(connection.socket)
            self._answers.ms.append((perf_counter() - began - connection.due) * 1000)
            self._answers.bytes += len(connection.received)
            self._answers.failed += status != 200
            if not status:
                connection.socket.close()
                connection = _Connection(self._address)
            self._idle.append(connection)
