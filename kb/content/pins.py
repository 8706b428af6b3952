"""Parser of `pins.yml`: for which questions which article stands first, and when. Asks no index.

    - question: как вернуть деньги     # or a list of questions
      article: ru/orders/refund        # address or path of the article
      from: 2026-12-01                 # a day, or a time with its zone; may be left out
      until: 2026-12-31
      reason: возвраты после распродажи

It is YAML under the rules of front matter. A mistake is a problem, its pin counts as absent, and
the others count. Questions are compared by `query_words.key`: case, forms of words, punctuation and
greetings make no difference, other words and their order do.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from pydantic_core import PydanticCustomError

from kb.base import regular_files
from kb.base.messages import Message
from kb.content import front_matter
from kb.content.articles import Article
from kb.content.front_matter import FrontMatter, InvalidFile, short
from kb.content.metadata import as_list, as_text, slug_of, without_ending
from kb.content.periods import (
    ADD_ZONE,
    BEGINS,
    ENDS,
    NO_ZONE,
    NotAMoment,
    Period,
    moment,
    names_zone,
)
from kb.content.problems import Problem
from kb.language import query_words

FILE: Final = "pins.yml"
LARGEST: Final = 1 << 20  # bytes
_KEYS: Final = ("question", "questions", "article", BEGINS, ENDS, "reason")


@dataclass(frozen=True, slots=True)
class Pin:
    """An article that stands first for some questions for some time."""

    questions: tuple[str, ...]  # as written
    article: str  # its address, or a former one, or its path without ending
    period: Period = field(default_factory=Period)
    reason: str = ""
    line: int = 1  # of the file

    @property
    def keys(self) -> tuple[str, ...]:
        """The questions as they are compared."""
        return tuple(dict.fromkeys(map(query_words.key, self.questions)))


class Pins:
    """All pins of a file, by question and time.

    An *epoch* is the number of pins' bounds that have passed: while it stays the same, the same
    pins are in force.
    """

    def __init__(self, pins: Iterable[Pin] = ()) -> None:
        self.all = tuple(pins)
        self._bounds = sorted({bound for pin in self.all for bound in pin.period.bounds})
        self._by_key: dict[str, list[Pin]] = {}
        for pin in self.all:
            for key in pin.keys:
                self._by_key.setdefault(key, []).append(pin)

    def epoch(self, now: datetime) -> int:
        """The epoch of a moment."""
        return bisect_right(self._bounds, now)

    def next_change(self, now: datetime) -> datetime | None:
        """The moment after `now` at which a pin begins or ends, if there is one."""
        at = self.epoch(now)
        return self._bounds[at] if at < len(self._bounds) else None

    def of(self, question: str, epoch: int) -> tuple[Pin, ...]:
        """The pins of a question that are in force in an epoch, in the order of the file."""
        if not self._by_key:
            return ()
        pins = self._by_key.get(query_words.key(question), ())
        return tuple(pin for pin in pins if self.is_in_force(pin, epoch))

    def is_in_force(self, pin: Pin, epoch: int) -> bool:
        """Whether a pin is in force in an epoch."""
        if epoch == 0:
            return pin.period.begins is None
        return pin.period.holds(self._bounds[epoch - 1])


def parse(content: str) -> tuple[Pins, list[Problem]]:
    """Parses the content of the file, any text: the pins, and problems of its lines."""
    try:
        entries = front_matter.read_list(content)
    except InvalidFile as wrong:
        message = wrong.message.with_values(block=Message("the file"))
        return Pins(), [Problem(FILE, max(1, wrong.line), wrong.code, message, wrong.cure)]
    pins: list[Pin] = []
    problems: list[Problem] = []
    for line, front in entries:
        pin = _pin(line, front, problems)
        if pin is not None:
            pins.append(pin)
    return Pins(pins), problems


def _pin(line: int, front: FrontMatter | None, problems: list[Problem]) -> Pin | None:
    """The pin of an entry; None, and an error in `problems`, if it is none."""
    if front is None:
        message = Message("the entry holds no `question` and no `article`")
        problems.append(Problem(FILE, line, "bad-pin", message, _CURE))
        return None
    problems += [Problem(FILE, *warning, "warning") for warning in front.warnings]
    problems += _unknown_keys(front)
    found: dict[str, Any] = {}
    for key in _KEYS:
        try:
            found[key] = _value(key, front.values.get(key))
        except (PydanticCustomError, NotAMoment) as wrong:
            problems.append(_wrong_value(front.lines.get(key, line), key, wrong))
            found[key] = NotAMoment
    if NotAMoment in found.values():
        return None
    pin = Pin(
        (*found["question"], *found["questions"]), found["article"],
        Period(found[BEGINS], found[ENDS]), found["reason"], line,
    )  # fmt: skip
    missing = _missing(pin)
    if missing is not None:
        problems.append(Problem(FILE, line, "bad-pin", missing, _CURE))
        return None
    problems += _without_zone(front)
    return pin


def _value(key: str, written: object) -> object:
    """The value of a key; raises PydanticCustomError or NotAMoment."""
    if key in ("question", "questions"):
        return as_list(written)
    text = as_text(written)
    if key in (BEGINS, ENDS):
        return moment(text, is_end=key == ENDS) if text else None
    return slug_of(without_ending(text)) if key == "article" and text else text


def _wrong_value(line: int, key: str, wrong: PydanticCustomError | NotAMoment) -> Problem:
    told: Mapping[str, Any] = (
        {"message": wrong.message, "cure": wrong.cure}
        if isinstance(wrong, NotAMoment)
        else wrong.context or {}
    )
    message = Message("`{key}` {wrong}; the pin is left out", key=key, wrong=told["message"])
    return Problem(FILE, line, "bad-pin", message, told["cure"])


def _missing(pin: Pin) -> Message | None:
    if not pin.questions:
        return Message("the pin has no `question`")
    if not pin.article:
        return Message("the pin has no `article`")
    if not all(pin.keys):
        return Message("a question of the pin has no words")
    if pin.period.is_empty:
        return Message("the pin ends before it begins")
    return None


def _unknown_keys(front: FrontMatter) -> Iterator[Problem]:
    for key in front.values:
        if key not in _KEYS:
            message = Message("`{key}` is no key of a pin", key=short(key))
            cure = Message("the keys are {keys}", keys=", ".join(_KEYS))
            yield Problem(FILE, front.lines[key], "pin-key", message, cure, "warning")


def _without_zone(front: FrontMatter) -> Iterator[Problem]:
    for key in (BEGINS, ENDS):
        if not names_zone(as_text(front.values.get(key))):
            yield Problem(FILE, front.lines[key], "no-zone", NO_ZONE, ADD_ZONE, "hint")


def problems(content: str, now: datetime, find: "Find", served: Collection[str]) -> list[Problem]:
    """All problems of the file at a moment.

    `find` tells which article an address means, `served` are the slugs of those that search shows.
    """
    pins, found = parse(content)
    articles = {pin.line: find(pin.article) for pin in pins.all}
    for pin in pins.all:
        found += _of_article(pin, articles[pin.line], served)
        if pin.period.is_over(now):
            message = Message("the pin is over")
            found.append(Problem(FILE, pin.line, "pin-over", message, _DELETE, "hint"))
    found += _overlaps(pins.all, articles)
    return found


def _of_article(pin: Pin, article: Article | None, served: Collection[str]) -> list[Problem]:
    """The problem of an article that is not there, or that search does not show."""
    if article is None:
        message = Message("there is no article {article}", article=short(pin.article))
        cure = Message("write its address or the path of its file")
        return [Problem(FILE, pin.line, "pin-of-nothing", message, cure)]
    if article.slug in served:
        return []
    message = Message("search does not show {article} today", article=short(article.slug))
    cure = Message("publish it, or pin another article")
    return [Problem(FILE, pin.line, "pin-not-served", message, cure, "warning")]


def _overlaps(pins: Sequence[Pin], articles: Mapping[int, Article | None]) -> Iterator[Problem]:
    """Pins of one question for two articles of one language at one time."""
    asked: dict[str, list[tuple[Pin, str]]] = {}
    for pin in pins:
        for key, question in {query_words.key(each): each for each in pin.questions}.items():
            asked.setdefault(key, []).append((pin, question))
    for same in asked.values():
        for (first, _), (second, question) in combinations(same, 2):
            one, other = articles[first.line], articles[second.line]
            are_two_languages = one is not None and other is not None and one.lang != other.lang
            if are_two_languages or not first.period.overlaps(second.period):
                continue
            message = Message(
                "“{question}” is pinned on line {line} for the same time",
                question=short(question),
                line=str(first.line),
            )
            yield Problem(FILE, second.line, "pin-overlap", message, _APART)
            break


class Find:
    """Finds articles by slug, former slug, or path without ending."""

    def __init__(self, articles: Iterable[Article]) -> None:
        self._known: dict[str, Article] = {}
        every = tuple(articles)
        names = (
            lambda each: (each.slug,),
            lambda each: each.aliases,
            lambda each: (without_ending(each.path),),
        )
        for addresses in names:
            for article in every:
                for address in addresses(article):
                    self._known.setdefault(address.casefold(), article)

    def __call__(self, address: str) -> Article | None:
        """The article of an address, or None."""
        return self._known.get(address.casefold())


def read_text(root: Path) -> str:
    """The content of the file; "" where it is missing, no UTF-8, or larger than 1 MB."""
    return regular_files.text(root / FILE, LARGEST)


_CURE: Final = Message("write `- question: …` and below it `  article: …`")
_DELETE: Final = Message("delete it, or give it another `until`")
_APART: Final = Message("keep one of the two, or let the first end before the second begins")
