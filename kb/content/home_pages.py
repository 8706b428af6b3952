"""Home pages of VitePress, which stand in front matter alone, as Markdown."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kb.content.front_matter import one_line

_MOST = 100  # features, and actions


def title(values: Mapping[str, Any]) -> str:
    """The name of what the page introduces; "" where it has none."""
    hero = _mapping(values.get("hero"))
    return _plain(hero.get("name")) or _plain(hero.get("text"))


def text(values: Mapping[str, Any]) -> str:
    """The page as Markdown: what it says, its links, its features; "" for any other page."""
    if values.get("layout") != "home":
        return ""
    hero = _mapping(values.get("hero"))
    said = [words for key in ("text", "tagline") if (words := _plain(hero.get(key)))]
    lines = [line for words in said for line in (words, "")]
    lines += [f"- {_linked(each, 'text')}" for each in _mappings(hero.get("actions"))]
    features = [f"- {_feature(each)}" for each in _mappings(values.get("features"))]
    if lines and features:
        lines.append("")
    return "\n".join((*lines, *features)).strip("\n")


def _feature(values: Mapping[str, Any]) -> str:
    name = _linked(values, "title")
    details = _plain(values.get("details"))
    return " — ".join(filter(None, (f"**{name}**" if name else "", details)))


def _linked(values: Mapping[str, Any], key: str) -> str:
    """The words under a key, as a link where the entry has one."""
    words, target = _plain(values.get(key)), _plain(values.get("link"))
    if not words or not target or re.search(r"[<>\s]", target):
        return words
    return f"[{re.sub(r'[][]', '', words)}](<{target}>)"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    for each in value[:_MOST] if isinstance(value, list) else ():
        if isinstance(each, dict):
            yield each


def _plain(value: Any) -> str:
    """A value as one line, without tags of HTML."""
    return one_line(re.sub(r"<[^<>]*>", " ", value)) if isinstance(value, str) else ""
