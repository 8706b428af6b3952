"""Translator of tags in a body: finds them outside code and writes HTML or Markdown instead.

What a tag means stands in a module for each kind of syntax; here stands how a body is read and how
what comes instead is laid out. Renders nothing.
"""

import html
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import NamedTuple

from kb.content.markup.admonitions import TITLES
from kb.content.markup.code_languages import DIAGRAMS, language_of

_DEEPEST = 5  # files included in files
_TITLE = re.compile(r"^#[ \t][^\n]*\n?", re.M)
_BLOCK, _END = "\x02", "\x03"  # around HTML that stands on lines of its own
_AT = "\x04"  # around the indentation of such a line, where it is not that of the text before it


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the article whose body is translated."""

    path: str = ""
    lang: str = "en"  # of the words added
    tools: frozenset[str] = frozenset()
    included: Mapping[str, str] = field(default_factory=dict)  # texts of other files, by path
    variables: Mapping[str, str] = field(default_factory=dict)


class TagRule(NamedTuple):
    """A kind of tag: how it begins, the whole of it, and what comes instead (None: it stays)."""

    start: str
    whole: re.Pattern[str]
    instead: "Callable[[Translator, re.Match[str]], str | None]"


class Translator:
    """Translates one body; `unknown` collects tags without a meaning, with their lines."""

    def __init__(self, context: Context, rules: tuple[TagRule, ...], depth: int = 0) -> None:
        self.context = context
        self.unknown: list[tuple[str, int]] = []
        self.body = ""
        self.opened: Counter[str] = Counter()  # tags whose end was counted on, by name
        self.variables = dict(context.variables)
        self.indents: list[str] = []  # of open tables
        self.branches: list[str] = []  # of open conditions: shown, hidden, done or unknown
        self.found: re.Match[str]  # the tag that is being translated
        self._rules = rules
        self._depth = depth
        self._open: list[tuple[str, str]] = []  # names of open tags and what closes them
        self._line, self._counted = 1, 0

    def translate(self, body: str) -> str:
        """The body with its tags translated; lines may move."""
        self.body = body = _MARKS.sub("", body)
        return _laid_out("".join(self._parts(body)))

    def _parts(self, body: str) -> Iterable[str]:
        starts = _starts(self._rules)
        at = sought = 0
        while begun := starts.search(body, sought):
            self._line += body.count("\n", self._counted, begun.start())
            self._counted = begun.start()
            was_hidden = self.is_hidden
            instead = self._instead(begun)
            if instead is None:
                sought = begun.end()
                continue
            if not was_hidden:
                yield body[at : begun.start()]
            if not self.is_hidden:
                yield instead
            at = sought = self.found.end()
        yield body[at:]
        while self._open:
            yield self.close(self._open[-1][0])

    def _instead(self, begun: re.Match[str]) -> str | None:
        """What comes instead of the tag that may begin here, by the first rule that knows it."""
        first = int((begun.lastgroup or "_0")[1:])
        for rule in self._rules[first:]:
            found = rule.whole.match(self.body, begun.start())
            if found and _start(rule.start).match(self.body, begun.start()):
                self.found = found
                if (instead := rule.instead(self, found)) is not None:
                    return instead
        return None

    # what handlers need

    @cached_property
    def closers(self) -> frozenset[str]:
        """The names of all closing tags of HTML in the body."""
        return frozenset(_CLOSER.findall(self.body))

    @cached_property
    def references(self) -> frozenset[str]:
        """The names of what Markdown calls reference definitions."""
        return frozenset(_REFERENCE.findall(self.body))

    @property
    def is_hidden(self) -> bool:
        """Whether the text that is read stands under a condition that does not hold."""
        return "hidden" in self.branches or "done" in self.branches

    def say(self, tag: str) -> None:
        """Notes that a tag has no meaning here."""
        if not self.is_hidden:
            self.unknown.append((tag, self._line))

    def open(self, name: str, opening: str, closing: str, indent: str | None = None) -> str:
        """Opens a tag: HTML on lines of its own. What is never closed is closed at the end."""
        self._open.append((name, block(closing, indent)))
        return block(opening, indent)

    def close(self, name: str) -> str:
        """Closes a tag and what was opened within it; "" if it is not open."""
        if not self.is_open(name):
            return ""
        closed = []
        while True:
            opened, closing = self._open.pop()
            closed.append(closing)
            if opened == name:
                return "".join(closed)

    def is_open(self, name: str) -> bool:
        """Whether a tag is open."""
        return any(opened == name for opened, _ in self._open)

    def innermost(self, *names: str) -> str:
        """The tag of these names that was opened last and is still open; "" if none is."""
        return next((opened for opened, _ in reversed(self._open) if opened in names), "")

    def note(self, name: str, kind: str, title: str = "") -> str:
        """Opens an admonition, or for the kind `details` a fold, until `close(name)`."""
        shown = inline(title) or TITLES[self.context.lang][kind]
        if kind == "details":
            opening = f"<details><summary>{shown}</summary>"
            return self.open(name, opening, "</details>")
        opening = f'<div class="admonition {kind}"><p class="admonition-title">{shown}</p>'
        return self.open(name, opening, "</div>")

    def starts_line(self) -> bool:
        """Whether the tag is the first of its line, quotation and item marks aside."""
        begin = self.body.rfind("\n", 0, self.found.start()) + 1
        return bool(_PREFIX.fullmatch(self.body, begin, self.found.start()))

    def is_alone(self) -> bool:
        """Whether the tag has its lines to itself."""
        return self.starts_line() and bool(_LINE_END.match(self.body, self.found.end()))

    def include(
        self,
        address: str,
        tag: str,
        words: str = "",
        *,
        without_title: bool = False,
        between: tuple[str, str] = ("", ""),
    ) -> str:
        """The text of another file, translated; where it was not given the tag is told.

        `words` stand instead of a text that was not given, if the tag is part of a sentence.
        `without_title` leaves out the first heading of the text, `between` all but what stands
        behind the first mark and before the next one of the second.
        """
        written = self.context.included.get(address)
        is_alone = self.is_alone()
        if written is None or self._depth >= _DEEPEST:
            self.say(tag)
            return "" if is_alone else words
        start, end = between
        if start and start in written:
            written = written.partition(start)[2]
        if end:
            written = written.partition(end)[0]
        if without_title:
            written = _TITLE.sub("", written, count=1)
        text = self.inner(written).strip("\n" if is_alone else None)
        if not is_alone:
            return text
        return text.replace("\n", "\n" + self.indent())

    def inner(self, written: str) -> str:
        """Another text, translated; what has no meaning there is told at this line."""
        inner = Translator(self.context, self._rules, self._depth + 1)
        inner.variables = self.variables
        inner.body = written = _MARKS.sub("", written)
        text = "".join(inner._parts(written))
        self.unknown += [(tag, self._line) for tag, _ in inner.unknown]
        return text

    def indent(self) -> str:
        """What stands before the text of this line: marks of quotations, room for item marks."""
        begin = self.body.rfind("\n", 0, self.found.start()) + 1
        marks = _PREFIX.match(self.body, begin)
        return re.sub(r"[^ \t>]", " ", marks[0]) if marks else ""


_CLOSER = re.compile(r"</([A-Za-z][\w.:-]*)")
_REFERENCE = re.compile(r"\[([^\[\]\n]+)\]:")


@cache
def _start(written: str) -> re.Pattern[str]:
    return re.compile(written, re.M)


@cache
def _starts(rules: tuple[TagRule, ...]) -> re.Pattern[str]:
    # Each begins with a letter that it must, and its group comes last: so they are found fastest.
    return re.compile("|".join(f"{rule.start}(?P<r{i}>)" for i, rule in enumerate(rules)), re.M)


def names(written: str) -> frozenset[str]:
    """Names that are written one after another."""
    return frozenset(written.split())


# --- what comes instead -------------------------------------------------------------------------

_PREFIX = re.compile(r"([ \t>]*)((?:[-*+]|\d{1,9}[.)])[ \t]+)?")
_LINE_END = re.compile(r"[ \t]*(?:\n|\Z)")
_MARKS = re.compile(f"[{_BLOCK}{_END}{_AT}]")
_EDGES = re.compile(f"[{_BLOCK}{_END}]+|{_AT}[^{_AT}]*{_AT}")
_BLOCKS = re.compile(f"{_BLOCK}([^{_END}]*){_END}")


def block(written: str, indent: str | None = None) -> str:
    """HTML or Markdown of one line, marked to stand on a line of its own.

    `indent` is its indentation, if not that of the text it stands in.
    """
    return f"{_BLOCK}{written if indent is None else f'{_AT}{indent}{_AT}{written}'}{_END}"


def within_line(written: str) -> str:
    """The same within a sentence: what would stand on lines of its own stands between its words."""
    return _EDGES.sub("", re.sub(r"</?p>", "", written)) if _BLOCK in written else written


def title(words: str) -> str:
    """The title of a tab or a card: a paragraph in bold."""
    shown = inline(words)
    return block(f"<p><strong>{shown}</strong></p>") if shown else ""


def _laid_out(text: str) -> str:
    """The text with marked pieces on lines of their own, in the list or quotation they are in."""
    if _BLOCK not in text:
        return text
    return "\n".join(_line(line) if _BLOCK in line else line for line in text.split("\n"))


def _line(line: str) -> str:
    if line.lstrip().startswith("|"):  # a cell of a table cannot hold blocks
        return _EDGES.sub(" ", line)
    found = _PREFIX.match(line)
    marks, item = (found[1], found[2] or "") if found else ("", "")
    parts = _BLOCKS.split(line[len(marks + item) :])
    pieces = [(part.strip(), at % 2) for at, part in enumerate(parts) if part.strip()]
    if not pieces:
        return marks.rstrip()
    empty, inner = marks.rstrip(), marks + " " * len(item)
    whole = f"\n{empty}\n".join(_indented(piece, inner) for piece, _ in pieces)
    before = f"{empty}\n" if pieces[0][1] and not item else ""
    return (
        before + marks + item + whole.removeprefix(inner) + (f"\n{empty}" if pieces[-1][1] else "")
    )


def _indented(piece: str, indent: str) -> str:
    if piece.startswith(_AT):
        _, indent, piece = piece.split(_AT, 2)
    return indent + piece


_INLINE = (
    (re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)"), r"\1"),
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])([*_])(?=\S)([^*_<>]+?)(?<=\S)\1(?![\w*])"), r"\2"),
)


def inline(words: str) -> str:
    """A title written in Markdown as HTML of one line: code stays code, emphasis is left out."""
    shown = html.escape(" ".join(words.split()), quote=False)
    for pattern, instead in _INLINE:
        shown = pattern.sub(instead, shown)
    return shown


def code_block(translator: "Translator", info: str, text: str) -> str:
    """A block of code on lines of its own, in the list or quotation that the tag stands in."""
    longest = max(map(len, re.findall("`{3,}", text)), default=3)
    sign = "`" * max(4, longest + 1)
    indent = translator.indent()
    code = f"\n{indent}".join((f"{sign}{info}", *text.split("\n"), sign))
    return code if indent else f"\n{code}\n"


def link(address: str, words: str) -> str:
    """A link in Markdown, or its words where Markdown cannot express the address."""
    words = re.sub(r"[\[\]\n]", " ", words).strip()
    address = address.strip()
    return f"[{words}](<{address}>)" if address and not re.search("[<>\n]", address) else words


def image(source: str, alt: str) -> str:
    """An image in Markdown, or its text where Markdown cannot express the address."""
    alt, source = re.sub(r"[\[\]\n]", " ", alt), source.strip()
    return f"![{alt}](<{source}>)" if source and not re.search("[<>\n]", source) else alt


_GIVEN = re.compile(r"""(?:([\w-]+)\s*[=:]\s*)?(?:"([^"]*)"|“([^”]*)”|'([^']*)'|([^\s"'=,|]+))""")


