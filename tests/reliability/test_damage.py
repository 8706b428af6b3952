"""A published build is damaged under a running server: what readers see by HTTP."""

import re
import urllib.error
import urllib.request

import pytest
from served import eventually, serving

from kb import indexer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]
PATHS = ("search?q=vpn", "api/search?q=vpn", "articles/vpn", "", "api/suggest?q=vp", "sitemap.xml")


def statuses(site) -> dict[str, tuple[int, str]]:
    """Status and body of some pages and answers."""
    told = {}
    for path in PATHS:
        try:
            told[path] = 200, site.get(path)
        except urllib.error.HTTPError as error:
            told[path] = error.code, error.read().decode()
    return told


def damaged(data: bytes, how: str) -> bytes:
    if how == "emptied" or not data:
        return b""
    if how == "truncated":
        return data[: len(data) // 2]
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_whatever_is_damaged_readers_see_answers_or_one_sentence(settings, write, tmp_path, how):
    """All files of the current build, replaced as a failing disk would, before workers open it."""
    write("vpn", "Press Connect.", title="Set up the VPN")
    indexer.rebuild(settings)
    for build in settings.builds.iterdir():
        for file in build.rglob("*") if build.is_dir() else ():
            if file.is_file():
                data = file.read_bytes()
                file.unlink()
                if how != "gone":
                    file.write_bytes(damaged(data, how))

    with serving(settings, tmp_path) as site:
        # `kb serve` makes a build where none can be read.
        eventually(lambda: statuses(site)["api/search?q=vpn"][0] == 200)
        told = statuses(site)
        assert site.stop() == 0

    assert {status for status, _ in told.values()} == {200}
    assert "Set up the VPN" in told["articles/vpn"][1]
    assert "Traceback" not in site.log


@pytest.mark.parametrize("how", ["emptied", "truncated", "flipped"])
def test_a_build_that_is_damaged_while_it_is_served_shows_no_traceback(
    settings, write, tmp_path, how
):
    """A new build is published and damaged at once: workers may have opened it or not."""
    write("vpn", "Press Connect.", title="Set up the VPN")
    indexer.rebuild(settings)

    with serving(settings, tmp_path) as site:
        write("mail", "Open the settings.", title="Set up mail")
        build = indexer.rebuild(settings).build
        for file in (settings.builds / build).rglob("*"):
            if file.is_file():
                data = file.read_bytes()
                file.unlink()  # who has it open goes on reading it
                if how != "gone":
                    file.write_bytes(damaged(data, how))
        told = [statuses(site) for _ in range(5)]
        assert site.stop() == 0

    for each in told:
        for path, (status, body) in each.items():
            assert status in (200, 503), path
            assert "Traceback" not in body
            if status == 503:
                assert re.search("kb index|getting ready|готовится", body)
    assert "Traceback" not in site.log
