"""Query strings of addresses: their fields, unquoted. Checks none."""

import re
from functools import partial

_ESCAPED = re.compile("(?:%[0-9A-Fa-f]{2})+")


def fields(query_string: str, errors: str = "replace") -> list[tuple[str, str]]:
    """Names and values in order, as `urllib.parse.parse_qsl` reads them with blank values.

    That goes from one `%` to the next; a question in Russian has a hundred of them. `errors` says
    what becomes of bytes that are no UTF-8.
    """
    written = (field.partition("=") for field in query_string.replace("+", " ").split("&"))
    return [
        (_unquoted(name, errors), _unquoted(value, errors))
        for name, is_given, value in written
        if name or is_given
    ]


def _unquoted(text: str, errors: str) -> str:
    return _ESCAPED.sub(partial(_decoded, errors), text) if "%" in text else text


def _decoded(errors: str, escaped: re.Match[str]) -> str:
    return bytes.fromhex(escaped[0].replace("%", "")).decode("utf-8", errors)
