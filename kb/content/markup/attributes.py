"""Lists of attributes: `{#id .class width=300}`, `{: .note }`, `{.is-info}`; applied or left out.

They are looked for in the parsed text, so that code never holds one.
"""

import re
from collections.abc import Iterator
from copy import copy

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from kb.content.markup.admonitions import kind_of

_VALUE = r"""(?:"[^"\n]*"|'[^'\n]*'|[^\s{}"'=]+)"""
_ONE = rf"""(?:[#.][\w:.-]+|[A-Za-z_][\w:-]*={_VALUE})"""
_LIST = rf"(?:\{{[ \t]*(?:{_ONE}[ \t]*)+(?:[A-Za-z_][\w-]*[ \t]*)*\}}|\{{:[^{{}}\n]*\}})"
_AFTER = re.compile(rf"{_LIST}+")
_AT_END = re.compile(rf"(?:(?:^|[ \t\n]+){_LIST}|\{{#[\w-]+\}}|\{{\.is-\w+\}})[ \t]*$")
_AT_START = re.compile(rf"{_LIST}[ \t]*(?:\n|$)")
_WHOLE = re.compile(rf"[ \t]*(?:{_LIST}[ \t]*)+$")
_ID = re.compile(r"#([\w:.-]+)")
_SIZE = re.compile(r"\b(width|height)=[\"']?(\d{1,5}%?)")
_CLASS = re.compile(r"\.(?:is-)?([A-Za-z]+)(-title)?(?![\w-])")
_OF_WIKI = re.compile(r"\{\.is-\w+\}\s*$")  # Wiki.js makes notes of quotations by it
_OF_BLOCK = re.compile(r"\{:|\{\.is-")
_HOLDERS = ("image", "link_close", "code_inline", "em_close", "strong_close", "html_inline")


def plugin(md: MarkdownIt) -> None:
    """Adds the rules to a parser."""
    md.core.ruler.push("attributes", _rule)


def _rule(state: StateCore) -> None:
    if "{" not in state.src:
        return
    for token in state.tokens:
        if token.type == "inline" and "{" in token.content:
            _after_inlines(token)
    state.tokens = _without_rows_of_lists(state.tokens)
    blocks = list(_blocks(state.tokens))
    state.tokens = _applied(blocks)


def _without_rows_of_lists(tokens: list[Token]) -> list[Token]:
    """The tokens without rows of tables that are a list: one right below a table looks like it."""
    kept: list[Token] = []
    begin = 0
    for token in tokens:
        if token.type == "tr_open":
            begin = len(kept)
        kept.append(token)
        if token.type == "tr_close":
            row = "".join(each.content for each in kept[begin:] if each.type == "inline")
            if "{" in row and _WHOLE.fullmatch(row):
                del kept[begin:]
    return kept


def _after_inlines(inline: Token) -> None:
    """Takes the lists right behind an image, a link, code, emphasis or a tag."""
    children = inline.children or []
    for at, child in enumerate(children[1:], 1):
        if child.type != "text" or child.content[:1] != "{":
            continue
        holder = children[at - 1]
        found = _AFTER.match(child.content) if holder.type in _HOLDERS else None
        if not found:
            continue
        child.content = child.content[found.end() :]
        if holder.type == "link_close":
            holder = _opening(children, at - 1)
        if name := _ID.search(found[0]):
            holder.attrSet("id", name[1])
        for size, value in _SIZE.findall(found[0]) if holder.type == "image" else ():
            holder.attrSet(size, value)


def _opening(children: list[Token], at: int) -> Token:
    """The token that opens the link closed at `at`."""
    return next(
        each for each in reversed(children[:at])
        if each.type == "link_open" and each.level == children[at].level
    )  # fmt: skip


# --- lists that belong to blocks ----------------------------------------------------------------

_Block = list[Token]


