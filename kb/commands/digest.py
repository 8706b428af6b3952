"""Letters to leads and owners: `kb digest`, `kb digest --owners`."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    FAILED,
    echo_lines,
    fail,
    folder_options,
    json_option,
    load_settings,
    opened,
    print_json,
    said,
    say,
    tell,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.base.errors import MailFailed
    from kb.jobs.assignments import Notice


@click.command()
@click.option("--send", is_flag=True, help="Send it by KB_SMTP_URL instead of printing it.")
@click.option("--to", multiple=True, help="Whom to send it to. [KB_LEADS_EMAIL]")
@click.option(
    "--owners", is_flag=True,
    help="Instead tell each owner which questions are theirs now, once a day.",
)  # fmt: skip
@json_option
@folder_options
def digest(
    send: bool,
    to: tuple[str, ...],
    owners: bool,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Tell what the last seven days brought: asked in vain, answered, lost, praised.

    Each reader's letter is in the language named with the address, else in that of KB_LANG.
    Put `kb digest --send` on a schedule for Monday morning, `kb digest --owners --send` for every
    working day: an owner without news gets no letter, and none is told of a question twice.

    \b
    kb digest
    kb digest --send
    kb digest --send --to lead@example.com=en
    kb digest --owners --send    to the mailboxes of owners.yml and of `kb leads`
    """
    if owners and to:
        wrong = Message("--to names readers of the week; owners have their own mailboxes")
        raise click.UsageError(say(wrong))
    settings = load_settings(articles=articles, data=data, leads_email=to or None)
    return (_tell_owners if owners else _tell_week)(settings, send=send, as_json=as_json)


def _tell_week(settings: "Settings", *, send: bool, as_json: bool) -> int:
    from kb.jobs import mail
    from kb.jobs.digest import gather, letter, letters

    with opened(settings) as service:
        week = gather(service, datetime.now(UTC))
    told = letters(week, settings) or [letter(week, settings, ())]
    for each in told if send else ():
        mail.send(settings, each)
    if as_json:
        sent = [box for each in told for box in each.to] * send
        print_json({"subject": told[0].subject, **week.to_json(), "sent": sent})
    elif send:
        for each in told:
            tell(settings, _sent_to(", ".join(each.to), each.subject))
    else:
        echo_lines("\n".join(each.text for each in told))
    return DONE


def _sent_to(mailboxes: str, subject: str) -> Message:
    return Message("Sent to {mailboxes}: {subject}", mailboxes=mailboxes, subject=subject)


def _tell_owners(settings: "Settings", *, send: bool, as_json: bool) -> int:
    from kb.jobs import assignments
    from kb.site import accounts

    now = datetime.now(UTC)
    with opened(settings, asks=False) as service:
        people = accounts.of(settings, service.shared_json).read()
        log = service.log.assignments
        owners, without = assignments.owners(log.owners(), people, settings)
        if send:
            told, failed = _sent(settings, assignments.tell(owners, log, now, _sender(settings)))
        else:
            told, failed = [*assignments.pending(owners, log, now)], 0
    if as_json:
        print_json({"letters": [each.to_json() for each in told], "without": without, "sent": send})
        return FAILED if failed else DONE
    for notice in told:
        letter = assignments.letter(notice, settings)
        if send:
            tell(settings, _sent_to(notice.owner.mailbox, letter.subject))
        else:
            echo_lines(letter.text)
    if not told and not failed:
        tell(settings, Message("No owner has news."))
    for name in without:
        tell(
            settings,
            Message(
                "{name} has no mailbox; write one in owners.yml, or `kb leads add` with --email",
                name=name,
            ),
        )
    return FAILED if failed else DONE


def _sender(settings: "Settings") -> Callable[["Notice"], None]:
    from kb.jobs import assignments, mail

    return lambda notice: mail.send(settings, assignments.letter(notice, settings))


def _sent(
    settings: "Settings", outcomes: "Iterable[tuple[Notice, MailFailed | None]]"
) -> tuple[list["Notice"], int]:
    """The letters that left, and how many did not; each of those is told on stderr."""
    told, failed = [], 0
    for notice, error in outcomes:
        if error is None:
            told.append(notice)
        else:
            fail(said(error.message, settings))
            failed += 1
    return told, failed
