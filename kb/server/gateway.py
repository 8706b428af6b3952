"""WSGI gateway over granian: Rust reads and writes sockets, Python threads answer requests.

granian closes a connection whose head is late. Its own WSGI lets a thread wait for the body of a
request without a time limit (granian issue 728, "wontfix"). So requests come by RSGI, granian's own
protocol: one without a body is answered in the granian thread that brings it; the body of another
is awaited by an event loop until a deadline. Both use no more CPU time than granian's WSGI.

A coroutine for each request, the usual way of RSGI, costs twice as much. Therefore private names of
granian are used (`_granian`), whose minor version `pyproject.toml` bounds (decision 60).
"""

import asyncio
import io
import logging
import os
import re
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import IO, Any

from granian._granian import CallbackScheduler, RSGIWorker, SocketHolder, WorkerSignal
from granian.http import HTTP1Settings
from granian.rsgi import HTTPProtocol, ProtocolClosed, ProtocolError, Scope

THREADS = 4  # per worker: a search holds the interpreter, waiting for the log does not
CONNECTIONS = 4096  # per worker; more wait in the kernel's queue
BACKLOG = 1024
DEADLINE = 10.0  # seconds for a head, as long for a body; an idle connection is closed as well
RATE = 256 * 1024  # bytes a second: a long body has as much more time
UNREAD = 20.0  # seconds an answer may wait for its reader before the connection is closed
LARGEST_HEAD = 32 * 1024  # bytes: 500 characters of any script, percent-encoded, fit well
LARGEST_BODY = 64 * 1024  # bytes; a route may allow more
LARGE_AT_ONCE = 8  # longer bodies a worker reads at a time
_LOOK = 1.0  # seconds between looks at whether the parent lives
_ALWAYS = 10**9  # seconds an idle thread is kept: it holds connections to the log
_OTHER_FILES = 256  # a worker may have open: the build, the log, static files

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Application = Callable[[Environ, Any], Iterable[bytes]]

access = logging.getLogger("kb.access")
logger = logging.getLogger(__name__)


def tune(listener: socket.socket) -> None:
    """Sets socket options that accepted connections inherit: TCP_NODELAY, TCP_USER_TIMEOUT."""
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: also counts time in which nothing is read
        timeout = int(UNREAD * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout)