def arguments(written: str) -> tuple[dict[str, str], list[str]]:
    """The arguments of a tag: by name, and by position."""
    named, given = dict[str, str](), list[str]()
    for name, *values in _GIVEN.findall(written):
        value = next(filter(None, values), "")
        if name:
            named.setdefault(name, value)
        else:
            given.append(value)
    return named, given


# --- code, which holds no tags ------------------------------------------------------------------

FENCE = re.compile(
    r"(?P<sign>`{3,}(?=[^`\n]*(?:\n|\Z))|~{3,})(?P<info>[^\n]*)"
    r"(?:\n(?![ \t>]*(?P=sign)[`~]*[ \t]*(?:\n|\Z))[^\n]*)*+(?:\n[^\n]*)?"
)
SPAN = re.compile(
    r"(?<!\\)(?P<tick>`+)(?:[^`\n]|\n(?![ \t>]*(?:\n|\Z))|(?!(?P=tick)(?!`))`++)*+(?P=tick)(?!`)"
)
_VERBATIM = re.compile(r"<(pre|script|style|code)\b[^<>]*>[\s\S]*?</\1\s*>|<!--[\s\S]*?-->", re.I)
_EMBED = re.compile(r"<(iframe|video|audio|object|embed|svg)\b", re.I)
_UNESCAPED = (("{{</*", "{{<"), ("*/>}}", ">}}"), ("{{%/*", "{{%"), ("*/%}}", "%}}"))
_RAW = re.compile(r"\{%-?\s*(?:end)?raw\s*-?%\}")


