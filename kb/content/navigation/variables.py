"""Variables that settings of tools define, and texts that name them as `{{ name }}`."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kb.content.navigation import data

# By file: the key that holds them, and what stands before their names in a text.
_HOLDERS = {
    "presets.yaml": ("default", ""), "_config.yml": ("", "site."), "mkdocs.yml": ("extra", ""),
    "mkdocs.yaml": ("extra", ""),
}  # fmt: skip
_NAMED = re.compile(r"\{\{-?\s*([\w.-]*\w)\s*-?\}\}")


def are_in(path: str) -> bool:
    """Whether the file may define variables, by its name."""
    return posixpath.basename(path) in _HOLDERS


def read(path: str, text: str) -> dict[str, str]:
    """The variables that a file defines, by name; none where it cannot be read."""
    try:
        content = data.mapping(data.read(path, text))
    except data.Unreadable:
        return {}
    within, prefix = _HOLDERS[posixpath.basename(path)]
    return flat(data.mapping(content.get(within)) if within else content, prefix)


_INHERIT = re.compile(r"^INHERIT:[ \t]*[\"']?([^\s\"'#]+\.ya?ml)\b", re.M)


def inherited(text: str) -> str:
    """The file whose settings the text of one of MkDocs inherits; "" for none."""
    found = _INHERIT.search(text)
    return found[1] if found else ""


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Texts and numbers of nested tables by their dotted names, each behind `prefix`."""
    return dict(_flat(values, prefix, 4))


def _flat(values: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict) and depth:
            yield from _flat(value, f"{prefix}{key}.", depth - 1)
        elif isinstance(value, str | int | float):
            yield f"{prefix}{key}", str(value)


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """A text, or a list of texts, with what its variables stand for; unknown ones stay."""
    if isinstance(value, list):
        return [filled(each, variables) for each in value]
    if not isinstance(value, str) or "{{" not in value or not variables:
        return value
    return _NAMED.sub(lambda found: variables.get(found[1], found[0]), value)
