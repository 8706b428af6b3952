"""Functions of numpy arrays that numpy lacks: offsets, runs, distinct numbers, ranges."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def offsets(counts: Any) -> NDArray[np.int64]:
    """Where the entries of each owner begin in an array of all entries, and the end of the last.

    `counts` holds the number of entries of each owner.
    """
    ends = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends


def distinct(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The distinct numbers, ascending; sorts in place. `np.unique` hashes, for millions slower."""
    numbers.sort()
    return numbers[run_starts(numbers)]


def run_starts(values: NDArray[Any]) -> NDArray[np.intp]:
    """The positions at which a run of equal values begins."""
    starts = np.empty(len(values), bool)
    starts[:1] = True
    np.not_equal(values[1:], values[:-1], out=starts[1:])
    return starts.nonzero()[0]


def ranges(
    starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All whole numbers of the half-open ranges one after another, and each range's length."""
    lengths = ends - starts
    total = int(lengths.sum())
    if not total:
        return np.empty(0, np.int64), lengths
    steps = np.arange(total)
    steps += np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return steps, lengths
