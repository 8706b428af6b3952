"""Helps to write an article: `kb new`, `kb schema`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from kb.base import escaping
from kb.base.messages import Message
from kb.commands.shared import (
    echo,
    folder_options,
    is_terminal,
    load_settings,
    opened,
    print_json,
    said,
)

if TYPE_CHECKING:
    from kb.base.config import Settings


@click.command()
@click.argument("title", default="")
@click.option("--lang", help="Language of the article; KB_LANG if not given.")
@click.option("--category", help="Category; the article lies with the others of it.")
@click.option(
    "--type", "kind", type=click.Choice(["how-to", "problem", "reference", "policy"]),
    help="Kind of article, which decides its parts; how-to if not given.",
)  # fmt: skip
@click.option("--miss", type=click.IntRange(min=1), help="Question of `kb misses` it is to answer.")
@folder_options
def new(
    title: str,
    lang: str | None,
    category: str | None,
    kind: str | None,
    miss: int | None,
    articles: Path | None,
    data: Path | None,
) -> None:
    """Write an article file to fill in, and print its path.

    On a terminal it asks for what is not given; with any option, and in scripts, it asks nothing.

    \b
    kb new "Как сбросить пароль" --category account
    kb new "The page stays white" --lang en --type problem
    kb new --miss 17                             the title and the questions of a miss
    """
    from kb.content import scaffold

    settings = load_settings(articles=articles, data=data)
    wanted = _Wanted(title, lang, category, kind)
    if miss is not None:
        wanted = _of_miss(settings, miss, wanted)
    elif (lang, category, kind) == (None, None, None) and is_terminal():
        wanted = _asked(settings, wanted)
    path = scaffold.create(
        settings,
        wanted.title,
        lang=wanted.lang,
        category=wanted.category or "",
        kind=wanted.kind or "how-to",
        answers=wanted.answers,
    )
    echo(str(path))


class _Wanted(NamedTuple):
    """The fields of a new article; those that are not given yet are None or empty."""

    title: str
    lang: str | None
    category: str | None
    kind: str | None
    answers: tuple[str, ...] = ()


def _asked(settings: "Settings", wanted: _Wanted) -> _Wanted:
    """Asks for what was not given; Enter takes what stands in brackets."""
    from kb.content import scaffold
    from kb.content.metadata import TYPES

    say = partial(said, settings=settings)
    title = wanted.title or click.prompt(say(Message("Title, as a customer would ask")), err=True)
    lang = settings.lang
    if len(settings.langs) > 1:
        choice = click.Choice(settings.langs)
        lang = click.prompt(say(Message("Language")), default=lang, type=choice, err=True)
    kind = click.prompt(say(Message("Type")), default="how-to", type=click.Choice(TYPES), err=True)
    known = scaffold.categories(settings, lang)
    named = (
        Message("Category ({known}; or a new one)", known=", ".join(known[:12]))
        if known
        else Message("Category")
    )
    category = click.prompt(escaping.line(say(named)), default="", show_default=False, err=True)
    return _Wanted(title, lang, category, kind)


def _of_miss(settings: "Settings", miss: int, wanted: _Wanted) -> _Wanted:
    """What a question of the board gives where nothing else was asked for.

    Wordings that fewer than KB_MIN_ASKERS askers used stay in the log: the article goes to git.
    """
    from kb.content.scaffold import CannotCreate

    with opened(settings) as service:
        found = service.log.groups.details(miss)
        questions = service.claimable(found.group.id) if found else ()
    if found is None:
        raise CannotCreate(Message("there is no question {id}; run `kb misses`", id=str(miss)))
    title = wanted.title or (questions[0][:1].upper() + questions[0][1:] if questions else "")
    if not title:
        raise CannotCreate(
            Message(
                "fewer than {least} askers used the same words for question {id}, so that they stay"
                ' in the log; give a title of your own: `kb new "TITLE" --miss {id}`',
                least=settings.min_askers,
                id=str(miss),
            )
        )
    lang = found.group.lang if found.group.lang in settings.langs else settings.lang
    return _Wanted(
        title,
        wanted.lang or lang,
        found.group.category if wanted.category is None else wanted.category,
        wanted.kind,
        questions,
    )


@click.command()
@click.option("--vscode", is_flag=True, help="Print snippets for VS Code instead.")
def schema(vscode: bool) -> None:
    """Print the JSON Schema of an article's front matter, for editors that complete keys.

    \b
    kb schema > front-matter.schema.json
    kb schema --vscode > .vscode/kb.code-snippets
    """
    from kb.content import editor_schema, scaffold

    keys = scaffold.schema()
    print_json(editor_schema.snippets(keys) if vscode else keys)
