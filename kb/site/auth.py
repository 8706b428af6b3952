"""Authentication of leads: password, single-use sign-in links, sessions. Answers no request.

The password is text or a scrypt hash (`kb config --hash`). Cookies are signed with a key derived
from it: all workers and machines have the same key, and a new password ends every session. Without
a password the key is random, in the data folder. Cookies of people with accounts are signed with a
key of their own (`accounts.Person.sessions`).
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from time import time
from typing import Any

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from werkzeug.security import check_password_hash, generate_password_hash

from kb.base.locked_json import JsonObject, LockedJson

SESSION_LASTS = 12 * 3600  # seconds until a session ends
DEVICE_LASTS = 180 * 86400  # seconds until a device cookie ends
LINK_LASTS = 3600  # seconds until a link ends
LONGEST_PASSWORD = 1000  # characters of a password; a longer one is wrong
_HASHED = "scrypt:"
_LONGEST_COOKIE = 1000  # ten times a long name


def hash_password(password: str) -> str:
    """The scrypt hash of a password, for `KB_LEADS_PASSWORD`."""
    return generate_password_hash(password, "scrypt")


@dataclass(frozen=True, slots=True)
class Session:
    """A lead's session: a random id, the name they gave, seconds since the epoch of its start."""

    id: str
    name: str
    began: float


