"""The weekly letter to leads: `kb digest`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from kb.commands.shared import folder_options, json_option, load_settings, opened, print_json


@click.command()
@click.option("--send", is_flag=True, help="Send it by KB_SMTP_URL instead of printing it.")
@click.option("--to", multiple=True, help="Whom to send it to. [KB_LEADS_EMAIL]")
@json_option
@folder_options
def digest(
    send: bool, to: tuple[str, ...], as_json: bool, articles: Path | None, data: Path | None
) -> None:
    """Tell what the last seven days brought: asked in vain, answered, lost, praised.

    In the language of KB_LANG; put `kb digest --send` on a schedule for Monday morning.

    \b
    kb digest
    kb digest --send
    kb digest --send --to lead@example.com
    """
    from kb import mail
    from kb.digest import gather, letter

    settings = load_settings(articles=articles, data=data, leads_email=to or None)
    with opened(settings) as service:
        week = gather(service, datetime.now(UTC))
    told = letter(week, settings, settings.leads_email)
    if send:
        mail.send(settings, told)
    if as_json:
        print_json({"subject": told.subject, **week.to_json(), "sent": list(told.to) * send})
    elif send:
        click.echo(f"Sent to {', '.join(told.to)}: {told.subject}")
    else:
        click.echo(told.text, nl=False)
