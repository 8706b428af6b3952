"""Marks searches whose network has had its share of a group's visits."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    crowded = sa.Column("crowded", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("runs", crowded)
