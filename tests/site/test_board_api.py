"""Programs with a token read the board and change it, as far as the token's scopes go."""

import os
from datetime import timedelta

import needs
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from visitors import Visitors

from kb.base.config import Settings
from kb.base.errors import ConfigError
from kb.searchlog.db.token_models import BUILDS, READ, SCOPES, SEARCH, WRITE
from kb.service import KnowledgeBase
from kb.site import auth, throttle
from kb.site.accounts import Person, checked
from kb.web import create_app

ALL = "a long token of leaves and rain"
BOARD = "/api/board/questions"
EXAMPLES = 100 if os.environ.get("KB_TEST_FULL") == "1" else 8


@pytest.fixture
def service(settings, write):
    write("ru/vpn", "Текст о сети.", title="Настройка VPN", category="Сеть")
    token = Settings(api_token=ALL).api_token
    service = KnowledgeBase.open(settings.model_copy(update={"api_token": token, "mcp": True}))
    service.rebuild()
    visit = Visitors(service)
    for query in ("подключить кофеварку", "подключить кофеварку", "заварить чай"):
        visit.searches(query)
    yield service
    service.close()


@pytest.fixture
def client(service):
    app = create_app(service)
    app.testing = True
    return app.test_client()


@pytest.fixture
def made(service):
    """Makes tokens by their scopes, and returns the header that sends one."""

    def make(*scopes, name="crm", expires=None):
        token = service.log.tokens.add(name, scopes, service.now(), expires)
        return {"Authorization": f"Bearer {token}"}

    return make


def test_the_board_is_read_by_page_and_filter(client, made):
    by = made(READ)

    page = client.get(f"{BOARD}?limit=1", headers=by).json
    assert (page["total"], page["page"], page["pages"]) == (2, 1, 2)
    [first] = page["questions"]
    assert (first["question"], first["visits"], first["note"]) == ("подключить кофеварку", 2, "")
    found = client.get(BOARD, query_string={"q": "ЧАЙ", "owner": ""}, headers=by).json
    assert [each["question"] for each in found["questions"]] == ["заварить чай"]
    assert client.get(f"{BOARD}?status=answered", headers=by).json["total"] == 0
    for wrong in ("status=x", "kind=x", "cause=x", "order=x", "page=0", "limit=101", "since=x"):
        assert client.get(f"{BOARD}?{wrong}", headers=by).status_code == 400, wrong


def test_a_question_is_assigned_dismissed_and_noted_and_the_history_says_by_which_token(
    client, made, service
):
    by = made(READ, WRITE)
    one = f"{BOARD}/1"

    assert client.post(f"{one}/assign", json={"owner": " Анна  К "}, headers=by).json["owner"] == (
        "Анна К"
    )
    noted = client.post(f"{one}/note", json={"note": "две\r\nстроки"}, headers=by).json
    assert noted["note"] == "две\nстроки"
    sent = {"reason": "не наше", "until": "2099-01-31"}
    gone = client.post(f"{one}/dismiss", json=sent, headers=by).json
    assert gone["status"] == "dismissed"
    assert gone["dismissed"] == {"reason": "не наше", "until": "2099-01-31T23:59:59+00:00"}

    history = client.get(one, headers=by).json["history"]
    assert [(each["who"], each["what"]) for each in history] == [
        ("token crm", "assigned"), ("token crm", "note"), ("token crm", "dismissed"),
    ]  # fmt: skip
    assert service.log.groups.get(1).status == "dismissed"
    service.log.actions.merge(2, 1)
    assert client.get(f"{BOARD}/2", headers=by).json["id"] == 1  # where it is now
    assert client.post(f"{BOARD}/2/note", json={"note": "x"}, headers=by).json["id"] == 1


@pytest.mark.parametrize(
    ("action", "sent", "says"),
    [
        ("assign", {}, "owner must be text"),
        ("assign", {"owner": 5}, "owner must be text"),
        ("dismiss", {"reason": " "}, "reason must not be empty"),
        ("dismiss", {"reason": "x", "until": "soon"}, "until is a day"),
        ("note", [], "must be a JSON object"),
    ],
)
def test_what_cannot_be_done_is_named_and_changes_nothing(
    client, made, service, action, sent, says
):
    answer = client.post(f"{BOARD}/1/{action}", json=sent, headers=made(WRITE))

    assert answer.status_code == 400
    assert says in answer.json["error"]["message"]
    assert service.log.groups.details(1).history == ()


