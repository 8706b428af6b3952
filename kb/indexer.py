"""Builds the index: articles folder to a complete new build, published whole. Answers no query."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter

from kb.base import data_folder
from kb.base.audiences import STRANGERS
from kb.base.config import Settings
from kb.base.errors import IndexDamaged, IndexMissing
from kb.content import navigation, pins, topics
from kb.content.folder import list_files
from kb.content.notices import Notice
from kb.content.problems import Problem, told_by_git
from kb.git import history
from kb.index import attachments, learned, notice_file, notices
from kb.index.addresses import write_addresses
from kb.index.arrays import write_arrays
from kb.index.attachments import TextStore, settle_attached
from kb.index.builds import Build, Builds
from kb.index.changes import (
    PreviousBuild,
    articles_root,
    compare,
    known_paths,
    previous_build,
    served_at,
    write_state,
)
from kb.index.checkpoint import Checkpoint
from kb.index.contents import Contents, settle, settle_learned
from kb.index.counts import write_counts
from kb.index.entries import Entry, differing
from kb.index.fingerprint import fingerprint
from kb.index.learned import LearnedLines
from kb.index.links import SettledLinks, link_table, settle_links
from kb.index.reader import PINS, SCORES, SYNONYMS
from kb.index.rendering import Progress, prepare_changed
from kb.index.renumbered import renumber_addresses
from kb.index.writer import restored, verify, write_segments
from kb.ranking import calibration

PATIENCE = 4  # times as much of both is borne while a writer waits
STILL_MEASURED = 0.01  # share of articles that may differ from those the chance was measured on


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The result of `rebuild`; `build` names the current build, also when nothing had changed."""

    build: str
    articles: int  # in the build, drafts included
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    learned: int = 0  # articles with other learned lines, though their files are unchanged
    rejected: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    resumed: int = 0  # articles that a run which was interrupted had rendered
    skipped: int = 0  # files that others include
    dialects: Mapping[str, str] = field(default_factory=dict)  # of folders; "": the files beside
    navigations: tuple[str, ...] = ()  # files that gave the tree of topics, besides folders
    reasons: Mapping[str, str] = field(default_factory=dict)  # what told each dialect
    remote_images: int = 0  # of other sites, in the articles that are served
    seconds: float = 0.0
    published: bool = False
    withheld: str = ""  # why nothing was published: `rejected`, `would-lose`, `empty`, `withdrawn`
    commit: str = ""  # of the articles' repository
    answered: tuple[str, ...] = ()  # open questions this build answers
    regressed: tuple[str, ...] = ()  # answered questions it no longer answers
    unasked: int = 0  # questions there was no time to ask again


def rebuild(
    settings: Settings,
    *,
    full: bool = False,
    strict: bool = False,
    careful: bool = False,
    hurried: bool = False,
    may_empty: bool = True,
    progress: Progress | None = None,
    resumed: Callable[[int], None] | None = None,
    past: history.History | None = None,
    builds: Builds | None = None,
    start: Builds | None = None,
    lines: LearnedLines | None = None,
    texts: Path | None = None,
    prepare: Callable[[Build], None] | None = None,
) -> BuildReport:
    """Brings the index up to date with the articles folder and publishes it whole.

    An article whose bytes and facts from git did not change is neither parsed nor rendered again,
    nor is one that a run rendered which was interrupted.

    - `full`: every article is, whatever the previous build holds, and such a run left;
    - `strict`: nothing is published if any file is rejected;
    - `careful`, where nobody looks at the report: nothing is published that takes a served article
      away by a mistake, leaves no article at all, or was withdrawn by `kb rollback`;
    - `hurried`, while a writer waits: the chance level is that of the previous build and nothing is
      written afresh; the next build that is not hurried makes up for it;
    - `may_empty`: an empty folder takes all articles away; else nothing is published then;
    - `progress` is called with how many articles are done and of how many; one that is rendered
      and not yet written counts as half;
    - `resumed` is called with how many were rendered by a run that was interrupted, if any were;
    - `past` is the history of the articles, where the folder itself is no repository;
    - `builds` are those of the settings, opened already;
    - `start` are other builds, whose current one is gone on from if it is of this fingerprint;
    - `lines` are the learned lines of each article; without them they stay as they were;
    - `prepare` is called with a new build before it becomes the current one;
    - `texts` is where texts of linked files are known by content, in the data folder if not given.

    Returns what changed and which build is current now. Raises ArticlesMissing when there is no
    folder of articles and BuildFailed when the build cannot be written or does not hold what it
    should; the previous build then goes on serving.
    """
    job = _Rebuild(
        settings=settings, builds=builds or Builds(settings.builds), start=start,
        past=past or history.read(settings.articles), is_copy=past is not None,
        full=full, strict=strict, careful=careful, hurried=hurried, may_empty=may_empty,
        progress=progress, resumed=resumed, lines=lines, texts=texts,
        prepare=prepare or (lambda build: None),
    )  # fmt: skip
    try:
        return job.run()
    except IndexDamaged:  # the previous build is whole by its checksums, and cannot be read
        return replace(job, full=True, start=None).run()


