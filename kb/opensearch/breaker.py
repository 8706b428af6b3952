"""A circuit breaker: after several failures in a row nothing is tried for a while. Asks nothing."""

from collections.abc import Callable
from threading import Lock
from time import monotonic

FAILURES = 3  # in a row that open it
REST = 2.0  # seconds before one try is let through


class Breaker:
    """Says whether to try. Threads may share it."""

    def __init__(
        self, failures: int = FAILURES, rest: float = REST, clock: Callable[[], float] = monotonic
    ) -> None:
        self._most, self._rest, self._clock = failures, rest, clock
        self._failures, self._until = 0, 0.0
        self._lock = Lock()
        self.opened: Callable[[], None] = lambda: None
        """Called each time it opens; not again while one try after another fails."""

    def lets_through(self) -> bool:
        """Whether to try now. While it is open, one caller in `rest` seconds is let through."""
        if self._failures < self._most:
            return True
        with self._lock:
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + self._rest  # the others wait for what this one finds
            return True

    @property
    def is_open(self) -> bool:
        """Whether the last tries failed, so that most calls are not tried."""
        return self._failures >= self._most

    def succeeded(self) -> None:
        """A try was answered: everything is let through again."""
        if self._failures:
            with self._lock:
                self._failures = 0

    def failed(self) -> None:
        """A try was not answered."""
        with self._lock:
            self._failures += 1
            self._until = self._clock() + self._rest
            has_opened = self._failures == self._most
        if has_opened:
            self.opened()
