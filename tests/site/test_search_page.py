"""The result page over the real search: the tail, filters by topic, the order."""

import re

import bases
import pytest

from kb.web import create_app


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Eight articles about a password, and twelve that mention one between many other words."""
    files = {"ru/vhod/index.md": "# Вход в кабинет\n\nО входе.\n"}
    for number in range(20):
        topic = "vhod" if number < 8 else "prochee"
        words = "Сбросьте пароль." if number < 8 else "Слова о другом. " * 60 + "Пароль не нужен."
        title = f"Пароль {number}" if number < 8 else f"Отчёт {number}"
        files[f"ru/{topic}/{number:02}.md"] = f"# {title}\n\n{words}\n"
    base = bases.of(files, tmp_path_factory.mktemp("site"))
    yield create_app(base).test_client()
    base.close()


def titles(page):
    return re.findall(r'data-slug="([^"]+)"', page)


def link(page, words):
    """The address of the link that says these words, and nothing else but numbers."""
    found = re.search(rf'<a(?: rel="next")? href="([^"]+)">(?:<span>)?{words}', page)
    assert found, words
    return found[1].replace("&amp;", "&")


def test_the_tail_stands_behind_a_link(client):
    page = client.get("/ru/search?q=пароль").text

    assert len(titles(page)) == 8
    assert all("/vhod/" in slug for slug in titles(page))
    assert "<span>8 ближайших статей из 20</span>" in page

    every = client.get(link(page, "Показать все, что нашлось: 20")).text
    assert len(titles(every)) == 10
    assert "Найдено 20 статей" in every
    assert "Показать все" not in every
    assert len(titles(client.get(link(every, "Дальше")).text)) == 10


def test_a_filter_shows_all_that_it_counts(client):
    page = client.get("/ru/search?q=пароль").text
    assert '<span>Prochee</span> <span class="n">12</span>' in page

    narrowed = client.get(link(page, "Prochee")).text

    assert "Найдено 12 статей" in narrowed


def test_a_topic_that_was_chosen_is_called_by_its_title(client):
    page = client.get("/ru/search?q=пароль").text

    chosen = client.get(link(page, "Вход в кабинет")).text

    assert re.search(r'class="chip on".*Вход в кабинет <span aria-hidden="true">×', chosen)


def test_the_newest_first_brings_no_tail(client):
    page = client.get("/ru/search?q=пароль").text

    newest = client.get(link(page, "Сначала новые")).text

    assert sorted(titles(newest)) == sorted(titles(page))
    assert '<span aria-current="true">Сначала новые</span>' in newest
