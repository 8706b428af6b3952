"""A cache of what others asked with success and opened; no request waits for it.

A thread reads the log every few minutes and ends as soon as it has read. Until then, and while the
log cannot be read, the cache gives what it holds, at first nothing.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from kb.base.errors import LogUnavailable
from kb.searchlog.db.models import Popular

if TYPE_CHECKING:
    from kb.searchlog.db.log import SearchLog

AGE = 300.0  # seconds after which the log is asked again
DAYS = 30  # of which the opened articles count
_MOST = 50


@dataclass(frozen=True, slots=True)
class PopularSet:
    """Popular queries and articles of one language: those of enough askers."""

    queries: tuple[Popular, ...] = ()
    articles: tuple[Popular, ...] = ()


class PopularCache:
    """Remembers per language what the log that `open_log` opens, or None, says of success.

    What fewer than `least` askers did stays unknown.
    """

    def __init__(
        self,
        open_log: "Callable[[], SearchLog | None]",
        *,
        least: int,
        clock: Callable[[], float] = monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._open_log = open_log
        self._least = least
        self._clock = clock
        self._today = today
        self._known: dict[str, PopularSet] = {}
        self._read: dict[str, float] = {}  # when it was asked last
        self._start_over()

    def _start_over(self) -> None:
        """Makes the locks anew: threads and locks belong to one process."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def of(self, lang: str) -> PopularSet:
        """The popular set of a language, as known; if it is old, a thread reads the log anew."""
        if self._pid != os.getpid():
            self._start_over()
        now = self._clock()
        with self._lock:
            is_busy = self._thread is not None and self._thread.is_alive()
            if now - self._read.get(lang, -AGE) >= AGE and not is_busy:
                self._read[lang] = now
                self._thread = threading.Thread(target=self._learn, args=(lang,), daemon=True)
                self._thread.start()
            return self._known.get(lang, PopularSet())

    def wait(self, seconds: float = 10.0) -> None:
        """Waits until the log was read, if it is being read."""
        thread = self._thread
        if thread is not None and self._pid == os.getpid():
            thread.join(seconds)

    def _learn(self, lang: str) -> None:
        try:
            log = self._open_log()
            if log is None:
                return
            since = self._today() - timedelta(days=DAYS)
            known = PopularSet(
                tuple(log.shared.successful_queries(lang, least=self._least)),
                tuple(log.shared.popular(lang, least=self._least, since=since, limit=_MOST)),
            )
        except LogUnavailable:
            return
        with self._lock:
            self._known[lang] = known
