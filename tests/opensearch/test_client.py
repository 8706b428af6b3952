"""The client of the cluster: another node is asked, nothing waits long, no secret is told."""

import http.server
import json
import logging
import re
import threading
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from kb.base.errors import ConfigError
from kb.jobs.doctor import cluster as cluster_doctor
from kb.opensearch.breaker import Breaker
from kb.opensearch.client import OUTCOMES, Cluster, ClusterUnavailable, Refused
from kb.service import KnowledgeBase
from kb.web import create_app


class Node(http.server.BaseHTTPRequestHandler):
    """Answers each request with the next status of its server, the last one for ever.

    `body` of the server, content type and text, takes the place of the usual one.
    """

    def do_GET(self):
        statuses = self.server.statuses
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        usual = {"status": status} if status == 200 else {"error": {"type": "told"}}
        kind, text = self.server.body or ("application/json", json.dumps(usual))
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args):
        """Says nothing."""


@pytest.fixture
def node():
    servers = []

    def start(*statuses):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Node)
        server.statuses, server.asked, server.body = list(statuses), [], None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def url(server, user=""):
    return f"http://{user}127.0.0.1:{server.server_port}"


def test_another_node_is_asked_where_one_fails(node):
    pytest.importorskip("opensearchpy")
    sick, sound = node(503), node(200)
    cluster = Cluster(f"{url(sick)}, {url(sound)}, http://127.0.0.1:9")

    answers = [cluster.ask("GET", "/_any")["status"] for _ in range(6)]

    assert answers == [200] * 6
    assert not cluster.breaker.is_open


def test_what_no_node_answers_is_unavailable_and_soon_not_tried(node):
    pytest.importorskip("opensearchpy")
    sick = node(503)
    cluster = Cluster(url(sick), Breaker(failures=2, rest=60))

    for _ in range(6):
        with pytest.raises(ClusterUnavailable, match=r"does not answer.*try again"):
            cluster.ask("GET", "/_any")

    assert len(sick.asked) == 2 * 3  # two calls with two retries each
    sick.statuses = [200]
    assert cluster.do("GET", "/_any")["status"] == 200  # a change does not ask the breaker


def test_a_refusal_is_told_and_opens_nothing(node):
    pytest.importorskip("opensearchpy")
    cluster = Cluster(url(node(400)), Breaker(failures=1))

    with pytest.raises(Refused, match="told") as caught:
        cluster.ask("GET", "/_any")

    assert caught.value.status == 400
    assert not cluster.breaker.is_open


def test_the_password_of_an_address_is_sent_and_never_told(node, caplog):
    pytest.importorskip("opensearchpy")
    caplog.set_level(logging.DEBUG)
    sick = node(500)
    cluster = Cluster(url(sick, "kb:se%3Acret@"))

    with pytest.raises((Refused, ClusterUnavailable)) as caught:
        cluster.ask("GET", "/_any")

    assert sick.asked[0][1] == "Basic a2I6c2U6Y3JldA=="
    assert "cret" not in str(caught.value) + caplog.text
    for wrong in ("ftp://kb:secret@node", "//kb:secret@node"):
        with pytest.raises(ConfigError) as caught:
            Cluster(wrong)
        assert "secret" not in str(caught.value)


def test_what_is_no_answer_of_a_cluster_is_unavailable(node):
    pytest.importorskip("opensearchpy")
    told = node(200)
    cluster = Cluster(url(told), Breaker(failures=100))

    for kind, body in (
        ("text/html", "<h1>It works</h1>"), ("text/plain", "ok"), ("application/json", "<h1>"),
        ("application/json", "[]"), ("application/json", ""),
        ("application/json", '{"responses": [null]}'),
    ):  # fmt: skip
        told.body = kind, body
        for asked in (cluster.ask, cluster.do)[: 1 if "responses" in body else 2]:
            with pytest.raises(ClusterUnavailable, match="does not answer"):
                asked("POST", "/_any")


@pytest.mark.parametrize(
    "part", [{"timed_out": True}, {"_shards": {"total": 2, "successful": 1, "failed": 1}}]
)
def test_the_answer_of_some_shards_is_none(node, part):
    pytest.importorskip("opensearchpy")
    told, whole = node(200), {"timed_out": False, "_shards": {"total": 2, "failed": 0}}
    cluster = Cluster(url(told), Breaker(failures=2))

    told.body = "application/json", json.dumps({"responses": [whole, whole]})
    assert len(cluster.ask("POST", "/_msearch")["responses"]) == 2

    for answer in (part, {"responses": [whole, whole | part]}):
        told.body = "application/json", json.dumps(answer)
        with pytest.raises(ClusterUnavailable, match="missing"):
            cluster.ask("POST", "/_msearch")
    assert cluster.breaker.is_open


