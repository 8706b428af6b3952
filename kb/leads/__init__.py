"""The leads' board: each view reads the request, asks the service one thing and renders.

Nobody gets past `door` but through the sign-in; every change is asked for by our own pages.
"""

from kb.leads import manual, numbers, question, questions, state
from kb.leads.door import leads

__all__ = ["leads", "manual", "numbers", "question", "questions", "state"]
