"""Catalog of an opened build: the home page, pages of topics and pages of articles.

Reads the build, never the articles folder or the log; the day is an argument.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from html import escape, unescape
from threading import Lock
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from kb.article_history import Source
from kb.base.audiences import Readers, is_restricted
from kb.base.cache import Cache
from kb.base.errors import SearchUnavailable
from kb.cards import Card, card, day
from kb.checks import reviews
from kb.content import dialects, notices
from kb.content.markup import Section
from kb.content.notices import Notice
from kb.index.learned import LearnedLine
from kb.index.reader import IndexReader
from kb.index.segment import UNLISTED
from kb.language import sketches, tokens
from kb.search import Searcher, Searching, SearchRequest
from kb.topic_pages import TopicLink, TopicPage, TopicPages, TopicSummary

_MOST_LINKED = 60  # articles whose questions may be examples
_MOST_QUESTIONS, _SHORT_QUESTION = 5, 48  # examples on the home page, and their characters
POPULAR, RECENT, RELATED = 6, 6, 4
_SKETCHES = 256  # kept in memory, of up to 16 kB
_AUDIENCES = 8  # whose catalogs are kept open, those asked last
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Home:
    """The home page in one interface language."""

    topics: tuple[TopicSummary, ...]  # the uppermost ones; with one alone, those under it
    elsewhere: tuple[TopicSummary, ...]  # the uppermost ones of other languages
    popular: tuple[Card, ...]  # most read, then most linked to
    recent: tuple[Card, ...]  # recently updated
    articles: int  # how many are served in all
    only: TopicLink | None = None  # the uppermost topic, where there is one alone
    read: tuple[Card, ...] = ()  # those that readers opened, the most read first
    questions: tuple[str, ...] = ()  # examples that popular articles answer


@dataclass(frozen=True, slots=True)
class Page:
    """The page of an article: its HTML, metadata and neighbours."""

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
    above: tuple[TopicLink, ...] = ()  # the topics it stands under, the uppermost first
    where: tuple[str, ...] = ()  # their titles: what tells it apart from others of its title
    topic: TopicPage | None = None  # that it is the page of
    publish: date | None = None  # customers see it from this day
    expires: date | None = None  # and no more from this day
    has_history: bool = False  # what changed in it may be told


@dataclass(frozen=True, slots=True)
class Moved:
    """A redirect: the article now has `slug`; or, without text, it is the page of a topic."""

    slug: str
    topic: TopicLink | None = None


@dataclass(frozen=True, slots=True)
class LearnedArticle:
    """An article with the questions of readers that it is searched by."""

    card: Card
    path: str  # of its file
    lines: tuple[LearnedLine, ...]

    @property
    def askers(self) -> int:
        """Those whom it solved its questions, one for each question."""
        return sum(line.chosen for line in self.lines)


class Catalog:
    """One opened build, its lists and pages worked out once a day.

    A `doc` is the number of an article in the build. `today` decides which articles are served:
    lists show those that search may show, pages also unlisted ones. For writers drafts and articles
    whose day has not come, or is over, are served as well. All that it gives is of the articles
    that its `reader` holds, and it holds those that its readers may see.
    """

    def __init__(
        self,
        reader: IndexReader,
        cached: float,
        for_writers: bool = False,
        searching: Searching = Searcher,
    ) -> None:
        """`cached` is how many megabytes of answers the searcher keeps, which `searching` makes."""
        self.reader = reader
        self.searcher = searching(reader, cached)
        self._for_writers = for_writers
        self._options = (cached, for_writers, searching)
        self._others: OrderedDict[frozenset[str] | None, Catalog] = OrderedDict()
        self._lock = Lock()
        self.may_suggest = lru_cache(512)(self._may_suggest)
        self.home = lru_cache(16)(self._home)
        self.texts = lru_cache(1)(lambda today: reviews.texts(reader, self.served(today)))
        self.served = lru_cache(2)(self._served)
        self.topics = TopicPages(reader, self.served)
        self._readable = lru_cache(2)(self._has_page)
        self.related = reader.corpus.cache(self._find_related, 0.5, _size_of_related)
        self.sketch = lru_cache(_SKETCHES)(self._sketch)
        self._markdown = Cache(self._converted, megabytes=2)
        self._notices = lru_cache(8)(self._linked_notice)

    # ------------------------------------------------------------ for whom

    def seen_by(self, readers: Readers) -> "Catalog":
        """The catalog of the same build for other readers, opened when they first ask."""
        audience = self.reader.audience_of(readers)
        if audience == self.reader.audience:
            return self
        with self._lock:
            found = self._others.pop(audience, None)
            found = found or Catalog(self.reader.seen_by(readers), *self._options)
            self._others[audience] = found
            if len(self._others) > _AUDIENCES:
                self._others.popitem(last=False)
            return found

    def _may_suggest(self, query: str, today: date) -> bool:
        """Whether a query that others asked may be shown: it tells nothing of hidden articles.

        An article that is shown answers it, and each word of it that some article holds stands in
        one that is shown.
        """
        whole, shown = self.reader.whole.corpus, self.reader.corpus
        words = tokens.plain_words(query)
        if any(whole.knows(word) and not shown.knows(word) for word in words):
            return False
        request = SearchRequest(query, limit=1, exact=True, facets=False, excerpts=False)
        return self.searcher.answer(request, today).confident

    # ------------------------------------------------------------ which articles

    def _served(self, today: date) -> tuple[int, ...]:
        """The articles that lists show, in reading order."""
        mask = self.reader.corpus.served(today)
        if self._for_writers:
            mask = mask | self._is_unpublished(today)
        in_order = self.reader.as_read
        return tuple(in_order[mask[in_order]].tolist())

    def _has_page(self, today: date) -> NDArray[np.bool_]:
        corpus = self.reader.corpus
        return corpus.live if self._for_writers else corpus.readable(today)

    def _is_unpublished(self, today: date) -> NDArray[np.bool_]:
        corpus = self.reader.corpus
        return corpus.live & ~corpus.readable(today)

    def unpublished(self, today: date) -> frozenset[str]:
        """Slugs of the articles that customers do not see."""
        docs = np.flatnonzero(self._is_unpublished(today))
        return frozenset(self.card(int(doc)).slug for doc in docs)

    def is_file_served(self, path: str, today: date, real: str = "") -> bool:
        """Whether a file beside the articles is served: not where only hidden ones refer to it.

        `real` is as of `IndexReader.is_file_served`.
        """
        return self._for_writers or self.reader.is_file_served(path, today, real)

    # ------------------------------------------------------------ lists

    def card(self, doc: int) -> Card:
        """The article as lists show it."""
        return card(self.reader, doc)

    def cards(self, slugs: Iterable[str], today: date) -> list[Card]:
        """Those of the articles that search may show customers."""
        mask = self.reader.corpus.served(today)
        docs = (self.reader.find(slug) for slug in slugs)
        return [self.card(doc) for doc in docs if doc is not None and mask[doc]]

    def newest(self, docs: Sequence[int], limit: int) -> tuple[Card, ...]:
        """Those of the articles that were updated last; ones without a date are left out."""
        updated = self.reader.corpus.updated.tolist()
        dated = [doc for doc in docs if updated[doc] > 0]
        return tuple(self.card(doc) for doc in sorted(dated, key=lambda doc: -updated[doc])[:limit])

    def _home(self, lang: str, today: date) -> Home:
        """The home page for readers of a language, or of all articles if none is in it."""
        corpus, docs = self.reader.corpus, self.served(today)
        own: Sequence[int] = [doc for doc in docs if corpus.langs[corpus.lang[doc]] == lang] or docs
        topics, only = self._tiles(lang, today)
        others = (each for each in self.topics.languages(today) if each != lang)
        inlinks = self.reader.inlinks.tolist()
        most_linked = sorted(own, key=lambda doc: -inlinks[doc])[:_MOST_LINKED]
        return Home(
            topics,
            tuple(topic for other in sorted(others) for topic in self.topics.top(other, today)),
            tuple(map(self.card, most_linked[:POPULAR])),
            self.newest(own, RECENT),
            len(docs),
            only,
            questions=self._questions(most_linked),
        )

    def with_readers(self, home: Home, slugs: Iterable[str], lang: str, today: date) -> Home:
        """The home page with the articles that readers opened, the most read first."""
        read = tuple(card for card in self.cards(slugs, today) if card.lang == lang)
        docs = (self.reader.find(card.slug) for card in read)
        asked = (*self._questions([doc for doc in docs if doc is not None]), *home.questions)
        return replace(
            home,
            popular=tuple(dict.fromkeys((*read, *home.popular)))[:POPULAR],
            read=read[:POPULAR],
            questions=tuple(dict.fromkeys(asked))[:_MOST_QUESTIONS],
        )

    def _questions(self, docs: Iterable[int]) -> tuple[str, ...]:
        """The first short question that each of the articles answers, of a few articles."""
        answered = (self.reader.card(doc).get("answers", ()) for doc in docs)
        short = ([q for q in questions if len(q) <= _SHORT_QUESTION] for questions in answered)
        return tuple(questions[0] for questions in short if questions)[:_MOST_QUESTIONS]

    def _tiles(self, lang: str, today: date) -> tuple[tuple[TopicSummary, ...], TopicLink | None]:
        """The topics of the home page, and the only uppermost one if these stand under it."""
        tiles = self.topics.top(lang, today)
        if len(tiles) != 1 or not tiles[0].topics:
            return tiles, None
        only = TopicLink(lang, tiles[0].key, tiles[0].title)
        page = self.topics.page(lang, only.key, today)
        return (page.topics, only) if page else (tiles, None)

    # ------------------------------------------------------------ an article

    def article(self, slug: str, today: date) -> Page | Moved | None:
        """The article at `slug`, where it moved to, or None if neither has a page.

        An address in other case, with a slash at its end or `.html` moved to the article's own.
        """
        doc = self.reader.find(slug)
        if doc is not None:
            if not self._readable(today)[doc]:
                return None
            return (
                self._topic_instead(doc, today) or self._moved(doc, today) or self._page(doc, today)
            )
        target = self.reader.moved(slug) or self.reader.meant(slug)
        doc = None if target is None else self.reader.find(target)
        if target is None or doc is None or not self._readable(today)[doc]:
            return None
        return Moved(target)

    def former(self, address: str, today: date) -> str | None:
        """The slug of the article that had this address at the root of another tool's site."""
        found = self.article(address, today) if address else None
        slug = found.slug if found else self.reader.below_root(address)
        doc = self.reader.find(slug) if slug else None
        return slug if doc is not None and self._readable(today)[doc] else None

    def markdown(self, slug: str, root: str, today: date) -> str | None:
        """The text of the article at `slug` as Markdown; None if it has no page today.

        Its links and images have whole addresses; those of the site begin with `root`.
        """
        doc = self.reader.find(slug)
        is_there = doc is not None and self._readable(today)[doc]
        return self._markdown[doc, root, today] if is_there and doc is not None else None

    def _converted(self, key: tuple[int, str, date]) -> str:
        # Who only reads pages loads no parser of HTML.
        from kb.html_to_markdown import article as html_article

        doc, root, today = key
        values = self.reader.page(doc)
        article = values["article"]
        html = self._linked(doc, values["html"], today)
        path = self.card(doc).url
        return html_article.as_markdown(html, root, path, article["lang"], article["title"])

    def learned(self) -> tuple[LearnedArticle, ...]:
        """The articles that learned lines, those of most askers first."""
        found = []
        for slug, lines in self.reader.learned.items():
            doc = self.reader.find(slug)
            if doc is not None and lines:
                path = str(self.reader.page(doc)["article"]["path"])
                found.append(LearnedArticle(self.card(doc), path, lines))
        return tuple(sorted(found, key=lambda each: (-each.askers, each.card.slug)))

    def _sketch(self, slug: str) -> bytes | None:
        """A sketch of the words of an article (`language.sketches`); None if there is none."""
        doc = self.reader.find(slug)
        if doc is None:
            return None
        return sketches.sketch(unescape(_TAG.sub(" ", self.reader.page(doc)["html"])))

    def _topic_instead(self, doc: int, today: date) -> Moved | None:
        """The topic that an article without text is the page of; writers see the article."""
        if self._for_writers or not self.reader.is_stub[doc]:
            return None
        topic = self.topics.introduced_by(doc)
        is_there = topic and self.topics.page(topic.lang, topic.key, today)
        return Moved(self.card(doc).slug, topic) if is_there else None

    def _moved(self, doc: int, today: date) -> Moved | None:
        """The article that a page which only leads to it names; of several in a row each shows."""
        if not self._leads_on(doc):
            return None
        found = _LINK.search(self.reader.page(doc)["html"])
        url = self._target(doc, found["url"], today) if found else ""
        slug = unquote(url.removeprefix("/articles/"))
        target = self.reader.find(slug) if url.startswith("/articles/") else None
        return Moved(slug) if target is not None and not self._leads_on(target) else None

    def _leads_on(self, doc: int) -> bool:
        """Whether the front matter of an article says that it has moved."""
        if not self.reader.corpus.flags[doc] & UNLISTED:
            return False
        article = self.reader.page(doc)["article"]
        return bool(article["dialect"] and dialects.redirect(article["extra"]))

    def translations(self, doc: int, today: date) -> tuple[Card, ...]:
        """The same article in the other languages in which it has a page."""
        readable = self._readable(today)
        return tuple(self.card(other) for other in self.reader.translations(doc) if readable[other])

    def _page(self, doc: int, today: date) -> Page:
        values = self.reader.page(doc)
        article = values["article"]
        before, after = self.topics.neighbours(doc, today)
        topic = self.topics.introduced_by(doc)
        return Page(
            slug=article["slug"],
            path=article["path"],
            title=article["title"],
            lang=article["lang"],
            html=self._linked(doc, values["html"], today),
            sections=tuple(
                Section(anchor, title, level, "") for anchor, title, level in values["sections"]
            ),
            category=article["category"],
            tags=tuple(article["tags"]),
            answer=self.reader.card(doc)["answer"] if article["answer"] else "",
            type=article["type"],
            author=article["author"],
            updated=day(article["updated"]),
            draft=article["draft"],
            unlisted=article["unlisted"],
            publish=day(article["publish"]),
            expires=day(article["expires"]),
            translations=self.translations(doc, today),
            related=tuple(map(self.card, self._related(doc, today))),
            previous=None if before is None else self.card(before),
            next=None if after is None else self.card(after),
            above=self.topics.above(doc),
            where=self.reader.topics.path(doc),
            topic=self.topics.page(topic.lang, topic.key, today) if topic else None,
            has_history=self._source(doc, article, today) is not None,
        )

    def source(self, slug: str, today: date) -> Source | None:
        """The file of an article whose changes may be told, or None.

        Everybody must find it today: it is no draft, not unlisted, and for no readers alone.
        """
        doc = self.reader.find(slug)
        return None if doc is None else self._source(doc, self.reader.page(doc)["article"], today)

    def _source(self, doc: int, article: Mapping[str, Any], today: date) -> Source | None:
        is_open = self.reader.corpus.served(today)[doc] and not is_restricted(article["audience"])
        if not (is_open and self.reader.commit):
            return None
        return Source(
            article["path"], self.reader.commit, article["dialect"], tuple(article["also"])
        )

    def _related(self, doc: int, today: date) -> tuple[int, ...]:
        """See `_find_related`; none, and none kept, while search does not answer."""
        try:
            return self.related[doc, today]
        except SearchUnavailable:
            return ()

    def _find_related(self, key: tuple[int, date]) -> tuple[int, ...]:
        """The articles its writer names, then those that search finds for its title and tags."""
        doc, today = key
        article = self.reader.page(doc)["article"]
        served = self.reader.corpus.served(today)
        named = [self._found(slug) for slug in article["related"]]
        query = " ".join((article["title"], *article["tags"]))
        results = self.searcher.answer(
            SearchRequest(
                query, lang=article["lang"], limit=RELATED + 1, exact=True, facets=False,
                excerpts=False,
            ),
            today,
            keep=False,
        )  # fmt: skip
        similar = [self.reader.find(hit.slug) for hit in results.hits]
        related = [other for other in named if other is not None and served[other]]
        related += [other for other in similar if other is not None]
        return tuple(other for other in dict.fromkeys(related) if other != doc)[:RELATED]

    def _found(self, address: str) -> int | None:
        """The article with this address, or that had it."""
        doc = self.reader.find(address)
        moved = self.reader.moved(address) or self.reader.meant(address) if doc is None else None
        return self.reader.find(moved) if moved else doc

    def notice(self, lang: str, default: str, now: datetime) -> Notice | None:
        """The notice that readers of a language see at a moment, with its links; or None.

        `default` is the language of the site.
        """
        notice = notices.chosen(self.reader.notices, lang, default, now)
        return None if notice is None else self._notices(notice.path, now.date())

    def _linked_notice(self, path: str, today: date) -> Notice:
        notice = next(each for each in self.reader.notices if each.path == path)

        def target(url: str) -> str:
            return self._if_served(notice.leads.get(unescape(url), unescape(url)), today)

        return notice.with_html(_relinked(notice.html, target))

    def _linked(self, doc: int, html: str, today: date) -> str:
        """The HTML of an article with each link leading to what it means."""
        return _relinked(html, lambda url: self._target(doc, url, today))

    def _target(self, doc: int, written: str, today: date) -> str:
        """Where a link or picture of the HTML leads today; "" for nowhere."""
        return self._if_served(self.reader.link(doc, unescape(written)), today)

    def _if_served(self, url: str, today: date) -> str:
        """An address within the site if something is there today, else ""."""
        if url.startswith("/media/"):
            return url if self.is_file_served(unquote(url.removeprefix("/media/")), today) else ""
        if url == "/":
            return url
        if topic := _TOPIC.fullmatch(url):
            lang, key = topic[1], unquote(topic[2])
            return url if self.topics.page(lang, key, today) else ""
        target = self.reader.find(unquote(url.removeprefix("/articles/"))) if url else None
        return url if target is not None and self._readable(today)[target] else ""


