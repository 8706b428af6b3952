"""Search in a cluster as the base grows: indexing, sizes, times, a node less. Judges no order.

`python benchmarks/opensearch_size.py [--sizes 10000,200000] [--interrupt] [--copies 5,20]`

Starts OpenSearch nodes, each a process of its own on this machine, and for each size runs
`kb index` into them, then asks questions and keystrokes as `GET /api/search` does, one after
another: with all nodes, while one is killed, and with one less. With `--interrupt` indexing is
killed once about half of the articles were rendered, again once half were sent, and started again.
With `--copies` an index of its own
with a shard for each node is given every article five times, then twenty times, and asked what the
questions had asked of the first one: what a shard of that size takes, without indexing so many.
Processor time is told of this process and of the nodes apart; the clock holds what else the machine
does. `--keep FOLDER` keeps the builds, so that a run that was ended renders nothing again.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded
ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # not ours: http.py

from opensearch_cluster import Cluster, Node, cluster

from benchmarks.lib import copies, corpora
from benchmarks.lib.nodes import ask, memory, watched
from kb.base.config import Settings
from kb.index import checkpoint, light
from kb.index.builds import Builds
from kb.service import KnowledgeBase

MB = 1 << 20
RENDERED = 16_000  # bytes of a rendered article, about


# ---------------------------------------------------------------- indexing


def settings_of(size: int, data: Path, found: Cluster) -> Settings:
    """Settings of a base of this size that is searched in this cluster."""
    return Settings(
        articles=corpora.folder(size), data=data, database_url=None,
        engine="opensearch", opensearch_url=",".join(found.urls),
    )  # fmt: skip


def index(
    settings: Settings, found: Cluster, is_over: Callable[[], bool] | None = None
) -> dict[str, Any]:
    """Runs `kb index`, or kills it once `is_over` says so, and tells what that took."""
    command = [sys.executable, "-m", "kb", "index", "--json"]
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]
    before = sent(found)
    environment = os.environ | {
        "KB_ENGINE": "opensearch", "KB_OPENSEARCH_URL": ",".join(found.urls), "KB_DATABASE_URL": "",
        "LC_ALL": "en_US.UTF-8",  # what was rendered before is said in English
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with subprocess.Popen(
        [*command, *folders], env=environment, cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    ) as process, watched(process.pid, found.nodes) as took:  # fmt: skip
        while is_over is not None and process.poll() is None:
            time.sleep(0.2)
            if is_over():
                os.killpg(process.pid, signal.SIGKILL)
                break
        _, told = process.communicate()
    if is_over is None and process.returncode not in (0, 1):
        raise SystemExit(told.decode())
    resumed = re.search(r"interrupted: ([\d,]+) article", told.decode())
    return {
        "rendered before": int(resumed[1].replace(",", "")) if resumed else 0,
        "sent": sent(found) - before,
        "clock s": took.clock, "cpu s": took.cpu, "nodes' cpu s": took.nodes_cpu,
        "peak MB": took.peak, "of it no files MB": took.peak_own, "exit": process.returncode,
    }  # fmt: skip


def sent(found: Cluster) -> int:
    """How many articles the cluster was given since its nodes were started."""
    counted = found.get("/_stats/indexing")["_all"]["primaries"].get("indexing", {})
    return int(counted.get("index_total", 0))


def stored(found: Cluster) -> dict[str, Any]:
    """What the cluster holds: articles, bytes on disk by shard, memory that is in use."""
    for node in found.nodes:  # what is garbage is no need
        if node.process is not None and node.process.poll() is None:
            subprocess.run(["jcmd", str(node.process.pid), "GC.run"], capture_output=True)
    shards = found.get("/_cat/shards?format=json&bytes=b&h=index,shard,prirep,docs,store,node")
    mine = [each for each in shards if not each["index"].startswith(".")]
    jvm = found.get("/_nodes/stats/jvm,process")["nodes"].values()
    return {
        "shards": [
            {**each, "docs": int(each["docs"] or 0), "store": int(each["store"] or 0)}
            for each in mine
        ],
        "heap MB": {each["name"]: each["jvm"]["mem"]["heap_used_in_bytes"] / MB for each in jvm},
    }


# ---------------------------------------------------------------- answers


class Loads:
    """Questions and keystrokes, of each so many lists; no query stands in two of them."""

    def __init__(self, queries: int, lists: int = 5) -> None:
        drawn = corpora.Drawn()
        self._lists = {
            name: iter(drawn.lists(name, queries, lists)) for name in ("words", "typing")
        }

    def ask(self, kb: KnowledgeBase, nodes: Sequence[Node]) -> dict[str, Any]:
        """Asks the next list of each."""
        return {name: ask(kb, next(lists), nodes) for name, lists in self._lists.items()}


def answers(kb: KnowledgeBase, found: Cluster, loads: Loads) -> dict[str, Any]:
    """Questions and keystrokes with all nodes, while one is killed, and with one less."""
    loads.ask(kb, found.nodes)  # warms up
    told: dict[str, Any] = {"all nodes": loads.ask(kb, found.nodes)}
    if len(found.nodes) == 1:
        return told
    lost = holder(found)
    began = time.perf_counter()
    lost.kill()
    told["while one is lost"] = loads.ask(kb, found.nodes)
    found.wait("green", len(found.nodes) - 1, 900)
    told["copied again s"] = time.perf_counter() - began
    told["one node less"] = loads.ask(kb, found.nodes)
    began = time.perf_counter()
    lost.start()
    found.wait("green", seconds=900)
    told["joined again s"] = time.perf_counter() - began
    return told


def holder(found: Cluster) -> Node:
    """A node that holds a first copy of what is searched."""
    shards = found.get("/_cat/shards?format=json&h=index,prirep,node")
    names = {each["node"] for each in shards if each["prirep"] == "p" and each["index"][0] != "."}
    return next(node for node in found.nodes if node.name in names)


def on_disk(settings: Settings) -> dict[str, float]:
    """Megabytes of the build, of them those of a light one, and of each of its files."""
    build = Builds(settings.builds).current()
    sizes = {name: facts[0] / MB for name, facts in build.manifest["files"].items()}
    light_files = light.manifest(build.manifest)["files"]
    return {
        "whole": sum(sizes.values()),
        "light": sum(sizes[name] for name in light_files),
        **{name: size for name, size in sizes.items() if name in light_files},
    }


# ---------------------------------------------------------------- all


def measured(size: int, data: Path, found: Cluster, given: argparse.Namespace) -> dict[str, Any]:
    """Everything of one size."""
    settings = settings_of(size, data, found)
    told: dict[str, Any] = {"load": os.getloadavg()[0]}
    print(f"\n{size:,} articles", flush=True)
    if given.interrupt:
        rendered, before = settings.builds / checkpoint.NAME, sent(found)
        ends: dict[str, Callable[[], bool]] = {
            "index, killed while it renders": lambda: (
                rendered.exists() and rendered.stat().st_size > size // 2 * RENDERED
            ),
            "index, killed while it sends": lambda: sent(found) - before >= size // 2,
        }
        for name, is_over in ends.items():
            told[name] = index(settings, found, is_over)
            show(name, told[name])
    told["index"] = index(settings, found)
    show("index", told["index"])
    told["again"] = index(settings, found)
    show("index, nothing changed", told["again"])
    found.wait("green", seconds=600)
    told["stored"] = stored(found)
    show("stored", told["stored"])
    told["MB on disk"] = on_disk(settings)
    show("MB on disk", told["MB on disk"])
    loads = Loads(given.queries)
    kb = KnowledgeBase.open(settings, cached_answers=0)
    told["answers"] = answers(kb, found, loads)
    for when, each in told["answers"].items():
        show(when, each)
    told["memory of a reader MB"] = memory([os.getpid()])
    if given.copies:
        times = [int(each) for each in given.copies.split(",")]
        told["copies"] = copies.measured(kb, found, times, given.queries)
        told["copies"]["stored"] = stored(found)
        show("copies", told["copies"])
    kb.close()
    kb = KnowledgeBase.open(settings, cached_answers=0, engine="arrays")
    told["by the build itself"] = loads.ask(kb, ())
    show("by the build itself", told["by the build itself"])
    kb.close()
    return told


def show(name: str, facts: object) -> None:
    print(f"  {name}: {json.dumps(rounded(facts), ensure_ascii=False)}", flush=True)


def rounded(facts: Any) -> Any:
    """The same with numbers that can be read."""
    if isinstance(facts, float):
        return round(facts, 2 if facts < 100 else 0)
    if isinstance(facts, dict):
        return {key: rounded(value) for key, value in facts.items()}
    return [rounded(each) for each in facts] if isinstance(facts, list) else facts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="10000")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--heap", default="1g")
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--interrupt", action="store_true", help="kill indexing in its middle")
    parser.add_argument("--copies", default="", help="of each article in another index: 5,20")
    parser.add_argument("--keep", type=Path, help="keeps the builds there, for a run that goes on")
    parser.add_argument("--out", type=Path, help="writes what was measured as JSON")
    given = parser.parse_args()
    corpora.require()
    told = {}
    with TemporaryDirectory(prefix="kb-size-") as folder:
        for size in map(int, given.sizes.split(",")):
            with cluster(given.nodes, given.heap, is_brief=False) as found:
                data = (given.keep or Path(folder)) / f"size-{size}"
                told[str(size)] = measured(size, data, found, given)
    if given.out:
        given.out.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
