"""`kb serve` as a process of its own, for tests that speak to it from outside."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from paths import ROOT

from kb.base.config import Settings


def command(settings: Settings, *more: str) -> list[str]:
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]
    return [sys.executable, "-m", "kb", "serve", *folders, "--workers", "1", *more]


class Serving:
    """A running `kb serve` and where it is."""

    def __init__(self, process: subprocess.Popen[str], address: str, err: Path) -> None:
        self.process = process
        self.address = address
        self._err = err

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path, timeout=40) as answer:
            return answer.read().decode()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    @property
    def log(self) -> str:
        return self._err.read_text()


@contextlib.contextmanager
def serving(settings: Settings, tmp_path: Path, *more: str) -> Iterator[Serving]:
    """`kb serve` in `tmp_path`, where a `kb.toml` may be."""
    err = tmp_path / "stderr"
    with (
        err.open("w") as log,
        subprocess.Popen(
            command(settings, "--port", "0", *more),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://[^\s\"]+", line)
            assert found, f"{line!r}\n{err.read_text()}"
            yield Serving(process, found[0], err)
        finally:
            process.kill()


def is_idle(site: Serving) -> bool:
    """Whether what is indexed at the start, after requests and so perhaps late, is done."""
    parent, commands = str(site.process.pid), []
    for child in Path("/proc", parent, "task", parent, "children").read_text().split():
        with contextlib.suppress(OSError):  # it ended
            commands.append(Path("/proc", child, "cmdline").read_bytes().split(b"\0"))
    return not any(b"index" in command for command in commands)


def eventually(claim: Callable[[], object], seconds: float = 40) -> None:
    """Waits until it holds, at most so long."""
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
