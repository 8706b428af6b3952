"""Follows a writer: every save is indexed at once and checked beside it. Serves nothing."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from typing import Any

from watchfiles import Change, DefaultFilter, watch

from kb.base import gc_tuning
from kb.base.config import Settings
from kb.base.errors import KBError
from kb.checks import runner
from kb.content import exclusions, tools
from kb.content.exclusions import settings_above
from kb.content.navigation import is_hidden_setting
from kb.content.problems import Problem
from kb.indexer import BuildReport
from kb.service import KnowledgeBase

QUIET_MS = 50  # editors save in steps: write, rename, touch
LONGEST_MS = 600
LOOK_MS = 250  # how often a watcher looks whether it is still wanted
REST = 60.0  # seconds without a save after which is done what was left out in the hurry


_HIDDEN = r"^\.(?!(?:mintignore|yfm)$)"  # these two are settings


class _Articles(DefaultFilter):
    """Everything except hidden files and what editors and tools keep for themselves."""

    ignore_entity_patterns = (*DefaultFilter.ignore_entity_patterns, _HIDDEN, r"^4913$", r"^#.*#$")

    def __call__(self, change: Change, path: str) -> bool:
        """Whether a change of the file at `path` counts."""
        if f"{os.sep}{tools.SITE_FOLDER}{os.sep}" in path and not is_hidden_setting(path):
            return False  # what its tool writes while it runs
        if f"{os.sep}.obsidian{os.sep}" in path and not exclusions.is_hidden_setting(path):
            return False
        return super().__call__(change, path)


def saves(folder: Path, data: Path, is_wanted: Callable[[], bool]) -> Iterator[float]:
    """Seconds since the last save in `folder`, 0.0 at each one and at first; then now and again.

    Ends when it is not wanted. Changes below `data` are the service's own and count for nothing.
    """
    last = None
    above = settings_above(folder)  # they lie outside what is watched
    for changes in watch(
        folder.resolve(),
        watch_filter=_Articles(ignore_paths=[f"{data.resolve()}{os.sep}"]),
        step=QUIET_MS,
        debounce=LONGEST_MS,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
    ):
        if not is_wanted():
            return
        # The first comes after watching began, so that no save falls between them.
        now_above = settings_above(folder)
        if changes or last is None or now_above != above:
            above = now_above
            yield 0.0
            last = monotonic()
        else:
            yield monotonic() - last


def follow(
    service: KnowledgeBase,
    on_report: Callable[[BuildReport], None],
    failed: Callable[[KBError], None],
    *,
    strict: bool = False,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Indexes at once and after every save, until it is not wanted.

    What is wrong, for the pages, is worked out by a process of its own, which a further save ends
    and starts again. The build that asks the open questions waits until nobody saves.
    """
    settings = service.settings
    is_checked = is_rested = True
    checker = Checker(settings)
    try:
        for quiet in saves(settings.articles, settings.data, is_wanted):
            try:
                if quiet == 0.0:
                    checker.stop()
                    is_checked = False
                    report = service.rebuild(strict=strict, hurried=True)
                    is_rested = is_rested and not report.published
                    on_report(report)
                elif not is_checked:
                    is_checked = True
                    gc_tuning.collect()
                    checker.start(service.today())
                elif (found := checker.result()) is not None:
                    service.note_problems(found)
                elif not is_rested and quiet >= REST:
                    is_rested = True
                    service.rebuild(strict=strict)
            except KBError as error:
                failed(error)
    finally:
        checker.stop()


class Checker:
    """A process that works out what is wrong with the articles; one at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def start(self, today: date) -> None:
        """Begins to check the articles as they are now."""
        self.stop()
        context = multiprocessing.get_context("spawn")  # the caller may have threads
        self._pipe, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_check, args=(theirs, self._settings, today))
        self._process.start()
        theirs.close()

    def result(self) -> list[Problem] | None:
        """The problems once they are found, else None; told once. Raises the KBError of a check."""
        if self._pipe is None or not self._pipe.poll():
            return None
        found: Any = None
        with suppress(EOFError, OSError):  # it was ended
            found = self._pipe.recv()
        self.stop()
        if isinstance(found, KBError):
            raise found
        return found  # type: ignore[no-any-return]

    def stop(self) -> None:
        """Ends the check that is under way, if any."""
        if self._process is not None and self._pipe is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._pipe.close()
        self._process = self._pipe = None


def _check(pipe: Connection, settings: Settings, today: date) -> None:
    """Sends the problems of the articles, or the error of the check; runs in a process of its own.

    It gives way to whoever indexes and serves.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends us
    with suppress(OSError):
        os.nice(10)
    try:
        found: object = runner.inspect(settings, today)
    except KBError as error:
        found = error
    with suppress(OSError):
        pipe.send(found)


def while_parent(pid: int | None) -> Callable[[], bool]:
    """A claim that holds as long as process `pid` is our parent; without one, always."""
    return lambda: pid is None or os.getppid() == pid
