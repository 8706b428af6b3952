"""A sorted list of words in two arrays, searched in place. Knows nothing of what the words mean."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


class Vocabulary(Sequence[str]):
    """Words in code-point order, kept as one UTF-8 blob and the offsets of its words.

    Both arrays may be memory-mapped: opening a vocabulary reads nothing, a look-up touches
    about log2(n) words.
    """

    __slots__ = ("_blob", "_offsets", "_view")

    def __init__(self, blob: NDArray[np.uint8], offsets: NDArray[np.uint32]) -> None:
        """`blob` holds the words one after another, word i is `blob[offsets[i]:offsets[i + 1]]`."""
        self._blob = blob
        self._view = blob.data
        self._offsets = offsets

    @classmethod
    def of(cls, words: Iterable[str]) -> "Vocabulary":
        """The distinct `words`, sorted by code point (the order of UTF-8 bytes is the same)."""
        encoded = sorted({word.encode() for word in words})
        offsets = np.zeros(len(encoded) + 1, np.uint32)
        np.cumsum([len(word) for word in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    @property
    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
        """What `__init__` takes, for storing."""
        return self._blob, self._offsets

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
        offsets = self._offsets
        return str(self._view[int(offsets[index]) : int(offsets[index + 1])], "utf-8")

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def find(self, word: str) -> int:
        """The place of `word`, or -1."""
        at = bisect_left(self, word)
        return at if at < len(self) and self[at] == word else -1

    def prefix(self, start: str) -> tuple[int, int]:
        """The half-open range of places whose words begin with `start`."""
        low = bisect_left(self, start)
        return low, bisect_right(self, start, lo=low, key=lambda word: word[: len(start)])
