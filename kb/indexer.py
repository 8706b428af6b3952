"""Articles to a complete new build beside the old one, then published. Answers no query."""

import re
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import unquote

import numpy as np
import orjson

from kb import (
    __version__,
    articles,
    calibration,
    dialects,
    history,
    limits,
    markup,
    reading,
    record,
    store,
    text,
)
from kb.analysis import Analysed, analyse
from kb.articles import Article, Defaults, Problem, Source
from kb.config import Settings
from kb.errors import BuildFailed, IndexDamaged, IndexMissing
from kb.library import NAMES, SCORES, SYNONYMS, Library
from kb.messages import Message
from kb.segment import Segment, SegmentWriter
from kb.store import Build, Builds
from kb.vocabulary import Vocabulary

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Whoosh 2.7.4 has invalid escapes (decision 1)
    from whoosh import index as whoosh_index

_LINK = re.compile(r'href="/articles/([^"#]+)')

Progress = Callable[[int, int], None]  # done, of how many

WHOOSH, STATE = "whoosh", "state.json"
MOST_SEGMENTS = 12  # beyond, the small ones become one
MOST_DEAD = 0.1  # share of articles superseded in place; beyond it the index is written afresh
PATIENCE = 4  # times as much of both is borne while a writer waits
STILL_MEASURED = 0.01  # share of articles that may differ from those the chance was measured on
_MAY_PASS = {"slug-taken", "too-slow", "too-much-memory"}  # though the file stays as it is
_MODULES = (
    "analysis",
    "articles",
    "calibration",
    "confidence",
    "dialects",
    "front_matter",
    "instant",
    "kernels",
    "keys",
    "letters",
    "markup",
    "matches",
    "places",
    "postings",
    "ranking",
    "reading",
    "record",
    "schema",
    "segment",
    "spelling",
    "text",
)
_LIBRARIES = ("markdown", "nh3", "pygments", "pymdown-extensions", "pymorphy3",
              "pymorphy3-dicts-ru", "pystemmer", "whoosh")  # fmt: skip


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What `rebuild` did. `build` is the build now published, also when nothing had changed."""

    build: str
    articles: int  # in the build, drafts included
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    rejected: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    skipped: int = 0  # .mdx files
    dialects: Mapping[str, str] = field(default_factory=dict)  # of folders; "": the files beside
    seconds: float = 0.0
    published: bool = False
    held: str = ""  # why nothing was published: `rejected`, `would-lose`, `empty`, `withdrawn`
    commit: str = ""  # of the articles' repository
    answered: tuple[str, ...] = ()  # open questions this build answers
    regressed: tuple[str, ...] = ()  # answered questions it no longer answers


@dataclass(slots=True)
class Entry:
    """What is remembered of a file from one build to the next."""

    stat: tuple[int, ...]
    facts: str  # author and date from git, dialect from the folder
    digest: str
    problems: tuple[Problem, ...] = ()
    segment: int = -1  # -1: rejected
    doc: int = -1
    slug: str = ""
    aliases: tuple[str, ...] = ()
    translation_of: str = ""
    links: tuple[str, ...] = ()  # paths of the articles it links to, without their endings
    lines: tuple[int, int] = (1, 1)  # where slug and aliases stand in the file
    mark: str = ""  # the tool whose keys the file uses
    order: float | None = None  # its place in its category

    @property
    def is_served(self) -> bool:
        """Whether its article stands in the build."""
        return self.segment >= 0

    def to_json(self) -> list[Any]:
        return [
            self.stat, self.facts, self.digest, [p.to_json() for p in self.problems], self.segment,
            self.doc, self.slug, self.aliases, self.translation_of, self.links, self.lines,
            self.mark, self.order,
        ]  # fmt: skip

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "Entry":
        stat, facts, digest, problems, segment, doc, slug, aliases, original, *rest = values
        links, lines, *more = rest
        return cls(
            tuple(stat), facts, digest, tuple(map(Problem.from_json, problems)), segment, doc, slug,
            tuple(aliases), original, tuple(links), tuple(lines), *more,
        )  # fmt: skip


@dataclass(slots=True)
class _Before:
    """The published build a new one may go on from."""

    build: Build
    entries: dict[str, Entry]
    segments: list[str]  # file names
    dead: list[list[int]]
    synonyms: str
    root: str  # of the articles it is of
    is_sound: bool  # False when it stands in for a later build that is damaged

    @property
    def served(self) -> set[str]:
        """Paths of the articles that stand in it."""
        return {path for path, entry in self.entries.items() if entry.is_served}

    @property
    def is_hurried(self) -> bool:
        """Whether it was made for a writer who waited, and something is to be made up for."""
        return bool(self.build.manifest.get("hurried"))


@dataclass(slots=True)
class _Plan:
    """What differs from the build before."""

    kept: dict[str, Entry] = field(default_factory=dict)
    fresh: list[tuple[Source, bytes, Defaults]] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)  # the tool whose keys each file uses
    dialects: dict[str, str] = field(default_factory=dict)  # what they say of their folders
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Contents:
    """What the new build is to hold."""

    entries: dict[str, Entry]  # files as they were, rejected ones, and in the end all
    docs: dict[str, tuple[Entry, Analysed]]  # new and changed articles
    problems: tuple[Problem, ...]
    synonyms: str = ""
    skipped: int = 0
    commit: str = ""

    @property
    def kept(self) -> set[str]:
        """Paths of the articles that are taken over from the build before."""
        return {path for path, entry in self.entries.items() if entry.is_served}

    @property
    def digest(self) -> str:
        """Differs whenever the articles or synonyms that readers are to see do."""
        served = {path: self.entries[path].digest for path in self.kept}
        served |= {path: entry.digest for path, (entry, _) in self.docs.items()}
        whole = repr((sorted(served.items()), self.synonyms))
        return blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def fingerprint(settings: Settings) -> str:
    """Differs whenever the same files would make another build."""
    told = (
        __version__, store.FORMAT, articles.VERSION, settings.lang, settings.langs,
        settings.remote_images, settings.max_article_bytes, _code(), _libraries(),
    )  # fmt: skip
    return blake2b(repr(told).encode(), digest_size=12).hexdigest()


def _code() -> str:
    """A digest of the modules that decide what stands in a build."""
    here = Path(__file__).parent
    files = [here / f"{name}.py" for name in _MODULES]
    files += [file for name in _MODULES for file in sorted((here / name).glob("*.py"))]
    parts = [file.read_bytes() for file in files if file.exists()]
    return blake2b(b"".join(parts), digest_size=8).hexdigest()


@cache
def _libraries() -> tuple[str, ...]:
    """The versions of the libraries that do."""
    return tuple(version(name) for name in _LIBRARIES)


def rebuild(
    settings: Settings,
    *,
    full: bool = False,
    strict: bool = False,
    careful: bool = False,
    hurried: bool = False,
    progress: Progress | None = None,
    past: history.History | None = None,
    builds: Builds | None = None,
    start: Builds | None = None,
) -> BuildReport:
    """Brings the index up to date with the articles folder and publishes it whole.

    An article whose bytes and git facts did not change is neither parsed nor rendered again. With
    `strict` nothing is published if anything is rejected. `careful` is for what nobody looks at:
    nothing is published that takes a served article away by a mistake, leaves no article at all,
    or was withdrawn by `kb rollback`. `hurried` is for a writer who waits: the level of chance is
    that of the build before, and nothing is written afresh; the next build that is in no hurry
    makes up for it. `past` is what git says of the articles, where the folder itself cannot be
    asked; `builds` are those of the settings, as looked at already; `start` are other builds, of
    which the current one is gone on from if it can be. Raises ArticlesMissing or BuildFailed; the
    old build then goes on serving.
    """
    brought_up = partial(
        _rebuild, settings, strict=strict, careful=careful, hurried=hurried, progress=progress,
        past=past or history.read(settings.articles), is_copy=past is not None,
        builds=builds or Builds(settings.builds),
    )  # fmt: skip
    try:
        return brought_up(full=full, start=start)
    except IndexDamaged:  # the build before is whole by its checksums, and cannot be read
        return brought_up(full=True, start=None)


def _rebuild(
    settings: Settings,
    *,
    full: bool,
    strict: bool,
    careful: bool,
    hurried: bool,
    progress: Progress | None,
    past: history.History,
    is_copy: bool,
    builds: Builds,
    start: Builds | None,
) -> BuildReport:
    """As `rebuild`. Raises IndexDamaged, too, if the build gone on from cannot be read back."""
    began = perf_counter()
    listing = articles.listing(settings.articles)
    with builds.draft() as draft:
        before = _before(start, settings) if start is not None else None
        is_own = before is None
        if before is None and not full:
            before = _before(builds, settings)
        plan = _compare(settings, listing.sources, past, before, is_copy)
        contents = _settle(plan, _prepare(settings, plan, progress))
        contents.problems = tuple(sorted({*contents.problems, *listing.problems}))
        contents.synonyms = _synonyms(settings.articles)
        contents.skipped, contents.commit = listing.skipped, past.commit
        report = replace(_report(before, contents), dialects=plan.dialects)
        held = "rejected" if strict and report.rejected else ""
        if careful and not held:
            held = _why_not(builds, contents, report)
        if held:
            now = before.served if before else _paths_of(builds)[0]
            served = report.build or builds.pointed()
            report = replace(report, build=served, articles=len(now), held=held)
        elif (
            before is None
            or not is_own
            or _differs(before, contents)
            or (before.is_hurried and not hurried)
            or before.root != _root(settings)
        ):
            build = _publish(builds, draft, settings, before, contents, hurried)
            report = replace(report, build=build.name, published=True)
    return replace(report, seconds=perf_counter() - began)


def _why_not(builds: Builds, contents: _Contents, report: BuildReport) -> str:
    """Why nobody should publish `contents` unseen, as a code; or ""."""
    served, known = _paths_of(builds)
    rejected = {problem.path for problem in report.rejected}
    is_gone = bool(served - contents.entries.keys() - contents.docs.keys())
    # What went while a broken file came was perhaps renamed: one mistake, told in two places.
    if served & rejected or (is_gone and rejected - known):
        return "would-lose"
    if served and not report.articles:
        return "empty"
    digest = contents.digest
    was_withdrawn = any(b.manifest.get("contents") == digest for b in builds.withdrawn())
    return "withdrawn" if was_withdrawn else ""


def _paths_of(builds: Builds) -> tuple[set[str], set[str]]:
    """The articles of the published build and all files it knew, whichever version made it."""
    try:
        state = orjson.loads((builds.current().folder / STATE).read_bytes())
        entries = {path: Entry.from_json(values) for path, values in state["entries"].items()}
    except (IndexMissing, IndexDamaged, OSError, ValueError, KeyError, TypeError, AttributeError):
        return set(), set()
    return {path for path, entry in entries.items() if entry.is_served}, set(entries)


def _root(settings: Settings) -> str:
    """Which folder a build is of: another server must not take it for its own."""
    return str(settings.articles.resolve())


def _report(before: _Before | None, contents: _Contents) -> BuildReport:
    """What publishing `contents` after `before` changes."""
    known = before.served if before else set()
    return BuildReport(
        build=before.build.name if before else "",
        articles=len(contents.kept) + len(contents.docs),
        added=len(contents.docs.keys() - known),
        changed=len(contents.docs.keys() & known),
        removed=len(known - contents.kept - contents.docs.keys()),
        unchanged=len(contents.kept),
        rejected=tuple(p for p in contents.problems if p.level == "error"),
        warnings=tuple(p for p in contents.problems if p.level != "error"),
        skipped=contents.skipped,
        commit=contents.commit,
    )


def _differs(before: _Before, contents: _Contents) -> bool:
    """Whether readers would see anything new; problems alone make no build."""
    return (
        bool(contents.docs)
        or contents.kept != before.served
        or contents.synonyms != before.synonyms
        or not before.is_sound
    )


def _publish(
    builds: Builds,
    draft: Path,
    settings: Settings,
    before: _Before | None,
    contents: _Contents,
    hurried: bool,
) -> Build:
    """Writes the whole build, compares it with what was meant, and makes it the current one."""
    expected = len(contents.kept) + len(contents.docs)
    room = PATIENCE if hurried else 1
    segments, dead = _write(draft, before, contents.entries, contents.docs, room)
    (draft / SYNONYMS).write_text(contents.synonyms, "utf-8")
    _write_names(draft, contents.entries, segments, settings.langs)
    _write_state(draft, contents)
    library = _verify(draft, expected, segments, dead)
    scores = {str(number): each for number, each in enumerate(library.corpus.scores)}
    store.write_arrays(draft / SCORES, scores)
    unmeasured = _unmeasured(before, contents) if before else expected
    if before and (hurried or unmeasured <= STILL_MEASURED * expected):
        level = before.build.manifest["level"]
    else:
        level, unmeasured = calibration.level(library), 0
    facts = {
        "fingerprint": fingerprint(settings), "articles": expected, "commit": contents.commit,
        "segments": segments, "dead": dead, "level": level, "unmeasured": unmeasured,
        "hurried": hurried, "root": _root(settings), "contents": contents.digest,
    }  # fmt: skip
    return builds.publish(draft, facts)


def _unmeasured(before: _Before, contents: _Contents) -> int:
    """How often articles changed, came or went since the level of chance was measured."""
    differ = contents.docs.keys() | (before.served - contents.kept)
    return int(before.build.manifest.get("unmeasured", 0)) + len(differ)


def _write_state(draft: Path, contents: _Contents) -> None:
    """What the next build is to remember of the files."""
    state = {
        "skipped": contents.skipped,
        "problems": [problem.to_json() for problem in contents.problems],
        "entries": {path: entry.to_json() for path, entry in contents.entries.items()},
    }
    (draft / STATE).write_bytes(orjson.dumps(state))


def _synonyms(root: Path) -> str:
    try:
        return (root / SYNONYMS).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


# ---------------------------------------------------------------- what changed


def _before(builds: Builds, settings: Settings) -> _Before | None:
    """The published build, if a new one made with these settings may go on from it."""
    try:
        build = builds.current()
        if build.manifest.get("fingerprint") != fingerprint(settings):
            return None
        state = orjson.loads((build.folder / STATE).read_bytes())
        return _Before(
            build,
            {path: Entry.from_json(values) for path, values in state["entries"].items()},
            build.manifest["segments"],
            build.manifest["dead"],
            (build.folder / SYNONYMS).read_text("utf-8"),
            str(build.manifest.get("root", "")),
            build.name == builds.pointed(),
        )
    except (IndexMissing, IndexDamaged, OSError, ValueError, KeyError, TypeError):
        return None


def _compare(
    settings: Settings,
    sources: Sequence[Source],
    past: history.History,
    before: _Before | None,
    is_copy: bool,
) -> _Plan:
    """Which files are as they were, and the bytes of the others.

    Of files that are soon gone (`is_copy`), those they are equal to are remembered.
    """
    plan = _Plan()
    base = Defaults(lang=settings.lang, langs=settings.langs, max_bytes=settings.max_article_bytes)
    known = _reusable(before)
    changed = _changed(settings, sources, known, plan)
    folders = dialects.Folders.of(plan.marks.items())
    plan.dialects = {folder: spoken for folder, spoken in folders.spoken.items() if spoken}
    told = cache(partial(_known_of, base))  # most files were last changed together with others
    for source in sources:
        if source.path not in plan.marks:
            continue
        change = past.changes.get(source.path)
        defaults, facts = told(change, folders.dialect(source.path))
        stat = _stat(source)
        entry = known.get(source.path)
        if entry and entry.stat == stat and entry.facts == facts:
            plan.kept[source.path] = entry
            continue
        data = changed.get(source.path) or _bytes(settings, source, plan)
        if data is None:
            continue
        if entry and entry.digest == articles.digest(source.path, data, defaults):
            seen, mark = entry.stat if is_copy else stat, plan.marks[source.path]
            plan.kept[source.path] = replace(entry, stat=seen, facts=facts, mark=mark)
        else:
            plan.fresh.append((source, data, defaults))
    return plan


def _reusable(before: _Before | None) -> dict[str, Entry]:
    """What is known of the files, but for what depends on other articles or on a busy machine."""
    return {
        path: entry
        for path, entry in (before.entries if before else {}).items()
        if not any(problem.code in _MAY_PASS for problem in entry.problems)
    }


def _changed(
    settings: Settings, sources: Sequence[Source], known: Mapping[str, Entry], plan: _Plan
) -> dict[str, bytes]:
    """The bytes of the files that are not as they were; notes whose keys every file uses."""
    changed = {}
    for source in sources:
        entry = known.get(source.path)
        if entry and entry.stat == _stat(source):
            plan.marks[source.path] = entry.mark
        elif (data := _bytes(settings, source, plan)) is not None:
            changed[source.path] = data
            plan.marks[source.path] = dialects.mark(source.path, data)
    return changed


def _bytes(settings: Settings, source: Source, plan: _Plan) -> bytes | None:
    """The file, or None and a problem more."""
    data = articles.read(settings.articles, source, settings.max_article_bytes)
    if isinstance(data, Problem):
        plan.problems.append(data)
        return None
    return data


def _stat(source: Source) -> tuple[int, ...]:
    return source.size, source.mtime_ns, source.inode, source.ctime_ns


def _known_of(base: Defaults, change: history.Change | None, dialect: str) -> tuple[Defaults, str]:
    """What git and its folder say of an article."""
    defaults = replace(base.of(change), dialect=dialect)
    return defaults, _facts(defaults)


def _facts(defaults: Defaults) -> str:
    """The same as text."""
    return f"{defaults.author}|{defaults.updated}|{defaults.dialect}"


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A file that was read: what it is, or why it is none."""

    source: Source
    digest: str
    facts: str
    doc: Analysed | None
    problems: tuple[Problem, ...]


