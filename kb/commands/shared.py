"""What commands share: options, settings, the service, printing, progress.

Commands print by `echo`, `echo_lines`, `print_json` and `print_csv` alone, which escape what people
typed and writers wrote (`kb.base.escaping`): nothing of it commands the terminal of an operator.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import click

from kb.base import escaping, log_lines
from kb.base.errors import KBError
from kb.base.messages import Message
from kb.searchlog import since

if TYPE_CHECKING:
    from kb.base.catalogs import Languages
    from kb.base.config import Loaded, Settings
    from kb.checks.autofix import Fix
    from kb.content.problems import Problem
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
    """A decorator that adds `--json`, passed as `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )(command)


def engine_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that adds `--engine`, passed as `engine`: `arrays` or `whoosh`."""
    return click.option(
        "--engine",
        type=click.Choice(["arrays", "whoosh"]),
        default="arrays",
        show_default=True,
        help="What scores the words: the arrays of the build, or Whoosh as their reference.",
    )(command)


def is_terminal() -> bool:
    """Whether somebody sits there and can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def new_password() -> str:
    """A password typed twice at the terminal, or the first line of what is piped in.

    Raises UsageError if there is none, or a weak one.
    """
    from kb.base import passwords

    if sys.stdin.isatty():
        password = str(
            click.prompt(
                say(Message("Password")), hide_input=True, confirmation_prompt=True, err=True
            )
        )
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise click.UsageError(say(Message("no password given; type one, or pipe one in")))
    if why := passwords.weakness(password):
        raise click.UsageError(say(Message("this password is {why}", why=why)))
    return password


def load(*, quiet: bool = False, **options: Any) -> "Loaded":
    """The settings and the origin of each; `options` override file and environment.

    A variable that looks like a setting and is none, and a folder that is not there, are told on
    stderr, unless `quiet`, for a child of a command that told it. Raises ConfigError where a value
    cannot be used.
    """
    from kb.base import config

    for name, near in () if quiet else config.unknown_variables(os.environ).items():
        meant = Message(
            "{name} is no setting and does nothing; did you mean {near}?", name=name, near=near
        )
        lost = Message("{name} is no setting and does nothing; see `kb config --help`", name=name)
        fail(say(meant if near else lost))
    loaded = config.load(options=options)
    if loaded.settings.is_replica:
        return replace(loaded, settings=loaded.settings.as_replica())
    for folder in () if quiet else config.unknown_folders(loaded.settings):
        wrong = Message(
            "KB_TOOLS names {folder}, which is no folder of {articles}; correct the name, or leave"
            " it out",
            folder=folder,
            articles=str(loaded.settings.articles),
        )
        fail(said(wrong, loaded.settings))
    return loaded


def load_settings(*, quiet: bool = False, **options: Any) -> "Settings":
    """The settings alone; see `load`."""
    return load(quiet=quiet, **options).settings


def require_own_builds(settings: "Settings", command: str) -> None:
    """Raises ConfigError where builds come from another machine, so that `command` makes none."""
    from kb.base.errors import ConfigError

    if settings.is_replica:
        raise ConfigError(
            Message(
                "builds come from KB_PULL_URL, and {makes} has them made here; leave out one of the"
                " two",
                makes=command,
            )
        )


@contextmanager
def opened(settings: "Settings", *, asks: bool = True, **options: Any) -> Iterator["KnowledgeBase"]:
    """The service, closed in the end; who asks it nothing need not wait until it can answer."""
    from kb.service import KnowledgeBase

    make = KnowledgeBase.open if asks else KnowledgeBase
    service = make(settings, **options)
    try:
        yield service
    finally:
        service.close()


class Styled(NamedTuple):
    """Text that a terminal shows in bold or in a colour; other outputs show it plainly."""

    text: str
    bold: bool = False
    colour: str | None = None


def echo(*parts: str | Styled, err: bool = False, file: IO[str] | None = None) -> None:
    """Prints one line on stdout, with `err` on stderr, or into `file`.

    The parts stand side by side. Whatever they hold, they stay one line.
    """
    if log_lines.is_json() and file is None:
        click.echo(log_lines.event("".join(map(_text, parts))), err=True)
        return
    click.echo("".join(map(_shown, parts)), file, err=err)


def _text(part: str | Styled) -> str:
    return part.text if isinstance(part, Styled) else part


def _shown(part: str | Styled) -> str:
    if isinstance(part, Styled):
        return click.style(escaping.line(part.text), fg=part.colour, bold=part.bold or None)
    return escaping.line(part)


def echo_lines(text: str) -> None:
    """Prints text of several lines on stdout, such as a letter."""
    click.echo(escaping.lines(text), nl=not text.endswith("\n"))


def print_json(value: Any) -> None:
    """Prints a JSON document on stdout."""
    echo_lines(json.dumps(value, ensure_ascii=False, indent=2, default=plain))


def print_csv(rows: Iterable[Sequence[object]], lang: str) -> None:
    """Prints a CSV document on stdout, made for spreadsheets in `lang`."""
    from kb.site import csv_export

    click.echo(csv_export.to_csv(rows, lang=lang), nl=False)


def plain(value: Any) -> Any:
    """Dates as ISO text, sets as sorted lists; anything else is our mistake."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


_REPAINT, _LINES_EVERY = 1.0, 30.0  # seconds between two times that the time left is told


class ProgressBar:
    """A bar on a terminal, with the time left; called with how many are done, of how many.

    Where the count begins anew, so does a bar, with the next label. Elsewhere than on a terminal
    it is silent, or with `lines` writes a line now and then, for a log.
    """

    def __init__(
        self, *labels: str, lines: bool = False, clock: Callable[[], float] = monotonic
    ) -> None:
        self._labels = list(labels)
        self._lines = lines
        self._clock = clock
        self._bar: Any = None
        self._label = ""
        self._first, self._done, self._left = 0, 0, ""
        self._began = self._told = 0.0

    def __call__(self, done: int, total: int) -> None:
        if total < 1 or log_lines.is_json():
            return
        if not self._label or done < self._done:
            self._begin(done, total)
        now = self._clock()
        if now - self._told >= (_REPAINT if self._bar else _LINES_EVERY) and done:
            self._told = now
            gone_on = max(done - self._first, 1)
            self._left = _time_left((now - self._began) * (total - done) / gone_on)
            if self._lines and not self._bar and done < total:
                click.echo(f"{self._label}: {done} / {total}, {self._left}", err=True)
        if self._bar:
            self._bar.update(done - self._done, self._left)
        self._done = done

    def _begin(self, done: int, total: int) -> None:
        """Begins the next bar; what is done already took no time of its own."""
        self.__exit__()
        self._label = self._labels.pop(0) if len(self._labels) > 1 else self._labels[0]
        self._first, self._done, self._left = done, 0, ""
        self._began = self._told = self._clock()
        if sys.stderr.isatty():
            self._bar = click.progressbar(
                length=total, label=self._label, file=sys.stderr, show_eta=False, show_pos=True,
                item_show_func=lambda left: left or "",
            )  # fmt: skip
            self._bar.__enter__()

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


def _time_left(seconds: float) -> str:
    """The time that something still takes, as people say it."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return say(Message("less than a minute left"))
    if minutes < 90:
        return say(Message("about {n} minute left", "about {n} minutes left", n=minutes))
    return say(Message("about {n} hour left", "about {n} hours left", n=round(minutes / 60)))


def moment(option: str, written: str) -> datetime:
    """The moment an option names, such as `2h` ago; raises BadParameter where it names none."""
    try:
        return since.since(written, datetime.now(UTC))
    except ValueError as error:
        wrong = Message("{option} {wrong}", option=option, wrong=error.args[0])
        raise click.BadParameter(say(wrong)) from None


def counted_articles(number: int) -> Message:
    """A number of articles, to stand in a sentence."""
    return Message("{n} article", "{n} articles", n=number)


def print_replay(
    answered: Iterable[str], regressed: Iterable[str], unasked: int, settings: "Settings"
) -> None:
    """Prints what came of asking the open questions again."""
    for question in answered:
        tell(settings, Message("Now answered: {question}", question=question))
    for question in regressed:
        tell(settings, Message("No longer answered: {question}", question=question))
    if unasked:
        late = Message(
            "{n} question asked least was not asked again: the time was up; `kb misses replay"
            " --seconds 3600` takes longer.",
            "{n} questions asked least were not asked again: the time was up; `kb misses replay"
            " --seconds 3600` takes longer.",
            n=unasked,
        )
        tell(settings, late, err=True)


