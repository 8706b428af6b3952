"""Light builds: what lists, pages and filters read of a build, without what ranking alone reads.

A light build has the name of the build that it is a part of. Search asks a cluster for it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kb.index import builds, whoosh_index
from kb.index.builds import Build
from kb.index.reader import SCORES
from kb.index.segment import ranking_file


def is_kept(file: str, segments: list[str]) -> bool:
    """Whether a light build has a file of a build, by its path there."""
    is_ranking = file in {ranking_file(Path(name)).name for name in segments}
    return not (is_ranking or file == SCORES or file.startswith(f"{whoosh_index.FOLDER}/"))


def manifest(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of the light build that is a part of a whole one."""
    files = {
        file: facts for file, facts in whole["files"].items() if is_kept(file, whole["segments"])
    }
    return {**whole, "light": True, "files": files}


def copy(build: Build, target: Path) -> None:
    """Writes the light build that is a part of `build` into the new folder `target`."""
    target.mkdir()
    made = manifest(build.manifest)
    for file in made["files"]:
        builds.link_or_copy(build.folder / file, target / file)
    (target / builds.MANIFEST).write_bytes(builds.sealed(made))
