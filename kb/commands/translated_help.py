"""Help of commands in the language of the terminal: looked up when it is to be printed.

Paragraphs, remarks beside examples and words of options are looked up in the catalogues one by one,
and so are click's own words. What a command does, and its name and options, stay as they are.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gettext import gettext, ngettext
from importlib import import_module
from inspect import cleandoc
from typing import Any

import click

Say = Callable[[str], str]
_REMARK = re.compile(r"(.*?\S\s{2,})(\S.*)")  # an example and what is said beside it
_CLICKS = ("core", "decorators", "exceptions", "formatting", "parser", "types")
# Words that click prints without looking them up.
_METAVARS = ("options_metavar", "subcommand_metavar")


@contextmanager
def spoken(command: click.Command, say: Say, *, has_help: bool) -> Iterator[None]:
    """Within the block, click's words are what `say` makes of them.

    With `has_help`, so is the help of a command and of those below it; without, nothing is looked
    up until something is wrong.
    """
    kept: list[tuple[Any, str, Any]] = []

    def replace(holder: Any, name: str, value: Any) -> None:
        kept.append((holder, name, getattr(holder, name)))
        setattr(holder, name, value)

    for each in _family(command) if has_help else ():
        if each.help:
            replace(each, "help", _said(each.help, say))
        if hasattr(each, "_help_option"):  # click keeps it, with its words
            replace(each, "_help_option", None)
        for name in _METAVARS:
            if getattr(each, name, None):
                replace(each, name, say(getattr(each, name)))
        for option in _options(each):
            replace(option, "help", say(_joined(option.help or "")))
    for name in _CLICKS:
        module = import_module(f"click.{name}")
        if getattr(module, "_", None) is gettext:
            replace(module, "_", say if has_help else _but_help(say))
        if getattr(module, "ngettext", None) is ngettext:
            replace(module, "ngettext", lambda one, many, n: say(one if n == 1 else many))
    try:
        yield
    finally:
        for holder, name, value in reversed(kept):
            setattr(holder, name, value)


def _but_help(say: Say) -> Say:
    """As `say`; but click makes its option of help, which nobody reads, for every command."""
    return lambda text: text if text == "Show this message and exit." else say(text)


def texts(command: click.Command) -> Iterator[str]:
    """All that `spoken` looks up of a command and of those below it, besides click's words."""
    for each in _family(command):
        for paragraph in filter(None, cleandoc(each.help or "").split("\n\n")):
            yield from _texts(paragraph)
        yield from (_joined(option.help or "") for option in _options(each))


def _family(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _family(each)


def _options(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option) and each.help]


def _said(text: str, say: Say) -> str:
    return "\n\n".join(_paragraph(each, say) for each in cleandoc(text).split("\n\n"))


def _paragraph(text: str, say: Say) -> str:
    if not text.startswith("\b"):
        return say(_joined(text))
    return "\n".join(
        f"{found[1]}{say(found[2])}" if (found := _REMARK.fullmatch(line)) else line
        for line in text.split("\n")
    )


def _texts(paragraph: str) -> Iterator[str]:
    if not paragraph.startswith("\b"):
        yield _joined(paragraph)
        return
    for line in paragraph.split("\n"):
        if found := _REMARK.fullmatch(line):
            yield found[2]


def _joined(text: str) -> str:
    return " ".join(text.split())
