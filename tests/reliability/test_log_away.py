"""The log of a running server is taken away and given back: every search is answered, none is lost.

Readers search and report without pause. A report that was accepted (204) must be in the log in the
end; what the log held before it went away must still be there.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import postgres
import pytest
from needs import unavailable
from served import Serving, eventually, serving

from kb import indexer
from kb.base.config import Settings
from kb.searchlog.db.log import SearchLog

FULL = os.environ.get("KB_TEST_FULL") == "1"
AWAY = 20.0 if FULL else 3.0  # seconds
READERS = 4

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]


class Readers:
    """Threads that search and report until they are told to stop."""

    def __init__(self, site: Serving) -> None:
        self._site = site
        self._stop = threading.Event()
        self.accepted: list[str] = []  # runs whose reports were accepted
        self.refused: list[str] = []
        self.searches = 0
        self.unanswered: list[str] = []
        self.slowest = 0.0
        self._threads = [threading.Thread(target=self._read, args=(n,)) for n in range(READERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self, reader: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            try:
                began = time.monotonic()
                answer = json.loads(self._site.get(f"api/search?q=vpn+{reader}+{number}"))
                self.slowest = max(self.slowest, time.monotonic() - began)
                assert answer["results"]
                self.searches += 1
            except Exception as error:
                self.unanswered.append(repr(error))
            if number % 4 == 0:
                self._report(f"run-{reader}-{number:06d}", f"visit-{reader}-{number:06d}")
            time.sleep(0.13)  # an address may send 600 reports a minute

    def _report(self, run: str, visit: str) -> None:
        steps = [{"q": f"телепорт {run[4:]}", "ms": 0}]
        events = [{"kind": "left", "ms": 3000}]
        body = {"run": run, "visit": visit, "surface": "box", "lang": "ru", "steps": steps,
                "shown": [], "events": events}  # fmt: skip
        headers = {"Content-Type": "application/json", "User-Agent": "Mozilla/5.0 Firefox/130"}
        sent = urllib.request.Request(
            self._site.address + "api/searches", json.dumps(body).encode(), headers
        )
        try:
            with urllib.request.urlopen(sent, timeout=40) as answer:
                assert answer.status == 204
            self.accepted.append(run)
        except Exception as error:
            self.refused.append(repr(error))


@contextmanager
def read_meanwhile(
    settings: Settings, write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Serving, Readers]]:
    """A server that is read from; in the end all that was accepted must be in the log."""
    write("vpn", "Press Connect.", title="Set up the VPN")
    indexer.rebuild(settings)
    monkeypatch.setenv("KB_SEARCHES_PER_MINUTE", "60000")
    monkeypatch.setenv("KB_SEARCHES_PER_DAY", "60000")
    if settings.database_url is not None:
        monkeypatch.setenv("KB_DATABASE_URL", settings.log_url)
    with serving(settings, tmp_path) as site:
        readers = Readers(site)
        readers.start()
        try:
            eventually(lambda: in_log(settings) > 0, 60)
            yield site, readers
            time.sleep(0.5)
        finally:
            readers.stop()
        eventually(lambda: in_log(settings) >= len(readers.accepted), 90)
        assert site.stop() == 0
    log = SearchLog(settings.log_url)
    kept = {row["id"] for row in log.export()}
    log.close()
    print(f"\n{readers.searches} searches answered, {len(readers.unanswered)} not, the slowest in "
          f"{readers.slowest:.2f} s; {len(readers.accepted)} reports accepted, "
          f"{len(set(readers.accepted) - kept)} not in the log")  # fmt: skip
    assert (readers.unanswered, readers.refused) == ([], [])
    assert set(readers.accepted) - kept == set()
    assert readers.searches > 20


def in_log(settings: Settings) -> int:
    """How many searches the log holds; 0 while it cannot be asked."""
    with suppress(Exception):
        log = SearchLog(settings.log_url)
        try:
            return log.health().searches
        finally:
            log.close()
    return 0


def told(site: Serving, readers: Readers) -> None:
    """Waits until the server has noticed, and some more readers have come."""
    eventually(lambda: "searches wait in memory" in site.log, 60)
    accepted = len(readers.accepted)
    time.sleep(AWAY)
    eventually(lambda: len(readers.accepted) > accepted + 5, 60)


@pytest.mark.postgres
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_database_server_stops_and_comes_back(settings, write, tmp_path, monkeypatch, how):
    if postgres.binaries() is None:
        unavailable("PostgreSQL's initdb and postgres are not installed (apt install postgresql)")
    with postgres.server() as server:
        url = Settings(database_url=server.new_database()).database_url
        settings = settings.model_copy(update={"database_url": url})
        with read_meanwhile(settings, write, tmp_path, monkeypatch) as (site, readers):
            before = in_log(settings)
            server.stop(how)
            told(site, readers)
            server.start()
            assert in_log(settings) >= before


def test_the_log_is_locked_for_long(settings, write, tmp_path, monkeypatch):
    with read_meanwhile(settings, write, tmp_path, monkeypatch) as (site, readers):
        other = sqlite3.connect(settings.data / "log.sqlite3", timeout=60, isolation_level=None)
        other.execute("begin exclusive")
        told(site, readers)
        other.execute("rollback")
        other.close()


def test_the_folder_of_the_log_is_gone_for_a_while(settings, write, tmp_path, monkeypatch):
    folder = tmp_path / "disk"
    folder.mkdir()
    url = Settings(database_url=f"sqlite:///{folder}/log.sqlite3").database_url
    settings = settings.model_copy(update={"database_url": url})
    with read_meanwhile(settings, write, tmp_path, monkeypatch) as (site, readers):
        # As a disk that is taken out; what comes back is the same disk.
        folder.rename(tmp_path / "out")
        folder.write_text("no folder")
        told(site, readers)
        folder.unlink()
        (tmp_path / "out").rename(folder)


def test_the_disk_of_the_log_is_full_for_a_while(settings, write, tmp_path, monkeypatch):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if (
        os.geteuid()
        or not shutil.which("mount")
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("a small disk needs root and mount(8)")
    url = Settings(database_url=f"sqlite:///{folder}/log.sqlite3").database_url
    settings = settings.model_copy(update={"database_url": url})
    try:
        with read_meanwhile(settings, write, tmp_path, monkeypatch) as (site, readers):
            with suppress(OSError), (folder / "ballast").open("wb", buffering=0) as ballast:
                while True:
                    ballast.write(b"x" * 4096)
            told(site, readers)
            (folder / "ballast").unlink()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
