"""Notices: banners that every page shows for some time, as their files say. Renders nothing.

`notice.md`, and `notice.ru.md` for readers of one language, lie at the root of the articles folder:

    ---
    level: critical                      # info (as without it), warning or critical
    from: 2026-12-05 14:00 Europe/Moscow # either may be left out
    until: 2026-12-05 18:00 Europe/Moscow
    ---
    Payments by card fail. We are at it.

A file of that name without any of the three keys is an article like others.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from pydantic_core import PydanticCustomError

from kb.base.messages import Message
from kb.content import articles, front_matter
from kb.content.articles import Article, Defaults
from kb.content.front_matter import InvalidFile
from kb.content.metadata import as_text
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

LEVEL: Final = "level"
LEVELS: Final = ("info", "warning", "critical")
KEYS: Final = (BEGINS, ENDS, LEVEL)
HEAD: Final = 65_536  # bytes of a file in which its keys are looked for
_NAME = re.compile(r"notice(?:\.([a-z]{2,3}))?\.(?:md|markdown)")


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice of one file, rendered."""

    path: str
    lang: str  # of its text
    level: str = LEVELS[0]
    period: Period = field(default_factory=Period)
    title: str = ""
    html: str = ""  # sanitised, without ids and headings
    leads: Mapping[str, str] = field(default_factory=dict)  # where its links within the folder lead
    is_of_language: bool = False  # for readers of its language, by the name of its file

    def with_html(self, html: str) -> "Notice":
        """The notice with its rendered text."""
        return replace(self, html=html)

    def with_leads(self, leads: Mapping[str, str]) -> "Notice":
        """The notice with the addresses of its links, by what its HTML holds; "" is nowhere."""
        return replace(self, leads=leads)

    def to_json(self) -> list[Any]:
        """The notice as JSON values; `from_json` reverses it."""
        bounds = [each and each.isoformat() for each in (self.period.begins, self.period.ends)]
        return [
            self.path, self.lang, self.level, bounds, self.title, self.html, dict(self.leads),
            self.is_of_language,
        ]  # fmt: skip

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "Notice":
        """The notice of `to_json`. Raises ValueError or TypeError for other values."""
        path, lang, level, bounds, title, html, leads, is_of_language = values
        period = Period(*(each and datetime.fromisoformat(each) for each in bounds))
        return cls(path, lang, level, period, title, html, leads, is_of_language)


def is_name(path: str) -> bool:
    """Whether a path is one that a notice may have."""
    return _NAME.fullmatch(path) is not None


def is_notice(path: str, head: bytes) -> bool:
    """Whether the file is a notice, by its path and the first bytes of it."""
    if not is_name(path):
        return False
    try:
        lines = head.decode("utf-8-sig", "ignore").splitlines()
        return any(key in KEYS for key in front_matter.read(lines or [""]).values)
    except InvalidFile:
        return True  # so that it becomes no article, and reading tells what is wrong


@dataclass(frozen=True, slots=True)
class Written:
    """A notice as its file has it, to be rendered, and what is wrong with the file."""

    notice: Notice | None  # without title and HTML; None: it is kept back
    article: Article | None  # whose body is its text
    problems: tuple[Problem, ...] = ()


def parse(path: str, data: bytes, defaults: Defaults) -> Written:
    """Parses the file of a notice; never raises.

    A notice whose time cannot be read is kept back, with an error, and so is a draft.
    """
    found = _NAME.fullmatch(path)
    lang = found[1] if found and found[1] else ""
    parsed = articles.parse(path, data, replace(defaults, lang=lang or defaults.lang))
    problems = [each for each in parsed.problems if each.code != "no-title"]
    is_titled = len(problems) == len(parsed.problems)
    article = parsed.article
    if article is None:
        return Written(None, None, tuple(problems))
    level, period = _level(article, problems), _period(article, problems)
    title = article.title if is_titled else ""
    if period is None or article.draft:
        return Written(None, article, tuple(problems))
    notice = Notice(path, lang or article.lang, level, period, title, is_of_language=bool(lang))
    return Written(notice, article, tuple(problems))


