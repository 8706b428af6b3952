"""KnowledgeBase: the one place where articles, index, search and log are joined. Speaks neither HTTP nor terminal."""

import mimetypes
import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from kb import indexer
from kb.articles import Problem
from kb.config import Settings
from kb.errors import ArticlesMissing, IndexDamaged, IndexMissing
from kb.indexer import BuildReport, Progress
from kb.library import Library, article_url
from kb.markup import Section
from kb.search import Asked, Results, Searcher
from kb.store import Builds

LOOK_AGAIN = 0.5  # seconds between looks at which build is current
POPULAR, RECENT, RELATED = 6, 6, 4
MEDIA_TYPES = {
    ".avif", ".csv", ".gif", ".jpeg", ".jpg", ".json", ".mp3", ".mp4", ".ogg", ".pdf", ".png", ".svg",
    ".txt", ".webm", ".webp", ".zip",
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
    """A category of one language, with its articles in reading order."""

    name: str
    lang: str
    articles: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Home:
    """What the home page shows of one interface language (articles of other languages come after)."""

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

    Reading methods raise IndexMissing when no build was ever published and IndexDamaged when none
    can be read.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime] = utc_now,
        cached_answers: int = 512,
    ) -> None:
        self.settings = settings
        self._now = now
        self._cached = cached_answers
        self._builds = Builds(settings.builds)
        self._lock = Lock()
        self._looked = -1.0
        self._stamp: tuple[int, int] | None = None
        self._current: _Current | None = None

    @classmethod
    def open(cls, settings: Settings, **options: Any) -> "KnowledgeBase":
        """The service over these settings; opens the published build if there is one."""
        service = cls(settings, **options)
        try:
            service._opened()
        except (IndexMissing, IndexDamaged):
            pass  # said to whoever asks
        return service

    def close(self) -> None:
        """Writes what is still to be written to the log."""

    # ------------------------------------------------------------ the build

    def _opened(self) -> "_Current":
        """The current build, opened again when another was published; looks at most twice a second."""
        current, now = self._current, monotonic()
        if current is not None and now - self._looked < LOOK_AGAIN:
            return current
        with self._lock:
            stamp = self._builds.stamp()
            if self._current is None or stamp != self._stamp:
                try:
                    self._current = _Current(Library(self._builds.current()), self._cached)
                    self._stamp = stamp
                except (IndexMissing, IndexDamaged):
                    if self._current is None:
                        raise
            self._looked = monotonic()
            return self._current

    def status(self) -> Status:
        """Which build is served, and how many articles it holds; never raises."""
        try:
            current = self._opened()
        except (IndexMissing, IndexDamaged):
            return Status(None, 0)
        served = current.library.corpus.served(self._today())
        return Status(current.library.name, int(np.count_nonzero(served)))

    def rebuild(
        self, full: bool = False, strict: bool = False, progress: Progress | None = None
    ) -> BuildReport:
        """Brings the index up to date; see `indexer.rebuild`."""
        report = indexer.rebuild(self.settings, full=full, strict=strict, progress=progress)
        self._looked = -1.0
        return report

    def _today(self) -> date:
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
    ) -> Results:
        """The answer to any text. `lang`, `category`, `tag` filter; `own_lang` only ranks its articles first."""
        asked = Asked(query, lang, category, tag, page, limit, exact, own_lang, facets)
        return self._opened().searcher.answer(asked, self._today())

    # ------------------------------------------------------------ pages

    def home(self, lang: str) -> Home:
        """Categories, popular and recent articles for readers of `lang`."""
        return self._opened().home(lang, self._today())

    def category(self, name: str, lang: str) -> CategoryCount | None:
        """One category of one language, or None if no article is in it."""
        found = [c for c in self.home(lang).categories if c.name == name and c.lang == lang]
        return found[0] if found else None

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
        doc = current.library.find(slug)
        if doc is None or not current.library.readable(self._today())[doc]:
            moved = current.library.moved(slug)
            return Moved(moved) if moved is not None and doc is None else None
        return current.page(doc, self._today())

    def suggest_for(self, words: Iterable[str]) -> tuple[Card, ...]:
        """Articles that the words of an address may have meant."""
        query = " ".join(re.sub(r"[-_./]+", " ", word) for word in words)
        current = self._opened()
        results = self.answer(query, limit=5, facets=False)
        docs = [current.library.find(hit.slug) for hit in results.hits]
        return tuple(current.card(doc) for doc in docs if doc is not None)

    def media(self, path: str) -> Path | None:
        """A regular file of a listed type inside the articles folder, or None."""
        root = os.path.realpath(self.settings.articles)
        parts = path.split("/")
        if "\0" in path or any(part.startswith(".") or not part for part in parts):
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

    def __init__(self, library: Library, cached: int) -> None:
        self.library = library
        self.searcher = Searcher(library, cached)
        self.home = lru_cache(16)(self._home)
        self.served = lru_cache(2)(self._served)

    def card(self, doc: int) -> Card:
        values = self.library.card(doc)
        updated = values["updated"]
        return Card(
            values["slug"], article_url(values["slug"]), values["title"], values["lang"],
            values["category"], values["answer"], date.fromisoformat(updated) if updated else None,
        )  # fmt: skip

    def _served(self, today: date) -> tuple[int, ...]:
        """Articles that lists may show, by path."""
        mask = self.library.corpus.served(today)
        return tuple(int(doc) for doc in self.library.in_order if mask[doc])

    def newest(self, docs: Sequence[int], limit: int) -> tuple[Card, ...]:
        updated = self.library.corpus.updated.tolist()
        dated = [doc for doc in docs if updated[doc] > 0]
        return tuple(self.card(doc) for doc in sorted(dated, key=lambda doc: -updated[doc])[:limit])

    def _home(self, lang: str, today: date) -> Home:
        corpus, docs = self.library.corpus, self.served(today)
        own = [doc for doc in docs if corpus.langs[corpus.lang[doc]] == lang]
        others = [doc for doc in docs if corpus.langs[corpus.lang[doc]] != lang]
        groups: dict[tuple[str, str], list[Card]] = {}
        for doc in (*own, *others):
            card = self.card(doc)
            groups.setdefault((card.lang, card.category), []).append(card)
        categories = [CategoryCount(name, of, tuple(cards)) for (of, name), cards in groups.items()]
        liked = sorted(own or docs, key=lambda doc: -int(self.library.inlinks[doc]))[:POPULAR]
        return Home(
            tuple(sorted(categories, key=lambda c: (c.lang != lang, c.lang, c.name == ""))),
            tuple(self.card(doc) for doc in liked),
            self.newest(own or docs, RECENT),
            len(docs),
        )

    def page(self, doc: int, today: date) -> Page:
        values = self.library.page(doc)
        article = values["article"]
        corpus = self.library.corpus
        beside = [
            other
            for other in self.served(today)
            if corpus.category[other] == corpus.category[doc]
            and corpus.lang[other] == corpus.lang[doc]
        ]
        at = beside.index(doc) if doc in beside else -1
        readable = self.library.readable(today)
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
            translations=tuple(
                self.card(other) for other in self.library.translations(doc) if readable[other]
            ),
            related=self._related(doc, article, today),
            previous=self.card(beside[at - 1]) if at > 0 else None,
            next=self.card(beside[at + 1]) if 0 <= at < len(beside) - 1 else None,
        )

    def _related(self, doc: int, article: dict[str, Any], today: date) -> tuple[Card, ...]:
        """The articles its writer names, then those that search finds for its title and tags."""
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
        unique = [other for other in dict.fromkeys(found) if other != doc]
        return tuple(self.card(other) for other in unique[:RELATED])

    def _linked(self, html: str) -> str:
        """Links between articles, which are written by file path, as the articles' own addresses."""

        def address(match: re.Match[str]) -> str:
            slug = unquote(match[1])
            if self.library.find(slug) is None and (moved := self.library.moved(slug)) is not None:
                return f'href="/articles/{quote(moved, safe="/-._~")}'
            return match[0]

        return re.sub(r'href="/articles/([^"#?]+)', address, html)
