"""Learned lines: questions of readers that an article solved, as a build holds them. Asks no log.

A line is one more searched question of its article, below those of its writer: it is in no field of
its own, and claims its question only as surely as readers chose the article (`LearnedLine.claim`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import floor
from pathlib import Path

import orjson

FILE = "learned.json"
MOST = 20  # lines of an article
LEAST_RATE = 0.3  # of those who had the article before them


@dataclass(frozen=True, slots=True)
class LearnedLine:
    """A question, with the askers whom its article solved it."""

    text: str
    chosen: int
    shown: int  # askers who had the article before them, where it could be chosen or passed over

    @property
    def rate(self) -> float:
        """How often the article was chosen, 0–1, smoothed: few askers prove little."""
        return (self.chosen + 1) / (self.shown + 4)

    @property
    def claim(self) -> float:
        """How surely the article answers the question, below 1, in tenths: a build is made anew
        only where it changes.
        """
        return min(floor(self.rate * 10) / 10, 0.9)


LearnedLines = Mapping[str, tuple[LearnedLine, ...]]
"""The lines of each article, by slug."""


def of_slugs(learned: LearnedLines, slugs: Iterable[str]) -> tuple[LearnedLine, ...]:
    """The lines of an article with these addresses, the surest first."""
    found: dict[str, LearnedLine] = {}
    for slug in slugs:
        for line in learned.get(slug, ()):
            found.setdefault(line.text, line)
    return tuple(sorted(found.values(), key=lambda line: (-line.chosen, line.text))[:MOST])


def state(lines: Iterable[LearnedLine]) -> str:
    """What decides how an article is indexed with these lines; "" without any."""
    facts = sorted((line.text, line.claim) for line in lines)
    return blake2b(repr(facts).encode(), digest_size=8).hexdigest() if facts else ""


def write(folder: Path, learned: LearnedLines) -> None:
    """Writes the lines into the folder of a build."""
    values = {
        slug: [[line.text, line.chosen, line.shown] for line in lines]
        for slug, lines in sorted(learned.items())
    }
    (folder / FILE).write_bytes(orjson.dumps(values))


def read(folder: Path) -> LearnedLines:
    """The lines in the folder of a build; none where it has no such file, or a broken one."""
    try:
        values = orjson.loads((folder / FILE).read_bytes())
        return {
            slug: tuple(LearnedLine(text, chosen, shown) for text, chosen, shown in lines)
            for slug, lines in values.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
