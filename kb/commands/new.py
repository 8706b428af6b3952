"""Helps to write an article: `kb new`, `kb schema`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from kb.commands.shared import folder_options, load_settings, opened, print_json

if TYPE_CHECKING:
    from kb.config import Settings


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
    from kb import scaffold

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
    click.echo(str(path))


class _Wanted(NamedTuple):
    """What the new article is to be; what is not said yet is None or empty."""

    title: str
    lang: str | None
    category: str | None
    kind: str | None
    answers: tuple[str, ...] = ()


def is_terminal() -> bool:
    """Whether somebody sits there and can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _asked(settings: "Settings", wanted: _Wanted) -> _Wanted:
    """Asks for what was not given; Enter takes what stands in brackets."""
    from kb import scaffold
    from kb.keys import TYPES

    title = wanted.title or click.prompt("Title, as a customer would ask", err=True)
    lang = settings.lang
    if len(settings.langs) > 1:
        choice = click.Choice(settings.langs)
        lang = click.prompt("Language", default=lang, type=choice, err=True)
    kind = click.prompt("Type", default="how-to", type=click.Choice(TYPES), err=True)
    known = scaffold.categories(settings, lang)
    named = f"Category ({', '.join(known[:12])}; or a new one)" if known else "Category"
    category = click.prompt(named, default="", show_default=False, err=True)
    return _Wanted(title, lang, category, kind)


def _of_miss(settings: "Settings", miss: int, wanted: _Wanted) -> _Wanted:
    """What a question of the board gives where nothing else was asked for.

    Wordings that fewer than three visits used stay in the log: the article goes to git.
    """
    from kb.asked import SHARED, claimable
    from kb.scaffold import CannotCreate

    with opened(settings) as service:
        found = service.group(miss)
    if found is None:
        raise CannotCreate(f"there is no question {miss}; run `kb misses`")
    questions = claimable(found.phrasings)
    title = wanted.title or (questions[0][:1].upper() + questions[0][1:] if questions else "")
    if not title:
        raise CannotCreate(
            f"fewer than {SHARED} visits used the same words for question {miss}, so that they stay"
            f' in the log; give a title of your own: `kb new "TITLE" --miss {miss}`'
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
    from kb import editors, scaffold

    keys = scaffold.schema()
    print_json(editors.snippets(keys) if vscode else keys)
