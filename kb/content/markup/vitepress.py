"""Markdown of VitePress: containers, blocks of code, snippets, badges, and what is Vue's."""

import re
from typing import NamedTuple

from kb.content.markup import emoji, mdx
from kb.content.markup.admonitions import kind_of
from kb.content.markup.code_languages import with_changes
from kb.content.markup.tags import (
    FENCE,
    SPAN,
    TagRule,
    Translator,
    block,
    code_block,
    fence,
    inline,
    names,
    title,
    within_line,
)

# What a body must hold, besides the signs of all tools, for a rule to be of use.
SIGNS = re.compile(
    r"```|~~~|<<<|<!--|<[a-z]+[^<>\n]* (?:[:@#]|v-)\w|</?[A-Z]|<\w+-"
    r"|<(?:script|style|template)|:[\w+-]+:|%\{"
)

# --- containers ---------------------------------------------------------------------------------

_CONTAINER = re.compile(
    r":{3,}[ \t]*(?P<name>[a-z][\w-]*)(?P<words>[^\n{]*(?:\{(?![^\n{}]*\}[ \t]*(?:\n|\Z))[^\n{]*)*)"
    r"(?P<given>\{[^\n{}]*\})?[ \t]*(?=\n|\Z)"
)
_VERBATIM = re.compile(
    r"(?P<sign>:{3,})[ \t]*v-pre\b[^\n]*\n(?P<text>[\s\S]*?)\n[ \t>]*(?P=sign)[ \t]*(?=\n|\Z)"
)
_PLACE = re.compile(r"\{#(?P<id>[\w.:-]+)\}[ \t]*(?=\n|\Z)")
_SILENT = names("code-group raw v-pre tabs")
_TAB = re.compile(r"==[ \t]+(?P<words>[^\n=]+?)[ \t]*(?=\n|\Z)")
_ATTRIBUTES = re.compile(r"%(\{[#.][^{}\n]*\})%")  # between signs that settings may set
_OPENED = re.compile(r"\bopen\b")


def _container(translator: Translator, found: re.Match[str]) -> str | None:
    if not translator.starts_line():
        return None
    name, words = found["name"], _COMPONENT.sub(_worded, found["words"]).strip()
    kind = kind_of(name)
    place = _ID.search(found["given"] or "")
    return (_placed(place[1]) if place else "") + _opened(translator, found, kind, words)


_ID = re.compile(r"#([\w.:-]+)")


def _placed(name: str) -> str:
    """A place that links may lead to."""
    return block(f'<a id="{name}"></a>')


def _place(translator: Translator, found: re.Match[str]) -> str | None:
    return _placed(found["id"]) if translator.is_alone() else None


def _opened(translator: Translator, found: re.Match[str], kind: str, words: str) -> str:
    name = found["name"]
    if kind == "details" and _OPENED.search(found["given"] or ""):
        return translator.open(
            ":::", f"<details open><summary>{inline(words) or 'Details'}</summary>", "</details>"
        )
    if kind:
        return translator.note(":::", kind, words)
    if name not in _SILENT:
        translator.say(f":::{name}")
    return translator.open(":::", "", "") + title("" if name == "tabs" else words)


def _tab(translator: Translator, found: re.Match[str]) -> str | None:
    """The title of a tab, as `vitepress-plugin-tabs` writes it."""
    is_inside = translator.is_open(":::") and translator.starts_line()
    return title(found["words"]) if is_inside else None


def _verbatim(translator: Translator, found: re.Match[str]) -> str | None:
    return f"\n{translator.inner(_shielded(found['text']))}\n" if translator.starts_line() else None


_ELEMENT = re.compile(
    r"<(?P<name>[a-z][a-z0-9]*)(?P<before>(?:\s[^<>]*)?)\sv-pre(?P<after>[^<>]*)>(?P<text>[\s\S]*?)</(?P=name)\s*>"
)


def _verbatim_element(translator: Translator, found: re.Match[str]) -> str:
    """An element whose text Vue leaves as it is."""
    name = found["name"]
    shown = found["text"].replace("{{", "&#123;&#123;")
    return f"<{name}{_unbound(found['before'] + found['after'])}>{shown}</{name}>"


