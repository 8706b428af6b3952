"""Makes and unmakes builds: `kb index`, `kb rollback`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    Progress,
    count_of,
    fail,
    folder_options,
    json_option,
    load_settings,
    opened,
    print_json,
    print_replay,
    problem_line,
    rejected_json,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kb.config import Settings
    from kb.indexer import BuildReport
    from kb.service import KnowledgeBase


@click.command()
@click.option("--full", is_flag=True, help="Build afresh instead of only what changed.")
@click.option("--strict", is_flag=True, help="Publish nothing if any article is rejected.")
@click.option(
    "--careful", is_flag=True,
    help="Publish nothing that loses a served article, or that was rolled back.",
)  # fmt: skip
@click.option("--watch", is_flag=True, help="Go on: index again whenever an article is saved.")
@click.option("--while-parent", type=int, hidden=True)
@json_option
@folder_options
def index(
    full: bool,
    strict: bool,
    careful: bool,
    watch: bool,
    while_parent: int | None,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Bring the index up to date and publish it whole.

    Searches go on in the old build until the new one is complete.
    Exit 1 if an article was rejected or a question lost its answer.

    \b
    kb index
    kb index --strict --json     in a pipeline: all articles or no change
    kb index --careful           on a schedule, where nobody looks
    kb index --full              after an upgrade
    """
    settings = load_settings(articles=articles, data=data)
    with opened(settings, asks=False) as service:
        if watch:
            return _index_on_every_save(service, settings, strict, while_parent)
        with Progress("Indexing", "Asking questions", "Looking for causes") as progress:
            report = service.rebuild(full=full, strict=strict, careful=careful, progress=progress)
    if as_json:
        print_json(_report_json(report))
    else:
        _print_report(report, settings)
    return NEEDS_A_PERSON if report.rejected or report.regressed or report.held else DONE


def _index_on_every_save(
    service: "KnowledgeBase", settings: "Settings", strict: bool, parent: int | None
) -> int:
    from kb import watch

    def told(report: "BuildReport") -> None:
        if report.published or report.rejected:
            _print_report(report, settings)

    watch.follow(
        service,
        told,
        lambda error: fail(str(error)),
        strict=strict,
        is_wanted=watch.while_parent(parent),
    )
    return DONE


def _report_json(report: "BuildReport") -> dict[str, Any]:
    return {
        "build": report.build,
        "published": report.published,
        "held": report.held,
        "articles": report.articles,
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "rejected": rejected_json(report.rejected),
        "skipped": report.skipped,
        "dialects": dict(report.dialects),
        "seconds": round(report.seconds, 3),
        "answered": list(report.answered),
        "regressed": list(report.regressed),
    }


# Why nothing was published, and what to do.
_HELD = {
    "rejected": "correct the articles above, or run without --strict",
    "would-lose": "articles served now cannot be read any more; correct those above, or run"
    " without --careful to do without them",
    "empty": "the folder holds no article any more; bring them back, or run without --careful",
    "withdrawn": "these articles were rolled back; change them, or run without --careful",
}


def _print_report(report: "BuildReport", settings: "Settings") -> None:
    for problem in report.rejected:
        click.echo(problem_line(problem, settings), err=True)
    changes = [
        f"{number} {word}"
        for number, word in (
            (report.added, "added"),
            (report.changed, "changed"),
            (report.removed, "removed"),
        )
        if number
    ]
    articles = count_of(report.articles, "article")
    if report.published:
        click.echo(
            f"Indexed {articles} in {report.seconds:.1f} s: {', '.join(changes) or 'built afresh'}"
            f" (build {report.build})."
        )
    elif report.held:
        click.echo(f"Nothing published: {_HELD[report.held]}.")
    else:
        click.echo(f"Nothing changed: {articles} (build {report.build}).")
    if report.published:
        _print_dialects(report.dialects)
    if report.skipped:
        click.echo(f"{count_of(report.skipped, '.mdx file')} skipped: only Markdown is read.")
    if report.rejected:
        click.echo(f"{count_of(len(report.rejected), 'article')} rejected; correct and run again.")
    print_replay(report.answered, report.regressed)


def _print_dialects(spoken: "Mapping[str, str]") -> None:
    """Which folders are read as another tool's."""
    from kb.dialects import NAMES

    for dialect in sorted(set(spoken.values())):
        folders = sorted(folder or "." for folder in spoken if spoken[folder] == dialect)
        click.echo(f"Read as {NAMES[dialect]}: {', '.join(folders)}.")


@click.command()
@folder_options
def rollback(articles: Path | None, data: Path | None) -> None:
    """Serve the build before the current one again.

    Running servers take it up within a second. No server and no `kb sync` publishes again what was
    left; the next change of an article does, or `kb index`.

    \b
    kb rollback
    """
    with opened(load_settings(articles=articles, data=data)) as service:
        build = service.rollback()
    articles_ = count_of(int(build.manifest.get("articles", 0)), "article")
    click.echo(f"Serving build {build.name} again: {articles_}.")
