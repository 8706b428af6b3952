"""Letters to support, and what is delivered: `kb letters`, with `send` and `retry`."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    echo,
    folder_options,
    json_option,
    load_settings,
    opened,
    print_json,
    said,
    tell,
)
from kb.searchlog.db.choices import STATES

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.searchlog.db.letter_models import Delivery, Letter
    from kb.service import KnowledgeBase

_LISTED = 100  # letters


@click.group(invoke_without_command=True)
@click.option("--state", type=click.Choice(STATES), help="Only letters of this state.")
@click.option("--owner", metavar="NAME", help="Only this person's letters; `-` means nobody's.")
@json_option
@folder_options
@click.pass_context
def letters(
    context: click.Context,
    state: str | None,
    owner: str | None,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> int | None:
    """List letters to support, the newest first, and deliveries that are stuck.

    Exit 1 if a delivery is stuck: it was tried five times in vain, or given up after a week.

    \b
    kb letters
    kb letters --state new --owner "Анна Кедрова"
    kb letters send              from cron, where `kb serve` does not run
    kb letters retry             once the receiver is well again
    """
    if context.invoked_subcommand is not None:
        return None
    from kb.searchlog.db.letter_models import LetterFilter

    settings = load_settings(articles=articles, data=data)
    wanted = LetterFilter(state or "", owner="" if owner == "-" else owner)
    with opened(settings, asks=False) as service:
        found = service.log.letters.find(wanted, limit=_LISTED, first=settings.first_plans)
        health, stuck = service.log.outbox.health(), service.log.outbox.stuck()
    if as_json:
        print_json(
            {
                "letters": [_letter_json(letter) for letter in found.letters],
                "total": found.total,
                "waiting": health.waiting,
                "stuck": [_delivery_json(each) for each in stuck],
            }
        )
    else:
        _print(settings, found.letters, found.total, stuck)
    return NEEDS_A_PERSON if health.stuck else DONE


def _print(
    settings: "Settings",
    found: "tuple[Letter, ...]",
    total: int,
    stuck: "list[Delivery]",
) -> None:
    for letter in found:
        first = letter.subject or " ".join(letter.text.split())
        echo(
            f"{letter.at:%Y-%m-%d %H:%M}  {letter.number}  {letter.state:<8}  "
            f"{letter.owner or '–':<20}  {first[:60]}"
        )
    if not found:
        tell(settings, Message("There are no such letters."))
    elif total > len(found):
        echo(f"… {total}", err=True)
    for each in stuck:
        told = Message(
            "Not delivered since {moment}: {channel}, {n} tries, {trouble}",
            moment=f"{each.at:%Y-%m-%d %H:%M}", channel=each.channel, n=each.attempts,
            trouble=each.trouble,
        )  # fmt: skip
        echo(said(told, settings), err=True)


def _letter_json(letter: "Letter") -> dict[str, Any]:
    names = ("number", "at", "state", "owner", "type", "plan", "subject", "email", "replied")
    return {name: getattr(letter, name) for name in names} | {"group": letter.group or None}


def _delivery_json(each: "Delivery") -> dict[str, Any]:
    names = ("id", "channel", "what", "letter", "at", "state", "attempts", "due", "trouble")
    return {name: getattr(each, name) for name in names}


@letters.command()
@click.option("--while-parent", type=int, hidden=True)
@json_option
@folder_options
def send(while_parent: int | None, as_json: bool, articles: Path | None, data: Path | None) -> int:
    """Deliver what waits: `kb serve` does it by itself, a schedule where it does not run.

    Exit 1 if something was not taken; it is tried again, ever more seldom, for a week.

    \b
    kb letters send
    """
    from kb.jobs import announcements, delivery
    from kb.letters.attachments import AttachmentFolder

    settings = load_settings(quiet=while_parent is not None, articles=articles, data=data)
    with opened(settings, asks=False) as service:
        files = AttachmentFolder(settings.data)
        if while_parent is not None:
            _deliver_while(service, settings, while_parent)
            return DONE
        service.announce()
        announcements.queue_due(service, settings)
        done = delivery.Deliverer(settings, service.log, service.now).deliver_due()
        delivery.tidy(service.log, service.now, files)
    if as_json:
        print_json({"sent": done.sent, "failed": done.failed})
    else:
        tell(
            settings,
            Message("Delivered: {sent}; not taken: {failed}.", sent=done.sent, failed=done.failed),
        )
    return NEEDS_A_PERSON if done.failed else DONE


def _deliver_while(service: "KnowledgeBase", settings: "Settings", parent: int) -> None:
    """Delivers until the parent has gone; waits for a log that cannot be opened yet."""
    import logging
    from time import sleep

    from kb.base.errors import LogUnavailable
    from kb.jobs import announcements, delivery, watch
    from kb.letters.attachments import AttachmentFolder

    goes_on = watch.while_parent(parent)
    while goes_on():
        try:
            deliverer = delivery.Deliverer(settings, service.log, service.now)
        except LogUnavailable as error:
            logging.getLogger("kb").warning("letters wait in the log: %s", error)
            sleep(5)
            continue
        files = AttachmentFolder(settings.data)
        announce = partial(announcements.queue_due, service, settings)
        delivery.run(
            deliverer, service.log, service.now, files, goes_on, announce=announce,
            look=service.announce,
        )  # fmt: skip


@letters.command()
@folder_options
def retry(articles: Path | None, data: Path | None) -> int:
    """Make what was not delivered due at once, also what was given up.

    \b
    kb letters retry
    """
    settings = load_settings(articles=articles, data=data)
    with opened(settings, asks=False) as service:
        n = service.log.outbox.retry(datetime.now(UTC))
    tell(settings, Message("Due at once: {n}.", n=n))
    return DONE
