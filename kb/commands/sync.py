"""Follows the articles' repository: `kb sync`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kb.base.errors import KBError
from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    FAILED,
    NEEDS_A_PERSON,
    fail,
    folder_options,
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
    from kb.content.status import Synced
    from kb.service import KnowledgeBase


AGAIN = 60.0  # seconds until a push that could not be pulled is tried again


@click.command()
@click.option(
    "--on-notice", is_flag=True,
    help="Go on: sync whenever a push is announced to POST /hooks/git.",
)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Say only what is new: for schedules.")
@click.option("--while-parent", type=int, hidden=True)
@json_option
@folder_options
def sync(
    on_notice: bool,
    quiet: bool,
    while_parent: int | None,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Pull the articles' repository, index and publish.

    Nothing but the next commits of the branch is taken, and edits that were never committed stay.
    Whatever goes wrong, the old build goes on serving, and the leads are told.
    Exit 1 if a person must look, 2 if the repository could not be pulled or indexed.

    \b
    kb sync
    kb sync --quiet              from cron: the same trouble is told once
    """
    from kb.jobs import sync as syncing

    settings = load_settings(quiet=while_parent is not None, articles=articles, data=data)
    require_own_builds(settings, "`kb sync`")
    with opened(settings, engine="arrays") as service:
        if on_notice:
            return _sync_on_every_notice(service, settings, while_parent)
        result = syncing.sync(service)
    if as_json:
        print_json(_result_json(result))
    elif not quiet or result.is_new:
        _print_result(result, settings)
    return _exit_code(result)


def _exit_code(result: "Synced") -> int:
    if result.outcome == "failed":
        return FAILED
    return NEEDS_A_PERSON if result.trouble or result.regressed else DONE


def _sync_on_every_notice(
    service: "KnowledgeBase", settings: "Settings", parent: int | None
) -> int:
    """First indexes what changed while nobody looked, then waits."""
    import logging

    from kb.base import gc_tuning
    from kb.git.push_queue import Notices
    from kb.jobs import sync as syncing
    from kb.jobs import watch

    try:
        service.rebuild(careful=True)
    except KBError as error:
        fail(said(error.message, settings))
    notices = Notices(settings.data)
    gc_tuning.collect()
    for _ in notices.follow(watch.while_parent(parent)):
        try:
            result = syncing.sync(service)
            _print_result(result, settings)
            if result.outcome == "failed":
                notices.again(AGAIN)
        except KBError as error:
            fail(said(error.message, settings))
        except Exception:  # the next push must find somebody who listens
            logging.getLogger("kb").exception("a push could not be followed")
        finally:
            gc_tuning.collect()
    return DONE


def _print_result(result: "Synced", settings: "Settings") -> None:
    for problem in result.rejected:
        print_problem(problem, settings, err=True)
    if result.message:
        fail(said(result.message, settings))
        return
    facts = {"branch": result.branch, "commit": result.commit[:12], "build": result.build}
    if result.outcome == "published":
        tell(settings, Message("Published: {branch} at {commit} (build {build}).", **facts))
    else:
        tell(settings, Message("Nothing new: {branch} at {commit} (build {build}).", **facts))
    if result.rejected:
        rejected = Message(
            "{n} article rejected; correct and push again.",
            "{n} articles rejected; correct and push again.",
            n=len(result.rejected),
        )
        tell(settings, rejected)
    print_replay(result.answered, result.regressed, result.unasked, settings)


def _result_json(result: "Synced") -> dict[str, object]:
    return {
        "outcome": result.outcome,
        "code": result.code,
        "message": result.message,
        "branch": result.branch,
        "commit": result.commit,
        "build": result.build,
        "at": result.at,
        "since": result.since,
        "rejected": rejected_json(result.rejected),
        "answered": list(result.answered),
        "regressed": list(result.regressed),
        "unasked": result.unasked,
    }
