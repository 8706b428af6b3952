"""Lists, tables, fences and notes as Python-Markdown wants them. Renders nothing."""

import re
from dataclasses import dataclass

from kb.markup.notes import kind_of

_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*([^\n`]*)")
_CONTAINER = re.compile(
    r":{3,}[ \t]*([A-Za-z]+)[ \t]*(?:\[([^\]]*)\]|([^\[:{].*?))?[ \t]*(?:\{.*\})?"
)
_CONTAINER_END = re.compile(r":{3,}[ \t]*")
_ITEM = re.compile(r"([-*+]|\d{1,9}[.)])( +|$)")
_RULE = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_NO_HEADING = re.compile(r"#{1,6}[^#\s]|#{7}")
_MOST_EMPTY = 3  # more empty lines in a row mean nothing
_NOTE = re.compile(r'(?:!!!|\?\?\?\+?)[ \t]+([\w-]+)(?:[ \t]+[\w-]+)*[ \t]*(".*)?')
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:")
_LANGUAGE = re.compile(r"[{.\s]*(?:language-)?([\w+#-][\w+#.-]*)?")


@dataclass(slots=True)
class _Level:
    """An open block that holds others: a list item, a note, a `:::` container."""

    content: int  # column, as written, from which a line belongs to it
    kind: str  # the marker of an item, "block" or "container"
    has_gap: bool = False  # an empty line came since


class Aligner:
    """Lists, tables and fences as Python-Markdown wants them.

    People indent by two or three columns and put no empty line before a list; Python-Markdown wants
    four columns for every level, and the empty line. Lines outside lists stay as they are.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.open: list[_Level] = []
        self.fence = ""
        self.fence_column = 0
        self.is_text = False  # the line before belongs to a paragraph, and the next may continue it
        self.is_table = False  # the line before belongs to a table
        self.is_quote = False  # … to a quotation

    def lines(self, lines: list[str]) -> list[str]:
        following = iter([*lines[1:], ""])
        for line in lines:
            after = next(following)
            if "\t" in line:
                text = line.lstrip(" \t")
                line = line[: len(line) - len(text)].expandtabs(4) + text
            text = line.lstrip(" ")
            indent = len(line) - len(text)
            if self.fence:
                self._fenced(line, text, indent)
            elif not text or text.isspace():
                self._gap()
            else:
                self._line(line, text, indent, after)
        if self.fence:
            self.done.append(self._at() + self.fence)
        return self.done

    def _gap(self) -> None:
        if self.done[-_MOST_EMPTY:] != [""] * _MOST_EMPTY:
            self.done.append("")
        self.is_text = self.is_table = self.is_quote = False
        for level in self.open:
            level.has_gap = True

    def _line(self, line: str, text: str, indent: int, after: str) -> None:
        note = _NOTE.fullmatch(text) if text[0] in "!?" else None
        if note:
            text = f"!!! {kind_of(note[1]) or note[1]} {note[2] or ''}".rstrip()
            line = " " * indent + text
        first = text[0]
        if self.is_table and "|" not in text:
            self._blank()
        if first in "`~" and (found := _FENCE.fullmatch(text)):
            self._close(indent)
            self._open_fence("", found, indent)
            return
        if first == ":" and self._container(text, indent):
            return
        if (
            (item := _ITEM.match(text))
            and not _RULE.fullmatch(text)
            and self._item(text, indent, item)
        ):
            return
        opens_block = first in "#>|!<[" or bool(_RULE.fullmatch(text))
        is_lazy = self.is_text and self._is_item() and not opens_block
        if not is_lazy and self._close(indent):
            self._blank()
        if first == ">" and self.is_text and not self.is_quote:
            self._blank()
        is_heading = first == "#" and not _NO_HEADING.match(text)
        if is_heading:
            self._blank()  # long runs of lines cost Python-Markdown their square
        elif first == "#":
            text, line = "\\" + text, line[:indent] + "\\" + text
        if "|" in text and "-" in after and _TABLE_RULE.fullmatch(after):
            if self.is_text:
                self._blank()
            self.is_table = True
        if self.open:
            extra = indent - self.open[-1].content
            line = self._at() + " " * (extra if extra >= 4 and not self.is_text else 0) + text
        self.done.append(line)
        if is_heading:
            self._gap()
        self.is_text = not is_heading and not self.is_table
        self.is_quote = first == ">" or (self.is_quote and self.is_text)
        if note or _FOOTNOTE.match(text):
            self.open.append(_Level(indent + 4, "block"))
            self.is_text = False

    def _kind(self) -> str:
        return self.open[-1].kind if self.open else ""

    def _at(self) -> str:
        return "    " * len(self.open)

    def _blank(self) -> None:
        if self.done and self.done[-1]:
            self._gap()

    def _close(self, indent: int) -> _Level | None:
        """Leaves the blocks a line in this column is not part of; returns the outermost of them."""
        last = None
        while self.open and self.open[-1].kind != "container" and indent < self.open[-1].content:
            last = self.open.pop()
        return last

    def _item(self, text: str, indent: int, item: re.Match[str]) -> bool:
        """A list item, if the line is one: false for a number or a dash inside a paragraph."""
        rest = text[item.end() :]
        column = self.open[-1].content if self.open else 0
        if indent - column >= (7 if self.is_text and self.open else 4):
            return False
        if self.is_text and (
            not rest or (not self.open and item[1][0].isdigit() and item[1] != "1.")
        ):
            return False
        closed = self._close(indent)
        marker = item[1][:-1] + "." if item[1][0].isdigit() else item[1]
        kind = "1." if marker[0].isdigit() else marker
        if closed:
            if closed.kind != kind or closed.has_gap:
                self._blank()
        elif self.is_text and not self._is_item():
            self._blank()
        spaces = len(item[2])
        width = len(item[1]) + (spaces if 0 < spaces < 5 and rest else 1)
        start = self._at() + marker + " "
        self.open.append(_Level(indent + width, kind))
        if rest and rest[0] in "`~" and (found := _FENCE.fullmatch(rest)):
            self._open_fence(start, found, indent + width)
        else:
            self.done.append(start + rest)
            self.is_text, self.is_quote = True, rest[:1] == ">"
        return True

    def _is_item(self) -> bool:
        return self._kind() not in ("", "block", "container")

    def _container(self, text: str, indent: int) -> bool:
        if _CONTAINER_END.fullmatch(text):
            places = [i for i, level in enumerate(self.open) if level.kind == "container"]
            if not places:
                return False
            del self.open[places[-1] :]
        else:
            opened = _CONTAINER.fullmatch(text)
            kind = kind_of(opened[1]) if opened else ""
            if not opened or not kind:
                return False
            self._close(indent)
            title = (opened[2] or opened[3] or "").strip().replace('"', "”")
            self._blank()
            self.done.append(self._at() + f"!!! {kind}" + (f' "{title}"' if title else ""))
            self.open.append(_Level(indent, "container"))
        self._gap()
        return True

    def _open_fence(self, start: str, found: re.Match[str], column: int) -> None:
        """Only its language stays on the line: other systems put titles and numbers there."""
        language = _LANGUAGE.match(found[2])
        self.fence, self.fence_column = found[1], column
        if not start:
            self._blank()
        self.done.append(
            (start or self._at()) + self.fence + (language[1] or "" if language else "")
        )

    def _fenced(self, line: str, text: str, indent: int) -> None:
        if text.startswith(self.fence) and not text.strip(" " + self.fence[0]) and indent < 16:
            self.done.append(self._at() + self.fence)
            self.fence = ""
            self._gap()
        else:
            inner = line[min(indent, self.fence_column) :]
            self.done.append(self._at() + inner if inner else "")
