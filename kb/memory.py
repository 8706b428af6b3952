"""When Python looks for memory that can be freed: seldom while what is made stays, else as usual.

Its collector goes over all it knows each time that has grown by a quarter. Starting and indexing
make hundreds of thousands of objects that all stay, and a third of their time went there.
"""

import ctypes
import gc
from contextlib import suppress

_USUAL = gc.get_threshold()
_SELDOM = (400_000, 50, 100)  # new objects: more than a start or one changed article makes


def look_seldom() -> None:
    """For what soon ends, or calls `settle` once all is there."""
    gc.set_threshold(*_SELDOM)


def look_now() -> None:
    """Frees what is not in use any more, between two works of what goes on for long."""
    gc.collect()


def settle() -> None:
    """What is in memory now stays: it is looked at no more, and so stays shared after a fork.

    Looking at it once more before would find next to nothing, in a tenth of a second.
    """
    gc.freeze()
    gc.set_threshold(*_USUAL)


def give_back() -> None:
    """Returns to the system what has been left free."""
    with suppress(OSError, AttributeError):  # not every C library can
        ctypes.CDLL(None).malloc_trim(0)
