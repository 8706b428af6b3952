"""The folder in which the workers of one server share their metrics; it ends with the server.

It lies in memory where it can, never in the data folder, which may be read-only. Each worker maps
files of its own there, and `/metrics` adds them up.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from time import time

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it when it is imported
_PREFIX = "kb-metrics-"
_LOCK = "lock"  # held while a process of the server lives
_NEW = 60.0  # seconds in which a server has locked its folder

logger = logging.getLogger("kb.web")


def places(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Where the folder may lie, the best place first."""
    given = (environ.get("RUNTIME_DIRECTORY", "").partition(":")[0], environ.get("TMPDIR", ""))
    return tuple(filter(None, (given[0], "/dev/shm", given[1], "/tmp")))  # noqa: S108 - a new one


@contextmanager
def shared(where: Iterable[str]) -> Iterator[Path | None]:
    """Makes a new folder in the first place that can be written, and names it in the environment.

    Yields None where none can: each worker then counts for itself. Precedes the import of
    prometheus_client.
    """
    folder = next(filter(None, map(_made, where)), None)
    if folder is None:
        logger.warning("no folder for metrics can be written: each worker counts for itself")
        yield None
        return
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.environ[VARIABLE] = str(folder)
    try:
        yield folder
    finally:
        os.environ.pop(VARIABLE, None)
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _made(place: str) -> Path | None:
    """A new folder in `place`; those that killed servers of this user left there are removed."""
    try:
        made = Path(mkdtemp(prefix=_PREFIX, dir=place)).absolute()
    except OSError:
        return None
    for left in Path(place).glob(f"{_PREFIX}*"):
        if left != made and _is_left(left):
            shutil.rmtree(left, ignore_errors=True)
    return made


def _is_left(folder: Path) -> bool:
    """Whether the folder is ours, not just made, and no server holds its lock any more."""
    with suppress(OSError):
        found = folder.lstat()
        if found.st_uid == os.geteuid() and found.st_mtime < time() - _NEW:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            finally:
                os.close(lock)
    return False
