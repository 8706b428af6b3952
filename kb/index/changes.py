"""Compares the articles folder with the previous build: which files changed. Parses none."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from itertools import chain, compress
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from kb.base.config import Settings
from kb.base.errors import IndexDamaged, IndexMissing
from kb.content import articles, dialects, gates
from kb.content.addresses import folded
from kb.content.articles import Defaults
from kb.content.folder import Source, read_file
from kb.content.includes import Includes
from kb.content.problems import Problem
from kb.git import history
from kb.git.history import Change
from kb.index import entry_table
from kb.index.builds import Build, Builds
from kb.index.counts import COUNTS
from kb.index.entry_table import Articles, EntryTable, folder_of, stats_of
from kb.index.fingerprint import fingerprint
from kb.index.reader import SYNONYMS
from kb.index.spool import Place, Spool

STATE = "state.json"
_UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)  # a state that is another
_MAY_PASS = {"slug-taken", "too-slow", "too-much-memory"}  # though the file stays as it is


@dataclass
class PreviousBuild:
    """The build that a new one goes on from, with the entries of its files."""

    build: Build
    entries: EntryTable
    segments: list[str]  # file names
    deleted: list[list[int]]
    synonyms: str
    navigations: str  # a digest of what the tools' navigations said
    root: str  # of the articles it is of
    is_sound: bool  # False when it stands in for a later build that is damaged
    links: list[Any] = field(default_factory=list)  # what `settle_links` remembers
    tree: list[Any] = field(default_factory=list)  # its topics, as `TopicTree.to_json` tells them

    @cached_property
    def articles(self) -> Articles:
        """The entries of the articles that stand in it, by path."""
        return self.entries.served

    @property
    def served(self) -> AbstractSet[str]:
        """Paths of the articles that stand in it."""
        return self.articles.keys()

    @property
    def is_hurried(self) -> bool:
        """Whether it was built with `hurried`, so that a level is still to be measured."""
        return bool(self.build.manifest.get("hurried"))

    @property
    def has_counts(self) -> bool:
        """Whether it holds what a light build needs (`counts`)."""
        return COUNTS in self.build.manifest["files"]


@dataclass(slots=True)
class Changes:
    """The difference between the articles folder and the previous build.

    The bytes of the files in `fresh` lie in `spool`.
    """

    spool: Spool
    kept: EntryTable = field(default_factory=EntryTable)
    touched: list[str] = field(default_factory=list)  # those of `kept` with something else noted
    fresh: list[tuple[Source, Place, Defaults]] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    """The tool whose keys each file uses, of those that are looked at."""
    dialects: dict[str, str] = field(default_factory=dict)  # what they say of their folders
    reasons: dict[str, str] = field(default_factory=dict)  # and what told it
    audiences: dict[str, tuple[str, ...]] = field(default_factory=dict)  # set by folders' pages
    problems: list[Problem] = field(default_factory=list)
    folders: dict[str, str] = field(default_factory=dict)  # real paths, as `read_file` keeps them


def previous_build(builds: Builds, settings: Settings) -> PreviousBuild | None:
    """The current build, if a new one with these settings can go on from it.

    Returns None if there is none, it cannot be read, or its fingerprint is another.
    """
    try:
        build = builds.current()
        if build.manifest.get("fingerprint") != fingerprint(settings):
            return None
        state = orjson.loads((build.folder / STATE).read_bytes())
        return PreviousBuild(
            build,
            entry_table.read(build.folder, state["entries"]),
            build.manifest["segments"],
            build.manifest["dead"],
            (build.folder / SYNONYMS).read_text("utf-8"),
            str(build.manifest.get("navigations", "")),
            str(build.manifest.get("root", "")),
            build.name == builds.pointed(),
            state["links"],
            state["tree"],
        )
    except (IndexMissing, IndexDamaged, *_UNREADABLE):
        return None


def compare(
    settings: Settings,
    sources: Sequence[Source],
    past: history.History,
    before: PreviousBuild | None,
    is_copy: bool,
    tool_files: Sequence[str] = (),
    addresses: Mapping[str, str] = {},
    *,
    draft: Path | None = None,
) -> Changes:
    """Sorts files into those that the previous build knows as they are, and the bytes of others.

    A file is unchanged if its stat and facts are, or its digest is. `past` says who changed it last
    and when. With `is_copy` the files are copies that are gone soon: their size and time of change
    stand for their stat, and what the previous build knew of that, and of the stat of what they
    include, is kept.
    `tool_files` are the paths of files that belong to tools, `addresses` what the settings of tools
    give to articles besides their own, by path. `draft` is the folder of what is set aside.
    """
    changes = Changes(Spool(draft))
    base = Defaults(lang=settings.lang, langs=settings.langs, max_bytes=settings.max_article_bytes)
    known = before.entries if before else EntryTable()
    may_pass = _that_may_pass(known)
    paths = list(map(_path, sources))
    rows = _as_they_were(sources, paths, known, is_copy)
    for number, path in enumerate(paths) if may_pass else ():
        if path in may_pass:
            rows[number] = -1
    is_same, at = rows >= 0, rows[rows >= 0]
    same = list(compress(paths, is_same.tolist()))
    groups, of_file = known.groups_of(at)
    changes.audiences = _among(same, known.rare("audience"))
    changed = {
        source.path: place
        for source in compress(sources, (~is_same).tolist())
        if (place := _looked_at(settings, source, changes))
    }
    of_group = [(group.folder, group.mark) for group in groups]
    marks = chain(
        map(of_group.__getitem__, of_file), ((path, changes.marks[path]) for path in changed)
    )
    folders = dialects.FolderDialects.of(marks, tool_files, settings.tools)
    changes.dialects = {folder: dialect for folder, dialect in folders.by_folder.items() if dialect}
    changes.reasons = dict(folders.reasons)
    audiences = gates.FolderAudiences.of(changes.audiences.items())
    included = Includes(settings.articles, [*same, *changed], tool_files, audiences)
    defaults_of = cache(partial(_defaults_of, base, folders, audiences))

    @cache  # many are of one group
    def is_as_it_was(group: int, change: Change | None, address: str | None) -> bool:
        folder, _, facts, files = groups[group]
        return facts == facts_of(defaults_of(change, folder, address)) + included.state(files)

    now = map(is_as_it_was, of_file, map(past.changes.get, same), map(addresses.get, same))
    is_kept = is_same.copy()
    is_kept[is_same] = np.fromiter(now, bool, len(same))
    changes.kept = known.only(rows[is_kept])
    others = (is_same & ~is_kept).nonzero()[0].tolist()
    of_others = known.groups_of(rows[others])[1]
    changes.marks |= {
        paths[number]: groups[group].mark for number, group in zip(others, of_others, strict=True)
    }
    for source in compress(sources, (~is_kept).tolist()):
        path = source.path
        if path not in changes.marks:
            continue
        place = changed.get(path) or _spooled(settings, source, changes)
        if place is None:
            continue
        entry = None if path in may_pass else known.get(path)
        data = changes.spool.read(place)
        defaults = defaults_of(past.changes.get(path), folder_of(path), addresses.get(path))
        defaults = replace(defaults, inclusions=included.of(path, data))
        stat, facts = source.stat, facts_of(defaults)
        if entry and entry.digest == articles.digest(path, data, defaults):
            files, mark = defaults.inclusions.files, changes.marks[path]
            if is_copy:
                stat, facts = entry.stat, entry.facts if entry.includes == files else facts
            changes.kept[path] = replace(entry, stat=stat, facts=facts, mark=mark, includes=files)
            changes.touched.append(path)
        else:
            changes.fresh.append((source, place, defaults))
    return changes


def _that_may_pass(known: EntryTable) -> frozenset[str]:
    """Paths of the files whose problems may pass though they stay as they are."""
    return frozenset(
        path
        for path, problems in known.rare("problems")
        if any(each.code in _MAY_PASS for each in problems)
    )


def _as_they_were(
    sources: Sequence[Source], paths: Sequence[str], known: EntryTable, is_copy: bool
) -> NDArray[np.intp]:
    """The row of each file, by its path, that is as it was by its stat, else -1.

    Copies are by size and time of change.
    """
    stats = stats_of(list(map(_stat, sources)), size=2 if is_copy else 4)
    return known.rows_of(paths, stats)


def _among(paths: Sequence[str], told: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """What is told of some of these paths."""
    found = dict(told)
    return {path: found[path] for path in paths if path in found} if found else {}


def _looked_at(settings: Settings, source: Source, changes: Changes) -> Place | None:
    """A file, read, set aside and asked what it says of its folder; None as of `_bytes`."""
    data = _bytes(settings, source, changes)
    if data is None:
        return None
    changes.marks[source.path] = dialects.detect(source.path, data)
    changes.audiences[source.path] = gates.audience_of_folder(source.path, data)
    return changes.spool.add(data)


def _spooled(settings: Settings, source: Source, changes: Changes) -> Place | None:
    """A file, read and set aside; None as of `_bytes`."""
    data = _bytes(settings, source, changes)
    return None if data is None else changes.spool.add(data)


def _bytes(settings: Settings, source: Source, changes: Changes) -> bytes | None:
    """The bytes of a file; None, and a problem in `changes`, if it cannot be read."""
    most, folders = settings.max_article_bytes, changes.folders
    data = read_file(settings.articles, source, most, folders)
    if isinstance(data, Problem):
        changes.problems.append(data)
        return None
    return data


_path: Callable[[Source], str] = itemgetter(0)
_stat: Callable[[Source], tuple[int, ...]] = itemgetter(1)


def _defaults_of(
    base: Defaults,
    folders: dialects.FolderDialects,
    audiences: gates.FolderAudiences,
    change: Change | None,
    folder: str,
    address: str | None,
) -> Defaults:
    """The defaults of articles by git and the folder they lie in."""
    path = f"{folder}any.md"
    return replace(
        base.of(change), dialect=folders.dialect(path), also=folders.also(path),
        audience=audiences.audience(path), address=address or "",
    )  # fmt: skip


def facts_of(defaults: Defaults) -> str:
    """The facts of an article as one text, to be compared with those of the previous build."""
    audience = ",".join(defaults.audience)
    tools = ",".join((defaults.dialect, *defaults.also))
    facts = (str(defaults.author), str(defaults.updated), tools, audience)
    own = (f"@{defaults.address}",) if defaults.address else ()
    return "|".join((*facts, *own, defaults.inclusions.state))


def known_paths(builds: Builds) -> tuple[set[str], set[str]]:
    """The paths of the articles in the current build, and of all files it knew.

    A build of another version is read as well; both sets are empty if there is none to read.
    """
    entries = _known(builds)
    return set(entries.served), set(entries)


def served_at(builds: Builds, before: PreviousBuild | None) -> dict[str, str]:
    """The path of the article that is served at each folded slug.

    In `before`, or in the current build where nothing goes on from it.
    """
    articles = (_known(builds) if before is None else before.entries).served
    return dict(zip(map(folded, articles.column("slug")), articles, strict=True))


def _known(builds: Builds) -> EntryTable:
    """The files that the current build knew; none if there is no build to read."""
    try:
        return _entries(builds.current().folder)
    except (IndexMissing, IndexDamaged, *_UNREADABLE):
        return EntryTable()


def digests(folder: Path) -> dict[str, str]:
    """The digest of each article of the build in this folder, by slug; none if it cannot be read.

    Equal digests mean that an article is as it was.
    """
    try:
        articles = _entries(folder).served
    except (IndexDamaged, *_UNREADABLE):
        return {}
    return dict(zip(articles.column("slug"), articles.column("digest"), strict=True))


def _entries(folder: Path) -> EntryTable:
    state = orjson.loads((folder / STATE).read_bytes())
    return entry_table.read(folder, state["entries"])


def articles_root(settings: Settings) -> str:
    """The folder a build is of, written into it, so that no other server takes it for its own."""
    return str(settings.articles.resolve())


def write_state(
    draft: Path,
    entries: EntryTable,
    problems: Sequence[Problem],
    skipped: int,
    links: Sequence[Any],
    tree: Sequence[Any] = (),
) -> None:
    """Writes the entries and problems of a build into `draft`, for the next build to read.

    `links` is what `settle_links` returned, `tree` what `TopicTree.to_json` of its topics.
    """
    state = {
        "skipped": skipped,
        "links": list(links),
        "tree": tree,
        "problems": [problem.to_json() for problem in problems],
        "entries": entries.write(draft),
    }
    (draft / STATE).write_bytes(orjson.dumps(state))
