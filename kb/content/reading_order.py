"""Names of files and folders: index pages, titles, and the order people expect. Opens no file."""

import re
from collections.abc import Iterable

from kb.content.metadata import without_ending

INDEX_NAMES = ("_index", "index", "readme")  # of a folder's page, without case; the first counts
_FIRST_LETTERS = frozenset(letter for name in INDEX_NAMES for letter in (name[0], name[0].upper()))

Natural = tuple[str | int, ...]
Rank = tuple[int, float, int, Natural]  # how it is ordered, its order, its kind, its name


def index_rank(path: str) -> int | None:
    """The rank of the file among index pages of its folder, 0 the best; None for others."""
    name = path.rpartition("/")[2]
    if name[:1] not in _FIRST_LETTERS:
        return None
    name = without_ending(name).lower()
    return INDEX_NAMES.index(name) if name in INDEX_NAMES else None


def folder_pages(paths: Iterable[str]) -> dict[str, str]:
    """Maps each folder that has an index page to the path of that page."""
    ranked = [(rank, path) for path in paths if (rank := index_rank(path)) is not None]
    return {path.rpartition("/")[0]: path for _, path in sorted(ranked, reverse=True)}


def natural(name: str) -> Natural:
    """A sort key by which numbers count as numbers: `2-roles` stands before `10-limits`."""
    parts = re.split("([0-9]+)", name.casefold())
    return tuple(int(part) if at % 2 else part for at, part in enumerate(parts))


def title_of_name(name: str) -> str:
    """A title made of the name of a file or folder: `02-first_steps` → `First steps`."""
    words = re.sub(r"^[0-9]+[-_.]+(?=\D)", "", name)
    if " " not in words:
        words = re.sub("[-_]+", " ", words)
    words = words.strip() or name
    return words[:1].upper() + words[1:]
