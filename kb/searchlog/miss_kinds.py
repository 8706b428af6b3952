"""Miss kinds: the reasons why a search did not answer. Pure; reads and stores nothing.

A kind is defined here once, by `miss_kind` above its rule. Tables, sums, statistics, the board, the
API and the command line derive from MISS_KINDS; CONTRIBUTING.md lists what a new kind needs beside
its definition. The rules are published in `articles/en/support/what-is-counted.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from kb.base.messages import Message

REPAIRS: Final = ("layout", "spelling", "translit")  # corrections that make a hit a rescued one
SEEN: Final = 2.0  # seconds a list must stand before it can be ignored
HASTY: Final = 1.0  # seconds after the last letter: whoever leaves sooner on no word was typing


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored of a search and decides its miss kind and flags."""

    total: int = 0  # articles found, with filters and repairs
    unfiltered: int | None = None  # articles found without filters; None where there were none
    confident: bool = False
    correction: str = ""  # layout, spelling, translit, dropped or ""
    shown: bool = False  # results stood on the page …
    seen: float = 0.0  # … for so many seconds
    clicked: bool = False
    answered: bool = False  # "this answered me"
    refined: bool = False  # followed within 60 s in the same visit by a different query
    ticketed: bool = False  # a contact form was sent within 30 min in the same visit
    unhelpful: bool = False  # an article opened from it was voted not helpful
    hasty: bool = False  # left within a second on an unfinished word

    @property
    def is_rescued(self) -> bool:
        """Whether only a repair of the query found something."""
        return self.correction in REPAIRS


Rule = Callable[[Facts], bool]
Cure = Literal["hit", "plain hit", "new hit"]
"""What settles a miss later: an article among the first three with confidence (`hit`); the same
without a repair of the query (`plain hit`); one that the asker did not have before them, or that
was rewritten since (`new hit`)."""


@dataclass(frozen=True, slots=True)
class MissKind:
    """A reason why a search did not answer, or a flag that stands beside the reason."""

    name: str  # in the log, the API and the command line; never changed
    bit: int  # in stored masks; never changed, nor given to another kind
    label: Message  # on the board
    applies: Rule
    in_rate: bool  # whether it counts in the miss rate
    is_flag: bool  # a flag has a column of its own in `runs`
    cure: Cure = "hit"

    @property
    def column(self) -> str:
        """The column of `group_days` in which searches of this kind are added up."""
        return f"n_{self.name}"

    @property
    def condition(self) -> str:
        """SQL that holds for a row of `runs` of this kind."""
        return self.name if self.is_flag else f"kind = '{self.name}'"


MISS_KINDS: Final[list[MissKind]] = []
"""All kinds in the order in which they are tried; a search has the first that applies. Flags come
after them; a search has all that apply."""


def miss_kind(
    name: str,
    bit: int,
    label: Message,
    *,
    in_rate: bool = True,
    is_flag: bool = False,
    cure: Cure = "hit",
) -> Callable[[Rule], Rule]:
    """Registers the decorated rule, which says whether a search is of this kind.

    Raises ValueError if the name or the bit is taken.
    """

    def register(applies: Rule) -> Rule:
        if any(name == other.name or bit == other.bit for other in MISS_KINDS):
            raise ValueError(f"a miss kind is named {name} or has bit {bit} already")
        MISS_KINDS.append(MissKind(name, bit, label, applies, in_rate, is_flag, cure))
        MISS_KINDS.sort(key=lambda each: each.is_flag)
        return applies

    return register


@miss_kind("filtered", 0, Message("Hidden by filters"))
def _filtered(facts: Facts) -> bool:
    """Nothing was found with the filters, something without."""
    return facts.total == 0 and bool(facts.unfiltered)


@miss_kind("none", 1, Message("Nothing found"))
def _none(facts: Facts) -> bool:
    """Nothing was found at all."""
    return facts.total == 0


@miss_kind("weak", 2, Message("Weak hits only"))
def _weak(facts: Facts) -> bool:
    """Something was found, nothing with confidence."""
    return not facts.confident


@miss_kind("rescued", 3, Message("Found after a repair"), in_rate=False, cure="plain hit")
def _rescued(facts: Facts) -> bool:
    """Only a repair found something, and nobody opened it."""
    return facts.is_rescued and not (facts.clicked or facts.answered)


@miss_kind("refined", 4, Message("Asked again differently"), in_rate=False, cure="new hit")
def _refined(facts: Facts) -> bool:
    """A different query of the same visit followed within a minute."""
    return facts.refined and not facts.is_rescued


@miss_kind("ignored", 5, Message("Nothing opened"), cure="new hit")
def _ignored(facts: Facts) -> bool:
    """Results stood on the page, and nobody opened one or said that they answered."""
    return facts.shown and facts.seen >= SEEN and not (facts.clicked or facts.answered)


@miss_kind("ticketed", 6, Message("Then wrote to support"), is_flag=True, cure="new hit")
def _ticketed(facts: Facts) -> bool:
    """The visit sent a letter within half an hour."""
    return facts.ticketed


@miss_kind("unhelpful", 7, Message("Article did not help"), is_flag=True, cure="new hit")
def _unhelpful(facts: Facts) -> bool:
    """A reader who came from the search voted that the article did not help."""
    return facts.unhelpful


def kind_of(facts: Facts) -> MissKind | None:
    """The first kind, flags aside, that applies to a search; None if none does.

    Nobody waited for the answer to a hasty one.
    """
    if facts.hasty:
        return None
    return next((each for each in MISS_KINDS if not each.is_flag and each.applies(facts)), None)


def kinds_of(facts: Facts) -> list[MissKind]:
    """The kind of a search and the flags beside it; empty if it is no miss."""
    first = kind_of(facts)
    flags = [each for each in MISS_KINDS if each.is_flag and each.applies(facts)]
    return [first, *flags] if first else flags
