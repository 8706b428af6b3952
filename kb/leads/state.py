"""How the base stands: the last look at the articles, the last sync, the log. Changes nothing."""

from collections import Counter

from flask import render_template, request
from flask.typing import ResponseReturnValue

from kb import state as states
from kb.errors import KBError
from kb.front import kb, site
from kb.leads.door import leads
from kb.state import Indexed, Synced

MOST = 200  # articles due that are listed at once


@leads.get("/state")
def state() -> ResponseReturnValue:
    """What was published, what was held back and why, what is due, and whether the log is well."""
    data = site().settings.data
    try:
        due = kb().due()
    except KBError:  # the page says itself that the log is not well
        due = []
    owner = request.args.get("owner", "")
    return render_template(
        "leads/state.html",
        indexed=states.read(data, Indexed),
        synced=states.read(data, Synced),
        health=kb().health(),
        status=kb().status(),
        due=[each for each in due if not owner or each.text.owner == owner][:MOST],
        owners=Counter(each.text.owner for each in due),
        owner=owner,
    )
