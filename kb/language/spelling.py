"""A misspelt word to the words of a vocabulary it may mean. Knows nothing of queries or articles.

Every word of the vocabulary has a signature: which letters it holds, and which of them twice. An
edit moves a signature by at most two bits, so one XOR and one count over the words of about the
same length leave some dozens of candidates, and only they are compared letter by letter.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import Any, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA, Levenshtein

from kb.language import query_words
from kb.language.vocabulary import Vocabulary

Arrays = Mapping[str, NDArray[Any]]

SHORTEST = 4  # a shorter word has too many neighbours to be told what it meant
_HELD = re.compile(r"(\w)\1{2,}")
_LONG = 32  # words of this length and longer share one bucket


@dataclass(frozen=True, slots=True)
class Near:
    """A word of the index that is a few edits away; the lower the `cost`, the likelier."""

    word: str
    distance: int
    cost: float
    frequency: int


def reach(word: str) -> int:
    """How many edits away a word may be: 1 for 4–6 letters, 2 from 7, none below 4."""
    return 0 if len(word) < SHORTEST else 1 if len(word) < 7 else 2


def squeezed(word: str) -> str:
    """The word without the letters of a key held down: «паролььь» is one slip, not two."""
    return _HELD.sub(r"\1\1", word)


class Frequencies(Protocol):
    """How often each word of a vocabulary occurs, by its place there."""

    def __getitem__(self, place: int, /) -> Any:
        """A whole number; 0: no longer."""


class Speller:
    """The near words and the beginnings of one vocabulary. Reads its arrays in place."""

    __slots__ = (
        "_beginnings", "_buckets", "_frequencies", "_mask", "_order", "_signatures", "_words",
    )  # fmt: skip

    def __init__(self, vocabulary: Vocabulary, frequencies: Frequencies, arrays: Arrays) -> None:
        """`frequencies[i]`: how often word i occurs, 0 if no longer; `arrays`: from `prepare`."""
        self._words = vocabulary
        self._frequencies = frequencies
        self._signatures = arrays["signatures"]
        self._order = arrays["order"]
        self._buckets: list[int] = arrays["buckets"].tolist()
        self._beginnings = arrays["beginnings"].data
        self._mask = len(self._beginnings) * 8 - 1

    @staticmethod
    def prepare(vocabulary: Vocabulary) -> dict[str, NDArray[Any]]:
        """What `__init__` needs beside the words, about 20 bytes a word; made once per build."""
        codes, lengths = _codes(vocabulary)
        owner = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
        signatures = np.zeros(len(lengths), np.uint64)
        letters = np.sort(owner * 32 + codes % 32)
        first = np.ones(len(letters), bool)
        first[1:] = letters[1:] != letters[:-1]
        second = np.zeros(len(letters), bool)
        second[1:] = ~first[1:] & first[:-1]
        for chosen, shift in ((first, 0), (second, 32)):
            place, bit = np.divmod(letters[chosen], 32)
            # Each bit is chosen once per word, so adding is the same as setting.
            np.add.at(signatures, place, np.uint64(1) << (bit + shift).astype(np.uint64))
        capped = np.minimum(lengths, _LONG)
        order = np.argsort(capped, kind="stable").astype(np.uint32)
        return {
            "signatures": signatures[order],
            "order": order,
            "buckets": np.searchsorted(capped[order], np.arange(_LONG + 2)).astype(np.uint32),
            "beginnings": _beginnings(vocabulary),
        }

    def may_begin(self, start: str) -> bool:
        """Whether some word may begin with `start`: a no is sure, a yes nearly so."""
        beginnings, mask = self._beginnings, self._mask
        return all(beginnings[place >> 3] >> (place & 7) & 1 for place in _places(start, mask))

    def begins(self, start: str) -> bool:
        """Whether some word begins with `start`."""
        if not self.may_begin(start):
            return False
        low, high = self._words.prefix(start)
        return low < high

    def near(self, word: str, limit: int = 10) -> list[tuple[int, int]]:
        """Places and distances of the words `word` may have meant, likeliest first."""
        return [(place, near.distance) for place, near in self._ranked(word)[:limit]]

    def nearest(self, word: str, limit: int = 10) -> list[Near]:
        """The same as values that can be merged with those of another vocabulary."""
        return [near for _, near in self._ranked(word)[:limit]]

    def _ranked(self, word: str) -> list[tuple[int, Near]]:
        word = squeezed(word)
        furthest = reach(word)
        if not furthest:
            return []
        found = []
        for place in self._candidates(word, furthest).tolist():
            other = self._words[place]
            distance = OSA.distance(word, other, score_cutoff=furthest)
            frequency = int(self._frequencies[place])
            if distance <= furthest and frequency:  # 0: only superseded articles have it
                cost = price(word, other) - bonus(frequency)
                found.append((place, Near(other, distance, cost, frequency)))
        found.sort(key=lambda each: (each[1].cost, each[0]))
        return found

    def _candidates(self, word: str, furthest: int) -> NDArray[np.uint32]:
        signature, length = np.uint64(_signature(word)), len(word)
        chosen = []
        for other in range(max(length - furthest, 2), min(length + furthest, _LONG) + 1):
            low, high = self._buckets[other], self._buckets[other + 1]
            bits = 2 * furthest - abs(length - other) if other < _LONG else 2 * furthest
            apart = np.bitwise_count(self._signatures[low:high] ^ signature)
            chosen.append(self._order[low:high][apart <= bits])
        return np.concatenate(chosen) if chosen else np.zeros(0, np.uint32)


def merged(spellers: Sequence[Speller], word: str, limit: int = 10) -> list[Near]:
    """The nearest words of several vocabularies, as if they were one."""
    if len(spellers) == 1:
        return spellers[0].nearest(word, limit)
    best: dict[str, Near] = {}
    for speller in spellers:
        for near in speller.nearest(word, limit):
            if other := best.get(near.word):
                both = near.frequency + other.frequency
                slip = near.cost + bonus(near.frequency)
                near = Near(near.word, near.distance, slip - bonus(both), both)
            best[near.word] = near
    return sorted(best.values(), key=lambda near: (near.cost, near.word))[:limit]


def splits(word: str, known: Callable[[str], int]) -> list[tuple[str, str]]:
    """Pairs of known words that `word` is when a space is put in, the most frequent first."""
    pairs = [(word[:at], word[at:]) for at in range(1, len(word))]
    weighed = [
        (min(known(first), known(second)), first, second)
        for first, second in pairs
        if _may_stand(first) and _may_stand(second) and len(word) > 3
    ]
    weighed.sort(key=lambda each: (-each[0], -min(len(each[1]), len(each[2]))))
    return [(first, second) for weight, first, second in weighed if weight]


def _may_stand(word: str) -> bool:
    """Whether a part is long enough to be a word, or one of the small words there are."""
    return len(word) > 2 or word in _SMALL


_SMALL = {word for word in query_words.STOP if len(word) < 3}
_SMALL |= {"не", "ни", "up", "no", "go", "ok", "id", "ip"}
# Only parts of other words.
_SMALL -= {"a", "i", "s", "t", "d", "m", "b", "б", "ж", "re", "ve", "ll", "im"}


def _codes(vocabulary: Vocabulary) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The code points of all words one after another, and how many each word has."""
    blob, offsets = vocabulary.arrays
    starts = (blob & 0xC0) != 0x80  # the first byte of each code point
    before = np.concatenate(([0], np.cumsum(starts)))
    codes = np.frombuffer(bytes(blob).decode().encode("utf-32-le"), np.uint32).astype(np.int64)
    return codes, np.diff(before[offsets.astype(np.int64)])


