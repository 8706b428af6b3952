"""Damaged arrays under the sanitizers: prints how many of the trials read out of bounds.

    PYTHONPATH=.:tests python tests/reliability/kernel.py --trials 5000

Each trial changes numbers in one to three arrays of a build in memory and asks three queries of the
kernel in C, compiled with the address and undefined-behaviour sanitizers. Exit 1 if they find
anything, 2 where there are none.
"""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import damage

from kb.ranking.kernels import c_kernel


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=5_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--source", type=Path, default=c_kernel.SOURCE, help="another native.c")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = damage.watched(folder, options.source)
        if isinstance(made, str):
            print(made, file=sys.stderr)
            return 2
        share = -(-options.trials // options.processes)

        def run(part: int) -> list[damage.Finding]:
            first = options.first + part * share
            trials = min(share, options.first + options.trials - first)
            return list(damage.findings(*made, folder, trials, first))

        with ThreadPoolExecutor(options.processes) as pool:
            found = [each for part in pool.map(run, range(options.processes)) for each in part]
    for each in found:
        print(f"trial {each.trial}: {each.said}")
    print(f"measured: trials {options.trials}, findings {len(found)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
