"""Markdown to safe HTML, sections with anchors and plain text, in one pass. Opens no file.

Python-Markdown writes HTML, nh3 takes everything out of it that is not on our list, and one walk
over the result sets ids, addresses and titles and gathers the sections. The walk adds to clean HTML
and escapes every value it writes: nothing a writer wrote is trusted twice.
"""

import html
import posixpath
import re
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import markdown
import nh3
import pygments
from markdown.extensions.toc import slugify_unicode
from markdown.inlinepatterns import SimpleTagInlineProcessor
from markdown.treeprocessors import InlineProcessor
from markdown.util import AtomicString
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

from kb import text as words

VERSION = "1"  # of what `render` makes of the same text; a new one makes every rendering new
MAX_SUMMARY = 300


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an article under one heading; the first has no heading and no anchor (level 0)."""

    anchor: str  # id in the HTML, "" for the first
    title: str
    level: int
    text: str  # plain text below the heading, without it; cleaned by `text.clean`


@dataclass(frozen=True, slots=True)
class Link:
    """A link or image as the writer wrote it, for checks."""

    target: str
    line: int  # 1-based line of the body, 1 where unknown
    image: bool = False
    alt: str = ""
    url: str = ""  # where it leads now; "" if it was taken out


@dataclass(frozen=True, slots=True)
class Rendered:
    """An article ready to be shown and to be indexed."""

    html: str  # sanitised; links between articles are /articles/<path without ending>#h-…
    sections: tuple[Section, ...]
    links: tuple[Link, ...] = ()
    summary: str = (
        ""  # first paragraph, at most 300 characters: the short answer if none is written
    )
    anchors: tuple[str, ...] = ()  # every id in the HTML, for links to it

    @property
    def text(self) -> str:
        """All plain text without headings, sections joined by blank lines."""
        return "\n\n".join(section.text for section in self.sections if section.text)


# --- words in the article's language ------------------------------------------------------------

_TITLES = {
    "ru": {
        "note": "Примечание", "info": "Сведения", "tip": "Совет", "hint": "Подсказка",
        "important": "Важно", "warning": "Внимание", "caution": "Осторожно", "danger": "Опасно",
        "error": "Ошибка", "success": "Готово", "example": "Пример", "question": "Вопрос",
        "abstract": "Кратко", "failure": "Не получилось", "bug": "Известная ошибка",
        "quote": "Цитата",
        "attention": "Внимание", "seealso": "См. также", "details": "Подробнее",
    },
    "en": {
        "note": "Note", "info": "Info", "tip": "Tip", "hint": "Hint",
        "important": "Important", "warning": "Warning", "caution": "Caution", "danger": "Danger",
        "error": "Error", "success": "Done", "example": "Example", "question": "Question",
        "abstract": "Summary", "failure": "Failure", "bug": "Known bug", "quote": "Quote",
        "attention": "Attention", "seealso": "See also", "details": "Details",
    },
}  # fmt: skip
_PHRASES = {
    "ru": {
        "anchor": "Ссылка на раздел «{}»", "back": "Назад к тексту", "done": "сделано",
        "todo": "не сделано", "image": "изображение", "video": "Видео",
    },
    "en": {
        "anchor": "Link to the section “{}”", "back": "Back to the text", "done": "done",
        "todo": "not done", "image": "image", "video": "Video",
    },
}  # fmt: skip
KINDS = frozenset(_TITLES["en"])


# --- before Markdown: what other systems write --------------------------------------------------

_INCLUDE_ALONE = re.compile(
    r"^[ \t>]*\[!INCLUDE\s*\[[^\]\n]*\]\([^)\n]*\)\s*\][ \t]*$", re.I | re.M
)
_INCLUDE = re.compile(r"\[!INCLUDE\s*\[([^\]\n]*)\]\([^)\n]*\)\s*\]", re.I)
_VIDEO = re.compile(r"\[!VIDEO\s+(https?://[^\s\]<>]+)\s*\]", re.I)
_COLON_IMAGE = re.compile(r":::\s*image\b([^\n]*?):::(?:\s*image-end:::)?", re.I)
_COLON_LAYOUT = re.compile(
    r"^[ \t]*:::\s*(?:row|row-end|column|column-end|zone|zone-end|moniker|moniker-end)\b[^\n]*$",
    re.I | re.M,
)
_NAMED = re.compile(r"([\w-]+)\s*=\s*[\"“”]([^\"“”]*)[\"“”]")
_KRAMDOWN = re.compile(r"^[ \t]*\{:[^{}\n]*\}[ \t]*$|(?<=[)\]*`])\{:[^{}\n]*\}", re.M)
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
_NOTE = re.compile(r"(?:!!!|\?\?\?\+?)[ \t]+\w|\[\^[^\]\s]+\]:")
_LANGUAGE = re.compile(r"[{.\s]*(?:language-)?([\w+#-][\w+#.-]*)?")


def _prepared(body: str, lang: str) -> str:
    """The body in Python-Markdown's own spelling: the habits of GitHub, Docusaurus and MS Docs."""
    if "[!" in body:
        body = _INCLUDE_ALONE.sub("", body)
        body = _INCLUDE.sub(lambda m: m[1].strip().replace("_", r"\_"), body)
        body = _VIDEO.sub(lambda m: f"[{_PHRASES[lang]['video']}]({m[1]})", body)
    if ":::" in body:
        body = _COLON_IMAGE.sub(_colon_image, body)
        body = _COLON_LAYOUT.sub("", body)
    if "{:" in body:
        body = _KRAMDOWN.sub("", body)
    return "\n".join(_Aligner().lines(body.split("\n")))


