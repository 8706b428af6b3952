"""How fast ours and other engines answer the same queries. Judges no order.

`python benchmarks/speed.py [--quick] [--large] [--build] [--table] [--out]`

Each engine answers a block of queries before the next one answers the same block, as a service
answers one after another; with `--interleaved` every query goes to every engine in turn as well.
Whoosh answers one in eleven and for some seconds only, and ours is compared with it on these.
No engine is asked a query twice: each repetition and each step of ours has queries of its own.
A time is the processor time the process spent, so what else the machine does is left out; the JSON
has the clock's too.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import quote

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # `benchmarks/http.py` must not stand in for the library's `http`

import kb
from benchmarks import peers
from benchmarks.lib import (
    charts,
    corpora,
    growth_tables,
    http_tables,
    measuring,
    servers,
    tables,
)
from benchmarks.lib.measuring import Ask, Run, Share
from kb.base.config import Settings
from kb.index.builds import Builds
from kb.index.reader import IndexReader
from kb.language import query as queries
from kb.ranking.kernels import c_kernel
from kb.ranking.ranker import Ranker
from kb.search import Searcher, SearchRequest

ENGINES = ("ours", "tantivy", "lucene", "bm25s", "fts5", "whoosh")
BARE = ("tantivy", "lucene", "bm25s")  # that steps of ours are compared with
WORKLOADS = ("words", "typing", "misspelt", "layout")
SMALL, LARGE = 10_000, 100_000  # articles between which growth is told
# Of each list: a keystroke takes it up to ten seconds. Eleven and fifty share no factor, so of what
# it answers no more queries begin a block than of all.
SHARES = {"whoosh": Share(every=11, seconds=30)}
CHARTS = ROOT / "docs" / "charts"
PAGE = ROOT / "docs" / "speed.md"
# What reading and writing a build depends on: another version of it needs another build.
_ROOMS = ("language", "content", "index", "ranking")  # what decides what a build holds


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
            clock, cpu = timed(lambda: index(Path(self.settings.articles), data, "--full"))
            (data / "seconds").write_text(f"{clock:.1f} {cpu:.1f}")
            mark.write_text(stamp)

    def open(self) -> None:
        self.reader = IndexReader(Builds(self.settings.builds).current())
        self.searcher = Searcher(self.reader, cached=0)
        self._ranker: Ranker = self.searcher._ranker
        self._allowed = self.reader.corpus.served(self._today)

    def answer(self, asked: str) -> object:
        """As `GET /api/search` asks: ten hits with titles, sections and snippets, and repairs."""
        return self.searcher.answer(SearchRequest(asked, facets=False), self._today)

    def word_step(self, asked: str) -> object:
        """The words alone: which ten articles they put first."""
        query = queries.parse(asked, self.reader.corpus.meaning)
        scores = self._ranker.engine.word_scores(self._ranker.lookup.query_terms(query))
        return self._ranker.kernel.best_hits(scores, 10)

    def rank(self, asked: str) -> object:
        """Words, letters and order, without repairs and snippets."""
        query = queries.parse(asked, self.reader.corpus.meaning)
        return self._ranker.rank(query, self._allowed, query.lang)

    def docs(self) -> list[peers.Doc]:
        return corpora.plain(self.reader)


def code_stamp() -> str:
    """A digest of the code a build depends on."""
    folder = Path(kb.__file__).parent
    digest = blake2b(digest_size=8)
    for room in _ROOMS:
        for file in sorted((folder / room).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def opened(name: str, size: int, docs: Sequence[peers.Doc]) -> peers.Engine:
    """A peer's index of these documents, made if there is none yet."""
    engine = peers.named(name, corpora.CACHE / f"{name}-{size}")
    made(engine, docs)
    engine.open()
    return engine


def made(engine: peers.Engine, docs: Sequence[peers.Doc]) -> None:
    """Makes the index of these documents in the engine's folder if it is of others."""
    stamp = blake2b(digest_size=8)
    for doc in docs:
        stamp.update("\0".join(doc).encode())
    mark = engine.folder.with_suffix(".stamp")
    if not mark.exists() or mark.read_text().split()[0] != stamp.hexdigest():
        print(f"building {engine.name} of {len(docs):,} articles …", file=sys.stderr)
        seconds, cpu = timed(lambda: engine.build(docs))
        mark.write_text(f"{stamp.hexdigest()} {seconds:.1f} {cpu:.1f}")


# ---------------------------------------------------------------- measuring


