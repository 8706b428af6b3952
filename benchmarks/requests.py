"""What a request of each kind costs the server's processor, beside empty Flask routes.

`python benchmarks/requests.py [--requests 200] [--repeat 7] [--only KIND ...] [--out]`
`python benchmarks/requests.py --profile KIND`

All kinds and the empty routes take turns: one route under gunicorn, if it is installed (`pip
install gunicorn`), and one under our own server. A figure is the processor time of a request
divided by that of gunicorn's empty route in the same turn, so a busy machine matters little.
`--profile` answers requests of a kind in this process, without a server, and prints where the
processor time goes. Judges no answer.
"""

import argparse
import cProfile
import json
import os
import pstats
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import quote

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # neither this file nor `http.py` may stand in for a library

from http.client import HTTPConnection

from benchmarks import servers as peers
from benchmarks.http import CLIENTS, WORKERS, Address, api, articles
from benchmarks.lib import corpora, servers
from benchmarks.speed import CHARTS, Ours, machine, tell

GUNICORN, EMPTY = "empty route, gunicorn", "empty route, our server"
READ_AGAIN = 200  # addresses of a kind that is asked for again and again
_BROWSER = {"Accept-Encoding": "gzip"}  # as every browser asks

Spent = dict[str, float]  # processor milliseconds of a request, by its kind