def test_one_search_of_several_may_be_refused_or_find_the_nodes_busy(node):
    pytest.importorskip("opensearchpy")
    told = node(200)
    cluster = Cluster(url(told))

    for status, error in ((429, ClusterUnavailable), (400, Refused)):
        failed = {"error": {"type": "of_a_search"}, "status": status}
        told.body = "application/json", json.dumps({"responses": [{}, failed]})
        with pytest.raises(error, match="of_a_search"):
            cluster.ask("POST", "/_msearch")


@pytest.fixture
def clock():
    """The seconds that a breaker sees, as its only item."""
    return [0.0]


@pytest.fixture
def breaker(clock):
    """One that opens at the second failure in a row and rests for 5 s; counts its openings."""
    made = Breaker(failures=2, rest=5, clock=lambda: clock[0])
    made.openings = []
    made.opened = lambda: made.openings.append(clock[0])
    return made


def test_a_closed_breaker_opens_at_failures_in_a_row(breaker):
    for report in (breaker.failed, breaker.succeeded, breaker.failed):
        assert breaker.lets_through()
        report()
    assert not breaker.is_open

    breaker.failed()

    assert breaker.is_open
    assert not breaker.lets_through()
    assert breaker.openings == [0.0]


def test_a_breaker_lets_one_through_after_a_rest(breaker, clock):
    breaker.failed()
    breaker.failed()

    clock[0] = 5.0

    assert breaker.lets_through()
    assert not breaker.lets_through()  # the others wait for that one


def test_a_try_that_fails_begins_another_rest_and_is_no_other_opening(breaker, clock):
    breaker.failed()
    breaker.failed()
    clock[0] = 5.0
    assert breaker.lets_through()

    breaker.failed()

    clock[0] = 9.0
    assert not breaker.lets_through()
    clock[0] = 10.0
    assert breaker.lets_through()
    assert breaker.openings == [0.0]


def test_a_try_of_which_nothing_is_heard_is_followed_by_another(breaker, clock):
    breaker.failed()
    breaker.failed()

    clock[0] = 5.0
    assert breaker.lets_through()

    clock[0] = 10.0
    assert breaker.lets_through()


def test_a_try_that_succeeds_closes_and_failures_count_anew(breaker, clock):
    breaker.failed()
    breaker.failed()
    clock[0] = 5.0
    assert breaker.lets_through()

    breaker.succeeded()

    assert all(breaker.lets_through() for _ in range(5))
    breaker.failed()
    assert not breaker.is_open
    breaker.failed()
    assert breaker.openings == [0.0, 5.0]


def test_a_node_that_refuses_is_there_again(node, breaker, clock):
    pytest.importorskip("opensearchpy")
    server = node(503)
    cluster, outcomes = Cluster(url(server), breaker), []
    cluster.count = outcomes.append
    for _ in range(3):
        with pytest.raises(ClusterUnavailable):
            cluster.ask("GET", "/_any")
    assert breaker.is_open

    server.statuses, clock[0] = [404], 5.0

    with pytest.raises(Refused):
        cluster.ask("GET", "/_any")
    assert not breaker.is_open
    server.statuses = [200]
    cluster.ask("GET", "/_any")
    assert outcomes == ["failed", "failed", "spared", "refused", "answered"]
    assert {*outcomes} == {*OUTCOMES}


def test_a_site_counts_what_becomes_of_questions_and_keeps_that_a_cluster_was_away(
    settings, write, clock
):
    """`kb doctor` tells what was kept."""
    pytest.importorskip("opensearchpy")
    write("en/vpn", "How to reset the VPN.", title="VPN")
    KnowledgeBase(settings).rebuild()
    nobody = {"engine": "opensearch", "opensearch_url": SecretStr("http://127.0.0.1:9")}
    kb = KnowledgeBase(
        settings.model_copy(update=nobody), now=lambda: datetime.fromtimestamp(clock[0], UTC)
    )
    site = create_app(kb)

    for clock[0] in range(0, 1200, 60):
        with suppress(ClusterUnavailable):
            kb._cluster.ask("GET", "/_any")

    told = site.test_client().get("/metrics").text
    assert re.findall(r'kb_cluster_total{outcome="(\w+)"} ([\d.]+)', told) == [
        ("failed", "3.0"), ("opened", "1.0"), ("spared", "17.0"),
    ]  # fmt: skip
    kb._cluster.breaker.succeeded()
    for clock[0] in (3600,) * 3:
        with suppress(ClusterUnavailable):
            kb._cluster.ask("GET", "/_any")
    days = 86400
    told, later = (list(cluster_doctor.cluster(kb.settings, now)) for now in (days, 8 * days))
    assert [str(each.message) for each in told if "since" in str(each.message)] == [
        "OpenSearch did not answer 2 times since 1970-01-01 00:02 UTC, at 1970-01-01 01:00 UTC for"
        " the last time"
    ]
    assert not [each for each in later if "since" in str(each.message)]
    kb.close()