def rounds(ours: Ours, others: dict[str, peers.Engine], name: str) -> list[dict[str, Ask]]:
    """Who is compared with whom in a workload.

    Steps of ours are compared apart: of two that ask the same, the second finds caches filled.
    """
    typing = name == "typing"

    def with_snippets(engine: peers.Engine) -> Ask:
        return lambda query: engine.search(query, snippets=True, prefix_last=typing)

    shown: dict[str, Ask] = {"ours": ours.answer}
    shown |= {key: with_snippets(engine) for key, engine in others.items() if key != "bm25s"}
    if name not in ("words", "typing"):
        return [shown]
    fastest: dict[str, Ask] = {
        f"{key} bare": lambda query, engine=engine: engine.search(query, prefix_last=typing)
        for key, engine in others.items()
        if key in BARE and not (typing and key == "bm25s")  # which knows whole words only
    }
    return [shown, {"word step": ours.word_step, **fastest}, {"ranking": ours.rank, **fastest}]


def report(first: str, told: Mapping[str, dict[str, Any]]) -> None:
    """Prints one comparison: the first engine is divided by each other one."""
    ratios = f"{first} / it: p50   p99   (clock p50   p99)"
    print(f"{'':22}{'p50':>8}{'p95':>8}{'p99':>9}   {ratios if len(told) > 1 else ''}")
    for engine, each in told.items():
        ms, ratio, on_them = each["ms"], each[f"{first} / it"], each.get(f"{first} on them")
        label = f"{engine} ({each['queries']})" if on_them else engine
        shown = "" if engine == first else (
            f"{ratio['p50']:>{len(first) + 14}.2f}{ratio['p99']:6.2f}"
            f"{ratio['clock p50']:>13.2f}{ratio['clock p99']:6.2f}"
        )  # fmt: skip
        print(f"{label:22}{ms['p50']:8.2f}{ms['p95']:8.2f}{ms['p99']:9.2f}{shown}")
        if on_them:
            label = f"  {first} on these"
            print(f"{label:22}{on_them['p50']:8.2f}{on_them['p95']:8.2f}{on_them['p99']:9.2f}")


def growth(told: Mapping[str, Any], small: int, large: int) -> dict[str, Any]:
    """How many times longer each engine takes at the larger size; prints the same."""
    before, after = told[str(small)], told[str(large)]
    found: dict[str, Any] = {}
    print(f"\nfrom {small:,} to {large:,} articles, ten snippets, times as long: p50   p99")
    for load in (load for load in WORKLOADS if load in before and load in after):
        engines = [name for name in after[load]["ours"] if name in before[load]["ours"]]
        found[load] = {
            name: {
                key: after[load]["ours"][name]["ms"][key] / before[load]["ours"][name]["ms"][key]
                for key in ("p50", "p99")
            }
            for name in engines
        }
        for name, times in found[load].items():
            print(f"{load:10}{name:10}{times['p50']:8.1f}{times['p99']:8.1f}")
    return found


# ---------------------------------------------------------------- size, memory, cold start


def footprint(name: str, size: int) -> dict[str, float]:
    """Build time, bytes on disk, memory and cold start of one engine, in a process of its own."""
    place = corpora.CACHE / f"{name}-{size}"
    seconds = place / "seconds" if name == "ours" else place.with_suffix(".stamp")
    clock, cpu = map(float, seconds.read_text().split()[-2:])
    queries = place.parent / f"queries-{size}.json"
    drawn = corpora.Drawn()
    asked = [*drawn.lists("words", 200, 1)[0], *drawn.lists("typing", 200, 1)[0][:200]]
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


