"""What a search proves of articles and of words, in the eyes of one asker. Pure; counts nobody.

Counted for a question and an article, in askers a day:

- `chosen`: it was opened last although another article stood above it, or said to answer;
- `shown`: it could be chosen so, or stood above the one that was;
- `left`: it was chosen, and the visit searched on, wrote a letter or voted it down.

What stands first and is opened proves nothing: readers open what stands first.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kb.language import query_words, tokens
from kb.language.redaction import PLACEHOLDER
from kb.searchlog.miss_kinds import REPAIRS

LONGEST: Final = 200  # characters of a question that is learned
CHOSEN, SHOWN, LEFT = "chosen", "shown", "left"
REWORDED, IN_VAIN = "reworded", "in vain"  # of a missed question and the one that then ended well


@dataclass(frozen=True, slots=True)
class Opened:
    """An article that a search opened, or that was said to answer it."""

    slug: str
    rank: int  # from 1; 0: unknown
    is_answer: bool  # "this answered me"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a search proves: the article it ended at, and those it passed over."""

    ended_at: str = ""  # "" if it opened none
    is_chosen: bool = False  # over what stood above it, or by the reader's word
    passed: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()  # seemed chosen until another was opened


@dataclass(frozen=True, slots=True)
class Solved:
    """A question that ended well at an article, with numbers of askers."""

    question: str
    slug: str
    chosen: int  # it ended well
    shown: int  # the article could be chosen, or was passed over


@dataclass(frozen=True, slots=True)
class Reworded:
    """A missed question, the next one that ended well, and the askers who went from one to it."""

    missed: str
    found: str
    lang: str
    askers: int


def question_of(row: Mapping[str, Any]) -> str:
    """The question of a row of `runs`, as it was understood; "" if it is not to be learned."""
    query = row["corrected"] if row["correction"] in REPAIRS else row["query"]
    plain = " ".join(query.casefold().replace("ё", "е").split())
    if len(plain) > LONGEST or PLACEHOLDER.search(plain) or not tokens.plain_words(plain):
        return ""
    return plain if query_words.key(plain) else ""


def proof_of(row: Mapping[str, Any], opened: Iterable[Opened]) -> Proof:
    """What a search proves that opened these articles, in this order."""
    shown = {slug: rank for slug, rank in json.loads(row["shown"]) if slug}
    in_order = list(opened)
    if not in_order:
        return Proof(passed=tuple(shown))
    ranks = {each.slug: each.rank for each in in_order if each.rank} | shown
    last = ([each for each in in_order if each.is_answer] or in_order)[-1]
    rank = ranks.get(last.slug, 0)
    above = tuple(slug for slug, at in shown.items() if at < rank)
    others = dict.fromkeys(each.slug for each in in_order if each.slug != last.slug)
    tried = tuple(slug for slug in others if ranks.get(slug, 0) > 1)
    return Proof(last.slug, last.is_answer or rank > 1, above, tried)


def counted(
    proof: Proof, known: Collection[str], *, ended_well: bool
) -> frozenset[tuple[str, str]]:
    """What is to be counted once for the asker: kinds with slugs.

    `known` are the articles that somebody chose before for this question: of others nobody asks.
    """
    found = {(SHOWN, slug) for slug in proof.passed if slug in known}
    found |= {(kind, slug) for slug in proof.tried for kind in (CHOSEN, SHOWN, LEFT)}
    if proof.is_chosen:
        found |= {(CHOSEN, proof.ended_at), (SHOWN, proof.ended_at)}
        if not ended_well:
            found.add((LEFT, proof.ended_at))
    return frozenset(found)
