"""How many tests stand in which layer: `python tests/layers.py`. Runs none of them."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parent

# The first pattern that fits a file, relative to tests/, names its layer.
LAYERS = (
    ("browser", "browser/test_*.py"),
    ("command", "test_cli.py"),
    ("command", "test_server.py"),
    ("command", "test_scaffold.py"),
    ("command", "test_sync.py"),
    ("documentation and project", "test_documentation.py"),
    ("documentation and project", "test_project.py"),
    ("web", "test_web.py"),
    ("web", "test_pages.py"),
    ("web", "test_hooks.py"),
    ("web", "test_watch.py"),
    ("service", "test_evaluation.py"),
    ("service", "test_indexer.py"),
    ("service", "test_replay.py"),
    ("service", "test_reviews.py"),
    ("service", "test_search.py"),
    ("service", "test_searchlog.py"),
    ("service", "test_searchlog_board.py"),
    ("service", "test_triage.py"),
    ("service", "test_service.py"),
    ("service", "test_store.py"),
    ("module", "test_*.py"),
)


def layer_of(file: str) -> str:
    """The layer of a test file."""
    return next(name for name, pattern in LAYERS if Path(file).match(pattern))


def count() -> Counter[str]:
    """Collects all tests; a case of a parametrised test counts as one."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-q", str(TESTS)]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=True)
    found: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        file, _, number = line.removeprefix("tests/").partition(": ")
        if number.isdigit():
            found[layer_of(file)] += int(number)
    return found


if __name__ == "__main__":
    numbers = count()
    for name in dict.fromkeys(name for name, _ in LAYERS):
        print(f"{name:<28}{numbers[name]:>6}")
    print(f"{'all':<28}{numbers.total():>6}")
