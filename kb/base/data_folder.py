"""The data folder: made where it is missing, kept out of git, known by a name of its own."""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

_IGNORED = "# Made by kb: builds and searches, nothing that belongs into a repository.\n*\n"
_IDENTITY = "id"
_OURS = ("builds", "check", "extracted")


def unwritable(folder: Path) -> str:
    """Why nothing can be written in an existing data folder, in the system's words, or ""."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        probe.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def prepare(folder: Path) -> None:
    """Makes the data folder if it is missing; a new or empty one is ignored by git as a whole.

    A folder that holds other things stays as it is. Raises OSError if it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(entry.name not in _OURS for entry in folder.iterdir()):
        return
    with suppress(FileExistsError), (folder / ".gitignore").open("x", encoding="utf-8") as file:
        file.write(_IGNORED)


def identity(folder: Path) -> str:
    """Eight hexadecimal digits that no other data folder has; kept in it, and made if missing.

    Raises OSError if it can be neither read nor made.
    """
    path = folder / _IDENTITY
    with suppress(OSError):
        found = path.read_text("ascii", "replace").strip()
        if re.fullmatch(r"[0-9a-f]{8}", found):
            return found
    folder.mkdir(parents=True, exist_ok=True)
    made = secrets.token_hex(4)
    path.write_text(made + "\n", "ascii")
    return made
