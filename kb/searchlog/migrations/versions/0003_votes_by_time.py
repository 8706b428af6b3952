"""Votes are found by when they came: suggestions and the weekly letter read the latest."""

from collections.abc import Sequence

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("feedback_at", "feedback", ["at"])
