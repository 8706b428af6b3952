"""Kinds and states of groups and states of letters, by name: for what offers a choice of them."""

from typing import Final

from kb.searchlog.miss_kinds import MISS_KINDS

KINDS: Final = tuple(kind.name for kind in MISS_KINDS)
STATUSES: Final = ("open", "assigned", "waiting", "answered", "regressed", "dismissed")  # of groups
NEW, ANSWERED, CLOSED = "new", "answered", "closed"
STATES: Final = (NEW, ANSWERED, CLOSED)  # of letters
