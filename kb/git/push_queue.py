"""A queue of push notices, from the web workers to the process that syncs. Pulls nothing."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep

from kb.base.errors import NoticeLost, reason
from kb.base.messages import Message

MOST = 10_000  # notices that are remembered, so that none is taken twice
_LOOK = 0.25


class Notices:
    """A queue of pushes, as files in a folder. Several at once are one: a sync takes all."""

    def __init__(self, data: Path) -> None:
        self._seen = data / "notices"
        self._waiting = data / "notice"
        self._in_hand = data / "notice.taken"
        self._until = 0.0

    def accept(self, *keys: str, failed: float = 0.0) -> bool:
        """Queues a notice known by each of `keys`; False if one of them was seen before.

        One that was seen before the sync that `failed`, at that time in seconds since 1970, is
        taken once more: its sender sends it again because nothing came of it. All processes of this
        data folder remember the last 10,000. Raises NoticeLost when the folder cannot be written;
        the notice may then come again.
        """
        marks = [
            self._seen / sha256(key.encode("utf-8", "surrogatepass")).hexdigest() for key in keys
        ]
        made: list[Path] = []
        try:
            self._seen.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._lost(error) from None
        try:
            for mark in marks:
                mark.touch(mode=0o600, exist_ok=False)
                made.append(mark)
            _replace(self._waiting)
        except FileExistsError:
            return self._take_again(marks, failed)
        except OSError as error:
            for mark in made:
                mark.unlink(missing_ok=True)
            raise self._lost(error) from None
        self._forget_oldest()
        return True

    def _take_again(self, marks: list[Path], failed: float) -> bool:
        """Queues a notice that was seen, if that was before the sync that failed."""
        with suppress(OSError):
            if max(mark.stat().st_mtime for mark in marks if mark.exists()) < failed:
                for mark in marks:
                    mark.touch(mode=0o600)
                _replace(self._waiting)
                return True
        return False

    def _lost(self, error: OSError) -> NoticeLost:
        return NoticeLost(
            Message(
                "{path}: {reason}; free some space, send the notice again",
                path=str(self._seen),
                reason=reason(error),
            )
        )

    def _forget_oldest(self) -> None:
        with os.scandir(self._seen) as entries:
            found = [entry.path for entry in entries]
        if len(found) <= MOST:
            return
        with suppress(FileNotFoundError):  # another worker forgets as well
            found.sort(key=os.path.getmtime)
            for path in found[: MOST // 10]:
                os.unlink(path)

    def follow(self, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Yields whenever there is a notice to act on.

        A notice whose work was interrupted is yielded once more.
        """
        while is_wanted():
            if monotonic() >= self._until and self._take():
                yield
                self._in_hand.unlink(missing_ok=True)
            else:
                sleep(_LOOK)

    def again(self, seconds: float) -> None:
        """Yields the current notice once more, after so many seconds."""
        self._until = monotonic() + seconds
        _replace(self._waiting)

    def _take(self) -> bool:
        with suppress(FileNotFoundError):
            os.replace(self._waiting, self._in_hand)
        return self._in_hand.exists()


def _replace(path: Path) -> None:
    """Writes a file atomically."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    new.touch(mode=0o600)
    os.replace(new, path)
