"""Tokens of programs: stores digests, scopes, expiry and last use. A token itself is kept nowhere.

A token is 256 random bits, so that a plain digest cannot be searched through.
"""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from kb.base.errors import LogUnavailable
from kb.searchlog.db.database import Database
from kb.searchlog.db.models import stamp, when
from kb.searchlog.db.sql import execute, insert, next_id, select_one
from kb.searchlog.db.tables import TOKENS
from kb.searchlog.db.token_models import PREFIX, Token

_NOTED: Final = timedelta(minutes=1)  # the last use is known to the minute


class Tokens:
    """Makes, finds and revokes tokens. Every method may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tried: dict[int, datetime] = {}  # when a use was to be noted last

    def add(
        self, name: str, scopes: tuple[str, ...], at: datetime, expires: datetime | None
    ) -> str:
        """A new token, which is given out this once. Raises KeyError where the name is taken."""
        token = PREFIX + secrets.token_urlsafe(32)
        with self._database.writing() as c:
            if select_one(c, "select 1 from tokens where name = :name", name=name):
                raise KeyError(name)
            row = {
                "id": next_id(c, "tokens"), "name": name, "digest": _digest(token),
                "scopes": " ".join(scopes), "at": stamp(at),
                "expires": stamp(expires) if expires else 0, "used": 0,
            }  # fmt: skip
            insert(c, TOKENS, row)
        return token

    def all(self) -> list[Token]:
        """All tokens, by name."""
        return [_token(row) for row in self._database.select("select * from tokens order by name")]

    def revoke(self, name: str) -> bool:
        """Takes a token away; False where there is none of this name."""
        with self._database.writing() as c:
            return bool(execute(c, "delete from tokens where name = :name", name=name))

    def find(self, token: str, now: datetime) -> Token | None:
        """Whose token this is, expired or not; a use of one that is not is noted.

        A log that others write to for long, or that cannot be written, is not waited for again
        within a minute, and refuses nobody.
        """
        if not token.startswith(PREFIX):
            return None
        query = "select * from tokens where digest = :digest"
        row = self._database.select_one(query, digest=_digest(token))
        if row is None:
            return None
        found = _token(row)
        if not found.is_expired(now) and (found.used is None or now - found.used >= _NOTED):
            self._note(row["id"], now)
        return found

    def _note(self, number: int, now: datetime) -> None:
        """Notes the use of a token, unless this was tried just before."""
        last = self._tried.get(number)
        if last is not None and now - last < _NOTED:
            return
        self._tried[number] = now
        note = "update tokens set used = :now where id = :id"
        with suppress(LogUnavailable), self._database.writing() as c:
            execute(c, note, now=stamp(now), id=number)


def _token(row: dict[str, Any]) -> Token:
    return Token(
        row["name"], tuple(row["scopes"].split()), when(row["at"]),
        when(row["expires"]) if row["expires"] else None,
        when(row["used"]) if row["used"] else None,
    )  # fmt: skip


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()
