"""`kb tickets` on clinc150 with articles for twenty of its intents: `python benchmarks/tickets.py`.

Prints how many of 100 resamplings hold the share of answered rows in their 95 % interval, and the
widest interval at 200 labels: for the whole set, for one of half answerable rows, and for one of
mostly answerable ones. With `--rows N`, what a file of N tickets costs: processor time of all
processes, minutes on the clock and the memory of the largest process.
"""

import argparse
import csv
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # not ours: http.py

import banking

from kb.base.config import Settings
from kb.service import KnowledgeBase
from kb.tickets import answering

DATA = Path(os.environ.get("KB_TEST_SHARED", ROOT.parent / "shared" / "data"))
CLINC = DATA / "tickets" / "clinc150_en.csv"
_NAMES = ["Anna", "Boris", "Clara", "Dmitry", "Elena", "Fedor", "Galina", "Henry"]


def intervals(resamplings: int, labels: int, every: int) -> None:
    """The share of resamplings that hold the truth, and the width of their intervals."""
    with tempfile.TemporaryDirectory() as folder:
        service = opened(Path(folder))
        rows = banking.queue(CLINC)[::every]
        answers = answering.answered(service, [row["text"] for row in rows], processes=2)
        service.close()
    truth = [f"en/{row['label']}" in a.slugs for row, a in zip(rows, answers, strict=True)]
    has_article = [row["label"] in banking.ARTICLES for row in rows]
    with_one = [at for at, has in enumerate(has_article) if has]
    without = [at for at, has in enumerate(has_article) if not has]
    for name, others in (("whole set", len(without)), ("half", len(with_one)),
                         ("four in five", len(with_one) // 4)):  # fmt: skip
        chosen = [*with_one, *without[:others]]
        told = [truth[at] for at in chosen]
        share = sum(told) / len(told)
        found = list(
            banking.resampled([answers[at] for at in chosen], told, range(resamplings), labels)
        )
        held = sum(each.low <= share <= each.high for each in found)
        widest = max(each.high - each.low for each in found)
        print(
            f"{name}: {len(chosen)} rows, {share:.1%} answered; {held} of {resamplings} intervals"
            f" hold it; widest {widest * 100:.1f} points at {labels} labels",
            flush=True,
        )


def opened(folder: Path) -> KnowledgeBase:
    """The service over the articles of the bank."""
    banking.write_articles(folder / "articles")
    service = KnowledgeBase(Settings(articles=folder / "articles", data=folder / "var"))
    service.rebuild()
    return service


def cost(rows: int) -> None:
    """What a file of so many tickets costs: letters of one to five sentences, few alike."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        opened(folder).close()
        write_tickets(folder / "tickets.csv", rows, [row["text"] for row in banking.queue(CLINC)])
        command = [sys.executable, "-m", "kb", "tickets", "tickets.csv", "--to", "report",
                   "--processes", "2"]  # fmt: skip
        began = time.monotonic()
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        minutes = (time.monotonic() - began) / 60
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{rows} tickets: {minutes:.1f} minutes, {(used.ru_utime + used.ru_stime) / 60:.1f} minutes"
        f" of the processor, the largest process {used.ru_maxrss / 1024:.0f} MB"
    )


def write_tickets(path: Path, rows: int, sentences: Sequence[str]) -> None:
    """A CSV of letters with greetings, addresses and signatures."""
    chance, came = random.Random(1), datetime(2026, 1, 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["Subject", "Description", "Type", "Created", "First reply at"])
        for _ in range(rows):
            came += timedelta(minutes=chance.randint(1, 9))
            who, said = chance.choice(_NAMES), chance.choices(sentences, k=chance.randint(1, 5))
            letter = f"Hello,\n{'. '.join(said)}.\nMy mail is {who}{chance.random()}@example.com"
            replied = came + timedelta(minutes=chance.randint(5, 3000))
            out.writerow(
                ["", f"{letter}\nBest regards,\n{who}", chance.choice("abcdef"), came, replied]
            )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--resamplings", type=int, default=100)
    options.add_argument("--labels", type=int, default=200)
    options.add_argument("--every", type=int, default=1, help="only each n-th row of the set")
    options.add_argument("--rows", type=int, default=0)
    given = options.parse_args()
    if given.rows:
        cost(given.rows)
    else:
        intervals(given.resamplings, given.labels, given.every)
