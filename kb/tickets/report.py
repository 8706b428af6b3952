"""What a queue of tickets says of the articles: counts, costs, groups. Prints nothing."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from statistics import fmean, median
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from kb.content import answer_lines
from kb.language import query_words
from kb.tickets import estimate
from kb.tickets.answering import Answered, asked_of
from kb.tickets.estimate import Share
from kb.tickets.grouping import Group
from kb.tickets.labels import ANSWERED, EXISTS
from kb.tickets.models import Ticket

MOST_GROUPS: Final = 200  # of each list
MOST_WEEKS: Final = 60
_WORDINGS: Final = 5
_LOOKED_AT: Final = 50  # wordings of a group among which its name is looked for
_LINES: Final = 5  # proposed for an article
_LONGEST_LINE: Final = 100  # characters
_LEAST_WORDS: Final = 2
_AGREED: Final = 0.6  # share of those that an article answered, of a group, that agree on it
_PATH: Final = re.compile(r"/articles/([^?#]+)")


@dataclass(frozen=True, slots=True)
class TypeRow:
    """Tickets of one type."""

    type: str
    tickets: int
    sure: int  # of which the search takes itself to have answered
    replied: int  # of how many the reply time is known
    mean: float | None  # minutes to the first reply
    median: float | None
    minutes: float  # of all: unknown ones count as the mean


@dataclass(frozen=True, slots=True)
class Question:
    """Tickets that ask the same, and the article that has the answer, or "" if none has."""

    question: str
    tickets: int
    sure: int
    minutes: float
    wordings: tuple[str, ...]
    slug: str = ""
    by: str = ""  # why: `reply`, `label` or `wording`
    lines: tuple[str, ...] = ()  # proposed for `answers:`


@dataclass(frozen=True, slots=True)
class Week:
    """Tickets that came in the week from Monday on."""

    monday: date
    sure: int
    unsure: int


@dataclass(frozen=True, slots=True)
class Report:
    """A queue against the articles of a build."""

    rows: int
    asked: int  # that ask something
    sure: int
    build: str
    share: Share | None  # answered today, of those that ask; None: nobody labelled
    exists: Share | None  # another article would answer
    unclear: int  # labels of those who could not tell
    types: tuple[TypeRow, ...]  # the costliest first
    unmatched: tuple[Question, ...]  # an article has the answer, its words did not match
    missing: tuple[Question, ...]
    questions: int  # how many there are of both
    weeks: tuple[Week, ...]

    def shape(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Queue:
    """The tickets that ask something, and what the search answered each."""

    tickets: Sequence[Ticket]
    answers: Sequence[Answered]
    labels: Sequence[str | None]  # of each; None: nobody was asked


def made(
    queue: Queue,
    groups: Sequence[Group],
    parts: Sequence[estimate.Part],
    *,
    rows: int,
    build: str,
    linked: Mapping[int, str],
    least: int,
) -> Report:
    """The report on a queue.

    `linked` are the articles that replies to tickets linked to. A line that fewer than `least`
    tickets asked in like words is not proposed.
    """
    minutes = _minutes(queue.tickets)
    unmatched, missing = _questions(queue, groups, minutes, linked, least)
    label_of = queue.labels.__getitem__
    is_labelled = any(label is not None for label in queue.labels)
    return Report(
        rows=rows,
        asked=len(queue.tickets),
        sure=sum(each.is_sure for each in queue.answers),
        build=build,
        share=estimate.share(parts, label_of, [ANSWERED]) if is_labelled else None,
        exists=estimate.share(parts, label_of, [EXISTS]) if is_labelled else None,
        unclear=sum(label == "" for label in queue.labels),
        types=_types(queue, minutes),
        unmatched=tuple(unmatched[:MOST_GROUPS]),
        missing=tuple(missing[:MOST_GROUPS]),
        questions=len(unmatched) + len(missing),
        weeks=_weeks(queue),
    )


# --- costs ----------------------------------------------------------------------------------------


def _minutes(tickets: Sequence[Ticket]) -> list[float]:
    """The reply time of each ticket; an unknown one is the mean of its type, or of all."""
    known: defaultdict[str, list[float]] = defaultdict(list)
    for ticket in tickets:
        if ticket.minutes is not None:
            known[ticket.type].append(ticket.minutes)
    every = [value for values in known.values() for value in values]
    of_all = fmean(every) if every else 0.0
    means = {type: fmean(values) for type, values in known.items()}
    return [
        means.get(each.type, of_all) if each.minutes is None else each.minutes for each in tickets
    ]


def _types(queue: Queue, minutes: Sequence[float]) -> tuple[TypeRow, ...]:
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for at, ticket in enumerate(queue.tickets):
        rows[ticket.type].append(at)
    found = []
    for type, places in rows.items():
        known = [took for at in places if (took := queue.tickets[at].minutes) is not None]
        found.append(
            TypeRow(
                type=type,
                tickets=len(places),
                sure=sum(queue.answers[at].is_sure for at in places),
                replied=len(known),
                mean=fmean(known) if known else None,
                median=median(known) if known else None,
                minutes=sum(minutes[at] for at in places),
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.minutes, -each.tickets, each.type)))


def _weeks(queue: Queue) -> tuple[Week, ...]:
    """The last weeks in which tickets came, those without any included."""
    counts: dict[date, list[int]] = {}
    for ticket, answer in zip(queue.tickets, queue.answers, strict=True):
        if ticket.opened:
            day = ticket.opened.date()
            week = counts.setdefault(day - timedelta(days=day.weekday()), [0, 0])
            week[0 if answer.is_sure else 1] += 1
    if not counts:
        return ()
    last = max(counts)
    mondays = (last - timedelta(weeks=n) for n in range(MOST_WEEKS - 1, -1, -1))
    first = min(counts)
    return tuple(Week(day, *counts.get(day, (0, 0))) for day in mondays if day >= first)


# --- questions ------------------------------------------------------------------------------------


def _questions(
    queue: Queue,
    groups: Sequence[Group],
    minutes: Sequence[float],
    linked: Mapping[int, str],
    least: int,
) -> tuple[list[Question], list[Question]]:
    """Questions whose article did not match, and those that have none; the costliest first."""
    unmatched: list[Question] = []
    missing: list[Question] = []
    for group in groups:
        unsure = [at for at in group.rows if not _is_answered(queue, at)]
        if not unsure:
            continue
        slug, by = _article(queue, group, linked)
        wordings = _wordings(queue, unsure)
        found = Question(
            question=wordings[0],
            tickets=len(group.rows),
            sure=len(group.rows) - len(unsure),
            minutes=sum(minutes[at] for at in unsure),
            wordings=wordings,
            slug=slug,
            by=by,
            lines=(
                _lines(queue, unsure, slug, linked) if slug and len(group.rows) >= least else ()
            ),
        )
        (unmatched if slug else missing).append(found)

    def cost(each: Question) -> tuple[float, int, str]:
        return -each.minutes, each.sure - each.tickets, each.question

    return sorted(unmatched, key=cost), sorted(missing, key=cost)


def _is_answered(queue: Queue, at: int) -> bool:
    """Whether a ticket was answered: as a person said, else as the search takes it."""
    label = queue.labels[at]
    return queue.answers[at].is_sure if not label else label == ANSWERED


def _article(queue: Queue, group: Group, linked: Mapping[int, str]) -> tuple[str, str]:
    """The article that has the answer to a group, and who says so: replies, or other wordings."""
    for by, slugs in (
        ("reply", [linked[at] for at in group.rows if at in linked]),
        ("label", [queue.answers[at].slugs[0] for at in group.rows
                   if queue.labels[at] == ANSWERED and queue.answers[at].slugs]),
        ("wording", [queue.answers[at].slugs[0] for at in group.rows if queue.answers[at].is_sure]),
    ):  # fmt: skip
        if slugs:
            slug, n = Counter(slugs).most_common(1)[0]
            if n >= _AGREED * len(slugs) and (by != "wording" or n > 1):
                return slug, by
    return "", ""


def _wordings(queue: Queue, rows: Sequence[int]) -> tuple[str, ...]:
    """Some wordings, the most typical first: that whose words the others share most."""
    texts = list(dict.fromkeys(queue.answers[at].question for at in rows[:_LOOKED_AT]))
    words = {queue.answers[at].question: set(queue.answers[at].words.split()) for at in rows}
    shared = Counter(word for text in texts for word in words[text])

    def typical(text: str) -> float:
        own = words[text]
        return sum(shared[word] for word in own) / (1 + len(own)) if own else 0.0

    return tuple(sorted(texts, key=lambda text: (-typical(text), len(text), text))[:_WORDINGS])


def _lines(
    queue: Queue, rows: Sequence[int], slug: str, linked: Mapping[int, str]
) -> tuple[str, ...]:
    """Wordings that may be written into the public file of an article: short, and of nobody.

    The article stood among the first for them, or a reply linked to it.
    """
    near = [at for at in rows if linked.get(at) == slug or slug in queue.answers[at].slugs]
    texts = _wordings(queue, near) if near else ()
    lines: dict[frozenset[str], str] = {}  # the first of those with the same words of content
    for line in map(asked_of, texts):
        content = frozenset(w for w in query_words.key(line).split() if w not in query_words.STOP)
        if len(line) <= _LONGEST_LINE and len(content) >= _LEAST_WORDS:
            lines.setdefault(content, line)
    return tuple(lines.values())


# --- what follows from it -------------------------------------------------------------------------


def linked(
    tickets: Sequence[Ticket], current: Callable[[str], str | None]
) -> Iterator[tuple[int, str]]:
    """Tickets whose reply links to an article: number and slug, by the last such link.

    `current` gives the slug that an article of a slug has today, or None if there is none.
    """
    for at, ticket in enumerate(tickets):
        for link in reversed(ticket.links):
            found = _PATH.search(unquote(urlsplit(link).path))
            slug = current(found[1].rstrip("/").removesuffix(".md")) if found else None
            if slug:
                yield at, slug
                break


def solved(queue: Queue, linked: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """Pairs of a redacted question and the article that a reply linked to, to learn from."""
    for at, slug in linked.items():
        if queue.answers[at].words:
            yield queue.answers[at].question, slug


def patch(report: Report, file_of: Callable[[str], tuple[str, bytes] | None]) -> str:
    """A diff that adds the proposed lines to the `answers:` of their articles.

    `file_of` gives path and content of the file of a slug.
    """
    proposed: defaultdict[str, list[str]] = defaultdict(list)
    for question in report.unmatched:
        proposed[question.slug] += question.lines
    diffs = []
    for slug, lines in sorted(proposed.items()):
        file = file_of(slug)
        new = answer_lines.added(*file, lines[:_LINES]) if file else None
        if file and new:
            diffs.append(answer_lines.patch(file[0], file[1], new))
    return "".join(diffs)
