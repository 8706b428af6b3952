"""Reports of the search page, checked and decoded from JSON. Folds nothing and writes nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_STEPS = 200
MAX_EVENTS = 50
MAX_SHOWN = 20
MAX_TEXT = 500
MAX_FILTERS = 10
MAX_MS = 24 * 3600 * 1000
SURFACES = ("box", "page", "contact", "widget")
AGENT = "agent"  # the surface of programs, which no page may claim
EVENTS = ("click", "answered", "left", "contact")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class BadReport(ValueError):
    """A report cannot be read; the message says which part and what belongs there."""


@dataclass(frozen=True, slots=True)
class Step:
    """The text in the search box, `ms` after the page began to count."""

    q: str
    ms: int


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a search; `click` and `answered` name the article."""

    kind: str
    slug: str = ""
    rank: int = 0
    ms: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The body of one `POST /api/searches`: a typing run from its first step, and its events."""

    run: str
    visit: str
    surface: str = "box"
    lang: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    build: str = ""
    steps: tuple[Step, ...] = ()
    shown: tuple[tuple[str, int], ...] = ()
    events: tuple[Event, ...] = ()
    is_bare: bool = False  # no script told the visit; set by the server, never by a page

    @property
    def is_closed(self) -> bool:
        """Whether an event ended the run; otherwise 10 s without news do."""
        return bool(self.events)


def parse_report(data: object) -> Report:
    """Parses a report from decoded JSON.

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
