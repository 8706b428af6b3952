"""An index of every article many times, and the searches of questions asked of it again.

What a shard of so many articles takes, without indexing that many. Ranks nothing.
"""

import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import orjson
from opensearch_cluster import Cluster

from benchmarks.lib import corpora
from benchmarks.lib.nodes import Traffic, processor
from kb.index.reader import IndexReader
from kb.opensearch import mapping
from kb.opensearch.mapping import Documents
from kb.service import KnowledgeBase

COPIES = "copies"  # the index of every article many times


class Copies:
    """The index of every article of a build many times, with a shard for each node."""

    def __init__(self, found: Cluster, reader: IndexReader) -> None:
        documents = Documents(reader)
        self._found = found
        self._numbers = documents.numbers().tolist()
        self._each = [orjson.dumps(documents.document(doc)) for doc in self._numbers]
        self._held = 0
        settings = {**mapping.settings(), "number_of_shards": len(found.nodes)}
        body = {
            "settings": settings | {"number_of_replicas": 0},
            "mappings": mapping.mappings(),
        }
        post(found.urls[0], f"/{COPIES}", orjson.dumps(body), "PUT")

    def fill(self, times: int) -> float:
        """Adds what is missing until it holds every article so many times; seconds by the clock."""
        began = time.perf_counter()
        with ThreadPoolExecutor(len(self._found.nodes)) as threads:
            list(threads.map(self._send, range(self._held, times)))
        self._held = times
        post(self._found.urls[0], f"/{COPIES}/_refresh", b"")
        return time.perf_counter() - began

    def _send(self, copy: int) -> None:
        url, size = self._found.urls[copy % len(self._found.urls)], len(self._each)
        for low in range(0, size, 250):
            lines = [
                b'{"index":{"_id":"%d"}}\n%s\n' % (copy * size + self._numbers[at], self._each[at])
                for at in range(low, min(low + 250, size))
            ]
            post(url, f"/{COPIES}/_bulk", b"".join(lines))


def post(url: str, path: str, body: bytes, method: str = "POST") -> bytes:
    """One request; raises where it is refused."""
    kind = "application/x-ndjson" if body.endswith(b"\n") else "application/json"
    asked = urllib.request.Request(url + path, body, {"Content-Type": kind}, method=method)
    with urllib.request.urlopen(asked, timeout=600) as answer:
        return bytes(answer.read())


def replayed(
    found: Cluster, asked: Sequence[tuple[str, bytes]], index: str | None = None
) -> dict[str, Any]:
    """Milliseconds of each search that questions asked, of the index itself or of another one."""
    searches = [(path, body) for path, body in asked if path.endswith("_msearch")]
    clock, took, got = [], [], 0
    spent = processor(found.nodes)
    for number, (path, body) in enumerate(searches):
        where = path if index is None else f"/{index}/_msearch"
        began = time.perf_counter()
        answer = post(found.urls[number % len(found.urls)], where, body)
        clock.append((time.perf_counter() - began) * 1000)
        got += len(answer)
        took.append(orjson.loads(answer)["took"])
    return {
        "searches": len(searches), "KB got": got / len(searches) / 1024,
        "p50 ms": float(np.percentile(clock, 50)), "p99 ms": float(np.percentile(clock, 99)),
        "took p50 ms": float(np.percentile(took, 50)),
        "nodes' cpu ms": (processor(found.nodes) - spent) * 1000 / len(searches),
    }  # fmt: skip


def measured(
    kb: KnowledgeBase, found: Cluster, times: Sequence[int], queries: int
) -> dict[str, Any]:
    """What the searches of questions take where every article stands once, and so many times."""
    drawn = corpora.Drawn()
    asked = {}
    for name in ("words", "typing"):
        (queries_of,) = drawn.lists(name, queries, 1)
        with Traffic() as traffic:
            for query in queries_of:
                kb.answer(query, facets=False)
        asked[name] = traffic.asked
    told = {"once": {name: replayed(found, each) for name, each in asked.items()}}
    copies = Copies(found, kb.catalog().reader)
    for many in times:
        spent = processor(found.nodes)
        each = {"filled s": copies.fill(many), "nodes' cpu s": processor(found.nodes) - spent}
        told[f"{many} times"] = {
            **each, **{name: replayed(found, some, COPIES) for name, some in asked.items()},
        }  # fmt: skip
        print(f"  {many} times: {told[f'{many} times']}", flush=True)
    return told
