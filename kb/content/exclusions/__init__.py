"""What the settings of other tools leave out of the articles. Runs nothing, walks no folder."""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from kb.base.messages import Message
from kb.content import navigation, tools
from kb.content.exclusions import readers
from kb.content.exclusions.readers import Exclusion
from kb.content.navigation import LEVELS_ABOVE, Site

__all__ = [
    "LEVELS_ABOVE",
    "Exclusions",
    "LeftOut",
    "Told",
    "is_hidden_setting",
    "is_setting",
    "read",
    "settings_above",
]

_MINTIGNORE, _OBSIDIAN, _YFM = ".mintignore", ".obsidian/app.json", ".yfm"
# The files of settings by their names, from the folder of the project.
_SETTINGS = {
    **{name: tool for name, tool in tools.FILES.items() if tool in (tools.HUGO, tools.MKDOCS)},
    "_config.yml": tools.JEKYLL, "config.toml": tools.HUGO, "docfx.json": tools.DOCFX,
    "docusaurus.config.js": tools.DOCUSAURUS, "docusaurus.config.ts": tools.DOCUSAURUS,
    "hugo.yml": tools.HUGO, _MINTIGNORE: tools.MINTLIFY, _OBSIDIAN: tools.OBSIDIAN,
    _YFM: tools.DIPLODOC,
}  # fmt: skip
_HIDDEN = (_MINTIGNORE, _OBSIDIAN, _YFM)
_OF_HUGO = "config/_default/"  # where its settings may lie as well
# Files that tell a project of its own, in which the settings of another tool do not count.
_PROJECTS = {
    **_SETTINGS, "astro.config.mjs": tools.STARLIGHT, "astro.config.ts": tools.STARLIGHT,
    "docs.json": tools.MINTLIFY, "mint.json": tools.MINTLIFY, tools.SITE_FOLDER: tools.VITEPRESS,
    "config.toml": "",  # of anything
}  # fmt: skip


def is_setting(path: str) -> bool:
    """Whether a file may say what is left out, by its path."""
    return _name_of(path) in _SETTINGS or is_hidden_setting(path)


def is_hidden_setting(path: str) -> bool:
    """Whether a hidden file may say what is left out, by its path."""
    return f"/{path}".endswith(tuple(f"/{each}" for each in _HIDDEN))


def settings_above(root: Path) -> tuple[tuple[str, int], ...]:
    """The files above `root` that may hold its navigation or exclusions, each with its time."""
    return navigation.settings_above(root, _SETTINGS)


class Told(NamedTuple):
    """A line for writers: what is left out, and why."""

    path: str
    message: Message
    cure: Message
    is_unread: bool = False  # a pattern that cannot be followed, so that nothing is left out


@dataclass(frozen=True)
class _Placed:
    """An exclusion with the way from the articles folder to that of its paths."""

    exclusion: Exclusion
    file: str  # that holds it, from the articles folder
    project: str | None  # its folder, "" or with a slash at the end; None above the articles
    put: str = ""  # what is put before the path of an article, to count from there
    cut: str = ""  # what is cut off

    def leaves_out(self, path: str) -> bool:
        """Whether the exclusion leaves out the article at a path."""
        return path.startswith(self.cut) and self.exclusion.leaves_out(
            self.put + path[len(self.cut) :]
        )


@dataclass(frozen=True)
class Exclusions:
    """All that settings leave out of one articles folder."""

    _all: tuple[_Placed, ...] = ()
    _projects: tuple[tuple[str, str], ...] = ()  # folders, "" or with a slash at the end, and tools

    def __bool__(self) -> bool:
        return bool(self._all)

    def among(self, paths: Collection[str]) -> "LeftOut":
        """Those of the articles at `paths` that are left out.

        Settings above the folder that leave out all of it are not followed: somebody named it.
        """
        followed = tuple(
            each for each in self._all if each.project is not None or not _takes_all(each, paths)
        )
        left = replace(self, _all=followed)
        by = {path: placed for path in paths if (placed := left.of(path))}
        return LeftOut(by, left)

    @property
    def all(self) -> tuple[_Placed, ...]:
        """Every exclusion, those inside the folder first."""
        return self._all

    def of(self, path: str) -> _Placed | None:
        """The first exclusion that leaves out the file at a path."""
        for placed in self._all:
            if placed.leaves_out(path) and not self._is_of_another(placed, path):
                return placed
        return None

    def _is_of_another(self, placed: _Placed, path: str) -> bool:
        """Whether a file lies in a project of another tool, inside that of an exclusion."""
        return any(
            tool != placed.exclusion.tool
            and path.startswith(folder)
            and (placed.project is None or len(folder) > len(placed.project))
            for folder, tool in self._projects
        )


