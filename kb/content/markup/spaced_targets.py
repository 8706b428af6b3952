"""Targets of links and images with spaces in them: `![Lamp](../img/red lamp.png)`.

CommonMark shows such a link as text; writers mean one, and Python-Markdown, kramdown and the older
GitBook read it. Only names of files that pages show or lead to, and sections, are taken for one.
"""

import re
from types import SimpleNamespace
from typing import Any

from markdown_it import MarkdownIt, helpers

_WORD = r"""[^\s()<>"'=]+"""
_SPACED = re.compile(
    rf"(?:#{_WORD}(?:[ ]{_WORD})+"
    rf"|{_WORD}(?:[ ]{_WORD})*[ ](?:{_WORD})?\.(?:png|jpe?g|gif|svg|webp|avif|bmp|mp4|webm|mov"
    r"|pdf|docx?|xlsx?|zip|txt|mdx?|html?)(?:\#[^\s()<>]*)?)(?=[ \t]*\))",
    re.I,
)


def plugin(md: MarkdownIt) -> None:
    """Has a parser read such targets in brackets."""
    md.helpers = SimpleNamespace(  # type: ignore[assignment]
        parseLinkLabel=helpers.parseLinkLabel,
        parseLinkTitle=helpers.parseLinkTitle,
        parseLinkDestination=_destination,
    )


def _destination(written: str, start: int, end: int) -> Any:
    found = helpers.parseLinkDestination(written, start, end)
    if found.ok and found.pos < end and written[found.pos] == " " and written[start] != "<":
        spaced = _SPACED.match(written, start, end)
        if spaced:
            found.pos, found.str = spaced.end(), spaced[0]
    return found
