"""Who changed which article when, from one `git log`. Never raises, never writes."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

# The newest commit of a text counts; thousands of older ones are still one pass.
SECONDS = 60.0
_COMMIT = "\x02"
_FIELDS = "\x1f"


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


def read(folder: Path, *, seconds: float = SECONDS) -> History:
    """The history of all files below `folder`: date of the author, name of the author, order.

    A file that was only moved keeps the change of its text. A merge counts as its parents do.
    """
    try:
        top = _git(folder, seconds, "rev-parse", "--verify", "--quiet", "HEAD")
        log = _git(
            folder,
            seconds,
            "log",
            "--no-show-signature",
            "--no-notes",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--raw",
            "-z",
            "-M",
            "-l2000",
            "--relative",
            "--abbrev=7",
            f"--format={_COMMIT}%H{_FIELDS}%an{_FIELDS}%aI{_FIELDS}",
            "HEAD",
            "--",
            ".",
        )
    except _Unavailable as error:
        return History(note=str(error))
    return History(_changes(log), top.strip(), _is_dirty(folder, seconds))


def _is_dirty(folder: Path, seconds: float) -> bool:
    try:
        return bool(
            _git(
                folder, seconds, "status", "--porcelain", "-z", "--ignore-submodules=all", "--", "."
            )
        )
    except _Unavailable:
        return True


def _changes(log: str) -> dict[str, Change]:
    """Reads newest first: the first change seen of a path is its last one."""
    changes: dict[str, Change] = {}
    later: dict[str, str] = {}  # a path before it was moved -> the path it has today
    author, when, commit, order = "", date.min, "", -1
    tokens = iter(log.split("\0"))
    for token in tokens:
        if _COMMIT in token:
            head = token[token.index(_COMMIT) + 1 :]
            commit, author, stamp, *_ = (*head.split(_FIELDS), "", "", "")
            when, order = _day(stamp), order + 1
            token = head.rpartition(_FIELDS)[2]
        token = token.strip("\n")
        if not token.startswith(":"):
            continue
        _, _, before, after, status = (*token.split(), "", "", "", "", "")[:5]
        path = next(tokens, "")
        if status.startswith(("R", "C")):
            source, path = path, next(tokens, "")
            today = later.pop(path, path)
            if today in changes:
                continue
            if before == after and status.startswith("R"):
                later[source] = today  # moved, text untouched: an older commit tells
                continue
        else:
            today = (
                later.pop(path, path) if status.startswith(("A", "D")) else later.get(path, path)
            )
        if status.startswith("D"):
            # A file of that name existed before today's: what is older is not its history.
            changes.setdefault(path, _GONE)
        elif today not in changes:
            changes[today] = Change(author, when, commit, order)
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
    """Runs git so that the repository's own settings start no other program."""
    command = [
        "git",
        "--no-pager",
        "--no-optional-locks",
        "-c",
        "core.fsmonitor=false",
        "-c",
        f"core.hooksPath={os.devnull}",
        "-c",
        "core.quotePath=false",
        "-c",
        "log.showSignature=false",
        "-c",
        "diff.external=",
        "-c",
        "diff.renames=true",
        *arguments,
    ]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C.UTF-8",
    }
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise _Unavailable(
            "no dates from git: git is not installed, or the folder is gone"
        ) from None
    except subprocess.TimeoutExpired:
        raise _Unavailable(f"no dates from git: it took longer than {seconds:g} s") from None
    except (OSError, ValueError) as error:
        raise _Unavailable(f"no dates from git: {error}") from None
    if done.returncode:
        raise _Unavailable(f"no dates from git: {_reason(done.stderr.decode('utf-8', 'replace'))}")
    return done.stdout.decode("utf-8", "replace")


def _reason(stderr: str) -> str:
    if "dubious ownership" in stderr:
        return (
            "the folder belongs to another user; "
            "`git config --global --add safe.directory <folder>` allows it"
        )
    if "not a git repository" in stderr:
        return "the folder is not in a git repository"
    first = stderr.strip().partition("\n")[0]
    return first or "the repository has no commit yet"
