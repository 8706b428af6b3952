"""The leads' board: misses, their groups, statistics and health, behind a sign-in.

Each view reads the request, calls the service and renders a template. `sign_in` checks every
request: it needs a session, and one that changes something comes from a page of this site.
"""

from kb.site.board import (
    health,
    learned,
    letters,
    manual,
    numbers,
    question,
    questions,
    readers,
)
from kb.site.board.sign_in import leads

__all__ = [
    "health", "leads", "learned", "letters", "manual", "numbers", "question", "questions",
    "readers",
]  # fmt: skip
