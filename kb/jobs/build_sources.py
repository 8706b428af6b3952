"""Where builds come from: a machine that indexes, over HTTP, or a store of files that it fills.

A store is a folder, or with fsspec any place that it knows; `current.json` is its listing and
`files/` holds each content under its digest. Nothing that is read here is believed or kept.
"""

import io
import json
import os
import shutil
import stat
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import IO, Any, Final, Protocol
from urllib.parse import urlsplit

from kb.base import regular_files
from kb.base.durability import fsync
from kb.base.errors import ConfigError, KBError, reason
from kb.base.escaping import header
from kb.base.messages import Message
from kb.index import listing

LISTING: Final = "current.json"
FILES: Final = "files"
_TIMEOUT: Final = 20.0  # seconds for any one answer of a source
_PIECE: Final = 1 << 18  # bytes read at a time
_QUOTED: Final = 200  # characters of an answer that are told
_TOLD: Final = 1_000  # bytes of a refusal that are read


class SourceAway(KBError):
    """Builds cannot be had from their source at this moment."""


class Source(Protocol):
    """Where a listing and the files of it are read. Methods raise SourceAway."""

    name: str  # as people are told of it, without secrets

    def listing(self) -> bytes:
        """The listing as it is now."""

    def pieces(self, digest: str, start: int) -> Generator[bytes, None, None]:
        """The content of a file from byte `start` on; a source may send anything, without end."""

    def close(self) -> None:
        """Closes what was kept open; a source may be asked again afterwards."""


class Store(Source, Protocol):
    """A source that files can be put into."""

    def digests(self) -> set[str]:
        """The digests of the files in it."""

    def put(self, digest: str, file: Path) -> None:
        """Puts a file in; nobody sees it before it is whole."""

    def point(self, content: bytes) -> None:
        """Replaces the listing."""

    def remove(self, digest: str) -> None:
        """Removes a file."""


def source(url: str, token: str = "") -> Source:
    """The source at an address: HTTP, else a store. Raises ConfigError for what is none."""
    if urlsplit(url).scheme in ("http", "https"):
        return HttpSource(url, token)
    return store(url)


def store(url: str) -> Store:
    """The store at an address: a folder, `file://` or whatever fsspec knows. Raises ConfigError."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return FolderStore(Path(url).expanduser())
    if scheme == "file":
        return FolderStore(Path(rest))
    if scheme in ("http", "https"):
        raise ConfigError(
            Message("{url} cannot be written to; name a folder, or a store such as s3://", url=url)
        )
    return RemoteStore(url)


# ---------------------------------------------------------------- over HTTP


class HttpSource:
    """A machine that indexes, at the address of its site. Follows no redirect."""

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        host = address.netloc.rpartition("@")[2]
        if not host or address.query or address.fragment:
            raise ConfigError(
                Message("{url} is no address; write https://index.example.com", url=host or url)
            )
        make = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self.name = f"{address.scheme}://{host}{address.path}".rstrip("/")
        self._connection = make(host, timeout=_TIMEOUT)
        self._path = address.path.rstrip("/")
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "kb-pull"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def listing(self) -> bytes:
        """The listing, of a bounded size."""
        with self._answer("/builds/current", {}) as answer:
            content = answer.read(listing.LARGEST + 1)
        if len(content) > listing.LARGEST:
            raise SourceAway(Message("{source} sends a listing without an end", source=self.name))
        return content

    def pieces(self, digest: str, start: int) -> Generator[bytes, None, None]:
        """The content of a file; where the machine sends no part, what is known is left out."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._answer(f"/builds/files/{digest}", headers) as answer:
            known = 0 if answer.status == 206 else start
            for piece in _read(answer):
                yield piece[known:]
                known = max(0, known - len(piece))

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    @contextmanager
    def _answer(self, path: str, headers: dict[str, str]) -> Iterator[HTTPResponse]:
        """A plain answer; what is not read of it is never taken for the next one."""
        try:
            with self._asked(path, headers) as answer:
                self._check(answer)
                yield answer
                is_read = answer.isclosed()
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            raise SourceAway(
                Message(
                    "{source} cannot be asked ({reason}); what is here goes on being served",
                    source=self.name,
                    reason=header(str(error)) or type(error).__name__,
                )
            ) from None
        except BaseException:
            self.close()
            raise
        if not is_read:
            self.close()

    def _asked(self, path: str, headers: dict[str, str]) -> HTTPResponse:
        """The answer; a connection that was kept open too long is opened once more."""
        is_kept = self._connection.sock is not None
        try:
            self._connection.request("GET", self._path + path, headers=self._headers | headers)
            return self._connection.getresponse()
        except (OSError, HTTPException):
            self._connection.close()
            if not is_kept:
                raise
        self._connection.request("GET", self._path + path, headers=self._headers | headers)
        return self._connection.getresponse()

    def _check(self, answer: HTTPResponse) -> None:
        """Raises SourceAway for all but a plain answer."""
        if 300 <= answer.status < 400:
            where = urlsplit(answer.getheader("Location", ""))
            raise SourceAway(
                Message(
                    "{source} leads elsewhere ({where}), and the token goes to nobody else; set"
                    " KB_PULL_URL to the address itself",
                    source=self.name,
                    where=header(f"{where.scheme}://{where.netloc}{where.path}")[:_QUOTED],
                )
            )
        if answer.status in (401, 403):
            raise SourceAway(
                Message(
                    "{source} refuses the token; make one there with `kb tokens add NAME --scope"
                    " builds:read` and set KB_PULL_TOKEN",
                    source=self.name,
                )
            )
        if answer.status not in (200, 206):
            raise SourceAway(
                Message(
                    "{source} answers {status}; check KB_PULL_URL and the log there",
                    source=self.name,
                    status=f"{answer.status} {_told(answer)}".strip(),
                )
            )
        if answer.getheader("Content-Encoding", "identity") != "identity":
            raise SourceAway(
                Message("{source} compresses what was asked for as it is", source=self.name)
            )


