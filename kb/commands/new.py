"""Helps to write an article: `kb new`, `kb schema`."""

from pathlib import Path

import click

from kb.commands.shared import (
    folder_options,
    load_settings,
    print_json,
)


@click.command()
@click.argument("title")
@click.option("--lang", help="Language of the article; KB_LANG if not given.")
@click.option("--category", default="", help="Category, that is the folder below the language.")
@click.option(
    "--type", "kind", type=click.Choice(["how-to", "problem", "reference", "policy"]),
    default="how-to", show_default=True,
)  # fmt: skip
@folder_options
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

    settings = load_settings(articles=articles, data=data)
    path = scaffold.create(settings, title, lang=lang, category=category, kind=kind)
    click.echo(str(path))


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
