"""Pages in words: what a reader finds on each of them, in both languages, without any script."""

import re
from datetime import date
from pathlib import Path

import catalogue
import click
import pytest
from fakes import FakeBase, Text
from page_text import read

from kb.base.config import Settings
from kb.cli import main
from kb.commands import translated_help
from kb.site import formatting
from kb.web import create_app

PROMISE = "Отвечаем за два часа в рабочие дни."


@pytest.fixture
def base():
    return FakeBase()


@pytest.fixture
def client(base):
    app = create_app(base, Settings(promise=PROMISE, edit_url="https://git.example.com/e/{path}"))
    app.testing = True
    return app.test_client()


# --- home ---------------------------------------------------------------------------------------


def test_home_has_topics_with_counts_most_read_changes_and_the_promise(client):
    page = read(client.get("/ru/"))

    assert "У Учётная запись Сброс пароля, Вход по коду" in page.text
    assert "Как сменить почту 3 статьи" in page.text
    assert "21 статья" in page.text
    assert "Чаще всего читают Сброс пароля" in page.text
    assert "Недавно обновлено Первые шаги 20 марта 2026" in page.text
    assert PROMISE in page.text
    assert page.links["Учётная запись"].startswith("/categories/ru/")


def test_most_read_stands_where_somebody_read(client, base):
    base.is_read = False

    assert "Чаще всего читают" not in read(client.get("/ru/")).text


def test_examples_of_questions_are_searches(client, base):
    assert "Примеры вопросов" not in client.get("/ru/").text
    base.examples = ("забыл пароль", "вернуть деньги", "a&b")

    page = client.get("/ru/").text

    assert '<nav class="examples" aria-label="Примеры вопросов">' in page
    assert '<a class="chip" href="/ru/search?q=a%26b">a&amp;b</a>' in page


def test_other_languages_come_after_the_own(client):
    page = read(client.get("/ru/"))

    assert page.text.index("На других языках Account 2") > page.text.index("Недавно обновлено")


def test_a_folder_without_articles_says_how_to_write_the_first(client, base):
    base.texts = ()

    page = read(client.get("/ru/"))

    assert "Напишите первую статью" in page.text
    assert "kb new" in page.text
    assert "kb index" in page.text


def test_home_without_a_build_names_the_command(client, base):
    base.build = None

    assert client.get("/ru/").status_code == 503
    assert "kb index" in client.get("/ru/").text


def test_what_the_box_offers_follows_what_is_popular(client, base):
    before = client.get("/ru/articles").text
    base.texts = base.texts[1:]
    kept = client.get("/ru/articles").text
    client.application.extensions["kb"].popular.clear()  # half a minute later

    after = client.get("/ru/articles").text

    offered = '["Сброс пароля", "/articles/ru/account/reset-password", "ru"]'
    assert offered in before
    assert offered in kept
    assert offered not in after


def test_what_another_build_serves_no_more_is_not_offered(client, base):
    before = client.get("/ru/articles").text
    base.texts = base.texts[1:]
    base.build = "20260312-090000"

    after = client.get("/ru/articles").text

    assert "/articles/ru/account/reset-password" in before
    assert "/articles/ru/account/reset-password" not in after


def test_what_is_common_to_pages_is_said_in_each_language(client):
    for lang, ask in (("ru", "Задать вопрос"), ("en", "Ask us"), ("ru", "Задать вопрос")):
        page = client.get(f"/{lang}/").text

        assert f">{ask}<" in page.partition("<footer")[2]
        assert f'"lang": "{lang}"' in page


# --- language -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [("ru", "ru"), ("en-GB,en;q=0.9", "en"), ("de,en;q=0.5", "en"), ("fr", "ru"), ("", "ru")],
)
def test_neutral_addresses_are_negotiated(client, accepted, lang):
    for path in ("/", "/search?q=x", "/contact"):
        answer = client.get(path, headers={"Accept-Language": accepted})

        assert answer.status_code == 200
        assert f'<html lang="{lang}">' in answer.text
        assert "Accept-Language" in answer.headers["Vary"]


def test_a_language_in_the_path_goes_before_the_browsers(client):
    russian = {"Accept-Language": "ru"}

    assert '<html lang="en">' in client.get("/en/", headers=russian).text
    page = client.get("/en/search?q=password", headers=russian).text
    assert '<html lang="en">' in page
    assert 'action="/en/search"' in page


def test_an_article_speaks_its_own_language_around_it(client):
    page = client.get("/articles/en/account/reset-password", headers={"Accept-Language": "ru"}).text

    assert '<html lang="en">' in page
    assert "Did this article help?" in page
    assert 'action="/en/search"' in page  # and the search goes on in it


