"""What customers asked in vain: `kb misses`, `kb misses replay`."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    Progress,
    folder_options,
    json_option,
    load_settings,
    opened,
    plain,
    print_json,
    print_replay,
)

if TYPE_CHECKING:
    from kb.searchlog import MissGroup, Ticket


@click.group(invoke_without_command=True)
@click.option("--since", default="30d", show_default=True, help="12h, 7d, 4w or 2026-11-22.")
@click.option(
    "--status",
    type=click.Choice(["open", "assigned", "answered", "regressed", "dismissed", "all"]),
    help="Only these; without it all that nobody has solved.",
)
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
    tickets: bool,
    shape: str,
    articles: Path | None,
    data: Path | None,
) -> None:
    """List what customers asked without finding an answer, most asked first.

    \b
    kb misses
    kb misses --since 7d --status regressed
    kb misses --format csv > misses.csv
    kb misses --tickets          what people wrote to support
    """
    if context.invoked_subcommand is not None:
        return
    settings = load_settings(articles=articles, data=data)
    with opened(settings) as service:
        if tickets:
            _PRINT_TICKETS[shape](service.tickets(_moment(since)))
        else:
            _PRINT_MISSES[shape](service.misses(_moment(since), status))


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
    with opened(settings) as service, Progress("Asking") as progress:
        answered, regressed = service.replay(progress)
    if as_json:
        print_json({"answered": answered, "regressed": regressed})
    else:
        print_replay(answered, regressed)
        if not answered and not regressed:
            click.echo("Nothing changed: no open question is answered, no answer is lost.")
    return NEEDS_A_PERSON if regressed else DONE


def _moment(since: str) -> datetime:
    """`7d` ago, or the beginning of a day."""
    unit = {"h": "hours", "d": "days", "w": "weeks"}.get(since[-1:])
    try:
        if unit:
            return datetime.now(UTC) - timedelta(**{unit: float(since[:-1])})
        return datetime.fromisoformat(since).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"--since {since} is no time; write 12h, 7d or 2026-11-22"
        ) from None


_MISS_FIELDS = (
    "id", "question", "phrasings", "visits", "kinds", "status", "owner", "first", "last",
    "triage", "answer",
)  # fmt: skip


def _miss_row(group: "MissGroup") -> dict[str, Any]:
    row = {name: getattr(group, name) for name in _MISS_FIELDS}
    row["phrasings"] = [{"query": query, "visits": visits} for query, visits in group.phrasings]
    row["kinds"] = dict(group.kinds)
    row["answer"] = asdict(group.answer) if group.answer is not None else None
    return row


def _misses_json(groups: Iterable["MissGroup"]) -> None:
    print_json({"groups": [_miss_row(group) for group in groups]})


def _misses_csv(groups: Iterable["MissGroup"]) -> None:
    import csv

    out = csv.writer(sys.stdout)
    out.writerow(_MISS_FIELDS)
    for group in groups:
        row = _miss_row(group)
        row["phrasings"] = " | ".join(query for query, _ in group.phrasings)
        row["kinds"] = ", ".join(f"{kind} {count}" for kind, count in group.kinds.items())
        row["answer"] = group.answer.slug if group.answer is not None else ""
        out.writerow([_cell(value) for value in row.values()])


def _cell(value: Any) -> str:
    """A cell that a spreadsheet shows and never computes."""
    text = str(plain(value) if isinstance(value, datetime) else value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def _misses_table(groups: Iterable["MissGroup"]) -> None:
    rows = list(groups)
    if not rows:
        click.echo("No misses: every finished search was answered, or none was made yet.")
        return
    click.echo(f"{'visits':>6}  {'last':<10}  {'status':<9}  question")
    for group in rows:
        click.echo(f"{group.visits:>6}  {group.last:%Y-%m-%d}  {group.status:<9}  {group.question}")


_PRINT_MISSES: dict[str, Callable[[Iterable["MissGroup"]], None]] = {
    "table": _misses_table,
    "csv": _misses_csv,
    "json": _misses_json,
}


_TICKET_FIELDS = ("id", "at", "lang", "type", "text", "reply_to", "offered")


def _ticket_row(ticket: "Ticket") -> dict[str, Any]:
    return {name: getattr(ticket, name) for name in _TICKET_FIELDS}


def _tickets_json(tickets: Iterable["Ticket"]) -> None:
    print_json({"tickets": [_ticket_row(ticket) for ticket in tickets]})


def _tickets_csv(tickets: Iterable["Ticket"]) -> None:
    import csv

    out = csv.writer(sys.stdout)
    out.writerow(_TICKET_FIELDS)
    for ticket in tickets:
        row = _ticket_row(ticket) | {"offered": ", ".join(ticket.offered)}
        out.writerow([_cell(value) for value in row.values()])


def _tickets_table(tickets: Iterable["Ticket"]) -> None:
    rows = list(tickets)
    if not rows:
        click.echo("No letters: nobody wrote to support from these pages.")
        return
    for ticket in rows:
        first = " ".join(ticket.text.split())
        click.echo(f"{ticket.at:%Y-%m-%d %H:%M}  {ticket.reply_to or '–':<28}  {first[:100]}")


_PRINT_TICKETS: dict[str, Callable[[Iterable["Ticket"]], None]] = {
    "table": _tickets_table,
    "csv": _tickets_csv,
    "json": _tickets_json,
}
