"""Asks other sites whether the pages that articles link to are there. Reads no page, keeps nothing.

HEAD first, GET where HEAD is refused; one request at a time and at most `PER_SECOND` to each host,
redirects included; some hosts side by side.
"""

import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urldefrag, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from kb import __version__
from kb.messages import NOTHING, Message

PER_SECOND = 2.0  # requests to one host
SECONDS = 10.0  # for one reply
HOSTS = 8  # asked side by side
HOPS = 5  # redirects followed
FINE, GONE, SILENT = "fine", "gone", "silent"
Reply = tuple[str, Message]  # one of these, and why
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_SAFE = "!#$%&'()*+,/:;=?@[]~"  # what an address may hold as it is


def visit(
    addresses: Iterable[str], *, per_second: float = PER_SECOND, seconds: float = SECONDS
) -> dict[str, Reply]:
    """What was said of each address: `fine`, `gone` or `silent`, and why.

    `gone` is what the site itself says (404, 410); all else that is no page is `silent`, for it may
    be the network, or a site that dislikes robots. Raises nothing for any address.
    """
    wanted = list(dict.fromkeys(addresses))
    pages = dict.fromkeys(urldefrag(address).url for address in wanted)
    by_host: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        by_host[_host(page)].append(page)
    turns = _Turns(1 / per_second)
    said: dict[str, Reply] = {}

    def ask_host(of_host: list[str]) -> None:
        for page in of_host:
            said[page] = _ask(page, turns, seconds)

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


_opener = build_opener(_NoRedirect)
_opener.addheaders = [("User-Agent", f"kb-check/{__version__}"), ("Accept", "*/*")]


def _host(page: str) -> str:
    try:
        return urlsplit(page).netloc.lower()
    except ValueError:
        return ""


def _ask(page: str, turns: _Turns, seconds: float) -> Reply:
    """What is said of one page in the end."""
    try:
        address = page
        for _ in range(HOPS + 1):
            status, reason, location = _reply("HEAD", address, turns, seconds)
            if status >= HTTPStatus.BAD_REQUEST:
                status, reason, location = _reply("GET", address, turns, seconds)
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


def _reply(method: str, address: str, turns: _Turns, seconds: float) -> tuple[int, str, str]:
    """Status, its words, and where a redirect leads."""
    turns.wait(_host(address))
    request = Request(quote(address, safe=_SAFE), method=method)  # noqa: S310 (http and https only)
    try:
        with _opener.open(request, timeout=seconds) as reply:
            return reply.status, reply.reason, ""
    except HTTPError as error:
        with error:
            return error.code, error.reason, error.headers.get("Location", "")


def _why(error: object) -> Message:
    if isinstance(error, TimeoutError):
        return Message("no reply in time")
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or str(error)
        return Message("its certificate is not trusted ({reason})", reason=reason)
    said = getattr(error, "strerror", None) or str(error)
    return Message("{reason}", reason=" ".join(str(said).split())[:120] or type(error).__name__)
