"""Runs a function on many values in child processes, each under a time and a memory limit.

Time is that of the processor, so that a busy machine fails no value; the clock bounds a hang alone.
"""

import ctypes
import fcntl
import multiprocessing
import os
import resource
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic, Literal, TypeVar

from kb.base import gc_tuning

Value = TypeVar("Value")
Result = TypeVar("Result")

_BATCH_SECONDS = 0.05  # of work handed over at once: hides the pipe, can still be shared
_MAX_BATCH = 32
_PATIENCE = 1.0  # seconds a child whose pipe has closed gets to say how it ended
_LAST = b"1"  # before an answer: the child ends itself now
_READY = b"2"  # instead of an answer: what comes next is work, not imports
_START = 60.0  # seconds a child gets to start
_HANG, _LEAST_HANG = 30, 60.0  # times the limit, and seconds: a value that does nothing is given up
_AHEAD = 512  # results held back at most while an earlier one is awaited
_IMPORTED_BY = os.getpid()  # a process forked later cannot use the fork server of its parent
_preloaded: list[str] = []  # modules for the fork server to import


@dataclass(frozen=True, slots=True)
class Failure:
    """The failure of a value.

    `time` and `memory` are the limits; `crash` is an exception of the function, the sudden end of
    its process, or a result that cannot be sent back.
    """

    kind: Literal["time", "memory", "crash"]
    message: str


