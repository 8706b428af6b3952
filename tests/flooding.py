"""A flood from one network against a real `kb serve`, and what others notice of it.

Honest visitors, each in a network of their own, search, open and ask in vain; then one network
(203.0.113.0/24, all its addresses) sends searches, reports of many searches, clicks and votes as
fast as it can, while honest visitors go on. Addresses are told by `X-Forwarded-For` of a trusted
proxy, which is this program.
"""

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from kb.base.config import Settings
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Filter
from kb.service import KnowledgeBase

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PASSWORD = "a password of leaves and rain"
FOUND = ("как сбросить", "написать статью", "добавить синоним", "резервная копия", "оценить ответ")
MISSED = tuple(
    f"{thing} {what}"
    for thing in ("квадрокоптер", "фагот", "телескоп", "аквариум")
    for what in ("напрокат", "чертёж")
)
LURE = "дешёвые окна"
PROBE = "зонтик"
PARALLEL = 4
LETTERS = "абвгдежзиклмнопрстуфхцчшэюя"


@dataclass
class Server:
    """A running `kb serve`, spoken to through keep-alive connections of each thread."""

    address: str
    settings: Settings
    _local: threading.local = field(default_factory=threading.local)
    _opened: list[HTTPConnection] = field(default_factory=list)

    def ask(
        self, method: str, path: str, visitor: str, body: Any = None, **headers: str
    ) -> tuple[int, bytes]:
        """Status and body of one request from an address."""
        headers |= {"X-Forwarded-For": visitor, "User-Agent": PERSON, "Accept-Language": "ru"}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        for patience in (0, 1):  # a connection that was kept may have been closed meanwhile
            connection = getattr(self._local, "connection", None)
            if connection is None:
                url = urlsplit(self.address)
                connection = HTTPConnection(str(url.hostname), url.port, timeout=120)
                self._local.connection = connection
                self._opened.append(connection)
            try:
                connection.request(method, path, data, headers)
                answer = connection.getresponse()
                self._local.cookie = answer.getheader("Set-Cookie") or ""
                return answer.status, answer.read()
            except OSError:
                self._local.connection = None
                if patience:
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Closes the connections of all threads."""
        for connection in self._opened:
            connection.close()

    def signed_in(self) -> str:
        """The cookie of a lead."""
        form = urlencode({"password": PASSWORD}).encode()
        kind = "application/x-www-form-urlencoded"
        status, _ = self.ask(
            "POST", "/leads/sign-in", "10.200.0.1", form,
            **{"Content-Type": kind, "Sec-Fetch-Site": "same-origin"},
        )  # fmt: skip
        assert status == 303, status
        return str(self._local.cookie).partition(";")[0]


@contextmanager
def served(settings: Settings) -> Iterator[Server]:
    """`kb serve` over these settings, on a free port."""
    command = [sys.executable, "-m", "kb", "serve", "--port", "0", "--workers", "2"]
    command += ["--articles", str(settings.articles), "--data", str(settings.data)]
    environment = os.environ | {
        "KB_TRUSTED_PROXIES": "127.0.0.1",
        "KB_LEADS_PASSWORD": PASSWORD,
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
    }
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://[^\s/]+", line)
        assert found, line
        server = Server(found[0], settings)
        try:
            yield server
        finally:
            server.close()
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout:
            process.stdout.close()


def site(folder: Path) -> Settings:
    """The shipped articles, indexed, with an empty log."""
    shutil.copytree(Path(__file__).resolve().parent.parent / "articles", folder / "articles")
    settings = Settings(articles=folder / "articles", data=folder / "var")
    kb = KnowledgeBase.open(settings)
    kb.rebuild()
    kb.close()
    return settings


# --- honest visitors ----------------------------------------------------------------------------


def honest(server: Server) -> None:
    """What was found and opened by six to ten networks, and asked in vain by three to ten.

    Returns when all of it is on the disk.
    """
    number = 0

    def visitor() -> tuple[str, str]:
        nonlocal number
        number += 1
        return f"10.{number >> 8}.{number & 255}.7", f"honest-{number:05}"

    for at, query in enumerate(FOUND):
        slug = first_hit(server, query)
        for _ in range(6 + at):
            address, visit = visitor()
            report(server, address, visit, query, {"kind": "click", "slug": slug, "rank": 1})
    for at, query in enumerate(MISSED):
        for _ in range(10 - at):
            address, visit = visitor()
            report(server, address, visit, query, {"kind": "left"})
    log = SearchLog(server.settings.log_url)
    ends = time.monotonic() + 120
    while log.health().searches < number:
        assert time.monotonic() < ends, f"{log.health().searches} of {number} searches are written"
        time.sleep(0.1)
    log.close()


def first_hit(server: Server, query: str) -> str:
    _, body = server.ask("GET", "/api/search?own=ru&q=" + quote(query), "10.100.0.1")
    return str(json.loads(body)["results"][0]["slug"])


def report(server: Server, address: str, visit: str, query: str, event: dict[str, Any]) -> None:
    body = {
        "run": f"run-{visit}", "visit": visit, "lang": "ru", "steps": [{"q": query, "ms": 0}],
        "events": [event | {"ms": 3000}],
    }  # fmt: skip
    status, _ = server.ask("POST", "/api/searches", address, body)
    assert status == 204, status


class Probes:
    """Honest reports while the flood goes on: how long each takes to reach the disk."""

    def __init__(self, server: Server, pause: float) -> None:
        self.delays: list[float] = []
        self._server = server
        self._pause = pause
        self._sent: dict[str, float] = {}
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._send, self._watch)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Sends no more, and waits until all that were sent are on the disk."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        number = 0
        while not self._stopping.is_set() or number == 0:
            number += 1
            visit = f"probe-{number:05}"
            address = f"10.{150 + (number >> 8)}.{number & 255}.7"
            report(self._server, address, visit, PROBE, {"kind": "left"})
            self._sent[f"run-{visit}"] = time.monotonic()
            self._stopping.wait(self._pause)

    def _watch(self) -> None:
        file = self._server.settings.data / "log.sqlite3"
        # Not `mode=ro`: such a connection fails where it meets the journal of a writer just begun.
        log = sqlite3.connect(file, timeout=30)
        ends = None
        while ends is None or (self._sent and time.monotonic() < ends):
            if self._stopping.is_set() and ends is None:
                self._threads[0].join()
                ends = time.monotonic() + 120
            for run, at in list(self._sent.items()):
                if log.execute("select 1 from runs where id = ?", (run,)).fetchone():
                    self.delays.append(time.monotonic() - at)
                    del self._sent[run]
            time.sleep(0.05)
        log.close()
        self.delays += [float("inf")] * len(self._sent)


# --- the flood ----------------------------------------------------------------------------------


def flood(server: Server, each: int, lured: str) -> Counter[str]:
    """`each` searches by pages, as many in reports of fifty, clicks and votes; statuses by kind.

    Half ask ever new words, half `LURE`; clicks and votes praise the article `lured`.
    """
    said: Counter[str] = Counter()
    lock = threading.Lock()
    tasks = [
        *((_page, n) for n in range(each)),
        *((_bundle, n) for n in range(each // 50)),
        *((_click, n) for n in range(each)),
        *((_vote, n) for n in range(each)),
    ]
    random.Random(7).shuffle(tasks)

    def work(task: tuple[Callable[[Server, int, str], int], int]) -> None:
        send, number = task
        status = send(server, number, lured)
        with lock:
            said[f"{send.__name__[1:]} {status}"] += 1

    with ThreadPoolExecutor(PARALLEL) as pool:
        for _ in pool.map(work, tasks):
            pass
    return said


def _address(number: int) -> str:
    return f"203.0.113.{number % 254 + 1}"


def _words(number: int) -> str:
    chosen = random.Random(number).choices(LETTERS, k=14)
    return f"{''.join(chosen[:7])} {''.join(chosen[7:])}"


def _query(number: int) -> str:
    return LURE if number % 2 else _words(number)


def _page(server: Server, number: int, lured: str) -> int:
    query = urlencode({"q": _query(number), "visit": f"invented-{number}"})
    return server.ask("GET", f"/ru/search?{query}", _address(number))[0]


def _bundle(server: Server, number: int, lured: str) -> int:
    steps = [{"q": _words(10**6 + number * 50 + n), "ms": n * 20_000} for n in range(50)]
    body = {"run": f"bundle-{number}", "visit": f"bundle-{number}", "lang": "ru", "steps": steps,
            "events": [{"kind": "left", "ms": 1_100_000}]}  # fmt: skip
    return server.ask("POST", "/api/searches", _address(number), body)[0]


def _click(server: Server, number: int, lured: str) -> int:
    if number % 2:
        path = f"/articles/{quote(lured)}?run=invented-{number}&visit=invented-{number}&rank=1"
        return server.ask("GET", path, _address(number))[0]
    body = {"run": f"lure-{number}", "visit": f"lure-{number}", "lang": "ru",
            "steps": [{"q": LURE, "ms": 0}],
            "events": [{"kind": "click", "slug": lured, "rank": 1, "ms": 900}]}  # fmt: skip
    return server.ask("POST", "/api/searches", _address(number), body)[0]


def _vote(server: Server, number: int, lured: str) -> int:
    slug = lured if number % 2 else f"no/such/{number}"
    body = {"slug": slug, "helpful": True, "run": f"vote-{number}"}
    return server.ask("POST", "/api/feedback", _address(number), body)[0]


# --- what is to be seen -------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What others see, and leads."""

    completions: tuple[tuple[str, ...], ...]
    popular: tuple[str, ...]
    ranks: dict[str, int]  # places of honest questions on the board
    groups: int
    searches: int

    @property
    def order(self) -> list[str]:
        """The honest questions as the board orders them."""
        return sorted(self.ranks, key=self.ranks.__getitem__)


def seen(settings: Settings) -> Seen:
    """What the log shows, read by a process that has only what is on the disk."""
    kb = KnowledgeBase.open(settings)
    kb.home("ru")  # now the log is read in the background
    kb._popular.wait(60)
    prefixes = [LURE[:3], *(query[:4] for query in FOUND)]
    completions = tuple(kb.suggest(prefix, "ru") for prefix in prefixes)
    popular = tuple(card.slug for card in kb.home("ru").popular)
    kb.close()
    log = SearchLog(settings.log_url)
    board = list(log.board.listed(Filter(status="all"), limit=100_000))
    ranks = {g.question: n for n, g in enumerate(board, 1) if g.question in MISSED}
    searches = log.health().searches
    log.close()
    return Seen(completions, popular, ranks, len(board), searches)


def timed(call: Callable[[], object]) -> float:
    """Seconds a call takes."""
    began = time.monotonic()
    call()
    return time.monotonic() - began
