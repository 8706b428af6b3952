"""What hooks were told of already, and tokens of programs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "feed_positions",
        sa.Column("name", sa.Text, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("at", "looked")),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_table(
        "announced",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "digest", "scopes")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("at", "expires", "used")),
    )
    op.create_index("tokens_name", "tokens", ["name"], unique=True)
    op.create_index("tokens_digest", "tokens", ["digest"], unique=True)
