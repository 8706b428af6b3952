"""Speaks to the nodes of OpenSearch: retries on another node, deadlines, a circuit breaker.

The only module that imports opensearch-py, and only once somebody asks.
"""

import logging
import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from kb.base.errors import ConfigError, SearchUnavailable
from kb.base.messages import Message, quoted
from kb.opensearch.breaker import Breaker

if TYPE_CHECKING:
    from opensearchpy import OpenSearch

ASKING, WRITING = 1.0, 60.0  # seconds for one try of a question, and of a change
_RETRIES = 2  # on other nodes
_CONNECTIONS = 16  # of a process to each node
_BUSY = (429, 502, 503, 504)
OUTCOMES = ("answered", "refused", "failed", "spared")  # the last: not asked, the breaker is open

# It warns of each try that fails, with addresses; what failed in the end we say ourselves.
logging.getLogger("opensearch").setLevel(logging.CRITICAL)


class ClusterUnavailable(SearchUnavailable):
    """The cluster does not answer, or not in time."""


class Refused(SearchUnavailable):
    """The cluster answered that it cannot do what it was asked; `status` is that of HTTP."""

    def __init__(self, message: Message, status: int) -> None:
        super().__init__(message)
        self.status = status


class Cluster:
    """The nodes of `KB_OPENSEARCH_URL`. Threads and forked processes may share it."""

    def __init__(self, urls: str, breaker: Breaker | None = None) -> None:
        """`urls` are addresses by commas, with user and password in them if need be.

        `?ca=/path/ca.pem` behind one names the certificate of a CA of one's own. Raises ConfigError
        for what is no address, and for a certificate that cannot be read.
        """
        self._hosts = [_host(url.strip()) for url in urls.split(",") if url.strip()]
        self.breaker = breaker or Breaker()
        self.count: Callable[[str], None] = lambda outcome: None
        """Called with what became of each question, one of `OUTCOMES`."""
        self._client: OpenSearch | None = None
        self._process = 0
        self._lock = Lock()

    def ask(self, method: str, path: str, body: Any = None, **params: str | int) -> Any:
        """The answer to a question that somebody waits for, whole: each shard answered in time.

        Raises ClusterUnavailable, at once while the breaker is open, and Refused.
        """
        if not self.breaker.lets_through():
            self.count("spared")
            raise _unavailable(Message("its last answers failed"))
        try:
            found = self._request(method, path, body, ASKING, params)
            for each in (found, *found.get("responses", ())):
                _check_whole(each)
        except ClusterUnavailable:
            self.count("failed")
            self.breaker.failed()
            raise
        except Refused:  # by a node that is there
            self.count("refused")
            self.breaker.succeeded()
            raise
        self.count("answered")
        self.breaker.succeeded()
        return found

    def do(self, method: str, path: str, body: Any = None, **params: str | int) -> Any:
        """The answer to a change that takes its time. Raises as `ask`, but knows no breaker."""
        return self._request(method, path, body, WRITING, params)

    def exists(self, path: str) -> bool:
        """Whether an index or alias is there. Raises ClusterUnavailable."""
        try:
            self.do("GET", path)
        except Refused as error:
            if error.status == 404:
                return False
            raise
        return True

    def _request(
        self, method: str, path: str, body: Any, seconds: float, params: Mapping[str, Any]
    ) -> Any:
        from opensearchpy import exceptions

        try:
            found = self._opened().transport.perform_request(
                method, path, params={**params, "request_timeout": seconds}, body=body,
                headers={"content-type": _content_type(body)},
            )  # fmt: skip
        except exceptions.TransportError as error:
            status = error.status_code
            if not isinstance(status, int) or status in _BUSY:
                raise _unavailable(_reason(error)) from None
            raise _refused(_reason(error), status) from None
        except exceptions.OpenSearchException as error:
            raise _unavailable(type(error).__name__) from None
        if not isinstance(found, dict):  # a proxy between us and the nodes, perhaps
            raise _unavailable("no JSON object")
        return found

    def _opened(self) -> "OpenSearch":
        """The client of this process."""
        client = self._client
        if client is None or self._process != os.getpid():
            with self._lock:
                client, self._process = self._open(), os.getpid()
                self._client = client
        return client

    def _open(self) -> "OpenSearch":
        try:
            from opensearchpy import OpenSearch
        except ImportError:
            raise ConfigError(
                Message("opensearch-py is not installed; run `pip install 'kb-search[opensearch]'`")
            ) from None
        return OpenSearch(
            self._hosts, timeout=ASKING, max_retries=_RETRIES, retry_on_timeout=True,
            retry_on_status=(502, 503, 504), pool_maxsize=_CONNECTIONS, serializer=_Json(),
        )  # fmt: skip


