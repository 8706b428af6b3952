"""Says what is wrong with the articles: `kb check`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    folder_options,
    load_settings,
    opened,
    print_json,
    problem_json,
    problem_line,
    said,
    seen_from_here,
    sentence,
)
from kb.messages import Message

if TYPE_CHECKING:
    from kb.articles import Problem
    from kb.config import Settings
    from kb.fixes import Fix


_LEVELS = ("error", "warning", "hint")


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option(
    "--format", "shape", type=click.Choice(["text", "json", "github"]), default="text",
    show_default=True,
)  # fmt: skip
@click.option(
    "--level", type=click.Choice(_LEVELS), default="hint", show_default=True,
    help="Leave out what matters less.",
)  # fmt: skip
@click.option("--external", is_flag=True, help="Ask other sites whether linked pages are there.")
@click.option("--fix", "mend", is_flag=True, help="First repair what needs nobody's decision.")
@click.option("--rules", is_flag=True, help="List the rules and stop.")
@folder_options
def check(
    paths: tuple[Path, ...],
    shape: str,
    level: str,
    external: bool,
    mend: bool,
    rules: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Say what is wrong with the articles, and how to cure it.

    With paths, only problems of those files and folders are shown. Exit 1 if there is an error.
    Rules are switched off or given another level under [checks] in kb.toml.

    \b
    kb check
    kb check articles/ru/account --level warning
    kb check --fix               dates, order of keys, spaces at ends of lines
    kb check --external          links to other sites, too: takes minutes
    kb check --format github     marks the lines in a pull request
    """
    settings = load_settings(articles=articles, data=data)
    if rules:
        _print_rules(shape, settings)
        return DONE
    within = [_below_articles(path, settings) for path in paths]
    places = [] if "." in within else within
    with opened(settings) as service:
        fixes = service.mend(places) if mend else []
        found = service.check(places, external=external)
    found = [p for p in found if _LEVELS.index(p.level) <= _LEVELS.index(level)]
    counts = {name: sum(p.level == name for p in found) for name in _LEVELS}
    if shape == "json":
        told = {"fixed": [asdict(fix) for fix in fixes]} if mend else {}
        print_json({"problems": [problem_json(p) for p in found], **_plural_keys(counts), **told})
    elif shape == "github":
        for problem in [*map(_told, fixes), *found]:
            click.echo(_annotation(problem, settings))
    else:
        for fix in fixes:
            place = f"{seen_from_here(fix, settings)}:{fix.line}"
            click.echo(f"{place}: {said(_told(fix).message, settings)}")
        for problem in found:
            click.echo(problem_line(problem, settings))
        click.echo(said(_counted(counts), settings), err=True)
    return NEEDS_A_PERSON if counts["error"] else DONE


def _counted(counts: dict[str, int]) -> Message:
    """How many problems there are of each level."""
    return Message(
        "{errors}, {warnings}, {hints}",
        errors=Message("{n} error", "{n} errors", n=counts["error"]),
        warnings=Message("{n} warning", "{n} warnings", n=counts["warning"]),
        hints=Message("{n} hint", "{n} hints", n=counts["hint"]),
    )


def _plural_keys(counts: dict[str, int]) -> dict[str, int]:
    return {f"{name}s": number for name, number in counts.items()}


def _print_rules(shape: str, settings: "Settings") -> None:
    from kb.checks import RULES

    rows = [{"code": r.code, "level": r.level, "meaning": r.meaning} for r in RULES]
    if shape == "json":
        print_json({"rules": rows})
        return
    for row in rows:
        meaning = said(Message.from_json(row["meaning"]), settings)
        click.echo(f"{row['code']:<24} {row['level']:<8} {meaning}")


def _below_articles(path: Path, settings: "Settings") -> str:
    """A path as typed, relative to the articles folder; both views of it are understood."""
    root = settings.articles.resolve()
    for candidate in (path.resolve(), (root / path).resolve()):
        if candidate.exists() and candidate.is_relative_to(root):
            return candidate.relative_to(root).as_posix()
    raise click.BadParameter(f"{path} is not in {settings.articles}")


def _told(fix: "Fix") -> "Problem":
    from kb.articles import Problem

    message = Message("fixed {fix}", fix=fix.message)
    return Problem(fix.path, fix.line, fix.code, message, level="hint")


def _annotation(problem: "Problem", settings: "Settings") -> str:
    """A workflow command of GitHub; `%`, line ends, and in properties `:` and `,` are escaped."""

    def data(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def prop(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    message = data(sentence(problem, settings))
    kind = "notice" if problem.level == "hint" else problem.level
    file = prop(seen_from_here(problem, settings))
    return f"::{kind} file={file},line={problem.line},title={prop(problem.code)}::{message}"
