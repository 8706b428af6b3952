"""Which machine serves which build: `kb status`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    echo,
    folder_options,
    json_option,
    load_settings,
    opened,
    print_json,
    said,
    tell,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.searchlog.db.machine_models import Machine

SILENT = 60.0  # seconds after which a machine counts as gone


@click.command()
@json_option
@folder_options
def status(as_json: bool, articles: Path | None, data: Path | None) -> int:
    """Tell which build is published here, and which one each machine of the site serves.

    Machines say it every ten seconds in the log that they share.
    Exit 1 if one is silent for a minute, or serves another build than the newest.

    \b
    kb status
    kb status --json
    """
    from kb.index.builds import Builds

    settings = load_settings(articles=articles, data=data)
    with opened(settings, asks=False) as service:
        here, now = service.published(), datetime.now(UTC)
        machines = service.log.machines.all() if settings.shares_log else []
    newest, is_light = _newest(machines, here), Builds(settings.builds).is_light(here)
    found = [_shape(machine, newest, now) for machine in machines]
    if as_json:
        print_json({"published": here, "light": is_light, "newest": newest, "machines": found})
    else:
        tell(settings, _published(here, is_light))
        _print(found, settings)
    return NEEDS_A_PERSON if any(each["state"] != "ok" for each in found) else DONE


def _newest(machines: "list[Machine]", here: str) -> str:
    """The build that all should serve: that of a machine which makes builds, else the newest."""
    makers = [machine for machine in machines if not machine.source]
    if makers:
        return max(makers, key=lambda machine: machine.heard).build
    return max((here, *(machine.build for machine in machines)))


def _shape(machine: "Machine", newest: str, now: datetime) -> dict[str, Any]:
    """A machine as JSON values: schema `ListedMachine`."""
    silent = max(0.0, (now - machine.heard).total_seconds())
    state = "silent" if silent > SILENT else "ok" if machine.build == newest else "behind"
    return {
        "name": machine.name,
        "state": state,
        "build": machine.build,
        "since": machine.since.isoformat(),
        "version": machine.version,
        "source": machine.source,
        "pulled": machine.pulled.isoformat() if machine.pulled else None,
        "heard": machine.heard.isoformat(),
        "silent": round(silent, 1),
    }


def _published(here: str, is_light: bool) -> Message:
    if not here:
        return Message("There is no build here yet.")
    if is_light:
        return Message("Published here: build {build}, light.", build=here)
    return Message("Published here: build {build}.", build=here)


def _print(machines: list[dict[str, Any]], settings: "Settings") -> None:
    if not settings.shares_log:
        tell(settings, Message("One machine: the log is in its data folder."))
    width = max((len(machine["name"]) for machine in machines), default=0)
    for machine in machines:
        echo(
            f"{machine['name']:<{width}}  ", said(_STATES[machine["state"]], settings),
            f"  {machine['build'] or '–'}  kb {machine['version']}  ",
            said(_heard(machine["silent"]), settings),
        )  # fmt: skip


_STATES = {"ok": Message("current"), "behind": Message("behind"), "silent": Message("silent")}


def _heard(seconds: float) -> Message:
    if seconds < 120:
        return Message("heard {n} second ago", "heard {n} seconds ago", n=int(seconds))
    return Message("heard {n} minute ago", "heard {n} minutes ago", n=int(seconds // 60))
