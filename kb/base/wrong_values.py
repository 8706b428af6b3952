"""What pydantic finds wrong with a value, in our words. Checks nothing itself."""

import re
from typing import TYPE_CHECKING

from kb.base.errors import reason
from kb.base.messages import Message, joined, quoted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SHOWN = 40  # characters of a wrong value

# By pydantic's type of error; the longest beginning counts.
_WRONG = {
    "bool": Message("{value} is neither yes nor no", value=""),
    "date": Message("{value} is no day: write 2027-01-31", value=""),
    "dict": Message(
        '{value} is no table: write `[{name}]` and lines `key = "value"` below it',
        value="",
        name="",
    ),
    "finite": Message("{value} is no number", value=""),
    "float": Message("{value} is no number", value=""),
    "greater_than": Message("{value} is too small: more than {gt} is needed", value="", gt=""),
    "greater_than_equal": Message("{value} is too small: {ge} is the least", value="", ge=""),
    "int": Message("{value} is no whole number", value=""),
    "json": Message("no JSON"),
    "less_than_equal": Message("{value} is too large: {le} is the most", value="", le=""),
    "literal": Message("{value} is none of {expected}", value="", expected=""),
    "model": Message("{value} is no table with keys and values", value=""),
    "path": Message("{value} is no path: write it in quotes", value=""),
    "string": Message("{value} is no text: write it in quotes", value=""),
    "string_too_long": Message("{value} is too long", value=""),
    "string_too_short": Message("{value} is too short", value=""),
    "tuple": Message('{value} is no list: write ["…", "…"]', value=""),
    "": Message("{value} cannot be used", value=""),
}


def told(error: "ErrorDetails", *, hides_value: bool = False) -> Message:
    """One of `ValidationError.errors()` as a sentence, without the place it names.

    The value, at most 40 characters of it, is shown unless `hides_value`: it may be a secret.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return reason(context["error"])
    if kind == "extra_forbidden":
        return Message("no such setting") if len(error["loc"]) == 1 else Message("no such key")
    if kind == "missing":
        return Message("is needed, too")
    written = {key: str(value) for key, value in context.items()}
    values: dict[str, str] = {**written, "name": str(error["loc"][0]) if error["loc"] else ""}
    if "expected" in context:  # 'error', 'warning' or 'off'
        *most, last = map(quoted, re.findall("'([^']*)'", context["expected"]))
        values["expected"] = (
            Message("{most} or {last}", most=joined(most, ", "), last=last) if most else last
        )
    values["value"] = Message("its value") if hides_value else _short(error["input"])
    known = max((key for key in _WRONG if kind.startswith(key)), key=len)
    return _WRONG[known].with_values(**values)


def _short(value: object) -> Message:
    if isinstance(value, str):
        return quoted(value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…")
    written = repr(value)
    return Message(
        "{text}", text=written if len(written) <= _SHOWN else f"{written[: _SHOWN - 1]}…"
    )
