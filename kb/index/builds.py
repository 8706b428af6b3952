"""Builds on disk: drafted, published atomically, opened, rolled back, dropped.

A build is a folder that is complete before anybody can see it and never changes afterwards. A small
file, moved into place by `os.replace`, names the current one.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from isal import isal_zlib

from kb.base import data_folder
from kb.base.durability import fsync
from kb.base.errors import BuildBusy, BuildFailed, IndexDamaged, IndexMissing, reason
from kb.base.messages import NOTHING, Message

MANIFEST = "build.json"
FORMAT = 9  # raised with every change of what stands in a build, so an old one is made afresh
_POINTER = "current"
_WITHDRAWN = "withdrawn"  # names of builds that somebody went back from
_LOCK = "lock"
_UNFINISHED = "unfinished-"
_NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}(\+\d{4,})?")  # time, chance, count if time stood still
_STAMP = "%Y%m%d-%H%M%S"  # how a name begins
_LOOKS = 5  # at the folder while builds come and go
_TRIES = 8  # at the lock, in less than half a second
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
_SYNCED_TOGETHER = 8  # files
_PIECE = 1 << 24  # bytes of a file under one checksum
_CHUNK = 1 << 18  # bytes of a piece that are read at once
_OWN_FACTS = ("format", "name", "files")  # of a manifest, which each build gets anew


@dataclass(frozen=True, slots=True)
class Build:
    """A published build: its name, its folder and its manifest."""

    name: str
    folder: Path
    manifest: dict[str, Any]


class Builds:
    """The folder of builds. One process writes at a time, under a lock of the whole folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._verified: dict[tuple[int, ...], int] = {}  # checksums of files that were verified

    def stamp(self) -> tuple[int, int] | None:
        """Inode and time in ns of the pointer: another value when another build is published.

        None if no build ever was. Costs one `stat`.
        """
        try:
            found = os.stat(self.root / _POINTER)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def current(self) -> Build:
        """Opens the published build, or the newest sound one before it if that is damaged.

        Every file is compared with the size and checksum in the manifest, once per process and
        file. Raises IndexMissing when there is no build at all, IndexDamaged when none can be read.
        """
        reason = NOTHING
        names = self._candidates()
        for _ in range(_LOOKS):
            for name in names:
                try:
                    return self.open(name)
                except IndexDamaged as error:
                    reason = reason or error.message
            before, names = names, self._candidates()
            if names == before:
                break
            reason = NOTHING  # others were published, and these dropped, while we looked at them
        if not names:
            raise IndexMissing(
                Message(
                    "no build of the articles in {folder}; run `kb index`", folder=str(self.root)
                )
            )
        raise IndexDamaged(reason)

    def pointed(self) -> str:
        """The name of the build that was published last, whether it can be read or not; or ""."""
        try:
            return (self.root / _POINTER).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _candidates(self) -> list[str]:
        """Names of finished builds: the published one, the others, newest first, the withdrawn."""
        pointed, withdrawn = self.pointed(), self._withdrawn()
        return sorted(self.names(), key=lambda name: (name != pointed, name in withdrawn))

    def is_light(self, name: str) -> bool:
        """Whether build `name` is a light one (`light`), by its manifest, which is not verified."""
        with contextlib.suppress(OSError, ValueError):
            return bool(_read_manifest(self.root / name).get("light"))
        return False

    def sound(self, name: str, part: str = "") -> bool:
        """Whether build `name`, or a part of it as in `open`, is there and undamaged."""
        try:
            self.open(name, part)
        except IndexDamaged:
            return False
        return True

    def names(self) -> list[str]:
        """Names of finished builds, newest first (a name begins with its time)."""
        try:
            with os.scandir(self.root) as entries:
                found = [entry.name for entry in entries if entry.is_dir()]
        except OSError:
            return []
        return sorted((name for name in found if _NAME.fullmatch(name)), reverse=True)

    def open(self, name: str, part: str = "") -> Build:
        """Build `name`. Raises IndexDamaged when it is not as it was written, or of another format.

        With `part`, the name of a folder in the build, only the files in that folder are verified,
        in a build of any format.
        """
        folder = self.root / name
        try:
            manifest = _read_manifest(folder)
            if not part and manifest["format"] != FORMAT:
                raise ValueError(
                    Message(
                        "format {found}, this version reads {known}",
                        found=str(manifest["format"]),
                        known=str(FORMAT),
                    )
                )
            for file, (size, crc) in manifest["files"].items():
                if not part or file.startswith(f"{part}/"):
                    self._verify(folder / file, size, crc)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexDamaged(
                Message(
                    "build {name}: {reason}; run `kb index --full`",
                    name=name,
                    reason=reason(error) if isinstance(error, ValueError) else str(error),
                )
            ) from None
        return Build(name, folder, manifest)

    def is_changed(self, build: Build) -> bool:
        """Whether a file of a verified build was written to since. Costs one `stat` a file.

        One that is gone is none: what is mapped of it stays.
        """
        with contextlib.suppress(OSError):
            return any(
                _identity(build.folder / file) not in self._verified
                for file in build.manifest["files"]
            )
        return False

    def verify_again(self) -> None:
        """Has all files read and compared with their checksums again when they are opened next."""
        self._verified = {}

    def _verify(self, path: Path, size: int, crc: int) -> None:
        file = _identity(path)
        if file[-1] != size:
            raise ValueError(
                Message(
                    "{file} has {found} bytes instead of {size}",
                    file=path.name,
                    found=str(file[-1]),
                    size=str(size),
                )
            )
        if self._verified.get(file) == crc:
            return
        if _checksum(path) != crc:
            raise ValueError(
                Message("{file} does not have the contents it was written with", file=path.name)
            )
        self._verified[file] = crc

    @contextlib.contextmanager
    def draft(self) -> Iterator[Path]:
        """Yields a new empty folder to build in and removes it unless `publish` took it.

        Raises BuildFailed when another process is building or the folder cannot be written.
        """
        with self._locked():
            self._sweep()
            stamp = time.strftime(_STAMP, time.gmtime())
            folder = self.root / f"{_UNFINISHED}{stamp}-{secrets.token_hex(3)}"
            folder.mkdir(mode=0o700)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the lock of the folder, which ends with the process, however that ends."""
        try:
            data_folder.prepare(self.root.parent)
            self.root.mkdir(exist_ok=True)
            lock = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BuildFailed(_disk(error, self.root)) from None
        try:
            if not _taken(lock):
                raise BuildBusy(
                    Message(
                        "another process is building in {folder}; wait until it has finished",
                        folder=str(self.root),
                    )
                )
            yield
        except OSError as error:
            raise BuildFailed(_disk(error, self.root)) from None
        finally:
            os.close(lock)

    @property
    def is_at_work(self) -> bool:
        """Whether a process is building at this moment."""
        try:
            lock = os.open(self.root / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def publish(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        keep: int = 2,
        prepare: Callable[[Build], None] = lambda build: None,
    ) -> Build:
        """Makes the drafted `folder` the current build: manifest, fsync, rename, verify, pointer.

        `facts` go into the manifest; `keep` builds stay, the older ones are dropped. `prepare` is
        called with the build while nobody else can see it.
        Raises BuildFailed and leaves the old build current if anything does not fit.
        """
        name = self._unused(folder.name.removeprefix(_UNFINISHED))
        self._write_manifest(folder, name, facts)
        prepare(Build(name, folder, _read_manifest(folder)))
        build = self._install(folder, name)
        self._forget_withdrawn()
        self._drop(keep)
        return build

    def _install(self, folder: Path, name: str) -> Build:
        """Brings a drafted build to the disk and makes it current, if it is as it was written."""
        self._sync_all(folder)
        target = self.root / name
        if target.exists():  # a damaged one is replaced
            os.rename(target, folder.with_name(f"{folder.name}-damaged"))
        os.rename(folder, target)
        try:
            fsync(self.root)
            build = self.open(name)
            self._point(name)
        except (IndexDamaged, OSError) as error:
            if self.pointed() != name:
                shutil.rmtree(target, ignore_errors=True)
            if isinstance(error, OSError):
                raise
            raise BuildFailed(
                Message("{reason}; the old build goes on serving", reason=error.message)
            ) from None
        return build

    def adopt(
        self, folder: Path, name: str, withdrawn: Collection[str] = (), keep: int = 2
    ) -> Build:
        """Makes the drafted `folder`, a copy of build `name` of another machine, the current build.

        `withdrawn` are builds that were rolled back there. Raises BuildFailed, and leaves the old
        build current, if the copy is not as the build was made.
        """
        self._note_withdrawn(name, withdrawn)
        build = self._install(folder, name)
        self._drop(keep)
        return build

    def follow(self, name: str, withdrawn: Collection[str] = (), keep: int = 2) -> None:
        """Makes a build that is here already the current one, as `adopt` does with a copy."""
        with self._locked():
            self._note_withdrawn(name, withdrawn)
            self._point(name)
            self._drop(keep)

    def _note_withdrawn(self, current: str, withdrawn: Collection[str]) -> None:
        """Keeps which builds here somebody went back from, as another machine knows it."""
        ours = [name for name in self.names() if name in withdrawn and name != current]
        _write_whole(self.root / _WITHDRAWN, "\n".join(ours))

    def is_withdrawn(self, name: str) -> bool:
        """Whether somebody went back from build `name`."""
        return name in self._withdrawn()

    def link(self, build: Build, owner: "Builds", folder: Path) -> Build:
        """Publishes a build of other builds, as it is, by the drafted empty `folder`.

        The files are links to those that its `owner` has verified, or copies of them.
        """
        for file in build.manifest["files"]:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(build.folder / file, folder / file)
        self._verified |= owner._verified
        facts = {key: value for key, value in build.manifest.items() if key not in _OWN_FACTS}
        return self.publish(folder, facts)

    def _write_manifest(self, folder: Path, name: str, facts: Mapping[str, Any]) -> None:
        """Writes what the build is, and the size and checksum of each of its files.

        Files that another build shares were read when that build was opened.
        """
        table = {
            str(path.relative_to(folder)): (
                path.stat().st_size,
                self._verified.get(_identity(path)) or _checksum(path),
            )
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        manifest = {"format": FORMAT, "name": name, **facts, "files": table}
        (folder / MANIFEST).write_bytes(sealed(manifest))

    def _sync_all(self, folder: Path) -> None:
        """Brings every file and folder below `folder`, and itself, to the disk; files first.

        Several at a time, so that the disk may write them together. Files that another build shares
        are there since that was published.
        """
        below = list(folder.rglob("*"))
        folders = [path for path in below if path.is_dir()]
        files = [path for path in below if path not in folders]
        with ThreadPoolExecutor(_SYNCED_TOGETHER) as pool:
            list(pool.map(fsync, (path for path in files if _identity(path) not in self._verified)))
        for path in (*folders, folder):
            fsync(path)

    def rollback(self) -> Build:
        """Points to the newest sound build before the current one, else raises IndexMissing.

        The current one is withdrawn: kept until the next build is published, and not pointed to.
        """
        with self._locked():
            current, withdrawn = self.current().name, self._withdrawn()
            for name in self.names():
                if name < current and name not in withdrawn and self.sound(name):
                    _write_whole(self.root / _WITHDRAWN, "\n".join((*withdrawn, current)))
                    self._point(name)
                    return self.open(name)
        raise IndexMissing(
            Message(
                "no build before {name} in {folder}; nothing to go back to",
                name=current,
                folder=str(self.root),
            )
        )

    def withdrawn(self) -> list[Build]:
        """The sound builds that `rollback` went back from since the last was published."""
        current = self.pointed()
        return [
            self.open(name) for name in self._withdrawn() if name != current and self.sound(name)
        ]

    def _withdrawn(self) -> list[str]:
        try:
            return (self.root / _WITHDRAWN).read_text("utf-8").split()
        except (OSError, UnicodeDecodeError):
            return []

    def _forget_withdrawn(self) -> None:
        """Drops the withdrawn builds: what replaces them is published."""
        for name in self._withdrawn():
            if _NAME.fullmatch(name) and name != self.pointed():
                shutil.rmtree(self.root / name, ignore_errors=True)
        (self.root / _WITHDRAWN).unlink(missing_ok=True)

    def _point(self, name: str) -> None:
        """Makes build `name` the current one: readers see the old name or this one."""
        _write_whole(self.root / _POINTER, name + "\n")

    def _unused(self, name: str) -> str:
        """`name`, moved behind the newest build should the clock have been set back."""
        newest = max(self.names(), default="")
        if name > newest:
            return name
        base, _, count = newest.partition("+")
        return f"{base}+{int(count or 0) + 1:04d}"

    def _drop(self, keep: int) -> None:
        """Removes all builds but the current one and the newest others, `keep` in all."""
        current = self.pointed()
        others = [name for name in self.names() if name != current]
        for name in others[max(keep - 1, 0) :]:
            shutil.rmtree(self.root / name, ignore_errors=True)

    def _sweep(self) -> None:
        """Removes what a killed build left behind; the lock says nobody is at work on it."""
        for entry in list(os.scandir(self.root)):
            if entry.name.startswith(_UNFINISHED):
                shutil.rmtree(entry.path, ignore_errors=True)


def is_name(text: str) -> bool:
    """Whether a build may have this name."""
    return _NAME.fullmatch(text) is not None


def made_at(name: str) -> datetime:
    """When a build of this name was made, to the second, in UTC."""
    return datetime.strptime(name[:15], _STAMP).replace(tzinfo=UTC)


def sealed(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as its file holds it: in one line, and its checksum in another."""
    body = json.dumps(manifest, ensure_ascii=False).encode()
    return body + b"\n%08x" % zlib.crc32(body)


