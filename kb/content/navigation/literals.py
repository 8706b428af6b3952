"""Reads object literals of JavaScript and TypeScript as data. Runs nothing.

What is no literal, such as a call, a variable or a spread, is left out; where the names of the
module are known (`scripts`), what they stand for is read instead.
"""

import re
from collections.abc import Callable
from typing import Any

_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?(?:\*/|\Z))+", re.S)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
# A template, as a comment, that nothing closes ends with the text, so that none is looked at again.
_STRING = re.compile(
    r"""'(?:\\.|[^'\\\n])*+'|"(?:\\.|[^"\\\n])*+"|`(?:\\.|[^`\\])*+\\?(?:`|\Z)""", re.S
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|\n|.)", re.S)
_ESCAPED = {"n": "\n", "t": "\t", "r": "", "b": "", "f": "", "\n": ""}
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": None}
_PATTERN = re.compile(
    r"(?<=[(,=:\[!&|?{};])(\s*)/(?![*/])"
    r"(?:\\.|\[(?:\\.|[^\]\\\n]){0,500}+\]|[^/\[\\\n]){1,2000}+/[a-z]*"
)
_PUT_IN = re.compile(r"\$\{\s*([A-Za-z_$][\w$]*)\s*\}")
_ASSERTED = re.compile(r"(?:as|satisfies)\b")
_JOINS = re.compile(r"(?:in|instanceof)\b")  # an expression with the line before
_DEEPEST = 40
_LONGEST = 20_000  # members of an array
_MOST_SPREAD = 100_000  # members that all spreads of a literal bring
_LONGEST_TEXT = 10_000  # characters of a text that is put together

UNKNOWN = object()  # the value of an expression that is no literal

Names = Callable[[str], Any]
"""The value of a name of the module, or what a function of that name returns; else UNKNOWN."""


