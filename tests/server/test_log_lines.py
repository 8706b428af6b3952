"""The server's log: one event a line, nothing personal, an id for each request."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_serving import command, eventually, serving

from kb.base import escaping, log_lines
from kb.service import KnowledgeBase
from kb.site import api, request_ids
from kb.web import create_app

pytestmark = pytest.mark.xdist_group("server")

ROOT = Path(log_lines.__file__).parents[2]
MADE = re.compile(r"[0-9a-f]{32}")
FIELDS = {"time", "level", "logger", "pid", "message"}


def record(message: str, **facts: object) -> logging.LogRecord:
    made = logging.LogRecord("kb", logging.WARNING, __file__, 1, message, (), None)
    made.facts = facts
    return made


@given(st.text())
def test_any_message_is_one_line(message):
    as_json = log_lines.JsonLines().format(record(message, path=message))
    as_text = log_lines.TextLines().format(record(message, request_id=message))
    told = log_lines.event(message, path=message)

    assert json.loads(as_json)["message"] == json.loads(as_json)["path"] == message
    assert json.loads(told)["message"] == message
    for line in (as_json, told):
        assert line.isascii()
        assert line.isprintable()
    assert as_text == escaping.line(as_text)


def test_a_log_line_tells_when_how_bad_and_what():
    line = json.loads(log_lines.JsonLines().format(record("slow", ms=12)))

    assert (line["level"], line["message"], line["ms"], line["pid"]) == (
        "warning", "slow", 12, os.getpid(),
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"])


# --- the id of a request ------------------------------------------------------------------------


@pytest.fixture
def ask(kb: KnowledgeBase, settings: Any, write: Any) -> Any:
    """`ask("/", peer, X_Request_ID="…")` → the id the answer names."""
    write("ru/vpn", "Текст.", title="VPN")
    kb.rebuild()
    app = create_app(kb, settings.model_copy(update={"trusted_proxies": ("10.0.0.1",)}))

    def get(path: str, peer: str = "203.0.113.9", **headers: str) -> str:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = app.test_client().get(path, headers=sent, environ_base={"REMOTE_ADDR": peer})
        [id] = answer.headers.getlist(request_ids.HEADER)
        return str(id)

    return get


@pytest.mark.parametrize("path", ["/", "/api/search?q=vpn", "/gone", "/leads/", "/healthz"])
def test_each_answer_names_its_request(ask, path):
    first, second = ask(path), ask(path)

    assert MADE.fullmatch(first)
    assert MADE.fullmatch(second)
    assert first != second


def test_the_id_of_a_trusted_proxy_is_kept_and_of_nobody_else(ask):
    assert ask("/", "10.0.0.1", X_Request_ID="edge:7f3a-0001") == "edge:7f3a-0001"
    assert MADE.fullmatch(ask("/", "203.0.113.9", X_Request_ID="edge:7f3a-0001"))


@pytest.mark.parametrize(
    "given",
    ["short", "x" * 129, "a b c d e f", 'x"y"zzzzzz', "<script>aaa", "ключключ", "a,bbbbbbb"],
)
def test_an_id_that_is_none_is_replaced(ask, given):
    text = given.encode().decode("latin-1")

    assert MADE.fullmatch(ask("/", "10.0.0.1", X_Request_ID=text))


def test_a_mistake_is_logged_with_the_id_the_reader_got(kb, settings, caplog, monkeypatch):
    def breaks() -> None:
        raise RuntimeError("invented")

    app = create_app(kb, settings)
    app.view_functions["api.ready"] = breaks
    app.config["PROPAGATE_EXCEPTIONS"] = False
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda r: lines.append(log_lines.JsonLines().format(r))  # type: ignore[method-assign]
    logging.getLogger("kb").addHandler(handler)
    try:
        answer = app.test_client().get("/readyz?q=тайна")
    finally:
        logging.getLogger("kb").removeHandler(handler)

    [line] = [json.loads(line) for line in lines]
    assert answer.status_code == 500
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert "invented" in line["traceback"]
    assert "тайна" not in json.dumps(line, ensure_ascii=False)
    assert log_lines.request_id.get() == ""
    assert api.ready is not breaks


# --- the log of a running server ----------------------------------------------------------------

HOSTILE = "articles/%1b%5d0;owned%07%0aForged%20line%e2%80%ae?q=secret%20word"


def lines_of(log: str) -> list[dict[str, Any]]:
    """Every line of a log, each of them JSON with the fields that all lines have."""
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line for line in lines if not line.keys() >= FIELDS] == []
    return lines


def test_every_line_of_a_server_is_json_and_nothing_personal_is_in_it(
    settings, write, tmp_path, monkeypatch
):
    write("ru/vpn", "Текст.", title="VPN")
    write("ru/bad.md", "").write_bytes(b"---\ntitle: [\n---\n")
    monkeypatch.setenv("KB_LOG_FORMAT", "json")
    monkeypatch.setenv("KB_ACCESS_LOG", "yes")
    monkeypatch.setenv("KB_TRUSTED_PROXIES", "127.0.0.1")

    with serving(settings, tmp_path) as site:
        headers = {"X-Forwarded-For": "203.0.113.77", "X-Request-ID": "edge-00000001"}
        sent = urllib.request.Request(
            site.address + "search?q=anna%40example.com",
            headers=headers | {"User-Agent": "Agent-7"},
        )
        with urllib.request.urlopen(sent, timeout=40) as answer:
            assert answer.headers["X-Request-ID"] == "edge-00000001"
        with pytest.raises(urllib.error.HTTPError):
            site.get(HOSTILE)
        assert site.stop() == 0

        lines = lines_of(site.log)

    indexed = [line for line in lines if "Indexed 1 article" in line["message"]]
    asked = {line["path"]: line for line in lines if line["logger"] == "kb.access"}
    assert len(indexed) == 1  # of the command that the server started
    assert asked["/search"]["request_id"] == "edge-00000001"
    assert asked["/search"].keys() == FIELDS | {
        "request_id",
        "method",
        "path",
        "status",
        "bytes",
        "ms",
    }
    assert [line["status"] for path, line in asked.items() if "owned" in path] == [404]
    for personal in ("anna", "example.com", "203.0.113.77", "127.0.0.1", "secret", "Agent-7"):
        assert personal not in site.log


def test_text_lines_name_the_request_too(settings, write, tmp_path):
    write("ru/vpn", "Текст.", title="VPN")

    with serving(settings, tmp_path, "--access-log") as site:
        with urllib.request.urlopen(site.address + "readyz", timeout=40) as answer:
            id = answer.headers["X-Request-ID"]
        assert site.stop() == 0

        assert re.search(rf"info GET /readyz 200 \d+ B [\d.]+ ms \[{id}\]\n", site.log)


def test_a_log_that_is_rotated_by_copying_goes_on(settings, write, tmp_path, kb):
    """`copytruncate` of logrotate: the file is opened to append, so it begins anew."""
    write("ru/vpn", "Текст.", title="VPN")
    kb.rebuild()
    log = tmp_path / "kb.log"

    with (
        log.open("a") as appended,
        subprocess.Popen(
            command(settings, "--port", "0", "--access-log"),
            stdout=subprocess.PIPE, stderr=appended, text=True, cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        ) as process,
    ):  # fmt: skip
        try:
            address = re.search(r"http://\S+", process.stdout.readline())[0]
            urllib.request.urlopen(address + "healthz", timeout=40).close()
            eventually(lambda: "/healthz" in log.read_text())
            os.truncate(log, 0)
            urllib.request.urlopen(address + "readyz", timeout=40).close()
            eventually(lambda: "/readyz" in log.read_text())

            assert "\0" not in log.read_text()
            assert "/healthz" not in log.read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def test_a_server_answers_although_nobody_reads_its_log_any_more(settings, write, tmp_path, kb):
    write("ru/vpn", "Текст.", title="VPN")
    kb.rebuild()

    with subprocess.Popen(
        command(settings, "--port", "0", "--access-log"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        try:
            address = re.search(r"http://\S+", process.stdout.readline())[0]
            process.stderr.close()
            for _ in range(20):
                with urllib.request.urlopen(address + "api/search?q=vpn", timeout=40) as answer:
                    assert json.load(answer)["total"] == 1
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_a_command_of_the_server_says_errors_as_json(settings, tmp_path):
    env = os.environ | {"PYTHONPATH": str(ROOT), log_lines._AS_JSON: "1"}
    gone = ["--articles", str(tmp_path / "gone"), "--data", str(settings.data)]

    done = subprocess.run(
        [sys.executable, "-m", "kb", "index", *gone], env=env, capture_output=True, text=True
    )

    [line] = lines_of(done.stderr)
    assert (done.returncode, done.stdout, line["level"]) == (2, "", "error")
    assert "no articles folder" in line["message"] or "no folder" in line["message"]
