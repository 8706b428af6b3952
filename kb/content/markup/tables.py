"""Tables of Diplodoc, whose cells hold blocks and may be joined: `#|  || a | > ||  |#`."""

import re
from dataclasses import dataclass, field

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


_JOIN = {"<": "", ">": ' data-join="left"', "^": ' data-join="up"'}
_ALIGN = re.compile(r"\balign=[\"']?(?:\w+-)?(left|center|right)\b")


def _td(found: re.Match[str]) -> str:
    """The tag of the cell that begins here: one that is joined with a neighbour holds its sign."""
    align = _ALIGN.search(found["given"] or "")
    joined = (found["join"] or "<").strip()
    return f"<td{_JOIN[joined]}" + (f' align="{align[1]}">' if align else ">")


def _row(translator: Translator, found: re.Match[str]) -> str | None:
    innermost = translator.innermost(_TABLE, _ROW)
    if innermost == _ROW:
        return translator.close(_ROW)
    if not innermost:
        return None
    return translator.open(_ROW, f"<tr>{_td(found)}", "</td></tr>", translator.indents[-1])


def _cell(translator: Translator, found: re.Match[str]) -> str | None:
    if translator.innermost(_TABLE, _ROW) != _ROW:
        return None
    return block(f"</td>{_td(found)}", translator.indents[-1])


_BEGINS = r"(?P<given>::\{[^{}\n]*\})?(?P<join>\s*[>^](?=\s*\|))?"
RULES = (
    TagRule(r"#\|(?=[ \t]*(?:\n|\|\|))", re.compile(r"#\|"), _opening),
    TagRule(r"\|#(?![|#])", re.compile(r"\|#(?:\{[^{}\n]*\})?"), _closing),
    TagRule(
        r"\|\|(?!\|)",
        re.compile(rf"(?<![\\|])\|\|(?::\{{[^{{}}\n]*\}}[ \t]*)?{_BEGINS}"),
        _row,
    ),
    TagRule(r"\|(?!\|)", re.compile(rf"(?<![\\|])\|{_BEGINS}"), _cell),
)


# --- cells that are joined ----------------------------------------------------------------------

_TAG = re.compile(r"(<(?:/?(?:table|tr)|/?td)\b[^<>]*>)")


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell of a table: where its tag stands, and the rows and columns that it takes."""

    at: int
    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)

    def spans(self) -> str:
        """The attributes that say how much it takes."""
        taken = (("rowspan", len(self.rows)), ("colspan", len(self.columns)))
        return "".join(f' {name}="{number}"' for name, number in taken if number > 1)


def joined(source: str) -> str:
    """The HTML without the cells that are marked as joined; the cells they belong to span them."""
    if " data-join=" not in source:
        return source
    parts = _TAG.split(source)
    tables: list[list[list[_Cell]]] = []  # open ones, each its rows
    hidden = 0  # where a joined cell begins
    for at in range(1, len(parts), 2):
        tag = parts[at]
        if tag.startswith("<table"):
            tables.append([])
        elif tag.startswith("</table") and tables:
            for cell in {id(cell): cell for row in tables.pop() for cell in row}.values():
                parts[cell.at] = parts[cell.at].replace("<td", f"<td{cell.spans()}", 1)
        elif tag.startswith("<tr") and tables:
            tables[-1].append([])
        elif tag.startswith("<td") and tables and tables[-1]:
            cell = _joined_cell(tables[-1], tag) or _Cell(at)
            hidden = at if cell.at != at else 0
            cell.rows.add(len(tables[-1]))
            cell.columns.add(len(tables[-1][-1]))
            tables[-1][-1].append(cell)
        elif tag.startswith("</td") and hidden:
            parts[hidden : at + 1] = [""] * (at + 1 - hidden)
            hidden = 0
    return "".join(parts)


def _joined_cell(rows: list[list[_Cell]], tag: str) -> _Cell | None:
    """The cell that a joined one belongs to; None for a cell of its own."""
    column = len(rows[-1])
    if 'data-join="left"' in tag and column:
        return rows[-1][-1]
    if 'data-join="up"' in tag and len(rows) > 1 and column < len(rows[-2]):
        return rows[-2][column]
    return None