def value_at(text: str, start: int, names: Names | None = None) -> Any:
    """The value of the literal that begins at `start`; None if there is none.

    Objects become dictionaries, arrays lists. Members that are no literals are left out. With
    `names`, a name stands for its value, a spread for its members, a function for what it returns
    and a call of an unknown one, such as `defineConfig`, for its first argument.
    """
    try:
        value = _LiteralReader(text, start, names).value()
    except (IndexError, ValueError, RecursionError):
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

    def __init__(self, text: str, at: int, names: Names | None = None) -> None:
        self._text, self._at, self._depth, self._names = text, at, 0, names
        self._spread_left = _MOST_SPREAD

    def value(self) -> Any:
        """The literal here; UNKNOWN for another expression. Ends behind it."""
        self._skip()
        value = self._literal()
        self._skip()
        if self._text[self._at : self._at + 1] in ("", ",", "}", "]", ";", ")"):
            return value
        if _ASSERTED.match(self._text, self._at):
            self._skip_expression()
        elif not self._is_next_statement():
            value = UNKNOWN  # a part of a longer expression
            self._skip_expression()
        return value

    def _is_next_statement(self) -> bool:
        """Whether another statement begins here: a word that is the first of its line."""
        begins = _NAME.match(self._text, self._at) and not _JOINS.match(self._text, self._at)
        line = self._text.rfind("\n", 0, self._at) + 1
        return bool(begins) and line > 0 and not self._text[line : self._at].strip()

    def _literal(self) -> Any:
        opening = self._text[self._at]
        if opening in "{[" or (opening == "(" and self._names):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise ValueError("nested too deeply")
            found = self._bracketed(opening)
            self._depth -= 1
            return found
        if string := _STRING.match(self._text, self._at):
            self._at = string.end()
            return self._string(string[0])
        if number := _NUMBER.match(self._text, self._at):
            self._at = number.end()
            return float(number[0])
        if (word := _NAME.match(self._text, self._at)) and word[0] in _WORDS:
            self._at = word.end()
            return _WORDS[word[0]]
        if word and self._names:
            self._at = word.end()
            return self._named(word[0])
        self._skip_expression()
        return UNKNOWN

    def _bracketed(self, opening: str) -> Any:
        if opening == "(":
            return self._in_parentheses()
        return self._object() if opening == "{" else self._array()

    def _string(self, written: str) -> Any:
        """The text of a string; of a template with names, if all of them are known."""
        text = _ESCAPE.sub(_unescape, written[1:-1])
        if written[0] != "`" or "${" not in text or not self._names:
            return text
        named = _PUT_IN.findall(text)
        values = {name: self._names(name) for name in named}
        if not all(isinstance(value, str) for value in values.values()):
            return UNKNOWN
        if len(text) + sum(len(values[name]) for name in named) > _LONGEST_TEXT:
            return UNKNOWN
        text = _PUT_IN.sub(lambda found: str(values[found[1]]), text)
        return UNKNOWN if "${" in text else text

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._at += 1
        while self._next("}"):
            if (spread := self._spread()) is not None:
                found |= spread if isinstance(spread, dict) else {}
                continue
            key = self._key()
            sign = self._text[self._at : self._at + 1]
            if key is not None and sign == ":":
                self._at += 1
                value = self.value()
            elif key is not None and sign in (",", "}") and self._names:
                value = self._names(key)
            else:  # a spread, a method, a name that is its own value
                self._skip_expression()
                continue
            if value is not UNKNOWN and key is not None:
                found[key] = value
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
        found: list[Any] = []
        self._at += 1
        while self._next("]"):
            if (spread := self._spread()) is not None:
                found += spread if isinstance(spread, list) else []
            elif (value := self.value()) is not UNKNOWN:
                found.append(value)
            if len(found) > _LONGEST:
                raise ValueError("too many members")
        return found

    def _spread(self) -> Any:
        """What is spread here, if its names are known; None if nothing is."""
        if self._names is None or not self._text.startswith("...", self._at):
            return None
        self._at += 3
        value = self.value()
        self._spread_left -= len(value) if isinstance(value, list | dict) else 0
        if self._spread_left < 0:
            raise ValueError("too many members")
        return value

    # names, calls and functions

    def _named(self, name: str) -> Any:
        """The value of a name, of what it was called with, or of a property of it."""
        assert self._names is not None  # noqa: S101
        self._skip()
        if name in ("await", "async"):
            return self._literal()
        if name == "function":
            self._at = self._text.index("(", self._at)
            return self._in_parentheses(is_function=True)
        if self._text.startswith("=>", self._at):
            return self._function()
        if self._text[self._at : self._at + 1] == "<":  # types
            self._at = self._text.index(">(", self._at) + 1
        if self._text[self._at : self._at + 1] == "(":
            value = self._called(name)
        else:
            value = self._names(name)
        while self._text[self._at : self._at + 1] == ".":
            self._at += 1
            key = self._key()
            value = value.get(key, UNKNOWN) if isinstance(value, dict) else UNKNOWN
        return value

    def _called(self, name: str) -> Any:
        """What a function of the module returns; of another one its first argument."""
        assert self._names is not None  # noqa: S101
        known = self._names(name)
        self._at += 1
        self._skip()
        first = UNKNOWN if self._text[self._at] == ")" else self.value()
        self._close()
        return first if known is UNKNOWN else known

    def _in_parentheses(self, *, is_function: bool = False) -> Any:
        """An expression between parentheses, or a function whose parameters they hold."""
        begin = self._at
        self._at += 1
        self._close()
        behind = re.compile(r"\s*(?::[^={}()]*)?=>").match(self._text, self._at)
        if behind:
            self._at = behind.end()
            return self._function()
        if is_function:
            self._at = self._text.index("{", self._at)
            return self._body()
        self._at = begin + 1
        value = self.value()
        self._close()
        while self._text[self._at : self._at + 1] == "(":  # a function that is called at once
            self._at += 1
            self._close()
        return value

    def _function(self) -> Any:
        """What an arrow function returns, of which the arrow was read."""
        self._at += 2 if self._text.startswith("=>", self._at) else 0
        self._skip()
        return self._body() if self._text[self._at] == "{" else self._literal()

    def _body(self) -> Any:
        """What the first `return` of a function's body returns, blocks within it aside."""
        self._at += 1
        value: Any = UNKNOWN
        depth = 0
        while True:
            if self._skip_quoted():
                continue
            if word := _NAME.match(self._text, self._at):
                self._at = word.end()
                if word[0] == "return" and not depth and value is UNKNOWN:
                    value = self.value()
                continue
            sign = self._text[self._at]
            self._at += 1
            if sign in "}])" and not depth:
                return value
            depth += (sign in "{[(") - (sign in "}])")

    # what is passed over

    def _close(self) -> None:
        """Goes behind the bracket that closes the one that was opened before."""
        while True:
            self._skip_expression()
            sign = self._text[self._at]
            self._at += 1
            if sign != ",":
                self._skip()
                return

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

    def _skip_quoted(self) -> bool:
        """Goes behind space and comments, then behind a string or a pattern, if one is here."""
        if pattern := _PATTERN.match(self._text, self._at):
            self._at = pattern.end()
            return True
        self._skip()
        string = _STRING.match(self._text, self._at)
        if string:
            self._at = string.end()
        return bool(string)

    def _skip_expression(self) -> None:
        """Goes on to the end of an expression: a comma or a bracket that it did not open."""
        depth = 0
        while self._at < len(self._text):
            if self._skip_quoted():
                continue
            sign = self._text[self._at : self._at + 1]
            if depth == 0 and sign in (",", "}", "]", ")"):
                return
            depth += (sign in ("{", "[", "(")) - (sign in ("}", "]", ")"))
            self._at += 1


def _unescape(found: re.Match[str]) -> str:
    sign = found[1]
    return chr(int(sign[1:], 16)) if len(sign) > 1 else _ESCAPED.get(sign, sign)
