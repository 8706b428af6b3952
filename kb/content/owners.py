"""Parser of `owners.yml`, the owners of questions by category. Knows no question.

    Оплата: Анна Кедрова        # the category as articles have it: owner
    Доставка: support@example.com
    default: Борис Соснин       # for every other category
    tips:                       # where a thankful reader may leave one
      Анна Кедрова: https://example.com/tip/anna

It is YAML under the rules of front matter: no aliases, no tags, all scalars text. A mistake is a
problem, and the other lines count.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from kb.base import regular_files
from kb.base.messages import Message
from kb.content import front_matter
from kb.content.problems import Problem

FILE: Final = "owners.yml"
DEFAULT: Final = "default"
TIPS: Final = "tips"
LARGEST: Final = 1 << 20  # bytes
_TIP: Final = re.compile(r"https://[^\s/<>\"']+(?:/[^\s<>\"']*)?")


@dataclass(frozen=True, slots=True)
class Owners:
    """Owners by category. Categories are compared without case."""

    by_category: Mapping[str, str] = field(default_factory=dict)  # folded
    default: str = ""
    tips: Mapping[str, str] = field(default_factory=dict)  # addresses by person, folded

    def of(self, category: str) -> str:
        """The owner of a category, else the default owner, else ""."""
        return self.by_category.get(folded_category(category), self.default)


def parse(content: str) -> tuple[Owners, list[Problem]]:
    """Parses the content of the file, any text: the owners, and problems of its lines."""
    lines = content.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if lines and lines[0].rstrip() == "---":
        lines[0] = ""
    try:
        front = front_matter.read(["---", *lines, "---"])
    except front_matter.InvalidFile as wrong:
        message = wrong.message.with_values(block=Message("the file"))
        return Owners(), [Problem(FILE, max(1, wrong.line - 1), wrong.code, message, _CURE)]
    problems = [
        Problem(FILE, line - 1, code, message, cure, "warning")
        for line, code, message, cure in front.warnings
    ]
    named: dict[str, str] = {}
    tips, wrong_tips = _tips(front.values.pop(TIPS, None), front.lines.get(TIPS, 1) - 1)
    problems += wrong_tips
    for category, owner in front.values.items():
        if isinstance(owner, str) and owner.strip():
            named[folded_category(category)] = " ".join(owner.split())
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
    return Owners(named, default, tips), problems


def _tips(given: object, line: int) -> tuple[dict[str, str], list[Problem]]:
    """The addresses for tips by person, and a problem for each that is none."""
    if given is None:
        return {}, []
    named = given if isinstance(given, Mapping) else {}
    tips = {
        folded_category(str(person)): address
        for person, address in named.items()
        if isinstance(address, str) and _TIP.fullmatch(address)
    }
    if named and len(tips) == len(named):
        return tips, []
    message = Message("`tips` holds names, each with an address that begins with https://")
    return tips, [Problem(FILE, line, "tip-not-address", message, _TIPS_CURE, "warning")]


def problems(content: str, categories: Iterable[str]) -> list[Problem]:
    """All problems of the file, categories without any article included."""
    known = {folded_category(category) for category in categories}
    owners, found = parse(content)
    for number, line in enumerate(content.split("\n"), 1):
        name = line.partition(":")[0].strip().strip("\"'")
        if folded_category(name) in owners.by_category and folded_category(name) not in known:
            message = Message(
                "no article is in the category {category}, so its owner is never asked",
                category=name,
            )
            cure = Message("write the category as the articles have it, or delete the line")
            found.append(Problem(FILE, number, "owner-of-nothing", message, cure, "warning"))
    return found


class OwnersFile:
    """Cached owners of an articles folder, read again when the file changes. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self._path = root / FILE
        self._lock = Lock()
        self._stamp: tuple[int, int] | None = None
        self._owners = Owners()

    def read(self) -> Owners:
        """The current owners; none where the file is missing or unreadable."""
        with self._lock:
            try:
                found = self._path.stat()
                stamp = (found.st_mtime_ns, found.st_size)
                if stamp != self._stamp:
                    self._owners = parse(read_text(self._path.parent))[0]
                    self._stamp = stamp
            except OSError:
                self._owners, self._stamp = Owners(), None
            return self._owners


def read_text(root: Path) -> str:
    """The content of the file; "" where it is missing, no UTF-8, or larger than 1 MB."""
    return regular_files.text(root / FILE, LARGEST)


def folded_category(category: str) -> str:
    """A category as categories are compared: without case and excess white space."""
    return " ".join(category.casefold().split())


_CURE: Final = Message("write one `category: name` on a line")
_TIPS_CURE: Final = Message("write `Name: https://…` on a line of its own below `tips:`")
