"""URL prefix: serves the site under a path of its host, such as `/help`. Sets no header.

A proxy may pass requests with the prefix or without it: both are answered, and every address that
the site writes of itself begins with the prefix.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
# What stands in an address as it is, so that a prefix is the same in paths, links and cookies.
_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_PATH = re.compile(r'(\s(?:href|src)=")(?=/(?!/))')
_TAG = re.compile(r"<[a-zA-Z](?:[^>\"']|\"[^\"]*\"|'[^']*')*>")


def of_url(url: str) -> str:
    """The prefix that a base URL asks for: its path, or ""."""
    return cleaned(urlsplit(url).path)


def cleaned(prefix: str) -> str:
    """The prefix without a slash at its end, or "" if the text is none."""
    prefix = prefix.rstrip("/")
    return prefix if _PREFIX.fullmatch(prefix) else ""


class UrlPrefix:
    """WSGI middleware that takes the prefix off the path and names it as `SCRIPT_NAME`.

    The prefix is the one in `SCRIPT_NAME`, where a trusted proxy's `X-Forwarded-Prefix` was put,
    or else that of the site.
    """

    def __init__(self, app: _Application, prefix: str) -> None:
        """`prefix` is that of the site: "" if it is served at the root of its host."""
        self._app = app
        self._prefix = prefix

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        prefix = cleaned(environ.get("SCRIPT_NAME", "")) or self._prefix
        environ["SCRIPT_NAME"] = prefix
        path = environ.get("PATH_INFO", "")
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            environ["PATH_INFO"] = path[len(prefix) :] or "/"
        return self._app(environ, start_response)


def added(html: str, prefix: str) -> str:
    """The HTML of an article with the prefix before every path that it links to or shows."""
    if not prefix:
        return html
    return _TAG.sub(lambda tag: _PATH.sub(rf"\g<1>{prefix}", tag[0]), html)
