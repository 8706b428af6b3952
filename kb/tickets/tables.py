"""A CSV file of any program as rows: its encoding and its delimiter are found out.

The file is read twice, in pieces: once for its encoding, once for its rows.
"""

import codecs
import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Final

from kb.base.messages import Message, quoted
from kb.tickets.models import CannotRead

DELIMITERS: Final = ",;\t|"
_PIECE: Final = 2**20  # bytes
_SAMPLE: Final = 200  # rows by which a delimiter is chosen
_LONGEST_CELL: Final = 2**21
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# How often the letters of Russian are expected in a text, by which code pages are told apart.
_COMMON: Final = frozenset("оеаинтсрвлкмдпуя ")


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows, and how it is written."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]

    def rows(self) -> Iterator[Sequence[str]]:
        """The rows below the header, each as long as the header; empty ones are left out."""
        width = len(self.header)
        with _opened(self.path, self.encoding) as file:
            for row in islice(_parsed(file, self.delimiter, self.path), 1, None):
                if any(cell.strip() for cell in row):
                    yield [*row, *[""] * (width - len(row))][:width]


def table(path: Path, encoding: str | None = None, delimiter: str | None = None) -> Table:
    """The table in a file; `encoding` and `delimiter` are found out unless given.

    Raises CannotRead where it is none, and OSError.
    """
    encoding = encoding or encoding_of(path)
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise CannotRead(
            Message("no encoding {name}; write utf-8, cp1251 or utf-16", name=quoted(encoding))
        ) from None
    delimiter = delimiter or _delimiter(path, encoding)
    with _opened(path, encoding) as file:
        header = next(iter(_parsed(file, delimiter, path)), [])
    if not any(name.strip() for name in header):
        raise CannotRead(
            Message(
                "{path}: no header in the first line; export the tickets as CSV", path=str(path)
            )
        )
    names = tuple(name.strip() or str(at) for at, name in enumerate(header, 1))
    return Table(path, encoding, delimiter, names)


def encoding_of(path: Path) -> str:
    """UTF-8 or UTF-16 if the file is that, else the likeliest code page of Russian."""
    with path.open("rb") as file:
        start = file.read(_PIECE)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    zeros = start[: 2**12].count(b"\0")
    if zeros > len(start[: 2**12]) // 8:
        return "utf-16-le" if start[1:2] == b"\0" or start[3:4] == b"\0" else "utf-16-be"
    if _is_utf8(path):
        return "utf-8"
    return max(("cp1251", "koi8-r", "cp866"), key=lambda name: _likeness(start, name))


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _likeness(data: bytes, encoding: str) -> int:
    """How many signs beyond ASCII are common small letters of Russian."""
    text = data.decode(encoding, "replace")
    return sum(char in _COMMON for char in text if char > "\x7f")


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter by which most rows have as many cells as the header, and most cells."""

    def fitness(delimiter: str) -> tuple[float, int]:
        with _opened(path, encoding) as file:
            rows = list(islice(_parsed(file, delimiter, path), _SAMPLE))
        width = len(rows[0]) if rows else 0
        if width < 2:
            return 0.0, width
        return sum(len(row) == width for row in rows) / len(rows), width

    return max(DELIMITERS, key=fitness)


def _parsed(file: IO[str], delimiter: str, path: Path) -> Iterator[list[str]]:
    csv.field_size_limit(_LONGEST_CELL)
    try:
        yield from csv.reader((line.replace("\0", "") for line in file), delimiter=delimiter)
    except csv.Error as error:
        raise CannotRead(
            Message(
                "{path}: {reason}; is it CSV? see --delimiter and --encoding",
                path=str(path),
                reason=str(error),
            )
        ) from None
    except UnicodeError as error:
        raise CannotRead(
            Message(
                "{path}: {reason}; name its encoding with --encoding",
                path=str(path),
                reason=str(error),
            )
        ) from None


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[IO[str]]:
    errors = "replace" if encoding.startswith(("cp", "koi8")) else "strict"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        yield file
