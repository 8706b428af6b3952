"""`kb serve` as a process: it says where it is, refuses in one line, leaves nobody unanswered."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest
import served
from clones import Clones
from crawling import Answer, crawl
from needs import unavailable
from nginx import nginx, under_help
from prometheus_client.parser import text_string_to_metric_families
from served import Serving, command, eventually, serving

from kb.base.config import Settings
from kb.base.errors import ArticlesMissing, ConfigError
from kb.index.builds import Builds
from kb.searchlog.db.log import SearchLog
from kb.server import serving as server
from kb.service import KnowledgeBase
from kb.site.metrics import Metrics
from kb.web import create_app

# Server processes are many; on a small machine they are tested one after another.
pytestmark = pytest.mark.xdist_group("server")


ROOT = Path(server.__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """One server of one article, for tests that ask it and leave it as it is."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "articles" / "ru").mkdir(parents=True)
    article = folder / "articles" / "ru" / "vpn.md"
    article.write_text("---\ntitle: Настройка VPN\n---\nТекст.\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:  # it starts before other fixtures forget them
        for name in [name for name in os.environ if name.startswith("KB_")]:
            patch.delenv(name)
        settings = Settings(articles=folder / "articles", data=folder / "var")
        with serving(settings, folder, "--access-log") as site:
            yield site
            assert site.stop() == 0


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


def asked(port: int):
    """`get(path)` of a crawler that follows no redirect by itself."""

    def get(path: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers={"Accept-Language": "en"})
        answer = connection.getresponse()
        kind, location = (answer.headers.get(name, "") for name in ("Content-Type", "Location"))
        text = answer.read().decode(errors="replace")
        connection.close()
        return Answer(answer.status, kind, text, location)

    return get


@pytest.fixture(scope="module", params=[False, True], ids=["base_url", "trusted_proxies"])
def below_a_path(request, tmp_path_factory):
    """A server of two articles that nginx is put in front of, and whether nginx names the host."""
    folder = tmp_path_factory.mktemp("below")
    english = folder / "articles" / "en"
    english.mkdir(parents=True)
    vpn = "---\ntitle: Set up VPN\ntags: [net]\n---\n![Map](map.png) See [mail](mail.md).\n"
    (english / "vpn.md").write_text(vpn)
    (english / "mail.md").write_text("---\ntitle: Set up mail\n---\nSee [VPN](vpn.md).\n")
    (english / "map.png").write_bytes(b"\x89PNG")
    (folder / "kb.toml").write_text(
        'trusted_proxies = ["127.0.0.1"]\n' if request.param
        else 'base_url = "http://127.0.0.1/help"\n'
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:  # it starts before other fixtures forget them
        for name in [name for name in os.environ if name.startswith("KB_")]:
            patch.delenv(name)
        settings = Settings(articles=folder / "articles", data=folder / "var")
        with serving(settings, folder) as site:
            yield site, request.param


@pytest.mark.slow
@pytest.mark.parametrize("stripped", [False, True])
def test_behind_nginx_every_address_stays_under_the_path(below_a_path, tmp_path, stripped):
    site, named = below_a_path
    inner = urlsplit(site.address).port

    with nginx(tmp_path, under_help(inner, stripped=stripped, named=named)) as port:
        base = f"http://127.0.0.1:{port}" if named else "http://127.0.0.1"
        start = ("/help/", "/help/widget/demo", "/help/search?q=vpn", "/help/favicon.ico")
        found = crawl(asked(port), base, [*start, "/help/feed.xml", "/help/leads"])
        assert asked(port)("/help/metrics").status == 403
        assert json.loads(asked(inner)("/readyz").text)["articles"] == 2

    assert [path for path in found.followed if not re.match(r"/help[/?]", path)] == []
    wrong = {path for path, status in found.followed.items() if status >= 400}
    assert {path.partition("?")[0] for path in wrong} == {"/help/leads"}  # asks who it is
    assert {path for path in found.sent_to if not path.startswith("/help/")} == set()
    assert found.followed["/help/media/en/map.png"] == 200
    assert len(found.followed) > 30


def test_without_a_password_a_link_opens_the_board_in_every_worker(settings, write, tmp_path):
    write("ru/vpn", "Текст.", title="Настройка VPN")

    with serving(settings, tmp_path, "--workers", "2") as site:
        line = site.process.stdout.readline()
        link = re.search(rf"{site.address}leads/sign-in\?token=[\w-]{{32}}", line)[0]
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        ours = {"Sec-Fetch-Site": "same-origin"}
        assert "Вопросы без ответа" not in browser.open(link, timeout=40).read().decode()
        form = urlencode({"token": link.partition("=")[2], "name": "Анна"}).encode()
        button = urllib.request.Request(f"{site.address}leads/sign-in", form, ours)
        assert "Вопросы без ответа" in browser.open(button, timeout=40).read().decode()
        for _ in range(8):
            assert browser.open(f"{site.address}leads", timeout=40).status == 200
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{site.address}leads", timeout=40)
        assert site.stop() == 0


def test_metrics_count_what_all_workers_answered(settings, write, tmp_path, monkeypatch):
    write("ru/vpn", "Текст.", title="Настройка VPN")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))

    with serving(settings, tmp_path, "--workers", "3") as site:
        seen = set()
        for number in range(60):  # a new connection each: the workers share them
            assert json.loads(site.get(f"api/search?q=vpn{number}"))["query"] == f"vpn{number}"
            site.get("")
            seen |= {file.name for file in tmp_path.glob("kb-metrics-*/counter_*.db")}
        with connect(site) as client:
            client.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 411")
        text = site.get("metrics")
        assert site.stop() == 0

    asked = figures(text)
    by_route = {at["route"]: n for at, n in asked["kb_requests_total"]}
    assert by_route["/api/search"] == by_route["/"] == 60
    assert sum(n for _, n in asked["kb_searches_total"]) == 60
    slow = [n for at, n in asked["kb_request_seconds_count"] if at["route"] == "/api/search"]
    assert slow == [60]
    assert asked["kb_refused_total"] == [({"status": "411"}, 1)]
    assert asked["kb_articles"] == asked["kb_ready"] == [({}, 1)]
    assert asked["kb_degraded"] == [({}, 0)]
    assert 0 <= time.time() - asked["kb_build_timestamp_seconds"][0][1] < 600
    assert len(seen) > 1  # more than one worker answered
    assert list(tmp_path.glob("kb-metrics-*")) == []  # it ends with the server


