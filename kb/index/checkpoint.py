"""Checkpoint of rendering: what a run has rendered, kept in a file until its build is published.

A run that is killed leaves the file; the next one takes over what is of the same files, settings
and program. It is the place where articles lie until they are written, so that it takes no room of
its own. Renders nothing. Whoever holds the lock of the builds uses it alone.
"""

import logging
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, cast

import orjson
from isal import isal_zlib

from kb.base.errors import KBError
from kb.content.problems import Problem
from kb.index import packing
from kb.index.document import Analysed
from kb.index.entries import Details
from kb.index.spool import Place, Spool

NAME = "rendered"  # of the file, in the folder of builds
LEAST = 1000  # files to be rendered; fewer are rendered again before anybody notices
_FORMAT = 1
_HEAD = Struct("<16sIIII")  # digest, lengths of facts and article, checksum of both, of the head

logger = logging.getLogger(__name__)


class Stored(NamedTuple):
    """A rendered article: what its entry remembers, its problems, and what reads it."""

    facts: dict[str, Any]  # by field of `Entry`
    problems: tuple[Problem, ...]
    read: Callable[[], Analysed]


class Checkpoint:
    """The articles that a run rendered, after those of a run before it that was killed.

    As a context manager it removes its file at the end, unless the run is interrupted or what stops
    it is told as a KBError, such as a cluster that does not answer: a full disk gets its room back,
    and what made the program fail is not read again.
    """

    def __init__(
        self, folder: Path, fingerprint: str, resumed: Callable[[int], object] | None = None, *,
        afresh: bool = False,
    ) -> None:  # fmt: skip
        """`folder` is that of builds, `fingerprint` tells by what articles are rendered.

        `resumed` is called with the number of articles that are taken over, if there are any;
        `afresh` leaves out what was rendered before.
        """
        self._path = folder / NAME
        self._mark = f"kb rendered {_FORMAT} {fingerprint}\n".encode()
        self._afresh, self._told = afresh, resumed
        self._spool, self._is_kept = Spool(), False
        self.resumed = 0  # articles that are taken over

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._is_kept:
            with suppress(OSError):
                self._spool.close()
        if error is None or (isinstance(error, Exception) and not isinstance(error, KBError)):
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def begin(self, digests: Collection[str], spool: Spool) -> dict[str, Stored]:
        """Begins to keep what is rendered of files of these digests. Returns what is known, by them

        Few files are set aside in `spool`, which ends with the process, and so are all where no
        file can be written.
        """
        self._spool = spool
        if len(digests) < LEAST:
            return {}
        try:
            kept = Spool.of(cast("BinaryIO", open(self._path, "r+b", opener=_made)))  # noqa: SIM115
            known = self._taken_over(kept, {bytes.fromhex(digest) for digest in digests})
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.warning("%s: what is rendered is not kept: %s", self._path, error)
            return {}
        self._spool, self._is_kept, self.resumed = kept, True, len(known)
        if known and self._told:
            self._told(len(known))
        return known

    def keep(
        self, digest: str, facts: dict[str, Any], problems: tuple[Problem, ...], data: bytes
    ) -> Stored:
        """Keeps an article that is packed as `data`. Raises OSError where the disk is full."""
        record = _record(digest, facts, problems, data) if self._is_kept else data
        at, length = self._spool.add(record)
        place = Place(at + length - len(data), len(data))
        return Stored(facts, problems, partial(_read, self._spool, place))

    def _taken_over(self, kept: Spool, wanted: Collection[bytes]) -> dict[str, Stored]:
        """The articles of the file that are wanted; the file ends behind the last that is whole."""
        known: dict[str, Stored] = {}
        used, start = 0, len(self._mark)
        end = start
        if not self._afresh and kept.read(Place(0, start)) == self._mark:
            for digest, facts, doc in self._records(kept, start):
                end = doc.start + doc.length
                if digest in wanted:
                    known[digest.hex()] = _stored(kept, facts, doc)
                    used += doc.length
        if used * 2 > end - start:
            kept.cut(end)
            return known
        kept.cut(0)  # empty, or mostly of other files: it would grow with every run
        kept.add(self._mark)
        return {}

    def _records(self, kept: Spool, at: int) -> Iterator[tuple[bytes, Place, Place]]:
        """Digest, facts and article of each record up to the one that the end of the run cut off"""
        while at + _HEAD.size <= kept.size:
            head = kept.read(Place(at, _HEAD.size))
            digest, told, packed, body_sum, head_sum = _HEAD.unpack(head)
            at += _HEAD.size
            is_sound = isal_zlib.crc32(head[:-4]) == head_sum
            if is_sound and at + told + packed > kept.size:
                return
            if not is_sound or isal_zlib.crc32(kept.read(Place(at, told + packed))) != body_sum:
                logger.warning("%s is damaged; what follows is rendered again", self._path)
                return
            yield digest, Place(at, told), Place(at + told, packed)
            at += told + packed


def _made(path: str, flags: int) -> int:
    """Opens the file, for nobody else, and makes it if it is missing."""
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _record(
    digest: str, facts: dict[str, Any], problems: tuple[Problem, ...], data: bytes
) -> bytes:
    """An article as it stands in the file."""
    told = orjson.dumps({
        **facts, "kept": facts["kept"].packed().decode(),
        "problems": [problem.to_json() for problem in problems],
    })  # fmt: skip
    body_sum = isal_zlib.crc32(data, isal_zlib.crc32(told))
    head = _HEAD.pack(bytes.fromhex(digest), len(told), len(data), body_sum, 0)[:-4]
    return b"".join((head, isal_zlib.crc32(head).to_bytes(4, "little"), told, data))


def _stored(kept: Spool, facts: Place, doc: Place) -> Stored:
    """The article of a record."""
    told = orjson.loads(kept.read(facts))
    problems = tuple(map(Problem.from_json, told.pop("problems")))
    told["aliases"], told["kept"] = tuple(told["aliases"]), Details.unpacked(told["kept"])
    return Stored(told, problems, partial(_read, kept, doc))


def _read(spool: Spool, place: Place) -> Analysed:
    return packing.unpack(spool.read(place))
