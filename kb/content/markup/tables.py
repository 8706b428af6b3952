"""Tables of Diplodoc, whose cells hold blocks: `#|  || a | b ||  |#`."""

import re

from kb.content.markup.tags import TagRule, Translator, block

_TABLE, _ROW = "#|", "||"


def _opening(translator: Translator, _: re.Match[str]) -> str | None:
    if not translator.starts_line():
        return None
    translator.indents.append(translator.indent())
    return translator.open(_TABLE, "<table><tbody>", "</tbody></table>", translator.indents[-1])


def _closing(translator: Translator, _: re.Match[str]) -> str | None:
    if not translator.is_open(_TABLE):
        return None
    translator.indents.pop()
    return translator.close(_TABLE)


def _row(translator: Translator, _: re.Match[str]) -> str | None:
    innermost = translator.innermost(_TABLE, _ROW)
    if innermost == _ROW:
        return translator.close(_ROW)
    if not innermost:
        return None
    return translator.open(_ROW, "<tr><td>", "</td></tr>", translator.indents[-1])


def _cell(translator: Translator, _: re.Match[str]) -> str | None:
    if translator.innermost(_TABLE, _ROW) != _ROW:
        return None
    return block("</td><td>", translator.indents[-1])


def _merged(translator: Translator, _: re.Match[str]) -> str | None:
    """A cell that is joined with its neighbour holds only a sign."""
    return "" if translator.innermost(_TABLE, _ROW) == _ROW else None


RULES = (
    TagRule(r"#\|(?=[ \t]*(?:\n|\|\|))", re.compile(r"#\|"), _opening),
    TagRule(r"\|#(?![|#])", re.compile(r"\|#"), _closing),
    TagRule(r"\|\|(?!\|)", re.compile(r"(?<![\\|])\|\|"), _row),
    TagRule(r"\|(?=\s*[>^]\s*\|)", re.compile(r"(?<![\\|])\|\s*[>^]\s*"), _merged),
    TagRule(r"\|(?!\|)", re.compile(r"(?<![\\|])\|"), _cell),
)