_INDENT = r"(?: {4}|\t)"
_INDENTED = re.compile(rf"{_INDENT}[^\n]*(?:\n(?:[ \t]*\n)*{_INDENT}[^\n]*)*+")
_HOLDS = re.compile(r"[ \t\[{<>:|*+-]|\d+[.)]|!!!|\?\?\?|===")  # begins what may go on indented
_LOOKS_BACK = 4_000  # characters
_LOOKS_AT = 200  # of a line that is longer


def _indented_code(translator: Translator, found: re.Match[str]) -> str | None:
    """Code that is indented: after an empty line, and below a paragraph or at the beginning."""
    at = found.start()
    begin = max(0, at - _LOOKS_BACK)
    above = translator.body[begin:at].split("\n")[:-1]
    first = translator.body.rfind("\n", 0, begin) + 1
    if above and first < begin:  # within a line, of which the beginning tells what it is
        above[0] = translator.body[first : min(begin, first + _LOOKS_AT)] + above[0]
    between = []
    while above and (not above[-1].strip() or re.match(_INDENT, above[-1])):
        between.append(above.pop())
    if not above:
        return _code(translator, found) if at <= _LOOKS_BACK else None
    if not between or between[-1].strip():
        return None
    paragraph = itertools.takewhile(str.strip, reversed(above))
    return None if any(map(_HOLDS.match, paragraph)) else _code(translator, found)


