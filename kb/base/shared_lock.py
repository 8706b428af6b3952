"""A lock and a flag that threads and processes share. They hold no data."""

import fcntl
import mmap
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from threading import Lock


class SharedLock:
    """A lock in numbered parts, for the threads of all processes forked after it was made.

    The kernel ends it with the process that holds it, so a worker that dies holds up nobody.
    """

    def __init__(self) -> None:
        self._turn = Lock()  # the kernel's lock does not part the threads of a process
        with TemporaryFile() as nothing:  # bytes of it are locked, whatever it holds
            self._file = os.dup(nothing.fileno())
        weakref.finalize(self, os.close, self._file)

    @contextmanager
    def held(self, part: int = 0) -> Iterator[None]:
        """Holds a part of the lock."""
        with self._turn:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, part)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, part)


class Signal:
    """A flag that any process forked after it was made can give, and one process takes."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1)

    def give(self) -> None:
        """Sets the flag; once more changes nothing."""
        self._memory[0] = 1

    def take(self) -> bool:
        """Whether the flag was set; it is not any more."""
        was_set = bool(self._memory[0])
        self._memory[0] = 0
        return was_set
