"""Asks the questions of the log again after a build: answered, regressed. Searches nothing itself.

A question is answered when an article stands among the first three with confidence (LEADS.md §7);
which one, its commit, the build and the rank are written down. An answered question that finds
nothing sure any more is regressed. Groups that are dismissed or merged are left alone.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from kb.searchlog import MissGroup

if TYPE_CHECKING:
    from kb.searchlog import SearchLog

TOP = 3

Top = Callable[[MissGroup], Sequence[str]]
"""The slugs of the first three articles a question finds, none if the index is not sure."""

Commit = Callable[[str], tuple[str, datetime | None]]
"""The commit that last changed the article with this slug, and when it was made."""

_PAGE = 200


def replay(
    log: "SearchLog",
    top: Top,
    commit: Commit,
    *,
    build: str,
    at: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[str], list[str]]:
    """The questions `build` answers that were open, and those it no longer answers."""
    answered: list[str] = []
    regressed: list[str] = []
    groups = list(_groups(log))
    for done, group in enumerate(groups, 1):
        slugs = list(top(group))[:TOP]
        if slugs:
            if _settle(log, group, slugs, commit, build, at):
                answered.append(group.question)
        elif group.status == "answered" and log.regress(group.id, f"not by build {build}", at=at):
            regressed.append(group.question)
        if progress:
            progress(done, len(groups))
    return answered, regressed


def _groups(log: "SearchLog") -> Iterator[MissGroup]:
    last = 0
    while page := log.groups_to_replay(last, _PAGE):
        yield from page
        last = page[-1].id


def _settle(
    log: "SearchLog",
    group: MissGroup,
    slugs: Sequence[str],
    commit: Commit,
    build: str,
    at: datetime,
) -> bool:
    """Writes down what answers the group; whether it was not answered before."""
    known = group.answer.slug if group.answer and group.status == "answered" else ""
    if known in slugs:
        return False  # nothing new: no word about it in the log
    slug = slugs[0]
    name, committed = commit(slug)
    return log.answer(
        group.id, slug=slug, build=build, commit=name, rank=1, committed=committed, at=at
    )
