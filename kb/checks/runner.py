"""The folder of articles as it is now to all that is wrong with it. What customers see stays as is.

Makes only what the rules need: a text is rendered where its outline cannot tell, and an index is
made, going on from the one that is served, when the first question under `answers` is asked.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from kb import indexer
from kb.base import sandbox
from kb.base.config import Settings
from kb.base.errors import BuildFailed, ConfigError, IndexDamaged, IndexMissing
from kb.base.messages import NOTHING, Message
from kb.checks import banners, outline, rules
from kb.checks.outline import Outline
from kb.checks.rules import Base, Rank, Shape
from kb.content import attachments, owners, pins
from kb.content.articles import LFS_POINTER, Article, Defaults
from kb.content.folder import scan
from kb.content.link_table import place_of
from kb.content.markup import Inclusions, Rendered
from kb.content.problems import Problem, told_by_git
from kb.git import history
from kb.index import attachments as attached_files
from kb.index import rendering
from kb.index.builds import Builds
from kb.index.fingerprint import fingerprint
from kb.index.reader import SYNONYMS, IndexReader
from kb.language import synonyms
from kb.search import Searcher, SearchRequest

# Addresses of other sites → kind and reason of what they replied.
Replies = Callable[[Iterable[str]], Mapping[str, tuple[str, Message]]]


def inspect(
    settings: Settings, today: date, within: Sequence[str] = (), visit: Replies | None = None
) -> list[Problem]:
    """What is wrong with the articles, in the files and folders `within`.

    `visit` asks other sites about the addresses that articles link to. Raises ArticlesMissing, and
    ConfigError where the settings name a rule that is none.
    """
    _refuse_unknown(settings.checks)
    with _Ranking(settings, today) as rank:
        base, found = look(settings, today, within, rank, wants_sites=visit is not None)
        if visit is not None:
            base = replace(base, replies=visit(rules.external(base)))
        return sorted({*_leveled(found, settings), *rules.run(base, levels=settings.checks)})


def look(
    settings: Settings,
    today: date,
    within: Sequence[str] = (),
    rank: Rank | None = None,
    *,
    wants_sites: bool = False,
) -> tuple[Base, list[Problem]]:
    """The articles as rules look at them, and what was wrong in reading the files `within`.

    Links to other sites are known only where `wants_sites`.
    """
    past = history.read(settings.articles)
    defaults = Defaults(settings.lang, settings.langs, settings.max_article_bytes)
    scanned = scan(settings.articles, defaults, past.changes, settings.tools)
    files = _files(settings.articles)
    base = Base(
        articles=scanned.claimed,
        rendered={},
        today=today,
        files=files,
        pointers=frozenset(path for path in files if _is_pointer(settings.articles / path)),
        knows_readers=settings.knows_readers,
        lang=settings.lang,
        langs=settings.langs,
        review_days=settings.review_days,
        support_email=settings.support_email,
        rank=rank,
        elsewhere=[
            *_synonym_problems(settings.articles),
            *owners.problems(
                owners.read_text(settings.articles),
                {*settings.letter_types, *(each.category for each in scanned.claimed)},
            ),
        ],
        within=within,
        inclusions=scanned.inclusions,
        navigations=scanned.navigations,
    )
    pinned = _pin_problems(settings.articles, base)
    base = replace(base, elsewhere=[*base.elsewhere, *pinned])
    base, failed = _shaped(base, settings, wants_sites=wants_sites)
    unsearched = _unsearched(base, settings) if settings.attachments else ()
    banner = banners.problems(settings, base, scanned.notices)
    return base, [
        problem
        for problem in (*scanned.problems, *told_by_git(past), *failed, *unsearched, *banner)
        if base.is_asked(problem.path) and problem.code not in _TOLD_BY_RULES
    ]


_TOLD_BY_RULES = {"alias-taken"}


def _refuse_unknown(levels: Mapping[str, str]) -> None:
    for code, meant in rules.unknown(levels).items():
        hint = Message("; did you mean {near}?", near=meant) if meant else NOTHING
        raise ConfigError(
            Message(
                "setting checks: no rule is called {code}{hint}; `kb check --rules` lists them",
                code=code,
                hint=hint,
            )
        )


def _leveled(problems: Iterable[Problem], settings: Settings) -> list[Problem]:
    """At the levels of the settings; what makes a file no article is an error whatever they say."""
    rejected = [problem for problem in problems if problem.level == "error"]
    return [
        *rejected,
        *rules.sieved((p for p in problems if p.level != "error"), settings.checks),
    ]


def _files(root: Path) -> frozenset[str]:
    """All regular files below the articles folder."""
    found = []
    for folder, _, names in os.walk(root):
        below = os.path.relpath(folder, root)
        found += [name if below == "." else f"{below}/{name}" for name in names]
    return frozenset(found)


_LONGEST_POINTER = 200  # bytes


def _is_pointer(path: Path) -> bool:
    """Whether the file is what Git LFS leaves in place of one that was not fetched."""
    try:
        if path.stat().st_size > _LONGEST_POINTER or not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(LFS_POINTER)) == LFS_POINTER
    except OSError:
        return False


def _synonym_problems(root: Path) -> list[Problem]:
    try:
        content = (root / SYNONYMS).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    _, mistakes = synonyms.parse(content, shipped=synonyms.shipped())
    return [Problem(m.path, m.line, m.code, m.message, m.cure) for m in mistakes]


def _pin_problems(root: Path, base: Base) -> list[Problem]:
    now = datetime.combine(base.today, time(), UTC)
    served = {article.slug for article in base.served()}
    return pins.problems(pins.read_text(root), now, pins.Find(base.articles), served)


# ---------------------------------------------------------------- links and anchors


def _shaped(base: Base, settings: Settings, *, wants_sites: bool) -> tuple[Base, list[Problem]]:
    """With the links and anchors of all articles, and the articles that cannot be rendered.

    An outline knows no links to other sites, and not every anchor: what is linked to and not in it
    is looked for in the rendered text.
    """
    outlines = {} if wants_sites else {a.slug: outline.read(a) for a in base.articles}
    shapes: dict[str, Shape] = {slug: found for slug, found in outlines.items() if found}
    base = replace(base, rendered=shapes)
    unsure = {a.slug for a in base.articles} - shapes.keys()
    failed: list[Problem] = []
    rendered: set[str] = set()
    for _ in range(2):  # what could not be outlined may have links of its own
        wanted = (unsure | _doubtful(base, outlines)) - rendered
        rendered |= wanted
        found = [article for article in base.articles if article.slug in wanted]
        results = _rendered(found, settings, base.inclusions)
        for article, result in zip(found, results, strict=True):
            if isinstance(result, sandbox.Failure):
                failed.append(rendering.failed(article.path, result, settings))
            elif isinstance(result, Problem):
                failed.append(result)
            else:
                shapes[article.slug] = result
    return base, failed


def _doubtful(base: Base, outlines: Mapping[str, Outline | None]) -> set[str]:
    """Articles of which only rendering can tell whether they have a heading somebody links to."""
    return {
        slug
        for slug, anchor in rules.lacking(base)
        if (known := outlines.get(slug)) is not None and known.may_have(anchor)
    }


def render(job: tuple[Article, bool, Inclusions | None]) -> Rendered | Problem:
    """Links and anchors of one article; runs in a child process under limits."""
    rendered = rendering.render(*job)
    if isinstance(rendered, Problem):
        return rendered
    return Rendered("", (), rendered.links, "", rendered.anchors)


def _rendered(
    wanted: Sequence[Article], settings: Settings, inclusions: Mapping[str, Inclusions]
) -> Iterator[Rendered | Problem | sandbox.Failure]:
    results = sandbox.each(
        render,
        [(each, settings.remote_images, inclusions.get(each.path)) for each in wanted],
        seconds=settings.render_seconds,
        megabytes=settings.render_megabytes,
    )
    return (result for _, result in results)


# ---------------------------------------------------------------- files that articles link to


def _unsearched(base: Base, settings: Settings) -> list[Problem]:
    """Files that articles link to and that search cannot read, each at the line of the link."""
    linked: dict[tuple[str, str], tuple[Article, int]] = {}
    for article, link in base.links(images=False):
        if attachments.is_searched(place_of(link.target)):
            found = base.link_table.find(base.places[article.slug], link.target)
            if found and attachments.is_searched(found.file):
                linked.setdefault((article.path, found.file), (article, link.line))
    store = attached_files.TextStore(settings, settings.data / attached_files.FOLDER)
    files = {file: store.look(file, {}) for file in sorted({file for _, file in linked})}
    texts = store.extracted({file: seen for file, seen in files.items() if seen})
    return [
        problem
        for (path, file), (article, line) in linked.items()
        if file in texts
        for problem in attached_files.wrong_with(
            texts[file], path, rules.line_of(article, line), file
        )
    ]


# ---------------------------------------------------------------- answers


class _Ranking:
    """Ranks as search would after the next build, in an index that only we see; to be closed."""

    def __init__(self, settings: Settings, today: date) -> None:
        self._settings = settings
        self._ours = settings.model_copy(update={"data": settings.data / "check"})
        self._today = today
        self._aside = ExitStack()

    def __enter__(self) -> "_Ranking":
        return self

    def __exit__(self, *_: object) -> None:
        self._aside.close()

    def __call__(self, question: str, lang: str) -> list[str]:
        asked = SearchRequest(question, limit=rules.TOP, own_lang=lang, facets=False)
        return [hit.slug for hit in self._searcher.answer(asked, self._today).hits]

    @cached_property
    def _searcher(self) -> Searcher:
        builds = Builds(self._ours.builds)
        start = None if self._is_ready(builds) else Builds(self._settings.builds)
        try:
            indexer.rebuild(self._ours, start=start, texts=self._texts)
        except BuildFailed:  # another check is at work there, or the folder cannot be written
            builds = self._built_aside()
        return Searcher(IndexReader(builds.current()), 0)

    @property
    def _texts(self) -> Path:
        return self._settings.data / attached_files.FOLDER

    def _built_aside(self) -> Builds:
        """The builds of a folder that goes when we are closed. Raises BuildFailed."""
        folder = self._aside.enter_context(
            TemporaryDirectory(prefix="kb-check-", ignore_cleanup_errors=True)
        )
        settings = self._ours.model_copy(update={"data": Path(folder)})
        indexer.rebuild(settings, start=Builds(self._settings.builds), texts=self._texts)
        return Builds(settings.builds)

    def _is_ready(self, builds: Builds) -> bool:
        """Whether the next build can go on from our own last one."""
        try:
            known = builds.current().manifest.get("fingerprint")
        except (IndexMissing, IndexDamaged):
            return False
        return bool(known == fingerprint(self._ours))
