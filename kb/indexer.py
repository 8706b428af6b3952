"""Articles to a complete new build beside the old one, then published. Answers no query."""

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import unquote

import numpy as np

from kb import __version__, articles, history, limits, markup, store
from kb.analysis import Analysed, analyse
from kb.articles import Article, Defaults, Problem, Source
from kb.config import Settings
from kb.errors import BuildFailed, IndexDamaged, IndexMissing
from kb.schema import whoosh_schema
from kb.segment import Segment, SegmentWriter, index_fields
from kb.store import Build, Builds
from kb.library import NAMES, SYNONYMS, Library
from kb.vocabulary import Vocabulary

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Whoosh 2.7.4 has invalid escapes (decision 1)
    from whoosh import index as whoosh_index

_LINK = re.compile(r'href="/articles/([^"#]+)')

Progress = Callable[[int, int], None]  # done, of how many

WHOOSH, STATE = "whoosh", "state.json"
MOST_SEGMENTS = 12
MOST_DEAD = 0.1  # share of articles superseded in place; beyond it the index is written afresh


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
    seconds: float = 0.0
    published: bool = False
    commit: str = ""  # of the articles' repository
    answered: tuple[str, ...] = ()  # open questions this build answers
    regressed: tuple[str, ...] = ()  # answered questions it no longer answers


@dataclass(slots=True)
class Entry:
    """What is remembered of a file from one build to the next."""

    stat: tuple[int, ...]
    facts: str  # author and date from git
    digest: str
    problems: tuple[Problem, ...] = ()
    segment: int = -1  # -1: rejected
    doc: int = -1
    slug: str = ""
    aliases: tuple[str, ...] = ()
    translation_of: str = ""
    links: tuple[str, ...] = ()  # paths of the articles it links to, without their endings

    def to_json(self) -> list[Any]:
        problems = [(p.path, p.line, p.code, p.message, p.cure, p.level) for p in self.problems]
        return [
            self.stat, self.facts, self.digest, problems, self.segment, self.doc, self.slug,
            self.aliases, self.translation_of, self.links,
        ]  # fmt: skip

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "Entry":
        stat, facts, digest, problems, segment, doc, slug, aliases, original, links = values
        return cls(
            tuple(stat), facts, digest, tuple(Problem(*p) for p in problems), segment, doc, slug,
            tuple(aliases), original, tuple(links),
        )  # fmt: skip


@dataclass(slots=True)
class _Before:
    """The published build a new one may go on from."""

    build: Build
    entries: dict[str, Entry]
    segments: list[str]  # file names
    dead: list[list[int]]
    problems: tuple[Problem, ...]
    synonyms: str


