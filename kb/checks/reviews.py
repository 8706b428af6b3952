"""Finds the articles of a build that are due for review, by their dates and votes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

from kb.checks.staleness import Votes, stale
from kb.index.reader import IndexReader

LATELY = timedelta(days=30)
BEFORE = timedelta(days=60)  # what the last thirty days are compared with


class Counts(NamedTuple):
    """Votes on an article: helpful and in all, lately and before."""

    helpful: int
    of: int
    helpful_before: int
    of_before: int


@dataclass(frozen=True, slots=True)
class Text:
    """An article with the dates by which it ages."""

    slug: str
    title: str
    url: str
    lang: str
    category: str
    owner: str
    updated: date | None
    review_by: date | None


@dataclass(frozen=True, slots=True)
class Due:
    """An article that its owner ("" if nobody is named) should read again; why, and since when."""

    text: Text
    reason: str  # as `stale.Stale`
    since: date


def texts(reader: IndexReader, docs: Iterable[int]) -> tuple[Text, ...]:
    """The facts of these articles of a build that decide whether they are due."""
    found = []
    for doc in docs:
        card, article = reader.card(doc), reader.page(doc)["article"]
        found.append(
            Text(
                card["slug"], card["title"], card["url"], card["lang"], card["category"],
                article["owner"], _day(article["updated"]), _day(article["review_by"]),
            )
        )  # fmt: skip
    return tuple(found)


def due(
    found: Iterable[Text],
    counts: Mapping[str, Counts],
    today: date,
    days: int,
    owner_of: Callable[[str], str],
) -> list[Due]:
    """The articles due on `today`, the longest due first; a category's owner stands in for none."""
    known = {
        text.slug: text if text.owner else replace(text, owner=owner_of(text.category))
        for text in found
    }
    votes = {
        slug: _votes(counts[slug], text.updated, today)
        for slug, text in known.items()
        if slug in counts
    }
    return [
        Due(known[one.slug], one.reason, one.since)
        for one in stale(known.values(), votes, today, days)
    ]


def _votes(counts: Counts, updated: date | None, today: date) -> Votes:
    """The votes on the text as it stands: what was said of an older one is not compared with."""
    since = today - LATELY
    if updated is not None and updated > since - BEFORE:
        counts = counts._replace(helpful_before=0, of_before=0)
    return Votes(*counts, since=since)


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None
