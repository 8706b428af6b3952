"""The board's page of readers: what they wish of articles, whom they thank, why they leave."""

from collections import Counter
from datetime import timedelta
from typing import Final

from flask import abort, g, request
from flask.typing import ResponseReturnValue

from kb.base.errors import KBError
from kb.catalog import Page
from kb.searchlog.db.remarks import WHY_LEAVE, Remark
from kb.site import csv_export
from kb.site.board.sign_in import back_to, download, lead_name, leads
from kb.site.context import kb, render
from kb.site.formatting import gettext

LATELY: Final = timedelta(weeks=8)  # older ones are not listed
TABLES: Final = ("remarks", "thanks", "leaving")


@leads.get("/readers")
def readers() -> ResponseReturnValue:
    """The page; with `done=1` what was ticked off."""
    done = request.args.get("done") == "1"
    log, now = kb().log.remarks, kb().now()
    found = log.thanks(now - LATELY)
    author = {slug: _author(slug) for slug in {each.slug for each in found}}
    thanks = [(each, author[each.slug]) for each in found]
    return render(
        "leads/readers.html",
        done=done,
        wishes=log.by_article(now - LATELY, done=done),
        thanks=thanks,
        authors=Counter(name for _, name in thanks if name).most_common(),
        leaving=_reasons(),
        told=[each for each in log.departures(now - LATELY, now) if each.text],
        weeks=LATELY.days // 7,
    )


@leads.post("/readers")
def tick() -> ResponseReturnValue:
    """Ticks remarks off, or opens them again."""
    ids = request.form.getlist("id")[:500]
    is_done = request.form.get("do") == "tick"
    kb().log.remarks.tick(ids, lead_name() if is_done else "")
    return back_to("/leads/readers" if is_done else "/leads/readers?done=1", "done")


@leads.get("/readers/<table>.csv")
def readers_csv(table: str) -> ResponseReturnValue:
    """A table of the page as CSV; 404 for a name that is none of TABLES."""
    if table not in TABLES:
        abort(404)
    log, now = kb().log.remarks, kb().now()
    since = now - LATELY
    if table == "leaving":
        heads = [gettext("Date"), gettext("Reason"), gettext("In their words")]
        rows = [(each.at, each.reason, each.text) for each in log.departures(since, now)]
    else:
        heads = [gettext("Date"), gettext("Article"), gettext("Reason"), gettext("In their words")]
        found = log.thanks(since) if table == "thanks" else _all_wishes()
        rows = [(each.at, each.slug, each.reason, each.text) for each in found]  # type: ignore[misc]
    return download(csv_export.to_csv([heads, *rows], lang=str(g.lang)), f"{table}.csv", "text/csv")


def _all_wishes() -> list[Remark]:
    log, since = kb().log.remarks, kb().now() - LATELY
    both = (*log.by_article(since), *log.by_article(since, done=True))
    return [remark for each in both for remark in each.remarks]


def _reasons() -> list[tuple[str, int, int]]:
    """Each reason with how often it was named, and how often in as many weeks before."""
    log, now = kb().log.remarks, kb().now()
    here = Counter(each.reason for each in log.departures(now - LATELY, now))
    before = Counter(each.reason for each in log.departures(now - 2 * LATELY, now - LATELY))
    named = [(name, here[name], before[name]) for name in WHY_LEAVE if here[name] or before[name]]
    return sorted(named, key=lambda each: -each[1])


def _author(slug: str) -> str:
    try:
        found = kb().article(slug)
    except KBError:
        return ""
    return found.author if isinstance(found, Page) else ""
