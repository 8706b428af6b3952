"""How often one address may send something. Remembers moments in memory, no addresses on disk."""

from collections import deque
from collections.abc import Callable
from threading import Lock
from time import monotonic

_REMEMBERED = 10_000


class Limits:
    """Counts within one process; several workers allow that many times as much."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._lock = Lock()
        self._moments: dict[tuple[str, str], deque[float]] = {}

    def allows(self, what: str, who: str, most: int, seconds: float) -> bool:
        """Whether `who` did it fewer than `most` times in the last `seconds`; if so, counts it."""
        now = self._now()
        with self._lock:
            moments = self._moments.pop((what, who), deque())
            while moments and moments[0] <= now - seconds:
                moments.popleft()
            allowed = len(moments) < most
            if allowed:
                moments.append(now)
            self._moments[what, who] = moments  # last again, so the longest silent is first
            if len(self._moments) > _REMEMBERED:
                del self._moments[next(iter(self._moments))]
        return allowed
