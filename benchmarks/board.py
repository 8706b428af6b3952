"""Times of the leads' board, whole pages through the application, at 200,000 searches.

    python benchmarks/board.py
    python benchmarks/board.py --searches 20000 --groups 2000

Asked: at most 300 ms a page with 200,000 searches and 20,000 groups (issue 6).
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

from benchmarks.lib import logs  # noqa: E402
from kb.config import Settings  # noqa: E402
from kb.service import KnowledgeBase  # noqa: E402
from kb.web import create_app  # noqa: E402

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
            articles=ROOT / "articles", data=Path(folder), leads_password=SecretStr("benchmark")
        )
        logs.fill(settings.log_url, options.searches, options.groups)
        service = KnowledgeBase.open(settings)
        service.rebuild()
        worst = _measure(service)
        service.close()
    print(f"slowest median {worst:.0f} ms, asked {ASKED_MS}")
    return 0 if worst <= ASKED_MS else 1


def _measure(service: KnowledgeBase) -> float:
    client = create_app(service).test_client()
    ours = {"Sec-Fetch-Site": "same-origin"}
    client.post("/leads/sign-in", data={"password": "benchmark"}, headers=ours)
    medians = []
    print(f"{'page':<46} {'median ms':>9} {'longest':>8} {'kB':>6}")
    for path in PAGES:
        took = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            answer = client.get(path)
            took.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, f"{path}: {answer.status}"
        medians.append(statistics.median(took))
        size = len(answer.data) / 1000
        print(f"{path:<46} {medians[-1]:>9.1f} {max(took):>8.1f} {size:>6.0f}")
    return max(medians)


if __name__ == "__main__":
    sys.exit(main())