def _told(answer: HTTPResponse) -> str:
    """What a refusal says: the message of a service like this one, or the beginning of its body."""
    said = answer.read(_TOLD).decode("utf-8", "replace")
    with suppress(ValueError, LookupError, TypeError):
        said = str(json.loads(said)["error"]["message"])
    return header(said)[:_QUOTED]


def _read(file: Any) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


# ---------------------------------------------------------------- stores


class FolderStore:
    """A store in a folder, such as one that several machines have mounted."""

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root

    def close(self) -> None:
        """Nothing is kept open."""

    def listing(self) -> bytes:
        """The listing."""
        with self._plainly():
            return regular_files.read(self._root / LISTING, listing.LARGEST)

    def pieces(self, digest: str, start: int) -> Generator[bytes, None, None]:
        """The content of a regular file."""
        with self._plainly():
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
            opened = os.open(self._root / FILES / digest, flags)
            with os.fdopen(opened, "rb") as file:
                if not stat.S_ISREG(os.fstat(opened).st_mode):
                    raise regular_files.NotRegular(os.fstat(opened).st_mode)
                file.seek(start)
                yield from _read(file)

    def digests(self) -> set[str]:
        """The names of the files."""
        with self._plainly(), suppress(FileNotFoundError):
            return {name for name in os.listdir(self._root / FILES) if "." not in name}
        return set()

    def put(self, digest: str, file: Path) -> None:
        """Copies a file in, to the disk, under another name at first."""
        self._write(self._root / FILES / digest, file.open("rb"))

    def point(self, content: bytes) -> None:
        """Replaces the listing."""
        self._write(self._root / LISTING, io.BytesIO(content))

    def remove(self, digest: str) -> None:
        """Removes a file."""
        with self._plainly():
            (self._root / FILES / digest).unlink(missing_ok=True)

    def _write(self, target: Path, content: IO[bytes]) -> None:
        new = target.with_name(f"{target.name}.{os.getpid()}.new")
        with self._plainly(), closing(content):
            target.parent.mkdir(parents=True, exist_ok=True)
            with new.open("wb") as file:
                shutil.copyfileobj(content, file, _PIECE)
            fsync(new)
            os.replace(new, target)
            fsync(target.parent)

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise SourceAway(
                Message(
                    "no builds in {source}; put one there with `kb push {source}`",
                    source=self.name,
                )
            ) from None
        except OSError as error:
            raise SourceAway(
                Message(
                    "{source} cannot be used ({reason}); check that it is mounted and its rights",
                    source=self.name,
                    reason=reason(error),
                )
            ) from None


class RemoteStore:
    """A store that fsspec reaches, such as `s3://bucket/help`; credentials are those it finds."""

    def __init__(self, url: str) -> None:
        """Raises ConfigError where fsspec, or its library for this kind of address, is missing."""
        self.name = header(url)
        try:
            import fsspec

            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                Message(
                    "{url} cannot be used ({reason}); install kb-search[pull], and for s3:// s3fs",
                    url=self.name,
                    reason=header(str(error)),
                )
            ) from None

    def close(self) -> None:
        """Nothing is kept open."""

    def listing(self) -> bytes:
        """The listing."""
        with self._plainly(), self._files.open(self._at(LISTING), "rb") as file:
            return bytes(file.read(listing.LARGEST))

    def pieces(self, digest: str, start: int) -> Generator[bytes, None, None]:
        """The content of a file."""
        with self._plainly(), self._files.open(self._at(FILES, digest), "rb") as file:
            file.seek(start)
            yield from _read(file)

    def digests(self) -> set[str]:
        """The names of the files."""
        with self._plainly():
            self._files.invalidate_cache()
            try:
                found = self._files.ls(self._at(FILES), detail=False)
            except FileNotFoundError:
                return set()
            return {path.rpartition("/")[2] for path in found}

    def put(self, digest: str, file: Path) -> None:
        """Uploads a file; an object is seen when it is whole."""
        with self._plainly():
            self._files.makedirs(self._at(FILES), exist_ok=True)
            self._files.put_file(str(file), self._at(FILES, digest))

    def point(self, content: bytes) -> None:
        """Replaces the listing."""
        with self._plainly():
            self._files.pipe_file(self._at(LISTING), content)

    def remove(self, digest: str) -> None:
        """Removes a file."""
        with self._plainly():
            self._files.rm_file(self._at(FILES, digest))

    def _at(self, *names: str) -> str:
        return "/".join((self._root.rstrip("/"), *names))

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except KBError:
            raise
        except FileNotFoundError:
            raise SourceAway(
                Message(
                    "no builds in {source}; put one there with `kb push {source}`",
                    source=self.name,
                )
            ) from None
        except Exception as error:  # each kind of store has errors of its own
            raise SourceAway(
                Message(
                    "{source} cannot be used ({reason}); check its address and your credentials",
                    source=self.name,
                    reason=header(str(error))[:_QUOTED] or type(error).__name__,
                )
            ) from None
