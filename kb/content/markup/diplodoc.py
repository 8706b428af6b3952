"""What Diplodoc writes inside sentences: terms with definitions, videos, monospace, colours."""

import re

from kb.content.markup.admonitions import PHRASES
from kb.content.markup.tags import TagRule, Translator, link

_TERM = re.compile(r"\[(?P<words>[^\[\]\n]+)\]\(\*(?P<key>[^()\s]+)\)")
_DEFINITION = re.compile(r"\[\*(?P<key>[^\[\]\s]+)\]:")
_VIDEO = re.compile(r"@\[(?P<host>\w+)\]\((?P<place>[^()\s]+)\)")
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


TERMS = (
    TagRule(r"\[(?=[^\[\]\n]+\]\(\*)", _TERM, _term),
    TagRule(r"\[(?=\*[^\[\]\s]+\]:)", _DEFINITION, _definition),
    TagRule(r"@(?=\[\w+\]\()", _VIDEO, _video),
)
SPOKEN = (
    TagRule(r"##(?=[^#`\s])", _MONOSPACE, lambda _, found: f"<samp>{found['words']}</samp>"),
    TagRule(r"\{(?=[a-z]+\}\()", _COLOUR, lambda _, found: found["words"]),
)
