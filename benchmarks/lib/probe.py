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


def opened(name: str, place: Path) -> tuple[Callable[[str], object], int | None]:
    """The engine over what was built at `place`, ready to be asked for ten hits with snippets.

    And the process it works in, if that is not this one.
    """
    if name == "ours":
        from kb.base.config import Settings
        from kb.service import KnowledgeBase

        service = KnowledgeBase.open(Settings(data=place), cached_answers=0)
        return lambda query: service.answer(query, facets=False), None
    from benchmarks import peers

    engine = peers.named(name, place)
    if isinstance(engine, peers.Lucene):
        engine.warm_up = 0
    engine.open()
    return lambda query: engine.search(query, snippets=True), getattr(engine, "pid", None)


def memory(pid: int | None) -> dict[str, float]:
    """Megabytes of a process: PSS shares mapped pages among those who map them, RSS does not."""
    found = {}
    for line in Path(f"/proc/{pid or 'self'}/smaps_rollup").read_text().splitlines():
        key, _, rest = line.partition(":")
        if key in ("Rss", "Pss", "Private_Dirty"):
            found[key.lower()] = int(rest.split()[0]) / 1024
    return found


def processor_time(pid: int | None) -> float:
    """Seconds this process spent, and with it the one the engine works in."""
    own = time.process_time()
    if pid is None:
        return own
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return own + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    if len(sys.argv) < 4:
        return
    name, place, queries = sys.argv[1], Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())
    ask, pid = opened(name, place)
    ask(queries[0])
    # CLOCK_BOOTTIME and the start in /proc count from the same moment.
    start = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    clock = time.clock_gettime(time.CLOCK_BOOTTIME) - start / os.sysconf("SC_CLK_TCK")
    first = {"clock s": clock, "cpu s": processor_time(pid)}
    for query in queries:
        ask(query)
    print(json.dumps(first | memory(pid)))


if __name__ == "__main__":
    main()
