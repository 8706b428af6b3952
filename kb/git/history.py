"""The history of articles: who changed each one when, from one `git log`. Never raises."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from kb.base.cache import last_call
from kb.base.messages import NOTHING, Message
from kb.git import run

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
    """The last changes of the files of a folder; empty, with a note, without git."""

    changes: Mapping[str, Change] = field(default_factory=dict)  # by path relative to the folder
    commit: str = ""
    note: str = ""  # why it is empty or incomplete, as a sentence
    trouble: Message = NOTHING  # what an operator may mend, for writers to be told


def read(folder: Path, *, at: str = "HEAD", seconds: float = SECONDS) -> History:
    """The history of all files below `folder`: date of the author, name of the author, order.

    It ends with the commit `at`. A file that was only moved keeps the change of its text. A merge
    counts as its parents do.
    """
    try:
        shallow, commit = _git(
            folder, seconds, "rev-parse", "--is-shallow-repository", "--verify", at
        ).split()
        if shallow != "true":
            return History(_known_changes(folder.resolve(), seconds, commit), commit)
        changes = _read_changes(folder, seconds, commit, is_cut=True)
    except _Unavailable as error:
        return History(note=str(error), trouble=error.trouble)
    except ValueError:
        return History(note="no dates from git: this git is too old")
    note = "the clone is shallow: git does not tell older dates (`git fetch --unshallow`)"
    return History(changes, commit, note, SHALLOW)


SHALLOW = Message(
    "git does not tell older dates and authors: the clone is shallow; `git fetch --unshallow`"
)


def _read_changes(folder: Path, seconds: float, commit: str, *, is_cut: bool) -> dict[str, Change]:
    """The last change of each path below `folder` up to a commit. Raises _Unavailable."""
    # Only exact moves: they are found by the names of blobs, which need not be read.
    log = _git(
        folder,
        seconds,
        *("log", "--no-show-signature", "--no-notes", "--no-ext-diff", "--no-textconv"),
        *("--no-color", "--no-mailmap", "--raw", "-z", "-M100%", "--relative", "--abbrev=40"),
        f"--format={_COMMIT}%H{_FIELDS}%P{_FIELDS}%aI{_FIELDS}%an{_END}",
        *(commit, "--", "."),
    )
    return _changes_of_words(folder, seconds, log, is_cut)


@last_call
def _known_changes(folder: Path, seconds: float, commit: str) -> Mapping[str, Change]:
    """The same of a whole clone, where a commit never gets another past: for every further save."""
    return _read_changes(folder, seconds, commit, is_cut=False)


def _changes_of_words(folder: Path, seconds: float, log: str, is_cut: bool) -> dict[str, Change]:
    """The last change of each path, without commits that changed nothing but line ends."""
    passed_over: set[str] = set()
    while True:
        changes = _changes(log, is_cut, passed_over)
        last = {change.commit for change in changes.values()} - passed_over
        unknown = _first_pairs(log, last - _WORDS.keys())
        for commit in last - _WORDS.keys():
            _WORDS[commit] = True
        try:
            _compare(folder, seconds, unknown)
        except _Unavailable:
            return changes
        found = {commit for commit in last if not _WORDS[commit]}
        if not found:
            return changes
        passed_over |= found


_WORDS: dict[str, bool] = {}  # whether a commit changed words, by its id; for later reads


def _first_pairs(log: str, commits: Collection[str]) -> dict[str, tuple[str, str]]:
    """Of each commit that only modified files, the blobs of the first one before and after."""
    pairs: dict[str, tuple[str, str]] = {}
    commit = ""
    for token in log.split("\0"):
        if token.startswith(_COMMIT):
            head, _, token = token.partition(_END)
            commit = head[1:].partition(_FIELDS)[0]
        found = _MODIFIED.match(token.lstrip("\n"))
        if found and commit in commits:
            pairs.setdefault(commit, (found[1], found[2]))
        elif token.lstrip("\n").startswith(":"):
            pairs.pop(commit, None)
            commit = ""  # files were added, moved or removed, too
    return pairs


_MODIFIED = re.compile(r":\d+ \d+ ([0-9a-f]+) ([0-9a-f]+) M$")


def _compare(folder: Path, seconds: float, pairs: Mapping[str, tuple[str, str]]) -> None:
    """Notes in `_WORDS` which commits changed nothing but line ends in their first file."""
    if not pairs:
        return
    blobs = list(dict.fromkeys(blob for pair in pairs.values() for blob in pair))
    try:
        texts = dict(zip(blobs, run.blobs(folder, blobs, seconds=seconds), strict=False))
    except run.GitFailed as error:
        raise _Unavailable(str(error), NOTHING) from None
    for commit, (before, after) in pairs.items():
        old, new = texts.get(before), texts.get(after)
        if old is not None and new is not None:
            _WORDS[commit] = _lines(old) != _lines(new)


def _lines(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")


def moment(folder: Path, commit: str, *, seconds: float = SECONDS) -> datetime | None:
    """When a commit was made, or None where git cannot tell."""
    if not re.fullmatch("[0-9a-f]{40,64}", commit):
        return None
    try:
        output = _git(folder, seconds, "show", "--no-patch", "--format=%cI", commit, "--")
        return datetime.fromisoformat(output.strip())
    except (_Unavailable, ValueError):
        return None


def _changes(log: str, is_cut: bool, passed_over: Collection[str]) -> dict[str, Change]:
    """The last change of each path; the log is read newest first.

    The oldest commits of a shallow clone seem to add every file; they tell nothing, and nor do
    those that are `passed_over`.
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
            tells = (bool(parents) or not is_cut) and commit not in passed_over
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
    """Git cannot tell; the message says why, `trouble` to writers what may be mended."""

    def __init__(self, message: str, trouble: Message) -> None:
        super().__init__(message)
        self.trouble = trouble


def _git(folder: Path, seconds: float, *arguments: str) -> str:
    try:
        return run.run(folder, *arguments, seconds=seconds)
    except run.GitFailed as error:
        trouble = NOTHING
        if error.reason == run.FOREIGN:
            trouble = Message("git tells no dates and authors: {reason}", reason=error.reason)
        raise _Unavailable(f"no dates from git: {error}", trouble) from None
