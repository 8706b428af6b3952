"""What customers asked in vain: `kb misses`, `kb misses replay`."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb import periods, sheets
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    Progress,
    folder_options,
    json_option,
    load_settings,
    opened,
    print_json,
    print_replay,
)

if TYPE_CHECKING:
    from kb.searchlog import MissGroup, Ticket

# As `searchlog` has them; importing it would make every command wait for SQLAlchemy.
_STATUSES = ("open", "assigned", "answered", "regressed", "dismissed")
_KINDS = (
    "filtered", "none", "weak", "rescued", "refined", "ignored", "ticketed", "unhelpful",
)  # fmt: skip


@click.group(invoke_without_command=True)
@click.option("--since", default="30d", show_default=True, help="12h, 7d, 4w or 2026-11-22.")
@click.option(
    "--status",
    type=click.Choice([*_STATUSES, "all"]),
    help="Only these; without it all that nobody has solved.",
)
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    help="Only questions missed in this way, or that led to a letter or a bad vote.",
)
@click.option("--owner", metavar="NAME", help="Only this person's questions; `-` means nobody's.")
@click.option("--tickets", is_flag=True, help="List the letters of the contact form instead.")
@click.option(
    "--format", "shape", type=click.Choice(["table", "csv", "json"]), default="table",
    show_default=True,
)  # fmt: skip
@folder_options
@click.pass_context
def misses(
    context: click.Context,
    since: str,
    status: str | None,
    kind: str | None,
    owner: str | None,
    tickets: bool,
    shape: str,
    articles: Path | None,
    data: Path | None,
) -> None:
    """List what customers asked without finding an answer, what costs most first.

    CSV is made for spreadsheets: with KB_LANG=ru cells are parted by semicolons, as a Russian
    Excel expects.

    \b
    kb misses
    kb misses --since 7d --status regressed
    kb misses --kind ticketed --owner "Анна Кедрова"
    kb misses --format csv > misses.csv
    kb misses --tickets          what people wrote to support
    """
    if context.invoked_subcommand is not None:
        return
    settings = load_settings(articles=articles, data=data)
    with opened(settings) as service:
        if tickets:
            _PRINT_TICKETS[shape](service.tickets(_moment(since)), settings.lang)
            return
        wanted = "" if owner == "-" else owner
        found = service.misses(_moment(since), status, kind=kind, owner=wanted)
        _PRINT_MISSES[shape](found, settings.lang)


@misses.command()
@json_option
@folder_options
def replay(as_json: bool, articles: Path | None, data: Path | None) -> int:
    """Ask every open question again: does the current build answer it?

    Every `kb index` that publishes does this too.
    Exit 1 if a question that was answered no longer is.

    \b
    kb misses replay
    """
    settings = load_settings(articles=articles, data=data)
    with opened(settings) as service, Progress("Asking", "Looking for causes") as progress:
        answered, regressed = service.replay(progress)
    if as_json:
        print_json({"answered": answered, "regressed": regressed})
    else:
        print_replay(answered, regressed)
        if not answered and not regressed:
            click.echo("Nothing changed: no open question is answered, no answer is lost.")
    return NEEDS_A_PERSON if regressed else DONE


def _moment(since: str) -> datetime:
    try:
        return periods.since(since, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(f"--since {error}") from None


def _misses_json(groups: Iterable["MissGroup"], lang: str) -> None:
    print_json({"groups": [group.shape() for group in groups]})


_COLUMNS = (
    "id", "question", "visits", "tickets", "kinds", "status", "owner", "category", "cause", "first",
    "last", "answer", "phrasings",
)  # fmt: skip


def _misses_csv(groups: Iterable["MissGroup"], lang: str) -> None:
    rows = (
        (
            group.id, group.question, group.visits, group.tickets,
            ", ".join(f"{kind} {count}" for kind, count in group.kinds.items()), group.status,
            group.owner, group.category, group.triage.cause if group.triage else "", group.first,
            group.last, group.answer.slug if group.answer else "",
            " | ".join(query for query, _ in group.phrasings),
        )
        for group in groups
    )  # fmt: skip
    click.echo(sheets.table([_COLUMNS, *rows], lang=lang), nl=False)


def _misses_table(groups: Iterable["MissGroup"], lang: str) -> None:
    rows = list(groups)
    if not rows:
        click.echo("No misses: every finished search was answered, or none was made yet.")
        return
    click.echo(f"{'visits':>6}  {'last':<10}  {'status':<9}  {'cause':<8}  question")
    for group in rows:
        cause = group.triage.cause if group.triage else ""
        click.echo(
            f"{group.visits:>6}  {group.last:%Y-%m-%d}  {group.status:<9}  {cause:<8}  "
            + " ".join(group.question.split())
        )


_PRINT_MISSES: dict[str, Callable[[Iterable["MissGroup"], str], None]] = {
    "table": _misses_table,
    "csv": _misses_csv,
    "json": _misses_json,
}


_TICKET_FIELDS = ("id", "at", "lang", "type", "text", "reply_to", "offered")


def _ticket_row(ticket: "Ticket") -> dict[str, Any]:
    return {name: getattr(ticket, name) for name in _TICKET_FIELDS}


def _tickets_json(tickets: Iterable["Ticket"], lang: str) -> None:
    print_json({"tickets": [_ticket_row(ticket) for ticket in tickets]})


def _tickets_csv(tickets: Iterable["Ticket"], lang: str) -> None:
    rows = (
        (_ticket_row(ticket) | {"offered": ", ".join(ticket.offered)}).values()
        for ticket in tickets
    )
    click.echo(sheets.table([_TICKET_FIELDS, *map(tuple, rows)], lang=lang), nl=False)


def _tickets_table(tickets: Iterable["Ticket"], lang: str) -> None:
    rows = list(tickets)
    if not rows:
        click.echo("No letters: nobody wrote to support from these pages.")
        return
    for ticket in rows:
        first = " ".join(ticket.text.split())
        click.echo(f"{ticket.at:%Y-%m-%d %H:%M}  {ticket.reply_to or '–':<28}  {first[:100]}")


_PRINT_TICKETS: dict[str, Callable[[Iterable["Ticket"], str], None]] = {
    "table": _tickets_table,
    "csv": _tickets_csv,
    "json": _tickets_json,
}
