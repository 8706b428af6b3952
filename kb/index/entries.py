"""What a build remembers of each file, by columns: written, and read back. Compares nothing.

What nearly every change asks of all files is read at once. The rest, which is told of an article
where addresses or links change, is a line of another file, and parsed when it is asked for: most
lines are written into the next build as they are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
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

    stat: tuple[int, ...]  # see `changes.stat_of`
    facts: str  # author and date from git, dialect and audience from the folder, inclusions
    digest: str
    segment: int = -1  # -1: rejected
    doc: int = -1
    slug: str = ""
    mark: str = ""  # the tool whose keys the file uses
    kept: Details | bytes = _NONE  # as it was read, until somebody asks for the `details`
    # Most files have none of these.
    problems: tuple[Problem, ...] = ()
    aliases: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()  # that it sets for its folder, as the folder's page
    includes: tuple[str, ...] = ()  # files whose text it holds
    remote_images: int = 0  # of other sites
    learned: str = ""  # a digest of what it learned of readers (`index.learned`)
    attached: tuple[LinkedFile, ...] = ()  # whose text is searched with it
    names_files: bool = False  # whether one of its links may lead to a file that is searched

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


def differing(
    paths: Iterable[str], now: Mapping[str, Entry], former: Mapping[str, Entry]
) -> list[str]:
    """Those of the files whose article is another than in the build before, or was read again."""
    return [
        path
        for path in paths
        if (entry := now.get(path)) and not entry.is_same_article(former.get(path))
    ]


def served(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Those of the files whose article stands in the build."""
    return {path: entry for path, entry in entries.items() if entry.segment >= 0}


_FIELDS = tuple(Entry.__dataclass_fields__)
_RARE = _FIELDS[_FIELDS.index("kept") + 1 :]  # told of the files alone that have something of them
_COLUMNS = _FIELDS[: _FIELDS.index("kept")]  # told of each file, like its details
_IN_STAT = 4  # numbers, which stand in one list one after another
_rare_of = attrgetter(*_RARE)
_NOTHING_RARE = _rare_of(Entry((), "", ""))
# What makes a value of its JSON, and JSON of a value, where these are not the same.
_READERS: dict[str, Callable[[Any], Any]] = {
    "problems": lambda each: tuple(map(Problem.from_json, each)),
    "aliases": tuple, "audience": tuple, "includes": tuple,
    "attached": lambda each: tuple(map(LinkedFile.from_json, each)),
}  # fmt: skip
_WRITERS: dict[str, Callable[[Any], Any]] = {
    "problems": lambda each: [problem.to_json() for problem in each],
    "attached": lambda each: [list(file) for file in each],
}
Columns = Mapping[str, Any]
"""What is told of files as JSON values: a list for each field, and in `rare` for each rare one."""


def write(folder: Path, entries: Mapping[str, Entry]) -> Columns:
    """Writes the details of all files into `folder`. Returns the columns of the rest."""
    files = entries.values()
    lines = (each.kept if isinstance(each.kept, bytes) else each.kept.packed() for each in files)
    (folder / DETAILS).write_bytes(b"\n".join(lines))
    columns = {name: list(map(attrgetter(name), files)) for name in _COLUMNS}
    columns["stat"] = list(chain.from_iterable(columns["stat"]))
    return {"path": list(entries), **columns, "rare": _rare_columns(files)}


def _rare_columns(files: Iterable[Entry]) -> Columns:
    """What few files have, with the number of each such file in `row`."""
    rare = [(row, each) for row, each in enumerate(map(_rare_of, files)) if each != _NOTHING_RARE]
    columns: dict[str, Any] = {"row": [row for row, _ in rare]}
    for at, name in enumerate(_RARE):
        told = _WRITERS.get(name)
        columns[name] = [told(each[at]) if told else each[at] for _, each in rare]
    return columns


def read(folder: Path, columns: Columns) -> dict[str, Entry]:
    """The entries that `write` wrote into `folder` as these columns, by path.

    Raises OSError, ValueError, KeyError, IndexError or TypeError if they are others.
    """
    lines = (folder / DETAILS).read_bytes().split(b"\n") if columns["path"] else []
    stats = zip(*[iter(columns["stat"])] * _IN_STAT, strict=True)
    others = (columns[name] for name in _COLUMNS if name != "stat")
    entries = dict(zip(columns["path"], map(Entry, stats, *others, lines), strict=True))
    files, rare = list(entries.values()), columns["rare"]
    for name in _RARE:
        read_one = _READERS.get(name)
        for row, each in zip(rare["row"], rare[name], strict=True):
            setattr(files[row], name, read_one(each) if read_one else each)
    return entries
