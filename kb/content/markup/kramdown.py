"""Indented lines inside elements of HTML, which kramdown, the parser of Jekyll, takes for no code.

An element lasts for it until its end tag; for CommonMark a block of HTML ends at an empty line, and
what is indented below that is code. Writers of tables and lists in HTML indent them.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import code as indented_code

from kb.content.markup.tags import FENCE, SPAN

HOLDS = "html holds"  # in the environment of a parser: whether elements last until their end tags
_OPEN = "open elements"
_DEEPEST = 100  # elements inside one another that are looked at

_BOX = re.compile(
    r"<(?P<end>/?)(?P<name>article|body|center|div|dl|figure|ol|section|table|tbody|td|th|thead"
    r"|tr|ul)\b(?P<given>[^<>]*)>",
    re.I,
)
_CODE = re.compile(rf"^[ \t>]*(?:{FENCE.pattern})|{SPAN.pattern}|<!--[\s\S]*?-->", re.M)
_READ_INSIDE = re.compile(r"\bmarkdown\s*=|\bclass=\"admonition\b")


def plugin(md: MarkdownIt) -> None:
    """Replaces the rule for indented code of a parser."""
    md.block.ruler.at("code", _rule)


def _rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Code, unless an element is open: then HTML, or text of a paragraph."""
    if not state.env.get(HOLDS) or not state.is_code_block(start) or not _is_inside(state, start):
        return indented_code(state, start, end, silent)
    if state.src[state.bMarks[start] + state.tShift[start]] != "<":
        return False
    line = start + 1
    while line < end and not state.isEmpty(line):
        line += 1
    token = state.push("html_block", "", 0)
    token.map = [start, line]
    token.content = state.getLines(start, line, state.blkIndent, True)
    state.line = line
    return True


def _is_inside(state: StateBlock, line: int) -> bool:
    """Whether an element is open above a line whose content is no Markdown."""
    at, stack = state.env.get(_OPEN, (0, ()))
    below = state.bMarks[line]
    if at <= below:
        stack = _after(state.src[at:below], stack)
        state.env[_OPEN] = below, stack
    return bool(stack) and all(is_raw for _, is_raw in stack)


def _after(written: str, stack: tuple[tuple[str, bool], ...]) -> tuple[tuple[str, bool], ...]:
    """The elements that are open behind a text, each with whether Markdown is not read in it."""
    found = list(stack)
    for tag in _BOX.finditer(_CODE.sub("", written)):
        name = tag["name"].lower()
        names = [each for each, _ in found]
        if not tag["end"]:
            if len(found) < _DEEPEST:
                found.append((name, not _READ_INSIDE.search(tag["given"])))
        elif name in names:
            del found[len(names) - 1 - names[::-1].index(name) :]
    return tuple(found)