def prepare(job: tuple[str, bytes, Defaults, bool]) -> tuple[Analysed | None, tuple[Problem, ...]]:
    """Parses, renders and analyses one file; runs in a child process under limits."""
    path, data, defaults, remote_images = job
    parsed = articles.parse(path, data, defaults)
    if parsed.article is None:
        return None, parsed.problems
    rendered = markup.render(
        parsed.article.body,
        path=path,
        lang=parsed.article.lang,
        title=parsed.article.title,
        remote_images=remote_images,
        dialect=parsed.article.dialect,
    )
    return analyse(parsed.article, rendered), parsed.problems


def _prepare(settings: Settings, plan: _Plan, progress: Progress | None) -> Iterator[_Fresh]:
    """The new and changed files in order, each rendered within its limits."""
    total = len(plan.fresh)
    jobs = [
        (source.path, data, defaults, settings.remote_images)
        for source, data, defaults in plan.fresh
    ]
    results = limits.each(
        prepare, jobs, seconds=settings.render_seconds, megabytes=settings.render_megabytes,
        meanwhile=partial(_open_dictionaries, plan),
    )  # fmt: skip
    for done, (number, result) in enumerate(results, 1):
        source, data, defaults = plan.fresh[number]
        doc: Analysed | None = None
        problems: tuple[Problem, ...]
        if isinstance(result, limits.Failure):
            problems = (failed(source.path, result, settings),)
        else:
            doc, problems = result
        yield _Fresh(
            source,
            articles.digest(source.path, data, defaults),
            _facts(defaults),
            doc,
            problems,
        )
        if progress:
            progress(done, total)