class Done:
    """How much of the changed articles is rendered and written, told as a number of articles."""

    def __init__(self, total: int, told: Progress | None) -> None:
        self._total, self._told = total, told
        self._last = -1

    def rendered(self, number: int) -> None:
        """Tells that so many are rendered."""
        self._tell(number / 2)

    def written(self, share: float) -> None:
        """Tells which share of the writing is done, 0–1."""
        self._tell(self._total * (1 + share) / 2)

    def _tell(self, done: float) -> None:
        if self._told and int(done) > self._last and self._total:
            self._last = int(done)
            self._told(self._last, self._total)


@dataclass(frozen=True, slots=True)
class _Rebuild:
    """One call of `rebuild` with its options."""

    settings: Settings
    builds: Builds
    start: Builds | None
    past: history.History
    is_copy: bool  # of the articles: the files are gone soon
    full: bool
    strict: bool
    careful: bool
    hurried: bool
    may_empty: bool
    progress: Progress | None
    resumed: Callable[[int], None] | None
    lines: LearnedLines | None
    texts: Path | None
    prepare: Callable[[Build], None]

    def run(self) -> BuildReport:
        """As `rebuild`; raises IndexDamaged, too, if the previous build cannot be read back."""
        began = perf_counter()
        listing = list_files(self.settings.articles, self.settings.langs)
        with self.builds.draft() as draft, self._checkpoint() as checkpoint:
            before = self._previous()
            changes = compare(
                self.settings,
                listing.sources,
                self.past,
                before,
                self.is_copy,
                listing.tool_files,
                listing.addresses,
                draft=draft,
            )
            done = Done(len(changes.fresh), self.progress)
            prepared = prepare_changed(self.settings, changes, done.rendered, checkpoint)
            contents = settle(changes, prepared, partial(served_at, self.builds, before))
            settle_learned(contents, self._lines(), partial(restored, before))
            contents.files = listing.files
            self._attach(contents, before)
            contents.navigations = navigation.read(self.settings.articles, listing.navigations)
            banners = notices.prepare(self.settings, listing.notices)
            problems = (
                *(each for _, _, found in banners for each in found),
                *listing.problems, *contents.navigations.problems, *told_by_git(self.past),
            )  # fmt: skip
            contents.problems = tuple(sorted({*contents.problems, *problems}))
            contents.synonyms = _synonyms(self.settings.articles)
            contents.pins = pins.read_text(self.settings.articles)
            contents.banners = tuple(banners)
            contents.skipped, contents.commit = listing.skipped, self.past.commit
            if before is not None:
                gone = before.entries.articles_besides(contents.entries)
                contents.gone = gone - contents.docs.keys()
            report = replace(
                _report(before, contents), dialects=changes.dialects, reasons=changes.reasons,
                resumed=checkpoint.resumed,
            )  # fmt: skip
            if reason := self._withheld(contents, report):
                report = self._unpublished(before, report, reason)
            elif self._is_due(before, contents):
                build = self._linked(draft, before, contents) or self._publish(
                    draft, before, contents, done.written
                )
                self._forget_texts(contents)
                report = replace(report, build=build.name, published=True)
        return replace(report, seconds=perf_counter() - began)

    def _checkpoint(self) -> Checkpoint:
        """What keeps the articles that are rendered until the build is published."""
        known_by = fingerprint(self.settings)
        return Checkpoint(self.builds.root, known_by, self.resumed, afresh=self.full)

    def _previous(self) -> PreviousBuild | None:
        """The build to go on from: that of `start`, else the current one unless `full`."""
        before = previous_build(self.start, self.settings) if self.start is not None else None
        if before is None and not self.full:
            before = previous_build(self.builds, self.settings)
        return before

    def _lines(self) -> LearnedLines:
        """The learned lines of the new build: those given, else those that stand in the last."""
        if self.lines is not None:
            return self.lines
        try:
            return learned.read((self.start or self.builds).current().folder)
        except (IndexMissing, IndexDamaged):
            return {}

    def _attach(self, contents: Contents, before: PreviousBuild | None) -> None:
        """Gives the articles the text of the files that they link to."""
        known = SettledLinks(*before.links) if before else None
        settle_attached(
            contents, partial(restored, before), self.settings, known,
            former=before.articles if before else {}, texts=self._texts, is_copy=self.is_copy,
            afresh=self.full,
        )  # fmt: skip

    @property
    def _texts(self) -> Path:
        return self.texts or self.settings.data / attachments.FOLDER

    def _withheld(self, contents: Contents, report: BuildReport) -> str:
        """Why `contents` are not to be published, as a code; or ""."""
        if self.strict and report.rejected:
            return "rejected"
        if self.careful:
            return _risk(self.builds, contents, report)
        is_emptied = not report.articles and bool(known_paths(self.builds)[0])
        return "empty" if is_emptied and not self.may_empty else ""

    def _unpublished(
        self, before: PreviousBuild | None, report: BuildReport, reason: str
    ) -> BuildReport:
        """The report of a build that is withheld: what goes on being served."""
        served = before.served if before else known_paths(self.builds)[0]
        build = report.build or self.builds.pointed()
        return replace(report, build=build, articles=len(served), withheld=reason)

    def _is_due(self, before: PreviousBuild | None, contents: Contents) -> bool:
        """Whether to publish: no build is there, it is of other articles, or it would differ."""
        return (
            before is None
            or before.build.folder.parent != self.builds.root
            or before.root != articles_root(self.settings)
            or _differs(before, contents)
            or (before.is_hurried and not self.hurried)
            or (self.settings.engine == "opensearch" and not before.has_counts)
            or self._indexes() not in ("", before.build.manifest.get("indexes"))
        )

    def _linked(
        self, draft: Path, before: PreviousBuild | None, contents: Contents
    ) -> Build | None:
        """The current build of `start`, published here as well, if it holds just this."""
        if self.start is None or before is None or before.is_hurried or _differs(before, contents):
            return None
        if before.build.folder.parent != self.start.root or self.start.root == self.builds.root:
            return None
        return self.builds.link(before.build, self.start, draft)

    def _publish(
        self,
        draft: Path,
        before: PreviousBuild | None,
        contents: Contents,
        written: Callable[[float], None],
    ) -> Build:
        """Writes the whole build, compares it with what was meant, and makes it the current one."""
        expected = contents.size
        patience = PATIENCE if self.hurried else 1
        segments, deleted = write_segments(draft, before, contents, patience, written)
        (draft / SYNONYMS).write_text(contents.synonyms, "utf-8")
        (draft / PINS).write_text(contents.pins, "utf-8")
        learned.write(draft, contents.learned)
        langs = self.settings.langs
        live = contents.placed
        topics_stay = before is not None and _have_same_topics(before, contents)
        tree = self._tree(before if topics_stay else None, contents, live)
        links = self._links(before, contents, live, tree)
        banners = self._notices(contents, live, tree, links)
        notice_file.write(draft, banners)
        entries, links_stay = contents.entries, before and links == SettledLinks(*before.links)
        if not (
            before and topics_stay and links_stay
            and renumber_addresses(draft, before, entries, contents.renewed, segments)
        ):  # fmt: skip
            write_addresses(draft, entries, segments, langs, tree)
        write_state(
            draft, entries, contents.problems, contents.skipped, links,
            before.tree if before and topics_stay else tree.to_json(sorted(live)),
        )  # fmt: skip
        whole = verify(draft, expected, segments, deleted)
        outer = whole.seen_by(STRANGERS)
        scores = {str(number): each for number, each in enumerate(outer.corpus.scores)}
        write_arrays(draft / SCORES, scores)
        if self.settings.engine == "opensearch":
            write_counts(draft, whole.corpus)
        unmeasured = _unmeasured(before, contents) if before else expected
        if before and (self.hurried or unmeasured <= STILL_MEASURED * expected):
            levels = {name: before.build.manifest[name] for name in ("level", "inner_level")}
        else:
            level, unmeasured = calibration.chance_level(outer), 0
            inner = level if outer is whole else calibration.chance_level(whole)
            levels = {"level": level, "inner_level": inner}
        facts = {
            "fingerprint": fingerprint(self.settings), "articles": expected,
            "commit": contents.commit, "contents": contents.digest,
            "segments": segments, "dead": deleted, "unmeasured": unmeasured, **levels,
            "navigations": contents.navigations.digest, "learned": contents.learned_digest,
            "hurried": self.hurried,
            "root": articles_root(self.settings),
            **({"indexes": name} if (name := self._indexes()) else {}),
        }  # fmt: skip
        return self.builds.publish(draft, facts, prepare=self.prepare)

    def _indexes(self) -> str:
        """What the names of indexes in the cluster that searches begin with; "" without one."""
        if self.settings.engine != "opensearch":
            return ""
        return f"{self.settings.opensearch_prefix}-{data_folder.identity(self.settings.data)}"

    def _forget_texts(self, contents: Contents) -> None:
        """Forgets the texts of files that no article links to any more, if they are ours alone."""
        if self.texts is None:
            linked = contents.entries.rare("attached")
            keys = {file.key for _, files in linked for file in files}
            TextStore(self.settings, self._texts).forget_others(keys)

    def _notices(
        self,
        contents: Contents,
        live: Mapping[str, Entry],
        tree: topics.TopicTree,
        links: SettledLinks,
    ) -> tuple[Notice, ...]:
        """The notices of a build with the addresses of their links, after those of articles."""
        if not contents.banners:
            return ()
        langs, habits = self.settings.langs, links.habits
        table = link_table(live, contents.files, langs, habits, tree.folders)
        return notices.settled(contents.banners, table)

    def _links(
        self,
        before: PreviousBuild | None,
        contents: Contents,
        live: Mapping[str, Entry],
        tree: topics.TopicTree,
    ) -> SettledLinks:
        """Settles the links of all articles; in a hurry those that changed, unless others may."""
        known = SettledLinks(*before.links) if before else SettledLinks()
        former = before.articles if before and (self.hurried or not before.is_hurried) else {}
        others = differing(contents.renewed, live, former) if former else list(live)
        return settle_links(
            live, contents.files, self.settings.langs, known, tree.folders, former, others,
            may_differ=not self.hurried,
        )  # fmt: skip

    def _tree(
        self, same: PreviousBuild | None, contents: Contents, live: Mapping[str, Entry]
    ) -> topics.TopicTree:
        """The tree of topics of a build, or of the last one that has the `same`."""
        if same:
            return topics.TopicTree.from_json(same.tree, sorted(same.articles))
        placements = {
            path: placement
            for path, entry in live.items()
            if (placement := entry.details.placement)
        }
        found = contents.navigations
        return topics.tree(placements, self.settings.langs, found.all, found.labels)


