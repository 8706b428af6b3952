"""Status files in the data folder: the last indexing, sync and pull, and a cluster that is away."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from kb.base.messages import NOTHING, Message
from kb.content.problems import Problem

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Indexed:
    """The outcome of the last indexing, by any command."""

    at: datetime
    build: str  # the build served afterwards
    articles: int  # in it
    published: bool
    held: str = ""  # why not, a code of `indexer.BuildReport`
    commit: str = ""  # of the articles' repository
    problems: tuple[Problem, ...] = ()  # rejected articles and warnings
    checked: tuple[Problem, ...] = ()  # what `kb serve --watch` found besides
    addresses: Mapping[str, str] = field(default_factory=dict)  # slugs of the rejected, by path


@dataclass(frozen=True, slots=True)
class Synced:
    """The outcome of the last `kb sync`."""

    at: datetime
    since: datetime  # the first of the syncs, one after another, that came out like this
    outcome: str  # `published`, `unchanged`, `held` (a person must look) or `failed`
    code: str = ""  # why it was held or failed
    message: Message = NOTHING  # the same as a sentence, ending with the next step
    branch: str = ""
    commit: str = ""  # of the articles folder
    build: str = ""  # served afterwards
    rejected: tuple[Problem, ...] = ()
    answered: tuple[str, ...] = ()  # open questions it answered
    regressed: tuple[str, ...] = ()  # answered questions it lost
    unasked: int = 0  # questions there was no time to ask again
    is_told: bool = False  # whether a letter about the trouble has gone to the leads

    @property
    def is_new(self) -> bool:
        """Whether it published something, or the trouble is not that of the sync before."""
        return self.outcome == "published" or (bool(self.trouble) and self.since == self.at)

    @property
    def trouble(self) -> str:
        """An identifier of what needs a person: equal for equal trouble, "" for none."""
        broken = sorted({(problem.path, problem.code) for problem in self.rejected})
        return repr((self.code, broken)) if self.code or broken else ""


@dataclass(frozen=True, slots=True)
class Pulled:
    """The outcome of the last `kb pull`."""

    at: datetime | None  # of the last one that succeeded
    source: str  # without secrets
    build: str = ""  # current here since then
    held: str = ""  # why that is not the source's, a code of `pull.PullReport`
    trouble: Message = NOTHING  # why the last one failed, ending with the next step


@dataclass(frozen=True, slots=True)
class ClusterAway:
    """That the cluster which searches failed to answer, so that a process let it rest."""

    at: datetime  # the last time
    since: datetime  # the first of these times
    times: int  # by all processes of this machine


AWAY_KEPT = timedelta(days=7)  # after a week without, they are counted anew

T = TypeVar("T", Indexed, Synced, Pulled, ClusterAway)


_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type) -> TypeAdapter[Any]:
    """The reader and writer of a type; making one takes longer than reading most files."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def write(data: Path, value: Indexed | Synced | Pulled | ClusterAway) -> None:
    """Replaces the status file of this type. A full disk is logged and raises nothing."""
    path = _path(data, type(value))
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        new.write_bytes(_adapter(type(value)).dump_json(value, indent=1))
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        logger.warning("%s: %s; free some space", path, error.strerror or error)


def read(data: Path, kind: type[T]) -> T | None:
    """The status of this type, or None where its file is missing or unreadable."""
    try:
        found: T = _adapter(kind).validate_json(_path(data, kind).read_bytes())
    except (OSError, ValidationError):
        return None
    return found


def note_cluster_away(data: Path, now: datetime) -> None:
    """Keeps that a cluster was asked in vain, and is spared for a while."""
    last = read(data, ClusterAway)
    if last is None or now - last.at > AWAY_KEPT:
        last = ClusterAway(now, now, 0)
    write(data, replace(last, at=now, times=last.times + 1))


class Latest(Generic[T]):
    """A cached status, read again when its file changes."""

    def __init__(self, data: Path, kind: type[T]) -> None:
        self._data = data
        self._kind: type[T] = kind
        self._stamp: tuple[int, int] | None = None
        self._value: T | None = None

    def read(self) -> T | None:
        """The current status, or None where its file is missing or unreadable."""
        try:
            found = os.stat(_path(self._data, self._kind))
        except OSError:
            return None
        stamp = (found.st_ino, found.st_mtime_ns)
        if stamp != self._stamp:
            self._value, self._stamp = read(self._data, self._kind), stamp
        return self._value


def _path(data: Path, kind: type) -> Path:
    return data / f"{kind.__name__.lower()}.json"
