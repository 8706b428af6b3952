"""Compares the articles folder with the previous build: which files changed. Parses none."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import orjson

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
from kb.index import entries as entry_columns
from kb.index.builds import Build, Builds
from kb.index.counts import COUNTS
from kb.index.entries import Entry
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
    entries: dict[str, Entry]
    segments: list[str]  # file names
    deleted: list[list[int]]
    synonyms: str
    navigations: str  # a digest of what the tools' navigations said
    root: str  # of the articles it is of
    is_sound: bool  # False when it stands in for a later build that is damaged
    links: list[Any] = field(default_factory=list)  # what `settle_links` remembers
    tree: list[Any] = field(default_factory=list)  # its topics, as `TopicTree.to_json` tells them

    @cached_property
    def articles(self) -> dict[str, Entry]:
        """The entries of the articles that stand in it, by path."""
        return entry_columns.served(self.entries)

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
    kept: dict[str, Entry] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)  # those of `kept` with something else noted
    fresh: list[tuple[Source, Place, Defaults]] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)  # the tool whose keys each file uses
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
            entry_columns.read(build.folder, state["entries"]),
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
    known = _reusable(before)
    same = _as_they_were(sources, known, is_copy)
    changes.marks = dict(zip(same, map(attrgetter("mark"), same.values()), strict=True))
    changes.audiences = {path: entry.audience for path, entry in same.items() if entry.audience}
    others = (source for source in sources if source.path not in same)
    changed = {
        source.path: place for source in others if (place := _looked_at(settings, source, changes))
    }
    folder_of = list(map(_folder, same))  # many lie in few
    marks = (
        *zip(folder_of, map(attrgetter("mark"), same.values()), strict=True),
        *((path, changes.marks[path]) for path in changed),
    )
    folders = dialects.FolderDialects.of(marks, tool_files, settings.tools)
    changes.dialects = {folder: dialect for folder, dialect in folders.by_folder.items() if dialect}
    changes.reasons = dict(folders.reasons)
    audiences = gates.FolderAudiences.of(changes.audiences.items())
    included = Includes(settings.articles, changes.marks, tool_files, audiences)
    defaults_of = cache(partial(_defaults_of, base, folders, audiences))

    @cache  # many include the same
    def facts_now(
        change: Change | None, folder: str, address: str | None, files: tuple[str, ...]
    ) -> str:
        return facts_of(defaults_of(change, folder, address)) + included.state(files)

    now = map(
        facts_now, map(past.changes.get, same), folder_of, map(addresses.get, same),
        map(attrgetter("includes"), same.values()),
    )  # fmt: skip
    changes.kept = {
        path: entry
        for (path, entry), facts in zip(same.items(), now, strict=True)
        if entry.facts == facts
    }
    for source in sources:
        path = source.path
        if path in changes.kept or path not in changes.marks:
            continue
        place = changed.get(path) or _spooled(settings, source, changes)
        if place is None:
            continue
        entry, data = known.get(path), changes.spool.read(place)
        defaults = defaults_of(past.changes.get(path), _folder(path), addresses.get(path))
        defaults = replace(defaults, inclusions=included.of(path, data))
        stat, facts = stat_of(source), facts_of(defaults)
        if entry and entry.digest == articles.digest(path, data, defaults):
            files, mark = defaults.inclusions.files, changes.marks[path]
            if is_copy:
                stat, facts = entry.stat, entry.facts if entry.includes == files else facts
            changes.kept[path] = replace(entry, stat=stat, facts=facts, mark=mark, includes=files)
            changes.touched.append(path)
        else:
            changes.fresh.append((source, place, defaults))
    return changes


def _reusable(before: PreviousBuild | None) -> dict[str, Entry]:
    """The known entries, without those whose problems may pass though the file stays as it is."""
    known = dict(before.entries) if before else {}
    for path in [path for path, entry in known.items() if entry.problems]:
        if any(each.code in _MAY_PASS for each in known[path].problems):
            del known[path]
    return known


def _as_they_were(
    sources: Sequence[Source], known: Mapping[str, Entry], is_copy: bool
) -> dict[str, Entry]:
    """The known entries of files that are as they were by their stat.

    Copies are by size and time of change.
    """
    compared = 2 if is_copy else 4  # of their stat, see `stat_of`
    return {
        source.path: entry
        for source in sources
        if (entry := known.get(source.path)) and entry.stat[:compared] == source[1 : compared + 1]
    }


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


def stat_of(source: Source) -> tuple[int, ...]:
    """Size in bytes, times of change in ns and inode of a file; it changes when the file does."""
    return source[1:]


def _folder(path: str) -> str:
    """The folder of a file, with a slash at its end; "" for the outermost."""
    return path[: path.rfind("/") + 1]


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
    return {path for path, entry in entries.items() if entry.is_served}, set(entries)


def served_at(builds: Builds, before: PreviousBuild | None) -> dict[str, str]:
    """The path of the article that is served at each folded slug.

    In `before`, or in the current build where nothing goes on from it.
    """
    entries = _known(builds) if before is None else before.entries
    return {folded(entry.slug): path for path, entry in entries.items() if entry.is_served}


def _known(builds: Builds) -> dict[str, Entry]:
    """The files that the current build knew; none if there is no build to read."""
    try:
        return _entries(builds.current().folder)
    except (IndexMissing, IndexDamaged, *_UNREADABLE):
        return {}


def digests(folder: Path) -> dict[str, str]:
    """The digest of each article of the build in this folder, by slug; none if it cannot be read.

    Equal digests mean that an article is as it was.
    """
    try:
        entries = _entries(folder).values()
    except _UNREADABLE:
        return {}
    return {entry.slug: entry.digest for entry in entries if entry.is_served}


def _entries(folder: Path) -> dict[str, Entry]:
    state = orjson.loads((folder / STATE).read_bytes())
    return entry_columns.read(folder, state["entries"])


def articles_root(settings: Settings) -> str:
    """The folder a build is of, written into it, so that no other server takes it for its own."""
    return str(settings.articles.resolve())


def write_state(
    draft: Path,
    entries: Mapping[str, Entry],
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
        "entries": entry_columns.write(draft, entries),
    }
    (draft / STATE).write_bytes(orjson.dumps(state))
