"""One question: who asked it how, what they saw, what would answer it, what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from kb import charts, keys, scaffold
from kb.asked import claimable
from kb.front import kb, site
from kb.leads.door import asked, back_to, file, leads
from kb.leads.questions import undoable
from kb.searchlog import Details, GroupDay, Seen

ID: Final = "int(max=999999999999999)"  # more is no number to a database
TREND: Final = 60  # days of a question's chart


@leads.get(f"/<{ID}:id>")
def group(id: int) -> ResponseReturnValue:
    """All there is to know of one question, and what can be done about it."""
    found = _found(id)
    if found.group.id != id:
        return redirect(f"/leads/{found.group.id}")
    question = found.group
    return render_template(
        "leads/group.html",
        found=found,
        group=question,
        trend=_trend(found.days, kb().today()),
        articles=_places(found),
        draft=_draft(found) if _title(found) else "",
        title=_title(found),
        claimed=claimable(found.phrasings),
        patch=kb().synonym_patch(id, question.triage.words)
        if question.triage and question.triage.words
        else "",
        owners=sorted(kb().owners().union(filter(None, [question.owner]))),
        last=undoable(),
        said=request.args.get("said", ""),
    )


def _found(id: int) -> Details:
    found = kb().group(id)
    if found is None:
        abort(404)
    return found


def _places(found: Details) -> dict[str, tuple[Seen | None, Seen | None]]:
    """Articles as they were shown and as they were opened, the most shown first."""
    shown = {seen.slug: seen for seen in found.shown}
    clicked = {seen.slug: seen for seen in found.clicked}
    return {slug: (shown.get(slug), clicked.get(slug)) for slug in (*shown, *clicked)}


@dataclass(frozen=True, slots=True)
class Trend:
    """How often a question was asked by day, the days without a search too."""

    days: tuple[tuple[date, int, int, int], ...]  # day, visits, searches, letters
    chart: charts.Columns


def _trend(days: Sequence[GroupDay], today: date) -> Trend:
    by_day = {day.day: day for day in days}
    rows = []
    for back in range(TREND - 1, -1, -1):
        at = today - timedelta(days=back)
        found = by_day.get(at.isoformat())
        rows.append((at, found.visits, found.searches, found.tickets) if found else (at, 0, 0, 0))
    return Trend(tuple(rows), charts.columns([[visits] for _, visits, *_ in rows]))


@leads.get(f"/<{ID}:id>/article.md")
def article(id: int) -> ResponseReturnValue:
    """A ready article that claims the question, to be filled in and put among the others."""
    found = _found(id)
    if not _title(found):
        return back_to(f"/leads/{id}", "title")
    name = scaffold.file_name(_title(found)) + ".md"
    return file(_draft(found), name, "text/markdown")


def _title(found: Details) -> str:
    """What the article is called: as it was asked for, else its first wording with a capital.

    Empty where every wording must stay in the log: the article goes to git.
    """
    first = next(iter(claimable(found.phrasings)), "")
    return asked("title", 200) or first[:1].upper() + first[1:]


def _draft(found: Details) -> str:
    kind = request.args.get("type", "")
    settings = site().settings
    lang = found.group.lang if found.group.lang in settings.langs else settings.lang
    return scaffold.skeleton(
        _title(found),
        lang=lang,
        kind=kind if kind in keys.TYPES else "how-to",
        today=kb().today(),
        category=found.group.category,
        answers=claimable(found.phrasings),
    )


@leads.get(f"/<{ID}:id>/synonyms.patch")
def synonyms(id: int) -> ResponseReturnValue:
    """A patch of `synonyms.yml` by which one word finds another."""
    _found(id)
    words = [asked(name, 80) for name in ("word", "means")]
    if not all(words):
        return back_to(f"/leads/{id}", "words")
    patch = kb().synonym_patch(id, words)
    return (
        file(patch, "synonyms.patch", "text/x-diff") if patch else back_to(f"/leads/{id}", "rare")
    )
