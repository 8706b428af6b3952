"""A site of several machines on ports of this one: one indexes, two serve, PostgreSQL, nginx.

Each machine is a real `kb serve` with a data folder of its own; readers ask nginx.
"""

import contextlib
import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import postgres
from postbox import free_port
from served import Serving, eventually, serving
from shipped_nginx import FILES, Https, Nginx, configured
from shipped_nginx import running as nginx

from kb.base.config import Settings
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.token_models import BUILDS
from kb.service import KnowledgeBase

HELP = (FILES / "help.conf").read_text("utf-8")
PASSWORD = "correct horse battery staple"
BROWSER = {"User-Agent": "Mozilla/5.0 Firefox/130"}
WORDS = ("vpn", "пароль", "счёт", "доставка", "connect", "reset", "invoice", "письмо", "вход")


class Machine:
    """A machine that can be killed and started again at the same address."""

    def __init__(
        self, name: str, folder: Path, settings: Settings, toml: dict[str, object]
    ) -> None:
        """`toml` are the settings of its `kb.toml`."""
        self.name = name
        self.settings = settings
        self.port = free_port()
        self.folder = folder
        self._toml = toml
        self._starts = 0
        self._running = contextlib.ExitStack()
        self.logs: list[Path] = []

    def start(self) -> None:
        self._starts += 1
        here = self.folder / f"start-{self._starts}"
        here.mkdir(parents=True)
        lines = [f"{key} = {json.dumps(value)}" for key, value in self._toml.items()]
        (here / "kb.toml").write_text("\n".join(lines))
        self.logs.append(here / "stderr")
        started = serving(self.settings, here, "--port", str(self.port))
        self.site: Serving = self._running.enter_context(started)

    def kill(self) -> None:
        """Ends all its processes at once, as if its plug was pulled."""
        for pid in _tree(self.site.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._running.close()

    def close(self) -> None:
        self._running.close()

    def request(self, method: str, path: str, body: str = "", **headers: str) -> "Answer":
        return request(self.port, method, path, body, **headers)


class Answer:
    """What came back: status, headers and text."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self.headers = answer.status, answer.headers
        self.text = answer.read().decode("utf-8", "replace")

    @property
    def cookies(self) -> str:
        named = (each.partition(";")[0] for each in self.headers.get_all("Set-Cookie") or ())
        return "; ".join(named)


def request(to: int | Nginx, method: str, path: str, body: str = "", **headers: str) -> Answer:
    """An answer of a machine at a port, or by nginx, for a visitor of its own."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        named.setdefault("Content-Type", "application/x-www-form-urlencoded")
    if isinstance(to, Nginx):  # which limits each address
        connection = Https(to, f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.1")
    else:
        connection = http.client.HTTPConnection("127.0.0.1", to, timeout=40)
    try:
        connection.request(method, path, body.encode() or None, BROWSER | named)
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Cluster:
    """The machines, their database server, and nginx as it is shipped, in front of the web."""

    def __init__(
        self, indexing: Machine, web: list[Machine], server: postgres.Server, front: Nginx
    ) -> None:
        self.indexing = indexing
        self.web = web
        self.server = server
        self.front = front

    def log(self) -> SearchLog:
        return SearchLog(self.indexing.settings.log_url)

    def builds(self) -> list[str]:
        """Which build each web machine answers from."""
        return [json.loads(machine.site.get("readyz"))["build"] for machine in self.web]

    def status(self) -> tuple[int, dict[str, object]]:
        """Exit code and document of `kb status`."""
        settings = self.indexing.settings
        done = subprocess.run(
            [sys.executable, "-m", "kb", "status", "--json", "--articles",
             str(settings.articles), "--data", str(settings.data)],
            cwd=self.indexing.folder / "start-1", capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout)


@contextlib.contextmanager
def cluster(folder: Path, articles: Path) -> Iterator[Cluster]:
    """The whole site, of the articles in a folder."""
    with postgres.server() as server, contextlib.ExitStack() as running:
        url = server.new_database()
        shared = {"database_url": url, "leads_password": PASSWORD, "searches_per_minute": 60_000,
                  "searches_per_day": 60_000, "trusted_proxies": ["127.0.0.1"],
                  "trusted_hosts": ["help.example.com", "127.0.0.1"]}  # fmt: skip
        made = Settings(articles=articles, data=folder / "indexing" / "var", **shared)
        with contextlib.closing(KnowledgeBase.open(made)) as kb:
            kb.rebuild()
            token = kb.log.tokens.add("web", (BUILDS,), datetime.now(UTC), None)
        indexing = Machine("indexing", folder / "indexing", made, shared | {"machine": "indexing"})
        indexing.start()
        running.callback(indexing.close)
        pulls = {"pull_url": f"http://127.0.0.1:{indexing.port}", "pull_token": token}
        web = []
        for name in ("one", "two"):
            settings = made.model_copy(update={"data": folder / name / "var"})
            own = {"machine": name, "pull_every": 1}
            web.append(Machine(name, folder / name, settings, shared | pulls | own))
            running.callback(web[-1].close)
        with ThreadPoolExecutor(len(web)) as beside:
            list(beside.map(Machine.start, web))
        files = configured(folder / "nginx", web[0].port, HELP, "machine-several.conf", web[1].port)
        with nginx(files) as front:
            yield Cluster(indexing, web, server, front)


class Load:
    """Readers that ask nginx without pause, and count what was not answered."""

    def __init__(self, front: Nginx, readers: int = 4, pause: float = 0.02) -> None:
        self._front, self._pause = front, pause
        self._stop = threading.Event()
        self.answered = 0
        self.failed: list[str] = []
        self.slowest = 0.0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._read, args=(n,)) for n in range(readers)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._stop.is_set():
            asked = " ".join(chance.sample(WORDS, 2)) + f" {chance.randrange(10**6)}"
            path = chance.choice(("/api/search", "/search")) + "?" + urlencode({"q": asked})
            began = time.monotonic()
            try:
                status = request(self._front, "GET", path).status
                trouble = "" if status == 200 else f"{status} {path}"
            except Exception as error:
                trouble = repr(error)
            with self._lock:
                self.answered += not trouble
                self.slowest = max(self.slowest, time.monotonic() - began)
                if trouble:
                    self.failed.append(trouble)
            time.sleep(self._pause)

    def wait(self, more: int = 40) -> None:
        """Waits until so many more requests came back, as long as any do."""
        goal = self.came_back + more
        while (before := self.came_back) < goal:
            eventually(lambda: self.came_back > before, 120)

    @property
    def came_back(self) -> int:
        """The number of requests that were answered or failed."""
        return self.answered + len(self.failed)


class Lead:
    """Somebody signed in to the board of one machine."""

    def __init__(self, machine: Machine, name: str) -> None:
        self._machine = machine
        self.cookies = ""
        self.cookies = self.ask("/leads/sign-in", name=name, password=PASSWORD).cookies

    def ask(self, path: str, **fields: str) -> Answer:
        """A page, or with fields what came of sending a form."""
        origin = f"http://127.0.0.1:{self._machine.port}"
        method = "POST" if fields else "GET"
        named = {"Cookie": self.cookies, "Origin": origin}
        return self._machine.request(method, path, urlencode(fields), **named)


def report(to: int | Nginx, run: str, asked: str = "телепорт") -> int:
    """The status of the report of a search that found nothing."""
    body = {"run": run, "visit": f"visit-{run}", "surface": "box", "lang": "ru", "shown": [],
            "steps": [{"q": asked, "ms": 0}],
            "events": [{"kind": "left", "ms": 3000}]}  # fmt: skip
    return request(to, "POST", "/api/searches", json.dumps(body),
                   Content_Type="application/json").status  # fmt: skip


def open_form(front: Nginx) -> dict[str, str]:
    """The hidden fields of a contact form that is opened now."""
    page = request(front, "GET", "/contact").text
    fields = re.findall(r'<input[^>]*name="(form|stamp|visit|run)"[^>]*value="([^"]*)"', page)
    return dict(fields)


def send_letter(front: Nginx, opened: dict[str, str], text: str) -> Answer:
    """Sends a letter from a form that was opened a while ago."""
    fields = opened | {"subject": text, "text": text, "email": "anna@example.com"}
    origin = "https://help.example.com"
    return request(front, "POST", "/contact", urlencode(fields), Origin=origin)


def number(sent: Answer) -> str:
    """The number of a letter that was sent."""
    return dict(part.split("=") for part in urlsplit(sent.headers["Location"]).query.split("&"))[
        "sent"
    ]


def _tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found