def _shielded(text: str) -> str:
    """The text with double braces outside code as references, so that they stay."""
    parts, at = [], 0
    for code in re.finditer(f"{FENCE.pattern}|{SPAN.pattern}", text):
        parts += [text[at : code.start()].replace("{{", "&#123;&#123;"), code[0]]
        at = code.end()
    return "".join((*parts, text[at:].replace("{{", "&#123;&#123;")))


# --- blocks of code -----------------------------------------------------------------------------

INCLUDE = re.compile(r"<!--[ \t]*@include:[ \t]*(?P<path>[^\n<>]{0,500}?)[ \t]*-->")
_LABEL = re.compile(r"\[([^\]\n]+)\]")
_LANGUAGE = re.compile(r"[ \t]*([A-Za-z][\w+#.-]*?)(?:-vue)?(?=[\s{:\[=]|$)")
_REMARK = re.compile(
    r"[ \t]*(?:(?P<mark>//|#|--|%|;+|<!--|/\*|\{/\*)[ \t]*)?"
    r"\[!code[ \t]+(?P<what>[a-z]+|\+\+|--)(?::[^\]\n]*)?\][ \t]*(?:-->|\*/\}?)?"
)


def _fence(translator: Translator, found: re.Match[str]) -> str | None:
    """A block of code: its label as a title, marks of lines applied and left out."""
    written = fence(translator, found)
    if written is None:
        return None
    sign, info = found["sign"], found["info"]
    label, language = _LABEL.search(info), _LANGUAGE.match(info)
    rest = written[len(sign) + len(info) :]
    rest = INCLUDE.sub(
        lambda include: translator.context.included.get(include["path"], include[0]), rest
    )
    text, removed, added = _without_marks(rest)
    head = title(label[1]) if label else ""
    name = language[1] if language else ""
    return f"{head}{sign}{with_changes(name, removed, added)}{text}"


def _without_marks(text: str) -> tuple[str, list[int], list[int]]:
    """Lines of code without marks for the reader, and which are shown as removed and as added.

    The first line is what stands behind the fence.
    """
    if "[!code" not in text and "[!!code" not in text:
        return text, [], []
    lines: list[str] = []
    removed: list[int] = []
    added: list[int] = []
    for line in text.split("\n"):
        marks = _REMARK.findall(line)
        plain = _REMARK.sub("", line) if marks else line
        if marks and not plain.strip():
            continue  # a line that is a mark alone
        if any(what == "--" for _, what in marks):
            removed.append(len(lines))
        elif any(what == "++" for _, what in marks):
            added.append(len(lines))
        lines.append(plain)
    return "\n".join(lines), removed, added


class Snippet(NamedTuple):
    """A file that is shown as code, as `<<< …` names it."""

    address: str  # with the region behind `#`
    language: str
    label: str  # "" where none is written

    @property
    def name(self) -> str:
        """The name of the file."""
        return re.split(r"[\\/]", self.address.partition("#")[0])[-1]


_BRACES = re.compile(r"\{(?P<inner>[^{}]*)\}[ \t]*$")
_TITLED = re.compile(r"[ \t]*\[([^\]]+)\][ \t]*$")
_LINES = re.compile(r"\d+(?:[,-]\d+)*$")
SNIPPET = re.compile(r"<<<(?!<)[ \t]*(?P<path>[@.\w/][^\n]{0,500})(?=\n|\Z)")


def snippet(written: str) -> Snippet:
    """What stands behind `<<<`: path, region, lines, language and label."""
    label = _TITLED.search(written)
    rest = written[: label.start()] if label else written
    braces = _BRACES.search(rest)
    rest = rest[: braces.start()] if braces else rest
    given = [each for each in (braces["inner"] if braces else "").split() if not _LINES.match(each)]
    address = rest.strip()
    ending = re.search(r"\.(\w+)$", address.partition("#")[0])
    language = given[0].partition(":")[0] if given else ending[1] if ending else ""
    return Snippet(address, language, label[1] if label else "")


def _snippet(translator: Translator, found: re.Match[str]) -> str | None:
    if not translator.starts_line():
        return None
    named = snippet(found["path"])
    text = translator.context.included.get(named.address)
    if text is None:
        translator.say(f"<<< {named.address}")
        return ""
    shown, removed, added = _without_marks("\n" + text.strip("\n"))
    info = with_changes(named.language, removed, added)
    return title(named.label or named.name) + code_block(translator, info, shown[1:])