def _have_same_topics(before: PreviousBuild, contents: Contents) -> bool:
    """Whether no article and no navigation says another place than in the build before."""
    former, live = before.articles, contents.placed
    return (
        bool(before.tree)
        and before.navigations == contents.navigations.digest
        and len(live) == len(former)
        and all(
            path in former and live[path].details.placement == former[path].details.placement
            for path in differing(contents.renewed, live, former)
        )
    )


def _risk(builds: Builds, contents: Contents, report: BuildReport) -> str:
    """Why nobody should publish `contents` unseen, as a code; or ""."""
    served, known = known_paths(builds)
    # A gate that cannot be read keeps its article back at once: that is no loss by mistake.
    rejected = {problem.path for problem in report.rejected if problem.code != "bad-gate"}
    is_gone = any(path not in contents.entries and path not in contents.docs for path in served)
    # What went while a broken file came was perhaps renamed: one mistake, told in two places.
    if served & rejected or (is_gone and rejected - known):
        return "would-lose"
    if served and not report.articles:
        return "empty"
    digest = contents.digest
    was_withdrawn = any(b.manifest.get("contents") == digest for b in builds.withdrawn())
    return "withdrawn" if was_withdrawn else ""


def _report(before: PreviousBuild | None, contents: Contents) -> BuildReport:
    """What publishing `contents` after `before` changes."""
    known = before.articles if before else {}
    again = {path for path in contents.docs if path in known}
    return BuildReport(
        build=before.build.name if before else "",
        articles=contents.size,
        added=len(contents.docs) - len(again),
        changed=len(again - contents.relearned),
        learned=len(contents.relearned),
        removed=len(contents.gone),
        unchanged=len(contents.placed),
        rejected=tuple(p for p in contents.problems if p.level == "error"),
        warnings=tuple(p for p in contents.problems if p.level != "error"),
        skipped=contents.skipped,
        remote_images=sum(images for _, images in contents.served.rare("remote_images")),
        commit=contents.commit,
        navigations=contents.navigations.files,
    )


def _differs(before: PreviousBuild, contents: Contents) -> bool:
    """Whether readers would see anything new; problems alone make no build."""
    return (
        bool(contents.docs)
        or set(contents.placed) != set(before.articles)
        or contents.synonyms != before.synonyms
        or contents.navigations.digest != before.navigations
        or contents.digest != before.build.manifest.get("contents")
        or not before.is_sound
    )


def _unmeasured(before: PreviousBuild, contents: Contents) -> int:
    """How often articles changed, came or went since the level of chance was measured."""
    differ = contents.docs.keys() | contents.gone
    return int(before.build.manifest.get("unmeasured", 0)) + len(differ)


def _synonyms(root: Path) -> str:
    try:
        return (root / SYNONYMS).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
