"""Geometry of charts, which templates draw as SVG.

A plot is 1000 units wide and 100 high and is stretched to its place on the page; text stands beside
it as HTML (docs/decisions.md, charts).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

WIDTH, HEIGHT = 1000.0, 100.0
_GAP = 0.2  # share of a column's width


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a column; `y` is its upper edge."""

    x: float
    y: float
    width: float
    height: float
    series: int  # which series it belongs to, from 0


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line and the value it stands for."""

    y: float
    value: float


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """A chart of stacked columns."""

    boxes: tuple[Box, ...]
    ticks: tuple[Tick, ...]  # the highest first


@dataclass(frozen=True, slots=True)
class LineChart:
    """A line chart with a gap where there is no value; a lone point is a line of length 0."""

    pieces: tuple[str, ...]  # `points` of polylines
    ticks: tuple[Tick, ...]  # the highest first


def sparkline(values: Sequence[float]) -> str:
    """The points of a line without axes, 100 wide and 20 high, from 0 to the highest value."""
    most, step = max(values, default=0) or 1, 100 / max(1, len(values) - 1)
    return " ".join(f"{at * step:.1f},{20 - 19 * n / most:.1f}" for at, n in enumerate(values))


def column_chart(rows: Sequence[Sequence[int]]) -> ColumnChart:
    """A chart of one column per row, the values of a row stacked from the bottom.

    Values are counts, 0 or more. The axis ends at 2 or more, so that its middle is a whole number.
    """
    top = max(axis_maximum(max((sum(row) for row in rows), default=0)), 2.0)
    width = WIDTH / max(len(rows), 1)
    boxes = []
    for at, row in enumerate(rows):
        base = 0.0
        for series, value in enumerate(row):
            if value > 0:
                height = value / top * HEIGHT
                y = HEIGHT - base - height
                x = (at + _GAP / 2) * width
                boxes.append(Box(_r(x), _r(y), _r(width * (1 - _GAP)), _r(height), series))
                base += height
    return ColumnChart(tuple(boxes), _ticks(top))


def line_chart(values: Sequence[float | None]) -> LineChart:
    """A line chart of one point per value, where a column chart has the middle of its column."""
    top = axis_maximum(max((value for value in values if value is not None), default=0))
    width = WIDTH / max(len(values), 1)
    pieces: list[list[str]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{_r((at + 0.5) * width)},{_r(HEIGHT - value / top * HEIGHT)}")
    drawn = (piece * 2 if len(piece) == 1 else piece for piece in pieces if piece)
    return LineChart(tuple(" ".join(piece) for piece in drawn), _ticks(top))


def bar_percent(value: float, most: float) -> float:
    """The length of a bar in percent, 0 to 100, where `most` is 100."""
    return _r(min(max(value / most, 0.0), 1.0) * 100) if most > 0 else 0.0


def axis_maximum(most: float) -> float:
    """The end of an axis for values up to `most`: … .1, .2, .4, .6, 1, 2, 4, 6, 10, 20 …

    Such an end and its half have few digits. It is at least .01, and 1 where `most` is 0.
    """
    if most <= 0.01:
        return 0.01 if most > 0 else 1.0
    power = 10.0 ** floor(log10(most))
    return next(s * power for s in (1, 2, 4, 6, 10) if most <= s * power * (1 + 1e-9))


def evenly_spaced(count: int, most: int) -> list[int]:
    """At most `most` (2 or more) of the indexes 0 to `count` - 1, evenly spaced, with both ends."""
    named = min(count, most)
    return (
        [round(at * (count - 1) / (named - 1)) for at in range(named)] if count > 1 else [0][:count]
    )


def _ticks(top: float) -> tuple[Tick, ...]:
    return tuple(Tick(HEIGHT - part * HEIGHT, top * part) for part in (1.0, 0.5, 0.0))


def _r(number: float) -> float:
    return round(number, 2)
