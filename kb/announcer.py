"""What hooks are to hear of the current build and of the log, queued once. Sends nothing."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kb.base.config import Hook
from kb.catalog import Catalog
from kb.content import status
from kb.hooks import announcing
from kb.index import changes
from kb.index.reader import IndexReader
from kb.searchlog.db.feed_models import Publication, PublishedArticle

if TYPE_CHECKING:
    from kb.searchlog.db.feed import Feed


class Announcer:
    """Queues news for the hooks, and remembers what it queued last: most calls find nothing new."""

    def __init__(self, hooks: Sequence[Hook], data: Path) -> None:
        """`data` is the data folder, where the last indexing is noted."""
        self._hooks = hooks
        self._indexed = status.Latest(data, status.Indexed)
        self._told = ""  # the day and the build that hooks were told of last, once known
        self._rejections_of: datetime | None = None  # the indexing whose rejections were told

    def announce(self, feed: "Feed", catalog: Catalog | None, now: datetime) -> int:
        """Queues what was not told yet; without a catalog neither votes nor articles.

        Returns how many deliveries. Raises LogUnavailable.
        """
        hooks = self._hooks
        queued = announcing.questions(feed, hooks, now)
        if catalog is not None:  # which tells what is for some alone
            queued += announcing.votes(feed, hooks, now, partial(_public_title, catalog.reader))
            if (shown := self._publication(feed, catalog, now.date())) is not None:
                queued += announcing.articles(feed, hooks, shown, now)
                self._told = f"{shown.day} {shown.build}"
        indexed = self._indexed.read()
        if indexed is not None and indexed.at != self._rejections_of:
            queued += announcing.rejections(feed, hooks, indexed, now)
            self._rejections_of = indexed.at
        return queued

    def _publication(self, feed: "Feed", catalog: Catalog, today: date) -> Publication | None:
        """The articles that readers see today; None where nothing is new."""
        edition = f"{today} {catalog.reader.name}"
        if edition == (self._told or feed.told_of()):
            self._told = edition
            return None
        digests = changes.digests(catalog.reader.folder)
        articles = {
            card.slug: PublishedArticle(digests.get(card.slug, ""), card.lang, card.title)
            for card in map(catalog.card, catalog.served(today))
        }
        return Publication(catalog.reader.name, today, articles)


def _public_title(reader: IndexReader, slug: str) -> str | None:
    """The title of an article that everybody may read; None of one that is for some alone.

    `slug` is its address, now or formerly. Where there is none at it any more, the slug.
    """
    doc = reader.find(reader.moved(slug) or slug)
    if doc is not None:
        return str(reader.card(doc)["title"])
    whole = reader.whole
    return slug if whole.find(slug) is None and whole.moved(slug) is None else None
