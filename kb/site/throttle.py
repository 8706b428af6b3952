"""Login throttle: many wrong passwords or tokens slow the next ones down, none locks out for good.

Tries are counted in a file of the data folder, so that all workers count together and a restart
keeps the counts, or in the log that several machines share. Networks and devices are stored as
hashes. A device that signed in before has a signed cookie and a count of its own ("device cookies",
OWASP): its owner can sign in while others of the same network, or all behind a proxy that is not
listed, are slowed down.
"""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from time import time
from typing import Any

from kb.base.locked_json import JsonObject, LockedJson

TRIES, PAUSE = 5, 60  # tries of one network at once; then one per PAUSE seconds
WINDOW = 15 * 60  # seconds for which a try counts
FLOOD = 100  # tries of all networks in the window; from then on a network has
FLOOD_TRIES, FLOOD_PAUSE = 1, 5 * 60  # so many at once, then one per FLOOD_PAUSE seconds
_MOST_CLIENTS = 1000  # kept in the file
_KNOWN_DAYS = 30


class LoginThrottle:
    """Counts tries by client, a network or a device. Raises KBError if the file cannot be used."""

    def __init__(self, counts: JsonObject | Path, now: Callable[[], float] = time) -> None:
        """`counts`, or a file of this path, keeps them; `now` returns seconds since the epoch."""
        self._file = LockedJson(counts) if isinstance(counts, Path) else counts
        self._now = now

    def take(self, client: str, *, is_device: bool = False) -> float:
        """Takes one try of `client`; returns 0, or the seconds to wait if none is left.

        The try is counted before the password is compared. A refused try is not counted and makes
        no wait longer. The limit on all networks together does not apply to a device.
        """
        now = self._now()
        with self._file.changing() as content:
            tries = _recent(content.get("tries"), after=now - WINDOW)
            is_flood = not is_device and sum(map(len, tries.values())) >= FLOOD
            most, pause = (FLOOD_TRIES, FLOOD_PAUSE) if is_flood else (TRIES, PAUSE)
            moments = tries.pop(_key(client), [])
            wait = min(moments[-1] + pause - now, pause) if len(moments) >= most else 0.0
            if wait <= 0:
                moments.append(now)
            tries[_key(client)] = (
                moments  # at the end: the client that was silent longest is dropped first
            )
            content["tries"] = _last(tries)
        return max(wait, 0.0)

    def wait(self, client: str, is_right: Callable[[], bool]) -> float | None:
        """None for the right secret of a program; else the seconds until its next try, 0 for now.

        `is_right` compares the secret; it is not called where no try is left. A client that was
        right in the last thirty days does not wait: strangers behind the same proxy must not stop
        its program.
        """
        is_known = self.knows(client)
        wait = 0.0 if is_known else self.take(client)
        if wait:
            return wait
        if not is_right():
            return self.take(client) if is_known else 0.0
        if not is_known:
            self.succeeded(client)
        return None

    def succeeded(self, client: str) -> None:
        """Resets the count of a client whose password was right, and knows it for thirty days."""
        now = self._now()
        with self._file.changing() as content:
            tries, known = _recent(content.get("tries"), now - WINDOW), _known(content, now)
            tries.pop(_key(client), None)
            known.pop(_key(client), None)
            content.update(tries=tries, known=_last({**known, _key(client): now}))

    def knows(self, client: str) -> bool:
        """Whether the client had the right password in the last thirty days."""
        return _key(client) in _known(self._file.read(), self._now())


def _key(client: str) -> str:
    return blake2b(client.encode(), digest_size=8).hexdigest()


def _recent(kept: Any, after: float) -> dict[str, list[float]]:
    """The tries that still count, by key; other content of the file is ignored."""
    if not isinstance(kept, dict):
        return {}
    tries = {key: _moments(moments, after) for key, moments in kept.items()}
    return {key: moments for key, moments in tries.items() if moments}


def _moments(kept: Any, after: float) -> list[float]:
    if not isinstance(kept, list):
        return []
    return [at for at in kept if isinstance(at, int | float) and at > after]


def _known(content: dict[str, Any], now: float) -> dict[str, float]:
    kept = content.get("known")
    if not isinstance(kept, dict):
        return {}
    after = now - _KNOWN_DAYS * 86400
    return {key: at for key, at in kept.items() if isinstance(at, int | float) and at > after}


def _last(kept: dict[str, Any]) -> dict[str, Any]:
    return dict(list(kept.items())[-_MOST_CLIENTS:])
