"""How often one address may send something, and who asks too often to be a person.

Remembers moments in memory, no addresses on disk.
"""

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


class Crawls:
    """Finds robots among those who ask without scripts: more than `most` searches in `seconds`.

    No script tells that two such searches are one visitor's, so their address must (LEADS.md §10).
    """

    def __init__(self, most: int, seconds: float, now: Callable[[], float] = monotonic) -> None:
        self._most, self._seconds, self._now = most, seconds, now
        self._lock = Lock()
        self._runs: dict[str, deque[tuple[float, str]]] = {}

    def found(self, who: str, run: str) -> list[str]:
        """Counts this search; those of `who` that are a robot's and were not told of before."""
        now = self._now()
        with self._lock:
            runs = self._runs.pop(who, None) or deque(maxlen=self._most + 1)
            runs.append((now, run))
            recent = [known for at, known in runs if at > now - self._seconds]
            is_robot = len(recent) > self._most
            if is_robot:
                runs = deque(((at, "") for at, _ in runs), maxlen=self._most + 1)
            self._runs[who] = runs  # last again, so the longest silent is first
            if len(self._runs) > _REMEMBERED:
                del self._runs[next(iter(self._runs))]
        return [known for known in recent if known] if is_robot else []
