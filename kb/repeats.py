"""Questions asked before, answered as ready bytes from memory that all workers share.

Works no answer out. `/api/search` is asked at every keystroke, and readers begin alike: a question
that was answered in this build and on this day is answered before Flask begins.
"""

import mmap
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from hashlib import blake2b
from struct import Struct
from time import perf_counter
from typing import Any, NamedTuple

from kb.errors import KBError

PATH = "/api/search"
QUESTION = "kb.question"  # in the environment of a request: its key and the build it is about
SLOTS = 4096  # answers kept
_SLOT = 4096  # bytes each may take with its head; a longer one is not kept
_HEAD = Struct("<16sIH??")  # key, checksum, length of the body, outcome
_LEVEL = 3  # of compression: a tenth of a millisecond for ten hits
_GZIP = 16 + zlib.MAX_WBITS
_AGE = "private, max-age=30"

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Outcome(NamedTuple):
    """What is counted of an answer."""

    found: bool
    confident: bool


class Shelf:
    """A fixed number of compressed answers by key; a new one takes the place of an old one.

    Processes forked later share it without a lock: an answer that another process is writing over
    at this moment does not have its checksum and counts as absent.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        """With no slots nothing is kept. Memory is taken as slots are filled."""
        self._slots = slots
        self._memory = mmap.mmap(-1, max(slots, 1) * _SLOT)

    def keep(
        self, environ: Environ, build: str, outcome: Outcome, body: bytes
    ) -> tuple[bytes, Headers]:
        """Keeps an answer from `build`; gives it as the client takes it, with its headers."""
        key, about = environ.get(QUESTION, (None, ""))
        is_kept = self._slots > 0 and about == build  # not if another was published meanwhile
        is_packed = _takes_gzip(environ)
        packed = _packed(body) if is_kept or is_packed else b""
        if is_kept:
            self.put(key, outcome, packed)
        return packed if is_packed else body, _headers(key, is_packed)

    def put(self, key: bytes, outcome: Outcome, packed: bytes) -> None:
        """Keeps an answer under the 16 bytes of `key`, unless it is too long."""
        if _HEAD.size + len(packed) <= _SLOT:
            head = _HEAD.pack(key, zlib.crc32(packed, zlib.crc32(key)), len(packed), *outcome)
            at = self._place(key)
            self._memory[at : at + len(head) + len(packed)] = head + packed

    def get(self, key: bytes) -> tuple[Outcome, bytes] | None:
        """The answer kept under `key`, if it still is."""
        if not self._slots:
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


def _packed(body: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
    return packer.compress(body) + packer.flush()


def _takes_gzip(environ: Environ) -> bool:
    return "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")


def _headers(key: bytes | None, is_packed: bool) -> Headers:
    return [
        ("Content-Type", "application/json"),
        ("Cache-Control", _AGE),
        ("Vary", "Accept-Encoding"),
        *([("ETag", _etag(key))] if key else ()),
        *([("Content-Encoding", "gzip")] if is_packed else ()),
    ]


def _etag(key: bytes) -> str:
    """Weak, for the same answer may be compressed or not."""
    return f'W/"{key.hex()}"'


class Repeats:
    """Wraps an application; what is not on the shelf, it answers."""

    def __init__(
        self,
        app: Application,
        shelf: Shelf,
        *,
        edition: Callable[[], tuple[str, date]],
        by_host: bool,
        headers: Sequence[tuple[str, str]],
        told: Callable[[int, Outcome | None, float], None],
    ) -> None:
        """`edition` names build and day; with `by_host` hosts share no answers, since some may not
        be answered. `told` hears of status, outcome and seconds of each answer given here.
        """
        self._app = app
        self._shelf = shelf
        self._edition = edition
        self._by_host = by_host
        self._headers = headers
        self._told = told

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "GET":
            return self._app(environ, start_response)
        began = perf_counter()
        try:
            build, day = self._edition()
        except KBError:  # no build: the application says so
            return self._app(environ, start_response)
        key = self._key(environ, build, day)
        environ[QUESTION] = key, build
        if _etag(key)[2:] in environ.get("HTTP_IF_NONE_MATCH", ""):
            start_response("304 Not Modified", [("ETag", _etag(key)), ("Cache-Control", _AGE)])
            self._told(304, None, perf_counter() - began)
            return ()
        kept = self._shelf.get(key)
        if kept is None:
            return self._app(environ, start_response)
        outcome, packed = kept
        is_packed = _takes_gzip(environ)
        body = packed if is_packed else zlib.decompress(packed, _GZIP)
        length = ("Content-Length", str(len(body)))
        start_response("200 OK", [*_headers(key, is_packed), length, *self._headers])
        self._told(200, outcome, perf_counter() - began)
        return (body,)

    def _key(self, environ: Environ, build: str, day: date) -> bytes:
        """The same for the same question; it also names the answer in its ETag."""
        host = environ.get("HTTP_HOST", "") if self._by_host else ""
        named = "\0".join((build, str(day.toordinal()), host, environ.get("QUERY_STRING", "")))
        return blake2b(named.encode("utf-8", "surrogateescape"), digest_size=16).digest()
