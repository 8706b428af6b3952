"""Searches and what came of them, kept in SQLite or PostgreSQL. Ranks nothing, waits for nobody.

The only package that speaks SQL. What is written is redacted first; a search is one row however
many keys it took. Times are milliseconds since 1970 in the tables and aware datetimes outside.
"""

from kb.searchlog.database import exists
from kb.searchlog.groups import Ids
from kb.searchlog.log import SearchLog, migrate
from kb.searchlog.news import News, Waiting
from kb.searchlog.numbers import ENOUGH, Numbers, Rate
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
