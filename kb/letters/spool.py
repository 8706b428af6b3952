"""Letters that wait for the log: on the disk of this machine until the log can be reached.

A customer has the number of the letter meanwhile; the letter is stored under it later.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from kb.base.durability import fsync
from kb.searchlog.db.choices import NEW
from kb.searchlog.db.letter_models import Letter, NewLetter, new_number

_FOLDER: Final = "letters-waiting"


class LetterSpool:
    """Letters in a folder of the data folder, each in a file of its key. Methods raise OSError."""

    def __init__(self, data: Path) -> None:
        self._folder = data / _FOLDER

    def put(self, new: NewLetter, at: datetime) -> Letter:
        """Keeps a letter, for good, and gives it its number; the same key again changes nothing."""
        file = self._folder / f"{new.key}.json"
        if file.exists():
            new, at = self._read(file)
        else:
            new = replace(new, number=new.number or new_number())
            told = _adapter().dump_python(new, mode="json")
            self._write(file, json.dumps([at.isoformat(), told]))
        return Letter(
            0, new.key, new.number, at, new.lang, new.subject, new.text, new.email, new.type,
            new.plan, NEW, new.owner, new.offered, None, 0, new.trail, 0, len(new.attachments),
        )  # fmt: skip

    def waiting(self) -> Iterator[tuple[NewLetter, datetime]]:
        """The letters that wait, with when each was sent; one that cannot be read is left."""
        with suppress(FileNotFoundError):
            for name in sorted(os.listdir(self._folder)):
                if name.endswith(".json"):
                    with suppress(ValueError):
                        yield self._read(self._folder / name)

    def remove(self, new: NewLetter) -> None:
        """Forgets a letter that is stored."""
        (self._folder / f"{new.key}.json").unlink(missing_ok=True)

    def _read(self, file: Path) -> tuple[NewLetter, datetime]:
        at, new = json.loads(file.read_bytes())
        return _adapter().validate_python(new), datetime.fromisoformat(at)

    def _write(self, file: Path, text: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}.new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(text)
        fsync(draft)
        os.replace(draft, file)
        fsync(self._folder)


def _adapter() -> TypeAdapter[NewLetter]:
    return TypeAdapter(NewLetter)
