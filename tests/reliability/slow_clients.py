"""200 clients that send or read a byte a second, beside readers who type: who is kept waiting.

    PYTHONPATH=.:tests python tests/reliability/slow_clients.py [--rounds 5] [--clients 200]

A fourth each is slow in the request line, in a header, in a body and in reading an answer. Readers
ask for eight seconds without them, then for eight seconds beside them, and so on in turn; the
ratio is that of the two within a round. Prints how long answers took and when clients were closed.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

from served import Serving, serving

from benchmarks.lib.slow import KINDS, Slow
from benchmarks.lib.slow import told as slow_told
from kb.base.config import Settings

WORDS = ("пароль", "почта", "ошибка", "вход", "счёт", "оплата", "password", "mail", "invoice")


@dataclass
class Reader(threading.Thread):
    """Asks distinct questions, as somebody who types; keeps how long each answer took."""

    address: tuple[str, int]
    seconds: float
    number: int
    times: list[float] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    __hash__ = object.__hash__

    def run(self) -> None:
        chance = random.Random(self.number)
        connection = HTTPConnection(*self.address, timeout=30)
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            query = f"{chance.choice(WORDS)} {chance.choice(WORDS)} {chance.randrange(10**6)}"
            began = time.perf_counter()
            try:
                connection.request("GET", f"/api/search?q={quote(query)}")
                answer = connection.getresponse()
                answer.read()
                self.refused += answer.status != 200
            except OSError:
                self.refused += 1
                connection.close()
            self.times.append(time.perf_counter() - began)
            time.sleep(0.02)


def told(readers: list[Reader]) -> tuple[float, float, int, int]:
    """Median and 99th percentile in ms, answers, refused."""
    times = sorted(each for reader in readers for each in reader.times)
    p99 = times[int(len(times) * 0.99)]
    refused = sum(reader.refused for reader in readers)
    return statistics.median(times) * 1000, p99 * 1000, len(times), refused


def read_for(address: tuple[str, int], seconds: float) -> list[Reader]:
    readers = [Reader(address, seconds, number) for number in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return readers


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--clients", type=int, default=200)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        articles = root / "articles"
        articles.mkdir()
        for number in range(200):
            words = " ".join(random.Random(number).choices(WORDS, k=60))
            (articles / f"a{number}.md").write_text(
                f"# {words[:40]} {number}\n\n{words}\n", "utf-8"
            )
        (articles / "large.png").write_bytes(os.urandom(16 * 2**20))
        (articles / "b.md").write_text("# Picture\n\n![large](large.png)\n", "utf-8")
        settings = Settings(articles=articles, data=root / "var")
        with serving(settings, root, "--workers", "2") as site:
            ratio = soak(site, chosen.rounds, chosen.clients)
            assert site.stop() == 0
            assert "Traceback" not in site.log, site.log
    print(f"measured: p99 beside {chosen.clients} slow clients {ratio:.2f} times that without")
    return 1 if ratio > 2 else 0


def soak(site: Serving, rounds: int, clients: int) -> float:
    host, port = site.address.removeprefix("http://").strip("/").split(":")
    address = (host, int(port))
    read_for(address, 3)
    ratios, closed = [], {kind: list[float]() for kind in KINDS}
    for number in range(1, rounds + 1):
        quiet = told(read_for(address, 8))
        slow = Slow(address, clients, post="/api/searches", large="/media/large.png")
        slow.start()
        slow.connected.wait()
        time.sleep(1)  # they have been sent what the buffers of the kernel hold
        busy = told(read_for(address, 8))
        for kind, times in slow.wait().items():
            closed[kind] += times
        ratios.append(busy[1] / quiet[1])
        for name, (p50, p99, asked, refused) in (("without", quiet), ("beside", busy)):
            print(
                f"round {number} {name:8} p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  "
                f"{asked} asked, {refused} refused",
                flush=True,
            )
    print(*slow_told(closed, rounds * clients // len(KINDS)), sep="\n")
    return statistics.median(ratios)


if __name__ == "__main__":
    sys.exit(main())
