"""Counts distinct askers in a hash table in shared memory. Writes nothing to disk.

An asker is a visitor's network on one day, or later a signed-in reader, as a salted hash. Visits
are no measure of what others see: a browser makes up as many as it likes (decision 54).
"""

import mmap
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import blake2b
from struct import Struct

from kb.base.shared_lock import SharedLock

MOST = 1_000  # actions of one asker that are counted in a day
_SLOTS = 2**18  # of a day: 3 MiB, shared by all workers
_BUCKET = 16  # slots that a hash may stand in
_ENTRY = Struct("=8sI")  # a hash, and how often it was counted
_DAYS = Struct("=qq")  # the day of each half of the table
_EMPTY = bytes(8)


class Askers:
    """Tells whether an asker does something for the first time on this day.

    Processes forked after it was made count together. Counts are never too high: nothing is new
    when the table of a day is full, when an asker did more than MOST things, or when a search was
    counted, could not be written and is tried again.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """`now` gives the present time; days are those of UTC."""
        self.source = secrets.token_hex(8)
        """The name of this table in the log, where the counts of two tables are never added, since
        both may have counted the same asker."""
        self._now = now
        self._half = _SLOTS * _ENTRY.size
        # Of today and the day before: what was asked at 23:59 may be written a minute later.
        self._memory = mmap.mmap(-1, _DAYS.size + 2 * self._half)
        self._lock = SharedLock()

    @property
    def day(self) -> date:
        """The day that is counted now."""
        days: tuple[int, int] = _DAYS.unpack_from(self._memory)
        return date.fromordinal(max(*days, self._now().astimezone(UTC).toordinal()))

    def is_new(self, asker: str, thing: str) -> bool:
        """Whether `asker` does `thing` for the first time on this day; if so, it is counted.

        `asker` is a hash that differs from day to day, `thing` any text.
        """
        digest = _hash(f"{asker} {thing}")
        with self._lock.held():
            today = self._half_of_today()
            if any(self._find(half, digest)[1] == digest for half in (0, 1)):
                return False
            return self._count(today, _hash(asker), MOST) and self._count(today, digest, 1)

    def allows(self, asker: str, thing: str, most: int) -> bool:
        """Whether `asker` did `thing` fewer than `most` times on this day; if so, counts it.

        Of one asker, MOST things are known; what comes after them is not allowed.
        """
        digest, own = _hash(f"{asker} {thing} at most"), _hash(f"{asker} at most")
        with self._lock.held():
            today = self._half_of_today()
            is_known = self._find(today, digest)[1] == digest
            return (is_known or self._count(today, own, MOST)) and self._count(today, digest, most)

    def _count(self, half: int, digest: bytes, most: int) -> bool:
        """Counts a hash once more, if it was counted fewer than `most` times."""
        at, held = self._find(half, digest)
        if held not in (digest, _EMPTY):
            return False  # the bucket is full
        done = _ENTRY.unpack_from(self._memory, at)[1] if held == digest else 0
        if done >= most:
            return False
        _ENTRY.pack_into(self._memory, at, digest, done + 1)
        return True

    def _half_of_today(self) -> int:
        """The half of the table that is of today; clears it on the first call of a day."""
        days = list(_DAYS.unpack_from(self._memory))
        today = self.day.toordinal()
        half = today % 2
        if days[half] != today:
            begin = _DAYS.size + half * self._half
            self._memory[begin : begin + self._half] = bytes(self._half)
            days[half] = today
            _DAYS.pack_into(self._memory, 0, *days)
        return half

    def _find(self, half: int, digest: bytes) -> tuple[int, bytes]:
        """The slot of a hash and what it holds: this hash, nothing, or another if all are taken."""
        number = int.from_bytes(digest, "little") % (_SLOTS // _BUCKET)
        begin = _DAYS.size + half * self._half + number * _BUCKET * _ENTRY.size
        for at in range(begin, begin + _BUCKET * _ENTRY.size, _ENTRY.size):
            held: bytes = _ENTRY.unpack_from(self._memory, at)[0]
            if held in (digest, _EMPTY):
                return at, held
        return begin, held


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
