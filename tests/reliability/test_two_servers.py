"""Two servers on one data folder: by mistake, or while one takes over from the other."""

import json
import re
import time
import urllib.request

import pytest
from served import eventually, serving

from kb.searchlog.db.log import SearchLog

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]


def report(address: str, run: str) -> None:
    steps, events = [{"q": f"телепорт {run}", "ms": 0}], [{"kind": "left", "ms": 9}]
    body = {"run": run, "visit": f"visit-{run}", "surface": "box", "lang": "ru", "shown": [],
            "steps": steps, "events": events}  # fmt: skip
    headers = {"Content-Type": "application/json", "User-Agent": "Mozilla/5.0 Firefox/130"}
    sent = urllib.request.Request(address + "api/searches", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(sent, timeout=40) as answer:
        assert answer.status == 204


def requests_counted(metrics: str) -> float:
    return sum(map(float, re.findall(r"^kb_requests_total\{.*\} ([\d.e+]+)$", metrics, re.M)))


def test_two_servers_share_a_data_folder(settings, write, tmp_path, kb):
    write("vpn", "Press Connect.", title="Set up the VPN")
    kb.rebuild()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()

    with serving(settings, tmp_path / "one") as one:
        for _ in range(5):
            one.get("api/search?q=vpn")
        with serving(settings, tmp_path / "two") as two:
            for n, site in enumerate((one, two) * 5):
                assert json.loads(site.get("api/search?q=vpn"))["total"] == 1
                report(site.address, f"run-{n:04d}")
            counted = requests_counted(one.get("metrics"))

            write("mail", "Open the settings.", title="Mail")
            build = kb.rebuild().build
            for site in (one, two):
                eventually(lambda site=site: json.loads(site.get("readyz"))["build"] == build)

            log = SearchLog(settings.log_url)
            eventually(lambda: log.health().searches == 10, 60)
            log.close()
            assert two.stop() == 0
        time.sleep(0.5)
        assert json.loads(one.get("api/search?q=mail"))["total"] == 1
        assert requests_counted(one.get("metrics")) > counted >= 5
        assert one.stop() == 0
        logs = one.log + two.log

    assert "Traceback" not in logs
