"""The `kb` command: reads the command line, calls one verb, prints. Knows nothing of the web.

Every command imports what it needs when it runs, so `kb --help` answers at once.
A command returns its exit code; None is 0. See `_Kb.main` for everything else that can happen.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from kb import __version__
from kb.errors import KBError

if TYPE_CHECKING:
    from kb.articles import Problem
    from kb.config import Loaded, Settings
    from kb.indexer import BuildReport
    from kb.search import Hit, Marked, Results
    from kb.searchlog import MissGroup, SearchLog, Ticket
    from kb.service import KnowledgeBase

DONE, NEEDS_A_PERSON, FAILED = 0, 1, 2


class _Kb(click.Group):
    """Turns what a command returned or raised into an exit code and at most one line on stderr."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "kb"
            _fail(f"{error.format_message().rstrip('.')}; see `{command} --help`")
            code = FAILED
        except click.ClickException as error:
            _fail(error.format_message())
            code = FAILED
        except KBError as error:
            _tell_cause(error)
            _fail(str(error))
            code = FAILED
        except click.Abort:
            code = 130  # as a shell reports an interrupt
        except BrokenPipeError:
            # The reader, say `head`, has had enough; nothing more may be written at exit.
            sys.stdout = None
            code = DONE
        except OSError as error:
            _tell_cause(error)
            where = f"{error.filename}: " if error.filename else ""
            _fail(
                f"{where}{error.strerror or error}; check the path, its rights and the free space"
            )
            code = FAILED
        sys.exit(code if isinstance(code, int) else DONE)


def _fail(message: str) -> None:
    click.echo(f"kb: {' '.join(message.split())}", err=True)


def _tell_cause(error: Exception) -> None:
    """Where it happened, for those who asked with `-v`."""
    import logging

    logging.getLogger("kb").info("%s", type(error).__name__, exc_info=error)


