"""Pages of topics of an opened build: its uppermost topics, and what stands under each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from kb.cards import Card, card
from kb.index.reader import IndexReader
from kb.index.topics import NONE

FIRST = 5  # articles and topics under another one that a list names


class TopicLink(NamedTuple):
    """A topic as a link: its language, its key there and its title."""

    lang: str
    key: str
    title: str


@dataclass(frozen=True, slots=True)
class TopicSummary:
    """A topic as a list shows it: how many articles it has, and what stands directly under it."""

    lang: str
    key: str  # "" for the articles at the top, which no topic holds
    title: str
    articles: int  # under it and all topics below it, without its own page
    topics: tuple[TopicLink, ...] = ()
    first: tuple[Card, ...] = ()  # articles directly under it
    summary: str = ""  # the answer of the page that introduces it


@dataclass(frozen=True, slots=True)
class TopicPage:
    """The page of a topic, or of the top of a language: what stands directly under it.

    `page` is the article that introduces it; it is not among the articles.
    """

    lang: str
    key: str  # "" at the top
    title: str
    above: tuple[TopicLink, ...]  # the topics it stands under, the uppermost first
    page: Card | None
    topics: tuple[TopicSummary, ...]
    articles: tuple[Card, ...]
    count: int  # of articles under it and all topics below it


class TopicPages:
    """The tree of topics of one build as readers of a day see it.

    Topics are numbered as in the build; NONE is the top of a language. A topic without any article
    that is served is not there.
    """

    def __init__(self, reader: IndexReader, served: Callable[[date], Sequence[int]]) -> None:
        """`served` gives the articles that lists show on a day, in reading order."""
        self._reader, self._tree, self._served = reader, reader.topics, served
        self._counts = lru_cache(2)(self._count_articles)
        self._own = lru_cache(2)(self._list_own)
        self._shown = lru_cache(2)(lambda today: frozenset(served(today)))

    def _count_articles(self, today: date) -> list[int]:
        """How many articles stand under each topic, without its own page."""
        chosen = np.zeros(len(self._tree.of), bool)
        chosen[list(self._served(today))] = True
        pages = self._tree.pages.tolist()
        counts = self._tree.counts(chosen)
        return [n - bool(page >= 0 and chosen[page]) for n, page in zip(counts, pages, strict=True)]

    def _list_own(self, today: date) -> dict[tuple[str, int], list[int]]:
        """The articles directly under each topic of each language, in reading order."""
        own: dict[tuple[str, int], list[int]] = {}
        corpus, tree = self._reader.corpus, self._tree
        for doc in self._served(today):
            number = int(tree.of[doc])
            if number < 0 or tree.pages[number] != doc:
                own.setdefault((corpus.langs[corpus.lang[doc]], number), []).append(doc)
        return own

    def all(self, today: date) -> tuple[TopicLink, ...]:
        """All topics of all languages that have something to show."""
        counts = self._counts(today)
        return tuple(self.link(number) for number, count in enumerate(counts) if count > 0)

    def languages(self, today: date) -> list[str]:
        """The languages that articles are served in."""
        return list(dict.fromkeys(lang for lang, _ in self._own(today)))

    def top(self, lang: str, today: date) -> tuple[TopicSummary, ...]:
        """The uppermost topics of a language, then the articles that stand under none."""
        shown = [self._summary(number, today) for number in self._below(NONE, lang, today)]
        loose = self._own(today).get((lang, NONE), ())
        if loose:
            first = tuple(card(self._reader, doc) for doc in loose[:FIRST])
            shown.append(TopicSummary(lang, "", "", len(loose), (), first))
        return tuple(shown)

    def _below(self, number: int, lang: str, today: date) -> list[int]:
        """The topics directly under one that have something to show, in reading order."""
        counts = self._counts(today)
        tree = self._tree
        below = tree.directly_below(number) if number >= 0 else tree.at_top(lang)
        return [n for n in below if counts[n] > 0]

    def _summary(self, number: int, today: date) -> TopicSummary:
        topic = self._tree.all[number]
        below = self._below(number, topic.lang, today)[:FIRST]
        own = self._own(today).get((topic.lang, number), [])[:FIRST]
        return TopicSummary(
            topic.lang, topic.key, topic.title, self._counts(today)[number],
            tuple(map(self.link, below)), tuple(card(self._reader, doc) for doc in own),
            self._introduction(number, today),
        )  # fmt: skip

    def _introduction(self, number: int, today: date) -> str:
        page = int(self._tree.pages[number])
        return card(self._reader, page).answer if page in self._shown(today) else ""

    def link(self, number: int) -> TopicLink:
        """The topic as a link."""
        topic = self._tree.all[number]
        return TopicLink(topic.lang, topic.key, topic.title)

    def above(self, doc: int) -> tuple[TopicLink, ...]:
        """The topics that an article stands under, the uppermost first."""
        return tuple(map(self.link, self._tree.chain(self._tree.above(doc))))

    def introduced_by(self, doc: int) -> TopicLink | None:
        """The topic that an article is the page of."""
        number = int(self._tree.of[doc])
        return self.link(number) if number >= 0 and self._tree.pages[number] == doc else None

    def page(self, lang: str, key: str, today: date) -> TopicPage | None:
        """The page of a topic, or with the key "" of the top; None if nothing is there to show."""
        number = self._tree.find(lang, key) if key else NONE
        if number is None:
            return None
        below = [self._summary(each, today) for each in self._below(number, lang, today)]
        own = tuple(card(self._reader, doc) for doc in self._own(today).get((lang, number), ()))
        if not below and not own:
            return None
        count = sum(each.articles for each in below) + len(own)
        if number == NONE:
            return TopicPage(lang, "", "", (), None, tuple(below), own, count)
        topic, page = self._tree.all[number], int(self._tree.pages[number])
        chain = self._tree.chain(number)[:-1]
        return TopicPage(
            lang, key, topic.title, tuple(map(self.link, chain)),
            card(self._reader, page) if page in self._shown(today) else None,
            tuple(below), own, self._counts(today)[number],
        )  # fmt: skip

    def under(self, lang: str, key: str, today: date) -> list[int]:
        """The articles under a topic and all topics below it, with its page; "" is the top."""
        corpus, tree = self._reader.corpus, self._tree
        number = tree.find(lang, key) if key else NONE
        if number is None:
            return []
        docs = [doc for doc in self._served(today) if corpus.langs[corpus.lang[doc]] == lang]
        if number == NONE:
            return docs
        return [doc for doc in docs if number <= tree.of[doc] < tree.ends[number]]

    def of_category(self, lang: str, name: str) -> TopicLink | None:
        """The topic that most articles of a category stand under.

        A category is the name of the last folder, or what the front matter of an article says; the
        pages of topics were once named so.
        """
        corpus = self._reader.corpus
        named = corpus.is_labelled(corpus.categories, corpus.category, name)
        named &= corpus.is_labelled(corpus.langs, corpus.lang, lang) & corpus.live
        numbers = self._tree.of[named]
        numbers = numbers[numbers >= 0]
        if not len(numbers):
            return None
        return self.link(int(np.bincount(numbers).argmax()))

    def neighbours(self, doc: int, today: date) -> tuple[int | None, int | None]:
        """The articles before and after one in reading order, under the same uppermost topic."""
        order = self._served(today)
        try:
            at = order.index(doc)
        except ValueError:
            return None, None
        before = order[at - 1] if at else None
        after = order[at + 1] if at + 1 < len(order) else None
        return (
            before if before is not None and self._are_together(before, doc) else None,
            after if after is not None and self._are_together(after, doc) else None,
        )

    def _are_together(self, one: int, other: int) -> bool:
        """Whether two articles have one language and one uppermost topic."""
        corpus, tree = self._reader.corpus, self._tree
        tops = [tree.chain(int(tree.of[doc]))[:1] for doc in (one, other)]
        return bool(corpus.lang[one] == corpus.lang[other]) and tops[0] == tops[1]
