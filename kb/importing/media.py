"""Images and files of an article: found among what was given, and put beside the article."""

import base64
import binascii
import posixpath
import re
from collections import defaultdict
from pathlib import Path
from urllib.parse import unquote

from kb.content.media import TYPES
from kb.content.scaffold import file_name
from kb.html_to_markdown import losses
from kb.html_to_markdown.tree import Target, address
from kb.importing.given_files import MAX_MEDIA
from kb.importing.record import Record
from kb.importing.source import Attachment, HelpCentre, split

_SIGNS = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF87a", ".gif"),
    (b"GIF89a", ".gif"),
)
_SVG = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]", re.S)
_DATA = re.compile(r"data:image/[\w.+-]+;base64,(.*)", re.S)


def image_type(content: bytes) -> str:
    """The ending for an image by its first bytes; "" for what is no image that a page shows."""
    for sign, ending in _SIGNS:
        if content.startswith(sign):
            return ending
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return ".webp"
    if content[4:12] in (b"ftypavif", b"ftypavis"):
        return ".avif"
    return ".svg" if _SVG.match(content[:4096]) else ""


class Media:
    """The images and files of one article; `lost` holds what could not be had, by kind."""

    def __init__(self, centre: HelpCentre, target: Record, path: str) -> None:
        self.lost: dict[str, list[str]] = defaultdict(list)
        self._centre, self._target = centre, target
        self._stem = path.removesuffix(".md")
        self._names: dict[bytes, str] = {}

    def image(self, target: Target) -> str:
        """The Markdown of an image: of its file beside the article, else of its address."""
        alt = _escaped(target.alt)
        title = f' "{_escaped(target.title)}"' if target.title else ""
        content = self._content(target.url)
        ending = image_type(content) if content else ""
        if content and ending:
            return f"![{alt}]({self._put(target.url, content, ending)}{title})"
        url = "" if target.url.startswith("data:") else self._centre.public(target.url)
        is_remote = split(url).scheme in ("http", "https")
        is_missing = not is_remote or self._centre.is_own(target.url)
        self.lost[losses.MISSING_IMAGE if is_missing else losses.REMOTE_IMAGE].append(url)
        return f"![{alt}]({address(url)}{title})" if is_remote else alt

    def file(self, url: str) -> str:
        """The address of a link that is no article: of the file beside this one, if given."""
        if not self._centre.is_own(url):
            return address(url)
        given = self._centre.file(url)
        ending = given.suffix.lower() if given else ""
        content = self._read(given) if given else b""
        if given and content and (ending in TYPES or image_type(content)):
            return self._put(url, content, ending if ending in TYPES else image_type(content))
        path = split(url).path
        is_file = "/article_attachments/" in path or posixpath.splitext(path)[1].lower() in TYPES
        return self.lost_link(url, losses.MISSING_FILE if is_file else losses.LOST_LINK)

    def lost_link(self, url: str, kind: str = losses.LOST_LINK) -> str:
        """The public address of what is not imported, which is noted."""
        public = self._centre.public(url)
        self.lost[kind].append(public)
        return address(public)

    def attached(self, attachment: Attachment) -> str:
        """The Markdown of a file that is listed below the article."""
        given = self._centre.file(attachment.url)
        content = self._read(given) if given else b""
        ending = posixpath.splitext(attachment.name)[1].lower()
        if content and ending in TYPES:
            target = self._put(attachment.name, content, ending)
        else:
            self.lost[losses.MISSING_FILE].append(attachment.url or attachment.name)
            target = address(attachment.url)
        return f"[{_escaped(attachment.name)}]({target})" if target else _escaped(attachment.name)

    def _content(self, url: str) -> bytes:
        if found := _DATA.fullmatch(url):
            try:
                return base64.b64decode(unquote(found[1]), validate=False)[: MAX_MEDIA + 1]
            except (binascii.Error, ValueError):
                return b""
        given = self._centre.file(url)
        return self._read(given) if given else b""

    def _read(self, file: Path) -> bytes:
        """The content of a given file; nothing of one that is too large or cannot be read."""
        try:
            with file.open("rb") as opened:
                content = opened.read(MAX_MEDIA + 1)
        except OSError:
            return b""
        return content if len(content) <= MAX_MEDIA else b""

    def _put(self, url: str, content: bytes, ending: str) -> str:
        """Writes a file beside the article, once for equal content; returns its name."""
        if content not in self._names:
            given = "" if url.startswith("data:") else unquote(split(url).path)
            stem = posixpath.splitext(posixpath.basename(given))[0]
            wanted = f"{self._stem}--{file_name(stem, otherwise='image')}"
            name, number = wanted + ending, 1
            while name in self._names.values():
                number += 1
                name = f"{wanted}-{number}{ending}"
            self._names[content] = name
            self._target.write(name, content)
        return posixpath.basename(self._names[content])


def _escaped(text: str) -> str:
    """Text between the brackets or quotes of an image."""
    text = " ".join(text.split()).replace('"', "”")
    return re.sub(r"[\\\[\]`*_|]", r"\\\g<0>", text).replace("<", "&lt;")