def _colon_image(found: re.Match[str]) -> str:
    named = dict(_NAMED.findall(found[1]))
    alt = re.sub(r"[\[\]\n]", " ", named.get("alt-text", ""))
    source = named.get("source", "").strip()
    return f"![{alt}](<{source}>)" if source and not re.search("[<>]", source) else alt


@dataclass(slots=True)
class _Level:
    """An open block that holds others: a list item, a note, a `:::` container."""

    content: int  # column, as written, from which a line belongs to it
    kind: str  # the marker of an item, "block" or "container"
    has_gap: bool = False  # an empty line came since


class _Aligner:
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
        if _NOTE.match(text):
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
            if not opened or opened[1].lower() not in KINDS:
                return False
            self._close(indent)
            title = (opened[2] or opened[3] or "").strip().replace('"', "”")
            self._blank()
            note = f'!!! {opened[1].lower()} "{title}"' if title else f"!!! {opened[1].lower()}"
            self.done.append(self._at() + note)
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


# --- Markdown -----------------------------------------------------------------------------------

_local = threading.local()
_MAX_COLOURED = 50_000  # characters; longer code is shown without colours

# What a text must hold for a pattern to match. Most texts hold little, and a pattern of
# Python-Markdown costs the same whether it finds something or not. Emphasis is tried always: its
# signs differ from version to version.
_TRIGGERS = {
    "backtick": "`", "escape": "\\", "reference": "[", "link": "[", "image_link": "![",
    "image_reference": "![", "short_reference": "[", "short_image_ref": "![", "autolink": "<",
    "automail": "<", "linebreak": "  \n", "html": "<", "entity": "&", "footnote": "[^",
    "strike": "~~",
}  # fmt: skip


class _Inline(InlineProcessor):
    """Python-Markdown's own, passing over the patterns that cannot match."""

    def prepare(self) -> None:
        """Takes the patterns as they are now."""
        known = self.inlinePatterns
        places = {known.get_index_for_name(name): name for name in _TRIGGERS if name in known}
        self._triggered = [
            (pattern, _TRIGGERS[places[place]] if place in places else "")
            for place, pattern in enumerate(known)
        ]
        self._apply = getattr(self, "_InlineProcessor__applyPattern")  # noqa: B009

    def _InlineProcessor__handleInline(self, data: str, patternIndex: int = 0) -> str:
        if isinstance(data, AtomicString):
            return data
        start = 0
        while patternIndex < len(self._triggered):
            pattern, trigger = self._triggered[patternIndex]
            if trigger not in data:
                patternIndex, start = patternIndex + 1, 0
                continue
            data, matched, start = self._apply(pattern, data, patternIndex, start)
            if not matched:
                patternIndex += 1
        return data