def each(
    function: Callable[[Value], Result],
    values: Iterable[Value],
    *,
    processes: int = 2,
    seconds: float = 10.0,
    megabytes: int = 512,
    hang: float | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> Iterator[tuple[int, Result | Failure]]:
    """Yields the number and result of every value, in order; a Failure where it broke a limit.

    `seconds` of processor time are what a value may take, and `hang` seconds of the clock, thirty
    times as many and a minute at least unless given. Where the system does not tell the processor
    time of a child, the clock stands for it.

    Children live on from value to value, so the function should leave nothing behind. They are
    forked where the caller has one thread; otherwise a server of one thread forks them, which has
    imported the function's module, and they import the function by name. `megabytes` is what a
    value may take beyond what the child holds before its first one. Values are taken as they are
    needed. Closing the iterator ends the children. `meanwhile` is called once, as soon as they are
    at work.
    """
    hang = max(_HANG * seconds, _LEAST_HANG) if hang is None else hang
    team = _Team(function, enumerate(values), max(1, processes), seconds, megabytes, hang)
    try:
        team.hand_out()
        if meanwhile and team.children:
            meanwhile()
        yield from team.results()
    except BaseException:
        team.end(at_once=True)
        raise
    team.end(at_once=False)


def preload(*modules: str) -> None:
    """Names modules that the fork server imports when it starts, so that no child has to.

    For those that a function imports late; the module of the function itself is always imported.
    """
    _preloaded.extend(modules)


# --- the parent ---------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Child(Generic[Value]):
    """A child process, our end of its pipe, and the values that are in its queue."""

    process: BaseProcess
    pipe: Connection
    work: deque[tuple[int, Value]] = field(default_factory=deque)
    since: float = 0.0  # when its first value was begun, as far as we know
    used: float = 0.0  # its processor time then
    look: float = 0.0  # when its first value may have broken the limit
    is_ready: bool = False  # it has started; until then no value's time runs


class _Team(Generic[Value, Result]):
    def __init__(
        self,
        function: Callable[[Value], Result],
        values: Iterator[tuple[int, Value]],
        processes: int,
        seconds: float,
        megabytes: int,
        hang: float,
    ) -> None:
        self.function = function
        self.values = values
        self.again: deque[tuple[int, Value]] = deque()  # handed to a child that has ended since
        self.processes = processes
        self.seconds = seconds
        self.megabytes = megabytes
        self.hang = hang
        self.children: list[_Child[Value]] = []
        self.done: dict[int, Result | Failure] = {}
        self.given = 0  # number of the next value never yielded
        # Seconds a value takes, lately. A child that starts afresh costs more than a few values:
        # it is given many at first, so that few values start one child.
        is_afresh = self._context().get_start_method() == "spawn"
        self.pace = _BATCH_SECONDS / _MAX_BATCH if is_afresh else _BATCH_SECONDS
        self.is_exhausted = False

    def results(self) -> Iterator[tuple[int, Result | Failure]]:
        while True:
            self.hand_out()
            while self.given in self.done:
                yield self.given, self.done.pop(self.given)
                self.given += 1
            if any(child.work for child in self.children):
                self._gather()
            elif not self.again and self.is_exhausted and not self.done:
                return

    def hand_out(self) -> None:
        """Gives every idle child values, and starts the children that are missing."""
        for child in [*self.children]:
            if not child.work:
                self._give(child)
        while len(self.children) < self.processes and (batch := self._batch()):
            child = self._start()
            self._send(child, batch)

    def _give(self, child: _Child[Value]) -> None:
        if batch := self._batch():
            self._send(child, batch)

    def _batch(self) -> list[tuple[int, Value]]:
        size = max(1, min(_MAX_BATCH, int(_BATCH_SECONDS / max(self.pace, 1e-4))))
        batch: list[tuple[int, Value]] = []
        while len(batch) < size:
            if self.again:
                batch.append(self.again.popleft())
            elif self.is_exhausted or len(self.done) + len(batch) >= _AHEAD:
                break
            elif (one := next(self.values, None)) is None:
                self.is_exhausted = True
            else:
                batch.append(one)
        return batch

    def _send(self, child: _Child[Value], batch: list[tuple[int, Value]]) -> None:
        messages = []
        for number, value in batch:
            try:
                messages.append(bytes(ForkingPickler.dumps(value)))
            except Exception as error:
                self.done[number] = Failure("crash", f"the value cannot be sent: {_said(error)}")
            else:
                child.work.append((number, value))
        self._begin(child)
        try:
            child.pipe.send(messages)
        except OSError:
            self._bury(child, None)

    def _gather(self) -> None:
        """Waits for the next answer, or until a limit may have been broken."""
        busy = [child for child in self.children if child.work]
        rest = min(child.look for child in busy) - time.monotonic()
        ready = wait([child.pipe for child in busy], max(0.0, rest))
        for child in busy:
            if child.pipe in ready:
                self._hear(child)
            elif time.monotonic() >= child.look and (failure := self._broken(child)):
                self._bury(child, failure)

    def _begin(self, child: _Child[Value]) -> None:
        """Notes that the child begins its first value now."""
        child.since = time.monotonic()
        child.used = _processor_time(child.process, child.since)
        child.look = child.since + self._limit(child)

    def _limit(self, child: _Child[Value]) -> float:
        return self.seconds if child.is_ready else max(_START, self.seconds)

    def _broken(self, child: _Child[Value]) -> Failure | None:
        """The failure of the child's first value, or None; then the next look is set."""
        now, limit = time.monotonic(), self._limit(child)
        used = _processor_time(child.process, now) - child.used
        if used >= limit:
            return Failure("time", f"took more than {limit:g} s of processor time")
        if now - child.since >= max(self.hang, limit):
            return Failure("time", f"did not end within {max(self.hang, limit):g} s")
        child.look = min(now + max(limit - used, 0.01), child.since + max(self.hang, limit))
        return None

    def _hear(self, child: _Child[Value]) -> None:
        try:
            message = child.pipe.recv_bytes()
        except (EOFError, OSError):
            self._bury(child, None)
            return
        if message == _READY:
            child.is_ready = True
            self._begin(child)
            return
        number, _ = child.work.popleft()
        try:
            self.done[number] = ForkingPickler.loads(message[1:])
        except Exception as error:
            self.done[number] = Failure("crash", f"the result cannot be read: {_said(error)}")
        now = time.monotonic()
        self.pace += 0.2 * (now - child.since - self.pace)
        self._begin(child)
        if message[:1] == _LAST:
            self._replace(child)

    def _bury(self, child: _Child[Value], failure: Failure | None) -> None:
        """Ends a child whose first value failed."""
        child.process.kill() if failure else child.process.join(_PATIENCE)
        child.process.kill()
        child.process.join()
        if child.work:
            number, _ = child.work.popleft()
            self.done[number] = failure or Failure("crash", _ending(child.process.exitcode))
        self._replace(child)

    def _replace(self, child: _Child[Value]) -> None:
        """Ends a child; another one gets the values in its queue."""
        self.children.remove(child)
        self.again.extendleft(reversed(child.work))
        child.process.kill()
        child.process.join()
        child.pipe.close()
        child.process.close()

    def _start(self) -> _Child[Value]:
        context = self._context()
        ours, theirs = context.Pipe()
        method = context.get_start_method()
        strangers = [c.pipe for c in self.children] + [ours] if method == "fork" else []
        parent = None if method == "forkserver" else os.getpid()
        # The type of `context.Process` is only known of the concrete contexts.
        process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=_work,
            args=(theirs, strangers, self.function, self.megabytes, parent),
            daemon=not multiprocessing.current_process().daemon,
        )
        with warnings.catch_warnings():
            if method == "fork":  # a library may hold a thread of its own that Python does not know
                warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()
        child: _Child[Value] = _Child(process, ours)
        self.children.append(child)
        return child

    def _context(self) -> BaseContext:
        """How children start: no process with threads is forked (decision 19)."""
        methods = multiprocessing.get_all_start_methods()
        if "fork" in methods and threading.active_count() == 1:
            return multiprocessing.get_context("fork")
        if "forkserver" in methods and os.getpid() == _IMPORTED_BY:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload([self.function.__module__, *_preloaded])
            return context
        return multiprocessing.get_context("spawn")

    def end(self, *, at_once: bool) -> None:
        """Ends all children: idle ones leave when their pipe closes."""
        for child in self.children:
            if at_once or child.work:
                child.process.kill()
            child.pipe.close()
        for child in self.children:
            child.process.join(1)
            if child.process.exitcode is None:
                child.process.kill()
                child.process.join()
            child.process.close()
        self.children.clear()


