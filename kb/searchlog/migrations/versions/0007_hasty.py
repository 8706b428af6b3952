"""Marks searches that were left within a second on an unfinished word: no misses."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    hasty = sa.Column("hasty", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("runs", hasty)