@dataclass(frozen=True, slots=True)
class PasswordAuth:
    """Checks the password and signs cookies of sessions and devices.

    Without a password none is right; without password and key no cookie is made or accepted.
    """

    password: str | None = field(repr=False)
    key: bytes | None = field(default=None, repr=False)  # of cookies, where there is no password
    now: Callable[[], float] = time

    def is_right(self, given: str) -> bool:
        """Whether `given` is the password."""
        if not self.password or not given or len(given) > LONGEST_PASSWORD:
            return False
        typed = given.encode("utf-8", "replace")
        if self.password.startswith(_HASHED):
            return check_password_hash(self.password, typed.decode())
        return hmac.compare_digest(self.password.encode(), typed)

    def session_cookie(self, name: str) -> str:
        """The cookie of a new session: a random id, the name and the time, signed.

        Raises ValueError without password and key.
        """
        return str(self._signer("leads").dumps([secrets.token_urlsafe(12), name]))

    def session(self, cookie: str) -> Session | None:
        """The session of a valid cookie that is at most 12 hours old, or None."""
        match self._loaded("leads", cookie, SESSION_LASTS):
            case [str(id), str(name)], began:
                return Session(id, name, began)
        return None

    @staticmethod
    def claimed_name(cookie: str) -> str:
        """The name in a session's cookie, of which nothing has been proved yet; or ""."""
        if len(cookie) > _LONGEST_COOKIE:  # what is unpacked before it is proved stays small
            return ""
        _, content = URLSafeTimedSerializer("", salt="leads").loads_unsafe(cookie)
        match content:
            case [str(_), str(name)]:
                return name
        return ""

    def device_cookie(self) -> str:
        """The cookie of a browser that signed in: a random id, signed.

        Raises ValueError without password and key.
        """
        return str(self._signer("device").dumps(secrets.token_urlsafe(12)))

    def device(self, cookie: str) -> str | None:
        """The id in a valid device cookie that is at most 180 days old, or None."""
        match self._loaded("device", cookie, DEVICE_LASTS):
            case str(id), _:
                return id
        return None

    def _loaded(self, salt: str, cookie: str, seconds: int) -> tuple[Any, float] | None:
        """The content of a valid cookie and when it was signed, or None."""
        if not cookie or not (self.password or self.key):
            return None
        try:
            content, signed = self._signer(salt).loads(cookie, seconds, return_timestamp=True)
        except BadData:
            return None
        return content, signed.timestamp()

    def _signer(self, salt: str) -> URLSafeTimedSerializer:
        key = _key(self.password) if self.password else self.key
        if not key:
            raise ValueError("neither password nor key, so no session")
        now = self.now

        class Signer(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(now())

        return URLSafeTimedSerializer(
            key,
            salt=salt,
            signer=Signer,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )


@lru_cache(4)
def _key(password: str) -> bytes:
    """The key of cookies; scrypt is slow, so a cookie does not help to guess a short password."""
    return hashlib.scrypt(password.encode(), salt=b"kb leads session", n=2**14, r=8, p=1)


class EndedSessions:
    """Revoked sessions: those signed out before their twelve hours were over.

    They are kept in a file, for all workers, until they would have ended. If the file is damaged,
    every session that began before is revoked. Methods raise KBError if the file cannot be used.
    """

    def __init__(self, kept: JsonObject | Path, now: Callable[[], float] = time) -> None:
        """`kept`, or a file of this path, holds them; `now` returns seconds since the epoch."""
        if isinstance(kept, Path):
            kept = LockedJson(kept, damaged=lambda: {"since": int(now())})
        self._file = kept
        self._now = now

    def prepare(self) -> None:
        """Repairs the file before a session begins, which a later repair would revoke."""
        with self._file.changing():
            pass

    def add(self, session: Session) -> None:
        """Revokes a session."""
        now = self._now()
        with self._file.changing() as content:
            kept = _numbers(content.get("ended"))
            ended = {id: until for id, until in kept.items() if until > now}
            content["ended"] = {**ended, session.id: session.began + SESSION_LASTS}

    def __contains__(self, session: Session) -> bool:
        content = self._file.read()
        since = _numbers(content).get("since", 0.0)
        return session.began < since or session.id in _numbers(content.get("ended"))


class SignInLinks:
    """Single-use tokens of sign-in links, valid for an hour; only their hashes are stored.

    Methods raise KBError if the data folder cannot be used.
    """

    def __init__(
        self,
        data: Path,
        now: Callable[[], float] = time,
        *,
        named: Callable[[str], JsonObject] | None = None,
    ) -> None:
        """`data` is the data folder; `now` returns seconds since the epoch.

        `named` gives the objects of these names elsewhere, where machines share them.
        """
        named = named or (lambda name: LockedJson(data / f"{name}.json"))
        self._file = named("leads-links")
        self._keys = named("leads-key")
        self._now = now

    def make(self) -> str:
        """A new random token; earlier ones stay valid."""
        token = secrets.token_urlsafe(24)
        now = self._now()
        self.make_key()
        with self._file.changing() as content:
            links = {name: until for name, until in _numbers(content).items() if until > now}
            content.clear()
            content.update({**links, _digest(token): now + LINK_LASTS})
        return token

    def use(self, token: str) -> bool:
        """Whether the token is valid; it is used up."""
        with self._file.changing() as content:
            until = _numbers(content).get(_digest(token), 0.0)
            content.pop(_digest(token), None)
        return until > self._now()

    def make_key(self) -> None:
        """Makes the key of cookies, if there is none yet."""
        with self._keys.changing() as keys:
            keys.setdefault("key", os.urandom(32).hex())

    def key(self) -> bytes | None:
        """The key of cookies where there is no password; None before it was made."""
        key = self._keys.read().get("key")
        return key.encode() if isinstance(key, str) and len(key) == 64 else None


def sign_in_url(base: str, token: str) -> str:
    """The URL of a sign-in link; `base` is the URL of the site."""
    return f"{base.rstrip('/')}/leads/sign-in?token={token}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _numbers(content: Any) -> dict[str, float]:
    """The entries of a JSON object that are numbers."""
    if not isinstance(content, dict):
        return {}
    return {name: value for name, value in content.items() if isinstance(value, int | float)}


def hashed_address(address: str) -> str:
    """A hash of an IP address; of IPv6 its /64 network, which one household has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        whole = address.encode()
    else:
        whole = parsed.packed[:8] if isinstance(parsed, IPv6Address) else parsed.packed
    return hashlib.blake2b(whole, digest_size=8).hexdigest()
