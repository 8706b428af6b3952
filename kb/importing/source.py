"""A help centre as values, the same for every product: pages, sections, addresses."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from kb.base.errors import KBError
from kb.base.messages import Message

Object = Mapping[str, Any]  # of JSON


class CannotImport(KBError):
    """The import cannot begin or go on; the message ends with the next step."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a help centre lists below an article."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class SourcePage:
    """An article of a help centre in one language."""

    key: str  # the identity of the article in its help centre; its translations share it
    lang: str  # a language code, or one with a region (`en-gb`) where two share the code
    title: str
    html: str
    url: str = ""  # where it stood: relative addresses count from here
    section: str = ""  # key of a SourceSection; "" for none
    name: str = ""  # its file name if it has one, without ending; else made of the title
    answer: str = ""
    tags: tuple[str, ...] = ()
    author: str = ""
    updated: date | None = None
    draft: bool = False
    unlisted: bool = False
    audience: str = ""  # who may read it; "" is everybody
    order: int | None = None  # its place in its section, where somebody gave it one
    addresses: tuple[str, ...] = ()  # paths under which it was published
    attachments: tuple[Attachment, ...] = ()
    remarks: tuple[Message, ...] = ()  # what is lost already


@dataclass(frozen=True, slots=True)
class SourceSection:
    """A category, section, collection or folder of a help centre."""

    key: str
    names: Mapping[str, str]  # by language
    parent: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)  # HTML below the title, by language
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    name: str = ""  # its folder's name if it has one; else made of its name
    order: int | None = None  # its place in the section above, where somebody gave it one


@dataclass(frozen=True, slots=True)
class Destination:
    """What an address of a help centre leads to: a page or a section, and the part of it."""

    key: str
    fragment: str = ""
    is_section: bool = False


class HelpCentre(Protocol):
    """A help centre that was read from its files."""

    lang: str  # the language written in first: it names folders and files
    pages: tuple[SourcePage, ...]  # by key and language, the first language first
    sections: tuple[SourceSection, ...]  # parents before children

    def place(self, url: str) -> Destination | None:
        """What an absolute address leads to inside this help centre; None for anything else."""

    def is_own(self, url: str) -> bool:
        """Whether an absolute address belongs to this help centre."""

    def file(self, url: str) -> Path | None:
        """The given file that an absolute address means, or None."""

    def public(self, url: str) -> str:
        """The address on the web of what is not imported; "" where it has none."""


_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z0-9]{2,8}))?")


def languages(locales: Iterable[str], first: str) -> dict[str, str]:
    """Maps locales such as `en-us` to language codes such as `en`.

    Where two share a code, the one equal to `first` gets it, else the first by name; the other
    keeps its region (`en-gb`). What is no locale counts as the language of `first`.
    """
    given: dict[str, str] = {}
    found: dict[str, str] = {}
    for locale in sorted(set(locales) | {first}, key=lambda each: (each != first, each)):
        parts = _LOCALE.fullmatch(locale)
        if not parts:
            continue
        code = parts[1].lower()
        whole = f"{code}-{parts[2].lower()}" if parts[2] else code
        found[locale] = code if given.setdefault(code, locale) == locale else whole
    fallback = found.get(first, "en")
    return {locale: found.get(locale, fallback) for locale in locales} | {first: fallback}


def text(value: Object, name: str) -> str:
    """The text under a key; "" for anything else."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def ident(value: Object, name: str) -> str:
    """The id under a key, as text; "" where there is none."""
    found = value.get(name)
    return str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""


def places(values: Iterable[Object], name: str) -> dict[str, int]:
    """The numbers under a key by id; none where all are equal, so that nobody chose an order."""
    found = {ident(value, "id"): value.get(name) for value in values}
    given = {key: n for key, n in found.items() if isinstance(n, int) and not isinstance(n, bool)}
    return given if len(set(given.values())) > 1 else {}


def outer_first(parents: Mapping[str, str], outermost: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each section with its parent, after it; `parents` maps keys, `outermost` need no parent.

    A parent that is not given, or lies in a section of its own section, becomes "".
    """
    waiting, done = dict(parents), set(outermost)
    while waiting:
        ready = [key for key, above in waiting.items() if above in done]
        for key in ready or list(waiting):  # no parent is given, or they are a circle
            above = waiting.pop(key)
            yield key, above if above in done else ""
            done.add(key)


def split(url: str) -> SplitResult:
    """The parts of an address; all empty for what is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def day(value: object) -> date | None:
    """The day of a timestamp: ISO text, or seconds since 1970; None for anything else."""
    try:
        if isinstance(value, str) and value:
            return date.fromisoformat(value.strip()[:10])
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return datetime.fromtimestamp(value, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
    return None
