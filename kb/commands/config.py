"""Shows the settings: `kb config`."""

from pathlib import Path

import click

from kb.base.messages import Message
from kb.commands.shared import (
    echo,
    folder_options,
    json_option,
    load,
    new_password,
    print_json,
    said,
    say,
)


class _ConfigCommand(click.Command):
    """Lists every setting below its options."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        from kb.base.config import Settings, meaning, variable

        with formatter.section(say(Message("Settings"))):
            formatter.write_dl(
                [(variable(name), say(meaning(name))) for name in Settings.model_fields]
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
    if hashes:
        echo(_hash())
        return

    from kb.base.config import describe, origin_shown

    loaded = load(articles=articles, data=data)
    rows = describe(loaded)
    wanted = {name.lower().removeprefix("kb_") for name in names}
    if unknown := sorted(wanted - {row[0] for row in rows}):
        raise click.BadParameter(say(Message("no setting {name}", name=unknown[0])))
    rows = [row for row in rows if not wanted or row[0] in wanted]
    if as_json:
        keys = ("value", "origin", "meaning")
        print_json({row[0]: dict(zip(keys, row[1:], strict=True)) for row in rows})
        return
    width = max(len(row[0]) for row in rows)
    for name, value, origin, _ in rows:
        where = said(origin_shown(origin), loaded.settings)
        echo(f"{name:<{width}}  {value or '–':<24}  {where}")


def _hash() -> str:
    from kb.site import auth

    return auth.hash_password(new_password())