def _markdown() -> markdown.Markdown:
    """One converter for each thread: making one costs more than most articles."""
    try:
        converter: markdown.Markdown = _local.converter
    except AttributeError:
        converter = markdown.Markdown(
            output_format="html",
            extensions=[
                "tables",
                "footnotes",
                "admonition",
                "def_list",
                "sane_lists",
                "pymdownx.superfences",
            ],
            extension_configs={
                "tables": {"use_align_attribute": True},
                "footnotes": {"SEPARATOR": "-", "BACKLINK_TEXT": "↩"},
                "pymdownx.superfences": {
                    "custom_fences": [{"name": "*", "class": "", "format": _code}],
                },
            },
        )
        strike = SimpleTagInlineProcessor(r"(~~)(?=\S)(.+?)(?<=\S)~~", "del")
        converter.inlinePatterns.register(strike, "strike", 65)
        inline = _Inline(converter)
        inline.prepare()
        converter.treeprocessors.register(inline, "inline", 20)
        _local.converter = converter
    return converter.reset()


def _code(source: str, language: str, *_: Any, **__: Any) -> str:
    """A block of code, coloured by classes."""
    lexer = _lexer(language) if language and len(source) <= _MAX_COLOURED else None
    if lexer is None:
        return f'<div class="highlight"><pre><code>{html.escape(source)}\n</code></pre></div>'
    return str(pygments.highlight(source, lexer, _FORMATTER))


_FORMATTER = HtmlFormatter(cssclass="highlight", wrapcode=True)


def _lexer(language: str) -> Lexer | None:
    """One lexer for each language and thread: finding it takes longer than most blocks."""
    lexers: dict[str, Lexer | None] = _local.__dict__.setdefault("lexers", {})
    if language not in lexers:
        try:
            lexers[language] = get_lexer_by_name(language, stripnl=False)
        except ClassNotFound:
            return None
    return lexers[language]


def _names(written: str) -> frozenset[str]:
    return frozenset(written.split())


_TAGS = _names("""
    a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt
    em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp
    small span strong sub summary sup table tbody td tfoot th thead tr u ul var wbr
""")
_DROPPED = _names("""
    script style template noscript iframe object embed svg math textarea select title
    applet frameset noembed noframes xmp plaintext
""")
_CLASSES = {
    "div": {*KINDS, "admonition", "highlight", "footnote"},
    "p": {"admonition-title"},
    "a": {"footnote-ref", "footnote-backref"},
    "span": {name for name in STANDARD_TYPES.values() if name},
}
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_DROPPED),
    attributes={
        "*": {"id", "lang", "dir"},
        "a": {"href", "title", "name"},
        "img": {"src", "alt", "title", "width", "height"},
        "ol": {"start", "type", "reversed"},
        "td": {"align", "colspan", "rowspan"},
        "th": {"align", "colspan", "rowspan", "scope"},
        "col": {"span"},
        "colgroup": {"span"},
        "details": {"open"},
        "abbr": {"title"},
        "dfn": {"title"},
    },
    allowed_classes=_CLASSES,
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel=None,
    strip_comments=True,
)


# --- addresses ----------------------------------------------------------------------------------

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_OUTSIDE = re.compile(r"(?:https?://|mailto:|tel:)", re.I)
_FILE = re.compile(r"\.(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{1,5}$")
_MARKDOWN = re.compile(r"\.(?:md|markdown|mdx)$", re.I)
_OWN = re.compile(r"(?:articles|media|contact|search)(?:/|$)")
_USE_BASE_URL = re.compile(r"""\{useBaseUrl\(['"]([^'"]+)['"]\)\}""")
_SAFE = "/~!$()*+,;=:@-._"


def anchor(written: str) -> str:
    """The id that a heading, or a link to it, gets: `h-` and its words."""
    return "h-" + (slugify_unicode(written, "-").strip("-") or "section")


