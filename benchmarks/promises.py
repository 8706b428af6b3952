"""Promises against counting minute by minute: `python benchmarks/promises.py`."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # not ours: http.py

import calendars

if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calendars", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    wrong = calendars.differing(given.calendars, given.seed)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{given.calendars} calendars, 3 answers each: {len(wrong)} differ")
    sys.exit(bool(wrong))
