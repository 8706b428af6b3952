"""The entries of all files of a build, as a table of columns: read, changed and written.

One change concerns few of many files. What is asked of all files is answered by the columns, and an
`Entry` is made of a row only when it is asked for by its path.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence, Sized
from dataclasses import dataclass, field
from itertools import chain, compress, repeat
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.content.problems import Problem
from kb.index.array_tools import offsets
from kb.index.arrays import read_arrays, write_arrays
from kb.index.entries import TABLE, Entry, LinkedFile

Columns = Mapping[str, Any]
"""The texts of a table, as JSON values; its numbers and details are in the file `TABLE`."""


class Group(NamedTuple):
    """What many files of a folder have in common."""

    folder: str  # with a slash at its end; "" for the outermost
    mark: str
    facts: str
    includes: tuple[str, ...]


# What few files have: how a value is read from JSON and written as it.
_RARE: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "problems": (
        lambda each: tuple(map(Problem.from_json, each)),
        lambda each: [problem.to_json() for problem in each],
    ),
    "aliases": (tuple, list),
    "audience": (tuple, list),
    "remote_images": (int, int),
    "learned": (str, str),
    "attached": (
        lambda each: tuple(map(LinkedFile.from_json, each)),
        lambda each: [list(file) for file in each],
    ),
    "names_files": (bool, bool),
}
_IN_STAT = 4  # numbers of a file, see `folder.Source`
_HALF, _WHOLE = 1 << 63, 1 << 64


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a table as a build holds them, by path; none is ever changed."""

    paths: Sequence[str] = ()
    slugs: Sequence[str] = ()
    digests: Sequence[str] = ()
    groups: Sequence[Group] = ()
    rare: Mapping[str, Mapping[int, Any]] = field(
        default_factory=lambda: {name: {} for name in _RARE}
    )
    """By the name of a field, its value in the rows that have one."""
    group: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    segment: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    doc: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    stat: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, _IN_STAT), np.int64))
    details: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    bounds: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    """Where the details of each row begin, and the end of the last."""
    number: dict[str, int] = field(default_factory=dict)  # of each path
    made: dict[int, Entry] = field(default_factory=dict)
    """The entries that were asked for: each is one object, which its user may add leads to."""

    def entry(self, row: int) -> Entry:
        """The entry of a row."""
        entry = self.made.get(row)
        if entry is None:
            group = self.groups[self.group[row]]
            low, high = self.bounds[row], self.bounds[row + 1]
            entry = self.made[row] = Entry(
                tuple(self.stat[row].tolist()), group.facts, self.digests[row],
                int(self.segment[row]), int(self.doc[row]), self.slugs[row], group.mark,
                self.details[low:high].tobytes(), includes=group.includes,
                **{name: values[row] for name, values in self.rare.items() if row in values},
            )  # fmt: skip
        return entry


