"""What a backup holds and where it is put back: the log, people, settings, files of articles.

Builds are left out, for `kb index` makes them again, and so are secrets.
"""

import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kb import __version__
from kb.base import config, data_folder
from kb.base.config import Settings
from kb.base.messages import Message
from kb.jobs import archives
from kb.jobs.archives import ArchiveFailed
from kb.searchlog.db import copies, database

_LOG = "log.sqlite3"
_PEOPLE = "leads.toml"
_ATTACHMENTS = "attachments/"
_HOOKS = re.compile(r"^[ \t]*\[\[[ \t]*hooks[ \t]*\]\].*?(?=^[ \t]*\[|\Z)", re.M | re.S)
_ARTICLES = "articles/"
_ALWAYS = ("owners.yml", "pins.yml", "synonyms.yml")  # of the articles folder


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in an archive."""

    made: str  # ISO moment
    version: str  # of kb
    rows: int  # of the log
    files: tuple[str, ...]  # beside the log
    left_out: tuple[str, ...]
    """Variables of secrets and of the environment, and a settings file that holds secrets."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was taken out of an archive: paths of files."""

    backup: Backup
    has_log: bool
    written: tuple[str, ...]
    unchanged: tuple[str, ...]  # they were there as they are in the archive
    beside: tuple[str, ...]  # what would have replaced the settings


def save(
    settings: Settings,
    file: Path,
    *,
    origins: Mapping[str, str],
    toml: Path,
    now: datetime,
    with_articles: bool = False,
    replace: bool = False,
) -> Backup:
    """Writes an archive, which is there whole or not at all and which only its owner reads.

    `origins` are those of `config.Loaded`, `toml` is the settings file; `with_articles` puts in
    the whole articles folder. Raises ArchiveFailed, also if `file` is there and not to be
    replaced, and LogUnavailable.
    """
    text, rows = _without_secrets(toml), {}
    left_out = [*_left_out(origins), *([toml.name] if toml.exists() and not text else [])]
    with archives.draft(file, replace=replace) as archive:
        if database.exists(settings.log_url):
            rows = copies.save(settings.log_url, archive.folder / _LOG)
            archive.add(_LOG, archive.folder / _LOG)
        if text:
            (archive.folder / config.FILE).write_text(text, "utf-8")
            archive.add(config.FILE, archive.folder / config.FILE)
        for name, path in _files(settings, with_articles):
            with suppress(FileNotFoundError):  # an attachment, forgotten a moment ago
                archive.add(name, path)
        made = now.isoformat(timespec="seconds")
        contents = archive.close(
            {"version": __version__, "made": made, "left_out": left_out, "rows": rows}
        )
    return _backup(file, contents)


