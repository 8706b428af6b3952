"""What searches prove of articles and of words, in askers. Nothing was counted before."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    keys = ("lang", "question", "name", "kind", "day", "source")
    op.create_table(
        "proofs",
        *(sa.Column(name, sa.Text, primary_key=True) for name in keys),
        sa.Column("n", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("proofs_day", "proofs", ["day"])
