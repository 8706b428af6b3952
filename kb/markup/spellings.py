"""Other tools' spellings as Markdown of ours. Renders nothing."""

import re
from collections.abc import Iterator

from kb.markup.blocks import Aligner
from kb.markup.notes import PHRASES, kind_of
from kb.markup.tags import Fence, Speller, image

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


def prepared(body: str, path: str, lang: str, dialect: str = "") -> str:
    """The body of the article at `path` in Python-Markdown's own spelling.

    Notes are read in every tool's spelling; the other tags of a tool only where `dialect` (of
    `dialects`) says that it is spoken.
    """
    if "[!" in body:
        body = _INCLUDE_ALONE.sub("", body)
        body = _INCLUDE.sub(lambda m: m[1].strip().replace("_", r"\_"), body)
        body = _VIDEO.sub(lambda m: f"[{PHRASES[lang]['video']}]({m[1]})", body)
    if ":::" in body:
        body = _COLON_IMAGE.sub(_colon_image, body)
        body = _COLON_LAYOUT.sub("", body)
    if dialect or "{{" in body:
        body = Speller(dialect, path, lang).spelled(body)
    if "{:" in body:
        body = _KRAMDOWN.sub("", _with_notes(body))
    return "\n".join(Aligner().lines(body.split("\n")))


def not_understood(body: str, dialect: str) -> list[tuple[str, int]]:
    """What the tool makes of its own tags and we do not: each tag, with its line of the body."""
    speller = Speller(dialect, "", "en")
    if dialect:
        speller.spelled(body)
    return speller.unknown


def _colon_image(found: re.Match[str]) -> str:
    named = dict(_NAMED.findall(found[1]))
    return image(named.get("source", ""), named.get("alt-text", ""))


# --- notes of kramdown: {: .note } --------------------------------------------------------------

_ATTRIBUTES = re.compile(r"([ \t]*)\{:([^{}\n]*)\}[ \t]*")
_CLASS = re.compile(r"\.([A-Za-z]+)(-title)?(?![\w-])")


def _with_notes(body: str) -> str:
    """Paragraphs and quotations marked with a kind of note (just-the-docs) as notes of ours."""
    fence, done = Fence(), list[str]()
    lines = iter(body.split("\n"))
    for line in lines:
        found = None if fence.holds(line) else _ATTRIBUTES.fullmatch(line)
        kind, is_titled = _kind_in(found[2]) if found else ("", False)
        if not found or not kind:
            done.append(line)
            continue
        block = list(_block(lines))
        if not block:  # it belongs to what stands above
            at = next((at for at in range(len(done), 0, -1) if not done[at - 1].strip()), 0)
            block, done = done[at:], done[:at]
        title = f"[{block.pop(0).strip()}]" if is_titled and block else ""
        indent = found[1]
        done += ["", f"{indent}:::{kind}{title}", *block, f"{indent}:::", ""]
    return "\n".join(done)


def _kind_in(attributes: str) -> tuple[str, bool]:
    for name, title in _CLASS.findall(attributes):
        if kind := kind_of(name):
            return kind, bool(title)
    return "", False


def _block(lines: Iterator[str]) -> Iterator[str]:
    """The lines up to the next empty one, without the signs of a quotation."""
    for line in lines:
        if not line.strip():
            return
        yield re.sub(r"^([ \t]*)>[ \t]?", r"\1", line)