def test_a_token_opens_its_scopes_and_nothing_else(client, made):
    by = {scope: made(scope, name=scope) for scope in SCOPES}
    asked = {
        scope: [
            client.get("/api/token", headers=headers).status_code,
            client.get(BOARD, headers=headers).status_code,
            client.get("/api/misses", headers=headers).status_code,
            client.post(f"{BOARD}/1/note", json={"note": "x"}, headers=headers).status_code,
            client.get("/leads", headers=headers).status_code,
        ]
        for scope, headers in by.items()
    }

    closed = [answers.pop() for answers in asked.values()]
    assert asked == {
        SEARCH: [200, 403, 403, 403], READ: [200, 200, 200, 403], WRITE: [200, 200, 200, 200],
        BUILDS: [200, 403, 403, 403],
    }  # fmt: skip
    assert set(closed) <= {302, 303, 401, 403}
    settings_token = {"Authorization": f"Bearer {ALL}"}
    told = client.get("/api/token", headers=settings_token).json
    assert told == {"name": "KB_API_TOKEN", "scopes": [SEARCH, READ], "expires": None}
    refused = client.post(f"{BOARD}/1/note", json={"note": "x"}, headers=settings_token)
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "forbidden")
    assert client.get(f"{BOARD}/99", headers=by[READ]).status_code == 404


def test_a_token_that_expired_or_was_revoked_opens_nothing(client, made, service):
    gone = made(READ, name="gone")
    assert client.get(BOARD, headers=gone).status_code == 200
    assert service.log.tokens.revoke("gone")

    assert client.get(BOARD, headers=gone).status_code == 401
    old = made(READ, name="old", expires=service.now() - timedelta(seconds=1))
    assert client.get(BOARD, headers=old).status_code == 401
    [left] = service.log.tokens.all()
    assert (left.name, left.used) == ("old", None)


def test_a_token_is_nowhere_in_the_log_and_its_use_is_noted(client, made, service):
    by = made(READ)
    token = by["Authorization"].removeprefix("Bearer ")

    client.get(BOARD, headers=by)

    assert service.now() - service.log.tokens.all()[0].used < timedelta(minutes=5)
    rows = service.log.database.select("select * from tokens")
    assert token not in str(rows)


def test_wrong_tokens_wait_like_wrong_passwords(client):
    found = [
        client.get(path, headers={"Authorization": f"Bearer kb_{n}"}).status_code
        for n in range(7)
        for path in [(BOARD, "/api/token")[n % 2]]
    ]

    assert found == [401] * throttle.TRIES + [429] * 2


def test_nobody_signs_in_by_the_name_of_a_program(service, client):
    token = auth.SignInLinks(service.settings.data).make()
    ours = {"Sec-Fetch-Site": "same-origin"}

    def by_link(name):
        sent = {"token": token, "name": name}
        return client.post("/leads/sign-in", data=sent, headers=ours).status_code

    assert [by_link(name) for name in ("Token  crm", "Анна")] == [401, 303]
    with pytest.raises(ConfigError):
        checked(Person("token crm", password=auth.hash_password("correct horse battery")))


def test_an_agent_with_a_token_is_counted_by_itself(service, made):
    tight = service.settings.model_copy(update={"searches_per_minute": 2})
    client = create_app(service, tight).test_client()
    by = made(SEARCH)
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

    def asked(**headers):
        return client.post("/mcp", json=ping, headers=headers).status_code

    assert [asked() for _ in range(3)] == [200, 200, 429]
    assert [asked(**by) for _ in range(3)] == [200, 200, 429]
    assert asked(Authorization="Bearer kb_wrong") == 401
    assert asked(Authorization="Bearer of-a-proxy") == 429  # none of ours: a network like another


def test_nothing_that_fits_the_description_or_not_breaks_a_route_of_the_board(service, made):
    schemathesis = needs.library("schemathesis", "schemathesis")
    from schemathesis.specs.openapi.checks import ignored_auth

    by = made(*SCOPES)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", create_app(service))
    for operation in schema.include(path_regex="^/api/(board|token|misses)").get_all_operations():

        @given(case=operation.ok().as_strategy())
        @hypothesis_settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
        def holds(case):
            answer = case.call(headers={"Accept-Encoding": "identity", **by})
            assert answer.status_code < 500
            case.validate_response(answer, excluded_checks=[ignored_auth])

        holds()