def _level(article: Article, problems: list[Problem]) -> str:
    try:
        level = as_text(article.extra.get(LEVEL)).lower()
    except PydanticCustomError:
        level = "?"
    if level in LEVELS or not level:
        return level or LEVELS[0]
    line = article.lines.get(LEVEL, 1)
    message = Message("`level` is none of {levels}", levels=", ".join(LEVELS))
    problems.append(Problem(article.path, line, "notice-level", message, _LEVELS, "warning"))
    return LEVELS[0]


def _period(article: Article, problems: list[Problem]) -> Period | None:
    """The time of the notice; None, with an error, where it cannot be read."""
    bounds: list[datetime | None] = []
    for key in (BEGINS, ENDS):
        line = article.lines.get(key, 1)
        try:
            written = as_text(article.extra.get(key))
            bounds.append(moment(written, is_end=key == ENDS) if written else None)
        except (PydanticCustomError, NotAMoment) as wrong:
            told = wrong.context or {} if isinstance(wrong, PydanticCustomError) else vars(wrong)
            message = Message(
                "`{key}` {wrong}; the notice is not shown", key=key, wrong=told["message"]
            )
            problems.append(Problem(article.path, line, "bad-notice", message, told["cure"]))
            return None
        if not names_zone(written):
            problems.append(Problem(article.path, line, "no-zone", NO_ZONE, ADD_ZONE, "hint"))
    period = Period(*bounds)
    if not period.is_empty:
        return period
    message = Message("the notice ends before it begins")
    line = article.lines.get(ENDS, 1)
    problems.append(Problem(article.path, line, "bad-notice", message, _SAY_WHEN))
    return None


def hints(notices: Iterable[Notice], langs: Sequence[str], now: datetime) -> list[Problem]:
    """Hints about notices at a moment: those that are over, without an end, or of one language."""
    current = [each for each in notices if not each.period.is_over(now)]
    found = [
        Problem(each.path, 1, "notice-over", Message("the notice is over"), _DELETE, "hint")
        for each in notices
        if each not in current
    ]
    for each in current:
        if each.period.ends is None:
            message = Message("the notice has no `until`; it stays until it is deleted")
            found.append(Problem(each.path, 1, "notice-without-end", message, _SAY_WHEN, "hint"))
    known = {each.lang for each in current}
    for lang in langs if current else ():
        if lang not in known:
            message = Message("no notice is in the language {lang}", lang=lang)
            cure = Message("write {file} as well", file=f"notice.{lang}.md")
            found.append(Problem(current[0].path, 1, "notice-language", message, cure, "hint"))
    return found


def chosen(notices: Iterable[Notice], lang: str, default: str, now: datetime) -> Notice | None:
    """The notice for readers of a language at a moment, or None if none is in force.

    That of their language; else the one for all, one in the language `default`, or any: who reads
    of an incident in another language knows more than who does not.
    """
    current = [each for each in notices if each.period.holds(now)]

    def rank(notice: Notice) -> tuple[bool, bool, bool, str]:
        is_own = notice.lang == lang
        is_apart = is_own != notice.is_of_language
        return not is_own, is_apart, notice.lang != default, notice.path

    return min(current, key=rank, default=None)


_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_ANCHOR = re.compile(r'<a class="anchor"[^>]*>.*?</a>', re.S)
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)(?:[^>"]|"[^"]*")*+>')
_ATTRIBUTE = re.compile(r'\s([^\s"=<>/]+)(?:="[^"]*")?')


def plain(html: str) -> str:
    """Sanitised HTML as a part of any page: headings are bold lines, and nothing has an id."""
    return _TAG.sub(_plain_tag, _ANCHOR.sub("", html))


def _plain_tag(tag: re.Match[str]) -> str:
    if tag[2] in _HEADINGS:
        return "</strong></p>" if tag[1] else "<p><strong>"
    # Each attribute is passed over whole: ` id=` may stand inside the value of another one.
    return _ATTRIBUTE.sub(lambda given: "" if given[1] == "id" else given[0], tag[0])


_LEVELS: Final = Message("write {levels}", levels=", ".join(LEVELS))
_DELETE: Final = Message("delete the file, or give it another `until`")
_SAY_WHEN: Final = Message("write until when it holds: `until: 2026-08-31 18:00 Europe/Moscow`")
