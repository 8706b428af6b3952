"""Queues what hooks are to hear: questions, votes, articles and rejected files. Sends nothing."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from kb.base.config import Hook
from kb.content.status import Indexed
from kb.hooks import events
from kb.searchlog.db.feed_models import BadVote, Publication
from kb.searchlog.db.letter_models import NewDelivery

if TYPE_CHECKING:  # SQLAlchemy, which few processes need
    from kb.searchlog.db.feed import Feed

Title = Callable[[str], str | None]
_SEPARATOR: Final = "\n"  # between path and code in the name of what was rejected


def questions(feed: "Feed", hooks: Sequence[Hook], now: datetime) -> int:
    """Queues what happened to questions. Returns how many deliveries, as all here."""
    return feed.questions(
        now, lambda found: events.deliveries(hooks, [events.of_question(each) for each in found])
    )


def votes(feed: "Feed", hooks: Sequence[Hook], now: datetime, title: Title) -> int:
    """Queues votes against articles; `title` gives that of the article at a slug.

    None of those for which it gives none.
    """

    def written(found: Sequence[BadVote]) -> list[NewDelivery]:
        titled = [(vote, title(vote.slug)) for vote in found]
        told = [events.of_vote(vote, name) for vote, name in titled if name is not None]
        return events.deliveries(hooks, told)

    return feed.votes(now, written)


def articles(feed: "Feed", hooks: Sequence[Hook], shown: Publication, now: datetime) -> int:
    """Queues what a build shows that was not told yet."""
    return feed.articles(
        shown,
        now,
        lambda found: events.deliveries(hooks, [events.of_article(each) for each in found]),
    )


def rejections(feed: "Feed", hooks: Sequence[Hook], indexed: Indexed, now: datetime) -> int:
    """Queues the files that the last indexing rejected first, or for another reason."""
    rejected = {
        f"{problem.path}{_SEPARATOR}{problem.code}": problem
        for problem in indexed.problems
        if problem.level == "error"
    }

    def written(names: Sequence[str]) -> list[NewDelivery]:
        told = [events.of_rejected(rejected[name], indexed.build, indexed.at) for name in names]
        return events.deliveries(hooks, told)

    states = {name: f"{problem.line} {problem.message}" for name, problem in rejected.items()}
    return feed.rejections(states, indexed.at, now, written)
