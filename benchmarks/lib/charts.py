"""Bars and lines as SVG that reads on light and dark pages alike. Measures nothing."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .note { font-size: 12px; fill: #59636e }
.axis { stroke: #d1d9e0; stroke-width: 1 } .ground { fill: #ffffff }
.c0 { fill: #1a56db } .c1 { fill: #b35900 } .c2 { fill: #1a7f37 } .c3 { fill: #8250df }
.c4 { fill: #6e7781 } .c5 { fill: #bf3989 } .c6 { fill: #0e7490 }
.l0 { stroke: #1a56db } .l1 { stroke: #b35900 } .l2 { stroke: #1a7f37 } .l3 { stroke: #8250df }
.l4 { stroke: #6e7781 } .l5 { stroke: #bf3989 } .l6 { stroke: #0e7490 }
polyline { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .note { fill: #9198a1 } .axis { stroke: #3d444d } .ground { fill: #0d1117 }
.c0 { fill: #6ea8fe } .c1 { fill: #f0a050 } .c2 { fill: #56d364 } .c3 { fill: #bc8cff }
.c4 { fill: #9ea7b3 } .c5 { fill: #f778ba } .c6 { fill: #56d4dd }
.l0 { stroke: #6ea8fe } .l1 { stroke: #f0a050 } .l2 { stroke: #56d364 } .l3 { stroke: #bc8cff }
.l4 { stroke: #9ea7b3 } .l5 { stroke: #f778ba } .l6 { stroke: #56d4dd }
}
"""
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 820, 190, 70, 84, 17


def bars(
    title: str,
    note: str,
    groups: Mapping[str, Mapping[str, float]],
    *,
    form: str = "{:.3g}",
    logarithmic: bool = False,
    lowest: float = 0.0,
) -> str:
    """Horizontal bars in groups; series keep their colour from group to group."""
    series = list(dict.fromkeys(name for group in groups.values() for name in group))
    values = [value for group in groups.values() for value in group.values() if value > 0]
    low, high = _range(values, lowest, logarithmic)
    scale = (_WIDTH - _LEFT - _RIGHT) / (high - low)

    def length(value: float) -> float:
        at = log10(value) if logarithmic and value > 0 else value
        return max(0.0, (at - low) * scale)

    top = _TOP + 18 * ((len(series) - 1) // 4)
    parts, y = _legend(series, per_row=4), top
    for label, group in groups.items():
        middle = y + len(group) * _ROW / 2 + 5
        parts.append(
            f'<text x="{_LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(label)}</text>'
        )
        for name, value in group.items():
            parts.append(
                f'<rect class="c{series.index(name) % 7}" x="{_LEFT}" y="{y}" '
                f'width="{length(value):.1f}" height="{_ROW - 3}" rx="2">'
                f"<title>{escape(f'{label}, {name}: {form.format(value)}')}</title></rect>"
            )
            parts.append(
                f'<text class="note" x="{_LEFT + length(value) + 6:.1f}" y="{y + 11}">'
                f"{form.format(value)}</text>"
            )
            y += _ROW
        y += 14
    parts.append(f'<line class="axis" x1="{_LEFT}" y1="{top - 6}" x2="{_LEFT}" y2="{y - 8}"/>')
    return _drawn(title, note, y + 4, parts)


def lines(
    title: str, note: str, xs: Sequence[float], series: Mapping[str, Sequence[float]], mark: float
) -> str:
    """Shares from 0 to 1 over `xs`; a vertical line stands at `mark`."""
    height, names = 300, list(series)
    low, high = min(xs), max(xs)

    def x_of(value: float) -> float:
        return 60 + (value - low) / (high - low) * (_WIDTH - 60 - _RIGHT)

    rows = ceil(len(names) / 2)
    top = _TOP + 18 * (rows - 1)

    def y_of(share: float) -> float:
        return top + (1 - share) * height

    parts = _legend(names, per_row=2)
    for tenth in range(0, 11, 2):
        y = y_of(tenth / 10)
        parts.append(
            f'<line class="axis" x1="60" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>'
        )
        parts.append(
            f'<text class="note" x="52" y="{y + 4:.1f}" text-anchor="end">{tenth / 10}</text>'
        )
    for x in xs:
        parts.append(
            f'<text class="note" x="{x_of(x):.1f}" y="{top + height + 18}" '
            f'text-anchor="middle">{x:g}</text>'
        )
    at = x_of(mark)
    parts.append(
        f'<line class="axis" x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{top + height}" '
        'stroke-dasharray="4 3"/>'
    )
    for number, name in enumerate(names):
        points = " ".join(
            f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in zip(xs, series[name], strict=True)
        )
        parts.append(f'<polyline class="l{number % 7}" points="{points}"/>')
    return _drawn(title, note, top + height + 34, parts)


def curves(
    title: str, note: str, xs: Sequence[float], series: Mapping[str, Sequence[float]]
) -> str:
    """Values over `xs`, both scales logarithmic, with a line at each power of ten."""
    height, names = 300, list(series)
    values = [value for each in series.values() for value in each]
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    high += low == high
    top = _TOP + 18 * (ceil(len(names) / 2) - 1)
    width = (_WIDTH - 60 - _RIGHT) / (log10(max(xs)) - log10(min(xs)))

    def x_of(value: float) -> float:
        return 60 + (log10(value) - log10(min(xs))) * width

    def y_of(value: float) -> float:
        return top + (high - log10(value)) / (high - low) * height

    parts = _legend(names, per_row=2)
    for power in range(low, high + 1):
        y = y_of(10.0**power)
        parts.append(
            f'<line class="axis" x1="60" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>'
            f'<text class="note" x="52" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        )
    for x in xs:
        parts.append(
            f'<text class="note" x="{x_of(x):.1f}" y="{top + height + 18}" '
            f'text-anchor="middle">{x:,}</text>'
        )
    for number, name in enumerate(names):
        points = [(x_of(x), y_of(y), y) for x, y in zip(xs, series[name], strict=True)]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        parts.append(f'<polyline class="l{number % 7}" points="{joined}"/>')
        parts += [
            f'<circle class="c{number % 7}" cx="{x:.1f}" cy="{y:.1f}" r="3">'
            f"<title>{escape(name)}: {value:.3g}</title></circle>"
            for x, y, value in points
        ]
    return _drawn(title, note, top + height + 34, parts)


def _range(values: Sequence[float], lowest: float, logarithmic: bool) -> tuple[float, float]:
    if not logarithmic:
        return lowest, max(values)
    return floor(log10(min(values)) * 2 - 0.2) / 2, log10(max(values))


def _legend(names: Sequence[str], per_row: int) -> list[str]:
    parts, step = [], (_WIDTH - 40) / per_row
    for number, name in enumerate(names):
        x, y = 20 + number % per_row * step, 58 + 18 * (number // per_row)
        parts.append(
            f'<rect class="c{number % 7}" x="{x:.0f}" y="{y}" width="11" height="11" rx="2"/>'
        )
        parts.append(f'<text x="{x + 17:.0f}" y="{y + 10}">{escape(name)}</text>')
    return parts


def _drawn(title: str, note: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}">\n<style>{_STYLE}</style>\n'
        f'<rect class="ground" width="{_WIDTH}" height="{height:.0f}" rx="6"/>\n'
        f'<text class="title" x="20" y="24">{escape(title)}</text>\n'
        f'<text class="note" x="20" y="43">{escape(note)}</text>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
