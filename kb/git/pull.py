"""Pulls the branch of a clone of the articles' repository. Indexes nothing."""

from dataclasses import dataclass
from pathlib import Path

from kb.base.errors import KBError
from kb.base.messages import Message
from kb.git import run

FETCH_SECONDS = 120.0
SECONDS = 60.0
MERGE_SECONDS = 900.0  # files are being written: who stops it leaves half of them
_SHOWN = 5  # files named in a message


class PullFailed(KBError):
    """The pull failed and changed nothing in the clone; `code` says why."""

    def __init__(self, code: str, message: Message) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Pulled:
    """The commits of the clone before and after a pull; equal: nothing new."""

    branch: str
    before: str
    after: str


def branch(folder: Path) -> str:
    """The branch that is checked out in the clone around `folder`. Raises PullFailed."""
    try:
        run.run(folder, "rev-parse", "--show-toplevel", seconds=SECONDS)
    except run.GitFailed as error:
        raise PullFailed(
            "no-repository",
            Message(
                "{folder}: {reason}; clone the articles' repository and name its folder as"
                " KB_ARTICLES",
                folder=str(folder),
                reason=error.reason,
            ),
        ) from None
    try:
        return run.run(folder, "symbolic-ref", "--short", "HEAD", seconds=SECONDS).strip()
    except run.GitFailed:
        raise PullFailed(
            "no-branch",
            Message(
                "no branch is checked out in {folder}; `git switch main` there", folder=str(folder)
            ),
        ) from None


def pull(
    folder: Path, remote: str = "origin", wanted: str = "", *, seconds: float = FETCH_SECONDS
) -> Pulled:
    """Fetches the branch and moves the clone forward to it, or not at all.

    `wanted` is the branch that has to be checked out, any if empty. Edits that were never committed
    stay; where the new commits touch the same files, nothing moves. Raises PullFailed.
    """
    name = branch(folder)
    if wanted and name != wanted:
        raise PullFailed(
            "other-branch",
            Message(
                "{folder} is on the branch {name}, not {wanted}; `git switch {wanted}` there, or"
                " change KB_SYNC_BRANCH",
                folder=str(folder),
                name=name,
                wanted=wanted,
            ),
        )
    before = _commit(folder, "HEAD")
    after = _fetch(folder, remote, name, seconds)
    if after != before:
        _forward(folder, before, after, f"{remote}/{name}")
    return Pulled(name, before, after)


def _fetch(folder: Path, remote: str, name: str, seconds: float) -> str:
    """The commit the branch has at the remote; the clone's own files do not change."""
    tracking = f"refs/remotes/{remote}/{name}"
    try:
        run.run(folder, "check-ref-format", tracking, seconds=SECONDS)
        if remote.startswith("-"):
            raise run.GitFailed(Message("{remote} is no name of a remote", remote=remote))
        run.run(
            folder,
            *("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--"),
            *(remote, f"+refs/heads/{name}:{tracking}"),
            seconds=seconds,
            remote=True,
        )
    except run.GitFailed as error:
        raise PullFailed(
            "fetch-failed",
            Message(
                "{name} could not be fetched from {remote}: {reason}; check the network and the"
                " rights of this user, the next sync tries again",
                name=name,
                remote=remote,
                reason=error.reason,
            ),
        ) from None
    return _commit(folder, tracking)


def _commit(folder: Path, ref: str) -> str:
    """The commit a ref names, or "" if there is none yet."""
    try:
        whole = f"{ref}^{{commit}}"
        return run.run(folder, "rev-parse", "--verify", "--quiet", whole, seconds=SECONDS).strip()
    except run.GitFailed:
        return ""


def _forward(folder: Path, before: str, after: str, remote: str) -> None:
    if before and not _is_ancestor(folder, before, after):
        raise PullFailed(
            "not-fast-forward",
            Message(
                "{folder} holds commits that {remote} does not: either they were made here (push"
                " them), or {remote} was rewritten (`git reset --keep {remote}` follows it)",
                folder=str(folder),
                remote=remote,
            ),
        )
    try:
        run.run(
            folder,
            *("merge", "--ff-only", "--no-autostash", "--no-stat", "--quiet", after),
            seconds=MERGE_SECONDS,
        )
    except run.GitFailed as error:
        edited = _edited(folder) & _touched(folder, before, after)
        if edited:
            raise PullFailed(
                "local-edits",
                Message(
                    "edits in {folder} that were never committed stand in the way: {files};"
                    " commit and push them, or undo them",
                    folder=str(folder),
                    files=_listed(edited),
                ),
            ) from None
        raise PullFailed(
            "merge-failed",
            Message(
                "{folder} could not be moved forward: {reason}; run `git status` there",
                folder=str(folder),
                reason=error.reason,
            ),
        ) from None


def _is_ancestor(folder: Path, older: str, newer: str) -> bool:
    try:
        run.run(folder, "merge-base", "--is-ancestor", older, newer, seconds=SECONDS)
    except run.GitFailed:
        return False
    return True


def _edited(folder: Path) -> set[str]:
    """The files that differ from the last commit, and untracked ones."""
    output = run.run(
        folder,
        *("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored"),
        seconds=SECONDS,
    )
    return {line[3:] for line in output.split("\0") if line}


def _touched(folder: Path, before: str, after: str) -> set[str]:
    """The files that differ between two commits."""
    if not before:
        output = run.run(folder, "ls-tree", "-r", "-z", "--name-only", after, seconds=SECONDS)
    else:
        output = run.run(
            folder,
            *("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", before, after),
            seconds=SECONDS,
        )
    return {line for line in output.split("\0") if line}


def _listed(files: set[str]) -> Message:
    shown = ", ".join(sorted(files)[:_SHOWN])
    if len(files) <= _SHOWN:
        return Message("{files}", files=shown)
    return Message("{files} and {number} more", files=shown, number=len(files) - _SHOWN)
