"""Likeness of groups: which of them probably ask the same thing in other words. Pure.

Compared are the words of both, each weighed by its kind and its rarity among groups (cosine of
tf-idf), the articles that stood nearest when they were founded, and those that their visits opened
afterwards. Nobody but a person merges groups: the likeliest pairs are suggested.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from kb.language import query_words

LEAST: Final = 0.3  # likeness of a pair that is suggested; measured as decision 94 says
_NEAREST: Final = 0.2  # share of the articles found, beside that of words
_OPENED: Final = 0.2  # of the articles opened
_COMMON: Final = 0.2  # share of groups that hold a word by which no pair is looked for
_PRIOR: Final = 20  # groups that are imagined, so that few groups make no word common
_FEW: Final = 50  # groups among which every word is looked for


@dataclass(frozen=True, slots=True)
class GroupProfile:
    """What a group is compared by; of merged groups together."""

    id: int
    words: Mapping[str, int]  # dictionary forms, and in how many founding sets
    nearest: Mapping[str, float] = field(default_factory=dict)  # slugs, the first weighs most
    opened: Mapping[str, int] = field(default_factory=dict)  # slugs, by visits


@dataclass(frozen=True, slots=True)
class AlikePair:
    """Two groups that probably ask the same, `first` being the earlier in the order given."""

    first: int
    second: int
    likeness: float


def alike(
    profiles: Sequence[GroupProfile],
    apart: Collection[frozenset[int]] = (),
    *,
    of: int | None = None,
) -> list[AlikePair]:
    """The pairs to suggest, the likeliest first; those in `apart` were told to differ.

    With `of` only pairs of this group.
    """
    holders = Counter(word for profile in profiles for word in profile.words)
    vectors = {profile.id: _vector(profile, holders, len(profiles)) for profile in profiles}
    place = {profile.id: at for at, profile in enumerate(profiles)}
    known = {profile.id: profile for profile in profiles}
    found = []
    for pair in _candidates(profiles, holders, of):
        if pair in apart:
            continue
        first, second = sorted(pair, key=place.__getitem__)
        likeness = _cosine(vectors[first], vectors[second])
        likeness += _NEAREST * _cosine(known[first].nearest, known[second].nearest)
        likeness += _OPENED * _cosine(known[first].opened, known[second].opened)
        if likeness >= LEAST:
            found.append(AlikePair(first, second, likeness))
    return sorted(found, key=lambda each: (-each.likeness, place[each.first], place[each.second]))


def _vector(profile: GroupProfile, holders: Counter[str], n: int) -> dict[str, float]:
    return {
        word: times * math.log(1 + (n + _PRIOR) / holders[word]) * query_words.weight(word)
        for word, times in profile.words.items()
    }


def _candidates(
    profiles: Sequence[GroupProfile], holders: Counter[str], of: int | None
) -> Iterator[frozenset[int]]:
    """Pairs that share a word that is not common, or an article they opened; each once."""
    sharing: defaultdict[str, list[int]] = defaultdict(list)
    most = max(_FEW, _COMMON * len(profiles))
    for profile in profiles:
        for word in profile.words:
            if holders[word] <= most:
                sharing[word].append(profile.id)
        for slug in profile.opened:
            sharing[f"opened {slug}"].append(profile.id)
    pairs = {
        frozenset(pair)
        for ids in sharing.values()
        if of is None or of in ids
        for pair in combinations(ids, 2)
        if of is None or of in pair
    }
    yield from sorted(pairs, key=sorted)


def _cosine(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    if not a or not b:
        return 0.0
    product = sum(value * b.get(name, 0.0) for name, value in a.items())
    lengths = math.hypot(*a.values()) * math.hypot(*b.values())
    return product / lengths if lengths else 0.0
