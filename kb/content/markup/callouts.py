"""Callouts: quotations that begin with `[!NOTE]`, of GitHub, Obsidian and DocFX."""

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from kb.content.markup.admonitions import kind_of

# A title behind the mark is Obsidian's; elsewhere what stands there is text.
TITLED = "titled"  # in the environment of a parser
_MARK = re.compile(r"\[!([A-Za-z][\w-]*)(?:\|[^\]\n]*)?\]([+-]?)(?=[ \t]|$)[ \t]*")


def plugin(md: MarkdownIt) -> None:
    """Adds the rule to a parser."""
    md.core.ruler.push("callouts", _rule)


def _rule(state: StateCore) -> None:
    if "[!" not in state.src:
        return
    is_titled = bool(state.env.get(TITLED))
    done: list[Token] = []
    closings: set[int] = set()
    dropped: set[int] = set()  # of a first paragraph that holds the title alone
    for at, token in enumerate(state.tokens):
        found = _mark(state.tokens, at)
        if found:
            title, rest = _split(state.tokens[at + 2], found, is_titled=is_titled)
            done += _opened(found, title)
            closings.add(_closing(state.tokens, at))
            dropped |= set() if rest else {at + 1, at + 2, at + 3}
            state.tokens[at + 2].children = rest
        elif at in closings:
            done.append(_html("</div>\n"))
        elif at not in dropped:
            done.append(token)
    state.tokens = done


def _mark(tokens: Sequence[Token], at: int) -> re.Match[str] | None:
    """The mark at the beginning of the quotation that opens at `at`."""
    if tokens[at].type != "blockquote_open" or tokens[at + 1].type != "paragraph_open":
        return None
    children = tokens[at + 2].children
    return _MARK.match(children[0].content) if children and children[0].type == "text" else None


def _split(
    inline: Token, found: re.Match[str], *, is_titled: bool
) -> tuple[list[Token], list[Token]]:
    """The title behind a mark and the text below it; where there is no title all is text."""
    children = list(inline.children or [])
    children[0].content = children[0].content[found.end() :]
    breaks = (i for i, each in enumerate(children) if each.type.endswith("break"))
    first = next(breaks, len(children))
    title, rest = children[:first], children[first + 1 :]
    if not any(each.content.strip() or each.tag for each in title):
        return [], rest
    return (title, rest) if is_titled or found[2] else ([], children)


def _opened(found: re.Match[str], title: list[Token]) -> list[Token]:
    kind = kind_of(found[1])
    if not title:
        name = kind or found[1].replace("-", " ").capitalize()
        title = [Token("text", "", 0, content=name)]
    opening = f'<div class="admonition {kind or "note"}"><p class="admonition-title">'
    return [_html(opening), Token("inline", "", 0, children=title), _html("</p>\n")]


def _closing(tokens: Sequence[Token], at: int) -> int:
    return next(
        i for i in range(at + 1, len(tokens))
        if tokens[i].type == "blockquote_close" and tokens[i].level == tokens[at].level
    )  # fmt: skip


def _html(written: str) -> Token:
    return Token("html_block", "", 0, content=written)
