"""Examines who may read and write: folders, the log, settings with secrets, and what git holds."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from kb.base import config, passwords
from kb.base.config import Settings
from kb.base.messages import Message
from kb.git import run
from kb.jobs.doctor.findings import Finding, error, ok, warning
from kb.searchlog.db import database

_SECONDS = 20.0
_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def permissions(settings: Settings) -> Iterator[Finding]:
    """Whether this user may do what the service does, and nobody else may write to its data."""
    found = [*_articles(settings.articles), *_data(settings)]
    if os.geteuid() == 0:
        found.append(
            warning(
                "rights",
                Message("root is asked, who may do everything"),
                Message("run it as the user of the service: `sudo -u kb kb doctor`"),
            )
        )
    yield from found
    if not found:
        yield ok("rights", Message("this user may read articles and write data, and nobody else"))


def _articles(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield error(
            "rights",
            Message("no articles folder at {folder}", folder=str(folder)),
            Message("name it with --articles or KB_ARTICLES"),
        )
    elif not os.access(folder, os.R_OK | os.X_OK):
        yield error(
            "rights",
            Message("{path} cannot be read by this user", path=str(folder)),
            Message("`chmod -R a+rX {path}`", path=str(folder)),
        )


def _data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data
    if not folder.exists():
        return
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield error(
            "rights",
            Message("{path} cannot be written by this user", path=str(folder)),
            Message("give it to the user of the service: `chown -R kb {path}`", path=str(folder)),
        )
        return
    log = database.file_of(database.address_of(settings.log_url))
    for path in (folder, settings.builds):
        if path.exists() and path.stat().st_mode & _OTHERS_WRITE:
            # An index holds pickles: who writes there has code run.
            yield error(
                "rights",
                Message("others may write to {path}, and so run code here", path=str(path)),
                Message("`chmod -R go-w {path}`", path=str(path)),
            )
    for private in (log, settings.leads_file):
        if private and private.exists() and private.stat().st_mode & (_OTHERS_READ | _OTHERS_WRITE):
            yield warning(
                "rights",
                Message("others may read {path}", path=str(private)),
                Message("`chmod 600 {path}`", path=str(private)),
            )
    yield from _strangers(folder)


def _strangers(folder: Path) -> Iterator[Finding]:
    """A file that a command of another user left: the service cannot replace or open it."""
    owner = folder.stat().st_uid
    with os.scandir(folder) as entries:
        others = sorted(
            each.path for each in entries if each.stat(follow_symlinks=False).st_uid != owner
        )
    if others:
        yield error(
            "rights",
            Message("{path} belongs to another user than its folder", path=others[0]),
            Message(
                "`chown -R --reference={folder} {folder}`; run commands as the user of the service",
                folder=str(folder),
            ),
        )


def secrets(settings: Settings, origins: Mapping[str, str], toml: Path) -> Iterator[Finding]:
    """Whether secrets are strong, for their owner alone, and in no repository."""
    set_ones = [name for name in config.secret_names() if getattr(settings, name)]
    in_file = [name for name in set_ones if origins.get(name) == str(toml)]
    named = ", ".join(in_file)
    found = [*_weak(settings)]
    if in_file and toml.stat().st_mode & _OTHERS_READ:
        found.append(
            error(
                "secrets",
                Message("others may read {path}, which holds {name}", path=str(toml), name=named),
                Message("`chmod 600 {path}`", path=str(toml)),
            )
        )
    if in_file and _is_tracked(toml):
        found.append(
            error(
                "secrets",
                Message("{path} is in git and holds {name}", path=str(toml), name=named),
                Message("change the secret and set {name} in the environment",
                        name=", ".join(map(config.variable, in_file))),
            )
        )  # fmt: skip
    if _is_tracked(settings.data):
        found.append(
            error(
                "secrets",
                Message("{path} with all searches is in git", path=str(settings.data)),
                Message("`git rm -r --cached {path}`", path=str(settings.data)),
            )
        )
    yield from found
    if not found:
        yield ok(
            "secrets",
            Message("none is weak, readable by others or in git ({names})",
                    names=", ".join(map(config.variable, set_ones)) or "–"),
        )  # fmt: skip


def _weak(settings: Settings) -> Iterator[Finding]:
    password = settings.leads_password
    if password and not password.get_secret_value().startswith("scrypt:"):
        yield warning(
            "secrets",
            Message("KB_LEADS_PASSWORD is plain text"),
            Message("set its hash instead: `kb config --hash`"),
        )
    secret = settings.webhook_secret
    if secret and passwords.token_weakness(secret.get_secret_value()):
        yield warning(
            "secrets",
            Message("KB_WEBHOOK_SECRET is easily guessed"),
            Message("take another one, here and at the git host: `openssl rand -hex 20`"),
        )


def _is_tracked(path: Path) -> bool:
    """Whether git holds a file, or a file of a folder."""
    if not path.exists():
        return False
    here = path.absolute()
    try:
        return bool(run.read(here.parent, "ls-files", "-z", "--", here.name, seconds=_SECONDS))
    except run.GitFailed:
        return False
