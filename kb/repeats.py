"""`/api/search` answered before Flask begins, from memory that all workers share if it can be.

Works no answer out itself. It is asked at every keystroke, and readers begin alike: a question that
was answered in this build and on this day is answered with the same bytes.
"""

import mmap
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from hashlib import blake2b
from struct import Struct
from time import perf_counter
from typing import Any, NamedTuple

from werkzeug.wsgi import get_host

from kb import packing

PATH = "/api/search"
SLOTS = 4096  # answers kept
_SLOT = 4096  # bytes each may take with its head; a longer one is not kept
_HEAD = Struct("<16sIH??")  # key, checksum, length of the body, outcome
AGE = "private, max-age=30"

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Outcome(NamedTuple):
    """What is counted of an answer."""

    found: bool
    confident: bool


class Answer(NamedTuple):
    """A question worked out: what is counted of it, the build that answered, and the JSON."""

    outcome: Outcome
    build: str
    body: bytes


class Shelf:
    """A fixed number of compressed answers by key; a new one takes the place of an old one.

    Processes forked later share it without a lock: an answer that another process is writing over
    at this moment does not have its checksum and counts as absent.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        """With no slots nothing is kept. Memory is taken as slots are filled."""
        self._slots = slots
        self.keeps = slots > 0
        self._memory = mmap.mmap(-1, max(slots, 1) * _SLOT)

    def put(self, key: bytes, outcome: Outcome, packed: bytes) -> None:
        """Keeps an answer under the 16 bytes of `key`, unless it is too long."""
        if _HEAD.size + len(packed) <= _SLOT:
            head = _HEAD.pack(key, zlib.crc32(packed, zlib.crc32(key)), len(packed), *outcome)
            at = self._place(key)
            self._memory[at : at + len(head) + len(packed)] = head + packed

    def get(self, key: bytes) -> tuple[Outcome, bytes] | None:
        """The answer kept under `key`, if it still is."""
        if not self.keeps:
            return None
        at = self._place(key)
        slot = self._memory[at : at + _SLOT]
        known, check, length, *outcome = _HEAD.unpack_from(slot)
        packed = slot[_HEAD.size : _HEAD.size + length]
        if known != key or zlib.crc32(packed, zlib.crc32(key)) != check:
            return None
        return Outcome(*outcome), packed

    def _place(self, key: bytes) -> int:
        return int.from_bytes(key[:8], "little") % self._slots * _SLOT


class Repeats:
    """Wraps an application, which answers everything else, and says what is wrong with a question.

    It is handed whatever raises here, and comes upon the same mistake again, in one place that has
    words for it.
    """

    def __init__(
        self,
        app: Application,
        shelf: Shelf,
        *,
        edition: Callable[[], tuple[str, date]],
        answer: Callable[[str], Answer],
        hosts: Sequence[str],
        headers: Sequence[tuple[str, str]],
        told: Callable[[int, Outcome | None, float], None],
    ) -> None:
        """`edition` names build and day; `answer` works out a query string, as WSGI writes it.

        Only `hosts` are answered, if any are named. `told` hears of status, outcome and seconds of
        each answer given here.
        """
        self._app = app
        self._shelf = shelf
        self._edition = edition
        self._answer = answer
        self._hosts = hosts
        self._headers = headers
        self._told = told

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "GET":
            return self._app(environ, start_response)
        began = perf_counter()
        asked = environ.get("QUERY_STRING", "")
        is_packed = packing.is_taken(environ.get("HTTP_ACCEPT_ENCODING", ""))
        try:
            if self._hosts:
                get_host(environ, self._hosts)
            build, day = self._edition()
            key = _key(build, day, asked)
            etag = f'"{key.hex()}"'
            if etag in environ.get("HTTP_IF_NONE_MATCH", ""):
                start_response("304 Not Modified", [("ETag", f"W/{etag}"), ("Cache-Control", AGE)])
                self._told(304, None, perf_counter() - began)
                return ()
            outcome, body = self._kept(key, is_packed) or self._new(key, build, asked, is_packed)
        except Exception:
            return self._app(environ, start_response)
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", AGE),
            ("Vary", "Accept-Encoding"),
            ("ETag", f"W/{etag}"),  # weak, for the same answer may be packed or not
            *self._headers,
        ]
        if is_packed:
            headers.append(("Content-Encoding", "gzip"))
        start_response("200 OK", headers)
        self._told(200, outcome, perf_counter() - began)
        return (body,)

    def _kept(self, key: bytes, is_packed: bool) -> tuple[Outcome, bytes] | None:
        """The answer given before, as the client takes it."""
        kept = self._shelf.get(key)
        if kept is None:
            return None
        outcome, body = kept
        return outcome, body if is_packed else packing.unpacked(body)

    def _new(self, key: bytes, build: str, asked: str, is_packed: bool) -> tuple[Outcome, bytes]:
        """The answer worked out, as the client takes it, and kept."""
        outcome, answered, body = self._answer(asked)
        is_kept = self._shelf.keeps and answered == build  # not if another was published meanwhile
        packed = packing.packed(body) if is_kept or is_packed else b""
        if is_kept:
            self._shelf.put(key, outcome, packed)
        return outcome, packed if is_packed else body


def _key(build: str, day: date, asked: str) -> bytes:
    """The same for the same question; it also names the answer in its ETag."""
    named = f"{build}\0{day.toordinal()}\0{asked}"
    return blake2b(named.encode("utf-8", "surrogateescape"), digest_size=16).digest()
