"""A folder of HTML pages, or a saved site, as a help centre. Asks no server."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin

from bs4 import BeautifulSoup
from bs4.element import Tag

from kb.base import sandbox
from kb.base.messages import Message
from kb.html_to_markdown import tree as html_tree
from kb.html_to_markdown.tree import attribute, words
from kb.importing.given_files import MAX_HTML, GivenFiles
from kb.importing.source import CannotImport, Destination, SourcePage, SourceSection, day, split

_ENDINGS = (".html", ".htm", ".xhtml")
_HERE = "http://saved.invalid/"  # the address of the given folder itself
SECONDS = 20.0
MEGABYTES = 512


@dataclass(frozen=True, slots=True)
class Extracted:
    """What one file of HTML says."""

    path: str
    title: str
    html: str  # of the article alone
    lang: str = ""
    canonical: str = ""
    alternates: tuple[str, ...] = ()
    crumbs: tuple[str, ...] = ()  # names of the folders above
    moved_to: str = ""  # where the page sends its readers
    author: str = ""
    tags: tuple[str, ...] = ()
    updated: date | None = None
    hidden: bool = False  # search engines are to leave it out


def extract(given: tuple[str, bytes]) -> Extracted:
    """Finds the article in a page, given as path and bytes."""
    path, data = given
    head = BeautifulSoup(data, "html.parser")
    structured = list(_structured(head))
    canonical = _link(head, "canonical")
    alternates = head.select("link[rel~=alternate][hreflang]")
    encoding = head.original_encoding or "utf-8"  # as its head or its bytes say
    tree = html_tree.parse(data.decode(encoding, "replace"))
    html_tree.remove_furniture(tree)
    heading = tree.find("h1")
    title = words(heading) if isinstance(heading, Tag) else ""
    crumbs = _crumbs(structured, tree, title)
    article = _article(tree)
    return Extracted(
        path=path,
        title=title or _title(head),
        html=article.decode_contents(),
        lang=re.split("[-_]", attribute(head.html, "lang").lower())[0] if head.html else "",
        canonical=canonical,
        alternates=tuple(attribute(each, "href") for each in alternates),
        crumbs=crumbs,
        moved_to=_refresh(head),
        author=_meta(head, "author") or _named(structured, "author"),
        tags=tuple(attribute(tag, "content") for tag in head.select('[property="article:tag"]')),
        updated=_updated(head, structured, article),
        hidden="noindex" in _meta(head, "robots").lower(),
    )


# --- the head -----------------------------------------------------------------------------------


def _meta(head: BeautifulSoup, name: str) -> str:
    for key in ("name", "property", "itemprop"):
        tag = head.find("meta", attrs={key: name})
        if isinstance(tag, Tag) and attribute(tag, "content").strip():
            return " ".join(attribute(tag, "content").split())
    return ""


def _link(head: BeautifulSoup, rel: str) -> str:
    tag = head.select_one(f"link[rel~={rel}]")
    return attribute(tag, "href").strip() if tag else ""


_SITE_NAME = re.compile(r"\s+[|–—·•:-]\s+")


def _title(head: BeautifulSoup) -> str:
    """The title of the page without the name of the site."""
    title = _meta(head, "og:title") or (words(head.title) if head.title else "")
    site = _meta(head, "og:site_name")
    parts = _SITE_NAME.split(title)
    return title.removesuffix(site).rstrip(" |–—·•:-") if site else parts[0]


_REFRESH = re.compile(r"\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?['\"]?([^'\"]+)", re.I)


def _refresh(head: BeautifulSoup) -> str:
    for tag in head.find_all("meta", attrs={"http-equiv": re.compile("^refresh$", re.I)}):
        if found := _REFRESH.match(attribute(tag, "content")):
            return found[1].strip()
    return ""


def _structured(head: BeautifulSoup) -> Iterator[Mapping[str, Any]]:
    """The objects of JSON-LD."""
    for tag in head.find_all("script", type="application/ld+json"):
        try:
            content = json.loads(tag.get_text())
        except (ValueError, RecursionError):
            continue
        listed = content if isinstance(content, list) else [content]
        for each in listed:
            graph = each.get("@graph", [each]) if isinstance(each, dict) else []
            if isinstance(graph, list):
                yield from (one for one in graph if isinstance(one, dict))


def _named(structured: Iterable[Mapping[str, Any]], key: str) -> str:
    for each in structured:
        value = each.get(key)
        value = value[0] if isinstance(value, list) and value else value
        name = value.get("name") if isinstance(value, dict) else value
        if isinstance(name, str) and name.strip():
            return " ".join(name.split())
    return ""


def _updated(
    head: BeautifulSoup, structured: Iterable[Mapping[str, Any]], article: Tag
) -> date | None:
    times = [attribute(tag, "datetime") for tag in article.select("time[datetime]")]
    said = [each.get(name) for each in structured for name in ("dateModified", "datePublished")]
    names = ("article:modified_time", "last-modified", "article:published_time", "date")
    found = map(day, (*(_meta(head, name) for name in names), *said, *times[:1]))
    return next(filter(None, found), None)


# --- the body -----------------------------------------------------------------------------------

_ROOTS = (
    "[itemprop=articleBody]", ".article-body", ".article__body", ".markdown-body", "main article",
    "article", "main", "[role=main]", ".entry-content", ".post-content", "#content", ".content",
)  # fmt: skip
_AROUND = (
    "nav, footer, aside:not([class*=note]):not([class*=callout]):not([class*=alert]),"
    " [role=navigation], [role=search], [role=banner], [role=contentinfo], .breadcrumb,"
    " .breadcrumbs, .toc, .table-of-contents, .sidebar, .share, .related, .related-articles,"
    " .article-votes, .comments, .pagination, .edit-this-page, .skip-link"
)


def _article(tree: BeautifulSoup) -> Tag:
    """The part of the page that holds the article, without what stands around it."""
    for tag in html_tree.remaining(tree.select(_AROUND)):
        tag.decompose()
    for root in _ROOTS:
        found = tree.select(root)
        if len(found) == 1 and words(found[0]):
            return found[0]
    for header in tree.find_all("header"):
        header.decompose()
    return tree


def _crumbs(
    structured: Iterable[Mapping[str, Any]], tree: BeautifulSoup, title: str
) -> tuple[str, ...]:
    """The names of the folders above the article, without the site's and its own."""
    for each in structured:
        if each.get("@type") == "BreadcrumbList" and isinstance(each.get("itemListElement"), list):
            items = [one for one in each["itemListElement"] if isinstance(one, dict)]
            items.sort(key=lambda one: str(one.get("position", "")).zfill(4))
            names = (_named([one], "name") or _named([one], "item") for one in items)
            return tuple(filter(None, names))[1:-1]
    trail = tree.select_one(".breadcrumb, .breadcrumbs, [aria-label*=readcrumb]")
    if trail is None:
        return ()
    parts = (trail.find_all("li") or trail.find_all("a"))[1:]  # the first is the site
    if parts:
        is_link = parts[-1].name == "a" or parts[-1].find("a") is not None
        if words(parts[-1]) == title or not is_link:
            parts.pop()
    return tuple(filter(None, map(words, parts)))


