"""Searches and what came of them, kept in SQLite or PostgreSQL. Ranks nothing, waits for nobody.

The only package that speaks SQL. What is written is redacted first; a search is one row however
many keys it took. Times are milliseconds since 1970 in the tables and aware datetimes outside.
"""

from kb.searchlog.database import exists
from kb.searchlog.log import SearchLog, migrate
from kb.searchlog.news import News, Waiting
from kb.searchlog.values import (
    FORGOTTEN,
    STATUSES,
    UNSOLVED,
    Answer,
    Change,
    Health,
    MissGroup,
    Popular,
    Search,
    Ticket,
    Vote,
)

__all__ = [
    "FORGOTTEN",
    "STATUSES",
    "UNSOLVED",
    "Answer",
    "Change",
    "Health",
    "MissGroup",
    "News",
    "Popular",
    "Search",
    "SearchLog",
    "Ticket",
    "Vote",
    "Waiting",
    "exists",
    "migrate",
]
