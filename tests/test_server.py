"""`kb serve` as a process: it says where it is, refuses in one line, leaves nobody unanswered."""

import contextlib
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from clones import Clones
from hypothesis import given
from hypothesis import strategies as st

from kb import server, store
from kb.config import Settings
from kb.errors import ArticlesMissing, ConfigError
from kb.searchlog import SearchLog
from kb.service import KnowledgeBase
from kb.store import Builds

# Server processes are many; on a small machine they are tested one after another.
pytestmark = pytest.mark.xdist_group("server")


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
    err = tmp_path / "stderr"
    with (
        err.open("w") as log,
        subprocess.Popen(
            command(settings, "--port", "0", *more), stdout=subprocess.PIPE, stderr=log, text=True
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


def eventually(claim, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_serve_builds_prints_its_address_answers_and_stops(settings, write, tmp_path):
    write("ru/vpn", "Текст.", title="Настройка VPN")

    with serving(settings, tmp_path, "--access-log") as site:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", site.address)
        assert json.loads(site.get("readyz"))["articles"] == 1
        assert "Настройка VPN" in site.get("articles/ru/vpn?q=secret")
        assert site.stop() == 0

        assert "Indexed 1 article" in site.log
        assert "GET /articles/ru/vpn 200" in site.log
        assert "secret" not in site.log


def test_without_a_password_a_link_opens_the_board_in_every_worker(settings, write, tmp_path):
    write("ru/vpn", "Текст.", title="Настройка VPN")

    with serving(settings, tmp_path, "--workers", "2") as site:
        line = site.process.stdout.readline()
        link = re.search(rf"{site.address}leads/sign-in\?token=[\w-]{{32}}", line)[0]
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert "Вопросы без ответа" in browser.open(link, timeout=40).read().decode()
        for _ in range(8):
            assert browser.open(f"{site.address}leads", timeout=40).status == 200
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{site.address}leads", timeout=40)
        assert site.stop() == 0


def say(site: Serving, request: bytes) -> bytes:
    """The answer to bytes that no proper client would send."""
    host, port = site.address.removeprefix("http://").strip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=40) as client:
        client.sendall(request)
        return client.recv(100_000)


def test_letters_need_no_encoding_and_nonsense_leaves_no_trace(settings, write, tmp_path):
    write("ru/vpn", "Текст.", title="Настройка VPN")

    with serving(settings, tmp_path) as site:
        bare = (
            "GET /api/search?q=настройка HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        assert say(site, bare.encode()).startswith(b"HTTP/1.1 200")
        assert say(site, b"GET /a?q=se\x00cret HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
        long = quote("я" * 500)
        assert json.loads(site.get(f"api/search?q={long}&lang=ru"))["query"] == "я" * 500

        assert "se" + "cret" not in site.log
        assert "127.0.0.1" not in site.log
        assert server.REFUSED in site.log


def test_a_folder_without_articles_is_served(settings, tmp_path):
    with serving(settings, tmp_path) as site:
        assert "kb new" in site.get("")


def test_a_request_in_hand_is_answered_before_the_end(settings, write, tmp_path):
    write("ru/vpn", "Текст.", title="VPN")
    step = {"q": "vpn", "ms": 0}
    report = {"run": "r" * 16, "visit": "v" * 16, "surface": "box", "lang": "ru", "steps": [step]}
    body = json.dumps(report).encode()

    with serving(settings, tmp_path) as site:
        host, port = site.address.removeprefix("http://").strip("/").split(":")
        with socket.create_connection((host, int(port)), timeout=40) as client:
            head = f"POST /api/searches HTTP/1.1\r\nHost: {host}\r\nOrigin: {site.address[:-1]}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body[:10])
            time.sleep(0.5)
            site.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            client.sendall(body[10:])
            answer = client.recv(1000).decode()

        assert answer.startswith("HTTP/1.1 204")
        assert site.process.wait(60) == 0
    log = SearchLog(settings.log_url)
    assert [row["query"] for row in log.export()] == ["vpn"]  # written before the end
    log.close()


def test_a_saved_article_is_live_within_moments(settings, write, tmp_path):
    write("ru/vpn", "Текст.", title="VPN")

    with serving(settings, tmp_path, "--watch") as site:
        time.sleep(1.5)  # the watcher's own start
        write("ru/mail", "Текст.", title="Почта")
        eventually(lambda: json.loads(site.get("readyz"))["articles"] == 2)

        children = subprocess.run(
            ["pgrep", "-f", f"while-parent {site.process.pid}"], capture_output=True, text=True
        ).stdout.split()
        assert len(children) == 1
        site.process.kill()
        site.process.wait()
        eventually(lambda: not Path(f"/proc/{children[0]}").exists())


def test_what_changed_while_nobody_served_is_indexed(settings, write, tmp_path, kb):
    write("ru/vpn", "Текст.", title="VPN")
    kb.rebuild()
    write("ru/mail", "Текст.", title="Почта")

    with serving(settings, tmp_path) as site:
        eventually(lambda: json.loads(site.get("readyz"))["articles"] == 2)


def test_a_restart_does_not_bring_back_what_was_rolled_back(settings, write, tmp_path, kb):
    write("ru/vpn", "Хорошо.", title="VPN")
    kb.rebuild()
    write("ru/vpn", "Плохо.", title="VPN")
    kb.rebuild()
    kb.rollback()

    with serving(settings, tmp_path) as site:
        eventually(lambda: "these articles were rolled back" in site.log)
        assert "Хорошо." in site.get("articles/ru/vpn")


def test_a_push_is_live_within_moments(tmp_path, monkeypatch):
    clones = Clones(tmp_path)
    settings = Settings(articles=clones.site / "articles", data=tmp_path / "var")
    monkeypatch.setenv("KB_WEBHOOK_SECRET", "invented")

    with serving(settings, tmp_path) as site:
        after = clones.push("articles/a.md", "second")
        body = json.dumps({"ref": "refs/heads/main", "after": after}).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Gitlab-Event": "Push Hook",
            "X-Gitlab-Token": "invented",
        }
        hook = urllib.request.Request(site.address + "hooks/git", body, headers)
        with urllib.request.urlopen(hook, timeout=40) as answer:
            assert answer.status == 202
        eventually(lambda: "second" in site.get("articles/a"))

        listening = subprocess.run(
            ["pgrep", "-f", f"on-notice --while-parent {site.process.pid}"],
            capture_output=True,
            text=True,
        ).stdout.split()
        assert len(listening) == 1
        assert site.stop() == 0
        assert not Path(f"/proc/{listening[0]}").exists()


def test_a_taken_port_is_one_line(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command(settings, "--port", str(port)), capture_output=True, text=True, timeout=90
        )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"kb: cannot listen on 127.0.0.1:{port}: address already in use; "
        "stop what uses it, or choose another with --port (0: any free one)\n"
    )
    assert not settings.builds.exists()  # refused before any work


@pytest.mark.parametrize("host", ["203.0.113.7", "x" * 70 + ".y", "127.0.0.1.1"])
def test_a_host_that_is_not_ours_is_one_sentence(host):
    with pytest.raises(ConfigError, match=r"--(host|port)"):
        server.bind(host, 0)


def test_a_missing_folder_points_to_the_manual(settings):
    gone = settings.model_copy(update={"articles": settings.articles / "gone"})

    with pytest.raises(ArticlesMissing, match=r"kb new TITLE.*kb serve --articles .*articles"):
        server.serve(gone)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "localhost")])  # noqa: S104
