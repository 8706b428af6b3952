"""The navigation of Mintlify: `docs.json` or `mint.json`, with the files it refers to."""

import posixpath
from collections.abc import Callable, Iterator
from typing import Any

from kb.content.metadata import without_ending
from kb.content.navigation.data import listed, mapping, text
from kb.content.navigation.models import Item, Navigation

FILES = frozenset({"docs.json", "mint.json"})
_DEEPEST = 12
_MOST_FILES = 60
# Lists whose entries are sections, each with the key of its title.
_SECTIONS = {
    "products": "product", "dropdowns": "dropdown", "tabs": "tab", "menu": "item",
    "anchors": "anchor", "groups": "group",
}  # fmt: skip

Include = Callable[[str], Any]
"""The content of the file at a path below the articles folder; None if it is not there."""


def is_settings(content: str) -> bool:
    """Whether the text of `docs.json` is the settings of Mintlify: the name is a common one."""
    return '"navigation"' in content and ("mintlify" in content or '"colors"' in content)


def navigations(folder: str, content: Any, include: Include) -> Iterator[Navigation]:
    """The navigation of each language of the project in `folder`."""
    include = _Limited(include).content
    settings = mapping(content)
    name = text(settings.get("name"))
    given = settings.get("navigation")
    languages = listed(mapping(given).get("languages"))
    if not languages:
        yield Navigation("mintlify", folder, folder, name, tuple(_entries(given, folder, include)))
    for each in languages:
        items = tuple(_entries(each, folder, include))
        language = text(mapping(_referred(each, folder, include)).get("language"))
        root = posixpath.join(folder, language)
        if not language or not _lie_below(items, f"{root}/"):
            root = folder
        yield Navigation("mintlify", root, root, name, items)


class _Limited:
    """Opens the files that settings refer to, so many of them that circles end."""

    def __init__(self, include: Include) -> None:
        self._include, self._left = include, _MOST_FILES

    def content(self, path: str) -> Any:
        """The content of a file; None if it is not there, or is one too many."""
        self._left -= 1
        return self._include(path) if self._left >= 0 else None


def _lie_below(items: tuple[Item, ...], folder: str) -> bool:
    """Whether the first page of a navigation lies in a folder."""
    for item in items:
        if item.path:
            return item.path.startswith(folder)
        if item.children:
            return _lie_below(item.children, folder)
    return False


def _referred(given: Any, folder: str, include: Include) -> Any:
    """The value, or that of the file it refers to."""
    values = mapping(given)
    place = text(values.get("$ref"))
    if not place:
        return given
    path = posixpath.normpath(posixpath.join(folder, place))
    found = None if path.startswith("..") else include(path)
    return {**found, **values} if isinstance(found, dict) else found


def _entries(given: Any, folder: str, include: Include, depth: int = 0) -> Iterator[Item]:
    """The entries of a navigation: of a list of groups, or of one mapping with lists of each kind.

    Of several versions that is read which is shown first.
    """
    given = _referred(given, folder, include) if depth < _DEEPEST else None
    if isinstance(given, list):  # mint.json
        given = {"groups": given}
    values = mapping(given)
    if values.get("hidden") is True:
        return
    versions = [mapping(each) for each in listed(values.get("versions"))]
    shown = [each for each in versions if each.get("default") is True] or versions
    for version in shown[:1]:
        yield from _entries(version, folder, include, depth + 1)
    for kind, key in _SECTIONS.items():
        sections = [
            item
            for each in listed(_referred(values.get(kind), folder, include))
            if (item := _section(each, key, folder, include, depth)) is not None
        ]
        is_frame = kind == "tabs" and len(sections) == 1  # one tab says nothing
        yield from sections[0].children if is_frame else sections
    yield from _pages(values.get("pages"), folder, include, depth)


def _section(given: Any, key: str, folder: str, include: Include, depth: int) -> Item | None:
    values = mapping(_referred(given, folder, include))
    children = tuple(_entries(values, folder, include, depth + 1))
    page = _page(values.get("root"), folder)
    title = text(values.get(key)) or text(values.get("group"))
    return Item(title, page, children=children) if children or page else None


def _pages(entries: Any, folder: str, include: Include, depth: int) -> Iterator[Item]:
    for entry in listed(_referred(entries, folder, include)):
        if isinstance(entry, dict):
            section = _section(entry, "group", folder, include, depth)
            if section is not None:
                yield section
        elif page := _page(entry, folder):
            yield Item(path=page)


def _page(written: Any, folder: str) -> str:
    """The path of a page; "" for an endpoint such as `GET /users` and for another site."""
    place = text(written)
    if not place or " " in place or "://" in place:
        return ""
    return without_ending(posixpath.normpath(posixpath.join(folder, place.strip("/"))))