# ---------------------------------------------------------------- what is asked


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests of one kind: their addresses, which come `again` or are asked for once each."""

    paths: Sequence[str]
    again: bool = False

    def turns(self, count: int) -> Iterator[list[str]]:
        """One list of `count` addresses after another."""
        paths = iter(self.paths) if not self.again else cycle(self.paths)
        while turn := list(islice(paths, count)):
            yield turn
        raise SystemExit(f"{len(self.paths):,} addresses are too few; ask for less --requests")


def kinds(size: int) -> dict[str, Kind]:
    """Each kind of request by the name that the tables tell."""
    asked, found = corpora.questions("http"), articles(size)
    typed = corpora.keystrokes(corpora.questions("typed")[:800])
    random.Random(corpora.SEED).shuffle(typed)
    pages = [f"/search?q={quote(query)}" for query in corpora.questions("pages")]
    return {
        "api, asked before": Kind([api(query) for query in asked[-READ_AGAIN:]], again=True),
        "api, a distinct question": Kind([api(query) for query in asked[:-READ_AGAIN]]),
        "api, a distinct keystroke": Kind([api(key) for key in dict.fromkeys(typed)]),
        "result page, a distinct question": Kind(pages),
        "article": Kind(found[:READ_AGAIN], again=True),
        "article, opened first": Kind(found[READ_AGAIN:]),
        "home page": Kind(["/"], again=True),
    }


# ---------------------------------------------------------------- measuring


def ask(address: Address, paths: Sequence[str]) -> None:
    """Asks for each path on one connection; raises AssertionError where an answer is an error."""
    connection = HTTPConnection(*address, timeout=60)
    for path in paths:
        connection.request("GET", path, headers=_BROWSER)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, (answer.status, path)
    connection.close()


def cpu_of(pids: Sequence[int]) -> float:
    """Processor seconds that the threads of these processes have spent, to the nanosecond."""
    tasks = [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def spent(server: int, address: Address, paths: Sequence[str]) -> float:
    """Processor milliseconds of a request, of all workers, asked by two clients."""
    context, workers = get_context("fork"), servers.children(server)
    before = cpu_of(workers)
    clients = [
        context.Process(target=ask, args=(address, paths[number::CLIENTS]))
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert not any(client.exitcode for client in clients), "a request failed"
    return (cpu_of(workers) - before) / len(paths) * 1000


def measured(size: int, chosen: Mapping[str, Kind], count: int, repeat: int) -> list[Spent]:
    """What each kind costs, in each turn; the first turn warms up and is left out."""
    data = corpora.CACHE / f"ours-{size}"
    with ExitStack() as stack:
        started = {
            EMPTY: stack.enter_context(servers.bench("empty", data, data, workers=WORKERS)),
            "": stack.enter_context(
                servers.bench("ours", data, corpora.folder(size), workers=WORKERS)
            ),
        }
        if find_spec("gunicorn"):
            found = stack.enter_context(peers.running("gunicorn gthread", WORKERS))
            started[GUNICORN] = found  # type: ignore[assignment]
        empty = {name: Kind(["/"], again=True) for name in (GUNICORN, EMPTY) if name in started}
        asked = {name: kind.turns(count) for name, kind in (empty | dict(chosen)).items()}
        turns = []
        for _ in range(repeat + 1):
            turn = {}
            for name, lists in asked.items():
                process, address = started.get(name, started[""])
                if name in chosen and chosen[name].again:  # others may have taken their places
                    ask(address, chosen[name].paths)
                turn[name] = spent(process.pid, address, next(lists))
            turns.append(turn)
    return turns[1:]


def summed_up(turns: Sequence[Spent]) -> dict[str, Spent]:
    """Medians over the turns: milliseconds, and the ratio to each empty route."""
    empty = [name for name in (GUNICORN, EMPTY) if name in turns[0]]
    return {
        name: {"ms": statistics.median(turn[name] for turn in turns)}
        | {each: statistics.median(turn[name] / turn[each] for turn in turns) for each in empty}
        for name in turns[0]
    }


def report(told: Mapping[str, Spent]) -> None:
    """Prints a line for each kind."""
    print(f"\n{'processor time of a request':36}{'ms':>8}{'/ gunicorn':>13}{'/ our empty':>13}")
    for name, each in told.items():
        ratio = f"{each[GUNICORN]:13.2f}" if GUNICORN in each else f"{'-':>13}"
        print(f"{name:36}{each['ms']:8.3f}{ratio}{each[EMPTY]:13.2f}")


# ---------------------------------------------------------------- where the time goes


class _Given:
    """What the gateway is given with a request, and takes the answer."""

    def __init__(self, path: str) -> None:
        self.scope = self.proto = self.headers = self
        self.path, _, self.query_string = path.partition("?")
        self.method, self.http_version, self.client = "GET", "1.1", "127.0.0.1:50000"
        self.status = 0

    def items(self) -> list[tuple[str, str]]:
        return [("host", "localhost:8000"), *((k.lower(), v) for k, v in _BROWSER.items())]

    def response_bytes(self, status: int, headers: object, body: bytes) -> None:
        self.status = status


def profile(size: int, kind: Kind, count: int) -> None:
    """Prints what requests of a kind spend their processor time on."""
    from socket import create_server

    from kb.server.gateway import Gateway
    from kb.service import KnowledgeBase
    from kb.web import create_app

    limited = Ours(size).settings.model_copy(update={"searches_per_minute": 1})
    service = KnowledgeBase.open(limited)
    with create_server(("127.0.0.1", 0)) as listener:
        gateway = Gateway(create_app(service), listener)
    turns = kind.turns(count)

    def answer(paths: Sequence[str]) -> float:
        began = time.process_time()
        for path in paths:
            given = _Given(path)
            gateway._take(given)
            assert given.status == 200, (given.status, path)
        return (time.process_time() - began) / len(paths) * 1000

    answer(next(turns))  # warms up
    print(f"{answer(next(turns)):.3f} ms a request in this process")
    watch = cProfile.Profile(time.process_time)
    watch.runcall(answer, next(turns))
    for order in ("tottime", "cumtime"):
        pstats.Stats(watch).strip_dirs().sort_stats(order).print_stats(60)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=10_000)
    options.add_argument("--requests", type=int, default=200, help="of each kind in a turn")
    options.add_argument("--repeat", type=int, default=7)
    options.add_argument("--only", nargs="*", help="kinds whose names begin so")
    options.add_argument("--profile", metavar="KIND", help="the kind whose name begins so")
    options.add_argument("--keep", action="store_true", help="the build as it is, whatever made it")
    options.add_argument("--out", action="store_true", help="write JSON into docs")
    given = options.parse_args()
    Ours(given.size).built(given.keep)
    found = kinds(given.size)
    if given.profile:
        name = next(name for name in found if name.startswith(given.profile))
        profile(given.size, found[name], given.requests)
        return
    only = tuple(given.only or ("",))
    chosen = {name: kind for name, kind in found.items() if name.startswith(only)}
    print(machine())
    told = summed_up(measured(given.size, chosen, given.requests, given.repeat))
    report(told)
    if given.out:
        written = {"machine": machine(), "kinds": told}
        text = json.dumps(written, ensure_ascii=False, indent=1) + "\n"
        (CHARTS / "requests.json").write_text(text, "utf-8")
        tell(is_out=True)


if __name__ == "__main__":
    main()
