"""WSGI middleware for trusted proxies: client address, scheme, host, URL prefix and person.

All come from `X-Forwarded-*` headers, which are believed only from the addresses listed.
"""

import logging
import mmap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from time import perf_counter
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

logger = logging.getLogger("kb.web")

NOT_LISTED = (
    "X-Forwarded-… headers came from an address that KB_TRUSTED_PROXIES does not list and are not"
    " believed; if that is your proxy, list its address, or all visitors share one"
)
STARTED = "kb.started"  # environ key: `perf_counter` when the request came in
PERSON = "kb.person"  # environ key: the `Person` that a trusted proxy names
LONGEST_NAME = 80
_GROUPS = "X-Forwarded-Groups"
_FORWARDED = frozenset(f"HTTP_X_FORWARDED_{name}" for name in ("FOR", "HOST", "PREFIX", "PROTO"))
_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a proxy has signed in, by e-mail address or user name, and their groups."""

    name: str
    groups: frozenset[str]


def _person(environ: dict[str, Any], groups_header: str) -> Person | None:
    """The person whom `X-Forwarded-Email` or `X-Forwarded-User` names, or None.

    `groups_header` is the environ key of the header that names their groups.
    """
    keys = ("HTTP_X_FORWARDED_EMAIL", "HTTP_X_FORWARDED_USER", groups_header)
    email, user, groups = (_text(environ.get(key, "")) for key in keys)
    name = (email or user)[:LONGEST_NAME]
    named = frozenset(each.strip() for each in groups.split(",") if each.strip())
    return Person(name, named) if name else None


def _text(header: str) -> str:
    """A header as text; WSGI hands bytes over as Latin-1."""
    text = header.encode("latin-1", "replace").decode("utf-8", "replace")
    return " ".join("".join(char for char in text if char.isprintable()).split())


class TrustedProxies:
    """Applies `X-Forwarded-*` headers of the trusted addresses and networks, and of no others.

    Such headers from another address are logged once by all processes forked later: behind a proxy
    that is not listed all visitors have one address and share its limits. Also notes when the
    request came in (`STARTED`).
    """

    def __init__(
        self,
        app: _Application,
        trusted: tuple[str, ...],
        groups_header: str = "",
    ) -> None:
        """`trusted` are addresses and networks in CIDR notation.

        `groups_header` is the header with the groups of a person, separated by commas; without it
        `X-Forwarded-Groups` is.
        """
        self._app = app
        self._groups = "HTTP_" + (groups_header or _GROUPS).upper().replace("-", "_")
        self._behind = ProxyFix(app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
        self._trusted = tuple(ip_network(each, strict=False) for each in trusted)
        self._is_logged = mmap.mmap(-1, 1)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ[STARTED] = perf_counter()
        is_trusted = bool(self._trusted) and self._is_trusted(environ.get("REMOTE_ADDR", ""))
        if is_trusted:
            environ[PERSON] = _person(environ, self._groups)
        if not is_trusted and not self._is_logged[0] and not _FORWARDED.isdisjoint(environ):
            self._is_logged[0] = 1
            logger.warning(NOT_LISTED)
        return (self._behind if is_trusted else self._app)(environ, start_response)

    def _is_trusted(self, address: str) -> bool:
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self._trusted)
