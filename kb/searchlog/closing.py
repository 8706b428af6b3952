"""Closing of groups: whether what the search finds today answers the misses of a group. Pure.

Each miss is judged by what it remembers: its kind and flags, its filters, and the articles that
the asker had before them. The rules are published in
`articles/en/support/what-is-counted.md`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from functools import cache
from typing import Final

from kb.searchlog.db.models import GroupProgress, Miss, Question
from kb.searchlog.miss_kinds import MISS_KINDS, Cure

TOP: Final = 3  # places at which an article answers
ENOUGH: Final = Fraction(8, 10)  # of a group's visits
REWRITTEN: Final = 0.1  # share of an article's words: no more than this is no change
PROVED_BY: Final = 3  # later askers who found
PROVED_AFTER: Final = timedelta(days=14)  # without a miss
_MOST_ASKED: Final = 50  # questions of a group that are asked, the commonest

_CURES: Final = {kind.name: kind.cure for kind in MISS_KINDS}


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands among the first three of a question with confidence; nothing without it."""

    slugs: tuple[str, ...] = ()
    is_repaired: bool = False


Ask = Callable[[Question, frozenset[str]], Standing]
"""What stands for a question among all articles but those with these slugs."""
IsNew = Callable[[str, str], bool]
"""Whether the article with this slug has changed since its words had this digest."""


def settling(miss: Miss, ask: Ask, is_new: IsNew) -> str:
    """The slug of the article that settles a miss, or "" if none does.

    Confidence is one of the first articles together. Where only an article counts that is news to
    the asker, the others are left out, so that it has to be sure by itself.
    """
    cures, standing = _cures(miss), ask(miss.asked, frozenset())
    if not standing.slugs or ("plain hit" in cures and standing.is_repaired):
        return ""
    if "new hit" not in cures:
        return standing.slugs[0]
    if miss.offered is None:
        return ""
    known = frozenset(
        slug for slug, digest in miss.offered.items() if not (digest and is_new(slug, digest))
    )
    if known.issuperset(standing.slugs):
        return ""
    rest = ask(miss.asked, known)
    return rest.slugs[0] if rest.slugs and rest.slugs[0] in standing.slugs else ""


def _cures(miss: Miss) -> set[Cure]:
    return {_CURES[name] for name in miss.kinds if name in _CURES}


def progress(misses: Sequence[Miss], ask: Ask, is_new: IsNew) -> GroupProgress:
    """How far the misses of a group are answered today.

    A visit is answered if all its misses are settled, a wording if ENOUGH of its visits are.
    """
    commonly = Counter(miss.asked for miss in misses).most_common(_MOST_ASKED)
    ask, is_new = cache(ask), cache(is_new)
    standings = {question: ask(question, frozenset()) for question, _ in commonly}
    settled = [
        (miss, settling(miss, ask, is_new) if miss.asked in standings else "") for miss in misses
    ]
    wordings = _by_visits(settled)
    commonest = [wording for wording, _ in wordings[:2]]
    answered = {wording for wording, visits in wordings if _is_enough(visits.values())}
    visits = _visits(settled)
    by_slug = Counter(slug for _, slug in settled if slug)
    slug = by_slug.most_common(1)[0][0] if by_slug else ""
    return GroupProgress(
        wordings=len(wordings),
        answered_wordings=len(answered),
        visits=len(visits),
        answered_visits=sum(visits.values()),
        is_enough=_is_enough(visits.values()) and answered.issuperset(commonest),
        slug=slug,
        rank=_rank(slug, standings.values()),
        standing=_commonest_standing(settled, commonest, standings),
        unhelpful=_unhelpful(settled, standings),
    )  # fmt: skip


def _rank(slug: str, standings: Iterable[Standing]) -> int:
    return min((each.slugs.index(slug) + 1 for each in standings if slug in each.slugs), default=0)


Settled = tuple[Miss, str]


def _visits(settled: Iterable[Settled]) -> dict[str, bool]:
    """By visit, whether all its misses are settled."""
    visits: dict[str, bool] = {}
    for miss, slug in settled:
        visits[miss.visit] = visits.get(miss.visit, True) and bool(slug)
    return visits


def _by_visits(settled: Iterable[Settled]) -> list[tuple[str, dict[str, bool]]]:
    """The visits of each wording, the commonest wording first."""
    parts: defaultdict[str, list[Settled]] = defaultdict(list)
    for miss, slug in settled:
        parts[miss.wording].append((miss, slug))
    found = [(wording, _visits(part)) for wording, part in parts.items()]
    return sorted(found, key=lambda each: (-len(each[1]), each[0]))


def _is_enough(visits: Collection[bool]) -> bool:
    return bool(visits) and Fraction(sum(visits), len(visits)) >= ENOUGH


def _commonest_standing(
    settled: Iterable[Settled], commonest: Sequence[str], standings: Mapping[Question, Standing]
) -> tuple[str, ...]:
    """What stands for the commonest wording, as most of its visits asked it."""
    asked = Counter(miss.asked for miss, _ in settled if miss.wording in commonest[:1])
    known = [question for question, _ in asked.most_common() if question in standings]
    return standings[known[0]].slugs if known else ()


def _unhelpful(settled: Iterable[Settled], standings: Mapping[Question, Standing]) -> str:
    """The article that stands first, although those who still miss an answer had it before them."""
    found: Counter[str] = Counter()
    for miss, slug in settled:
        standing = standings.get(miss.asked)
        is_complaint = "new hit" in _cures(miss)
        if slug or not is_complaint or standing is None or not standing.slugs:
            continue
        first = standing.slugs[0]
        if miss.offered is None or first in miss.offered:
            found[first] += 1
    return found.most_common(1)[0][0] if found else ""