@dataclass(slots=True)
class _Plan:
    """What differs from the build before."""

    kept: dict[str, Entry] = field(default_factory=dict)
    fresh: list[tuple[Source, bytes, Defaults]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def fingerprint(settings: Settings) -> str:
    """Differs whenever the same files would make another build."""
    told = (
        __version__, store.FORMAT, articles.VERSION, settings.lang, settings.langs,
        settings.remote_images, settings.max_article_bytes, _code(),
    )  # fmt: skip
    return blake2b(repr(told).encode(), digest_size=12).hexdigest()


def _code() -> str:
    """A digest of the modules that decide what stands in a build."""
    names = ("analysis", "articles", "markup", "schema", "segment", "spelling", "text")
    parts = [(Path(__file__).parent / f"{name}.py").read_bytes() for name in names]
    return blake2b(b"".join(parts), digest_size=8).hexdigest()


def rebuild(
    settings: Settings,
    *,
    full: bool = False,
    strict: bool = False,
    progress: Progress | None = None,
) -> BuildReport:
    """Brings the index up to date with the articles folder and publishes it whole.

    An article whose bytes and git facts did not change is neither parsed nor rendered again. With
    `strict` nothing is published if anything is rejected. Raises ArticlesMissing or BuildFailed; the
    old build then goes on serving.
    """
    began = perf_counter()
    listing = articles.listing(settings.articles)
    past = history.read(settings.articles)
    builds = Builds(settings.builds)
    with builds.draft() as draft:
        before = None if full else _before(builds, settings)
        synonyms = _synonyms(settings.articles)
        plan = _compare(settings, listing.sources, past, before)
        fresh = _prepare(settings, plan, progress)
        entries, docs, problems = _settle(plan, fresh)
        problems = tuple(sorted({*problems, *listing.problems}))
        rejected = tuple(p for p in problems if p.level == "error")
        report = BuildReport(
            build=before.build.name if before else "",
            articles=len([e for e in entries.values() if e.segment >= 0]) + len(docs),
            added=len([path for path in docs if before is None or not _served(before, path)]),
            changed=len([path for path in docs if before is not None and _served(before, path)]),
            removed=len([p for p in (before.entries if before else ()) if _served(before, p) and p not in docs and not _is_in(entries, p)]),
            unchanged=len([e for e in entries.values() if e.segment >= 0]),
            rejected=rejected,
            warnings=tuple(p for p in problems if p.level != "error"),
            skipped=listing.skipped,
            commit=past.commit,
        )  # fmt: skip
        same = (
            before is not None and not docs and not report.removed and synonyms == before.synonyms
        )
        if same or (strict and rejected):
            if same and before is not None and problems != before.problems:
                pass  # an unchanged index is published again only for what readers can see
            return replace(report, seconds=perf_counter() - began)
        segments, dead = _write(draft, before, entries, docs)
        facts = {
            "fingerprint": fingerprint(settings), "articles": report.articles, "commit": past.commit,
            "segments": segments, "dead": dead,
        }  # fmt: skip
        (draft / SYNONYMS).write_text(synonyms, "utf-8")
        _write_names(draft, entries, segments, settings.langs)
        state = {
            "skipped": listing.skipped,
            "problems": [(p.path, p.line, p.code, p.message, p.cure, p.level) for p in problems],
            "entries": {path: entry.to_json() for path, entry in entries.items()},
        }  # fmt: skip
        (draft / STATE).write_text(
            json.dumps(state, ensure_ascii=False, separators=(",", ":")), "utf-8"
        )
        _verify(draft, report.articles, segments, dead)
        build = builds.publish(draft, facts)
    return replace(report, build=build.name, published=True, seconds=perf_counter() - began)


def _served(before: _Before | None, path: str) -> bool:
    return before is not None and _is_in(before.entries, path)


def _is_in(entries: Mapping[str, Entry], path: str) -> bool:
    return path in entries and entries[path].segment >= 0


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
        state = json.loads((build.folder / STATE).read_text("utf-8"))
        return _Before(
            build,
            {path: Entry.from_json(values) for path, values in state["entries"].items()},
            build.manifest["segments"],
            build.manifest["dead"],
            tuple(Problem(*p) for p in state["problems"]),
            (build.folder / SYNONYMS).read_text("utf-8"),
        )
    except (IndexMissing, IndexDamaged, OSError, ValueError, KeyError, TypeError):
        return None


def _compare(
    settings: Settings, sources: Sequence[Source], past: history.History, before: _Before | None
) -> _Plan:
    """Which files are as they were, and the bytes of the others."""
    plan = _Plan()
    base = Defaults(lang=settings.lang, langs=settings.langs, max_bytes=settings.max_article_bytes)
    known = before.entries if before else {}
    for source in sources:
        defaults = base.of(past.changes.get(source.path))
        facts = f"{defaults.author}|{defaults.updated}"
        stat = (source.size, source.mtime_ns, source.inode, source.ctime_ns)
        entry = known.get(source.path)
        if entry and any(p.code == "slug-taken" for p in entry.problems):
            entry = None  # whether its address is free depends on the others
        if entry and entry.stat == stat and entry.facts == facts:
            plan.kept[source.path] = entry
            continue
        data = articles.read(settings.articles, source, settings.max_article_bytes)
        if isinstance(data, Problem):
            plan.problems.append(data)
            continue
        if entry and entry.digest == articles.digest(source.path, data, defaults):
            plan.kept[source.path] = replace(entry, stat=stat, facts=facts)
        else:
            plan.fresh.append((source, data, defaults))
    return plan


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
        prepare, jobs, seconds=settings.render_seconds, megabytes=settings.render_megabytes
    )
    for done, (number, result) in enumerate(results, 1):
        source, data, defaults = plan.fresh[number]
        doc: Analysed | None = None
        problems: tuple[Problem, ...]
        if isinstance(result, limits.Failure):
            problems = (_failed(source.path, result, settings),)
        else:
            doc, problems = result
        yield _Fresh(
            source,
            articles.digest(source.path, data, defaults),
            f"{defaults.author}|{defaults.updated}",
            doc,
            problems,
        )
        if progress:
            progress(done, total)