def _open_dictionaries(plan: _Plan) -> None:
    """What writing the new and changed files will ask, opened while they are rendered."""
    if any(b"\xd0" in data for _, data, _ in plan.fresh):  # begins most Cyrillic letters
        text.lemmas("слово")


def failed(path: str, failure: "limits.Failure", settings: Settings) -> Problem:
    """Why an article could not be rendered."""
    if failure.kind == "time":
        return Problem(
            path, 1, "too-slow",
            Message(
                "rendering takes more than {seconds} s", seconds=f"{settings.render_seconds:g}"
            ),
            Message("look for very deep nesting or thousands of brackets, or split the article"),
        )  # fmt: skip
    if failure.kind == "memory":
        return Problem(
            path, 1, "too-much-memory",
            Message("rendering needs more than {size} MB", size=settings.render_megabytes),
            Message("split the article"),
        )  # fmt: skip
    return Problem(
        path, 1, "cannot-render", Message("rendering failed: {reason}", reason=failure.message),
        Message(
            "simplify the Markdown around deep nesting; if it is ordinary text, please report it"
        ),
    )  # fmt: skip


def _settle(plan: _Plan, fresh: Iterator[_Fresh]) -> _Contents:
    """Gives every address to one article; what lost its address is rejected."""
    contents = _Contents(dict(plan.kept), {}, ())
    for file in fresh:
        mark = plan.marks[file.source.path]
        entry = Entry(_stat(file.source), file.facts, file.digest, file.problems, mark=mark)
        if file.doc is None:
            contents.entries[file.source.path] = entry
        else:
            contents.docs[file.source.path] = (_described(entry, file.doc), file.doc)
    taken: tuple[Problem, ...] = ()
    if not _all_differ(contents):
        settled, taken = articles.settle(_claims(contents))
        homeless = {p.path for p in taken if p.level == "error"} - {a.path for a in settled}
        for problem in taken:
            if problem.level == "error" and problem.path in homeless:
                _reject(contents, problem)
    problems = [*plan.problems, *taken]
    for entry in (*contents.entries.values(), *(entry for entry, _ in contents.docs.values())):
        problems += entry.problems
    contents.problems = tuple(problems)
    return contents


