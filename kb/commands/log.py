"""Keeps, gives away and forgets the recorded searches: `kb log`."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING

import click

from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    ProgressBar,
    echo,
    fail,
    folder_options,
    load_settings,
    moment,
    plain,
    said,
    tell,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.searchlog.db.log import SearchLog
    from kb.searchlog.db.models import Forgettable


_ARRIVING = 60.0  # seconds in which a file may belong to a letter that is being stored


@click.group()
def log() -> None:
    """Keep, give away and forget the searches that were recorded."""


@contextmanager
def _log(settings: "Settings") -> Iterator["SearchLog"]:
    from kb.base import data_folder
    from kb.searchlog.db.log import SearchLog

    data_folder.prepare(settings.data)
    searches = SearchLog(settings.log_url)
    try:
        yield searches
    finally:
        searches.close()


@log.command()
@folder_options
def purge(articles: Path | None, data: Path | None) -> None:
    """Delete single searches older than KB_RETENTION_DAYS; groups and counts stay.

    \b
    kb log purge
    """
    settings = load_settings(articles=articles, data=data)
    with _log(settings) as searches:
        deleted = searches.purge(datetime.now(UTC) - timedelta(days=settings.retention_days))
        _sweep(settings, searches)
    done = Message(
        "{n} record older than {days} days deleted.",
        "{n} records older than {days} days deleted.",
        n=deleted,
        days=settings.retention_days,
    )
    tell(settings, done)


@log.command()
@click.argument("text", default="")
@click.option(
    "--groups", is_flag=True, help="Remove whole questions with their searches, as after a flood."
)
@click.option("--since", help="With --groups: first asked since 2h, 7d or 2026-11-22.")
@click.option("--until", help="With --groups: first asked before 1h or 2026-11-23.")
@click.option(
    "--fewer-than", type=click.IntRange(1), metavar="VISITS",
    help="With --groups: asked by fewer visits than this.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="With --groups: do not ask, remove.")
@folder_options
def forget(
    text: str,
    groups: bool,
    since: str | None,
    until: str | None,
    fewer_than: int | None,
    yes: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Remove every trace of TEXT from searches, groups, notes and votes.

    With --groups, remove the questions that were first asked since a moment, with all their
    searches; with TEXT only those that hold it. What a lead has worked on stays. It says how many
    there are and asks: nothing brings them back.

    \b
    kb log forget "Иван Петров"
    kb log forget --groups --since 2h --fewer-than 3
    kb log forget --groups --since 2026-11-22 --until 2026-11-23 --yes "cheap windows"
    """
    settings = load_settings(articles=articles, data=data)
    if groups:
        if since is None:
            wrong = Message("--groups needs --since, such as --since 2h")
            raise click.UsageError(said(wrong, settings))
        low = moment("--since", since)
        high = moment("--until", until) if until else None
        with _log(settings) as searches:
            found = searches.forgettable(low, until=high, fewer_than=fewer_than, text=text)
            return _forget_groups(searches, found, settings, is_sure=yes)
    if since or until or fewer_than or yes:
        wrong = Message("--since, --until, --fewer-than and --yes belong to --groups")
        raise click.UsageError(said(wrong, settings))
    if not text.strip():
        raise click.BadParameter(said(Message("TEXT is empty"), settings))
    with _log(settings) as searches:
        places = searches.forget(text)
        _sweep(settings, searches)
    tell(settings, Message("Removed from {n} place.", "Removed from {n} places.", n=places))
    _forget_learned(settings, text)
    return DONE


def _forget_learned(settings: "Settings", text: str) -> None:
    """Takes a text out of what was learned; says so where a build still holds it."""
    from kb.index import learned
    from kb.index.builds import Builds
    from kb.searchlog import wordings

    wordings.forget(settings.data, text)
    lines = learned.read(settings.builds / Builds(settings.builds).pointed())
    if text.casefold() in repr(lines).casefold():
        held = Message(
            "articles learned a line that holds it; run `kb index` to take it out of the search"
        )
        tell(settings, held)


