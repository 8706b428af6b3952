"""Prints a link that signs a lead in: `kb sign-in`."""

from pathlib import Path

import click

from kb.base.messages import Message
from kb.commands.shared import echo, folder_options, load_settings


@click.command("sign-in")
@folder_options
def sign_in(articles: Path | None, data: Path | None) -> None:
    """Print a link that signs a lead in to the board, once and within an hour.

    For a board without a password, a forgotten one, or while somebody tries passwords. It works
    with the server that uses the same data folder; KB_BASE_URL says where that is reached.

    \b
    kb sign-in
    kb sign-in --data /var/lib/kb/data
    """
    from kb.base.errors import ConfigError
    from kb.searchlog import shared_json
    from kb.site import auth

    settings = load_settings(articles=articles, data=data)
    if not settings.data.is_dir():
        raise ConfigError(
            Message(
                "no data folder at {folder}; name the server's with --data",
                folder=str(settings.data),
            )
        )
    base = settings.base_url or f"http://{settings.host}:{settings.port}"
    with shared_json.opened(settings) as named:
        token = auth.SignInLinks(settings.data, named=named).make()
    echo(auth.sign_in_url(base, token))
