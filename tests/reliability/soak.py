"""`kb serve` under readers, rebuilt every few seconds: failures, memory, open files.

    PYTHONPATH=.:tests python tests/reliability/soak.py --minutes 30 --every 10

Readers ask two workers by HTTP without pause, half of them for twelve articles that all name the
release, which every build raises: an answer that names two is of two builds. `kb index` runs as a
process of its own, as from a timer. Prints the slope of memory and of open files over the last two
thirds; exit 1 after a failed request, a mixed answer, a build unseen for more than two seconds, or
where memory or files of the last third exceed those of the third before by more than a tenth.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

import bases
import numpy as np
from served import Serving, eventually, is_idle, serving

from kb.base.config import Settings

RELEASES = 12  # articles that name the release


@dataclass
class Reader(threading.Thread):
    """Asks until it is told to stop; keeps what went wrong, and when each release was last seen."""

    address: str
    stop: threading.Event
    pause: float
    number: int
    asked: int = 0
    wrong: list[str] = field(default_factory=list)
    last: dict[int, float] = field(default_factory=dict)  # release: when its last request began

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = object.__hash__

    def run(self) -> None:
        chance = random.Random(self.number)
        url = urlsplit(self.address)
        connection = HTTPConnection(str(url.hostname), url.port, timeout=60)
        while not self.stop.is_set():
            words = " ".join(chance.choices(bases.WORDS, k=chance.randint(1, 3)))
            query = "release" if self.asked % 2 else f"{words} {chance.randrange(10**6)}"
            began = time.time()
            try:
                connection.request("GET", f"/api/search?limit=50&q={quote(query)}")
                answer = connection.getresponse()
                self._read(query, answer.status, answer.read(), began)
            except Exception as error:
                self.wrong.append(repr(error))
                connection.close()
            self.asked += 1
            time.sleep(self.pause)
        connection.close()

    def _read(self, query: str, status: int, body: bytes, began: float) -> None:
        if status != 200:
            self.wrong.append(f"{status}: {query}")
        elif query == "release":
            named = {int(number) for number in re.findall(rb"number(\d+)", body)}
            total = json.loads(body)["total"]
            if len(named) != 1 or total != RELEASES:
                self.wrong.append(f"{total} hits of releases {sorted(named)}")
            else:
                self.last[named.pop()] = began


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run has shown."""

    asked: int
    wrong: list[str]
    rebuilds: int
    unseen: float  # seconds
    times: list[float]  # of the samples, seconds
    memory: list[float]  # megabytes of all processes that serve, shared pages counted once
    files: list[int]  # that they have open

    def slope(self, values: list[float] | list[int]) -> float:
        """Growth an hour over the last two thirds, by least squares."""
        first = len(values) // 3
        return float(np.polyfit(self.times[first:], values[first:], 1)[0] * 3600)

    def growth(self, values: list[float] | list[int]) -> float:
        """The mean of the last third beside that of the third before."""
        third = len(values) // 3
        return float(np.mean(values[-third:]) / np.mean(values[third : 2 * third]))


def release(settings: Settings, number: int) -> None:
    """Writes the articles of a release."""
    for name in range(RELEASES):
        text = f"# Article {name}\n\nThis release is number{number}.\n"
        (settings.articles / f"release-{name}.md").write_text(text, "utf-8")


def soak(
    settings: Settings, folder: Path, seconds: float, every: float, readers: int, pause: float
) -> Figures:
    """Serves, asks and rebuilds for so long, and until two builds were published."""
    release(settings, 0)
    with serving(settings, folder, "--workers", "2") as site:
        eventually(lambda: is_idle(site), 600)
        stop = threading.Event()
        asking = [Reader(site.address, stop, pause, number) for number in range(readers)]
        for reader in asking:
            reader.start()
        began = time.time()
        published: dict[int, float] = {}
        samples: list[tuple[float, float, int]] = []
        indexing = None
        while (now := time.time() - began) < seconds or indexing is not None or len(published) < 2:
            if indexing is None and now >= every * len(published):
                release(settings, len(published) + 1)
                indexing = index(settings)
            elif indexing is not None and indexing.poll() is not None:
                _, said = indexing.communicate()
                assert indexing.returncode in (0, 1), said  # 1: some article is not well
                published[len(published) + 1] = (settings.builds / "current").stat().st_mtime
                indexing = None
            samples.append((now, *used(site)))
            time.sleep(min(1.0, every / 8))
        time.sleep(3.0)
        stop.set()
        for reader in asking:
            reader.join()
        assert site.stop() == 0
        assert "Traceback" not in site.log, site.log[-3000:]
    times, memory, files = (list(column) for column in zip(*samples, strict=True))
    return Figures(
        asked=sum(reader.asked for reader in asking),
        wrong=[each for reader in asking for each in reader.wrong],
        rebuilds=len(published),
        unseen=max(0.0, *(unseen(reader, published) for reader in asking)),
        times=times,
        memory=memory,
        files=files,
    )


def unseen(reader: Reader, published: dict[int, float]) -> float:
    """How long after a release was published an older one was still answered to a new request."""
    return max(
        (
            at - published[number + 1]
            for number, at in reader.last.items()
            if number + 1 in published
        ),
        default=0.0,
    )


def index(settings: Settings) -> "subprocess.Popen[bytes]":
    """`kb index`, as a timer starts it."""
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]
    command = [sys.executable, "-m", "kb", "index", *folders]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def used(site: Serving) -> tuple[float, int]:
    """Megabytes and open files of the processes that serve, whatever else they have started."""
    parent = Path("/proc", str(site.process.pid))
    children = Path(parent, "task", parent.name, "children").read_text().split()
    command = Path(parent, "cmdline").read_bytes()
    memory, files = 0.0, 0
    for process in (parent.name, *children):
        if Path("/proc", process, "cmdline").read_bytes() != command:
            continue  # `kb index`; workers are forked
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        memory += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        files += len(list(Path(f"/proc/{process}/fd").iterdir()))
    return memory, files


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--every", type=float, default=10, help="seconds between two builds")
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.02, help="of a reader between requests")
    parser.add_argument("--articles", type=int, default=300, help="made up, beside those twelve")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = bases.made_up(folder, options.articles)
        made.close()
        told = soak(
            made.settings,
            folder,
            options.minutes * 60,
            options.every,
            options.readers,
            options.pause,
        )
    for line in told.wrong[:5]:
        print(line)
    for at in range(0, len(told.times), max(1, len(told.times) // 20)):
        print(f"{told.times[at]:6.0f} s  {told.memory[at]:7.1f} MB  {told.files[at]:4} files")
    memory, files = told.growth(told.memory), told.growth(told.files)
    print(
        f"measured: {options.minutes:g} minutes, builds {told.rebuilds}, requests {told.asked}, "
        f"failed {len(told.wrong)}, a new build unseen for {told.unseen:.2f} s at most, memory "
        f"{told.memory[-1]:.0f} MB ({told.slope(told.memory):+.1f} MB an hour), open files "
        f"{told.files[-1]} ({told.slope(told.files):+.1f} an hour)"
    )
    return 1 if told.wrong or told.unseen > 2 or max(memory, files) > 1.1 else 0


if __name__ == "__main__":
    sys.exit(main())
