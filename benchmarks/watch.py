"""How soon a saved article stands in the writer's browser. Judges no page.

`python benchmarks/watch.py [--size 1000] [--saves 20]`

A real Chromium looks at an article of a base of that size under `kb serve --watch`; the article is
saved again and again, each time with a new sentence, and the time runs from the save until the
sentence can be read on the page. On a busy machine all of it takes longer: before each save a piece
of work is timed against the processor's own clock, and the median is also given divided by how many
times longer that took than it would alone. Prints one JSON document.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

from benchmarks.lib import corpora, servers

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def measured(size: int, saves: int) -> dict[str, object]:
    """Milliseconds from save to page, and whether the page stayed where it was scrolled to."""
    from playwright.sync_api import sync_playwright

    browser_path = next(path for path in map(shutil.which, CHROMIUM) if path)
    with TemporaryDirectory(prefix="kb-watch-") as place:
        articles, data = Path(place, "articles"), Path(place, "var")
        shutil.copytree(corpora.folder(size), articles)
        file = articles / "ru" / "live.md"
        file.write_text(text("Начало"), "utf-8")
        folders = ["--articles", str(articles), "--data", str(data)]
        subprocess.run([sys.executable, "-m", "kb", "index", *folders], check=True, cwd=ROOT,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        with (
            servers.kb(data, articles, watch=True) as (_, (host, port)),
            sync_playwright() as playwright,
        ):
            chrome = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            page = chrome.new_page(viewport={"width": 1000, "height": 600})
            page.goto(f"http://{host}:{port}/articles/ru/live")
            page.evaluate("scrollTo(0, 700)")
            while '"published": false' not in (data / "indexed.json").read_text("utf-8"):
                time.sleep(0.1)  # the watcher's own start: nothing has changed yet
            time.sleep(5)  # its first remarks
            pairs = [(delay(), save(file, page, f"Правка{number}")) for number in range(saves)]
            top = page.evaluate("scrollY")
            chrome.close()
    times = [taken for _, taken in pairs]
    return {
        "articles": size + 1,
        "saves": saves,
        "median_ms": round(statistics.median(times)),
        "longest_ms": round(max(times)),
        "times_longer_than_alone": round(statistics.median(factor for factor, _ in pairs), 2),
        "median_ms_alone": round(statistics.median(taken / factor for factor, taken in pairs)),
        "stayed": abs(top - 700) < 2,
    }


def text(word: str) -> str:
    """An article long enough to be scrolled, with the word at its end."""
    return "# Живая правка\n\n" + "Обычный абзац статьи.\n\n" * 60 + word + ".\n"


def delay() -> float:
    """How many times longer than alone a process takes on this machine now."""
    time.sleep(1.5)  # so that each save is one of its own
    wall, own = time.perf_counter(), time.process_time()
    while time.process_time() - own < 0.3:
        sum(range(10_000))
    return (time.perf_counter() - wall) / 0.3


def save(file: Path, page: object, word: str) -> float:
    """Milliseconds until the page says `word`."""
    began = time.perf_counter()
    file.write_text(text(word), "utf-8")
    page.get_by_text(f"{word}.").wait_for(timeout=30_000)  # type: ignore[attr-defined]
    return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--saves", type=int, default=20)
    asked = parser.parse_args()
    print(json.dumps(measured(asked.size, asked.saves), indent=1))


if __name__ == "__main__":
    main()
