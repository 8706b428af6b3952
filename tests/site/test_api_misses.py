"""`GET /api/misses`: the board's list for programs that hold the token, and for nobody else."""

import json
from contextlib import contextmanager

import pytest
from visitors import Visitors

from kb.base.config import Settings
from kb.service import KnowledgeBase
from kb.site import throttle
from kb.site.api_models import Misses
from kb.web import create_app

TOKEN = "a long token of leaves and rain"


def client_of(service, **more):
    app = create_app(service, service.settings.model_copy(update=more) if more else None)
    app.testing = True
    return app.test_client()


ARTICLES = {
    "return": "---\ntitle: Как вернуть деньги\ncategory: Оплата\n---\nНажмите «Вернуть».\n",
    "vpn": "---\ntitle: Настройка VPN\ncategory: Сеть\n---\nТекст о сети.\n",
    "mail": "---\ntitle: Настройка почты\ndraft: true\n---\nТекст о почте.\n",
}


@contextmanager
def opened(folder):
    """The service of three articles in a folder, of which two questions were asked."""
    russian = folder / "articles" / "ru"
    russian.mkdir(parents=True)
    for name, text in ARTICLES.items():
        (russian / f"{name}.md").write_text(text, "utf-8")
    settings = Settings(articles=folder / "articles", data=folder / "var", api_token=TOKEN)
    service = KnowledgeBase.open(settings)
    service.rebuild()
    visit = Visitors(service)
    for _ in range(2):
        visit.searches("подключить кофеварку")
    visit.searches("настройка почты")
    service.replay()
    yield service
    service.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """For tests that change nothing in it, not even how often a wrong token was tried."""
    with opened(tmp_path_factory.mktemp("misses")) as service:
        yield service


@pytest.fixture
def own_service(tmp_path):
    with opened(tmp_path) as service:
        yield service


def ask(client, query="", token=TOKEN):
    return client.get(f"/api/misses{query}", headers={"Authorization": f"Bearer {token}"})


def test_the_list_has_the_shape_of_its_model(service):
    client = client_of(service)

    answer = ask(client)

    Misses.model_validate_json(answer.data, strict=True)
    first, second = answer.json["groups"]
    assert (first["question"], first["visits"], first["triage"]["cause"]) == (
        "подключить кофеварку",
        2,
        "content",
    )
    assert (second["triage"]["cause"], second["triage"]["slug"]) == ("draft", "ru/mail")
    assert second["phrasings"] == [{"query": "настройка почты", "visits": 1}]
    assert second["answer"] is None
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_lines_for_git_hold_what_enough_askers_asked(own_service):
    client = client_of(own_service)
    assert ask(client, "?for=git").text == ""  # two askers at most

    third = Visitors(own_service)
    third.count = 50  # searches came before
    third.searches("подключить кофеварку")
    answer = ask(client, "?for=git")

    [line] = answer.text.splitlines()
    assert json.loads(line)["question"] == "подключить кофеварку"
    assert answer.mimetype == "application/x-ndjson"
    assert ask(client, "?for=git", token="wrong").status_code == 401
    for unknown in ("gti", "", "GIT"):
        refused = ask(client, f"?for={unknown}")
        assert (refused.status_code, "for is git" in refused.text) == (400, True)


def test_a_list_that_is_cut_says_so(service):
    client = client_of(service)

    assert (len(ask(client, "?limit=1").json["groups"]), ask(client, "?limit=1").json["more"]) == (
        1,
        True,
    )
    assert ask(client, "?limit=2").json["more"] is False


def test_the_list_is_narrowed(own_service):
    client = client_of(own_service)
    own_service.log.actions.dismiss(1, "не наше", who="lead")

    def questions(query):
        return [group["question"] for group in ask(client, query).json["groups"]]

    assert questions("") == questions("?since=7d&status=open") == ["настройка почты"]
    assert questions("?status=dismissed") == ["подключить кофеварку"]
    assert len(questions("?status=all")) == 2
    assert len(questions("?status=all&limit=1")) == 1
    assert questions("?kind=ticketed") == questions("?owner=nobody") == []
    assert questions("?since=2999-01-01") == []


@pytest.mark.parametrize(
    ("query", "part"),
    [("?status=closed", "status is one of"), ("?since=soon", "soon is no time; write 12h"),
     ("?kind=x", "kind is one of"), ("?limit=0", "limit is a number from 1 to 1000")],
)  # fmt: skip
def test_what_cannot_be_read_is_named(service, query, part):
    answer = ask(client_of(service), query)

    assert answer.status_code == 400
    assert part in answer.json["error"]["message"]


@pytest.mark.parametrize("header", ["", TOKEN, "Bearer", "Bearer x", f"Basic {TOKEN}", "Bearer ä"])
def test_without_the_token_nothing_is_told(own_service, header):
    answer = client_of(own_service).get("/api/misses", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "unauthorized"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "кофеварку" not in answer.text


def test_where_no_token_is_set_none_opens(own_service):
    client = client_of(own_service, api_token=None)

    for token in ("", "None", TOKEN):
        assert ask(client, token=token).status_code == 401


def test_tokens_cannot_be_tried_for_long(own_service):
    client = client_of(own_service)

    found = [ask(client, token=f"guess {n}").status_code for n in range(7)]

    assert found == [401] * throttle.TRIES + [429] * 2
    right = ask(client)  # a guess that is right is told no more than another
    assert right.status_code == 429
    assert 0 < int(right.headers["Retry-After"]) <= throttle.PAUSE


def test_a_program_that_was_let_in_is_not_locked_out_by_its_neighbours(own_service):
    client = client_of(own_service)
    assert ask(client).status_code == 200

    found = [ask(client, token=f"guess {n}").status_code for n in range(7)]

    assert found == [401] * throttle.TRIES + [429] * 2
    assert ask(client).status_code == 200
