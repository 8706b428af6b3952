"""Where a link leads, and what a heading is called. Knows no other article."""

import posixpath
import re
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_OUTSIDE = re.compile(r"(?:https?://|mailto:|tel:)", re.I)
_FILE = re.compile(r"\.(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{1,5}$")
_MARKDOWN = re.compile(r"\.(?:md|markdown|mdx)$", re.I)
_HTML = re.compile(r"\.html?$", re.I)
_CONTROL = re.compile("[\x00-\x1f]")
_OWN = re.compile(r"(?:articles|media|contact|search)(?:/|$)")
SAFE = "/~!$()*+,;=:@-._"


def anchor(written: str) -> str:
    """The id that a heading, or a link to it, gets: `h-` and its words."""
    from markdown.extensions.toc import slugify_unicode  # who only reads pages loads no Markdown

    return "h-" + (slugify_unicode(written, "-").strip("-") or "section")


def address(target: str, path: str, *, image: bool = False, html: bool = False) -> str:
    """Where a link in the article at `path` leads; "" if it leads nowhere we would send a reader.

    Other articles become `/articles/…`, files `/media/…`; other sites stay as they are. `html` says
    that an address with this ending is an article, as its tool's site had it.
    """
    target = "".join(target.split("\n")).strip().replace("\\", "/")
    if target.startswith("//"):
        target = "https:" + target
    if _SCHEME.match(target):
        return target if _OUTSIDE.match(target) else ""
    place, _, fragment = target.partition("#")
    place, _, query = place.partition("?")
    hash_ = "#" + quote(anchor(unquote(fragment)), safe=SAFE) if fragment else ""
    if not place:
        return hash_ or "#"
    place = unquote(place, errors="replace")
    if place == "/":
        return "/"
    if _CONTROL.search(place):
        return ""
    if place.startswith("/"):
        found = posixpath.normpath(place.lstrip("/"))
    else:
        found = posixpath.normpath(posixpath.join(posixpath.dirname(path), place))
    if found == ".":
        return "/"
    if found.split("/")[0] == "..":
        return ""
    if place.startswith("/") and _OWN.match(found):
        query_ = "?" + quote(query, safe=SAFE + "%&?") if query else ""
        return (
            "/"
            + quote(found, safe=SAFE)
            + query_
            + (f"#{quote(fragment, safe=SAFE + '%')}" if fragment else "")
        )
    ending = _HTML if html and _HTML.search(found) else _MARKDOWN
    if ending.search(found):
        return "/articles/" + quote(ending.sub("", found), safe=SAFE) + hash_
    if image or (_FILE.search(found) and not place.endswith("/")):
        return "/media/" + quote(found, safe=SAFE)
    return "/articles/" + quote(found, safe=SAFE) + hash_
