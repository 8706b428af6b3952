"""`kb serve` that searches in a cluster, while the cluster's nodes are killed under its readers.

    PYTHONPATH=.:tests python tests/reliability/cluster.py --articles 300 --seconds 20

Three nodes, two workers, readers that ask without pause and never twice the same. Each node in turn
is killed with SIGKILL, stays away until its copies are made anew and joins again; then one stands
still (SIGSTOP) for so many seconds: no request may fail. Then all nodes are killed: the build here
has to answer, and where there is only a light one, a 503 in words. When they are back, answers have
to come from the cluster again. Exit 1 otherwise.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

import bases
import numpy as np
from opensearch_cluster import Cluster, cluster
from served import Serving, eventually, is_idle, serving
from soak import index

from kb.base.config import Settings

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it began, what it took, its status and what a failed one said."""

    at: float
    seconds: float
    status: int  # 0 where there was no answer
    said: str


@dataclass
class Readers:
    """Threads that ask until they are told to stop."""

    address: str
    count: int
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(n,)) for n in range(self.count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def since(self, began: float) -> list[Answer]:
        """The answers to what was asked from then on."""
        return [each for each in self.answers if each.at >= began]

    def _read(self, number: int) -> None:
        chance = random.Random(number)
        url = urlsplit(self.address)
        connection = HTTPConnection(str(url.hostname), url.port, timeout=60)
        while not self._stop.is_set():
            words = " ".join(chance.choices(bases.WORDS, k=chance.randint(1, 3)))
            query = quote(f"{words} {chance.randrange(10**9)}")
            began = time.time()
            try:
                connection.request("GET", f"/api/search?q={query}")
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
            except Exception as error:
                status, body = 0, repr(error).encode()
                connection.close()
            said = "" if status == 200 else body.decode("utf-8", "replace")
            self.answers.append(Answer(began, time.time() - began, status, said))
            time.sleep(0.02)
        connection.close()


def told(answers: list[Answer]) -> str:
    """How many there were, of which statuses, and what they took."""
    if not answers:
        return "no requests"
    took = [each.seconds for each in answers]
    kinds = Counter(each.status for each in answers)
    others = ", ".join(f"{count} × {status}" for status, count in kinds.items() if status != 200)
    return (
        f"{len(answers)} requests, {others or '0 failed'}, p99 {np.percentile(took, 99):.2f} s, "
        f"longest {max(took):.2f} s"
    )


def lose_each(found: Cluster, readers: Readers, seconds: float) -> list[str]:
    """Kills each node in turn and starts it again; what went wrong."""
    wrong = []
    for node in found.nodes:
        began = time.time()
        node.kill()
        found.wait("green", len(found.nodes) - 1, 180)
        apart = time.time() - began
        time.sleep(max(0.0, seconds - apart))
        joined = time.time()
        node.start()
        found.wait("green", seconds=300)
        asked = readers.since(began)
        print(
            f"measured: {node.name} killed: green on two nodes after {apart:.1f} s, on three "
            f"{time.time() - joined:.1f} s after its start; {told(asked)}"
        )
        wrong += [f"{each.status}: {each.said}" for each in asked if each.status != 200]
        if not asked:
            wrong.append("nothing was asked")
    return wrong


def halt_one(found: Cluster, readers: Readers, seconds: float) -> list[str]:
    """Has a node stand still, so that it takes questions and answers none; what went wrong."""
    process = found.nodes[0].process
    assert process is not None
    began = time.time()
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)
    found.wait("green", seconds=300)
    asked = readers.since(began)
    print(f"measured: {found.nodes[0].name} stopped for {seconds:.0f} s: {told(asked)}")
    return [f"{each.status}: {each.said}" for each in asked if each.status != 200]


def lose_all(found: Cluster, readers: Readers, site: Serving, seconds: float) -> list[str]:
    """Kills all nodes at once and starts them again; what went wrong."""
    began = time.time()
    for node in found.nodes:
        node.kill()
    time.sleep(seconds)
    asked = readers.since(began)
    print(f"measured: all nodes killed: {told(asked)}")
    wrong = [f"{each.status}: {each.said}" for each in asked if not is_in_words(each)]
    for node in found.nodes:
        node.start()
    found.wait("green", seconds=300)
    back = time.time()
    eventually(lambda: is_searched_in_cluster(found, site), 90)
    print(f"measured: answers of the cluster {time.time() - back:.1f} s after it was green again")
    last = time.time()
    time.sleep(5)
    asked = readers.since(last)
    return wrong + [f"after: {each.status}: {each.said}" for each in asked if each.status != 200]


def is_in_words(answer: Answer) -> bool:
    """Whether an answer is hits, or says in a sentence that there are none for now."""
    if answer.status == 503:
        return len(json.loads(answer.said)["error"].split()) > 3 and answer.seconds < 10
    return answer.status == 200 and answer.seconds < 10


def is_searched_in_cluster(found: Cluster, site: Serving) -> bool:
    """Whether the nodes have counted a search for what was just asked."""
    before = found.searches()
    for _ in range(4 * WORKERS):
        site.get(f"/api/search?q=vpn+{random.randrange(10**9)}")
    return found.searches() > before


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--articles", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=20, help="that a node stays away")
    parser.add_argument("--readers", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, cluster(3) as found:
        folder = Path(name)
        made = bases.made_up(folder, given.articles)
        made.close()
        os.environ |= {"KB_ENGINE": "opensearch", "KB_OPENSEARCH_URL": ",".join(found.urls)}
        wrong = run(made.settings, folder, found, given)
    for line in wrong[:10]:
        print(line)
    return 1 if wrong else 0


def run(settings: Settings, folder: Path, found: Cluster, given: argparse.Namespace) -> list[str]:
    """All of it; what went wrong."""
    indexing = index(settings)
    _, said = indexing.communicate()
    assert indexing.returncode in (0, 1), said
    with serving(settings, folder, "--workers", str(WORKERS)) as site:
        eventually(lambda: is_idle(site), 600)
        found.wait("green")
        readers = Readers(site.address, given.readers)
        try:
            eventually(lambda: is_searched_in_cluster(found, site))
            wrong = lose_each(found, readers, given.seconds)
            wrong += halt_one(found, readers, given.seconds)
            wrong += lose_all(found, readers, site, given.seconds)
        finally:
            readers.stop()
        if site.stop() != 0 or "Traceback" in site.log:
            wrong.append(site.log[-3000:])
    return wrong


if __name__ == "__main__":
    sys.exit(main())
