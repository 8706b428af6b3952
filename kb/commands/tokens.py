"""The tokens of programs that use the API: `kb tokens`."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base.messages import Message
from kb.commands.shared import (
    echo,
    folder_options,
    json_option,
    load_settings,
    opened,
    print_json,
    said,
    tell,
)
from kb.searchlog.db.token_models import SCOPES

if TYPE_CHECKING:
    from datetime import datetime

    from kb.searchlog.db.token_models import Token

_LONGEST_NAME = 60


@click.group()
def tokens() -> None:
    """Keep the tokens by which programs use the API, each with what it may do.

    search:read asks as visitors do and is counted by itself, board:read reads the leads' board,
    board:write assigns, dismisses and notes questions besides. Only digests are kept, in the
    search log.

    \b
    kb tokens add crm --scope board:read --days 365
    kb tokens list
    """


@tokens.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True,
    help="What the token opens; several times for several.",
)  # fmt: skip
@click.option("--days", type=click.IntRange(1, 3650), help="Days after which it opens nothing.")
@json_option
@folder_options
def add(
    name: str,
    scopes: tuple[str, ...],
    days: int | None,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> None:
    """Make a token and print it, this once; NAME is what the history of the board calls it.

    \b
    kb tokens add crm --scope board:read --scope board:write
    kb tokens add agent --scope search:read --days 90
    """
    settings = load_settings(articles=articles, data=data)
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        wrong = Message(
            "{name} is no name for a token; write one of {most} printable letters at most",
            name=repr(name[:_LONGEST_NAME]), most=_LONGEST_NAME,
        )  # fmt: skip
        raise click.BadParameter(said(wrong, settings))
    with opened(settings, asks=False) as service:
        expires = service.now() + timedelta(days=days) if days else None
        try:
            token = service.log.tokens.add(
                name, tuple(dict.fromkeys(scopes)), service.now(), expires
            )
        except KeyError:
            taken = Message(
                "{name} is there already; `kb tokens revoke` takes it away, or take another name",
                name=name,
            )
            raise click.UsageError(said(taken, settings)) from None
    if as_json:
        print_json({"name": name, "token": token})
    else:
        tell(settings, Message("Token, shown this once: {token}", token=token))


@tokens.command("list")
@json_option
@folder_options
def list_(as_json: bool, articles: Path | None, data: Path | None) -> None:
    """List the tokens with what they open, until when, and when they were used last.

    \b
    kb tokens list
    """
    settings = load_settings(articles=articles, data=data)
    with opened(settings, asks=False) as service:
        found, now = service.log.tokens.all(), service.now()
    if as_json:
        print_json({"tokens": [_shape(token) for token in found]})
        return
    if not found:
        tell(settings, Message("There are no tokens yet; `kb tokens add NAME` makes one."))
    width = max((len(token.name) for token in found), default=0)
    for token in found:
        echo(
            f"{token.name:<{width}}  {' '.join(token.scopes)}  ",
            said(_until(token, now), settings), ", ", said(_used(token), settings),
        )  # fmt: skip


@tokens.command()
@click.argument("name")
@folder_options
def revoke(name: str, articles: Path | None, data: Path | None) -> None:
    """Take a token away at once; what it did stays in the history.

    \b
    kb tokens revoke crm
    """
    settings = load_settings(articles=articles, data=data)
    with opened(settings, asks=False) as service:
        if not service.log.tokens.revoke(" ".join(name.split())):
            unknown = Message("no token is called {name}; `kb tokens list` names all", name=name)
            raise click.UsageError(said(unknown, settings))
    tell(settings, Message("{name} opens nothing any more.", name=name))


def _until(token: "Token", now: "datetime") -> Message:
    if token.expires is None:
        return Message("does not expire")
    day = token.expires.date().isoformat()
    if token.is_expired(now):
        return Message("expired on {day}", day=day)
    return Message("until {day}", day=day)


def _used(token: "Token") -> Message:
    if token.used is None:
        return Message("never used")
    return Message("used last {moment}", moment=f"{token.used:%Y-%m-%d %H:%M}")


def _shape(token: "Token") -> dict[str, Any]:
    """A token as JSON values: schema `ListedToken`."""
    return {
        "name": token.name,
        "scopes": list(token.scopes),
        "expires": token.expires.isoformat() if token.expires else None,
        "made": token.at.isoformat(),
        "used": token.used.isoformat() if token.used else None,
    }
