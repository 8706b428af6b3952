"""The log: searches, what came of them, groups of misses, feedback, tickets, counts by day."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def yes(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        *map(text, ("visit", "query", "phrase", "key", "words", "lang", "surface", "filters")),
        *map(text, ("build", "correction", "corrected", "shown")),
        whole("total"),
        sa.Column("unfiltered", sa.BigInteger),
        yes("confident"),
        *map(whole, ("keystrokes", "ms", "started", "ended", "seen")),
        *map(yes, ("clicked", "answered", "refined", "ticketed", "unhelpful", "robot")),
        sa.Column("kind", sa.Text),
        *map(yes, ("miss", "counted")),
        sa.Column("group_id", sa.BigInteger),
        text("day"),
    )
    op.create_index("runs_visit", "runs", ["visit", "started"])
    op.create_index("runs_ended", "runs", ["ended"])
    op.create_index("runs_group", "runs", ["group_id", "miss", "visit"])
    op.create_index("runs_phrase", "runs", ["lang", "phrase"])
    op.create_table(
        "reports",
        sa.Column("id", sa.Text, primary_key=True),
        *map(text, ("report", "run", "visit")),
        whole("at"),
    )
    op.create_index("reports_report", "reports", ["report"])
    op.create_index("reports_run", "reports", ["run"])
    op.create_table(
        "events",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("ms", sa.BigInteger, primary_key=True),
        *map(whole, ("rank", "at")),
    )
    op.create_index("events_slug", "events", ["kind", "slug"])
    op.create_table(
        "groups",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        *map(text, ("question", "lang", "words", "status", "owner", "note")),
        *map(whole, ("first", "last", "visits", "searches", "tickets")),
        *map(text, ("kinds", "phrasings")),
        *map(whole, ("past_visits", "past_searches", "past_tickets")),
        text("past_kinds"),
        *map(text, ("answer_slug", "answer_build", "answer_commit")),
        *map(whole, ("answer_rank", "answer_committed", "answer_at")),
        *map(text, ("triage", "dismissed_reason")),
        *map(whole, ("dismissed_until", "merged_into", "priority")),
    )
    op.create_index("groups_order", "groups", ["priority", "first"])
    op.create_table(
        "group_words",
        sa.Column("word", sa.Text, primary_key=True),
        sa.Column("group_id", sa.BigInteger, primary_key=True, autoincrement=False),
        whole("size"),
    )
    op.create_index("group_words_group", "group_words", ["group_id"])
    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        *map(whole, ("group_id", "at")),
        *map(text, ("who", "what", "detail")),
    )
    op.create_index("history_group", "history", ["group_id"])
    op.create_table(
        "feedback",
        sa.Column("id", sa.Text, primary_key=True),
        whole("at"),
        *map(text, ("slug", "reason", "text", "run")),
        yes("helpful"),
    )
    op.create_index("feedback_run", "feedback", ["run"])
    op.create_index("feedback_slug", "feedback", ["slug"])
    op.create_table(
        "tickets",
        sa.Column("id", sa.Text, primary_key=True),
        whole("at"),
        *map(text, ("lang", "type", "text", "reply_to", "offered")),
    )
    op.create_table(
        "sent",
        sa.Column("visit", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True),
    )
    op.create_table(
        "days",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("lang", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        whole("n"),
    )