def test_home_and_article_name_their_other_languages(client):
    home = client.get("/").text
    article = client.get("/articles/ru/account/reset-password").text

    assert '<link rel="alternate" hreflang="en" href="http://localhost/en/">' in home
    other = "http://localhost/articles/en/account/reset-password"
    assert f'<link rel="alternate" hreflang="en" href="{other}">' in article
    assert 'rel="canonical" href="http://localhost/articles/ru/account/reset-password"' in article


@pytest.mark.parametrize(
    ("number", "russian", "english"),
    [
        (1, "Найдена 1 статья", "1 article found"),
        (2, "Найдено 2 статьи", "2 articles found"),
        (5, "Найдено 5 статей", "5 articles found"),
        (11, "Найдено 11 статей", "11 articles found"),
        (21, "Найдена 21 статья", "21 articles found"),
        (112, "Найдено 112 статей", "112 articles found"),
    ],
)
def test_counts_are_said_as_people_say_them(base, number, russian, english):
    base.texts = tuple(Text(f"ru/a/{n}", f"Ключ {n}", "", (("", "Ключ."),)) for n in range(number))
    client = create_app(base, Settings()).test_client()

    assert russian in client.get("/ru/search?q=ключ").text
    assert english in client.get("/en/search?q=ключ").text


def test_dates_are_written_out():
    assert formatting.long_date(date(2026, 3, 12), "ru") == "12 марта 2026"
    assert formatting.long_date(date(2026, 3, 12), "en") == "12 March 2026"


def test_every_text_of_the_pages_is_in_the_russian_catalogue(client):
    texts, root = set(catalogue.translated()), catalogue.ROOT
    said = {told[0] for told in catalogue.messages()}
    for template in filter(Path.is_file, (root / "templates").rglob("*")):
        said |= set(re.findall(r'(?:\b_|ngettext|plural_forms)\("([^"]+)"', template.read_text()))
    for module in (root / "kb").rglob("*.py"):
        said |= set(re.findall(r'(?:\b_|gettext)\("([^"]+)"[,)]', module.read_text()))
    assert said - texts == set()
    of_click = "".join(file.read_text() for file in Path(click.__file__).parent.glob("*.py"))
    unused = texts - said - set(translated_help.texts(main))
    left = {text for text in unused if text not in of_click}
    assert left <= {"%(num)s articles", "%(num)s articles found", "{option} {wrong}", "'{text}'"}


def test_a_sites_own_sentences_can_be_translated(base, tmp_path):
    catalogue = tmp_path / "translations/en/LC_MESSAGES/messages.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        f'msgid "{PROMISE}"\nmsgstr "We reply within two hours."\n'
    )
    client = create_app(base, Settings(promise=PROMISE, templates=tmp_path)).test_client()

    assert "We reply within two hours." in client.get("/en/").text
    assert PROMISE in client.get("/ru/").text
    assert "Чем помочь?" in client.get("/ru/").text


# --- results ------------------------------------------------------------------------------------


def test_a_result_shows_title_place_snippet_and_answer(client):
    answer = client.get("/ru/search?q=пароль")
    page = read(answer)

    assert "Сброс пароля Учётная запись Нажмите «Забыли пароль»" in page.text
    assert "ссылка для нового пароля придёт за пять минут" in page.text
    assert "Если пароль забыт" not in page.text  # one text a hit
    assert "Вход по коду из телефона Учётная запись Двухэтапный вход защищает" in page.text
    assert "Включите вход по коду в настройках" not in page.text
    assert "Начало работы › Пригласите коллег" in page.text
    assert "Сброс <mark>пароля</mark>" in answer.text


def test_filters_are_links_with_counts_and_can_be_taken_back(client):
    page = read(client.get("/ru/search?q=пароль"))
    assert "Учётная запись 2" in page.text

    narrowed = client.get(page.links["Учётная запись"])

    assert "Найдено 2 статьи" in narrowed.text
    assert read(narrowed).fields["category"] == "Учётная запись"  # the box keeps it
    taken_back = read(narrowed).links["Убрать фильтр:"]
    assert "category" not in taken_back


def test_pages_of_results_go_on_and_keep_the_run(client, base):
    first = read(client.get("/ru/search?q=тариф"))
    assert "Страница 1 из 3" in first.text

    second = client.get(first.links["Дальше"])

    assert 'start="11"' in second.text
    assert base.reports[0][0].run == base.reports[1][0].run
    assert base.reports[1][0].shown[0][1] == 11


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 4000, "٣", "99"])
def test_a_page_that_is_none_is_no_error(client, page):
    assert client.get("/search", query_string={"q": "тариф", "page": page}).status_code == 200


def test_the_query_is_the_heading_and_the_count_is_small(client):
    page = client.get("/ru/search?q=<пароль>").text

    assert '<h1 class="asked">&lt;пароль&gt;</h1>' in page
    assert "<span>Найдено 3 статьи</span>" in page