def fail(message: str) -> None:
    """One line on stderr."""
    text = " ".join(message.split())
    if log_lines.is_json():
        click.echo(log_lines.event(text, level="error"), err=True)
    else:
        echo(f"kb: {text}", err=True)


_COLOURS = {"error": "red", "warning": "yellow", "hint": "cyan"}


def problem_json(problem: "Problem") -> dict[str, Any]:
    """A problem as a JSON object of the contract."""
    return {
        name: getattr(problem, name)
        for name in ("path", "line", "code", "level", "message", "cure")
    }


def rejected_json(problems: Iterable["Problem"]) -> list[dict[str, Any]]:
    """Why files are no articles, as `kb index` and `kb sync` tell programs."""
    names = ("path", "line", "code", "message", "cure")
    return [{name: getattr(problem, name) for name in names} for problem in problems]


def seen_from_here(problem: "Problem | Fix", settings: "Settings") -> str:
    """The path of a file with a problem, relative to the working folder."""
    import os.path

    return os.path.relpath(settings.articles / problem.path)


def terminal_lang(settings: "Settings") -> str:
    """The language commands speak: that of KB_LANG, else of the terminal's locale.

    A locale without a language, such as `C`, leaves it to the default of the settings; one that no
    catalogue speaks means English.
    """
    if "lang" in settings.model_fields_set:
        return settings.lang
    code = _locale()
    return settings.lang if code in ("", "c", "posix") else code


