"""The contact form in a browser: what it offers while one writes, and what it keeps."""

import re
import time

import pytest
from playwright.sync_api import expect

from browser.accessibility import violations

pytestmark = pytest.mark.browser

PERSON = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"}


def fields(page):
    return page.get_by_label("Ваш вопрос"), page.get_by_label("Почта для ответа")


def test_articles_that_may_answer_appear_while_one_writes(visit, served):
    page = visit("/contact?ui=ru", **PERSON)
    expect(page.locator("[data-offered]")).to_be_hidden()

    page.locator("#subject").fill("сбросить пароль")

    hit = page.locator("[data-offered] .hit").first
    expect(hit.get_by_role("link", name="Сброс пароля")).to_be_visible()
    assert page.locator("[data-offered] .hit").count() <= 3
    assert hit.get_by_role("link").get_attribute("target") == "_blank"  # the letter stays
    expect(page.locator("[data-told]")).to_have_text("Выше — статьи, в которых может быть ответ.")
    assert violations(page) == []


def test_this_answered_me_is_counted_and_keeps_the_letter(visit, served):
    page = visit("/contact?ui=ru&q=пароль", **PERSON)
    text, _ = fields(page)
    text.fill("Не приходит письмо")

    page.get_by_role("button", name="Это помогло").first.click()

    expect(page.locator("[data-offered] [role=status]")).to_have_text("Спасибо! Рады, что помогло.")
    assert text.input_value() == "Не приходит письмо"
    assert eventually(lambda: answered(served.base))


def answered(base):
    """How many visits said so in a form today."""
    base.recorder.flush()
    return base.log.statistics.deflection(base.today(), base.today()).answered


def eventually(look, seconds=20.0):
    until = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def test_what_was_typed_outlives_a_reload_until_it_is_sent(visit, served):
    page = visit("/contact?ui=ru", **PERSON)
    text, email = fields(page)
    text.fill("Долго писал")
    email.fill("anna@example.com")

    page.reload()
    text, email = fields(page)
    assert (text.input_value(), email.input_value()) == ("Долго писал", "anna@example.com")

    page.get_by_role("button", name="Отправить вопрос").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Мы получили ваш вопрос")
    expect(page.locator(".number")).to_have_text(re.compile("[2-9A-Z]{4}-[2-9A-Z]{4}"))
    page.goto("/contact?ui=ru")
    assert fields(page)[0].input_value() == ""


def test_a_double_press_is_one_letter(visit, served):
    page = visit("/contact?ui=ru", **PERSON)
    text, email = fields(page)
    text.fill("Два раза")
    email.fill("anna@example.com")

    page.get_by_role("button", name="Отправить вопрос").dblclick()

    expect(page.get_by_role("heading", level=1)).to_have_text("Мы получили ваш вопрос")
    assert [letter.text for letter in served.base.questions] == ["Два раза"]


def test_a_file_that_is_too_large_is_told_before_it_travels(visit, served, tmp_path):
    large = tmp_path / "large.zip"
    large.write_bytes(b"x" * (5 * 2**20 + 1))
    page = visit("/contact?ui=ru", **PERSON)
    text, email = fields(page)
    text.fill("Файл")
    email.fill("anna@example.com")
    page.locator("#file").set_input_files(large)

    page.get_by_role("button", name="Отправить вопрос").click()

    told = page.locator("#file").evaluate("node => node.validationMessage")
    assert told == "Файл больше 5 МБ: large.zip."
    assert served.base.questions == []
    page.locator("#file").set_input_files([])
    page.get_by_role("button", name="Отправить вопрос").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Мы получили ваш вопрос")


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_axe_finds_nothing_in_a_letter_that_was_refused_and_in_one_that_was_sent(visit, lang):
    page = visit(f"/contact?ui={lang}", locale=lang, width=360, **PERSON)
    page.locator("#text").fill("?")
    page.locator("#email").fill("anna@example.com")
    page.locator("#website").evaluate("node => { node.value = 'x' }")
    page.locator("#send").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    page.locator("#send").click()
    expect(page.locator(".number")).to_be_visible()
    assert violations(page) == []
