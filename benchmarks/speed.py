"""How fast ours, Whoosh, FTS5 and tantivy answer the same queries in one process. Judges no order.

`python benchmarks/speed.py [--quick] [--sizes 1000,10000] [--engines ours,tantivy] [--build]`

Every query goes to every engine before the next one does, in changing order. No workload asks a
query twice: each repetition and each step of ours has queries of its own. A time is the processor
time the process spent, so what else the machine does is left out; the JSON has the clock's too.
"""

import argparse
import gc
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # `benchmarks/http.py` must not stand in for the library's `http`

import numpy as np  # noqa: E402

import kb  # noqa: E402
from benchmarks import peers  # noqa: E402
from benchmarks.lib import charts, corpora, servers  # noqa: E402
from kb import indexer  # noqa: E402
from kb import query as queries  # noqa: E402
from kb.config import Settings  # noqa: E402
from kb.library import Library  # noqa: E402
from kb.ranking import Ranker, best_first  # noqa: E402
from kb.search import Asked, Searcher  # noqa: E402
from kb.store import Builds  # noqa: E402

ENGINES = ("ours", "tantivy", "fts5", "whoosh")
WORKLOADS = ("words", "typing", "misspelt", "layout")
# What reading and writing a build depends on: another version of it needs another build.
_WRITERS = ("analysis", "articles", "indexer", "letters", "library", "markup", "postings", "record",
            "schema", "segment", "spelling", "store", "text", "vocabulary")  # fmt: skip

Ask = Callable[[str], object]
Figures = dict[str, float]


# ---------------------------------------------------------------- what is measured


class Ours:
    """The service's own searcher over a published build, with its cache of answers off."""

    name = "ours"

    def __init__(self, size: int) -> None:
        self.size = size
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
            print(f"building ours of {self.size:,} articles …", file=sys.stderr)
            began, spent = time.perf_counter(), os.times()
            indexer.rebuild(self.settings, full=True)
            seconds, cpu = time.perf_counter() - began, sum(os.times()[:4]) - sum(spent[:4])
            (data / "seconds").write_text(f"{seconds:.1f} {cpu:.1f}")
            mark.write_text(stamp)

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
        query = queries.parse(asked, self.library.corpus.meaning)
        return best_first(self._ranker.add_up(self._ranker.look_up(query)), 10)

    def rank(self, asked: str) -> object:
        """Words, letters and order, without repairs and snippets."""
        query = queries.parse(asked, self.library.corpus.meaning)
        return self._ranker.rank(query, self._allowed, query.lang)

    def docs(self) -> list[peers.Doc]:
        return corpora.plain(self.library)


def code_stamp() -> str:
    """A digest of the code a build depends on."""
    folder = Path(kb.__file__).parent
    digest = blake2b(digest_size=8)
    for name in _WRITERS:
        for file in (folder / f"{name}.py", *sorted((folder / name).glob("*.py"))):
            if file.exists():
                digest.update(file.read_bytes())
    return digest.hexdigest()


def opened(name: str, size: int, docs: Sequence[peers.Doc]) -> peers.Engine:
    """A peer's index of these documents, made if there is none yet."""
    engine = peers.named(name, corpora.CACHE / f"{name}-{size}")
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


