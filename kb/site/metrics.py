"""Prometheus metrics of requests, searches and reports. They hold routes, never queries."""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.values import MutexValue, ValueClass

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
GAUGES: Mapping[str, str] = {
    "ready": "1 if there is a build to answer from",
    "degraded": "1 if the published build cannot be read, so that something else answers",
    "articles": "Articles that are served today",
    "letters_waiting": "Letters in the outbox that are still to be sent",
    "letters_stuck": "Letters in the outbox that could not be sent and need a person",
    "pull_timestamp_seconds": "When builds were last pulled with success, in seconds since 1970",
    "build_timestamp_seconds": "When the build that answers was made, in seconds since 1970",
}
_METHODS = frozenset(("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"))
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The metrics of one application, summed over its workers.

    Workers share them through the folder named in `PROMETHEUS_MULTIPROC_DIR`, which must be set and
    empty before prometheus_client is imported; without it each process has its own.
    """

    def __init__(self, gauges: Callable[[], dict[str, float]]) -> None:
        """`gauges` returns present values by the names in `GAUGES`; one may be left out.

        Raises RuntimeError if the folder was named too late and the metrics of workers would be
        lost.
        """
        if _FOLDER in os.environ and ValueClass is MutexValue:
            raise RuntimeError(f"prometheus_client was imported before {_FOLDER} was set")
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
        self._refused = Counter(
            "kb_refused",
            "Requests refused for their form, size or slowness, before any route was chosen",
            ["status"],
            registry=self._own,
        )
        self._cluster = Counter(
            "kb_cluster", "What became of questions to the cluster", ["outcome"], registry=self._own
        )
        # Looking up a labelled metric costs more than counting in it.
        self._count = lru_cache(1024)(self._requests.labels)
        self._time = lru_cache(256)(self._seconds.labels)
        self._found = lru_cache(8)(self._searches.labels)
        self._became = lru_cache(8)(self._log.labels)
        self._asked_of_cluster = lru_cache(8)(self._cluster.labels)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts one request: its route pattern, HTTP method, status and `seconds` taken.

        An unknown method counts as "other": each label value stays in memory for ever.
        """
        method = method if method in _METHODS else "other"
        self._count(route, method, str(status)).inc()
        self._time(route).observe(seconds)

    def search(self, total: int, confident: bool) -> None:
        """Counts one query as `answered`, `weak` or, with a `total` of 0, `none`."""
        self._found("answered" if confident else "weak" if total else "none").inc()

    def log(self, outcome: str, n: int) -> None:
        """Counts `n` of an outcome of the recorder (`Recorder.count`) or `limited`.

        `limited` are searches and events beyond what one network may report.
        """
        self._became(outcome).inc(n)

    def refused(self, status: int) -> None:
        """Counts a request that the server refused with `status` before it reached a route."""
        self._refused.labels(str(status)).inc()

    def cluster(self, outcome: str) -> None:
        """Counts a question to the cluster: one of `client.OUTCOMES`, or `opened`.

        `opened` is the circuit breaker, which then spares the cluster questions for a while.
        """
        self._asked_of_cluster(outcome).inc()

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus, version 0.0.4."""
        registry = self._own
        if _FOLDER in os.environ:
            registry = CollectorRegistry()
            registry.register(
                _Summed({each.name: each.documentation for each in self._own.collect()})
            )
        gauges = CollectorRegistry()
        gauges.register(_Gauges(self._gauges))
        return generate_latest(registry) + generate_latest(gauges)


class _Summed(Collector):
    """The metrics of all workers, with their descriptions, which the files do not hold."""

    def __init__(self, descriptions: Mapping[str, str]) -> None:
        self._descriptions = descriptions
        self._workers = MultiProcessCollector(None)  # type: ignore[no-untyped-call]

    def collect(self) -> Iterable[Metric]:
        for metric in self._workers.collect():  # type: ignore[no-untyped-call]
            metric.documentation = self._descriptions.get(metric.name, metric.documentation)
            yield metric


class _Gauges(Collector):
    """Present values, the same in every worker."""

    def __init__(self, gauges: Callable[[], dict[str, float]]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"kb_{name}", GAUGES[name], value=value)
