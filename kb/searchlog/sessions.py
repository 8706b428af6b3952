"""Folds keystrokes into searches and compares searches. Pure: no clock, no database."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from rapidfuzz.distance import OSA

from kb.searchlog.reports import Report

GAP = 10.0  # seconds: a longer pause ends a run
REFINED = 60.0  # seconds in which a different query says that the first one did not answer
TICKETED = 30 * 60.0  # seconds in which a contact form says so
ROBOT_RATE = 30  # more searches a minute than this are a robot's
SIMILAR = Fraction(7, 10)  # Jaccard similarity from which two misses ask the same thing


@dataclass(frozen=True, slots=True)
class Run:
    """A typing run: keystrokes that ask one thing. Times are seconds on one clock."""

    first: str  # what was typed first
    last: str  # what was typed last
    query: str  # what is kept: the last, unless the box was only being emptied
    started: float
    ended: float  # time of the last step
    keystrokes: int = 1  # steps, to be exact: a page reports what it asked for
    closed: bool = False  # a click or an emptied box: nothing later belongs to it

    @property
    def counts(self) -> bool:
        """Whether the run is a search: from 3 characters, or 2 where one is no letter (`1С`)."""
        return _countable(self.query)


def typed(q: str, at: float) -> Run:
    """One step as a run of its own."""
    return Run(first=q, last=q, query=q, started=at, ended=at)


def fold(runs: Iterable[Run]) -> list[Run]:
    """Joins the runs (or single steps) of one visit where one continues the one before.

    Every count of searches comes from it; folding its result changes nothing.
    """
    folded: list[Run] = []
    for run in sorted(runs, key=lambda run: run.started):
        if not _norm(run.last):
            # An empty box is a prefix of everything; it ends what was typed instead.
            if folded:
                folded[-1] = replace(folded[-1], closed=True)
        elif folded and _goes_on(folded[-1], run):
            folded[-1] = _joined(folded[-1], run)
        else:
            folded.append(run)
    return folded


def fold_report(report: Report) -> list[Run]:
    """The runs of one report, in order; clicks and answers end a run, later steps begin another."""
    ends = [event.ms for event in report.events if event.kind in ("click", "answered")]
    folded: list[Run] = []
    part: list[Run] = []
    for step in report.steps:
        while ends and ends[0] < step.ms:
            if part:
                folded += _closed(fold(part))
                part = []
            ends.pop(0)
        part.append(typed(step.q, step.ms / 1000))
    last = fold(part)
    return folded + (_closed(last) if ends else last)


def count_searches(report: Report) -> int:
    """The number of searches in a report."""
    return sum(run.counts for run in fold_report(report))


def _closed(runs: list[Run]) -> list[Run]:
    return [*runs[:-1], replace(runs[-1], closed=True)] if runs else []


def _goes_on(before: Run, after: Run) -> bool:
    return (
        not before.closed
        and after.started - before.ended <= GAP
        and are_one(before.last, after.first)
    )


def are_one(a: str, b: str) -> bool:
    """Whether one text begins with the other, or at most two edits (a swap is one) lie between."""
    a, b = _norm(a), _norm(b)
    if not a or not b:
        return False
    return a.startswith(b) or b.startswith(a) or OSA.distance(a, b, score_cutoff=2) <= 2


def _joined(before: Run, after: Run) -> Run:
    return Run(
        first=before.first,
        last=after.last,
        query=_kept(before.query, after.query),
        started=before.started,
        ended=max(before.ended, after.ended),
        keystrokes=before.keystrokes + after.keystrokes,
        closed=after.closed,
    )


def _kept(before: str, after: str) -> str:
    # Backspacing below a search's length empties the box; the question asked is the one before it.
    return before if _countable(before) and not _countable(after) else after


def _norm(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _countable(query: str) -> bool:
    text = _norm(query)
    return len(text) >= 3 or (len(text) == 2 and not text.isalpha() and any(map(str.isalnum, text)))


def is_hasty(started: Sequence[float]) -> bool:
    """Whether more searches of a visit began within a minute than a person begins.

    `started` are seconds, in order.
    """
    return any(
        later - first < 60 for first, later in zip(started, started[ROBOT_RATE:], strict=False)
    )
