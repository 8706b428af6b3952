"""The tree of topics of a build: written beside its addresses, read back as arrays."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from kb.content.reading_order import title_of_name
from kb.content.topics import Topic, TopicTree

NONE = -1


def arrays(tree: TopicTree, at: Mapping[str, int], size: int) -> dict[str, Any]:
    """The tree as arrays of a file; `at` are the numbers of the articles by path, of `size`."""
    of = np.full(size, NONE, np.int32)
    for path, number in tree.places.items():
        of[at[path]] = number
    pages = [at.get(topic.page, NONE) for topic in tree.topics]
    rows = [(topic.lang, topic.key, topic.title, topic.above) for topic in tree.topics]
    named = {str(at[path]): name for path, name in tree.namesakes.items()}
    written = orjson.dumps({"topics": rows, "namesakes": named})
    return {
        "topics.of": of,
        "topics.pages": np.array(pages, np.int32),
        "topics.json": np.frombuffer(written, np.uint8),
    }


class TopicGroup(NamedTuple):
    """Topics that stand side by side with one key: one in each language."""

    key: str
    numbers: tuple[int, ...]


class Topics:
    """The tree of topics of an opened build. Topics and articles are numbered."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Raises KeyError or ValueError if the arrays hold no tree."""
        self.of: NDArray[np.int32] = arrays["topics.of"]  # of each article; NONE is the top
        self.pages: NDArray[np.int32] = arrays["topics.pages"]  # the article of each; or NONE
        written = orjson.loads(arrays["topics.json"].tobytes())
        self.all = tuple(
            Topic(lang, key, title, above) for lang, key, title, above in written["topics"]
        )
        self._namesakes = {int(doc): name for doc, name in written["namesakes"].items()}
        if len(self.pages) != len(self.all) or self.of.max(initial=NONE) >= len(self.all):
            raise ValueError("the topics of the articles are not those of the tree")
        self.titles = self._list_titles()
        self.ends = self._list_ends()
        self._ends = np.array(self.ends, np.intp)
        self._below: list[list[int]] = [[] for _ in self.all]
        for number, topic in enumerate(self.all):
            if topic.above >= 0:
                self._below[topic.above].append(number)
        under: dict[str, list[int]] = {}
        for number in range(len(self.all)):
            under.setdefault(self.key_above(number), []).append(number)
        self._under = {key: self._grouped(numbers) for key, numbers in under.items()}
        self._groups_below: dict[tuple[int, ...], tuple[TopicGroup, ...]] = {}
        self._by_key = {(topic.lang, topic.key): n for n, topic in enumerate(self.all)}

    def narrowed(self, live: NDArray[np.bool_], titles: Mapping[int, tuple[str, str]]) -> "Topics":
        """The tree as it is without the articles that are not `live`.

        A topic that holds no other article cannot be found. One whose page is not live goes by its
        name, for its title may be that of the page. `titles` are language and title of the
        articles that have namesakes.
        """
        narrowed = copy(self)
        pages = [page if page >= 0 and live[page] else NONE for page in self.pages.tolist()]
        narrowed.pages = np.array(pages, np.int32)
        narrowed.all = tuple(
            topic if page == own else replace(topic, title=_name(topic.key))
            for topic, page, own in zip(self.all, pages, self.pages.tolist(), strict=True)
        )
        narrowed.titles = narrowed._list_titles()
        counts = self.counts(live)
        narrowed._by_key = {key: n for key, n in self._by_key.items() if counts[n]}
        narrowed._namesakes = self._still_namesakes(live, titles)
        return narrowed

    def _still_namesakes(
        self, live: NDArray[np.bool_], titles: Mapping[int, tuple[str, str]]
    ) -> dict[int, str]:
        """The names of live articles beside which another live one has their title."""
        same: dict[tuple[str, ...], list[int]] = {}
        for doc in filter(live.__getitem__, self._namesakes):
            above = self.above(doc)
            path = self.titles[above] if above >= 0 else ()
            same.setdefault((*titles[doc], *path), []).append(doc)
        return {
            doc: self._namesakes[doc] for docs in same.values() if len(docs) > 1 for doc in docs
        }

    @property
    def namesakes(self) -> tuple[int, ...]:
        """The articles under whose topic another has their title."""
        return tuple(self._namesakes)

    def _list_titles(self) -> list[tuple[str, ...]]:
        """The titles of each topic and those above it, the uppermost first."""
        titles: list[tuple[str, ...]] = []
        for topic in self.all:
            above = titles[topic.above] if topic.above >= 0 else ()
            titles.append((*above, topic.title))
        return titles

    def _list_ends(self) -> list[int]:
        """For each topic the number after the last one below it."""
        ends = list(range(1, len(self.all) + 1))
        for number in reversed(range(len(self.all))):
            above = self.all[number].above
            if above >= 0:
                ends[above] = max(ends[above], ends[number])
        return ends

    def find(self, lang: str, key: str) -> int | None:
        """The topic with this key in a language."""
        return self._by_key.get((lang, key))

    def title(self, key: str, lang: str) -> str:
        """The titles of a topic and those above it as one text, in `lang` or else in another.

        "" if there is no such topic.
        """
        titles = {
            topic.lang: " › ".join(self.titles[number])
            for number, topic in enumerate(self.all)
            if topic.key == key and (topic.lang, key) in self._by_key
        }
        return titles.get(lang) or next(iter(titles.values()), "")

    def directly_below(self, number: int) -> list[int]:
        """The topics directly under one."""
        return self._below[number]

    def groups_under(self, key: str) -> Sequence[TopicGroup]:
        """The topics directly under those with this key in any language; with "" the uppermost."""
        return self._under.get(key, ())

    def groups_below(self, numbers: tuple[int, ...]) -> Sequence[TopicGroup]:
        """The topics directly under some of one key."""
        known = self._groups_below.get(numbers)
        if known is None:
            below = [each for number in numbers for each in self._below[number]]
            known = self._groups_below[numbers] = self._grouped(below)
        return known

    def _grouped(self, numbers: Sequence[int]) -> tuple[TopicGroup, ...]:
        by_key: dict[str, list[int]] = {}
        for number in numbers:
            by_key.setdefault(self.all[number].key, []).append(number)
        return tuple(TopicGroup(key, tuple(some)) for key, some in by_key.items())

    def at_top(self, lang: str) -> list[int]:
        """The uppermost topics of a language."""
        return [n for n, topic in enumerate(self.all) if topic.above < 0 and topic.lang == lang]

    def key_above(self, number: int) -> str:
        """The key of the topic that one stands under, "" at the top."""
        above = self.all[number].above
        return self.all[above].key if above >= 0 else ""

    def above(self, doc: int) -> int:
        """The topic that an article stands under; the page of a topic stands under the next one."""
        number = int(self.of[doc])
        return self.all[number].above if number >= 0 and self.pages[number] == doc else number

    def path(self, doc: int) -> tuple[str, ...]:
        """The titles of the topics above an article, the uppermost first, as a reader sees them.

        Of two articles with one title under one topic, each has a name of its own at the end.
        """
        number = self.above(doc)
        titles = self.titles[number] if number >= 0 else ()
        own = self._namesakes.get(doc)
        return (*titles, own) if own else titles

    def chain(self, number: int) -> list[int]:
        """A topic and those above it, the uppermost first; none for NONE."""
        found: list[int] = []
        while number >= 0:
            found.append(number)
            number = self.all[number].above
        return found[::-1]

    def is_below(self, key: str) -> NDArray[np.bool_] | None:
        """Which articles stand in the topics with this key, in any language, or below them.

        None if there is no such topic.
        """
        found = [n for (_, known), n in self._by_key.items() if known == key]
        if not found:
            return None
        mask = np.zeros(len(self.of), bool)
        for number in found:
            mask |= (self.of >= number) & (self.of < self.ends[number])
        return mask

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What tells each topic from all others, in any build."""
        return tuple(f"{topic.lang}/{topic.key}" for topic in self.all)

    def named(self, key: str) -> list[str]:
        """The names of the topics with this key, in any language; none if there is none."""
        return [self.names[number] for (_, known), number in self._by_key.items() if known == key]

    def counts(self, chosen: NDArray[np.bool_]) -> list[int]:
        """How many of the chosen articles stand in each topic or below it."""
        own = np.bincount(self.of[chosen & (self.of >= 0)], minlength=len(self.all))
        return self.summed(own)

    def summed(self, own: NDArray[np.int_]) -> list[int]:
        """The numbers of each topic and those below it together; `own` are those of each alone."""
        sums = np.zeros(len(own) + 1, np.int_)
        np.cumsum(own, out=sums[1:])
        counts: list[int] = (sums[self._ends] - sums[:-1]).tolist()
        return counts


def _name(key: str) -> str:
    """The title of a topic by its name alone."""
    return title_of_name(key.rpartition("/")[2])