def _described(entry: Entry, doc: Analysed) -> Entry:
    """The entry of a file that is an article."""
    article = doc.article
    return replace(
        entry,
        slug=article.slug,
        aliases=article.aliases,
        translation_of=article.translation_of,
        order=article.order,
        links=tuple(sorted(set(_LINK.findall(doc.html)))),
        lines=(article.lines.get("slug", 1), article.lines.get("aliases", 1)),
    )


def _served(contents: _Contents) -> dict[str, Entry]:
    """Every article that asks for an address."""
    entries = {path: entry for path, entry in contents.entries.items() if entry.is_served}
    return entries | {path: entry for path, (entry, _) in contents.docs.items()}


def _all_differ(contents: _Contents) -> bool:
    """Whether no two articles ask for one address: then nothing is to be settled."""
    claimed = [
        articles.folded(address)
        for entry in _served(contents).values()
        for address in (entry.slug, *entry.aliases)
    ]
    return len(set(claimed)) == len(claimed)


def _claims(contents: _Contents) -> Iterator[Article]:
    """Every article with the addresses it asks for."""
    for path, entry in _served(contents).items():
        lines = dict(zip(("slug", "aliases"), entry.lines, strict=True))
        yield Article(path, entry.slug, "", "", "", aliases=entry.aliases, lines=lines)


