"""Compares the articles folder with the previous build: which files changed. Parses none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from kb.base.config import Settings
from kb.base.errors import IndexDamaged, IndexMissing
from kb.content import articles, dialects, gates
from kb.content.addresses import folded
from kb.content.articles import Defaults
from kb.content.folder import Source, read_file
from kb.content.includes import Includes
from kb.content.problems import Problem
from kb.content.topics import Placement
from kb.git import history
from kb.index.builds import Build, Builds
from kb.index.counts import COUNTS
from kb.index.fingerprint import fingerprint
from kb.index.reader import SYNONYMS
from kb.index.spool import Place, Spool

STATE = "state.json"
_MAY_PASS = {"slug-taken", "too-slow", "too-much-memory"}  # though the file stays as it is


class LinkedFile(NamedTuple):
    """A file that an article links to and is searched with: its state, and its content's name."""

    path: str
    stat: tuple[int, ...]
    key: str

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "LinkedFile":
        """The file of its values in order."""
        path, stat, key = values
        return cls(path, tuple(stat), key)


@dataclass(slots=True)
class Entry:
    """What a build remembers of a file: its state, its problems and, if served, its article."""

    stat: tuple[int, ...]
    facts: str  # author and date from git, dialect and audience from the folder, inclusions
    digest: str
    problems: tuple[Problem, ...] = ()
    segment: int = -1  # -1: rejected
    doc: int = -1
    slug: str = ""
    aliases: tuple[str, ...] = ()
    translation_of: str = ""
    links: tuple[tuple[str, str], ...] = ()  # within the folder: in the HTML, and as written
    lines: tuple[int, int] = (1, 1)  # where slug and aliases stand in the file
    mark: str = ""  # the tool whose keys the file uses
    audience: tuple[str, ...] = ()  # that it sets for its folder, as the folder's page
    media: tuple[str, ...] = ()  # files beside the articles that it refers to
    placement: Placement | None = None  # what it says of its place in the tree of topics
    lang: str = ""
    uid: str = ""  # its name in DocFX
    leads: tuple[str, ...] = ()  # the right address of each of `links`, once that is known
    includes: tuple[str, ...] = ()  # files whose text it holds
    remote_images: int = 0  # of other sites
    learned: str = ""  # a digest of what it learned of readers (`index.learned`)
    attached: tuple[LinkedFile, ...] = ()  # whose text is searched with it

    @property
    def is_served(self) -> bool:
        """Whether its article stands in the build."""
        return self.segment >= 0

    def to_json(self) -> list[Any]:
        """The entry as JSON values, in a fixed order."""
        return [
            self.stat, self.facts, self.digest, [p.to_json() for p in self.problems], self.segment,
            self.doc, self.slug, self.aliases, self.translation_of, self.links, self.lines,
            self.mark, self.audience, self.media,
            list(self.placement) if self.placement else None, self.lang, self.uid, self.leads,
            self.includes, self.remote_images, self.learned, [list(file) for file in self.attached],
        ]  # fmt: skip

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "Entry":
        """The entry of `to_json`. Raises ValueError or TypeError if the values are others."""
        stat, facts, digest, problems, segment, doc, slug, aliases, original, *rest = values
        links, lines, mark, audience, media, placement, lang, uid, leads, *more = rest
        includes, remote_images, learned, attached = more
        return cls(
            tuple(stat), facts, digest, tuple(map(Problem.from_json, problems)), segment, doc, slug,
            tuple(aliases), original, tuple(map(_pair, links)), tuple(lines), mark,
            tuple(audience), tuple(media), Placement.from_json(placement) if placement else None,
            lang, uid, tuple(leads), tuple(includes), remote_images, learned,
            tuple(map(LinkedFile.from_json, attached)),
        )  # fmt: skip


