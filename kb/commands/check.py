"""Says what is wrong with the articles: `kb check`."""

import os.path
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    echo,
    folder_options,
    load_settings,
    opened,
    print_json,
    print_problem,
    problem_json,
    said,
    seen_from_here,
    sentence,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.base.config import Settings
    from kb.checks.autofix import Fix
    from kb.content.problems import Problem


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
@click.option(
    "--fix", "should_fix", is_flag=True, help="First repair what needs nobody's decision."
)
@click.option("--rules", is_flag=True, help="List the rules and stop.")
@folder_options
def check(
    paths: tuple[Path, ...],
    shape: str,
    level: str,
    external: bool,
    should_fix: bool,
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
    from kb.git import checkout

    within = [_below_articles(path, settings) for path in paths]
    places = [] if "." in within else within
    with opened(settings) as service:
        fixes = service.fix(places) if should_fix else []
        found = service.check(places, external=external)
    found = [p for p in found if _LEVELS.index(p.level) <= _LEVELS.index(level)]
    counts = {name: sum(p.level == name for p in found) for name in _LEVELS}
    if shape == "json":
        told = {"fixed": [asdict(fix) for fix in fixes]} if should_fix else {}
        print_json({"problems": [problem_json(p) for p in found], **_plural_keys(counts), **told})
    elif shape == "github":
        root = checkout.top(settings.articles) or Path.cwd()
        for problem in [*map(_told, fixes), *found]:
            echo(_annotation(problem, settings, root))
    else:
        for fix in fixes:
            place = f"{seen_from_here(fix, settings)}:{fix.line}"
            echo(f"{place}: {said(_told(fix).message, settings)}")
        for problem, others in _grouped(found):
            print_problem(problem, settings)
            if others:
                echo("    " + said(_others(others), settings))
        echo(said(_counted(counts), settings), err=True)
    return NEEDS_A_PERSON if counts["error"] else DONE


_MOST_ALIKE = 3  # problems with the same words that are printed one by one


def _grouped(found: "list[Problem]") -> "Iterator[tuple[Problem, list[Problem]]]":
    """The problems to print, each with those of the same kind and cause that it stands for."""
    alike: dict[tuple[str, str], list[Problem]] = {}
    for problem in found:
        alike.setdefault((problem.code, problem.message), []).append(problem)
    for problem in found:
        same = alike[problem.code, problem.message]
        if len(same) <= _MOST_ALIKE:
            yield problem, []
        elif problem is same[0]:
            yield problem, same[1:]


def _others(others: "list[Problem]") -> Message:
    return Message(
        "and {n} more like it in {files} (--format json lists each)",
        n=len(others),
        files=Message("{n} file", "{n} files", n=len({problem.path for problem in others})),
    )


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
    from kb.checks.rules import RULES

    rows = [{"code": r.code, "level": r.level, "meaning": r.meaning} for r in RULES]
    if shape == "json":
        print_json({"rules": rows})
        return
    for row in rows:
        meaning = said(Message.from_json(row["meaning"]), settings)
        echo(f"{row['code']:<24} {row['level']:<8} {meaning}")


def _below_articles(path: Path, settings: "Settings") -> str:
    """A path as typed, relative to the articles folder; both views of it are understood."""
    root = settings.articles.resolve()
    for candidate in (path.resolve(), (root / path).resolve()):
        if candidate.exists() and candidate.is_relative_to(root):
            return candidate.relative_to(root).as_posix()
    outside = Message("{path} is not in {folder}", path=str(path), folder=str(settings.articles))
    raise click.BadParameter(said(outside, settings))


def _told(fix: "Fix") -> "Problem":
    from kb.content.problems import Problem

    message = Message("fixed {fix}", fix=fix.message)
    return Problem(fix.path, fix.line, fix.code, message, level="hint")


def _annotation(problem: "Problem", settings: "Settings", root: "Path") -> str:
    """A workflow command of GitHub, whose paths begin at the `root` of the repository.

    `%`, line ends, and in properties `:` and `,` are escaped.
    """

    def data(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def prop(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    message = data(sentence(problem, settings))
    kind = "notice" if problem.level == "hint" else problem.level
    file = prop(os.path.relpath(settings.articles.resolve() / problem.path, root))
    return f"::{kind} file={file},line={problem.line},title={prop(problem.code)}::{message}"