def _signature(word: str) -> int:
    signature = 0
    for letter in word:
        bit = 1 << ord(letter) % 32
        signature |= bit << 32 if signature & bit else bit
    return signature


def _places(start: str, mask: int) -> tuple[int, ...]:
    return _spread(crc32(start.encode("utf-8", "replace")), mask)


def _beginnings(vocabulary: Vocabulary) -> NDArray[np.uint8]:
    """A Bloom filter of all beginnings of all words, at 11 to 22 bits each."""
    hashes = []
    previous = ""
    for word in vocabulary:
        shared = next(
            (i for i, (a, b) in enumerate(zip(previous, word, strict=False)) if a != b),
            min(len(previous), len(word)),
        )
        at = crc32(word[:shared].encode())
        for letter in word[shared:]:
            at = crc32(letter.encode(), at)
            hashes.append(at)
        previous = word
    bits = 1 << max((len(hashes) * 11).bit_length(), 10)
    filled = np.zeros(bits, bool)
    for places in _spread(np.array(hashes, np.uint64), bits - 1):
        filled[places] = True
    return np.packbits(filled, bitorder="little")


def _spread(at: Any, mask: int) -> tuple[Any, Any, Any, Any]:
    """Four places in the filter for one hash, or for an array of them."""
    step = at >> 15 | 1
    return at & mask, at + step & mask, at + 2 * step & mask, at + 3 * step & mask


