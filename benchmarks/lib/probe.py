"""One engine in a process of its own: its first answer and its memory. Ranks nothing.

`python benchmarks/lib/probe.py ENGINE FOLDER QUERIES.json` is what `speed.py` starts; run without
arguments it does nothing. Each engine loads only what it needs itself.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # `benchmarks/http.py` must not stand in for the library's `http`


def opened(name: str, place: Path) -> Callable[[str], object]:
    """The engine over what was built at `place`, ready to be asked for ten hits with snippets."""
    if name == "ours":
        from kb.base.config import Settings
        from kb.service import KnowledgeBase

        service = KnowledgeBase.open(Settings(data=place), cached_answers=0)
        return lambda query: service.answer(query, facets=False)
    from benchmarks import peers

    engine = peers.named(name, place)
    engine.open()
    return lambda query: engine.search(query, snippets=True)


def memory() -> dict[str, float]:
    """Megabytes of this process: PSS shares mapped pages among those who map them, RSS does not."""
    found = {}
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        key, _, rest = line.partition(":")
        if key in ("Rss", "Pss", "Private_Dirty"):
            found[key.lower()] = int(rest.split()[0]) / 1024
    return found


def main() -> None:
    if len(sys.argv) < 4:
        return
    name, place, queries = sys.argv[1], Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())
    ask = opened(name, place)
    ask(queries[0])
    # CLOCK_BOOTTIME and the start in /proc count from the same moment.
    start = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    clock = time.clock_gettime(time.CLOCK_BOOTTIME) - start / os.sysconf("SC_CLK_TCK")
    first = {"clock s": clock, "cpu s": time.process_time()}
    for query in queries:
        ask(query)
    print(json.dumps(first | memory()))


if __name__ == "__main__":
    main()
