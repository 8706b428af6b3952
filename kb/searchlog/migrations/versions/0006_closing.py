"""What an asker had before them, and how much of a group is answered.

Of searches from before, the articles shown are known, not their words: those that were complained
about count as answered by another article only.
"""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_PAGE = 1_000


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    op.add_column("runs", text("offered"))
    op.add_column("groups", text("progress"))
    share = sa.Column("answer_share", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("groups", share)
    op.execute("update groups set answer_share = 100 where answer_at > 0")
    op.create_table(
        "sketches",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("sketch", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("sketches_at", "sketches", ["at"])
    _tell_what_was_shown()


def _tell_what_was_shown() -> None:
    connection = op.get_bind()
    query = sa.text(
        """select id, shown from runs where group_id is not null and shown <> '[]' and id > :after
           order by id limit :page"""
    )
    change = sa.text("update runs set offered = :offered where id = :id")
    after = ""
    while rows := connection.execute(query, {"after": after, "page": _PAGE}).all():
        after = rows[-1][0]
        told = [
            {"id": id, "offered": json.dumps({slug: "" for slug, _ in json.loads(shown)})}
            for id, shown in rows
        ]
        connection.execute(change, told)
