"""A value that a thread reads anew from time to time; nobody waits for it."""

import os
import threading
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Refreshed(Generic[T]):
    """What `read` returned last; at first, and while it raises one of `errors`, what is known."""

    def __init__(
        self,
        read: Callable[[], T],
        first: T,
        *,
        seconds: float,
        errors: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Reads nothing yet. `seconds` is the age after which a value is read again."""
        self._read, self._value, self._errors = read, first, errors
        self._seconds, self._clock = seconds, clock
        self._asked = -seconds
        self._start_over()

    def _start_over(self) -> None:
        """Makes the lock anew: threads and locks belong to one process."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def get(self) -> T:
        """The value as known; if it is old, a thread reads it anew."""
        if self._pid != os.getpid():
            self._start_over()
        now = self._clock()
        with self._lock:
            is_busy = self._thread is not None and self._thread.is_alive()
            if now - self._asked >= self._seconds and not is_busy:
                self._asked = now
                self._thread = threading.Thread(target=self._learn, daemon=True)
                self._thread.start()
        return self._value

    def wait(self, seconds: float = 10.0) -> None:
        """Waits until the value was read, if it is being read."""
        thread = self._thread
        if thread is not None and self._pid == os.getpid():
            thread.join(seconds)

    def _learn(self) -> None:
        try:
            self._value = self._read()
        except self._errors:
            return
