"""Frames, videos and drawings in HTML as titled links: a page of ours plays and frames nothing."""

import html
import re

from kb.content.markup.admonitions import PHRASES

_EMBED = re.compile(
    r"<(?P<name>iframe|video|audio|object)\b(?P<given>[^<>]*)>(?P<inner>[\s\S]*?)</(?P=name)\s*>"
    r"|<embed\b(?P<alone>[^<>]*)>",
    re.I,
)
_DRAWING = re.compile(r"<svg\b[\s\S]*?</svg\s*>", re.I)
_TITLE = re.compile(r"<title\b[^<>]*>([^<>]*)</title>", re.I)
_GIVEN = re.compile(
    r"""\b(src|data-src|data|title|aria-label)\s*=\s*("[^"]*"|'[^']*'|[^\s"'<>]+)"""
)
_PLAYERS = re.compile(
    r"youtu\.?be|youtube|vimeo\.com|rutube\.ru|vk(?:video)?\.(?:com|ru)|dailymotion|loom\.com"
    r"|wistia|dzen\.ru|kinescope|\.(?:mp4|webm|mov|ogv)\b",
    re.I,
)
_YOUTUBE = re.compile(r"(?:https?:)?//(?:www\.)?youtube(?:-nocookie)?\.com/embed/([\w-]+)[^\"]*")


def linked(written: str, lang: str) -> str:
    """The HTML with embedded things as links, and drawings as their titles."""
    if "<svg" in written:
        written = _DRAWING.sub(_drawing, written)
    return _EMBED.sub(lambda found: _embed(found, lang), written)


def _embed(found: re.Match[str], lang: str) -> str:
    name = (found["name"] or "embed").lower()
    given = _values((found["given"] or found["alone"] or "") + (found["inner"] or ""))
    source = given.get("src") or given.get("data-src") or given.get("data", "")
    if not source:
        return ""
    source = _YOUTUBE.sub(r"https://www.youtube.com/watch?v=\1", source)
    words = given.get("title") or given.get("aria-label") or _label(name, source, lang)
    return f'<p><a href="{source}">{words}</a></p>'


def _label(name: str, source: str, lang: str) -> str:
    if name == "video" or _PLAYERS.search(source):
        return PHRASES[lang]["video"]
    return PHRASES[lang]["audio" if name == "audio" else "embedded"]


def _drawing(found: re.Match[str]) -> str:
    title = _TITLE.search(found[0])
    return title[1] if title else ""


def _values(attributes: str) -> dict[str, str]:
    """The attributes that matter, escaped; of several the first counts."""
    values: dict[str, str] = {}
    for name, value in _GIVEN.findall(attributes):
        plain = html.unescape(value.strip("\"'")).strip()
        values.setdefault(name.lower(), html.escape(plain, quote=True))
    return values
