"""Pages of one group of misses: details, a draft of an article, a patch of synonyms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from flask import abort, redirect, request
from flask.typing import ResponseReturnValue

from kb.content import metadata, scaffold
from kb.searchlog.db.models import ArticleRank, Details, GroupDay, MissGroup, Vote
from kb.site import charts
from kb.site.board import new_file, people
from kb.site.board.questions import undoable
from kb.site.board.sign_in import back_to, download, leads, query_param
from kb.site.context import kb, render, site

ID: Final = "int(max=999999999999999)"  # more is no number to a database
TREND: Final = 60  # days of a question's chart
MOST_VOTES: Final = 200  # of an article that are looked at for remarks
REMARKS: Final = 5
ALIKE: Final = 5


@leads.get(f"/<{ID}:id>")
def group(id: int) -> ResponseReturnValue:
    """The page of a group: searches, articles shown, likely cause and actions."""
    found = _found(id)
    if found.group.id != id:
        return redirect(f"/leads/{found.group.id}")
    question, claimed = found.group, kb().claimable(id)
    return render(
        "leads/group.html",
        found=found,
        group=question,
        trend=_trend(found.days, kb().today()),
        articles=_ranks(found),
        remarks=_remarks(question),
        alike=_alike(question.id),
        draft=_draft(found, claimed) if _title(claimed) else "",
        title=_title(claimed),
        new_file=_new_file(found, claimed) if _title(claimed) else "",
        claimed=claimed,
        patch=kb().synonym_patch(id, question.triage.words)
        if question.triage and question.triage.words
        else "",
        owners=people.owners(question.owner),
        waiting=kb().log.subscriptions.waiting([query for query, _ in found.phrasings]),
        last=undoable(),
        said=request.args.get("said", ""),
    )


def _remarks(question: MissGroup) -> list[Vote]:
    """What readers said of an article that did not help them, the latest first."""
    triage = question.triage
    if triage is None or triage.cause != "unhelpful":
        return []
    votes = kb().log.inbox.votes(triage.slug, limit=MOST_VOTES)
    return [vote for vote in votes if not vote.helpful and (vote.text or vote.reason)][:REMARKS]


def _alike(id: int) -> list[MissGroup]:
    """The groups that look most like this one."""
    pairs = kb().log.likeness.pairs(id)[:ALIKE]
    others = [pair.second if pair.first == id else pair.first for pair in pairs]
    return kb().log.groups.get_all(others)


def _found(id: int) -> Details:
    found = kb().log.groups.details(id)
    if found is None:
        abort(404)
    return found


def _ranks(found: Details) -> dict[str, tuple[ArticleRank | None, ArticleRank | None]]:
    """The ranks of articles as shown and as opened, the most shown first."""
    shown = {seen.slug: seen for seen in found.shown}
    clicked = {seen.slug: seen for seen in found.clicked}
    return {slug: (shown.get(slug), clicked.get(slug)) for slug in (*shown, *clicked)}


@dataclass(frozen=True, slots=True)
class Trend:
    """Searches of a group by day, with the days that have none."""

    days: tuple[tuple[date, int, int, int], ...]  # day, visits, searches, letters
    chart: charts.ColumnChart


def _trend(days: Sequence[GroupDay], today: date) -> Trend:
    by_day = {day.day: day for day in days}
    rows = []
    for back in range(TREND - 1, -1, -1):
        at = today - timedelta(days=back)
        found = by_day.get(at.isoformat())
        rows.append((at, found.visits, found.searches, found.tickets) if found else (at, 0, 0, 0))
    return Trend(tuple(rows), charts.column_chart([[visits] for _, visits, *_ in rows]))


@leads.get(f"/<{ID}:id>/article.md")
def article(id: int) -> ResponseReturnValue:
    """A draft of an article that claims the question, as a Markdown file."""
    found = _found(id)
    claimed = kb().claimable(found.group.id)
    if not _title(claimed):
        return back_to(f"/leads/{id}", "title")
    name = scaffold.file_name(_title(claimed)) + ".md"
    return download(_draft(found, claimed), name, "text/markdown")


def _title(claimed: Sequence[str]) -> str:
    """The title of the draft: the one in the request, else the first phrasing with a capital.

    "" where every phrasing must stay in the log, because the article goes to git.
    """
    first = next(iter(claimed), "")
    return query_param("title", 200) or first[:1].upper() + first[1:]


def _new_file(found: Details, claimed: Sequence[str]) -> str:
    """The page of the git host on which the article is written, or "" if there is none."""
    settings = site().settings
    lang = found.group.lang if found.group.lang in settings.langs else settings.lang
    path = f"{lang}/{scaffold.file_name(_title(claimed))}.md"
    return new_file.new_file_url(settings.edit_url, path, _draft(found, claimed))


def _draft(found: Details, claimed: Sequence[str]) -> str:
    kind = request.args.get("type", "")
    settings = site().settings
    lang = found.group.lang if found.group.lang in settings.langs else settings.lang
    return scaffold.skeleton(
        _title(claimed),
        lang=lang,
        kind=kind if kind in metadata.TYPES else "how-to",
        category=found.group.category,
        answers=claimed,
    )


@leads.get(f"/<{ID}:id>/synonyms.patch")
def synonyms(id: int) -> ResponseReturnValue:
    """A patch of `synonyms.yml` that makes two words synonyms, as a file."""
    _found(id)
    words = [query_param(name, 80) for name in ("word", "means")]
    if not all(words):
        return back_to(f"/leads/{id}", "words")
    patch = kb().synonym_patch(id, words)
    return (
        download(patch, "synonyms.patch", "text/x-diff")
        if patch
        else back_to(f"/leads/{id}", "rare")
    )
