"""Reads object literals of JavaScript and TypeScript as data. Runs nothing.

What is no literal, such as a call, a variable or a spread, is left out.
"""

import re
from typing import Any

_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.S)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_STRING = re.compile(r"""'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`""", re.S)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|\n|.)", re.S)
_ESCAPED = {"n": "\n", "t": "\t", "r": "", "b": "", "f": "", "\n": ""}
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": None}
_DEEPEST = 40

UNKNOWN = object()  # the value of an expression that is no literal


def value_at(text: str, start: int) -> Any:
    """The value of the literal that begins at `start`; None if there is none.

    Objects become dictionaries, arrays lists. Members that are no literals are left out.
    """
    try:
        value = _LiteralReader(text, start).value()
    except (IndexError, ValueError):
        return None
    return None if value is UNKNOWN else value


def assigned(text: str, name: str) -> Any:
    """The value of the constant `name`, or of the first property of that name; None if neither."""
    found = re.search(rf"\b{re.escape(name)}\b\s*(?::[^=\n,{{[]+)?[=:]\s*(?=[{{[])", text)
    return value_at(text, found.end()) if found else None


def exported(text: str) -> Any:
    """The value that a module exports by default; None if it is no literal."""
    found = re.search(r"(?:module\.exports\s*=|export\s+default)\s*([A-Za-z_$][\w$]*)?", text)
    if found is None:
        return None
    return assigned(text, found[1]) if found[1] else value_at(text, found.end())


class _LiteralReader:
    """A reader of literals that stands at a place of a text."""

    def __init__(self, text: str, at: int) -> None:
        self._text, self._at, self._depth = text, at, 0

    def value(self) -> Any:
        """The literal here; UNKNOWN for another expression. Ends behind it."""
        self._skip()
        value = self._literal()
        self._skip()
        if self._text[self._at : self._at + 1] not in ("", ",", "}", "]", ";", ")"):
            if not re.match(r"(?:as|satisfies)\b|\n", self._text[self._at :]):
                value = UNKNOWN  # a part of a longer expression
            self._skip_expression()
        return value

    def _literal(self) -> Any:
        opening = self._text[self._at]
        if opening in "{[":
            self._depth += 1
            if self._depth > _DEEPEST:
                raise ValueError("nested too deeply")
            found: Any = self._object() if opening == "{" else self._array()
            self._depth -= 1
            return found
        if string := _STRING.match(self._text, self._at):
            self._at = string.end()
            return _ESCAPE.sub(_unescape, string[0][1:-1])
        if number := _NUMBER.match(self._text, self._at):
            self._at = number.end()
            return float(number[0])
        if (word := _NAME.match(self._text, self._at)) and word[0] in _WORDS:
            self._at = word.end()
            return _WORDS[word[0]]
        self._skip_expression()
        return UNKNOWN

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._at += 1
        while self._next("}"):
            key = self._key()
            if key is not None and self._text[self._at : self._at + 1] == ":":
                self._at += 1
                value = self.value()
                if value is not UNKNOWN:
                    found[key] = value
            else:  # a spread, a method, a name that is its own value
                self._skip_expression()
        return found

    def _key(self) -> str | None:
        string = _STRING.match(self._text, self._at)
        word = string or _NAME.match(self._text, self._at) or _NUMBER.match(self._text, self._at)
        if word is None:
            return None
        self._at = word.end()
        self._skip()
        return word[0][1:-1] if string else word[0]

    def _array(self) -> list[Any]:
        found = []
        self._at += 1
        while self._next("]"):
            value = self.value()
            if value is not UNKNOWN:
                found.append(value)
        return found

    def _next(self, end: str) -> bool:
        """Whether another member follows; otherwise the reader stands behind `end`."""
        self._skip()
        while self._text[self._at] == ",":
            self._at += 1
            self._skip()
        if self._text[self._at] == end:
            self._at += 1
            return False
        return True

    def _skip(self) -> None:
        if space := _SPACE.match(self._text, self._at):
            self._at = space.end()

    def _skip_expression(self) -> None:
        """Goes on to the end of an expression: a comma or a bracket that it did not open."""
        depth = 0
        while self._at < len(self._text):
            self._skip()
            if string := _STRING.match(self._text, self._at):
                self._at = string.end()
                continue
            sign = self._text[self._at : self._at + 1]
            if depth == 0 and sign in (",", "}", "]", ")"):
                return
            depth += (sign in ("{", "[", "(")) - (sign in ("}", "]", ")"))
            self._at += 1


def _unescape(found: re.Match[str]) -> str:
    sign = found[1]
    return chr(int(sign[1:], 16)) if len(sign) > 1 else _ESCAPED.get(sign, sign)
