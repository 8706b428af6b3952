"""`owners.yml`: who answers for the questions of which category. Knows no question.

    Оплата: Анна Кедрова        # the category as articles have it: owner
    Доставка: support@example.com
    default: Борис Соснин       # for every other category

It is read as front matter is: no aliases, no tags, all scalars text. A mistake is a value, and the
rest is used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from kb import front_matter
from kb.articles import Problem
from kb.messages import Message

FILE: Final = "owners.yml"
DEFAULT: Final = "default"
LARGEST: Final = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Owners:
    """Who answers for a category; capitals make no difference."""

    by_category: Mapping[str, str] = field(default_factory=dict)  # folded
    default: str = ""

    def of(self, category: str) -> str:
        """The owner of a category, "" if nobody is named."""
        return self.by_category.get(_folded(category), self.default)


def parse(content: str) -> tuple[Owners, list[Problem]]:
    """The owners of a file and what is wrong with it; any text is a file."""
    lines = content.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if lines and lines[0].rstrip() == "---":
        lines[0] = ""
    try:
        front = front_matter.read(["---", *lines, "---"])
    except front_matter.Wrong as wrong:
        message = wrong.message.with_values(block=Message("the file"))
        return Owners(), [Problem(FILE, max(1, wrong.line - 1), wrong.code, message, _CURE)]
    problems = [
        Problem(FILE, line - 1, code, message, cure, "warning")
        for line, code, message, cure in front.warnings
    ]
    named: dict[str, str] = {}
    for category, owner in front.values.items():
        if isinstance(owner, str) and owner.strip():
            named[_folded(category)] = " ".join(owner.split())
        elif owner is not None and not isinstance(owner, str):
            message = (
                Message(
                    "the owner of {category} is a list; one name belongs there", category=category
                )
                if isinstance(owner, list)
                else Message(
                    "the owner of {category} is a mapping; one name belongs there",
                    category=category,
                )
            )
            problems.append(
                Problem(FILE, front.lines[category] - 1, "owner-not-text", message, _CURE)
            )
    default = named.pop(DEFAULT, "")
    return Owners(named, default), problems


def problems(content: str, categories: Iterable[str]) -> list[Problem]:
    """What is wrong with the file, categories that no article is in included."""
    known = {_folded(category) for category in categories}
    owners, found = parse(content)
    for number, line in enumerate(content.split("\n"), 1):
        name = line.partition(":")[0].strip().strip("\"'")
        if _folded(name) in owners.by_category and _folded(name) not in known:
            message = Message(
                "no article is in the category {category}, so its owner is never asked",
                category=name,
            )
            cure = Message("write the category as the articles have it, or delete the line")
            found.append(Problem(FILE, number, "owner-of-nothing", message, cure, "warning"))
    return found


class OwnersFile:
    """The owners of an articles folder, read again when the file changes. For any thread."""

    def __init__(self, root: Path) -> None:
        self._path = root / FILE
        self._lock = Lock()
        self._stamp: tuple[int, int] | None = None
        self._owners = Owners()

    def read(self) -> Owners:
        """The owners as they are now; nobody where the file is missing or cannot be read."""
        with self._lock:
            try:
                found = self._path.stat()
                stamp = (found.st_mtime_ns, found.st_size)
                if stamp != self._stamp:
                    self._owners = parse(text(self._path.parent))[0]
                    self._stamp = stamp
            except OSError:
                self._owners, self._stamp = Owners(), None
            return self._owners


def text(root: Path) -> str:
    """The file's content; "" where there is none, or one that is no text or too large."""
    path = root / FILE
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return ""
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _folded(category: str) -> str:
    return " ".join(category.casefold().split())


_CURE: Final = Message("write one `category: name` on a line")
