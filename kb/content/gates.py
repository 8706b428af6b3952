"""Publication gates: keys of front matter that keep an article from readers. Opens no file.

The gates of other tools count in every folder, and in any case of the key. A gate that cannot be
read keeps the article back, with an error: a mistake must not publish what was to stay unseen.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import PydanticCustomError

from kb.base.audiences import is_restricted
from kb.base.messages import Message
from kb.content import front_matter
from kb.content.front_matter import FrontMatter, InvalidFile
from kb.content.metadata import NO, YES, as_date, as_list, as_text, as_yes_no
from kb.content.reading_order import index_rank

UNREADABLE = ("?",)  # the audience that a folder's page names where it cannot be read

_Found = dict[str, Any]  # our keys and values


def _draft(value: Any) -> _Found:
    return {"draft": as_yes_no(value)}


def _published(value: Any) -> _Found:
    """`publish` and `published` of other tools say yes or no; ours is a date."""
    written = as_text(value).lower()
    if written in YES:
        return {}
    return {"draft": True} if written in NO else _publish(value)


def _publish(value: Any) -> _Found:
    return {"publish": as_date(value)}


def _expires(value: Any) -> _Found:
    return {"expires": as_date(value)}


def _status(value: Any) -> _Found:
    """Only the status `draft` is a gate; whatever else tools write there is none."""
    named = value if isinstance(value, list) else [value]
    texts = [_visible(each).strip().casefold() for each in named if isinstance(each, str)]
    return {"draft": True} if "draft" in texts else {}


def _audience(value: Any) -> _Found:
    return {"audience": as_list(value)}


_READERS: Mapping[str, Callable[[Any], _Found]] = {
    "draft": _draft,
    "published": _published,
    "publish": _published,
    "publishdate": _publish,  # gohugo.io/content-management/front-matter
    "expires": _expires,
    "expirydate": _expires,
    "unpublishdate": _expires,
    "status": _status,
    "audience": _audience,
}


def is_gate(key: str) -> bool:
    """Whether a key of front matter, as written, is a publication gate."""
    return _name(key) in _READERS


def _name(key: str) -> str:
    return _visible(key).strip().casefold()


def _visible(text: str) -> str:
    """The text without characters that are not seen, such as zero-width spaces."""
    if text.isascii():
        return text
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


@dataclass(frozen=True, slots=True)
class Gated:
    """Front matter whose gates are in our keys: `draft`, `publish`, `expires`, `audience`."""

    front: FrontMatter
    problems: tuple[tuple[int, str, Message, Message], ...] = ()  # line, code, message, cure


def normalize(front: FrontMatter, audience: tuple[str, ...] = ()) -> Gated:
    """Translates every gate of `front` to our keys; where two say different things, both hold.

    `audience` is that of the folder, for an article that names none. A gate that cannot be read
    makes the article a draft, with a problem `bad-gate`.
    """
    found: list[_Found] = []
    problems = _given_twice(front)
    readers = {key: _READERS.get(_name(key)) for key in front.values}
    for key, value in front.values.items():
        reader = readers[key]
        if value in (None, "") or reader is None:
            continue
        try:
            found.append(reader(_visible(value) if isinstance(value, str) else value))
        except PydanticCustomError as wrong:
            told = wrong.context or {}
            message = Message(
                "`{key}` {wrong}; the article is kept back", key=key, wrong=told["message"]
            )
            problems.append((front.lines.get(key, 1), "bad-gate", message, told["cure"]))
    values = {key: value for key, value in front.values.items() if not readers[key]}
    values |= _settled(found, audience, is_closed=bool(problems))
    lines = {key.casefold(): line for key, line in front.lines.items() if readers.get(key)}
    return Gated(replace(front, values=values, lines=lines | front.lines), tuple(problems))


def _given_twice(front: FrontMatter) -> list[tuple[int, str, Message, Message]]:
    """A problem for each gate that is given twice: nobody can tell which value is meant."""
    return [
        (
            line,
            "bad-gate",
            Message("`{key}` is given twice; the article is kept back", key=key),
            cure,
        )
        for line, code, message, cure in front.warnings
        if code == "duplicate-key" and is_gate(key := str(message.values["key"]))
    ]


def _settled(found: Iterable[_Found], of_folder: tuple[str, ...], *, is_closed: bool) -> _Found:
    """Our keys with the strictest of the values found."""
    settled: _Found = {}
    by_key: dict[str, list[Any]] = {}
    for each in found:
        for key, value in each.items():
            if value not in (None, ()):
                by_key.setdefault(key, []).append(value)
    audiences = by_key.get("audience") or ([of_folder] if of_folder else [])
    audience = next(filter(is_restricted, audiences), next(iter(audiences), ()))
    if audience:
        settled["audience"] = list(audience)
    if any(by_key.get("draft", ())) or audience == UNREADABLE or is_closed:
        settled["draft"] = "yes"
    if "publish" in by_key:
        settled["publish"] = max(by_key["publish"]).isoformat()
    if "expires" in by_key:
        settled["expires"] = min(by_key["expires"]).isoformat()
    return settled


# --- audiences of folders -----------------------------------------------------------------------

_NAMES_AUDIENCE = re.compile(rb"audience", re.I)
_HEAD = 65_536  # bytes of a folder's page that are searched for the key


def audience_of_folder(path: str, data: bytes) -> tuple[str, ...]:
    """The audience that the file sets for its folder, if it is the folder's page; else none.

    `UNREADABLE` where the front matter seems to name an audience and cannot be read.
    """
    return () if index_rank(path) is None else own_audience(data)


def own_audience(data: bytes) -> tuple[str, ...]:
    """The audience that the front matter of a file names; else none.

    `UNREADABLE` where it seems to name one and cannot be read.
    """
    if not _NAMES_AUDIENCE.search(data[:_HEAD]):
        return ()
    try:
        front = front_matter.read(data.decode("utf-8-sig").splitlines() or [""])
        keys = [key for key in front.values if _name(key) == "audience"]
        named = [as_list(front.values[key]) for key in keys]
    except (InvalidFile, UnicodeDecodeError, PydanticCustomError):
        return UNREADABLE
    return next(filter(is_restricted, named), next(iter(named), ()))


@dataclass(frozen=True, slots=True)
class FolderAudiences:
    """The audience that the page of each folder sets for what is below."""

    by_folder: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, pages: Iterable[tuple[str, tuple[str, ...]]]) -> "FolderAudiences":
        """Collects what `audience_of_folder` gave, by path; the stricter of two pages counts."""
        found: dict[str, tuple[str, ...]] = {}
        for path, audience in pages:
            folder = path.rpartition("/")[0]
            if audience and not is_restricted(found.get(folder, ())):
                found[folder] = audience
        return cls(found)

    def audience(self, path: str) -> tuple[str, ...]:
        """The audience of the nearest folder above the file that has one; () is everybody."""
        if not self.by_folder:
            return ()
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in self.by_folder:
                return self.by_folder[folder]
        return ()
