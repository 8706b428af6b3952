"""Two states of the articles, asked the same questions: what is answered, lost, broken and moved.

Both are indexed in a folder of their own below the data folder, the second going on from the first,
so what did not change is neither parsed nor indexed twice; the files of commits stay there, too.
What customers see does not change.
"""

import fcntl
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from kb import indexer
from kb.base import data_folder
from kb.base.config import Settings
from kb.base.errors import BuildFailed
from kb.base.messages import NOTHING, Message
from kb.index.builds import Builds
from kb.index.reader import IndexReader
from kb.index.rendering import Progress
from kb.jobs import evaluation, snapshots
from kb.jobs.snapshots import Load, State
from kb.language import query_words
from kb.search import Searcher, SearchRequest
from kb.searchlog import export

DEPTH = evaluation.DEPTH  # hits a rank is looked for in
SAME = 0.01  # share of articles that differ up to which chance is the same in both states
MOST_QUESTIONS = 5000  # of customers, the most asked ones
FOLDER = "prove"  # in the data folder
_FILES = ".files"  # hidden, as from who indexes a folder that holds the data folder
TOP = 3  # an article must stand among so many for each question it claims to answer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a question; ranks count from 1, None is not among the first ten."""

    kind: str  # `question` of customers, `answers` of an article, `pin`, `expectation` of a file
    question: str
    lang: str
    askers: int  # that asked it; 0 where nobody counted
    group: int  # number of the miss group, or 0
    slug: str
    title: str
    before: int | None
    after: int | None
    first: str  # slug of what comes first now, "" if nothing is found
    reason: str = ""  # why the article belongs there, in the words of the file
    why: Message = NOTHING  # what does not hold any more, of what is broken


@dataclass(frozen=True, slots=True)
class Side:
    """A state as it was indexed."""

    name: str
    commit: str
    articles: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What a change does to the answers; each list has the most asked question first."""

    base: Side
    head: Side
    asked: int  # questions
    customers: int  # of them asked by customers
    claims: int  # of them claimed by articles under `answers`
    expectations: int  # of them in files beside the articles
    source: str  # of customers' questions: the file, `log`, or ""
    answered: tuple[Verdict, ...]  # without an answer before, with one now
    broken: tuple[Verdict, ...]  # expectations, `answers` and pins that held and hold no more
    lost: tuple[Verdict, ...]  # customers' questions that had an answer and have none now
    moved: tuple[Verdict, ...]  # still answered, by an article at another rank
    pins: int = 0  # of the questions, those pinned now

    @property
    def is_sound(self) -> bool:
        """Whether nothing is worse than before."""
        return not self.broken and not self.lost


def _silently(label: str) -> AbstractContextManager[Progress]:
    return nullcontext(lambda done, total: None)


def prove(
    settings: Settings,
    base: str,
    head: str = "",
    *,
    load: Load,
    now: datetime,
    here: Path | None = None,
    misses: Path | None = None,
    for_git: bool = False,
    progress: Callable[[str], AbstractContextManager[Progress]] = _silently,
) -> Proof:
    """What the change from `base` to `head` does; each is a commit or folder, "" the working tree.

    Customers' questions come from the file `misses`, else from `misses.jsonl` beside the articles
    of `head`, else from the log. With `for_git` only such as may leave the log. Raises
    NoSuchState, CannotRead, CannotEvaluate and whatever building raises.
    """
    here = here or Path.cwd()
    with _place_of_commits(settings) as place:
        old = snapshots.find(base, settings, load, here, place / "base")
        new = (
            snapshots.find(head, settings, load, here, place / "head")
            if head
            else snapshots.working_tree(settings, here)
        )
        customers, source = _customers(settings, new, misses, for_git)
        expectations = _expectations(new)
        with progress("Indexing") as tell:
            served = Builds(settings.builds) if old.commit else None  # a folder may be any other
            before = _Built(old, settings, now, tell, served)
        with progress("Indexing the change") as tell:
            after = _Built(new, settings, now, tell, is_change=True)
        tally = _Tally(before, after)
        claims = _claims(before, after)
        pins = _pins(before, after)
        judgements = [
            *(partial(tally.customer, question) for question in customers),
            *(partial(tally.claim, claim) for claim in claims),
            *(partial(tally.pin, pin) for pin in pins),
            *(partial(tally.expectation, question) for question in expectations),
        ]
        with progress("Asking") as tell:
            for done, judge in enumerate(judgements, 1):
                judge()
                tell(done, len(judgements))
    return Proof(
        before.side,
        after.side,
        len(judgements),
        len(customers),
        len(claims),
        len(expectations),
        source,
        _most_asked(tally.answered),
        _most_asked(tally.broken),
        _most_asked(tally.lost),
        _most_asked(tally.moved),
        pins=len(pins),
    )


@contextmanager
def _place_of_commits(settings: Settings) -> Iterator[Path]:
    """The folder for the files of commits, which stay there for the next proof.

    It is one of its own, which is removed, while another proof is at work or where none can be.
    """
    folder = settings.data / FOLDER
    with ExitStack() as stack:
        try:
            data_folder.prepare(folder)
            place = folder / _FILES
            place.mkdir(mode=0o700, exist_ok=True)
            lock = stack.enter_context((place / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kb-prove-")))
        yield place


def _most_asked(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Sorted; of the same question about the same article the first."""
    first: dict[tuple[str, ...], Verdict] = {}
    for v in sorted(verdicts, key=lambda v: (-v.askers, v.kind, v.lang, v.question, v.slug)):
        first.setdefault((query_words.key(v.question), v.lang, v.slug), v)
    return tuple(first.values())


