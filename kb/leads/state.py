"""How the base stands: articles, the last sync, what readers wrote, the log. Changes nothing."""

from collections import Counter
from datetime import timedelta

from flask import render_template, request
from flask.typing import ResponseReturnValue

from kb import front
from kb import state as states
from kb.errors import KBError
from kb.front import kb, site
from kb.leads.door import leads
from kb.service import Page
from kb.state import Indexed, Synced

MOST = 200  # articles due that are listed at once
LATELY = timedelta(weeks=8)  # what readers wrote longer ago is not listed


@leads.get("/state")
def state() -> ResponseReturnValue:
    """What was published, what was held back and why, what is due, and whether the log is well."""
    data = site().settings.data
    try:
        due, written = kb().due(), kb().suggestions(kb().now() - LATELY, _page())
    except KBError:  # the page says itself that the log is not well
        due, written = [], None
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
        written=written,
        about={vote.slug: _title(vote.slug) for vote in written.votes} if written else {},
    )


def _page() -> int:
    return front.page_number(request.args.get("page", ""))


def _title(slug: str) -> str:
    """What the article is called; one that is not served any more has none."""
    found = kb().article(slug)
    return found.title if isinstance(found, Page) else ""
