"""How costs grow, as tables of `docs/speed.md`: each cost with its exponent. Measures nothing."""

from typing import NamedTuple

from benchmarks.lib import fits
from benchmarks.lib.tables import Lines, Told, number, table, taken


class Column(NamedTuple):
    """A cost that was measured at every point."""

    key: str
    label: str
    is_drawn: bool = False


# The costs by what grows.
PARTS = {
    "articles": (
        Column("question p50", "question, p50 ms", True),
        Column("question p99", "question, p99 ms", True),
        Column("keystroke p50", "keystroke, p50 ms", True),
        Column("keystroke p99", "keystroke, p99 ms", True),
        Column("build cpu s", "build, processor s"),
        Column("index MB", "index, MB"),
        Column("pss", "memory (PSS), MB"),
        Column("cpu s", "first answer, processor s"),
    ),
    "words": (
        Column("passage p50", "p50 ms", True),
        Column("passage p99", "p99 ms", True),
    ),
    "workers": (
        Column("request cpu ms", "processor ms a request", True),
        Column("requests/s", "requests/s by the clock"),
        Column("pss", "memory of all (PSS), MB"),
    ),
}  # fmt: skip


def blocks(told: Told) -> dict[str, Lines]:
    """The blocks that `docs/charts/growth.json` has the figures of."""
    return {f"growth with {part}": _block(part, told[part]) for part in PARTS if part in told}


def _block(part: str, told: Told) -> Lines:
    columns = PARTS[part]
    points = {int(key): each for key, each in told.items() if key.isdigit()}
    rows = [
        [f"{x:,}", *(number(each[column.key]) for column in columns)] for x, each in points.items()
    ]
    if len(points) > 2:
        powers = [
            fits.power(list(points), [each[column.key] for each in points.values()])
            for column in columns
        ]
        rows.append(["**exponent**", *(f"{each.exponent:.2f} ± {each.margin:.2f}"
                                       for each in powers)])  # fmt: skip
        rows.append(["of the last step", *(f"{each.last:.2f}" for each in powers)])
    return [*table([part, *(column.label for column in columns)], rows), *taken(told)]