def _pair(values: Sequence[str]) -> tuple[str, str]:
    first, second = values
    return first, second


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
        return {path: entry for path, entry in self.entries.items() if entry.is_served}

    @cached_property
    def served(self) -> frozenset[str]:
        """Paths of the articles that stand in it."""
        return frozenset(self.articles)

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
            {path: Entry.from_json(values) for path, values in state["entries"].items()},
            build.manifest["segments"],
            build.manifest["dead"],
            (build.folder / SYNONYMS).read_text("utf-8"),
            str(build.manifest.get("navigations", "")),
            str(build.manifest.get("root", "")),
            build.name == builds.pointed(),
            state["links"],
            state["tree"],
        )
    except (IndexMissing, IndexDamaged, OSError, ValueError, KeyError, TypeError):
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
    changed = _changed(settings, sources, known, changes, is_copy)
    folders = dialects.FolderDialects.of(changes.marks.items(), tool_files, settings.tools)
    changes.dialects = {folder: dialect for folder, dialect in folders.by_folder.items() if dialect}
    changes.reasons = dict(folders.reasons)
    audiences = gates.FolderAudiences.of(changes.audiences.items())
    included = Includes(settings.articles, changes.marks, tool_files, audiences)
    known_of = cache(partial(_known_of, base))  # most files were last changed together with others
    for source in sources:
        if source.path not in changes.marks:
            continue
        path = source.path
        defaults, facts = known_of(
            past.changes.get(path),
            folders.dialect(path),
            folders.also(path),
            audiences.audience(path),
            addresses.get(path, ""),
        )
        stat = stat_of(source)
        entry = known.get(source.path)
        is_known = entry is not None and _is_untouched(entry, source, is_copy)
        if entry and is_known and entry.facts == facts + included.state(entry.includes):
            changes.kept[source.path] = entry
            continue
        place = changed.get(source.path) or _spooled(settings, source, changes)
        if place is None:
            continue
        data = changes.spool.read(place)
        defaults = replace(defaults, inclusions=included.of(source.path, data))
        facts = facts_of(defaults)
        if entry and entry.digest == articles.digest(source.path, data, defaults):
            files, mark = defaults.inclusions.files, changes.marks[source.path]
            if is_copy:
                stat, facts = entry.stat, entry.facts if entry.includes == files else facts
            changes.kept[source.path] = replace(
                entry, stat=stat, facts=facts, mark=mark, includes=files
            )
        else:
            changes.fresh.append((source, place, defaults))
    return changes


def _reusable(before: PreviousBuild | None) -> dict[str, Entry]:
    """The known entries, without those whose problems may pass though the file stays as it is."""
    return {
        path: entry
        for path, entry in (before.entries if before else {}).items()
        if not (entry.problems and any(each.code in _MAY_PASS for each in entry.problems))
    }


def _changed(
    settings: Settings,
    sources: Sequence[Source],
    known: Mapping[str, Entry],
    changes: Changes,
    is_copy: bool,
) -> dict[str, Place]:
    """The files that are not as they were, read; `changes` gets the mark of every file."""
    changed = {}
    for source in sources:
        entry = known.get(source.path)
        if entry and _is_untouched(entry, source, is_copy):
            changes.marks[source.path] = entry.mark
            if entry.audience:
                changes.audiences[source.path] = entry.audience
        elif (data := _bytes(settings, source, changes)) is not None:
            changed[source.path] = changes.spool.add(data)
            changes.marks[source.path] = dialects.detect(source.path, data)
            changes.audiences[source.path] = gates.audience_of_folder(source.path, data)
    return changed


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


def _is_untouched(entry: Entry, source: Source, is_copy: bool) -> bool:
    """Whether a file is as a build knew it, by its stat; a copy, by size and time of change."""
    seen = stat_of(source)
    return entry.stat == seen or (is_copy and entry.stat[:2] == seen[:2])


def stat_of(source: Source) -> tuple[int, ...]:
    """Size in bytes, times of change in ns and inode of a file; it changes when the file does."""
    return source[1:]


def _known_of(
    base: Defaults,
    change: history.Change | None,
    dialect: str,
    also: tuple[str, ...],
    audience: tuple[str, ...],
    address: str,
) -> tuple[Defaults, str]:
    """The defaults of an article by git and its folder, and the same as text."""
    defaults = replace(base.of(change), dialect=dialect, also=also, audience=audience)
    defaults = replace(defaults, address=address) if address else defaults
    return defaults, facts_of(defaults)


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
        state = orjson.loads((builds.current().folder / STATE).read_bytes())
        return {path: Entry.from_json(values) for path, values in state["entries"].items()}
    except (IndexMissing, IndexDamaged, OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def digests(folder: Path) -> dict[str, str]:
    """The digest of each article of the build in this folder, by slug; none if it cannot be read.

    Equal digests mean that an article is as it was.
    """
    try:
        state = orjson.loads((folder / STATE).read_bytes())
        entries = map(Entry.from_json, state["entries"].values())
        return {entry.slug: entry.digest for entry in entries if entry.is_served}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


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
        "entries": {path: entry.to_json() for path, entry in entries.items()},
    }
    (draft / STATE).write_bytes(orjson.dumps(state))
