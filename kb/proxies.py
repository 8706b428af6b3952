"""Whose word on host, scheme and address is believed, and when a request came in."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from time import perf_counter
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

STARTED = "kb.started"  # when the request came in
_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Proxies:
    """Believes `X-Forwarded-*` from the listed addresses and networks, and from nobody else."""

    def __init__(self, app: _Application, trusted: tuple[str, ...]) -> None:
        self._app = app
        self._behind = ProxyFix(app, x_for=1, x_proto=1, x_host=1)
        self._trusted = tuple(ip_network(each, strict=False) for each in trusted)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ[STARTED] = perf_counter()
        believed = bool(self._trusted) and self._is_trusted(environ.get("REMOTE_ADDR", ""))
        return (self._behind if believed else self._app)(environ, start_response)

    def _is_trusted(self, address: str) -> bool:
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self._trusted)