def _failed(path: str, failure: "limits.Failure", settings: Settings) -> Problem:
    if failure.kind == "time":
        return Problem(
            path, 1, "too-slow",
            f"rendering takes more than {settings.render_seconds:g} s",
            "look for very deep nesting or thousands of brackets, or split the article",
        )  # fmt: skip
    if failure.kind == "memory":
        return Problem(
            path, 1, "too-much-memory",
            f"rendering needs more than {settings.render_megabytes} MB",
            "split the article",
        )  # fmt: skip
    return Problem(
        path, 1, "cannot-render", f"rendering failed: {failure.message}",
        "simplify the Markdown around deep nesting; if it is ordinary text, please report it",
    )  # fmt: skip


def _settle(
    plan: _Plan, fresh: Iterator[_Fresh]
) -> tuple[dict[str, Entry], dict[str, tuple[Entry, Analysed]], tuple[Problem, ...]]:
    """Gives every address to one article; what lost its address is rejected."""
    entries = dict(plan.kept)
    docs: dict[str, tuple[Entry, Analysed]] = {}
    for file in fresh:
        source = file.source
        entry = Entry(
            (source.size, source.mtime_ns, source.inode, source.ctime_ns),
            file.facts, file.digest, file.problems,
        )  # fmt: skip
        if file.doc is None:
            entries[source.path] = entry
            continue
        article = file.doc.article
        entry.slug, entry.aliases, entry.translation_of = (
            article.slug,
            article.aliases,
            article.translation_of,
        )
        entry.links = tuple(sorted(set(_LINK.findall(file.doc.html))))
        docs[source.path] = (entry, file.doc)
    claims = [
        Article(path, entry.slug, "", "", "", aliases=entry.aliases)
        for path, entry in entries.items()
        if entry.segment >= 0
    ] + [replace(doc.article, body="") for _, doc in docs.values()]
    settled, taken = articles.settle(claims)
    names = {article.path for article in settled}
    for problem in taken:
        if problem.level != "error" or problem.path in names:
            continue
        if problem.path in docs:
            entry, _ = docs.pop(problem.path)
        else:
            entry = entries[problem.path]
        entries[problem.path] = replace(
            entry, segment=-1, doc=-1, problems=(*entry.problems, problem)
        )
    problems = [*plan.problems, *taken]
    for entry in (*entries.values(), *(entry for entry, _ in docs.values())):
        problems += entry.problems
    return entries, docs, tuple(problems)


# ---------------------------------------------------------------- writing


def _write(
    draft: Path,
    before: _Before | None,
    entries: dict[str, Entry],
    docs: dict[str, tuple[Entry, Analysed]],
) -> tuple[list[str], list[list[int]]]:
    """Writes Whoosh's index and our arrays; gives every entry its place. Names of segments, dead articles."""
    if before is not None and _may_append(before, entries, docs):
        return _append(draft, before, entries, docs)
    whole = dict(docs)
    if before is not None:
        opened = [Segment(before.build.folder / name) for name in before.segments]
        for path, entry in entries.items():
            if entry.segment >= 0:
                whole[path] = (entry, opened[entry.segment].restore(entry.doc))
    (draft / WHOOSH).mkdir()
    index = whoosh_index.create_in(str(draft / WHOOSH), whoosh_schema())
    segments = ["0.kb"]
    _add(index, draft / segments[0], whole, 0, entries)
    return segments, [[]]


def _may_append(before: _Before, entries: Mapping[str, Entry], docs: Mapping[str, Any]) -> bool:
    kept = sum(entry.segment >= 0 for entry in entries.values())
    total = kept + len(docs)
    known = sum(entry.segment >= 0 for entry in before.entries.values())
    dead = known + sum(map(len, before.dead)) - kept
    return (
        len(before.segments) < MOST_SEGMENTS
        and total > 0
        and dead + len(docs) <= MOST_DEAD * total
        and kept > 0
    )