def _takes_all(placed: _Placed, paths: Iterable[str]) -> bool:
    return all(map(placed.leaves_out, paths))


@dataclass(frozen=True)
class LeftOut:
    """Articles that settings leave out."""

    _by: Mapping[str, _Placed]  # by path
    _exclusions: Exclusions

    def __contains__(self, path: object) -> bool:
        return path in self._by

    def has_place_of(self, path: str) -> bool:
        """Whether a file at a path, which need not be an article, would be left out."""
        return self._exclusions.of(path) is not None

    def told(self, paths: Collection[str]) -> Iterator[Told]:
        """A line for each folder or file of the articles at `paths` that is left out.

        What a tool leaves out by itself is one line.
        """
        by: dict[int, list[str]] = defaultdict(list)
        for path, placed in self._by.items():
            by[id(placed)].append(path)
        for placed in self._exclusions.all:
            left_out = sorted(by[id(placed)])
            if placed.exclusion.is_default:
                yield from _told_of_default(placed, left_out)
            elif left_out:
                yield from _told_of(placed, left_out, paths)
            if placed.exclusion.unread:
                yield _unread(placed)


_MOST_TOLD = 20  # folders and files of one setting


def _told_of(placed: _Placed, left_out: Sequence[str], paths: Iterable[str]) -> Iterator[Told]:
    setting, tool = placed.exclusion.setting, tools.NAMES[placed.exclusion.tool]
    cure = Message("to publish it, change `{setting}` in {file}", setting=setting, file=placed.file)
    groups = sorted(_grouped(left_out, paths).items())
    for folder, inside in groups[:_MOST_TOLD]:
        if len(inside) == 1:
            message = Message("`{setting}` of {tool} leaves it out", setting=setting, tool=tool)
            yield Told(inside[0], message, cure)
        else:
            message = Message(
                "`{setting}` of {tool} leaves out {n} file here",
                "`{setting}` of {tool} leaves out {n} files here",
                setting=setting, tool=tool, n=len(inside),
            )  # fmt: skip
            yield Told(folder or ".", message, cure)
    if rest := sum(len(inside) for _, inside in groups[_MOST_TOLD:]):
        message = Message(
            "`{setting}` leaves out {n} file in other folders",
            "`{setting}` leaves out {n} files in other folders",
            setting=setting, n=rest,
        )  # fmt: skip
        yield Told(placed.file, message, cure)


def _told_of_default(placed: _Placed, left_out: Sequence[str]) -> Iterator[Told]:
    if left_out:
        setting, tool = placed.exclusion.setting, tools.NAMES[placed.exclusion.tool]
        message = Message(
            "{tool} makes no page of it, unless `{setting}` says otherwise",
            "{tool} makes no pages of it and others, {n} files, unless `{setting}` says otherwise",
            tool=tool, setting=setting, n=len(left_out),
        )  # fmt: skip
        cure = Message("to publish it, give it another name or place")
        yield Told(left_out[0], message, cure)


def _unread(placed: _Placed) -> Told:
    unread = placed.exclusion.unread
    message = Message(
        "`{setting}` holds a pattern that is not understood and leaves nothing out: {pattern}",
        "`{setting}` holds {n} patterns that are not understood and leave nothing out: {pattern}",
        setting=placed.exclusion.setting, n=len(unread), pattern=unread[0][:100],
    )  # fmt: skip
    cure = Message("write it with `*`, `**` and `?`, or give the articles `draft: true`")
    return Told(placed.file, message, cure, is_unread=True)


