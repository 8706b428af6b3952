"""The whole site at `/help/` behind a real nginx: search, article, vote, letter, board, widget."""

import re
from urllib.parse import urlsplit

import pytest
from fakes import TEXTS, write_articles
from nginx import nginx, under_help
from playwright.sync_api import expect

from kb.base.config import Settings
from kb.service import KnowledgeBase

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "correct-horse-battery"


@pytest.fixture
def page(chrome, serve, tmp_path):
    """A page of a Chromium in front of nginx; every address that it asks for is in `asked`."""
    write_articles(TEXTS, tmp_path / "articles")
    base = KnowledgeBase.open(
        Settings(
            articles=tmp_path / "articles",
            data=tmp_path / "var",
            trusted_proxies=("127.0.0.1",),
            leads_password=PASSWORD,
        )
    )
    base.rebuild()
    mistakes, asked = [], []
    with serve(base) as url, nginx(tmp_path, under_help(urlsplit(url).port)) as port:
        context = chrome.new_context(base_url=f"http://127.0.0.1:{port}", locale="ru")
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("request", lambda request: asked.append(urlsplit(request.url).path))
        page.on(
            "response",
            lambda got: mistakes.append(f"{got.status} {got.url}") if got.status >= 400 else None,
        )
        page.goto("/help/")
        yield page
        chrome.close(context)
    base.close()
    assert [path for path in asked if not path.startswith("/help/")] == []
    expected = re.compile("401 .*/help/leads$")  # asks who it is
    assert [each for each in mistakes if not expected.match(each)] == []


def test_a_reader_searches_reads_votes_and_writes(page):
    page.get_by_role("combobox").fill("сбросить пар")
    hit = page.get_by_role("option", name="Сброс пароля").first
    expect(hit).to_be_visible()

    hit.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Сброс пароля")
    page.get_by_role("button", name="Да", exact=True).click()
    expect(page.get_by_text("Спасибо!")).to_be_visible()
    assert urlsplit(page.url).path == "/help/articles/ru/account/reset-password"

    page.get_by_role("link", name="Задать вопрос").first.click()
    page.locator("#text").fill("Письмо не пришло.")
    page.locator("#email").fill("reader@example.com")
    page.locator("form.contact button").click()
    page.wait_for_url("**/help/contact?sent=*")

    page.get_by_role("combobox").fill("вернуть деньги")
    page.get_by_role("combobox").press("Enter")
    page.wait_for_url("**/help/search?*")
    expect(page.get_by_role("link", name="Как вернуть деньги").first).to_be_visible()


def test_a_lead_signs_in_and_stays_signed_in(page):
    page.goto("/help/leads")
    page.get_by_label("Пароль").fill(PASSWORD)
    page.get_by_label("Ваше имя").fill("Анна")
    page.get_by_role("button", name="Войти").click()
    expect(page.get_by_role("heading", name="Вопросы без ответа")).to_be_visible()

    page.get_by_role("link", name="Числа").click()
    page.wait_for_url("**/help/leads/numbers")
    paths = {cookie["path"] for cookie in page.context.cookies()}

    assert paths == {"/help/leads"}


def test_the_widget_opens_the_panel_of_its_own_prefix(page):
    page.goto("/help/widget/demo?ui=ru")
    page.get_by_role("button", name="Помощь").click()
    panel = page.frame_locator("iframe")

    panel.get_by_role("combobox").fill("сбросить пар")

    expect(panel.get_by_role("option", name="Сброс пароля").first).to_be_visible()
    panel.get_by_role("combobox").press("Escape")
    panel.get_by_label("Закрыть окно").click()
    expect(page.locator("iframe")).to_be_hidden()