def address(target: str, path: str, *, image: bool = False) -> str:
    """Where a link in the article at `path` leads; "" if it leads nowhere we would send a reader.

    Other articles become `/articles/…`, files `/media/…`; other sites stay as they are.
    """
    target = "".join(target.split("\n")).strip().replace("\\", "/")
    if target.startswith("//"):
        target = "https:" + target
    if _SCHEME.match(target):
        return target if _OUTSIDE.match(target) else ""
    place, _, fragment = target.partition("#")
    place, _, query = place.partition("?")
    hash_ = "#" + quote(anchor(unquote(fragment)), safe=_SAFE) if fragment else ""
    if not place:
        return hash_ or "#"
    place = unquote(place, errors="replace")
    if place == "/":
        return "/"
    if any(ord(char) < 32 for char in place):
        return ""
    if place.startswith("/"):
        found = posixpath.normpath(place.lstrip("/"))
    else:
        found = posixpath.normpath(posixpath.join(posixpath.dirname(path), place))
    if found == ".":
        return "/"
    if found.split("/")[0] == "..":
        return ""
    if place.startswith("/") and _OWN.match(found):
        query_ = "?" + quote(query, safe=_SAFE + "%&?") if query else ""
        return (
            "/"
            + quote(found, safe=_SAFE)
            + query_
            + (f"#{quote(fragment, safe=_SAFE + '%')}" if fragment else "")
        )
    if _MARKDOWN.search(found):
        return "/articles/" + quote(_MARKDOWN.sub("", found), safe=_SAFE) + hash_
    if image or (_FILE.search(found) and not place.endswith("/")):
        return "/media/" + quote(found, safe=_SAFE)
    return "/articles/" + quote(found, safe=_SAFE) + hash_


# --- the walk -----------------------------------------------------------------------------------

