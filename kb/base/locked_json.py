"""A small JSON object in a file that processes change one at a time, under a lock."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from kb.base.errors import KBError, reason
from kb.base.messages import Message


class JsonObject(Protocol):
    """A JSON object that processes, or machines, change one at a time."""

    def read(self) -> dict[str, Any]:
        """The object; empty where there is none."""

    def changing(self) -> AbstractContextManager[dict[str, Any]]:
        """The object to be changed in place; kept when the block ends."""


class LockedJson:
    """A JSON object in a file that only its owner reads, under a lock among processes.

    Its methods raise KBError where the file can be neither read nor written.
    """

    def __init__(self, file: Path, damaged: Callable[[], dict[str, Any]] = dict) -> None:
        """`damaged` gives the object that stands for a file that holds none."""
        self._file = file
        self._damaged = damaged

    def read(self) -> dict[str, Any]:
        """The object; empty where there is no file."""
        try:
            with self._file.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                return self._parsed(file.read())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(error) from None

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """The object to be changed in place; written when the block ends, if it differs."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            opened = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from None
        with os.fdopen(opened, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = file.read()
            content = self._parsed(before) if before else {}
            yield content
            after = json.dumps(content).encode()
            if after != before:
                file.seek(0)
                file.truncate()
                file.write(after)

    def _parsed(self, text: bytes) -> dict[str, Any]:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            return self._damaged()
        return content if isinstance(content, dict) else self._damaged()

    def _unusable(self, error: OSError) -> KBError:
        return KBError(
            Message(
                "{file} cannot be used ({reason}); check KB_DATA and its rights",
                file=str(self._file),
                reason=reason(error),
            )
        )
