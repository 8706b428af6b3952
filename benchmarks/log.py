"""Times of the search log at 200,000 searches and 20,000 groups.

    python benchmarks/log.py                  SQLite in a temporary folder
    python benchmarks/log.py --postgresql     a PostgreSQL server of its own
    python benchmarks/log.py --searches 20000 --groups 2000

Prints every reading of the board with its longest single query (in processor time of the asking
thread: what else the machine does is left out), and how long recording a search takes in 4
processes, first alone, then while the board is read all the time. Between two searches each process
commits one row to an SQLite file of its own: what the disk and the machine take anyway.
"""

import argparse
import multiprocessing
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # `benchmarks/http.py` must not stand in for the library's `http`

from benchmarks.lib import logs  # noqa: E402
from kb import text  # noqa: E402
from kb.searchlog import Filter, Search, SearchLog  # noqa: E402
from tests import postgres  # noqa: E402

REPEATS = 15
PROCESSES = 4
PAUSE = 0.05  # seconds between two searches of a process: some 80 a second in all


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--postgresql", action="store_true")
    asked.add_argument("--searches", type=int, default=200_000)
    asked.add_argument("--groups", type=int, default=20_000)
    asked.add_argument("--seconds", type=float, default=15.0, help="of recording, each time")
    options = asked.parse_args()
    with _address(options.postgresql) as url:
        began = time.perf_counter()
        logs.fill(url, options.searches, options.groups)
        log = SearchLog(url)
        print(f"{log.health().database}, {options.searches} searches, {options.groups} groups "
              f"(written in {time.perf_counter() - began:.0f} s)")  # fmt: skip
        _readings(log)
        log.close()
        _recordings(url, options.seconds)


@contextmanager
def _address(postgresql: bool) -> Iterator[str]:
    if postgresql:
        with postgres.server() as server:
            yield server.new_database()
        return
    with tempfile.TemporaryDirectory(prefix="kb-log-") as folder:
        yield f"sqlite:///{folder}/log.sqlite3"


def _questions(log: SearchLog) -> dict[str, Callable[[], object]]:
    today = datetime.now(UTC).date()
    week, month, quarter = (today - timedelta(days=n) for n in (6, 29, 89))
    costly = log.misses(limit=1)[0].id
    return {
        "first page": log.board,
        "page 200": lambda: log.board(page=200),
        "everything, newest": lambda: log.board(Filter(status="all"), order="newest"),
        "kind, owner, category": lambda: log.board(
            Filter(kind="weak", owner="Анна", category="Оплата")
        ),
        "words": lambda: log.board(Filter(text="баве")),
        "last 7 days": lambda: log.board(Filter(since=week)),
        "last 30 days": lambda: log.board(Filter(since=month)),
        "last 90 days and words": lambda: log.board(Filter(since=quarter, text="баве")),
        "one group": lambda: log.details(costly),
        "rates of 90 days": lambda: log.rates(quarter, today),
        "deflection": lambda: log.deflection(quarter, today),
        "time to answer": lambda: log.answer_times(quarter, today),
        "repaid": log.repaid,
        "misses by category": lambda: log.misses_by_category(quarter, today),
        "ranks of clicks": lambda: log.click_ranks(quarter, today),
        "types of letters": lambda: log.ticket_types(quarter, today),
    }


def _readings(log: SearchLog) -> None:
    longest = _watch(log._engine)
    print(f"\n{'':<24}{'median ms':>10}{'max ms':>8}{'queries':>9}{'longest query ms':>18}")
    for name, ask in _questions(log).items():
        ask()
        took, worst, queries = [], [], 0
        for _ in range(REPEATS):
            longest.clear()
            began = time.perf_counter()
            ask()
            took.append((time.perf_counter() - began) * 1000)
            worst.append(max(longest) * 1000)
            queries = len(longest)
        print(f"{name:<24}{statistics.median(took):>10.1f}{max(took):>8.1f}{queries:>9}"
              f"{statistics.median(worst):>18.1f}")  # fmt: skip


def _watch(engine: sa.Engine) -> list[float]:
    """The time from each statement's start until its connection is given back, in seconds."""
    found: list[float] = []
    began: dict[int, float] = {}

    def before(connection: Any, *rest: Any) -> None:
        began[id(connection.connection.dbapi_connection)] = time.thread_time()

    def given_back(connection: Any, *rest: Any) -> None:
        at = began.pop(id(connection), None)
        if at is not None:
            found.append(time.thread_time() - at)

    sa.event.listen(engine, "before_cursor_execute", before)
    sa.event.listen(engine, "checkin", given_back)
    return found


def _recordings(url: str, seconds: float) -> None:
    text.key("слово")
    print(f"\nrecording a search, {PROCESSES} processes, ms:")
    for name, is_read in (("alone", False), ("while the board is read", True)):
        context = multiprocessing.get_context("spawn")
        ends = context.Value("d", time.time() + seconds + 8)
        readers = [context.Process(target=_read, args=(url, ends))] if is_read else []
        with context.Pool(PROCESSES) as pool:
            for reader in readers:
                reader.start()
            work = [(url, name, n, seconds) for n in range(PROCESSES)]
            parts = pool.starmap(_record, work)
        for reader in readers:
            reader.join()
        _print_times(name, sorted(ms for part in parts for ms, _ in part))
        _print_times("  one row elsewhere", sorted(ms for part in parts for _, ms in part))


def _print_times(name: str, took: list[float]) -> None:
    print(f"  {name:<26} n {len(took):>6}   median {statistics.median(took):6.1f}"
          f"   p99 {took[int(len(took) * 0.99)]:6.1f}   max {took[-1]:6.1f}")  # fmt: skip


def _record(url: str, name: str, process: int, seconds: float) -> list[tuple[float, float]]:
    log = SearchLog(url)
    text.key("слово")
    log.record(Search(f"warm-{name}-{process}", f"warm-{process}", "слово", 1.0, 1.0))
    time.sleep(4)
    took, n, ends = [], 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="kb-row-") as folder:
        other = sqlite3.connect(f"{folder}/row.sqlite3", isolation_level=None)
        other.execute("pragma synchronous = full")
        other.execute("create table t (id integer primary key, text)")
        while time.monotonic() < ends:
            n += 1
            now = time.time()
            id = f"{name}-{process}-{n}"
            search = Search(id, id, f"новый вопрос {n % 40}", now, now + 1, lang="ru")
            began = time.perf_counter()
            log.record(search)
            recorded = time.perf_counter()
            other.execute("insert into t values (?, ?)", (n, id * 20))
            both = time.perf_counter()
            took.append(((recorded - began) * 1000, (both - recorded) * 1000))
            time.sleep(PAUSE)
        other.close()
    log.close()
    return took


def _read(url: str, ends: Any) -> None:
    """A lead who never pauses: every reading of the board, again and again."""
    log = SearchLog(url)
    questions = _questions(log)
    while time.time() < ends.value:
        for ask in questions.values():
            ask()
    log.close()


if __name__ == "__main__":
    main()
