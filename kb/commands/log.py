"""Keeps, gives away and forgets the recorded searches: `kb log`."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from kb.commands.shared import (
    count_of,
    folder_options,
    load_settings,
    plain,
)

if TYPE_CHECKING:
    from kb.config import Settings
    from kb.searchlog import SearchLog


@click.group()
def log() -> None:
    """Keep, give away and forget the searches that were recorded."""


@contextmanager
def _log(settings: "Settings") -> Iterator["SearchLog"]:
    from kb.searchlog import SearchLog

    settings.data.mkdir(parents=True, exist_ok=True)
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
    click.echo(f"{count_of(deleted, 'record')} older than {settings.retention_days} days deleted.")


@log.command()
@click.argument("text")
@folder_options
def forget(text: str, articles: Path | None, data: Path | None) -> None:
    """Remove every trace of TEXT from searches, groups, notes and votes.

    \b
    kb log forget "Иван Петров"
    """
    if not text.strip():
        raise click.BadParameter("TEXT is empty")
    with _log(load_settings(articles=articles, data=data)) as searches:
        click.echo(f"Removed from {count_of(searches.forget(text), 'place')}.")


@log.command()
@click.option(
    "-o", "file", type=click.File("w", "utf-8", lazy=True), default="-", metavar="FILE",
    help="Where to write; without it stdout.",
)  # fmt: skip
@click.option(
    "--for-git", is_flag=True,
    help="Only questions, in words that three visits used: for `kb prove`.",
)  # fmt: skip
@folder_options
def export(file: IO[str], for_git: bool, articles: Path | None, data: Path | None) -> None:
    """Write the recorded searches as JSON, one line each.

    With --for-git, what may stand beside the articles for everybody to read: the questions that
    at least three visits asked, each once, in words that three visits used.

    \b
    kb log export -o searches.jsonl
    kb log export --for-git -o misses.jsonl
    """
    from kb import asked

    settings = load_settings(articles=articles, data=data)
    with _log(settings) as searches:
        lines: Iterable[str] = (
            json.dumps(row, ensure_ascii=False, default=plain) for row in searches.export()
        )
        if for_git:
            lines = [asked.line(question) for question in asked.for_git(searches, settings.langs)]
        file.write("")  # only now that the log has answered, the file is opened
        for line in lines:
            click.echo(line, file)


@log.command()
@click.argument("url")
@folder_options
def migrate(url: str, articles: Path | None, data: Path | None) -> None:
    """Copy the log into another, empty database, for example from SQLite to PostgreSQL.

    \b
    kb log migrate postgresql+psycopg://kb:secret@db/kb
    """
    from kb import searchlog

    settings = load_settings(articles=articles, data=data)
    rows = sum(searchlog.migrate(settings.log_url, url).values())
    click.echo(f"{count_of(rows, 'row')} copied; now set KB_DATABASE_URL to the new address.")
