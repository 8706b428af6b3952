"""Examines the installation: `kb doctor`."""

from pathlib import Path
from time import time
from typing import TYPE_CHECKING

import click

from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    Styled,
    echo,
    folder_options,
    json_option,
    load,
    print_json,
    said,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.jobs.doctor.findings import Finding

_COLOURS = {"ok": None, "warning": "yellow", "error": "red"}
_LEVELS = {"ok": Message("OK"), "warning": Message("warning"), "error": Message("error")}
_SUBJECTS = {
    "articles": Message("articles"),
    "clock": Message("clock"),
    "cluster": Message("cluster"),
    "disk": Message("disk"),
    "git": Message("git"),
    "hooks": Message("hooks"),
    "hosts": Message("hosts"),
    "pull": Message("pull"),
    "index": Message("index"),
    "kernel": Message("kernel"),
    "log": Message("search log"),
    "mail": Message("mail"),
    "prefix": Message("addresses"),
    "previous": Message("build before"),
    "proxy": Message("proxy"),
    "retention": Message("retention"),
    "rights": Message("rights"),
    "secrets": Message("secrets"),
    "service": Message("service"),
    "versions": Message("versions"),
}


@click.command()
@json_option
@folder_options
def doctor(as_json: bool, articles: Path | None, data: Path | None) -> int:
    """Examine the installation: one line for each subject, with the cure of what is wrong.

    Versions, rights, secrets, disk, clock, builds, the cluster that searches, the search log,
    mail, git, and the running service as visitors reach it, by KB_BASE_URL. Nothing is changed and
    no letter is sent; run it where the service runs, as its user. Exit 1 if something is an error.

    \b
    kb doctor
    kb doctor --json             for monitoring
    """
    from kb.base import config
    from kb.jobs.doctor import examine

    loaded = load(articles=articles, data=data)
    toml = Path.cwd() / config.FILE
    found = []
    for finding in examine(loaded.settings, loaded.origins, toml, time):
        found.append(finding)
        if not as_json:
            _print(finding, loaded.settings)
    counts = {level: sum(each.level == level for each in found) for level in _COLOURS}
    if as_json:
        print_json(
            {
                "checks": [_as_json(finding) for finding in found],
                "errors": counts["error"],
                "warnings": counts["warning"],
            }
        )
    else:
        echo(said(_counted(counts), loaded.settings), err=True)
    return NEEDS_A_PERSON if counts["error"] else DONE


def _print(finding: "Finding", settings: "Settings") -> None:
    level = said(_LEVELS[finding.level], settings)
    subject = said(_SUBJECTS[finding.subject], settings)
    sentence = "; ".join(said(part, settings) for part in (finding.message, finding.cure) if part)
    echo(Styled(f"{level:<8}", colour=_COLOURS[finding.level]), f" {subject:<13} {sentence}")


def _counted(counts: dict[str, int]) -> Message:
    return Message(
        "{errors}, {warnings}",
        errors=Message("{n} error", "{n} errors", n=counts["error"]),
        warnings=Message("{n} warning", "{n} warnings", n=counts["warning"]),
    )


def _as_json(finding: "Finding") -> dict[str, str]:
    return {
        "check": finding.subject,
        "level": finding.level,
        "message": str(finding.message),
        "cure": str(finding.cure),
    }
