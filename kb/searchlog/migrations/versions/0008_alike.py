"""What a group is called and compared by, and which groups people told apart."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    for name in ("label", "nearest"):
        op.add_column("groups", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.execute(
        """update groups set label = coalesce((select p.query from phrasings p
           where p.group_id = groups.id and p.visits > 0 order by p.visits desc, p.phrase limit 1),
           '')"""
    )
    op.create_table(
        "apart",
        sa.Column("low", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("high", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
