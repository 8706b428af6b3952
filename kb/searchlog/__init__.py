"""Searches and what came of them, kept in SQLite or PostgreSQL. Ranks nothing, waits for nobody.

The only package that speaks SQL. What is written is redacted first; a search is one row however
many keys it took. Times are milliseconds since 1970 in the tables and aware datetimes outside.
What speaks SQL is loaded when it is first named: SQLAlchemy takes as long as all of Flask.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kb.searchlog.values import (
    CAUSES,
    FORGOTTEN,
    KINDS,
    ORDERS,
    STATUSES,
    UNSOLVED,
    Action,
    Amendment,
    Answer,
    Board,
    Change,
    Details,
    Filter,
    Finding,
    GroupDay,
    Health,
    MissGroup,
    Popular,
    Search,
    Seen,
    Suggestions,
    Ticket,
    Triage,
    Vote,
)

if TYPE_CHECKING:
    from kb.searchlog.database import exists
    from kb.searchlog.groups import Ids
    from kb.searchlog.log import SearchLog, migrate
    from kb.searchlog.news import News, Waiting
    from kb.searchlog.numbers import ENOUGH, Numbers, Rate

_SPEAK_SQL = {
    "ENOUGH": "numbers", "Ids": "groups", "News": "news", "Numbers": "numbers", "Rate": "numbers",
    "SearchLog": "log", "Waiting": "news", "exists": "database", "migrate": "log",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _SPEAK_SQL:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_SPEAK_SQL[name]}"), name)


__all__ = [
    "CAUSES",
    "ENOUGH",
    "FORGOTTEN",
    "KINDS",
    "ORDERS",
    "STATUSES",
    "UNSOLVED",
    "Action",
    "Amendment",
    "Answer",
    "Board",
    "Change",
    "Details",
    "Filter",
    "Finding",
    "GroupDay",
    "Health",
    "Ids",
    "MissGroup",
    "News",
    "Numbers",
    "Popular",
    "Rate",
    "Search",
    "SearchLog",
    "Seen",
    "Suggestions",
    "Ticket",
    "Triage",
    "Vote",
    "Waiting",
    "exists",
    "migrate",
]
