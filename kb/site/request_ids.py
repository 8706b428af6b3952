"""WSGI middleware that gives each request an id: for its log lines, and for whoever sent it."""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from kb.base import log_lines
from kb.site import proxies

HEADER = "X-Request-ID"
KEY = "kb.request_id"  # environ key
_GIVEN = re.compile(r"[A-Za-z0-9._:/+=@-]{8,128}")
_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class RequestIds:
    """Names each request, as a trusted proxy named it or by a random id, and tells its sender."""

    def __init__(self, app: _Application) -> None:
        """`app` is called inside `proxies.TrustedProxies`, which says who is trusted."""
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID", "") if proxies.PERSON in environ else ""
        # Not of `random`, whose state forked workers share.
        id = given if _GIVEN.fullmatch(given) else os.urandom(16).hex()
        environ[KEY] = id

        def answer(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, (HEADER, id)], *more)

        token = log_lines.request_id.set(id)
        try:
            return self._app(environ, answer)
        finally:
            log_lines.request_id.reset(token)