_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)((?:\s[^<>\"]*(?:\"[^\"]*\"[^<>\"]*)*)?)>")
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
_HEADING = re.compile(r"<h([1-6])[^<>]*>(.*?)</h\1>", re.S)
_ANY_TAG = re.compile(r"<[^<>]*>")
_SPACES = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r" *\n[\s]*")
_BOX = re.compile(r"(\s*)\[([ xX])\]\s+")
_CALLOUT = re.compile(r"\s*\[!([A-Za-z]+)\][+-]?[ \t]*\n?")
_URL = re.compile(r"\bhttps?://(?:&amp;|[^\s<>&\"'`«»“”])+", re.I)
_OWN_ID = re.compile(r"\s*\{#([\w.-]+)\}\s*$")

_BLOCKS = _names("""
    address blockquote br caption dd details div dl dt figcaption figure h1 h2 h3 h4 h5
    h6 hr li ol p pre summary table tbody tfoot thead tr ul
""")
_BACK = "</a> "  # closes the way back from a footnote, whose arrow is no text of the writer's
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_BOXES = frozenset(("blockquote", "div", "li", "table", "details", "dl", "figure"))


def render(
    body: str,
    *,
    path: str,
    lang: str,
    title: str | None = None,
    remote_images: bool = False,
) -> Rendered:
    """The Markdown `body` of the article at `path`, as its page and its index need it.

    `title` is shown by the page already: a first heading that repeats it is left out. `lang` is the
    language of what we add: titles of notes, names of links. Slow or deeply nested bodies are the
    caller's to stop (`limits`); this one may raise RecursionError.
    """
    own = lang if lang in _TITLES else "en"
    source = _CLEANER.clean(_markdown().convert(_prepared(body, own)))
    source = _without_title(source, title)
    walk = _Walk(path, own, remote_images, shift="<h1" in source)
    walk.through(source)
    return Rendered(
        walk.html(), walk.sections(), _placed(walk.links, body), walk.summary, tuple(walk.ids)
    )


def _without_title(source: str, title: str | None) -> str:
    if not title:
        return source
    found = _HEADING.search(source)
    if (
        found
        and _words(_ANY_TAG.sub("", found[2])).casefold() == " ".join(title.split()).casefold()
    ):
        return source[: found.start()] + source[found.end() :]
    return source


def _words(source: str) -> str:
    return " ".join(words.clean(html.unescape(source)).split())


def _placed(links: list[Link], body: str) -> tuple[Link, ...]:
    """The links with their lines: each is looked for behind the one before it."""
    placed = []
    at = line = 0
    for link in links:
        found = body.find(link.target, at)
        if found >= 0:
            line += body.count("\n", at, found)
            at = found
            placed.append(Link(link.target, line + 1, link.image, link.alt, link.url))
        else:
            first = body.find(link.target)
            number = body.count("\n", 0, first) + 1 if first >= 0 else 1
            placed.append(Link(link.target, number, link.image, link.alt, link.url))
    return tuple(placed)


def _quoted(value: str) -> str:
    return html.escape(value, quote=True)


class _Walk:
    """One pass over clean HTML: writes the page, gathers sections, links and the summary."""

    def __init__(self, path: str, lang: str, remote_images: bool, shift: bool) -> None:
        self.path = path
        self.lang = lang
        self.remote_images = remote_images
        self.shift = shift
        self.out: list[str] = []
        self.links: list[Link] = []
        self.summary = ""
        self.ids: dict[str, int] = {}  # and how many more wanted to be called so
        self._heads: list[tuple[str, str, int]] = [("", "", 0)]
        self._texts: list[list[str]] = [[]]
        self._heading: _Open | None = None
        self._anchors: list[str] = []  # what closes each open <a>
        self._quotes: list[str] = []  # what closes each open <blockquote>
        self._boxes: list[str] = []  # open blocks that hold others
        self._kind = "note"  # of the last admonition
        self._code = 0
        self._quiet = 0  # inside text that is not the writer's
        self._paragraph = -1  # where the text of a paragraph that may be the summary begins
        self._waiting = ""  # "li", "blockquote" or a kind of admonition: the next text decides
        self._waiting_at = 0

    # what came of it

    def html(self) -> str:
        return "".join(self.out).strip()

    def sections(self) -> tuple[Section, ...]:
        return tuple(
            Section(anchor_, title, level, _paragraphs("".join(texts)))
            for (anchor_, title, level), texts in zip(self._heads, self._texts, strict=True)
            if level or "".join(texts).strip()
        )

    # the pass

    def through(self, source: str) -> None:
        parts = _TAG.split(source)
        self._text(parts[0])
        for at in range(1, len(parts), 4):
            closing, name, attributes, following = parts[at : at + 4]
            if name == "span" and "id=" not in attributes:
                self.out.append(f"<{closing}span{attributes}>")
            elif closing:
                self._end(name)
            else:
                self._start(name, attributes)
            if following:
                self._text(following)

    def _text(self, source: str) -> None:
        if self._waiting and source.strip():
            source = self._decide(source)
        if self._heading is not None:
            self._heading.texts.append(source)
        elif not self._quiet and not (
            self._boxes and self._boxes[-1] == "table" and source.isspace()
        ):
            self._texts[-1].append(source)
        if "://" in source and not self._code and not self._anchors:
            source = _URL.sub(self._bare_url, source)
        self.out.append(source)

    def _bare_url(self, found: re.Match[str]) -> str:
        url = found[0].rstrip(".,;:!?*_]}…")
        if url.endswith(")") and url.count("(") < url.count(")"):
            url = url.rstrip(")").rstrip(".,;:!?")
        target = html.unescape(url)
        self.links.append(Link(target, 1, url=target))
        return (
            f'<a href="{_quoted(target)}" rel="noopener noreferrer">{url}</a>{found[0][len(url) :]}'
        )

    def _start(self, name: str, attributes: str) -> None:
        if name in _BLOCKS:
            self._texts[-1].append("\n")
            if self._waiting and name not in ("p", "br"):
                self._waiting = ""
        values = _values(attributes) if attributes else {}
        if name == "a":
            self._link(values)
            return
        if name == "img":
            self._image(values)
            return
        if name in _HEADINGS:
            self._open_heading(name, values)
            return
        if name in _BOXES:
            self._boxes.append(name)
        if name in ("code", "pre"):
            self._code += 1
        written = values.pop("id", "")
        if written:
            attributes = "".join(f' {key}="{value}"' for key, value in values.items())
            attributes = (
                f' id="{_quoted(self._own_id(anchor(html.unescape(written))))}"' + attributes
            )
        if name == "div" and values.get("class", "").startswith("admonition"):
            self._admonition(values["class"])
            return
        if name == "p":
            self._open_paragraph(values.get("class", ""))
        elif name == "li":
            self._wait("li")
        elif name == "blockquote":
            self._wait("blockquote")
            self._quotes.append("</blockquote>")
        elif name == "sup" and written.startswith("fnref"):
            self._quiet += 1
        self.out.append(f"<{name}{attributes}>")

    def _end(self, name: str) -> None:
        if name == "a":
            closing = self._anchors.pop() if self._anchors else ""
            if closing == _BACK:
                self._quiet -= 1
            self.out.append(closing)
            return
        if name in _HEADINGS:
            self._close_heading(name)
            return
        if name in _BLOCKS:
            self._texts[-1].append("\n")
        elif name in ("td", "th"):
            self._texts[-1].append(" ")
        if name in _BOXES and self._boxes:
            self._boxes.pop()
        if name in ("code", "pre"):
            self._code -= 1
        if name == "p":
            if self._close_paragraph():
                return
        elif name == "blockquote":
            self.out.append(self._quotes.pop() if self._quotes else "</blockquote>")
            return
        elif name == "sup" and self._quiet:
            self._quiet -= 1
        self.out.append(f"</{name}>")

    def _own_id(self, wanted: str) -> str:
        found = wanted
        while found in self.ids:
            self.ids[wanted] += 1
            found = f"{wanted}-{self.ids[wanted]}"
        self.ids[found] = 0
        return found

    # headings

    def _open_heading(self, name: str, values: dict[str, str]) -> None:
        if self._heading is not None:
            return
        self._heading = _Open(name, len(self.out), html.unescape(values.get("id", "")))
        self.out.append("")

    def _close_heading(self, name: str) -> None:
        heading = self._heading
        if heading is None or heading.name != name:
            return
        self._heading = None
        level = min(6, int(name[1]) + self.shift)
        if own := _OWN_ID.search(self.out[-1]):
            self.out[-1] = _OWN_ID.sub("", self.out[-1])
            heading.texts[-1] = _OWN_ID.sub("", heading.texts[-1])
            heading.id = own[1]
        title = _words("".join(heading.texts))
        id_ = anchor(heading.id or title)
        taken = id_ in heading.anchors
        if not taken:
            id_ = self._own_id(id_)
        for at, inner in heading.places:
            if inner == id_:
                self.out[at] = "<a>"  # the heading itself is that place now
        self.out[heading.at] = f'<h{level} id="{_quoted(id_)}">'
        if title:
            label = _quoted(_PHRASES[self.lang]["anchor"].format(title))
            self.out.append(
                f'<a class="anchor" href="#{quote(id_, safe=_SAFE)}" aria-label="{label}">#</a>'
            )
            self._heads.append((id_, title, level))
            self._texts.append([])
        self.out.append(f"</h{level}>")

    # links and images

    def _link(self, values: dict[str, str]) -> None:
        classes = values.get("class", "")
        opening = ""
        place = html.unescape(values.get("id") or values.get("name", ""))
        if place:
            id_ = self._own_id(anchor(place))
            opening = f' id="{_quoted(id_)}"'
            if self._heading is not None:
                self._heading.anchors.add(id_)
                self._heading.places.append((len(self.out), id_))
        if "href" in values:
            opening += self._href(html.unescape(values["href"]), classes)
        if "title" in values and not classes:
            opening += f' title="{values["title"]}"'
        closing = "</a>" if opening else ""
        if classes == "footnote-backref":
            closing = _BACK
            self._quiet += 1
        self._anchors.append(closing)
        if opening:
            self.out.append(f"<a{opening}>")

    def _href(self, target: str, classes: str) -> str:
        url = address(target, self.path)
        if classes == "footnote-backref":
            label = _quoted(_PHRASES[self.lang]["back"])
            return f' class="footnote-backref" href="{_quoted(url)}" aria-label="{label}"'
        if classes == "footnote-ref":
            return f' class="footnote-ref" href="{_quoted(url)}"'
        self.links.append(Link(target, 1, url=url))
        if not url:
            return ""
        is_outside = url[:4].lower() == "http"
        return f' href="{_quoted(url)}"' + (' rel="noopener noreferrer"' if is_outside else "")

    def _image(self, values: dict[str, str]) -> None:
        source = html.unescape(values.get("src", ""))
        alt = html.unescape(values.get("alt", ""))
        if found := _USE_BASE_URL.fullmatch(source):
            source = "/" + found[1].lstrip("/")
        if not source:
            self.out.append(_quoted(alt))
            return
        url = address(source, self.path, image=True)
        self.links.append(Link(source, 1, True, alt, url))
        is_outside = url[:4].lower() == "http"
        if not url or (is_outside and not self.remote_images):
            self._instead_of_image(url, alt)
            return
        extra = "".join(
            f' {key}="{values[key]}"'
            for key in ("title", "width", "height")
            if key in values and (key == "title" or re.fullmatch(r"\d{1,5}%?", values[key]))
        )
        policy = ' referrerpolicy="no-referrer"' if is_outside else ""
        self.out.append(
            f'<img src="{_quoted(url)}" alt="{_quoted(alt)}"{extra} loading="lazy"{policy}>'
        )

    def _instead_of_image(self, url: str, alt: str) -> None:
        label = _quoted(alt or _PHRASES[self.lang]["image"])
        if url and not any(self._anchors):
            self.out.append(f'<a href="{_quoted(url)}" rel="noopener noreferrer">{label}</a>')
        else:
            self.out.append(label)

    # notes, tasks, paragraphs

    def _wait(self, for_: str) -> None:
        self._waiting, self._waiting_at = for_, len(self.out)

    def _decide(self, source: str) -> str:
        """The first text of a list item, a quotation or a title tells what that is."""
        waiting, self._waiting = self._waiting, ""
        if waiting == "li":
            return self._task(source)
        if waiting == "blockquote":
            return self._callout(source, "")
        if waiting == "paragraph":  # Markdown joins neighbouring quotations into one
            return self._callout(source, self._quotes[-1] if self._quotes else "</blockquote>")
        titles = _TITLES[self.lang]
        if waiting in titles and source.strip().casefold() == waiting:
            self.out.append(titles[waiting])
            return ""
        return source

    def _task(self, source: str) -> str:
        found = _BOX.match(source)
        if not found:
            return source
        is_done = found[2] != " "
        label = _PHRASES[self.lang]["done" if is_done else "todo"]
        self.out[self._waiting_at] = self.out[self._waiting_at].replace(
            "<li", '<li class="task"', 1
        )
        self.out.append(
            f'{found[1]}<input type="checkbox" disabled{" checked" if is_done else ""}'
            f' aria-label="{_quoted(label)}"> '
        )
        return source[found.end() :]

    def _callout(self, source: str, before: str) -> str:
        found = _CALLOUT.match(source)
        if not found or found[1].lower() not in KINDS:
            return source
        kind = found[1].lower()
        self._quotes[-1] = "</div>"
        self.out[self._waiting_at] = (
            f'{before}<div class="admonition {kind}" role="note">'
            f'<p class="admonition-title">{_TITLES[self.lang][kind]}</p>'
            + ("<p>" if before else "")
        )
        return source[found.end() :]

    def _admonition(self, classes: str) -> None:
        kind = next((c for c in classes.split() if c in KINDS), "note")
        self.out.append(f'<div class="admonition {kind}" role="note">')
        self._kind = kind

    def _open_paragraph(self, classes: str) -> None:
        if classes == "admonition-title":
            self._wait(self._kind)
        elif self._boxes and self._boxes[-1] == "blockquote" and not self._waiting:
            self._wait("paragraph")
        elif not self.summary and not self._boxes and self._heading is None:
            self._paragraph = len(self._texts[-1])

    def _close_paragraph(self) -> bool:
        """Ends a paragraph; true if there was nothing in it and nothing of it is to be written."""
        if self._paragraph >= 0:
            found = _words("".join(self._texts[-1][self._paragraph :]))
            self._paragraph = -1
            if found:
                self.summary = _cut(found)
        for at in range(len(self.out) - 1, -1, -1):
            if self.out[at].strip():
                if self.out[at] == "<p>":
                    del self.out[at:]
                    return True
                break
        return False


@dataclass(slots=True)
class _Open:
    """A heading whose end has not come yet."""

    name: str
    at: int
    id: str
    texts: list[str]
    anchors: set[str]
    places: list[tuple[int, str]]

    def __init__(self, name: str, at: int, id_: str) -> None:
        self.name, self.at, self.id = name, at, id_
        self.texts, self.anchors, self.places = [], set(), []


def _values(attributes: str) -> dict[str, str]:
    """Attributes of clean HTML, still escaped."""
    return dict(_ATTRIBUTE.findall(attributes))


def _paragraphs(source: str) -> str:
    """Plain text of clean HTML's text: a line for each block."""
    plain = words.clean(html.unescape(source))
    return _BREAKS.sub("\n", _SPACES.sub(" ", plain)).strip()


def _cut(summary: str) -> str:
    if len(summary) <= MAX_SUMMARY:
        return summary
    cut = summary[: MAX_SUMMARY - 1]
    return (cut[: cut.rfind(" ")] if cut.rfind(" ") > MAX_SUMMARY // 2 else cut).rstrip(
        " ,.;:–—-"
    ) + "…"
