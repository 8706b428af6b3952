"""How many searches a second `kb serve` holds at 10,000 articles on this machine, and their times.

    PYTHONPATH=.:tests python tests/reliability/load.py [FOLDER] --articles 10000

Requests come at a given rate, whether or not those before are answered, and times count from the
moment a request was due: a server that falls behind shows it. The rate doubles, then the step is
halved; what is held is the highest at which the 99th percentile stays below `--most` ms and nothing
fails. Each question is asked once, so no cache helps. Clients share the processors with the server.
"""

import argparse
import queue
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

import bases
import numpy as np
from served import eventually, is_idle, serving

CLIENTS = 16


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one rate."""

    rate: int
    p50: float
    p99: float
    failed: int

    def is_held(self, most: float) -> bool:
        return self.p99 <= most and not self.failed


def at_rate(address: str, queries: list[str], rate: int, seconds: float) -> Step:
    """Asks at this rate for so long."""
    due: queue.SimpleQueue[tuple[float, str] | None] = queue.SimpleQueue()
    times: list[float] = []
    failed: list[str] = []
    url = urlsplit(address)

    def client() -> None:
        connection = HTTPConnection(str(url.hostname), url.port, timeout=60)
        while (task := due.get()) is not None:
            at, query = task
            try:
                connection.request("GET", f"/api/search?q={quote(query)}")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    failed.append(str(answer.status))
            except OSError as error:
                failed.append(repr(error))
                connection.close()
            times.append((time.perf_counter() - at) * 1000)
        connection.close()

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    began = time.perf_counter() + 0.1
    for number in range(int(rate * seconds)):
        at = began + number / rate
        time.sleep(max(0.0, at - time.perf_counter()))
        due.put((at, queries[number % len(queries)]))
    for _ in clients:
        due.put(None)
    for each in clients:
        each.join()
    p50, p99 = np.percentile(times, (50, 99)).tolist()
    return Step(rate, p50, p99, len(failed))


def highest(address: str, questions: list[str], seconds: float, most: float) -> Step | None:
    """The highest rate that is held, found by doubling and then by halving the step."""
    held: Step | None = None
    rate, step, is_doubling = 25, 0, True
    chance = random.Random(1)
    while True:
        asked = [f"{query} {chance.choice(questions)}" for query in questions]
        chance.shuffle(asked)
        told = at_rate(address, asked, rate, seconds)
        print(
            f"{told.rate:5} a second: p50 {told.p50:7.1f} ms, p99 {told.p99:7.1f} ms, "
            f"failed {told.failed}",
            flush=True,
        )
        if told.is_held(most):
            held = told
        elif is_doubling:
            is_doubling, step = False, rate // 2
        if is_doubling:
            rate *= 2
            continue
        step //= 2
        if step < 12:
            return held
        rate += step if told.is_held(most) else -step


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="Markdown articles; else made up")
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10, help="of each rate")
    parser.add_argument("--most", type=float, default=100, help="ms that p99 may take")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = (
            bases.sampled(options.folder, folder, options.articles)
            if options.folder
            else bases.made_up(folder, options.articles)
        )
        titles = [card.title for card in base.all_cards()]
        articles = base.status().articles
        base.close()
        random.Random(1).shuffle(titles)
        with serving(base.settings, folder, "--workers", "2") as site:
            eventually(lambda: is_idle(site), 600)
            at_rate(site.address, titles[:500], 25, 3)
            held = highest(site.address, titles[:4000], options.seconds, options.most)
    if held is None:
        print("measured: not even 25 searches a second are held")
        return 1
    print(
        f"measured: articles {articles}, held {held.rate} searches a second, "
        f"p50 {held.p50:.1f} ms, p99 {held.p99:.1f} ms, failed {held.failed}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