def test_a_long_list_of_filters_is_folded(client, base):
    base.texts = [Text(f"ru/{n}", "Пароль", f"Тема {n}", (("", "Пароль."),)) for n in range(9)]

    page = client.get("/ru/search?q=пароль").text

    shown, rest = page.split('<details class="rest">')
    assert (shown.count("&amp;category="), rest.count("&amp;category=")) == (6, 3)
    assert "<summary>Ещё 3</summary>" in rest


def test_a_repair_is_told_and_can_be_refused(client):
    page = read(client.get("/ru/search?q=gfhjkm"))

    assert "Показано по запросу «пароль». Искать gfhjkm" in page.text
    exact = read(client.get(page.links["Искать gfhjkm"]))
    assert "По запросу «gfhjkm» ничего не нашлось." in exact.text


def test_weak_matches_are_shown_as_such(client):
    page = read(client.get("/ru/search?q=пароль абвг"))

    ask, list_ = page.text.index("Задать вопрос"), page.text.index("Возможно, поможет одна из")
    assert page.text.index("Точного ответа нет.") < ask < list_
    assert page.text.count(PROMISE) == 1


def test_nothing_found_says_what_was_tried_and_leads_on(client):
    page = read(client.get("/ru/search?q=ghjk"))

    assert "По запросу «ghjk» ничего не нашлось." in page.text
    assert "Что мы пробовали все формы слов другую раскладку клавиатуры: прол" in page.text
    assert "Популярные статьи Сброс пароля Учётная запись Вход по коду из телефона" in page.text
    assert PROMISE in page.text
    form = read(client.get(page.links["Задать вопрос"]))
    assert form.fields["q"] == "ghjk"
    assert form.fields["subject"] == "ghjk"


def test_nothing_with_filters_offers_the_search_without(client):
    page = read(client.get("/ru/search?q=пароль&category=Нет"))

    assert page.links["Искать без фильтров"].startswith("/ru/search?q=")


def test_an_empty_query_is_a_search_page_and_no_search(client, base):
    assert client.get("/search").status_code == 200
    assert client.get("/search?q=+++").status_code == 200
    assert base.reports == []


def test_a_search_without_scripts_records_itself(client, base):
    page = read(client.get("/ru/search?q=пароль&lang=ru"))

    ((report, _),) = base.reports
    assert (report.surface, report.lang, dict(report.filters)) == ("page", "ru", {"lang": "ru"})
    assert report.steps[0].q == "пароль"
    assert report.shown == (
        *(("ru/account/reset-password", 1), ("ru/account/two-factor", 2)),
        ("ru/start/first-steps", 3),
    )
    assert f"run={report.run}" in page.links["Вход по коду из телефона"]


def test_a_robot_that_says_so_is_told_of_once_a_search(client, base):
    for _ in range(40):
        client.get("/ru/search?q=пароль", headers={"User-Agent": "ExampleBot/1.0"})

    assert [robot for _, robot in base.reports] == [True] * 40


def test_a_run_the_box_began_goes_on(client, base):
    client.get("/ru/search?q=пароль&run=began-in-box&visit=a-visit")

    assert (base.reports[0][0].run, base.reports[0][0].visit) == ("began-in-box", "a-visit")


def test_looking_ahead_and_asking_for_the_head_record_nothing(client, base):
    client.get("/search?q=x", headers={"Sec-Purpose": "prefetch;prerender"})
    client.head("/search?q=x")

    assert base.reports == []


# --- an article ---------------------------------------------------------------------------------


def test_an_article_is_signed_dated_placed_and_leads_on(client):
    page = read(client.get("/articles/ru/account/reset-password"))

    assert "Главная Учётная запись Сброс пароля" in page.text
    assert "Сброс пароля Автор: Мария Ковалёва Обновлено 12 марта 2026 Нажмите" in page.text
    assert "Исправить статью" in page.text
    assert (
        page.links["Исправить статью"] == "https://git.example.com/e/ru/account/reset-password.md"
    )
    assert "Следующая статья Вход по коду из телефона" in page.text
    assert "Похожие статьи Вход по коду из телефона" in page.text
    assert page.links["Как сбросить пароль"] == "#h-как-сбросить-пароль"


def test_the_words_of_the_query_are_marked_in_an_article(client):
    text = client.get("/articles/ru/account/reset-password?q=письма").text

    assert "<mark>Письмо</mark> придёт" in text


def test_an_article_opened_from_a_result_is_a_click(client, base):
    client.get("/articles/ru/billing/refund?run=some-run&rank=2")
    client.get("/articles/ru/billing/refund?run=some-run")

    ((report, _),) = base.reports
    assert report.run == "some-run"
    assert (report.events[0].kind, report.events[0].rank) == ("click", 2)


