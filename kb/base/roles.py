"""The roles of people on the leads' board, by name. What each may do is `kb.site.board.roles`."""

from typing import Final

LEAD: Final = "lead"
WRITER: Final = "writer"
ROLES: Final = (LEAD, WRITER)  # the one that may do more comes first
