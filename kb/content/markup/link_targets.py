"""Targets of links and anchors of headings. Knows no other article."""

import posixpath
import re
import unicodedata
from urllib.parse import quote, unquote

WIKI = "wiki:"  # before the name of a page, wherever in the folder it lies
NAME_SCHEMES = (WIKI, "xref:", "ref:")  # before a name that is looked up in the whole folder
BY_NAME = re.compile("|".join(NAME_SCHEMES), re.I)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_OUTSIDE = re.compile(r"(?:https?://|mailto:|tel:)", re.I)
_FILE = re.compile(r"\.(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{1,5}$")
_MARKDOWN = re.compile(r"\.(?:md|markdown|mdx)$", re.I)
_HTML = re.compile(r"\.html?$", re.I)
_CONTROL = re.compile("[\x00-\x1f]")
_ABOVE = re.compile(r"^(?:\.\.(?:/|$))+")
_OWN = re.compile(r"(?:articles|media|contact|search)(?:/|$)")
SAFE = "/~!$()*+,;=:@-._"


def anchor(written: str, dialect: str = "") -> str:
    """The id of a heading, or the target of a link to it: `h-` and the slug of its text.

    Two texts have one id here if they have one in the tool `dialect`.
    """
    from markdown.extensions.toc import slugify_unicode  # who only reads pages loads no Markdown

    if dialect in _SEPARATING:
        written = _separated(written)
    elif dialect == "docsify":
        written = re.sub(r"^_(?=\d)", "", written.strip())
    return "h-" + (slugify_unicode(written, "-").strip("-") or "section")


_SEPARATING = frozenset(("vitepress",))  # tools that put `-` for each sign between words
_SIGNS = re.compile(r"[\s~`!@#$%^&*()\-_+=\[\]{}|\\;:\"'“”‘’<>,.?/]+")
_COMBINING = re.compile("[\u0300-\u036f]")


def _separated(written: str) -> str:
    """A slug as `slugify` of @mdit-vue/shared makes it: `server.host` → `server-host`."""
    plain = _COMBINING.sub("", unicodedata.normalize("NFKD", written))
    slug = _SIGNS.sub("-", _CONTROL.sub("", plain)).strip("-").lower()
    return re.sub(r"^(\d)", r"_\1", slug)


def resolve(
    target: str, path: str, *, image: bool = False, html: bool = False, dialect: str = ""
) -> str:
    """Resolves the target of a link in the article at `path` to a URL of the site.

    Other articles become `/articles/…`, files `/media/…`; http, mailto and tel stay as they are.
    The address is a first guess, which knows no other article: `LinkTable` corrects it. The result
    is "" for other schemes and for paths of Windows. `image` marks the source of an image; `html`
    says that `.html` names an article, `dialect` how ids of headings are made.
    """
    target = "".join(target.split("\n")).strip()
    if target.startswith("\\\\"):
        return ""
    target = target.replace("\\", "/")
    if target.startswith("//"):
        target = "https:" + target
    if named := BY_NAME.match(target):
        target = "/" + target[named.end() :].lstrip("/")
    if _SCHEME.match(target):
        return target if _OUTSIDE.match(target) else ""
    place, _, fragment = target.partition("#")
    place, _, query = place.partition("?")
    hash_ = "#" + quote(anchor(unquote(fragment), dialect), safe=SAFE) if fragment else ""
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
        found = ""
    found = _ABOVE.sub("", found)  # `../x` from a page that is a folder; else it leads nowhere
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
