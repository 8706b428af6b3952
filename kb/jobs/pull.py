"""Pulls the build that another machine published, or its light part: fetches and verifies it.

What is here already is taken from here, and a download that broke off goes on where it
stopped. A build is published as one that was made here is: whole, on the disk, then pointed to.
"""

import fcntl
import hashlib
import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import IO, Final

from kb.base import data_folder
from kb.base.config import Settings
from kb.base.durability import fsync
from kb.base.errors import BuildBusy, BuildFailed, IndexDamaged, KBError
from kb.base.file_digests import FileDigests
from kb.base.messages import Message
from kb.content import status
from kb.content.status import Pulled
from kb.index import listing
from kb.index.builds import FORMAT, MANIFEST, Builds, link_or_copy, sealed, unsealed
from kb.index.listing import ARTICLES, BUILD, DATA, DIGESTS, ListedFile, Listing
from kb.jobs.build_sources import Source, SourceAway

EVERY: Final = 10.0  # seconds between two looks at the source
LONGEST: Final = 300.0  # seconds between two tries while it is away
_SPREAD: Final = 0.2  # of a wait: machines do not ask all at once
_LOCK: Final = "pull.lock"
_PARTS: Final = "pulled"  # folder of files that were fetched and are in no build yet
_LINKED: Final = 64 * 2**20  # bytes from which builds share a file (decision 112)
_SLOWEST: Final = 16 * 1024  # bytes a second that a source must send, after the first minute
_PATIENCE: Final = 60.0  # seconds
_ROOM: Final = 64 * 2**20  # bytes of the disk that stay free


class PullRefused(KBError):
    """What a source sent is not taken; what is here goes on being served."""