class _Json:
    """The serializer of bodies; what is bytes or text is sent as it is."""

    mimetype = "application/json"

    def loads(self, text: str | bytes) -> Any:
        try:
            return orjson.loads(text)
        except ValueError:
            return None

    def dumps(self, value: Any) -> Any:
        return value if isinstance(value, str | bytes) else orjson.dumps(value)


def lines(values: Iterable[Mapping[str, Any]]) -> bytes:
    """Values as `_bulk` and `_msearch` take them: a line each."""
    return b"".join(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE) for value in values)


def _content_type(body: Any) -> str:
    return "application/x-ndjson" if isinstance(body, bytes) else "application/json"


def _host(url: str) -> dict[str, Any]:
    """An address as opensearch-py takes it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        shown = url.rpartition("@")[2]
        raise ConfigError(
            Message("{url} is no address of a node; write https://node:9200", url=quoted(shown))
        )
    is_secure = parts.scheme == "https"
    host: dict[str, Any] = {
        "host": parts.hostname, "port": parts.port or 9200, "use_ssl": is_secure,
        "url_prefix": parts.path.strip("/"),
    }  # fmt: skip
    if parts.username:
        host["http_auth"] = (unquote(parts.username), unquote(parts.password or ""))
    if authority := dict(parse_qsl(parts.query)).get("ca"):
        host["ca_certs"] = _readable(authority)
    return host


def _readable(authority: str) -> str:
    """The path of a CA's certificate, once it was read."""
    try:
        ssl.create_default_context(cafile=authority)
    except OSError as error:  # SSLError is one
        raise ConfigError(
            Message(
                "{path}: {reason}; name the certificate of your CA, as PEM, behind ?ca=",
                path=quoted(authority), reason=error.strerror or str(error),
            )
        ) from None  # fmt: skip
    return authority


def _reason(error: Any) -> Message | str:
    """What went wrong in a word or two, without addresses."""
    from opensearchpy import exceptions

    if isinstance(error, exceptions.SSLError):
        return Message("its certificate is not trusted; name its CA behind ?ca=")
    status = error.status_code
    return f"{status} {error.error}"[:200] if isinstance(status, int) else Message("no answer")


def _check_whole(answer: Any) -> None:
    """Raises where shards are missing in an answer: what the others know is not all there is."""
    if not isinstance(answer, dict):
        raise _unavailable("no JSON object")
    error, shards = answer.get("error"), answer.get("_shards", {})
    if error is not None:
        kind = str(error.get("type", "") if isinstance(error, dict) else error)[:200]
        status = int(answer.get("status", 500))
        if status in _BUSY:
            raise _unavailable(f"{status} {kind}")
        raise _refused(kind, status)
    if answer.get("timed_out") or shards.get("failed"):
        raise _unavailable(Message("a part of the articles is missing"))


def _refused(reason: Message | str, status: int) -> Refused:
    return Refused(Message("OpenSearch refused: {reason}; run `kb index`", reason=reason), status)


def _unavailable(reason: Message | str) -> ClusterUnavailable:
    return ClusterUnavailable(
        Message("OpenSearch does not answer ({reason}); try again in a minute", reason=reason)
    )
