"""Who ticked a remark of a reader off, and why customers leave."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    done = sa.Column("done_by", sa.Text, nullable=False, server_default="")
    op.add_column("feedback", done)
    op.create_table(
        "departures",
        sa.Column("id", sa.Text, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("lang", "reason", "text")),
    )
    op.create_index("departures_at", "departures", ["at"])
