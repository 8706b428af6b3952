"""The listing of what a machine serves: each file with size and SHA-256, for machines that pull.

It names the files of the published build as its manifest does, those that are served beside it from
the articles folder, and what pages of the board read in the data folder. It copies nothing.
"""

import hmac
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

from kb.base.config import Settings
from kb.base.errors import IndexDamaged, IndexMissing, KBError
from kb.base.file_digests import FileDigests
from kb.base.messages import Message
from kb.content import media, owners, status
from kb.index.builds import FORMAT, MANIFEST, Builds, is_name

BUILD, ARTICLES, DATA = "build", "articles", "data"  # what a path begins with
BESIDE: Final = (f"{status.Indexed.__name__.lower()}.json", "synonym-proposals.json")
DIGESTS: Final = "digests.json"
LARGEST: Final = 64 * 2**20  # bytes of a listing
_VERSION: Final = 1
_LONGEST_PATH: Final = 1000
_DIGEST = re.compile("[0-9a-f]{64}")
_UNUSABLE = re.compile("[\0-\x1f\x7f\\\\\ud800-\udfff]")


class ListedFile(NamedTuple):
    """A file that is served: its size in bytes and its SHA-256 in hexadecimal digits."""

    size: int
    digest: str


class ListingRefused(KBError):
    """A listing cannot be used, whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A build by name and format, and its files and those beside it by path.

    A path is `build/…`, `articles/…` or `data/…`. `withdrawn` are builds that were rolled back.
    """

    build: str
    format: int
    files: Mapping[str, ListedFile]
    withdrawn: tuple[str, ...] = ()

    def below(self, part: str) -> dict[str, ListedFile]:
        """The files of one part, by their paths in it."""
        start = f"{part}/"
        return {
            path.removeprefix(start): file
            for path, file in self.files.items()
            if path.startswith(start)
        }

    def written(self, secret: str = "") -> bytes:
        """The listing as bytes, in the end a line with its signature, empty without a secret."""
        told = {
            "kb": _VERSION, "build": self.build, "format": self.format,
            "withdrawn": self.withdrawn, "files": self.files,
        }  # fmt: skip
        body = json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return body + b"\n" + _signature(body, secret)


def read(content: bytes, secret: str = "") -> Listing:
    """The listing in these bytes, of which nothing is believed. Raises ListingRefused.

    With a `secret` it must be signed with the same. No path leads out of its part.
    """
    body, _, signature = content.rpartition(b"\n")
    if secret and not hmac.compare_digest(_signature(body, secret), signature):
        raise ListingRefused(
            Message(
                "the listing of builds is not signed with our secret; set the same"
                " KB_BUILDS_SECRET where builds are made"
            )
        )
    try:
        return _parsed(json.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else type(error).__name__
        raise ListingRefused(
            Message(
                "what was sent is no listing of builds ({reason}); check the address and the"
                " version of kb there",
                reason=reason[:200],
            )
        ) from None


class Lister:
    """Lists what a machine serves, and finds the files by their digests. Threads may share it."""

    def __init__(self, settings: Settings, builds: Builds) -> None:
        self._settings = settings
        self._builds = builds
        self._digests = FileDigests(settings.data / DIGESTS)
        self._lock = Lock()
        self._places: tuple[Mapping[str, Path], ...] = ({}, {})  # of the last two listings

    def listing(self) -> Listing:
        """What is served now. Raises IndexMissing or IndexDamaged if no build can be read."""
        with self._lock:
            found = dict(_served(self._settings, self._builds))
            build = found[f"{BUILD}/{MANIFEST}"].parent.name
            files, places = {}, {}
            for path, place in found.items():
                try:
                    files[path] = ListedFile(place.stat().st_size, self._digests.of(place))
                except OSError:
                    if path.startswith(f"{BUILD}/"):  # dropped meanwhile: the next one is there
                        raise _gone(build) from None
                    continue
                places[files[path].digest] = place
            self._digests.save()
            if places != self._places[0]:
                self._places = (places, self._places[0])
        withdrawn = tuple(each.name for each in self._builds.withdrawn())
        return Listing(build, FORMAT, files, withdrawn)

    def find(self, digest: str) -> Path | None:
        """Where the file of this digest lies, by this listing or the one before, or None."""
        if not self._knows(digest):  # another process, or this one before a restart, listed it
            self.listing()
        return next((known[digest] for known in self._places if digest in known), None)

    def _knows(self, digest: str) -> bool:
        return any(digest in known for known in self._places)


def _gone(build: str) -> IndexMissing:
    return IndexMissing(Message("build {name} is there no more", name=build))


def _served(settings: Settings, builds: Builds) -> Iterator[tuple[str, Path]]:
    build = builds.current()
    if build.name != builds.pointed():
        raise IndexDamaged(
            Message("build {name} cannot be read; run `kb index --full`", name=builds.pointed())
        )
    yield f"{BUILD}/{MANIFEST}", build.folder / MANIFEST
    for name in build.manifest["files"]:
        yield f"{BUILD}/{name}", build.folder / name
    for name in BESIDE:
        if (settings.data / name).is_file():
            yield f"{DATA}/{name}", settings.data / name
    if (settings.articles / owners.FILE).is_file():
        yield f"{ARTICLES}/{owners.FILE}", settings.articles / owners.FILE
    for path in _media(settings.articles, without=settings.data.resolve()):
        if (file := media.find(settings.articles, path)) is not None:
            yield f"{ARTICLES}/{path}", file


def _media(root: Path, without: Path) -> Iterator[str]:
    """The paths of files in the articles folder that may be served."""
    for folder, below, names in os.walk(root):
        at = Path(folder)
        below[:] = [each for each in below if each[0] != "." and (at / each).resolve() != without]
        for name in names:
            path = (at / name).relative_to(root).as_posix()
            if media.is_servable(path) and _is_safe(path):
                yield path


def _parsed(told: Any) -> Listing:
    if told["kb"] != _VERSION:
        raise ValueError(f"version {told['kb']!r:.20}")
    build, withdrawn = told["build"], tuple(told["withdrawn"])
    if not all(isinstance(name, str) and is_name(name) for name in (build, *withdrawn)):
        raise ValueError("a name that no build has")
    files = {path: _file(path, *values) for path, values in told["files"].items()}
    if f"{BUILD}/{MANIFEST}" not in files:
        raise ValueError("no manifest")
    return Listing(build, int(told["format"]), files, withdrawn)


def _file(path: str, size: Any, digest: Any) -> ListedFile:
    part, _, name = path.partition("/")
    if not _is_safe(name) or not _is_taken(part, name):
        raise ValueError(f"a path that is not taken: {path!r:.100}")
    if type(size) is not int or size < 0 or not _DIGEST.fullmatch(digest):
        raise ValueError(f"size or digest of {path!r:.100}")
    return ListedFile(size, digest)


def _is_taken(part: str, name: str) -> bool:
    """Whether a file of this name belongs into a part."""
    if part == ARTICLES:
        return name == owners.FILE or media.is_servable(name)
    return part == BUILD or (part == DATA and name in BESIDE)


def _is_safe(path: str) -> bool:
    """Whether a path stays in its folder wherever it is written."""
    parts = path.split("/")
    return (
        len(path) <= _LONGEST_PATH
        and not _UNUSABLE.search(path)
        and all(part not in ("", ".", "..") and len(part.encode()) < 256 for part in parts)
    )


def _signature(body: bytes, secret: str) -> bytes:
    if not secret:
        return b""
    return hmac.new(secret.encode(), body, "sha256").hexdigest().encode()
