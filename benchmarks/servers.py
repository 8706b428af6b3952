"""WSGI servers around one small application: what a request costs, what slow clients do to others.

`python benchmarks/servers.py [--seconds 3] [--only ours waitress]`

Each runs two workers of four threads, or what it has instead, with a deadline of ten seconds for
reading where it knows one. 200 slow clients send a byte a second in the request line, a header or
the body, or read an answer so; meanwhile one client asks as before. A row of the table:

- processor ms of an empty route, two clients; MB (PSS) of a further worker, of which 40 are objects
  made before the fork;
- p99 of others beside the slow clients, times that without them, and how many were not answered;
- slow clients closed after 45 s, of 50 in each of line, header, body and reader;
- the answers to a bad chunk size; a request in hand at SIGTERM, and seconds to the end;
- whether workers are other ones after SIGHUP, and how many requests failed meanwhile.

What is not installed is left out: `pip install gunicorn gevent waitress uwsgi`, the last with a C
compiler.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from socket import create_connection, create_server
from threading import Thread

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # `http.py` beside this file must not stand in for the library's `http`

from http.client import HTTPConnection, HTTPException

import numpy as np

from benchmarks.http import Figures, load
from benchmarks.lib import servers, slow
from benchmarks.lib.slow import Address

SLOW = 200
PATIENCE = 45.0  # seconds until slow clients leave by themselves
WORKERS, THREADS, DEADLINE = 2, 4, 10

_APP = """
import os, time
from flask import Flask, request

app = Flask("bench")
ballast = [str(number) for number in range(600_000)]  # 40 MB
app.add_url_rule("/", "empty", lambda: "")
app.add_url_rule("/pid", "pid", lambda: str(os.getpid()))
app.add_url_rule("/wait", "wait", lambda: time.sleep(2) or "done")
app.add_url_rule("/large", "large", lambda: b"x" * 2**23)
app.add_url_rule("/body", "body", lambda: str(len(request.get_data())), methods=["POST"])
"""

_GUNICORN = f"""
from gunicorn.app.base import BaseApplication

class Server(BaseApplication):
    def load_config(self):
        chosen = dict(bind=f"127.0.0.1:{{port}}", workers=workers, worker_class=KIND,
                      threads={THREADS}, preload_app=True, loglevel="error",
                      control_socket_disable=True)
        for name, value in chosen.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self):
        return app

Server().run()
"""

_GRANIAN = f"""
from granian import Granian
from granian.http import HTTP1Settings

Granian("bench", port=port, interface="wsgi", workers=workers, blocking_threads={THREADS},
        http="1", websockets=False, log_level="error", workers_kill_timeout=30,
        http1_settings=HTTP1Settings(header_read_timeout={DEADLINE * 1000}),
).serve(target_loader=lambda: app, wrap_loader=False)
"""

_WAITRESS = f"""
import signal, socket
from waitress.server import create_server

listener = socket.create_server(("127.0.0.1", port), backlog=1024)
pids = []
for _ in range(workers):
    if not (pid := os.fork()):
        create_server(app, sockets=[listener], threads={THREADS}, connection_limit=1000,
                      channel_timeout={DEADLINE}, cleanup_interval=1, asyncore_use_poll=True).run()
        os._exit(0)
    pids.append(pid)
signal.signal(signal.SIGTERM, lambda *_: [os.kill(pid, signal.SIGTERM) for pid in pids])
for pid in pids:
    os.waitpid(pid, 0)
"""

_UWSGI = f"""
import shutil, tempfile
folder = tempfile.mkdtemp()
open(folder + "/benched.py", "w").write(SOURCE)
os.execv(shutil.which("uwsgi"), [
    "uwsgi", "--http", f"127.0.0.1:{{port}}", "--master", "--processes", str(workers), "--threads",
    "{THREADS}", "--module", "benched:app", "--chdir", folder, "--disable-logging", "--die-on-term",
    *[word for path in sys.path[1:] for word in ("--pythonpath", path)],
    "--http-timeout", "{DEADLINE}", "--http-keepalive",
    "--socket-timeout", "{DEADLINE}", "--post-buffering", "65536"])
"""

_OURS = """
import socket
from kb.server import gateway, supervisor
from kb.base import gc_tuning

listener = socket.create_server(("127.0.0.1", port), backlog=gateway.BACKLOG)
gateway.tune(listener)

def prepare():
    gc_tuning.freeze_to_answer()
    return gateway.Gateway(app, listener).run

