"""What each role may do on the board: the one table that every request is held against. Pure.

A lead may do everything. A writer reads, writes notes, takes a question, and downloads what is
proposed by git; what is not named here is for leads alone.
"""

from collections.abc import Mapping
from typing import Final

from kb.base.roles import LEAD, WRITER

OPEN: Final = frozenset({"leads.sign_in", "leads.sign_out"})  # to everybody
DO: Final = "leads.do"  # the endpoint of all actions
_READ: Final = frozenset(
    {
        *("leads.board", "leads.alike", "leads.group", "leads.numbers", "leads.state"),
        "leads.readers",
        *("leads.learned", "leads.learned_patch", "leads.learned_synonyms"),
        *("leads.manual", "leads.article", "leads.synonyms", "leads.undo", "leads.own_password"),
    }
)
_ENDPOINTS: Final[Mapping[str, frozenset[str]]] = {WRITER: _READ}
_ACTIONS: Final[Mapping[str, frozenset[str]]] = {WRITER: frozenset({"note", "take"})}
# The entries of the history that these actions leave, which `undo` takes back.
_UNDONE: Final[Mapping[str, frozenset[str]]] = {WRITER: frozenset({"note", "assigned"})}


def may(role: str, endpoint: str, action: str = "") -> bool:
    """Whether somebody of this role may ask for a page, or do an action at `DO`."""
    if role == LEAD or endpoint in OPEN:
        return True
    if endpoint == DO:
        return action in _ACTIONS.get(role, ())
    return endpoint in _ENDPOINTS.get(role, ())


def may_undo(role: str, what: str) -> bool:
    """Whether somebody of this role may take back their own action of this kind."""
    return role == LEAD or what in _UNDONE.get(role, ())
