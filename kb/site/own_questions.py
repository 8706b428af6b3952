"""Lets `kb doctor` ask the running service how a request looks to it; tells nobody else.

Who can write to the data folder leaves the digest of a random token there, and sends the token.
"""

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

from kb.base.locked_json import LockedJson

HEADER = "X-Kb-Doctor"
LASTS = 60.0  # seconds a token is valid
_FORWARDED = "HTTP_X_FORWARDED_"


class OwnQuestions:
    """The token of the last question, in a file of the data folder that its owner alone reads.

    Methods raise KBError if it can be neither read nor written.
    """

    def __init__(self, data: Path, now: Callable[[], float] = time) -> None:
        """`data` is the data folder, `now` gives seconds since the epoch."""
        self._file = LockedJson(data / "doctor.json")
        self._now = now

    def make(self) -> str:
        """A new token; the one before is none any more."""
        token = secrets.token_urlsafe(24)
        with self._file.changing() as content:
            content.clear()
            content.update({"token": _digest(token), "until": self._now() + LASTS})
        return token

    def is_ours(self, token: str) -> bool:
        """Whether the token is the last one and was made a moment ago."""
        content = self._file.read()
        known, until = content.get("token"), content.get("until")
        return (
            isinstance(known, str)
            and isinstance(until, int | float)
            and secrets.compare_digest(known, _digest(token))
            and self._now() <= until <= self._now() + LASTS
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def seen(environ: dict[str, Any]) -> dict[str, Any]:
    """How a request came in: the peer, whether its headers are believed, and what they made of it.

    Of headers only the names are told.
    """
    original = environ.get("werkzeug.proxy_fix.orig")
    return {
        "peer": (original or environ).get("REMOTE_ADDR", ""),
        "trusted": original is not None,
        "scheme": environ["wsgi.url_scheme"],
        "host": environ.get("HTTP_HOST", ""),
        "prefix": environ.get("SCRIPT_NAME", ""),
        "forwarded": sorted(
            "X-Forwarded-" + name.removeprefix(_FORWARDED).title()
            for name in environ
            if name.startswith(_FORWARDED)
        ),
    }
