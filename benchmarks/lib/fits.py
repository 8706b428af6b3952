"""How a cost grows: the exponent of a power of what it depends on. Measures nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

# Student's t for 95 %, by degrees of freedom.
_T = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31)


@dataclass(frozen=True, slots=True)
class Power:
    """A cost that grows with the nth power: least squares of logarithms."""

    exponent: float
    margin: float  # half of the interval that holds the exponent in 95 of 100 such measurements
    last: float  # the exponent between the two largest points alone


def power(xs: Sequence[float], ys: Sequence[float]) -> Power:
    """The power that fits these points, of three or more different `xs` in rising order."""
    points = [(log(x), log(y)) for x, y in zip(xs, ys, strict=True)]
    middle, level = (sum(part) / len(points) for part in zip(*points, strict=True))
    width = sum((x - middle) ** 2 for x, _ in points)
    slope = sum((x - middle) * (y - level) for x, y in points) / width
    left = sum((y - level - slope * (x - middle)) ** 2 for x, y in points)
    free = len(points) - 2
    margin = _T[min(free, len(_T)) - 1] * sqrt(left / free / width)
    (x0, y0), (x1, y1) = points[-2:]
    return Power(slope, margin, (y1 - y0) / (x1 - x0))
