"""Extracts the files of a commit into a folder. Checks nothing out, changes no repository.

Bytes come as they were committed: no filter, hook or attribute of the repository has a say. A
submodule is left out. A link stays a link, which the reader of the folder refuses.
"""

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kb.base.errors import KBError
from kb.base.messages import Message, quoted
from kb.git import run

SECONDS = 60.0
_FILES, _LINK = ("100644", "100755"), "120000"
_MOST_LINK = 4096  # bytes a link may hold


class NoSuchState(KBError):
    """A name names no commit, or one whose files this clone does not hold."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A file or link of a commit; `size` in bytes, 0 where this clone does not hold it."""

    path: str
    id: str
    size: int
    is_link: bool


def top(folder: Path) -> Path | None:
    """The top folder of the git repository `folder` lies in; None where there is none."""
    try:
        return Path(run.run(folder, "rev-parse", "--show-toplevel", seconds=SECONDS).rstrip("\n"))
    except run.GitFailed:
        return None


def commit_of(folder: Path, name: str) -> str:
    """The hash of the commit a branch, tag or expression such as `HEAD~2` means.

    Raises NoSuchState; a name that git could take for an option or for several is none.
    """
    if name.startswith("-") or not name.isprintable() or not name:
        raise NoSuchState(
            Message("{name} names no commit; give a branch, a tag or a folder", name=quoted(name))
        )
    try:
        found = run.run(
            folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", seconds=SECONDS
        )
    except run.GitFailed:
        raise NoSuchState(
            Message(
                "{name} is neither a folder nor a commit here; {cure}",
                name=quoted(name),
                cure=_cure(folder),
            )
        ) from None
    return found.strip()


def _cure(folder: Path) -> Message:
    """The next step where a commit is not in this clone."""
    try:
        is_cut = run.run(folder, "rev-parse", "--is-shallow-repository", seconds=SECONDS).strip()
    except run.GitFailed:
        is_cut = ""
    if is_cut == "true":
        return Message("the clone is shallow, `git fetch --unshallow` brings older commits")
    return Message("`git branch -a` lists the branches")


def extract(
    folder: Path, commit: str, wanted: Callable[[Blob], bool], into: Path, only: str = ""
) -> None:
    """Writes the files and links of a commit that are `wanted` below `into`, and no others.

    What an earlier call wrote there stays if it is the same; all else in `into` is removed. A note
    beside it, `<into>.json`, says what is there. A file that is the same in the working tree gets
    the time of change that it has there. With `only`, a path in the repository, no other is looked
    at. Raises NoSuchState when the repository lacks some of them.
    """
    blobs = [blob for blob in _tree(folder, commit, only) if wanted(blob)]
    times = _times_of_same(folder, commit, blobs)
    note = into.with_name(f"{into.name}.json")
    there = _what_stays(into, note, blobs)
    missing = [blob for blob in blobs if blob.path not in there]
    contents = _contents(folder, commit, missing)
    links: list[tuple[str, bytes]] = []
    made: set[str] = set()
    for blob, content in zip(missing, contents, strict=True):
        target = os.path.join(into, blob.path)
        if (parent := os.path.dirname(target)) not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        if blob.is_link:
            links.append((target, content))
            continue
        with open(target, "xb", buffering=0) as file:
            file.write(content)
            there[blob.path] = os.fstat(file.fileno()).st_mtime_ns
    for path, time in times.items():
        if there.get(path, time) != time:
            os.utime(os.path.join(into, path), ns=(time, time))
            there[path] = time
    for target, content in links:  # last, so that no file is ever written through one
        with suppress(OSError, ValueError):  # a link that no disk would hold is left out
            os.symlink(content, os.fsencode(target))
    ids = {blob.path: blob.id for blob in blobs}
    into.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({path: [ids[path], time] for path, time in there.items()}))


def _what_stays(into: Path, note: Path, blobs: Iterable[Blob]) -> dict[str, int]:
    """Removes from a folder what is not of these files; the times of those that stay, by path."""
    try:
        known = json.loads(note.read_text())
        note.unlink()  # until all is written, it would not be true
    except (OSError, ValueError):
        known = {}
    files = {blob.path: blob for blob in blobs if not blob.is_link}
    there: dict[str, int] = {}
    top = len(os.path.join(into, ""))
    for folder, folders, names in os.walk(into, topdown=False):
        for name in (*names, *folders):
            path = os.path.join(folder, name)
            found, blob = os.lstat(path), files.get(path[top:])
            if stat.S_ISDIR(found.st_mode):
                with suppress(OSError):  # it still holds files
                    os.rmdir(path)
            elif (
                blob is not None
                and stat.S_ISREG(found.st_mode)
                and found.st_size == blob.size
                and known.get(blob.path) == [blob.id, found.st_mtime_ns]
            ):
                there[blob.path] = found.st_mtime_ns
            else:
                os.unlink(path)
    return there


def _times_of_same(folder: Path, commit: str, blobs: Iterable[Blob]) -> dict[str, int]:
    """When the files of the working tree were changed that are as in a commit, in ns, by path.

    Git tells by what it knows of each file, without reading it.
    """
    times: dict[str, int] = {}
    for blob in blobs:
        with suppress(OSError, ValueError):
            found = os.lstat(os.path.join(folder, blob.path))
            if found.st_size == blob.size and stat.S_ISREG(found.st_mode):
                times[blob.path] = found.st_mtime_ns
    try:
        differ = run.read(folder, "diff-index", "--name-only", "-z", commit, "--", seconds=SECONDS)
    except run.GitFailed:
        return {}
    for name in differ.split(b"\0"):
        times.pop(os.fsdecode(name), None)
    return times


def _tree(folder: Path, commit: str, only: str) -> Iterator[Blob]:
    """The files and links of a commit whose paths stay inside it; of `only` alone if it is one."""
    paths = ("--", only) if only else ()
    try:
        listed = run.read(
            folder, "ls-tree", "-r", "-l", "-z", "--full-tree", commit, *paths, seconds=SECONDS
        )
    except run.GitFailed as error:
        raise _unreadable(commit, error) from None
    for line in listed.split(b"\0")[:-1]:
        facts, _, name = line.partition(b"\t")
        mode, _, id_, size = facts.decode("ascii").split()
        path, bytes_ = os.fsdecode(name), int(size) if size.isdigit() else 0  # `BAD`: not here
        if _is_inside(path) and (mode in _FILES or (mode == _LINK and bytes_ <= _MOST_LINK)):
            yield Blob(path, id_, bytes_, mode == _LINK)


def _unreadable(commit: str, error: run.GitFailed) -> NoSuchState:
    return NoSuchState(
        Message(
            "commit {commit} cannot be read: {reason}; run `git fsck`",
            commit=commit,
            reason=error.reason,
        )
    )


def _is_inside(path: str) -> bool:
    """Whether a path, which anybody may have made, stays below the folder."""
    parts = path.split("/")
    return not {"", ".", ".."} & set(parts)  # an absolute one begins with an empty part


def _contents(folder: Path, commit: str, blobs: list[Blob]) -> Iterator[bytes]:
    """Yields the bytes of each blob, from one run of git."""
    try:
        contents = run.blobs(folder, [blob.id for blob in blobs], seconds=SECONDS)
    except run.GitFailed as error:
        raise _unreadable(commit, error) from None
    for blob, content in zip(blobs, contents, strict=True):
        if content is None or len(content) != blob.size:
            raise NoSuchState(
                Message(
                    "commit {commit} lacks {path} in this clone; run `git fetch --refetch`",
                    commit=commit,
                    path=quoted(blob.path),
                )
            )
        yield content
