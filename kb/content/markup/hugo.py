"""Shortcodes of Hugo: `{{< hint info >}} … {{< /hint >}}`."""

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from kb.content.markup.admonitions import PHRASES, kind_of
from kb.content.markup.tags import (
    TagRule,
    Translator,
    arguments,
    block,
    image,
    link,
    names,
    title,
)

_SHORTCODE = re.compile(
    r"\{\{[<%]-?\s*(?P<end>/?)\s*(?P<name>[\w./-]*\w)(?P<given>(?:\s(?:\"[^\"]*\"|`[^`]*`|[^{}\"`])*?)?)"
    r"(?P<alone>/?)\s*-?[%>]\}\}"
)
_SHOWN = re.compile(r"\{\{[<%](/\*.*?\*/)[%>]\}\}")
_REMARK = re.compile(r"\{\{[<%]\s*/\*[\s\S]*?\*/\s*[%>]\}\}")
_CODE = re.compile(
    r"\{\{[<%]\s*(?P<name>highlight|code-toggle|mermaid|code|gist-code)\b(?P<given>[^{}]*?)(?<!/)[%>]\}\}"
    r"(?P<text>[\s\S]*?)\{\{[<%]\s*/\s*(?P=name)\s*[%>]\}\}"
)
_HIDDEN = re.compile(r"\{\{[<%]\s*comment\s*[%>]\}\}[\s\S]*?\{\{[<%]\s*/\s*comment\s*[%>]\}\}")

_NOTICES = frozenset(("hint", "notice", "alert", "callout", "admonition", "panel", "box", "banner"))
_FOLDS = frozenset(("details", "expand", "collapse", "spoiler"))
_SILENT = names("""
    tabs tabpane toc columns column steps cards codetabs row col card-code table hint-group br
    clear center md markdown rawhtml html div section section-index card-grid qa-list
    responsive-table docs/ignore
""")  # fmt: skip
_VIDEOS = {"youtube": "https://www.youtube.com/watch?v={}", "vimeo": "https://vimeo.com/{}"}

_Given = tuple[dict[str, str], list[str]]


def _first(given: _Given, *names: str) -> str:
    """The first argument that is there: by name, else by position."""
    named, listed = given
    return next((named[name] for name in names if named.get(name)), listed[0] if listed else "")


def _figure(given: _Given) -> str:
    named, _ = given
    alt = named.get("alt") or named.get("caption") or named.get("title", "")
    return image(_first(given, "src", "link"), alt)


def _titled(given: _Given) -> str:
    return title(_first(given, "name", "title", "header", "question"))


def _term(given: _Given) -> str:
    return _first(given, "text", "term_id", "name").replace("-", " " if not given[0] else "-")


def _card(given: _Given) -> str:
    named, _ = given
    words = _first(given, "title", "text", "name")
    place = named.get("link") or named.get("href") or named.get("url", "")
    return block(link(place, words)) if place else title(words)


def _badge(given: _Given) -> str:
    return " ".join(filter(None, (_first(given, "text", "content", "value"),)))


_KNOWN: dict[str, Callable[[_Given], str]] = {
    "figure": _figure, "img": _figure, "image": _figure,
    "tab": _titled, "tab-item": _titled, "tab-content": _titled, "step": _titled, "qa": _titled,
    "glossary_tooltip": _term, "glossary-term": _term, "gloss": _term,
    "card": _card, "button": _card, "link-card": _card,
    "badge": _badge, "kbd": _badge,
    "param": lambda _: "",
}  # fmt: skip


def _shortcode(translator: Translator, found: re.Match[str]) -> str:
    name, is_end = found["name"], bool(found["end"])
    if is_end:
        return translator.close(name)
    given = arguments(found["given"])
    kind = _notice(name, given)
    if kind and _is_closed(translator, found):
        return translator.note(name, kind, _title_of(name, given))
    if name in ("ref", "relref"):
        return _address(translator, _first(given, "path"))
    if name in _VIDEOS:
        words = given[0].get("title") or PHRASES[translator.context.lang]["video"]
        return link(_VIDEOS[name].format(_first(given, "id")), words)
    if name in _FILES:
        return _file(translator, name, given)
    if name in _KNOWN:
        return _KNOWN[name](given)
    if name not in _SILENT:
        translator.say(f"{{{{< {name} >}}}}")
    return ""


