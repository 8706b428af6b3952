"""The state page of the board: build, last sync, reviews due, readers' remarks, the log."""

from collections import Counter
from datetime import timedelta

from flask import request
from flask.typing import ResponseReturnValue

from kb.base.errors import KBError
from kb.catalog import Page
from kb.content import status
from kb.content.status import Indexed, Synced
from kb.site import context
from kb.site.board.sign_in import leads
from kb.site.context import kb, site

MOST = 200  # articles due that are listed at once
MOST_STUCK = 50  # deliveries
LATELY = timedelta(weeks=8)  # older remarks of readers are not listed


@leads.get("/state")
def state() -> ResponseReturnValue:
    """The state page."""
    data = site().settings.data
    outbox, stuck = None, []
    try:
        outbox, stuck = kb().log.outbox.health(), kb().log.outbox.stuck(limit=MOST_STUCK)
        due, written = kb().due(), kb().log.inbox.suggestions(kb().now() - LATELY, page=_page())
    except KBError:  # the page shows that the log is unavailable
        due, written = [], None
    owner = request.args.get("owner", "")
    return context.render(
        "leads/state.html",
        indexed=status.read(data, Indexed),
        synced=status.read(data, Synced),
        health=kb().health(),
        status=kb().status(),
        outbox=outbox,
        stuck=stuck,
        said=request.args.get("said", ""),
        due=[each for each in due if not owner or each.text.owner == owner][:MOST],
        owners=Counter(each.text.owner for each in due),
        owner=owner,
        written=written,
        about={vote.slug: _title(vote.slug) for vote in written.votes} if written else {},
    )


def _page() -> int:
    return context.page_number(request.args.get("page", ""))


def _title(slug: str) -> str:
    """The title of an article, or "" if it is not served any more."""
    found = kb().article(slug)
    return found.title if isinstance(found, Page) else ""
