"""Examines the machine: Python, libraries, the compiled kernel, the clock, free disk space."""

import ctypes
import importlib.metadata
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from operator import eq, ge, gt, le, lt
from pathlib import Path

from kb import __version__
from kb.base.config import Settings
from kb.base.errors import KBError
from kb.base.messages import Message
from kb.index.builds import Builds
from kb.jobs.doctor.findings import Finding, error, ok, sized, warning
from kb.searchlog.db import condition

_PACKAGE = "kb-search"
_SHOWN = ("whoosh", "numpy", "flask", "granian", "sqlalchemy")
_BOUND = re.compile(r"(==|>=|<=|<|>)([\d.]+)")
_COMPARE = {"==": eq, ">=": ge, "<=": le, "<": lt, ">": gt}
_LEAST_FREE = 200 * 10**6  # bytes beside a build and a copy of the log
_LEAST_INODES = 1000
_UNSYNCHRONISED = 5  # what adjtimex returns then
_AHEAD = 60.0  # seconds a file may be ahead of the clock


def versions() -> Iterator[Finding]:
    """Python and the libraries the package asks for, each within its bounds."""
    wrong = sorted(_wrong_libraries())
    if wrong:
        yield error(
            "versions",
            Message("libraries do not fit: {names}", names=", ".join(wrong)),
            Message("run `pip install --upgrade` for the package in its environment"),
        )
        return
    shown = [f"{name} {version}" for name in _SHOWN if (version := _version(name))]
    yield ok(
        "versions",
        Message(
            "kb {version}, Python {python}, SQLite {sqlite}, {libraries}",
            version=__version__,
            python=platform.python_version(),
            sqlite=condition.SQLITE,
            libraries=", ".join(shown),
        ),
    )


def _wrong_libraries() -> Iterator[str]:
    with suppress(importlib.metadata.PackageNotFoundError):
        for wanted in importlib.metadata.requires(_PACKAGE) or ():
            if ";" in wanted:  # of an extra, or of some machines only
                continue
            name = re.match(r"[\w.-]+", wanted)
            found = _version(name[0]) if name else None
            if name and found is None:
                yield f"{name[0]} –"
            elif name and not _fits(found or "", wanted):
                yield f"{name[0]} {found}"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _fits(version: str, wanted: str) -> bool:
    """Whether a version is within the bounds, of whose release numbers alone are looked at."""

    def numbers(text: str) -> tuple[int, ...]:
        found = re.match(r"\d+(\.\d+)*", text)
        parts = [int(part) for part in found[0].split(".")] if found else [0]
        while len(parts) > 1 and not parts[-1]:
            parts.pop()
        return tuple(parts)

    return all(
        _COMPARE[sign](numbers(version), numbers(bound)) for sign, bound in _BOUND.findall(wanted)
    )


def kernel() -> Iterator[Finding]:
    """The arithmetic of ranking in C."""
    from kb.ranking.kernels import c_kernel

    if c_kernel.library() is not None:
        yield ok("kernel", Message("ranking is computed in C"))
        return
    yield warning(
        "kernel",
        Message("ranking is computed by numpy, several times slower: the C kernel is not there"),
        Message("install the wheel of this platform, or a C compiler and the package again"),
    )


def clock(newest: float | None, now: float) -> Iterator[Finding]:
    """Whether the clock is set; `newest` is when the newest search ended."""
    if newest is not None and newest > now + _AHEAD:
        yield error(
            "clock",
            Message(
                "the newest search is {n} minute ahead of the clock",
                "the newest search is {n} minutes ahead of the clock",
                n=int((newest - now) // 60),
            ),
            Message("set the clock (`timedatectl`); what was recorded stays in its order"),
        )
    elif _is_unsynchronised():
        yield warning(
            "clock",
            Message(
                "{moment} UTC, and the system says that nothing keeps it right", moment=_utc(now)
            ),
            Message("switch time synchronisation on: `timedatectl set-ntp true`"),
        )
    else:
        yield ok("clock", Message("{moment} UTC", moment=_utc(now)))


def _utc(now: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now))


def _is_unsynchronised() -> bool:
    """What the kernel of Linux says; False where it cannot be asked."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return False
    return bool(adjtimex(ctypes.create_string_buffer(512)) == _UNSYNCHRONISED)


def disk(settings: Settings, log_bytes: int) -> Iterator[Finding]:
    """Room for the next build and for a copy of the log, where the data folder is."""
    folder = _nearest(settings.data)
    free = shutil.disk_usage(folder).free
    needed = _build_bytes(settings) + log_bytes + _LEAST_FREE
    files = os.statvfs(folder)
    if files.f_files and files.f_favail < _LEAST_INODES:
        yield error(
            "disk",
            Message("{n} file more can be made on the disk of {folder}",
                    "{n} files more can be made on the disk of {folder}",
                    n=files.f_favail, folder=str(folder)),
            Message("remove files there, or move KB_DATA"),
        )  # fmt: skip
    elif free < needed:
        yield error(
            "disk",
            Message(
                "{free} free for {folder}, and the next build needs {needed}",
                free=sized(free),
                folder=str(folder),
                needed=sized(needed),
            ),
            Message("make room there, or move KB_DATA"),
        )
    elif free < 2 * needed:
        yield warning(
            "disk",
            Message("{free} free for {folder}", free=sized(free), folder=str(folder)),
            Message("make room there soon: two builds would fill it"),
        )
    else:
        yield ok("disk", Message("{free} free for {folder}", free=sized(free), folder=str(folder)))


def _nearest(folder: Path) -> Path:
    """The folder, or the one above it that is there."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())


def _build_bytes(settings: Settings) -> int:
    try:
        files = Builds(settings.builds).current().manifest["files"]
    except KBError:
        return 0
    return sum(size for size, _ in files.values())
