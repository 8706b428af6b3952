"""Makes and unmakes builds: `kb index`, `kb rollback`."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base import escaping
from kb.base.messages import Message, joined
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    ProgressBar,
    counted_articles,
    fail,
    folder_options,
    is_terminal,
    json_option,
    load_settings,
    opened,
    print_json,
    print_problem,
    print_replay,
    rejected_json,
    require_own_builds,
    said,
    tell,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.indexer import BuildReport
    from kb.service import KnowledgeBase


@click.command()
@click.option("--full", is_flag=True, help="Build afresh instead of only what changed.")
@click.option("--strict", is_flag=True, help="Publish nothing if any article is rejected.")
@click.option(
    "--careful", is_flag=True,
    help="Publish nothing that loses a served article, or that was rolled back.",
)  # fmt: skip
@click.option("--empty", is_flag=True, help="Publish even if the folder holds no article any more.")
@click.option("--watch", is_flag=True, help="Go on: index again whenever an article is saved.")
@click.option("--while-parent", type=int, hidden=True)
@json_option
@folder_options
def index(
    full: bool,
    strict: bool,
    careful: bool,
    empty: bool,
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
    settings = load_settings(quiet=while_parent is not None, articles=articles, data=data)
    require_own_builds(settings, "`kb index`")
    # The questions of the log are asked of the build that was just made, whatever serves readers.
    with opened(settings, asks=False, engine="arrays") as service:
        if watch:
            return _index_on_every_save(service, settings, strict, while_parent)
        report = _rebuilt(service, full=full, strict=strict, careful=careful, may_empty=empty)
        if report.withheld == "empty" and not careful and _may_empty(settings, report.articles):
            report = _rebuilt(service, full=full, strict=strict, may_empty=True)
    if as_json:
        print_json(_report_json(report))
    else:
        _print_report(report, settings)
    return NEEDS_A_PERSON if report.rejected or report.regressed or report.withheld else DONE


def _rebuilt(service: "KnowledgeBase", **options: bool) -> "BuildReport":
    say = partial(said, settings=service.settings)
    labels = (Message("Indexing"), Message("Asking questions"), Message("Looking for causes"))
    with ProgressBar(*map(say, labels), lines=True) as progress:
        return service.rebuild(
            progress=progress, resumed=partial(_say_resumed, service.settings), **options
        )


def _say_resumed(settings: "Settings", number: int) -> None:
    """Says how many articles an indexing that was interrupted had rendered."""
    told = Message(
        "Going on where indexing was interrupted: {n} article is rendered already.",
        "Going on where indexing was interrupted: {n} articles are rendered already.",
        n=number,
    )
    tell(settings, told, err=True)


def _may_empty(settings: "Settings", served: int) -> bool:
    """Asks whoever sits at the terminal; nobody there means no."""
    if not is_terminal():
        return False
    question = Message(
        "{folder} holds no article. Take {articles} off the site?",
        folder=str(settings.articles),
        articles=counted_articles(served),
    )
    return click.confirm(escaping.line(said(question, settings)), err=True)


def _index_on_every_save(
    service: "KnowledgeBase", settings: "Settings", strict: bool, parent: int | None
) -> int:
    from kb.jobs import watch

    def told(report: "BuildReport") -> None:
        if report.published or report.rejected:
            _print_report(report, settings)

    watch.follow(
        service,
        told,
        lambda error: fail(said(error.message, settings)),
        strict=strict,
        is_wanted=watch.while_parent(parent),
    )
    return DONE


def _report_json(report: "BuildReport") -> dict[str, Any]:
    return {
        "build": report.build,
        "published": report.published,
        "held": report.withheld,
        "articles": report.articles,
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "learned": report.learned,
        "resumed": report.resumed,
        "rejected": rejected_json(report.rejected),
        "skipped": report.skipped,
        "dialects": dict(report.dialects),
        "reasons": {folder: report.reasons[folder] for folder in report.dialects},
        "navigations": list(report.navigations),
        "seconds": round(report.seconds, 3),
        "answered": list(report.answered),
        "regressed": list(report.regressed),
        "unasked": report.unasked,
    }


# Why nothing was published, and what to do.
_HELD = {
    "rejected": Message("Nothing published: correct the articles above, or run without --strict."),
    "would-lose": Message(
        "Nothing published: articles served now cannot be read any more; correct those above, or"
        " run without --careful to do without them."
    ),
    "empty": Message(
        "Nothing published: the folder holds no article any more; bring them back, or run with"
        " --empty alone."
    ),
    "withdrawn": Message(
        "Nothing published: these articles were rolled back; change them, or run without --careful."
    ),
}


def _print_report(report: "BuildReport", settings: "Settings") -> None:
    for problem in report.rejected:
        print_problem(problem, settings, err=True)
    tell(settings, _outcome(report, partial(said, settings=settings)))
    if report.published:
        for problem in report.warnings:
            if problem.code.startswith("attachment-"):
                print_problem(problem, settings, err=True)
        _print_dialects(report, settings)
        if report.navigations:
            order = Message("Topics and order from {files}.", files=", ".join(report.navigations))
            tell(settings, order)
    for remark in _remarks(report, settings):
        tell(settings, remark)
    print_replay(report.answered, report.regressed, report.unasked, settings)


def _outcome(report: "BuildReport", say: Callable[[str], str]) -> Message:
    """What became of the build, in one sentence."""
    articles = counted_articles(report.articles)
    if report.published:
        changes = [
            (report.added, Message("{n} added", n=report.added)),
            (report.changed, Message("{n} changed", n=report.changed)),
            (report.removed, Message("{n} removed", n=report.removed)),
            (report.learned, Message("{n} with other learned lines", n=report.learned)),
        ]
        done = ", ".join(say(change) for number, change in changes if number)
        return Message(
            "Indexed {articles} in {seconds} s: {changes} (build {build}).",
            articles=articles,
            seconds=f"{report.seconds:.1f}",
            changes=done or Message("built afresh"),
            build=report.build,
        )
    if report.withheld:
        return _HELD[report.withheld]
    return Message(
        "Nothing changed: {articles} (build {build}).", articles=articles, build=report.build
    )


_MOST_PATHS = 5  # that are named


def _left_out(paths: list[str]) -> Iterator[Message]:
    named, more = ", ".join(paths[:_MOST_PATHS]), len(paths) - _MOST_PATHS
    if more > 0:
        yield Message(
            "Left out: {paths} and {n} more; `kb check` says why.",
            "Left out: {paths} and {n} more; `kb check` says why.",
            paths=named, n=more,
        )  # fmt: skip
    elif paths:
        yield Message("Left out: {paths}; `kb check` says why.", paths=named)


def _remarks(report: "BuildReport", settings: "Settings") -> Iterator[Message]:
    if report.skipped:
        yield Message(
            "{n} file for others to include: no articles themselves.",
            "{n} files for others to include: no articles themselves.",
            n=report.skipped,
        )
    unserved = [each.path for each in report.warnings if each.code == "not-served"]
    if report.published and unserved:
        yield Message(
            "Left out, being in languages that KB_LANGS does not name: {folders}.",
            folders=", ".join(unserved),
        )
    if report.published and (report.added or report.removed):
        whole = f"{settings.articles.resolve().name}/"  # said of files that lie in it
        paths = [each.path for each in report.warnings if each.code == "left-out"]
        yield from _left_out([whole if path == "." else path for path in paths])
    if report.published and report.remote_images and not settings.remote_images:
        yield Message(
            "{n} image of other sites shown as links; KB_REMOTE_IMAGES=yes shows them.",
            "{n} images of other sites shown as links; KB_REMOTE_IMAGES=yes shows them.",
            n=report.remote_images,
        )
    if report.rejected:
        yield Message(
            "{n} article rejected; correct and run again.",
            "{n} articles rejected; correct and run again.",
            n=len(report.rejected),
        )


def _print_dialects(report: "BuildReport", settings: "Settings") -> None:
    """Which folders are read as another tool's, and why."""
    from kb.content.tools import NAMES

    told: dict[str, list[Message]] = defaultdict(list)
    for folder, tool in sorted(report.dialects.items()):
        if tool in NAMES:
            where = Message(
                "{folder} ({reason})", folder=folder or ".", reason=report.reasons[folder]
            )
            told[NAMES[tool]].append(where)
    for name, folders in sorted(told.items()):
        tell(
            settings,
            Message("Read as {tool}: {folders}.", tool=name, folders=joined(folders, ", ")),
        )


@click.command()
@folder_options
def rollback(articles: Path | None, data: Path | None) -> None:
    """Serve the build before the current one again.

    Running servers take it up within a second. No server and no `kb sync` publishes again what was
    left; the next change of an article does, or `kb index`.

    \b
    kb rollback
    """
    settings = load_settings(articles=articles, data=data)
    with opened(settings) as service:
        build = service.rollback()
    served = counted_articles(int(build.manifest.get("articles", 0)))
    tell(
        settings,
        Message("Serving build {build} again: {articles}.", build=build.name, articles=served),
    )