def _relinked(html: str, target: Callable[[str], str]) -> str:
    """The HTML with each link within the site leading to its target.

    One that leads nowhere is its words, and a picture that is not there its description.
    """

    def link(found: re.Match[str]) -> str:
        url = target(found["url"])
        if not url:
            return found["words"]
        return f'<a{found["before"]}href="{escape(url)}{found["after"]}>{found["words"]}</a>'

    def image(found: re.Match[str]) -> str:
        url = target(found["url"])
        if not url:
            alt = _ALT.search(found[0])
            return alt[1] if alt else ""
        return f'<img src="{escape(url)}{found["after"]}>'

    return _IMAGE.sub(image, _LINK.sub(link, html))


_LINK = re.compile(
    r'<a(?P<before>[^<>]*?)href="(?P<url>/(?:articles|media)/[^"#?]*)(?P<after>[^<>]*)>'
    r"(?P<words>.*?)</a>",
    re.S,
)
_IMAGE = re.compile(r'<img src="(?P<url>/media/[^"#?]*)(?P<after>[^<>]*)>')
_TOPIC = re.compile(r"/categories/([^/]+)/(.*)")
_ALT = re.compile(r'\balt="([^"]*)"')


def _size_of_related(_: object, docs: Sequence[int]) -> int:
    return 56 * len(docs) + 240  # bytes
