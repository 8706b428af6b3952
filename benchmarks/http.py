"""How many requests a second `kb serve` answers, beside an empty Flask route. Judges no answer.

`python benchmarks/http.py [--size 10000] [--seconds 6] [--out]`

Client processes of their own keep their connections open and ask one request after another, on
loopback; both have the same server and two workers, and take turns. Clients and
servers share the processors, so the figures are ratios: a request's share of the empty route's.
"""

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from urllib.parse import quote

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # this very file must not stand in for the library's `http`

from http.client import HTTPConnection

import numpy as np

from benchmarks.lib import corpora, servers
from benchmarks.speed import Ours

CLIENTS = 2  # processes
ZIPF = 1.1  # of the mix in which some questions are asked often
WORKERS = 2
_BROWSER = {"Accept-Encoding": "gzip"}  # as every browser asks

Address = tuple[str, int]
Figures = dict[str, float]


# ---------------------------------------------------------------- load


def client(address: Address, paths: Sequence[str], seconds: float, out: "Queue[object]") -> None:
    """Asks for the paths in turn until the time is over; reports milliseconds and failures."""
    connection = HTTPConnection(*address, timeout=30)
    times, failed, asked = [], 0, cycle(paths)
    connection.request("GET", "/robots.txt")
    connection.getresponse().read()
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        connection.request("GET", next(asked), headers=_BROWSER)
        answer = connection.getresponse()
        answer.read()
        failed += answer.status != 200
        times.append((time.perf_counter() - began) * 1000)
    out.put((times, failed))