def _locale() -> str:
    """The language of the terminal's locale, as `ru` or `c`; or ""."""
    locale = next(filter(None, map(os.environ.get, _LOCALES)), "")
    return locale.partition(".")[0].partition("_")[0].lower()


_LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides, as POSIX has it


def said(message: str, settings: "Settings") -> str:
    """A `messages.Message` in the language of the terminal; other text as it is."""
    return _languages(settings.templates, terminal_lang(settings)).say(message)


def say(message: Message) -> str:
    """A message in the language of the terminal, whatever the settings are."""
    if speaks_english():
        return message
    from kb.base import config

    try:
        settings = config.load().settings
    except KBError:
        settings = config.of_language()
    return said(message, settings)


def speaks_english() -> bool:
    """Whether the environment alone says that the terminal speaks English."""
    return _locale() == "en" and "KB_LANG" not in os.environ and not Path("kb.toml").exists()


def tell(settings: "Settings", message: Message, *, err: bool = False) -> None:
    """Prints a message as one line, in the language of the terminal."""
    echo(said(message, settings), err=err)


@cache
def _languages(templates: Path | None, lang: str) -> "Languages":
    from kb.base import catalogs

    return catalogs.languages(templates, (lang,), lang)


def print_problem(problem: "Problem", settings: "Settings", *, err: bool = False) -> None:
    """`path:line: code message; cure`, so that editors and terminals can jump to it."""
    place = f"{seen_from_here(problem, settings)}:{problem.line}: "
    code = Styled(problem.code, colour=_COLOURS[problem.level])
    level = "" if problem.level == "error" else f" [{problem.level}]"
    echo(place, code, f" {sentence(problem, settings)}{level}", err=err)


def sentence(problem: "Problem", settings: "Settings") -> str:
    """What is wrong and what to do, in the language of the terminal."""
    parts = (problem.message, problem.cure)
    return "; ".join(said(part, settings) for part in parts if part)
