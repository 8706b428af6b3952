"""Times of the search log at 200,000 searches and 20,000 groups.

    python benchmarks/log.py                  SQLite in a temporary folder
    python benchmarks/log.py --postgresql     a PostgreSQL server of its own
    python benchmarks/log.py --searches 20000 --groups 2000
    python benchmarks/log.py --file /tmp/log.sqlite3      filled once, read again the next time

Prints for every reading of the board how long it took, the processor time of it, its queries and
the processor time of the longest: that leaves out what else the machine does. Then how long
recording a search takes in 4 processes, first alone, then while a lead looks at something of the
board five times a second. Between two searches each process commits one row to an SQLite file of
its own: what disk and machine take anyway.
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

from benchmarks.lib import logs
from kb.language import query_words
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Filter, Search
from tests import postgres

REPEATS = 15
PROCESSES = 4
PAUSE = 0.2  # seconds between two searches of a process: 20 a second in all, 1.7 million a day
LOOK = 0.2  # seconds between two looks of the lead who reads meanwhile


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--postgresql", action="store_true")
    asked.add_argument("--file", type=Path, help="an SQLite file that is kept")
    asked.add_argument("--searches", type=int, default=200_000)
    asked.add_argument("--groups", type=int, default=20_000)
    asked.add_argument("--seconds", type=float, default=15.0, help="of recording, each time")
    options = asked.parse_args()
    with _address(options.postgresql, options.file) as url:
        began = time.perf_counter()
        if not (options.file and options.file.exists()):
            logs.fill(url, options.searches, options.groups)
        log = SearchLog(url)
        held = log.health()
        print(f"{held.database}, {held.searches} searches, {options.groups} groups "
              f"(written in {time.perf_counter() - began:.0f} s)")  # fmt: skip
        _readings(log)
        log.close()
        _recordings(url, options.seconds)


@contextmanager
def _address(postgresql: bool, file: Path | None) -> Iterator[str]:
    if postgresql:
        with postgres.server() as server:
            yield server.new_database()
        return
    if file:
        yield f"sqlite:///{file.absolute()}"
        return
    with tempfile.TemporaryDirectory(prefix="kb-log-") as folder:
        yield f"sqlite:///{folder}/log.sqlite3"


def _questions(log: SearchLog) -> dict[str, Callable[[], object]]:
    today = datetime.now(UTC).date()
    week, month, quarter = (today - timedelta(days=n) for n in (6, 29, 89))
    costly = log.board.misses(limit=1)[0].id
    return {
        "first page": log.board.page,
        "page 200": lambda: log.board.page(page=200),
        "everything, newest": lambda: log.board.page(Filter(status="all"), order="newest"),
        "kind, owner, category": lambda: log.board.page(
            Filter(kind="weak", owner="Анна", category="Оплата")
        ),
        "words": lambda: log.board.page(Filter(text="баве")),
        "last 7 days": lambda: log.board.page(Filter(since=week)),
        "last 30 days": lambda: log.board.page(Filter(since=month)),
        "last 90 days and words": lambda: log.board.page(Filter(since=quarter, text="баве")),
        "one group": lambda: log.groups.details(costly),
        "rates of 90 days": lambda: log.statistics.rates(quarter, today),
        "deflection": lambda: log.statistics.deflection(quarter, today),
        "time to answer": lambda: log.statistics.answer_times(quarter, today),
        "repaid": log.statistics.repaid,
        "misses by category": lambda: log.statistics.misses_by_category(quarter, today),
        "ranks of clicks": lambda: log.statistics.click_ranks(quarter, today),
        "types of letters": lambda: log.statistics.ticket_types(quarter, today),
    }


def _readings(log: SearchLog) -> None:
    longest = _watch(log.database.engine)
    print(f"\n{'ms':<24}{'median':>8}{'max':>8}{'processor':>11}{'queries':>9}{'longest':>9}")
    for name, ask in _questions(log).items():
        ask()
        took, worked, worst = [], [], []
        for _ in range(REPEATS):
            longest.clear()
            began, worked_before = time.perf_counter(), time.thread_time()
            ask()
            took.append((time.perf_counter() - began) * 1000)
            worked.append((time.thread_time() - worked_before) * 1000)
            worst.append(max(longest) * 1000)
        times = (statistics.median(took), max(took), statistics.median(worked))
        print(f"{name:<24}{times[0]:>8.1f}{times[1]:>8.1f}{times[2]:>11.1f}{len(longest):>9}"
              f"{statistics.median(worst):>9.1f}")  # fmt: skip


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
    query_words.key("слово")
    print(f"\nrecording a search, {_statements(url)} statements, {PROCESSES} processes, ms:")
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
        for at, what in enumerate((name, "  processor time of it", "  one row elsewhere")):
            _print_times(what, sorted(times[at] for part in parts for times in part))


def _statements(url: str) -> int:
    """What a search takes that missed as another did before."""
    log, told = SearchLog(url), []
    now = time.time()
    log.record(Search(f"first-{now}", f"first-{now}", "новый вопрос", now, now))
    sa.event.listen(log.database.engine, "before_cursor_execute", lambda *of: told.append(of[2]))
    log.record(Search(f"second-{now}", f"second-{now}", "новый вопрос", now, now))
    log.close()
    return len(told)


def _print_times(name: str, took: list[float]) -> None:
    print(f"  {name:<26} n {len(took):>6}   median {statistics.median(took):6.1f}"
          f"   p99 {took[int(len(took) * 0.99)]:6.1f}   max {took[-1]:6.1f}")  # fmt: skip


def _record(url: str, name: str, process: int, seconds: float) -> list[tuple[float, ...]]:
    log = SearchLog(url)
    query_words.key("слово")
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
            id = f"{name}-{process}-{now}"
            search = Search(id, id, f"новый вопрос {n % 40}", now, now + 1, lang="ru")
            began, worked = time.perf_counter(), time.thread_time()
            log.record(search)
            recorded, worked = time.perf_counter(), time.thread_time() - worked
            other.execute("insert into t values (?, ?)", (n, id * 20))
            both = time.perf_counter()
            took.append(tuple(s * 1000 for s in (recorded - began, worked, both - recorded)))
            time.sleep(PAUSE)
        other.close()
    log.close()
    return took


def _read(url: str, ends: Any) -> None:
    """A lead: every reading of the board, one after the other."""
    log = SearchLog(url)
    questions = _questions(log)
    while time.time() < ends.value:
        for ask in questions.values():
            ask()
            time.sleep(LOOK)
    log.close()


if __name__ == "__main__":
    main()
