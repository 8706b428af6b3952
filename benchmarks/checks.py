"""What `kb check` costs and finds: `python benchmarks/checks.py FOLDER [FOLDER…]`.

Prints the time of reading all files and parsing their front matter, the time of a whole check of
them, first without a build and then again, and their ratio, each the best of three; then how many
problems every rule finds. Times are those of the processor, children included: the ratio then says
the same on a busy machine. With `--sample N`, N problems of each rule to judge by hand, always
the same ones.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not ours: http.py

from kb import articles, front_matter, inspection  # noqa: E402
from kb.articles import Problem  # noqa: E402
from kb.config import Settings  # noqa: E402
from kb.front_matter import Wrong  # noqa: E402
from kb.keys import typed  # noqa: E402

TIMES = 3


def seconds(work: Callable[[], object]) -> float:
    """Processor time of the work and of the processes it starts."""
    before = os.times()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


def front_matter_alone(folder: Path) -> None:
    """Reads every file, and nothing of it but its front matter."""
    for source in articles.listing(folder).sources:
        data = articles.read(folder, source)
        with suppress(Wrong):
            if isinstance(data, bytes):
                typed(front_matter.read(data.decode("utf-8", "replace").split("\n")))


def measure(folder: Path, sample: int) -> None:
    """Prints the figures of one folder."""
    found: list[Problem] = []

    def check(data: str) -> None:
        found[:] = inspection.inspect(Settings(articles=folder, data=Path(data)), date.today())

    with tempfile.TemporaryDirectory() as again:
        check(again)  # everything is imported and cached by the machine
        alone = min(seconds(lambda: front_matter_alone(folder)) for _ in range(TIMES))
        later = min(seconds(lambda: check(again)) for _ in range(TIMES))
    firsts = []
    for _ in range(TIMES):
        with tempfile.TemporaryDirectory() as fresh:
            firsts.append(seconds(lambda data=fresh: check(data)))  # type: ignore[misc]
    number = len(articles.listing(folder).sources)
    print(f"{folder.name}: {number} files, front matter alone {alone:.2f} s,", end=" ")
    print(f"first check {min(firsts):.2f} s ({min(firsts) / alone:.1f} ×),", end=" ")
    print(f"next check {later:.2f} s ({later / alone:.1f} ×)")
    by_rule: dict[tuple[str, str], list[Problem]] = defaultdict(list)
    for problem in found:
        by_rule[problem.level, problem.code].append(problem)
    for (level, code), problems in sorted(by_rule.items()):
        print(f"  {len(problems):5} {code} ({level})")
        for one in sorted(random.Random(1).sample(problems, min(sample, len(problems)))):
            print(f"        {one.path}:{one.line}: {one.message}; {one.cure}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--sample", type=int, default=0)
    given = parser.parse_args()
    for folder in given.folders or [Path(sys.path[0]) / "articles"]:
        measure(folder, given.sample)


if __name__ == "__main__":
    main()
