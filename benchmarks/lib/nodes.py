"""What nodes of OpenSearch, and processes beside them, take: processor, memory, requests."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
from opensearch_cluster import Node
from opensearchpy.connection.http_urllib3 import Urllib3HttpConnection

from kb.base.errors import KBError
from kb.service import KnowledgeBase

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Watched:
    """What a tree of processes took, sampled while it ran."""

    clock: float = 0.0
    cpu: float = 0.0  # of the tree
    nodes_cpu: float = 0.0
    peak: float = 0.0  # megabytes, shared pages divided among those who map them
    peak_own: float = 0.0  # of it what is no file
    stop: Event = field(default_factory=Event)


def tree(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = task.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from tree(int(child))


def memory(processes: Iterable[int]) -> tuple[float, float]:
    """Megabytes of processes, and of them those of no file."""
    whole = own = 0.0
    for each in processes:
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue  # it has ended
        facts = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
        whole += facts["Pss"]
        own += facts["Pss_Anon"] + facts["Pss_Shmem"]
    return whole, own


def processor(nodes: Sequence[Node]) -> float:
    """Seconds of the processor that the nodes took so far."""
    spent = 0
    for node in nodes:
        if node.process is not None and node.process.poll() is None:
            stat = Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2].split()
            spent += int(stat[11]) + int(stat[12])
    return spent / TICKS


@contextmanager
def watched(pid: int, nodes: Sequence[Node]) -> Iterator[Watched]:
    """Samples a tree until the block ends."""
    found = Watched()

    def sample() -> None:
        while not found.stop.wait(0.5):
            whole, own = memory(tree(pid))
            found.peak, found.peak_own = max(found.peak, whole), max(found.peak_own, own)

    began, spent, of_nodes = time.perf_counter(), os.times(), processor(nodes)
    thread = Thread(target=sample, daemon=True)
    thread.start()
    yield found
    found.stop.set()
    thread.join()
    now = os.times()
    found.clock = time.perf_counter() - began
    found.cpu = now[2] + now[3] - spent[2] - spent[3]
    found.nodes_cpu = processor(nodes) - of_nodes


@dataclass
class Traffic:
    """Requests to the cluster and the bytes that they sent and got."""

    requests: int = 0
    sent: int = 0
    got: int = 0
    asked: list[tuple[str, bytes]] = field(default_factory=list)  # address and body, if it has one

    def __enter__(self) -> "Traffic":
        ask = self._whole = Urllib3HttpConnection.perform_request

        def counted(*given: Any, **more: Any) -> Any:
            found = ask(*given, **more)
            body = given[4] if len(given) > 4 else more.get("body")
            self.requests, self.sent = self.requests + 1, self.sent + len(body or "")
            self.got += len(found[2])
            self.asked.append((str(given[2]), body or b""))
            return found

        Urllib3HttpConnection.perform_request = counted
        return self

    def __exit__(self, *_: object) -> None:
        Urllib3HttpConnection.perform_request = self._whole


def ask(kb: KnowledgeBase, queries: Sequence[str], nodes: Sequence[Node]) -> dict[str, Any]:
    """Milliseconds of a query by the clock and of our processor; of the nodes' on average."""
    clock, cpu, wrong = [], [], []
    of_nodes = processor(nodes)
    with Traffic() as traffic:
        for query in queries:
            began, spent = time.perf_counter(), time.process_time()
            try:
                kb.answer(query, facets=False)
            except KBError as error:
                wrong.append(f"{type(error).__name__}: {error}")
            cpu.append((time.process_time() - spent) * 1000)
            clock.append((time.perf_counter() - began) * 1000)
    return {
        "queries": len(queries), "failed": len(wrong), "first failure": wrong[:1],
        "p50 ms": float(np.percentile(clock, 50)), "p99 ms": float(np.percentile(clock, 99)),
        "our cpu p50 ms": float(np.percentile(cpu, 50)),
        "our cpu p99 ms": float(np.percentile(cpu, 99)),
        "nodes' cpu ms": (processor(nodes) - of_nodes) * 1000 / len(queries),
        "requests": traffic.requests / len(queries),
        "KB sent": traffic.sent / len(queries) / 1024, "KB got": traffic.got / len(queries) / 1024,
    }  # fmt: skip
