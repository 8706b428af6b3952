"""What others asked with success and which articles they opened; nobody ever waits for it.

The log is read every few minutes, by a thread that ends as soon as it has read. Until then, and
while the log cannot be read, what was known before is told, at first nothing.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from kb.errors import LogUnavailable
from kb.searchlog import Popular

if TYPE_CHECKING:
    from kb.searchlog import SearchLog

AGE = 300.0  # seconds after which the log is asked again
DAYS = 30  # of which the opened articles count
_MOST = 50


@dataclass(frozen=True, slots=True)
class Known:
    """Of one language: queries at least three visits asked and found, articles visits opened."""

    queries: tuple[Popular, ...] = ()
    articles: tuple[Popular, ...] = ()


class Habits:
    """Remembers per language what the log that `open_log` opens, or None, says of success."""

    def __init__(
        self,
        open_log: "Callable[[], SearchLog | None]",
        *,
        clock: Callable[[], float] = monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._open_log = open_log
        self._clock = clock
        self._today = today
        self._known: dict[str, Known] = {}
        self._read: dict[str, float] = {}  # when it was asked last
        self._start_over()

    def _start_over(self) -> None:
        """Threads and locks belong to one process."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def of(self, lang: str) -> Known:
        """What is known of a language now; asks the log behind the caller's back if that is old."""
        if self._pid != os.getpid():
            self._start_over()
        now = self._clock()
        with self._lock:
            is_busy = self._thread is not None and self._thread.is_alive()
            if now - self._read.get(lang, -AGE) >= AGE and not is_busy:
                self._read[lang] = now
                self._thread = threading.Thread(target=self._learn, args=(lang,), daemon=True)
                self._thread.start()
            return self._known.get(lang, Known())

    def wait(self, seconds: float = 10.0) -> None:
        """Until the log has been read, if it is being read."""
        thread = self._thread
        if thread is not None and self._pid == os.getpid():
            thread.join(seconds)

    def _learn(self, lang: str) -> None:
        try:
            log = self._open_log()
            if log is None:
                return
            since = self._today() - timedelta(days=DAYS)
            known = Known(
                tuple(log.successful_queries(lang)),
                tuple(log.popular(lang, since=since, limit=_MOST)),
            )
        except LogUnavailable:
            return
        with self._lock:
            self._known[lang] = known
