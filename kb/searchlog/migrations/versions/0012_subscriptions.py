"""Who waits for the answer to a question."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("token", "address", "known_as", "lang", "query", "phrase")
        ),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("at", "confirmed")),
    )
    op.create_index("subscriptions_token", "subscriptions", ["token"], unique=True)
    op.create_index("subscriptions_phrase", "subscriptions", ["phrase"])
    op.create_index("subscriptions_known_as", "subscriptions", ["known_as"])