def _reject(contents: _Contents, problem: Problem) -> None:
    """Takes an article out again, with the reason."""
    fresh = contents.docs.pop(problem.path, None)
    entry = fresh[0] if fresh else contents.entries[problem.path]
    problems = (*entry.problems, problem)
    contents.entries[problem.path] = replace(entry, segment=-1, doc=-1, problems=problems)


# ---------------------------------------------------------------- writing


def _write(
    draft: Path,
    before: _Before | None,
    entries: dict[str, Entry],
    docs: dict[str, tuple[Entry, Analysed]],
    room: int = 1,
) -> tuple[list[str], list[list[int]]]:
    """Writes Whoosh's index and our arrays; gives every entry its place.

    With more `room`, more segments and superseded articles are borne before all is written afresh.
    Returns the names of the segments, and of each the articles that count no more.
    """
    (draft / WHOOSH).mkdir()
    if before is not None and (kept := _segments_kept(before, entries, docs, room)):
        return _append(draft, before, entries, docs, kept)
    whole = docs if before is None else {**docs, **_restored(before, entries)}
    index = whoosh_index.create_in(str(draft / WHOOSH), record.schema())
    _add(index, whole, draft / "0.kb")
    _place(whole, 0, entries)
    return ["0.kb"], [[]]


def _restored(before: _Before, entries: Mapping[str, Entry]) -> dict[str, tuple[Entry, Analysed]]:
    """The articles that did not change, read back from the build before, or IndexDamaged."""
    try:
        opened = [Segment(before.build.folder / name) for name in before.segments]
        return {
            path: (entry, opened[entry.segment].restore(entry.doc))
            for path, entry in entries.items()
            if entry.is_served
        }
    except (zlib.error, ValueError, LookupError, TypeError) as error:
        raise IndexDamaged(
            Message(
                "build {name}: {reason}; run `kb index --full`",
                name=before.build.name,
                reason=str(error),
            )
        ) from None


