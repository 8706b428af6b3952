"""Reads files of settings as plain values: YAML, TOML and JSON. Runs nothing, resolves no tags."""

import json
import re
import tomllib
from typing import Any

import yaml

from kb.base.messages import Message
from kb.content.front_matter import CONTROLS, one_line
from kb.content.metadata import MAX_TITLE
from kb.content.navigation import literals
from kb.language.tokens import shorten

MOST_BYTES = 1 << 20
_MOST_VALUES = 100_000
_NESTED = re.compile(r"^[ ]{400}|(?:[-?] +){40}", re.M)  # deeper than any navigation
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every scalar is text


class Unreadable(Exception):
    """A file of settings is not what its ending says; the message says why."""


def read(name: str, text: str) -> Any:
    """The content of a file as text, lists and mappings, by the ending of its name.

    Of a script the value that it exports. Raises Unreadable.
    """
    return checked(_parsed(name.rpartition(".")[2].lower(), text))


def checked(value: Any) -> Any:
    """The value itself, if it has few enough values in it. Raises Unreadable."""
    if not _is_small(value):
        raise Unreadable(Message("more than {n} values, or one inside itself", n=_MOST_VALUES))
    return value


def _parsed(ending: str, text: str) -> Any:
    try:
        if ending in ("yml", "yaml"):
            if _NESTED.search(text):
                raise Unreadable(Message("nested too deeply"))
            return yaml.load(text, Loader=_LOADER)  # noqa: S506 - makes text, lists, mappings
        if ending == "toml":
            return tomllib.loads(text)
        if ending == "json":
            return _json(text)
    except yaml.YAMLError as error:
        raise Unreadable(" ".join(str(getattr(error, "problem", None) or error).split())) from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from None
    return literals.exported(text)


def _is_small(value: Any) -> bool:
    """Whether a value has few enough values in it, with each alias of YAML written out."""
    left, waiting = _MOST_VALUES, [value]
    while waiting and left:
        left -= 1
        each = waiting.pop()
        if isinstance(each, dict | list):
            waiting += each.values() if isinstance(each, dict) else each
            if len(waiting) > _MOST_VALUES:
                return False
    return not waiting


def _json(text: str) -> Any:
    """The value of JSON, with the comments and last commas that its tools allow."""
    try:
        return json.loads(text)
    except ValueError:
        value = literals.value_at(text, 0)
        if value is None:
            raise
        return value


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value as one line of a title's length if it is text, else ""."""
    return shorten(one_line(CONTROLS.sub(" ", value)), MAX_TITLE) if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """The value as a number, None if it is none."""
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if abs(found) < 1e9 else None
