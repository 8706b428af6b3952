"""What support promises, what it keeps, and in which order letters are due. Pure; reads no log.

A promise is configured per plan and type, or measured: the median and the 90th percentile of the
working time in which the letters of the last weeks were replied to.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from kb.base import promise_text
from kb.base.promise_text import Promise

MEASURED: Final = timedelta(days=28)  # letters replied to since then are measured
ENOUGH: Final = 5  # of them; with fewer the configured promise stands in
_RECENT: Final = timedelta(days=7)  # a letter that waits longer was forgotten: no news of today
_LATE: Final = 3  # letters that wait too long make a delay,
_LATE_SHARE: Final = 0.2  # if they are as many of those that were due
ANY: Final = "*"


class Letter(Protocol):
    """What is asked of a letter: when it came, when it was first replied to, and what it is."""

    @property
    def received(self) -> datetime:
        """When it came."""
        ...

    @property
    def replied(self) -> datetime | None:
        """When it was first replied to."""
        ...

    @property
    def plan(self) -> str:
        """The plan of its sender, or ""."""
        ...

    @property
    def type(self) -> str:
        """What it is about, or ""."""
        ...


Key = tuple[str, str]  # plan and type; "*" is any


@dataclass(frozen=True, slots=True)
class Exchange:
    """A letter without its words."""

    received: datetime
    replied: datetime | None = None
    plan: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """In which working time `n` letters were replied to."""

    n: int
    median: timedelta
    p90: timedelta


@dataclass(frozen=True, slots=True)
class Kept:
    """What letters say of promises: measured times by key, and how many wait too long."""

    measured: Mapping[Key, Measured] = field(default_factory=dict)
    late: int = 0


@dataclass(frozen=True, slots=True)
class Expected:
    """What somebody of a plan may expect of a letter of a type that is written now."""

    plan: str  # "*": any
    type: str
    promise: Promise
    measured: Measured | None  # None: too few letters
    due: datetime | None  # in UTC; None: nobody works for years


@dataclass(frozen=True, slots=True)
class Promises:
    """Promises by plan and type."""

    by_key: Mapping[Key, Promise]

    def key(self, plan: str, type: str) -> Key | None:
        """The nearest key: both, then the plan, then the type, then anybody's."""
        keys = ((plan, type), (plan, ANY), (ANY, type), (ANY, ANY))
        return next((key for key in keys if key in self.by_key), None)

    def of(self, letter: Letter) -> Promise | None:
        """The promise that a letter falls under."""
        key = self.key(letter.plan, letter.type)
        return self.by_key[key] if key else None

    def due(self, letter: Letter) -> datetime | None:
        """By when a letter is to be replied to, as configured; None: nothing is promised."""
        promise = self.of(letter)
        return due(promise, letter.received) if promise else None

    def kept(self, letters: Sequence[Letter], now: datetime) -> Kept:
        """What letters say: some 30 µs for each, so that no reader waits for thousands."""
        sorted_out: dict[Key, list[Letter]] = {key: [] for key in self.by_key}
        for letter in letters:
            if key := self.key(letter.plan, letter.type):
                sorted_out[key].append(letter)
        found = {key: measured(of, self.by_key[key], now) for key, of in sorted_out.items()}
        known = {key: times for key, times in found.items() if times}
        return Kept(known, self.late(letters, now))

    def expected(self, kept: Kept, now: datetime) -> tuple[Expected, ...]:
        """All promises, each with what was measured of it."""
        return tuple(
            _expected(key, promise, kept.measured.get(key), now)
            for key, promise in self.by_key.items()
        )

    def late(self, letters: Iterable[Letter], now: datetime) -> int:
        """How many letters wait longer than promised; 0 unless that is news to who writes now.

        News are three letters of the last week or more, if they are a fifth of those due in it.
        Where no reply is recorded, nothing is known.
        """
        recent = [letter for letter in letters if now - letter.received <= _RECENT]
        if not any(letter.replied for letter in recent):
            return 0
        was_due = [letter for letter in recent if (by := self.due(letter)) is not None and by < now]
        waiting = sum(letter.replied is None for letter in was_due)
        return waiting if waiting >= max(_LATE, _LATE_SHARE * len(was_due)) else 0


def configured(written: Mapping[str, str], holidays: Iterable[str] = ()) -> Promises:
    """The promises of `KB_PROMISES`: by `paid`, `paid/billing`, `*/billing` or `*`.

    Raises ValueError where one is not understood.
    """
    free = promise_text.holidays(holidays)
    return Promises(
        {_key(name): promise_text.promise(text, free) for name, text in written.items()}
    )


def _key(name: str) -> Key:
    plan, _, type = name.partition("/")
    return plan.strip() or ANY, type.strip() or ANY


def due(promise: Promise, received: datetime) -> datetime | None:
    """By when a promise is kept, in UTC; None: nobody works for years."""
    if promise.days:
        return promise.hours.end_of_day(received, promise.days)
    return promise.hours.after(received, timedelta(minutes=promise.minutes))


def measured(letters: Iterable[Letter], promise: Promise, now: datetime) -> Measured | None:
    """What the letters replied to of late say, in the working hours of a promise."""
    took = sorted(
        promise.hours.between(letter.received, letter.replied)
        for letter in letters
        if letter.replied is not None and letter.received <= letter.replied
        if timedelta() <= now - letter.replied <= MEASURED
    )
    if len(took) < ENOUGH:
        return None
    ninth = took[math.ceil(0.9 * len(took)) - 1]  # the least that 90 % do not exceed
    middle = (took[(len(took) - 1) // 2] + took[len(took) // 2]) / 2
    return Measured(len(took), middle, ninth)


def _expected(key: Key, promise: Promise, found: Measured | None, now: datetime) -> Expected:
    by = promise.hours.after(now, found.p90) if found and promise.is_measured else None
    return Expected(*key, promise, found, by or due(promise, now))
