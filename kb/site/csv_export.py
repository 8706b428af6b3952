"""CSV for spreadsheets: encoding, delimiter and protection against formulas. Opens no file."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import StringIO

from kb.base import escaping


def to_csv(rows: Iterable[Sequence[object]], *, lang: str) -> str:
    """The rows as CSV with a byte-order mark, without which Excel does not read UTF-8.

    The delimiter is a semicolon for `ru`, as Russian Excel expects it, else a comma.
    """
    out = StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";" if lang == "ru" else ",")
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def cell(value: object) -> str:
    """A value as the text of a cell; text that looks like a formula is escaped."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int | float):
        return str(value)
    return "" if value is None else escaping.cell(str(value))