def figures(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Every figure by its name, with its labels, as Prometheus reads them."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation not in ("", "Multiprocess metric"), family.name
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def in_a_read_only_folder(folder: Path, command: list[str]) -> list[str]:
    """A command for which this folder is mounted read-only, which even root cannot write."""
    mount = 'mount --bind -o ro "$0" "$0" && exec "$@"'
    wrapped = ["unshare", "--mount", "sh", "-c", mount, str(folder)]
    if subprocess.run([*wrapped, "true"], capture_output=True).returncode:
        unavailable("no right to mount a folder read-only here", always_optional=True)
    return [*wrapped, *command]


@pytest.mark.slow
def test_a_read_only_data_folder_is_served_as_it_is(settings, write, tmp_path, monkeypatch):
    write("ru/vpn", "Текст.", title="Настройка VPN")
    base = KnowledgeBase.open(settings)
    base.rebuild()
    base.close()
    monkeypatch.setattr(
        served, "command", lambda *asked: in_a_read_only_folder(settings.data, command(*asked))
    )

    with serving(settings, tmp_path, "--workers", "2") as site:
        assert "Настройка VPN" in site.get("search?" + urlencode({"q": "vpn"}))
        browser = {"User-Agent": "Mozilla/5.0", "Sec-Fetch-Site": "none"}
        asked = urllib.request.Request(site.address + "search?q=nothing", headers=browser)
        assert urllib.request.urlopen(asked, timeout=40).status == 200
        eventually(lambda: "searches wait in memory" in site.log)
        assert figures(site.get("metrics"))["kb_searches_total"]
        assert site.stop() == 0

    told = [line.split(" ", 2)[2] for line in site.log.splitlines()]
    reason = r"cannot be written \(Read-only file system\)"
    assert re.match(rf"{settings.data} {reason}: its build is served as it is", told[0])
    assert re.match(rf"searches wait in memory: the search log \S+ {reason}", told[1])
    assert len(set(told)) == 2, site.log  # each worker tells the second once


@pytest.mark.slow
def test_a_build_damaged_while_it_is_served_is_made_anew_by_itself(settings, write, tmp_path):
    for number in range(12):
        write(f"ru/a{number}", f"Статья {number}.", title=f"Статья {number}")
    base = KnowledgeBase.open(settings)
    base.rebuild()
    base.close()
    builds = Builds(settings.builds)
    (first,) = builds.root.glob("2*")

    with serving(settings, tmp_path, "--workers", "2") as site:
        assert json.loads(site.get("readyz"))["status"] == "ok"
        for file in (file for file in first.rglob("*") if file.suffix in (".kb", ".seg")):
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 0x10
            with file.open("r+b") as opened:
                opened.write(content)

        def is_healed() -> bool:
            with contextlib.suppress(urllib.error.HTTPError):  # 503 while nothing can be read
                ready = json.loads(site.get("readyz"))
                return (ready["status"], ready["build"] != first.name) == ("ok", True)
            return False

        eventually(is_healed, 120)
        assert "Статья 7" in site.get("search?" + urlencode({"q": "статья 7"}))
        assert site.stop() == 0

    told = "the published build is damaged: the articles are indexed again"
    assert site.log.count(told) == 1
    assert Builds(settings.builds).sound(builds.pointed())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--watch"], "cannot be written (Read-only file system), and --watch has builds made"),
        ([], "cannot be written (Read-only file system) and holds no build of"),
    ],
)
def test_what_needs_a_writable_data_folder_says_why_it_is_refused(
    settings, write, tmp_path, more, said
):
    write("ru/vpn", "Текст.", title="Настройка VPN")
    settings.data.mkdir()
    asked = in_a_read_only_folder(settings.data, command(settings, "--port", "0", *more))

    done = subprocess.run(asked, capture_output=True, text=True, cwd=tmp_path, timeout=120)

    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_figures_that_would_be_lost_are_refused(monkeypatch, tmp_path):
    """prometheus_client was imported by this process long ago, without a folder to share."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    with pytest.raises(RuntimeError, match="imported before PROMETHEUS_MULTIPROC_DIR"):
        Metrics(dict)


def connect(site: Serving) -> socket.socket:
    host, port = site.address.removeprefix("http://").strip("/").split(":")
    return socket.create_connection((host, int(port)), timeout=40)


def say(site: Serving, request: bytes) -> bytes:
    """The answer to bytes that no proper client would send."""
    with connect(site) as client:
        client.sendall(request)
        return client.recv(100_000)


def test_letters_need_no_encoding_and_nonsense_leaves_no_trace(site):
    bare = "GET /api/search?q=настройка HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert say(site, bare.encode()).startswith(b"HTTP/1.1 200")
    assert say(site, b"GET /a?q=se\x00cret HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
    long = quote("я" * 500)
    assert json.loads(site.get(f"api/search?q={long}&lang=ru"))["query"] == "я" * 500

    assert "se" + "cret" not in site.log
    assert "127.0.0.1" not in site.log
    assert "Traceback" not in site.log


@pytest.mark.parametrize("letter", ["a", "я"])
def test_a_query_of_3000_letters_is_cut_and_one_of_60000_is_refused(site, letter):
    """A head of more than 32 KB is refused before its address is read: it is no query."""
    cut = json.loads(site.get(f"api/search?q={quote(letter * 3_000)}"))
    page = site.get(f"ru/search?q={quote('VPN ' + letter * 3_000)}")
    asked = f"GET /ru/search?q={quote(letter * 60_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.suppress(OSError):  # it need not read all of it
        assert say(site, asked.encode()).startswith(b"HTTP/1.1 431")

    assert cut["query"] == letter * 500
    assert 'href="/articles/ru/vpn' in page
    assert json.loads(site.get("readyz"))["articles"] == 1


def test_a_bad_chunk_size_is_refused_on_every_route(site, kb):
    routes = [
        (method, re.sub("<[^>]+>", "x", rule.rule))
        for rule in create_app(kb).url_map.iter_rules()
        for method in sorted(rule.methods)
    ]

    for method, path in routes:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
        asked = head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"
        assert say(site, asked.encode()).startswith(b"HTTP/1.1 411"), (method, path)
    assert json.loads(site.get("readyz"))["articles"] == 1

    assert "Traceback" not in site.log
    assert len(routes) > 50


def test_half_sent_requests_stop_nobody_else(site):
    host = "Host: localhost\r\n"
    halves = (
        "GET /api/search?q=",
        f"GET / HTTP/1.1\r\n{host}X-A: ",
        f"POST /api/searches HTTP/1.1\r\n{host}Content-Length: 5000\r\n\r\n{{",
        f"POST /contact HTTP/1.1\r\n{host}Content-Length: 5000\r\n\r\nq=",
        f"POST /leads/sign-in HTTP/1.1\r\n{host}Content-Length: 5000\r\n\r\ntoken=",
    )

    with contextlib.ExitStack() as stack:
        for half in halves * 40:
            client = stack.enter_context(connect(site))
            client.sendall(half.encode())
        for number in range(20):
            assert json.loads(site.get(f"api/search?q=vpn{number}"))["query"] == f"vpn{number}"
        assert "Настройка VPN" in site.get("articles/ru/vpn")


def test_a_reload_takes_new_settings_and_refuses_nobody(settings, write, tmp_path):
    write("ru/vpn", "Текст.", title="Настройка VPN")
    toml = tmp_path / "kb.toml"
    toml.write_text('site_name = "Прежнее имя"\n')

    with serving(settings, tmp_path, "--workers", "2") as site:
        assert "Прежнее имя" in site.get("")
        toml.write_text('site_name = "Новое имя"\n')
        site.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 60
        while not all("Новое имя" in site.get("") for _ in range(8)):
            assert time.monotonic() < end, site.log

        toml.write_text("site_name = [\n")
        site.process.send_signal(signal.SIGHUP)
        eventually(lambda: "not reloaded" in site.log)
        assert "Новое имя" in site.get("")
        assert site.stop() == 0

        assert "Traceback" not in site.log


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
            head = f"POST /api/searches HTTP/1.1\r\nHost: {host}:{port}\r\n"
            head += f"Origin: {site.address[:-1]}\r\n"
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

    monkeypatch.setattr("kb.index.builds._checksum", lambda path: pytest.fail(f"{path} read again"))

    assert KnowledgeBase.open(settings, builds=builds).answer("vpn").total == 1