@dataclass(frozen=True, slots=True)
class PullReport:
    """What one pull did: the build that is current here now, and what was fetched for it."""

    build: str
    is_new: bool
    held: str = ""  # `withdrawn`: the source's build was rolled back here
    files: int = 0  # fetched
    bytes: int = 0  # fetched
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a build shall be here: its manifest as bytes, and its other files by name."""

    manifest: bytes = b""
    files: Mapping[str, ListedFile] = field(default_factory=dict)


class Puller:
    """Pulls from one source into one data folder. One pull at a time."""

    def __init__(
        self, settings: Settings, source: Source, now: Callable[[], datetime], *, keep: int = 2
    ) -> None:
        """`settings` are those of a replica; `keep` builds stay here."""
        self._settings = settings
        self._source = source
        self._now = now
        self._keep = keep
        self._builds = Builds(settings.builds)
        self._secret = settings.builds_secret.get_secret_value() if settings.builds_secret else ""
        self._parts = settings.data / _PARTS
        self._digests = FileDigests(settings.data / DIGESTS)
        self._fetched: list[int] = []

    def pull(self) -> PullReport:
        """Brings this machine up to the build of the source, and notes when.

        Raises SourceAway, ListingRefused, PullRefused, NoCounts, BuildBusy or BuildFailed; what is
        here goes on.
        """
        try:
            with self._alone():
                report = self._pulled()
        except OSError as error:
            where = str(error.filename or self._settings.data)
            raise BuildFailed(
                Message(
                    "{place}: {reason}; the old build goes on serving, pull again",
                    place=where,
                    reason=error.strerror or str(error),
                )
            ) from None
        finally:
            self._source.close()
        told = Pulled(self._now(), self._source.name, report.build, report.held)
        status.write(self._settings.data, told)
        return report

    def note(self, trouble: KBError) -> bool:
        """Notes that a pull failed; whether that is new."""
        last = status.read(self._settings.data, Pulled)
        at, build = (last.at, last.build) if last else (None, "")
        name = self._source.name
        status.write(self._settings.data, Pulled(at, name, build, trouble=trouble.message))
        return last is None or last.trouble != trouble.message

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One pull at a time, for they share parts; the lock goes with the process."""
        data_folder.prepare(self._settings.data)
        lock = os.open(self._settings.data / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BuildBusy(
                    Message("another `kb pull` is at work; wait until it has finished")
                ) from None
            yield
        finally:
            os.close(lock)

    def _pulled(self) -> PullReport:
        began, self._fetched = monotonic(), []
        offered = listing.read(self._source.listing(), self._secret)
        _check(offered)
        self._remove_parts(offered)
        beside = self._missing_beside(offered)
        is_held = self._builds.is_withdrawn(offered.build)
        is_done = self._builds.pointed() == offered.build and self._is_here(offered.build)
        is_new = not is_held and not is_done
        wanted = self._wanted(offered) if is_new else None
        missing = self._missing_of_build(wanted) if wanted else {}
        self._check_room({**missing, **beside})
        for file in dict.fromkeys([*beside.values(), *missing.values()]):
            self._fetch(file)
        self._put_beside(beside)
        if is_new:
            self._publish(offered, wanted, missing)
        self._remove_others(offered)
        self._digests.save()
        shutil.rmtree(self._parts, ignore_errors=True)
        return PullReport(
            self._builds.pointed(),
            is_new,
            "withdrawn" if is_held else "",
            len(self._fetched),
            sum(self._fetched),
            monotonic() - began,
        )

    # ------------------------------------------------------------ what is here

    def _place(self, path: str) -> Path:
        """Where a file beside the build lies; links of ours there are none."""
        part, _, name = path.partition("/")
        return {ARTICLES: self._settings.articles, DATA: self._settings.data}[part] / name

    def _missing_beside(self, offered: Listing) -> dict[str, ListedFile]:
        """The files beside the build that are missing here or differ."""
        found = {}
        for path, file in offered.files.items():
            if not path.startswith(f"{BUILD}/") and not self._is(self._place(path), file):
                found[path] = file
        return found

    def _is_here(self, name: str) -> bool:
        """Whether a build is here undamaged. A whole one has all that is wanted of a light one."""
        try:
            build = self._builds.open(name)
        except IndexDamaged:
            return False
        return self._settings.pull_light or not build.manifest.get("light")

    def _missing_of_build(self, wanted: _Wanted) -> dict[str, ListedFile]:
        """The files of a build that no build here has under the same name."""
        return {
            name: file for name, file in wanted.files.items() if self._similar(name, file) is None
        }

    def _similar(self, name: str, file: ListedFile) -> Path | None:
        """A file of a build here with this name and content."""
        places = (self._builds.root / build / name for build in self._builds.names())
        return next((place for place in places if self._is(place, file)), None)

    def _is(self, place: Path, file: ListedFile) -> bool:
        with suppress(OSError):
            return place.lstat().st_size == file.size and self._digests.of(place) == file.digest
        return False

    def _check_room(self, wanted: Mapping[str, ListedFile]) -> None:
        needed = sum(file.size for file in set(wanted.values()))
        free = shutil.disk_usage(self._settings.data).free
        if needed + _ROOM > free:
            raise PullRefused(
                Message(
                    "{source} offers {needed} MB and {folder} has room for {free} MB; free some"
                    " space, or name a disk with more by KB_DATA",
                    source=self._source.name,
                    needed=str(needed >> 20),
                    folder=str(self._settings.data),
                    free=str(max(free - _ROOM, 0) >> 20),
                )
            )

    # ------------------------------------------------------------ what is wanted

    def _wanted(self, offered: Listing) -> _Wanted | None:
        """What is wanted of a build, by its manifest, which is fetched first; None: it is here."""
        if self._is_here(offered.build):
            return None
        files = offered.below(BUILD)
        content = self._content(MANIFEST, files.pop(MANIFEST))
        try:
            whole = unsealed(content)
            if {*whole["files"]} != {*files}:
                raise ValueError
            if not self._settings.pull_light:
                self._check_whole(offered.build, whole)
                return _Wanted(content, files)
            from kb.index import light

            made = light.manifest(whole)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise PullRefused(
                Message(
                    "{source} lists other files than build {name} has; it is not taken",
                    source=self._source.name,
                    name=offered.build,
                )
            ) from None
        return _Wanted(sealed(made), {name: files[name] for name in made["files"]})

    def _check_whole(self, name: str, manifest: Mapping[str, object]) -> None:
        if manifest.get("light"):
            raise PullRefused(
                Message(
                    "{source} has of build {name} the light part alone; name another source, or set"
                    " KB_PULL_LIGHT=yes",
                    source=self._source.name,
                    name=name,
                )
            )

    def _content(self, name: str, file: ListedFile) -> bytes:
        """The content of a small file of a build, which is fetched if no build here has it."""
        here = self._similar(name, file)
        if here is None:
            self._check_room({name: file})
            self._fetch(file)
            here = self._parts / file.digest
        return here.read_bytes()

    # ------------------------------------------------------------ fetching

    def _remove_parts(self, offered: Listing) -> None:
        """Removes what earlier tries fetched of files that are not listed any more."""
        digests = {file.digest for file in offered.files.values()}
        for part in self._parts.glob("*"):
            if part.name.removesuffix(".part") not in digests:
                part.unlink()

    def _fetch(self, file: ListedFile) -> None:
        """Fetches a file into the folder of parts, from where an earlier try stopped."""
        self._parts.mkdir(mode=0o700, exist_ok=True)
        whole, part = self._parts / file.digest, self._parts / f"{file.digest}.part"
        if whole.exists():  # of a try that failed later; its digest was right
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(part, flags, 0o600), "r+b") as out:
            digest = hashlib.file_digest(out, "sha256")
            start = out.tell()
            if start <= file.size:
                self._receive(file, out, digest, start)
            is_whole = out.tell() >= file.size
            is_right = out.tell() == file.size and digest.hexdigest() == file.digest
            out.flush()
            os.fsync(out.fileno())
        if not is_whole:
            raise SourceAway(
                Message(
                    "{source} stopped sending; what came is kept, the rest is asked for next time",
                    source=self._source.name,
                )
            )
        if not is_right:
            part.unlink()
            raise PullRefused(
                Message(
                    "{source} sent something else than it lists ({digest}); it is asked again",
                    source=self._source.name,
                    digest=file.digest[:12],
                )
            )
        os.replace(part, whole)

    def _receive(
        self, file: ListedFile, out: IO[bytes], digest: "hashlib._Hash", start: int
    ) -> None:
        """Appends what is missing of a file, never more than its size; a slow source is left."""
        began, at = monotonic(), start
        with closing(self._source.pieces(file.digest, start)) as pieces:
            for piece in pieces if at < file.size else ():
                if at > file.size:
                    break
                piece = piece[: file.size + 1 - at]  # one byte too many tells of it
                out.write(piece)
                digest.update(piece)
                at += len(piece)
                if monotonic() - began > _PATIENCE + (at - start) / _SLOWEST:
                    raise PullRefused(
                        Message(
                            "{source} sends too slowly; the rest is fetched later",
                            source=self._source.name,
                        )
                    )
        self._fetched.append(at - start)

    # ------------------------------------------------------------ putting in place

    def _put_beside(self, wanted: Mapping[str, ListedFile]) -> None:
        """Replaces files beside the build one by one, each whole."""
        for path, file in wanted.items():
            target = self._place(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            new = target.with_name(f".{file.digest}.new")
            shutil.copyfile(self._parts / file.digest, new)
            fsync(new)
            os.replace(new, target)
            self._digests.note(target, file.digest)

    def _publish(
        self, offered: Listing, wanted: _Wanted | None, fetched: Mapping[str, ListedFile]
    ) -> None:
        """Makes the build current: the one that is here, or a copy made of files."""
        if wanted is None:
            self._builds.follow(offered.build, offered.withdrawn, self._keep)
            return
        with self._builds.draft() as draft:
            for name, file in wanted.files.items():
                target = draft / name
                target.parent.mkdir(parents=True, exist_ok=True)
                here = None if name in fetched else self._similar(name, file)
                if here is None:
                    link_or_copy(self._parts / file.digest, target)
                elif file.size > _LINKED:
                    link_or_copy(here, target)
                else:
                    shutil.copyfile(here, target)
            (draft / MANIFEST).write_bytes(wanted.manifest)
            build = self._builds.adopt(draft, offered.build, offered.withdrawn, self._keep)
        for name, file in wanted.files.items():
            self._digests.note(build.folder / name, file.digest)

    def _remove_others(self, offered: Listing) -> None:
        """Removes files beside the build that the source serves no more."""
        root, kept = self._settings.articles, offered.below(ARTICLES)
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder) / name
                if path.relative_to(root).as_posix() not in kept:
                    path.unlink(missing_ok=True)


def _check(offered: Listing) -> None:
    if offered.format != FORMAT:
        raise PullRefused(
            Message(
                "build {name} is of format {found}, this version reads {known}; install the same"
                " version of kb on both machines",
                name=offered.build,
                found=str(offered.format),
                known=str(FORMAT),
            )
        )


def pause(failures: int, every: float) -> float:
    """Seconds until the next pull after so many failures in a row, no two machines alike."""
    wait = min(every * 2**failures, max(LONGEST, every)) if failures else every
    return wait * (1 + random.uniform(-_SPREAD, _SPREAD))  # noqa: S311
