"""Asks other sites whether the pages that articles link to are there. Reads no page, keeps nothing.

HEAD first, GET where HEAD is refused; one request at a time and at most `PER_SECOND` to each host,
redirects included; some hosts side by side. Only public addresses are connected to: a link must
not make the server ask its own network.
"""

import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urldefrag, urljoin, urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
    build_opener,
)

from kb import __version__
from kb.base.messages import NOTHING, Message

PER_SECOND = 2.0  # requests to one host
SECONDS = 10.0  # for one reply
HOSTS = 8  # asked side by side
HOPS = 5  # redirects followed
FINE, GONE, SILENT = "fine", "gone", "silent"
Reply = tuple[str, Message]  # one of these, and why
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_NAT64 = ip_network("64:ff9b::/96")
_SAFE = "!#$%&'()*+,/:;=?@[]~"  # what an address may hold as it is


class PrivateAddress(OSError):
    """A host name leads to an address that is not on the public internet."""


def is_public(address: str) -> bool:
    """Whether an IP address, as text, is one of the public internet, and so are those within it.

    An IPv6 address may hold one of IPv4 that a translator on the way connects to.
    """
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        inner = [parsed.ipv4_mapped, parsed.sixtofour, *(parsed.teredo or ())]
        if parsed in _NAT64:
            inner.append(ip_address(parsed.packed[-4:]))
        if parsed.is_site_local or not all(is_public(str(each)) for each in inner if each):
            return False
    return parsed.is_global and not parsed.is_multicast


def visit(
    addresses: Iterable[str],
    *,
    per_second: float = PER_SECOND,
    seconds: float = SECONDS,
    may_ask: Callable[[str], bool] = is_public,
) -> dict[str, Reply]:
    """What was said of each address: `fine`, `gone` or `silent`, and why.

    `gone` is what the site itself says (404, 410); all else that is no page is `silent`, for it may
    be the network, or a site that dislikes robots. `may_ask` says whether an IP address may be
    connected to. Raises nothing for any address.
    """
    wanted = list(dict.fromkeys(addresses))
    pages = dict.fromkeys(urldefrag(address).url for address in wanted)
    by_host: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        by_host[_host(page)].append(page)
    turns = _Turns(1 / per_second)
    opener = _opener(may_ask)
    said: dict[str, Reply] = {}

    def ask_host(of_host: list[str]) -> None:
        for page in of_host:
            said[page] = _ask(page, opener, turns, seconds)

    with ThreadPoolExecutor(HOSTS) as threads:
        list(threads.map(ask_host, by_host.values()))
    return {address: said[urldefrag(address).url] for address in wanted}


class _Turns:
    """Lets requests to a host through one after another, `pause` seconds apart."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def wait(self, host: str) -> None:
        with self._lock:
            now = time.monotonic()
            begin = max(now, self._next.get(host, now))
            self._next[host] = begin + self._pause
        time.sleep(begin - now)


class _NoRedirect(HTTPRedirectHandler):
    """Redirects are followed by us: each is a request like any other, and waits its turn."""

    def redirect_request(self, *_: Any) -> None:
        return None


class _Connection(HTTPConnection):
    """Connects to the very address that was checked: a second look-up may say another one."""

    def __init__(self, host: str, *, may_ask: Callable[[str], bool], **more: Any) -> None:
        super().__init__(host, **more)
        self._may_ask = may_ask

    def connect(self) -> None:
        addresses = _addresses(self.host, self.port, self._may_ask)
        for at, address in enumerate(addresses, 1):
            try:
                self.sock = socket.create_connection(address, self.timeout)
            except OSError:
                if at == len(addresses):
                    raise
            else:
                return


class _PublicHTTPSHandlerConnection(HTTPSConnection, _Connection):
    """The same for HTTPS: the certificate is still that of the host's name."""


class _Request(Request):
    """A request that knows whether a proxy of the environment connects for us."""

    target = ""  # the host that the proxy is to ask

    def set_proxy(self, host: str, type: str) -> None:
        self.target = self.target or self.host
        super().set_proxy(host, type)


