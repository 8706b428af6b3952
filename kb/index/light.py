"""Light builds: what lists, pages and filters read of a build, without what ranking alone reads.

A light build has the name of the build that it is a part of. Search asks a cluster for it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kb.base.errors import KBError
from kb.base.messages import Message
from kb.index import builds, whoosh_index
from kb.index.builds import Build
from kb.index.counts import COUNTS
from kb.index.reader import SCORES
from kb.index.segment import ranking_file


class NoCounts(KBError):
    """A build has no light part: it was made for machines that search in it themselves."""


def is_kept(file: str, segments: list[str]) -> bool:
    """Whether a light build has a file of a build, by its path there."""
    is_ranking = file in {ranking_file(Path(name)).name for name in segments}
    return not (is_ranking or file == SCORES or file.startswith(f"{whoosh_index.FOLDER}/"))


def manifest(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of the light build that is a part of a whole one. Raises NoCounts."""
    if COUNTS not in whole["files"]:
        raise NoCounts(
            Message(
                "build {name} cannot be had light, it lacks the counts of words; set"
                " KB_ENGINE=opensearch where builds are made, and run `kb index` there",
                name=str(whole["name"]),
            )
        )
    files = {
        file: facts for file, facts in whole["files"].items() if is_kept(file, whole["segments"])
    }
    return {**whole, "light": True, "files": files}


def copy(build: Build, target: Path) -> None:
    """Writes the light build that is a part of `build` into the new folder `target`.

    Raises NoCounts.
    """
    made = manifest(build.manifest)
    target.mkdir()
    for file in made["files"]:
        builds.link_or_copy(build.folder / file, target / file)
    (target / builds.MANIFEST).write_bytes(builds.sealed(made))