class EntryTable(MutableMapping[str, Entry]):
    """The entries of files by path: rows of a build, without some of them, and entries beside them.

    Rows come first, in the order of paths.
    """

    def __init__(self, entries: Mapping[str, Entry] | None = None) -> None:
        self._rows = _Rows()
        self._is_kept = np.ones(0, bool)  # of each row
        self._own = dict(entries or {})

    @classmethod
    def _of(cls, rows: _Rows, is_kept: NDArray[np.bool_]) -> "EntryTable":
        table = cls()
        table._rows, table._is_kept = rows, is_kept
        return table

    def only(self, rows: NDArray[np.intp]) -> "EntryTable":
        """A table of these rows alone."""
        is_kept = np.zeros(len(self._is_kept), bool)
        is_kept[rows] = True
        return self._of(self._rows, is_kept)

    # ------------------------------------------------------------ one by one

    def __getitem__(self, path: str) -> Entry:
        row = self._row(path)
        return self._own[path] if row is None else self._rows.entry(row)

    def _row(self, path: str) -> int | None:
        row = self._rows.number.get(path)
        return row if row is not None and self._is_kept[row] else None

    def __contains__(self, path: object) -> bool:
        return path in self._own or (isinstance(path, str) and self._row(path) is not None)

    def __setitem__(self, path: str, entry: Entry) -> None:
        row = self._row(path)
        if row is not None:
            self._is_kept[row] = False
        self._own[path] = entry

    def __delitem__(self, path: str) -> None:
        row = self._row(path)
        if row is None:
            del self._own[path]
        else:
            self._is_kept[row] = False

    def __iter__(self) -> Iterator[str]:
        return chain(compress(self._rows.paths, self._is_kept.tolist()), self._own)

    def __len__(self) -> int:
        return int(np.count_nonzero(self._is_kept)) + len(self._own)

    def is_served(self, path: str) -> bool:
        """Whether the article of a file stands in the build."""
        row = self._row(path)
        if row is not None:
            return bool(self._rows.segment[row] >= 0)
        return path in self._own and self._own[path].is_served

    # ------------------------------------------------------------ all at once

    @property
    def served(self) -> "Articles":
        """The entries of the files whose article stands in the build."""
        return Articles(self)

    @property
    def _is_served(self) -> NDArray[np.bool_]:
        """A mask of the rows that are kept and whose article stands in the build."""
        is_served: NDArray[np.bool_] = self._is_kept & (self._rows.segment >= 0)
        return is_served

    def rare(self, name: str, is_served: bool = False) -> Iterator[tuple[str, Any]]:
        """Path and value of the files that have something in a field that few have.

        With `is_served` of those alone whose article stands in the build.
        """
        rows, is_kept = self._rows, self._is_served if is_served else self._is_kept
        for row, value in rows.rare[name].items():
            if is_kept[row]:
                yield rows.paths[row], value
        for path, entry in self._own.items():
            if (value := getattr(entry, name)) and (entry.is_served or not is_served):
                yield path, value

    def count_by_segment(self) -> dict[int, int]:
        """How many articles stand in each segment that has any."""
        counts = Counter(dict(enumerate(np.bincount(self._rows.segment[self._is_served]).tolist())))
        counts.update(entry.segment for entry in self._own.values() if entry.is_served)
        return +counts

    def from_segment(self, first: int) -> dict[str, Entry]:
        """The entries of the articles that stand in this segment or a later one."""
        rows = np.flatnonzero(self._is_kept & (self._rows.segment >= first)).tolist()
        return {self._rows.paths[row]: self._rows.entry(row) for row in rows} | {
            path: entry for path, entry in self._own.items() if entry.segment >= first
        }

    def articles_besides(self, other: "EntryTable") -> set[str]:
        """Paths of the articles that are none in another table.

        Where that has the same rows, those that both have are not looked at.
        """
        if self._rows is other._rows:
            rows = np.flatnonzero(self._is_served & ~other._is_kept).tolist()
            paths = {self._rows.paths[row] for row in rows}
        else:
            paths = set(compress(self._rows.paths, self._is_served.tolist()))
        paths |= {path for path, entry in self._own.items() if entry.is_served}
        return {path for path in paths if not other.is_served(path)}

    # ------------------------------------------------------------ comparing

    def rows_of(self, paths: Sequence[str], stats: NDArray[np.int64]) -> NDArray[np.intp]:
        """The row of each of these paths, or -1 if its stat is another or there is no row.

        `stats` are theirs, each as many numbers of a stat as are compared; see `stats_of`.
        """
        if paths == self._rows.paths:  # as mostly, which is told fast
            known = np.arange(len(paths))
        else:
            known = np.fromiter(map(self._rows.number.get, paths, repeat(-1)), np.intp, len(paths))
        if not len(self._rows.stat):
            return known
        is_same = (self._rows.stat[known, : stats.shape[1]] == stats).all(axis=1)
        return np.where(is_same & (known >= 0) & self._is_kept[known], known, -1)

    def groups_of(self, rows: NDArray[np.intp]) -> tuple[Sequence[Group], list[int]]:
        """All groups of files, and the number of that of each of these rows."""
        return self._rows.groups, self._rows.group[rows].tolist()

    # ------------------------------------------------------------ writing

    def write(self, folder: Path) -> Columns:
        """Writes numbers and details into `folder`, by path. Returns the columns of the rest."""
        rows, own = self._rows, dict(self._own)
        is_plain = self._is_kept.copy()
        for row, entry in rows.made.items():  # leads may have been added to them
            if is_plain[row]:
                own[rows.paths[row]], is_plain[row] = entry, False
        plain, entries = np.flatnonzero(is_plain), own.values()
        paths = [*compress(rows.paths, is_plain.tolist()), *own]
        order = sorted(range(len(paths)), key=paths.__getitem__)
        at = np.array(order, np.intp)

        def texts(name: str, kept: Sequence[str]) -> list[str]:
            values = [*compress(kept, is_plain.tolist()), *map(attrgetter(name), entries)]
            return [values[number] for number in order]

        def numbers(name: str, kept: NDArray[Any]) -> NDArray[Any]:
            added = list(map(attrgetter(name), entries))
            made = stats_of(added, _IN_STAT) if name == "stat" else np.array(added, kept.dtype)
            return np.concatenate((kept[plain], made))[at]

        groups, of_row = self._groups(plain, own, at)
        details, lengths = self._details(plain, list(entries), at)
        write_arrays(folder / TABLE, {
            "group": of_row, "segment": numbers("segment", rows.segment),
            "doc": numbers("doc", rows.doc), "stat": numbers("stat", rows.stat),
            "details": details, "bounds": offsets(lengths),
        })  # fmt: skip
        places = np.empty(len(at), np.intp)
        places[at] = np.arange(len(at))
        return {
            "path": [paths[number] for number in order],
            "slug": texts("slug", rows.slugs), "digest": texts("digest", rows.digests),
            "groups": groups, "rare": self._rare(plain, list(entries), places),
        }  # fmt: skip

    def _groups(
        self, plain: NDArray[np.intp], own: Mapping[str, Entry], at: NDArray[np.intp]
    ) -> tuple[list[list[Any]], NDArray[np.int32]]:
        """The groups that there are as JSON values, and the number of each new row's own."""
        numbers = {group: number for number, group in enumerate(self._rows.groups)}
        added = [
            numbers.setdefault(group_of(path, entry), len(numbers)) for path, entry in own.items()
        ]
        of_row = np.concatenate((self._rows.group[plain], np.array(added, np.int32)))[at]
        is_used = np.bincount(of_row, minlength=len(numbers)) > 0
        renumbered = (np.cumsum(is_used) - 1).astype(np.int32)
        return [list(each) for each in compress(numbers, is_used.tolist())], renumbered[of_row]

    def _details(
        self, plain: NDArray[np.intp], entries: Sequence[Entry], at: NDArray[np.intp]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The details of the new table one after another, and their lengths."""
        lines = [each.kept if isinstance(each.kept, bytes) else each.kept.packed()
                 for each in entries]  # fmt: skip
        old, new = self._rows.details, np.frombuffer(b"".join(lines), np.uint8)
        begins = offsets(np.array(list(map(len, lines)), np.int64)) + len(old)
        starts = np.concatenate((self._rows.bounds[plain], begins[:-1]))[at]
        ends = np.concatenate((self._rows.bounds[plain + 1], begins[1:]))[at]
        # What lies side by side is copied at once; nothing of the old table lies beside the new.
        cuts = np.flatnonzero((starts[1:] != ends[:-1]) | (starts[1:] == len(old))) + 1
        firsts, lasts = np.append(0, cuts), np.append(cuts, len(at)) - 1
        parts = [old[:0]]
        if len(at):
            parts += [
                old[low:high] if low < len(old) else new[low - len(old) : high - len(old)]
                for low, high in zip(starts[firsts].tolist(), ends[lasts].tolist(), strict=True)
            ]
        return np.concatenate(parts), ends - starts

    def _rare(
        self, plain: NDArray[np.intp], entries: Sequence[Entry], places: NDArray[np.intp]
    ) -> dict[str, Any]:
        """What few files have: by the name of a field the rows of the new table, and values."""
        place_of = np.full(len(self._is_kept), -1)
        place_of[plain] = places[: len(plain)]
        told: dict[str, Any] = {}
        for name, (_, as_json) in _RARE.items():
            found = {
                int(place_of[row]): value
                for row, value in self._rows.rare[name].items()
                if place_of[row] >= 0
            }
            for place, entry in zip(places[len(plain) :].tolist(), entries, strict=True):
                if value := getattr(entry, name):
                    found[place] = value
            told[name] = [sorted(found), [as_json(found[row]) for row in sorted(found)]]
        return told


class Articles(Mapping[str, Entry]):
    """The entries of a table whose article stands in the build, and those of new articles."""

    def __init__(self, table: EntryTable, new: Mapping[str, Entry] | None = None) -> None:
        """`new` are articles that do not stand in the table."""
        self._table, self._new = table, new or {}

    def __getitem__(self, path: str) -> Entry:
        if path in self._new:
            return self._new[path]
        if not self._table.is_served(path):
            raise KeyError(path)
        return self._table[path]

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and (path in self._new or self._table.is_served(path))

    def __iter__(self) -> Iterator[str]:
        return iter(self.column("path"))

    def __len__(self) -> int:
        table = self._table
        own = sum(entry.is_served for entry in table._own.values())
        return int(np.count_nonzero(table._is_served)) + own + len(self._new)

    def column(self, name: str) -> list[str]:
        """The path, slug or digest of each article, in one order."""
        table = self._table
        rows, is_served = table._rows, table._is_served.tolist()
        texts = {"path": rows.paths, "slug": rows.slugs, "digest": rows.digests}[name]
        served = {path: entry for path, entry in table._own.items() if entry.is_served}
        others = served | dict(self._new)
        told = others if name == "path" else map(attrgetter(name), others.values())
        return [*compress(texts, is_served), *told]

    def rare(self, name: str) -> Iterator[tuple[str, Any]]:
        """Path and value of the articles that have something in a field that few have."""
        yield from self._table.rare(name, is_served=True)
        for path, entry in self._new.items():
            if value := getattr(entry, name):
                yield path, value


def folder_of(path: str) -> str:
    """The folder of a file, with a slash at its end; "" for the outermost."""
    return path[: path.rfind("/") + 1]


def group_of(path: str, entry: Entry) -> Group:
    """What a file has in common with others."""
    return Group(folder_of(path), entry.mark, entry.facts, entry.includes)


def stats_of(stats: Sequence[Sequence[int]], size: int) -> NDArray[np.int64]:
    """The first `size` numbers of the stat of each file, as they are compared."""
    numbers = chain.from_iterable(stats if size == _IN_STAT else (each[:size] for each in stats))
    try:
        flat = np.fromiter(numbers, np.int64, size * len(stats))
    except OverflowError:  # inodes of some file systems fill 64 bits
        wrapped = [(n + _HALF) % _WHOLE - _HALF for each in stats for n in each[:size]]
        flat = np.array(wrapped, np.int64)
    return flat.reshape(len(stats), size)


def read(folder: Path, columns: Columns) -> EntryTable:
    """The table that `write` wrote into `folder` as these columns.

    Raises IndexDamaged, OSError, ValueError, LookupError or TypeError if they are others.
    """
    arrays, paths = read_arrays(folder / TABLE), columns["path"]
    rare = {
        name: dict(zip(rows, map(_RARE[name][0], values), strict=True))
        for name, (rows, values) in columns["rare"].items()
    }
    groups = [Group(where, mark, facts, tuple(includes))
              for where, mark, facts, includes in columns["groups"]]  # fmt: skip
    rows = _Rows(
        paths, columns["slug"], columns["digest"], groups, rare, arrays["group"],
        arrays["segment"], arrays["doc"], arrays["stat"], arrays["details"], arrays["bounds"],
        dict(zip(paths, range(len(paths)), strict=True)),
    )  # fmt: skip
    of_each: tuple[Sized, ...] = (
        paths, rows.slugs, rows.digests, rows.bounds[1:], rows.group, rows.segment, rows.doc,
        rows.stat, rows.number,
    )  # fmt: skip
    sizes = set(map(len, of_each))
    is_whole = (
        len(sizes) == 1 and rare.keys() == _RARE.keys() and rows.stat.shape[1:] == (_IN_STAT,)
        and rows.group.min(initial=0) >= 0 and rows.group.max(initial=-1) < len(groups)
        and rows.bounds[0] == 0 and rows.bounds[-1] == len(rows.details)
        and bool((rows.bounds[1:] >= rows.bounds[:-1]).all())
        and all(row in range(len(paths)) for found in rare.values() for row in found)
    )  # fmt: skip
    if not is_whole:
        raise ValueError(f"the columns of {TABLE} do not belong together")
    return EntryTable._of(rows, np.ones(len(paths), bool))