# What people mix up: sounds alike, or keys side by side. Everything else costs a whole edit.
_SOUNDS = """
    ао ое еи ия яе оу уы эе ыи ою ую йи аы бп вф гк дт жш зс шщ чщ цс гх тс чш ъь
    ae ei io ou ao ai ey iy uy sz ck cs kq gj vf vw bp dt mn xs ue eo
"""
_ALIKE = {frozenset(pair) for pair in _SOUNDS.split()}
_ROWS = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {frozenset(pair) for row in _ROWS for pair in pairwise(row)}
_BESIDE |= {
    frozenset(pair)
    for upper, lower in (_ROWS[0:2], _ROWS[1:3], _ROWS[3:5], _ROWS[4:6])
    for shift in (0, 1)
    for pair in zip(lower, upper[shift:], strict=False)
}
SPACE = 2.3  # what a space too many or too few costs

# What each kind of slip costs, in nats: fitted on one half of the shared typos, judged on the other
# (`python benchmarks/spelling.py`). Distance first, then frequency is 3 to 5 points worse.
SWAP, ALIKE, BESIDE, OTHER = 2.3, 2.35, 4.0, 4.6
MISSING_DOUBLE, MISSING_SOFT, MISSING_VOWEL, MISSING = 1.25, 1.1, 1.9, 2.5
EXTRA_DOUBLE, EXTRA_SOFT, EXTRA_BESIDE, EXTRA = 1.9, 2.0, 3.6, 4.0
AT_START, AT_END = 1.4, 0.95  # more, at the first or last letter
FREQUENCY = 0.41  # less, for each e-fold of frequency

_Edit = tuple[str, int, int]  # kind, place in the typed word, place in the meant one
_SOFT = frozenset("ьъ")
_VOWELS = frozenset("аеиоуыэюяaeiouy")


def price(typed: str, meant: str) -> float:
    """How unlikely a slip it is to type `typed` for `meant`; 0 for no slip at all."""
    edits: list[_Edit] = Levenshtein.editops(typed, meant).as_list()  # type: ignore[assignment]
    swaps = len(edits) - OSA.distance(typed, meant)
    cost, last = 0.0, len(typed) - 1
    pending = iter(range(len(edits)))
    for i in pending:
        kind, at, to = edits[i]
        cost += AT_START if at == 0 or to == 0 else 0.0
        cost += AT_END if at >= last else 0.0
        if swaps and i + 1 < len(edits) and _is_swap(typed, meant, edits[i], edits[i + 1]):
            cost += SWAP
            swaps -= 1
            next(pending)
        elif kind == "replace":
            pair = frozenset((typed[at], meant[to]))
            cost += ALIKE if pair in _ALIKE else BESIDE if pair in _BESIDE else OTHER
        elif kind == "insert":
            cost += _missing(meant, to)
        else:
            cost += _extra(typed, at)
    return cost


def bonus(frequency: int) -> float:
    """What the frequency of a word takes off the price of a slip that means it."""
    return FREQUENCY * log(frequency + 1)


def _is_swap(typed: str, meant: str, one: _Edit, two: _Edit) -> bool:
    """Whether two edits are one exchange of neighbours."""
    (kind, at, to), (next_kind, next_at, next_to) = one, two
    if kind == next_kind == "replace":
        return next_at == at + 1 and typed[at] == meant[next_to] and typed[next_at] == meant[to]
    return {kind, next_kind} == {"insert", "delete"} and max(next_at - at, next_to - to) <= 2


def _missing(meant: str, to: int) -> float:
    letter = meant[to]
    if letter in _around(meant, to):
        return MISSING_DOUBLE
    return MISSING_SOFT if letter in _SOFT else MISSING_VOWEL if letter in _VOWELS else MISSING


def _extra(typed: str, at: int) -> float:
    letter = typed[at]
    if letter in _around(typed, at):
        return EXTRA_DOUBLE
    if letter in _SOFT:
        return EXTRA_SOFT
    beside = any(frozenset((letter, other)) in _BESIDE for other in _around(typed, at))
    return EXTRA_BESIDE if beside else EXTRA


def _around(word: str, at: int) -> tuple[str, str]:
    return word[max(at - 1, 0) : at], word[at + 1 : at + 2]
