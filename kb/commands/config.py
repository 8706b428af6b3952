"""Shows the settings: `kb config`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kb.commands.shared import (
    folder_options,
    json_option,
    load,
    print_json,
)

if TYPE_CHECKING:
    pass


class _ConfigCommand(click.Command):
    """Lists every setting below its options."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        from kb.config import Settings, variable

        with formatter.section("Settings"):
            formatter.write_dl(
                [
                    (variable(name), field.description or "")
                    for name, field in Settings.model_fields.items()
                ]
            )


@click.command(cls=_ConfigCommand)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--hash", "hashes", is_flag=True, help="Ask for a password and print its hash for a setting."
)
@json_option
@folder_options
def config(
    names: tuple[str, ...], hashes: bool, as_json: bool, articles: Path | None, data: Path | None
) -> None:
    """Print the settings and where each comes from; secrets are masked.

    In kb.toml a setting is written as `site_name = "Help"`, in the environment as KB_SITE_NAME.

    \b
    kb config
    kb config retention_days
    KB_PORT=9000 kb config --json
    kb config --hash             a hash for KB_LEADS_PASSWORD
    """
    import os

    if hashes:
        click.echo(_hash())
        return

    from kb.config import describe, unknown_variables

    rows = describe(load(articles=articles, data=data))
    wanted = {name.lower().removeprefix("kb_") for name in names}
    if unknown := sorted(wanted - {row[0] for row in rows}):
        raise click.BadParameter(f"no setting {unknown[0]}")
    rows = [row for row in rows if not wanted or row[0] in wanted]
    for variable in unknown_variables(os.environ):
        click.echo(
            f"kb: {variable} is no setting and does nothing; see `kb config --help`", err=True
        )
    if as_json:
        keys = ("value", "origin", "meaning")
        print_json({row[0]: dict(zip(keys, row[1:], strict=True)) for row in rows})
        return
    width = max(len(row[0]) for row in rows)
    for name, value, origin, _ in rows:
        click.echo(f"{name:<{width}}  {value or '–':<24}  {origin}")


def _hash() -> str:
    """The hash of a password typed twice, or of the first line of what is piped in."""
    import sys

    from kb import signin

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise click.UsageError("no password given; type one, or pipe one in")
    return signin.hashed(password)
