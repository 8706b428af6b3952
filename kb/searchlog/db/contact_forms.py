"""Opened contact forms: what each was shown and whether that answered. Holds no letter."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.engine import Connection

from kb.searchlog.db.database import Database
from kb.searchlog.db.models import stamp
from kb.searchlog.db.sql import execute, insert, select_one, update
from kb.searchlog.db.tables import FORMS

_MOST_SHOWN: Final = 10  # articles that a form remembers


class ContactForms:
    """Records what forms are shown, from which deflection is computed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(
        self,
        form: str,
        visit: str,
        at: datetime,
        *,
        shown: Sequence[str] = (),
        helped: str = "",
        lang: str = "",
    ) -> None:
        """Notes that a form was opened, was shown articles, or that one of them answered.

        A form of another visit stays as it is. One that was opened before its visit was known has
        its own id for it.
        """
        with self._database.writing() as connection:
            row = select_one(connection, "select * from forms where id = :id", id=form)
            if row is not None and row["visit"] not in (visit, form):
                return
            if row is None:
                row = _new(form, visit, at, lang)
                insert(connection, FORMS, row)
            known = row["shown"].split("\n") if row["shown"] else []
            slugs = list(dict.fromkeys((*known, *shown)))[:_MOST_SHOWN]
            changed: dict[str, Any] = {"shown": "\n".join(slugs), "visit": visit}
            if helped and helped in slugs:
                changed["helped"] = helped
            update(connection, FORMS, form, changed)

    def shown(self, form: str) -> tuple[str, ...]:
        """Which articles was a form shown?"""
        row = self._database.select_one("select shown from forms where id = :id", id=form)
        return tuple(row["shown"].split("\n")) if row and row["shown"] else ()


def mark_sent(connection: Connection, form: str, at: int) -> None:
    """Notes that a letter was sent from a form, in the transaction that stores the letter."""
    execute(connection, "update forms set sent = :at where id = :id and sent = 0", at=at, id=form)


def _new(form: str, visit: str, at: datetime, lang: str) -> dict[str, Any]:
    return {
        "id": form,
        "visit": visit,
        "at": stamp(at),
        "day": at.astimezone(UTC).date().isoformat(),
        "lang": lang,
        "shown": "",
        "helped": "",
        "sent": 0,
    }
