"""Eight threads search at once and must get the answers of one; prints how many differ.

    PYTHONPATH=.:tests:tests/index python tests/reliability/threads.py --threads 8 --searches 1000

Threads change places every ten microseconds, a thousand times as often as usual.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import bases
import test_corpus as short


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--searches", type=int, default=1_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kb = bases.made_up(Path(folder))
        wrong = short.differing_answers(kb, options.threads, options.searches)
    for query in wrong[:5]:
        print(ascii(query[:200]))
    asked = options.threads * options.searches
    print(f"measured: threads {options.threads}, searches {asked}, differing answers {len(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
