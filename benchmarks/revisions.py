"""What reading, building and saving cost beside other revisions of this repository.

`python benchmarks/revisions.py scan|build|save|change FOLDER NAME=ROOT … [--rounds 3]
[--keep DATA]`

A root is a checkout with its own `.venv` (`git worktree add`, then `make .venv/.for-serve` there);
its code works on the articles of FOLDER. `scan` reads and parses the folder, `build` is `kb index`
from nothing, `save` indexes one saved article as `kb serve --watch` does, `change` as `kb index`
does, which verifies the build before it, without the start of its process. These two index the
folder first; with `--keep` that is done once, in the folder NAME of DATA, as long as the revision
stays. The revisions take turns in each round, so that a busy machine treats them alike. Prints for
each the median and the least of its seconds of the processor, children included, and their ratio
to the first revision.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SCANS, SAVES = 3, 8

# Each prints the seconds of one piece of work a line. The names of 21080bd are tried second.
SCAN = f"""
import gc, sys, time
from pathlib import Path
try:
    from kb.content.folder import scan
except ImportError:
    from kb.articles import scan
for _ in range({SCANS}):
    gc.collect()
    begun = time.process_time()
    scan(Path(sys.argv[1]))
    print(time.process_time() - begun)
"""
SAVE = f"""
import contextlib, gc, os, shutil, sys, tempfile, time
from pathlib import Path
try:
    from kb.base.config import Settings
except ImportError:
    from kb.config import Settings
with contextlib.suppress(ImportError):
    from kb.base import gc_tuning
    gc_tuning.collect_seldom()  # as the command does
from kb.service import KnowledgeBase
with tempfile.TemporaryDirectory(prefix="kb-save-") as place:
    place = sys.argv[3] or place
    articles = Path(place, "articles")
    if not articles.exists():
        shutil.copytree(sys.argv[1], articles)
    file = articles / "ru" / "live.md"
    file.parent.mkdir(exist_ok=True)
    settings = Settings(articles=articles, data=Path(place, "var"))
    service = KnowledgeBase(settings)
    for number in range({SAVES} + 1):
        if sys.argv[2] == "change":
            service = KnowledgeBase(settings)  # which has verified no file of a build yet
        text = ["# Живая правка", *["Обычный абзац."] * 60, f"Правка{{number}} {{time.time_ns()}}."]
        file.write_text("\\n\\n".join(text))
        gc.collect()
        begun = os.times()
        service.rebuild(hurried=sys.argv[2] == "save")
        if number:  # the first builds everything
            print(sum(os.times()[:4]) - sum(begun[:4]))
"""


def seconds(what: str, folder: Path, root: Path, kept: Path | None = None) -> float:
    """Seconds of the processor for one piece of work by the code in `root`.

    `kept` is a folder for copies of the articles and their build, which the next call goes on from.
    """
    python = str(root / ".venv" / "bin" / "python")
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    if what != "build":
        script = SCAN if what == "scan" else SAVE
        done = subprocess.run(
            [python, "-c", script, str(folder), what, str(kept or "")],
            cwd=root, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return statistics.median(map(float, done.stdout.split()))
    with tempfile.TemporaryDirectory(prefix="kb-build-") as data:
        begun = os.times()
        subprocess.run(
            [python, "-m", "kb", "index", "--articles", str(folder), "--data", data],
            cwd=root, env=environment, capture_output=True, check=False,  # 1: an article is wrong
        )  # fmt: skip
        ended = os.times()
    return (ended.children_user - begun.children_user) + (
        ended.children_system - begun.children_system
    )


def main() -> None:
    """Measures what is asked and prints a line for each revision."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["scan", "build", "save", "change"])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("roots", nargs="*", metavar="NAME=ROOT")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, metavar="DATA", help="go on from builds kept there")
    asked = parser.parse_args()
    if not asked.roots:
        parser.exit(message="name checkouts to compare, such as old=../old new=.\n")
    roots = {
        name: Path(root).resolve() for name, _, root in (r.partition("=") for r in asked.roots)
    }
    taken: dict[str, list[float]] = {name: [] for name in roots}
    for number in range(asked.rounds):
        for name in list(roots)[:: 1 if number % 2 == 0 else -1]:
            kept = asked.keep and asked.keep.resolve() / name
            taken[name].append(seconds(asked.what, asked.folder.resolve(), roots[name], kept))
    first = statistics.median(next(iter(taken.values())))
    for name, values in taken.items():
        median = statistics.median(values)
        print(f"{name:12} median {median:.3f} s, least {min(values):.3f} s, {median / first:.2f} ×")
    print(f"load {os.getloadavg()[0]:.1f}", file=sys.stderr)


if __name__ == "__main__":
    main()
