"""Rows as CSV that a spreadsheet opens rightly, shows, and never computes. Opens no file."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import StringIO

# What Excel, LibreOffice and Google take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def table(rows: Iterable[Sequence[object]], *, lang: str) -> str:
    """The rows with a byte-order mark, or Excel would not read them as UTF-8.

    A Russian Excel parts cells at semicolons, any other at commas.
    """
    out = StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";" if lang == "ru" else ",")
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def cell(value: object) -> str:
    """A cell; a text that looks like a formula begins with an apostrophe."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    text = "" if value is None else str(value)
    is_number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(_FORMULA) and not is_number else text
