"""Cards of articles: what lists show of each."""

from dataclasses import dataclass
from datetime import date

from kb.index.reader import IndexReader


@dataclass(frozen=True, slots=True)
class Card:
    """An article as lists show it: home page, topic, related, previous and next."""

    slug: str
    url: str
    title: str
    lang: str
    category: str
    answer: str
    updated: date | None
    path: tuple[str, ...] = ()  # titles of the topics above it, the uppermost first


def card(reader: IndexReader, doc: int) -> Card:
    """The card of an article of an opened build."""
    values = reader.card(doc)
    return Card(
        values["slug"], values["url"], values["title"], values["lang"], values["category"],
        values["answer"], day(values["updated"]), reader.topics.path(doc),
    )  # fmt: skip


def day(written: str | None) -> date | None:
    """The date of its ISO form, None for none."""
    return date.fromisoformat(written) if written else None
