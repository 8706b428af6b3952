"""Superscript `^x^`, subscript `~x~`, sizes of images `=100x50`: of plugins of markdown-it."""

import re

from kb.content.markup.tags import TagRule, Translator

_SUP = re.compile(r"\^((?:[^\s^\[\]\\]|\\.)+)\^")
_SUB = re.compile(r"~((?:[^\s~\[\]\\]|\\.)+)~(?!~)")
_SIZE = re.compile(r"[ \t]=(?P<width>\d*%?)x(?P<height>\d*%?)[ \t]*\)")
_IMAGE = re.compile(
    r"!\[[^\n]*\]\([ \t]*[^()\s]+(?:\([^()\s]*\)[^()\s]*)*(?:[ \t]+[\"'][^\n]*[\"'])?$"
)


def _size(translator: Translator, found: re.Match[str]) -> str | None:
    """The end of an image with its size as a list of attributes."""
    begin = translator.body.rfind("\n", 0, found.start()) + 1
    if not _IMAGE.search(translator.body[begin : found.start()]):
        return None
    sizes = " ".join(f"{name}={found[name]}" for name in ("width", "height") if found[name])
    return f"){{{sizes}}}" if sizes else ")"


SUP = (TagRule(r"\^(?=[^\s^]+\^)", _SUP, lambda _, found: f"<sup>{found[1]}</sup>"),)
SUB = (TagRule(r"~(?=[^\s~]+~(?!~))", _SUB, lambda _, found: f"<sub>{found[1]}</sub>"),)
SIZES = (TagRule(r"[ \t]=(?=\d*%?x\d*%?[ \t]*\))", _SIZE, _size),)
