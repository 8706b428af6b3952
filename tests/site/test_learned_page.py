"""What was learned from readers, as leads see it: on the board, by command, as patches for git."""

import json
import subprocess

import pytest
from click.testing import CliRunner

from kb import indexer
from kb.base.config import Settings
from kb.cli import main
from kb.index.learned import LearnedLine
from kb.searchlog import wordings
from kb.searchlog.wordings import Proposal
from kb.service import KnowledgeBase
from kb.web import create_app

LINES = {
    "ru/vpn": (
        LearnedLine("не пашет <b>туннель</b>", chosen=5, shown=6),
        LearnedLine("связь: из дома", chosen=3, shown=3),
        LearnedLine("редкий вопрос", chosen=2, shown=2),
    )
}
PAIR = Proposal("туннель", "vpn", "не пашет туннель", "не работает vpn", 4, ("туннель упал",))


@pytest.fixture
def service(settings, write):
    write("ru/vpn", "Текст о сети.", title="Настройка VPN", answers=["включить vpn"])
    write("ru/mail", "Текст о почте.", title="Почта")
    settings = settings.model_copy(
        update={"leads_password": Settings(leads_password="correct horse").leads_password}
    )
    indexer.rebuild(settings, lines=LINES)
    wordings.write(settings.data, [PAIR])
    opened = KnowledgeBase.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def lead(service):
    app = create_app(service)
    app.testing = True
    client = app.test_client()
    headers = {"Sec-Fetch-Site": "same-origin"}
    client.post("/leads/sign-in", data={"password": "correct horse"}, headers=headers)
    return client


def run(service, *arguments):
    folders = ["--articles", str(service.settings.articles), "--data", str(service.settings.data)]
    return CliRunner().invoke(main, [*arguments, *folders], env={"LANG": "en_US.UTF-8"})


def test_the_board_shows_what_an_article_learned_and_from_how_many(lead):
    page = lead.get("/leads/learned").text

    assert "Настройка VPN" in page
    assert "связь: из дома" in page
    assert "3 из 3 спросивших" in page
    assert "не пашет &lt;b&gt;туннель&lt;/b&gt;" in page
    assert "5 из 6 спросивших" in page
    assert "туннель = vpn" in page
    assert "Ответит ещё на 1 вопрос:" in page
    assert "/leads/learned" in lead.get("/leads").text
    assert lead.get("/leads/help/learned-lines").status_code == 200


def test_what_is_learned_is_for_leads(service):
    stranger = create_app(service).test_client()

    for path in ("/leads/learned", "/leads/learned.patch", "/leads/learned/synonyms.patch"):
        assert "спросивших" not in stranger.get(path).text


def test_the_patch_puts_the_lines_under_answers_and_applies(service, lead):
    patch = lead.get("/leads/learned.patch")
    subprocess.run(
        ["git", "apply", "-"], cwd=service.settings.articles, input=patch.data, check=True
    )

    assert patch.mimetype == "text/x-diff"
    text = service.settings.articles.joinpath("ru/vpn.md").read_text("utf-8")
    assert "связь: из дома" in text
    assert "редкий вопрос" not in text  # of two askers alone
    service.rebuild()
    answers = service.catalog().reader.card(service.catalog().reader.find("ru/vpn"))["answers"]
    assert answers == ["включить vpn", "не пашет <b>туннель</b>", "связь: из дома"]


def test_a_patch_is_of_one_article_or_of_none(lead):
    assert "ru/vpn.md" in lead.get("/leads/learned.patch?slug=ru/vpn").text
    assert lead.get("/leads/learned.patch?slug=ru/mail").status_code == 404


def test_a_synonym_is_offered_only_as_it_was_measured(lead):
    patch = lead.get("/leads/learned/synonyms.patch?word=туннель&means=vpn")

    assert "+- [туннель, vpn]\n" in patch.text
    assert lead.get("/leads/learned/synonyms.patch?word=пароль&means=vpn").status_code == 404


def test_the_command_lists_and_prints_patches(service):
    listed = run(service, "misses", "learned").output
    as_json = json.loads(run(service, "misses", "learned", "--json").output)

    assert "ru/vpn.md  Настройка VPN\n  5 of 6 askers  не пашет <b>туннель</b>\n" in listed
    assert "synonym туннель = vpn  asked by 4, answers 1, loses 0" in listed
    assert as_json["articles"][0]["lines"][1]["chosen"] == 3
    assert as_json["synonyms"][0]["answers"] == ["туннель упал"]
    assert "+++ b/ru/vpn.md" in run(service, "misses", "learned", "--patch").output
    synonyms = run(service, "misses", "learned", "--patch", "--synonyms").output
    assert "+- [туннель, vpn]" in synonyms


def test_explain_names_the_field_and_the_lines(service):
    told = run(service, "search", "--explain", "связь из дома").output
    as_json = json.loads(run(service, "search", "--explain", "--json", "связь из дома").output)

    assert "  word  learned  связь" in told
    assert "  learned from 3 askers: связь: из дома" in told
    assert {"question": "связь: из дома", "askers": 3} in as_json["learned"]["ru/vpn"]


def test_an_index_says_which_articles_learned(service):
    told = run(service, "index").output  # the log knows of none

    assert "1 with other learned lines" in told
    assert "Настройка VPN" not in run(service, "misses", "learned").output


def test_what_is_forgotten_is_taken_out_of_proposals_and_told_of_the_build(service):
    service.log.health()  # a log to forget in

    told = run(service, "log", "forget", "Туннель").output

    assert "run `kb index`" in told
    assert service.synonym_proposals() == []
    run(service, "index")
    assert "kb index" not in run(service, "log", "forget", "туннель").output
