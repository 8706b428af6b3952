"""The folder of metrics: in memory, ended with its server, and no other server's."""

# ruff: noqa: S108 - names of places, nothing is written there

import os
import time

from kb.server import shared_metrics


def test_the_first_place_that_can_be_written_holds_the_folder_as_long_as_the_server(tmp_path):
    with shared_metrics.shared((str(tmp_path / "missing"), str(tmp_path))) as folder:
        assert folder is not None
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o077 == 0
        assert os.environ[shared_metrics.VARIABLE] == str(folder)

    assert not folder.exists()
    assert shared_metrics.VARIABLE not in os.environ


def test_without_a_place_each_worker_counts_for_itself(tmp_path, caplog):
    with shared_metrics.shared((str(tmp_path / "missing"),)) as folder:
        assert folder is None
        assert shared_metrics.VARIABLE not in os.environ

    assert "each worker counts for itself" in caplog.text


def test_what_a_killed_server_left_is_removed_and_a_running_one_is_not_touched(tmp_path):
    old = time.time() - 3600
    left = tmp_path / "kb-metrics-left"
    left.mkdir()
    (left / "lock").touch()
    other = tmp_path / "kb-metrics-other"  # of somebody else's making: it has no lock
    other.mkdir()

    with shared_metrics.shared((str(tmp_path),)) as running:
        (running / "counter_1.db").touch()
        for folder in (left, other, running):
            os.utime(folder, (old, old))
        with shared_metrics.shared((str(tmp_path),)):
            assert not left.exists()
            assert other.exists()
            assert (running / "counter_1.db").exists()


def test_systemd_says_where_before_anything_else():
    environ = {"RUNTIME_DIRECTORY": "/run/kb:/run/more", "TMPDIR": "/var/tmp"}

    assert shared_metrics.places(environ) == ("/run/kb", "/dev/shm", "/var/tmp", "/tmp")
    assert shared_metrics.places({}) == ("/dev/shm", "/tmp")
