"""States of groups and letters, by name: for what offers a choice of them and stores none."""

from typing import Final

STATUSES: Final = ("open", "assigned", "waiting", "answered", "regressed", "dismissed")  # of groups
NEW, ANSWERED, CLOSED = "new", "answered", "closed"
STATES: Final = (NEW, ANSWERED, CLOSED)  # of letters