def cpu_of(pids: Sequence[int]) -> float:
    """Processor seconds these processes have spent."""
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def load(server: int, address: Address, paths: Sequence[str], seconds: float) -> Figures:
    """The figures of all clients together; each begins at another place of the list."""
    context = get_context("fork")
    out: Queue[object] = context.Queue()
    workers = servers.children(server)
    spent, step = cpu_of(workers), max(1, len(paths) // CLIENTS)
    processes = [
        context.Process(
            target=client,
            args=(address, [*paths[i * step :], *paths[: i * step]], seconds, out),
        )
        for i in range(CLIENTS)
    ]
    for process in processes:
        process.start()
    told = [out.get(timeout=seconds + 60) for _ in processes]
    for process in processes:
        process.join()
    times = [each for found, _ in told for each in found]  # type: ignore[misc]
    failed = sum(count for _, count in told)  # type: ignore[misc]
    p50, p95, p99 = np.percentile(times, (50, 95, 99)).tolist()
    return {
        "requests/s": len(times) / seconds,
        "p50 ms": p50,
        "p95 ms": p95,
        "p99 ms": p99,
        "server cpu ms": (cpu_of(workers) - spent) / len(times) * 1000,
        "failed": failed,
    }


# ---------------------------------------------------------------- what is asked


def api(query: str) -> str:
    return f"/api/search?q={quote(query)}"


def mix(queries: Sequence[str], count: int) -> list[str]:
    """Questions as readers ask them: the nth most frequent one in proportion to n to the −1.1."""
    chance = random.Random(corpora.SEED)
    weights = [1 / (rank + 1) ** ZIPF for rank in range(len(queries))]
    return [api(query) for query in chance.choices(queries, weights, k=count)]


def articles(size: int) -> list[str]:
    """Addresses of articles of the published build, in random order."""
    ours = Ours(size)
    ours.open()
    slugs = [slug for slug, _, _ in ours.docs()]
    random.Random(corpora.SEED).shuffle(slugs)
    return [f"/articles/{quote(slug)}" for slug in slugs[:2000]]


def loads(size: int) -> dict[str, tuple[bool, list[str]]]:
    """Each load: whether the service keeps answers, and the addresses asked for."""
    queries = corpora.questions("http")
    typed = [
        key for query in corpora.questions("typed")[:200] for key in corpora.keystrokes([query])
    ]
    random.Random(corpora.SEED).shuffle(typed)
    return {
        "api, distinct questions, no cache": (False, [api(query) for query in queries]),
        "api, distinct keystrokes, no cache": (False, [api(query) for query in typed]),
        "api, mix, with its cache": (True, mix(queries, 20_000)),
        "result page": (False, [f"/search?q={quote(query)}" for query in queries[:3000]]),
        "article": (True, articles(size)),
    }


# ---------------------------------------------------------------- measuring


def throughput(size: int, seconds: float, repeat: int) -> dict[str, object]:
    """Every load and the empty route in turn, several times; medians of the ratios."""
    folder, data = corpora.folder(size), corpora.CACHE / f"ours-{size}"
    told: dict[str, object] = {}
    print(f"\n{size:,} articles, {WORKERS} workers, {CLIENTS} client processes, {seconds:g} s each")
    print(f"{'':36}{'req/s':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'cpu ms':>8}   of empty: req/s   cpu")
    with servers.bench("empty", data, folder, workers=WORKERS) as (empty, nothing):
        load(empty.pid, nothing, ["/"], 1.0)
        for name, (caches, paths) in loads(size).items():
            runs: list[tuple[Figures, Figures]] = []
            with servers.bench("ours", data, folder, caches=caches, workers=WORKERS) as (
                process,
                address,
            ):
                # Warms up with other questions; where answers are kept, with as many of the mix
                # as a service that has run for some minutes was asked.
                warm = min(4000, len(paths) // 4) if caches else 500
                load(process.pid, address, paths[-warm:], 10.0 if caches else 2.0)
                paths = paths[:-warm]
                for _ in range(repeat):
                    base = load(empty.pid, nothing, ["/"], seconds)
                    runs.append((load(process.pid, address, paths, seconds), base))
                    paths = paths[len(paths) // (repeat + 1) :] if not caches else paths
            told[name] = report(name, runs)
    return told


def report(name: str, runs: Sequence[tuple[Figures, Figures]]) -> dict[str, object]:
    """Prints one load and the empty route beside it."""

    def median(choose: Callable[[Figures, Figures], float]) -> float:
        return statistics.median(choose(ours, empty) for ours, empty in runs)

    figures = {key: statistics.median(ours[key] for ours, _ in runs) for key in runs[0][0]}
    empty = {key: statistics.median(each[key] for _, each in runs) for key in runs[0][1]}
    share = median(lambda ours, empty: ours["requests/s"] / empty["requests/s"])
    cost = median(lambda ours, empty: ours["server cpu ms"] / empty["server cpu ms"])
    for label, f in ((name, figures), ("  empty route", empty)):
        shown = f"{share:18.2f}{cost:6.1f}" if label == name else ""
        print(
            f"{label:36}{f['requests/s']:8.0f}{f['p50 ms']:8.2f}{f['p95 ms']:8.2f}"
            f"{f['p99 ms']:8.2f}{f['server cpu ms']:8.2f}{shown}"
        )
    if figures["failed"]:
        print(f"  {figures['failed']:.0f} requests failed")
    return {"ours": figures, "empty": empty, "requests/s of empty": share, "cpu of empty": cost}


def memory(size: int) -> dict[str, float]:
    """PSS of all processes with one to four workers, after each has answered; MB a further one."""
    folder, data = corpora.folder(size), corpora.CACHE / f"ours-{size}"
    paths = [api(query) for query in corpora.questions("http")[:600]]
    totals = {}
    for workers in (1, 2, 4):
        with servers.bench("ours", data, folder, workers=workers) as (process, address):
            for _ in range(workers):
                load(process.pid, address, paths, 3.0)
            pids = [process.pid, *servers.children(process.pid)]
            totals[workers] = sum(map(servers.pss, pids))
    each = (totals[4] - totals[1]) / 3
    print(
        f"\nPSS of the service: {totals[1]:.0f} MB with one worker, {totals[2]:.0f} with two, "
        f"{totals[4]:.0f} with four; {each:.1f} MB a further worker"
    )
    return {"one": totals[1], "two": totals[2], "four": totals[4], "a further one": each}


def cold(size: int, repeat: int) -> dict[str, float]:
    """Seconds from the start of the command to the first answer, `kb serve` and empty Flask."""
    folder, data = corpora.folder(size), corpora.CACHE / f"ours-{size}"
    ours, empty = [], []
    for _ in range(repeat):
        began = time.perf_counter()
        with servers.kb(data, folder, workers=WORKERS) as (process, address):
            assert b'"results"' in servers.get(address, api("пароль"))
            ours.append((time.perf_counter() - began, cpu_of([process.pid])))
        began = time.perf_counter()
        with servers.bench("empty", data, folder, workers=WORKERS) as (process, address):
            servers.get(address, "/")
            empty.append((time.perf_counter() - began, cpu_of([process.pid])))
    clock, cpu = (statistics.median(each[i] for each in ours) for i in (0, 1))
    bare, bare_cpu = (statistics.median(each[i] for each in empty) for i in (0, 1))
    print(
        f"start to first answer, by the clock (processor time before workers are forked): "
        f"kb serve {clock:.2f} s ({cpu:.2f}), empty Flask under the same server {bare:.2f} s "
        f"({bare_cpu:.2f}); 1.5 × that + 0.5 s is {1.5 * bare + 0.5:.2f} s"
    )
    return {"kb serve s": clock, "empty Flask s": bare, "cpu s": cpu, "empty cpu s": bare_cpu}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=10_000)
    options.add_argument("--seconds", type=float, default=6.0)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--keep", action="store_true", help="the build as it is, whatever made it")
    options.add_argument("--out", action="store_true", help="write JSON into docs")
    given = options.parse_args()
    Ours(given.size).built(given.keep)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    told = {
        "throughput": throughput(given.size, given.seconds, given.repeat),
        "pss MB": memory(given.size),
        "start": cold(given.size, given.repeat),
    }
    if given.out:
        target = ROOT / "docs" / "charts" / "http.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
