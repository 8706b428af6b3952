"""The tables of the log, as the migrations make them."""

from typing import Any

import sqlalchemy as sa

from kb.searchlog.db.models import COUNTS

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
    *_yes("crowded"),  # counted as a search, not as a visit: its network has had its share
    *_yes("hasty"),  # left within a second on an unfinished word
    *_text("offered"),  # JSON: slugs shown or opened, with digests of their words; "": unknown
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
    *_whole("mask"),  # the kinds and flags that the group has, by `MissKind.bit`
    *_text("progress"),  # JSON: how much of it the search answers, by the last replay
    *_whole("answer_share"),  # per cent of its visits
    *_text("label"),  # its most asked wording, repaired
    *_text("nearest"),  # slugs of the articles found first when it was founded, by line
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
    sa.Column("done_by", sa.Text, nullable=False, server_default=""),  # who ticked it off
    sa.Index("feedback_run", "run"),
    sa.Index("feedback_slug", "slug"),
    sa.Index("feedback_at", "at"),
)
# Letters to support. `run` is the search that led to one, where the customer let it go along.
LETTERS = sa.Table(
    "letters",
    META,
    _key("id", sa.BigInteger),
    *_text("key", "number", "form"),
    *_whole("at"),
    *_text("lang", "subject", "text", "reply_to", "address", "type", "plan", "state", "owner"),
    *_text("offered"),
    *_whole("replied"),  # first reply; 0: none known
    *_text("run"),
    *_whole("in_group"),  # of misses, as it was when searches were last deleted; 0: not known
    *_text("trail"),  # JSON: searches of the visit that go along
    *_whole("handed", "files"),
    *_text("folded"),  # what a lead looks for, in folded letters
    sa.Index("letters_key", "key", unique=True),
    sa.Index("letters_number", "number", unique=True),
    sa.Index("letters_at", "at"),
    sa.Index("letters_form", "form"),
    sa.Index("letters_address", "address", "at"),
)
REPLIES = sa.Table(
    "replies",
    META,
    _key("id", sa.BigInteger),
    *_whole("letter", "at"),
    *_text("who", "text", "articles"),
    *_yes("by_hand"),
    sa.Index("replies_letter", "letter"),
)
LETTER_EVENTS = sa.Table(
    "letter_events",
    META,
    _key("id", sa.BigInteger),
    *_whole("letter", "at"),
    *_text("who", "what", "detail"),
    sa.Index("letter_events_letter", "letter"),
)
ATTACHMENTS = sa.Table(
    "attachments",
    META,
    _key("id"),  # also the name of its file
    *_whole("letter"),
    *_text("name", "type"),
    *_whole("size"),
    sa.Index("attachments_letter", "letter"),
)
OUTBOX = sa.Table(
    "outbox",
    META,
    _key("id", sa.BigInteger),
    *_text("key", "channel", "what"),
    *_whole("letter"),  # 0: of none
    *_text("payload"),
    *_whole("at"),
    *_text("state"),
    *_whole("attempts", "due", "claimed", "sent"),
    *_text("trouble"),
    sa.Index("outbox_key", "key", unique=True),
    sa.Index("outbox_due", "state", "due", "claimed"),
    sa.Index("outbox_letter", "letter"),
)
# Opened contact forms: what each was shown, and what came of it.
FORMS = sa.Table(
    "forms",
    META,
    _key("id"),
    *_text("visit"),
    *_whole("at"),
    *_text("day", "lang", "shown", "helped"),
    *_whole("sent"),  # when a letter was sent; 0: not
    sa.Index("forms_day", "day"),
    sa.Index("forms_at", "at"),
)
# Why customers leave; without any of who they are.
DEPARTURES = sa.Table(
    "departures",
    META,
    _key("id"),
    *_whole("at"),
    *_text("lang", "reason", "text"),
    sa.Index("departures_at", "at"),
)
# Who waits for the answer to a question; nothing ties one to a search.
SUBSCRIPTIONS = sa.Table(
    "subscriptions",
    META,
    _key("id", sa.BigInteger),
    *_text("token", "address", "known_as", "lang", "query", "phrase"),
    *_whole("at", "confirmed"),  # 0: not confirmed
    sa.Index("subscriptions_token", "token", unique=True),
    sa.Index("subscriptions_phrase", "phrase"),
    sa.Index("subscriptions_known_as", "known_as"),
)
# How many askers did something on a day. Each memory of askers (`source`) counts for itself.
ASKERS = sa.Table(
    "askers",
    META,
    _key("kind"),  # group, word (of a group), phrase, found (a phrase), opened (a slug)
    _key("group_id", sa.BigInteger),  # 0 where a kind is of no group
    *map(_key, ("lang", "name", "day", "source")),
    *_whole("n"),
    sa.Index("askers_day", "day"),
    sqlite_with_rowid=False,
)
# What searches proved of an article, or of other words, for a question: askers of a day, as above.
PROOFS = sa.Table(
    "proofs",
    META,
    *map(_key, ("lang", "question", "name", "kind", "day", "source")),  # name: a slug or a question
    *_whole("n"),
    sa.Index("proofs_day", "day"),
    sqlite_with_rowid=False,
)
# Groups that somebody said ask something else; each pair once.
APART = sa.Table(
    "apart",
    META,
    _key("low", sa.BigInteger),
    _key("high", sa.BigInteger),
    *_whole("at"),
)
# Which owner has been told by letter of which question.
TOLD = sa.Table("told", META, _key("group_id", sa.BigInteger), _key("owner"), *_whole("at"))
# The words of articles that stood in results, to tell a rewritten article from a moved comma.
SKETCHES = sa.Table(
    "sketches",
    META,
    _key("digest"),
    sa.Column("sketch", sa.LargeBinary, nullable=False),
    *_whole("at"),
    sa.Index("sketches_at", "at"),
)
# That a visit sent a letter, apart from the letter: no search leads to a name.
SENT = sa.Table("sent", META, _key("visit"), _key("at", sa.BigInteger))
# How far hooks were told: the highest number of a table, or of articles the build (`feed`).
FEED_POSITIONS = sa.Table(
    "feed_positions",
    META,
    _key("name"),
    *_whole("at", "looked"),
    *_text("detail"),
)
# What was told already: articles and rejected files as they were then, and votes.
ANNOUNCED = sa.Table(
    "announced",
    META,
    *map(_key, ("kind", "name")),
    *_text("state"),
    sqlite_with_rowid=False,
)
# Of programs; a token itself is kept nowhere.
TOKENS = sa.Table(
    "tokens",
    META,
    _key("id", sa.BigInteger),
    *_text("name", "digest", "scopes"),
    *_whole("at", "expires", "used"),  # 0: never
    sa.Index("tokens_name", "name", unique=True),
    sa.Index("tokens_digest", "digest", unique=True),
)
# Which build each machine serves; `source` is "" where it makes builds, `pulled` 0 for never.
MACHINES = sa.Table(
    "machines",
    META,
    _key("name"),
    *_text("build", "version", "source"),
    *_whole("since", "pulled", "heard"),
)
# What machines share besides: counts of wrong passwords, keys, accounts, by name.
SHARED_OBJECTS = sa.Table("shared_objects", META, _key("name"), *_text("content"))
# Files of letters, where several machines share the log; else they lie in the data folder alone.
ATTACHMENT_CONTENTS = sa.Table(
    "attachment_contents",
    META,
    _key("id"),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
DAYS = sa.Table("days", META, *map(_key, ("day", "lang", "name")), *_whole("n"))
