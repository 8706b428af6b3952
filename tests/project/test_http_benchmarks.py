"""Load on servers is offered and counted fairly, and growth is told by its exponent."""

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, islice, pairwise
from threading import Lock, Thread
from time import sleep
from types import ModuleType

import pytest

from benchmarks import peers
from benchmarks.lib import (
    charts,
    fits,
    growth_tables,
    http_loads,
    http_tables,
    offered_load,
    peer_app,
    peer_servers,
)

DISTINCT, TYPED = http_tables.LOADS


class Upstream:
    """A server that answers one request at a time, and stands still at some addresses."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        lock, asked = Lock(), self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with lock:
                    asked.append(self.path)
                    if "slow" in self.path:
                        sleep(0.4)
                self.send_response(500 if "broken" in self.path else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = ("127.0.0.1", self._server.server_port)
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.close()


@pytest.fixture
def http_peers(monkeypatch) -> ModuleType:
    """The script, which puts the checkout in the place of its own folder when it is loaded."""
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    from benchmarks import http_peers

    return http_peers


# ---------------------------------------------------------------- load


def test_a_server_that_stands_still_delays_all_requests_that_are_due_meanwhile(upstream):
    paths = ["/slow", *(f"/{number}" for number in range(100))]

    answers = offered_load.asked(upstream.address, paths, 0.5, rate=40)

    assert len(answers.ms) == 20
    # Eleven are due in the first 0.25 s, at least 0.15 s before the first is answered; some that
    # arrive with it may be answered before it.
    assert sum(ms > 150 for ms in answers.ms) >= 8
    assert not answers.failed


def test_without_a_rate_clients_wait_for_their_answers(upstream):
    answers = offered_load.asked(upstream.address, (f"/{number}" for number in range(50)), 30.0)

    assert Counter(upstream.asked) == Counter(f"/{number}" for number in range(50))
    assert len(answers.ms) == 50
    assert answers.bytes > 50 * len("HTTP/1.1 200 OK")


def test_requests_that_fail_are_counted(upstream):
    answers = offered_load.asked(upstream.address, ["/", "/broken", "/broken?again"], 30.0)

    assert answers.failed == 2


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\no", None),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n", None),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", None),
        (b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 503),
    ],
)
def test_an_answer_is_complete_when_all_of_it_has_come(received, status):
    assert offered_load.status_of(received) == status


def test_every_reader_types_letter_by_letter():
    held = list(islice(http_loads.typed(["vpn reset", "заявка"], 1, readers=1), 60))

    for before, after in pairwise(held):
        assert after.startswith(before) or len(after) == 2


def test_some_questions_are_typed_far_more_often_than_others():
    questions = [f"{number:03} question" for number in range(500)]

    held = list(islice(http_loads.typed(questions, 1), 30_000))

    whole = Counter(query for query in held if query.endswith("question"))
    assert whole["000 question"] > 5 * whole["019 question"] > 0
    assert len(whole) > 100


def test_distinct_questions_come_back_only_after_all_others():
    questions = [str(number) for number in range(30)]

    one, two = (list(islice(http_loads.distinct(questions, turn), 60)) for turn in (1, 2))

    assert sorted(one[:30]) == sorted(one[30:]) == sorted(questions)
    assert one[:30] != two[:30]


# ---------------------------------------------------------------- peers


def test_a_peer_answers_with_titles_addresses_and_snippets(tmp_path):
    docs = [("en/vpn", "Reset the VPN", "Open the settings."), ("ru/pay", "Счёт", "Где оплатить.")]
    peer_app.engine("fts5", tmp_path / "fts5").build(docs)
    client = peer_app.application("fts5", tmp_path / "fts5").test_client()

    whole = client.get("/search?q=settings", headers={"Accept-Encoding": "gzip"})
    begun = client.get("/search?q=опл&typed=1")

    assert json.loads(gzip.decompress(whole.data))["results"] == [
        {"title": "Reset the VPN", "url": "/articles/en/vpn", "snippet": "Open the [settings]."}
    ]
    assert [hit["title"] for hit in begun.json["results"]] == ["Счёт"]
    assert client.get("/search?q=опл").json == {"results": []}


def test_whoosh_knows_the_stems_of_both_languages(tmp_path):
    engine = peer_app.engine("whoosh", tmp_path)
    engine.build([("1", "Invoices", "Paying them."), ("2", "Заявки", "Подать заявку.")])

    assert [hit.id for hit in engine.hits("invoice")] == ["1"]
    assert [hit.id for hit in engine.hits("заявкой")] == ["2"]


@pytest.mark.skipif(not peer_servers.found("nginx"), reason="nginx is not installed")
def test_nginx_answers_what_was_asked_before_by_itself(upstream):
    with peer_servers.nginx(upstream.address) as (_, address):
        offered_load.asked(address, ["/search?q=vpn"], 30.0)
        answers = offered_load.asked(address, ["/search?q=vpn"] * 20, 30.0)

    assert len(answers.ms) == 20
    assert upstream.asked.count("/search?q=vpn") == 1


def test_servers_are_compared_by_their_processor_time(http_peers, monkeypatch, upstream):
    spent = {1: count(0, 1), 2: count(0, 3)}  # the second server takes three times as much a turn
    monkeypatch.setattr(http_peers, "cpu_of", lambda pids: next(spent[pids[0]]) * turn)
    monkeypatch.setattr(http_peers.servers, "family", lambda pid: [pid])
    monkeypatch.setattr(http_peers, "questions", lambda: ["vpn", "оплата"])
    monkeypatch.setattr(http_peers, "requests", lambda load, number, server: ["/"] * 20)
    ours, other = (
        http_peers.Server(name, [pid], upstream.address, http_peers.peer_path)
        for name, pid in (("ours", 1), ("other", 2))
    )
    turn = 0.02

    told = http_peers.compared(DISTINCT, [ours, other], seconds=60, repeat=2)

    assert told["ours"]["ours / it"] == 1
    assert told["ours"]["cpu ms"] == pytest.approx(1)
    assert told["ours"]["failed"] == told["other"]["failed"] == 0
    assert told["other"]["answers"] > 0
    assert len(http_tables.rows(told)) == 4


def test_a_peer_that_is_not_installed_is_left_out(http_peers, monkeypatch, capsys):
    monkeypatch.setattr(peers, "find_spec", lambda module: None)
    monkeypatch.setattr(peer_servers, "found", lambda program: None)

    assert http_peers.available() == ["fts5", "whoosh"]
    assert "pip install tantivy" in capsys.readouterr().err


def test_the_best_peer_is_the_one_that_comes_closest():
    figures = {"answers": 500.0, "failed": 0.0, "p50 ms": 1.0, "p99 ms": 2.0, "cpu ms": 1.0,
               "requests/s": 900.0, "requests/s per core": 1000.0, "bytes": 2000.0}  # fmt: skip
    ratios = {"ours": 1.0, "tantivy": 1.6, "fts5": 4.0, "ours behind nginx": 0.9,
              "fts5 behind nginx": 2.2}  # fmt: skip
    told = {DISTINCT: {name: figures | {"ours / it": ratio} for name, ratio in ratios.items()}}
    told[DISTINCT]["ours behind nginx"]["cpu ms"] = 0.25

    block = http_tables.blocks(told)["peers over HTTP"]

    best = f"{DISTINCT}: requests/s per core against the best peer"
    assert f"| {best}, tantivy | ≥ 2 × | 1.60 × | **missed** |" in block
    assert f"| {best}, fts5 behind nginx | ≥ 2 × | 2.20 × | reached |" in block
    assert f"| {DISTINCT}: the same, both behind nginx | ≥ 2 × | 4.00 × | reached |" in block
    assert sum(line.startswith(f"| {best}") for line in block) == 2
    assert "| fts5 | 1.00 | 1000 | 4.00 × | 900 | 1.00 / 2.00 | 2,000 |" in block


# ---------------------------------------------------------------- growth


def test_the_exponent_of_a_power_is_found_exactly():
    found = fits.power([1, 10, 100, 1000], [3 * x**0.5 for x in (1, 10, 100, 1000)])

    assert found.exponent == pytest.approx(0.5)
    assert found.last == pytest.approx(0.5)
    assert found.margin == pytest.approx(0, abs=1e-6)


def test_a_fixed_cost_shows_in_the_interval_and_in_the_last_step():
    found = fits.power([1, 10, 100, 1000], [50 + x for x in (1, 10, 100, 1000)])

    assert found.exponent < found.last < 1
    assert found.exponent + found.margin > found.last


def test_growth_is_told_with_its_exponents_and_drawn():
    points = {str(count): {"passage p50": count**0.5, "passage p99": 2.0} for count in (1, 4, 16)}

    block = growth_tables.blocks({"words": points})["growth with words"]
    drawing = charts.curves("Words", "ms", [1, 4, 16], {"p50": [1.0, 2.0, 4.0]})

    assert "| **exponent** | 0.50 ± 0.00 | 0.00 ± 0.00 |" in block
    assert block[2:4] == ["| 1 | 1.00 | 2.00 |", "| 4 | 2.00 | 2.00 |"]
    assert drawing.count("<circle") == 3