# ---------------------------------------------------------------- the two states


@dataclass(frozen=True, slots=True)
class _Found:
    """What a state says to a question."""

    ranking: tuple[str, ...]
    confident: bool

    def rank(self, slug: str) -> int | None:
        return self.ranking.index(slug) + 1 if slug in self.ranking else None

    @property
    def answer(self) -> str:
        """The article that answers, or ""."""
        return self.first if self.confident else ""

    @property
    def first(self) -> str:
        return self.ranking[0] if self.ranking else ""


class _Built:
    """A state indexed and opened.

    A change of few articles keeps the measure of chance of the build before it: drawn anew, its
    random questions would tell differences that are not of the change. Links lead where they led.
    """

    def __init__(
        self,
        state: State,
        settings: Settings,
        now: datetime,
        progress: Progress,
        start: Builds | None = None,
        is_change: bool = False,
    ) -> None:
        ours = state.settings.model_copy(update={"data": settings.data / FOLDER})
        index = partial(indexer.rebuild, ours, past=state.past, start=start, progress=progress)
        is_change = is_change or (start is not None and bool(start.pointed()))
        report = index(hurried=is_change)
        if is_change and report.added + report.changed + report.removed > SAME * report.articles:
            report = index()
        build = Builds(ours.builds).current()
        if build.name != report.build:
            raise BuildFailed(
                Message(
                    "another `kb prove` is at work in {folder}; run it again",
                    folder=str(ours.data),
                )
            )
        self.reader = IndexReader(build)
        self.side = Side(state.name, state.commit, report.articles, len(report.rejected))
        self._searcher = Searcher(self.reader)
        self._today, self.epoch = now.date(), self._searcher.pins.epoch(now)

    def ask(self, question: str, *, own: str = "", only: str | None = None) -> _Found:
        asking = SearchRequest(
            question, lang=only, own_lang=own or None, limit=DEPTH, facets=False, pins=self.epoch
        )
        found = self._searcher.answer(asking, self._today)
        return _Found(tuple(hit.slug for hit in found.hits), found.confident)

    def serves(self, slug: str) -> bool:
        """Whether readers find the article at this address today."""
        doc = self.reader.find(slug)
        return doc is not None and bool(self.reader.corpus.served(self._today)[doc])

    def title(self, slug: str) -> str:
        doc = self.reader.find(slug)
        return str(self.reader.card(doc)["title"]) if doc is not None else ""

    def pins(self) -> Iterator[tuple[str, str, str]]:
        """Language, question and slug of each pin that is in force; one that is over proves none.

        Of an article that is not there the slug is as the pin has it, and the language "".
        """
        pins, searcher = self._searcher.pins, self._searcher
        for pin in pins.all:
            if pins.is_in_force(pin, self.epoch):
                doc = searcher.addressed(pin.article)
                card = self.reader.card(doc) if doc is not None else {}
                for question in pin.questions:
                    yield card.get("lang", ""), question, card.get("slug", pin.article)

    def claims(self) -> Iterator[tuple[str, str, str]]:
        """Language, question and slug of whatever an article that is served claims to answer."""
        served = self.reader.corpus.served(self._today)
        for doc in self.reader.in_order.tolist():
            if served[doc]:
                card = self.reader.card(doc)
                for question in card.get("answers", ()):
                    yield card["lang"], question, card["slug"]


