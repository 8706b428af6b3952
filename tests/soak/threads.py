"""Eight threads search at once and must get the answers of one; prints how many differ.

    PYTHONPATH=.:tests python tests/soak/threads.py --threads 8 --searches 1000

Threads change places every ten microseconds, a thousand times as often as usual.
"""

import argparse
import tempfile
from pathlib import Path

import bases
import test_instant as short


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--searches", type=int, default=1_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kb = bases.made_up(Path(folder))
        wrong = short.differing_answers(kb, options.threads, options.searches)
    print(f"searches: {options.threads * options.searches}, differing answers: {len(wrong)}")
    for query in wrong[:5]:
        print(ascii(query[:200]))


if __name__ == "__main__":
    main()