def _grouped(left_out: Sequence[str], paths: Iterable[str]) -> Mapping[str, list[str]]:
    """Files by the outermost folder of which all are left out, else by the folder they lie in."""
    of_folder = Counter(chain.from_iterable(map(_folders, left_out)))
    all_of_folder = Counter(
        folder for folder in chain.from_iterable(map(_folders, paths)) if folder in of_folder
    )
    groups: dict[str, list[str]] = defaultdict(list)
    for path in left_out:
        whole = (each for each in _folders(path) if of_folder[each] == all_of_folder[each])
        groups[next(whole, path.rpartition("/")[0])].append(path)
    return groups


def _folders(path: str) -> Iterator[str]:
    """The folders that a file lies in, the outermost first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def read(root: Path, settings: Collection[str], sites: Iterable[Site]) -> Exclusions:
    """Reads what is left out of the articles in the folder `root`.

    `settings` are the paths of files that belong to tools, `sites` the projects of VitePress. Files
    of settings above `root` count where its folder lies in that of their pages. Settings that
    cannot be read leave nothing out.
    """
    top = os.path.realpath(root)
    placed = (*_within(root, top, settings), *_of_sites(sites), *_of_above(root, top))
    projects = {
        (_project(file), tool) for file in settings if (tool := _PROJECTS.get(_name_of(file)))
    }
    return Exclusions(
        tuple(each for each in placed if each.exclusion.has_effect or each.exclusion.unread),
        tuple(sorted(projects)),
    )


def _name_of(file: str) -> str:
    return file.rpartition("/")[2]


def _project(file: str) -> str:
    """The folder of a project, "" or with a slash at the end, by a file of its settings."""
    folder = file[: len(file) - len(_name_of(file))]
    return folder.removesuffix(_OF_HUGO) if f"/{folder}".endswith(f"/{_OF_HUGO}") else folder


def _within(root: Path, top: str, settings: Iterable[str]) -> Iterator[_Placed]:
    """The exclusions of projects in the articles folder."""
    for file in sorted(settings):
        folder, name = _project(file), _name_of(file)
        if name in ("docs.json", "mint.json"):
            file, name = folder + _MINTIGNORE, _MINTIGNORE
        elif name == ".obsidian":
            file, name = folder + _OBSIDIAN, _OBSIDIAN
        if tool := _SETTINGS.get(name):
            content = navigation.settings(root, Path(top, file), Path(top, folder))
            for each in readers.READERS[tool](content):
                yield from _placed(each, file, folder, folder, top)


def _of_above(root: Path, top: str) -> Iterator[_Placed]:
    """The exclusions of projects above the articles folder."""
    for folder in Path(top).parents[:LEVELS_ABOVE]:
        for name, tool in _SETTINGS.items():
            if (content := navigation.settings(root, folder / name, folder)) is None:
                continue
            file, up = os.path.relpath(folder / name, top), os.path.relpath(folder, top)
            for each in readers.READERS[tool](content):
                yield from _placed(each, file, None, up, top)


def _of_sites(sites: Iterable[Site]) -> Iterator[_Placed]:
    for site in sites:
        folder = f"{site.folder}/" if site.folder else ""
        for each in readers.vitepress(site):
            cut = f"{folder}{each.folder}/" if each.folder else folder
            yield _Placed(each, f"{folder}{tools.SITE_FOLDER}/config", folder, cut=cut)


def _placed(
    exclusion: Exclusion, file: str, project: str | None, folder: str, top: str
) -> Iterator[_Placed]:
    """The exclusion of a project in `folder`, if its paths and the articles have to do at all."""
    there = os.path.normpath(os.path.join(top, folder, exclusion.folder))
    if there == top:
        yield _Placed(exclusion, file, project)
    elif there.startswith(f"{top}/"):
        yield _Placed(exclusion, file, project, cut=f"{there[len(top) + 1 :]}/")
    elif top.startswith(f"{there.rstrip('/')}/"):
        yield _Placed(exclusion, file, project, put=f"{top[len(there.rstrip('/')) + 1 :]}/")
