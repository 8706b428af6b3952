"""The home page over a real build: topics at a glance, examples, what was read."""

from datetime import date

import bases
import pytest

from kb.web import create_app

TODAY = date(2026, 11, 29)
ARTICLES = {
    "ru/billing/index": "# Оплата\n\nКарты, счета и чеки.\n",
    "ru/billing/card": "---\ntitle: Карта\nanswers: [оплатить картой]\n---\nТекст о карте.\n",
    "ru/billing/bill": "---\ntitle: Счёт\nanswers: [получить счёт]\n---\nТекст о счёте.\n",
    "ru/entry/password": "---\ntitle: Пароль\nanswers: [забыл пароль, сброс]\n---\nО пароле.\n",
    "ru/entry/code": f"---\ntitle: Код\nanswers: [{'почему код не приходит ' * 4}]\n---\nО коде.\n",
    "en/entry/password": "---\ntitle: Password\nanswers: [lost password]\n---\nSome text.\n",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    files = {f"{slug}.md": text for slug, text in ARTICLES.items()}
    base = bases.of(files, tmp_path_factory.mktemp("home"), icons={"billing": "💳"})
    yield base
    base.close()


@pytest.fixture
def page(base):
    return create_app(base).test_client().get("/ru/").text


def test_a_topic_says_what_its_own_page_says(base, page):
    billing = next(topic for topic in base.home("ru").topics if topic.key == "billing")

    assert billing.summary == "Карты, счета и чеки."
    assert '<p class="says">Карты, счета и чеки.</p>' in page


def test_a_topic_without_a_page_names_its_articles(page):
    assert '<p class="says">Код, Пароль</p>' in page or '<p class="says">Пароль, Код</p>' in page


def test_the_icon_of_a_topic_is_a_setting_or_its_first_letter(page):
    assert '<span class="icon" aria-hidden="true">💳</span>' in page
    assert '<span class="icon" aria-hidden="true">E</span>' in page


def test_examples_are_short_questions_of_the_language(base):
    questions = base.home("ru").questions

    assert set(questions) == {"оплатить картой", "получить счёт", "забыл пароль"}


def test_nothing_is_most_read_before_somebody_read(base, page):
    assert base.home("ru").read == ()
    assert "Чаще всего читают" not in page


def test_what_was_read_most_comes_first_and_gives_the_examples(base):
    catalog = base.catalog()
    home = catalog.home("ru", TODAY)
    slugs = ("ru/entry/password", "en/entry/password", "ru/gone", "ru/billing/bill")

    read = catalog.with_readers(home, slugs, "ru", TODAY)

    assert [card.slug for card in read.read] == ["ru/entry/password", "ru/billing/bill"]
    assert [card.slug for card in read.popular[:2]] == ["ru/entry/password", "ru/billing/bill"]
    assert read.questions[:2] == ("забыл пароль", "получить счёт")
    assert len(read.questions) == len(set(read.questions)) == 3


def test_icons_are_set_in_the_environment_as_well():
    from kb.base import config

    loaded = config.load(environ={"KB_ICONS": "billing=💳, entry/new=N"})

    assert loaded.settings.icons == {"billing": "💳", "entry/new": "N"}