def _segments_kept(
    before: _Before, entries: Mapping[str, Entry], docs: Mapping[str, Any], room: int
) -> int:
    """How many of the first segments stay as they are; 0: all is written afresh.

    Where there are too many, those go that hold less together than the one before them.
    """
    served = Counter(entry.segment for entry in entries.values() if entry.is_served)
    kept, count = served.total(), len(before.segments)
    dead = len(before.served) + sum(map(len, before.dead)) - kept
    if not kept or dead + len(docs) > MOST_DEAD * room * (kept + len(docs)):
        return 0
    if count < MOST_SEGMENTS * room:
        return count
    sizes = [served[number] for number in range(count)]
    few = range(1, count // 2 + 1)
    return next((first for first in few if sum(sizes[first:]) <= sizes[first - 1]), 0)


def _append(
    draft: Path,
    before: _Before,
    entries: dict[str, Entry],
    docs: dict[str, tuple[Entry, Analysed]],
    kept: int,
) -> tuple[list[str], list[list[int]]]:
    """Goes on from the build before: the files of its first `kept` segments are linked.

    New articles, and what the other segments hold, become one more.
    """
    segments, dead = before.segments[:kept], [list(numbers) for numbers in before.dead[:kept]]
    _link(before, draft, segments)
    index = whoosh_index.open_dir(str(draft / WHOOSH))
    gone = [place for place in _gone(before, entries) if place[0] < kept]
    for segment, doc in gone:
        dead[segment].append(doc)
    moved = {path: entry for path, entry in entries.items() if entry.segment >= kept}
    added = {**docs, **_restored(before, moved)} if moved else docs
    if added:
        segments.append(f"{kept}.kb")
        dead.append([])
        _place(added, kept, entries)
    if added or gone or kept < len(before.segments):
        _add(index, added, draft / segments[-1] if added else None, gone, kept)
    return segments, [sorted(numbers) for numbers in dead]


def _link(before: _Before, draft: Path, segments: Sequence[str]) -> None:
    """Takes files of the build before over; nobody ever writes into them."""
    old = before.build.folder
    for path in (old / WHOOSH).iterdir():
        if path.name != "MAIN_WRITELOCK":
            store.link_or_copy(path, draft / WHOOSH / path.name)
    for name in segments:
        store.link_or_copy(old / name, draft / name)


def _gone(before: _Before, entries: Mapping[str, Entry]) -> list[tuple[int, int]]:
    """Segment and number of the articles that changed or were removed."""
    kept = {(entry.segment, entry.doc) for entry in entries.values() if entry.is_served}
    old = {(entry.segment, entry.doc) for entry in before.entries.values() if entry.is_served}
    return sorted(old - kept)


def _add(
    index: Any,
    docs: Mapping[str, tuple[Entry, Analysed]],
    target: Path | None,
    gone: Sequence[tuple[int, int]] = (),
    kept: int = 0,
) -> None:
    """Adds articles as one segment, in order of their paths, to Whoosh's index and as arrays.

    Of the segments before, the first `kept` stay, and what is `gone` is deleted from them. Without
    `target` there is nothing to add.
    """
    arrays = SegmentWriter()
    for _, (_, analysed) in sorted(docs.items()):
        arrays.add(analysed)
    writer = record.Writer(index)
    try:
        bases = np.cumsum([0, *(part.doc_count_all() for part in writer.segments)])
        for number, doc in gone:
            writer.delete_document(int(bases[number]) + doc)
        writer.add_articles(arrays.slugs, arrays.counted)
        writer.commit(mergetype=lambda _, segments: segments[:kept])
    except BaseException:
        with suppress(Exception):  # the draft is thrown away anyway; its files are to be closed
            writer.cancel()
        raise
    if target is None:
        return
    with index.reader() as reader:
        leaves = reader.leaf_readers()
        try:
            arrays.write(target, record.Written(leaves[-1][0] if leaves else reader))
        except ValueError as error:
            reason = Message("{reason}; run `kb index --full`", reason=str(error))
            raise BuildFailed(reason) from error


def _place(
    docs: Mapping[str, tuple[Entry, Analysed]], segment: int, entries: dict[str, Entry]
) -> None:
    """Notes where each article of a new segment stands."""
    for number, (path, (entry, _)) in enumerate(sorted(docs.items())):
        entries[path] = replace(entry, segment=segment, doc=number)


def _write_names(
    draft: Path, entries: Mapping[str, Entry], segments: Sequence[str], langs: Sequence[str]
) -> None:
    """Addresses to articles, their reading order, their translations, how often they are linked."""
    bases = np.cumsum([0, *(Segment(draft / name).size for name in segments)])
    live = {path: entry for path, entry in sorted(entries.items()) if entry.is_served}
    as_read = reading.in_order({path: entry.order for path, entry in live.items()})
    at = {path: int(bases[entry.segment]) + entry.doc for path, entry in live.items()}
    by_slug = {entry.slug: path for path, entry in live.items()}
    pages = reading.folder_pages(live)
    others = _other_addresses(live, by_slug, pages)
    slugs, aliases = sorted(by_slug), sorted(others)  # as a vocabulary holds them
    places = {slug: i for i, slug in enumerate(slugs)}
    arrays: dict[str, Any] = {
        "slugs.doc": np.array([at[by_slug[slug]] for slug in slugs], np.int32),
        "aliases.to": np.array([places[others[alias]] for alias in aliases], np.int32),
        "order": np.array(list(at.values()), np.int32),
        "reading": np.array([at[path] for path in as_read], np.int32),
        "folder_page": _folder_pages(pages, at, int(bases[-1])),
        "group": _translations(live, by_slug, at, int(bases[-1]), langs),
        "inlinks": _inlinks(live, by_slug, others, at, int(bases[-1])),
    }
    for name, words in (("slugs", slugs), ("aliases", aliases)):
        arrays[f"{name}.blob"], arrays[f"{name}.offsets"] = Vocabulary.of(words).arrays
    store.write_arrays(draft / NAMES, arrays)


def _other_addresses(
    live: Mapping[str, Entry], by_slug: Mapping[str, str], pages: Mapping[str, str]
) -> dict[str, str]:
    """Former slugs and file paths, where no article has them as its own address: to the slug."""
    former = [(alias, entry.slug) for entry in live.values() for alias in entry.aliases]
    taken = {articles.folded(slug) for slug in by_slug} if former else set()
    others: dict[str, str] = {}
    for alias, slug in former:
        if articles.folded(alias) not in taken:
            others.setdefault(alias, slug)
    for path, entry in live.items():  # a former slug was chosen, a path came about
        if _plain(path) not in by_slug:
            others.setdefault(_plain(path), entry.slug)
    for folder, path in pages.items():
        if folder and folder not in by_slug:
            others.setdefault(folder, live[path].slug)
    return others


def _folder_pages(pages: Mapping[str, str], at: Mapping[str, int], size: int) -> Any:
    """Which articles are the page of their folder."""
    is_page = np.zeros(size, bool)
    is_page[[at[path] for path in pages.values()]] = True
    return is_page


def _inlinks(
    live: Mapping[str, Entry],
    by_slug: Mapping[str, str],
    others: Mapping[str, str],
    at: Mapping[str, int],
    size: int,
) -> Any:
    """How many other articles link to each article."""
    inlinks = np.zeros(size, np.int32)
    for path, entry in live.items():
        for link in entry.links:
            target = unquote(link)
            slug = target if target in by_slug else others.get(target)
            if slug and by_slug[slug] != path:
                inlinks[at[by_slug[slug]]] += 1
    return inlinks


def _plain(path: str) -> str:
    return path.rsplit(".", 1)[0]


def _translations(
    live: Mapping[str, Entry],
    by_slug: Mapping[str, str],
    at: Mapping[str, int],
    size: int,
    langs: Sequence[str],
) -> Any:
    """A number per article; articles with the same number say the same in different languages."""
    groups: dict[str, int] = {}
    group = np.full(size, -1, np.int32)
    for path, entry in live.items():
        original = by_slug.get(entry.translation_of, path)
        first, _, rest = original.partition("/")
        name = _plain(rest) if first in langs and rest else _plain(original)
        group[at[path]] = groups.setdefault(name, len(groups))
    return group


def _verify(
    draft: Path, expected: int, segments: Sequence[str], dead: Sequence[Sequence[int]]
) -> Library:
    """Compares what was written with what was meant; the build, opened. Raises BuildFailed."""
    with whoosh_index.open_dir(str(draft / WHOOSH)).reader() as reader:
        found = reader.doc_count()
    opened = [Segment(draft / name) for name in segments]
    live = sum(part.size for part in opened) - sum(map(len, dead))
    library = Library(Build(draft.name, draft, {"segments": segments, "dead": dead}))
    if not found == live == expected:
        raise BuildFailed(
            Message(
                "the new build holds {found} articles in the index and {live} in its arrays"
                " instead of {expected}; run `kb index --full`",
                found=found,
                live=live,
                expected=expected,
            )
        )
    return library