def unsealed(content: bytes) -> dict[str, Any]:
    """The manifest that a file holds. Raises ValueError if it is damaged."""
    body, _, check = content.rpartition(b"\n")
    if int(check or b"-1", 16) != zlib.crc32(body):
        raise ValueError(Message("the manifest is damaged"))
    manifest: dict[str, Any] = json.loads(body)
    return manifest


def _read_manifest(folder: Path) -> dict[str, Any]:
    return unsealed((folder / MANIFEST).read_bytes())


def _taken(lock: int) -> bool:
    """Whether the lock is ours now. Children of a killed build hold it a moment longer than it."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def copy_file(build: Build, name: str, target: Path) -> None:
    """Copies a file of a build to `target`. Raises IndexDamaged if the copy is not as it was made.

    A file system that can share blocks until they are written to does so.
    """
    source = build.folder / name
    with source.open("rb") as old, target.open("xb") as new:
        try:
            while os.copy_file_range(old.fileno(), new.fileno(), _PIECE):
                pass
        except (OSError, AttributeError):  # not between these file systems, or not on this system
            old.seek(0)
            new.seek(0)
            shutil.copyfileobj(old, new)
    if build.manifest["files"].get(name) != [target.stat().st_size, _checksum(target)]:
        raise IndexDamaged(
            Message("build {name}: {reason}; run `kb index --full`", name=build.name,
                    reason=f"{name} does not have the contents it was written with")
        )  # fmt: skip


def link_or_copy(source: Path, target: Path) -> None:
    """Puts the file `source` at `target` as well: a hard link, or a copy where there are none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _write_whole(path: Path, text: str) -> None:
    """Replaces a small file: readers see the old text or this one, after a power cut too."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, "utf-8")
    fsync(new)
    os.replace(new, path)
    fsync(path.parent)


def _identity(path: Path) -> tuple[int, ...]:
    """The identity of a file: equal for all links to it until it is written; its size is last."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _checksum(path: Path) -> int:
    """The checksum of the checksums of a file's pieces, of which several are read at a time."""
    starts = range(0, path.stat().st_size, _PIECE)
    if len(starts) < 2:
        return _checksum_of_piece(path, 0)
    with ThreadPoolExecutor(min(len(starts), os.cpu_count() or 1)) as pool:
        pieces = pool.map(partial(_checksum_of_piece, path), starts)
        return zlib.crc32(b"".join(piece.to_bytes(4, "little") for piece in pieces))


def _checksum_of_piece(path: Path, start: int) -> int:
    """The CRC-32 of a piece; zlib would take five times as long for the same number."""
    crc, rest = 0, _PIECE
    chunk = memoryview(bytearray(_CHUNK))  # read into again and again: a new one costs more
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while count := file.readinto(chunk[:rest]):
            crc, rest = isal_zlib.crc32(chunk[:count], crc), rest - count
    return crc


def _disk(error: OSError, root: Path) -> Message:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Message(
            "the disk of {folder} is full; free some space and run `kb index` again",
            folder=str(root),
        )
    place, reason = str(error.filename or root), error.strerror or str(error)
    if error.errno in _FORBIDDEN:
        return Message(
            "{place}: {reason}; the old build goes on serving, make it writable for this user",
            place=place,
            reason=reason,
        )
    return Message(
        "{place}: {reason}; the old build goes on serving, run `kb index` again",
        place=place,
        reason=reason,
    )