def look(file: Path) -> tuple[Backup, str]:
    """What is in an archive, after reading it whole, and the settings file in it or "".

    Raises ArchiveFailed if it is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        contents = archives.unpack(file, Path(folder), _is_ours, only=config.FILE)
        toml = Path(folder, config.FILE)
        return _backup(file, contents), toml.read_text("utf-8") if toml.exists() else ""


def restore(settings: Settings, file: Path, toml: Path, *, replace: bool = False) -> Restored:
    """Puts back what `save` wrote, the log first; nothing unless the whole archive can be read.

    A log that holds something and files that differ are replaced only if `replace`; the settings
    file `toml` never is: what was in the archive then stands beside it. Raises ArchiveFailed and
    LogUnavailable.
    """
    data_folder.prepare(settings.data)
    with archives.workplace(settings.data) as folder:
        contents = archives.unpack(file, folder, _is_ours)
        found = _backup(file, contents)
        places = {name: _place(name, settings, toml) for name in found.files}
        differing = {n: p for n, p in places.items() if not _is_same(folder / n, p)}
        has_log = _LOG in contents["files"]
        if not replace:
            _require_room(
                settings if has_log else None, [p for p in differing.values() if p != toml]
            )
        if has_log:
            copies.restore(folder / _LOG, settings.log_url, replace=replace)
        written = {n: _beside(p) if p == toml else p for n, p in differing.items()}
        for name, path in written.items():
            _write(folder / name, path, private=not name.startswith(_ARTICLES))
    return Restored(
        found,
        has_log,
        tuple(str(path) for path in written.values() if path in places.values()),
        tuple(str(path) for name, path in places.items() if name not in differing),
        tuple(str(path) for path in written.values() if path not in places.values()),
    )


# --- what belongs into an archive ---------------------------------------------------------------


def _files(settings: Settings, with_articles: bool) -> Iterator[tuple[str, Path]]:
    """Names and paths of the files beside the log; of letters, what came with them."""
    if _is_regular(settings.leads_file):
        yield _PEOPLE, settings.leads_file
    sent = settings.data / _ATTACHMENTS
    if sent.is_dir():
        yield from _below(sent, _ATTACHMENTS)
    root = settings.articles
    if with_articles:
        yield from _below(root, _ARTICLES, without=settings.data)
    else:
        always = ((f"{_ARTICLES}{name}", root / name) for name in _ALWAYS)
        yield from (each for each in always if _is_regular(each[1]))


def _below(root: Path, name: str, without: Path | None = None) -> Iterator[tuple[str, Path]]:
    """All regular files below a folder, but those of git and of the folder `without`."""
    left_out = without.resolve() if without else None
    for folder, below, names in os.walk(root, onerror=_unreadable):
        here = Path(folder)
        below[:] = sorted(n for n in below if n != ".git" and (here / n).resolve() != left_out)
        for file in (here / each for each in sorted(names)):
            if _is_regular(file):
                yield f"{name}{file.relative_to(root).as_posix()}", file


def _unreadable(error: OSError) -> None:
    raise error


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _is_ours(name: str) -> bool:
    return name in (_LOG, _PEOPLE, config.FILE) or name.startswith((_ARTICLES, _ATTACHMENTS))


def _left_out(origins: Mapping[str, str]) -> list[str]:
    """Variables that somebody has to set again: secrets, and all of the environment."""
    secrets = config.secret_names()
    return [
        config.variable(name)
        for name, origin in origins.items()
        if origin == config.variable(name) or (name in secrets and origin != "default")
    ]


def _without_secrets(toml: Path) -> str:
    """The settings file without its secrets; "" if there is none or they cannot be taken out."""
    try:
        text = toml.read_text("utf-8")
    except FileNotFoundError:
        return ""
    values, names = tomllib.loads(text), config.secret_names()
    line = re.compile(rf"^[ \t]*[\"']?({'|'.join(names)})[\"']?[ \t]*=.*$", re.M)
    kept = line.sub(r"# \1 is not in the backup", text)
    kept = _HOOKS.sub("# hooks are not in the backup\n", kept)
    secrets = [str(values[name]) for name in names if values.get(name)]
    try:
        is_rest = tomllib.loads(kept) == {k: v for k, v in values.items() if k not in names}
    except tomllib.TOMLDecodeError:  # a secret of several lines
        is_rest = False
    return kept if is_rest and not any(secret in kept for secret in secrets) else ""


def _backup(file: Path, contents: dict[str, Any]) -> Backup:
    try:
        return Backup(
            str(contents["made"]),
            str(contents["version"]),
            sum(contents["rows"].values()),
            tuple(name for name in contents["files"] if name != _LOG),
            tuple(contents["left_out"]),
        )
    except (KeyError, TypeError, AttributeError):
        raise archives.no_archive(file, Message("its list of contents is missing")) from None


# --- where it belongs ---------------------------------------------------------------------------


def _place(name: str, settings: Settings, toml: Path) -> Path:
    if name.startswith(_ARTICLES):
        return settings.articles / name.removeprefix(_ARTICLES)
    return {config.FILE: toml, _PEOPLE: settings.leads_file}.get(name, settings.data / name)


def _beside(toml: Path) -> Path:
    return toml.with_name(f"{toml.name}.restored") if toml.exists() else toml


def _is_same(ours: Path, theirs: Path) -> bool:
    try:
        return _is_regular(theirs) and ours.read_bytes() == theirs.read_bytes()
    except OSError:
        return False


def _require_room(settings: Settings | None, paths: list[Path]) -> None:
    """Raises ArchiveFailed if a file, or with `settings` a log that holds something, is there."""
    there = [str(path) for path in paths if os.path.lexists(path)]
    if (
        settings is not None
        and database.exists(settings.log_url)
        and copies.count(settings.log_url)
    ):
        there.insert(0, copies.shown(settings.log_url))
    if there:
        raise ArchiveFailed(
            Message(
                "this would replace {first}; add --force if you mean it",
                "this would replace {n} files, the first of them {first}; add --force if you mean"
                " it",
                n=len(there),
                first=there[0],
            )
        )


def _write(source: Path, target: Path, *, private: bool) -> None:
    """Puts a file in its place, whole or not at all; a link that stands there is replaced."""
    target.parent.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
    handle, new = tempfile.mkstemp(prefix=".kb-restored-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as out, source.open("rb") as file:
            shutil.copyfileobj(file, out)
            if not private:
                os.fchmod(out.fileno(), 0o644)
        os.replace(new, target)
    finally:
        with suppress(OSError):
            os.unlink(new)
