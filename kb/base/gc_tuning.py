"""Tunes Python's garbage collector: it runs seldom while objects are made that stay.

Its collector goes over all it knows each time that has grown by a quarter. Starting and indexing
make hundreds of thousands of objects that all stay, and a third of their time went there.
"""

import ctypes
import gc
from contextlib import suppress

_USUAL = gc.get_threshold()
_SELDOM = (400_000, 50, 100)  # new objects: more than a start or one changed article makes


def collect_seldom() -> None:
    """Has the collector run seldom: for a process that ends soon, or calls `freeze` later."""
    gc.set_threshold(*_SELDOM)


def collect() -> None:
    """Runs the collector, between two tasks of a process that goes on for long."""
    gc.collect()


def freeze() -> None:
    """Freezes the objects in memory: the collector skips them, so they stay shared after a fork.

    Running it once more before would free next to nothing, in a tenth of a second.
    """
    gc.freeze()
    gc.set_threshold(*_USUAL)


def unfreeze() -> None:
    """Ends `freeze`, as other objects take the place of these, and runs the collector."""
    gc.unfreeze()
    gc.collect()


def trim() -> None:
    """Returns free memory to the system."""
    with suppress(OSError, AttributeError):  # not every C library can
        ctypes.CDLL(None).malloc_trim(0)
