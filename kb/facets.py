"""Facets: how many of the hits have each language, topic and tag. Ranks nothing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.index.corpus import Corpus
from kb.index.topics import TopicGroup, Topics


class FacetValue(NamedTuple):
    """A value to filter by and how many of the hits have it; a topic has topics below it."""

    value: str
    hits: int
    title: str = ""  # of a topic; other values are shown as they are
    below: tuple["FacetValue", ...] = ()


class FacetCounter:
    """Counts the hits of a corpus. Threads may share it."""

    def __init__(self, corpus: Corpus, topics: Topics) -> None:
        self._corpus, self._topics = corpus, topics
        # One number for language and topic of each article: hits are counted once for both.
        self._shape = len(corpus.langs), len(topics.all) + 1
        self._pairs = (corpus.lang * np.intp(self._shape[1]) + topics.of + 1).astype(np.intp)

    def facets(
        self, hits: NDArray[np.bool_], chosen: str, lang: str
    ) -> dict[str, tuple[FacetValue, ...]]:
        """The values of each facet, by its name, among `hits`, a mask of the corpus.

        Topics are those under the topic with the key `chosen`, titled in `lang` if they can be.
        """
        size = self._shape[0] * self._shape[1]
        pairs = np.bincount(self._pairs.compress(hits), minlength=size).reshape(self._shape)
        by_lang = pairs.sum(axis=1).tolist()
        by_topic = self._topics.summed(pairs.sum(axis=0)[1:])
        return {
            "lang": counted(self._corpus.langs, by_lang),
            "category": topic_facet(self._topics, by_topic, sum(by_lang), chosen, lang),
            "tag": counted(*self._corpus.tag_counts(hits)),
        }


def counted(names: Sequence[str], counts: Sequence[int]) -> tuple[FacetValue, ...]:
    """The values that occur, most frequent first, then by name; the unnamed one is left out."""
    found = [
        FacetValue(name, count) for name, count in zip(names, counts, strict=True) if name and count
    ]
    return tuple(sorted(found, key=lambda value: (-value.hits, value.value)))


def topic_facet(
    topics: Topics, counts: Sequence[int], whole: int, chosen: str, lang: str
) -> tuple[FacetValue, ...]:
    """The topics of the hits under a chosen one, or at the top, each with those directly below it.

    `counts` are the hits in each topic or below it, of `whole` hits.
    Topics of two languages with one key are one value, titled in `lang` if it can be. A topic that
    holds all hits is passed over for those below it: it leaves nothing to choose.
    """
    groups = topics.groups_under(chosen)
    while True:
        values = _topic_values(topics, groups, counts, lang, levels=2)
        if len(values) != 1 or values[0].hits != whole:
            return values
        numbers = next(each.numbers for each in groups if each.key == values[0].value)
        groups = topics.groups_below(numbers)


def _topic_values(
    topics: Topics, groups: Sequence[TopicGroup], counts: Sequence[int], lang: str, levels: int
) -> tuple[FacetValue, ...]:
    """The topics of one level that hold hits as values, the most frequent first."""
    values = []
    for key, numbers in groups:
        best = numbers[0]
        count = counts[best]
        if len(numbers) > 1:
            count = sum([counts[n] for n in numbers])
            best = _best_titled(topics, numbers, counts, lang)
        if not count:
            continue
        below = topics.groups_below(numbers) if levels > 1 else ()
        further = _topic_values(topics, below, counts, lang, levels - 1) if below else ()
        values.append((-count, topics.all[best].title, key, further))
    values.sort()
    return tuple([FacetValue(key, -less, title, below) for less, title, key, below in values])


def _best_titled(topics: Topics, numbers: Sequence[int], counts: Sequence[int], lang: str) -> int:
    """Of topics with one key the one in a language, or else the one that holds most hits."""
    for number in numbers:
        if counts[number] and topics.all[number].lang == lang:
            return number
    return max(numbers, key=counts.__getitem__)
