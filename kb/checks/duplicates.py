"""Finds texts that say the same: copies, drifted copies, and a short text inside a longer one.

Texts with whole lines in common are candidates; these are compared by their runs of three words
(w-shingling, Broder 1997), exactly and not by samples. Lines and runs that many articles share are
boilerplate and count for nothing. What two pages of one pattern have in common is no proof: how to
set up Auth0, and how to set up Cognito, differ in a word that each uses and the other never does.
So pairs are verified by the words of their titles, and by those that one of them repeats and the
other lacks.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.checks.prose import Line
from kb.language import query_words

RUN: Final = 3  # words of a shingle
MOST: Final = 6  # articles that share a line or a run; what more share is boilerplate
LINE: Final = 40  # characters of a line by which candidates are found
IN_COMMON: Final = 0.08  # share of the shorter candidate's characters that stands in such lines
LEAST: Final = 40  # runs of an article that is compared
LEAST_INSIDE: Final = 60  # runs of one that may be inside another
SAME: Final = 0.6  # share of the runs of two articles that both have (Jaccard)
COPY: Final = 0.95  # the same, whatever their titles
INSIDE: Final = 0.9  # share of the runs of the shorter one
NEAR: Final = 0.6  # of sizes: below it, one article is inside the other
OFTEN: Final = 3  # times a word is repeated that the article is about

_MARKUP = re.compile(
    r"\]\([^)\n]{0,300}+\)|\]\[[^\]\n]{0,300}+\]|<[^>\n]{0,300}+>|\{[{%][^\n]{0,300}?[%}]\}"
    r"|https?://[^\s)\]>]+"
)
_WORD = re.compile(r"[^\W_]+")
_MIX = 0x9E3779B97F4A7C15  # odd, and far from small multiples of itself
Runs = NDArray[np.uint64]


@dataclass(frozen=True)
class Text:
    """An article as it is compared: its title, and its lines without code."""

    title: str
    lines: Sequence[Line]

    @cached_property
    def words(self) -> list[str]:
        """Its words in lower case, without markup and addresses of links."""
        return _words("\n".join([line.text for line in self.lines]))

    @cached_property
    def lemmas(self) -> frozenset[str]:
        """The dictionary forms of all its words, the title's among them."""
        return frozenset(
            lemma for word in {*self.words, *_words(self.title)} for lemma in _lemmas(word)
        )

    def own_title(self, other: "Text") -> bool:
        """Whether the title has a word that the other article lacks."""
        return any(
            word not in query_words.STOP and other.lemmas.isdisjoint(_lemmas(word))
            for word in _words(self.title)
        )

    def own_subject(self, other: "Text") -> bool:
        """Whether it repeats a word that the other article lacks."""
        return any(
            times >= OFTEN
            and word.isalpha()
            and len(word) > 2
            and word not in query_words.STOP
            and other.lemmas.isdisjoint(_lemmas(word))
            for word, times in Counter(self.words).items()
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts by their numbers, and the line of each where what they share begins."""

    one: int
    other: int
    lines: tuple[int, int]


def pairs(texts: Sequence[Text], are_apart: Callable[[int, int], bool]) -> list[Pair]:
    """The pairs of texts that say the same, in the order of their numbers.

    Of two numbers `are_apart` says that the texts are versions of one page, or the like.
    """
    wanted = {pair for pair in _with_lines_in_common(texts) if not are_apart(*pair)}
    numbers = sorted({number for pair in wanted for number in pair})
    some = [texts[number] for number in numbers]
    runs = _Runs(some)
    found = []
    for one, other, shared in runs.alike():
        pair = numbers[one], numbers[other]
        if pair in wanted and _say_the_same(some, runs.sizes, one, other, shared):
            lines = runs.first_line(one, other), runs.first_line(other, one)
            found.append(Pair(*pair, lines))
    return found


def _with_lines_in_common(texts: Sequence[Text]) -> Iterator[tuple[int, int]]:
    """Candidates: pairs that share a twelfth of the shorter text in whole lines."""
    holders: dict[str, list[int]] = defaultdict(list)
    sizes = []
    for number, text in enumerate(texts):
        lines = {line.text for line in text.lines}
        sizes.append(sum(map(len, lines)))
        for line in lines:
            if len(line) >= LINE:
                holders[line].append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for line, numbers in holders.items():
        if 1 < len(numbers) <= MOST:
            for pair in combinations(numbers, 2):
                shared[pair] += len(line)
    for (one, other), characters in shared.items():
        if characters >= IN_COMMON * min(sizes[one], sizes[other]):
            yield one, other


def _say_the_same(
    texts: Sequence[Text], sizes: Sequence[int], one: int, other: int, shared: int
) -> bool:
    short, long = sorted((one, other), key=sizes.__getitem__)
    jaccard = shared / (sizes[short] + sizes[long] - shared)
    a, b = texts[short], texts[long]
    if sizes[short] >= NEAR * sizes[long]:
        if jaccard >= COPY or (jaccard >= SAME and _words(a.title) == _words(b.title)):
            return True
        is_alike = jaccard >= SAME and not (a.own_title(b) or b.own_title(a))
        return is_alike and not (a.own_subject(b) and b.own_subject(a))
    is_inside = sizes[short] >= LEAST_INSIDE and shared >= INSIDE * sizes[short]
    return is_inside and not (a.own_title(b) or a.own_subject(b))


class _Runs:
    """The runs of words of all texts, without those that too many share."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts
        numbers: defaultdict[str, int] = defaultdict(count().__next__)
        self._of = [_runs_of(text, numbers) for text in texts]
        runs = np.concatenate(self._of) if self._of else np.empty(0, np.uint64)
        owners = np.repeat(np.arange(len(texts), dtype=np.int64), list(map(len, self._of)))
        order = np.argsort(runs, kind="stable")  # owners of one run stay ascending
        runs, owners = runs[order], owners[order]
        is_new = np.diff(runs, prepend=~runs[:1]) != 0
        first = is_new | (np.diff(owners, prepend=-1) != 0)  # of those of one text the first
        runs, owners, is_new = runs[first], owners[first], is_new[first]
        counts = np.diff(np.append(np.flatnonzero(is_new), len(runs)))
        kept = np.repeat(counts, counts) <= MOST
        self._runs, self._owners = runs[kept], owners[kept]
        self.sizes: list[int] = np.bincount(self._owners, minlength=len(texts)).tolist()

    def alike(self) -> Iterator[tuple[int, int, int]]:
        """Pairs of texts that may be alike, and how many runs both have."""
        size = len(self._texts)
        keys = [
            self._owners[at] * size + self._owners[at + step]
            for step in range(1, MOST)
            for at in [np.flatnonzero(self._runs[step:] == self._runs[:-step])]
        ]
        found, shared = np.unique(np.concatenate(keys), return_counts=True)
        for key, n in zip(found.tolist(), shared.tolist(), strict=True):
            one, other = divmod(key, size)
            least = min(self.sizes[one], self.sizes[other])
            if least >= LEAST and n >= SAME * least:
                yield one, other, n

    def first_line(self, one: int, other: int) -> int:
        """The line of a text where its first run begins that the other one has as well."""
        shared = np.flatnonzero(np.isin(self._of[one], self._of[other]))
        at = int(shared[0]) if len(shared) else 0
        for line in self._texts[one].lines:
            words = len(_words(line.text))
            if at < words:
                return line.number
            at -= words
        return 1


def _runs_of(text: Text, numbers: Mapping[str, int]) -> Runs:
    """A hash of every run of words of a text, in its order; `numbers` gives each word its own."""
    ids = np.fromiter(map(numbers.__getitem__, text.words), np.uint64, len(text.words))
    size = max(len(ids) - RUN + 1, 0)
    runs = np.zeros(size, np.uint64)
    for step in range(RUN):
        runs = runs * np.uint64(_MIX) + ids[step : step + size] + np.uint64(1)
    return runs


def _words(line: str) -> list[str]:
    return _WORD.findall(_MARKUP.sub(" ", line).casefold().replace("ё", "е"))


def _lemmas(word: str) -> tuple[str, ...]:
    return query_words.meaning(word).lemmas or (word,)
