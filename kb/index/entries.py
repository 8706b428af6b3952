"""What a build remembers of each file, by columns: written, and read back. Compares nothing.

What nearly every change asks of all files is read at once. The rest, which is told of an article
where addresses or links change, is a line of another file, and parsed when it is asked for: most
lines are written into the next build as they are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from kb.base.errors import IndexDamaged
from kb.base.messages import Message
from kb.content.problems import Problem
from kb.content.topics import Placement

DETAILS = "details.jsonl"


class LinkedFile(NamedTuple):
    """A file that an article links to and is searched with: its state, and its content's name."""

    path: str
    stat: tuple[int, ...]
    key: str

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "LinkedFile":
        """The file of its values in order."""
        path, stat, key = values
        return cls(path, tuple(stat), key)


class Details(NamedTuple):
    """What an entry remembers that matters where addresses or links change."""

    translation_of: str = ""
    links: tuple[tuple[str, str], ...] = ()  # within the folder: in the HTML, and as written
    lines: tuple[int, int] = (1, 1)  # where slug and aliases stand in the file
    media: tuple[str, ...] = ()  # files beside the articles that it refers to
    placement: Placement | None = None  # what it says of its place in the tree of topics
    lang: str = ""
    uid: str = ""  # its name in DocFX
    leads: tuple[str, ...] = ()  # the right address of each of `links`, once that is known

    def packed(self) -> bytes:
        """The details as one line of JSON; `unpacked` reverses it."""
        return orjson.dumps([list(each) if isinstance(each, tuple) else each for each in self])

    @classmethod
    def unpacked(cls, line: bytes) -> "Details":
        """The details of a line. Raises ValueError or TypeError if it is another."""
        original, links, lines, media, placement, lang, uid, leads = orjson.loads(line)
        return cls(
            original, tuple(map(_pair, links)), tuple(lines), tuple(media),
            Placement.from_json(placement) if placement else None, lang, uid, tuple(leads),
        )  # fmt: skip


def _pair(values: Sequence[str]) -> tuple[str, str]:
    first, second = values
    return first, second


_NONE = Details()


@dataclass(slots=True)
class Entry:
    """What a build remembers of a file: its state, its problems and, if served, its article."""

    stat: tuple[int, ...]
    facts: str  # author and date from git, dialect and audience from the folder, inclusions
    digest: str
    problems: tuple[Problem, ...] = ()
    segment: int = -1  # -1: rejected
    doc: int = -1
    slug: str = ""
    aliases: tuple[str, ...] = ()
    mark: str = ""  # the tool whose keys the file uses
    audience: tuple[str, ...] = ()  # that it sets for its folder, as the folder's page
    includes: tuple[str, ...] = ()  # files whose text it holds
    remote_images: int = 0  # of other sites
    learned: str = ""  # a digest of what it learned of readers (`index.learned`)
    attached: tuple[LinkedFile, ...] = ()  # whose text is searched with it
    names_files: bool = False  # whether one of its links may lead to a file that is searched
    kept: Details | bytes = _NONE  # as it was read, until somebody asks for the `details`

    @property
    def is_served(self) -> bool:
        """Whether its article stands in the build."""
        return self.segment >= 0

    @property
    def details(self) -> Details:
        """What matters where addresses or links change. Raises IndexDamaged if it is no such."""
        if isinstance(self.kept, bytes):
            try:
                self.kept = Details.unpacked(self.kept)
            except (ValueError, TypeError) as error:
                raise IndexDamaged(
                    Message("{path}: {reason}; run `kb index --full`", path=DETAILS,
                            reason=str(error))
                ) from None  # fmt: skip
        return self.kept

    def is_same_article(self, other: "Entry | None") -> bool:
        """Whether the article is the one of another entry, as it was read from a build.

        False also where it is read again and says the same.
        """
        return other is not None and (self is other or self.kept is other.kept)

    def lead(self, leads: Iterable[str]) -> None:
        """Notes the right address of each of its links."""
        self.kept = self.details._replace(leads=tuple(leads))


def renewed(now: Mapping[str, Entry], former: Mapping[str, Entry]) -> list[str]:
    """The paths of files whose entry is not the very one of the build before."""
    return [path for path, entry in now.items() if former.get(path) is not entry]


def changed(now: Mapping[str, Entry], former: Mapping[str, Entry]) -> list[str]:
    """The paths of articles that are other than in the build before, or were read again."""
    others = renewed(now, former)
    return [path for path in others if not now[path].is_same_article(former.get(path))]


_COLUMNS = tuple(name for name in Entry.__dataclass_fields__ if name != "kept")
# Of columns that hold no plain values: what makes a value of its JSON. Most are empty.
_READERS: dict[str, Callable[[Any], Any]] = {
    "stat": tuple, "problems": lambda each: tuple(map(Problem.from_json, each)),
    "aliases": tuple, "audience": tuple, "includes": tuple,
    "attached": lambda each: tuple(map(LinkedFile.from_json, each)),
}  # fmt: skip
_WRITERS: dict[str, Callable[[Any], Any]] = {
    "problems": lambda each: [problem.to_json() for problem in each],
    "attached": lambda each: [list(file) for file in each],
}


def write(folder: Path, entries: Mapping[str, Entry]) -> dict[str, list[Any]]:
    """Writes the details of all files into `folder`. Returns the columns as JSON values."""
    columns: dict[str, list[Any]] = {"path": list(entries)}
    for name in _COLUMNS:
        column = list(map(attrgetter(name), entries.values()))
        told = _WRITERS.get(name)
        columns[name] = [told(each) if each else () for each in column] if told else column
    lines = (
        entry.kept if isinstance(entry.kept, bytes) else entry.kept.packed()
        for entry in entries.values()
    )  # fmt: skip
    (folder / DETAILS).write_bytes(b"\n".join(lines))
    return columns


def read(folder: Path, columns: Mapping[str, Sequence[Any]]) -> dict[str, Entry]:
    """The entries that `write` wrote into `folder` as these columns, by path.

    Raises OSError, ValueError, KeyError or TypeError if they are others.
    """
    lines = (folder / DETAILS).read_bytes().split(b"\n") if columns["path"] else []
    values = [_values(name, columns[name]) for name in _COLUMNS]
    made = map(Entry, *values, lines)
    return dict(zip(columns["path"], made, strict=True))


def _values(name: str, column: Sequence[Any]) -> Sequence[Any]:
    """A column of values of its JSON."""
    reader = _READERS.get(name)
    return [reader(each) if each else () for each in column] if reader else column
