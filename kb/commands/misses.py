"""What customers asked in vain: `kb misses`, `kb misses replay`."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    ProgressBar,
    echo,
    echo_lines,
    folder_options,
    json_option,
    load_settings,
    moment,
    opened,
    print_csv,
    print_json,
    print_replay,
    said,
    tell,
)
from kb.searchlog.db.choices import KINDS, STATUSES

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.catalog import LearnedArticle
    from kb.searchlog.db.models import MissGroup, Ticket
    from kb.searchlog.wordings import Proposal

MOST = 1000  # questions in a list


@click.group(invoke_without_command=True)
@click.option("--since", default="30d", show_default=True, help="12h, 7d, 4w or 2026-11-22.")
@click.option(
    "--status",
    type=click.Choice([*STATUSES, "all"]),
    help="Only these; without it all that nobody has solved.",
)
@click.option(
    "--kind",
    type=click.Choice(KINDS),
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
            _PRINT_TICKETS[shape](
                service.log.inbox.tickets(since=moment("--since", since)), settings
            )
            return
        wanted = "" if owner == "-" else owner
        found = service.misses(moment("--since", since), status, MOST + 1, kind=kind, owner=wanted)
        if shape == "json":  # the document of `GET /api/misses`
            groups = [group.shape() for group in found[:MOST]]
            print_json({"groups": groups, "more": len(found) > MOST})
        else:
            _PRINT_MISSES[shape](found[:MOST], settings)
        if len(found) > MOST:
            more = Message(
                "These are the {n} costliest; --since, --kind or --owner narrow.", n=MOST
            )
            tell(settings, more, err=True)


@misses.command()
@click.option(
    "--seconds", type=click.FloatRange(1, 86_400), default=600, show_default=True,
    help="How long to ask, and then to look for causes; the costliest questions come first.",
)  # fmt: skip
@json_option
@folder_options
def replay(seconds: float, as_json: bool, articles: Path | None, data: Path | None) -> int:
    """Ask the open questions again: does the current build answer them?

    Every `kb index` that publishes does this too, for a minute.
    Exit 1 if a question that was answered no longer is.

    \b
    kb misses replay
    """
    settings = load_settings(articles=articles, data=data)
    labels = (Message("Asking questions"), Message("Looking for causes"))
    bar = ProgressBar(*(said(label, settings) for label in labels))
    with opened(settings) as service, bar as progress:
        asked = service.replay(progress, seconds=seconds)
    if as_json:
        print_json(asdict(asked))
    else:
        print_replay(asked.answered, asked.regressed, asked.unasked, settings)
        if not asked.answered and not asked.regressed:
            nothing = Message("Nothing changed: no open question is answered, no answer is lost.")
            tell(settings, nothing)
    return NEEDS_A_PERSON if asked.regressed else DONE


@misses.command()
@click.option("--patch", is_flag=True, help="Print a patch of `answers:` for `git apply` instead.")
@click.option("--synonyms", is_flag=True, help="With --patch, a patch of `synonyms.yml` instead.")
@json_option
@folder_options
def learned(
    patch: bool, synonyms: bool, as_json: bool, articles: Path | None, data: Path | None
) -> None:
    """List what the search learned from readers: lines of articles, and synonyms to add.

    Lines are learned by `kb index` and searched at once; the patch puts them into git. Synonyms are
    proposals: of those that lose no answer the patch holds the first.

    \b
    kb misses learned
    kb misses learned --patch | git apply
    kb misses learned --patch --synonyms | git apply
    """
    settings = load_settings(articles=articles, data=data)
    with opened(settings) as service:
        found, proposals = service.learned(), service.synonym_proposals()
        if patch and synonyms:
            safe = next((each for each in proposals if not each.loses), None)
            text = service.proposed_synonym_patch(safe.word, safe.means) if safe else ""
        elif patch:
            text = service.learned_patch()
    if patch:
        if text:
            echo_lines(text)
    elif as_json:
        print_json(_learned_json(found, proposals))
    else:
        _print_learned(found, proposals, settings)


def _learned_json(
    found: Iterable["LearnedArticle"], proposals: Iterable["Proposal"]
) -> dict[str, Any]:
    return {
        "articles": [
            {
                "slug": article.card.slug,
                "path": article.path,
                "lines": [
                    {"question": line.text, "chosen": line.chosen, "shown": line.shown}
                    for line in article.lines
                ],
            }
            for article in found
        ],
        "synonyms": [asdict(proposal) for proposal in proposals],
    }


def _print_learned(
    found: Iterable["LearnedArticle"], proposals: Iterable["Proposal"], settings: "Settings"
) -> None:
    is_empty = True
    for article in found:
        is_empty = False
        echo(f"{article.path}  {article.card.title}")
        for line in article.lines:
            chosen = Message(
                "{chosen} of {n} asker", "{chosen} of {n} askers", chosen=line.chosen, n=line.shown
            )
            echo(f"  {said(chosen, settings)}  {line.text}")
    for each in proposals:
        is_empty = False
        effect = Message(
            "asked by {askers}, answers {answers}, loses {loses}",
            askers=each.askers,
            answers=len(each.answers),
            loses=len(each.loses),
        )
        synonym = Message("synonym {word} = {means}", word=each.word, means=each.means)
        echo(f"{said(synonym, settings)}  {said(effect, settings)}")
    if is_empty:
        tell(settings, Message("Nothing learned yet."))


_COLUMNS = (
    "id", "question", "visits", "tickets", "kinds", "status", "owner", "category", "cause", "first",
    "last", "answer", "phrasings",
)  # fmt: skip


def _misses_csv(groups: Iterable["MissGroup"], settings: "Settings") -> None:
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
    print_csv([_COLUMNS, *rows], settings.lang)


# Statuses and causes stand below as the options name them.
_HEADS = (
    Message("visits"), Message("last"), Message("status"), Message("cause"), Message("question"),
)  # fmt: skip
_WIDTHS = (6, 10, 9, 8)  # of the first columns, at least


def _misses_table(groups: Iterable["MissGroup"], settings: "Settings") -> None:
    rows = list(groups)
    if not rows:
        nothing = Message("No misses: every finished search was answered, or none was made yet.")
        tell(settings, nothing)
        return
    heads = [said(head, settings) for head in _HEADS]
    visits, last, status, cause = (
        max(*pair) for pair in zip(_WIDTHS, map(len, heads), strict=False)
    )
    table = f"{{:>{visits}}}  {{:<{last}}}  {{:<{status}}}  {{:<{cause}}}  {{}}"
    echo(table.format(*heads))
    for group in rows:
        found = group.triage.cause if group.triage else ""
        question = " ".join(group.question.split())
        day = f"{group.last:%Y-%m-%d}"
        echo(table.format(group.visits, day, group.status, found, question))


_PRINT_MISSES: dict[str, Callable[[Iterable["MissGroup"], "Settings"], None]] = {
    "table": _misses_table,
    "csv": _misses_csv,
}


_TICKET_FIELDS = ("id", "at", "lang", "type", "text", "reply_to", "offered")


def _ticket_row(ticket: "Ticket") -> dict[str, Any]:
    return {name: getattr(ticket, name) for name in _TICKET_FIELDS}


def _tickets_json(tickets: Iterable["Ticket"], settings: "Settings") -> None:
    print_json({"tickets": [_ticket_row(ticket) for ticket in tickets]})


def _tickets_csv(tickets: Iterable["Ticket"], settings: "Settings") -> None:
    rows = (
        (_ticket_row(ticket) | {"offered": ", ".join(ticket.offered)}).values()
        for ticket in tickets
    )
    print_csv([_TICKET_FIELDS, *map(tuple, rows)], settings.lang)


def _tickets_table(tickets: Iterable["Ticket"], settings: "Settings") -> None:
    rows = list(tickets)
    if not rows:
        tell(settings, Message("No letters: nobody wrote to support from these pages."))
        return
    for ticket in rows:
        first = " ".join(ticket.text.split())
        echo(f"{ticket.at:%Y-%m-%d %H:%M}  {ticket.reply_to or '–':<28}  {first[:100]}")


_PRINT_TICKETS: dict[str, Callable[[Iterable["Ticket"], "Settings"], None]] = {
    "table": _tickets_table,
    "csv": _tickets_csv,
    "json": _tickets_json,
}