def _blocks(tokens: list[Token]) -> Iterator[_Block]:
    """The tokens as blocks: paragraphs, headings, terms and quotations whole, others one by one."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        end = at + 1
        if token.type in ("paragraph_open", "heading_open", "dt_open"):
            end = at + 3
        elif token.type == "blockquote_open":
            while not (tokens[end].type == "blockquote_close" and tokens[end].level == token.level):
                end += 1
            end += 1
        yield from _ended_by_lists(tokens[at:end])
        at = end


def _ended_by_lists(block: _Block) -> Iterator[_Block]:
    """A paragraph as several where a list has a line of its own: in kramdown it ends the block."""
    children = (block[1].children or []) if block[0].type == "paragraph_open" else []
    begin = 0
    for at in range(1, len(children) - 2):
        breaks = (children[at - 1].type, children[at + 1].type)
        if at > begin and breaks == ("softbreak", "softbreak") and _is_of_kramdown(children[at]):
            yield _part(block, children[begin : at + 1])
            begin = at + 2
    yield _part(block, children[begin:]) if begin else block


def _is_of_kramdown(child: Token) -> bool:
    return child.type == "text" and child.content[:2] == "{:" and bool(_WHOLE.match(child.content))


def _part(block: _Block, children: list[Token]) -> _Block:
    opening, inline, closing = block
    content = "".join(child.content or "\n" for child in children)
    part = Token("inline", "", 0, map=inline.map, content=content, children=children)
    return [copy(opening), part, copy(closing)]


def _applied(blocks: list[_Block]) -> list[Token]:
    """The blocks with their lists applied: ids set, notes of kramdown made, the rest dropped."""
    done: list[_Block] = []
    waiting = ""  # a list that stands before its block
    for number, block in enumerate(blocks):
        written = _taken(block)
        if written and not _has_text(block):
            following = blocks[number + 1] if number + 1 < len(blocks) else []
            if _is_note(written) and following and _is_beside(block, following):
                waiting = written
            elif _is_note(written) and done:
                done[-1] = _as_note(done[-1], written)
            continue
        written, waiting = written or waiting, ""
        done.append(_as_note(block, written) if _is_note(written) else block)
    return [token for block in done for token in block]


def _is_beside(block: _Block, following: _Block) -> bool:
    """Whether a block begins on the line after another."""
    above, below = block[0].map, following[0].map
    return bool(above and below and above[1] == below[0])


def _taken(block: _Block) -> str:
    """Takes the list of attributes of a block out of its text; "" where it has none."""
    if block[0].type == "blockquote_open":
        return _taken_from_quotation(block)
    if len(block) != 3 or "{" not in block[1].content:
        return ""
    children = block[1].children or []
    if not children:
        return ""
    if _WHOLE.fullmatch(block[1].content):
        written, block[1].children = block[1].content, []
        return written
    first, last = children[0], children[-1]
    if first.type == "text" and _AT_START.fullmatch(first.content) and len(children) > 2:
        block[1].children = children[2:]  # without the line break
        return first.content
    if last.type == "text" and (found := _AT_END.search(last.content)):
        last.content = last.content[: found.start()]
        if not last.content and len(children) > 1 and children[-2].type.endswith("break"):
            block[1].children = children[:-2]
        if name := _ID.search(found[0]):
            block[0].attrSet("id", name[1])
        is_term = block[0].type == "dt_open"  # which cannot be a note
        return found[0] if _OF_BLOCK.search(found[0]) and not is_term else ""
    return ""


def _taken_from_quotation(block: _Block) -> str:
    """Applies the lists within a quotation; takes the one that Wiki.js puts at its end."""
    inner = [list(each) for each in _blocks(block[1:-1])]
    end = inner[-1][1].content if inner and len(inner[-1]) == 3 else ""
    written = _taken(inner[-1]) if _OF_WIKI.search(end) else ""
    block[1:-1] = _applied(inner)
    return written


def _has_text(block: _Block) -> bool:
    return len(block) != 3 or bool(block[1].children)


def _kind(written: str) -> tuple[str, bool]:
    for name, title in _CLASS.findall(written):
        if kind := kind_of(name):
            return kind, bool(title)
    return "", False


def _is_note(written: str) -> bool:
    return bool(_OF_BLOCK.search(written) and _kind(written)[0])


def _as_note(block: _Block, written: str) -> _Block:
    """A paragraph or quotation as a note; its first line is the title if the class says so."""
    kind, is_titled = _kind(written)
    inner = block[1:-1] if block[0].type == "blockquote_open" else block
    title = [_html(f'<p class="admonition-title">{kind}</p>\n')]
    if is_titled and inner and len(inner) > 1 and (children := inner[1].children):
        at = next((i for i, each in enumerate(children) if each.type == "softbreak"), len(children))
        head = Token("inline", "", 0, children=children[:at])
        title = [_html('<p class="admonition-title">'), head, _html("</p>\n")]
        inner[1].children = children[at + 1 :]
    opening, closing = _html(f'<div class="admonition {kind}">'), _html("</div>\n")
    return [opening, *title, *inner, closing]


def _html(written: str) -> Token:
    return Token("html_block", "", 0, content=written)