def _sweep(settings: "Settings", searches: "SearchLog") -> None:
    """Removes the files of letters that are there no more."""
    from kb.letters.attachments import AttachmentFolder

    AttachmentFolder(settings.data).sweep(searches.letters.attachment_ids(), older=_ARRIVING)


def _forget_groups(
    searches: "SearchLog", found: "Forgettable", settings: "Settings", *, is_sure: bool
) -> int:
    """Removes what was found, after asking unless one `is_sure`; the exit code."""
    if not found.groups:
        tell(settings, Message("There are no such questions."))
        return DONE
    for question in found.examples:
        echo(f"  {question}")
    counted = _counted(len(found.groups), found.searches)
    what = Message("{counted}, such as these. Nothing brings them back.", counted=counted)
    tell(settings, what)
    if not is_sure and not click.confirm(said(Message("Remove them?"), settings)):
        tell(settings, Message("Nothing removed."))
        return NEEDS_A_PERSON
    with ProgressBar(said(Message("Removing"), settings)) as progress:
        removed = searches.forget_groups(found.groups, progress)
    counted = _counted(len(found.groups), removed)
    tell(settings, Message("Removed: {counted}.", counted=counted))
    return DONE


def _counted(groups: int, searches: int) -> Message:
    return Message(
        "{n} question with {searches}",
        "{n} questions with {searches}",
        n=groups,
        searches=Message("{n} search", "{n} searches", n=searches),
    )


@log.command()
@click.option(
    "-o", "file", type=click.File("w", "utf-8", lazy=True), default="-", metavar="FILE",
    help="Where to write; without it stdout.",
)  # fmt: skip
@click.option(
    "--for-git", is_flag=True,
    help="Only questions of KB_MIN_ASKERS askers, in their words: for `kb prove`.",
)  # fmt: skip
@click.option(
    "--rows", type=click.IntRange(1), default=1_000_000, show_default=True,
    help="How many searches at most.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(1), default=600, show_default=True, help="How long at most."
)
@folder_options
def export(
    file: IO[str],
    for_git: bool,
    rows: int,
    seconds: float,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Write the recorded searches as JSON, one line each.

    With --for-git, what may stand beside the articles for everybody to read: the questions that
    at least KB_MIN_ASKERS askers (networks a day) asked, each once, in words that as many used.
    Exit 1 if --rows or --seconds cut it short, which is said.

    \b
    kb log export -o searches.jsonl
    kb log export --for-git -o misses.jsonl
    """
    from kb.searchlog import export as asked

    settings = load_settings(articles=articles, data=data)
    with _log(settings) as searches:
        lines: Iterable[str] = (
            json.dumps(row, ensure_ascii=False, default=plain) for row in searches.export()
        )
        if for_git:
            questions = asked.for_git(searches, settings.langs, least=settings.min_askers)
            lines = map(asked.line, questions)
        file.write("")  # only now that the log has answered, the file is opened
        ends = monotonic() + seconds
        for n, line in enumerate(lines):
            if n == rows or monotonic() > ends:
                cut = Message(
                    "cut after {n} row; --rows and --seconds allow more",
                    "cut after {n} rows; --rows and --seconds allow more",
                    n=n,
                )
                fail(said(cut, settings))
                return NEEDS_A_PERSON
            echo(line, file=file)
    return DONE


@log.command()
@click.argument("url")
@folder_options
def migrate(url: str, articles: Path | None, data: Path | None) -> None:
    """Copy the log into another, empty database, for example from SQLite to PostgreSQL.

    \b
    kb log migrate postgresql+psycopg://kb:secret@db/kb
    """
    from kb.searchlog.db.copies import migrate

    settings = load_settings(articles=articles, data=data)
    rows = sum(migrate(settings.log_url, url).values())
    copied = Message(
        "{n} row copied; now set KB_DATABASE_URL to the new address.",
        "{n} rows copied; now set KB_DATABASE_URL to the new address.",
        n=rows,
    )
    tell(settings, copied)
