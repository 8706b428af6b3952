"""How the cost of an answer grows: with articles, with words, with workers. Compares no engines.

`python benchmarks/growth.py [--large] [--only articles words workers] [--out]`

- Articles: the same questions and keystrokes to a base of each size, in blocks as `speed.py` asks
  them; build, index, memory and first answer of each.
- Words: passages of articles of 10,000, from one word to as many as a query may have.
- Workers: distinct questions over HTTP without a pause, nothing cached, and memory of all processes
  (PSS). With more workers than processors only memory and what waits for a processor can grow.

A cost is the processor time of an answer with ten hits and snippets, nothing cached. An exponent is
that of the power which fits best (least squares of logarithms), with an interval of 95 % by what
the points leave over; that of the last step shows what fixed costs hide at small sizes.
"""

import argparse
import json
import os
import random
import re
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # `http.py` beside this file must not stand in for the library's `http`

from benchmarks.http import api, cpu_of
from benchmarks.lib import charts, corpora, growth_tables, measuring, offered_load, servers
from benchmarks.speed import CHARTS, SMALL, Ours, footprint, known, machine

SIZES = (1_000, 3_000, 10_000, 30_000)
LARGE = (100_000, 200_000)
WORDS = (1, 2, 4, 8, 16, 32)
WORKERS = (1, 2, 4, 8)
LOADS = {"words": "question", "typing": "keystroke"}
_WORD = re.compile(r"\w+", re.UNICODE)


def opened(size: int, keep: bool) -> Ours:
    """The searcher over a build of so many articles."""
    ours = Ours(size)
    ours.built(keep)
    ours.open()
    return ours


# ---------------------------------------------------------------- measuring


def by_articles(sizes: Sequence[int], queries: int, keep: bool) -> dict[str, Any]:
    """Milliseconds of a question and of a keystroke at each size, and what each base takes."""
    for size in sizes:
        Ours(size).built(keep)
    # Before this process maps their files: PSS divides pages among those that do.
    told: dict[str, Any] = {str(size): footprint("ours", size) for size in sizes}
    asks = {str(size): opened(size, keep).answer for size in sizes}
    drawn = corpora.Drawn()
    for load, name in LOADS.items():
        warm, asked = drawn.lists(load, queries, 2)
        measuring.measured(asks, warm)
        for size, times in measuring.measured(asks, asked).items():
            told[size] |= {f"{name} {key}": ms for key, ms in times.figures().items()}
    return told


def by_words(counts: Sequence[int], size: int, queries: int, keep: bool) -> dict[str, Any]:
    """Milliseconds of a passage of so many words, each of passages of its own."""
    ours = opened(size, keep)
    texts = [_WORD.findall(body) for _, _, body in ours.docs()]
    chance = random.Random(corpora.SEED)
    passages = {str(count): passages_of(texts, count, 2 * queries, chance) for count in counts}
    asks = {
        name: lambda number, asked=asked: ours.answer(asked[int(number)])
        for name, asked in passages.items()
    }
    numbers = [str(number) for number in range(2 * queries)]
    measuring.measured(asks, numbers[:queries])
    run = measuring.measured(asks, numbers[queries:])
    return {
        name: {f"passage {key}": ms for key, ms in times.figures().items()}
        for name, times in run.items()
    }


def passages_of(
    texts: Sequence[Sequence[str]], words: int, count: int, chance: random.Random
) -> list[str]:
    """So many passages of so many words that follow one another in an article."""
    long = [text for text in texts if len(text) > words]
    found = []
    for text in chance.choices(long, k=count):
        start = chance.randrange(len(text) - words)
        found.append(" ".join(text[start : start + words]))
    return found


