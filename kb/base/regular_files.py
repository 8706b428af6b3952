"""Reads regular files whose folder others write to. Decides nothing about what they hold."""

import os
import stat
from pathlib import Path


class NotRegular(OSError):
    """What was opened is a pipe, a device or the like; `mode` says which."""

    def __init__(self, mode: int) -> None:
        super().__init__("not a regular file")
        self.mode = mode


def read(path: str | Path, most: int) -> bytes:
    """The first `most` bytes of a file.

    Follows no link in its last part and never waits for a pipe: what lies there may have become
    another thing since it was looked at. Raises OSError, for a name that no file can have as well.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except ValueError as error:  # NUL, or half a character
        raise OSError(str(error)) from None
    try:
        mode = os.fstat(opened).st_mode
        if not stat.S_ISREG(mode):
            raise NotRegular(mode)
        return _up_to(opened, most)
    finally:
        os.close(opened)


def text(path: Path, most: int) -> str:
    """The content of a file; "" where it is missing, no UTF-8, or larger than `most` bytes."""
    try:
        if not path.is_file() or path.stat().st_size > most:
            return ""
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _up_to(opened: int, size: int) -> bytes:
    parts = []
    while size > 0 and (part := os.read(opened, min(size, 1 << 20))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
