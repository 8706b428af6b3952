"""Tunes Python's garbage collector: it runs seldom while objects are made that stay.

Its collector goes over all it knows each time that has grown by a quarter. Starting and indexing
make hundreds of thousands of objects that all stay, and a third of their time went there.
"""

import ctypes
import gc
from contextlib import suppress

_USUAL = gc.get_threshold()
# New objects: more than a start, or one changed article of 100,000, makes.
_SELDOM = (1_000_000, 50, 100)
_ANSWERING = (10_000, 10, 10)  # what about a hundred pages of results leave in caches


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


def freeze_to_answer() -> None:
    """Freezes the objects in memory of a process that answers requests from now on.

    What a request makes is hardly ever in a reference cycle, so the collector runs a tenth as often
    as usual: it took two percent of the time of a result page.
    """
    freeze()
    gc.set_threshold(*_ANSWERING)


def unfreeze() -> None:
    """Ends `freeze`, as other objects take the place of these, and runs the collector."""
    gc.unfreeze()
    gc.collect()


def trim() -> None:
    """Returns free memory to the system."""
    with suppress(OSError, AttributeError):  # not every C library can
        ctypes.CDLL(None).malloc_trim(0)
