"""Tokens of programs as values: their scopes, and what each opens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

SEARCH, READ, WRITE = "search:read", "board:read", "board:write"
BUILDS = "builds:read"
SCOPES: Final = (SEARCH, READ, WRITE, BUILDS)
PREFIX: Final = "kb_"  # by which scanners of repositories know a token


@dataclass(frozen=True, slots=True)
class Token:
    """A program's token: what it may do and until when."""

    name: str
    scopes: tuple[str, ...]
    at: datetime
    expires: datetime | None
    used: datetime | None  # last, to the minute

    @property
    def who(self) -> str:
        """What the history of the board calls whoever has it."""
        return f"token {self.name}"

    def is_expired(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        return self.expires is not None and self.expires <= now

    def opens(self, scope: str) -> bool:
        """Whether it has a scope; who may write to the board may read it."""
        return scope in self.scopes or (scope == READ and WRITE in self.scopes)
