"""The order in which articles are read, and which file is the page of its folder. Opens no file."""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import accumulate

from kb.keys import without_ending

INDEX_NAMES = ("_index", "index", "readme")  # of a folder's page, without case; the first counts

_Step = tuple[int, bool, float, str]
_PAGE, _FILE, _FOLDER = range(3)  # what is read first


def index_rank(path: str) -> int | None:
    """How good a page of its folder the file is, 0 the best; None if it is none."""
    name = without_ending(path.rpartition("/")[2]).lower()
    return INDEX_NAMES.index(name) if name in INDEX_NAMES else None


def folder_pages(paths: Iterable[str]) -> dict[str, str]:
    """Each folder that has a page, with the path of that page."""
    ranked = [(rank, path) for path in paths if (rank := index_rank(path)) is not None]
    return {path.rpartition("/")[0]: path for _, path in sorted(ranked, reverse=True)}


def in_order(orders: Mapping[str, float | None]) -> list[str]:
    """Paths as one reads them: the page of a folder, its files, then the folders in it.

    Each stands by its order, after all that have one by its name; a folder's order is its page's.
    """
    pages = folder_pages(orders)

    def step(kind: int, path: str, name: str) -> _Step:
        order = orders.get(path)
        return kind, order is None, order or 0.0, name

    @cache
    def above(folder: str) -> tuple[_Step, ...]:
        folders = accumulate(folder.split("/"), "{}/{}".format) if folder else ()
        return tuple(step(_FOLDER, pages.get(each, ""), each) for each in folders)

    def key(path: str) -> tuple[_Step, ...]:
        folder = path.rpartition("/")[0]
        is_page = pages.get(folder) == path
        return (*above(folder), step(_PAGE if is_page else _FILE, path, path))

    return sorted(orders, key=key)
