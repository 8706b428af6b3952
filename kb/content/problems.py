"""Problems: writers' mistakes as values. Finds none itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kb.base.messages import NOTHING, Message
from kb.git.history import History


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A mistake of a writer, as a value; problems sort by path and line.

    `path` is relative to the articles folder. `line` counts from 1 and is 1 where the whole file is
    meant. `code` is a stable name such as `bad-yaml`; `message` says what is wrong, `cure` what to
    do. `level` is `error` (the article is rejected, or a check failed), `warning` or `hint`.
    """

    path: str
    line: int
    code: str
    message: Message
    cure: Message = NOTHING
    level: str = "error"

    def to_json(self) -> list[Any]:
        """The fields as plain JSON values; `from_json` reverses it."""
        message, cure = self.message.to_json(), self.cure.to_json()
        return [self.path, self.line, self.code, message, cure, self.level]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "Problem":
        """The problem of the values of `to_json`. Raises TypeError or ValueError for others."""
        path, line, code, message, cure, level = values
        return cls(path, line, code, Message.from_json(message), Message.from_json(cure), level)


def told_by_git(past: History) -> list[Problem]:
    """A warning for the whole folder where git keeps dates and authors to itself."""
    return [Problem(".", 1, "no-history", past.trouble, level="warning")] if past.trouble else []
