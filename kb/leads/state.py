"""How the base stands: the last look at the articles, the last sync, the log. Changes nothing."""

from flask import render_template
from flask.typing import ResponseReturnValue

from kb import state as states
from kb.front import kb, site
from kb.leads.door import leads
from kb.state import Indexed, Synced


@leads.get("/state")
def state() -> ResponseReturnValue:
    """What was published, what was held back and why, and whether the log is well."""
    data = site().settings.data
    return render_template(
        "leads/state.html",
        indexed=states.read(data, Indexed),
        synced=states.read(data, Synced),
        health=kb().health(),
        status=kb().status(),
    )
