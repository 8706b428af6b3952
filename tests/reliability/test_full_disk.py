"""`kb index` on a disk that is really full: one line, exit 2, the old build serves."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest
from paths import ROOT
from served import eventually, is_idle, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]


def test_an_index_without_room_leaves_the_old_build_serving(settings, write, tmp_path):
    settings.data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(settings.data)]
    if (
        os.geteuid()
        or not shutil.which("mount")
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("a small disk needs root and mount(8)")

    def index() -> "subprocess.CompletedProcess[str]":
        folders = ["--articles", settings.articles, "--data", settings.data]
        return subprocess.run(
            [sys.executable, "-m", "kb", "index", *folders], text=True, capture_output=True,
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    try:
        write("vpn", "Press Connect.", title="Set up the VPN")
        assert index().returncode == 0
        with serving(settings, tmp_path) as site:
            assert "Set up the VPN" in site.get("api/search?q=vpn")
            eventually(lambda: is_idle(site), 120)  # or ours would find that one at work
            with (
                suppress(OSError),
                (settings.data / "ballast").open("wb", buffering=0) as ballast,
            ):
                while True:
                    ballast.write(b"x" * 4096)
            write("mail", "Open the settings.", title="Mail")

            full = index()

            assert full.returncode == 2
            assert full.stdout == ""
            assert "Traceback" not in full.stderr
            assert "Set up the VPN" in site.get("api/search?q=vpn")
            (settings.data / "ballast").unlink()
            again = index()
            assert again.returncode == 0, again.stderr
            assert site.stop() == 0
    finally:
        subprocess.run(["umount", "-l", str(settings.data)], check=True)
