"""Follows a writer: every save is indexed at once and checked a moment later. Serves nothing."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from watchfiles import DefaultFilter, watch

from kb import memory
from kb.errors import KBError
from kb.indexer import BuildReport
from kb.service import KnowledgeBase

QUIET_MS = 50  # editors save in steps: write, rename, touch
LONGEST_MS = 600
LOOK_MS = 250  # how often a watcher looks whether it is still wanted
REST = 60.0  # seconds without a save after which is done what was left out in the hurry


class _Articles(DefaultFilter):
    """Everything except hidden files and what editors keep for themselves."""

    ignore_entity_patterns = (*DefaultFilter.ignore_entity_patterns, r"^\.", r"^4913$", r"^#.*#$")


def saves(folder: Path, data: Path, is_wanted: Callable[[], bool]) -> Iterator[float]:
    """Seconds since the last save in `folder`, 0.0 at each one and at first; then now and again.

    Ends when it is not wanted. Changes below `data` are the service's own and count for nothing.
    """
    last = None
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
        if changes or last is None:
            yield 0.0
            last = monotonic()
        else:
            yield monotonic() - last


def follow(
    service: KnowledgeBase,
    told: Callable[[BuildReport], None],
    failed: Callable[[KBError], None],
    *,
    strict: bool = False,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Indexes at once and after every save, until it is not wanted.

    What takes longer waits until nobody saves: noting what is wrong, for the pages, and making the
    build that asks the open questions again.
    """
    settings = service.settings
    is_checked = is_rested = True
    for quiet in saves(settings.articles, settings.data, is_wanted):
        try:
            if quiet == 0.0:
                is_checked = False
                report = service.rebuild(strict=strict, hurried=True)
                is_rested = is_rested and not report.published
                told(report)
            elif not is_checked:
                is_checked = True
                memory.look_now()
                service.note_problems()
            elif not is_rested and quiet >= REST:
                is_rested = True
                service.rebuild(strict=strict)
        except KBError as error:
            failed(error)


def while_parent(pid: int | None) -> Callable[[], bool]:
    """A claim that holds as long as process `pid` is our parent; without one, always."""
    return lambda: pid is None or os.getppid() == pid
