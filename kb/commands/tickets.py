"""What the articles answer of a support queue: `kb tickets`."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    ProgressBar,
    Styled,
    echo,
    folder_options,
    json_option,
    load_settings,
    opened,
    print_json,
    said,
    terminal_lang,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.service import KnowledgeBase
    from kb.tickets.answering import Answered
    from kb.tickets.estimate import Part, Share
    from kb.tickets.models import Ticket
    from kb.tickets.report import Question, Queue, Report

Command = TypeVar("Command", bound=Callable[..., Any])

_PROCESSES = min(4, os.cpu_count() or 1)
_LISTED = 10  # rows of each table on a terminal
_ANSWER = 300  # characters of a short answer


def _column(name: str, what: str) -> Callable[[Command], Command]:
    return click.option(f"--{name}", metavar="COLUMN", help=f"Column of {what}; - for none.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--zendesk", "kind", flag_value="zendesk", help="FILE is JSON of Zendesk.")
@click.option("--intercom", "kind", flag_value="intercom", help="FILE is JSON of Intercom.")
@_column("text", "the letter")
@_column("subject", "its subject")
@_column("type", "its type")
@_column("opened", "the time it came")
@_column("replied", "the time of the first reply, or how long it took")
@_column("answer", "the reply, whose links to articles count")
@click.option("--encoding", help="utf-8, cp1251, utf-16 …; found out without it.")
@click.option("--delimiter", help="What parts the cells; found out without it.")
@click.option("--label", "labelling", is_flag=True, help="Judge random tickets at the terminal.")
@click.option(
    "--labels", "label_file", type=click.Path(dir_okay=False, path_type=Path),
    help="File of what was judged; FILE.labels.jsonl without it.",
)  # fmt: skip
@click.option(
    "--most", type=click.IntRange(1, 100_000), default=200, show_default=True,
    help="Tickets to judge, those judged before included.",
)  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Of the order of judging.")
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.html, report.json, questions.csv, types.csv and answers.patch.",
)  # fmt: skip
@click.option(
    "--processes", type=click.IntRange(1, 64), default=_PROCESSES, show_default=True,
    help="How many processes ask the search.",
)  # fmt: skip
@json_option
@folder_options
def tickets(
    file: Path,
    kind: str | None,
    encoding: str | None,
    delimiter: str | None,
    labelling: bool,
    label_file: Path | None,
    most: int,
    seed: int,
    folder: Path | None,
    processes: int,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
    **columns: str | None,
) -> int:
    """What share of a support queue do the articles answer, and what do they miss?

    FILE is a CSV of any help desk: its columns are guessed, told, and named by options where the
    guess is wrong. Personal data is replaced before anything is printed or written.

    \b
    kb tickets tickets.csv
    kb tickets tickets.csv --text "Описание" --type "Категория"
    kb tickets tickets.csv --label            judge random tickets, for an interval
    kb tickets tickets.csv --to report/       write the report
    kb tickets export.json --zendesk
    """
    settings = load_settings(articles=articles, data=data)
    found = list(_read(file, kind, encoding, delimiter, columns, settings))
    asked = [ticket for ticket in found if ticket.question]
    file_of_labels = label_file or file.with_name(f"{file.name}.labels.jsonl")
    with opened(settings) as service:
        answers = _answers(service, asked, processes, settings)
        queue, parts = _labelled(
            service, asked, answers, file_of_labels, seed, most if labelling else 0, settings
        )
        report, patch = _report(service, queue, parts, len(found), settings)
        if folder is not None:
            _write(folder, report, patch, service, file.name, settings)
    if as_json:
        print_json(report.shape())
    else:
        _print(report, settings, folder)
    return DONE


def _read(
    file: Path,
    kind: str | None,
    encoding: str | None,
    delimiter: str | None,
    named: dict[str, str | None],
    settings: "Settings",
) -> Iterator["Ticket"]:
    if kind:
        from kb.tickets import help_desks

        yield from help_desks.zendesk(file) if kind == "zendesk" else help_desks.intercom(file)
        return
    from kb.tickets import columns, tables

    table = tables.table(file, encoding, delimiter)
    chosen = columns.columns(table, named)
    told = ", ".join(
        f"--{field} {table.header[at]!r}"
        for field in columns.FIELDS
        if (at := getattr(chosen, field)) is not None
    )
    message = Message("Read as {encoding}: {columns}", encoding=table.encoding, columns=told)
    echo(said(message, settings), err=True)
    yield from columns.tickets(table, chosen)


def _answers(
    service: "KnowledgeBase", asked: Sequence["Ticket"], processes: int, settings: "Settings"
) -> list["Answered"]:
    from kb.tickets import answering
    from kb.tickets.models import CannotRead

    if not asked:
        raise CannotRead(Message("no ticket asks anything; see --text"))
    label = said(Message("Asking the search"), settings)
    with ProgressBar(label) as progress:
        return answering.answered(
            service,
            [ticket.question for ticket in asked],
            processes=processes,
            progress=progress,
        )


# --- judging --------------------------------------------------------------------------------------


def _labelled(
    service: "KnowledgeBase",
    asked: Sequence["Ticket"],
    answers: Sequence["Answered"],
    file: Path,
    seed: int,
    most: int,
    settings: "Settings",
) -> tuple["Queue", tuple["Part", ...]]:
    """The queue with what was judged of it, of which up to `most` tickets are judged now."""
    from kb.tickets import estimate, labels
    from kb.tickets.estimate import Row
    from kb.tickets.report import Queue

    rows = [Row(labels.key_of(each.question, each.slugs), each.margin) for each in answers]
    parts = estimate.parts(rows, seed)
    known = labels.read(file)
    label_of = estimate.by_key(known, rows)
    judged = estimate.share(parts, label_of, ()).labels
    while judged < most:
        at = estimate.next_row(parts, label_of, labels.ANSWERED)
        if at is None:
            break
        label = _judged(service, answers[at], judged, most, settings)
        if label is None:
            break
        key = rows[at].key
        labels.add(file, labels.Label(key, label, answers[at].question, answers[at].slugs))
        known[key] = label
        judged += bool(label)
    return Queue(asked, answers, [known.get(row.key) for row in rows]), parts


# What is typed, on either keyboard.
_KEYS = {
    "y": "y", "д": "y", "yes": "y", "да": "y", "e": "e", "е": "e", "есть": "e", "n": "n",
    "н": "n", "no": "n", "нет": "n", "?": "", "q": "q", "в": "q", "quit": "q",
}  # fmt: skip


def _judged(
    service: "KnowledgeBase",
    answer: "Answered",
    judged: int,
    most: int,
    settings: "Settings",
) -> str | None:
    """What somebody says of a ticket; None where they stop."""
    from kb.tickets.answering import SHOWN, asked_of

    echo("")
    echo(Styled(f"{judged + 1}/{most}  {answer.question}", bold=True))
    results = service.answer(asked_of(answer.question), limit=SHOWN, facets=False)
    for number, hit in enumerate(results.hits, 1):
        where = f"{hit.title.text} › {hit.section}" if hit.section else hit.title.text
        echo(f"  {number}. {where}")
        if text := (hit.answer or hit.snippet.text):
            echo(f"     {' '.join(text.split())[:_ANSWER]}")
    if not results.hits:
        echo("  " + said(Message("The search found nothing."), settings))
    question = said(
        Message(
            "Does one of these answer it? y: yes, e: another article does, n: none does,"
            " ?: hard to say, q: stop"
        ),
        settings,
    )
    while True:
        try:
            typed = click.prompt(question, default="", show_default=False)
        except click.Abort:
            return None
        key = _KEYS.get(typed.strip().lower())
        if key is not None:
            return None if key == "q" else key


# --- the report -----------------------------------------------------------------------------------


def _report(
    service: "KnowledgeBase",
    queue: "Queue",
    parts: tuple["Part", ...],
    rows: int,
    settings: "Settings",
) -> tuple["Report", str]:
    from kb.tickets import grouping, report

    with ProgressBar(said(Message("Grouping"), settings)) as progress:
        groups = grouping.groups(queue.answers, progress)
    made = report.made(
        queue,
        groups,
        parts,
        rows=rows,
        build=service.status().build or "",
        linked=dict(report.linked(queue.tickets, lambda slug: _current(service, slug))),
        least=settings.min_askers,
    )
    return made, report.patch(made, lambda slug: _file_of(service, slug, settings))


def _current(service: "KnowledgeBase", slug: str) -> str | None:
    """The slug that the article at a present or former slug has today."""
    from kb.catalog import Moved

    found = service.article(slug)
    if found is None or (isinstance(found, Moved) and found.topic):
        return None
    return found.slug


def _file_of(service: "KnowledgeBase", slug: str, settings: "Settings") -> tuple[str, bytes] | None:
    from kb.catalog import Page

    found = service.article(slug)
    if not isinstance(found, Page) or not found.path:
        return None
    try:
        return found.path, (settings.articles / found.path).read_bytes()
    except OSError:
        return None


def _write(
    folder: Path,
    report: "Report",
    patch: str,
    service: "KnowledgeBase",
    name: str,
    settings: "Settings",
) -> None:
    import json

    from kb.catalog import Page
    from kb.commands.shared import plain
    from kb.tickets import report_page

    lang = terminal_lang(settings)
    pages = {each.slug: service.article(each.slug) for each in report.unmatched}
    titles = {slug: page.title for slug, page in pages.items() if isinstance(page, Page)}
    files = {
        "report.html": report_page.page(report, settings, lang=lang, name=name, titles=titles),
        "report.json": json.dumps(report.shape(), ensure_ascii=False, indent=2, default=plain),
        "questions.csv": report_page.questions_csv(report, lang),
        "types.csv": report_page.types_csv(report, lang),
    }
    if patch:
        files["answers.patch"] = patch
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text, "utf-8", newline="")
    if not patch:
        (folder / "answers.patch").unlink(missing_ok=True)  # of an earlier report


def _print(report: "Report", settings: "Settings", folder: Path | None) -> None:
    def tell(message: Message) -> None:
        echo(said(message, settings))

    empty = report.rows - report.asked
    tell(Message("{rows} tickets, {empty} of them ask nothing.", rows=report.rows, empty=empty))
    if report.share and report.exists:
        message = Message(
            "Answered today: {share}; another article would answer {exists} ({n} judged).",
            share=_interval(report.share),
            exists=_interval(report.exists),
            n=report.share.labels,
        )
        tell(message)
    share = f"{report.sure / max(report.asked, 1):.0%}"
    sure = Message(
        "The search is sure of an answer for {sure} ({share}).", sure=report.sure, share=share
    )
    tell(sure)
    if not report.share:
        tell(Message("How right it is, labels tell: add --label."))
    _print_types(report, settings)
    unmatched = Message("An article exists, its words did not match")
    _print_questions(unmatched, report.unmatched, settings)
    _print_questions(Message("No article answers"), report.missing, settings)
    if folder is not None:
        tell(Message("Written: {path}", path=str(folder / "report.html")))


def _interval(share: "Share") -> str:
    return f"{share.mean:.0%} ({share.low:.0%}–{share.high:.0%})"


def _print_types(report: "Report", settings: "Settings") -> None:
    echo("")
    echo(said(Message("tickets   sure    mean  median   minutes  type"), settings))
    for each in report.types[:_LISTED]:
        mean, median = ("–" if t is None else f"{t:.0f}" for t in (each.mean, each.median))
        sure = f"{each.sure / each.tickets:.0%}"
        echo(f"{each.tickets:>7} {sure:>6} {mean:>7} {median:>7} {each.minutes:>9.0f}  {each.type}")


def _print_questions(title: Message, questions: Sequence["Question"], settings: "Settings") -> None:
    if not questions:
        return
    echo("")
    echo(Styled(said(title, settings), bold=True))
    for each in questions[:_LISTED]:
        where = f" → {each.slug}" if each.slug else ""
        echo(f"{each.tickets:>7} {each.minutes:>9.0f}  {each.question[:100]}{where}")
