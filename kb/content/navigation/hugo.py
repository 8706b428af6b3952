"""The project of Hugo: where its articles lie, its title, and menus with entries below others.

The order of other articles is in the `weight` of each.
"""

import posixpath
from collections import defaultdict
from typing import Any

from kb.content.navigation.data import listed, mapping, number, text
from kb.content.navigation.models import Item, Navigation

FILES = frozenset({"hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json", "config.toml"})


def navigation(folder: str, content: Any) -> Navigation | None:
    """The project in `folder`; None if the file is of another tool."""
    settings = mapping(content)
    if not {"baseURL", "baseurl", "contentDir", "languages", "theme"} & settings.keys():
        return None
    root = posixpath.join(folder, "content")
    menus = mapping(settings.get("menus")) or mapping(settings.get("menu"))
    items = next(filter(None, (_items(listed(menu), root) for menu in menus.values())), ())
    return Navigation("hugo", folder, root, text(settings.get("title")), items)


def _items(entries: list[Any], root: str) -> tuple[Item, ...]:
    """The sections of a menu; none if it is flat, as menus on top of a page are."""
    below: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in map(mapping, entries):
        below[text(entry.get("parent"))].append(entry)
    below[""].sort(key=_weight)
    return tuple(_section(each, below, root) for each in below[""]) if len(below) > 1 else ()


def _section(entry: dict[str, Any], below: dict[str, list[dict[str, Any]]], root: str) -> Item:
    name = text(entry.get("name"))
    address = text(entry.get("pageRef")) or text(entry.get("url"))
    page = "" if "://" in address else posixpath.join(root, address.strip("/"))
    inner = sorted(below.get(text(entry.get("identifier")) or name, ()), key=_weight)
    return Item(name, page, children=tuple(_leaf(each, root) for each in inner))


def _leaf(entry: dict[str, Any], root: str) -> Item:
    return _section(entry, {}, root)


def _weight(entry: dict[str, Any]) -> float:
    return number(entry.get("weight")) or 1e9
