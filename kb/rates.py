"""How often one address may send something, and who asks too often to be a person.

Counts in memory that all workers share, writes no addresses to disk.
"""

import fcntl
import mmap
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from struct import Struct
from tempfile import TemporaryFile
from threading import Lock
from time import monotonic

_PLACES = 8  # for values that may stand in one another's stead: they are looked through
_HEAD = Struct("=16sd")  # whose value it is, and when it was last asked for
_PARTS = 60  # of a stretch of time, each counted for itself
_COUNTS = Struct(f"=q{_PARTS + 1}H")  # the last part, and how often in it and those before
_SEARCH = Struct("=?d64s")  # whether there is one, when, its run


class _Shared:
    """Small values by key, in memory that processes forked later share.

    Of those that find no place together, the longest silent gives way.
    """

    def __init__(self, size: int, sets: int) -> None:
        """`size` is that of a value in bytes, of which eight times `sets` find a place.

        Memory is taken as places are filled.
        """
        self._size, self._sets = size, sets
        self._memory = mmap.mmap(-1, sets * _PLACES * (_HEAD.size + size))
        self._turn = Lock()  # among threads; among processes a lock that ends with its holder
        with TemporaryFile() as nothing:  # parts of it are locked, whatever it holds
            self._locks = os.dup(nothing.fileno())
        weakref.finalize(self, os.close, self._locks)

    @contextmanager
    def held(self, key: str, now: float) -> Iterator[memoryview]:
        """The value of `key`, zeros at first, to be changed by nobody else meanwhile."""
        name = blake2b(key.encode(), digest_size=16).digest()
        of_set = int.from_bytes(name[:4], "little") % self._sets
        with self._turn:
            fcntl.lockf(self._locks, fcntl.LOCK_EX, 1, of_set)
            try:
                at = self._place(of_set, name, now)
                with memoryview(self._memory) as whole, whole[at : at + self._size] as value:
                    yield value
            finally:
                fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, of_set)

    def _place(self, of_set: int, name: bytes, now: float) -> int:
        """Where the value of this name begins."""
        whole = _HEAD.size + self._size
        first = of_set * _PLACES * whole
        places = range(first, first + _PLACES * whole, whole)
        heads = {place: _HEAD.unpack_from(self._memory, place) for place in places}
        place = next((place for place, (known, _) in heads.items() if known == name), None)
        if place is None:
            place = min(places, key=lambda place: heads[place][1])
            self._memory[place : place + whole] = bytes(whole)
        _HEAD.pack_into(self._memory, place, name, now)
        return place + _HEAD.size


class Limits:
    """Counts for all processes forked after it was made."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._counts = _Shared(_COUNTS.size, sets=1024)

    def allows(self, what: str, who: str, most: int, seconds: float) -> bool:
        """Whether `who` did it fewer than `most` times in the last `seconds`; if so, counts it.

        Never more than `most` in any `seconds`; each counts up to a sixtieth of them longer.
        """
        now = self._now()
        part = int(now * _PARTS / seconds)
        with self._counts.held(f"{what} {who}", now) as value:
            last, *counts = _COUNTS.unpack(value)
            since = min(max(part - last, 0), len(counts))
            counts = [0] * since + counts[: len(counts) - since]
            is_allowed: bool = sum(counts) < most
            counts[0] += is_allowed
            _COUNTS.pack_into(value, 0, part, *counts)
        return is_allowed


class Crawls:
    """Finds robots among those who ask without scripts: more than `most` searches in `seconds`.

    No script tells that two such searches are one visitor's, so their address must (LEADS.md §10).
    Counts for all processes forked after it was made.
    """

    def __init__(self, most: int, seconds: float, now: Callable[[], float] = monotonic) -> None:
        self._most, self._seconds, self._now = most, seconds, now
        self._searches = _Shared((most + 1) * _SEARCH.size, sets=256)

    def found(self, who: str, run: str) -> list[str]:
        """Counts this search; the runs of `who` that are a robot's and were not told of before.

        A run is at most 64 letters of ASCII.
        """
        now = self._now()
        with self._searches.held(who, now) as value:
            known = [(at, of) for is_one, at, of in _SEARCH.iter_unpack(value) if is_one]
            searches = [*known[-self._most :], (now, run.encode())]
            recent = [(at, of) for at, of in searches if at > now - self._seconds]
            is_robot = len(recent) > self._most
            for i, (at, of) in enumerate(searches):
                _SEARCH.pack_into(value, i * _SEARCH.size, True, at, b"" if is_robot else of)
        told = [of.rstrip(b"\0").decode() for _, of in recent]
        return [of for of in told if of] if is_robot else []
