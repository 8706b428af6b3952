"""The folder an import writes to, and the record of what it wrote there.

`.kb-import.json` at the root of the folder holds the names given to sections and articles and the
digest of each file as it was written: a file that differs by now was changed by a person and stays.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from kb.base.messages import Message
from kb.importing.source import CannotImport

FILE = ".kb-import.json"
_VERSION = 1
_SAVE_EVERY = 200  # files
Outcome = Literal["added", "changed", "unchanged", "kept"]


def _digest(content: bytes) -> str:
    """The digest of a file; line ends of Windows, which git may write, make no difference."""
    return sha256(content.replace(b"\r\n", b"\n")).hexdigest()


@dataclass(slots=True)
class Record:
    """The target folder; `opened` gives it locked, and saves what was recorded."""

    root: Path
    overwrite: bool = False
    folders: dict[str, str] = field(default_factory=dict)  # by key of the section
    articles: dict[str, str] = field(default_factory=dict)  # path without language and ending
    former: dict[str, str] = field(default_factory=dict)  # keys by such paths of before a move
    files: dict[str, str] = field(default_factory=dict)  # digests by path
    _unsaved: int = 0

    def write(self, path: str, content: bytes) -> Outcome:
        """Writes a file unless a person changed or deleted it since the last import."""
        wanted, before, now = _digest(content), self.files.get(path), self.current(path)
        if now == wanted:
            self._note(path, wanted)
            return "unchanged"
        if wanted == before and not self.overwrite:
            return "unchanged"  # changed by hand, and nothing new here
        if now != before and not self.overwrite and (before or now):
            return "kept"
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._replace(target, content)
        self._note(path, wanted)
        return "changed" if now else "added"

    def is_touched(self, path: str) -> bool:
        """Whether a file of an earlier import was changed or deleted since."""
        return path in self.files and self.current(path) != self.files[path]

    def remove(self, path: str) -> None:
        """Removes a file that an import wrote and nobody changed."""
        if path in self.files and not self.is_touched(path):
            (self.root / path).unlink()
            del self.files[path]

    def current(self, path: str) -> str:
        """The digest of a file as it is now; "" where there is none."""
        try:
            return _digest((self.root / path).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def save(self) -> None:
        """Saves the record."""
        content = {
            "version": _VERSION,
            "folders": self.folders,
            "articles": self.articles,
            "former": self.former,
            "files": self.files,
        }
        text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True)
        self._replace(self.root / FILE, text.encode())
        self._unsaved = 0

    def _note(self, path: str, digest: str) -> None:
        self.files[path] = digest
        self._unsaved += 1
        if self._unsaved >= _SAVE_EVERY:
            self.save()

    def _replace(self, target: Path, content: bytes) -> None:
        temporary = target.with_name(f".{target.name}.part")
        temporary.write_bytes(content)
        os.replace(temporary, target)


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/")


@contextmanager
def opened(root: Path, *, overwrite: bool = False) -> Iterator[Record]:
    """The record of a folder, which is made if need be; no other import writes meanwhile.

    With `overwrite`, files that a person changed are written anew. Raises CannotImport.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotImport(
                Message("another import writes to {folder}; wait until it ends", folder=str(root))
            ) from None
        record = _read(root, overwrite)
        try:
            yield record
        finally:
            record.save()
    finally:
        os.close(lock)


def _read(root: Path, overwrite: bool) -> Record:
    file = root / FILE
    try:
        content = json.loads(file.read_text("utf-8"))
        parts = [content[name] for name in ("folders", "articles", "former", "files")]
        is_known = content["version"] == _VERSION and all(
            isinstance(key, str) and isinstance(value, str)
            for part in parts
            for key, value in part.items()
        )
        paths = (*parts[0].values(), *parts[1].values(), *parts[2], *parts[3])
        is_known = is_known and all(map(_is_inside, paths))
    except FileNotFoundError:
        return Record(root, overwrite)
    except (ValueError, LookupError, TypeError, AttributeError):
        is_known = False
    if not is_known:
        raise CannotImport(
            Message(
                "{file} is damaged; take it from a backup, or import to another folder",
                file=str(file),
            )
        )
    return Record(root, overwrite, *parts)