@click.group("kb", cls=_Kb, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kb")
@click.option(
    "-v", "--verbose", is_flag=True, help="Tell on stderr what is done, and where it failed."
)
def main(verbose: bool) -> None:
    """A folder of Markdown becomes a help centre with instant search.

    \b
    kb serve                     serve the articles in articles/
    kb new "Reset your password" write an article
    kb check                     see what is wrong with the articles
    kb misses                    see what customers asked in vain

    Settings come from kb.toml, KB_* variables and options; `kb config` shows them.
    Exit codes: 0 done, 1 done but something needs a person, 2 could not do it.
    """
    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s: %(message)s")


# ---------------------------------------------------------------- what commands share


def _folders(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say where articles and builds are."""
    folder = click.Path(path_type=Path)
    command = click.option("--data", type=folder, help="Folder of builds and log. [KB_DATA]")(
        command
    )
    return click.option("--articles", type=folder, help="Folder of articles. [KB_ARTICLES]")(
        command
    )


def _json(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )(command)


def _loaded(**options: Any) -> "Loaded":
    from kb import config

    return config.load(options=options)


def _settings(**options: Any) -> "Settings":
    return _loaded(**options).settings


@contextmanager
def _service(settings: "Settings") -> Iterator["KnowledgeBase"]:
    from kb.service import KnowledgeBase

    service = KnowledgeBase.open(settings)
    try:
        yield service
    finally:
        service.close()


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    """Dates as ISO text, sets as sorted lists; anything else is our mistake."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


class _Progress:
    """A bar on a terminal, silence elsewhere; called with how many are done, of how many."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None
        self._done = 0

    def __call__(self, done: int, total: int) -> None:
        if not sys.stderr.isatty() or total < 1:
            return
        if self._bar is None:
            self._bar = click.progressbar(length=total, label=self._label, file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(done - self._done)
        self._done = done

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}".replace(",", "\u00a0")


# ---------------------------------------------------------------- index


@main.command()
@click.option("--full", is_flag=True, help="Build afresh instead of only what changed.")
@click.option("--strict", is_flag=True, help="Publish nothing if any article is rejected.")
@click.option("--watch", is_flag=True, help="Go on: index again whenever an article is saved.")
@click.option("--while-parent", type=int, hidden=True)
@_json
@_folders
def index(
    full: bool,
    strict: bool,
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
    kb index --full              after an upgrade
    """
    settings = _settings(articles=articles, data=data)
    with _service(settings) as service:
        if watch:
            return _index_on_every_save(service, settings, strict, while_parent)
        with _Progress("Indexing") as progress:
            report = service.rebuild(full=full, strict=strict, progress=progress)
    if as_json:
        _print_json(_report_json(report))
    else:
        _print_report(report, settings, strict)
    return NEEDS_A_PERSON if report.rejected or report.regressed else DONE


def _index_on_every_save(
    service: "KnowledgeBase", settings: "Settings", strict: bool, parent: int | None
) -> int:
    from kb import watch

    def rebuild() -> None:
        try:
            report = service.rebuild(strict=strict)
        except KBError as error:
            _fail(str(error))
            return
        if report.published or report.rejected:
            _print_report(report, settings, strict)

    watch.on_change(settings.articles, settings.data, rebuild, is_wanted=watch.while_parent(parent))
    return DONE


def _report_json(report: "BuildReport") -> dict[str, Any]:
    return {
        "build": report.build,
        "published": report.published,
        "articles": report.articles,
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "rejected": [
            {"path": p.path, "line": p.line, "code": p.code, "message": p.message, "cure": p.cure}
            for p in report.rejected
        ],
        "skipped": report.skipped,
        "seconds": round(report.seconds, 3),
        "answered": list(report.answered),
        "regressed": list(report.regressed),
    }


def _print_report(report: "BuildReport", settings: "Settings", strict: bool) -> None:
    for problem in report.rejected:
        click.echo(_problem_line(problem, settings), err=True)
    changes = [
        f"{number} {word}"
        for number, word in (
            (report.added, "added"),
            (report.changed, "changed"),
            (report.removed, "removed"),
        )
        if number
    ]
    articles = _count(report.articles, "article")
    if report.published:
        click.echo(
            f"Indexed {articles} in {report.seconds:.1f} s: {', '.join(changes) or 'built afresh'}"
            f" (build {report.build})."
        )
    elif strict and report.rejected:
        click.echo("Nothing published; correct the articles above, or run without --strict.")
    else:
        click.echo(f"Nothing changed: {articles} (build {report.build}).")
    if report.skipped:
        click.echo(f"{_count(report.skipped, '.mdx file')} skipped: only Markdown is read.")
    if report.rejected:
        click.echo(f"{_count(len(report.rejected), 'article')} rejected; correct and run again.")
    _print_replay(report.answered, report.regressed)


# ---------------------------------------------------------------- search

# What `kb search` says to people, in the language of the settings.
_WORDS = {
    "ru": {
        "corrected": "Показано по запросу «{}»",
        "nothing": "Ничего не найдено. Попробуйте другие слова или посмотрите `kb misses`.",
        "weak": "Уверенного ответа нет; ближайшее:",
        "more": "Показано {} из {}; больше: --limit {}",
    },
    "en": {
        "corrected": "Showing results for “{}”",
        "nothing": "Nothing found. Try other words, or see `kb misses`.",
        "weak": "No sure answer; the nearest:",
        "more": "{} of {} shown; for more: --limit {}",
    },
}


@main.command()
@click.argument("query", nargs=-1, required=True)
@click.option("--lang", help="Only articles in this language.")
@click.option("--category", help="Only articles of this category.")
@click.option("--tag", help="Only articles with this tag.")
@click.option("--limit", type=click.IntRange(1, 100), default=8, show_default=True)
@click.option("--exact", is_flag=True, help="Repair nothing: no spelling, no keyboard layout.")
@click.option("--explain", is_flag=True, help="Show what each hit's score is made of.")
@_json
@_folders
def search(
    query: tuple[str, ...],
    lang: str | None,
    category: str | None,
    tag: str | None,
    limit: int,
    exact: bool,
    explain: bool,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> None:
    """Ask the index, as the search box does. Nothing is recorded.

    \b
    kb search как сбросить пароль
    kb search --lang en --limit 3 vpn
    kb search 'vpn "reset link" -windows'   phrase, and a word to leave out
    kb search --explain invoice
    """
    text = " ".join(query)
    settings = _settings(articles=articles, data=data)
    with _service(settings) as service:
        results = service.answer(
            text, lang=lang, category=category, tag=tag, limit=limit, exact=exact
        )
        parts = service.explain(text, None) if explain else []
    if as_json:
        from kb.search import to_json

        _print_json({**to_json(results), "explain": parts} if explain else to_json(results))
        return
    words = _WORDS.get(settings.lang, _WORDS["en"])
    _print_results(results, words)
    if explain:
        _print_parts(parts, results)


def _print_results(results: "Results", words: dict[str, str]) -> None:
    if results.correction is not None:
        click.echo(words["corrected"].format(results.correction.query))
    if not results.hits:
        click.echo(words["nothing"])
        return
    if not results.confident:
        click.echo(words["weak"])
    for number, hit in enumerate(results.hits, 1):
        _print_hit(number, hit)
    if results.total > len(results.hits):
        more = words["more"].format(len(results.hits), results.total, min(results.total, 100))
        click.echo(f"\n{more}")


def _print_hit(number: int, hit: "Hit") -> None:
    section = f" › {hit.section}" if hit.section else ""
    click.echo(f"\n{number}. {_bold(hit.title)}{section}")
    click.echo(f"   {hit.url}")
    snippet = _bold(hit.snippet) or hit.answer
    if snippet:
        click.echo(f"   {' '.join(snippet.split())}")


def _bold(text: "Marked") -> str:
    """Marked words in bold; click drops the codes where they would not be understood."""
    return "".join(
        click.style(part, bold=True) if marked else part for part, marked in text.parts()
    )


def _print_parts(parts: list[dict[str, Any]], results: "Results") -> None:
    for hit in results.hits:
        rows = [part for part in parts if part["slug"] == hit.slug]
        click.echo(f"\n{hit.slug}  {hit.score:.2f}")
        for row in sorted(rows, key=lambda row: -abs(row["contribution"])):
            click.echo(
                f"  {row['contribution']:8.3f}  {row['part']}  {row['field']}  {row['term']}"
            )


# ---------------------------------------------------------------- serve


@main.command()
@click.option("--host", help="Address to listen on. [KB_HOST, 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0: any free one. [KB_PORT, 8000]")
@click.option("--workers", type=int, help="Serving processes. [KB_WORKERS, 2]")
@click.option("--watch", is_flag=True, help="Index again whenever an article is saved.")
@click.option("--access-log", is_flag=True, help="Log every request, without its query string.")
@click.option("--log-json", is_flag=True, help="Log lines as JSON documents.")
@_folders
def serve(
    host: str | None,
    port: int | None,
    workers: int | None,
    watch: bool,
    access_log: bool,
    log_json: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Serve the articles, building the index first if there is none.

    SIGTERM finishes the requests in hand, then stops; Ctrl+C stops at once.

    \b
    kb serve
    kb serve --watch                              while writing
    kb serve --host 0.0.0.0 --port 80 --workers 4 --log-json
    kb serve --articles ~/docs --data ~/kb-data   any folder of Markdown
    """
    from kb import server

    settings = _settings(articles=articles, data=data, host=host, port=port, workers=workers)
    return server.serve(settings, watch=watch, access_log=access_log, log_json=log_json)


# ---------------------------------------------------------------- check

_COLOURS = {"error": "red", "warning": "yellow", "hint": "cyan"}
_LEVELS = ("error", "warning", "hint")


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option(
    "--format", "shape", type=click.Choice(["text", "json", "github"]), default="text",
    show_default=True,
)  # fmt: skip
@click.option(
    "--level", type=click.Choice(_LEVELS), default="hint", show_default=True,
    help="Leave out what matters less.",
)  # fmt: skip
@click.option("--rules", is_flag=True, help="List the rules and stop.")
@_folders
def check(
    paths: tuple[Path, ...],
    shape: str,
    level: str,
    rules: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Say what is wrong with the articles, and how to cure it.

    With paths, only problems of those files and folders are shown. Exit 1 if there is an error.

    \b
    kb check
    kb check articles/ru/account --level warning
    kb check --format github     marks the lines in a pull request
    """
    if rules:
        _print_rules(shape)
        return DONE
    settings = _settings(articles=articles, data=data)
    within = [_below_articles(path, settings) for path in paths]
    with _service(settings) as service:
        found = service.check([] if "." in within else within)
    found = [p for p in found if _LEVELS.index(p.level) <= _LEVELS.index(level)]
    counts = {name: sum(p.level == name for p in found) for name in _LEVELS}
    if shape == "json":
        _print_json({"problems": [_problem_json(p) for p in found], **_plural_keys(counts)})
    elif shape == "github":
        for problem in found:
            click.echo(_annotation(problem, settings))
    else:
        for problem in found:
            click.echo(_problem_line(problem, settings))
        click.echo(", ".join(_count(counts[name], name) for name in _LEVELS), err=True)
    return NEEDS_A_PERSON if counts["error"] else DONE


def _plural_keys(counts: dict[str, int]) -> dict[str, int]:
    return {f"{name}s": number for name, number in counts.items()}


def _print_rules(shape: str) -> None:
    from kb.checks import RULES

    rows = [{"code": r.code, "level": r.level, "meaning": r.meaning} for r in RULES]
    if shape == "json":
        _print_json({"rules": rows})
        return
    for row in rows:
        click.echo(f"{row['code']:<24} {row['level']:<8} {row['meaning']}")


def _below_articles(path: Path, settings: "Settings") -> str:
    """A path as typed, relative to the articles folder; both views of it are understood."""
    root = settings.articles.resolve()
    for candidate in (path.resolve(), (root / path).resolve()):
        if candidate.exists() and candidate.is_relative_to(root):
            return candidate.relative_to(root).as_posix()
    raise click.BadParameter(f"{path} is not in {settings.articles}")


def _problem_json(problem: "Problem") -> dict[str, Any]:
    return {
        name: getattr(problem, name)
        for name in ("path", "line", "code", "level", "message", "cure")
    }


def _seen_from_here(problem: "Problem", settings: "Settings") -> str:
    import os.path

    return os.path.relpath(settings.articles / problem.path)


def _problem_line(problem: "Problem", settings: "Settings") -> str:
    """`path:line: code message; cure`, so that editors and terminals can jump to it."""
    place = f"{_seen_from_here(problem, settings)}:{problem.line}"
    code = click.style(problem.code, fg=_COLOURS[problem.level])
    cure = f"; {problem.cure}" if problem.cure else ""
    level = "" if problem.level == "error" else f" [{problem.level}]"
    return f"{place}: {code} {problem.message}{cure}{level}"


def _annotation(problem: "Problem", settings: "Settings") -> str:
    """A workflow command of GitHub; `%`, line ends, and in properties `:` and `,` are escaped."""

    def data(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def prop(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    kind = "notice" if problem.level == "hint" else problem.level
    message = f"{problem.message}; {problem.cure}" if problem.cure else problem.message
    file = prop(_seen_from_here(problem, settings))
    return f"::{kind} file={file},line={problem.line},title={prop(problem.code)}::{data(message)}"


# ---------------------------------------------------------------- new


@main.command()
@click.argument("title")
@click.option("--lang", help="Language of the article; KB_LANG if not given.")
@click.option("--category", default="", help="Category, that is the folder below the language.")
@click.option(
    "--type", "kind", type=click.Choice(["how-to", "problem", "reference", "policy"]),
    default="how-to", show_default=True,
)  # fmt: skip
@_folders
def new(
    title: str,
    lang: str | None,
    category: str,
    kind: str,
    articles: Path | None,
    data: Path | None,
) -> None:
    """Write an article file to fill in, and print its path.

    \b
    kb new "Как сбросить пароль" --category account
    kb new "The page stays white" --lang en --type problem
    """
    from kb import scaffold

    settings = _settings(articles=articles, data=data)
    path = scaffold.create(settings, title, lang=lang, category=category, kind=kind)
    click.echo(str(path))


# ---------------------------------------------------------------- misses


@main.group(invoke_without_command=True)
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
@_folders
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
    settings = _settings(articles=articles, data=data)
    with _service(settings) as service:
        if tickets:
            _PRINT_TICKETS[shape](service.tickets(_moment(since)))
        else:
            _PRINT_MISSES[shape](service.misses(_moment(since), status))


@misses.command()
@_json
@_folders
def replay(as_json: bool, articles: Path | None, data: Path | None) -> int:
    """Ask every open question again: does the current build answer it?

    Every `kb index` that publishes does this too.
    Exit 1 if a question that was answered no longer is.

    \b
    kb misses replay
    """
    settings = _settings(articles=articles, data=data)
    with _service(settings) as service, _Progress("Asking") as progress:
        answered, regressed = service.replay(progress)
    if as_json:
        _print_json({"answered": answered, "regressed": regressed})
    else:
        _print_replay(answered, regressed)
        if not answered and not regressed:
            click.echo("Nothing changed: no open question is answered, no answer is lost.")
    return NEEDS_A_PERSON if regressed else DONE


def _print_replay(answered: Iterable[str], regressed: Iterable[str]) -> None:
    for question in answered:
        click.echo(f"Now answered: {question}")
    for question in regressed:
        click.echo(f"No longer answered: {question}")


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
    _print_json({"groups": [_miss_row(group) for group in groups]})


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
    text = str(_plain(value) if isinstance(value, datetime) else value)
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
    _print_json({"tickets": [_ticket_row(ticket) for ticket in tickets]})


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


# ---------------------------------------------------------------- rollback


@main.command()
@_folders
def rollback(articles: Path | None, data: Path | None) -> None:
    """Serve the build before the current one again.

    Running servers take it up within a second. It stays until the next `kb index` publishes.

    \b
    kb rollback
    """
    with _service(_settings(articles=articles, data=data)) as service:
        build = service.rollback()
    articles_ = _count(int(build.manifest.get("articles", 0)), "article")
    click.echo(f"Serving build {build.name} again: {articles_}.")


# ---------------------------------------------------------------- config, schema


class _ConfigCommand(click.Command):
    """Lists every setting below its options."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        from kb.config import Settings, variable

        with formatter.section("Settings"):
            formatter.write_dl(
                [
                    (variable(name), field.description or "")
                    for name, field in Settings.model_fields.items()
                ]
            )


@main.command(cls=_ConfigCommand)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_json
@_folders
def config(names: tuple[str, ...], as_json: bool, articles: Path | None, data: Path | None) -> None:
    """Print the settings and where each comes from; secrets are masked.

    In kb.toml a setting is written as `site_name = "Help"`, in the environment as KB_SITE_NAME.

    \b
    kb config
    kb config retention_days
    KB_PORT=9000 kb config --json
    """
    import os

    from kb.config import describe, unknown_variables

    rows = describe(_loaded(articles=articles, data=data))
    wanted = {name.lower().removeprefix("kb_") for name in names}
    if unknown := sorted(wanted - {row[0] for row in rows}):
        raise click.BadParameter(f"no setting {unknown[0]}")
    rows = [row for row in rows if not wanted or row[0] in wanted]
    for variable in unknown_variables(os.environ):
        click.echo(
            f"kb: {variable} is no setting and does nothing; see `kb config --help`", err=True
        )
    if as_json:
        keys = ("value", "origin", "meaning")
        _print_json({row[0]: dict(zip(keys, row[1:], strict=True)) for row in rows})
        return
    width = max(len(row[0]) for row in rows)
    for name, value, origin, _ in rows:
        click.echo(f"{name:<{width}}  {value or '–':<24}  {origin}")


@main.command()
def schema() -> None:
    """Print the JSON Schema of an article's front matter, for editors that complete keys.

    \b
    kb schema > front-matter.schema.json
    """
    from kb.scaffold import schema as front_matter

    _print_json(front_matter())


# ---------------------------------------------------------------- eval


@main.command("eval")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option("--failures", is_flag=True, help="List the questions whose first hit is wrong.")
@_json
@_folders
def evaluate(
    files: tuple[Path, ...],
    failures: bool,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Measure relevance: nDCG@10, MRR@10, success@1 and recall@10.

    A FILE is a .toml of expectations about the articles, or a folder with docs.jsonl,
    queries.jsonl and qrels.tsv. Exit 1 if an expectation of a .toml is broken.

    \b
    kb eval tests/relevance/*.toml
    kb eval --json ../shared/data/sets/xquad-ru
    """
    from kb import evaluation

    settings = _settings(articles=articles, data=data)
    with _Progress("Indexing") as progress:
        scores = list(evaluation.evaluate(files, settings, progress))
    if as_json:
        _print_json({"sets": [score.to_json() for score in scores]})
    else:
        _print_scores(scores, failures)
    return NEEDS_A_PERSON if any(score.broken for score in scores) else DONE


def _print_scores(scores: Iterable[Any], failures: bool) -> None:
    click.echo(f"{'set':<28} queries  ndcg@10   mrr@10  success@1  recall@10")
    for score in scores:
        row = score.to_json()
        click.echo(
            f"{row['name']:<28} {row['queries']:>7}  {row['ndcg@10']:>7.4f}  {row['mrr@10']:>7.4f}"
            f"  {row['success@1']:>9.4f}  {row['recall@10']:>9.4f}"
        )
    for score in scores:
        for line in (*score.broken, *(score.failures if failures else ())):
            click.echo(line)


# ---------------------------------------------------------------- log


@main.group()
def log() -> None:
    """Keep, give away and forget the searches that were recorded."""


@contextmanager
def _log(settings: "Settings") -> Iterator["SearchLog"]:
    from kb.searchlog import SearchLog

    settings.data.mkdir(parents=True, exist_ok=True)
    searches = SearchLog(settings.log_url)
    try:
        yield searches
    finally:
        searches.close()


@log.command()
@_folders
def purge(articles: Path | None, data: Path | None) -> None:
    """Delete single searches older than KB_RETENTION_DAYS; groups and counts stay.

    \b
    kb log purge
    """
    settings = _settings(articles=articles, data=data)
    with _log(settings) as searches:
        deleted = searches.purge(datetime.now(UTC) - timedelta(days=settings.retention_days))
    click.echo(f"{_count(deleted, 'record')} older than {settings.retention_days} days deleted.")


@log.command()
@click.argument("text")
@_folders
def forget(text: str, articles: Path | None, data: Path | None) -> None:
    """Remove every trace of TEXT from searches, groups, notes and votes.

    \b
    kb log forget "Иван Петров"
    """
    if not text.strip():
        raise click.BadParameter("TEXT is empty")
    with _log(_settings(articles=articles, data=data)) as searches:
        click.echo(f"Removed from {_count(searches.forget(text), 'place')}.")


@log.command()
@click.option(
    "-o", "file", type=click.File("w", "utf-8", lazy=False), default="-", metavar="FILE",
    help="Where to write; without it stdout.",
)  # fmt: skip
@_folders
def export(file: IO[str], articles: Path | None, data: Path | None) -> None:
    """Write the recorded searches as JSON, one line each.

    \b
    kb log export -o searches.jsonl
    """
    with _log(_settings(articles=articles, data=data)) as searches:
        for row in searches.export():
            click.echo(json.dumps(row, ensure_ascii=False, default=_plain), file)


@log.command()
@click.argument("url")
@_folders
def migrate(url: str, articles: Path | None, data: Path | None) -> None:
    """Copy the log into another, empty database, for example from SQLite to PostgreSQL.

    \b
    kb log migrate postgresql+psycopg://kb:secret@db/kb
    """
    from kb import searchlog

    settings = _settings(articles=articles, data=data)
    rows = sum(searchlog.migrate(settings.log_url, url).values())
    click.echo(f"{_count(rows, 'row')} copied; now set KB_DATABASE_URL to the new address.")
