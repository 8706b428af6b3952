"""Which articles are due for a second look, for whom and why. Pure; unpublishes nothing.

Three reasons, the first that applies:

`date`   the day under `review_by` has passed.
`votes`  readers find it less helpful: of at least 20 votes lately the share of “helpful” is at
         least 15 points below that of at least 20 votes before, and by more than chance explains.
`age`    no `review_by`, not changed for `days`, and this week is the article's turn. Each slug has
         one week in thirteen, by a hash: a first run over an old base asks for a thirteenth of it,
         and what nobody looked at comes again after a quarter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Protocol
from zlib import crc32

DATE, VOTES, AGE = "date", "votes", "age"
TURNS = 13  # weeks until every article has had its turn
FEWEST = 20  # votes on either side
FALL = 0.15  # of the share of helpful votes
_CHANCE = 1.645  # standard errors: one fall in twenty would be chance


class Dated(Protocol):
    """The facts of an article that decide whether it is stale."""

    @property
    def slug(self) -> str:
        """Its address."""

    @property
    def owner(self) -> str:
        """Who answers for it; empty if nobody does."""

    @property
    def updated(self) -> date | None:
        """The day its text last changed, if known."""

    @property
    def review_by(self) -> date | None:
        """The day by which its author wants it reviewed, if any."""


@dataclass(frozen=True, slots=True)
class Votes:
    """Votes on an article as it stands now: how many found it helpful, lately and before."""

    helpful: int
    of: int
    helpful_before: int
    of_before: int
    since: date  # the day "lately" begins

    def have_fallen(self) -> bool:
        """Whether the share of helpful votes fell by more than 15 points and more than chance."""
        if min(self.of, self.of_before) < FEWEST:
            return False
        fall = self.helpful_before / self.of_before - self.helpful / self.of
        share = (self.helpful + self.helpful_before) / (self.of + self.of_before)
        error = sqrt(share * (1 - share) * (1 / self.of + 1 / self.of_before))
        return fall >= FALL and fall > _CHANCE * error


@dataclass(frozen=True, slots=True)
class Stale:
    """An article that somebody should read again: its owner ("" if none is named), why, since."""

    slug: str
    owner: str
    reason: str  # `date`, `votes` or `age`
    since: date


def stale(
    articles: Iterable[Dated],
    votes: Mapping[str, Votes],
    today: date,
    days: int,
    turns: int = TURNS,
) -> list[Stale]:
    """The articles due for review on `today`, the longest due first; `votes` by slug.

    `days` is the age in days at which an unchanged article is due. With `turns=1` all that are old
    enough are told at once.
    """
    found = []
    for article in articles:
        reason = _reason(article, votes.get(article.slug), today, days, turns)
        if reason is not None:
            found.append(Stale(article.slug, article.owner, *reason))
    return sorted(found, key=lambda one: (one.since, one.slug))


def _reason(
    article: Dated, votes: Votes | None, today: date, days: int, turns: int
) -> tuple[str, date] | None:
    if article.review_by is not None and article.review_by < today:
        return DATE, article.review_by
    if votes is not None and votes.have_fallen():
        return VOTES, votes.since
    if article.review_by is None and article.updated is not None:
        due = article.updated + timedelta(days=days)
        if due < today and is_turn(article.slug, today, turns):
            return AGE, due
    return None


def is_turn(slug: str, today: date, turns: int = TURNS) -> bool:
    """Whether this week, Monday to Sunday, is the one in `turns` that belongs to the slug."""
    week = (today.toordinal() - 1) // 7  # day 1 of the calendar was a Monday
    return week % turns == crc32(slug.encode()) % turns
