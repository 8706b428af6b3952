"""The file of a build that holds its notices. Renders nothing."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from kb.content.notices import Notice

FILE = "notices.json"


def write(folder: Path, found: Sequence[Notice]) -> None:
    """Writes the notices into the folder of a build."""
    (folder / FILE).write_bytes(orjson.dumps([each.to_json() for each in found]))


def read(folder: Path) -> tuple[Notice, ...]:
    """The notices in the folder of a build; none where it has no such file, or a broken one."""
    try:
        return tuple(map(Notice.from_json, orjson.loads((folder / FILE).read_bytes())))
    except (OSError, ValueError, TypeError):
        return ()
