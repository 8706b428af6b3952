"""Markdown of Docsify: notes of one line, files put in, options of links and headings."""

import posixpath
import re

from kb.content.markup import emoji
from kb.content.markup.tags import TagRule, Translator, block, code_block, image, link

# What a body must hold, besides the signs of all tools, for a rule to be of use.
SIGNS = re.compile(r"^[ \t]*[?!]>|['\"]:[a-z]|:id=|\{docsify-|\?id=|\]\(#/|:[\w+-]+:", re.M)

_NOTE = re.compile(r"(?P<sign>[?!])>[ \t]*(?P<text>[^\n]+(?:\n(?![ \t]*(?:\n|\Z)|[?!]>)[^\n]+)*)")
_KINDS = {"?": "tip", "!": "important"}


def _note(translator: Translator, found: re.Match[str]) -> str | None:
    if not translator.starts_line():
        return None
    opening = translator.note("?>", _KINDS[found["sign"]])
    return f"{opening}\n{translator.inner(found['text'])}\n{translator.close('?>')}"


# --- links and images with options --------------------------------------------------------------

_LINK = re.compile(
    r"(?P<image>!?)\[(?P<words>[^\]\n]*)\]\((?P<path>[^\s()]+)[ \t]+"
    r"(?P<quote>['\"])(?P<options>:[^'\"\n]*)(?P=quote)\)"
)
_OPTION = re.compile(r":(?P<name>[\w-]+)(?:=(?P<value>[^\s:]+))?(?:[ \t]+(?P<rest>[^:\s][^:]*))?")
_SHOWN = frozenset((".md", ".markdown", ".mdx"))
_PLAYED = frozenset((".html", ".htm", ".mp4", ".ogg", ".mp3", ".webm"))


def _linked(translator: Translator, found: re.Match[str]) -> str:
    """A link or an image without its options; a file that is to be put in is."""
    if found["image"]:
        return image(found["path"], found["words"])
    given = {each["name"]: each for each in _OPTION.finditer(found["options"])}
    if "include" not in given:
        return link(_address(found["path"]), found["words"])
    kind = given["type"]["value"] if "type" in given else ""
    ending = posixpath.splitext(found["path"])[1].lower()
    if kind in ("iframe", "video", "audio") or (not kind and ending in _PLAYED):
        return block(link(found["path"], found["words"]))
    if kind != "code" and ending in _SHOWN:
        return translator.include(found["path"], ":include")
    text = translator.context.included.get(found["path"])
    if text is None:
        translator.say(":include")
        return block(link(found["path"], found["words"]))
    language = (given["type"]["rest"] or "").split(" ")[0] if "type" in given else ""
    part = _fragment(text, given["fragment"]["value"] or "") if "fragment" in given else text
    return code_block(translator, language or ending[1:], part.strip("\n"))


def _fragment(text: str, name: str) -> str:
    """The part of a file between two comments with its name: `/// [name]`."""
    parts = re.split(rf"^.*(?:###|///)[ \t]*\[{re.escape(name)}\].*$", text, maxsplit=2, flags=re.M)
    return parts[1] if len(parts) > 1 else text


# --- addresses and headings ---------------------------------------------------------------------

_TARGET = re.compile(r"\]\((?P<path>[^\s()]+)")
_ID = re.compile(r":id=(?P<id>[\w-]+)[ \t]*(?=\n|\Z)")
_HIDDEN = re.compile(r"(?:<!--[ \t]*)?\{docsify-[\w-]+\}(?:[ \t]*-->)?")


def _address(written: str) -> str:
    """An address with `#` before a heading instead of `?id=`, and without `#` before a page."""
    place = written.removeprefix("#") if written.startswith("#/") else written
    return re.sub(r"\?id=([^&#]*)[^#]*$", r"#\1", place)


def _heading_id(translator: Translator, found: re.Match[str]) -> str | None:
    begin = translator.body.rfind("\n", 0, found.start()) + 1
    is_heading = re.match(r"[ \t>]*#{1,6}[ \t]", translator.body[begin : found.start()])
    return f"{{#{found['id']}}}" if is_heading else None


RULES = (
    TagRule(r"[?!](?=>)", _NOTE, _note),
    TagRule(r"!?\[(?=[^\]\n]*\]\([^\s()]+[ \t]+['\"]:)", _LINK, _linked),
    TagRule(
        r"\](?=\((?:#/|[^\s()]*\?id=))", _TARGET, lambda _, each: f"]({_address(each['path'])}"
    ),
    TagRule(r":(?=id=[\w-])", _ID, _heading_id),
    TagRule(r"(?:<!--[ \t]*)?\{(?=docsify-)", _HIDDEN, lambda *_: ""),
    *emoji.RULES,
)