def fence(translator: Translator, found: re.Match[str]) -> str | None:
    """A block of code as it is; None where the fence stands within a line."""
    if not translator.starts_line():
        return None
    if (language := language_of(found["info"].strip())) in DIAGRAMS:
        translator.say(f"```{language}")
    return _code(translator, found)


def _embed(translator: Translator, found: re.Match[str]) -> None:
    """Tells of what a page only links to; it is left to those who read HTML."""
    translator.say(f"<{found[1].lower()}>")


def _code(translator: Translator, found: re.Match[str]) -> str:
    """Code as it is, but for the signs by which a tool is told to leave it alone."""
    written = found[0]
    if "hugo" in translator.context.tools and "/*" in written:
        for escaped, shown in _UNESCAPED:
            written = written.replace(escaped, shown)
    if "{%" in written and "jekyll" in translator.context.tools:
        is_raw = bool(_RAW.search(written))
        written = _RAW.sub("", written)
        if is_raw:
            return written
    if "{{" in written and translator.context.tools & _FILLS_CODE:
        return _VARIABLE.sub(partial(_value, translator.variables), written)
    return written


# @diplodoc/transform, mkdocs-macros and Liquid know no code; what they do not know may be meant.
_FILLS_CODE = frozenset(("diplodoc", "jekyll", "mkdocs"))
_VARIABLE = re.compile(r"(?P<as_is>not_var)?\{\{-?[ \t]*(?P<name>[\w.-]*\w)[ \t]*-?\}\}")


def _value(variables: Mapping[str, str], found: re.Match[str]) -> str:
    """What a variable in code stands for; itself if it is not known, or `not_var` stands before."""
    if found["as_is"]:
        return found[0].removeprefix(found["as_is"])
    return variables.get(found["name"], found[0])


_NEITHER_END = r"(?![ \t>]*(?:\\[\[\]][ \t]*)?(?:\n|\Z))"  # nor an empty line
_DOLLARS = re.compile(r"\$\$(?P<text>[^$]+)\$\$(?=[ \t]*(?:\n|\Z))")
_BRACKETS = re.compile(
    rf"\\\[[ \t]*\n(?P<text>(?:{_NEITHER_END}[^\n]*\n)+)[ \t>]*\\\](?=[ \t]*(?:\n|\Z))"
)


def _formula(translator: Translator, found: re.Match[str]) -> str | None:
    """A formula of LaTeX on lines of its own, as code: Markdown would take signs out of it."""
    if not translator.starts_line() or not found["text"].strip():
        return None
    indent = translator.indent()
    text = re.sub(r"\n[ \t>]*\Z", "", found["text"]).strip()
    lines = (line.removeprefix(indent) for line in text.split("\n"))
    code = f"\n{indent}".join(("````latex", *lines, "````"))
    return code if indent else f"\n{code}\n"


MATH = (
    TagRule(r"\$\$(?=[^$])", _DOLLARS, _formula),
    TagRule(r"\\\[(?=[ \t]*\n)", _BRACKETS, _formula),
)
INDENTED_CODE = TagRule(rf"^{_INDENT}(?=[^\n]*[\[{{<:%=`])", _INDENTED, _indented_code)
CODE = (
    TagRule(r"````*", FENCE, fence),
    TagRule(r"~~~~*", FENCE, fence),
    TagRule(r"``*", SPAN, _code),
    TagRule(r"<(?=(?:iframe|video|audio|object|embed|svg)\b)", _EMBED, _embed),
    TagRule(r"<(?=(?:pre|script|style|code)\b|!--)", _VERBATIM, _code),
)