# ---------------------------------------------------------------- the questions


def _customers(
    settings: Settings, head: State, given: Path | None, for_git: bool
) -> tuple[list[export.SharedQuestion], str]:
    """What customers asked, and where that is known from."""
    files = [given] if given is not None else head.files(snapshots.MISSES)
    if files:
        return _at_most(export.read(files[0])), snapshots.MISSES
    from kb.searchlog.db.database import exists
    from kb.searchlog.db.log import SearchLog

    if not (settings.may_have_log and exists(settings.log_url)):
        return [], ""
    log = SearchLog(settings.log_url)
    try:
        read = export.for_git if for_git else export.of_log
        return _at_most(read(log, settings.langs, least=settings.min_askers)), "log"
    finally:
        log.close()


def _at_most(questions: Iterable[export.SharedQuestion]) -> list[export.SharedQuestion]:
    return sorted(questions, key=lambda question: -question.askers)[:MOST_QUESTIONS]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A question under `answers`, and the articles that claim it in each state."""

    question: str
    lang: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def _claims(before: _Built, after: _Built) -> list[_Claim]:
    """Claims of both states."""
    return _joined(before.claims(), after.claims())


def _joined(
    before: Iterable[tuple[str, str, str]], after: Iterable[tuple[str, str, str]]
) -> list[_Claim]:
    """Claims of both states; questions that read the same are one."""
    found: dict[tuple[str, str], _Claim] = {}
    for lang, question, slug in after:
        key = (lang, query_words.key(question))
        claim = found.get(key, _Claim(question, lang))
        found[key] = replace(claim, after=(*claim.after, slug))
    for lang, question, slug in before:
        key = (lang, query_words.key(question))
        claim = found.get(key, _Claim(question, lang))
        found[key] = replace(claim, before=(*claim.before, slug))
    return list(found.values())


def _pins(before: _Built, after: _Built) -> list[_Claim]:
    """The pins that are in force in either state, as claims to the first place."""
    return _joined(before.pins(), after.pins())


def _expectations(head: State) -> list[evaluation.Expectation]:
    """The expectations about these articles in the files beside them."""
    found: list[evaluation.Expectation] = []
    own = head.settings.articles.resolve()
    for path in dict.fromkeys(head.files(f"{snapshots.RELEVANCE}/*.toml")):
        expectations = evaluation.read_expectations(path)
        about = expectations.articles
        if about is None or (path.parent / about).resolve() == own:
            found += expectations.question
    return found


# ---------------------------------------------------------------- judging


_NOT_SERVED = Message("the article is not served any more")
_NOT_AMONG_THREE = Message("the article is not among the first three any more")
_NOT_FIRST = Message("the article is pinned and not first any more")
_NOTHING_ANSWERS = Message("no article claims it any more, and none answers it")


def _failed(question: evaluation.Expectation, found: _Found) -> Message:
    """Why an expectation does not hold: the first of its articles that is out of its place."""
    expected = [place.slug for place in question.expected]
    if not expected:
        return Message("nothing was to be found")
    if found.first != expected[0]:
        return Message("the article is expected first")
    for before, after in pairwise(expected):
        later, earlier = found.rank(after), found.rank(before)
        if later is None or (earlier is not None and earlier > later):
            return Message("{slug} is expected after {before}", slug=after, before=before)
    return NOTHING


class _Tally:
    """Asks both states each question and keeps what differs.

    An article that moved to another address is the same article: ranks are by today's address.
    """

    def __init__(self, before: _Built, after: _Built) -> None:
        self._before = before
        self._after = after
        self.answered: list[Verdict] = []
        self.broken: list[Verdict] = []
        self.lost: list[Verdict] = []
        self.moved: list[Verdict] = []

    def customer(self, question: export.SharedQuestion) -> None:
        """A question of customers is answered when one article comes first with confidence."""
        old, new = self._both(question.question, own=question.lang)
        asked = (question.question, question.lang, question.askers, question.id)
        if new.answer and not old.answer:
            self.answered.append(self._verdict("question", asked, new.first, old, new))
        elif old.answer and not new.answer:
            self.lost.append(self._verdict("question", asked, old.first, old, new))
        elif old.first and old.first != new.first and (old.answer or not question.is_open):
            self.moved.append(self._verdict("question", asked, old.first, old, new))

    def claim(self, claim: _Claim) -> None:
        """A claim holds while its article is among three, a dropped one while any answers."""
        old, new = self._both(claim.question, own=claim.lang)
        asked = (claim.question, claim.lang, 0, 0)
        for slug in claim.after:
            was, is_ = old.rank(slug), new.rank(slug)
            if was is not None and was <= TOP and (is_ is None or is_ > TOP):
                self._break(self._verdict("answers", asked, slug, old, new), _NOT_AMONG_THREE)
            elif was != is_ and self._stood(slug):
                self.moved.append(self._verdict("answers", asked, slug, old, new))
        for slug in claim.before if not claim.after else ():
            was = old.rank(self._today(slug))
            if was is not None and was <= TOP and not new.answer:
                verdict = self._verdict("answers", asked, self._today(slug), old, new)
                self._break(verdict, _NOTHING_ANSWERS)

    def pin(self, pin: _Claim) -> None:
        """A pin holds while one of its articles is first, a dropped one while any answers."""
        old, new = self._both(pin.question, own=pin.lang)
        asked = (pin.question, pin.lang, 0, 0)
        held = [slug for slug in map(self._today, pin.before) if slug == old.first]
        if pin.after and new.first in pin.after:
            slug = new.first
            if old.rank(slug) != 1 and self._stood(slug):
                self.moved.append(self._verdict("pin", asked, slug, old, new))
        elif pin.after and (held or old.first in pin.after):
            verdict = self._verdict("pin", asked, (held or [old.first])[0], old, new)
            self._break(verdict, _NOT_FIRST)
        elif held and not new.answer:
            self._break(self._verdict("pin", asked, held[0], old, new), _NOTHING_ANSWERS)

    def expectation(self, question: evaluation.Expectation) -> None:
        """An expectation breaks when there was nothing to complain of, and now there is."""
        old, new = self._both(question.query, only=question.lang)
        complaints = [
            list(evaluation.complaints(question, found.ranking, found.confident))
            for found in (old, new)
        ]
        place = question.expected[0] if question.expected else None
        slug = place.slug if place else new.first
        asked = (question.query, question.lang or "", 0, 0)
        verdict = self._verdict("expectation", asked, slug, old, new)
        if place:
            verdict = replace(verdict, reason=place.reason)
        if complaints[1] and not complaints[0]:
            self._break(verdict, _failed(question, new))
        elif place and verdict.before != verdict.after and self._stood(slug):
            self.moved.append(verdict)

    def _break(self, verdict: Verdict, why: Message) -> None:
        """A verdict is broken because its article is gone, else for the reason given."""
        if verdict.slug and not self._after.serves(verdict.slug):
            why = _NOT_SERVED
        self.broken.append(replace(verdict, why=why))

    def _both(self, question: str, **how: Any) -> tuple[_Found, _Found]:
        old = self._before.ask(question, **how)
        same = replace(old, ranking=tuple(self._today(slug) for slug in old.ranking))
        return same, self._after.ask(question, **how)

    def _today(self, slug: str) -> str:
        """The address in the second state of an article of the first."""
        reader = self._after.reader
        return slug if reader.find(slug) is not None else reader.moved(slug) or slug

    def _stood(self, slug: str) -> bool:
        """Whether an article of the second state was there in the first."""
        reader = self._before.reader
        if reader.find(slug) is not None:
            return True
        doc = self._after.reader.find(slug)
        aliases: Sequence[str] = ()
        if doc is not None:
            aliases = self._after.reader.page(doc)["article"]["aliases"]
        return any(reader.find(alias) is not None for alias in aliases)

    def _verdict(
        self, kind: str, asked: tuple[str, str, int, int], slug: str, old: _Found, new: _Found
    ) -> Verdict:
        title = self._after.title(slug) or self._before.title(slug)
        return Verdict(kind, *asked, slug, title, old.rank(slug), new.rank(slug), new.first)
