"""Rate limits by client, and the detection of crawlers that run no scripts.

Counts are in memory that all workers share; no address is written to disk. Forms are counted on
all machines together, where these share a log.
"""

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from struct import Struct
from time import monotonic

from kb.base.locked_json import JsonObject
from kb.base.shared_lock import SharedLock

_MOST_CLIENTS = 1000  # of whom counts of all machines are kept
_PLACES = 8  # values of one set: looked through one by one
_HEAD = Struct("=16sd")  # hash of the key, time of last use
_PARTS = 60  # of a period, each counted for itself
_COUNTS = Struct(f"=q{_PARTS + 1}H")  # the last part, then the counts of it and of those before
_SEARCH = Struct("=?d64s")  # whether there is one, when, its run


class _SharedTable:
    """A set-associative table of small values by key, in memory that forked processes share.

    A full set evicts its least recently used value.
    """

    def __init__(self, size: int, sets: int) -> None:
        """`size` is that of a value in bytes; the table holds eight values in each of `sets`.

        The system gives memory as places are filled.
        """
        self._size, self._sets = size, sets
        self._memory = mmap.mmap(-1, sets * _PLACES * (_HEAD.size + size))
        self._lock = SharedLock()

    @contextmanager
    def locked(self, key: str, now: float) -> Iterator[memoryview]:
        """The value of `key`, zeros at first; no other process changes it meanwhile."""
        name = blake2b(key.encode(), digest_size=16).digest()
        of_set = int.from_bytes(name[:4], "little") % self._sets
        with self._lock.held(of_set):
            at = self._place(of_set, name, now)
            with memoryview(self._memory) as whole, whole[at : at + self._size] as value:
                yield value

    def _place(self, of_set: int, name: bytes, now: float) -> int:
        """The offset of the value of this name; evicts another one if the set is full."""
        memory, whole = self._memory, _HEAD.size + self._size
        first = of_set * _PLACES * whole
        places = range(first, first + _PLACES * whole, whole)
        place = memory.find(name, first, places.stop)
        while place not in places and place >= 0:  # the same bytes, but inside a value
            place = memory.find(name, place + 1, places.stop)
        if place < 0:
            place = min(places, key=lambda place: _HEAD.unpack_from(memory, place)[1])
            memory[place : place + whole] = bytes(whole)
        _HEAD.pack_into(memory, place, name, now)
        return place + _HEAD.size


class RateLimiter:
    """A sliding-window rate limiter that all processes forked later share."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._counts = _SharedTable(_COUNTS.size, sets=1024)

    def allows(self, action: str, client: str, most: int, seconds: float, n: int = 1) -> bool:
        """Whether `client` may do `action` `n` times more; if so, counts them.

        A client may do it `most` times in any period of `seconds`. A count ends up to a sixtieth
        of the period late.
        """
        now = self._now()
        part = int(now * _PARTS / seconds)
        with self._counts.locked(f"{action} {client}", now) as value:
            last, *counts = _COUNTS.unpack(value)
            if passed := min(max(part - last, 0), len(counts)):
                counts = [0] * passed + counts[: len(counts) - passed]
            is_allowed: bool = sum(counts) + n <= most
            counts[0] += n * is_allowed
            _COUNTS.pack_into(value, 0, part, *counts)
        return is_allowed


def allows_in(counts: JsonObject, client: str, most: int, seconds: float, now: float) -> bool:
    """Whether `client` may do once more what `counts` counts on all machines; if so, counts it.

    `client` names no address: the counts are kept on a disk. Raises LogUnavailable.
    """
    with counts.changing() as content:
        recent = {
            who: [at for at in moments if at > now - seconds] for who, moments in content.items()
        }
        own = recent.pop(client, [])
        is_allowed = len(own) < most
        kept = [(who, moments) for who, moments in recent.items() if moments]
        kept.append((client, [*own, now] if is_allowed else own))
        content.clear()
        content.update(kept[-_MOST_CLIENTS:])
    return is_allowed


class CrawlDetector:
    """Detects crawlers among visitors without scripts: more than `most` searches in `seconds`.

    Without a script nothing but the address tells that two searches come from one visitor. All
    processes forked later share the counts.
    """

    def __init__(self, most: int, seconds: float, now: Callable[[], float] = monotonic) -> None:
        self._most, self._seconds, self._now = most, seconds, now
        self._searches = _SharedTable((most + 1) * _SEARCH.size, sets=256)

    def add(self, client: str, run: str) -> list[str]:
        """Counts the search `run` of a client; returns its runs, if they now are a crawler's.

        Each run is returned once. A run is at most 64 characters of ASCII.
        """
        now = self._now()
        with self._searches.locked(client, now) as value:
            known = [(at, of) for is_one, at, of in _SEARCH.iter_unpack(value) if is_one]
            searches = [*known[-self._most :], (now, run.encode())]
            recent = [(at, of) for at, of in searches if at > now - self._seconds]
            is_robot = len(recent) > self._most
            for i, (at, of) in enumerate(searches):
                _SEARCH.pack_into(value, i * _SEARCH.size, True, at, b"" if is_robot else of)
        runs = [of.rstrip(b"\0").decode() for _, of in recent]
        return [of for of in runs if of] if is_robot else []
