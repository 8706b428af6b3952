"""Facets: how many of the hits have each language, topic and tag. Ranks nothing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.index.corpus import Corpus
from kb.index.topics import Topics


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
        self._pairs = corpus.lang * np.int32(self._shape[1]) + topics.of + np.int32(1)

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
    level = [n for n in topics.under(chosen) if counts[n]]
    while len({topics.all[n].key for n in level}) == 1 and sum(counts[n] for n in level) == whole:
        level = [n for number in level for n in topics.directly_below(number) if counts[n]]
    return _topic_values(topics, level, counts, lang, levels=2)


def _topic_values(
    topics: Topics, level: Sequence[int], counts: Sequence[int], lang: str, levels: int
) -> tuple[FacetValue, ...]:
    """The topics of one level as values, the most frequent first."""
    by_key: dict[str, list[int]] = {}
    for number in level:
        if counts[number]:
            by_key.setdefault(topics.all[number].key, []).append(number)
    values = []
    for key, numbers in by_key.items():
        best, count, below = numbers[0], counts[numbers[0]], topics.directly_below(numbers[0])
        if len(numbers) > 1:
            best = max(numbers, key=lambda n: (topics.all[n].lang == lang, counts[n]))
            count = sum([counts[n] for n in numbers])
            below = [n for number in numbers for n in topics.directly_below(number)]
        has_more = levels > 1 and below
        further = _topic_values(topics, below, counts, lang, levels - 1) if has_more else ()
        values.append(FacetValue(key, count, topics.all[best].title, further))
    return tuple(sorted(values, key=lambda value: (-value.hits, value.title)))
