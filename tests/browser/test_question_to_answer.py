"""What good support is, from a question to its answer: the customer, the lead and the mail between.

The wishes are those of two texts on support: a ready answer at once; the time of the reply said
beforehand, by plan; a letter that carries what was tried; one named person who stays with it; an
answer that says why; the question afterwards whether all works; thanks that reach the person; the
suggestion in the digest.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from types import SimpleNamespace

import postbox
import pytest
from fakes import TEXTS, write_articles
from playwright.sync_api import expect
from pydantic import SecretStr

from kb.base.config import Settings
from kb.jobs import announcements, digest
from kb.jobs.delivery import Deliverer
from kb.searchlog.db.letter_models import LetterFilter, NewLetter
from kb.service import KnowledgeBase
from kb.site.accounts import AccountsFile, Person
from kb.site.auth import hash_password

pytestmark = [pytest.mark.browser, pytest.mark.whole_browser]

PASSWORD = "correct horse battery staple"
PERSON = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"


@pytest.fixture
def house(tmp_path, serve):
    write_articles(TEXTS, tmp_path / "articles")
    (tmp_path / "articles" / "owners.yml").write_text("Доступ: Вера Ясная\ndefault: Борис\n")
    with postbox.opened() as inbox:
        settings = Settings(
            articles=tmp_path / "articles", data=tmp_path / "var", site_name="Справка",
            promise="Отвечаем за два часа.", support_email="support@example.com",
            smtp_url=f"smtp://{inbox.where}", leads_password=SecretStr(PASSWORD),
            letter_types=("Доступ", "Оплата"), letter_plans=("Бесплатный", "Про"),
            letters_email=("team@example.com",), base_url="",
            promises={"Про": "за 30 минут круглосуточно", "Бесплатный": "за 2 часа круглосуточно"},
        )  # fmt: skip
        house = SimpleNamespace(inbox=inbox, settings=settings, passed=timedelta(0))
        house.base = KnowledgeBase.open(settings, now=lambda: datetime.now(UTC) + house.passed)
        maria = Person(
            "Мария Ковалёва", email="maria@example.com", password=hash_password(PASSWORD)
        )
        AccountsFile(settings.leads_file).change(lambda people: people.added(maria))
        house.base.rebuild()
        with serve(house.base) as house.url:
            yield house
        house.base.close()


def deliver(house):
    announcements.queue_due(house.base, house.settings)
    Deliverer(house.settings, house.base.log, house.base.now).deliver_due()
    return postbox.letters(house.inbox)


def test_from_a_question_to_an_answer_that_says_why(chrome, house):
    context = chrome.new_context(base_url=house.url, locale="ru", user_agent=PERSON)
    context.set_default_timeout(10_000)
    page = context.new_page()

    # The ready answer at once.
    page.goto("/ru/")
    page.get_by_role("combobox").fill("сбросить пароль")
    expect(page.get_by_role("option").first).to_contain_text("Сброс пароля")

    # Nothing answers this one: the promise is said, and the way to a person is there.
    page.get_by_role("combobox").fill("щщщкккх сломан")
    expect(page.locator(".note")).to_contain_text("Отвечаем за два часа.")
    page.get_by_role("option", name="Задать вопрос").click()
    page.wait_for_url("**/contact?**")
    expect(page.locator("main")).to_contain_text("Отвечаем за два часа.")

    # A letter with its type and plan, and what was tried.
    page.get_by_label("Ваш вопрос").fill("Не приходит письмо для сброса пароля")
    page.get_by_label("Почта для ответа").fill("anna@example.com")
    page.get_by_label("О чём вопрос?").select_option("Доступ")
    page.get_by_label("Ваш тариф").select_option("Про")
    for promised in ("Про", "30 минут", "Бесплатный", "2 час"):  # side by side
        expect(page.locator("main")).to_contain_text(promised)
    expect(page.locator("[data-told]")).to_be_attached()
    page.get_by_role("button", name="Отправить вопрос").click()
    expect(page.locator(".number")).to_be_visible()
    number = page.locator(".number").inner_text()
    chrome.close(context)

    mails = {mail["To"]: mail for mail in deliver(house)}
    assert number in mails["anna@example.com"]["Subject"]
    assert mails["team@example.com"]["Reply-To"] == "anna@example.com"
    [letter] = house.base.log.letters.find(LetterFilter()).letters
    assert (letter.number, letter.type, letter.plan) == (number, "Доступ", "Про")
    assert letter.owner == "Вера Ясная"  # one named person

    # She answers with a link and the reason, under her own name.
    context = chrome.new_context(base_url=house.url, locale="ru")
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(f"/leads/letters/{letter.id}")
    page.get_by_label("Пароль").fill(PASSWORD)
    page.get_by_label("Ваше имя").fill("Вера Ясная")
    page.get_by_role("button", name="Войти").click()
    page.get_by_label("Сброс пароля").check()
    page.get_by_role("button", name="Составить письмо из них").click()
    answer = page.get_by_label("Ваш ответ")
    expect(answer).to_have_value(re.compile("Сброс пароля: http"))
    assert "Почему так происходит:" in answer.input_value()
    page.get_by_role("button", name="Отправить на anna@example.com").click()
    expect(page.get_by_text("Ответ отправляется.")).to_be_visible()
    chrome.close(context)

    reply = deliver(house)[-1]
    assert reply["In-Reply-To"] == mails["anna@example.com"]["Message-ID"]
    assert parseaddr(str(reply["From"]))[0] == "Вера Ясная"
    assert "Почему так происходит:" in reply.get_content()
    assert "/articles/ru/account/reset-password" in reply.get_content()

    # Some days later one question whether all works, from her.
    house.passed = timedelta(days=3, minutes=1)
    asked = deliver(house)[-1]
    assert "Теперь всё работает?" in asked.get_content()
    assert parseaddr(str(asked["From"]))[0] == "Вера Ясная"
    assert asked["In-Reply-To"] == mails["anna@example.com"]["Message-ID"]

    # A word of thanks reaches the author, a wish the letter of the week.
    context = chrome.new_context(base_url=house.url, locale="ru", user_agent=PERSON)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto("/articles/ru/account/reset-password")
    page.locator("#feedback").get_by_role("button", name="Да").click()
    page.goto("/articles/ru/account/reset-password?voted=yes&run=the-thanks")
    page.get_by_label("Можно сказать пару слов автору: Мария Ковалёва").fill("Спасибо, Мария!")
    page.locator("#feedback").get_by_role("button", name="Отправить").click()
    expect(page.locator("#feedback")).to_contain_text("Передадим автору: Мария Ковалёва.")
    page.goto("/articles/ru/account/two-factor?voted=more&run=the-wish")
    page.get_by_label("Своими словами").fill("Покажите, где эта настройка")
    page.locator("#feedback").get_by_role("button", name="Отправить").click()
    expect(page.locator("#feedback")).to_contain_text("Спасибо")
    chrome.close(context)
    assert house.base.recorder.flush()

    thanks = deliver(house)[-1]
    assert thanks["To"] == "maria@example.com"
    assert "> Спасибо, Мария!" in thanks.get_content()
    house.passed += timedelta(days=1)
    told = digest.gather(house.base, house.base.now()).suggestions
    assert [each.text for each in told] == ["Покажите, где эта настройка"]

    # The next letter of this customer comes to her as well, whatever it is about.
    assert house.base.log.letters.get(letter.id).state == "answered"
    again = NewLetter("again", "Вернуть деньги", "Anna@example.com", type="Оплата", lang="ru")
    assert house.base.send_letter(again).owner == "Вера Ясная"
