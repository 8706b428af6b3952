"""The values of the feed: what happened to questions and articles, as hooks are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """A question that was opened, answered, proved or lost."""

    event: str  # of config.HOOK_EVENTS, here and below
    key: str  # of the row that tells it
    at: datetime
    group: int
    question: str
    lang: str
    status: str
    owner: str
    category: str
    slug: str  # of the article that answers it, or ""


@dataclass(frozen=True, slots=True)
class BadVote:
    """A vote “not helpful”, with what the reader wrote, redacted as it is stored."""

    id: str
    at: datetime
    slug: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class PublishedArticle:
    """An article as readers see it; equal digests mean that it is as it was."""

    digest: str
    lang: str
    title: str


@dataclass(frozen=True, slots=True)
class Publication:
    """The articles that a build shows on a day, by slug."""

    build: str
    day: date
    articles: Mapping[str, PublishedArticle]


@dataclass(frozen=True, slots=True)
class ArticleChange:
    """An article that a build shows first, otherwise, or no more."""

    event: str
    at: datetime
    build: str
    slug: str
    title: str
    lang: str
