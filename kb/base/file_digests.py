"""SHA-256 of files, remembered as long as the files stay as they are. Decides nothing by them."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path


class FileDigests:
    """Digests of files, kept in a file so that each content is read once by all processes.

    A file counts as unchanged while device, inode, time and size are the same.
    """

    def __init__(self, kept: Path) -> None:
        """`kept` is where digests are remembered; they are only in memory if it is read-only."""
        self._kept = kept
        self._known: dict[str, list[str]] | None = None  # path → identity, digest
        self._is_new = False

    def of(self, path: Path) -> str:
        """The digest of a file in hexadecimal digits. Raises OSError."""
        with path.open("rb") as file:
            identity = _identity(os.fstat(file.fileno()))
            known = self._all().get(str(path))
            if known is None or known[0] != identity:
                self._note(path, identity, hashlib.file_digest(file, "sha256").hexdigest())
        return self._all()[str(path)][1]

    def note(self, path: Path, digest: str) -> None:
        """Remembers the digest of a file whose content was compared with it. Raises OSError."""
        self._note(path, _identity(path.stat()), digest)

    def save(self) -> None:
        """Keeps what is new for other processes; digests of files that are gone go as well."""
        if not self._is_new:
            return
        self._known = {path: known for path, known in self._all().items() if os.path.exists(path)}
        new = self._kept.with_name(f"{self._kept.name}.{os.getpid()}.new")
        with suppress(OSError):
            new.write_text(json.dumps(self._known), "utf-8")
            os.replace(new, self._kept)
        self._is_new = False

    def _note(self, path: Path, identity: str, digest: str) -> None:
        self._all()[str(path)] = [identity, digest]
        self._is_new = True

    def _all(self) -> dict[str, list[str]]:
        if self._known is None:
            self._known = _read(self._kept)
        return self._known


def _read(kept: Path) -> dict[str, list[str]]:
    try:
        found = json.loads(kept.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {path: known for path, known in found.items() if _is_known(known)}


def _is_known(entry: object) -> bool:
    return isinstance(entry, list) and [type(value) for value in entry] == [str, str]


def _identity(found: os.stat_result) -> str:
    return f"{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}:{found.st_size}"
