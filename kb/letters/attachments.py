"""Files that customers attach to a letter: which are taken, and where they lie. Reads no request.

A file lies in the data folder, outside of everything that is served, under a random name; what its
sender called it stands in the database alone.
"""

import os
import secrets
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kb.base.durability import fsync
from kb.base.escaping import header
from kb.searchlog.db.letter_models import Attachment

MOST: Final = 5  # files of a letter
LARGEST: Final = 5 * 2**20  # bytes of a file
_LONGEST_NAME: Final = 100  # characters
ABANDONED: Final = 3600.0  # seconds after which a file that no letter has is no letter's
_MIME: Final = {
    "csv": "text/csv", "doc": "application/msword", "gif": "image/gif", "gz": "application/gzip",
    "har": "application/json", "jpeg": "image/jpeg", "jpg": "image/jpeg",
    "json": "application/json", "log": "text/plain", "mp4": "video/mp4", "pdf": "application/pdf",
    "png": "image/png", "txt": "text/plain", "webm": "video/webm", "webp": "image/webp",
    "xls": "application/vnd.ms-excel", "xml": "text/xml", "zip": "application/zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file as it was sent: what its sender calls it, and its content."""

    name: str
    content: bytes


def ending(name: str) -> str:
    """The ending of a file's name in small letters, without its dot."""
    return name.rpartition(".")[2].casefold() if "." in name else ""


def problem(files: Sequence[GivenFile], endings: Collection[str]) -> tuple[str, str]:
    """Why these files are not taken, and the name of the one at fault; ("", "") if they are.

    The reasons are `many`, `type`, `large` and `empty`.
    """
    if len(files) > MOST:
        return "many", files[MOST].name
    for file in files:
        if ending(file.name) not in endings:
            return "type", file.name
        if len(file.content) > LARGEST:
            return "large", file.name
        if not file.content:
            return "empty", file.name
    return "", ""


def shown_name(name: str) -> str:
    """The name of a file without folders, invisible characters and excess; never empty."""
    last = header(name.replace("\\", "/").rpartition("/")[2]).strip(". ")
    stem, dot, end = last.rpartition(".")
    short = f"{stem[: _LONGEST_NAME - len(end) - 1]}.{end}" if dot else last[:_LONGEST_NAME]
    return short[-_LONGEST_NAME:] or "file"


class AttachmentFolder:
    """The files of letters in a data folder."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "attachments"

    def save(self, file: GivenFile) -> Attachment:
        """Writes a file to the disk, for good, and names it. Raises OSError."""
        id = secrets.token_hex(16)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(self._folder / id, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "wb") as out:
            out.write(file.content)
            out.flush()
            os.fsync(out.fileno())
        fsync(self._folder)
        name = shown_name(file.name)
        mime = _MIME.get(ending(name), "application/octet-stream")
        return Attachment(id, name, mime, len(file.content))

    def path(self, file: Attachment) -> Path:
        """Where the content of a file lies."""
        return self._folder / file.id

    def remove(self, files: Sequence[Attachment]) -> None:
        """Removes files of a letter that was not stored after all."""
        for file in files:
            with suppress(OSError):
                self.path(file).unlink()

    def sweep(self, known: Collection[str], *, older: float = ABANDONED) -> int:
        """Removes files that no letter has, and returns how many.

        Files younger than `older` seconds may belong to a letter that is being stored.
        """
        removed, before = 0, time.time() - older
        for entry in os.scandir(self._folder) if self._folder.is_dir() else ():
            if entry.name not in known and entry.stat().st_mtime < before:
                with suppress(OSError):
                    os.unlink(entry.path)
                    removed += 1
        return removed
