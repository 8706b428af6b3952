"""Response cache of `/api/search`: a WSGI middleware over a table in shared memory.

Browsers send a request at every keystroke, and many readers begin with the same letters. A query
that was answered in this edition gets the same bytes again, without Flask.
"""

import mmap
import zlib
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from struct import Struct
from time import monotonic, perf_counter
from typing import Any, NamedTuple

from werkzeug.wsgi import get_host

from kb.current_build import Edition
from kb.site import compression

PATH = "/api/search"
SLOTS = 4096
_SLOT = 4096  # bytes of a slot; an answer that does not fit is not cached
_HEAD = Struct("<16sIH??I")  # key, checksum, length of the body, outcome, second of its making
_MADE = Struct("<24xI")  # the last of a head
_PLACES = Struct("<QQ")  # of a key
SECONDS = 30  # for which a browser keeps an answer, at most

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Application = Callable[[Environ, Any], Iterable[bytes]]


def cache_control(seconds: int) -> str:
    """The `Cache-Control` of answers that a browser may keep for so many seconds."""
    return f"private, max-age={max(seconds, 0)}"


class Outcome(NamedTuple):
    """The outcome of a search, for metrics."""

    found: bool
    confident: bool


class SearchAnswer(NamedTuple):
    """An answered query: its outcome, the build that answered, and the JSON."""

    outcome: Outcome
    build: str
    body: bytes


class AnswerCache:
    """A cache of compressed answers in memory that forked processes share.

    A key has two slots, and a new answer overwrites the older one in them: with one, two questions
    that are often asked might drive each other out for ever. No lock is taken: an answer that
    another process overwrites while it is read fails its checksum and counts as absent.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        """With 0 slots nothing is cached. The system gives memory as slots are filled."""
        self._slots = slots
        self.keeps = slots > 0
        self._memory = mmap.mmap(-1, max(slots, 1) * _SLOT)

    def put(self, key: bytes, outcome: Outcome, packed: bytes) -> None:
        """Caches an answer, compressed, under a key of 16 bytes, unless it is too long."""
        if _HEAD.size + len(packed) <= _SLOT:
            checksum = zlib.crc32(packed, zlib.crc32(key))
            head = _HEAD.pack(key, checksum, len(packed), *outcome, int(monotonic()))
            at = min(self._places(key), key=self._made)
            self._memory[at : at + len(head) + len(packed)] = head + packed

    def get(self, key: bytes) -> tuple[Outcome, bytes] | None:
        """The outcome and the compressed answer under `key`, or None."""
        if not self.keeps:
            return None
        for at in self._places(key):
            stored_key, checksum, length, *outcome, _ = _HEAD.unpack_from(self._memory, at)
            if stored_key == key:
                begin = at + _HEAD.size
                packed = self._memory[begin : begin + length]
                if zlib.crc32(packed, zlib.crc32(key)) == checksum:
                    return Outcome(*outcome), packed
        return None

    def _places(self, key: bytes) -> tuple[int, int]:
        """Where the two slots of a key begin."""
        first, second = _PLACES.unpack(key)
        return first % self._slots * _SLOT, second % self._slots * _SLOT

    def _made(self, at: int) -> int:
        """The second in which the answer in a slot was made, 0 for none."""
        made: int = _MADE.unpack_from(self._memory, at)[0]
        return made


class CacheMiddleware:
    """WSGI middleware that answers `GET /api/search` and passes other requests to the application.

    If answering raises, the application gets the request, too: it raises the same error again and
    has the message for it.
    """

    def __init__(
        self,
        app: Application,
        cache: AnswerCache,
        *,
        edition: Callable[[Environ], Edition | None],
        lasting: Callable[[int], int],
        answer: Callable[[str, str], SearchAnswer],
        hosts: Sequence[str],
        headers: Sequence[tuple[str, str]],
        is_private: bool = False,
        observe: Callable[[int, Outcome | None, float], None],
    ) -> None:
        """Wraps `app`.

        `edition` returns that of answers now, or None for a request that strangers' answers are not
        for: the application gets it. `lasting` tells for how many seconds, at most so many, they
        may be kept by browsers, where `is_private` does not forbid it. `answer` answers a query
        string as WSGI writes it for a site under a URL prefix. `hosts` are the host names that are
        answered; none means all. `headers` are added to each answer. `observe` is called after each
        answer with status, outcome and seconds.
        """
        self._app = app
        self._cache = cache
        self._edition = edition
        self._lasting = lasting
        self._answer = answer
        self._hosts = hosts
        self._headers = headers
        self._is_private = is_private
        self._observe = observe

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "GET":
            return self._app(environ, start_response)
        began = perf_counter()
        query_string, prefix = environ.get("QUERY_STRING", ""), environ.get("SCRIPT_NAME", "")
        is_packed = compression.accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        try:
            if self._hosts:
                get_host(environ, self._hosts)
            edition = self._edition(environ)
            if edition is None:
                return self._app(environ, start_response)
            key = _key(edition, query_string, prefix)
            etag = f'"{key.hex()}"'
            kept = "no-store" if self._is_private else cache_control(self._lasting(SECONDS))
            if etag in environ.get("HTTP_IF_NONE_MATCH", ""):
                start_response("304 Not Modified", [("ETag", f"W/{etag}"), ("Cache-Control", kept)])
                self._observe(304, None, perf_counter() - began)
                return ()
            outcome, body = self._cached(key, is_packed) or self._new(
                key, edition.build, query_string, prefix, is_packed
            )
        except Exception:
            return self._app(environ, start_response)
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", kept),
            ("Vary", "Accept-Encoding"),
            ("ETag", f"W/{etag}"),  # weak, for the same answer may be packed or not
            *self._headers,
        ]
        if is_packed:
            headers.append(("Content-Encoding", "gzip"))
        start_response("200 OK", headers)
        self._observe(200, outcome, perf_counter() - began)
        return (body,)

    def _cached(self, key: bytes, is_packed: bool) -> tuple[Outcome, bytes] | None:
        """The cached answer in the encoding that the client accepts."""
        cached = self._cache.get(key)
        if cached is None:
            return None
        outcome, body = cached
        return outcome, body if is_packed else compression.decompress(body)

    def _new(
        self, key: bytes, build: str, query_string: str, prefix: str, is_packed: bool
    ) -> tuple[Outcome, bytes]:
        """A new answer in the encoding that the client accepts; it is cached."""
        outcome, answered_by, body = self._answer(query_string, prefix)
        is_kept = (
            self._cache.keeps and answered_by == build
        )  # not if another was published meanwhile
        packed = compression.compress(body) if is_kept or is_packed else b""
        if is_kept:
            self._cache.put(key, outcome, packed)
        return outcome, packed if is_packed else body


def _key(edition: Edition, query_string: str, prefix: str) -> bytes:
    """The cache key of a query string in an edition, under a URL prefix; also its ETag."""
    asked = "\0".join((*map(str, edition), prefix, query_string))
    return blake2b(asked.encode("utf-8", "surrogateescape"), digest_size=16).digest()
