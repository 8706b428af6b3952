"""What a page reports, folded to searches and named by kind. Pure: no clock, no database.

The definitions are LEADS.md §1–3 and §5, word for word.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rapidfuzz.distance import OSA

GAP = 10.0  # seconds: a longer pause ends a run
REFINED = 60.0  # seconds in which a different query says that the first one did not answer
TICKETED = 30 * 60.0  # seconds in which a contact form says so
SEEN = 2.0  # seconds a list must stand before it can be ignored
ROBOT_RATE = 30  # more searches a minute than this are a robot's
SAME = 0.7  # Jaccard similarity from which two misses ask the same thing

MAX_STEPS = 200
MAX_EVENTS = 50
MAX_SHOWN = 20
MAX_TEXT = 500
MAX_FILTERS = 10
MAX_MS = 24 * 3600 * 1000

SURFACES = ("box", "page", "contact", "widget")
EVENTS = ("click", "answered", "left", "contact")
KINDS = ("filtered", "none", "weak", "rescued", "refined", "ignored")
COUNTED = ("filtered", "none", "weak", "ignored")  # the kinds in the miss rate (§3)
REPAIRS = ("layout", "spelling", "translit")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class BadReport(ValueError):
    """The report cannot be read; the message says which part and what belongs there."""


@dataclass(frozen=True, slots=True)
class Step:
    """What stood in the search box `ms` after the page began to count."""

    q: str
    ms: int


@dataclass(frozen=True, slots=True)
class Event:
    """What came of a search; `click` and `answered` name the article."""

    kind: str
    slug: str = ""
    rank: int = 0
    ms: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One `POST /api/searches`: a typing run so far, complete, and what came of it."""

    run: str
    visit: str
    surface: str = "box"
    lang: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    build: str = ""
    steps: tuple[Step, ...] = ()
    shown: tuple[tuple[str, int], ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Something happened that ends the run; otherwise 10 s without news do."""
        return bool(self.events)


def parse_report(data: object) -> Report:
    """A report out of decoded JSON.

    Unknown keys are passed over, sizes are cut, a wrong shape raises BadReport.
    """
    body = _mapping(data, "the report")
    surface = _text(body.get("surface"), "surface") or "box"
    if surface not in SURFACES:
        raise BadReport(f"surface must be one of {', '.join(SURFACES)}")
    steps = [
        _step(item, i) for i, item in enumerate(_list(body.get("steps"), "steps")[-MAX_STEPS:])
    ]
    shown = [
        _shown(item, i) for i, item in enumerate(_list(body.get("shown"), "shown")[:MAX_SHOWN])
    ]
    events = [
        _event(item, i) for i, item in enumerate(_list(body.get("events"), "events")[:MAX_EVENTS])
    ]
    return Report(
        run=_id(body.get("run"), "run"),
        visit=_id(body.get("visit"), "visit"),
        surface=surface,
        lang=_text(body.get("lang"), "lang")[:16],
        filters=_filters(body.get("filters")),
        build=_text(body.get("build"), "build")[:64],
        steps=tuple(sorted(steps, key=lambda step: step.ms)),
        shown=tuple(shown),
        events=tuple(sorted(events, key=lambda event: event.ms)),
    )


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadReport(f"{name} must be a JSON object")
    return value


def _list(value: object, name: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise BadReport(f"{name} must be a list")
    return value


def _text(value: object, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadReport(f"{name} must be text")
    # NUL and lone surrogates are no text to a database.
    return value[:MAX_TEXT].replace("\0", "").encode("utf-8", "ignore").decode()


def _id(value: object, name: str) -> str:
    if not isinstance(value, str) or not _ID.match(value):
        raise BadReport(f"{name} must be 1 to 64 letters of A-Z a-z 0-9 _ -")
    return value


def _number(value: object, name: str, most: int) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise BadReport(f"{name} must be a number")
    return int(min(max(value, 0), most))


def _step(value: object, i: int) -> Step:
    step = _mapping(value, f"steps[{i}]")
    if "q" not in step:
        raise BadReport(f"steps[{i}] needs q, what was typed")
    return Step(
        _text(step["q"], f"steps[{i}].q"), _number(step.get("ms"), f"steps[{i}].ms", MAX_MS)
    )


def _shown(value: object, i: int) -> tuple[str, int]:
    pair = _list(value, f"shown[{i}]")
    if len(pair) != 2:
        raise BadReport(f"shown[{i}] must be [slug, rank]")
    return _text(pair[0], f"shown[{i}][0]"), _number(pair[1], f"shown[{i}][1]", 10_000)


def _event(value: object, i: int) -> Event:
    event = _mapping(value, f"events[{i}]")
    kind = event.get("kind")
    if kind not in EVENTS:
        raise BadReport(f"events[{i}].kind must be one of {', '.join(EVENTS)}")
    return Event(
        kind,
        _text(event.get("slug"), f"events[{i}].slug"),
        _number(event.get("rank"), f"events[{i}].rank", 10_000),
        _number(event.get("ms"), f"events[{i}].ms", MAX_MS),
    )


def _filters(value: object) -> dict[str, str]:
    if value is None:
        return {}
    pairs = list(_mapping(value, "filters").items())[:MAX_FILTERS]
    found = {_text(k, "filters")[:64]: _text(v, f"filters.{k}") for k, v in pairs}
    return {k: v for k, v in found.items() if k and v}


@dataclass(frozen=True, slots=True)
class Run:
    """Steps that ask one thing; times are seconds on any clock, one for all that is folded."""

    first: str  # what was typed first
    last: str  # what was typed last
    query: str  # what is kept: the last, unless the box was only being emptied
    started: float
    ended: float  # time of the last step
    keystrokes: int = 1  # steps, to be exact: a page reports what it asked for
    closed: bool = False  # a click or an emptied box: nothing later belongs to it

    @property
    def counts(self) -> bool:
        """From 3 characters it is a search; from 2 where one is no letter, as in `1С`."""
        return _countable(self.query)


def typed(q: str, at: float) -> Run:
    """One step as a run of its own."""
    return Run(first=q, last=q, query=q, started=at, ended=at)


def fold(runs: Iterable[Run]) -> list[Run]:
    """Runs (or single steps) of one visit, joined where one goes on with what the one before began.

    The one function behind every count of searches; folding its result changes nothing.
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


def _closed(runs: list[Run]) -> list[Run]:
    return [*runs[:-1], replace(runs[-1], closed=True)] if runs else []


def _goes_on(before: Run, after: Run) -> bool:
    return (
        not before.closed
        and after.started - before.ended <= GAP
        and are_one(before.last, after.first)
    )


def are_one(a: str, b: str) -> bool:
    """One begins with the other, or at most two edits (a swap is one) lie between them."""
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


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored of a search and decides its kind and flags."""

    total: int = 0  # articles found, with filters and repairs
    unfiltered: int | None = None  # articles found without filters; None where there were none
    confident: bool = False
    correction: str = ""  # layout, spelling, translit, dropped or ""
    shown: bool = False  # results stood on the page …
    seen: float = 0.0  # … for so many seconds
    clicked: bool = False
    answered: bool = False  # "this answered me"
    refined: bool = False  # followed within 60 s in the same visit by a different query
    ticketed: bool = False  # flag: a contact form sent within 30 min in the same visit
    unhelpful: bool = False  # flag: an article opened from it was voted not helpful


def kind(facts: Facts) -> str | None:
    """Why the search did not answer, the first that applies; None if nothing says so."""
    if facts.total == 0:
        return "filtered" if facts.unfiltered else "none"
    if not facts.confident:
        return "weak"
    if facts.correction in REPAIRS:
        return None if facts.clicked or facts.answered else "rescued"
    if facts.refined:
        return "refined"
    if facts.shown and facts.seen >= SEEN and not facts.clicked and not facts.answered:
        return "ignored"
    return None


def is_miss(facts: Facts) -> bool:
    """It belongs on the board: it has a kind, or a flag beside it."""
    return kind(facts) is not None or facts.ticketed or facts.unhelpful


def is_counted(facts: Facts) -> bool:
    """It belongs in the miss rate (§3): rescued and refined alone do not."""
    return kind(facts) in COUNTED or facts.ticketed or facts.unhelpful


def is_hasty(started: Sequence[float]) -> bool:
    """More searches of a visit began within a minute than a person begins; seconds, in order."""
    return any(
        later - first < 60 for first, later in zip(started, started[ROBOT_RATE:], strict=False)
    )


def jaccard(a: Collection[str], b: Collection[str]) -> float:
    """What two sets share, as a part of all they hold; 0 where both are empty."""
    a, b = set(a), set(b)
    return len(a & b) / len(a | b) if a or b else 0.0


def group_of(words: Collection[str], groups: Iterable[tuple[int, Collection[str]]]) -> int | None:
    """The group whose founding set is most like `words`, from .7; the oldest on a tie."""
    best: tuple[float, int] | None = None
    for id, founding in groups:
        similarity = jaccard(words, founding)
        if similarity >= SAME and (best is None or (-similarity, id) < best):
            best = (-similarity, id)
    return best[1] if best else None
