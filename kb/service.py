"""KnowledgeBase: where articles, index, search and log are joined. Speaks no HTTP."""

import logging
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from kb import fixes, reviews, searchlog, state, synonyms, triage
from kb.articles import Problem
from kb.asked import is_shareable
from kb.config import Settings
from kb.errors import IndexDamaged, IndexMissing, LogUnavailable
from kb.fixes import Fix
from kb.habits import Habits
from kb.library import Library
from kb.markup import Section
from kb.owners import OwnersFile
from kb.recorder import Recorder, Verdict
from kb.reviews import Due
from kb.runs import Report
from kb.search import Asked, Results, Searcher
from kb.searchlog import (
    Action,
    Board,
    Details,
    Filter,
    Health,
    MissGroup,
    Suggestions,
    Ticket,
)
from kb.store import Build, Builds

# What writes and checks is imported by the verbs that need it: a worker, which only reads, starts
# sooner and holds less.
if TYPE_CHECKING:
    from kb.indexer import BuildReport, Progress
    from kb.searchlog import Ids, News, Numbers, SearchLog

logger = logging.getLogger(__name__)

_WARM_UP = "открытое слово, opened word"  # loads both dictionaries before the first customer comes
LOOK_AGAIN = 0.2  # seconds between looks at which build is current
POPULAR, RECENT, RELATED, FIRST = 6, 6, 4, 3
_UNUSABLE = re.compile("[\0\ud800-\udfff]")  # no file can have such a name
MEDIA_TYPES = {
    ".avif", ".csv", ".gif", ".jpeg", ".jpg", ".json", ".mp3", ".mp4", ".ogg", ".pdf", ".png",
    ".svg", ".txt", ".webm", ".webp", ".zip",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Card:
    """An article in a list: home, category, related, previous and next."""

    slug: str
    url: str
    title: str
    lang: str
    category: str
    answer: str
    updated: date | None


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A category of one language in a list: what its page calls it, its articles, the first three.

    The page of its folder is no article of it; see Category.
    """

    name: str
    lang: str
    title: str
    articles: int
    first: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Category:
    """A category of one language, with its articles in reading order, and the page of its folder.

    That page, such as `index.md`, is no article of the category; where there is nothing else, it is
    its only one.
    """

    name: str
    lang: str
    articles: tuple[Card, ...]
    page: Card | None = None

    @property
    def title(self) -> str:
        """What its page calls it; "" if it has none."""
        return self.page.title if self.page else ""


@dataclass(frozen=True, slots=True)
class Home:
    """What the home page shows in one interface language; articles of others come after."""

    categories: tuple[CategoryCount, ...]
    popular: tuple[Card, ...]  # most read, then most linked to
    recent: tuple[Card, ...]  # recently updated
    articles: int  # how many are served in all


@dataclass(frozen=True, slots=True)
class Page:
    """An article with all that its page shows."""

    slug: str
    path: str  # file, for the edit link
    title: str
    lang: str
    html: str
    sections: tuple[Section, ...]  # for the contents: level, title, anchor
    category: str
    tags: tuple[str, ...]
    answer: str
    type: str
    author: str
    updated: date | None
    draft: bool
    unlisted: bool
    translations: tuple[Card, ...]
    related: tuple[Card, ...]
    previous: Card | None
    next: Card | None
    category_title: str = ""  # what the page of its category calls it
    publish: date | None = None  # customers see it from this day
    expires: date | None = None  # and no more from this day


@dataclass(frozen=True, slots=True)
class Moved:
    """The address belongs to a former slug; go to `slug`."""

    slug: str


@dataclass(frozen=True, slots=True)
class Status:
    """Whether there is something to serve."""

    build: str | None
    articles: int


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


class KnowledgeBase:
    """The service. Every method may be called from any thread.

    With `for_writers` it also shows what customers do not see: drafts, articles whose day has not
    come or is over; and it looks for a new build whenever it is asked.

    Reading methods raise IndexMissing when no build was ever published and IndexDamaged when none
    can be read.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime] = utc_now,
        cached_answers: int = 32,
        for_writers: bool = False,
        builds: Builds | None = None,
    ) -> None:
        self.settings = settings
        self._now = now
        self._cached = cached_answers
        self._for_writers = for_writers
        self._look_again = 0.0 if for_writers else LOOK_AGAIN
        self._builds = builds or Builds(settings.builds)
        self._lock = Lock()
        self._looked = -1.0
        self._stamp: tuple[int, int] | None = None
        self._current: _Current | None = None
        self._log: SearchLog | None = None
        self._owners = OwnersFile(settings.articles)
        self._habits = Habits(lambda: self._searches if self._has_log() else None, today=now)
        self._recorder = Recorder(
            lambda: searchlog.SearchLog(settings.log_url),
            self._judge,
            clock=lambda: now().timestamp(),
        )

    @classmethod
    def open(cls, settings: Settings, **options: Any) -> "KnowledgeBase":
        """The service over these settings; opens the published build if there is one."""
        service = cls(settings, **options)
        with suppress(IndexMissing, IndexDamaged):  # said to whoever asks
            service._opened()
            service.answer(_WARM_UP, limit=1, facets=False)
        return service

    def close(self) -> None:
        """Writes what is still to be written to the log, and closes it."""
        self._recorder.close()
        self._habits.wait(1.0)
        if self._log is not None:
            self._log.close()

    def before_fork(self) -> None:
        """What every child will need is loaded, and so shared."""
        _ = searchlog.SearchLog

    def after_fork(self) -> None:
        """A child process makes connections and threads of its own."""
        self._lock = Lock()
        self._log = None

    # ------------------------------------------------------------ the build

    def _opened(self) -> "_Current":
        """The current build, opened anew when another is published; looks five times a second."""
        current, now = self._current, monotonic()
        if current is not None and now - self._looked < self._look_again:
            return current
        with self._lock:
            looked = monotonic()  # what is published while we open is for the next look
            stamp = self._builds.stamp()
            if self._current is None or stamp != self._stamp:
                try:
                    self._current = self._open_build()
                    self._stamp = stamp
                except (IndexMissing, IndexDamaged):
                    if self._current is None:
                        raise
            self._looked = looked
            return self._current

    def _open_build(self) -> "_Current":
        build = self._builds.current()
        try:
            return _Current(Library(build), self._cached, self._for_writers)
        except KeyError as missing:  # an array that another version of the service did not write
            raise IndexDamaged(
                f"build {build.name} was made by another version ({missing}); run `kb index`"
            ) from None

    def status(self) -> Status:
        """Which build is served, and how many articles it holds; never raises."""
        try:
            current = self._opened()
        except (IndexMissing, IndexDamaged):
            return Status(None, 0)
        served = current.library.corpus.served(self._today())
        return Status(current.library.name, int(np.count_nonzero(served)))

    def contents(self) -> str:
        """Equal for builds of the same articles; "" while there is none. Never raises."""
        try:
            return self._opened().library.contents
        except (IndexMissing, IndexDamaged):
            return ""

    def edition(self) -> tuple[str, date]:
        """Build and day: as long as they are the same, so is the answer to a question."""
        return self._opened().library.name, self._today()

    def rebuild(
        self,
        full: bool = False,
        strict: bool = False,
        progress: "Progress | None" = None,
        *,
        careful: bool = False,
        hurried: bool = False,
    ) -> "BuildReport":
        """Brings the index up to date and asks the open questions again; see `indexer.rebuild`.

        For the process that indexes: a web worker only looks which build is current. A log that
        cannot be reached fails no build. In a hurry the questions are left to the next build.
        """
        from kb import indexer

        before = self._library_before()
        report = indexer.rebuild(
            self.settings,
            full=full,
            strict=strict,
            careful=careful,
            hurried=hurried,
            progress=progress,
            builds=self._builds,
        )
        self._looked = -1.0
        self._remember(report, before)
        if not report.published or hurried:
            return report
        try:
            answered, regressed = self.replay(progress, seconds=triage.SECONDS)
        except LogUnavailable as error:
            logger.warning("open questions were not asked again: %s", error)
            return report
        return replace(report, answered=tuple(answered), regressed=tuple(regressed))

    def _library_before(self) -> Library | None:
        try:
            return self._opened().library
        except (IndexMissing, IndexDamaged):
            return None

    def _remember(self, report: "BuildReport", before: Library | None) -> None:
        """Keeps for the pages how this look at the articles folder came out."""
        last = state.read(self.settings.data, state.Indexed)
        known = last.addresses if last else {}
        addresses = {
            path: (before and before.address(path)) or known.get(path) or path.rsplit(".", 1)[0]
            for path in {problem.path for problem in report.rejected}
        }
        indexed = state.Indexed(
            at=self._now(),
            build=report.build,
            articles=report.articles,
            published=report.published,
            held=report.held,
            commit=report.commit,
            problems=(*report.rejected, *report.warnings),
            checked=last.checked if last else (),
            addresses=addresses,
        )
        state.write(self.settings.data, indexed)

    def note_problems(self) -> None:
        """Keeps what `check` finds now for the pages of `kb serve --watch`."""
        found = tuple(self.check())
        last = state.read(self.settings.data, state.Indexed)
        if last is not None:
            state.write(self.settings.data, replace(last, checked=found))

    def rollback(self) -> Build:
        """Serves the build before the current one again. Raises IndexMissing if there is none.

        What the current one holds is published again only by a person, or after another change.
        """
        build = self._builds.rollback()
        self._looked = -1.0
        return build

    def now(self) -> datetime:
        """The present moment."""
        return self._now()

    def today(self) -> date:
        """The day that dates of articles and periods of the log are compared with."""
        return self._now().date()

    def _today(self) -> date:
        return self.today()

    # ------------------------------------------------------------ searching

    def answer(
        self,
        query: str,
        *,
        lang: str | None = None,
        category: str | None = None,
        tag: str | None = None,
        page: int = 1,
        limit: int = 10,
        exact: bool = False,
        own_lang: str | None = None,
        facets: bool = True,
        newest: bool = False,
    ) -> Results:
        """The answer to any text; `lang`, `category`, `tag` filter, `own_lang` ranks first."""
        asked = Asked(query, lang, category, tag, page, limit, exact, own_lang, facets, newest)
        return self._opened().searcher.answer(asked, self._today())

    def explain(self, query: str, slug: str | None = None, limit: int = 10) -> list[dict[str, Any]]:
        """Why articles stand where they stand: part, term, field and contribution, per article."""
        return self._opened().searcher.explain(query, slug, limit, self._today())

    # ------------------------------------------------------------ misses

    def report(self, report: Report, robot: bool = False) -> None:
        """Takes a page's report of a typing run; never waits and never raises."""
        self._recorder.report(report, robot=robot)

    def feedback(
        self, slug: str, helpful: bool, reason: str = "", text: str = "", run: str = ""
    ) -> None:
        """Takes a reader's vote on an article; never waits and never raises."""
        self._recorder.feedback(slug, helpful, reason=reason, text=text, run=run)

    def contact(
        self, subject: str, text: str, email: str, query: str = "", run: str = "", visit: str = ""
    ) -> None:
        """Takes a letter to support, tied to the visit's searches; never waits and never raises."""
        parts = (subject, text, f"({query})" if query else "")
        self._recorder.ticket(
            "\n\n".join(part for part in parts if part), visit=visit, reply_to=email
        )

    def _judge(self, query: str, lang: str, filters: Mapping[str, str]) -> Verdict:
        """What the current build says to a query of the log."""
        own = lang or None
        found = self.answer(
            query,
            lang=filters.get("lang"),
            category=filters.get("category"),
            tag=filters.get("tag"),
            own_lang=own,
            limit=1,
            facets=False,
        )
        unfiltered = None
        if filters and not found.total:
            unfiltered = self.answer(query, own_lang=own, limit=1, facets=False).total
        correction = found.correction
        return Verdict(
            total=found.total,
            confident=found.confident,
            correction=correction.kind if correction else "",
            corrected=correction.query if correction else "",
            unfiltered=unfiltered,
            build=found.build,
            category=(category := found.hits[0].category if found.hits else ""),
            owner=self._owners.read().of(category),
        )

    @property
    def _searches(self) -> "SearchLog":
        if self._log is None:
            self._log = searchlog.SearchLog(self.settings.log_url)
        return self._log

    # What leads see and do; all of these raise LogUnavailable. What changes groups returns the
    # number by which it can be undone, 0 if nothing was to do, and raises KeyError where a group
    # is not known: see `searchlog.groups`.

    def misses(
        self,
        since: datetime | None = None,
        status: str | None = None,
        limit: int = 1000,
        *,
        kind: str | None = None,
        owner: str | None = None,
    ) -> list[MissGroup]:
        """Questions without an answer, the costliest first; `since` is a day, UTC."""
        day = since.astimezone(UTC).date() if since is not None else None
        return self._searches.misses(since=day, status=status, kind=kind, owner=owner, limit=limit)

    def board(
        self, filter: Filter | None = None, *, order: str = "cost", page: int = 1, limit: int = 50
    ) -> Board:
        """A page of groups and the counts of all facets."""
        return self._searches.board(filter, order=order, page=page, limit=limit)

    def group(self, id: int) -> Details | None:
        """All there is to know of one group; of a merged one, of the group it is in."""
        return self._searches.details(id)

    def assign(self, groups: "Ids", owner: str, *, who: str) -> int:
        """From now on `owner` answers for the groups; an empty owner opens them again."""
        return self._searches.assign(groups, owner, who=who, at=self._now())

    def dismiss(
        self, groups: "Ids", reason: str, *, until: datetime | None = None, who: str
    ) -> int:
        """Nobody will answer the groups, for a reason and at most until a moment."""
        return self._searches.dismiss(groups, reason, until=until, who=who, at=self._now())

    def reopen(self, groups: "Ids", *, who: str) -> int:
        """The groups wait for an answer again."""
        return self._searches.reopen(groups, who=who, at=self._now())

    def annotate(self, groups: "Ids", note: str, *, who: str) -> int:
        """The groups carry this note from now on."""
        return self._searches.annotate(groups, note, who=who, at=self._now())

    def merge(self, groups: "Ids", into: int, *, who: str) -> int:
        """The groups ask the same as `into`."""
        return self._searches.merge(groups, into, who=who, at=self._now())

    def split(self, group: int, phrasings: Sequence[str], *, who: str) -> int:
        """These phrasings ask something else; returns the id of the group they found."""
        return self._searches.split(group, phrasings, who=who, at=self._now())

    def health(self) -> Health:
        """Whether the log can be used, and how much is in it; never raises."""
        try:
            return self._searches.health()
        except LogUnavailable as error:
            return Health(False, "", message=error.message)

    def numbers(self) -> "Numbers":
        """What the log counts for leads; its methods raise LogUnavailable."""
        return self._searches

    def owners(self) -> frozenset[str]:
        """Everybody whom `owners.yml` names."""
        named = self._owners.read()
        return frozenset({*named.by_category.values(), named.default} - {""})

    def last_action(self, who: str) -> Action | None:
        """What this lead did last that is not undone."""
        return self._searches.last_action(who)

    def undo(self, action: int, *, who: str) -> list[int]:
        """Puts back what an action changed; the ids of the groups."""
        return self._searches.undo(action, who=who, at=self._now())

    def news(self, since: datetime, until: datetime) -> "News":
        """What a stretch of time brought, for the weekly letter. Raises LogUnavailable."""
        return self._searches.news(since, until)

    def suggestions(self, since: datetime, page: int = 1) -> Suggestions:
        """What readers wrote of articles, newest first, a page of it. Raises LogUnavailable."""
        return self._searches.suggestions(since, page=page)

    def tickets(self, since: datetime | None = None) -> list[Ticket]:
        """Letters sent from the contact form, newest first. Raises LogUnavailable."""
        return self._searches.tickets(since=since)

    def replay(
        self, progress: "Progress | None" = None, *, seconds: float | None = None
    ) -> tuple[list[str], list[str]]:
        """Asks the questions of the log again: which the current build answers, which no longer.

        Then looks what would have answered the rest, for so many seconds. Raises LogUnavailable.
        """
        from kb import history
        from kb import replay as replaying

        if not self._has_log():
            return [], []
        library = self._opened().library
        changes = lru_cache(1)(lambda: history.read(self.settings.articles).changes)

        def top(group: MissGroup) -> list[str]:
            asked = Asked(
                group.question, own_lang=group.lang or None, limit=replaying.TOP, facets=False
            )
            found = self._opened().searcher.answer(asked, self._today())
            return [hit.slug for hit in found.hits] if found.confident else []

        def commit(slug: str) -> tuple[str, datetime | None]:
            doc = library.find(slug)
            path = library.page(doc)["article"]["path"] if doc is not None else ""
            change = changes().get(path)
            if change is None:
                return library.commit, None
            return change.commit, history.moment(self.settings.articles, change.commit)

        self._searches.end_dismissals(self._now())
        changed = replaying.replay(
            self._searches, top, commit, build=library.name, at=self._now(), progress=progress
        )
        searcher = self._opened().searcher
        examiner = triage.Examiner(library, searcher, self._today(), self.settings.langs)
        owner = self._owners.read().of
        triage.triage(
            self._searches, examiner, owner, library.name, seconds=seconds, progress=progress
        )
        return changed

    def _has_log(self) -> bool:
        return self.settings.may_have_log and searchlog.exists(self.settings.log_url)

    def count_reports(self, count: Callable[[str, int], object]) -> None:
        """Tells `count` what becomes of reports, as `Recorder.count` says."""
        self._recorder.count = count

    def recording(self) -> Recorder:
        """The recorder, for its counters."""
        return self._recorder

    # ------------------------------------------------------------ writers

    def synonym_patch(self, id: int, words: Sequence[str]) -> str:
        """A patch of the current build's `synonyms.yml` by which these find each other.

        It goes to git: "" unless each word stands in articles, or three visits used it for question
        `id`. Raises LogUnavailable.
        """
        library = self._opened().library
        visits = self._searches.visits_by_word(id)
        if not all(is_shareable(phrase, visits, library.holds) for phrase in words):
            return ""
        return synonyms.patch(library.synonyms, words)

    def check(self, within: Sequence[str] = (), *, external: bool = False) -> list[Problem]:
        """What is wrong with the articles as they are now, in the files and folders `within`.

        With `external`, other sites are asked about the addresses that articles link to.
        """
        from kb import inspection, sites

        visit = sites.visit if external else None
        return inspection.inspect(self.settings, self._today(), within, visit)

    def mend(self, within: Sequence[str] = ()) -> list[Fix]:
        """Repairs in the files and folders `within` what needs nobody's decision; see `fixes`."""
        return fixes.mend(self.settings, within)

    def due(self) -> list[Due]:
        """Articles somebody should read again, the longest due first. Raises LogUnavailable."""
        current, today = self._opened(), self._today()
        middle = self._now() - reviews.LATELY
        counts = (
            self._searches.votes_by_article(middle - reviews.BEFORE, middle)
            if self._has_log()
            else {}
        )
        return reviews.due(
            current.texts(today),
            {slug: reviews.Counts(*numbers) for slug, numbers in counts.items()},
            today,
            self.settings.review_days,
            self._owners.read().of,
        )

    # ------------------------------------------------------------ pages

    def home(self, lang: str) -> Home:
        """Categories, popular and recent articles for readers of `lang`.

        Popular is what visits opened most, then what is most linked to; the log is not waited for.
        """
        current = self._opened()
        home = current.home(lang, self._today())
        if lang not in self.settings.langs:
            return home
        opened = current.cards(
            (article.name for article in self._habits.of(lang).articles), self._today()
        )
        own = [card for card in opened if card.lang == lang]
        popular = tuple(dict.fromkeys((*own, *home.popular)))[:POPULAR]
        return replace(home, popular=popular) if own else home

    def category(self, name: str, lang: str) -> Category | None:
        """One category of one language, or None if no article is in it."""
        current, today = self._opened(), self._today()
        docs, page = current.beside(lang, name, today)
        if not docs:
            return None
        cards = tuple(current.card(doc) for doc in docs if doc != page)
        return Category(name, lang, cards, None if page is None else current.card(page))

    def changes(self, limit: int = 50) -> tuple[Card, ...]:
        """The articles changed last, newest first; those without a date are left out."""
        current = self._opened()
        return current.newest(current.served(self._today()), limit)

    def all_cards(self) -> tuple[Card, ...]:
        """Every article search may show today, in order of paths."""
        current = self._opened()
        return tuple(current.card(doc) for doc in current.served(self._today()))

    def article(self, slug: str) -> Page | Moved | None:
        """The article served at `slug` today, where it moved to, or None."""
        current = self._opened()
        readable = current.readable(self._today())
        doc = current.library.find(slug)
        if doc is None:
            moved = current.library.moved(slug)
            target = current.library.find(moved) if moved is not None else None
            if moved is None or target is None or not readable[target]:
                return None
            return Moved(moved)
        if not readable[doc]:
            return None
        return current.page(doc, self._today())

    def unseen(self) -> frozenset[str]:
        """Slugs of the articles that customers do not see today."""
        current = self._opened()
        docs = np.flatnonzero(current.unseen(self._today()))
        return frozenset(current.card(int(doc)).slug for doc in docs)

    def translations(self, slug: str) -> tuple[Card, ...]:
        """The same article in the other languages it is served in today."""
        current = self._opened()
        doc = current.library.find(slug)
        if doc is None:
            return ()
        readable = current.readable(self._today())
        others = current.library.translations(doc)
        return tuple(current.card(other) for other in others if readable[other])

    def suggest(self, prefix: str, lang: str) -> tuple[str, ...]:
        """Completions of what is being typed, from titles, answers and successful searches."""
        asked: tuple[str, ...] = ()
        if lang in self.settings.langs:
            asked = tuple(query.name for query in self._habits.of(lang).queries)
        return self._opened().searcher.suggest(prefix, lang, self._today(), asked)

    def media(self, path: str) -> Path | None:
        """A regular file of a listed type inside the articles folder, or None."""
        root = os.path.realpath(self.settings.articles)
        parts = path.split("/")
        if _UNUSABLE.search(path) or any(part.startswith(".") or not part for part in parts):
            return None
        full = os.path.realpath(os.path.join(root, *parts))
        if not full.startswith(root + os.sep) or Path(full).suffix.lower() not in MEDIA_TYPES:
            return None
        try:
            return Path(full) if stat.S_ISREG(os.stat(full).st_mode) else None
        except OSError:
            return None


