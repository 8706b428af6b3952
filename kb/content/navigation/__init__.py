"""Navigations of other tools, read as data: which article stands in which section, in what order.

Nothing is run. What a file computes, and what names no article, is left out.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import Any

from kb.base import regular_files
from kb.base.errors import reason
from kb.base.messages import Message
from kb.content import tools
from kb.content.navigation import (
    contents_files,
    data,
    docusaurus,
    hugo,
    mintlify,
    mkdocs,
    scripts,
    variables,
    vitepress,
)
from kb.content.navigation.models import FolderLabel, Item, Navigation
from kb.content.navigation.vitepress import Site
from kb.content.problems import Problem

__all__ = [
    "LEVELS_ABOVE",
    "FolderLabel",
    "Item",
    "Navigation",
    "Navigations",
    "Site",
    "hidden_navigations",
    "is_hidden_setting",
    "is_navigation",
    "is_settings",
    "read",
    "settings",
    "settings_above",
    "sites",
]

_ABOVE = mkdocs.FILES | docusaurus.SIDEBARS | docusaurus.ASTRO  # beside the folder of articles
_FILES = _ABOVE | docusaurus.LABELS | hugo.FILES | mintlify.FILES
LEVELS_ABOVE = 3  # of folders in which settings are looked for
_SITE_SETTINGS = tuple(f"{vitepress.FOLDER}/{config}" for config in vitepress.CONFIGS)


@dataclass(frozen=True)
class Navigations:
    """All navigations of an articles folder, labels of its folders, and what could not be read."""

    all: tuple[Navigation, ...] = ()
    labels: Mapping[str, FolderLabel] = field(default_factory=dict)  # by folder
    problems: tuple[Problem, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The files that list sections or pages, from the articles folder."""
        return tuple(each.file for each in self.all if each.items)

    @cached_property
    def digest(self) -> str:
        """A digest that changes when an article may get another place."""
        if not self.all and not self.labels:
            return ""
        written = repr((self.all, sorted(self.labels.items())))
        return blake2b(written.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def is_navigation(name: str, path: str) -> bool:
    """Whether the file at `path` may hold a navigation, by its name.

    Only a `SUMMARY.md` is read: it is one if it is a list of links, and otherwise an article. And
    `docs.json`, which may be any other file.
    """
    if name == "index.html":
        return "$docsify" in (_text(path) or "")
    if name in tools.COMMON_NAMES:
        return mintlify.is_settings(_text(path) or "")
    if name == contents_files.SUMMARY:
        return contents_files.is_summary(_text(path) or "")
    return is_settings(name)


def is_settings(name: str) -> bool:
    """Whether a file that can be no article may hold a navigation, by its name."""
    return name in _FILES or name == contents_files.SIDEBAR or contents_files.is_toc(name)


def hidden_navigations(folder: Path | str, name: str) -> tuple[str, ...]:
    """The files that may hold a navigation in a hidden folder `name`, from the folder it lies in.

    Only VitePress has such a folder; of several files the first counts.
    """
    if name != vitepress.FOLDER:
        return ()
    paths = (f"{name}/{config}" for config in vitepress.CONFIGS)
    return tuple(path for path in paths if os.path.isfile(os.path.join(folder, path)))[:1]


def is_hidden_setting(path: str) -> bool:
    """Whether a file in a hidden folder may hold a navigation, or a part of one."""
    return vitepress.is_setting(path)


def sites(root: Path, paths: Collection[str]) -> tuple[Site, ...]:
    """The projects of VitePress whose settings are in the files at `paths`, and one above `root`.

    Settings that cannot be read say nothing; `read` tells of them.
    """
    reader = _NavigationReader(root, paths)
    within = (reader.site(path) for path in paths if f"/{vitepress.FOLDER}/" in f"/{path}")
    return tuple(site for site in (*within, reader.site_above()) if site is not None)


def read(root: Path, paths: Collection[str]) -> Navigations:
    """Reads the navigations in the files at `paths`, and those of the project around `root`.

    The settings of a project usually lie above the folder of its articles. They are read there if
    they name this very folder.
    """
    return _NavigationReader(root, paths).read()


def settings(root: Path, file: Path, project: Path) -> Any:
    """The values in a file of settings of any tool; None where they cannot be read.

    Those that MkDocs inherits are among them; of a script they are what it exports, with what it
    imports from the folder `project`. A file that is of no such kind is its text.
    """
    text = _text(file)
    if text is None:
        return None
    if file.suffix in _SCRIPTS:
        return _NavigationReader(root, ())._exported(file, project)
    if file.suffix not in _VALUES and file.name != ".yfm":
        return text
    try:
        content = data.read("a.yaml" if file.name == ".yfm" else file.name, text)
    except data.Unreadable:
        return None
    if file.name in mkdocs.FILES:
        return _NavigationReader(root, ())._whole(content, project)
    return content


_SCRIPTS = frozenset((".js", ".ts"))
_VALUES = frozenset((".json", ".toml", ".yaml", ".yml"))


def settings_above(root: Path, further: Iterable[str] = ()) -> tuple[tuple[str, int], ...]:
    """The files above `root` that may hold its navigation, each with its time.

    `further` are the names of other files of settings that are told of as well.
    """
    names = sorted({*_ABOVE, *_SITE_SETTINGS, *further})
    found = []
    for folder in Path(os.path.realpath(root)).parents[:LEVELS_ABOVE]:
        for name in names:
            with suppress(OSError):
                found.append((f"{folder}/{name}", os.stat(folder / name).st_mtime_ns))
    return tuple(found)


class _NavigationReader:
    """Reads the navigations of one articles folder."""

    def __init__(self, root: Path, paths: Collection[str]) -> None:
        self._root, self._paths = root, sorted(paths, key=lambda path: (path.count("/"), path))
        self._found: list[Navigation] = []
        self._labels: dict[str, FolderLabel] = {}
        self._problems: list[Problem] = []
        self._included: set[str] = set()
        self._around = Path(os.path.realpath(root)).parents[:LEVELS_ABOVE]

    def read(self) -> Navigations:
        """All navigations, those of outer folders first."""
        self._read_above()
        for path in self._paths:
            if f"/{vitepress.FOLDER}/" in f"/{path}":
                self._read_site(path)
            else:
                self._read_one(path)
        self._translate_docusaurus()
        return Navigations(tuple(self._found), self._labels, tuple(self._problems))

    def _read_above(self) -> None:
        """Reads settings above the articles, if their articles are those in this folder."""
        here = Path(os.path.realpath(self._root))
        for folder in self._around:
            for name in sorted(_ABOVE):
                inner = here.relative_to(folder).as_posix()
                made = self._made_above(folder / name)
                if made is not None and made.root == inner:
                    moved = tuple(_moved(item, f"{inner}/") for item in made.items)
                    file = os.path.relpath(folder / name, here)
                    self._found.append(Navigation(made.tool, "", "", made.title, moved, file))

        if (site := self.site_above()) is not None:
            self._found += site.navigations()

    def site_above(self) -> Site | None:
        """The project of VitePress above the articles, if its pages are those in this folder."""
        here = Path(os.path.realpath(self._root))
        for folder in self._around:
            for path in hidden_navigations(folder, vitepress.FOLDER):
                site = self._site(folder, "", path)
                if site is not None and site.root == here.relative_to(folder).as_posix():
                    settings = {**site.settings, "srcDir": ""}
                    return replace(site, settings=settings, has=self._has_page)
        return None

    def site(self, path: str) -> Site | None:
        """The project of VitePress whose settings are in the file at `path`."""
        project = path.rpartition(f"{vitepress.FOLDER}/")[0].rstrip("/")
        return self._site(self._root / project, project, path[len(project) :].lstrip("/"))

    def _site(self, here: Path, project: str, name: str) -> Site | None:
        """The project in the folder `here`, known as `project`, with its settings in `name`."""
        settings = self._exported(here / name, here)
        if not isinstance(settings, dict):
            return None
        site = Site(project, settings, has=self._has_page)
        inner = here / (site.root[len(project) :].lstrip("/"))
        sections = {path.parent.name: self._exported(path, here) for path in _sections(inner)}
        return replace(site, sections=sections)

    def _docsify_root(self, folder: str) -> str:
        """The outermost folder above `folder` that belongs to the same site of Docsify."""
        of_docsify = ("index.html", contents_files.SIDEBAR)
        sites = (
            path.rpartition("/")[0] for path in self._paths if path.rpartition("/")[2] in of_docsify
        )
        above = (site for site in sites if f"{folder}/".startswith(f"{site}/" if site else ""))
        return min(above, key=len, default=folder)

    def _has_page(self, path: str) -> bool:
        return os.path.isfile(self._root / f"{path}.md")

    def _exported(self, path: Path, within: Path) -> Any:
        """What a script exports, with what it imports from files in the folder `within`."""
        text = _text(path)
        if text is None:
            return None
        try:
            return data.checked(scripts.exported(str(path), text, _importer(within)))
        except data.Unreadable:
            return None

    def _read_site(self, path: str) -> None:
        """Reads the navigation of VitePress; one that is no data is told."""
        site = self.site(path)
        if site is None:
            self._problems.append(_unreadable(path, "it exports no literal"))
            return
        self._found += (replace(made, file=path) for made in site.navigations())

    def _made_above(self, path: Path) -> Navigation | None:
        """The navigation of a file that nobody may have meant for these articles."""
        text = _text(path)
        try:
            return self._made(path.name, "", text, path.parent) if text else None
        except data.Unreadable:
            return None

    def _read_one(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        if contents_files.is_toc(name):
            self._read_toc(path)
            return
        text = self._text(path)
        if text is None:
            return
        try:
            if name in mintlify.FILES:
                content = data.read(name, text)
                made_of = mintlify.navigations(folder, content, self._include_at_will)
                self._found += (replace(each, file=path) for each in made_of)
            elif name in docusaurus.LABELS:
                self._labels[folder] = docusaurus.label(data.read(name, text))
            elif (made := self._made(name, folder, text, self._root / folder)) is not None:
                self._found.append(replace(made, file=path))
        except data.Unreadable as error:
            self._problems.append(_unreadable(path, reason(error)))

    def _translate_docusaurus(self) -> None:
        """Gives sections of Docusaurus their titles in the languages below `i18n`."""
        folders = {each.base for each in self._found if each.tool == "docusaurus"}
        if not folders and not self._labels:
            return
        named: dict[str, dict[str, str]] = defaultdict(dict)  # by title, then language
        for folder in sorted({"", *folders}):
            for file in sorted((self._root / folder).glob(docusaurus.TRANSLATED)):
                lang = re.split("[-_]", file.parts[-3])[0].lower()
                with suppress(data.Unreadable):
                    content = data.read(file.name, _text(file) or "")
                    for title, message in docusaurus.translated_titles(content).items():
                        named[title].setdefault(lang, message)
        if named:
            self._found = [
                replace(each, items=tuple(_translated(item, named) for item in each.items))
                if each.tool == "docusaurus"
                else each
                for each in self._found
            ]
            self._labels = {
                folder: replace(label, translations=named.get(label.title, {}))
                for folder, label in self._labels.items()
            }

    def _made(self, name: str, folder: str, text: str, here: Path) -> Navigation | None:
        """The navigation of one file, which lies in the folder `here`; raises Unreadable."""
        if name == "index.html":  # only tells whose folder it is
            return None
        if name == contents_files.SUMMARY:
            return contents_files.gitbook(folder, text)
        if name == contents_files.SIDEBAR:
            return contents_files.docsify(folder, text, self._docsify_root(folder), self._has_page)
        if name in docusaurus.ASTRO:
            return docusaurus.starlight(folder, text)
        make: Callable[[str, Any], Navigation | None] = (
            mkdocs.navigation
            if name in mkdocs.FILES
            else docusaurus.docusaurus
            if name in docusaurus.SIDEBARS
            else hugo.navigation
        )
        content = data.read(name, text)
        return make(folder, self._whole(content, here) if name in mkdocs.FILES else content)

    def _whole(self, content: Any, here: Path, depth: int = LEVELS_ABOVE) -> Any:
        """Settings of MkDocs in the folder `here`, with those that they inherit from another file.

        That file may lie beside the project, no further away than settings are looked for.
        """
        settings = data.mapping(content)
        named = data.text(settings.get("INHERIT"))
        path = Path(os.path.realpath(here / named))
        outermost = [Path(os.path.realpath(self._root)), *self._around][-1]
        if not (named.endswith((".yml", ".yaml")) and depth and path.is_relative_to(outermost)):
            return content
        try:
            above = data.read(path.name, _text(path) or "")
        except data.Unreadable:
            return content
        return data.mapping(self._whole(above, path.parent, depth - 1)) | settings

    def _read_toc(self, path: str) -> None:
        """Reads a table of contents that no other one includes."""
        folder, _, name = path.rpartition("/")
        if path in self._included or name.lower() not in ("toc.yaml", "toc.yml"):
            return
        if (content := self._content(path)) is not None:
            made = contents_files.diplodoc(folder, content, self._include, self._presets(folder))
            self._found.append(replace(made, file=path))

    def _presets(self, folder: str) -> dict[str, str]:
        """The variables of Diplodoc for a folder, those of nearer folders first."""
        found: dict[str, str] = {}
        for above in ("", *accumulate(folder.split("/"), lambda *parts: "/".join(parts))):
            path = f"{above}/presets.yaml".lstrip("/")
            if (text := _text(self._root / path)) is not None:
                found |= variables.read(path, text)
        return found

    def _include(self, path: str) -> Any:
        if path in self._included or path.startswith("../"):
            return None
        self._included.add(path)
        return self._content(path)

    def _include_at_will(self, path: str) -> Any:
        """The content of a file that settings may refer to more than once."""
        return self._content(path) if path.endswith(".json") else None

    def _text(self, path: str) -> str | None:
        """The text of a file below the articles folder; one that is too large is told."""
        file = self._root / path
        text = _text(file)
        if text is None and file.is_file() and file.stat().st_size > data.MOST_BYTES:
            too_much = Message("more than {n} bytes", n=data.MOST_BYTES)
            self._problems.append(_unreadable(path, too_much))
        return text

    def _content(self, path: str) -> Any:
        try:
            return data.read(path, self._text(path) or "")
        except data.Unreadable as error:
            self._problems.append(_unreadable(path, reason(error)))
            return None


def _text(path: Path | str) -> str | None:
    """The text of a file; None if it is no regular file, too large, or no UTF-8."""
    try:
        read = regular_files.read(path, data.MOST_BYTES + 1)
    except OSError:
        return None
    return None if len(read) > data.MOST_BYTES else read.decode("utf-8-sig", "replace")


_IMPORTED = ("", ".ts", ".js", ".mts", ".mjs", ".json", "/index.ts", "/index.js", "/index.mts")


def _importer(within: Path) -> scripts.Load:
    """Opens the files that scripts import, inside the folder `within` alone."""
    top = os.path.realpath(within)

    def load(path: str, address: str) -> tuple[str, str] | None:
        place = os.path.normpath(os.path.join(os.path.dirname(path), address))
        for ending in (*_IMPORTED, None):
            named = f"{place}{ending}" if ending is not None else place.replace(".js", ".ts")
            real = os.path.realpath(named)
            if real.startswith(f"{top}{os.sep}") and os.path.isfile(real):
                text = _text(real)
                return None if text is None else (real, text)
        return None

    return load


def _sections(folder: Path) -> Iterator[Path]:
    """The settings of parts of a site of VitePress: in the folder of its pages and those in it."""
    with suppress(OSError), os.scandir(folder) as entries:
        inner = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        for place in (str(folder), *sorted(inner)):
            for name in sorted(vitepress.SECTIONS):
                path = Path(place, name)
                if path.is_file() and "defineAdditionalConfig" in (_text(path) or ""):
                    yield path


def _moved(item: Item, prefix: str) -> Item:
    """The entry with its paths counted from a folder further in."""
    return replace(
        item,
        path=item.path.removeprefix(prefix),
        folder="" if f"{item.folder}/" == prefix else item.folder.removeprefix(prefix),
        children=tuple(_moved(child, prefix) for child in item.children),
    )


def _translated(item: Item, named: Mapping[str, Mapping[str, str]]) -> Item:
    """The entry, and those below it, with translations of their titles."""
    children = tuple(_translated(child, named) for child in item.children)
    return replace(item, translations=named.get(item.title, {}), children=children)


def _unreadable(path: str, why: str) -> Problem:
    message = Message("the navigation cannot be read: {reason}", reason=why)
    cure = Message("correct the file; until then its folders give the structure")
    return Problem(path, 1, "bad-navigation", message, cure, "warning")