def _include(translator: Translator, found: re.Match[str]) -> str:
    return translator.include(found["path"], "<!--@include-->")


# --- components, and attributes of Vue ----------------------------------------------------------

_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=`]+)"
_GIVEN = rf"(?P<given>(?:\s+[^\s\"'<>/=]+(?:\s*=\s*{_VALUE})?)*+)\s*(?P<alone>/?)>"
_COMPONENT = re.compile(rf"<(?P<close>/?)(?P<name>[A-Z][\w.]*|[a-z]\w*(?:-[\w.]+)+){_GIVEN}")
_ATTRIBUTED = re.compile(rf"<(?P<name>[a-z][a-z0-9]*){_GIVEN}")
_TEMPLATE = re.compile(r"</?template\b(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
_LEFT_OUT = re.compile(r"<(script|style)\b[^<>]*>[\s\S]*?</\1\s*>")
_BOUND = re.compile(rf"\s+(?:[:@#]|v-)[^\s\"'<>/=]*(?:\s*=\s*{_VALUE})?")
_ADDRESS = re.compile(
    r"""\s(?:v-bind)?:(href|src|title|alt)\s*=\s*"\s*(?:withBase\(\s*)?'([^'"]*)'\s*\)?\s*\""""
)
_KNOWN = names("ClientOnly Suspense Teleport Transition KeepAlive Component Content VPLink")


def _unbound(given: str) -> str:
    """Attributes without those that Vue computes; an address that is text stays."""
    return _BOUND.sub("", _ADDRESS.sub(r' \1="\2"', given))


def _component(translator: Translator, found: re.Match[str]) -> str | None:
    name, given = found["name"], _unbound(found["given"])
    if name == "Badge":
        return _badge(given)
    if name in _KNOWN:
        return block("") if translator.is_alone() else ""
    if name[0].islower():
        if not found["close"]:
            translator.say(f"<{name}>")
        return block("") if translator.is_alone() else ""
    plain = mdx.TAG.fullmatch(f"<{found['close']}{name}{given} {found['alone']}>")
    instead = mdx.tag(translator, plain) if plain else ""
    return instead if translator.is_alone() or not instead else within_line(instead)


_TEXT = re.compile(r"\stext\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


def _badge(given: str) -> str:
    """A word in small print, which is no part of the id of a heading."""
    text = _TEXT.search(given)
    words = inline(text[1] or text[2] or "") if text else ""
    return f"<small>{words}</small>" if words else ""


def _worded(found: re.Match[str]) -> str:
    """The words of a component in a title."""
    text = _TEXT.search(found["given"])
    return (text[1] or text[2] or "") if text else ""


def _attributed(_: Translator, found: re.Match[str]) -> str | None:
    given = _unbound(found["given"])
    if given == found["given"]:
        return None
    alone = f" {found['alone']}" if found["alone"] else ""
    return f"<{found['name']}{given}{alone}>"


RULES = (
    TagRule(r"````*", FENCE, _fence),
    TagRule(r"~~~~*", FENCE, _fence),
    TagRule(r"<(?=<<(?!<))", SNIPPET, _snippet),
    TagRule(r"<(?=!--[ \t]*@include:)", INCLUDE, _include),
    TagRule(r"<(?=(?:script|style)\b)", _LEFT_OUT, lambda *_: ""),
    TagRule(r"<(?=/?template\b)", _TEMPLATE, lambda *_: ""),
    TagRule(r"<(?=/?[A-Z]|/?[a-z]\w*-)", _COMPONENT, _component),
    TagRule(r"<(?=[a-z][a-z0-9]*\s[^<>]*v-pre)", _ELEMENT, _verbatim_element),
    TagRule(r"<(?=[a-z][a-z0-9]*\s)", _ATTRIBUTED, _attributed),
    TagRule(r"::::*(?=[ \t]*v-pre)", _VERBATIM, _verbatim),
    TagRule(r"::::*(?=[ \t]*[a-z])", _CONTAINER, _container),
    TagRule(r"==(?=[ \t])", _TAB, _tab),
    TagRule(r"\{(?=#)", _PLACE, _place),
    TagRule(r"%(?=\{[#.])", _ATTRIBUTES, lambda _, found: found[1]),
    *emoji.RULES,
)
