"""Markdown to clean HTML: Python-Markdown writes it, nh3 takes out what is not on our list."""

import html
import threading
from typing import Any

import markdown
import nh3
import pygments
from markdown.inlinepatterns import SimpleTagInlineProcessor
from markdown.treeprocessors import InlineProcessor
from markdown.util import AtomicString
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

from kb.markup.notes import KINDS

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


def converter() -> markdown.Markdown:
    """One converter for each thread: making one costs more than most articles."""
    try:
        made: markdown.Markdown = _local.converter
    except AttributeError:
        made = markdown.Markdown(
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
        made.inlinePatterns.register(strike, "strike", 65)
        inline = _Inline(made)
        inline.prepare()
        made.treeprocessors.register(inline, "inline", 20)
        _local.converter = made
    return made.reset()


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
CLASSES = {
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
    allowed_classes=CLASSES,
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel=None,
    strip_comments=True,
)


def clean_html(source: str) -> str:
    """The Markdown as HTML that holds only tags, attributes and classes of our list."""
    return str(_CLEANER.clean(converter().convert(source)))
