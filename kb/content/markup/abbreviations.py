"""Abbreviations: `*[HTML]: Hyper Text Markup Language` explains every HTML of the text."""

import html
import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_DEFINITION = re.compile(r"\*\[([^\]\n]{1,80})\]:[ \t]*(.*)")
_KNOWN = "abbreviations"  # in the environment of a parser


def plugin(md: MarkdownIt) -> None:
    """Adds the rules to a parser."""
    md.block.ruler.before("reference", "abbreviation", _define, {"alt": ["paragraph"]})
    md.core.ruler.push("abbreviations", _explain)


def _define(state: StateBlock, start: int, _: int, silent: bool) -> bool:
    at = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("*[", at) or state.is_code_block(start):
        return False
    found = _DEFINITION.fullmatch(state.src[at : state.eMarks[start]])
    if found and not silent:
        state.env.setdefault(_KNOWN, {})[found[1]] = found[2].strip()
        state.line = start + 1
    return bool(found)


def _explain(state: StateCore) -> None:
    known: dict[str, str] = state.env.get(_KNOWN, {})
    if not known:
        return
    longest_first = sorted(known, key=len, reverse=True)
    words = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?!\w)")
    for token in state.tokens:
        if token.children and words.search(token.content):
            token.children = [
                each for child in token.children for each in _split(child, words, known)
            ]


def _split(child: Token, words: re.Pattern[str], known: dict[str, str]) -> Iterator[Token]:
    """A text as texts and explained words; any other token as it is."""
    if child.type != "text":
        yield child
        return
    for number, part in enumerate(words.split(child.content)):
        if number % 2:
            meaning = html.escape(known[part], quote=True)
            written = f'<abbr title="{meaning}">{html.escape(part)}</abbr>'
            yield Token("html_inline", "", 0, content=written, level=child.level)
        elif part:
            yield Token("text", "", 0, content=part, level=child.level)
