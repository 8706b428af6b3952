"""A sorted list of words in arrays, searched in place. Knows nothing of what the words mean."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload
from zlib import crc32

import numpy as np
from numpy.typing import NDArray


class Vocabulary(Sequence[str]):
    """Words in code-point order, kept as one UTF-8 blob and the offsets of its words.

    The arrays may be memory-mapped: opening a vocabulary reads nothing, a beginning of words is
    found by looking at log2(n) of them, a whole word by looking at one or two.
    """

    __slots__ = ("_blob", "_bounds", "_offsets", "_slots", "_view")

    def __init__(
        self,
        blob: NDArray[np.uint8],
        offsets: NDArray[np.uint32],
        slots: NDArray[np.int32] | None = None,
    ) -> None:
        """`blob` holds the words one after another, word i is `blob[offsets[i]:offsets[i + 1]]`.

        `slots` is what `hashed` made of the words; without it whole words are sought as beginnings.
        """
        self._blob, self._offsets = blob, offsets
        self._view, self._bounds = blob.data, offsets.data
        self._slots = None if slots is None else slots.data

    @classmethod
    def of(cls, words: Iterable[str]) -> "Vocabulary":
        """The distinct `words`, sorted by code point (the order of UTF-8 bytes is the same)."""
        encoded = sorted({word.encode() for word in words})
        offsets = np.zeros(len(encoded) + 1, np.uint32)
        np.cumsum([len(word) for word in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    @property
    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
        """The first two of what `__init__` takes, for storing."""
        return self._blob, self._offsets

    def hashed(self) -> NDArray[np.int32]:
        """The place of each word in a table by its CRC-32, the next free one if that is taken.

        At least half of the table is free (-1), so a word is found at once.
        """
        size = 1 << (2 * len(self)).bit_length()
        table = [-1] * size
        for place in range(len(self)):
            at = crc32(self._bytes(place)) & (size - 1)
            while table[at] >= 0:
                at = (at + 1) & (size - 1)
            table[at] = place
        return np.array(table, np.int32)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return str(self._bytes(index), "utf-8")

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def _bytes(self, place: int) -> memoryview:
        return self._view[self._bounds[place] : self._bounds[place + 1]]

    def find(self, word: str) -> int:
        """The place of `word`, or -1."""
        sought = word.encode("utf-8", "surrogatepass")
        if self._slots is None:
            at = self._first(sought, 0, len(self))
            return at if at < len(self) and self._bytes(at) == sought else -1
        slots, last = self._slots, len(self._slots) - 1
        at = crc32(sought) & last
        view, bounds = self._view, self._bounds
        while (place := slots[at]) >= 0:
            if view[bounds[place] : bounds[place + 1]] == sought:
                return int(place)
            at = (at + 1) & last
        return -1

    def prefix(self, start: str) -> tuple[int, int]:
        """The half-open range of places whose words begin with `start`."""
        sought = start.encode("utf-8", "surrogatepass")
        low = known = high = self._first(sought, 0, len(self))
        step = 1  # few words begin so: the end is sought in growing steps
        while high < len(self) and self._bytes(high).tobytes().startswith(sought):
            known, high, step = high, high + step, 2 * step
        # No byte of a word is as high as 255.
        return low, self._first(sought + b"\xff", known, min(high, len(self)))

    def _first(self, sought: bytes, low: int, high: int) -> int:
        """The place of the first word from `low` to `high` that is not below `sought`."""
        view, bounds = self._view, self._bounds
        while low < high:
            middle = (low + high) // 2
            if view[bounds[middle] : bounds[middle + 1]].tobytes() < sought:
                low = middle + 1
            else:
                high = middle
        return low
