"""What is taken from a file that articles link to, and the limits on it. Reads nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from kb.base.messages import NOTHING, Message

PART = 2_000  # characters of a section of a file without pages


class Limits(NamedTuple):
    """What is read of one file."""

    megabytes: int
    pages: int
    characters: int  # of text; what is beyond is left out


class Unreadable(Exception):
    """A file that is not searched: why, and what its writer can do."""

    def __init__(self, reason: Message, cure: Message) -> None:
        super().__init__(str(reason))
        self.reason, self.cure = reason, cure


@dataclass(frozen=True, slots=True)
class Extraction:
    """The text of a file by pages, or why it is not searched.

    Pages that have numbers are counted from 1; the others are parts of about `PART` characters.
    """

    pages: tuple[str, ...] = ()
    is_numbered: bool = False
    is_cut: bool = False  # there is more text than the limit allows
    reason: Message = NOTHING  # why it is not searched
    cure: Message = NOTHING

    @classmethod
    def refused(cls, wrong: Unreadable) -> "Extraction":
        """That of a file that cannot be read."""
        return cls(reason=wrong.reason, cure=wrong.cure)

    @property
    def is_empty(self) -> bool:
        """Whether the file could be read and holds no letter or digit: a scan, most often."""
        return not self.reason and not any(map(str.isalnum, "".join(self.pages)))

    def to_json(self) -> list[Any]:
        """The fields as plain JSON values; `from_json` reverses it."""
        reason, cure = self.reason.to_json(), self.cure.to_json()
        return [self.pages, self.is_numbered, self.is_cut, reason, cure]

    @classmethod
    def from_json(cls, values: Any) -> "Extraction":
        """The extraction of `to_json`. Raises TypeError or ValueError for other values."""
        pages, is_numbered, is_cut, reason, cure = values
        if not all(isinstance(page, str) for page in pages):
            raise ValueError("a page is no text")
        read = Message.from_json
        return cls(tuple(pages), bool(is_numbered), bool(is_cut), read(reason), read(cure))


def damaged(kind: str) -> Unreadable:
    """The error of a file that is not what its ending says, or is broken."""
    return Unreadable(
        Message("it cannot be read as {kind}", kind=kind),
        Message("open it in the program that made it and save it anew"),
    )


def unpacks_too_far(most: int) -> Unreadable:
    """The error of a file that is small and unpacks to more than `most` bytes."""
    return Unreadable(
        Message("it unpacks to more than {most} bytes", most=most),
        Message("save it anew, or split it; no ordinary file is packed so tightly"),
    )


def in_parts(text: str, limits: Limits) -> Extraction:
    """A text without pages in parts of whole lines, as far as the limit goes."""
    kept = text[: limits.characters]
    return Extraction(tuple(_parts(kept)), is_cut=len(text) > len(kept))


def _parts(text: str) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for line in text.split("\n"):
        for at in range(0, len(line) or 1, PART):  # a line may be as long as the file
            piece = line[at : at + PART]
            if held and size + len(piece) >= PART:
                yield "\n".join(held)
                held, size = [], 0
            held.append(piece)
            size += len(piece) + 1
    yield "\n".join(held)
