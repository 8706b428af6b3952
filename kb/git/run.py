"""Runs git with a deadline, without hooks and questions. Knows nothing of articles."""

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from kb.base.messages import Message

# What a repository could name to be run, and what git would ask a person.
_SETTINGS = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "core.askPass=",
    "core.quotePath=false",
)
REMOTE = "file:git:http:https:ssh"  # protocols of a fetch; `ext::` would run a program


class GitFailed(Exception):
    """A run of git failed; the message is a short reason, for a sentence that says what."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason)
        self.reason = reason


def run(folder: Path, *arguments: str, seconds: float, remote: bool = False) -> str:
    """Runs git in `folder` and returns its output; only with `remote` may it reach other machines.

    No hook of the repository runs, nothing is asked, and after `seconds` it is stopped with all
    that it started. Raises GitFailed.
    """
    printed = read(folder, *arguments, seconds=seconds, remote=remote)
    return printed.decode("utf-8", "replace")


def read(
    folder: Path, *arguments: str, seconds: float, remote: bool = False, given: bytes = b""
) -> bytes:
    """The bytes that git prints; `given` are its input, the rest is as for `run`."""
    options = [part for setting in _SETTINGS for part in ("-c", setting)]
    command = ["git", "--no-pager", "--no-optional-locks", *options, *arguments]
    try:
        with subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            env=_environment(remote),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # no terminal to ask on, and one group to stop
        ) as process:
            try:
                out, err = process.communicate(given, timeout=seconds)
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
    except FileNotFoundError:
        raise GitFailed(Message("git is not installed, or the folder is gone")) from None
    except subprocess.TimeoutExpired:
        raise GitFailed(
            Message("it took longer than {seconds} s", seconds=f"{seconds:g}")
        ) from None
    except (OSError, ValueError) as error:
        raise GitFailed(Message("{reason}", reason=str(error))) from None
    if process.returncode:
        raise GitFailed(_reason(err.decode("utf-8", "replace")))
    return bytes(out)


def blobs(folder: Path, ids: Iterable[str], *, seconds: float) -> Iterator[bytes | None]:
    """The contents of blobs, from one run of git; None for an id of which there is no blob here.

    Raises GitFailed.
    """
    for found in objects(folder, ids, seconds=seconds):
        yield found[1] if found and found[0] == "blob" else None


def sizes(folder: Path, ids: Iterable[str], *, seconds: float) -> dict[str, int]:
    """The sizes of objects in bytes, from one run of git, by id; those not here are left out.

    Raises GitFailed.
    """
    given = "".join(f"{id_}\n" for id_ in ids).encode("ascii")
    told = read(folder, "cat-file", "--batch-check", seconds=seconds, given=given).decode("ascii")
    facts = (line.split() for line in told.splitlines())
    return {each[0]: int(each[2]) for each in facts if len(each) == 3}


def objects(
    folder: Path, names: Iterable[str], *, seconds: float
) -> Iterator[tuple[str, bytes] | None]:
    """Kinds and contents of objects, from one run of git, by id or as `commit:./path`.

    `./` is `folder`; no name may hold a line end. None for an object that is not here. Raises
    GitFailed.
    """
    given = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    return _objects(read(folder, "cat-file", "--batch", seconds=seconds, given=given))


def _objects(output: bytes) -> Iterator[tuple[str, bytes] | None]:
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        line, at = output[at:end], end + 1  # `<id> blob <size>`, or `<as asked> missing`
        if line.endswith((b" missing", b" ambiguous")):
            yield None
            continue
        _, kind, size = line.split()
        until = at + int(size)
        yield kind.decode("ascii"), output[at:until]
        at = until + 1


def _environment(remote: bool) -> dict[str, str]:
    """Our environment without git's variables, except those that let git reach a server."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "SSH_ASKPASS"))}
    kept |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
    if remote:
        ssh = {k: v for k, v in os.environ.items() if k in ("GIT_SSH", "GIT_SSH_COMMAND")}
        return {**kept, **ssh, "GIT_ALLOW_PROTOCOL": REMOTE}
    # Missing objects are not fetched.
    return {**kept, "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}


FOREIGN = Message(
    "the folder belongs to another user; "
    "`git config --global --add safe.directory <folder>` allows it"
)


def _reason(stderr: str) -> Message:
    if "dubious ownership" in stderr:
        return FOREIGN
    if "single revision" in stderr:
        return Message("the repository has no commit yet")
    if "not a git repository" in stderr:
        return Message("the folder is not in a git repository")
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    error = next((line for line in lines if line.startswith(("fatal:", "error:"))), "")
    reason = error.partition(": ")[2] or next(iter(lines), "")
    return Message("{reason}", reason=reason) if reason else Message("git gives no reason")
