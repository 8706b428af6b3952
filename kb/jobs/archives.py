"""Archives: a compressed tar with a digest of each file, written and read whole or not at all.

Knows nothing of what the files are.
"""

import errno
import fcntl
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

from kb.base.durability import fsync
from kb.base.errors import KBError
from kb.base.messages import Message

FORMAT = 1  # raised when an older version could not read the archive
_CONTENTS = "contents.json"
_LARGEST_CONTENTS = 64 * 2**20  # bytes
_PIECE = 1 << 20
_UNFINISHED = ".kb-unfinished-"
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


class ArchiveFailed(KBError):
    """An archive could not be written or is none."""


class Draft:
    """An archive that is being written."""

    def __init__(self, folder: Path, archive: tarfile.TarFile) -> None:
        self.folder = folder
        """Where files may be made that belong into it; removed in the end."""
        self._archive = archive
        self._digests: dict[str, str] = {}

    def add(self, name: str, path: Path) -> None:
        """Adds a file as it is now. Raises OSError, also for one that is cut short meanwhile."""
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = found.st_size, int(found.st_mtime), 0o600
            hashed = _Hashed(file)
            self._archive.addfile(entry, hashed)
        self._digests[name] = hashed.digest.hexdigest()

    def close(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Adds the list of contents, which `facts` begin, as the last file; returns it."""
        contents = {"format": FORMAT, **facts, "files": self._digests}
        text = json.dumps(contents, indent=1).encode()
        entry = tarfile.TarInfo(_CONTENTS)
        entry.size, entry.mode = len(text), 0o600
        self._archive.addfile(entry, io.BytesIO(text))
        return contents


class _Hashed:
    """A file that is read once, with the digest of what was read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        read = self._file.read(size)
        self.digest.update(read)
        return read


@contextmanager
def draft(file: Path, *, replace: bool) -> Iterator[Draft]:
    """Yields an archive to add files to and to close; `file` is there only once all succeeded.

    Only its owner can read it. Raises ArchiveFailed, also if `file` is there and not to be
    replaced.
    """
    if file.exists() and not replace:
        raise _is_there(file)
    folder = file.absolute().parent
    with _plainly(file), workplace(folder) as own:
        packed = own / "packed"
        with _packing(packed) as archive:
            yield Draft(own, archive)
        fsync(packed)
        _name(packed, file, replace)
        fsync(folder)


@contextmanager
def _packing(path: Path) -> Iterator[tarfile.TarFile]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        os.fdopen(handle, "wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        yield archive


def _name(packed: Path, file: Path, replace: bool) -> None:
    """Names the finished archive; a link does not replace what came meanwhile."""
    try:
        if not replace:
            os.link(packed, file)
            return
    except FileExistsError:
        raise _is_there(file) from None
    except OSError:  # a disk without links
        pass
    os.replace(packed, file)


@contextmanager
def workplace(beside: Path) -> Iterator[Path]:
    """A folder of one's own for what is not finished; removes those that killed commands left."""
    with os.scandir(beside) as entries:
        left = [Path(entry.path) for entry in entries if entry.name.startswith(_UNFINISHED)]
    for old in left:
        with suppress(OSError), _locked(old):
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=beside))
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder, which ends with the process; raises OSError if it is held."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


# --- reading ------------------------------------------------------------------------------------


def unpack(
    file: Path, folder: Path, is_ours: Callable[[str], bool], *, only: str | None = None
) -> dict[str, Any]:
    """Unpacks an archive, or one file of it, into `folder`; returns its list of contents.

    All of it is read and compared with that list. Raises ArchiveFailed if it is none, is cut off
    or damaged, was written by a newer version, or holds anything but regular files with names that
    `is_ours` knows.
    """
    with _plainly(file):
        digests, text = _unpacked(file, folder, is_ours, only)
        try:
            contents: dict[str, Any] = json.loads(text)
            is_newer = contents["format"] > FORMAT
            is_whole = contents["files"] == digests
        except (ValueError, KeyError, TypeError):
            raise no_archive(file, Message("its list of contents is missing")) from None
    if is_newer:
        raise ArchiveFailed(
            Message(
                "{file} was written by kb {version}; install that version or a newer one",
                file=str(file),
                version=str(contents.get("version")),
            )
        )
    if not is_whole:
        raise no_archive(file, Message("a file in it is not as it was written"))
    return contents


def _unpacked(
    file: Path, folder: Path, is_ours: Callable[[str], bool], only: str | None
) -> tuple[dict[str, str], bytes]:
    """The digests of the files of an archive, and its list of contents as it is written."""
    digests: dict[str, str] = {}
    text = b""
    with gzip.open(file) as packed, tarfile.open(fileobj=packed, mode="r|") as archive:
        for entry in archive:
            name = entry.name
            content = archive.extractfile(entry) if entry.isreg() else None
            is_known = name == _CONTENTS or (is_ours(name) and _is_inside(name))
            if content is None or name in digests or not is_known:
                raise no_archive(file, Message("{name} does not belong into one", name=name))
            if name == _CONTENTS:
                text = content.read(_LARGEST_CONTENTS)
            else:
                digests[name] = _copied(content, folder / name if only in (None, name) else None)
        while packed.read(_PIECE):  # to the checksum of the whole
            pass
    return digests, text


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _copied(content: IO[bytes], target: Path | None) -> str:
    """Reads a file to its end, into `target` if one is given; returns its digest."""
    digest = hashlib.sha256()
    with ExitStack() as stack:
        out: IO[bytes] | None = None
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            out = stack.enter_context(target.open("xb"))
        while piece := content.read(_PIECE):
            digest.update(piece)
            if out is not None:
                out.write(piece)
    return digest.hexdigest()


def no_archive(file: Path, reason: Message) -> ArchiveFailed:
    """The error of a file that is no archive of ours."""
    return ArchiveFailed(
        Message(
            "{file} is no whole backup: {reason}; take another one", file=str(file), reason=reason
        )
    )


def _is_there(file: Path) -> ArchiveFailed:
    return ArchiveFailed(
        Message("{file} is there already; name another file, or add --force", file=str(file))
    )


@contextmanager
def _plainly(file: Path) -> Iterator[None]:
    """Raises what reading or writing an archive may raise as ArchiveFailed."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise no_archive(file, Message("{text}", text=str(error) or "EOF")) from None
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise ArchiveFailed(
            Message("there is no room for {file}; make some, or name another disk", file=str(file))
        ) from None
