"""A question is answered before Flask begins, and from memory if it was asked before."""

import gzip
import os
from datetime import UTC, datetime, timedelta

import pytest
from fakes import FakeBase
from flask import Flask

from kb.base.config import Settings
from kb.service import KnowledgeBase
from kb.site.answer_cache import AnswerCache, Outcome
from kb.web import create_app

ASKED = "/api/search?q=пароль"
KEY, OTHER = b"k" * 16, b"K" + b"k" * 15


@pytest.fixture
def base():
    return FakeBase()


def site(base, **settings):
    app = create_app(base, Settings(**settings))
    app.testing = True
    return app.test_client()


def without_id(answer):
    """The headers of an answer but the one that no two answers have."""
    return {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}


def test_a_repeated_question_is_answered_alike_and_searched_once(base):
    client = site(base)

    first, second = client.get(ASKED), client.get(ASKED)

    assert second.data == first.data
    assert without_id(second) == without_id(first)
    assert len(base.asked) == 1


def test_a_new_build_is_asked_again(base):
    client = site(base)
    client.get(ASKED)

    base.build = "build-2"

    assert client.get(ASKED).json["build"] == "build-2"


def test_a_new_day_is_asked_again(settings, write):
    moment = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    write("vpn", title="Reset your VPN password", publish="2026-03-02")
    kb = KnowledgeBase(settings, now=lambda: moment)
    kb.rebuild()
    client = create_app(kb).test_client()
    before = client.get("/api/search?q=vpn").json["total"]

    moment += timedelta(minutes=2)

    assert (before, client.get("/api/search?q=vpn").json["total"]) == (0, 1)
    kb.close()


def test_other_filters_are_another_question(base):
    client = site(base)
    client.get(ASKED)

    assert client.get(f"{ASKED}&lang=en").json["results"] != client.get(ASKED).json["results"]


def test_who_takes_gzip_gets_gzip_at_first_and_again(base):
    client = site(base)
    plain = client.get(ASKED)

    for _ in range(2):
        packed = client.get(ASKED, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(packed.data) == plain.data
        assert packed.headers["ETag"] == plain.headers["ETag"]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("deflate, GZIP;q=0.5", "gzip"), ("gzip;q=0, br", None), ("gzip ; q=0.000", None), ("", None)],
)
def test_who_refuses_gzip_gets_none(base, accepted, encoding):
    client = site(base)

    for _ in range(2):
        answer = client.get(ASKED, headers={"Accept-Encoding": accepted})
        assert answer.headers.get("Content-Encoding") == encoding


def test_a_repeated_answer_has_the_headers_of_every_answer(base):
    client = site(base)
    client.get(ASKED)

    again = client.get(ASKED)

    assert again.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in again.headers["Content-Security-Policy"]


def test_a_repeated_answer_is_counted(base):
    client = site(base)

    for _ in range(3):
        client.get(ASKED)

    told = client.get("/metrics").text
    assert 'kb_requests_total{method="GET",route="/api/search",status="200"} 3.0' in told
    assert 'kb_searches_total{outcome="answered"} 3.0' in told


def test_a_host_that_is_not_ours_gets_nothing_from_memory(base):
    client = site(base, trusted_hosts=("help.example.com",))
    client.get(ASKED, base_url="http://help.example.com")

    foreign = client.get(ASKED, base_url="http://evil.example.com")

    assert foreign.status_code == 400


def test_a_mistake_is_not_kept(base):
    client = site(base)

    assert client.get("/api/search?q=x&limit=no").status_code == 400
    assert client.get("/api/search?q=x&limit=no").status_code == 400


def test_no_build_is_said_and_not_kept(base):
    client = site(base)
    base.build = None
    missing = client.get(ASKED)

    base.build = "build-1"

    assert missing.status_code == 503
    assert client.get(ASKED).status_code == 200


def test_an_answer_of_a_build_published_meanwhile_is_not_kept_for_the_old_one(base, monkeypatch):
    client = site(base)
    answer = base.answer

    def published_meanwhile(*asked, **how):
        base.build = "build-2"
        return answer(*asked, **how)

    monkeypatch.setattr(base, "answer", published_meanwhile)
    client.get(ASKED)
    base.build = "build-1"

    client.get(ASKED)

    assert len(base.asked) == 2


@pytest.mark.parametrize(
    "query", ["q=пароль", "q=VPN&lang=en&limit=1", "q=%D0%BF%FF%00&own=ru", "", "q=a+b&q=c&exact=1"]
)
def test_flask_would_answer_alike(base, query):
    app = create_app(base, Settings())
    asked = f"/api/search?{query}"
    before = app.test_client().get(asked)
    app.wsgi_app = Flask.wsgi_app.__get__(app)  # with nothing before it

    after = app.test_client().get(asked)

    assert after.data == before.data
    assert {**after.headers, "ETag": before.headers["ETag"]} == without_id(before)


def test_the_head_of_an_answer_can_be_asked_for(base):
    head = site(base).head(ASKED)

    assert head.status_code == 200
    assert head.headers["Content-Type"] == "application/json"


def test_a_mistake_of_ours_is_told_as_everywhere(base, monkeypatch):
    app = create_app(base, Settings())
    monkeypatch.setattr(base, "answer", lambda *asked, **how: 1 / 0)

    answer = app.test_client().get(ASKED)

    assert answer.status_code == 500
    assert answer.json["error"]["code"] == "internal-error"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


# --- the shelf ----------------------------------------------------------------------------------


def test_what_another_process_keeps_is_found():
    shelf = AnswerCache()

    child = os.fork()
    if not child:
        shelf.put(KEY, Outcome(True, False), b"answer")
        os._exit(0)
    os.waitpid(child, 0)

    assert shelf.get(KEY) == (Outcome(True, False), b"answer")


def test_a_place_holds_one_answer_the_last_one():
    shelf = AnswerCache(1)
    shelf.put(KEY, Outcome(True, True), b"first")

    shelf.put(OTHER, Outcome(True, True), b"second")

    assert shelf.get(KEY) is None
    assert shelf.get(OTHER) == (Outcome(True, True), b"second")


def test_questions_that_share_a_place_do_not_drive_each_other_out():
    shelf = AnswerCache(1000)
    keys = [bytes([7] * 8 + [number] * 8) for number in range(2)]

    for key in keys * 2:
        shelf.put(key, Outcome(True, True), key)

    assert [shelf.get(key) for key in keys] == [(Outcome(True, True), key) for key in keys]


@pytest.mark.parametrize("at", [3, 17, 21, 30])
def test_an_answer_that_is_half_written_over_is_none(at):
    shelf = AnswerCache(1)
    shelf.put(KEY, Outcome(True, True), b"answer " * 5)

    shelf._memory[at] ^= 1

    assert shelf.get(KEY) is None


def test_an_answer_too_long_for_its_place_is_not_kept():
    shelf = AnswerCache()

    shelf.put(KEY, Outcome(True, True), bytes(5000))

    assert shelf.get(KEY) is None


def test_without_places_nothing_is_kept(base):
    client = create_app(base, Settings(), cache_slots=0).test_client()

    answers = [client.get(ASKED).data for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(base.asked) == 2
