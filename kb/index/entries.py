"""What a build remembers of one file: an entry, and the details of it. Reads and writes nothing.

What matters where addresses or links change alone is kept as a line of JSON until it is asked for:
most lines are written into the next build as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from kb.base.errors import IndexDamaged
from kb.base.messages import Message
from kb.content.problems import Problem
from kb.content.topics import Placement

TABLE = "entries.kb"  # the file of a build that holds them, see `entry_table`


class LinkedFile(NamedTuple):
    """A file that an article links to and is searched with: its state, and its content's name."""

    path: str
    stat: tuple[int, ...]
    key: str

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "LinkedFile":
        """The file of its values in order."""
        path, stat, key = values
        return cls(path, tuple(stat), key)


class Details(NamedTuple):
    """What an entry remembers that matters where addresses or links change."""

    translation_of: str = ""
    links: tuple[tuple[str, str], ...] = ()  # within the folder: in the HTML, and as written
    lines: tuple[int, int] = (1, 1)  # where slug and aliases stand in the file
    media: tuple[str, ...] = ()  # files beside the articles that it refers to
    placement: Placement | None = None  # what it says of its place in the tree of topics
    lang: str = ""
    uid: str = ""  # its name in DocFX
    leads: tuple[str, ...] = ()  # the right address of each of `links`, once that is known

    def packed(self) -> bytes:
        """The details as one line of JSON; `unpacked` reverses it."""
        return orjson.dumps([list(each) if isinstance(each, tuple) else each for each in self])

    @classmethod
    def unpacked(cls, line: bytes) -> "Details":
        """The details of a line. Raises ValueError or TypeError if it is another."""
        original, links, lines, media, placement, lang, uid, leads = orjson.loads(line)
        return cls(
            original, tuple(map(_pair, links)), tuple(lines), tuple(media),
            Placement.from_json(placement) if placement else None, lang, uid, tuple(leads),
        )  # fmt: skip


def _pair(values: Sequence[str]) -> tuple[str, str]:
    first, second = values
    return first, second


_NONE = Details()


@dataclass(slots=True)
class Entry:
    """What a build remembers of a file: its state, its problems and, if served, its article."""

    stat: tuple[int, ...]  # see `folder.Source`
    facts: str  # author and date from git, dialect and audience from the folder, inclusions
    digest: str
    segment: int = -1  # -1: rejected
    doc: int = -1
    slug: str = ""
    mark: str = ""  # the tool whose keys the file uses
    kept: Details | bytes = _NONE  # as it was read, until somebody asks for the `details`
    # Most files have none of these.
    problems: tuple[Problem, ...] = ()
    aliases: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()  # that it sets for its folder, as the folder's page
    includes: tuple[str, ...] = ()  # files whose text it holds
    remote_images: int = 0  # of other sites
    learned: str = ""  # a digest of what it learned of readers (`index.learned`)
    attached: tuple[LinkedFile, ...] = ()  # whose text is searched with it
    names_files: bool = False  # whether one of its links may lead to a file that is searched

    @property
    def is_served(self) -> bool:
        """Whether its article stands in the build."""
        return self.segment >= 0

    @property
    def details(self) -> Details:
        """What matters where addresses or links change. Raises IndexDamaged if it is no such."""
        if isinstance(self.kept, bytes):
            try:
                self.kept = Details.unpacked(self.kept)
            except (ValueError, TypeError) as error:
                raise IndexDamaged(
                    Message("{path}: {reason}; run `kb index --full`", path=TABLE,
                            reason=str(error))
                ) from None  # fmt: skip
        return self.kept

    def is_same_article(self, other: "Entry | None") -> bool:
        """Whether the article is the one of another entry, as it was read from a build.

        False also where it is read again and says the same.
        """
        return other is not None and (self is other or self.kept is other.kept)

    def lead(self, leads: Iterable[str]) -> None:
        """Notes the right address of each of its links."""
        self.kept = self.details._replace(leads=tuple(leads))


def differing(
    paths: Iterable[str], now: Mapping[str, Entry], former: Mapping[str, Entry]
) -> list[str]:
    """Those of the files whose article is another than in the build before, or was read again."""
    return [
        path
        for path in paths
        if (entry := now.get(path)) and not entry.is_same_article(former.get(path))
    ]
