"""Letters with number, state and owner, replies, attachments, an outbox, and opened forms.

What the contact form was shown is known from before where its search had been recorded apart.
"""

import secrets
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_PAGE = 1_000
_SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def key(name: str, type: type[sa.types.TypeEngine[Any]]) -> sa.Column[Any]:
    return sa.Column(name, type, primary_key=True, autoincrement=False)


def columns(type: type[sa.types.TypeEngine[Any]], names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, type, nullable=False) for name in names.split()]


def upgrade() -> None:
    number, text = sa.BigInteger, sa.Text
    op.create_table(
        "letters",
        key("id", number),
        *columns(text, "key number form"),
        *columns(number, "at"),
        *columns(text, "lang subject text reply_to address type plan state owner offered"),
        *columns(number, "replied"),
        *columns(text, "run"),
        *columns(number, "in_group"),
        *columns(text, "trail"),
        *columns(number, "handed files"),
        *columns(text, "folded"),
    )
    op.create_table(
        "replies",
        key("id", number),
        *columns(number, "letter at"),
        *columns(text, "who text articles"),
        *columns(sa.Boolean, "by_hand"),
    )
    op.create_table(
        "letter_events",
        key("id", number),
        *columns(number, "letter at"),
        *columns(text, "who what detail"),
    )
    op.create_table(
        "attachments",
        key("id", text),
        *columns(number, "letter"),
        *columns(text, "name type"),
        *columns(number, "size"),
    )
    op.create_table(
        "outbox",
        key("id", number),
        *columns(text, "key channel what"),
        *columns(number, "letter"),
        *columns(text, "payload"),
        *columns(number, "at"),
        *columns(text, "state"),
        *columns(number, "attempts due claimed sent"),
        *columns(text, "trouble"),
    )
    op.create_table(
        "forms",
        key("id", text),
        *columns(text, "visit"),
        *columns(number, "at"),
        *columns(text, "day lang shown helped"),
        *columns(number, "sent"),
    )
    _copy_letters()
    _copy_forms()
    op.drop_index("tickets_at", "tickets")
    op.drop_table("tickets")
    for table, name, on in (
        ("letters", "key", ["key"]),
        ("letters", "number", ["number"]),
        ("letters", "at", ["at"]),
        ("letters", "form", ["form"]),
        ("letters", "address", ["address", "at"]),
        ("replies", "letter", ["letter"]),
        ("letter_events", "letter", ["letter"]),
        ("attachments", "letter", ["letter"]),
        ("outbox", "key", ["key"]),
        ("outbox", "due", ["state", "due", "claimed"]),
        ("outbox", "letter", ["letter"]),
        ("forms", "day", ["day"]),
        ("forms", "at", ["at"]),
    ):
        is_unique = name in ("key", "number")
        op.create_index(f"{table}_{name}", table, on, unique=is_unique)


def _copy_letters() -> None:
    connection = op.get_bind()
    query = sa.text("select * from tickets where id > :after order by id limit :page")
    insert = sa.text(
        """insert into letters (id, key, number, form, at, lang, subject, text, reply_to, address,
             type, plan, state, owner, offered, replied, run, in_group, trail, handed, files,
             folded)
           values (:id, :key, :number, '', :at, :lang, '', :text, :reply_to, :address,
             :type, '', :state, '', :offered, :replied, '', 0, '[]', 0, 0, :folded)"""
    )
    after, id = "", 0
    numbers: set[str] = set()
    while rows := connection.execute(query, {"after": after, "page": _PAGE}).mappings().all():
        after = rows[-1]["id"]
        copied = []
        for row in rows:
            id += 1
            while (number := _number()) in numbers:
                pass
            numbers.add(number)
            told = {
                "id": id,
                "key": row["id"],
                "number": number,
                "state": "answered" if row["replied"] else "new",
                "address": row["reply_to"].strip().casefold(),
                "folded": _folded(f"{number} {row['text']} {row['reply_to']}"),
            }
            copied.append(dict(row) | told)
        connection.execute(insert, copied)


def _copy_forms() -> None:
    op.execute(
        """insert into forms (id, visit, at, day, lang, shown, helped, sent)
           select min(id), visit, min(started), min(day), min(lang),
             max(case when shown <> '[]' then 'unknown' else '' end),
             max(case when answered then 'unknown' else '' end), 0
           from runs where surface = 'contact' and not robot group by visit"""
    )


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("ё", "е").split())


def _number() -> str:
    signs = "".join(secrets.choice(_SIGNS) for _ in range(8))
    return f"{signs[:4]}-{signs[4:]}"