_FILES = frozenset(("include", "readfile", "code_sample", "code-sample", "codenew"))


def _file(translator: Translator, name: str, given: _Given) -> str:
    """Another file: its text, or as code where it is shown as such."""
    path = _first(given, "file", "path", "name")
    language = "yaml" if name.startswith("code") else ""
    language = given[0].get("lang") or given[0].get("language") or language
    is_code = name.startswith("code") or "code" in given[0]
    written = translator.context.included.get(path)
    if not is_code or written is None:
        return translator.include(path, f"{{{{< {name} >}}}}", f"`{path}`" if is_code else "")
    return f"\n````{language}\n{written.strip(chr(10))}\n````\n"


def _address(translator: Translator, target: str) -> str:
    if target.startswith("/"):
        return from_root(translator.context.path, target)
    return target if re.search(r"/|\.md\b|^#|^$", target) else f"ref:{target}"


def _title_of(name: str, given: _Given) -> str:
    named, listed = given
    return (
        named.get("title")
        or named.get("label")
        or named.get("summary")
        or (listed[0] if listed and listed[0] not in ("open", "closed") else "")
    )


def _is_closed(translator: Translator, found: re.Match[str]) -> bool:
    """Whether a closing tag is left for this one."""
    name = found["name"]
    is_pair = not found["alone"] and translator.opened[name] < _closers(translator.body)[name]
    translator.opened[name] += is_pair
    return is_pair


@lru_cache(maxsize=1)
def _closers(body: str) -> Counter[str]:
    return Counter(re.findall(r"\{\{[<%]-?\s*/\s*([\w./-]*\w)", body))


def _notice(name: str, given: _Given) -> str:
    """The kind of admonition of a shortcode, or ""; removes it from the arguments."""
    named, listed = given
    if name in _FOLDS:
        return "details"
    if name not in _NOTICES:
        return kind_of(name)
    said = next((named[key] for key in ("type", "color", "style", "context") if key in named), "")
    if not said and listed and kind_of(listed[0]):
        said = listed.pop(0)
    return kind_of(said) or "note"


def from_root(path: str, target: str) -> str:
    """Resolves an address from the root of the tool, which may lie below ours.

    The root is where the path of the article has the first folder of the address.
    """
    target = target.lstrip("/")
    above, begins, _ = f"/{path}".partition(f"/{target.partition('/')[0]}/")
    return f"{above if begins else ''}/{target}"


def _code(translator: Translator, found: re.Match[str]) -> str | None:
    if not translator.starts_line():
        return f"`{found['text']}`" if "`" not in found["text"] else None
    listed = arguments(found["given"])[1]
    language = {"mermaid": "mermaid", "code-toggle": "yaml"}.get(found["name"], "")
    language = language or (listed[0] if listed else "")
    return f"\n````{language}\n{found['text'].strip(chr(10))}\n````\n"


def _shown(_: Translator, found: re.Match[str]) -> str:
    """What Hugo shows instead of running it."""
    return "`" + found[0].replace("/*", "").replace("*/", "") + "`"


RULES = (
    TagRule(r"\{\{[<%](?=/\*)", _SHOWN, _shown),
    TagRule(r"\{\{[<%]\s*(?=/\*)", _REMARK, lambda *_: ""),
    TagRule(r"\{\{[<%]\s*(?=comment\s*[%>])", _HIDDEN, lambda *_: ""),
    TagRule(r"\{\{[<%]\s*(?=(?:highlight|code-toggle|mermaid|code|gist-code)\b)", _CODE, _code),
    TagRule(r"\{\{[<%]", _SHORTCODE, _shortcode),
)
