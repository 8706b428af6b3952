"""One network floods a running server; prints what others notice, and what leads have to bear.

    PYTHONPATH=.:tests python tests/reliability/flood.py --each 10000 --groups 30000

Honest visitors search; one network sends so many searches by pages, as many in reports of fifty
each, clicks and votes. Then a log of `--groups` questions is filled without any limit, to see how
long the board's table, a replay and an export take. Exit 1 if completions, popular articles or the
order of honest questions are not as without the flood, or a report took longer than 5 s.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flooding

from kb.base.config import Settings
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.service import KnowledgeBase

SECONDS = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=10_000, help="searches, clicks, votes")
    parser.add_argument("--groups", type=int, default=30_000, help="in the log of a long flood")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        told = flooded(Path(name), options.each)
        if options.groups:
            told["log of a long flood"] = long_flood(Path(name), options.groups)
    print(json.dumps(told, ensure_ascii=False, indent=2))
    same = "as" if told["as without it"] else "NOT as"
    print(
        f"measured: requests {told['requests']}, what others see {same} without them, honest "
        f"reports on the disk after {told['slowest honest report on disk, s']} s at most"
    )
    return 0 if told["as without it"] and told["slowest honest report on disk, s"] <= SECONDS else 1


def flooded(folder: Path, each: int) -> dict:
    quiet, loud = flooding.site(folder / "quiet"), flooding.site(folder / "loud")
    with flooding.served(quiet) as server:
        flooding.honest(server)
    before = flooding.seen(quiet)
    with flooding.served(loud) as server:
        flooding.honest(server)
        lured = flooding.first_hit(server, "что значат числа")
        probes = flooding.Probes(server, 0.25)
        began = time.monotonic()
        said = flooding.flood(server, each, lured)
        took = time.monotonic() - began
        probes.stop()
        cookie = server.signed_in()
        table = flooding.timed(
            lambda: server.ask("GET", "/leads/misses.csv", "10.200.0.1", Cookie=cookie)
        )
    after = flooding.seen(loud)
    kb = KnowledgeBase.open(loud)
    replay = flooding.timed(kb.replay)
    kb.close()
    delays = sorted(probes.delays)
    same = (before.completions, before.popular, before.order) == (
        after.completions, after.popular, after.order,
    )  # fmt: skip
    return {
        "requests": sum(said.values()),
        "seconds": round(took, 1),
        "answers": dict(sorted(said.items())),
        "as without it": same,
        "completions": [before.completions, after.completions],
        "popular": [before.popular, after.popular],
        "ranks": [before.ranks, after.ranks],
        "groups": [before.groups, after.groups],
        "searches kept": [before.searches, after.searches],
        "honest reports meanwhile": len(delays),
        "median honest report on disk, s": round(delays[len(delays) // 2], 2),
        "slowest honest report on disk, s": round(delays[-1], 2),
        "misses.csv, s": round(table, 2),
        "replay, s": round(replay, 1),
    }


def long_flood(folder: Path, groups: int) -> dict:
    """What leads' tools take over a log that a flood of many networks has filled."""
    settings = flooding.site(folder / "long")
    log = SearchLog(settings.log_url)
    at = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    for low in range(0, groups, 500):
        log.record(
            *(
                Search(f"r{n}", f"v{n}", flooding._words(n), at, at, lang="ru")
                for n in range(low, min(low + 500, groups))
            )
        )
    log.close()
    told: dict[str, object] = {"groups": groups}
    with flooding.served(settings) as server:
        cookie = server.signed_in()
        for path in ("/leads", "/leads/misses.csv"):
            told[f"{path}, s"] = round(
                flooding.timed(lambda p=path: server.ask("GET", p, "10.200.0.1", Cookie=cookie)), 2
            )
    for command in (
        ["misses", "--format", "json"],
        ["log", "export"],
        ["log", "export", "--for-git"],
        ["digest"],
        ["misses", "replay", "--seconds", "60"],
        ["log", "forget", "--groups", "--since", "2h", "--yes"],
    ):
        seconds, last = run(settings, command)
        told[f"kb {' '.join(command)}, s"] = [round(seconds, 1), last]
    return told


def run(settings: Settings, command: list[str]) -> tuple[float, str]:
    """How long a command took, and the last line it said on stderr or else on stdout."""
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "kb", *command, *folders], capture_output=True, text=True
    )
    lines = (done.stderr or done.stdout).splitlines()
    return time.monotonic() - began, lines[-1][:120] if lines else ""


if __name__ == "__main__":
    sys.exit(main())
