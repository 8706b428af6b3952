"""The revisions of one file, followed through renames as far as git tells. Parses none.

`history` reads the last change of every file at once; this reads all changes of one.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from kb.git import run

MOST = 30  # revisions, the newest ones
SECONDS = 10.0
_REGULAR = "100"  # modes of files that are no links
_COMMIT, _FIELDS, _END = "\x02", "\x1f", "\x03"


class Revision(NamedTuple):
    """A commit that changed a file, and the file as the commit left it."""

    commit: str
    day: date  # of the author
    author: str
    path: str  # relative to the folder, at that time
    blob: str


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions of a file, the newest first."""

    all: tuple[Revision, ...] = ()
    is_whole: bool = False  # the last one is that which added the file


def read(folder: Path, path: str, at: str, *, seconds: float = SECONDS) -> Revisions:
    """The revisions of the file at `path` below `folder` up to the commit `at`.

    What lay outside `folder` before is not told. Raises GitFailed.
    """
    told = run.run(folder, "rev-parse", "--is-shallow-repository", "--show-prefix", seconds=seconds)
    shallow, prefix, *_ = (*told.split("\n"), "", "")
    log = run.run(
        folder, "--literal-pathspecs",
        *("log", "--follow", "--no-show-signature", "--no-notes", "--no-ext-diff", "--no-textconv"),
        *("--no-color", "--no-mailmap", "--raw", "-z", "-M", "--no-abbrev", f"-n{MOST}"),
        f"--format={_COMMIT}%H{_FIELDS}%P{_FIELDS}%aI{_FIELDS}%an{_END}",
        *(at, "--", path),
        seconds=seconds,
    )  # fmt: skip
    return _revisions(log, prefix, is_cut=shallow == "true")


def _revisions(log: str, prefix: str, *, is_cut: bool) -> Revisions:
    found: list[Revision] = []
    is_whole = False
    tokens = iter(log.split("\0"))
    commit = parents = author = ""
    day = date.min
    for token in tokens:
        if token.startswith(_COMMIT):
            head, _, token = token.partition(_END)
            commit, parents, stamp, author = head[1:].split(_FIELDS, 3)
            day = datetime.fromisoformat(stamp).date()
        token = token.lstrip("\n")
        if not token.startswith(":"):
            continue
        _, mode, _, blob, status = token.split(" ")
        path = next(tokens, "")
        if status[0] in "RC":
            path = next(tokens, "")
        if not path.startswith(prefix):
            break  # it came from outside the folder
        is_whole = status == "A" and not (is_cut and not parents)
        if mode.startswith(_REGULAR):
            found.append(Revision(commit, day, author, path.removeprefix(prefix), blob))
    return Revisions(tuple(found), is_whole)


def contents(
    folder: Path, ids: list[str], *, most: int | None = None, seconds: float = SECONDS
) -> list[bytes | None]:
    """The contents of blobs; None where there is none, or one of more than `most` bytes.

    Raises GitFailed.
    """
    wanted = list(dict.fromkeys(ids))
    if most is not None:
        known = run.sizes(folder, wanted, seconds=seconds)
        wanted = [id_ for id_ in wanted if known.get(id_, most + 1) <= most]
    found = dict(zip(wanted, run.blobs(folder, wanted, seconds=seconds), strict=True))
    return [found.get(id_) for id_ in ids]


def listings(
    folder: Path, places: list[tuple[str, str]], *, seconds: float = SECONDS
) -> list[dict[str, str]]:
    """What lies in some folders below `folder`, each at a commit: ids by name.

    `places` are commits and paths, "" for `folder` itself. Raises GitFailed.
    """
    names = [f"{commit}:./{path}" for commit, path in places]
    found = run.objects(folder, names, seconds=seconds)
    return [
        _listing(each[1], len(commit) // 2) if each and each[0] == "tree" else {}
        for each, (commit, _) in zip(found, places, strict=True)
    ]


def _listing(tree: bytes, size: int) -> dict[str, str]:
    """The entries of a tree object, whose ids are of `size` bytes."""
    found = {}
    at = 0
    while at < len(tree):
        end = tree.index(b"\0", at)
        name = tree[at:end].partition(b" ")[2].decode("utf-8", "surrogateescape")
        at = end + 1 + size
        found[name] = tree[end + 1 : at].hex()
    return found
