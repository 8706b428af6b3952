"""A gateway around a small application, in processes of its own, and clients of any kind."""

import contextlib
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

SERVER = """
import os, signal, socket, sys, time
from kb.server import gateway, supervisor

def app(environ, start_response):
    path = environ["PATH_INFO"]
    status, headers, body = "200 OK", [("Content-Type", "text/plain; charset=utf-8")], b""
    if path == "/environ":
        keys = [key for key in environ if key.isupper() and key not in os.environ]
        body = repr([(key, environ[key]) for key in sorted(keys)]).encode()
    elif path == "/body":
        body = environ["wsgi.input"].read()
    elif path == "/pid":
        body = str(os.getpid()).encode()
    elif path == "/large":
        body = b"x" * 32 * 2**20
    elif path == "/file":
        size = str(os.path.getsize(sys.argv[1]))
        start_response(status, [*headers, ("Content-Length", size)])
        return environ["wsgi.file_wrapper"](open(sys.argv[1], "rb"))
    elif path == "/rest":
        size = os.path.getsize(sys.argv[1])
        told = [("Content-Range", f"bytes 1000-{{size - 1}}/{{size}}")]
        told.append(("Content-Length", str(size - 1000)))
        start_response("206 Partial Content", [*headers, *told])
        return environ["wsgi.file_wrapper"](open(sys.argv[1], "rb"))
    elif path == "/wait":
        time.sleep(1.5)
    elif path == "/die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif path == "/fail":
        raise RuntimeError("invented")
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]

listener = socket.create_server(("127.0.0.1", 0), backlog=gateway.BACKLOG)
{before}
gateway.tune(listener)
said = lambda: print(listener.getsockname()[1], flush=True)
prepare = lambda: gateway.Gateway(app, listener, deadline={deadline}).run
supervisor.Supervisor({workers}, prepare, ready=said).run()
"""


class Running:
    """A server, the port it listens on, and its process."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port

    def connect(self) -> socket.socket:
        """A client that waits for whatever comes, if need be."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def say(self, request: bytes) -> bytes:
        """All that is answered to these bytes until the connection is closed."""
        with self.connect() as client:
            client.sendall(request)
            return heard(client)

    def get(self, path: str, *headers: str) -> bytes:
        """The whole answer to a proper request."""
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
        return self.say("\r\n".join([*lines, "", ""]).encode())

    def body(self, path: str) -> str:
        """The body of the answer to a proper request."""
        return self.get(path).partition(b"\r\n\r\n")[2].decode()


def heard(client: socket.socket) -> bytes:
    """What comes until the other side closes, or resets, the connection."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := client.recv(1 << 20):
            parts.append(part)
    return b"".join(parts)


@contextlib.contextmanager
def running(
    *arguments: str,
    workers: int = 1,
    deadline: float = 10.0,
    before: str = "",
    stdin: int = subprocess.DEVNULL,
) -> Iterator[Running]:
    """The server; `before` are lines of Python that it runs first."""
    code = SERVER.format(workers=workers, deadline=deadline, before=textwrap.dedent(before))
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield Running(process, int(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait()


def eventually(claim, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
