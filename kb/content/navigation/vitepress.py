"""The navigation of VitePress: sidebars and menus of `.vitepress/config`, as far as they are data.

Which files are pages, and at which addresses, stands there as well. Opens no file.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kb.content import tools
from kb.content.metadata import without_ending
from kb.content.navigation.data import listed, mapping, text
from kb.content.navigation.models import Item, Navigation

FOLDER = tools.SITE_FOLDER
_SCRIPTS = ("config.ts", "config.mts", "config.js", "config.mjs", "config.cjs", "config.json")
CONFIGS = (*_SCRIPTS, *(name.replace("config.", "config/index.") for name in _SCRIPTS))
SECTIONS = frozenset(_SCRIPTS)  # of a part of the site, beside its pages
_SETTING = re.compile(
    rf"(?:^|/){re.escape(FOLDER)}/(?!(?:cache|dist|theme)/)[^\0]*\.(?:[cm]?[jt]s|json)$"
)
_DEEPEST = 12
_MOST_PARTS = 6  # that a pattern names; more take time and say nothing
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|//|#", re.I)
_TAGS = re.compile(r"<[^<>]*>")


def is_setting(path: str) -> bool:
    """Whether a file in a hidden folder belongs to the settings of VitePress, by its path."""
    return bool(_SETTING.search(path))


@dataclass(frozen=True)
class Site:
    """The settings of one project; `folder` is that of the project, `has` tells of a page."""

    folder: str
    settings: Mapping[str, Any]
    sections: Mapping[str, Any] = field(default_factory=dict)  # further settings, by folder
    has: Callable[[str], bool] = lambda _: True  # whether there is a page at a path without ending

    @property
    def root(self) -> str:
        """The folder of the pages."""
        found = posixpath.normpath(
            posixpath.join(self.folder, text(self.settings.get("srcDir")) or ".")
        )
        return "" if found == "." or found.startswith("..") else found

    def address(self, path: str) -> str:
        """The address that VitePress gives the page of the file at `path` by `rewrites`; or ""."""
        within = path[len(self.root) + 1 :] if self.root else path
        for source, target in mapping(self.settings.get("rewrites")).items():
            if isinstance(target, str) and (found := _rewritten(source, target, within)):
                address = posixpath.join(self.root, without_ending(found))
                return re.sub(r"(?:^|/)index$", "", address)
        return ""

    def navigations(self) -> Iterator[Navigation]:
        """The navigation of each language of the site, that of no language first."""
        by_language: dict[str, list[Item]] = {"": []}
        for theme in self._themes():
            for language, items in self._of_theme(theme):
                known = by_language.setdefault(language, [])
                known += (item for item in items if item not in known)
        title = text(self.settings.get("title"))
        for language, items in by_language.items():
            root = posixpath.join(self.root, language)
            base = root if language else self.folder
            yield Navigation("vitepress", base, root, title, tuple(items))

    # ------------------------------------------------------------ settings

    def _themes(self) -> Iterator[Mapping[str, Any]]:
        """The settings of the theme: for the whole site, for its languages and parts."""
        yield mapping(self.settings.get("themeConfig"))
        for language in mapping(self.settings.get("locales")).values():
            yield mapping(mapping(language).get("themeConfig"))
        for section in self.sections.values():
            yield mapping(mapping(section).get("themeConfig"))

    @property
    def _languages(self) -> frozenset[str]:
        named = {key.strip("/") for key in mapping(self.settings.get("locales"))} - {"root", ""}
        return frozenset(named)

    def _of_theme(self, theme: Mapping[str, Any]) -> Iterator[tuple[str, list[Item]]]:
        """The entries of a theme, by the language whose folder their pages lie in."""
        sidebar, menu = theme.get("sidebar"), listed(theme.get("nav"))
        if isinstance(sidebar, list):
            yield from self._by_language(list(self._items(sidebar, "", 0)))
        elif isinstance(sidebar, dict) and sidebar:
            for key, given in sidebar.items():
                others = frozenset(sidebar) - {key}
                if (part := self._part(key, given, menu, others)) is not None:
                    yield from self._by_language([part])
        else:
            yield from self._by_language(list(self._items(menu, "", 0)))

    def _by_language(self, items: list[Item]) -> Iterator[tuple[str, list[Item]]]:
        for item in items:
            yield self._language(item), [item]

    def _language(self, item: Item) -> str:
        """The language in whose folder the first page of an entry lies."""
        if item.path:
            within = item.path[len(self.root) + 1 :] if self.root else item.path
            first = within.partition("/")[0]
            return first if first in self._languages else ""
        return next(filter(None, map(self._language, item.children)), "")

    def _part(self, key: str, given: Any, menu: list[Any], others: frozenset[str]) -> Item | None:
        """The sidebar for the pages below a path as one section, called as the menu calls it.

        What it says of pages below the paths of `others` is left to them.
        """
        values = mapping(given)
        base = text(values.get("base"))
        elsewhere = tuple(each for each in others if not key.startswith(each))
        items = tuple(self._items(values.get("items") or given, base, 0, elsewhere))
        if not items:
            return None
        title = next((text(mapping(e).get("text")) for e in menu if _leads(e, key)), "")
        page = self._page(key) if key.strip("/") else ""
        if page and not self.has(page):
            page = ""
        if len(items) == 1 and items[0].children and (not title or items[0].title == title):
            return items[0]
        return Item(_plain(title), page, children=items) if title or page else Item(children=items)

    # ------------------------------------------------------------ entries

    def _items(
        self, entries: Any, base: str, depth: int, elsewhere: tuple[str, ...] = ()
    ) -> Iterator[Item]:
        for entry in listed(entries) if depth < _DEEPEST else ():
            values = mapping(entry)
            own = text(values.get("base")) or base
            title = _plain(text(values.get("text")))
            link = _joined(text(values.get("link")), own)
            page = "" if link.startswith(elsewhere) else self._page(link)
            children = tuple(self._items(values.get("items"), own, depth + 1, elsewhere))
            if page or children:
                yield Item(title, page, children=children)

    def _page(self, link: str) -> str:
        """The path of the page that a link of the navigation means; "" for another site."""
        if not link or _OUTSIDE.match(link):
            return ""
        place = re.sub(r"[?#].*$", "", link).lstrip("/")
        outer = text(self.settings.get("base")).strip("/")
        place = re.sub(r"\.(?:md|html)$", "", place)
        if not place or place.endswith("/"):
            place += "index"
        tried = [place, *self._before_rewriting(place)]
        tried += [f"{each}/index" for each in tried]
        if outer and place.startswith(f"{outer}/"):
            tried += [place[len(outer) + 1 :]]
        paths = [posixpath.normpath(posixpath.join(self.root, each)) for each in tried]
        return next(filter(self.has, paths), paths[0])

    def _before_rewriting(self, place: str) -> Iterator[str]:
        """The paths of files that VitePress moves to `place`."""
        for source, target in mapping(self.settings.get("rewrites")).items():
            if isinstance(target, str) and (found := _rewritten(target, source, f"{place}.md")):
                yield without_ending(found)


_PARAMETER = re.compile(r":(\w+)(\*|\([^()]*\))?|\(\.\*\)")


def _rewritten(pattern: str, target: str, path: str) -> str:
    """`path` as `target` if it matches `pattern`; both may name parts: `en/:rest*`."""
    names: list[str] = []
    written, at = "", 0
    if pattern.count("*") > 2 or pattern.count(":") > _MOST_PARTS:
        return ""
    for found in _PARAMETER.finditer(pattern):
        names.append(found[1] or "")
        within = r"(.*)" if found[2] or not found[1] else r"([^/]+)"
        written += re.escape(pattern[at : found.start()]) + within
        at = found.end()
    matched = re.fullmatch(written + re.escape(pattern[at:]), path)
    if not matched:
        return ""
    values = dict(zip(names, matched.groups(), strict=True))
    filled = _PARAMETER.sub(lambda found: values.get(found[1] or "", "\0"), target)
    return "" if "\0" in filled or ":" in filled or "(" in filled else filled


def _joined(link: str, base: str) -> str:
    """A link with the beginning that its sidebar gives to all."""
    if not link or not base or _OUTSIDE.match(link):
        return link
    return base + link.lstrip("/") if base.endswith("/") else base + link


def _plain(title: str) -> str:
    return " ".join(_TAGS.sub(" ", title).split()) if "<" in title else title


def _leads(entry: Any, key: str) -> bool:
    """Whether an entry of the menu leads to the pages below a path."""
    wanted = f"/{key.strip('/')}/"
    links = (mapping(entry).get("activeMatch"), mapping(entry).get("link"))
    return wanted != "//" and any(
        f"/{text(link).strip('^/')}/".startswith(wanted) for link in links
    )