def test_a_former_address_leads_on_for_good(client):
    answer = client.get("/articles/old/password?q=пароль")

    assert answer.status_code == 301
    location = answer.headers["Location"]
    assert location.startswith("/articles/ru/account/reset-password?q=")


def test_a_lost_visitor_is_shown_what_the_address_means(client, base):
    answer = client.get("/articles/old/Reset_password.html", headers={"Accept-Language": "en"})

    assert answer.status_code == 404
    page = read(answer)
    assert "This page does not exist" in page.text
    assert page.links["password"].startswith("/articles/en/account/reset-password")
    assert base.reports == []


def test_a_vote_of_a_plain_form_leads_back_and_asks_why(client, base):
    vote = read(client.get("/articles/ru/billing/refund")).fields
    answer = client.post(
        "/api/feedback", data={"slug": vote["slug"], "helpful": "false", "run": vote["run"]}
    )
    assert answer.status_code == 303

    page = client.get(answer.headers["Location"].removeprefix("http://localhost"))

    assert "Чего не хватило?" in page.text
    assert read(page).fields["run"] == vote["run"]  # the reason amends the vote
    assert base.votes == [("ru/billing/refund", False, "", "", vote["run"])]


def test_thanks_follow_a_yes(client):
    answer = client.post("/api/feedback", data={"slug": "ru/billing/refund", "helpful": "true"})

    page = client.get(answer.headers["Location"].removeprefix("http://localhost"))

    assert "Рады, что помогло." in page.text


def test_an_answer_in_the_list_is_an_answered_search(client, base):
    client.post(
        "/api/feedback",
        data={
            "slug": "ru/billing/refund",
            "helpful": "true",
            "run": "some-run",
            "rank": "1",
        },
    )

    ((report, _),) = base.reports
    assert (report.run, report.events[0].kind) == ("some-run", "answered")


def test_search_engines_are_told_what_an_article_is(client):
    import json
    import re

    text = client.get("/articles/ru/account/reset-password").text
    data = json.loads(re.search(r'ld\+json">(.*?)</script>', text, re.S)[1])

    article, crumbs = data["@graph"]
    assert article["author"]["name"] == "Мария Ковалёва"
    assert article["dateModified"] == "2026-03-12"
    assert [each["name"] for each in crumbs["itemListElement"]] == [
        *("Учётная запись", "Сброс пароля")
    ]
    assert '<meta property="og:title" content="Сброс пароля">' in text


def test_hostile_words_of_writers_and_readers_stay_words(base):
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    text = Text("ru/bad", bad, bad, ((bad, bad),), bad, bad, date(2026, 1, 1), (bad,))
    base.texts = (text,)
    client = create_app(base, Settings(footer=bad, site_name=bad, promise=bad)).test_client()

    for path in (
        *("/ru/", "/ru/search?q=script", "/articles/ru/bad?q=script", "/contact", "/feed.xml"),
        *("/sitemap.xml", "/opensearch.xml", "/manifest.webmanifest", "/widget?page=/script"),
    ):
        text = client.get(path).text
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text.replace("&lt;img", ""), path
    page = client.get("/ru/search", query_string={"q": bad}).text
    assert "<script>alert" not in page


def test_what_was_not_found_stays_words(client):
    page = client.get("/ru/search", query_string={"q": "<i>zzzzqq</i>"}).text

    assert "По запросу «&lt;i&gt;zzzzqq&lt;/i&gt;» ничего не нашлось." in page
    assert "<i>" not in page


# --- a topic, a question ------------------------------------------------------------------------


def test_a_topic_lists_its_articles(client):
    page = read(client.get("/categories/ru/Оплата"))

    assert "Оплата 2 статьи Как вернуть деньги Откройте «Платежи»" in page.text
    assert client.get("/categories/ru/Нет").status_code == 404


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("POST", "/search", 405, "К этой странице так обратиться нельзя"),
        ("GET", "/articles/нет", 404, "Такой страницы нет"),
        ("POST", "/contact", 413, "Слишком много за один раз"),
    ],
)
def test_an_error_is_a_page_in_the_readers_language(client, method, path, status, said):
    body = b"x" * 200_000 if status == 413 else b""
    answer = client.open(
        path,
        method=method,
        data=body,
        headers={"Accept-Language": "ru"},
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code == status
    assert said in answer.text


def test_the_answer_is_not_said_twice(client, base):
    """Above the text only if the text does not begin by saying the same."""

    def page(answer):
        base.texts = [Text("ru/a", "Почта", "Почта", (("", "Откройте настройки почты."),), answer)]
        return client.get("/articles/ru/a").text

    assert '<p class="lead">' not in page("Откройте настройки почты.")
    assert '<p class="lead">' not in page("Откройте  настройки «почты»!")
    assert '<p class="lead">Нажмите на шестерёнку.</p>' in page("Нажмите на шестерёнку.")
