"""Who may see the leads' board: a password, a signed cookie, few tries. Answers no request.

The password is text, a scrypt hash (`kb config --hash`), or the token that `kb serve` makes where
none is set. A cookie is signed with a key made of it: all workers and machines know the key, and
a new password ends every session.
"""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from time import time
from typing import TextIO

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from werkzeug.security import check_password_hash, generate_password_hash

from kb.errors import KBError

LASTS = 12 * 3600  # seconds until a session ends
TRIES, WINDOW = 5, 15 * 60  # wrong passwords of one address in so many seconds
LONGEST = 1000  # characters of a password that are looked at
_HASHED = "scrypt:"
_REMEMBERED = 1000  # addresses


def token() -> str:
    """A password that nobody can guess."""
    return secrets.token_urlsafe(24)


def hashed(password: str) -> str:
    """The scrypt hash of a password, for `KB_LEADS_PASSWORD`."""
    return generate_password_hash(password, "scrypt")


@dataclass(frozen=True, slots=True)
class Door:
    """Lets in who knows the password; without a password nobody."""

    password: str | None = field(repr=False)
    now: Callable[[], float] = time

    def opens(self, given: str) -> bool:
        """Whether `given` is the password."""
        if not self.password or not given or len(given) > LONGEST:
            return False
        typed = given.encode("utf-8", "replace")
        if self.password.startswith(_HASHED):
            return check_password_hash(self.password, typed.decode())
        return hmac.compare_digest(self.password.encode(), typed)

    def cookie(self, name: str) -> str:
        """A session of the lead who calls themselves `name`; raises ValueError without a password.

        It says nothing but the name and when it began.
        """
        return str(self._signer().dumps(name))

    def lead(self, cookie: str) -> str | None:
        """The name in a cookie of ours that is at most 12 hours old, or None."""
        if not self.password or not cookie:
            return None
        try:
            name = self._signer().loads(cookie, max_age=LASTS)
        except BadData:
            return None
        return name if isinstance(name, str) else None

    def _signer(self) -> URLSafeTimedSerializer:
        if not self.password:
            raise ValueError("no password, no session")
        now = self.now

        class Signer(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(now())

        return URLSafeTimedSerializer(
            _key(self.password),
            salt="leads",
            signer=Signer,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )


@lru_cache(4)
def _key(password: str) -> bytes:
    """Slow to make, so that a cookie does not help to guess a short password."""
    return hashlib.scrypt(password.encode(), salt=b"kb leads session", n=2**14, r=8, p=1)


class Tries:
    """Counts tries in a file, so that all workers count together; addresses stand there as hashes.

    Where the file cannot be written nobody gets a try: KBError is raised.
    """

    def __init__(self, file: Path, now: Callable[[], float] = time) -> None:
        self._file = file
        self._now = now

    def take(self, address: str) -> bool:
        """Whether `address` has a try left; it is counted before the password is looked at."""
        return self._change(address, self._taken)

    def forgive(self, address: str) -> None:
        """The password was right: the address begins anew."""
        self._change(address, _emptied)

    def _taken(self, moments: list[float]) -> bool:
        if len(moments) >= TRIES:
            return False
        moments.append(self._now())
        return True

    def _change(self, address: str, change: Callable[[list[float]], bool]) -> bool:
        with self._opened() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            tries = _read(file.read(), after=self._now() - WINDOW)
            moments = tries.pop(whose(address), [])
            result = change(moments)
            if moments:
                tries[whose(address)] = moments  # last: the longest silent is forgotten first
            kept = dict(list(tries.items())[-_REMEMBERED:])
            file.seek(0)
            file.truncate()
            json.dump(kept, file)
        return result

    def _opened(self) -> TextIO:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            return os.fdopen(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600), "r+")
        except OSError as error:
            raise KBError(
                f"{self._file} cannot be written ({error.strerror}); check KB_DATA and its rights"
            ) from None


def _emptied(moments: list[float]) -> bool:
    moments.clear()
    return True


def _read(text: str, after: float) -> dict[str, list[float]]:
    """The moments that still count; a damaged file holds none."""
    try:
        found = {who: [float(at) for at in moments] for who, moments in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError):
        return {}
    recent = {who: [at for at in moments if at > after] for who, moments in found.items()}
    return {who: moments for who, moments in recent.items() if moments}


def whose(address: str) -> str:
    """An address as a hash; of IPv6 its network, for a household has 2⁶⁴ of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        whole = address.encode()
    else:
        whole = parsed.packed[:8] if isinstance(parsed, IPv6Address) else parsed.packed
    return hashlib.blake2b(whole, digest_size=8).hexdigest()
