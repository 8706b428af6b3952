"""Markdown as GitHub reads it, to HTML: CommonMark with extensions, by markdown-it-py.

Besides tables and strikethrough it reads footnotes, definition lists and the indented notes and
tabs of MkDocs (`indented`), and applies lists of attributes (`attributes`).
"""

import re
import threading
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, html_block
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from kb.content.markup import (
    abbreviations,
    attributes,
    callouts,
    indented,
    kramdown,
    spaced_targets,
)
from kb.content.markup.code_languages import changes_of, language_of
from kb.content.markup.highlighting import highlight
from kb.content.markup.models import TooDeep

_DEEPEST = 100  # blocks inside one another
_local = threading.local()
_Env = MutableMapping[str, Any]


def convert(
    source: str,
    *,
    is_mdx: bool = False,
    titled_callouts: bool = False,
    html_holds: bool = False,
) -> str:
    """The HTML of Markdown, not yet sanitised.

    In MDX (`is_mdx`) four columns make no code, and the text of an element of HTML is Markdown.
    `titled_callouts` says that what stands behind `[!NOTE]` is a title, as in Obsidian,
    `html_holds` that an element of HTML lasts until its end tag, as in Jekyll. Raises TooDeep.
    """
    md = _parser(is_mdx)
    env: _Env = {callouts.TITLED: titled_callouts, kramdown.HOLDS: html_holds}
    try:
        tokens = md.parse(source, env)
        if is_mdx:
            _read_inside(md, tokens)
        if any(token.level >= _DEEPEST - 1 for token in tokens):
            raise TooDeep("the Markdown is nested too deeply")
        return str(md.renderer.render(tokens, md.options, env))
    except RecursionError:
        raise TooDeep("the Markdown is nested too deeply") from None


def _parser(is_mdx: bool) -> MarkdownIt:
    """The parser of this thread; making one costs more than most articles."""
    parsers: dict[bool, MarkdownIt] = _local.__dict__.setdefault("parsers", {})
    if is_mdx not in parsers:
        md = MarkdownIt("commonmark", {"maxNesting": _DEEPEST})
        md.enable(["table", "strikethrough"])
        md.use(footnote_plugin, inline=False).use(deflist_plugin)
        md.use(kramdown.plugin).use(spaced_targets.plugin).use(indented.plugin).use(
            abbreviations.plugin
        ).use(callouts.plugin).use(attributes.plugin)
        md.block.ruler.at(
            "html_block", _html_block, {"alt": ["paragraph", "reference", "blockquote"]}
        )
        # Addresses stay as written, for checks; the sanitiser takes out what is dangerous.
        md.normalizeLink = _as_written  # type: ignore[method-assign]
        md.validateLink = _any  # type: ignore[method-assign]
        for name, rule in _RENDERED.items():
            md.add_render_rule(name, rule)
        if is_mdx:
            md.disable("code")
        parsers[is_mdx] = md
    return parsers[is_mdx]


def _as_written(url: str) -> str:
    return url


def _any(url: str) -> bool:
    return True


# --- Markdown inside HTML -----------------------------------------------------------------------

_BESIDE_BLOCKS = re.compile(
    r"(?:</?(?:article|aside|blockquote|center|dd|details|div|figure|li|main|section|td|th)\b[^<>]*>"
    r"|</(?:summary|table|ul|ol|dl|p|h[1-6]|header|footer|form|body|html)>"
    r"|<(?:hr|link|meta)\b[^<>]*>)\s*$",
    re.I,
)


def _html_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Ends a block of HTML behind a tag that opens or closes a box, if Markdown follows at once.

    CommonMark ends it at the next empty line only; writers forget that line.
    """
    if not html_block(state, start, end, silent):
        return False
    if silent:
        return True
    for line in range(start + 1, state.line):
        text = state.getLines(line, line + 1, 0, False).lstrip()
        if text.startswith("<"):
            continue
        before = state.getLines(line - 1, line, 0, False)
        if state.sCount[line] - state.blkIndent < 4 and _BESIDE_BLOCKS.search(before):
            token = state.tokens[-1]
            token.content = state.getLines(start, line, state.blkIndent, True)
            token.map = [start, line]
            state.line = line
            break
    return True


_HOLDERS = "summary|td|th|li|h[1-6]|dt|dd|figcaption|caption|div|center"
_LINE_OF_TEXT = re.compile(
    rf"(?P<begin><(?P<name>{_HOLDERS})\b[^<>]*>)"
    rf"(?P<text>(?:[^<\n]|(?<=<summary>)\s+|<(?!/?(?:{_HOLDERS})\b))*+)(?P<end>\s*</(?P=name)>)",
    re.I,
)
_SIGNS = re.compile(r"[`*_\[~]")


def _read_inside(md: MarkdownIt, tokens: Sequence[Token]) -> None:
    """Reads the text of elements that hold a line of it as MDX does."""

    def shown(found: re.Match[str]) -> str:
        if not _SIGNS.search(found["text"]):
            return found[0]
        return f"{found['begin']}{md.renderInline(found['text'].strip())}{found['end']}"

    for token in tokens:
        if token.type == "html_block" and _SIGNS.search(token.content):
            token.content = _LINE_OF_TEXT.sub(shown, token.content)


# --- how tokens are written ---------------------------------------------------------------------


def _fence(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    token = tokens[at]
    source = token.content.removesuffix("\n")
    return highlight(source, language_of(token.info), changes_of(token.info))


def _cell(renderer: Any, tokens: Sequence[Token], at: int, options: Any, env: _Env) -> str:
    """A cell with its side as an attribute: styles do not pass the sanitiser."""
    style = tokens[at].attrs.pop("style", "")
    if style:
        tokens[at].attrs["align"] = str(style).rpartition(":")[2]
    return str(renderer.renderToken(tokens, at, options, env))


def _deleted(renderer: Any, tokens: Sequence[Token], at: int, options: Any, env: _Env) -> str:
    tokens[at].tag = "del"
    return str(renderer.renderToken(tokens, at, options, env))


def _number(token: Token) -> int:
    return int(token.meta["id"]) + 1


def _reference_id(token: Token) -> str:
    again = token.meta["subId"]
    return f"fnref{again + 1 if again else ''}-{_number(token)}"


def _footnote_ref(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    token = tokens[at]
    number = _number(token)
    return (
        f'<sup id="{_reference_id(token)}">'
        f'<a class="footnote-ref" href="#fn-{number}">{number}</a></sup>'
    )


def _footnote_open(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    return f'<li id="fn-{_number(tokens[at])}">'


def _footnote_anchor(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    return f' <a class="footnote-backref" href="#{_reference_id(tokens[at])}">↩</a>'


_RENDERED: dict[str, Callable[..., str]] = {
    "fence": _fence,
    "code_block": _fence,
    "th_open": _cell,
    "td_open": _cell,
    "s_open": _deleted,
    "s_close": _deleted,
    "footnote_ref": _footnote_ref,
    "footnote_block_open": lambda *_: '<div class="footnote">\n<hr>\n<ol>\n',
    "footnote_block_close": lambda *_: "</ol>\n</div>\n",
    "footnote_open": _footnote_open,
    "footnote_close": lambda *_: "</li>\n",
    "footnote_anchor": _footnote_anchor,
}
