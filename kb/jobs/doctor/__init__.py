"""Examines an installation: what `kb doctor` prints, one finding a line. Changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from kb.base.config import Settings
from kb.base.errors import KBError
from kb.base.messages import Message
from kb.jobs.doctor import folders, machine, network, state
from kb.jobs.doctor.findings import Finding, error

__all__ = ["Finding", "examine"]


def examine(
    settings: Settings, origins: Mapping[str, str], toml: Path, now: Callable[[], float]
) -> Iterator[Finding]:
    """Yields what is found, subject by subject; a subject that cannot be examined is an error.

    `origins` are those of `config.Loaded`, `toml` is the settings file, `now` gives seconds since
    1970.
    """
    condition, trouble = state.log_condition(settings)
    newest = condition.newest if condition else None
    yield from _safely("versions", machine.versions)
    yield from _safely("kernel", machine.kernel)
    yield from _safely("rights", lambda: folders.permissions(settings))
    yield from _safely("secrets", lambda: folders.secrets(settings, origins, toml))
    yield from _safely("disk", lambda: machine.disk(settings, condition.bytes if condition else 0))
    yield from _safely("clock", lambda: machine.clock(newest, now()))
    yield from _safely("index", lambda: state.index(settings))
    yield from _safely("cluster", lambda: _cluster(settings, now()))
    if trouble:
        yield trouble
    else:
        yield from _safely("log", lambda: state.log(settings, condition, now()))
    yield from _safely("mail", lambda: network.mail_server(settings))
    yield from _safely("hooks", lambda: network.hooks(settings))
    yield from _safely("git", lambda: network.remote(settings))
    yield from _safely("service", lambda: network.service(settings))


def _cluster(settings: Settings, now: float) -> Iterator[Finding]:
    if settings.engine == "opensearch":
        from kb.jobs.doctor import cluster

        yield from cluster.cluster(settings, now)


def _safely(subject: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except KBError as failed:
        yield error(subject, failed.message, Message("until then this was not examined"))
    except OSError as failed:
        where = f"{failed.filename}: " if failed.filename else ""
        reason = Message("{text}", text=f"{where}{failed.strerror or failed}")
        yield error(subject, reason, Message("check the path and its rights"))
