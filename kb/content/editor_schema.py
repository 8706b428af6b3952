"""VS Code snippets of the front matter, generated from its JSON Schema.

VS Code completes snippets in Markdown by itself; a schema needs an extension there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_TODAY = "${1:$CURRENT_YEAR-$CURRENT_MONTH-$CURRENT_DATE}"
_BLOCK = ("title", "category", "type", "author", "answer", "answers")  # of a new article

Snippet = dict[str, Any]


def snippets(schema: Mapping[str, Any]) -> dict[str, Snippet]:
    """The content of a `.code-snippets` file: one snippet for each key, one for a whole block.

    Source of the form: code.visualstudio.com/docs/editing/userdefinedsnippets.
    """
    keys: Mapping[str, Mapping[str, Any]] = schema["properties"]
    head = [_line(key, keys[key], stop) for stop, key in enumerate(_BLOCK, 1)]
    return {
        "Front matter": _snippet("kb", ["---", *head, "---", "", "$0"], str(schema["title"])),
        **{
            f"Front matter: {key}": _snippet(key, [_line(key, shape, 1)], shape["description"])
            for key, shape in keys.items()
        },
    }


def _snippet(prefix: str, body: Sequence[str], description: str) -> Snippet:
    return {
        "scope": "markdown",
        "prefix": prefix,
        "body": "\n".join(body).split("\n"),
        "description": description,
    }


def _line(key: str, shape: Mapping[str, Any], stop: int) -> str:
    """A line of a snippet: the key and a placeholder, or a choice; `stop` numbers it.

    A key that may be a list gets its first item on a line of its own.
    """
    choices = [choice for choice in shape.get("enum", ()) if isinstance(choice, str)]
    if choices:
        return f"{key}: ${{{stop}|{','.join(choices)}|}}"
    if str(shape.get("pattern", "")).startswith(r"^\d{4}-"):
        return f"{key}: {_TODAY.replace('1', str(stop), 1)}"
    if any(other.get("type") == "array" for other in shape.get("oneOf", ())):
        return f"{key}:\n  - ${stop}"
    return f"{key}: ${stop}"
