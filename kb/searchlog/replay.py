"""Replay: asks the questions of the log again after a build. Searches nothing itself.

A group whose misses are settled (`searchlog.closing`) waits for its proof; it is answered after
some later askers, or some days, without a miss. A group that waits or is answered and whose article
fell out is regressed. Groups that are dismissed or merged are left alone. The costliest are asked
first: where the time is up before all are, the result says how many were not.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Final

from kb.language import sketches
from kb.searchlog import closing
from kb.searchlog.db.models import GroupProgress, MissGroup

if TYPE_CHECKING:
    from kb.searchlog.db.log import SearchLog

SECONDS: Final = 60.0  # after a build

Commit = Callable[[str], tuple[str, datetime | None]]
"""The commit that last changed the article with this slug, and when it was made."""
Sketch = Callable[[str], bytes | None]
"""The sketch of the words of the article with this slug; None if there is none."""

_PAGE = 200


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The result of a replay: questions, and how many were not asked."""

    answered: tuple[str, ...] = ()  # that an article answers from now on, not yet proved
    regressed: tuple[str, ...] = ()  # that were answered and no longer are
    unasked: int = 0  # the least costly ones, for which there was no time
    proved: tuple[str, ...] = ()  # that waited for it


@dataclass(frozen=True, slots=True)
class ReplayedBuild:
    """A build, as replay asks it."""

    name: str
    ask: closing.Ask
    sketch: Sketch
    commit: Commit


def replay(
    log: "SearchLog",
    build: ReplayedBuild,
    *,
    at: datetime,
    seconds: float,
    progress: Callable[[int, int], None] | None = None,
) -> ReplayResult:
    """Asks the questions of `log`, the costliest first, until all are asked or `seconds` are over.

    `at` is the moment written down. Raises LogUnavailable.
    """
    changed: dict[str, list[str]] = {"answered": [], "regressed": [], "proved": []}
    ends = monotonic() + seconds
    ids, total = log.groups.costliest_to_replay()
    asked = 0
    for group in _groups(log, ids):
        if monotonic() > ends:
            break
        asked += 1
        if change := _replay_group(log, build, group, at):
            changed[change].append(group.question)
        if progress:
            progress(asked, len(ids))
    return ReplayResult(
        tuple(changed["answered"]),
        tuple(changed["regressed"]),
        total - asked,
        tuple(changed["proved"]),
    )


def _groups(log: "SearchLog", ids: Sequence[int]) -> Iterator[MissGroup]:
    for at in range(0, len(ids), _PAGE):
        yield from log.groups.get_all(ids[at : at + _PAGE])


def _replay_group(log: "SearchLog", build: ReplayedBuild, group: MissGroup, at: datetime) -> str:
    """Asks one group again; `answered`, `regressed` or `proved` if it became so, else ""."""

    def is_new(slug: str, digest: str) -> bool:
        now = build.sketch(slug)
        if now is None or sketches.digest(now) == digest:
            return False
        then = log.closing.sketch(digest)
        return then is not None and sketches.change(then, now) > closing.REWRITTEN

    found = closing.progress(log.closing.misses(group), build.ask, is_new)
    if found != group.progress:
        log.actions.note_progress(group.id, found)
    if group.status == "answered":
        return _look_after_answer(log, build, group, found, at)
    if found.is_enough:
        return _settle(log, build, group, found, at)
    if group.answer and group.last <= group.answer.at and group.answer.slug in found.standing:
        return ""  # it is no worse than when it began to wait: the other articles changed
    is_lost = log.actions.regress(group.id, f"not by build {build.name}", at=at)
    return "regressed" if is_lost else ""


def _look_after_answer(
    log: "SearchLog", build: ReplayedBuild, group: MissGroup, found: GroupProgress, at: datetime
) -> str:
    """An answer holds as long as an article stands for the commonest wording."""
    if not found.standing:
        log.actions.regress(group.id, f"not by build {build.name}", at=at)
        return "regressed"
    if group.answer and group.answer.slug not in found.standing:
        _note_answer(log, build, group, replace(found, slug=found.standing[0], rank=1), at)
    return ""


def _settle(
    log: "SearchLog", build: ReplayedBuild, group: MissGroup, found: GroupProgress, at: datetime
) -> str:
    """Writes down what answers the group, or that this is proved."""
    known = group.answer if group.status == "waiting" else None
    if known is None or known.slug not in (found.slug, *found.standing):
        is_new = _note_answer(log, build, group, found, at)
        return "answered" if is_new else ""
    quiet_since = max(known.at, group.last)
    if (
        at - quiet_since >= closing.PROVED_AFTER
        or log.closing.later_askers(group.id, quiet_since) >= closing.PROVED_BY
    ):
        log.actions.prove(group.id, at=at)
        return "proved"
    return ""


def _note_answer(
    log: "SearchLog", build: ReplayedBuild, group: MissGroup, found: GroupProgress, at: datetime
) -> bool:
    """Writes down the article, build, commit, rank and share; True if none answered before."""
    commit, committed = build.commit(found.slug)
    return log.actions.answer(
        group.id, slug=found.slug, build=build.name, commit=commit, rank=found.rank,
        committed=committed, share=100 * found.answered_visits // max(1, found.visits),
        is_proved=False, at=at,
    )  # fmt: skip
