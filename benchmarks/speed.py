"""How fast ours, Whoosh, FTS5 and tantivy answer the same queries in one process. Judges no order.

`python benchmarks/speed.py [--quick] [--sizes 1000,10000] [--engines ours,tantivy] [--build]`

Every query goes to every engine before the next one does, in changing order; no query is asked
twice in a run, and each repetition has queries of its own. A time is the processor time the process
spent, so what else the machine does is left out; times by the clock stand in the JSON beside them.
"""

import argparse
import gc
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # `benchmarks/http.py` must not stand in for the library's `http`

import numpy as np  # noqa: E402

import kb  # noqa: E402
from benchmarks import corpora, peers  # noqa: E402
from kb import indexer  # noqa: E402
from kb import query as queries  # noqa: E402
from kb.config import Settings  # noqa: E402
from kb.library import Library  # noqa: E402
from kb.ranking import Ranker, best_first  # noqa: E402
from kb.search import Asked, Searcher  # noqa: E402
from kb.store import Builds  # noqa: E402

ENGINES = ("ours", "tantivy", "fts5", "whoosh")
WORKLOADS = ("words", "typing", "misspelt", "layout")
STEPS = ("word step", "ranking", "tantivy bare")
# What reading and writing a build depends on: another version of it needs another build.
_WRITERS = ("analysis", "articles", "indexer", "letters", "library", "markup", "schema", "segment",
            "spelling", "store", "text", "vocabulary")  # fmt: skip

Ask = Callable[[str], object]
Figures = dict[str, float]


# ---------------------------------------------------------------- what is measured


class Ours:
    """The service's own searcher over a published build, with its cache of answers off."""

    name = "ours"

    def __init__(self, size: int) -> None:
        self.settings = Settings(
            articles=corpora.folder(size), data=corpora.CACHE / f"ours-{size}", database_url=None
        )
        self._today = date.today()

    def built(self, keep: bool) -> None:
        """Makes a build unless this very code made the published one."""
        data = Path(self.settings.data)
        mark, stamp = data / "code", code_stamp()
        is_current = mark.exists() and (keep or mark.read_text() == stamp)
        if not is_current:
            began = time.perf_counter(), time.process_time()
            indexer.rebuild(self.settings, full=True)
            mark.write_text(stamp)
            seconds = time.perf_counter() - began[0]
            (data / "seconds").write_text(f"{seconds:.1f}")

    def open(self) -> None:
        self.library = Library(Builds(self.settings.builds).current())
        self.searcher = Searcher(self.library, cached=0)
        self._ranker: Ranker = self.searcher._ranker
        self._allowed = self.library.corpus.served(self._today)

    def answer(self, asked: str) -> object:
        """As `GET /api/search` asks: ten hits with titles, sections and snippets, and repairs."""
        return self.searcher.answer(Asked(asked, facets=False), self._today)

    def word_step(self, asked: str) -> object:
        """The words alone: which ten articles they put first."""
        query = queries.parse(asked)
        terms, alternatives = self._ranker.terms(query)
        return best_first(self._ranker._add_up(terms, alternatives), 10)

    def rank(self, asked: str) -> object:
        """Words, letters and order, without repairs and snippets."""
        query = queries.parse(asked)
        return self._ranker.rank(query, self._allowed, query.lang)

    def docs(self) -> list[peers.Doc]:
        """What every engine is given: id, title and plain text of each article served."""
        found = []
        for doc in self.library.in_order.tolist():
            segment, number = self.library.corpus.locate(doc)
            card = segment.card(number)
            found.append((card["slug"], card["title"], segment.blob("texts", number).decode()))
        return found


def code_stamp() -> str:
    """A digest of the code a build depends on."""
    folder = Path(kb.__file__).parent
    digest = blake2b(digest_size=8)
    for name in _WRITERS:
        digest.update((folder / f"{name}.py").read_bytes())
    return digest.hexdigest()


def peer(name: str, size: int) -> peers.Engine:
    """The engine of that name over its folder for `size` articles."""
    place = corpora.CACHE / f"{name}-{size}"
    if name == "tantivy":
        return peers.Tantivy(place)
    if name == "fts5":
        return peers.FTS5(place, prefix="2 3 4")
    return peers.Whoosh(place)


def opened(name: str, size: int, docs: Sequence[peers.Doc]) -> peers.Engine:
    """A peer's index of these documents, made if there is none yet."""
    engine = peer(name, size)
    stamp = blake2b(digest_size=8)
    for doc in docs:
        stamp.update("\0".join(doc).encode())
    mark = engine.folder.with_suffix(".stamp")
    if not mark.exists() or mark.read_text().split()[0] != stamp.hexdigest():
        print(f"building {engine.name} of {size:,} articles …", file=sys.stderr)
        began, spent = time.perf_counter(), time.process_time()
        engine.build(docs)
        seconds, cpu = time.perf_counter() - began, time.process_time() - spent
        mark.write_text(f"{stamp.hexdigest()} {seconds:.1f} {cpu:.1f}")
    engine.open()
    return engine


# ---------------------------------------------------------------- measuring


