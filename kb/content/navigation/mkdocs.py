"""The navigation of MkDocs and Zensical: `nav` of `mkdocs.yml` or `zensical.toml`."""

import posixpath
from collections.abc import Iterator
from typing import Any

from kb.content.metadata import without_ending
from kb.content.navigation.data import listed, mapping, text
from kb.content.navigation.models import Item, Navigation
from kb.content.reading_order import index_rank

FILES = frozenset({"mkdocs.yml", "mkdocs.yaml", "zensical.toml"})
_DEEPEST = 12


def navigation(folder: str, content: Any) -> Navigation:
    """The navigation that the settings in `folder` give to the articles in its `docs_dir`."""
    settings = mapping(content)
    settings = mapping(settings.get("project")) or settings
    docs = text(settings.get("docs_dir")) or "docs"
    root = posixpath.normpath(posixpath.join(folder, docs))
    root = "" if root == "." else root
    items = tuple(_items(listed(settings.get("nav")), root, 0))
    return Navigation("mkdocs", folder, root, text(settings.get("site_name")), items)


def _items(entries: list[Any], root: str, depth: int) -> Iterator[Item]:
    for entry in entries if depth < _DEEPEST else ():
        if isinstance(entry, str):
            yield Item(path=_path(root, entry))
        for title, value in mapping(entry).items():
            if isinstance(value, str):
                yield Item(text(title), _path(root, value))
            elif isinstance(value, list):
                yield _section(text(title), value, root, depth)


def _section(title: str, entries: list[Any], root: str, depth: int) -> Item:
    """A section; an index page at its beginning that has no title there introduces it."""
    page, rest = "", entries
    first = entries[0] if entries else None
    if isinstance(first, str) and index_rank(first) is not None:
        page, rest = _path(root, first), entries[1:]
    return Item(title, page, children=tuple(_items(rest, root, depth + 1)))


def _path(root: str, written: str) -> str:
    """The path of a page below the articles folder; "" for the address of another site."""
    return "" if "://" in written else without_ending(posixpath.join(root, written.lstrip("/")))
