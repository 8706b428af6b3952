"""KnowledgeBase: the one place where articles, index, search and log are joined. Speaks neither HTTP nor terminal."""

from dataclasses import dataclass
from datetime import date

from kb.markup import Section
from kb.search import Results


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
    popular: tuple[Card, ...]  # most read, then most linked
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


class KnowledgeBase:
    """The service. Every method may be called from any thread.

    Reading methods raise IndexMissing when no build was ever published.
    """

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
    ) -> Results:
        """The answer to any text. `lang`, `category`, `tag` filter; `own_lang` only ranks its articles first."""
        raise NotImplementedError

    def home(self, lang: str) -> Home:
        """Categories, popular and recent articles for readers of `lang`."""
        raise NotImplementedError

    def article(self, slug: str) -> Page | Moved | None:
        """The article served at `slug` today, where it moved to, or None."""
        raise NotImplementedError