class _PublicHTTPHandler(HTTPHandler):
    def __init__(self, may_ask: Callable[[str], bool]) -> None:
        super().__init__()
        self._may_ask = may_ask

    def http_open(self, req: Request) -> HTTPResponse:
        if _is_proxied(req, self._may_ask):
            return super().http_open(req)
        return self.do_open(partial(_Connection, may_ask=self._may_ask), req)


class _PublicHTTPSHandler(HTTPSHandler):
    def __init__(self, may_ask: Callable[[str], bool]) -> None:
        super().__init__()
        self._may_ask = may_ask

    def https_open(self, req: Request) -> HTTPResponse:
        if _is_proxied(req, self._may_ask):
            return super().https_open(req)
        return self.do_open(partial(_PublicHTTPSHandlerConnection, may_ask=self._may_ask), req)


def _addresses(host: str, port: int, may_ask: Callable[[str], bool]) -> list[tuple[str, int]]:
    """The addresses of a host; raises PrivateAddress unless all of them may be asked."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [(str(name[0]), port) for *_, name in found]
    if not all(may_ask(address) for address, _ in addresses):
        raise PrivateAddress(host)
    return addresses


def _is_proxied(request: Request, may_ask: Callable[[str], bool]) -> bool:
    """Whether a proxy connects: of what it will ask only the name can be checked.

    A name that only the proxy knows is left to it. Raises PrivateAddress.
    """
    target = request.target if isinstance(request, _Request) else ""
    if target:
        with suppress(socket.gaierror):
            _addresses(urlsplit(f"//{target}").hostname or "", 0, may_ask)
    return bool(target)


def _opener(may_ask: Callable[[str], bool]) -> OpenerDirector:
    opener = build_opener(_NoRedirect, _PublicHTTPHandler(may_ask), _PublicHTTPSHandler(may_ask))
    opener.addheaders = [("User-Agent", f"kb-check/{__version__}"), ("Accept", "*/*")]
    return opener


def _host(page: str) -> str:
    try:
        return urlsplit(page).netloc.lower()
    except ValueError:
        return ""


def _ask(page: str, opener: OpenerDirector, turns: _Turns, seconds: float) -> Reply:
    """The last reply about one page."""
    try:
        address = page
        for _ in range(HOPS + 1):
            status, reason, location = _reply("HEAD", address, opener, turns, seconds)
            if status >= HTTPStatus.BAD_REQUEST:
                status, reason, location = _reply("GET", address, opener, turns, seconds)
            if status < HTTPStatus.MULTIPLE_CHOICES:
                return FINE, NOTHING
            if status >= HTTPStatus.BAD_REQUEST or not location:
                why = Message("the site says {status}", status=f"{status} {reason}")
                return GONE if status in _GONE else SILENT, why
            address = urljoin(address, location)
            if urlsplit(address).scheme not in ("http", "https"):
                return SILENT, Message("it leads on to {address}", address=address[:80])
        return SILENT, Message("more than {hops} redirects", hops=HOPS)
    except URLError as error:
        return SILENT, _why(error.reason)
    except (OSError, HTTPException, ValueError) as error:
        return SILENT, _why(error)


def _reply(
    method: str, address: str, opener: OpenerDirector, turns: _Turns, seconds: float
) -> tuple[int, str, str]:
    """Status, its words, and where a redirect leads."""
    turns.wait(_host(address))
    request = _Request(quote(address, safe=_SAFE), method=method)
    try:
        with opener.open(request, timeout=seconds) as reply:
            return reply.status, reply.reason, ""
    except HTTPError as error:
        with error:
            return error.code, error.reason, error.headers.get("Location", "")


def _why(error: object) -> Message:
    if isinstance(error, PrivateAddress):
        return Message("it is on a private network, which is not asked")
    if isinstance(error, TimeoutError):
        return Message("no reply in time")
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or str(error)
        return Message("its certificate is not trusted ({reason})", reason=reason)
    said = getattr(error, "strerror", None) or str(error)
    return Message("{reason}", reason=" ".join(str(said).split())[:120] or type(error).__name__)
