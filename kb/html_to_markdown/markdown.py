"""HTML to Markdown, by markdownify: what it leaves to us is escaping, callouts, tables and code."""

import html
import re
from typing import Any

from bs4.element import NavigableString, Tag
from markdownify import ATX, MarkdownConverter

from kb.html_to_markdown.tree import MARKED, Tree, attribute

_LINE_START = re.compile(
    r"(\s*)(?:(>|#|(?:[-+]|-{2,}|!{3}|\?{3})(?=\s|$))|(\d{1,9})([.)])(?=\s|$))"
)
_COLONS_OR_RULE = re.compile(r"^(\s*)(:(?=::)|=(?==))")  # no backslash helps with these
_SIGNS = re.compile(r"[\\*`\[]|(?<![^\W_])_|_(?![^\W_])")
_BRACES = re.compile(r"\{(?=[{%:#.])|(?<=[%}])\}")
_TAG_LIKE = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY_LIKE = re.compile(r"&(?=#?\w+;)")
_TILDES = re.compile("~(?=~)|(?<=~)~")
_SPACES = re.compile(r"[ \t\r\n]+")
_BREAK = "\ue002"  # the end of a line inside a cell, until the cell is whole


class Converter(MarkdownConverter):
    """The library's converter, for Markdown that GitHub and Python-Markdown read alike."""

    def __init__(self) -> None:
        super().__init__(heading_style=ATX, bullets="-")

    def escape(self, text: str, parent_tags: set[str]) -> str:
        """Text of HTML as text of Markdown."""
        text = _SPACES.sub(" ", text)
        text = _SIGNS.sub(r"\\\g<0>", text)
        text = _BRACES.sub(r"\\\g<0>", text)
        text = _ENTITY_LIKE.sub("&amp;", text)
        text = _TAG_LIKE.sub("&lt;", text)
        text = _TILDES.sub("&#126;", text)
        if "a" in parent_tags:
            text = text.replace("]", "\\]")
        if "td" in parent_tags or "th" in parent_tags:
            return text.replace("|", "\\|")
        text = _COLONS_OR_RULE.sub(lambda found: f"{found[1]}&#{ord(found[2])};", text)
        return _LINE_START.sub(_escaped, text, count=1) if _LINE_START.match(text) else text

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A link; its target is a number for now."""
        before, text, after = _chomped(_SPACES.sub(" ", text))
        mark = attribute(el, "mark")
        return f"{before}[{text}]({mark}){after}" if text and mark else before + text + after

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """An image is a number for now: what it becomes depends on the files that were given."""
        return attribute(el, "mark")

    def convert_b(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Bold text."""
        return _emphasis(el, text, parent_tags, "**", "strong")

    def convert_em(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Italic text."""
        return _emphasis(el, text, parent_tags, "*", "em")

    convert_strong = convert_b
    convert_i = convert_em

    def convert_hN(self, n: int, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A heading of level `n`; a hash at its end is text."""
        text = re.sub("(#+)$", r"\\\1", _SPACES.sub(" ", text).strip())
        return f"\n\n{'#' * n} {text}\n\n" if text and "_inline" not in parent_tags else text

    def convert_code(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Code inside a line; as HTML where a cell's bars would be taken for the table's."""
        if "pre" in parent_tags or not text:
            return text
        text = _SPACES.sub(" ", text)
        if "|" in text and {"td", "th"} & parent_tags:
            return f"<code>{html.escape(text, quote=False).replace('|', '&#124;')}</code>"
        longest = max((len(run) for run in re.findall("`+", text)), default=0)
        ticks = "`" * (longest + 1)
        space = " " if longest or text.strip() != text else ""
        return f"{ticks}{space}{text.strip()}{space}{ticks}" if text.strip() else " "

    convert_samp = convert_code

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A block of code, with its language."""
        text = el.get_text().strip("\n").replace("\r", "")
        text = "\n".join(line.rstrip() for line in text.split("\n"))
        if not text.strip():
            return ""
        longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
        fence = "`" * (longest + 1)
        return f"\n\n{fence}{_language(el)}\n{text}\n{fence}\n\n"

    def convert_kbd(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A key, and what else Markdown has no sign for, stays a tag."""
        before, text, after = _chomped(text)
        if "_noformat" in parent_tags and el.name != "kbd":
            return before + text + after
        shown = html.escape(text, quote=False) if el.name == "kbd" else text
        return f"{before}<{el.name}>{shown}</{el.name}>{after}" if text else before

    convert_sub = convert_sup = convert_mark = convert_u = convert_kbd

    def convert_kb_break(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """The end of a line inside a cell."""
        return _BREAK

    def convert_kb_task(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A box to tick, at the beginning of an item of a list."""
        return ("[x] " if el.has_attr("checked") else "[ ] ") if "li" in parent_tags else ""

    def convert_td(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A cell: one line."""
        lines = (line.strip() for line in text.replace("\n", " ").split(_BREAK))
        return f" {'<br>'.join(filter(None, lines))} |"

    convert_th = convert_td

    def convert_kb_callout(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A note, as GitHub writes it."""
        text = text.strip()
        if "_inline" in parent_tags:
            return f" {text} "
        lines = "".join(f"\n> {line}".rstrip() for line in text.split("\n"))
        return f"\n\n> [!{attribute(el, 'kind')}]{lines}\n\n" if text else ""

    def convert_details(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A part that is folded up, as GitHub writes it."""
        return f"\n\n<details>\n{text.strip()}\n\n</details>\n\n"

    def convert_summary(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """What stands on a folded part."""
        label = " ".join(el.get_text(" ").split())
        return f"<summary>{html.escape(label, quote=False)}</summary>\n\n"

    def convert_figcaption(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """What stands below an image."""
        text = text.strip()
        is_plain = text and "*" not in text and "\n" not in text
        return f"\n\n*{text}*\n\n" if is_plain else f"\n\n{text}\n\n"


def _escaped(found: re.Match[str]) -> str:
    if found[3]:
        return f"{found[1]}{found[3]}\\{found[4]}"
    return f"{found[1]}\\{found[2]}"


def _chomped(text: str) -> tuple[str, str, str]:
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() else ""
    return before, text.strip(), after


def _emphasis(el: Tag, text: str, parent_tags: set[str], sign: str, name: str) -> str:
    """Emphasised text; by tags where its signs would touch a letter and a stop and mean nothing."""
    before, text, after = _chomped(text)
    if not text or "_noformat" in parent_tags:
        return before + text + after
    is_left = not before and _touches(el.previous_sibling, -1) and not _is_letter(text[0])
    is_right = not after and _touches(el.next_sibling, 0) and not _is_letter(text[-1])
    if is_left or is_right or text.startswith("*") or text.endswith("*"):
        return f"{before}<{name}>{text}</{name}>{after}"
    return f"{before}{sign}{text}{sign}{after}"


def _is_letter(char: str) -> bool:
    return char.isalnum()


def _touches(sibling: Any, at: int) -> bool:
    """Whether a letter stands next to the tag on this side."""
    text = str(sibling) if isinstance(sibling, NavigableString) else ""
    if isinstance(sibling, Tag):
        text = sibling.get_text()
    return bool(text) and _is_letter(text[at])


_LANGUAGE = re.compile(
    r"(?:language|lang|highlight-source|highlight|brush:?|sourceCode)[-: ]+([\w+#-]+)"
)


def _language(el: Tag) -> str:
    """The language of a block of code, by its classes or those around it."""
    around = [each for _, each in zip(range(_NEAR), el.parents, strict=False)]
    for place in (el.find("code"), el, *around):
        if isinstance(place, Tag) and (found := _LANGUAGE.search(attribute(place, "class"))):
            return "" if found[1] in _PLAIN else found[1]
    return ""


_NEAR = 4  # how far above a block of code its language is looked for
_PLAIN = ("text", "plaintext", "none", "default", "highlight")


_BREAKS = re.compile(r"(?:[ \t]*\n){3,}")
_LINE_ENDS = re.compile(r"(?:  \n){2,}")
_BLANK = re.compile(r"^[ \t\xa0]+$", re.M)


def to_markdown(tree: Tree) -> str:
    """The Markdown of a prepared tree; `MARKED` numbers stand for its targets. Ends in one line.

    Raises RecursionError where the HTML is nested too deeply.
    """
    text = Converter().convert_soup(tree.soup)
    text = _LINE_ENDS.sub("\n\n", text)
    text = _BLANK.sub("", text)
    return _BREAKS.sub("\n\n", text).strip("\n \t")


def filled(text: str, values: list[str]) -> str:
    """The text with a value in place of each number."""
    return MARKED.sub(lambda found: values[int(found[1])], text)
