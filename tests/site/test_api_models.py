"""What is really answered is what the models say, field by field, in the API and in `--json`."""

import json
from contextlib import contextmanager

import help_desks
import pytest
from visitors import Visitors

from kb.base.config import Hook, Settings
from kb.cli import main
from kb.jobs.delivery import Deliverer
from kb.service import KnowledgeBase
from kb.site import api_models as models
from kb.site import openapi
from kb.web import create_app

TOKEN = "a long token of leaves and rain"


ARTICLES = {
    "ru/vpn.md": "---\ntitle: Настройка VPN\nanswer: Нажмите.\ncategory: Сеть\n---\n"
    "Текст о сети VPN.\n",
    "ru/mail.md": "---\ntitle: Настройка почты\ndraft: true\n---\nТекст о почте.\n",
    "notice.md": "---\nlevel: critical\nuntil: 2099-12-05 18:00 Europe/Moscow\n---\n"
    "**Оплата** лежит.\n",
    "pins.yml": "- question: настройка vpn\n  article: ru/vpn\n  reason: акция\n",
}


@contextmanager
def opened(folder):
    """The service of a folder with a notice, a pin and questions that were asked."""
    articles = folder / "articles"
    (articles / "ru").mkdir(parents=True)
    for path, text in ARTICLES.items():
        (articles / path).write_text(text, "utf-8")
    promises = {"*": "за 1 рабочий день", "Про": "за 2 часа"}
    service = KnowledgeBase.open(
        Settings(articles=articles, data=folder / "var", api_token=TOKEN, promises=promises)
    )
    service.rebuild()
    visit = Visitors(service)
    for query in ("подключить кофеварку", "настройка почты", "настройка vpn слон"):
        visit.searches(query)
    service.replay()
    yield service
    service.close()


@pytest.fixture
def service(tmp_path):
    with opened(tmp_path) as service:
        yield service


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """For tests that only read: of its questions one is dismissed."""
    with opened(tmp_path_factory.mktemp("models")) as service:
        service.log.actions.dismiss(2, "не наше", who="Анна")
        yield create_app(service).test_client()


@pytest.mark.parametrize(
    ("address", "model"),
    [
        ("/api/search?q=настройка", models.Results),
        ("/api/search?q=vpn+-слон", models.Results),
        ("/api/search?q=dgy", models.Results),
        ("/api/search?q=&limit=0", models.Error),
        ("/api/misses?status=all", models.Misses),
        ("/api/misses?status=nothing", models.Error),
        ("/api/promise", models.Promises),
        ("/api/promise?plan=Про", models.Promises),
        ("/api/notice", models.Notices),
        ("/api/token", models.TokenHolder),
        ("/api/board/questions?status=all", models.Questions),
        ("/api/board/questions/1", models.QuestionDetails),
        ("/api/board/questions/99", models.Error),
        ("/healthz", models.Health),
        ("/readyz", models.Ready),
    ],
)
def test_an_answer_is_what_its_model_says(client, address, model):
    answer = client.get(address, headers={"Authorization": f"Bearer {TOKEN}"})

    model.model_validate_json(answer.data, strict=True)


def test_an_event_is_what_its_model_says(service):
    with help_desks.opened() as kept:
        told = service.settings.model_copy(update={"hooks": (Hook(url=kept.url),)})
        with_hooks = KnowledgeBase(told)
        with_hooks.rebuild()
        (told.articles / "ru" / "new.md").write_text("---\ntitle: Новая\n---\nТекст.\n", "utf-8")
        with_hooks.rebuild()
        Deliverer(told, with_hooks.log, with_hooks.now).deliver_due()
        with_hooks.close()

    [(_, _, _, body)] = kept.requests
    assert models.HookEvent.model_validate_json(body, strict=True).type == "article.published"


def test_the_command_prints_the_document_that_the_api_answers(service, runner):
    client = create_app(service).test_client()
    folders = ["--articles", str(service.settings.articles), "--data", str(service.settings.data)]

    def printed(*words):
        return json.loads(runner.invoke(main, [*words, "--json", *folders]).stdout)

    of_api = client.get("/api/search?q=настройка vpn").json
    of_command = printed("search", "настройка vpn")
    assert of_command | {"took_ms": 0} == of_api | {"took_ms": 0}
    explained = printed("search", "--explain", "настройка vpn")
    assert explained["pins"]["ru/vpn"]["reason"] == "акция"
    assert client.get("/api/notice").json["notice"]["level"] == "critical"
    models.ExplainedResults.model_validate_json(json.dumps(explained), strict=True)
    assert {name: explained[name] for name in of_api if name != "took_ms"} == {
        name: of_api[name] for name in of_api if name != "took_ms"
    }
    missed = json.loads(runner.invoke(main, ["misses", "--format", "json", *folders]).stdout)
    models.Misses.model_validate_json(json.dumps(missed), strict=True)
    by = {"Authorization": f"Bearer {TOKEN}"}
    assert missed == client.get("/api/misses?since=30d&limit=1000", headers=by).json
    service.log.tokens.add("crm", ("board:read",), service.now(), None)
    listed = json.dumps(printed("tokens", "list"))
    [token] = models.ListedTokens.model_validate_json(listed, strict=True).tokens
    assert (token.name, token.used) == ("crm", None)


def test_the_description_is_made_of_the_models(client):
    described = client.get("/openapi.json").json

    schemas = described["components"]["schemas"]
    assert set(schemas) == {model.__name__ for model in models.MODELS}
    for model in models.MODELS:
        names = {field.alias or name for name, field in model.model_fields.items()}
        assert set(schemas[model.__name__]["properties"]) == names
    named = set(json.dumps(described).split('"#/components/schemas/')[1:])
    assert {name.partition('"')[0] for name in named} <= set(schemas)
    assert "title" not in schemas["Hit"]
    assert "title" in schemas["Hit"]["properties"]
    assert openapi.path_of("/a/<int(max=9):id>/b/<path:c>/<d>") == "/a/{id}/b/{c}/{d}"
