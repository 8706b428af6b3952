"""Engines asked the same queries in blocks, and their times compared. Knows no engine."""

import gc
import random
import statistics
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

BLOCK = 50  # queries one engine answers before another one does
SEED = 20260101

Ask = Callable[[str], object]
Figures = dict[str, float]  # milliseconds, or a ratio of them, by percentile
_PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}


class Elsewhere(list[str]):
    """An answer that another process gave, with the milliseconds that took there."""

    cpu: float
    clock: float


@dataclass(slots=True)
class Times:
    """Milliseconds each query took one engine, of the processor and by the clock."""

    cpu: dict[int, float] = field(default_factory=dict)  # by the number of the query
    clock: dict[int, float] = field(default_factory=dict)

    def ask(self, number: int, ask: Ask, query: str) -> None:
        """Has the query answered, and notes what that took."""
        began, spent = time.perf_counter(), time.process_time()
        answer = ask(query)
        self.cpu[number] = (time.process_time() - spent) * 1000
        self.clock[number] = (time.perf_counter() - began) * 1000
        if isinstance(answer, Elsewhere):
            self.cpu[number], self.clock[number] = answer.cpu, answer.clock

    def figures(self, of: Collection[int] | None = None) -> Figures:
        """Percentiles over all queries answered, or over these."""
        numbers = self.cpu if of is None else of
        return {
            prefix + name: float(np.percentile([values[number] for number in numbers], percent))
            for prefix, values in (("", self.cpu), ("clock ", self.clock))
            for name, percent in _PERCENTILES.items()
        }


@dataclass(frozen=True, slots=True)
class Share:
    """What an engine too slow for all queries answers of a list."""

    every: int  # one of so many
    seconds: float  # by the clock, after which it answers no more

    def holds(self, number: int, so_far: Times) -> bool:
        """Whether the engine is to answer this query after what it has answered."""
        is_over = sum(so_far.clock.values()) >= self.seconds * 1000
        return number % self.every == 0 and not is_over


Run = Mapping[str, Times]  # what each engine took for one list of queries


def measured(
    asks: Mapping[str, Ask],
    asked: Sequence[str],
    block: int = BLOCK,
    shares: Mapping[str, Share] | None = None,
) -> Run:
    """Every block of queries to every engine in turn, the order drawn anew for each block.

    In blocks of one each engine finds the processor's caches full of what the others read. An
    engine with a share answers that share of each block, until its time is over.
    """
    times = {name: Times() for name in asks}
    chance = random.Random(SEED)
    gc.collect()
    gc.freeze()
    for low in range(0, len(asked), block):
        for name in chance.sample(list(asks), len(asks)):
            gc.collect()  # nobody's time is spent on what another engine has left behind
            share = (shares or {}).get(name)
            for number in range(low, min(low + block, len(asked))):
                if share is None or share.holds(number, times[name]):
                    times[name].ask(number, asks[name], asked[number])
    gc.unfreeze()
    return times


def compared(runs: Sequence[Run]) -> dict[str, dict[str, object]]:
    """Each engine's figures and, by them, the first engine's: the median over all repetitions.

    An engine that answered a share of the queries is compared on these alone, of all repetitions
    together, and `first` holds the first engine's figures on them.
    """
    first = next(iter(runs[0]))
    whole = [len(run[first].cpu) for run in runs]
    told = {}
    for name in runs[0]:
        is_partial = [len(run[name].cpu) for run in runs] != whole
        own = [_joined(runs)] if is_partial else runs
        figures = [run[name].figures() for run in own]
        others = [run[first].figures(run[name].cpu) for run in own]
        ratios = [
            {key: other[key] / each[key] for key in each}
            for each, other in zip(figures, others, strict=True)
        ]
        told[name] = {
            "queries": sum(len(run[name].cpu) for run in own),
            "ms": _median(figures),
            f"{first} / it": _median(ratios),
        }
        if is_partial:
            told[name][f"{first} on them"] = _median(others)
    return told


def _median(found: Sequence[Figures]) -> Figures:
    return {key: statistics.median(each[key] for each in found) for key in found[0]}


def _joined(runs: Sequence[Run]) -> Run:
    """All repetitions as one, their queries numbered through."""
    joined: dict[str, Times] = {name: Times() for name in runs[0]}
    base = 0
    for run in runs:
        for name, times in run.items():
            joined[name].cpu |= {base + number: ms for number, ms in times.cpu.items()}
            joined[name].clock |= {base + number: ms for number, ms in times.clock.items()}
        base += 1 + max(max(times.cpu, default=0) for times in run.values())
    return joined