def by_workers(
    counts: Sequence[int], size: int, seconds: float, repeat: int, keep: bool
) -> dict[str, Any]:
    """Requests a second, processor milliseconds of one and memory, with so many workers."""
    Ours(size).built(keep)
    paths = [f"{api(query)}&limit=10" for query in corpora.questions("http")]
    runs: dict[int, list[dict[str, float]]] = {count: [] for count in counts}
    with ExitStack() as stack:
        running = {count: stack.enter_context(workers(size, count)) for count in counts}
        for number in range(repeat + 1):
            part = paths[number * len(paths) // (repeat + 1) :]
            for count, (process, address) in running.items():
                pids = servers.family(process.pid)
                spent = cpu_of(pids)
                told = offered_load.asked(address, part, seconds)
                runs[count].append({
                    "requests/s": len(told.ms) / told.seconds,
                    "request cpu ms": (cpu_of(pids) - spent) / len(told.ms) * 1000,
                })  # fmt: skip
    return {
        str(count): {key: statistics.median(run[key] for run in found[1:]) for key in found[0]}
        | {"pss": memory(size, count, paths, seconds)}
        for count, found in runs.items()  # the first of each warms up
    }


def workers(size: int, count: int) -> AbstractContextManager[servers.Running]:
    """The server with so many workers, which keeps no answers."""
    folder, data = corpora.folder(size), corpora.CACHE / f"ours-{size}"
    return servers.bench("ours", data, folder, caches=False, workers=count)


def memory(size: int, count: int, paths: Sequence[str], seconds: float) -> float:
    """Megabytes of all processes (PSS) with so many workers, which run alone and have answered."""
    with workers(size, count) as (process, address):
        offered_load.asked(address, paths, seconds)
        return sum(map(servers.pss, servers.family(process.pid)))


# ---------------------------------------------------------------- all


def drawings(told: Mapping[str, Any]) -> dict[str, str]:
    """Charts of what was measured, by their names."""
    found = {}
    for part, columns in growth_tables.PARTS.items():
        points = {key: each for key, each in told.get(part, {}).items() if key.isdigit()}
        if len(points) < 2:
            continue
        series = {
            column.label: [each[column.key] for each in points.values()]
            for column in columns
            if column.is_drawn
        }
        found[f"growth-{part}"] = charts.curves(
            f"Milliseconds of an answer with ten snippets, by {part}",
            "processor time, less is better; both scales are logarithmic",
            [int(key) for key in points],
            series,
        )
    return found


def write_out(told: Mapping[str, Any]) -> None:
    """Joins what was measured with what the JSON of the documentation holds; draws the charts."""
    whole = known("growth") | told
    text = json.dumps(whole, ensure_ascii=False, indent=1) + "\n"
    (CHARTS / "growth.json").write_text(text, "utf-8")
    for name, drawing in drawings(whole).items():
        (CHARTS / f"{name}.svg").write_text(drawing, "utf-8")


def numbers(text: str) -> list[int]:
    """Numbers that are given one after another with commas."""
    return [int(each) for each in text.split(",")]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=numbers, default=SIZES, help="numbers of articles")
    options.add_argument("--large", action="store_true", help="100,000 and 200,000 articles too")
    options.add_argument("--words", type=numbers, default=WORDS)
    options.add_argument("--workers", type=numbers, default=WORKERS)
    options.add_argument("--size", type=int, default=SMALL, help="articles, of words and workers")
    options.add_argument("--queries", type=int, default=600)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--only", nargs="*", choices=growth_tables.PARTS)
    options.add_argument("--keep", action="store_true", help="the build as it is, whatever made it")
    options.add_argument("--out", action="store_true", help="write JSON and charts into docs")
    given = options.parse_args()
    sizes = [*given.sizes, *(LARGE if given.large else ())]
    print(machine())
    parts = {
        "articles": lambda: by_articles(sizes, given.queries, given.keep),
        "words": lambda: by_words(given.words, given.size, given.queries, given.keep),
        "workers": lambda: by_workers(
            given.workers, given.size, given.seconds, given.repeat, given.keep
        ),
    }
    told: dict[str, Any] = {}
    for part in given.only or parts:
        told[part] = {"machine": machine()} | parts[part]()
        print("", *growth_tables.blocks(told)[f"growth with {part}"], sep="\n", flush=True)
    if given.out:
        write_out(told)


if __name__ == "__main__":
    main()
