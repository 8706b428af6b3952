"""Modules of JavaScript and TypeScript as data: what they export, by literals and names.

Runs nothing: constants, functions that return a literal and imports of other files are followed;
what a module computes is left out.
"""

import re
from collections.abc import Callable
from itertools import islice
from typing import Any

from kb.content.navigation import literals
from kb.content.navigation.literals import UNKNOWN

Load = Callable[[str, str], "tuple[str, str] | None"]
"""The path and the text of the file that the module at a path imports by an address."""

_DEFAULT = re.compile(r"^[ \t]*(?:module\.exports\s*=(?!=)|export\s+default\b)\s*", re.M)
_IMPORT = re.compile(
    r"^[ \t]*import\b(?!\s+type\b)([^'\"();]{1,2000}?)\bfrom\s*+['\"]([^'\"\n]+)['\"]", re.M
)
_REQUIRED = re.compile(
    r"^[ \t]*(?:const|let|var)\s+([\w$]+|\{[^{}]*\})\s*=\s*require\(\s*['\"]([^'\"\n]+)['\"]\s*\)",
    re.M,
)
_PASSED_ON = re.compile(r"^[ \t]*export\s*(\{[^{}]*\}|\*)\s*from\s*['\"]([^'\"\n]+)['\"]", re.M)
_RENAMED = re.compile(r"([\w$]+)(?:\s+as\s+([\w$]+)|\s*:\s*([\w$]+))?")
_CONSTANT = r"^[ \t]*(?:export\s+)?(?:const|let|var)\s+{}\b"
_ASSIGNED = re.compile(r"[^=]{0,2000}+=(?![=>])\s*")
_FUNCTION = r"^[ \t]*(?:export\s+)?(?:default\s+)?(?:async\s+)?(?=function\s+{}\s*[(<])"
_MOST_NAMES, _MOST_FILES = 400, 60
_MOST_PLACES = 20  # that are looked at for what a name is assigned
_ALL = "*"


def exported(path: str, text: str, load: Load) -> Any:
    """What the module at `path` exports by default; None if that is no literal.

    `load` opens the files it imports.
    """
    value = _Modules(load).module(path, text).default()
    return None if value is UNKNOWN else value


class _Modules:
    """The modules that one reads, each once, and how many more may be read."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.names_left = _MOST_NAMES
        self._known: dict[str, _Module] = {}

    def module(self, path: str, text: str) -> "_Module":
        """The module at a path, with its text."""
        if path not in self._known:
            self._known[path] = _Module(path, text, self)
        return self._known[path]

    def imported(self, path: str, address: str) -> "_Module | None":
        """The module that the one at `path` imports by an address; None for a package."""
        if len(self._known) >= _MOST_FILES or not address.startswith("."):
            return None
        found = self.load(path, address)
        return self.module(*found) if found else None


class _Module:
    """One module; values of names are worked out when they are asked for."""

    def __init__(self, path: str, text: str, modules: _Modules) -> None:
        self._path, self._text, self._modules = path, text, modules
        self._values: dict[str, Any] = {}
        self._imports: dict[str, tuple[str, str]] = {}  # by own name: address, name there
        self._passed_on: dict[str, tuple[str, str]] = {}
        self._wholly: list[str] = []  # addresses of modules whose names are all exported
        for names, address in _IMPORT.findall(text) + _REQUIRED.findall(text):
            self._imports |= {own: (address, theirs) for own, theirs in _named(names)}
        for names, address in _PASSED_ON.findall(text):
            if names == _ALL:
                self._wholly.append(address)
            else:
                self._passed_on |= {own: (address, theirs) for own, theirs in _named(names)}

    def default(self) -> Any:
        """The value that is exported by default."""
        if self._path.endswith(".json"):
            return _known(literals.value_at(self._text, 0))
        found = _DEFAULT.search(self._text)
        if found:
            return _known(literals.value_at(self._text, found.end(), self.value))
        return self._imported(*self._passed_on.get("default", ("", "")))

    def value(self, name: str) -> Any:
        """The value of a name in this module, or what a function of that name returns."""
        if name not in self._values:
            self._values[name] = UNKNOWN  # ends a circle
            self._modules.names_left -= 1
            if self._modules.names_left > 0:
                self._values[name] = self._defined(name)
        return self._values[name]

    def member(self, name: str) -> Any:
        """The value that is exported by a name."""
        if name == "default":
            return self.default()
        if name == _ALL:
            return UNKNOWN
        if (value := self.value(name)) is not UNKNOWN:
            return value
        if name in self._passed_on:
            return self._imported(*self._passed_on[name])
        values = (self._imported(address, name) for address in self._wholly)
        return next((value for value in values if value is not UNKNOWN), UNKNOWN)

    def _defined(self, name: str) -> Any:
        if name in self._imports:
            return self._imported(*self._imports[name])
        own = re.escape(name)
        places = islice(re.finditer(_CONSTANT.format(own), self._text, re.M), _MOST_PLACES)
        assigned = (_ASSIGNED.match(self._text, place.end()) for place in places)
        found = next(filter(None, assigned), None)
        found = found or re.search(_FUNCTION.format(own), self._text, re.M)
        return _known(literals.value_at(self._text, found.end(), self.value)) if found else UNKNOWN

    def _imported(self, address: str, name: str) -> Any:
        module = self._modules.imported(self._path, address)
        return module.member(name) if module else UNKNOWN


def _named(written: str) -> list[tuple[str, str]]:
    """The names that an import or export binds, each with the name it has in the other module."""
    outside, _, inside = written.partition("{")
    found = []
    for part in outside.split(","):
        name = part.strip()
        if name.startswith(_ALL):
            found.append((name.rpartition(" ")[2], _ALL))
        elif name:
            found.append((name, "default"))
    for theirs, renamed, bound in _RENAMED.findall(inside):
        if theirs != "type":
            found.append((renamed or bound or theirs, theirs))
    return found


def _known(value: Any) -> Any:
    return UNKNOWN if value is None else value