def _processor_time(process: BaseProcess, now: float) -> float:
    """The seconds of processor time a process has used; `now` where the system does not tell."""
    try:
        # clock_getcpuclockid(3) of Linux, which Python does not have for other processes
        return time.clock_gettime((~(process.pid or 0) << 3) | 2)
    except (OSError, AttributeError):
        return now


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with exit code {code}"


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


# --- the child ----------------------------------------------------------------------------------


def _work(
    pipe: Connection,
    strangers: list[Connection],
    function: Callable[[Any], Any],
    megabytes: int,
    parent: int | None,
) -> None:
    """Computes one value after another until the pipe closes."""
    gc_tuning.freeze()
    for other in strangers:
        other.close()
    _leave_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _limit_memory(megabytes)
    with suppress(EOFError, OSError):
        pipe.send_bytes(_READY)
        while True:
            for message in pipe.recv():
                answer, is_last = _answer(function, message)
                pipe.send_bytes((_LAST if is_last else b"0") + answer)
                if is_last:
                    return


def _answer(function: Callable[[Any], Any], message: bytes) -> tuple[bytes, bool]:
    """The result or failure as bytes, and whether this process should end."""
    try:
        result = function(ForkingPickler.loads(message))
        return bytes(ForkingPickler.dumps(result)), False
    except MemoryError:
        result = Failure("memory", "took more memory than is allowed")
    except Exception as error:
        failure = Failure("crash", _said(error))
        return bytes(ForkingPickler.dumps(failure)), isinstance(error, RecursionError)
    except BaseException as error:
        result = Failure("crash", _said(error))
    return bytes(ForkingPickler.dumps(result)), True


def _leave_with(parent: int | None) -> None:
    """Dies when the parent does, even if it is killed; the closed pipe is the second way.

    `parent` is its number where it forked this process, None where a fork server did: then the
    system signals the end of the pipe that the parent holds, and SIGIO ends a process.
    """
    if parent is None:
        if (caller := multiprocessing.parent_process()) is not None:
            end = caller.sentinel
            fcntl.fcntl(end, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)
            if wait([end], 0):
                os._exit(1)
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


def _limit_memory(megabytes: int) -> None:
    allowed = _address_space() + megabytes * 2**20
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        _, hard = resource.getrlimit(limit)
        if hard != resource.RLIM_INFINITY:
            allowed = min(allowed, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (allowed, hard))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _address_space() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
