"""Links of Obsidian and of wikis, `[[page#heading|words]]`; embeds, remarks, marks."""

import re
from urllib.parse import quote

from kb.content.markup.link_targets import WIKI
from kb.content.markup.tags import TagRule, Translator, image, link

_LINK = re.compile(r"(?P<embed>!?)\[\[(?![ \t!\"'\[])(?P<inner>[^\[\]\n]+)\]\](?![(\[])")
_REMARK = re.compile(r"%%[\s\S]*?%%")
_MARK = re.compile(r"==(?=[^\s=])([^=\n]+?)(?<=[^\s=])==")
_BLOCK_ID = re.compile(r"\^[\w-]+[ \t]*(?=\n|\Z)")
_PICTURE = re.compile(r"\.(?:avif|bmp|gif|jpe?g|png|svg|webp)$", re.I)
_SIZE = re.compile(r"\d+(?:x\d+)?")


def _link(translator: Translator, found: re.Match[str]) -> str | None:
    if not found["embed"] and found["inner"] in translator.references:
        return None  # a reference of Markdown within brackets
    place, _, words = found["inner"].replace("\\|", "|").partition("|")
    place, words = place.strip(), words.strip()
    name, _, heading = place.partition("#")
    if found["embed"] and _PICTURE.search(name):
        alt = "" if _SIZE.fullmatch(words) else words
        return image(WIKI + quote(name), alt)
    if found["embed"]:
        if place in translator.context.included:
            return translator.include(place, f"![[{place}]]")
        translator.say("![[ ]]")
    heading = heading.rpartition("#")[2]
    fragment = "" if heading.startswith("^") or not heading else "#" + quote(heading)
    shown = words or " › ".join(part for part in (name, heading.lstrip("^")) if part)
    return link((WIKI + quote(name) if name else "") + fragment or "#", shown)


def _block_id(translator: Translator, found: re.Match[str]) -> str | None:
    before = translator.body[max(0, found.start() - 1) : found.start()]
    return "" if before in (" ", "\n", "") else None


RULES = (
    TagRule(r"!\[\[(?![ \t])", _LINK, _link),
    TagRule(r"\[\[(?![ \t])", _LINK, _link),
)
OBSIDIAN = (
    TagRule(r"%%", _REMARK, lambda *_: ""),
    TagRule(r"==(?=[^\s=])", _MARK, lambda _, found: f"<mark>{found[1]}</mark>"),
    TagRule(r"\^(?=[\w-]+[ \t]*$)", _BLOCK_ID, _block_id),
)
