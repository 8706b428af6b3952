"""Calls back whenever an article changes on disk. Indexes nothing itself."""

import os
from collections.abc import Callable
from pathlib import Path

from watchfiles import DefaultFilter, watch

QUIET_MS = 50  # editors save in steps: write, rename, touch
LONGEST_MS = 600
LOOK_MS = 500  # how often a watcher looks whether it is still wanted


class _Articles(DefaultFilter):
    """Everything except hidden files and what editors keep for themselves."""

    ignore_entity_patterns = (*DefaultFilter.ignore_entity_patterns, r"^\.", r"^4913$", r"^#.*#$")


def on_change(
    folder: Path, data: Path, changed: Callable[[], None], *, is_wanted: Callable[[], bool]
) -> None:
    """Calls `changed` at once and after every change in `folder`, until it is not wanted.

    Changes below `data` are the service's own and count for nothing.
    """
    is_first = True
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
        # The first call comes after watching began, so that no save falls between them.
        if changes or is_first:
            changed()
        is_first = False


def while_parent(pid: int | None) -> Callable[[], bool]:
    """A claim that holds as long as process `pid` is our parent; without one, always."""
    return lambda: pid is None or os.getppid() == pid
