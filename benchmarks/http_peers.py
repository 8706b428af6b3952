"""What a question and a keystroke cost over HTTP, ours beside its peers. Judges no answer.

`python benchmarks/http_peers.py [--size 10000] [--seconds 4] [--repeat 3] [--only NAMES] [--out]`

SQLite FTS5, Whoosh and tantivy each behind a Flask route and our server, datasette under its own,
and nginx with a cache of answers in front of the first of them; all hold the same articles and
answer with ten hits: titles, addresses, snippets. Two loads: distinct questions, for which nobody
has kept an answer, and what readers' boxes hold letter by letter, some questions asked often, with
the caches each ships. The servers take turns in an order drawn anew for each repetition:

- requests a second per core: requests by the processor seconds of all processes of the server while
  eight connections ask without a pause (the client's own processor time does not count);
- p50 and p99 while half as many requests a second are due as were answered then.

tantivy and datasette are no dependencies of the project, nor is nginx; what is missing is left out:
`pip install --no-deps tantivy`, `pip install datasette uvloop httptools` into an environment of its
own whose `bin` is in PATH, `apt-get install nginx-light`.
"""

import argparse
import json
import os
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from urllib.parse import quote

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # `http.py` beside this file must not stand in for the library's `http`

import numpy as np

from benchmarks import peers
from benchmarks.http import WORKERS, cpu_of
from benchmarks.lib import (
    corpora,
    http_loads,
    http_tables,
    offered_load,
    peer_app,
    peer_servers,
    servers,
)
from benchmarks.lib.offered_load import Address, Answers
from benchmarks.speed import CHARTS, Ours, machine, made

DISTINCT, TYPED = http_tables.LOADS
CLIENTS = {"whoosh": 2}  # of others AT_ONCE: a keystroke takes it seconds
WARM = 10_000  # requests before the first turn, of servers with a cache
PATIENCE = 600.0  # seconds for them
SHARE = 0.5  # of what a server answers without a pause, offered for the latencies

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: its processes, and how it is asked."""

    name: str
    pids: Sequence[int]  # with those that came of them
    address: Address
    path: Callable[[str, bool], str]  # of a query, which may end with a beginning of a word

    @property
    def cpu(self) -> float:
        """Processor seconds that its processes have spent."""
        return cpu_of([each for pid in self.pids for each in servers.family(pid)])

    def asked(
        self,
        load: str,
        number: int,
        seconds: float,
        rate: float | None = None,
        most: int | None = None,
    ) -> Answers:
        """What comes of a turn, of so many requests at most; its number decides what is asked."""
        paths = islice(requests(load, number, self), most)
        at_once = CLIENTS.get(self.name, offered_load.AT_ONCE)
        return offered_load.asked(self.address, paths, seconds, rate, at_once)


# ---------------------------------------------------------------- what is asked


@cache
def questions() -> Sequence[str]:
    """All questions, the most frequent one first."""
    return corpora.questions("http")


def requests(load: str, number: int, server: Server) -> Iterator[str]:
    """Addresses for a turn of one server, the same questions for all."""
    if load == TYPED:
        for held in http_loads.typed(questions(), number):
            yield server.path(held, True)
    for query in http_loads.distinct(questions(), number):
        # The number of the turn keeps nginx from answering what an earlier turn asked.
        yield f"{server.path(query, False)}&turn={number}"


def ours_path(query: str, is_typed: bool) -> str:
    """Our address: it tells nobody whether the reader still types."""
    return f"/api/search?limit=10&q={quote(query)}"


def peer_path(query: str, is_typed: bool) -> str:
    return f"/search?q={quote(query)}" + "&typed=1" * is_typed


def datasette_path(query: str, is_typed: bool) -> str:
    name = "typed" if is_typed else "search"
    return f"/fts5/{name}.json?_shape=array&q={quote(query)}"


# ---------------------------------------------------------------- servers


def started(stack: ExitStack, size: int, only: Sequence[str]) -> dict[str, list[Server]]:
    """The servers that answer each load; they run until the stack is closed."""
    folder, data = corpora.folder(size), corpora.CACHE / f"ours-{size}"

    def ours(name: str, caches: bool) -> Server:
        process, address = stack.enter_context(
            servers.bench("ours", data, folder, caches=caches, workers=WORKERS)
        )
        return Server(name, [process.pid], address, ours_path)

    def nginx(of: Server) -> Server:
        process, address = stack.enter_context(peer_servers.nginx(of.address))
        return Server(f"{of.name} behind nginx", [process.pid, *of.pids], address, of.path)

    others: list[Server] = []
    for name in (name for name in ("tantivy", "fts5", "whoosh") if name in only):
        process, address = stack.enter_context(
            servers.bench(name, place(name, size), folder, workers=WORKERS)
        )
        others.append(Server(name, [process.pid], address, peer_path))
    if "datasette" in only:
        process, address = stack.enter_context(
            peer_servers.datasette(place("fts5", size) / "fts5.db", WORKERS)
        )
        others.append(Server("datasette", [process.pid], address, datasette_path))
    bare, shipped = ours("ours", False), ours("ours", True)
    cached = []
    if "nginx" in only:
        others += [nginx(each) for each in others[:1]]
        cached = [nginx(shipped)]
    return {DISTINCT: [bare, *others], TYPED: [shipped, *others, *cached]}


def place(name: str, size: int) -> Path:
    """Where a peer's index with the stemmers of both languages lies."""
    return corpora.CACHE / f"stemmed-{name}-{size}"


