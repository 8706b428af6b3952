"""Markdown as MkDocs reads it, to HTML: by Python-Markdown with the extensions of its themes."""

import re
import threading
import xml.etree.ElementTree as etree
from typing import Any

import markdown
from markdown.extensions.admonition import AdmonitionProcessor
from markdown.inlinepatterns import InlineProcessor, SimpleTextInlineProcessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import STX
from pymdownx import emoji

from kb.content.markup.admonitions import kind_of
from kb.content.markup.highlighting import highlight
from kb.content.markup.models import TooDeep

_local = threading.local()


def convert(source: str) -> str:
    """The HTML of Markdown, not yet sanitised. Raises TooDeep."""
    try:
        return str(_converter().convert(source))
    except Exception as error:
        del _local.converter  # it keeps the blocks that were open
        if isinstance(error, RecursionError):
            raise TooDeep("the Markdown is nested too deeply") from None
        raise


def _converter() -> markdown.Markdown:
    """The converter of this thread, reset; creating one costs more than most articles."""
    try:
        made: markdown.Markdown = _local.converter
    except AttributeError:
        made = markdown.Markdown(
            output_format="html", extensions=_EXTENSIONS, extension_configs=_CONFIGURED
        )
        notes = _Notes(made.parser)
        made.parser.blockprocessors.register(notes, "admonition", 105)
        made.treeprocessors.register(_TabTitles(made), "tab-titles", 5)
        icons = _Dropped(r"(:(?:material|fontawesome|octicons|simple)-[\w-]+:(?:\{[^{}\n]*\})?)")
        made.inlinePatterns.register(icons, "icons", 76)
        made.inlinePatterns.register(_CrossReference(), "cross-references", 125)
        _local.converter = made
    return made.reset()


def _code(source: str, language: str, *_: Any, **__: Any) -> str:
    return highlight(source, language)


def _any_options(*_: Any) -> bool:
    """Titles, line numbers and the like are passed over."""
    return True


_EXTENSIONS = [
    "abbr", "admonition", "attr_list", "def_list", "footnotes", "md_in_html", "tables",
    "pymdownx.caret", "pymdownx.emoji", "pymdownx.keys", "pymdownx.mark", "pymdownx.superfences",
    "pymdownx.tabbed", "pymdownx.tilde",
]  # fmt: skip
_CONFIGURED: dict[str, dict[str, Any]] = {
    "tables": {"use_align_attribute": True},
    "footnotes": {"SEPARATOR": "-", "BACKLINK_TEXT": "↩"},
    "pymdownx.emoji": {"emoji_index": emoji.gemoji, "emoji_generator": emoji.to_alt},
    "pymdownx.superfences": {
        "custom_fences": [{"name": "*", "class": "", "format": _code, "validator": _any_options}]
    },
}


class _Notes(AdmonitionProcessor):
    """Notes, those that fold (`???`) among them; their kinds are ours."""

    RE = re.compile(
        r'(?:^|\n)(?:!!!|\?\?\?\+?)(?= *[\w"-]) ?([\w\-]+(?: +[\w\-]+)*)?(?: *"(.*?)")? *(?:\n|$)'
    )

    def get_class_and_title(self, match: re.Match[str]) -> tuple[str, str | None]:
        """The kind of a note and its title; its kind where it has none, None for none."""
        kind = kind_of((match[1] or "note").split()[0]) or "note"
        return kind, kind if match[2] is None else match[2] or None


class _TabTitles(Treeprocessor):
    """Labels of tabs become paragraphs in bold: tabs are read one after another."""

    def run(self, root: etree.Element) -> None:
        """Changes the labels in place."""
        for label in root.iter("label"):
            title = etree.Element("strong")
            title.text, label.text = label.text, ""
            title.extend(list(label))
            for child in list(label):
                label.remove(child)
            label.append(title)
            label.tag, label.attrib = "p", {}


class _Dropped(SimpleTextInlineProcessor):
    """Icons of themes: there is nothing to show."""

    def handleMatch(  # type: ignore[override]
        self, m: re.Match[str], data: str
    ) -> tuple[str, int, int]:
        """Nothing instead of the match."""
        return "", m.start(0), m.end(0)


_IDENTIFIER = re.compile(r"[A-Za-z_][\w.]{2,}")


class _CrossReference(InlineProcessor):
    """`[words][package.name]` of mkdocstrings, which no line defines: its words."""

    def __init__(self) -> None:
        super().__init__(r"(?<![\w\])!\\])\[([^\[\]\n]+)\]\[((?:[A-Za-z_][\w.:/-]*)?)\](?![\[(])")

    def handleMatch(  # type: ignore[override]
        self, m: re.Match[str], data: str
    ) -> tuple[etree.Element | None, int | None, int | None]:
        """The words; nothing is changed where `[words][]` names no code."""
        if not m[2] and not m[1].startswith(STX) and not _IDENTIFIER.fullmatch(m[1]):
            return None, None, None
        words = etree.Element("span")
        words.text = m[1]
        return words, m.start(0), m.end(0)