def drawn(name: str, count: int, lists: int) -> list[list[str]]:
    """So many lists of queries for a workload, no query in two of them."""
    pool = corpora.questions(name)
    each = max(count // 25, 8) if name == "typing" else count
    parts = [pool[i * each : (i + 1) * each] for i in range(lists)]
    assert len(parts[-1]) == each, "too few questions for so many repetitions"
    chance = random.Random(f"{name} {corpora.SEED}")
    change: Callable[[str], str] = {
        "misspelt": lambda query: corpora.misspelt(query, chance),
        "layout": corpora.flipped,
    }.get(name, str)
    if name == "typing":
        return [corpora.keystrokes(part) for part in parts]
    return [[change(query) for query in part] for part in parts]


def rounds(ours: Ours, others: dict[str, peers.Engine], name: str) -> list[dict[str, Ask]]:
    """Who is compared with whom in a workload.

    Steps of ours are compared apart: of two that ask the same, the second finds caches filled.
    """
    typing = name == "typing"

    def with_snippets(engine: peers.Engine) -> Ask:
        return lambda query: engine.search(query, snippets=True, prefix_last=typing)

    def bare(engine: peers.Engine) -> Ask:
        return lambda query: engine.search(query, prefix_last=typing)

    shown: dict[str, Ask] = {"ours": ours.answer}
    shown |= {key: with_snippets(engine) for key, engine in others.items()}
    if name not in ("words", "typing"):
        return [shown]
    bares = {f"{key} bare": bare(engine) for key, engine in others.items() if key != "whoosh"}
    fastest = {key: ask for key, ask in bares.items() if key.startswith("tantivy")}
    return [shown, {"word step": ours.word_step, **bares}, {"ranking": ours.rank, **fastest}]


def middle(runs: Sequence[dict[str, Figures]], name: str, against: str) -> Figures:
    """Median over the repetitions of one engine's figures divided by another's."""
    return {
        key: statistics.median(run[name][key] / run[against][key] for run in runs)
        for key in runs[0][name]
    }


def report(runs: Sequence[dict[str, Figures]], count: int) -> dict[str, object]:
    """Prints one comparison and returns it; the first engine is divided by each other one."""
    first, *rest = runs[0]
    told: dict[str, object] = {"queries": count}
    heading = f"{first} / it: p50   p99   (clock p50   p99)" if rest else ""
    print(f"{'':15}{'p50':>8}{'p95':>8}{'p99':>9}   {heading}")
    for engine in runs[0]:
        figures = {
            key: statistics.median(run[engine][key] for run in runs) for key in runs[0][engine]
        }
        ratio = middle(runs, first, engine)
        told[engine] = {"ms": figures, f"{first} / it": ratio}
        shown = "" if engine == first else (
            f"{ratio['p50']:>{len(first) + 14}.2f}{ratio['p99']:6.2f}"
            f"{ratio['clock p50']:>13.2f}{ratio['clock p99']:6.2f}"
        )  # fmt: skip
        print(f"{engine:15}{figures['p50']:8.2f}{figures['p95']:8.2f}{figures['p99']:9.2f}{shown}")
    return told


# ---------------------------------------------------------------- size, memory, cold start


def footprint(name: str, size: int) -> dict[str, float]:
    """Build time, bytes on disk, memory and cold start of one engine, in a process of its own."""
    place = corpora.CACHE / f"{name}-{size}"
    seconds = place / "seconds" if name == "ours" else place.with_suffix(".stamp")
    clock, cpu = map(float, seconds.read_text().split()[-2:])
    queries = place.parent / f"queries-{size}.json"
    asked = [*drawn("words", 200, 1)[0], *drawn("typing", 200, 1)[0][:200]]
    queries.write_text(json.dumps(asked, ensure_ascii=False), "utf-8")
    command = [
        sys.executable,
        str(ROOT / "benchmarks/lib/probe.py"),
        name,
        str(place),
        str(queries),
    ]
    told = [json.loads(subprocess.check_output(command, cwd=ROOT)) for _ in range(3)]
    found = {key: statistics.median(each[key] for each in told) for key in told[0]}
    folder = Builds(Settings(data=place).builds).current().folder if name == "ours" else place
    return {
        "build clock s": clock,
        "build cpu s": cpu,
        "index MB": peers.size_of(folder) / 2**20,
    } | found


def footprints(size: int, names: Sequence[str], docs: int, characters: int) -> dict[str, object]:
    """Prints what each engine takes, and returns it."""
    print(f"\n{size:,} articles ({docs:,} served, {characters / 1e6:.1f} M characters of text)")
    print(f"{'':10}{'build s':>9}{'(cpu)':>8}{'MB':>8}{'PSS MB':>8}{'cold s':>8}{'(cpu)':>7}")
    told: dict[str, object] = {}
    for name in names:
        told[name] = f = footprint(name, size)
        print(
            f"{name:10}{f['build clock s']:9.1f}{f['build cpu s']:8.1f}{f['index MB']:8.1f}"
            f"{f['pss']:8.1f}{f['clock s']:8.2f}{f['cpu s']:7.2f}"
        )
    return told


# ---------------------------------------------------------------- builds


def render(size: int) -> None:
    """Renders every article once, with the Markdown extensions that articles are written for."""
    import markdown
    from markdown.inlinepatterns import SimpleTagInlineProcessor

    extensions = ["tables", "footnotes", "admonition", "def_list", "sane_lists"]
    converter = markdown.Markdown(
        extensions=[*extensions, "pymdownx.superfences", "pymdownx.highlight"],
        extension_configs={"pymdownx.highlight": {"guess_lang": False}},
    )
    strike = SimpleTagInlineProcessor(r"(~~)(?=\S)(.+?)(?<=\S)~~", "del")
    converter.inlinePatterns.register(strike, "strike", 65)
    for source in corpora.sources(size):
        converter.reset().convert(source.body)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processor, child processes included."""
    began, spent = time.perf_counter(), os.times()
    work()
    return time.perf_counter() - began, sum(os.times()[:4]) - sum(spent[:4])


def index(folder: Path, data: Path, *more: str) -> None:
    """Runs `kb index`."""
    command = [sys.executable, "-m", "kb", "index", "--articles", str(folder), "--data", str(data)]
    done = subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True)
    if done.returncode > 1:
        raise SystemExit(done.stderr)


def builds(size: int, keep: bool) -> dict[str, object]:
    """A full build beside rendering and plain Whoosh; one changed article until it is served."""
    ours = Ours(size)
    ours.built(keep)
    ours.open()
    docs = ours.docs()
    folder, data = corpora.CACHE / f"edited-{size}", corpora.CACHE / f"edited-{size}-data"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(corpora.folder(size), folder)
    steps = {
        "full build": lambda: index(folder, data),
        "rendering once": lambda: render(size),
        "plain Whoosh": lambda: peers.Whoosh(corpora.CACHE / "whoosh-build").build(docs),
    }
    print(f"\nfull build of {size:,} articles, seconds by the clock (of the processor)")
    told: dict[str, object] = {"articles": size}
    spent = {}
    for name, work in steps.items():
        spent[name] = timed(work)
        told[name] = {"clock s": spent[name][0], "cpu s": spent[name][1]}
        print(f"{name:16}{spent[name][0]:8.1f} ({spent[name][1]:.1f})")
    ratios = [
        spent["full build"][i] / (spent["rendering once"][i] + spent["plain Whoosh"][i])
        for i in (0, 1)
    ]
    told["full build / the sum of both"] = ratios
    print(f"full build / the sum of both: {ratios[0]:.2f} ({ratios[1]:.2f})")
    changes = [changed(folder, data, number) for number in range(3)]
    clock, cpu = (statistics.median(each[i] for each in changes) for i in (0, 1))
    shares = clock / spent["full build"][0], cpu / spent["full build"][1]
    told["one change"] = {"clock s": clock, "cpu s": cpu, "of a full build": shares}
    print(
        f"one changed article, from `kb index` to all workers: {clock:.2f} s ({cpu:.2f}), "
        f"{shares[0]:.3f} ({shares[1]:.3f}) of a full build"
    )
    return told


def changed(folder: Path, data: Path, number: int) -> tuple[float, float]:
    """Seconds from the start of `kb index` until every worker finds what was written.

    And the processor time of the command.
    """
    word = "щюжъ" + "абвгд"[number] * 3
    path = sorted(folder.rglob("*.md"))[1000 * (number + 1) % 997]
    with servers.kb(data, folder) as (server, base):
        servers.settled(server.pid)
        asked = f"/api/search?exact=1&q={quote(word)}"
        assert not json.loads(servers.get(base, asked))["total"]
        path.write_text(path.read_text("utf-8") + f"\n\n{word}\n", "utf-8")
        began, spent = time.perf_counter(), os.times()
        command = [sys.executable, "-m", "kb", "index", "--articles", str(folder)]
        child = subprocess.Popen(
            [*command, "--data", str(data)], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        row, first = 0, 0.0
        while row < 12 and time.perf_counter() < began + 120:  # of whichever worker is free
            found = json.loads(servers.get(base, asked))["total"]
            if found and not row:
                first = time.perf_counter()
            row = row + 1 if found else 0
            time.sleep(0.02)
        child.wait()
        now = os.times()
        cpu = now.children_user + now.children_system - spent.children_user - spent.children_system
        return first - began, cpu


# ---------------------------------------------------------------- all


def write_out(told: dict[str, object]) -> None:
    """The JSON and the chart of the documentation."""
    target = ROOT / "docs" / "charts"
    target.mkdir(parents=True, exist_ok=True)
    known = target / "speed.json"
    whole = json.loads(known.read_text("utf-8")) if known.exists() else {}
    whole |= told
    known.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")
    for size, tables in whole.items():
        if not size.isdigit() or not {"words", "typing"} <= tables.keys():
            continue
        groups = {
            f"{load}, {key}": {
                engine: tables[load]["ours"][engine]["ms"][key]
                for engine in ENGINES
                if engine in tables[load]["ours"]
            }
            for load in WORKLOADS
            if load in tables
            for key in ("p50", "p99")
        }
        drawing = charts.bars(
            f"Milliseconds to an answer with ten snippets, {int(size):,} articles",
            "processor time of a query, less is better; logarithmic",
            groups,
            logarithmic=True,
        )
        (target / f"speed-{size}.svg").write_text(drawing, "utf-8")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="ours and tantivy, words and typing")
    options.add_argument("--large", action="store_true", help="100,000 articles too, ours only")
    options.add_argument("--sizes", default="1000,10000")
    options.add_argument("--engines", default="")
    options.add_argument("--workloads", default="")
    options.add_argument("--queries", type=int, default=0, help="of each repetition")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--keep", action="store_true", help="the build as it is, whatever made it")
    options.add_argument("--build", action="store_true", help="time builds of the last size")
    options.add_argument("--out", action="store_true", help="write JSON and charts into docs")
    given = options.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    machine = (
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()}"
    )
    print(f"{machine} processors; real articles: {len(corpora.real()):,}, the rest is recombined")
    told: dict[str, object] = {"machine": machine}
    if given.build:
        told["builds"] = builds(sizes[-1], given.keep)
    else:
        for size in [*sizes, *([100_000] if given.large else [])]:
            told[str(size)] = compared(size, given)
            if given.out:
                write_out(told)
    if given.out:
        write_out(told)


def compared(size: int, given: argparse.Namespace) -> dict[str, object]:
    """All workloads and footprints at one size."""
    engines = (given.engines or ("ours,tantivy" if given.quick else ",".join(ENGINES))).split(",")
    if size > 10_000 and not given.engines:
        engines = ["ours"]
    if "tantivy" in engines and not peers.has_tantivy():
        engines.remove("tantivy")
    loads = (given.workloads or ("words,typing" if given.quick else ",".join(WORKLOADS))).split(",")
    count = given.queries or (200 if given.quick else 300)
    ours = Ours(size)
    ours.built(given.keep)
    ours.open()
    docs = ours.docs()
    others = {name: opened(name, size, docs) for name in engines if name != "ours"}
    served, characters = len(docs), sum(len(body) for _, _, body in docs)
    del docs
    gc.collect()
    gc.freeze()
    told: dict[str, object] = {}
    for load in loads:
        told[load] = parts = {}
        compare = rounds(ours, others, load)
        lists = iter(drawn(load, count, (given.repeat + 1) * len(compare)))
        print(f"\n{size:,} articles · {load} · × {given.repeat}, ms of processor time")
        for asks in compare:
            measured(asks, next(lists))  # warms up
            asked = [next(lists) for _ in range(given.repeat)]
            runs = [measured(asks, each) for each in asked]
            parts[next(iter(asks))] = report(runs, sum(map(len, asked)))
    gc.unfreeze()
    if not given.quick:
        told["footprint"] = footprints(size, engines, served, characters)
    return told


if __name__ == "__main__":
    main()
