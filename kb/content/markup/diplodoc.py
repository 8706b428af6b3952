"""What Diplodoc alone writes: terms, videos, monospace, colours, task lines, blocks of data."""

import re

from kb.content.markup.admonitions import PHRASES
from kb.content.markup.tags import TagRule, Translator, link, title

_TERM = re.compile(r"\[(?P<words>[^\[\]\n]+)\]\(\*(?P<key>[^()\s]+)\)")
_DEFINITION = re.compile(r"\[\*(?P<key>[^\[\]\s]+)\]:")
_VIDEO = re.compile(r"@\[(?P<host>\w*)\]\((?P<place>[^()\s]+)\)")
_MONOSPACE = re.compile(r"##(?P<words>[^#`\s](?:[^#`\n]*[^#`\s])?)##(?!#)")
_COLOUR = re.compile(r"\{(?:gray|yellow|orange|red|green|blue|violet)\}\((?P<words>[^()\n]*)\)")
_HOSTS = {
    "youtube": "https://www.youtube.com/watch?v={}",
    "vimeo": "https://vimeo.com/{}",
    "rutube": "https://rutube.ru/video/{}/",
}


def _term(translator: Translator, found: re.Match[str]) -> str:
    """A term with its definition as a footnote; its words where the page does not define it."""
    words = "\\*" if found["words"] == "*" else found["words"]
    is_defined = f"*{found['key']}" in translator.references
    return f"{words}[^{found['key']}]" if is_defined else words


def _definition(translator: Translator, found: re.Match[str]) -> str | None:
    return f"[^{found['key']}]:" if translator.starts_line() else None


def _video(translator: Translator, found: re.Match[str]) -> str:
    place = found["place"]
    if "://" not in place:
        place = _HOSTS.get(found["host"].lower(), "{}").format(place)
    words = PHRASES[translator.context.lang]["video"]
    return link(place, words) if "://" in place else words


# --- lines and blocks ---------------------------------------------------------------------------

_TASK = re.compile(r"\[[ Xx]\](?=[ \t]+\S)")
_SELECTED = re.compile(r"[ \t]*\{selected\}[ \t]*(?=\n|\Z)")
_CHANGELOG = re.compile(r"\{%\s*changelog\s*%\}[\s\S]*?(?:\{%\s*endchangelog\s*%\}|\Z)")
_CONSTRUCTOR = re.compile(
    r":::[ \t]*page-constructor\b[^\n]*\n(?P<data>[\s\S]*?)(?:\n[ \t]*:::|\Z)"
)
_TEXT = re.compile(
    r"^(?P<indent>[ \t]*(?:-[ \t]+)?)(?P<key>title|subtitle|text|description|caption):[ \t]*"
    r"(?:[|>][+-]?[ \t]*(?P<lines>(?:\n(?:(?P=indent)[ \t]+[^\n]*|[ \t]*(?=\n|\Z)))*)"
    r"|(?P<line>[^\n]*[^\s\n]))",
    re.M,
)


def _task(translator: Translator, found: re.Match[str]) -> str | None:
    """A paragraph that is a task becomes an item of a list; one in a list is one already."""
    begin = translator.body.rfind("\n", 0, found.start()) + 1
    return None if translator.body[begin : found.start()].strip(" \t>") else f"- {found[0]}"


def _constructor(translator: Translator, found: re.Match[str]) -> str | None:
    """The titles and texts of what a page constructor draws from its data."""
    if not translator.starts_line():
        return None
    translator.say(":::page-constructor")
    shown = []
    for each in _TEXT.finditer(found["data"]):
        words = each["lines"] or each["line"].strip("\"'")
        words = "\n".join(map(str.strip, words.strip().split("\n")))
        shown.append(title(words).strip() if each["key"] == "title" else words)
    return "\n\n".join(filter(None, shown)) + "\n"


BLOCKS = (
    TagRule(r"\[(?=[ Xx]\][ \t]+\S)", _TASK, _task),
    TagRule(r"[ \t]*\{(?=selected\}[ \t]*$)", _SELECTED, lambda *_: ""),
    TagRule(r"\{%\s*(?=changelog\s*%)", _CHANGELOG, lambda *_: ""),  # shown nowhere on the page
    TagRule(r":::(?=[ \t]*page-constructor\b)", _CONSTRUCTOR, _constructor),
)
TERMS = (
    TagRule(r"\[(?=[^\[\]\n]+\]\(\*)", _TERM, _term),
    TagRule(r"\[(?=\*[^\[\]\s]+\]:)", _DEFINITION, _definition),
    TagRule(r"@(?=\[\w*\]\()", _VIDEO, _video),
)
SPOKEN = (
    TagRule(r"##(?=[^#`\s])", _MONOSPACE, lambda _, found: f"<samp>{found['words']}</samp>"),
    TagRule(r"\{(?=[a-z]+\}\()", _COLOUR, lambda _, found: found["words"]),
)
