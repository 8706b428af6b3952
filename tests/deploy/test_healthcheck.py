"""The health check of the image asks a real service."""

import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from paths import ROOT
from served import serving

pytestmark = pytest.mark.xdist_group("server")


def health(port: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "deploy" / "healthcheck.py"],
        env=os.environ | {"KB_PORT": str(port)} | more, capture_output=True, text=True,
    )  # fmt: skip


def test_a_service_that_can_answer_is_healthy_whatever_names_it_trusts(settings, write, tmp_path):
    write("vpn", title="VPN")
    (tmp_path / "kb.toml").write_text('trusted_hosts = ["help.example.com"]\n')

    with serving(settings, tmp_path) as site:
        port = urlsplit(site.address).port
        named = health(port, KB_TRUSTED_HOSTS="help.example.com,127.0.0.1")
        unnamed = health(port)

    assert named.returncode == 0, named.stderr
    assert unnamed.returncode == 1
    assert "400" in unnamed.stderr


def test_nobody_there_is_not_healthy():
    done = health(9)

    assert done.returncode == 1
    assert "http://127.0.0.1:9/readyz" in done.stderr
