"""What commands share: options, settings, the service, printing, progress."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kb.articles import Problem
    from kb.catalogues import Languages
    from kb.config import Loaded, Settings
    from kb.fixes import Fix
    from kb.service import KnowledgeBase

DONE, NEEDS_A_PERSON, FAILED = 0, 1, 2


def folder_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say where articles and builds are."""
    folder = click.Path(path_type=Path)
    command = click.option("--data", type=folder, help="Folder of builds and log. [KB_DATA]")(
        command
    )
    return click.option("--articles", type=folder, help="Folder of articles. [KB_ARTICLES]")(
        command
    )


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )(command)


def load(**options: Any) -> "Loaded":
    from kb import config

    return config.load(options=options)


def load_settings(**options: Any) -> "Settings":
    return load(**options).settings


@contextmanager
def opened(settings: "Settings", *, asks: bool = True) -> Iterator["KnowledgeBase"]:
    """The service, closed in the end; who asks it nothing need not wait until it can answer."""
    from kb.service import KnowledgeBase

    service = KnowledgeBase.open(settings) if asks else KnowledgeBase(settings)
    try:
        yield service
    finally:
        service.close()


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=plain))


def plain(value: Any) -> Any:
    """Dates as ISO text, sets as sorted lists; anything else is our mistake."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


class Progress:
    """A bar on a terminal, silence elsewhere; called with how many are done, of how many.

    Where the count begins anew, so does a bar, with the next label.
    """

    def __init__(self, *labels: str) -> None:
        self._labels = list(labels)
        self._bar: Any = None
        self._done = 0

    def __call__(self, done: int, total: int) -> None:
        if not sys.stderr.isatty() or total < 1:
            return
        if self._bar is not None and done < self._done:
            self.__exit__()
            self._bar, self._done = None, 0
        if self._bar is None:
            label = self._labels.pop(0) if len(self._labels) > 1 else self._labels[0]
            self._bar = click.progressbar(length=total, label=label, file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(done - self._done)
        self._done = done

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)


def count_of(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}".replace(",", "\u00a0")


def print_replay(answered: Iterable[str], regressed: Iterable[str]) -> None:
    for question in answered:
        click.echo(f"Now answered: {question}")
    for question in regressed:
        click.echo(f"No longer answered: {question}")


def fail(message: str) -> None:
    """One line on stderr."""
    click.echo(f"kb: {' '.join(message.split())}", err=True)


_COLOURS = {"error": "red", "warning": "yellow", "hint": "cyan"}


def problem_json(problem: "Problem") -> dict[str, Any]:
    return {
        name: getattr(problem, name)
        for name in ("path", "line", "code", "level", "message", "cure")
    }


def rejected_json(problems: Iterable["Problem"]) -> list[dict[str, Any]]:
    """Why files are no articles, as `kb index` and `kb sync` tell programs."""
    names = ("path", "line", "code", "message", "cure")
    return [{name: getattr(problem, name) for name in names} for problem in problems]


def seen_from_here(problem: "Problem | Fix", settings: "Settings") -> str:
    import os.path

    return os.path.relpath(settings.articles / problem.path)


def said(message: str, settings: "Settings") -> str:
    """A `messages.Message` in the language of KB_LANG; other text as it is."""
    return _languages(settings.templates, settings.lang).say(message)


@cache
def _languages(templates: Path | None, lang: str) -> "Languages":
    from kb import catalogues

    return catalogues.languages(templates, (lang,), lang)


def problem_line(problem: "Problem", settings: "Settings") -> str:
    """`path:line: code message; cure`, so that editors and terminals can jump to it."""
    place = f"{seen_from_here(problem, settings)}:{problem.line}"
    code = click.style(problem.code, fg=_COLOURS[problem.level])
    level = "" if problem.level == "error" else f" [{problem.level}]"
    return f"{place}: {code} {sentence(problem, settings)}{level}"


def sentence(problem: "Problem", settings: "Settings") -> str:
    """What is wrong and what to do, in the language of KB_LANG."""
    parts = (problem.message, problem.cure)
    return "; ".join(said(part, settings) for part in parts if part)