supervisor.Supervisor(workers, prepare).run()
"""

# Name → the module it needs and its program.
CANDIDATES = {
    "ours": ("granian", _OURS),
    "granian, its WSGI": ("granian", _GRANIAN),
    "gunicorn gthread": ("gunicorn", "KIND = 'gthread'\n" + _GUNICORN),
    "gunicorn gevent": ("gevent", "KIND = 'gevent'\n" + _GUNICORN),
    "waitress": ("waitress", _WAITRESS),
    "uwsgi": ("uwsgidecorators", _UWSGI),
}
COLUMNS = (
    "server", "cpu ms", "further worker, MB", "p99 beside slow", "unanswered",
    "closed: line, header, body, reader", "bad chunk", "in hand, s to the end", "SIGHUP, failed",
)  # fmt: skip


@contextmanager
def running(name: str, workers: int) -> Iterator[tuple["subprocess.Popen[bytes]", Address]]:
    """The server as a process, once it answers; all of it is gone in the end."""
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    head = f"import os, sys\nport, workers = {port}, {workers}\nSOURCE = {_APP!r}\n"
    app = "" if name.startswith("uwsgi") else _APP
    # What is installed beside the project, as by `pip install --target`, is found there still.
    found = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(found)}
    process = subprocess.Popen(
        [sys.executable, "-c", head + app + CANDIDATES[name][1]],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            with suppress(OSError, HTTPException):
                servers.get(("127.0.0.1", port), "/pid")
                break
            time.sleep(0.1)
        yield process, ("127.0.0.1", port)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


# ---------------------------------------------------------------- measuring


def further_worker(name: str) -> float:
    """Megabytes that one more worker takes."""
    totals = []
    for workers in (1, 3):
        with running(name, workers) as (process, address):
            for _ in range(30):
                servers.get(address, "/")
            time.sleep(0.5)
            totals.append(sum(map(servers.pss, servers.family(process.pid))))
    return (totals[1] - totals[0]) / 2


def beside_slow(address: Address, seconds: float) -> tuple[str, str, dict[str, list[float]]]:
    """How others fare beside slow clients: their p99, unanswered requests; and who was closed."""
    quiet = times_of(address, seconds)
    crowd = slow.Slow(address, SLOW, post="/body", large="/large", patience=PATIENCE)
    crowd.start()
    crowd.connected.wait()
    time.sleep(1)
    busy = times_of(address, seconds)
    closed = crowd.wait()
    if not busy:
        return "-", "all", closed
    ratio = np.percentile(busy, 99) / np.percentile(quiet, 99)
    return f"{ratio:.1f} ×", str(sum(each >= 5 for each in busy)), closed


def times_of(address: Address, seconds: float) -> list[float]:
    """Seconds of each request of one client that opens a connection for each."""
    times, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        connection = HTTPConnection(*address, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            times.append(time.perf_counter() - began)
        except (OSError, HTTPException):
            times.append(5.0)
        finally:
            connection.close()
        time.sleep(0.005)
    return times


def bad_chunk(address: Address) -> str:
    """The status of an answer to a chunk without a size."""
    head = b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with create_connection(address, timeout=15) as client, suppress(OSError):
        client.sendall(head + b"zz\r\n12\r\n0\r\n\r\n")
        return client.recv(100).decode("latin-1")[9:12] or "closed"
    return "none"


def reload(process: "subprocess.Popen[bytes]", address: Address) -> str:
    """Whether SIGHUP brings other workers, and what failed meanwhile."""
    before = {servers.get(address, "/pid") for _ in range(20)}
    process.send_signal(signal.SIGHUP)
    after, failed, until = set(before), 0, time.monotonic() + 15
    while after & before and time.monotonic() < until and process.poll() is None:
        after = set()
        for _ in range(20):
            try:
                after.add(servers.get(address, "/pid"))
            except (OSError, HTTPException):
                failed += 1
    if process.poll() is not None:
        return "ends"
    return f"{'same' if after & before else 'other'} workers, {failed}"


def stop(process: "subprocess.Popen[bytes]", address: Address) -> str:
    """Whether a request in hand is answered after SIGTERM, and when the last process has ended."""
    answers: list[bytes] = []

    def ask() -> None:
        with suppress(OSError, HTTPException):
            answers.append(servers.get(address, "/wait"))

    asking = Thread(target=ask)
    with create_connection(address) as half:
        half.sendall(b"GET / HTTP/1.1\r\nHo")
        asking.start()
        time.sleep(0.7)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(40)
        ended = f"{time.monotonic() - began:.1f}" if process.poll() is not None else "never"
    asking.join()
    return f"{'answered' if answers == [b'done'] else 'lost'}, {ended}"


def row(name: str, seconds: float) -> list[str]:
    """The cells of a server."""
    with running(name, WORKERS) as (process, address):
        load(process.pid, address, ["/"], 1.0)
        cost: Figures = load(process.pid, address, ["/"], seconds)
        p99, unanswered, closed = beside_slow(address, seconds)
        chunk = bad_chunk(address)
        again = reload(process, address)
    with running(name, WORKERS) as (process, address):
        ended = stop(process, address)
    shut = ", ".join(str(len(closed[kind])) for kind in slow.KINDS)
    return [
        name, f"{cost['server cpu ms']:.2f}", f"{further_worker(name):.0f}", p99, unanswered,
        shut, chunk, ended, again,
    ]  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=3.0)
    options.add_argument("--only", nargs="*", choices=CANDIDATES)
    chosen = options.parse_args()
    print("|", " | ".join(COLUMNS), "|")
    print("|", " | ".join("---" for _ in COLUMNS), "|", flush=True)
    for name, (module, _) in CANDIDATES.items():
        if chosen.only and name not in chosen.only:
            continue
        if find_spec(module) is None:
            print(f"| {name} | not installed |")
            continue
        print("|", " | ".join(row(name, chosen.seconds)), "|", flush=True)


if __name__ == "__main__":
    main()