def allow_connections() -> int:
    """Raises the limit of open files as far as allowed; returns how many connections fit in it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(soft - _OTHER_FILES, 1)
    return CONNECTIONS


class FileWrapper:
    """`wsgi.file_wrapper`: a file as response body, which granian reads and sends itself."""

    def __init__(self, file: IO[bytes], size: int = 64 * 1024) -> None:
        self._file, self._size = file, size

    @property
    def path(self) -> str | None:
        """The path of the file, or None if it is not a file on disk."""
        name = getattr(self._file, "name", None)
        return name if isinstance(name, str) else None

    def __iter__(self) -> Iterator[bytes]:
        while part := self._file.read(self._size):
            yield part

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class Gateway:
    """Serves a WSGI application in this process on a listening socket."""

    def __init__(
        self,
        app: Application,
        listener: socket.socket,
        *,
        largest_body: Callable[[str], int] = lambda path: LARGEST_BODY,
        refused: Callable[[int], None] = lambda status: None,
        deadline: float = DEADLINE,
    ) -> None:
        """`largest_body` returns the longest request body that a path accepts, in bytes.

        A longer body is not read: the application sees its length and an empty body. `refused` is
        called with the status of each request that the application never saw. `deadline` is how
        many seconds a head may take, and a body before `RATE` is counted in.
        """
        self._app = app
        self._listener = listener
        self._largest_body = largest_body
        self._refused = refused
        self._deadline = deadline
        self._large = 0  # longer bodies being read
        self._reading: set[asyncio.Task[None]] = set()
        address = listener.getsockname()
        self._environ: Environ = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": address[0],
            "SERVER_PORT": str(address[1]),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "wsgi.file_wrapper": FileWrapper,
        }

    def run(self) -> None:
        """Serves until SIGTERM or the end of the parent; returns when running requests are done."""
        connections = allow_connections()
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        stop, stopped = WorkerSignal(), asyncio.Event()
        stop.add_cb(lambda: loop.call_soon_threadsafe(stopped.set))
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        parent = os.getppid()

        def watch_parent() -> None:
            if os.getppid() == parent:
                loop.call_later(_LOOK, watch_parent)
            else:
                stop.set()

        watch_parent()
        self._loop = loop
        self._threads = ThreadPoolExecutor(THREADS, "body")
        scheduler = CallbackScheduler(loop, None, None, None, None)
        scheduler._schedule_fn = self._take
        worker = RSGIWorker(
            worker_id=1,
            sock=(None, _holder(self._listener)),
            ipc=None,
            py_threads=THREADS,
            py_threads_idle_timeout=_ALWAYS,
            backpressure=connections,
            http_mode="1",
            http1_opts=HTTP1Settings(
                header_read_timeout=int(self._deadline * 1000), max_buffer_size=LARGEST_HEAD
            ),
            websockets_enabled=False,
        )
        worker.serve_str(scheduler, loop, stop)
        loop.run_until_complete(stopped.wait())
        self._threads.shutdown()
        loop.close()

    # ------------------------------------------------------------ a request

    def _take(self, watcher: Any) -> None:
        """Answers a request or starts to read its body; called in a thread of granian.

        Raises nothing: granian would lose the thread.
        """
        proto = watcher.proto
        try:
            environ = self._read_head(watcher.scope)
            if environ is None:
                self._refuse(proto, 400, "one Host header, please")
            elif "HTTP_TRANSFER_ENCODING" in environ:
                # The size of a chunked body is not known before it is in memory.
                self._refuse(proto, 411, "say how long the body is: Content-Length")
            elif environ.get("CONTENT_LENGTH", "0") == "0":
                self._answer(environ, proto)
            else:
                asyncio.run_coroutine_threadsafe(self._start_reading(environ, proto), self._loop)
        except BaseException:
            logger.exception("a request was lost")
            self._refuse(proto, 500, "a mistake of ours; it has been logged")

    def _read_head(self, scope: Scope) -> Environ | None:
        """The WSGI environ of a request without its body; None unless it names exactly one host."""
        path = scope.path
        environ = self._environ | {
            "REQUEST_METHOD": scope.method,
            "PATH_INFO": path if path.isascii() else _in_latin1(path),
            "QUERY_STRING": _in_latin1(scope.query_string),
            "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
            "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
            "wsgi.input": io.BytesIO(),
        }
        hosts = 0
        for name, value in scope.headers.items():
            if name == "host":
                hosts += 1
            if name == "content-type":
                environ["CONTENT_TYPE"] = value
            elif name == "content-length":
                environ["CONTENT_LENGTH"] = value
            elif "_" not in name:  # `X_Forwarded_For` would pass for the header of a proxy
                key = "HTTP_" + name.upper().replace("-", "_")
                known = environ.get(key)
                if known is None:
                    environ[key] = value
                else:
                    environ[key] = f"{known}; {value}" if name == "cookie" else f"{known},{value}"
        is_named = hosts == 1 or (hosts == 0 and scope.http_version == "1")
        return environ if is_named else None

    async def _start_reading(self, environ: Environ, proto: HTTPProtocol) -> None:
        """Reads the body as a task that is referenced while it runs."""
        task = asyncio.current_task()
        if task is not None:  # a loop does not keep its tasks alive
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)
        await self._read_body(environ, proto)

    async def _read_body(self, environ: Environ, proto: HTTPProtocol) -> None:
        """Reads the body within the deadline, then queues the request; refuses it otherwise."""
        length = int(environ["CONTENT_LENGTH"])
        is_large = length > LARGEST_BODY
        if length > self._largest_body(environ["PATH_INFO"]):
            self._threads.submit(self._answer, environ, proto)
            return
        if is_large and self._large >= LARGE_AT_ONCE:
            self._refuse(proto, 503, "too many long requests at once; try again")
            return
        self._large += is_large
        try:
            async with asyncio.timeout(self._deadline + length / RATE):
                body = await proto()
        except TimeoutError:
            self._refuse(proto, 408, "the body did not come in time")
            return
        except (ProtocolError, ProtocolClosed):
            self._refuse(proto, 400, "the body is not as its head says")
            return
        finally:
            self._large -= is_large
        environ["wsgi.input"] = io.BytesIO(body)
        self._threads.submit(self._answer, environ, proto)

    # ------------------------------------------------------------ its answer

    def _answer(self, environ: Environ, proto: HTTPProtocol) -> None:
        """Sends the response of the application; raises nothing.

        The access log is written first: once the last response is sent, the process may end.
        """
        began = perf_counter()
        try:
            code, headers, body = self._ask(environ)
            if access.isEnabledFor(logging.INFO):
                _log(environ, code, headers, body, perf_counter() - began)
            if isinstance(body, bytes):
                proto.response_bytes(code, headers, body)
            elif part := _part(headers):
                proto.response_file_range(code, headers, body, *part)
            else:
                proto.response_file(code, headers, body)
        except Exception:
            logger.exception("%s failed", environ["REQUEST_METHOD"])
            self._refuse(proto, 500, "a mistake of ours; it has been logged")

    def _ask(self, environ: Environ) -> tuple[int, Headers, bytes | str]:
        """Status, headers and body of the application's response; of a file its path."""
        code, headers = 500, Headers()
        parts: list[bytes] = []

        def start_response(status: str, given: Headers, _: Any = None) -> Any:
            nonlocal code, headers
            code, headers = int(status[:3]), [*given, ("Server", "kb")]
            return parts.append

        body = self._app(environ, start_response)
        try:
            if isinstance(body, FileWrapper) and body.path is not None:
                return code, headers, body.path
            parts.extend(body)
        finally:
            if hasattr(body, "close"):
                body.close()
        return code, headers, b"".join(parts)

    def _refuse(self, proto: HTTPProtocol, code: int, why: str) -> None:
        """Sends an error instead of the application and closes the connection."""
        self._refused(code)
        headers = [("Content-Type", "text/plain"), ("Connection", "close"), ("Server", "kb")]
        proto.response_bytes(code, headers, f"{why}\n".encode())