def available() -> list[str]:
    """The peers that are installed; says how to get the others."""
    engines = ["tantivy", "fts5", "whoosh"]
    absent = [*peers.missing(engines)]
    found = [name for name in engines if name not in absent]
    for program in ("datasette", "nginx"):
        if peer_servers.found(program):
            found.append(program)
        else:
            print(f"{program} is left out: it is not in PATH", file=sys.stderr)
    return found


def prepared(size: int, keep: bool, names: Sequence[str]) -> None:
    """Builds of ours and of every peer, made where there are none."""
    ours = Ours(size)
    ours.built(keep)
    ours.open()
    docs = ours.docs()
    for name in ("tantivy", "fts5", "whoosh"):
        if name in names or (name == "fts5" and "datasette" in names):
            made(peer_app.engine(name, place(name, size)), docs)


# ---------------------------------------------------------------- measuring


def turn(load: str, number: int, server: Server, seconds: float) -> Figures:
    """One server without a pause, then at half of that rate."""
    spent = server.cpu
    full = server.asked(load, 2 * number, seconds)
    cpu, capacity = (server.cpu - spent) / len(full.ms), len(full.ms) / full.seconds
    half = server.asked(load, 2 * number + 1, seconds, SHARE * capacity)
    p50, p99 = np.percentile(half.ms, (50, 99)).tolist()
    return {
        "requests/s": capacity,
        "cpu ms": cpu * 1000,
        "requests/s per core": 1 / cpu,
        "bytes": full.bytes / len(full.ms),
        "offered/s": SHARE * capacity,
        "answers": len(half.ms),
        "p50 ms": p50,
        "p99 ms": p99,
        "failed": full.failed + half.failed,
    }


def compared(
    load: str, found: Sequence[Server], seconds: float, repeat: int
) -> dict[str, dict[str, object]]:
    """Every server in turn, several times: medians, and ours divided by each in one repetition."""
    chance = random.Random(corpora.SEED)
    for server in found:
        has_cache = load == TYPED and (server is found[0] or "nginx" in server.name)
        said = server.asked(load, 0, PATIENCE, most=WARM if has_cache else WARM // 100)
        if said.failed:
            raise SystemExit(f"{server.name}: {said.failed} of {len(said.ms)} requests failed")
    runs: dict[str, list[Figures]] = {server.name: [] for server in found}
    for number in range(1, repeat + 1):
        for server in chance.sample(found, len(found)):
            runs[server.name].append(turn(load, number, server, seconds))
    told: dict[str, dict[str, object]] = {}
    for name, figures in runs.items():
        ratios = [
            ours["requests/s per core"] / each["requests/s per core"]
            for ours, each in zip(runs[found[0].name], figures, strict=True)
        ]
        median = {key: statistics.median(each[key] for each in figures) for key in figures[0]}
        median["failed"] = sum(each["failed"] for each in figures)
        told[name] = {**median, "ours / it": statistics.median(ratios), "each": ratios}
    return told


def measured(size: int, seconds: float, repeat: int, only: Sequence[str]) -> dict[str, object]:
    """Both loads."""
    told: dict[str, object] = {"machine": machine(), "articles": size}
    with ExitStack() as stack:
        for load, found in started(stack, size, only).items():
            told[load] = compared(load, found, seconds, repeat)
            print("", load, *http_tables.rows(told[load]), sep="\n", flush=True)
    return told


def write_out(told: Mapping[str, object]) -> None:
    """The JSON of the documentation."""
    text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    (CHARTS / "http_peers.json").write_text(text, "utf-8")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=10_000)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--only", nargs="*", help="of tantivy, fts5, whoosh, datasette, nginx")
    options.add_argument("--keep", action="store_true", help="the build as it is, whatever made it")
    options.add_argument("--out", action="store_true", help="write JSON into docs")
    given = options.parse_args()
    names = [name for name in available() if given.only is None or name in given.only]
    prepared(given.size, given.keep, names)
    print(machine())
    told = measured(given.size, given.seconds, given.repeat, names)
    if given.out:
        write_out(told)


if __name__ == "__main__":
    main()