@dataclass
class Times:
    """Milliseconds each query took one engine, of the processor and by the clock."""

    cpu: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)

    def figures(self) -> Figures:
        cpu = np.percentile(self.cpu, (50, 95, 99))
        clock = np.percentile(self.clock, (50, 95, 99))
        names = ("p50", "p95", "p99")
        return dict(zip(names, cpu.tolist(), strict=True)) | {
            f"clock {name}": value for name, value in zip(names, clock.tolist(), strict=True)
        }


def measured(asks: dict[str, Ask], asked: Sequence[str]) -> dict[str, Figures]:
    """Every query to every engine in turn, each time beginning with another one."""
    times = {name: Times() for name in asks}
    names = list(asks)
    gc.collect()
    for number, query in enumerate(asked):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            ask = asks[name]
            clock, cpu = time.perf_counter(), time.process_time()
            ask(query)
            spent = time.process_time() - cpu
            times[name].clock.append((time.perf_counter() - clock) * 1000)
            times[name].cpu.append(spent * 1000)
    return {name: each.figures() for name, each in times.items()}


def workload(name: str, size: int, count: int, repetition: int) -> list[str]:
    """The queries of one repetition: others than those of any other repetition or workload."""
    chance = random.Random(f"{name} {repetition} {corpora.SEED}")
    if name == "typing":
        return corpora.keystrokes(corpora.questions(chance, size, max(count // 25, 8)))
    asked = corpora.questions(chance, size, count)
    if name == "misspelt":
        return [corpora.misspelt(query, chance) for query in asked]
    if name == "layout":
        return [corpora.flipped(query) for query in asked]
    return asked


def asks_of(ours: Ours, others: dict[str, peers.Engine], name: str) -> dict[str, Ask]:
    """How each engine is asked in a workload."""
    typing = name == "typing"

    def with_snippets(engine: peers.Engine) -> Ask:
        return lambda query: engine.search(query, snippets=True, prefix_last=typing)

    def bare(engine: peers.Engine) -> Ask:
        return lambda query: engine.search(query, prefix_last=typing)

    asks: dict[str, Ask] = {"ours": ours.answer}
    asks |= {key: with_snippets(engine) for key, engine in others.items()}
    if name in ("words", "typing"):
        asks |= {"word step": ours.word_step, "ranking": ours.rank}
        asks |= {f"{key} bare": bare(engine) for key, engine in others.items()}
    return asks


def middle(runs: Sequence[dict[str, Figures]], name: str, against: str) -> Figures:
    """Median over the repetitions of one engine's figures divided by another's."""
    return {
        key: statistics.median(run[name][key] / run[against][key] for run in runs)
        for key in runs[0][name]
    }


def report(
    size: int, name: str, runs: Sequence[dict[str, Figures]], count: int
) -> dict[str, object]:
    """Prints one workload's table and returns it."""
    print(f"\n{size:,} articles · {name} · {count} queries × {len(runs)}, ms of processor time")
    print(f"{'':15}{'p50':>8}{'p95':>8}{'p99':>9}   ours / it: p50   p99   (clock p50   p99)")
    table: dict[str, object] = {}
    for engine in runs[0]:
        figures = {
            key: statistics.median(run[engine][key] for run in runs) for key in runs[0][engine]
        }
        base = "ours"
        if engine.endswith(" bare"):
            base = "word step"
        ratio = middle(runs, base, engine)
        shown = (
            ""
            if engine in ("ours", "word step", "ranking")
            else (
                f"   {ratio['p50']:>14.2f} {ratio['p99']:>5.2f}"
                f"   {ratio['clock p50']:>9.2f} {ratio['clock p99']:>5.2f}"
            )
        )
        if engine == "ranking" and "tantivy bare" in runs[0]:
            full = middle(runs, "ranking", "tantivy bare")
            shown = f"   this / tantivy bare: {full['p50']:.2f} {full['p99']:.2f}"
            table["ranking / tantivy bare"] = full
        print(f"{engine:15}{figures['p50']:8.2f}{figures['p95']:8.2f}{figures['p99']:9.2f}{shown}")
        table[engine] = {"ms": figures, "ours / it": ratio}
    return table


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="ours and tantivy, words and typing")
    options.add_argument("--sizes", default="1000,10000")
    options.add_argument("--engines", default="")
    options.add_argument("--workloads", default="")
    options.add_argument("--queries", type=int, default=0, help="of each repetition")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--keep", action="store_true", help="the build as it is, whatever made it")
    given = options.parse_args()
    engines = (given.engines or ("ours,tantivy" if given.quick else ",".join(ENGINES))).split(",")
    loads = (given.workloads or ("words,typing" if given.quick else ",".join(WORKLOADS))).split(",")
    count = given.queries or (200 if given.quick else 600)
    for size in map(int, given.sizes.split(",")):
        ours = Ours(size)
        ours.built(given.keep)
        ours.open()
        docs = ours.docs()
        others = {name: opened(name, size, docs) for name in engines if name != "ours"}
        del docs
        gc.collect()
        gc.freeze()
        for load in loads:
            asks = asks_of(ours, others, load)
            measured(asks, workload(load, size, 60, -1))  # warms up
            runs, asked = [], []
            for repetition in range(given.repeat):
                asked = workload(load, size, count, repetition)
                runs.append(measured(asks, asked))
            report(size, load, runs, len(asked))


if __name__ == "__main__":
    main()
