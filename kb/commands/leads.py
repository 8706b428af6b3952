"""The people of the leads' board and their passwords: `kb leads`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base.messages import Message
from kb.base.roles import ROLES
from kb.commands.shared import (
    echo,
    folder_options,
    json_option,
    load_settings,
    new_password,
    print_json,
    said,
    tell,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.site.accounts import AccountsFile, Person


@click.group()
def leads() -> None:
    """Keep the accounts of those who work on the leads' board, each with an own password.

    They stand in the file of KB_LEADS, without it in leads.toml of the data folder, as hashes.
    Running servers take changes up at once.

    \b
    kb leads add "Анна Кедрова" --email anna@example.com
    kb leads list
    """


def _person_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--generate", is_flag=True, help="Make a password and print it, this once."
        ),
        click.option("--lang", help="Language of letters to this person. [KB_LANG]"),
        click.option("--email", help="Where letters to this person go."),
        click.option(
            "--role", type=click.Choice(ROLES),
            help="What the person may do: all, or read, note, take and propose.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@leads.command()
@click.argument("name")
@_person_options
@folder_options
def add(
    name: str,
    role: str | None,
    email: str | None,
    lang: str | None,
    generate: bool,
    articles: Path | None,
    data: Path | None,
) -> None:
    """Add a person: asks for the password twice, or reads the first line of what is piped in.

    NAME is what owners.yml and the history call the person. A lead, unless --role says writer.

    \b
    kb leads add "Анна Кедрова" --email anna@example.com
    kb leads add boris --role writer --generate
    """
    from kb.base import data_folder
    from kb.site.accounts import Person, checked

    settings = load_settings(articles=articles, data=data)
    password, hashed = _password(generate)
    person = checked(Person(name, role or ROLES[0], email or "", _lang(lang, settings), hashed))
    if not settings.leads:
        data_folder.prepare(settings.data)
    _accounts(settings).change(lambda people: people.added(person))
    tell(settings, Message("{name} can sign in as {role}.", name=person.name, role=person.role))
    _print_password(settings, password if generate else "")


@leads.command()
@click.argument("name")
@_person_options
@click.option("--password", "asks", is_flag=True, help="Ask for another password.")
@folder_options
def change(
    name: str,
    role: str | None,
    email: str | None,
    lang: str | None,
    generate: bool,
    asks: bool,
    articles: Path | None,
    data: Path | None,
) -> None:
    """Change the password, role or mailbox of a person; only what is named changes.

    A new password ends all sessions of that person; a new role holds at once.

    \b
    kb leads change boris --role lead
    kb leads change "Анна Кедрова" --password
    """
    settings = load_settings(articles=articles, data=data)
    values = {"role": role, "email": email, "lang": _lang(lang, settings) if lang else None}
    password = ""
    if asks or generate:
        password, values["password"] = _password(generate)
    given = {key: value for key, value in values.items() if value is not None}
    if not given:
        nothing = Message("nothing to change; name --password, --role, --email or --lang")
        raise click.UsageError(said(nothing, settings))
    _accounts(settings).change(lambda people: people.changed(name, **given))
    tell(settings, Message("{name} is changed.", name=name))
    _print_password(settings, password if generate else "")


@leads.command("list")
@json_option
@folder_options
def list_(as_json: bool, articles: Path | None, data: Path | None) -> None:
    """List who has an account, with role and mailbox.

    \b
    kb leads list
    """
    settings = load_settings(articles=articles, data=data)
    everybody = _accounts(settings).read().everybody
    if as_json:
        print_json({"leads": [_shape(person) for person in everybody]})
        return
    if not everybody:
        tell(settings, Message("Nobody has an account yet; `kb leads add NAME` adds one."))
    width = max((len(person.name) for person in everybody), default=0)
    for person in everybody:
        echo(f"{person.name:<{width}}  {person.role:<6}  {person.email or '–'}")


@leads.command()
@click.argument("name")
@folder_options
def remove(name: str, articles: Path | None, data: Path | None) -> None:
    """Take the account of a person away; their sessions end, their history stays.

    \b
    kb leads remove boris
    """
    settings = load_settings(articles=articles, data=data)
    _accounts(settings).change(lambda people: people.removed(name))
    tell(settings, Message("{name} is let in no more.", name=name))


def _accounts(settings: "Settings") -> "AccountsFile":
    from kb.site.accounts import AccountsFile

    return AccountsFile(settings.leads_file)


def _password(generate: bool) -> tuple[str, str]:
    """A password, made or typed, and its hash."""
    from kb.base import passwords
    from kb.site.auth import hash_password

    password = passwords.made() if generate else new_password()
    return password, hash_password(password)


def _print_password(settings: "Settings", password: str) -> None:
    if password:
        tell(settings, Message("Password, shown this once: {password}", password=password))


def _lang(code: str | None, settings: "Settings") -> str:
    if code and code not in settings.langs:
        known = ", ".join(settings.langs)
        wrong = Message("no language {lang}; KB_LANGS has {known}", lang=code, known=known)
        raise click.BadParameter(said(wrong, settings))
    return code or ""


def _shape(person: "Person") -> dict[str, str]:
    return {"name": person.name, "role": person.role, "email": person.email, "lang": person.lang}
