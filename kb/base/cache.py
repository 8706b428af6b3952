"""Caches of function results: one bounded in bytes, and one of the last call alone.

A bound in entries is none in memory where people choose the keys: a word may have one letter or a
hundred thousand.
"""

from collections.abc import Callable
from functools import wraps
from sys import getsizeof
from threading import Lock
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakValueDictionary

Key = TypeVar("Key")
Value = TypeVar("Value")
P = ParamSpec("P")

_ENTRY = 128  # bytes of a dictionary for an entry, just after it has grown
TEXT = 92  # bytes of a text beside four for each letter, at most
_OBJECT = 16  # bytes an allocator may add to an object
_LARGEST = 4  # an entry may take this part of a cache

_PLAIN, _COLLECTIONS = (str, int, float), (tuple, list, set, frozenset)

_caches: "WeakValueDictionary[int, Cache[Any, Any]]" = WeakValueDictionary()


class Cache(dict[Key, Value], Generic[Key, Value]):
    """The results of a function of one argument, in at most so many bytes.

    `cache[key]` asks the function where nothing is kept. What is kept is found without any Python,
    sooner than by `functools.lru_cache`. Entries are kept in two halves: a full half becomes the
    older one, the older one before it is dropped, and an entry found in the older half moves to the
    other. So what was asked for lately stays. Safe in several threads: two that ask for one
    key at the same time may both ask the function, and each may keep an entry beyond the bytes.
    """

    __slots__ = (
        "__weakref__", "_function", "_half", "_largest", "_lock", "_older", "_older_size", "_size",
        "_size_of", "most",
    )  # fmt: skip

    def __init__(
        self,
        function: Callable[[Key], Value],
        megabytes: float,
        size: Callable[[Key, Value], int] | None = None,
    ) -> None:
        """`size` tells the bytes of a key and its value, never too few; `size_of` does if need be.

        With no megabytes nothing is kept.
        """
        super().__init__()
        self.most = int(megabytes * 2**20)
        self._half, self._largest = self.most // 2, self.most // _LARGEST
        self._function = function
        self._size_of = (size or _size_of_both) if self.most else _not_asked
        self._lock = Lock()
        self._older: dict[Key, Value] = {}
        self._size = self._older_size = 0
        _caches[id(self)] = self

    def __missing__(self, key: Key) -> Value:
        older = self._older
        value = older[key] if key in older else self._function(key)
        size = self._size_of(key, value) + _ENTRY
        if size <= self._largest:
            # No lock: a thread gives way at calls, and there is none between reading and adding.
            self._size += size
            if self._size > self._half:
                self._turn(size)
            self[key] = value
        return value

    def _turn(self, size: int) -> None:
        """Drops the older half and makes the newer one it, so that an entry of `size` fits."""
        with self._lock:
            if self._size > self._half:  # else another thread has just done it
                self._older, self._older_size = dict(self), self._size - size
                self.clear()
                self._size -= self._older_size

    def forget(self) -> None:
        """Empties the cache."""
        with self._lock:
            self.clear()
            self._older = {}
            self._size = self._older_size = 0

    def widen(self, megabytes: float) -> None:
        """Lets the cache keep this much, if that is more than before."""
        self.most = max(self.most, int(megabytes * 2**20))
        self._half, self._largest = self.most // 2, self.most // _LARGEST

    @property
    def name(self) -> str:
        """The name of the function."""
        return f"{self._function.__module__}.{self._function.__qualname__}"

    @property
    def size(self) -> int:
        """The size in bytes of all entries; what two of them share counts twice."""
        return self._size + self._older_size

    @property
    def count(self) -> int:
        """The number of entries; one in both halves counts twice."""
        return len(self) + len(self._older)


def last_call(function: Callable[P, Value]) -> Callable[P, Value]:
    """A function that gives its last result again as long as its arguments are equal to the last.

    Arguments need not be hashable; they are kept, so that nobody may change them, nor the result.
    """
    known: list[tuple[object, Value]] = []

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> Value:
        given = args, options
        for before, value in known:
            if before == given:
                return value
        value = function(*args, **options)
        known[:] = [(given, value)]
        return value

    return call


def all_of_them() -> list[Cache[Any, Any]]:
    """The caches of this process."""
    return list(_caches.values())


def _not_asked(*_: object) -> int:
    return 0  # and an entry of no bytes is too large for a cache of none


def _size_of_both(key: object, value: object) -> int:
    return size_of(key) + size_of(value)


def size_of(value: object) -> int:
    """The size in bytes of a plain value with all that it holds, or a little more.

    Plain are texts, numbers, arrays, and collections and dataclasses of these.
    """
    if value is None or value is True or value is False:
        return 0  # there is one of each
    size = getsizeof(value) + _OBJECT
    if isinstance(value, _PLAIN):
        return size
    if isinstance(value, _COLLECTIONS):
        return size + sum([size_of(each) for each in value])
    if isinstance(value, dict):
        return size + sum([size_of(each) for pair in value.items() for each in pair])
    if hasattr(value, "__dataclass_fields__"):
        return size + sum([size_of(getattr(value, name)) for name in value.__dataclass_fields__])
    is_view = getattr(value, "base", None) is not None  # an array that owns its data tells of it
    return size + (int(value.nbytes) if is_view else 0)  # type: ignore[attr-defined]