def test_the_address_can_be_typed_into_a_browser(host, shown):
    with server.bind(host, 0) as listener:
        assert server.address_of(listener) == f"http://{shown}:{listener.getsockname()[1]}/"


def test_ipv6_addresses_stand_in_brackets():
    try:
        listener = server.bind("::1", 0)
    except ConfigError:
        pytest.skip("no IPv6 here")
    with listener:
        assert server.address_of(listener).startswith("http://[::1]:")


def test_a_build_of_another_folder_is_not_served(settings, kb, write, tmp_path):
    builds = Builds(settings.builds)
    write("vpn", title="VPN")
    assert not server.has_build(settings, builds)
    kb.rebuild()
    assert server.has_build(settings, builds)

    (tmp_path / "other").mkdir()
    other = settings.model_copy(update={"articles": tmp_path / "other"})
    assert not server.has_build(other, builds)


def test_a_starting_server_reads_its_build_through_once(settings, kb, write, monkeypatch):
    write("vpn", title="VPN")
    kb.rebuild()
    builds = Builds(settings.builds)
    server.has_build(settings, builds)

    monkeypatch.setattr(store, "_checksum", lambda path: pytest.fail(f"{path} read again"))

    assert KnowledgeBase.open(settings, builds=builds).answer("vpn").total == 1


# ---------------------------------------------------------------- log lines


def record(message: str, **facts: object) -> logging.LogRecord:
    made = logging.LogRecord("kb", logging.WARNING, __file__, 1, message, (), None)
    made.facts = facts
    return made


@given(st.text())
def test_any_message_is_one_line(message):
    as_json = server.JsonLines().format(record(message, path=message))
    as_text = server.TextLines().format(record(message))

    assert json.loads(as_json)["message"] == json.loads(as_json)["path"] == message
    assert as_json.isascii()
    assert as_json.isprintable()
    assert as_text.isprintable()


def test_a_log_line_tells_when_how_bad_and_what():
    line = json.loads(server.JsonLines().format(record("slow", ms=12)))

    assert (line["level"], line["message"], line["ms"], line["pid"]) == (
        "warning", "slow", 12, os.getpid(),
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"])
