"""Who reads: somebody whom a trusted proxy names, or who has the cookie of a signed link.

Answers no request. A link is made by the login page of the team, with a secret that both know:

    /sign-in/reader?user=anna@example.com&groups=staff,support&until=1795000000&signature=…

`until` is when the link ends, in seconds since 1970 and ten minutes ahead at most. The signature is
the HMAC-SHA256 of user, groups and until, each on a line of its own, in hexadecimal digits.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from time import time
from typing import Any

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from werkzeug.http import parse_cookie

from kb.base.audiences import Readers, members
from kb.base.config import Settings
from kb.site import proxies

COOKIE = "kb_reader"
LINK_LASTS = 600  # seconds; a link that promises to live longer is refused
LONGEST_GROUPS = 2000  # characters: a cookie holds 4 kB
_LONGEST_COOKIE = 4096
_KNOWN = "kb.reader"  # environ key


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is signed in: a name to show, groups, and whether a proxy says so."""

    name: str
    groups: tuple[str, ...] = ()
    is_proxied: bool = False

    @property
    def readers(self) -> Readers:
        """The audiences they are among."""
        return members(self.groups)


@dataclass(frozen=True, slots=True)
class SignedLinks:
    """Checks signed links, and makes and checks the cookies of those who came by one."""

    secret: str = field(repr=False)
    hours: int = 12  # until a cookie ends
    now: Callable[[], float] = time

    def signature(self, user: str, groups: str, until: str) -> str:
        """The signature of a link with these parameters, unquoted."""
        signed = f"{user}\n{groups}\n{until}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()

    def reader(self, user: str, groups: str, until: str, signature: str) -> Reader | None:
        """Whom a link signs in; None if it is not signed so, is over or is not to end soon."""
        right = self.signature(user, groups, until).encode()
        is_signed = hmac.compare_digest(right, signature.lower().encode("utf-8", "replace"))
        if not is_signed or not (until.isascii() and until.isdigit() and len(until) < 12):
            return None
        if not 0 < int(until) - self.now() <= LINK_LASTS or len(groups) > LONGEST_GROUPS:
            return None
        if not user.strip() or not (user + groups).isprintable():
            return None
        named = (each.strip() for each in groups.split(","))
        return Reader(user.strip()[: proxies.LONGEST_NAME], tuple(filter(None, named)))

    def cookie(self, reader: Reader) -> str:
        """The cookie of somebody who came by a link."""
        return str(self._signer().dumps([reader.name, list(reader.groups)]))

    def by_cookie(self, cookie: str) -> Reader | None:
        """Whose cookie this is; None if it was not made here or is over."""
        if not cookie or len(cookie) > _LONGEST_COOKIE:
            return None
        try:
            content = self._signer().loads(cookie, self.hours * 3600)
        except BadData:
            return None
        match content:
            case [str(name), [*groups]]:
                return Reader(name, tuple(map(str, groups)))
        return None

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self.secret,
            salt="kb reader",
            signer=_Signer,
            signer_kwargs={
                "now": self.now,
                "key_derivation": "hmac",
                "digest_method": hashlib.sha256,
            },
        )


class _Signer(TimestampSigner):
    """Signs with the time of a clock that is given."""

    def __init__(self, *args: Any, now: Callable[[], float], **options: Any) -> None:
        super().__init__(*args, **options)
        self._now = now

    def get_timestamp(self) -> int:
        """The present second since the epoch."""
        return int(self._now())


def signed_links(settings: Settings) -> SignedLinks | None:
    """The links that these settings accept; None without a secret."""
    secret = settings.reader_secret
    return SignedLinks(secret.get_secret_value(), settings.reader_hours) if secret else None


def who(environ: dict[str, Any], settings: Settings) -> Reader | None:
    """Who sent a request; None for a stranger. A proxy is believed before a cookie.

    The cookie is checked once for each request: what it says is noted in `environ`.
    """
    if _KNOWN not in environ:
        environ[_KNOWN] = _who(environ, settings)
    known: Reader | None = environ[_KNOWN]
    return known


def _who(environ: dict[str, Any], settings: Settings) -> Reader | None:
    person: proxies.Person | None = environ.get(proxies.PERSON)
    if person is not None and settings.groups_header:
        return Reader(person.name, tuple(sorted(person.groups)), is_proxied=True)
    if settings.reader_secret is None or f"{COOKIE}=" not in environ.get("HTTP_COOKIE", ""):
        return None
    links = signed_links(settings)
    cookie = parse_cookie(environ).get(COOKIE, "")
    return links.by_cookie(cookie) if links else None
