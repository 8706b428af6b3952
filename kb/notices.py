"""Push notices on their way from web workers to the process that syncs. Pulls nothing."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep

from kb.errors import NoticeLost

MOST = 10_000  # notices that are remembered, so that none is taken twice
_LOOK = 0.25


class Notices:
    """The folder of notices. Several at once are one: whoever syncs, sees all of them."""

    def __init__(self, data: Path) -> None:
        self._seen = data / "notices"
        self._waiting = data / "notice"
        self._in_hand = data / "notice.taken"
        self._until = 0.0

    def accept(self, *keys: str) -> bool:
        """Takes a notice known by each of `keys`, once: False if one of them was seen before.

        All processes of this data folder remember the last 10,000. Raises NoticeLost when the
        folder cannot be written; the notice may then come again.
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
            return False
        except OSError as error:
            for mark in made:
                mark.unlink(missing_ok=True)
            raise self._lost(error) from None
        self._forget_oldest()
        return True

    def _lost(self, error: OSError) -> NoticeLost:
        return NoticeLost(f"{self._seen}: {error.strerror}; free some space, send the notice again")

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
        """Comes back whenever there is a notice to act on, until it is not wanted.

        A notice whose work was cut short, by whatever, is given once more.
        """
        while is_wanted():
            if monotonic() >= self._until and self._take():
                yield
                self._in_hand.unlink(missing_ok=True)
            else:
                sleep(_LOOK)

    def again(self, seconds: float) -> None:
        """Gives the notice in hand once more, after so many seconds."""
        self._until = monotonic() + seconds
        _replace(self._waiting)

    def _take(self) -> bool:
        with suppress(FileNotFoundError):
            os.replace(self._waiting, self._in_hand)
        return self._in_hand.exists()


def _replace(path: Path) -> None:
    """Makes the file, or makes it anew; it is there whole or not at all."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    new.touch(mode=0o600)
    os.replace(new, path)
