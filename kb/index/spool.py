"""What a build sets aside while it is made: bytes and growing arrays, in memory while they are few.

Beyond some bytes they lie in files without a name, which end with the process however that ends.
"""

import mmap
import os
import weakref
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

MOST_IN_MEMORY = 1 << 20  # bytes of each
MOST_UNMAPPED = 1 << 24  # bytes of an array of known length
_PIECE = 1 << 22  # bytes that are copied at once


class Place(NamedTuple):
    """Where a record of a spool begins, and its length in bytes."""

    start: int
    length: int


class Spool:
    """Records of bytes, added at the end and read back in any order."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is where the file lies; without one, where the system keeps such files."""
        self._folder = folder
        self._file: BinaryIO = BytesIO()
        self._is_in_memory = self._is_at_end = True
        self.size = 0  # bytes

    @classmethod
    def of(cls, file: BinaryIO) -> "Spool":
        """The records of an open file, which is closed with the spool."""
        spool = cls()
        spool._file, spool._is_in_memory, spool._is_at_end = file, False, False
        spool.size = os.fstat(file.fileno()).st_size
        weakref.finalize(spool, file.close)
        return spool

    def add(self, data: bytes | memoryview) -> Place:
        """Adds a record. Returns where it is."""
        if self._is_in_memory and self.size + len(data) > MOST_IN_MEMORY:
            self._leave_memory()
        if not self._is_at_end:
            self._file.seek(self.size)
            self._is_at_end = True
        place = Place(self.size, len(data))
        self._file.write(data)
        self.size += len(data)
        return place

    def _leave_memory(self) -> None:
        """Goes on in a file without a name."""
        known = cast("BytesIO", self._file)
        self._file = cast("BinaryIO", TemporaryFile(dir=self._folder))  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._file.write(known.getbuffer())
        self._is_in_memory, self._is_at_end = False, True

    def read(self, place: Place) -> bytes:
        """The record at a place."""
        self._is_at_end = False
        self._file.seek(place.start)
        return self._file.read(place.length)

    def cut(self, size: int) -> None:
        """Takes away what stands behind so many bytes."""
        self._file.truncate(size)
        self._is_at_end, self.size = False, size

    def close(self) -> None:
        """Closes the file; nothing can be read any more."""
        self._file.close()

    def copy_to(self, file: BinaryIO) -> None:
        """Writes all records one after another."""
        for start in range(0, self.size, _PIECE):
            file.write(self.read(Place(start, min(_PIECE, self.size - start))))


class Column:
    """A one-dimensional array that grows at its end and is read back by ranges."""

    def __init__(self, dtype: Any, folder: Path | None = None) -> None:
        """`folder` is as that of a spool."""
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._spool = Spool(folder)

    def __len__(self) -> int:
        return self.nbytes // self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The size of the array in bytes."""
        return self._spool.size

    @property
    def shape(self) -> tuple[int]:
        """The shape of the array."""
        return (len(self),)

    def append(self, values: NDArray[Any] | bytes) -> None:
        """Adds numbers, or bytes that are some."""
        if isinstance(values, bytes):
            self._spool.add(values)
        elif len(values):
            self._spool.add(np.ascontiguousarray(values, self.dtype).data.cast("B"))

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The numbers from `start` to before `stop`."""
        size = self.dtype.itemsize
        data = self._spool.read(Place(start * size, (stop - start) * size))
        return np.frombuffer(data, self.dtype)

    def copy_to(self, file: BinaryIO) -> None:
        """Writes the whole array."""
        self._spool.copy_to(file)


def empty(length: int, dtype: Any, folder: Path | None = None) -> NDArray[Any]:
    """An array to be filled, in a file without a name if it is long; `folder` as for a spool.

    The system may take the memory of such a file for others. Raises OSError where the disk has no
    room for it.
    """
    size = length * np.dtype(dtype).itemsize
    if size <= MOST_UNMAPPED:
        return np.empty(length, dtype)
    with TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, size)  # writing into a hole of a full disk kills
        return np.frombuffer(mmap.mmap(file.fileno(), size), dtype)
