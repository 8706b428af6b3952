"""Supervisor of worker processes: forks and restarts them, reloads on SIGHUP, stops on SIGTERM.

It has one thread, so that no lock is held by another one at a fork.
"""

import logging
import os
import signal
from collections.abc import Callable
from time import monotonic

from kb.base.errors import KBError

GRACE = 30.0  # seconds a stopping worker has for running requests
HURRY = 2.0  # after Ctrl+C
PAUSE = 1.0  # seconds between two starts, if a worker ended sooner than that
_TICK = 0.5

_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM})
Work = Callable[[], None]

logger = logging.getLogger(__name__)


class Supervisor:
    """Keeps a number of worker processes running until a signal stops it."""

    def __init__(
        self,
        workers: int,
        prepare: Callable[[], Work],
        *,
        ready: Callable[[], None] = lambda: None,
        ended: Callable[[int], None] = lambda pid: None,
        beside: Callable[[], None] = lambda: None,
    ) -> None:
        """`prepare` returns the function that each worker calls, and which returns at SIGTERM.

        It runs in this process, so that workers share memory, and again at a reload; if it raises
        KBError then, the workers go on. `ready` is called once before the first worker starts,
        `ended` with the process id of each worker that ended, `beside` twice a second.
        """
        self._count = workers
        self._prepare = prepare
        self._ready = ready
        self._ended = ended
        self._beside = beside
        self._work: Work | None = None
        self._running: dict[int, float] = {}  # process id → when it began
        self._leaving: dict[int, float] = {}  # process id → when it is killed
        self._next_start = 0.0
        self._has_terminal = os.isatty(0)

    def run(self) -> None:
        """Supervises until SIGTERM, SIGINT or the end of the terminal; returns after all workers.

        Raises the error of the first `prepare`.
        """
        # Blocked signals wait for `sigwait`: none interrupts a fork.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self._work = self._prepare()
            self._ready()
            signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
            grace = self._keep_running()
            self._terminate(self._running, grace)
            self._running = {}
            while self._leaving:
                if signal.sigwait(_SIGNALS) == signal.SIGINT:
                    self._leaving = dict.fromkeys(self._leaving, 0.0)
                self._reap()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            while signal.sigpending() & _SIGNALS:  # unblocked, a late tick would kill us
                signal.sigwait(_SIGNALS)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _keep_running(self) -> float:
        """Keeps workers running until a signal to stop; returns the seconds they have to end."""
        while True:
            self._fill()
            self._beside()
            received = signal.sigwait(_SIGNALS)
            if received == signal.SIGTERM:
                return GRACE
            if received == signal.SIGINT:
                return HURRY
            if received == signal.SIGHUP:
                if self._has_terminal and not os.isatty(0):  # it was closed
                    return HURRY
                self._reload()
            self._reap()

    def _fill(self) -> None:
        """Starts missing workers, at most one per `PAUSE` if they fail at once."""
        while len(self._running) < self._count and monotonic() >= self._next_start:
            self._start()

    def _start(self) -> None:
        """Forks a worker; the child never returns."""
        assert self._work is not None  # noqa: S101 - made before the first start
        pid = os.fork()
        if pid:
            self._running[pid] = monotonic()
            return
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent stops us
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._work()
            code = 0
        except BaseException:
            logger.exception("a worker failed")
        finally:
            os._exit(code)

    def _reload(self) -> None:
        """Prepares again and replaces the workers; new ones start before old ones stop."""
        try:
            self._work = self._prepare()
        except KBError as error:
            logger.error("not reloaded, the old workers go on: %s", error)
            return
        old, self._running = self._running, {}
        self._next_start = 0.0
        self._fill()
        self._terminate(old, GRACE)

    def _terminate(self, workers: dict[int, float], grace: float) -> None:
        """Sends SIGTERM to workers, which `_reap` kills after `grace` seconds."""
        for pid in workers:
            os.kill(pid, signal.SIGTERM)  # not reaped yet, so it cannot be another process
            self._leaving[pid] = monotonic() + grace

    def _reap(self) -> None:
        """Reaps workers that ended and kills those whose time to end is over."""
        for pid in [*self._running, *self._leaving]:
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                self._forget(pid, os.waitstatus_to_exitcode(status))
        for pid, until in self._leaving.items():
            if monotonic() > until:
                os.kill(pid, signal.SIGKILL)

    def _forget(self, pid: int, code: int) -> None:
        began = self._running.pop(pid, None)
        self._leaving.pop(pid, None)
        if began is not None:
            logger.error("worker %d ended with %d; another takes its place", pid, code)
            if monotonic() - began < PAUSE:
                self._next_start = monotonic() + PAUSE
        self._ended(pid)