# --- the site -----------------------------------------------------------------------------------


class HtmlSite:
    """The help centre that a folder of HTML holds."""

    def __init__(
        self,
        files: GivenFiles,
        lang: str = "",
        langs: tuple[str, ...] = (),
        progress: Callable[[int, int], object] = lambda done, total: None,
    ) -> None:
        """Reads all pages. `lang` is the language written in first, `langs` those of folders.

        Raises CannotImport where there is no page.
        """
        self._files = files
        self.failed: list[tuple[str, str]] = []  # files that could not be read, and why
        extracted = list(self._extract(files, progress))
        if not extracted and not self.failed:
            raise CannotImport(
                Message(
                    "no HTML file in {folder}; name the folder of the saved site",
                    folder=str(files.root),
                )
            )
        self._top = _top(files)
        self._hosts = {split(each.canonical).netloc.lower() for each in extracted} - {""}
        moved = {each.path for each in extracted if each.moved_to}
        self._moves = {
            self._normal(_own_url(each.path)): self._normal(_joined(each, each.moved_to))
            for each in extracted
            if each.moved_to
        }
        self._moved_to: dict[str, list[str]] = defaultdict(list)
        for old, new in self._moves.items():
            self._moved_to[new] += [f"/{old}"] if old else []
        staying = [each for each in extracted if each.path not in moved]
        pages = [each for each in staying if _is_article(each)]
        self.empty = tuple(each.path for each in staying if not _is_article(each))
        pages = [replace(each, lang=_language(each, langs, lang)) for each in pages]
        counted = Counter(each.lang for each in pages)
        self.lang = max(counted, key=lambda each: (counted[each], each == lang, each), default=lang)
        self._keys = self._keyed(pages)
        self._above = {folder for key in self._keys.values() for folder in _above(key)}
        self._places = self._addressed(pages)
        self.sections, by_page = self._folders(pages)
        made = (self._page(each, by_page[each.path]) for each in pages)
        self.pages = tuple(
            sorted(made, key=lambda page: (page.key, page.lang != self.lang, page.lang))
        )

    def _extract(
        self, files: GivenFiles, progress: Callable[[int, int], object]
    ) -> Iterator[Extracted]:
        paths = files.ending(*_ENDINGS)
        readable: list[str] = []

        def contents() -> Iterator[tuple[str, bytes]]:
            for path in paths:
                try:
                    data = files.read(path, MAX_HTML)
                except CannotImport as error:
                    self.failed.append((path, error.message))
                else:
                    readable.append(path)
                    yield path, data

        results = sandbox.each(
            extract, contents(), processes=2, seconds=SECONDS, megabytes=MEGABYTES
        )
        for number, result in results:
            progress(number + 1, len(paths))
            if isinstance(result, sandbox.Failure):
                self.failed.append((readable[number], result.message))
            else:
                yield result

    # identity

    def _keyed(self, pages: list[Extracted]) -> dict[str, str]:
        """The key of each page by its path: translations of each other share one.

        They are translations if one names the other, or if only the folder of the language
        differs.
        """
        canonical = {self._normal(each.canonical): each.path for each in pages if each.canonical}
        canonical |= {self._normal(_own_url(each.path)): each.path for each in pages}
        keys: dict[str, str] = {}
        taken: set[tuple[str, str]] = set()
        for each in sorted(pages, key=lambda page: (page.lang != self.lang, page.path)):
            named = (canonical.get(self._normal(_joined(each, url)), "") for url in each.alternates)
            path = each.path.removeprefix(self._top)
            candidates = [keys[path] for path in named if path in keys]
            candidates += [_without_language(path, each.lang), each.path]
            keys[each.path] = next(key for key in candidates if (key, each.lang) not in taken)
            taken.add((keys[each.path], each.lang))
        return keys

    def _addressed(self, pages: list[Extracted]) -> dict[str, str]:
        """The key of the page at each address, normalised; a page that sends on leads there too."""
        places = {}
        for each in pages:
            for url in (_own_url(each.path), _joined(each, each.canonical)):
                places[self._normal(url)] = self._keys[each.path]
        for old, new in self._moves.items():
            if new in places:
                places.setdefault(old, places[new])
        return places

    def _normal(self, url: str) -> str:
        """An address without site, ending, `index` and case: forms of one place are equal."""
        path = unquote(split(url).path).strip("/")
        if url.startswith(_HERE):
            path = path.removeprefix(self._top).strip("/")
        path = re.sub(r"(?:(?:^|/)index)?\.x?html?$|(?:^|/)index$", "", path, flags=re.I)
        return path.strip("/").casefold()

    # folders

    def _folders(self, pages: list[Extracted]) -> tuple[tuple[SourceSection, ...], dict[str, str]]:
        """Sections from breadcrumbs, else from folders; and the section of each page by path."""
        names: dict[str, dict[str, str]] = defaultdict(dict)
        parents: dict[str, str] = {}
        trails: dict[str, tuple[str, ...]] = {}  # by key of the page
        below: dict[str, tuple[str, ...]] = {}  # by folder: the trail of the pages in it
        by_page: dict[str, str] = {}

        def order(page: Extracted) -> tuple[bool, bool, str]:
            return self._keys[page.path] in self._above, page.lang != self.lang, page.path

        for each in sorted(pages, key=order):
            key = self._keys[each.path]
            trail = trails.get(key)
            if key in self._above:
                trail = below.get(key) or (*_above(key), key)
            elif trail is None or (each.crumbs and len(trail) != len(each.crumbs)):
                trail = tuple(accumulate(each.crumbs, "{}\n{}".format)) or _above(key)
                trails.setdefault(key, trail)
                below.setdefault(key.rpartition("/")[0], trail)
            for at, section in enumerate(trail):
                parents.setdefault(section, trail[at - 1] if at else "")
                if each.crumbs and key not in self._above:
                    names[section].setdefault(each.lang, each.crumbs[at])
            by_page[each.path] = trail[-1] if trail else ""
        ordered = sorted(parents, key=lambda section: (len(re.findall("[\n/]", section)), section))
        sections = (
            SourceSection(
                key,
                names[key],
                parents[key],
                name="" if names[key] else key.rpartition("/")[2],
            )
            for key in ordered
        )
        return tuple(sections), by_page

    def _page(self, each: Extracted, section: str) -> SourcePage:
        key = self._keys[each.path]
        own = _own_url(each.path)
        path = unquote(split(each.canonical or own).path)
        if not each.canonical:
            path = "/" + path.lstrip("/").removeprefix(self._top)
        name = "index" if key in self._above or key == "index" else key.rpartition("/")[2]
        return SourcePage(
            key=key,
            lang=each.lang,
            title=each.title or name,
            html=each.html,
            url=own,
            section=section,
            name=name,
            tags=each.tags,
            author=each.author,
            updated=each.updated,
            unlisted=each.hidden,
            addresses=tuple(dict.fromkeys((path, *self._moved_to[self._normal(own)]))),
        )

    # addresses

    def is_own(self, url: str) -> bool:
        """Whether an absolute address belongs to this site."""
        return url.startswith(_HERE) or split(url).netloc.lower() in self._hosts

    def place(self, url: str) -> Destination | None:
        """The page at an address of the site or of the folder."""
        key = self._places.get(self._normal(url)) if self.is_own(url) else None
        return None if key is None else Destination(key, unquote(split(url).fragment))

    def public(self, url: str) -> str:
        """The address on the site that was saved, or from its root if nothing says the site."""
        if not url.startswith(_HERE):
            return url
        path = "/" + url.removeprefix(_HERE).removeprefix(quote(self._top))
        host = min(self._hosts, default="")
        return f"https://{host}{path}" if host else path

    def file(self, url: str) -> Path | None:
        """The given file at an address of the site or of the folder."""
        if not self.is_own(url):
            return None
        path = unquote(split(url).path).lstrip("/")
        return self._files.find(path) or self._files.find(self._top + path)


