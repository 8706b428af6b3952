"""A queue that serves its senders in turn. Knows no threads: its user holds a lock."""

from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Items by sender, taken round robin: one of each sender before the second of any.

    A sender's own items keep their order, and however many they are, another sender's first item
    waits for one of them at most.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[Item]] = {}  # senders that wait, the next in turn first
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, sender: str, item: Item) -> None:
        """Appends an item to the line of its sender."""
        self._lines.setdefault(sender, deque()).append(item)
        self._length += 1

    def peek(self) -> Item:
        """The item that is next in turn. Raises IndexError if there is none."""
        return self._lines[self._next()][0]

    def take(self) -> tuple[str, Item]:
        """Removes the item that is next in turn; its sender and it. Raises IndexError if empty."""
        sender = self._next()
        line = self._lines.pop(sender)
        item = line.popleft()
        if line:
            self._lines[sender] = line  # behind all others
        self._length -= 1
        return sender, item

    def _next(self) -> str:
        if not self._lines:
            raise IndexError("nobody waits")
        return next(iter(self._lines))
