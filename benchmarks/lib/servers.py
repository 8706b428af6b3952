"""Servers on loopback for benchmarks: ours, and other Flask applications. Measures nothing."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from threading import Thread

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode
ROOT = Path(__file__).resolve().parents[2]
Running = tuple["subprocess.Popen[str]", tuple[str, int]]  # a process, host and port

START = 120.0  # seconds until a server must listen

# The processes of `kb serve`, around another application.
_SERVER = """
import sys
from functools import partial
from pathlib import Path
from kb.base import gc_tuning
from kb.base.config import Settings
from kb.server import gateway, serving, supervisor

data, articles, caches, app = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
# One search of the client is recorded in a minute: what recording costs, `log.py` measures.
settings = Settings(
    articles=articles, data=data, port=0, workers=int(sys.argv[5]), searches_per_minute=1
)

def serve(app, service):
    if service is not None:
        service.after_fork()
    gateway.Gateway(app, listener).run()

def prepare():
    if app == "empty":
        from flask import Flask
        empty, service = Flask("empty"), None
        empty.add_url_rule("/", "empty", lambda: "")
        made = empty
    elif app != "ours":
        from benchmarks.lib import peer_app
        made, service = peer_app.application(app, data), None
    else:
        from kb.service import KnowledgeBase
        from kb.web import create_app
        service = KnowledgeBase.open(settings, **({} if caches else {"cached_answers": 0}))
        made = create_app(service, **({} if caches else {"cache_slots": 0}))
        service.before_fork()
    gc_tuning.freeze_to_answer()
    gc_tuning.trim()
    return partial(serve, made, service)

listener = serving.bind(settings.host, 0)
listener.listen(gateway.BACKLOG)
ready = partial(print, serving.address_of(listener), flush=True)
supervisor.Supervisor(settings.workers, prepare, ready=ready).run()
"""


@contextmanager
def kb(data: Path, articles: Path, *, workers: int = 2, watch: bool = False) -> Iterator[Running]:
    """`kb serve` itself; yields its process, host and port."""
    command = ["-m", "kb", "serve", "--articles", str(articles), "--data", str(data)]
    command += ["--watch"] if watch else []
    with _running([*command, "--port", "0", "--workers", str(workers)]) as running:
        yield running


@contextmanager
def bench(
    app: str, data: Path, articles: Path, *, caches: bool = True, workers: int = 2
) -> Iterator[Running]:
    """The same server around `ours`, which keeps answers or none, or around `empty` Flask.

    Any other name is that of a peer, whose index lies in the folder `data` (`lib/peer_app.py`).
    """
    command = ["-c", _SERVER, str(data), str(articles), "yes" if caches else "", app, str(workers)]
    with TemporaryDirectory(prefix="kb-metrics-") as metrics, _running(command, metrics) as running:
        yield running


@contextmanager
def _running(command: Sequence[str], metrics: str = "") -> Iterator[Running]:
    """A Python process, once it has said where it listens; stopped at the end."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    if metrics:
        environment["PROMETHEUS_MULTIPROC_DIR"] = metrics
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process, _address(process)
    finally:
        process.terminate()
        process.wait()


def _address(process: "subprocess.Popen[str]") -> tuple[str, int]:
    lines: Queue[str] = Queue()
    out = process.stdout
    assert out is not None
    Thread(target=lambda: [lines.put(line) for line in out], daemon=True).start()
    until = time.monotonic() + START
    while time.monotonic() < until and process.poll() is None:
        try:
            line = lines.get(timeout=0.2)
        except Empty:
            continue
        if "http://" in line:
            host, _, port = line.partition("http://")[2].partition("/")[0].rpartition(":")
            return host, int(port)
    raise SystemExit("the server did not say where it listens")


def get(address: tuple[str, int], path: str) -> bytes:
    """One request on a connection of its own."""
    connection = HTTPConnection(*address, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def children(pid: int) -> list[int]:
    """The worker processes of a server."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def family(pid: int) -> list[int]:
    """A process and all that came of it."""
    return [pid, *(each for child in children(pid) for each in family(child))]


def settled(pid: int) -> None:
    """Waits until `kb serve` has indexed what changed before it started."""
    while any(b"index" in Path(f"/proc/{each}/cmdline").read_bytes() for each in children(pid)):
        time.sleep(0.1)


def pss(pid: int) -> float:
    """Megabytes of a process, pages shared with others divided among them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