_NO_ARTICLES = ("404", "search", "genindex", "print", "print_page")  # names of pages


def _is_article(page: Extracted) -> bool:
    """Whether a page shows any text or image, and is none of those that every generator adds."""
    if page.path.rpartition("/")[2].rpartition(".")[0].lower() in _NO_ARTICLES:
        return False
    return bool(re.search(r"\w", re.sub("<[^<>]*>", "", page.html)) or "<img" in page.html)


def _own_url(path: str) -> str:
    return _HERE + quote(path)


def _joined(page: Extracted, url: str) -> str:
    """An address as it is written in a page, made absolute."""
    try:
        return urljoin(_own_url(page.path), url)
    except ValueError:
        return _own_url(page.path)


def _top(files: GivenFiles) -> str:
    """The folder that all pages lie in, with "/", if it is named as a host; else ""."""
    folders = {path.partition("/")[0] for path in files.ending(*_ENDINGS)}
    only = folders.pop() if len(folders) == 1 else ""
    return (
        f"{only}/"
        if re.fullmatch(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?", only)
        and not only.lower().endswith(_ENDINGS)
        else ""
    )


def _language(each: Extracted, langs: tuple[str, ...], lang: str) -> str:
    """The language of a page: what it says, else the first folder that is a language."""
    if re.fullmatch("[a-z]{2,3}", each.lang):
        return each.lang
    folders = each.path.lower().split("/")[:-1]
    return next((folder for folder in folders if folder in langs), lang)


def _without_language(path: str, lang: str) -> str:
    """The path without its ending, `index` and the folder of its language: `guide/start`."""
    *folders, name = path.rpartition(".")[0].split("/")
    own = next((f for f in folders if re.split("[-_]", f.lower())[0] == lang), None)
    if own is not None:
        folders.remove(own)
    return "/".join(folders if name.lower() == "index" and folders else (*folders, name))


def _above(key: str) -> tuple[str, ...]:
    """The folders above a page, the topmost first."""
    folders = key.split("/")[:-1]
    return tuple(accumulate(folders, "{}/{}".format))
