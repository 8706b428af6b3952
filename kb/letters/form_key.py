"""Stamps of rendered forms, by which a letter that comes too soon is told from one that was typed.

A stamp is the id of a form and when it was rendered, signed. All workers have the same key and,
where they share a database, all machines; a restart changes nothing.
"""

import hmac
import os
import time
from collections.abc import Callable
from enum import Enum
from hashlib import blake2b
from typing import Final

from kb.base.config import Settings
from kb.base.errors import KBError
from kb.base.locked_json import LockedJson

SOONEST: Final = 3.0  # seconds that somebody needs to type anything
LATEST: Final = 48 * 3600.0  # seconds after which a form is rendered anew
LETTERS: Final = 3  # sent from one rendering of a form: it was edited and sent again


class Verdict(Enum):
    """What a stamp says of its form."""

    GOOD = "good"
    SOON = "soon"  # sent faster than anybody types
    OLD = "old"
    FALSE = "false"  # not ours, or of another form


class FormStamps:
    """Makes and checks the stamps of forms. Usable from any thread, also after a fork."""

    def __init__(
        self,
        settings: Settings,
        *,
        soonest: float = SOONEST,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Reads no key yet. `soonest` are seconds before which nobody has typed anything."""
        self._settings = settings
        self.soonest = soonest
        self._clock = clock
        self._key = b""

    def make(self, form: str) -> str:
        """The stamp of a form that is rendered now."""
        at = f"{int(self._clock() * 1000):x}"
        return f"{at}-{self._signature(form, at)}"

    def check(self, form: str, stamp: str) -> Verdict:
        """What the stamp of a form that is sent now says."""
        at, _, signature = stamp.partition("-")
        if not form or not hmac.compare_digest(
            signature.encode("utf-8", "replace"), self._signature(form, at).encode()
        ):
            return Verdict.FALSE
        age = self._clock() - int(at, 16) / 1000
        if age < self.soonest:
            return Verdict.SOON
        return Verdict.OLD if age > LATEST else Verdict.GOOD

    def _signature(self, form: str, at: str) -> str:
        if not self._key:
            try:
                self._key = form_key(self._settings)
            except KBError:  # a letter cannot be stored either, which is told then
                self._key = os.urandom(32)
        told = f"{form} {at}".encode("utf-8", "replace")
        return blake2b(told, key=self._key, digest_size=12).hexdigest()


def form_key(settings: Settings) -> bytes:
    """The key of stamps: of the database that machines share, else one in the data folder.

    Raises KBError if the data folder cannot be used.
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value().encode()
        return blake2b(url, digest_size=32, person=b"kb forms").digest()
    with LockedJson(settings.data / "form-key.json").changing() as kept:
        key = kept.setdefault("key", os.urandom(32).hex())
    return bytes.fromhex(key)
