"""What proving one changed article costs beside a full build: `python benchmarks/prove.py`.

The shared Russian articles become a git repository, its questions `misses.jsonl`. Each time another
article is changed. Prints seconds by the clock and of the processor, child processes included, of
`kb index --full`, of `kb prove HEAD` with the served build at hand (the median, and the first time,
when no file of the commit lies there) and with nothing at hand, and of the questions alone.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not ours: http.py

from benchmarks.lib.corpora import SHARED
from kb.base.config import Settings
from kb.index.rendering import Progress
from kb.jobs import prove

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode

ARTICLES, QUESTIONS = "articles/dynamics365-bc-ru", "sets/bc-anchors-ru/queries.jsonl"
TIMES = 3
ASKED = 200

Seconds = tuple[float, float]  # by the clock, of the processor


def kb(project: Path, *arguments: str) -> str:
    """What the command prints."""
    command = [sys.executable, "-m", "kb", *arguments]
    done = subprocess.run(
        command, cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode > 1:
        raise SystemExit(done.stderr)
    return done.stdout


def timed(work: Callable[[], object]) -> Seconds:
    """How long the work takes."""
    began, spent = time.perf_counter(), sum(os.times()[:4])
    work()
    return time.perf_counter() - began, sum(os.times()[:4]) - spent


def repository(project: Path) -> None:
    """The shared articles and questions, committed."""
    if not (SHARED / ARTICLES).is_dir():
        raise SystemExit(f"no articles in {SHARED}; KB_SHARED names the folder of shared data")
    shutil.copytree(SHARED / ARTICLES, project / "articles" / "ru")
    told = (SHARED / QUESTIONS).read_text("utf-8").splitlines()[:ASKED]
    rows = [json.loads(line) for line in told]
    lines = [json.dumps({"question": row["text"], "lang": "ru", "visits": 3}) for row in rows]
    (project / "misses.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    who = ("-c", "user.name=Anna", "-c", "user.email=anna@example.com")
    for command in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "articles")):
        subprocess.run(["git", *command], cwd=project, check=True)


def change(project: Path, number: int) -> None:
    """One article more differs from the commit, and no other."""
    subprocess.run(["git", "checkout", "-q", "."], cwd=project, check=True)
    paths = sorted((project / "articles").rglob("*.md"))
    path = paths[number * 331 % len(paths)]
    path.write_text(path.read_text("utf-8") + f"\n\nНовый абзац номер {number}.\n", "utf-8")


def asking(project: Path) -> tuple[Seconds, prove.Proof]:
    """How long the questions of a proof take, without what comes before them; and the proof."""
    found: list[Seconds] = []

    @contextmanager
    def progress(label: str) -> Iterator[Progress]:
        began, spent = time.perf_counter(), time.process_time()
        yield lambda done, total: None
        if label == "Asking":
            found.append((time.perf_counter() - began, time.process_time() - spent))

    settings = Settings(articles=project / "articles", data=project / "var")
    proof = prove.prove(
        settings, "HEAD", load=lambda folder: settings, now=datetime.now(UTC), here=project,
        progress=progress,
    )  # fmt: skip
    return found[0], proof


def median(runs: list[Seconds]) -> Seconds:
    return statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)


def tell(name: str, seconds: Seconds) -> None:
    """Prints a figure as soon as it is measured."""
    clock, processor = seconds
    print(f"{name:32}{clock:7.2f} s by the clock {processor:7.2f} s of the processor", flush=True)


def main() -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory(prefix="kb-bench-prove-") as work:
        project = Path(work)
        repository(project)
        full = timed(lambda: kb(project, "index", "--full"))
        tell("kb index --full", full)
        proofs, questions = [], []
        for number in range(TIMES):
            change(project, number)
            proofs.append(timed(lambda: kb(project, "prove", "HEAD")))
            seconds, proof = asking(project)
            questions.append(seconds)
        print(f"{proof.head.articles} articles, {proof.asked} questions, one article changed")
        tell("kb prove, served build at hand", median(proofs))
        tell("the first, which writes files", proofs[0])
        tell("the questions alone", median(questions))
        shares = [
            (proved - asked) / whole
            for proved, asked, whole in zip(median(proofs), median(questions), full, strict=True)
        ]
        first = (proofs[0][1] - questions[0][1]) / full[1]
        clock, processor = shares
        print(
            f"(prove - questions) / full build: {clock:.3f}, of the processor {processor:.3f},"
            f" the first time {first:.3f}"
        )
        shutil.rmtree(project / "var")
        tell("kb prove, nothing at hand", timed(lambda: kb(project, "prove", "HEAD")))


if __name__ == "__main__":
    main()
