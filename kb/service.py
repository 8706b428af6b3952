"""KnowledgeBase, the service: a facade over index, search, articles and log. Speaks no HTTP."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from kb.article_history import ArticleHistory, Histories, Source
from kb.base import data_folder
from kb.base.audiences import INSIDERS, STRANGERS, Readers
from kb.base.background import Refreshed
from kb.base.config import Settings
from kb.base.errors import IndexDamaged, IndexMissing, LogUnavailable, SearchUnavailable
from kb.base.locked_json import JsonObject
from kb.cards import Card
from kb.catalog import Catalog, Home, LearnedArticle, Moved, Page
from kb.checks import autofix, reviews
from kb.checks.autofix import Fix
from kb.checks.reviews import Due
from kb.content import answer_lines, media, status
from kb.content.notices import Notice
from kb.content.owners import OwnersFile, folded_category
from kb.content.pins import Pin
from kb.content.problems import Problem
from kb.current_build import CurrentBuild, Edition, Status
from kb.index.builds import Build, Builds
from kb.index.listing import Lister, Listing
from kb.language import morphology, synonyms, tokens
from kb.letters import channels
from kb.letters.attachments import GivenFile
from kb.letters.intake import LetterIntake
from kb.search import EngineName, Results, Searcher, Searching, SearchRequest, completions
from kb.searchlog import replay as replaying
from kb.searchlog import shared_json, wordings
from kb.searchlog.asked_build import AskedBuild
from kb.searchlog.askers import Askers
from kb.searchlog.db.letter_models import (
    Letter,
    NewLetter,
    OutboxHealth,
    TrailStep,
)
from kb.searchlog.db.models import Health, MissGroup
from kb.searchlog.export import CLAIMED, is_shareable
from kb.searchlog.popular import PopularCache
from kb.searchlog.recorder import Recorder
from kb.searchlog.replay import ReplayResult
from kb.searchlog.reports import Report
from kb.searchlog.this_machine import ThisMachine
from kb.support import promises
from kb.support.promises import Kept
from kb.topic_pages import TopicLink, TopicPage

# Modules that write and check are imported by the methods that need them: a worker, which only
# reads, starts sooner and takes less memory.
if TYPE_CHECKING:
    from kb.announcer import Announcer
    from kb.index.rendering import Progress
    from kb.indexer import BuildReport
    from kb.opensearch.client import Cluster
    from kb.searchlog.db.log import SearchLog

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

_WARM_UP = "открытое слово, opened word"  # a query that loads both dictionaries
_LETTERS_AGE = 60.0  # seconds after which the log is asked again how fast letters are replied to
_VISIT = timedelta(days=1)  # a visit is no longer
LOOK_AGAIN = 0.2  # seconds between looks at which build is current


def _open_log(
    url: str, askers: Askers | None = None, *, now: Callable[[], datetime]
) -> "SearchLog":
    """Opens the log at `url`; the first call imports SQLAlchemy."""
    from kb.searchlog.db.log import SearchLog

    return SearchLog(url, askers, now)


def _retried(
    method: Callable[Concatenate["KnowledgeBase", P], T],
) -> Callable[Concatenate["KnowledgeBase", P], T]:
    """Calls a method again where it failed because the build was damaged since it was opened."""

    @wraps(method)
    def call(self: "KnowledgeBase", /, *args: P.args, **options: P.kwargs) -> T:
        opened = self._current.opened
        try:
            return method(self, *args, **options)
        except SearchUnavailable:
            raise
        except Exception:
            if not self._current.is_replaced(opened):
                raise
            return method(self, *args, **options)

    return call


def _cluster_of(settings: Settings) -> "Cluster | None":
    """The cluster that searches by the settings, which is not asked yet; or None."""
    if settings.engine != "opensearch":
        return None
    from kb.opensearch.client import Cluster

    return Cluster(settings.opensearch_url.get_secret_value() if settings.opensearch_url else "")


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class KnowledgeBase:
    """The service: searching, pages, the log of misses, indexing and checks.

    What it shows is what strangers may see; `seen_by` gives the service of other readers. Methods
    may be called from any thread. Those that search or read articles raise IndexMissing if no build
    was ever published and IndexDamaged if none can be read.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime] = utc_now,
        cached_answers: float = 2,
        for_writers: bool = False,
        builds: Builds | None = None,
        engine: EngineName | None = None,
    ) -> None:
        """Opens nothing yet.

        `now` is the clock. `cached_answers` is how many megabytes of answers are cached per build.
        `for_writers` also serves drafts and articles that are not yet, or no longer, published, and
        looks for a new build at every call. `builds` are those of `settings` unless given. `engine`
        scores words, whatever the settings say.
        """
        self.settings = settings
        self._readers = STRANGERS
        self._root = self  # which holds what services of all readers share
        self._now = now
        self._builds = builds or Builds(settings.builds)
        self._cluster = _cluster_of(settings)
        if self._cluster is not None:
            self._cluster.breaker.opened = self._note_cluster_away
        self._current = CurrentBuild(
            self._builds,
            look_every=0.0 if for_writers else LOOK_AGAIN,
            cached=cached_answers,
            for_writers=for_writers,
            searching=self._searching(engine),
        )
        self._log: SearchLog | None = None
        self._announcer: Announcer | None = None
        self._owners = OwnersFile(settings.articles)
        self._histories = Histories(settings)
        self._lister = Lister(settings, self._builds)
        self._machine = ThisMachine(settings)
        self._popular = PopularCache(
            self._log_if_any,
            least=settings.min_askers,
            today=now,
        )
        self._kept = Refreshed[Kept](
            self._read_kept, Kept(), seconds=_LETTERS_AGE, errors=(LogUnavailable,)
        )
        self._askers = Askers(now)  # before any fork: all workers count in it
        self.recorder = Recorder(
            lambda: _open_log(settings.log_url, self._askers, now=now),
            self._asked_build().outcome,
            clock=lambda: now().timestamp(),
        )
        """The queue of reports and votes, for its counters and `flush`."""

    def _searching(self, engine: EngineName | None) -> Searching:
        """What makes searchers: of the engine given, else of that of the settings."""
        if engine is not None or self._cluster is None:
            return partial(Searcher, engine=engine or "arrays")
        from kb.opensearch.searcher import searching

        return searching(self._cluster)

    def count_of_cluster(self, count: Callable[[str], None]) -> None:
        """Has `count` called with what becomes of each question to the cluster, if one searches.

        See `Metrics.cluster` for what it is called with.
        """
        if self._cluster is not None:
            self._cluster.count = count

    def _note_cluster_away(self) -> None:
        """Keeps for `kb doctor` that a cluster was asked in vain, and is spared for a while."""
        if self._cluster is not None:
            self._cluster.count("opened")
        status.note_cluster_away(self.settings.data, self._now())

    @classmethod
    def open(cls, settings: Settings, **options: Any) -> "KnowledgeBase":
        """A service with the published build opened and warmed up, if there is one."""
        service = cls(settings, **options)
        with suppress(IndexMissing, IndexDamaged):  # raised again by the first request
            service.catalog()
            service.answer(_WARM_UP, limit=1, facets=False)
        return service

    def seen_by(self, readers: Readers) -> "KnowledgeBase":
        """The same service with what these readers may see."""
        if readers == self._readers:
            return self
        seen = copy(self._root)
        seen._readers = readers
        return seen

    def audience(self) -> str:
        """What tells these readers from strangers by what they may see; "" if nothing does.

        Equal texts see the same. Never raises.
        """
        if self._readers == STRANGERS:
            return ""
        try:
            audience = self.catalog().reader.audience
            is_same = audience == self._current.catalog().reader.audience
        except (IndexMissing, IndexDamaged):
            return repr(self._readers)
        return "" if is_same else "*" if audience is None else repr(sorted(audience))

    def close(self) -> None:
        """Writes queued reports to the log and closes it."""
        self.recorder.close()
        self._popular.wait(1.0)
        self._kept.wait(1.0)
        if self._log is not None:
            self._log.close()

    def before_fork(self) -> None:
        """Loads modules and words that every child process needs, so that they share memory."""
        from kb.searchlog.db import log  # noqa: F401

        morphology.english_words()

    def after_fork(self) -> None:
        """Prepares a child process, which opens connections and threads of its own."""
        self._current.after_fork()
        self._histories = Histories(self.settings)
        self._lister = Lister(self.settings, self._builds)
        self._log = None

    # ------------------------------------------------------------ the build

    def catalog(self) -> Catalog:
        """The catalog of the current build, opened anew when another is published."""
        return self._current.catalog(self._readers)

    def on_damage(self, call: Callable[[], None]) -> None:
        """Has `call` called whenever the published build turns out to be damaged."""
        self._current.on_damage = call

    def status(self) -> Status:
        """The build that is served and how many articles it shows today; never raises."""
        return self._current.status(self._readers, self.today())

    def contents(self) -> str:
        """A hash of the contents of the current build, or "" if there is none; never raises."""
        catalog = self._catalog_if_any()
        return catalog.reader.contents if catalog else ""

    def _catalog_if_any(self) -> Catalog | None:
        try:
            return self.catalog()
        except (IndexMissing, IndexDamaged):
            return None

    def listing(self) -> Listing:
        """The files of the published build and those served beside it, for other machines.

        They hold what is for some readers alone, and drafts.
        """
        return self._lister.listing()

    def listed_file(self, digest: str) -> Path | None:
        """Where a file of `listing` lies, by its digest, or None."""
        return self._lister.find(digest)

    def edition(self) -> Edition:
        """The edition of answers now: they change only when it does."""
        return self._current.edition(self._readers, self._now())

    def lasting(self, seconds: int) -> int:
        """For how many seconds, at most `seconds`, an answer or a notice may be kept.

        It is until a pin or a notice begins or ends.
        """
        return self._current.lasting(seconds, self._readers, self._now())

    def rebuild(
        self,
        full: bool = False,
        strict: bool = False,
        progress: "Progress | None" = None,
        *,
        careful: bool = False,
        hurried: bool = False,
        may_empty: bool = True,
        resumed: Callable[[int], None] | None = None,
    ) -> "BuildReport":
        """Brings the index up to date and asks the open questions of the log again.

        Arguments, result and errors are those of `indexer.rebuild`; the report also says which
        questions were answered or lost. Articles learn from the log what they solved. A hurried
        build does neither; a log that cannot be reached is logged and does not fail the build.
        Call it in the process that indexes, not in a worker.
        """
        from kb.publishing import Publisher

        publisher = Publisher(
            self.settings, self._builds, self._current, self._cluster, self._log_if_any,
            announce=self.announce, replay=self.replay, now=self._now,
        )  # fmt: skip
        return publisher.rebuild(
            full=full, strict=strict, careful=careful, hurried=hurried, may_empty=may_empty,
            progress=progress, resumed=resumed,
        )  # fmt: skip

    def announce(self) -> int:
        """Queues what the hooks of the settings are to hear: articles, questions, votes.

        Returns how many deliveries. Called again it queues nothing twice, and what a process that
        died left out. Raises LogUnavailable.
        """
        if not self.settings.hooks:
            return 0
        root = self._root
        if root._announcer is None:
            from kb.announcer import Announcer

            root._announcer = Announcer(self.settings.hooks, self.settings.data)
        return root._announcer.announce(self.log.feed, self._catalog_if_any(), self._now())

    def note_problems(self, found: Sequence[Problem] | None = None) -> None:
        """Writes the problems that `check` finds to the data folder, for the live preview.

        `found` are those of a check that was made elsewhere.
        """
        checked = tuple(self.check() if found is None else found)
        last = status.read(self.settings.data, status.Indexed)
        if last is not None:
            status.write(self.settings.data, replace(last, checked=checked))

    def rollback(self) -> Build:
        """Makes the build before the current one current again and returns it.

        The contents of the withdrawn build are published again only by a person or after another
        change. Raises IndexMissing if there is no build before.
        """
        build = self._builds.rollback()
        self._current.look_again()
        if self._cluster is not None:
            from kb.opensearch import feeding

            layout = feeding.Layout.of(self.settings)
            with suppress(SearchUnavailable):  # its alias is for others; pages ask by the build
                feeding.point(self._cluster, self._builds, build, layout)
        return build

    def now(self) -> datetime:
        """The present moment."""
        return self._now()

    def today(self) -> date:
        """The present day in UTC, by which articles are served and periods of the log end."""
        return self._now().date()

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
        relevant: bool = False,
        keep: bool = True,
    ) -> Results:
        """Searches any text and returns a page of results; no query is an error.

        `lang`, `category` and `tag` keep only hits that have them. `page` counts from 1, `limit` is
        hits per page. `exact` tries no correction. Hits in `own_lang` rank first. Without `facets`
        none are counted. `newest` sorts hits by date instead of score. `relevant` keeps only hits
        within reach of the best. `keep` has the answer kept in the cache of its build.
        """
        request = SearchRequest(
            query, lang, category, tag, page, limit, exact, own_lang, facets, newest,
            relevant=relevant,
        )  # fmt: skip
        return self._answer(request, keep=keep)

    @_retried
    def _answer(self, request: SearchRequest, *, keep: bool = True) -> Results:
        searcher, now = self._current.searcher(self._readers), self._now()
        pinned = request._replace(pins=searcher.pins.epoch(now))
        return searcher.answer(pinned, now.date(), keep=keep)

    @_retried
    def pins_of(self, query: str) -> Mapping[str, Pin]:
        """The pins of a query that are in force, by the slugs of their articles."""
        searcher = self.catalog().searcher
        return searcher.pins_of(query, searcher.pins.epoch(self._now()))

    @_retried
    def explain(self, query: str, slug: str | None = None, limit: int = 10) -> list[dict[str, Any]]:
        """The parts of the scores of the first `limit` hits, or of the article `slug` alone.

        Each is an object with the article and, per part, term, field and contribution.
        """
        return self.catalog().searcher.explain(query, slug, limit, self.today())

    # ------------------------------------------------------------ misses

    def report(self, report: Report, robot: bool = False, *, asker: str = "") -> None:
        """Queues the report of a typing run for the log; never waits and never raises.

        `robot` marks the visit as a program's. `asker` is a hash of the visitor's network and the
        day, here and below.
        """
        search_index = None if self is self._root else self._asked_build().outcome
        self.recorder.report(report, robot=robot, asker=asker, search_index=search_index)

    def feedback(
        self,
        slug: str,
        helpful: bool,
        reason: str = "",
        text: str = "",
        run: str = "",
        *,
        asker: str = "",
    ) -> None:
        """Queues a reader's vote on the article `slug`; never waits and never raises.

        `reason` is one of the answers that the page offers, `text` free text, `run` the id of the
        search that led to the article.
        """
        self.recorder.feedback(slug, helpful, reason=reason, text=text, run=run, asker=asker)

    def send_letter(
        self, letter: NewLetter, files: Sequence[GivenFile] = (), *, asker: str = ""
    ) -> Letter:
        """Stores a letter to support with its files and queues its deliveries; returns it.

        It belongs to whoever had the last letter of this address, else to the owner of its type or
        of the topic it asks about. When this returns, the letter is on the disk: where machines
        share a log that cannot be reached, on this one's, see `store_waiting_letters`. Raises
        LogUnavailable if it cannot be stored.
        """
        return self._letter_intake().take(letter, files, asker)

    def store_waiting_letters(self) -> int:
        """Stores the letters that came while the log could not be reached; returns how many.

        Raises LogUnavailable while it still cannot.
        """
        return self._letter_intake().store_waiting()

    def _letter_intake(self) -> LetterIntake:
        return LetterIntake(self.settings, lambda: self.log, self._asked_build(), self._now)

    def tip(self, person: str) -> str:
        """The address at which `owners.yml` takes tips for a person, or ""."""
        return self._owners.read().tips.get(folded_category(person), "") if person else ""

    def subscribe(self, token: str, address: str, query: str, lang: str) -> None:
        """Keeps who wants to be told of an answer, and queues the mail that asks for a yes.

        `token` is the secret of the link in that mail. Raises LogUnavailable.
        """
        mail = channels.of_subscription(token, address, lang)
        self.log.subscriptions.add(token, address, query, lang, self._now(), mail)

    def letters_of_form(self, form: str) -> int:
        """How many letters were sent from one rendering of the form; 0 if the log does not say."""
        try:
            return self.log.letters.of_form(form)
        except LogUnavailable:
            return 0

    def note_form(
        self,
        form: str,
        visit: str,
        shown: Sequence[str] = (),
        *,
        helped: str = "",
        lang: str = "",
        asker: str = "",
    ) -> None:
        """Queues that a contact form was opened or shown articles; never waits, never raises."""
        self.recorder.form(form, visit, shown=shown, helped=helped, lang=lang, asker=asker)

    def form_shown(self, form: str) -> tuple[str, ...]:
        """Which articles a contact form was shown; () if the log does not say."""
        try:
            return self.log.forms.shown(form)
        except LogUnavailable:
            return ()

    def outbox_health(self) -> OutboxHealth:
        """How many deliveries wait and are stuck; none if the log does not say. Never raises."""
        if not self._has_log():
            return OutboxHealth()
        try:
            return self.log.outbox.health()
        except LogUnavailable:
            return OutboxHealth()

    def trail(self, visit: str, runs: Sequence[str] = ()) -> tuple[TrailStep, ...]:
        """What a visit searched for and opened in the last day; () if the log does not say.

        With `runs` only these searches of the visit.
        """
        if not visit or not self._has_log():
            return ()
        try:
            return tuple(self.log.letters.trail(visit, self._now() - _VISIT, runs))
        except LogUnavailable:
            return ()

    def kept(self) -> Kept:
        """What letters of the last weeks say of promises, as the log knew them a minute ago.

        Never waits: at first, and while the log cannot be read, they say nothing.
        """
        return self._kept.get()

    def _read_kept(self) -> Kept:
        settings = self.settings
        if not settings.promises or not self._has_log():
            return Kept()
        known = promises.configured(settings.promises, settings.holidays)
        since = self._now() - 2 * promises.MEASURED
        return known.kept(self.log.inbox.exchanges(since=since), self._now())

    def _asked_build(self) -> AskedBuild:
        """The current build, as questions of the log ask it on behalf of these readers."""
        return AskedBuild(
            self._answer,
            sketch=lambda slug: self.catalog().sketch(slug),
            holds=lambda word: self.catalog().reader.holds(word),
            owners=self._owners.read,
        )

    @property
    def log(self) -> "SearchLog":
        """The log of searches: what leads see and do. Opened when first used.

        Raises LogUnavailable, as its methods do.
        """
        root = self._root
        if root._log is None:
            with suppress(OSError):  # told when the log is written
                data_folder.prepare(self.settings.data)
            root._log = _open_log(self.settings.log_url, now=self._now)
        return root._log

    def shared_json(self, name: str, **options: Any) -> JsonObject:
        """A small object of all machines that share the log; see `shared_json.opener`."""
        return shared_json.opener(self.settings, lambda: self.log)(name, **options)

    def published(self) -> str:
        """The name of the build that was published here last, or ""."""
        return self._builds.pointed()

    def pulled_at(self) -> datetime | None:
        """When builds were last pulled with success; None where they are made here, or never."""
        last = self._machine.pulled()
        return last.at if last else None

    def note_machine(self) -> None:
        """Notes in the log what this machine serves. Raises LogUnavailable."""
        self.log.machines.note(self._machine.note(self.status().build or "", self._now()))

    def misses(
        self,
        since: datetime | None = None,
        status: str | None = None,
        limit: int = 1000,
        *,
        kind: str | None = None,
        owner: str | None = None,
    ) -> list[MissGroup]:
        """Groups of unanswered questions, the costliest first, `limit` at most.

        Filters: `since` counts misses from that day (UTC) on, `status` and `kind` are names of
        `searchlog.db.models`, "all" is any status, `owner` "" is nobody. Raises LogUnavailable.
        """
        day = since.astimezone(UTC).date() if since is not None else None
        return self.log.board.misses(since=day, status=status, kind=kind, owner=owner, limit=limit)

    def health(self) -> Health:
        """Whether the log can be used, and its size; never raises."""
        try:
            return self.log.health()
        except LogUnavailable as error:
            return Health(False, "", message=error.message)

    def owners(self) -> frozenset[str]:
        """All owners that `owners.yml` names."""
        named = self._owners.read()
        return frozenset({*named.by_category.values(), named.default} - {""})

    def replay(
        self, progress: "Progress | None" = None, *, seconds: float = replaying.SECONDS
    ) -> ReplayResult:
        """Asks the questions of the log again, then looks for what would answer the rest.

        Each of the two steps takes at most `seconds`. `progress` is called with the number done
        and the total. Returns which questions the current build answers now and which it does no
        longer. Raises LogUnavailable.
        """
        if not self._has_log():
            return ReplayResult()
        from kb.searchlog.review import Review

        catalog, asked = self.catalog(), self._asked_build()
        review = Review(
            self.log, self.settings, catalog.reader, catalog.searcher, asked, self._now()
        )
        return review.run(seconds, progress)

    def _log_if_any(self) -> "SearchLog | None":
        return self.log if self._has_log() else None

    def _has_log(self) -> bool:
        if not self.settings.may_have_log:
            return False
        from kb.searchlog.db.database import exists

        return exists(self.settings.log_url)

    # ------------------------------------------------------------ writers

    def synonym_patch(self, id: int, words: Sequence[str]) -> str:
        """A unified diff of `synonyms.yml` that makes `words` synonyms.

        It goes to git, so it is "" unless each word occurs in articles or at least `KB_MIN_ASKERS`
        askers used it for question `id`. Raises LogUnavailable.
        """
        reader = self.catalog().reader.whole
        askers, least = self.log.shared.askers_by_word(id), self.settings.min_askers
        if not all(is_shareable(each, askers, reader.holds, least=least) for each in words):
            return ""
        return synonyms.patch(reader.synonyms, words)

    def learned(self) -> tuple[LearnedArticle, ...]:
        """The articles that learned lines, those of most askers first."""
        return self.catalog().learned()

    def learned_patch(self, slug: str = "") -> str:
        """A unified diff that adds learned lines to the `answers:` of their articles.

        Of the article at `slug` alone, if one is named. A line of fewer than `KB_MIN_ASKERS` askers
        is left out, and so is a file that only a person can change.
        """
        root, least, patches = self.settings.articles, self.settings.min_askers, []
        for article in self.seen_by(INSIDERS).learned():
            lines = [line.text for line in article.lines if line.chosen >= least]
            if lines and slug in ("", article.card.slug):
                written = self._as_written(lines)
                patches.append(answer_lines.patch_of_file(root, article.path, written))
        return "".join(patches)

    def _as_written(self, lines: Sequence[str]) -> list[str]:
        """Learned lines as readers wrote them, where the log still has them."""
        try:
            known = self.log.proofs.wordings(list(lines)) if self._has_log() else {}
        except LogUnavailable:
            known = {}
        return [known.get(line, line) for line in lines]

    def synonym_proposals(self) -> list[wordings.Proposal]:
        """The pairs of synonyms that readers show, as the last replay measured them."""
        return wordings.read(self.settings.data)

    def proposed_synonym_patch(self, word: str, means: str) -> str:
        """A unified diff of `synonyms.yml` with a proposed pair; "" if nobody proposes it."""
        pair = (word, means)
        if pair not in [(each.word, each.means) for each in self.synonym_proposals()]:
            return ""
        return synonyms.patch(self.catalog().reader.synonyms, pair)

    def claimable(self, id: int) -> tuple[str, ...]:
        """Phrasings of question `id` that an article in git may claim, the most asked first.

        At least `KB_MIN_ASKERS` askers used each; others stay in the log. Raises LogUnavailable.
        """
        return tuple(
            self.log.shared.shared_phrasings(id, least=self.settings.min_askers, limit=CLAIMED)
        )

    def check(self, within: Sequence[str] = (), *, external: bool = False) -> list[Problem]:
        """The problems of the articles folder at this moment.

        `within` are paths of files and folders to report on; none means all. `external` requests
        the addresses on other sites that articles link to.
        """
        from kb.checks import external_links, runner

        visit = external_links.visit if external else None
        return runner.inspect(self.settings, self.today(), within, visit)

    def fix(self, within: Sequence[str] = ()) -> list[Fix]:
        """Fixes what needs no decision in the files and folders `within`.

        Returns the changes. Raises ArticlesMissing, and OSError where a file cannot be written.
        """
        return autofix.fix(self.settings, within)

    def due(self) -> list[Due]:
        """Articles that are due for review, the longest due first. Raises LogUnavailable."""
        today, votes = self.today(), self._recent_votes()
        return reviews.due(
            self._current.catalog(INSIDERS).texts(today),
            {slug: reviews.Counts(*numbers) for slug, numbers in votes.items()},
            today,
            self.settings.review_days,
            self._owners.read().of,
        )

    def _recent_votes(self) -> Mapping[str, tuple[int, ...]]:
        """Votes by article: helpful and all of the latest period, then of the one before."""
        if not self._has_log():
            return {}
        middle = self._now() - reviews.LATELY
        return self.log.inbox.votes_by_article(middle - reviews.BEFORE, middle)

    # ------------------------------------------------------------ pages

    @_retried
    def home(self, lang: str) -> Home:
        """The home page for readers of `lang`.

        Popular articles are those that most askers opened, then those with most links; examples of
        questions are theirs. They come from a cache, and the log is not waited for.
        """
        catalog, today = self.catalog(), self.today()
        home = catalog.home(lang, today)
        if lang not in self.settings.langs:
            return home
        slugs = [article.name for article in self._popular.of(lang).articles]
        return catalog.with_readers(home, slugs, lang, today) if slugs else home

    @_retried
    def notice(self, lang: str) -> Notice | None:
        """The notice that readers of `lang` see now, with HTML; or None."""
        return self.catalog().notice(lang, self.settings.lang, self._now())

    @_retried
    def topic(self, key: str, lang: str) -> TopicPage | TopicLink | None:
        """The page of a topic of one language, with the key "" that of all topics.

        Where the key is that of a former page, the topic that stands for it. None if neither is.
        """
        topics = self.catalog().topics
        return topics.page(lang, key, self.today()) or topics.of_category(lang, key)

    @_retried
    def topics(self) -> tuple[TopicLink, ...]:
        """All topics with articles that search may show today."""
        return self.catalog().topics.all(self.today())

    @_retried
    def changes(self, limit: int = 50) -> tuple[Card, ...]:
        """The articles updated last, newest first; those without a date are left out."""
        catalog = self.catalog()
        return catalog.newest(catalog.served(self.today()), limit)

    @_retried
    def changes_under(self, key: str, lang: str, limit: int = 50) -> tuple[Card, ...]:
        """Those of the articles under a topic, or in a language with the key "", updated last."""
        catalog, today = self.catalog(), self.today()
        return catalog.newest(catalog.topics.under(lang, key, today), limit)

    @_retried
    def all_cards(self) -> tuple[Card, ...]:
        """All articles that search may show today, in reading order."""
        catalog = self.catalog()
        return tuple(map(catalog.card, catalog.served(self.today())))

    @_retried
    def article(self, slug: str) -> Page | Moved | None:
        """The article at `slug` today, where it moved to, or None."""
        return self.catalog().article(slug, self.today())

    def history(self, slug: str) -> ArticleHistory | None:
        """What changed in the article at `slug`, by git; None if it may not be told.

        Raises HistoryUnavailable if it cannot be told now.
        """
        source = self._source(slug) if self.settings.history else None
        return self._histories.of(source) if source else None

    @_retried
    def _source(self, slug: str) -> Source | None:
        return self.catalog().source(slug, self.today())

    @_retried
    def markdown(self, slug: str, root: str) -> str | None:
        """The text of the article at `slug` as Markdown, or None; `root` is the site's address."""
        return self.catalog().markdown(slug, root, self.today())

    @_retried
    def former(self, address: str) -> str | None:
        """The slug of the article that another tool's site had at this address, or None."""
        return self.catalog().former(address, self.today())

    @_retried
    def unpublished(self) -> frozenset[str]:
        """Slugs of drafts and of articles that are not yet, or no longer, published."""
        return self.catalog().unpublished(self.today())

    @_retried
    def translations(self, slug: str) -> tuple[Card, ...]:
        """The same article in the other languages it is served in today."""
        catalog = self.catalog()
        doc = catalog.reader.find(slug)
        return () if doc is None else catalog.translations(doc, self.today())

    @_retried
    def suggest(self, prefix: str, lang: str) -> tuple[str, ...]:
        """Completions of `prefix` from titles, answers and successful searches in `lang`."""
        searcher = self._current.searcher(self._readers)
        return searcher.suggest(prefix, lang, self.today(), self._asked_before(prefix, lang))

    def _asked_before(self, prefix: str, lang: str) -> Sequence[str]:
        """What others asked with success, in words that begin with those of `prefix`.

        Others may be readers who see more: nothing is told of articles that these may not see.
        """
        if lang not in self.settings.langs:
            return ()
        popular = [query.name for query in self._popular.of(lang).queries]
        catalog = self._catalog_if_any()
        if not popular or (catalog and catalog.reader.audience is None):
            return popular
        today, begun = self.today(), completions(tokens.plain_words(prefix), popular)
        return [query for query in begun if catalog and catalog.may_suggest(query, today)]

    @_retried
    def media(self, path: str) -> Path | None:
        """A regular file inside the articles folder, of a type in `media.TYPES`, or None.

        None, too, for one that only drafts and other unpublished articles refer to.
        """
        file = media.find(self.settings.articles, path)
        if file is None:
            return None
        real = file.relative_to(self.settings.articles.resolve()).as_posix()
        return file if self.catalog().is_file_served(path, self.today(), real) else None
