"""Keeps and puts back what no git repository holds: `kb backup` and `kb restore`."""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from kb.base.messages import Message
from kb.commands.shared import (
    echo,
    folder_options,
    json_option,
    load,
    load_settings,
    print_json,
    said,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.jobs.backup import Backup


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--with-articles", is_flag=True, help="Put in the whole articles folder, where git has none."
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there already.")
@json_option
@folder_options
def backup(
    file: Path,
    with_articles: bool,
    force: bool,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> None:
    """Write the log, people, attachments, kb.toml, owners and synonyms into one archive.

    The service may go on and record meanwhile. FILE is there whole or not at all, and only its
    owner can read it. Builds are not in it, `kb index` makes them again; nor are secrets.

    \b
    kb backup /var/backups/kb-$(date +%F).tar.gz
    kb backup --with-articles everything.tar.gz
    """
    from kb.base import config
    from kb.git import checkout
    from kb.jobs import backup as jobs

    loaded = load(articles=articles, data=data)
    settings = loaded.settings
    with _ended_by_sigterm():
        saved = jobs.save(
            settings, file, origins=dict(loaded.origins), toml=Path(config.FILE),
            now=datetime.now(UTC), with_articles=with_articles, replace=force,
        )  # fmt: skip
    if as_json:
        print_json({"file": str(file), **asdict(saved)})
        return
    echo(said(_kept(saved, file), settings))
    if saved.left_out:
        echo(
            said(
                Message("Not in it, keep elsewhere: {names}.", names=", ".join(saved.left_out)),
                settings,
            ),
            err=True,
        )
    if not with_articles and checkout.top(settings.articles) is None:
        told = Message(
            "The articles are in no git repository and not in it, either: add --with-articles."
        )
        echo(said(told, settings), err=True)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is there: the search log, other files.")
@json_option
@folder_options
def restore(
    file: Path, force: bool, as_json: bool, articles: Path | None, data: Path | None
) -> None:
    """Put back what `kb backup` wrote, all or nothing.

    A log that holds searches and files that differ stay unless you say --force; a kb.toml that is
    here always stays. Where there is none, the settings in FILE say where everything belongs.
    Run it as the user of the service, then `kb index`.

    \b
    kb restore /var/backups/kb-2026-11-29.tar.gz
    kb restore --force yesterday.tar.gz
    """
    from kb.base import config
    from kb.jobs import backup as jobs

    settings = load_settings(articles=articles, data=data)
    found, text = jobs.look(file)
    if text and not Path(config.FILE).exists():
        settings = _settings_of(text, articles=articles, data=data)
    with _ended_by_sigterm():
        done = jobs.restore(settings, file, Path(config.FILE), replace=force)
    if as_json:
        print_json(asdict(done))
        return
    echo(said(_put_back(found, settings), settings))
    for path in done.written:
        echo("    ", path)
    for path in done.beside:
        told = Message("Your settings stay; those of the backup stand in {file}.", file=path)
        echo(said(told, settings), err=True)
    if found.left_out:
        told = Message("Set again what no backup holds: {names}.", names=", ".join(found.left_out))
        echo(said(told, settings), err=True)
    echo(said(Message("Now run `kb index`."), settings))


def _settings_of(text: str, **options: Any) -> "Settings":
    """The settings that the archive's file, the environment and options give."""
    from kb.base import config

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, config.FILE).write_text(text, "utf-8")
        return config.load(Path(folder), options=options).settings


def _kept(saved: "Backup", file: Path) -> Message:
    return Message(
        "Backed up: {rows} of the log and {files}, {size} in {file}.",
        rows=Message("{n} row", "{n} rows", n=saved.rows),
        files=Message("{n} file", "{n} files", n=len(saved.files)),
        size=Message("{n} kB", n=-(-file.stat().st_size // 1000)),
        file=str(file),
    )


def _put_back(found: "Backup", settings: "Settings") -> Message:
    return Message(
        "Restored: {rows} of the log and {files}, as of {moment}.",
        rows=Message("{n} row", "{n} rows", n=found.rows),
        files=Message("{n} file", "{n} files", n=len(found.files)),
        moment=found.made,
    )


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Has SIGTERM end the command as Ctrl+C does, so that nothing unfinished stays."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
