"""Containers between colons, and marks in square brackets: `:::note`, `[!INCLUDE …]`, `[TOC]`."""

import re

from kb.content.markup.admonitions import PHRASES, kind_of
from kb.content.markup.tags import TagRule, Translator, image, inline, link, title

_CONTAINER = re.compile(
    r":{3,}[ \t]*(?P<name>[A-Za-z][\w-]*)[ \t]*"
    r"(?:\[(?P<label>[^\n]*)\]|(?P<words>[^\n{\[][^\n{]*?))?"
    r"[ \t]*(?:\{[^\n]*\})?[ \t]*:*(?=\n|\Z)"
)
_ATTRIBUTED = re.compile(r":{3,}[ \t]*\{(?P<given>[^\n}]*)\}[ \t]*(?=\n|\Z)")
_END = re.compile(r":{3,}[ \t]*(?=\n|\Z)")
_IMAGE = re.compile(
    r":::[ \t]*image\b(?P<given>[^\n]*?):::(?:[\s\S]*?:::[ \t]*image-end[ \t]*:::)?", re.I
)
_LAYOUT = re.compile(
    r":::[ \t]*(?:row|column|zone|moniker|image)(?:-end|-pivot)?\b[^\n]*",
    re.I,
)
_NAMED = re.compile(r"([\w-]+)\s*=\s*[\"“”]([^\"“”]*)[\"“”]")
_GROUPS = frozenset(("code-group", "tabs", "tab-set", "steps", "columns", "card-grid", "center"))


def _container(translator: Translator, found: re.Match[str]) -> str | None:
    """Opens a note; a container of any other name leaves what it holds."""
    if not translator.starts_line():
        return None
    name, words = found["name"], (found["label"] or found["words"] or "").strip(' :"')
    kind = kind_of(name)
    if kind:
        return translator.note(":::", kind, words)
    if name.lower() not in _GROUPS:
        translator.say(f":::{name}")
    return translator.open(":::", "", "") + title(words)


def _attributed(translator: Translator, found: re.Match[str]) -> str | None:
    """A container of Pandoc: `::: {.note}`."""
    if not translator.starts_line():
        return None
    kinds = [kind_of(name) for name in re.findall(r"\.(?:callout-)?([\w-]+)", found["given"])]
    kind = next(filter(None, kinds), "")
    return translator.note(":::", kind) if kind else translator.open(":::", "", "")


def _end(translator: Translator, _: re.Match[str]) -> str | None:
    return translator.close(":::") if translator.starts_line() else None


def _image(_: Translator, found: re.Match[str]) -> str:
    named = dict(_NAMED.findall(found["given"]))
    return image(named.get("source", ""), named.get("alt-text", ""))


# --- marks of DocFX, and of contents ------------------------------------------------------------

_INCLUDE = re.compile(r"\[!INCLUDE[ \t]*\[(?P<words>[^\]\n]*)\]\((?P<path>[^)\n]*)\)[ \t]*\]", re.I)
_TAB = re.compile(r"#{1,6}[ \t]+\[(?P<words>[^\]\n]*)\]\(#tab/[^)\n]*\)[ \t]*(?=\n|\Z)")
_VIDEO = re.compile(r"\[!VIDEO\s+(https?://[^\s\]<>]+)\s*\]", re.I)
_CODE = re.compile(r"\[!code[\w-]*[ \t]*\[(?P<words>[^\]\n]*)\]\((?P<path>[^)\n]*)\)[ \t]*\]", re.I)
_CONTROL = re.compile(r"\[!(?:UICONTROL|DNL|KEYWORD)[ \t]+(?P<words>[^\]\n]*)\]", re.I)
_DIV = re.compile(r"\[!(?:div|tab|badge)\b[^\]\n]*\](?:\([^)\n]*\))?", re.I)
_CONTENTS = re.compile(r"(?:\[\[?_?TOC_?\]?\]|\$\{toc\}|\{:toc\}|\[\[toc\]\])[ \t]*(?=\n|\Z)", re.I)


def _include(translator: Translator, found: re.Match[str]) -> str:
    return translator.include(
        found["path"].strip(), "[!INCLUDE]", found["words"].replace("_", r"\_")
    )


def _tab(translator: Translator, found: re.Match[str]) -> str | None:
    """The title of a tab, written as a heading that is a link."""
    return title(found["words"]) if translator.starts_line() else None


def _video(translator: Translator, found: re.Match[str]) -> str:
    return link(found[1], PHRASES[translator.context.lang]["video"])


def _code(translator: Translator, found: re.Match[str]) -> str:
    translator.say("[!code]")
    return link(found["path"], found["words"] or found["path"])


def _contents(translator: Translator, _: re.Match[str]) -> str | None:
    return "" if translator.starts_line() else None


_SNIPPET = re.compile(r"-{1,2}8<-{1,2}[ \t]+[\"'](?P<path>[^\"'\n]+)[\"'][ \t]*(?=\n|\Z)")
_SNIPPETS = re.compile(r"-{1,2}8<-{1,2}[ \t]*\n(?P<paths>(?:[^\n]*\n)*?)[ \t]*-{1,2}8<-{1,2}")


def _snippet(translator: Translator, found: re.Match[str]) -> str:
    return translator.include(found["path"], "--8<--")


def _snippets(translator: Translator, found: re.Match[str]) -> str:
    paths = (line.strip() for line in found["paths"].split("\n"))
    return "\n\n".join(translator.include(path, "--8<--") for path in paths if path)


RULES = (
    TagRule(r":::(?=[ \t]*image\b)", _IMAGE, _image),
    TagRule(r":::(?=[ \t]*(?:row|column|zone|moniker|image-end))", _LAYOUT, lambda *_: ""),
    TagRule(r"::::*(?=[ \t]*[A-Za-z])", _CONTAINER, _container),
    TagRule(r"::::*(?=[ \t]*\{)", _ATTRIBUTED, _attributed),
    TagRule(r"::::*", _END, _end),
    TagRule(r"--?8<--?(?=[ \t]+[\"'])", _SNIPPET, _snippet),
    TagRule(r"--?8<--?(?=[ \t]*$)", _SNIPPETS, _snippets),
    TagRule(r"\[!(?i:include)", _INCLUDE, _include),
    TagRule(r"##*(?=[ \t]+\[[^\]\n]*\]\(#tab/)", _TAB, _tab),
    TagRule(r"\[!(?i:video)", _VIDEO, _video),
    TagRule(r"\[!(?i:code)", _CODE, _code),
    TagRule(r"\[!(?i:uicontrol|dnl|keyword)", _CONTROL, lambda _, found: inline(found["words"])),
    TagRule(r"\[!(?i:div|tab|badge)", _DIV, lambda *_: ""),
    TagRule(r"\[\[?_?(?i:toc)", _CONTENTS, _contents),
    TagRule(r"\$\{toc", _CONTENTS, _contents),
    TagRule(r"\{:toc", _CONTENTS, _contents),
)
