"""Synonyms that readers show: pairs of words that they exchanged, and what each would change.

A pair comes from a missed question and the next one of the same visit that ended well, for enough
askers. What it would change is measured by asking questions of the log with it and without it.
"""

import json
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from kb.language import morphology, query_words, tokens
from kb.language import query as queries
from kb.searchlog.db.models import Question
from kb.searchlog.proofs import Reworded

logger = logging.getLogger(__name__)

FILE: Final = "synonym-proposals.json"
MOST: Final = 20  # pairs that are measured, those of most askers
MOST_ASKED: Final = 2_000  # questions of the log, the costliest, that may be asked for each
MOST_WORDS: Final = 2  # that differ on each side: more is another question, not another word

Find = Callable[[Question], tuple[str, ...]]
"""Slugs of the articles that answer a question with confidence, the best first."""
Synonymous = Callable[[tuple[str, str]], Find]
"""How questions are answered with one more pair of synonyms."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pair of synonyms: what readers say, and the word by which they then found an answer."""

    word: str
    means: str
    missed: str  # the question that found nothing, and the one that then ended well
    found: str
    askers: int  # who went from the one word to the other
    answers: tuple[str, ...] = ()  # questions without an answer that it would answer
    loses: tuple[str, ...] = ()  # questions that would lose the article that answers them


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the log; `slug` is the article that is known to answer it, if one is."""

    question: Question
    slug: str = ""


def pairs(reworded: Iterable[Reworded]) -> list[Proposal]:
    """The pairs of words that readers exchanged, those of most askers first; not yet measured."""
    askers: dict[tuple[str, str], int] = defaultdict(int)
    examples: dict[tuple[str, str], Reworded] = {}
    for each in reworded:
        for pair in _exchanged(each.missed, each.found):
            askers[pair] += each.askers
            examples.setdefault(pair, each)
    found = [
        Proposal(*pair, examples[pair].missed, examples[pair].found, n)
        for pair, n in askers.items()
    ]
    return sorted(found, key=lambda each: (-each.askers, each.word, each.means))[:MOST]


def _exchanged(missed: str, found: str) -> Iterator[tuple[str, str]]:
    own, theirs = content(missed), content(found)
    left = [word for lemma, word in own.items() if lemma not in theirs]
    new = [word for lemma, word in theirs.items() if lemma not in own]
    if len(left) <= MOST_WORDS and len(new) <= MOST_WORDS:
        yield from ((word, other) for word in left for other in new)


def content(query: str) -> dict[str, str]:
    """The words of a query that are no stop words, by their first dictionary form."""
    words = (word.text for word in queries.parse(query).words)
    return {morphology.lemmas(word)[0]: word for word in words if word not in query_words.STOP}


def measured(
    proposals: Sequence[Proposal],
    asked: Sequence[Asked],
    now: Find,
    synonymous: Synonymous,
    *,
    seconds: float,
) -> list[Proposal]:
    """The proposals that answer some question, each with what it would change.

    Only questions that hold a word of a pair can change, so only these are asked. What is not
    measured within `seconds` is left out.
    """
    ends = monotonic() + seconds
    kept: list[Proposal] = []
    for proposal in proposals:
        if monotonic() > ends:
            logger.warning("%d pairs of synonyms were not measured", len(proposals) - len(kept))
            break
        then = synonymous((proposal.word, proposal.means))
        answers, loses = [], []
        for each in _touched(proposal, asked):
            before, after = now(each.question), then(each.question)
            right = each.slug or next(iter(before), "")
            if not before and after:
                answers.append(each.question.query)
            elif right in before and right not in after:
                loses.append(each.question.query)
        if answers:
            kept.append(_with(proposal, answers, loses))
    return kept


def _with(proposal: Proposal, answers: Sequence[str], loses: Sequence[str]) -> Proposal:
    values = asdict(proposal) | {
        "answers": tuple(dict.fromkeys(answers)),
        "loses": tuple(dict.fromkeys(loses)),
    }
    return Proposal(**values)


def _touched(proposal: Proposal, asked: Iterable[Asked]) -> Iterator[Asked]:
    """The questions that hold a word of a pair, in any form."""
    forms = {form for word in (proposal.word, proposal.means) for form in morphology.lemmas(word)}
    for each in asked:
        words = tokens.plain_words(each.question.query)
        if any(not forms.isdisjoint(morphology.lemmas(word)) for word in words):
            yield each


def write(data: Path, proposals: Sequence[Proposal]) -> None:
    """Replaces the file of proposals in the data folder; a full disk is logged."""
    path = data / FILE
    new = path.with_name(f"{FILE}.{os.getpid()}.new")
    try:
        body = json.dumps([asdict(each) for each in proposals], ensure_ascii=False, indent=1)
        new.write_text(body, "utf-8")
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        logger.warning("%s: %s; free some space", path, error.strerror or error)


def forget(data: Path, text: str) -> None:
    """Takes the proposals that hold `text`, in any case, out of the file."""
    known = read(data)
    kept = [each for each in known if text.casefold() not in repr(asdict(each)).casefold()]
    if len(kept) < len(known):
        write(data, kept)


def read(data: Path) -> list[Proposal]:
    """The proposals of the last replay; none where there is no file, or a broken one."""
    try:
        return [
            Proposal(**each | {name: tuple(each[name]) for name in ("answers", "loses")})
            for each in json.loads((data / FILE).read_text("utf-8"))
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return []
