"""Workers are restarted, replaced and stopped; nobody who asks meanwhile is refused."""

import os
import pty
import signal
import threading
import time

import pytest
from gateways import eventually, running

pytestmark = pytest.mark.xdist_group("server")


def test_a_worker_that_died_is_replaced():
    with running(workers=2) as site:
        site.get("/die")
        time.sleep(0.5)
        site.get("/die")
        eventually(lambda: len({site.body("/pid") for _ in range(12)} - {""}) == 2)


def test_a_worker_that_fails_at_once_is_not_started_in_a_loop(tmp_path):
    before = """
        import pathlib
        def failing():
            with open(sys.argv[1], "a") as log:
                log.write("x")
            raise RuntimeError("invented")
        supervisor.Supervisor(2, lambda: failing, ready=lambda: print(1, flush=True)).run()
        sys.exit()
    """
    log = tmp_path / "starts"
    with running(str(log), before=before) as site:
        eventually(lambda: log.exists() and len(log.read_text()) >= 4)
        time.sleep(2)
        assert len(log.read_text()) < 100
        site.process.send_signal(signal.SIGTERM)
        assert site.process.wait(60) == 0


def test_a_request_in_hand_is_answered_before_the_end():
    with running() as site:
        answers = []
        asking = threading.Thread(target=lambda: answers.append(site.get("/wait")))
        asking.start()
        time.sleep(0.7)
        site.process.send_signal(signal.SIGTERM)
        asking.join()
        assert site.process.wait(60) == 0

    assert answers[0].startswith(b"HTTP/1.1 200")


def test_a_slow_client_does_not_hold_up_the_end():
    with running(deadline=60, before="supervisor.GRACE = 2.0") as site, site.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert site.body("/pid")
        began = time.monotonic()
        site.process.send_signal(signal.SIGTERM)
        assert site.process.wait(60) == 0
        assert time.monotonic() - began < 50  # it is not waited for until its deadline


def test_a_reload_replaces_workers_and_refuses_nobody():
    with running(workers=2) as site:
        before = {site.body("/pid") for _ in range(20)}
        failed: list[bytes] = []
        done = threading.Event()

        def ask() -> None:
            """Asks once more where a connection ended without a byte, as clients do for GET."""
            while not done.is_set():
                answer = site.get("/pid") or site.get("/pid")
                if not answer.startswith(b"HTTP/1.1 200"):
                    failed.append(answer)

        asking = threading.Thread(target=ask)
        asking.start()
        for _ in range(3):
            site.process.send_signal(signal.SIGHUP)
            time.sleep(0.7)
        eventually(lambda: not {site.body("/pid") for _ in range(12)} & before)
        done.set()
        asking.join()
        assert site.process.poll() is None

    assert failed == []


def test_the_end_of_its_terminal_ends_it():
    ours, theirs = pty.openpty()
    with running(stdin=theirs) as site:
        worker = site.body("/pid")
        site.process.send_signal(signal.SIGHUP)
        eventually(lambda: site.body("/pid") not in ("", worker))  # a reload, as long as it is open

        os.close(theirs)
        os.close(ours)
        site.process.send_signal(signal.SIGHUP)
        assert site.process.wait(60) == 0


def test_what_cannot_be_prepared_leaves_the_old_workers():
    before = """
        from kb.base.errors import ConfigError
        make, calls = gateway.Gateway, []
        def Gateway(*a, **k):
            calls.append(1)
            if len(calls) > 1:
                raise ConfigError("kb.toml: invented; correct it")
            return make(*a, **k)
        gateway.Gateway = Gateway
    """
    with running(before=before) as site:
        worker = site.body("/pid")
        site.process.send_signal(signal.SIGHUP)
        time.sleep(1)
        assert site.body("/pid") == worker
        site.process.send_signal(signal.SIGTERM)
        assert site.process.wait(60) == 0
        assert "kb.toml: invented; correct it" in site.process.stderr.read()


def test_a_tick_that_comes_last_does_not_end_the_parent_by_a_signal():
    late = """
        import os, signal, time
        supervisor.Supervisor._reap = lambda self, reap=supervisor.Supervisor._reap: (
            reap(self), self._leaving or time.sleep(2 * supervisor._TICK))
    """
    with running(before=late) as site:
        assert site.body("/pid")
        site.process.send_signal(signal.SIGTERM)

        assert site.process.wait(60) == 0
