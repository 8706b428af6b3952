"""Clients that send, or read, a byte a second. They measure nothing but when they were closed."""

import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

FORKED = get_context("fork")
KINDS = ("line", "header", "body", "reader")

Address = tuple[str, int]


def connected(port: int) -> set[int]:
    """Ports of the clients to which the server's end of a connection still stands (Linux)."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        ours, theirs, state = line.split()[1:4]
        if state == "01" and int(ours.rpartition(":")[2], 16) == port:
            found.add(int(theirs.rpartition(":")[2], 16))
    return found


class Slow(FORKED.Process):  # type: ignore[name-defined,misc]
    """Slow clients, in a process that takes no time from those whose times are taken.

    A fourth each is slow in the request line, in a header, in a body and in reading an answer.
    """

    def __init__(
        self, address: Address, clients: int, *, post: str, large: str, patience: float = 60.0
    ) -> None:
        """`post` takes a body, `large` has a long answer; after `patience` seconds all leave."""
        super().__init__(daemon=True)
        self._address = address
        self._patience = patience
        host = f"Host: {address[0]}\r\n"
        self._said = {
            "line": (b"GET /?q=", b"a"),
            "header": (f"GET / HTTP/1.1\r\n{host}X-A: ".encode(), b"a"),
            "body": (f"POST {post} HTTP/1.1\r\n{host}Content-Length: 60000\r\n\r\n".encode(), b" "),
            "reader": (f"GET {large} HTTP/1.1\r\n{host}\r\n".encode(), b""),
        }
        self._kinds = [KINDS[i % len(KINDS)] for i in range(clients)]
        self.connected = FORKED.Event()
        self.closed: Any = FORKED.Queue()  # a kind and its seconds, for each that was closed

    def wait(self) -> dict[str, list[float]]:
        """Of each kind after how many seconds its clients were closed, once all have left."""
        found: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for kind, seconds in iter(self.closed.get, None):
            found[kind].append(seconds)
        self.join()
        return found

    def run(self) -> None:
        """In its process."""
        began = time.monotonic()
        clients = [(kind, self._connect(kind)) for kind in self._kinds]
        self.connected.set()
        while clients and time.monotonic() < began + self._patience:
            standing = connected(self._address[1])
            pause = 1 / len(clients)
            for kind, client in list(clients):
                time.sleep(pause)
                self._go_on(kind, client)
                if client.getsockname()[1] in standing:
                    continue
                clients.remove((kind, client))
                self.closed.put((kind, time.monotonic() - began))
        self.closed.put(None)

    def _connect(self, kind: str) -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(self._address)
        client.sendall(self._said[kind][0])
        client.setblocking(False)
        return client

    def _go_on(self, kind: str, client: socket.socket) -> None:
        with suppress(OSError):
            if kind == "reader":
                client.recv(1)
            else:
                client.send(self._said[kind][1])


def told(closed: dict[str, list[float]], of: int) -> Sequence[str]:
    """A line for each kind, of which there were so many."""
    lines = []
    for kind, times in closed.items():
        span = f", after {min(times):.0f} to {max(times):.0f} s" if times else ""
        lines.append(f"slow {kind:8} {len(times)} of {of} closed{span}")
    return lines
