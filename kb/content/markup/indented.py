"""Notes and tabs of MkDocs that hold what is indented below them: `!!! note`, `=== "Tab"`."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock

from kb.content.markup.admonitions import kind_of

_NOTE = re.compile(
    r"(?:!!!|\?\?\?\+?)(?=[ \t]*[\w\"-])[ \t]*(?:([\w-]+)(?:[ \t]+[\w-]+)*)?[ \t]*"
    r'(?:"(.*)")?[ \t]*$'
)
_TAB = re.compile(r'===[!+]?[ \t]+"(.*)"[ \t]*$')
_INDENT = 4


def plugin(md: MarkdownIt) -> None:
    """Adds the rule to a parser."""
    md.block.ruler.before(
        "fence", "indented", _rule, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


def _rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    at = state.bMarks[start] + state.tShift[start]
    if state.src[at : at + 3] not in ("!!!", "???", "===") or state.is_code_block(start):
        return False
    text = state.src[at : state.eMarks[start]]
    note, tab = _NOTE.match(text), _TAB.match(text)
    if not note and not tab:
        return False
    if silent:
        return True
    below = _below(state, start, end)
    if note:
        kind = kind_of(note[1] or "") or "note"
        title = note[2] if note[2] is not None else note[1]
        if kind_of(title):
            title = kind
        _push(state, f'<div class="admonition {kind}">')
        _title(state, start, '<p class="admonition-title">', title, "</p>\n")
    elif tab:
        _title(state, start, "<p><strong>", tab[1], "</strong></p>\n")
    _inside(state, start + 1, below)
    if note:
        _push(state, "</div>\n")
    state.line = below
    return True


def _below(state: StateBlock, start: int, end: int) -> int:
    """The line after those that are indented below line `start`."""
    least = state.sCount[start] + _INDENT
    line = last = start + 1
    while line < end:
        if not state.isEmpty(line):
            if state.sCount[line] < least:
                break
            last = line + 1
        line += 1
    return last


def _inside(state: StateBlock, first: int, end: int) -> None:
    kept = state.parentType, state.lineMax, state.blkIndent
    state.parentType, state.lineMax = "blockquote", end
    state.blkIndent = state.sCount[first - 1] + _INDENT
    state.level += 1
    state.md.block.tokenize(state, first, end)
    state.level -= 1
    state.parentType, state.lineMax, state.blkIndent = kept


def _title(state: StateBlock, line: int, before: str, title: str, after: str) -> None:
    if not title:
        return
    _push(state, before)
    token = state.push("inline", "", 0)
    token.content, token.map, token.children = title, [line, line + 1], []
    _push(state, after)


def _push(state: StateBlock, written: str) -> None:
    state.push("html_block", "", 0).content = written