def _append(
    draft: Path,
    before: _Before,
    entries: dict[str, Entry],
    docs: dict[str, tuple[Entry, Analysed]],
) -> tuple[list[str], list[list[int]]]:
    """Goes on from the build before: its files are linked, new articles become one more segment."""
    old = before.build.folder
    (draft / WHOOSH).mkdir()
    for path in (old / WHOOSH).iterdir():
        if path.name != "MAIN_WRITELOCK":
            store.link_or_copy(path, draft / WHOOSH / path.name)
    for name in before.segments:
        store.link_or_copy(old / name, draft / name)
    index = whoosh_index.open_dir(str(draft / WHOOSH))
    kept = {(entry.segment, entry.doc) for entry in entries.values() if entry.segment >= 0}
    gone = [
        (entry.segment, entry.doc)
        for entry in before.entries.values()
        if entry.segment >= 0 and (entry.segment, entry.doc) not in kept
    ]
    dead = [[*numbers] for numbers in before.dead]
    for segment, doc in gone:
        dead[segment].append(doc)
    segments = list(before.segments)
    if docs:
        segments.append(f"{len(segments)}.kb")
        dead.append([])
    _add(index, draft / segments[-1], docs, len(segments) - 1, entries, gone)
    return segments, [sorted(numbers) for numbers in dead]


def _add(
    index: Any,
    target: Path,
    docs: dict[str, tuple[Entry, Analysed]],
    segment: int,
    entries: dict[str, Entry],
    gone: Sequence[tuple[int, int]] = (),
) -> None:
    """Adds articles to Whoosh as one segment, in order of their paths, and exports it."""
    writer = index.writer(limitmb=256)
    if gone:
        bases = np.cumsum([0, *(part.doc_count_all() for part in writer.segments)])
        for number, doc in gone:
            writer.delete_document(int(bases[number]) + doc)
    arrays = SegmentWriter()
    for number, (path, (entry, analysed)) in enumerate(sorted(docs.items())):
        writer.add_document(slug=analysed.article.slug, **index_fields(analysed))
        arrays.add(analysed)
        entries[path] = replace(entry, segment=segment, doc=number)
    writer.commit(merge=False)
    if not docs and segment:
        return
    with index.reader() as reader:
        leaves = reader.leaf_readers()
        arrays.write(target, leaves[-1][0] if docs else reader)


def _write_names(
    draft: Path, entries: Mapping[str, Entry], segments: Sequence[str], langs: Sequence[str]
) -> None:
    """Addresses to articles, their order, their translations and how often they are linked to."""
    bases = np.cumsum([0, *(Segment(draft / name).size for name in segments)])
    live = {path: entry for path, entry in sorted(entries.items()) if entry.segment >= 0}
    at = {path: int(bases[entry.segment]) + entry.doc for path, entry in live.items()}
    by_slug = {entry.slug: path for path, entry in live.items()}
    slugs = Vocabulary.of(by_slug)
    places = {slug: i for i, slug in enumerate(slugs)}
    others: dict[str, str] = {}
    for path, entry in live.items():
        for other in (*entry.aliases, _plain(path)):
            if other not in by_slug:
                others.setdefault(other, entry.slug)
    aliases = Vocabulary.of(others)
    inlinks = np.zeros(bases[-1], np.int32)
    for path, entry in live.items():
        for link in entry.links:
            target = unquote(link)
            slug = target if target in by_slug else others.get(target)
            if slug and by_slug[slug] != path:
                inlinks[at[by_slug[slug]]] += 1
    arrays: dict[str, Any] = {
        "slugs.doc": np.array([at[by_slug[slug]] for slug in slugs], np.int32),
        "aliases.to": np.array([places[others[alias]] for alias in aliases], np.int32),
        "order": np.array(list(at.values()), np.int32),
        "group": _translations(live, by_slug, at, int(bases[-1]), langs),
        "inlinks": inlinks,
    }
    arrays["slugs.blob"], arrays["slugs.offsets"] = slugs.arrays
    arrays["aliases.blob"], arrays["aliases.offsets"] = aliases.arrays
    store.write_arrays(draft / NAMES, arrays)


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
) -> None:
    """Compares what was written with what was meant. Raises BuildFailed."""
    with whoosh_index.open_dir(str(draft / WHOOSH)).reader() as reader:
        found = reader.doc_count()
    opened = [Segment(draft / name) for name in segments]
    live = sum(part.size for part in opened) - sum(map(len, dead))
    Library(Build(draft.name, draft, {"segments": segments, "dead": dead}))
    if not found == live == expected:
        raise BuildFailed(
            f"the new build holds {found} articles in the index and {live} in its arrays instead of "
            f"{expected}; run `kb index --full`"
        )