def _part(headers: Headers) -> tuple[int, int] | None:
    """Where the part of a file that is sent begins and ends; None where all of it is sent."""
    told = next((value for name, value in headers if name.lower() == "content-range"), "")
    found = re.fullmatch(r"bytes (\d+)-(\d+)/\d+", told)
    return (int(found[1]), int(found[2]) + 1) if found else None


def _holder(listener: socket.socket) -> Any:
    """The socket as granian takes it; the arguments depend on the platform."""
    try:
        return SocketHolder(listener.fileno(), False, BACKLOG)
    except TypeError:
        return SocketHolder(listener.fileno(), False)


def _in_latin1(text: str) -> str:
    """Text as a WSGI string: each byte of its UTF-8 as a Latin-1 character (PEP 3333)."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _log(environ: Environ, code: int, headers: Headers, body: bytes | str, seconds: float) -> None:
    """Writes the access log line of a request, without query string and client address."""
    length = len(body) if isinstance(body, bytes) else int(dict(headers).get("Content-Length", 0))
    facts = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        "status": code,
        "bytes": length,
        "ms": round(seconds * 1000, 1),
    }
    if id := environ.get("kb.request_id"):
        facts["request_id"] = id
    text = "{method} {path} {status} {bytes} B {ms} ms".format(**facts)
    access.info("%s", text, extra={"facts": facts})
