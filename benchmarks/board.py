"""Times of the leads' board, whole pages through the application, at 200,000 searches.

    python benchmarks/board.py
    python benchmarks/board.py --searches 20000 --groups 2000

Asked: at most 300 ms a page with 200,000 searches and 20,000 groups (issue 6). Judged is the time
of the processor: on a machine that does nothing else it is what a lead waits.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pydantic import SecretStr

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # `benchmarks/http.py` must not stand in for the library's `http`

from benchmarks.lib import logs
from kb.base.config import Settings
from kb.service import KnowledgeBase
from kb.web import create_app

REPEATS = 11
ASKED_MS = 300
PAGES = (
    "/leads",
    "/leads?page=200",
    "/leads?status=all&order=latest",
    "/leads?kind=weak&owner=Анна&category=Оплата",
    "/leads?period=30",
    "/leads?period=365&kind=none",
    "/leads?q=ба",
    "/leads/1",
    "/leads/numbers",
    "/leads/numbers?period=90",
    "/leads/state",
)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--searches", type=int, default=200_000)
    asked.add_argument("--groups", type=int, default=20_000)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            articles=ROOT / "articles",
            data=Path(folder),
            leads_password=SecretStr("four words of a benchmark"),
        )
        logs.fill(settings.log_url, options.searches, options.groups)
        service = KnowledgeBase.open(settings)
        service.rebuild()
        worst = _measure(service)
        service.close()
    print(f"slowest median {worst:.0f} ms of the processor, asked {ASKED_MS}")
    return 0 if worst <= ASKED_MS else 1


def _measure(service: KnowledgeBase) -> float:
    client = create_app(service).test_client()
    ours = {"Sec-Fetch-Site": "same-origin"}
    client.post("/leads/sign-in", data={"password": "benchmark"}, headers=ours)
    medians = []
    print(f"{'page':<46} {'processor ms':>12} {'clock ms':>9} {'longest':>8} {'kB':>5}")
    for path in PAGES:
        busy, took = [], []
        for _ in range(REPEATS):
            began, used = time.perf_counter(), time.process_time()
            answer = client.get(path)
            busy.append((time.process_time() - used) * 1000)
            took.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, f"{path}: {answer.status}"
        medians.append(statistics.median(busy))
        clock, size = statistics.median(took), len(answer.data) / 1000
        print(f"{path:<46} {medians[-1]:>12.0f} {clock:>9.0f} {max(took):>8.0f} {size:>5.0f}")
    return max(medians)


if __name__ == "__main__":
    sys.exit(main())
