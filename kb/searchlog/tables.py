"""The tables of the log, as the migrations leave them. Asks nothing."""

from typing import Any

import sqlalchemy as sa

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
    sa.Column("group_id", sa.BigInteger),
    *_text("day"),
    sa.Index("runs_visit", "visit", "started"),
    sa.Index("runs_ended", "ended"),
    sa.Index("runs_group", "group_id", "miss", "visit"),
    sa.Index("runs_phrase", "lang", "phrase"),
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
    *_text("kinds", "phrasings"),
    *_whole("past_visits", "past_searches", "past_tickets"),
    *_text("past_kinds", "answer_slug", "answer_build", "answer_commit"),
    *_whole("answer_rank", "answer_committed", "answer_at"),
    *_text("triage", "dismissed_reason"),
    *_whole("dismissed_until", "merged_into", "priority"),
    sa.Index("groups_order", "priority", "first"),
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
    sa.Index("history_group", "group_id"),
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
)
TICKETS = sa.Table(
    "tickets",
    META,
    _key("id"),
    *_whole("at"),
    *_text("lang", "type", "text", "reply_to", "offered"),
)
# That a visit sent a letter, apart from the letter: no search leads to a name.
SENT = sa.Table("sent", META, _key("visit"), _key("at", sa.BigInteger))
DAYS = sa.Table("days", META, *map(_key, ("day", "lang", "name")), *_whole("n"))