class _Current:
    """The opened build and what pages show of it, worked out once per build and day."""

    def __init__(self, library: Library, cached: int, for_writers: bool = False) -> None:
        self.library = library
        self._for_writers = for_writers
        self.searcher = Searcher(library, cached)
        self.home = lru_cache(16)(self._home)
        self.served = lru_cache(2)(self._served)
        self.texts = lru_cache(1)(lambda today: reviews.texts(library, self.served(today)))
        self.groups = lru_cache(2)(self._groups)
        self.beside = lru_cache(256)(self._beside)
        self.readable = lru_cache(2)(self._readable)
        self.related = lru_cache(2048)(self._related)

    def card(self, doc: int) -> Card:
        values = self.library.card(doc)
        updated = values["updated"]
        return Card(
            values["slug"], values["url"], values["title"], values["lang"],
            values["category"], values["answer"], date.fromisoformat(updated) if updated else None,
        )  # fmt: skip

    def _served(self, today: date) -> tuple[int, ...]:
        """Articles that lists may show, as one reads them."""
        mask = self.library.corpus.served(today)
        if self._for_writers:
            mask = mask | self.unseen(today)
        as_read = self.library.as_read
        return tuple(as_read[mask[as_read]].tolist())

    def _readable(self, today: date) -> NDArray[np.bool_]:
        """Which articles have a page."""
        corpus = self.library.corpus
        return corpus.live if self._for_writers else corpus.readable(today)

    def unseen(self, today: date) -> NDArray[np.bool_]:
        """Which articles customers do not see today."""
        corpus = self.library.corpus
        return corpus.live & ~corpus.readable(today)

    def _groups(self, today: date) -> dict[tuple[str, str], list[int]]:
        """Articles that lists may show by language and category, as one reads them."""
        corpus, docs = self.library.corpus, self.served(today)
        numbers = np.array(docs, np.int32)
        groups: dict[tuple[str, str], list[int]] = {}
        for doc, lang, category in zip(
            docs, corpus.lang[numbers].tolist(), corpus.category[numbers].tolist(), strict=True
        ):
            groups.setdefault((corpus.langs[lang], corpus.categories[category]), []).append(doc)
        return groups

    def _beside(self, lang: str, category: str, today: date) -> tuple[Sequence[int], int | None]:
        """The articles of a category, and which of them is the page of its folder."""
        docs = self.groups(today).get((lang, category), ())
        return docs, self._page_of(category, docs)

    def cards(self, slugs: Iterable[str], today: date) -> list[Card]:
        """Those of the articles that lists may show today."""
        mask = self.library.corpus.served(today)
        docs = (self.library.find(slug) for slug in slugs)
        return [self.card(doc) for doc in docs if doc is not None and mask[doc]]

    def newest(self, docs: Sequence[int], limit: int) -> tuple[Card, ...]:
        updated = self.library.corpus.updated.tolist()
        dated = [doc for doc in docs if updated[doc] > 0]
        return tuple(self.card(doc) for doc in sorted(dated, key=lambda doc: -updated[doc])[:limit])

    def _home(self, lang: str, today: date) -> Home:
        corpus, docs = self.library.corpus, self.served(today)
        own: Sequence[int] = [doc for doc in docs if corpus.langs[corpus.lang[doc]] == lang] or docs
        categories = [self._count(*named, today) for named in self.groups(today)]
        inlinks = self.library.inlinks.tolist()
        liked = sorted(own, key=lambda doc: -inlinks[doc])[:POPULAR]
        return Home(
            tuple(sorted(categories, key=lambda c: (c.lang != lang, c.lang, c.name == ""))),
            tuple(self.card(doc) for doc in liked),
            self.newest(own, RECENT),
            len(docs),
        )

    def _count(self, lang: str, name: str, today: date) -> CategoryCount:
        docs, page = self.beside(lang, name, today)
        title = "" if page is None else self.card(page).title
        articles = [doc for doc in docs if doc != page]
        first = tuple(self.card(doc) for doc in articles[:FIRST])
        return CategoryCount(name, lang, title, len(articles), first)

    def _page_of(self, category: str, docs: Sequence[int]) -> int | None:
        """The first page of a folder among the articles of a category, if there are others."""
        pages = (doc for doc in docs if self.library.is_folder_page[doc])
        return next(pages, None) if category and len(docs) > 1 else None

    def page(self, doc: int, today: date) -> Page:
        values = self.library.page(doc)
        article = values["article"]
        beside, about = self.beside(article["lang"], article["category"], today)
        at = beside.index(doc) if doc in beside else -1
        readable = self.readable(today)
        return Page(
            slug=article["slug"],
            path=article["path"],
            title=article["title"],
            lang=article["lang"],
            html=self._linked(values["html"]),
            sections=tuple(
                Section(anchor, title, level, "") for anchor, title, level in values["sections"]
            ),
            category=article["category"],
            tags=tuple(article["tags"]),
            answer=self.library.card(doc)["answer"] if article["answer"] else "",
            type=article["type"],
            author=article["author"],
            updated=date.fromisoformat(article["updated"]) if article["updated"] else None,
            draft=article["draft"],
            unlisted=article["unlisted"],
            publish=date.fromisoformat(article["publish"]) if article["publish"] else None,
            expires=date.fromisoformat(article["expires"]) if article["expires"] else None,
            translations=tuple(
                self.card(other) for other in self.library.translations(doc) if readable[other]
            ),
            related=tuple(map(self.card, self.related(doc, today))),
            previous=self.card(beside[at - 1]) if at > 0 else None,
            next=self.card(beside[at + 1]) if 0 <= at < len(beside) - 1 else None,
            category_title="" if about is None else self.card(about).title,
        )

    def _related(self, doc: int, today: date) -> tuple[int, ...]:
        """The articles its writer names, then those that search finds for its title and tags."""
        article = self.library.page(doc)["article"]
        named = [self.library.find(slug) for slug in article["related"]]
        served = self.library.corpus.served(today)
        found = [other for other in named if other is not None and served[other]]
        asked = " ".join((article["title"], *article["tags"]))
        results = self.searcher.answer(
            Asked(asked, lang=article["lang"], limit=RELATED + 1, exact=True, facets=False), today
        )
        found += [
            other for hit in results.hits if (other := self.library.find(hit.slug)) is not None
        ]
        return tuple(other for other in dict.fromkeys(found) if other != doc)[:RELATED]

    def _linked(self, html: str) -> str:
        """Links between articles, written by file path, as the articles' own addresses."""

        def address(match: re.Match[str]) -> str:
            slug = unquote(match[1])
            if self.library.find(slug) is None and (moved := self.library.moved(slug)) is not None:
                return f'href="/articles/{quote(moved, safe="/-._~")}'
            return match[0]

        return re.sub(r'href="/articles/([^"#?]+)', address, html)
