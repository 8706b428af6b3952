"""Tables of contents: `toc.yaml` of Diplodoc and DocFX, `SUMMARY.md` of GitBook and mdBook, and
`_sidebar.md` of Docsify.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kb.content.metadata import without_ending
from kb.content.navigation.data import listed, mapping, text
from kb.content.navigation.models import Item, Navigation
from kb.content.navigation.variables import filled

SUMMARY, SIDEBAR = "SUMMARY.md", "_sidebar.md"
_DEEPEST = 12

# --- toc.yaml -----------------------------------------------------------------------------------

Include = Callable[[str], Any]
"""The content of the file at a path below the articles folder; None if it is not there."""


def is_toc(name: str) -> bool:
    """Whether a file is a table of contents by its name: `toc.yaml`, or one to be included."""
    return name.lower().endswith(("toc.yaml", "toc.yml"))


def diplodoc(folder: str, content: Any, include: Include, known: Mapping[str, str]) -> Navigation:
    """The navigation of the table of contents in `folder`, with those it includes.

    Titles name variables of `known`; one with an unknown variable is left to the page.
    """
    title = _plain(filled(mapping(content).get("title"), known))
    items = tuple(_toc_items(_entries(content), folder, include, known))
    return Navigation("diplodoc", folder, folder, title, items)


def _entries(content: Any) -> list[Any]:
    """The entries of a table of contents.

    In one of DocFX, which is a list, an entry that is a title alone is a section of those after it.
    """
    if not isinstance(content, list):
        return listed(mapping(content).get("items"))
    found: list[Any] = []
    section: list[Any] = found
    for entry in content:
        if isinstance(entry, dict) and list(entry) == ["name"]:
            section = []
            found.append({**entry, "items": section})
        else:
            section.append(entry)
    return found


def _toc_items(
    entries: Any, folder: str, include: Include, known: Mapping[str, str], depth: int = 0
) -> Iterator[Item]:
    for entry in listed(entries) if depth < _DEEPEST else ():
        values = mapping(entry)
        if text(values.get("hidden")).lower() == "true":
            continue
        title, page = _plain(filled(values.get("name"), known)), text(values.get("href"))
        inner: tuple[Item, ...] = ()
        children = tuple(_toc_items(values.get("items"), folder, include, known, depth + 1))
        if is_toc(page):  # DocFX: another table of contents
            inner, page = tuple(_included(page, folder, include, known, depth)), ""
        elif path := text(mapping(values.get("include")).get("path")):
            inner = tuple(_included(path, folder, include, known, depth))
        yield Item(title, _below(folder, page), children=(*inner, *children))


def _included(
    path: str, folder: str, include: Include, known: Mapping[str, str], depth: int
) -> Iterator[Item]:
    path = posixpath.normpath(posixpath.join(folder, path))
    inner = posixpath.dirname(path)
    yield from _toc_items(_entries(include(path)), inner, include, known, depth + 1)


def _plain(value: Any) -> str:
    """A title; one with variables of the tool is left to the page."""
    return "" if "{{" in text(value) else text(value)


def _below(folder: str, page: str) -> str:
    if not page or "://" in page:
        return ""
    return without_ending(posixpath.normpath(posixpath.join(folder, page.split("#")[0])))


# --- SUMMARY.md ---------------------------------------------------------------------------------

_LINKED = re.compile(
    r"([ \t]*)[*+-][ \t]+\[((?:[^\[\]]|\[[^\]]*\])*)\]"  # a list item that is a link
    r"\(<?((?<=<)[^<>]*|[^()\s]*)>?(?:\s+\"[^\"]*\")?\)\s*$"
)
_PLAIN = re.compile(r"([ \t]*)[*+-][ \t]+(\S.*)$")
_PART = re.compile(r"#{1,6}[ \t]+(.*?)[ \t#]*$")
_BESIDE = re.compile(r"\[[^\[\]]*\]\([^()]*\)|-{3,}|\*{3,}|_{3,}|<!--.*-->|<.*>")
_TAGS = re.compile(r"<[^<>]*>")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def is_summary(content: str) -> bool:
    """Whether the text holds a list of links to pages and nothing else."""
    lines = [line for line in content.splitlines() if line.strip()]
    pages = sum(1 for line in lines if (at := _LINKED.match(line)) and ".md" in at[3])
    others = (_LINKED, _PLAIN, _PART, _BESIDE)
    return pages > 0 and all(
        any(each.fullmatch(line.rstrip()) for each in others) for line in lines
    )


def gitbook(folder: str, content: str) -> Navigation:
    """The navigation that `SUMMARY.md` in `folder` lists: parts, and pages below pages."""
    items = _listed(content, lambda page: _below(folder, page))
    return Navigation("gitbook", folder, folder, "", items)


def docsify(folder: str, content: str, root: str, has: Callable[[str], bool]) -> Navigation:
    """The navigation that `_sidebar.md` in `folder` lists.

    Addresses count from `root`, the folder of the whole site, unless only the folder itself has
    such a page, as `has` tells of a path without ending.
    """

    def page(written: str) -> str:
        place = re.sub(r"[?#].*$", "", written.removeprefix("#").lstrip("/"))
        if "://" in written:
            return ""
        place = f"{place}README" if not place or place.endswith("/") else place
        paths = [_below(root, place), _below(folder, place)]
        paths += [f"{path}/README" for path in paths]
        return next(filter(has, paths), paths[0])

    return Navigation("docsify", folder, folder, "", _listed(content, page))


def _listed(content: str, page: Callable[[str], str]) -> tuple[Item, ...]:
    """The entries of a list of links; `page` tells the path that an address means."""
    parts: list[tuple[str, list[_Line]]] = [("", [])]
    for line in content.splitlines():
        if part := _PART.match(line):
            title = _title(part[1])
            parts.append(("" if line.startswith("# ") else title, []))
        elif found := _LINKED.match(line):
            parts[-1][1].append((_indent(found[1]), _title(found[2]), page(found[3])))
        elif found := _PLAIN.match(line):
            parts[-1][1].append((_indent(found[1]), _title(found[2]), ""))
    items: list[Item] = []
    for title, lines in parts:
        listed_items = tuple(_nested(lines))
        items += (Item(title, children=listed_items),) if title else listed_items
    return tuple(items)


_Line = tuple[int, str, str]  # how far it is indented, its title, its page


def _title(written: str) -> str:
    """A title without HTML and backslashes of Markdown."""
    return text(_ESCAPED.sub(r"\1", _TAGS.sub("", written)))


def _indent(space: str) -> int:
    return len(space.expandtabs(4))


def _nested(lines: list[_Line]) -> Iterator[Item]:
    """The lines as entries, each with those that are indented below it."""
    at = 0
    while at < len(lines):
        indent, title, page = lines[at]
        end = at + 1
        while end < len(lines) and lines[end][0] > indent:
            end += 1
        yield Item(title, page, children=tuple(_nested(lines[at + 1 : end])))
        at = end
