"""Blocks of code as HTML with classes for their colours, by Pygments."""

import html
import re
import threading
from collections.abc import Mapping

import pygments
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

from kb.content.markup.code_languages import DIAGRAMS

CLASSES = frozenset(name for name in STANDARD_TYPES.values() if name)

_MAX_COLOURED = 50_000  # characters; longer code is shown without colours
_FORMATTER = HtmlFormatter(cssclass="highlight", wrapcode=True)
_local = threading.local()


def highlight(source: str, language: str, changed: Mapping[int, str] | None = None) -> str:
    """Formats code; without colours if its language is unknown.

    `changed` are the elements, `del` or `ins`, around lines from 1.
    """
    made = _formatted(source, language)
    return _marked(made, changed) if changed else made


def _marked(made: str, changed: Mapping[int, str]) -> str:
    before, opening, rest = made.partition("<code>")
    inner, closing, after = rest.rpartition("</code>")
    lines = re.findall(r"[^\n]*\n|[^\n]+", inner)
    for number, element in changed.items():
        if 0 < number <= len(lines):
            lines[number - 1] = f"<{element}>{lines[number - 1]}</{element}>"
    return "".join((before, opening, *lines, closing, after))


def _formatted(source: str, language: str) -> str:
    if language in DIAGRAMS:
        return _plain(source, "highlight diagram")
    lexer = _lexer(language) if language and len(source) <= _MAX_COLOURED else None
    if lexer is None:
        return _plain(source, "highlight")
    return str(pygments.highlight(source, lexer, _FORMATTER))


def _plain(source: str, classes: str) -> str:
    return f'<div class="{classes}"><pre><code>{html.escape(source)}\n</code></pre></div>\n'


def _lexer(language: str) -> Lexer | None:
    """The lexer of a language, cached by thread: finding it costs more than most blocks."""
    lexers: dict[str, Lexer | None] = _local.__dict__.setdefault("lexers", {})
    if language not in lexers:
        try:
            lexers[language] = get_lexer_by_name(language, stripnl=False)
        except ClassNotFound:
            return None
    return lexers[language]
