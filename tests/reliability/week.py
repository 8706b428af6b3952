"""A week of banking77: twelve needs in twelve wordings each, four of them without an article.

    PYTHONPATH=.:tests python tests/reliability/week.py --base FOLDER

The articles are written of other sentences of the same intent and stand among those of `--base`.
Prints what a build without a changed article and one with moved commas closed of what readers gave
up on (nothing, or exit 1), how many rows the needs are before and after a lead accepts suggestions,
how many of these were wrong (more than one in four: exit 1), and whether visits are exact.
"""

import argparse
import json
import random
import sys
import tempfile
from collections import defaultdict
from csv import DictReader
from pathlib import Path

from scripted_week import Need, play

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def needs(intents: int, wordings: int, bare: int, seed: int) -> list[Need]:
    """Intents of banking77 as needs; the last `bare` have no article."""
    texts = defaultdict(list)
    with (SHARED / "tickets" / "banking77_train_en.csv").open(encoding="utf-8") as file:
        for row in DictReader(file):
            texts[row["label"]].append(row["text"])
    rng = random.Random(seed)
    found = []
    for at, name in enumerate(rng.sample(sorted(texts), intents)):
        some = rng.sample(texts[name], min(len(texts[name]), wordings + 25))
        body = " ".join(some[wordings:]) if at < intents - bare else ""
        found.append(Need(name.lower().strip("?"), some[:wordings], body))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, default=SHARED / "articles" / "plausible-docs")
    parser.add_argument("--intents", type=int, default=12)
    parser.add_argument("--wordings", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        week = needs(given.intents, given.wordings, given.intents // 3, given.seed)
        told = play(week, Path(folder) / "site", given.base, given.seed)
    print(json.dumps(told, indent=1))
    merging = told["merging"]
    assert isinstance(merging, dict)
    is_right = not told["closed without a change"] and not told["closed by commas"]
    return 0 if is_right and 4 * merging["wrong"] <= merging["suggestions"] else 1


if __name__ == "__main__":
    sys.exit(main())
