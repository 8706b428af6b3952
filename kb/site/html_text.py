"""Text as it stands in HTML: escaped, with marks, titles that lead to one another."""

from collections.abc import Callable, Sequence
from typing import Any

import markupsafe
from markupsafe import Markup, escape

from kb.base.cache import Cache
from kb.search import Marked

_NEXT = Markup(' <span aria-hidden="true">›</span> ')
# What `escape` itself calls for the text: a page escapes two hundred, and needs no object for each.
_escaped: Callable[[str], str] = getattr(markupsafe, "_escape_inner", escape)


def as_html(value: Any) -> str:
    """The text of a value as it stands in HTML, as `escape` writes it.

    It makes no object of a text without special characters, nor a Markup of one that has some.
    """
    kind = type(value)
    if kind is Markup:
        return value  # type: ignore[no-any-return]
    if kind is str:
        return _escaped(value)
    return str(value) if kind is int else escape(value)


def marked(text: Marked) -> Markup:
    """The text as HTML, its marks inside `<mark>`."""
    whole, html, at = text.text, "", 0
    for start, end in text.marks:
        html += f"{_escaped(whole[at:start])}<mark>{_escaped(whole[start:end])}</mark>"
        at = end
    return Markup(html + _escaped(whole[at:]))  # noqa: S704 - each part is escaped


def chain(titles: Sequence[str]) -> Markup:
    """Titles as HTML, one leading to the next."""
    return _chains[tuple(titles)]


_chains = Cache[tuple[str, ...], Markup](_NEXT.join, megabytes=0.5)
