"""The weekly letter to leads: what was asked in vain, answered, lost and praised. Sends nothing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from kb.base.config import Settings
from kb.catalog import Page
from kb.index.segment import article_url
from kb.jobs import mail_templates
from kb.jobs.mail import Letter
from kb.searchlog.db.models import MOST_LISTED, MissGroup, Vote
from kb.service import KnowledgeBase
from kb.site.formatting import long_date

WEEK = timedelta(days=7)
TOP = 10  # of each kind are told in words, the others as a number


@dataclass(frozen=True, slots=True)
class DigestQuestion:
    """A group of misses, as a letter speaks of it."""

    id: int
    question: str
    visits: int
    tickets: int
    owner: str
    title: str = ""  # of the article that answers it, where one does
    url: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose questions wait; an empty name is nobody."""

    name: str
    questions: int
    visits: int
    days: int  # that the oldest of them has waited


@dataclass(frozen=True, slots=True)
class Thanked:
    """An article, or an author, with the visits that said it helped."""

    name: str
    thanks: int
    author: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a reader wrote below an article."""

    title: str
    reason: str  # one of `pages.REASONS`, or nothing
    text: str
    at: datetime
    url: str = ""


@dataclass(frozen=True, slots=True)
class Digest:
    """A week of a help centre; each list holds MOST_LISTED at most.

    The dearest, slowest or most thanked come first.
    """

    since: datetime
    until: datetime
    searches: int
    missed: int
    new: tuple[DigestQuestion, ...]
    found: tuple[DigestQuestion, ...]
    answered: tuple[DigestQuestion, ...]
    regressed: tuple[DigestQuestion, ...]
    owners: tuple[Owner, ...]
    articles: tuple[Thanked, ...]
    authors: tuple[Thanked, ...]
    suggestions: tuple[Suggestion, ...]

    def to_json(self) -> dict[str, Any]:
        """The digest in plain values; moments as they are."""
        return asdict(self)


def gather(kb: KnowledgeBase, now: datetime) -> Digest:
    """What happened in the seven whole days (UTC) before `now`. Raises LogUnavailable.

    All figures are of these days, whatever the hour at which the letter is written.
    """
    until = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    since = until - WEEK
    weeks = kb.settings.suggestions_weeks
    is_turn = until.isocalendar().week % weeks == 0
    news = kb.log.weekly.report(since, until, wishes_since=until - weeks * WEEK)
    names = _Names(kb)
    thanks: Counter[str] = Counter()
    for liked in news.thanked:
        if (page := names.page(liked.slug)) is not None and page.author:
            thanks[page.author] += liked.visits
    return Digest(
        since=since,
        until=until,
        searches=news.searches,
        missed=news.missed,
        new=names.questions(news.appeared),
        found=names.questions(news.found),
        answered=names.questions(news.answered),
        regressed=names.questions(news.regressed),
        owners=tuple(
            Owner(waiting.owner, waiting.groups, waiting.visits, (now - waiting.oldest).days)
            for waiting in news.waiting
        ),
        articles=tuple(names.thanked(liked.slug, liked.visits) for liked in news.thanked),
        authors=tuple(Thanked(name, visits) for name, visits in thanks.most_common()),
        suggestions=tuple(map(names.suggestion, news.suggestions)) if is_turn else (),
    )


class _Names:
    """Titles, authors and addresses of articles; what is not served any more keeps its slug."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self._kb = kb
        self._base = kb.settings.base_url

    def page(self, slug: str) -> Page | None:
        found = self._kb.article(slug)
        return found if isinstance(found, Page) else None

    def title(self, slug: str) -> str:
        page = self.page(slug)
        return page.title if page else slug

    def url(self, slug: str) -> str:
        return self._base + article_url(slug) if self._base and slug else ""

    def questions(self, groups: Iterable[MissGroup]) -> tuple[DigestQuestion, ...]:
        return tuple(
            DigestQuestion(
                group.id,
                group.label,
                group.visits,
                group.tickets,
                group.owner,
                self.title(group.answer.slug) if group.answer else "",
                self.url(group.answer.slug) if group.answer else "",
            )
            for group in groups
        )

    def thanked(self, slug: str, visits: int) -> Thanked:
        page = self.page(slug)
        return Thanked(self.title(slug), visits, page.author if page else "", self.url(slug))

    def suggestion(self, vote: Vote) -> Suggestion:
        return Suggestion(
            self.title(vote.slug), vote.reason, vote.text, vote.at, self.url(vote.slug)
        )


def letters(digest: Digest, settings: Settings) -> list[Letter]:
    """The digest to all its readers, a letter for each of their languages."""
    return [letter(digest, settings, to, lang) for lang, to in settings.letter_readers.items()]


def letter(digest: Digest, settings: Settings, to: tuple[str, ...], lang: str = "") -> Letter:
    """The digest in `lang`, by default that of the settings, as plain text and as HTML."""
    paper = mail_templates.paper(settings, lang)
    values = {
        "digest": digest,
        "day": long_date(_last_day(digest.until), paper.lang),
        "top": TOP,
        "most": MOST_LISTED,
        "lang": paper.lang,
        "board": paper.url("/leads"),
    }
    headline = paper.write("letters/headline.txt", **values).strip()
    return Letter(
        to,
        paper.subject(headline),
        paper.write("letters/digest.txt", headline=headline, **values),
        paper.write("letters/digest.html", headline=headline, **values),
    )


def _last_day(until: datetime) -> date:
    return (until - timedelta(microseconds=1)).date()
