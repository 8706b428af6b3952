"""Who changed which article when, from one `git log`. Never raises, never writes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from kb import git

# The newest commit of a text counts; thousands of older ones are still one pass.
SECONDS = 60.0
_COMMIT = "\x02"
_FIELDS = "\x1f"
_END = "\x03"


@dataclass(frozen=True, slots=True)
class Change:
    """The last commit that changed an article's text, not only its place."""

    author: str
    updated: date
    commit: str
    order: int  # 0 is the newest change of the folder


@dataclass(frozen=True, slots=True)
class History:
    """What git knows of a folder; empty, with a note, where git knows nothing."""

    changes: Mapping[str, Change] = field(default_factory=dict)  # by path relative to the folder
    commit: str = ""
    is_dirty: bool = False
    note: str = ""  # why it is empty or incomplete, as a sentence


def read(folder: Path, *, at: str = "HEAD", seconds: float = SECONDS) -> History:
    """The history of all files below `folder`: date of the author, name of the author, order.

    It ends with the commit `at`. A file that was only moved keeps the change of its text. A merge
    counts as its parents do.
    """
    try:
        shallow, commit = _git(
            folder, seconds, "rev-parse", "--is-shallow-repository", "--verify", at
        ).split()
        # Only exact moves: they are found by the names of blobs, which need not be read.
        log = _git(
            folder,
            seconds,
            *("log", "--no-show-signature", "--no-notes", "--no-ext-diff", "--no-textconv"),
            *("--no-color", "--no-mailmap", "--raw", "-z", "-M100%", "--relative", "--abbrev=40"),
            f"--format={_COMMIT}%H{_FIELDS}%P{_FIELDS}%aI{_FIELDS}%an{_END}",
            *(commit, "--", "."),
        )
    except _Unavailable as error:
        return History(note=str(error))
    except ValueError:
        return History(note="no dates from git: this git is too old")
    is_cut = shallow == "true"
    note = "the clone is shallow: git does not tell older dates (`git fetch --unshallow`)"
    return History(
        _changes(log, is_cut), commit, _is_dirty(folder, seconds), note if is_cut else ""
    )


def moment(folder: Path, commit: str, *, seconds: float = SECONDS) -> datetime | None:
    """When a commit was made, or None where git cannot tell."""
    if not re.fullmatch("[0-9a-f]{40,64}", commit):
        return None
    try:
        told = _git(folder, seconds, "show", "--no-patch", "--format=%cI", commit, "--")
        return datetime.fromisoformat(told.strip())
    except (_Unavailable, ValueError):
        return None


def _is_dirty(folder: Path, seconds: float) -> bool:
    try:
        return bool(
            _git(
                folder,
                seconds,
                *_without_filters(folder, seconds),
                *("status", "--porcelain", "-z", "--ignore-submodules=all", "--", "."),
            )
        )
    except _Unavailable:
        return True


def _without_filters(folder: Path, seconds: float) -> list[str]:
    """Options that keep `git status` from running the filters a repository names."""
    try:
        names = _git(
            folder, seconds, "config", "-z", "--name-only", "--get-regexp", r"^filter\..*\."
        )
    except _Unavailable:
        return []
    return [
        part
        for name in names.split("\0")
        if name
        for part in ("-c", f"{name}={'false' if name.endswith('.required') else ''}")
    ]


def _changes(log: str, is_cut: bool) -> dict[str, Change]:
    """Reads newest first: the first change seen of a path is its last one.

    The oldest commits of a shallow clone seem to add every file; they tell nothing.
    """
    changes: dict[str, Change] = {}
    later: dict[str, str] = {}  # a path before it was moved -> the path it has today
    change, order, tells = _GONE, -1, True
    tokens = iter(log.split("\0"))
    for token in tokens:
        if token.startswith(_COMMIT):
            head, _, token = token.partition(_END)
            commit, parents, stamp, author = head[1:].split(_FIELDS, 3)
            order += 1
            change = Change(author, _day(stamp), commit, order)
            tells = bool(parents) or not is_cut
        token = token.lstrip("\n")
        if not token.startswith(":"):
            continue
        status = token.rpartition(" ")[2]
        path = next(tokens, "")
        if status.startswith("R"):
            source, path = path, next(tokens, "")
            today = later.pop(path, path)
            if today not in changes:
                later[source] = today  # moved, text untouched: an older commit tells
        elif status == "D":
            # A file of that name existed before today's: what is older is not its history.
            changes.setdefault(path, _GONE)
        else:
            today = later.pop(path, path) if status == "A" else later.get(path, path)
            if tells:
                changes.setdefault(today, change)
    return {path: change for path, change in changes.items() if change is not _GONE}


_GONE = Change("", date.min, "", -1)


def _day(stamp: str) -> date:
    try:
        return datetime.fromisoformat(stamp).date()
    except ValueError:
        return date.min


class _Unavailable(Exception):
    """Git cannot tell; the message says why."""


def _git(folder: Path, seconds: float, *arguments: str) -> str:
    try:
        return git.run(folder, *arguments, seconds=seconds)
    except git.GitFailed as error:
        raise _Unavailable(f"no dates from git: {error}") from None