def builds(size: int, keep: bool) -> dict[str, Any]:
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
    told: dict[str, Any] = {"articles": size, "machine": machine()}
    spent = {}
    for name, work in steps.items():
        spent[name] = timed(work)
        told[name] = {"clock s": spent[name][0], "cpu s": spent[name][1]}
        if name == "full build":
            told["peak MB"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{name:16}{spent[name][0]:8.1f} ({spent[name][1]:.1f})")
    ratios = [
        spent["full build"][i] / (spent["rendering once"][i] + spent["plain Whoosh"][i])
        for i in (0, 1)
    ]
    told["full build / the sum of both"] = ratios
    print(f"full build / the sum of both: {ratios[0]:.2f} ({ratios[1]:.2f})")
    print(f"memory of a full build at its peak: {told['peak MB']:,.0f} MB")
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


def compared(size: int, given: argparse.Namespace) -> dict[str, Any]:
    """All workloads and footprints at one size."""
    engines = (given.engines or ("ours,tantivy" if given.quick else ",".join(ENGINES))).split(",")
    if size > SMALL and "whoosh" in engines:
        engines.remove("whoosh")
        print(f"\nplain Whoosh is left out beyond {SMALL:,} articles: a keystroke takes it seconds")
    for name in peers.missing(engines):
        engines.remove(name)
    loads = (given.workloads or ("words,typing" if given.quick else ",".join(WORKLOADS))).split(",")
    ours = Ours(size)
    ours.built(given.keep)
    ours.open()
    docs = ours.docs()
    others = {name: opened(name, size, docs) for name in engines if name != "ours"}
    served, characters = len(docs), sum(len(body) for _, _, body in docs)
    del docs
    drawn = corpora.Drawn()
    ways = {"": measuring.BLOCK} | ({"interleaved": 1} if given.interleaved else {})
    told: dict[str, Any] = {"machine": machine()}
    for load in loads:
        compare, lists_each = rounds(ours, others, load), 1 + given.repeat * len(ways)
        lists = iter(drawn.lists(load, given.queries, lists_each * len(compare)))
        for steps in compare:
            first = next(iter(steps))
            measuring.measured(steps, next(lists), shares=SHARES)  # warms up
            for way, runs in repeated(steps, lists, ways, given.repeat).items():
                found = measuring.compared(runs)
                how = (
                    f"{way or f'blocks of {measuring.BLOCK}'}, {found[first]['queries']:,} queries"
                )
                print(f"\n{size:,} articles · {load} · {how}, ms of the processor")
                report(first, found)
                part = told.setdefault(way, {"machine": told["machine"]}) if way else told
                part.setdefault(load, {})[first] = found
    if not given.quick:
        told["footprint"] = footprints(size, engines, served, characters)
    return told


def repeated(
    steps: Mapping[str, Ask], lists: Iterator[Sequence[str]], ways: Mapping[str, int], times: int
) -> dict[str, list[Run]]:
    """Repetitions of a comparison by each way, in turn, each with queries of its own."""
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for _ in range(times):
        for way, block in ways.items():
            runs[way].append(measuring.measured(steps, next(lists), block, SHARES))
    return runs


def machine() -> str:
    """What the figures depend on: code, compiler, Python, processors and what else they do."""
    git = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    ranking = "ranking in C" if c_kernel.library() else "ranking in numpy alone"
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    return f"commit {commit or 'unknown'}, {ranking}, Python {platform.python_version()}, {load}"


def write_out(told: Mapping[str, Any]) -> None:
    """Joins what was measured with what the JSON of the documentation holds; draws the charts."""
    CHARTS.mkdir(parents=True, exist_ok=True)
    before = known("speed")
    whole = before | {
        name: tables.joined(before[name], each) if name.isdigit() and name in before else each
        for name, each in told.items()
    }
    text = json.dumps(whole, ensure_ascii=False, indent=1) + "\n"
    (CHARTS / "speed.json").write_text(text, "utf-8")
    for size in filter(str.isdigit, whole):
        if not {"words", "typing"} <= whole[size].keys():
            continue
        groups = {
            f"{load}, {key}": {
                engine: each["ms"][key] for engine, each in whole[size][load]["ours"].items()
            }
            for load in WORKLOADS
            if load in whole[size]
            for key in ("p50", "p99")
        }
        drawing = charts.bars(
            f"Milliseconds to an answer with ten snippets, {int(size):,} articles",
            "processor time of a query, less is better; logarithmic",
            groups,
            logarithmic=True,
        )
        (CHARTS / f"speed-{size}.svg").write_text(drawing, "utf-8")


def known(name: str) -> dict[str, Any]:
    """What the JSON of the documentation holds."""
    file = CHARTS / f"{name}.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def tell(is_out: bool) -> None:
    """Prints the tables of what the JSON holds, or puts them into the documentation."""
    blocks = tables.blocks(known("speed"), known("http"), known("requests"))
    blocks |= http_tables.blocks(known("http_peers")) | growth_tables.blocks(known("growth"))
    if is_out:
        PAGE.write_text(tables.refreshed(PAGE.read_text("utf-8"), blocks), "utf-8")
        return
    for name, lines in blocks.items():
        print(f"\n{name}\n", *lines, sep="\n")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="ours and tantivy, words and typing")
    options.add_argument("--large", action="store_true", help=f"{LARGE:,} articles too")
    options.add_argument("--interleaved", action="store_true", help="query by query as well")
    options.add_argument("--sizes", default=f"1000,{SMALL}")
    options.add_argument("--engines", default="")
    options.add_argument("--workloads", default="")
    options.add_argument("--queries", type=int, default=0, help="of each repetition")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--keep", action="store_true", help="the build as it is, whatever made it")
    options.add_argument("--build", action="store_true", help="time builds of the last size")
    options.add_argument("--table", action="store_true", help="tables of what was measured before")
    options.add_argument("--out", action="store_true", help="write JSON, charts, tables into docs")
    given = options.parse_args()
    given.queries = given.queries or (200 if given.quick else 300)
    sizes = [int(size) for size in given.sizes.split(",")] + [LARGE] * given.large
    if given.table:
        tell(given.out)
        return
    print(f"{machine()}; real articles: {len(corpora.real()):,}, the rest is recombined")
    told: dict[str, Any] = {}
    if given.build:
        told["builds"] = builds(sizes[-1], given.keep)
    else:
        for size in sizes:
            told[str(size)] = compared(size, given)
            if given.out:
                write_out(told)
        if {SMALL, LARGE} <= set(sizes):
            told["growth"] = growth(told, SMALL, LARGE)
    if given.out:
        write_out(told)
        tell(is_out=True)


if __name__ == "__main__":
    main()
