"""The files that an import is given: listed and read within limits, links followed by none."""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from kb.base.errors import reason
from kb.base.messages import Message
from kb.content.folder import Source, read_file
from kb.content.problems import Problem
from kb.importing.source import CannotImport

MAX_FILES = 200_000
MAX_JSON = 64 * 2**20
MAX_HTML = 8 * 2**20
MAX_MEDIA = 32 * 2**20


class GivenFiles:
    """The regular files below a folder, or a single file; hidden ones and links are left out."""

    def __init__(self, source: Path) -> None:
        """Lists `source`. Raises CannotImport where it is not there or too much."""
        self.paths: tuple[str, ...] = (source.name,)
        self.root = source.parent
        if source.is_file():
            return
        if not source.is_dir():
            raise CannotImport(
                Message(
                    "no file or folder {path}; name the one that holds the export",
                    path=str(source),
                )
            )
        self.root = source
        self.paths = tuple(sorted(_listed(source)))

    def ending(self, *endings: str) -> tuple[str, ...]:
        """The paths that end in one of `endings`, in any case."""
        return tuple(path for path in self.paths if path.lower().endswith(endings))

    def read(self, path: str, most: int) -> bytes:
        """The bytes of a listed file. Raises CannotImport where it has more than `most`."""
        place = str(self.root / path)
        try:
            size = os.stat(place).st_size
        except OSError as error:
            raise CannotImport(
                Message("{path}: {reason}; check the export", path=place, reason=reason(error))
            ) from None
        content = read_file(self.root, Source(path, (size, 0, 0, 0)), most)
        if isinstance(content, Problem):
            raise CannotImport(
                Message("{path}: {reason}; leave it out", path=place, reason=content.message)
            )
        if len(content) > most:
            raise CannotImport(
                Message("{path} has more than {n} bytes; leave it out", path=place, n=most)
            )
        return content

    def json_objects(self) -> Iterator[dict[str, Any]]:
        """The object of each JSON file; a file with a list gives those in it.

        Raises CannotImport for a file that is not JSON.
        """
        for path in self.ending(".json"):
            try:
                content = json.loads(self.read(path, MAX_JSON))
            except (ValueError, RecursionError) as error:
                is_nested = isinstance(error, RecursionError)
                raise CannotImport(
                    Message(
                        "{path} is no JSON ({reason}); leave it out, or export it again",
                        path=str(self.root / path),
                        reason=Message("nested too deeply") if is_nested else str(error),
                    )
                ) from None
            for value in content if isinstance(content, list) else [content]:
                if isinstance(value, dict):
                    yield value

    def find(self, path: str) -> Path | None:
        """The listed file at `path`, "/" at its beginning or not."""
        path = path.lstrip("/")
        return self.root / path if path in self._known else None

    def named(self, name: str) -> Path | None:
        """The only listed file of that name, in any folder and case; None if there are more."""
        found = self._by_name.get(name.lower(), [])
        return self.root / found[0] if len(found) == 1 else None

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.paths)

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        names: dict[str, list[str]] = defaultdict(list)
        for path in self.paths:
            names[path.rpartition("/")[2].lower()].append(path)
        return names


def _listed(root: Path) -> Iterator[str]:
    count = 0
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{folder}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    count += 1
                    if count > MAX_FILES:
                        raise CannotImport(
                            Message(
                                "{folder} holds more than {n} files; import parts of it",
                                folder=str(root),
                                n=MAX_FILES,
                            )
                        )
                    yield folder + entry.name
