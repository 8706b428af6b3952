"""Counts and times of requests for Prometheus. Sees routes and outcomes, never what was asked."""

import os
from collections.abc import Callable, Iterable
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One registry per application; with several workers the figures of all of them, added up.

    Workers share figures through the folder named in `PROMETHEUS_MULTIPROC_DIR`, set and emptied
    before any of them starts; without it each process tells its own.
    """

    def __init__(self, gauges: Callable[[], dict[str, float]]) -> None:
        self._own = CollectorRegistry()
        self._gauges = gauges
        self._requests = Counter(
            "kb_requests", "Requests answered", ["route", "method", "status"], registry=self._own
        )
        self._seconds = Histogram(
            "kb_request_seconds", "Time to answer", ["route"], buckets=_BUCKETS, registry=self._own
        )
        self._searches = Counter("kb_searches", "Queries answered", ["outcome"], registry=self._own)
        self._log = Counter(
            "kb_log", "What became of reports of searches", ["outcome"], registry=self._own
        )
        # Finding a labelled figure costs more than counting in it.
        self._count = lru_cache(1024)(self._requests.labels)
        self._time = lru_cache(256)(self._seconds.labels)
        self._found = lru_cache(8)(self._searches.labels)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request under its route (never its address)."""
        self._count(route, method, str(status)).inc()
        self._time(route).observe(seconds)

    def search(self, total: int, confident: bool) -> None:
        """Count one answered query as `answered`, `weak` or `none`."""
        self._found("answered" if confident else "weak" if total else "none").inc()

    def log(self, outcome: str, n: int) -> None:
        """Count searches `written`, reports `dropped` or `forged`, tries to write that `failed`."""
        self._log.labels(outcome).inc(n)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        registry = self._own
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        state = CollectorRegistry()
        state.register(_State(self._gauges))
        return generate_latest(registry) + generate_latest(state)


class _State(Collector):
    """What is true at the moment of asking, the same in every worker."""

    def __init__(self, gauges: Callable[[], dict[str, float]]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"kb_{name}", name.replace("_", " ").capitalize(), value=value)
