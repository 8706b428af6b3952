"""Builds for other machines: `kb pull`, `kb push`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base.errors import ConfigError, KBError
from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    fail,
    folder_options,
    json_option,
    load_settings,
    print_json,
    said,
    tell,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from kb.base.config import Settings
    from kb.jobs.pull import Puller, PullReport
    from kb.jobs.push import PushReport

_TICK = 0.5  # seconds between two looks whether the parent lives


@click.command()
@click.argument("url", required=False)
@click.option(
    "--every", type=click.FloatRange(1, 86_400), metavar="SECONDS",
    help="Go on: look for a new build every so many seconds.",
)  # fmt: skip
@click.option(
    "--keep", type=click.IntRange(1, 100), default=2, show_default=True,
    help="Builds that stay here.",
)  # fmt: skip
@click.option(
    "--light/--whole", "light", default=None,
    help="Without what OpenSearch does, or with it. [KB_PULL_LIGHT]",
)  # fmt: skip
@click.option("--while-parent", type=int, hidden=True)
@json_option
@folder_options
def pull(
    url: str | None,
    every: float | None,
    keep: int,
    light: bool | None,
    while_parent: int | None,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Get the build that another machine published, and serve it from here.

    URL is the address of the machine that indexes (KB_PULL_TOKEN opens it), or a folder or store
    that `kb push` fills; KB_PULL_URL names it for good. Only what is missing is fetched, every file
    is compared with its SHA-256, and what breaks off goes on next time.
    Exit 1 if the build was rolled back here, 2 if it could not be had; the old build goes on.

    \b
    kb pull https://index.example.com
    kb pull /mnt/help --every 10
    kb pull /mnt/help --light    search is asked of OpenSearch
    kb pull s3://bucket/help     needs kb-search[pull] and s3fs
    """
    from datetime import UTC, datetime

    from kb.jobs import build_sources
    from kb.jobs.pull import Puller

    quiet = while_parent is not None
    settings = load_settings(
        quiet=quiet, articles=articles, data=data, pull_url=url, pull_light=light
    )
    if not settings.pull_url:
        raise ConfigError(Message("no source of builds; name one, or set KB_PULL_URL"))
    token = settings.pull_token.get_secret_value() if settings.pull_token else ""
    source = build_sources.source(settings.pull_url, token)
    puller = Puller(settings, source, lambda: datetime.now(UTC), keep=keep)
    if every is not None:
        return _pull_on(puller, settings, every, while_parent)
    try:
        report = puller.pull()
    except KBError as error:
        puller.note(error)
        raise
    if as_json:
        print_json(_pulled_json(report))
    else:
        _print_pulled(report, settings)
    return NEEDS_A_PERSON if report.held else DONE


def _pull_on(puller: "Puller", settings: "Settings", every: float, parent: int | None) -> int:
    """Pulls again and again; a trouble is told when it begins, and when it is over."""
    from kb.base import gc_tuning
    from kb.jobs import watch
    from kb.jobs.pull import pause

    is_wanted, failures, held = watch.while_parent(parent), 0, ""
    while is_wanted():
        try:
            report = puller.pull()
            if report.is_new or report.held != held or failures:
                _print_pulled(report, settings)
            failures, held = 0, report.held
        except KBError as error:
            failures += 1
            if puller.note(error) or failures == 1:
                fail(said(error.message, settings))
        gc_tuning.collect()
        _wait(pause(failures, every), is_wanted)
    return DONE


def _wait(seconds: float, is_wanted: "Callable[[], bool]") -> None:
    ends = time.monotonic() + seconds
    while is_wanted() and (left := ends - time.monotonic()) > 0:
        time.sleep(min(left, _TICK))


def _print_pulled(report: "PullReport", settings: "Settings") -> None:
    if report.held:
        held = Message(
            "Build {build} goes on: that of the source was rolled back here; the next one is"
            " taken.",
            build=report.build,
        )
        tell(settings, held)
    elif not report.is_new:
        tell(settings, Message("Nothing new: build {build}.", build=report.build))
    else:
        new = Message(
            "Build {build}: {n} file fetched, {size} MB in {seconds} s.",
            "Build {build}: {n} files fetched, {size} MB in {seconds} s.",
            **_figures(report),
        )
        tell(settings, new)


def _figures(report: "PullReport | PushReport") -> dict[str, Any]:
    """What the line about a pull or a push tells of it."""
    return {
        "n": report.files,
        "build": report.build,
        "size": f"{report.bytes / 2**20:.1f}",
        "seconds": f"{report.seconds:.1f}",
    }


def _pulled_json(report: "PullReport") -> dict[str, object]:
    """A pull as JSON values: schema `Pulled`."""
    return {
        "build": report.build,
        "new": report.is_new,
        "held": report.held,
        "files": report.files,
        "bytes": report.bytes,
        "seconds": round(report.seconds, 3),
    }


@click.command()
@click.argument("url")
@json_option
@folder_options
def push(url: str, as_json: bool, articles: Path | None, data: Path | None) -> int:
    """Put the published build into a folder or store that other machines pull from.

    URL is a folder, such as one that all machines have mounted, or a store that fsspec knows. Files
    come first, the name of the build last. With KB_BUILDS_SECRET the listing is signed.

    \b
    kb index && kb push /mnt/help
    kb push s3://bucket/help     needs kb-search[pull] and s3fs
    """
    from kb.jobs import build_sources
    from kb.jobs.push import push as put

    settings = load_settings(articles=articles, data=data)
    report = put(settings, build_sources.store(url))
    if as_json:
        print_json(_pushed_json(report))
    else:
        told = Message(
            "Build {build}: {n} file put there, {size} MB in {seconds} s.",
            "Build {build}: {n} files put there, {size} MB in {seconds} s.",
            **_figures(report),
        )
        tell(settings, told)
    return DONE


def _pushed_json(report: "PushReport") -> dict[str, object]:
    """A push as JSON values: schema `Pushed`."""
    return {
        "build": report.build,
        "files": report.files,
        "bytes": report.bytes,
        "removed": report.removed,
        "seconds": round(report.seconds, 3),
    }
