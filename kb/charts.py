"""Numbers as the geometry of charts, for a template to draw as SVG. Draws nothing, counts nothing.

A plot is 1000 wide and 100 high, stretched to the room it gets; words stand beside it, unstretched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

WIDTH, HEIGHT = 1000.0, 100.0
_GAP = 0.2  # of a column's room


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a column, from `y` down."""

    x: float
    y: float
    width: float
    height: float
    series: int  # which series it belongs to, from 0


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the plot and what it stands for."""

    y: float
    value: float


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of stacked parts."""

    boxes: tuple[Box, ...]
    ticks: tuple[Tick, ...]  # the highest first


@dataclass(frozen=True, slots=True)
class Line:
    """A line that breaks where there is no number; a lone point is a stroke of no length."""

    pieces: tuple[str, ...]  # `points` of polylines
    ticks: tuple[Tick, ...]  # the highest first


def columns(rows: Sequence[Sequence[int]]) -> Columns:
    """One column for each row, its values stacked, the first at the bottom.

    The values are counts: the middle of the axis is a whole number, too.
    """
    top = max(nice(max((sum(row) for row in rows), default=0)), 2.0)
    room = WIDTH / max(len(rows), 1)
    boxes = []
    for at, row in enumerate(rows):
        floor_ = 0.0
        for series, value in enumerate(row):
            if value > 0:
                height = value / top * HEIGHT
                y = HEIGHT - floor_ - height
                x = (at + _GAP / 2) * room
                boxes.append(Box(_r(x), _r(y), _r(room * (1 - _GAP)), _r(height), series))
                floor_ += height
    return Columns(tuple(boxes), _ticks(top))


def line(values: Sequence[float | None]) -> Line:
    """One point for each value, in the middle of where its column would stand."""
    top = nice(max((value for value in values if value is not None), default=0))
    room = WIDTH / max(len(values), 1)
    pieces: list[list[str]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{_r((at + 0.5) * room)},{_r(HEIGHT - value / top * HEIGHT)}")
    drawn = (piece * 2 if len(piece) == 1 else piece for piece in pieces if piece)
    return Line(tuple(" ".join(piece) for piece in drawn), _ticks(top))


def share(value: float, most: float) -> float:
    """How much of a bar's room, 0 to 100, `value` takes where `most` takes all."""
    return _r(min(max(value / most, 0.0), 1.0) * 100) if most > 0 else 0.0


def nice(most: float) -> float:
    """The first of … .1, .2, .4, .6, 1, 2, 4, 6, 10, 20 … not below `most`; at least .01.

    An axis that ends there has an end and a middle that can be said in few digits.
    """
    if most <= 0.01:
        return 0.01 if most > 0 else 1.0
    power = 10.0 ** floor(log10(most))
    return next(s * power for s in (1, 2, 4, 6, 10) if most <= s * power * (1 + 1e-9))


def spread(count: int, most: int) -> list[int]:
    """At most `most` (2 or more) of `count` places, evenly apart from the first to the last."""
    named = min(count, most)
    return (
        [round(at * (count - 1) / (named - 1)) for at in range(named)] if count > 1 else [0][:count]
    )


def _ticks(top: float) -> tuple[Tick, ...]:
    return tuple(Tick(HEIGHT - part * HEIGHT, top * part) for part in (1.0, 0.5, 0.0))


def _r(number: float) -> float:
    return round(number, 2)
