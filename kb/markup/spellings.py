"""Other systems' spellings of notes, links and images as ours. Renders nothing."""

import re

from kb.markup.blocks import Aligner
from kb.markup.notes import PHRASES

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


def prepared(body: str, lang: str, dialect: str) -> str:
    """The body in Python-Markdown's own spelling: the habits of GitHub, Docusaurus and MS Docs."""
    if "[!" in body:
        body = _INCLUDE_ALONE.sub("", body)
        body = _INCLUDE.sub(lambda m: m[1].strip().replace("_", r"\_"), body)
        body = _VIDEO.sub(lambda m: f"[{PHRASES[lang]['video']}]({m[1]})", body)
    if ":::" in body:
        body = _COLON_IMAGE.sub(_colon_image, body)
        body = _COLON_LAYOUT.sub("", body)
    if "{:" in body:
        body = _KRAMDOWN.sub("", body)
    return "\n".join(Aligner().lines(body.split("\n")))


def _colon_image(found: re.Match[str]) -> str:
    named = dict(_NAMED.findall(found[1]))
    alt = re.sub(r"[\[\]\n]", " ", named.get("alt-text", ""))
    source = named.get("source", "").strip()
    return f"![{alt}](<{source}>)" if source and not re.search("[<>]", source) else alt
