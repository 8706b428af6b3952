"""The units, the Containerfile and the compose file, as far as they can be judged without running.

What runs them: `tests/deploy/test_nginx.py`, `tests/reliability/image.py`.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from needs import unavailable
from paths import ROOT

from kb.base.config import Settings, variable

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
TIMERS = sorted((DEPLOY / "systemd").glob("*.timer"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")


def systemd_analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    """What it says; skips where it is not installed."""
    program = shutil.which("systemd-analyze") or unavailable(
        "no systemd-analyze; apt-get install systemd", always_optional=True
    )
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)


def hardening(unit: Path) -> list[str]:
    """The lines of a unit that say what it may do."""
    lines = unit.read_text("utf-8").partition("# What it may do")[2].partition("\n\n")[0]
    return lines.strip().splitlines()


def known_settings() -> set[str]:
    return {variable(name) for name in Settings.model_fields}


# ---------------------------------------------------------------- systemd


def test_systemd_likes_the_units(tmp_path):
    for unit in (*UNITS, *TIMERS):
        text = unit.read_text("utf-8").replace("/opt/kb/bin/kb", "/bin/true")
        (tmp_path / unit.name).write_text(text, "utf-8")

    done = systemd_analyze("verify", *sorted(tmp_path.iterdir()))

    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_exposes_little(unit):
    done = systemd_analyze("security", "--offline=true", "--threshold=20", unit)

    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_every_unit_may_do_the_same():
    assert len(UNITS) == 6
    assert {tuple(hardening(unit)) for unit in UNITS} == {tuple(hardening(UNITS[0]))}
    assert "NoNewPrivileges=yes" in hardening(UNITS[0])


def test_a_unit_needs_no_program_that_a_small_system_lacks():
    called = {
        re.match(r"[-+!@]*(\S+)", line)[1]
        for unit in UNITS
        for line in re.findall(r"^Exec\w+=(.*)$", unit.read_text("utf-8"), re.M)
    }

    assert called == {"/opt/kb/bin/kb", "/bin/sh"}  # /bin/kill comes with procps


def test_every_timer_starts_a_unit():
    assert [timer.with_suffix(".service") for timer in TIMERS] == [
        unit for unit in UNITS if unit.name != "kb.service"
    ]


@pytest.mark.parametrize("file", ["systemd/example.env", "systemd/example-web.env", "example.env"])
def test_the_examples_set_what_is_a_setting(file):
    names = re.findall(r"^(\w+)=", (DEPLOY / file).read_text("utf-8"), re.M)

    assert set(names) - known_settings() - {"KB_HOSTNAME", "KB_DATABASE_PASSWORD"} == set()


# ---------------------------------------------------------------- containers


def test_the_image_is_of_locked_versions_and_runs_as_nobody_special():
    build, run = re.split(r"^FROM .*$", CONTAINERFILE, flags=re.M)[1:]

    installs = re.findall(r"pip install (.*)", build)
    assert len(installs) == 2
    assert (
        '--require-hashes --only-binary :all: --requirement "requirements/$LOCK.txt"'
        in (installs[0])
    )
    assert re.search(r"^ARG LOCK=postgresql$", build, re.M)
    assert "--no-deps --no-build-isolation ." in installs[1]
    assert "c_kernel.library()" in build
    assert re.search(r"^USER 10001:10001$", run, re.M)
    assert "/opt/kb/healthcheck.py" in re.search(r"^HEALTHCHECK .*$", run, re.M)[0]
    assert "gcc" not in run
    assert "pip" not in run


def test_the_image_for_a_cluster_holds_the_client_and_else_the_same():
    usual, clustered = (
        set(re.findall(r"^(\S+)==", (ROOT / f"requirements/{name}.txt").read_text(), re.M))
        for name in ("postgresql", "opensearch")
    )

    assert usual < clustered
    assert "opensearch-py" in clustered - usual
    assert "requirements/opensearch.txt" in CONTAINERFILE


def test_what_the_image_copies_is_sent_to_the_engine():
    sent = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.M)
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.*)$", CONTAINERFILE, re.M)
        for name in line.split()[:-1]
    ]

    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert [
        name
        for name in copied
        if not any(name == one or name.startswith(f"{one}/") for one in sent)
    ] == []


def test_services_of_ours_can_write_nothing_but_their_data():
    ours = [one for one in COMPOSE["services"].values() if one["image"] == "kb-search"]

    assert len(ours) == 3
    for service in ours:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["tmpfs"] == ["/tmp"]  # noqa: S108
        assert set(service["environment"]) <= known_settings()
        assert "ports" not in service
    assert COMPOSE["services"]["database"].get("ports") is None
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_the_service_believes_the_proxy_that_is_there():
    proxy = COMPOSE["services"]["nginx"]["networks"]["inside"]["ipv4_address"]

    assert COMPOSE["services"]["kb"]["environment"]["KB_TRUSTED_PROXIES"] == proxy


def test_what_compose_mounts_is_there_or_of_the_operator():
    mounted = {
        volume.split(":")[0].removeprefix("./")
        for service in COMPOSE["services"].values()
        for volume in service["volumes"]
        if volume.startswith("./")
    }

    assert {name for name in mounted if not (DEPLOY / name).exists()} <= {"articles", "tls"}
