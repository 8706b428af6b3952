"""The board: what a group was asked by day, undoable actions, categories, causes, reply times."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = ("filtered", "none", "weak", "rescued", "refined", "ignored", "ticketed", "unhelpful")
COUNTS = tuple(f"n_{name}" for name in KINDS)
PAST = ("visits", "searches", "tickets")


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def yes(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def upgrade() -> None:
    for name in ("runs_group", "runs_phrase"):
        op.drop_index(name, "runs")
    op.add_column("runs", sa.Column("asks", sa.BigInteger))
    op.add_column("runs", whole("rank"))
    op.execute("update runs set group_id = null where robot or not miss")
    op.execute("update runs set asks = group_id")
    op.execute(
        """update runs set rank = coalesce((select e.rank from events e where e.run = runs.id
           and e.kind = 'click' order by e.ms, e.slug limit 1), 0)"""
    )
    op.create_index("runs_group", "runs", ["group_id", "day", "visit"])
    op.create_index("runs_asked", "runs", ["group_id", "phrase", "visit"])
    op.create_index("runs_phrase", "runs", ["lang", "phrase"])
    op.create_index("runs_surface", "runs", ["surface", "day"])

    for column in map(text, ("category", "cause", "triage_build")):
        op.add_column("groups", column)
    op.add_column("groups", whole("mask"))
    op.execute("update groups set triage = ''")
    op.create_table(
        "group_days",
        sa.Column("group_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("past", sa.BigInteger, primary_key=True, autoincrement=False),
        *map(whole, ("first", "last", "visits", "searches", "tickets", *COUNTS)),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "phrasings",
        sa.Column("group_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("phrase", sa.Text, primary_key=True),
        text("query"),
        whole("visits"),
        sqlite_with_rowid=False,
    )
    _add_up()
    op.create_index("group_days_day", "group_days", ["day", "group_id", "searches"])
    op.drop_index("groups_order", "groups")
    with op.batch_alter_table("groups") as groups:  # SQLite before 3.35 drops no column
        for name in ("phrasings", "past_visits", "past_searches", "past_tickets", "past_kinds"):
            groups.drop_column(name)
    op.create_index(
        "groups_board",
        "groups",
        [
            *("merged_into", "id", "status", "owner", "category", "lang", "cause", "mask"),
            *("visits", "tickets", "priority", "first", "last"),
        ],
    )
    op.create_index(
        "groups_answered",
        "groups",
        [
            *("answer_at", "status", "merged_into", "answer_slug", "answer_committed"),
            *("first", "searches", "tickets"),
        ],
    )

    op.add_column("history", whole("action"))
    op.add_column("history", text("data"))
    op.add_column("history", yes("undone"))
    op.execute("update history set action = id")
    op.create_index("history_action", "history", ["action"])
    op.create_index("history_who", "history", ["who", "action"])
    op.add_column("tickets", whole("replied"))
    op.create_index("tickets_at", "tickets", ["at"])


def _add_up() -> None:
    """Days and phrasings of the searches that are kept; what was purged, on its first day."""
    kinds = ", ".join(
        f"sum(case when {f'kind = {name!r}' if name in KINDS[:6] else name} then 1 else 0 end)"
        for name in KINDS
    )
    op.execute(
        f"""insert into group_days (group_id, day, past, first, last, visits, searches, tickets,
                                    {", ".join(COUNTS)})
            select group_id, day, 0, min(ended), max(ended), count(distinct visit), count(*),
                   count(distinct case when ticketed then visit end), {kinds}
            from runs where group_id is not null group by group_id, day"""  # noqa: S608
    )
    op.execute(
        """insert into phrasings (group_id, phrase, query, visits)
           select group_id, phrase, min(query), count(distinct visit)
           from runs where group_id is not null group by group_id, phrase"""
    )
    connection = op.get_bind()
    names = ("group_id", "day", "past", "first", "last", *PAST, *COUNTS)
    days = sa.table("group_days", *map(sa.column, names))
    query = """select id, question, first, kinds, past_kinds,
                      past_visits, past_searches, past_tickets from groups"""
    for id, question, first, kept, gone, *past in connection.execute(sa.text(query)).all():
        mask = sum(1 << at for at, name in enumerate(KINDS) if json.loads(kept).get(name))
        change = sa.text("update groups set mask = :mask where id = :id")
        connection.execute(change, {"mask": mask, "id": id})
        if any(past):
            day = datetime.fromtimestamp(first / 1000, UTC).date().isoformat()
            row: dict[str, object] = dict.fromkeys(COUNTS, 0)
            row |= {f"n_{name}": n for name, n in json.loads(gone).items()}
            row |= {"group_id": id, "day": day, "past": 1, "first": first, "last": first}
            connection.execute(sa.insert(days).values(row | dict(zip(PAST, past, strict=True))))
        phrase = " ".join(question.casefold().replace("ё", "е").split())
        keep = sa.text(
            """insert into phrasings (group_id, phrase, query, visits)
               select :id, :phrase, :question, 0 where not exists
               (select 1 from phrasings where group_id = :id and phrase = :phrase)"""
        )
        connection.execute(keep, {"id": id, "phrase": phrase, "question": question})
