"""The tables of the log, as the migrations leave them. Asks nothing."""

from typing import Any

import sqlalchemy as sa

from kb.searchlog.values import COUNTS

META = sa.MetaData()


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _whole(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _yes(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Boolean, nullable=False) for name in names]


def _key(name: str, type: type[sa.types.TypeEngine[Any]] = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, type, primary_key=True, autoincrement=False)


RUNS = sa.Table(
    "runs",
    META,
    _key("id"),
    *_text("visit", "query", "phrase", "key", "words", "lang", "surface", "filters"),
    *_text("build", "correction", "corrected", "shown"),
    *_whole("total"),
    sa.Column("unfiltered", sa.BigInteger),
    *_yes("confident"),
    *_whole("keystrokes", "ms", "started", "ended", "seen"),
    *_yes("clicked", "answered", "refined", "ticketed", "unhelpful", "robot"),
    sa.Column("kind", sa.Text),
    *_yes("miss", "counted"),
    sa.Column("group_id", sa.BigInteger),  # where it is counted: misses of people only
    *_text("day"),
    sa.Column("asks", sa.BigInteger),  # the group whose words it matched; merging changes nothing
    *_whole("rank"),  # of the first click; 0: none
    sa.Index("runs_visit", "visit", "started"),
    sa.Index("runs_ended", "ended"),
    sa.Index("runs_group", "group_id", "day", "visit"),
    sa.Index("runs_asked", "group_id", "phrase", "visit"),
    sa.Index("runs_phrase", "lang", "phrase"),
    sa.Index("runs_surface", "surface", "day"),
)
REPORTS = sa.Table(  # which run a report became part of
    "reports",
    META,
    _key("id"),
    *_text("report", "run", "visit"),
    *_whole("at"),
    sa.Index("reports_report", "report"),
    sa.Index("reports_run", "run"),
)
EVENTS = sa.Table(
    "events",
    META,
    *map(_key, ("run", "kind", "slug")),
    _key("ms", sa.BigInteger),
    *_whole("rank", "at"),
    sa.Index("events_slug", "kind", "slug"),
)
GROUPS = sa.Table(
    "groups",
    META,
    _key("id", sa.BigInteger),
    *_text("question", "lang", "words", "status", "owner", "note"),
    *_whole("first", "last", "visits", "searches", "tickets"),
    *_text("kinds"),
    *_text("answer_slug", "answer_build", "answer_commit"),
    *_whole("answer_rank", "answer_committed", "answer_at"),
    *_text("triage", "dismissed_reason"),
    *_whole("dismissed_until", "merged_into", "priority"),
    *_text("category", "cause", "triage_build"),
    *_whole("mask"),  # a bit for each of `values.KINDS` that the group has
    # All that the board narrows and orders by: it reads this, then the rows of one page.
    sa.Index(
        "groups_board",
        "merged_into",
        "id",
        "status",
        "owner",
        "category",
        "lang",
        "cause",
        "mask",
        "visits",
        "tickets",
        "priority",
        "first",
        "last",
    ),
    sa.Index(
        "groups_answered",
        "answer_at",
        "status",
        "merged_into",
        "answer_slug",
        "answer_committed",
        "first",
        "searches",
        "tickets",
    ),
)
# What a group was asked on a day: of searches that are kept, and of those already deleted (past).
GROUP_DAYS = sa.Table(
    "group_days",
    META,
    _key("group_id", sa.BigInteger),
    _key("day"),
    _key("past", sa.BigInteger),  # 0 or 1
    *_whole("first", "last", "visits", "searches", "tickets", *COUNTS),
    sa.Index("group_days_day", "day", "group_id", "searches"),
    sqlite_with_rowid=False,
)
PHRASINGS = sa.Table(
    "phrasings",
    META,
    _key("group_id", sa.BigInteger),
    _key("phrase"),
    *_text("query"),
    *_whole("visits"),
    sqlite_with_rowid=False,
)
GROUP_WORDS = sa.Table(
    "group_words",
    META,
    _key("word"),
    _key("group_id", sa.BigInteger),
    *_whole("size"),
    sa.Index("group_words_group", "group_id"),
)
HISTORY = sa.Table(
    "history",
    META,
    _key("id", sa.BigInteger),
    *_whole("group_id", "at"),
    *_text("who", "what", "detail"),
    *_whole("action"),  # one number for all that was done at once
    *_text("data"),  # JSON: what the changed columns held before and after
    *_yes("undone"),
    sa.Index("history_group", "group_id"),
    sa.Index("history_action", "action"),
    sa.Index("history_who", "who", "action"),
)
FEEDBACK = sa.Table(
    "feedback",
    META,
    _key("id"),
    *_whole("at"),
    *_text("slug", "reason", "text", "run"),
    *_yes("helpful"),
    sa.Index("feedback_run", "run"),
    sa.Index("feedback_slug", "slug"),
    sa.Index("feedback_at", "at"),
)
TICKETS = sa.Table(
    "tickets",
    META,
    _key("id"),
    *_whole("at"),
    *_text("lang", "type", "text", "reply_to", "offered"),
    *_whole("replied"),  # 0: not known
    sa.Index("tickets_at", "at"),
)
# That a visit sent a letter, apart from the letter: no search leads to a name.
SENT = sa.Table("sent", META, _key("visit"), _key("at", sa.BigInteger))
DAYS = sa.Table("days", META, *map(_key, ("day", "lang", "name")), *_whole("n"))
