"""The leads' board as leads meet it: any width and theme, by keyboard, without scripts."""

import gzip
import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import TEXTS, write_articles
from playwright.sync_api import expect
from pydantic import SecretStr
from werkzeug.security import generate_password_hash

from browser.accessibility import violations
from kb.base.config import Settings
from kb.searchlog import reports
from kb.searchlog.askers import Askers
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.service import KnowledgeBase
from kb.site.accounts import AccountsFile, Person

pytestmark = pytest.mark.browser
FULL = pytest.mark.skipif("KB_TEST_FULL" not in os.environ, reason="in full: KB_TEST_FULL=1")

PASSWORD = "four plain english words"
ASKED = {  # question → visits, what was found, letters
    "не приходит письмо с кодом": (31, 0, 3),
    "вернуть деньги за подписку": (24, 3, 2),
    "<script>alert(1)</script> не работает": (12, 0, 0),
    "сменить тариф посреди месяца": (9, 2, 0),
    "export everything to a spreadsheet": (7, 0, 1),
    "оченьдлинноесловобезпробеловкотороенепомещаетсявстроку " * 3: (5, 0, 0),
    "удалить аккаунт навсегда": (3, 0, 0),
}
VERA = Person("Вера Ясная", "lead", password=generate_password_hash(PASSWORD, "scrypt:1024:8:1"))
GLEB = Person("Глеб", "writer", password=VERA.password)
PAGES = (
    *("/leads", "/leads/1", "/leads/3", "/leads/6", "/leads/alike", "/leads/numbers"),
    *("/leads/state", "/leads?q=no+such", "/leads/letters?state=all", "/leads/letters/1"),
    "/leads/letters/1?article=ru/account/reset-password",
)


def seed(url: str) -> None:
    """Two months of questions: asked in vain, and answered by a click."""
    log, now, searches = SearchLog(url, Askers()), time.time(), []
    for place, (query, (visits, total, _)) in enumerate(ASKED.items()):
        for n in range(visits):
            at = now - 3600 - (n * 37 % 50) * 86400
            lang = "en" if query.isascii() else "ru"
            searches.append(
                Search(
                    id=f"r{place}-{n}", visit=f"v{place}-{n}", query=query.strip(), lang=lang,
                    started=at, ended=at + 2, total=total, owner=("Анна", "Борис", "")[place % 3],
                    category=("Учётная запись", "Оплата", "")[place % 3],
                    shown=(("ru/billing/refund", 1),) if total else (), asker=f"asker {n}",
                )
            )  # fmt: skip
    for n in range(120):
        at = now - 3600 - (n % 50) * 86400
        click = reports.Event("click", "ru/account/reset-password", 1 + n % 4, 900)
        searches.append(
            Search(
                id=f"a{n}", visit=f"w{n}", query="сброс пароля", lang="ru", started=at,
                ended=at + 2, total=4, confident=True, events=(click,),
            )
        )  # fmt: skip
    log.record(*searches)
    for place, (*_, letters) in enumerate(ASKED.values()):
        for n in range(letters):
            sent = next(each for each in searches if each.id == f"r{place}-{n}")
            moment = datetime.fromtimestamp(sent.ended + 60, UTC)
            log.ticket("Помогите", visit=sent.visit, type="Доступ", at=moment)
    for n in range(24):
        log.feedback(
            "ru/account/reset-password", False, reason="unclear", at=datetime.now(UTC),
            text="<script>alert(2)</script> " + "длинноеслово" * n,
        )  # fmt: skip
    log.close()


@pytest.fixture(scope="module")
def board(tmp_path_factory, serve):
    folder = tmp_path_factory.mktemp("board")
    write_articles(TEXTS, folder / "articles")
    settings = Settings(
        articles=folder / "articles",
        data=folder / "var",
        leads_password=SecretStr(PASSWORD),
    )
    accounts = AccountsFile(settings.leads_file)
    accounts.change(lambda people: people.added(VERA).added(GLEB))
    base = KnowledgeBase.open(settings)
    seed(settings.log_url)
    base.rebuild()
    with serve(base) as url:
        yield SimpleNamespace(url=url, base=base)
    base.close()


@pytest.fixture(scope="module")
def session(browsers, board):
    """A signed-in lead's cookies."""
    chrome = browsers[False]
    context = chrome.new_context(base_url=board.url, locale="ru")
    page = context.new_page()
    page.goto("/leads")
    page.get_by_label("Пароль").fill(PASSWORD)
    page.get_by_label("Ваше имя").fill("Анна")
    page.get_by_role("button", name="Войти").click()
    expect(page.get_by_role("heading", name="Вопросы без ответа")).to_be_visible()
    yield context.storage_state()
    chrome.close(context)


@pytest.fixture
def lead(chrome, board, session):
    """`lead("/leads", width=360, color_scheme="dark")` opens a page of the board."""
    contexts, mistakes = [], []

    def lead(path, *, width=1280, height=900, **options):
        options.setdefault("locale", "ru")
        context = chrome.new_context(
            viewport={"width": width, "height": height},
            base_url=board.url,
            storage_state=session,
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(5000)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("console", lambda said: mistakes.append(said.text) if "Polic" in said.text else 0)
        page.goto(path)
        return page

    yield lead
    for context in contexts:
        chrome.close(context)
    assert mistakes == []


@pytest.mark.parametrize(
    ("lang", "themes"),
    [("ru", ("light", "dark")), pytest.param("en", ("dark",), marks=FULL)],
)
def test_axe_finds_nothing_in_any_theme(lead, lang, themes):
    page = lead("/leads/sign-in", locale=lang, reduced_motion="reduce")
    for path in (*PAGES, "/leads/help/numbers", "/leads/sign-in"):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        assert page.locator("html").get_attribute("lang") == lang
        for theme in themes:
            page.emulate_media(color_scheme=theme)
            assert violations(page) == [], f"{path} {theme}"


def test_the_smallest_screen_holds_every_page_with_targets_for_a_thumb(lead):
    page = lead("/leads", width=360)
    for path in PAGES:
        page.goto(path)
        wide = page.evaluate(
            """() => [...document.querySelectorAll("body *:not(.scroll *, pre *, .vh, .vh *)")]
              .filter((n) => n.getBoundingClientRect().right > 360)
              .map((n) => n.outerHTML.slice(0, 90))"""
        )
        small = page.evaluate(
            """() => [...document.querySelectorAll("main :is(a, button, input, select, summary)")]
              .filter((n) => n.checkVisibility() && n.type !== "hidden")
              .filter((n) => !n.closest("p, td, th, .vh, label"))
              .map((n) => [n, n.getBoundingClientRect()])
              .filter(([, r]) => r.height && (r.height < 43.5 || r.width < 43.5))
              .map(([n, r]) => `${n.outerHTML.slice(0, 80)} ${r.width}x${r.height}`)"""
        )

        assert (wide, small) == ([], []), path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_no_word_is_cut_in_the_places_of_the_board_or_beside_a_mark(lead):
    page = lead("/leads", width=360)
    heights = page.evaluate("[...document.querySelectorAll('.places a')].map(n => n.offsetHeight)")
    page.set_viewport_size({"width": 1280, "height": 900})
    beside = page.evaluate(
        """() => [...document.querySelectorAll(".groups .status")].map((status) => {
          const word = document.createRange()
          word.selectNodeContents(status)
          return word.getBoundingClientRect().left - status.getBoundingClientRect().right
        })"""
    )

    assert set(heights) == {44}  # one line of text
    assert min(beside) >= 0


@pytest.mark.whole_browser  # a file is downloaded
def test_everything_is_done_without_scripts(lead, board):
    page = lead("/leads?q=тариф", java_script_enabled=False)
    page.get_by_label("Выбрать: сменить тариф").check()
    page.get_by_label("Ответственный").nth(1).fill("Вера")
    page.get_by_role("button", name="Назначить").click()

    expect(page.get_by_role("status").first).to_contain_text("ответственный — Вера")
    page.get_by_role("button", name="Отменить").click()
    expect(page.get_by_role("status").first).to_contain_text("Отменено.")
    page.get_by_role("link", name="сменить тариф").click()
    expect(page.get_by_role("heading", name="Следующий шаг")).to_be_visible()
    with page.expect_download() as got:
        page.get_by_role("link", name="Написать эту статью").click()
    assert got.value.suggested_filename.endswith(".md")


def test_a_person_signs_in_acts_takes_back_and_changes_the_password(chrome, board):
    """By keyboard, without scripts, on a phone."""
    options = {"base_url": board.url, "locale": "ru", "java_script_enabled": False}
    here = chrome.new_context(viewport={"width": 360, "height": 800}, **options)
    elsewhere = chrome.new_context(**options)
    for context in (elsewhere, here):
        page = context.new_page()
        page.goto("/leads")
        expect(page.get_by_label("Ваше имя")).to_be_focused()
        page.keyboard.type("вера ясная")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Вы работаете как Вера Ясная.")).to_be_visible()

    page.goto("/leads?q=тариф")
    page.get_by_role("link", name="сменить тариф").click()
    page.get_by_role("button", name="Взять себе").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("ответственный — Вера Ясная")
    expect(page.locator(".plain").last).to_contain_text("Вера Ясная")
    page.get_by_role("button", name="Отменить").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Отменено.")
    page.get_by_role("link", name="Сменить пароль").press("Enter")
    page.get_by_label("Нынешний пароль").fill(PASSWORD)
    page.get_by_label("Новый пароль", exact=True).fill("four other english words")
    page.get_by_label("Новый пароль ещё раз").fill("four other english words")
    page.get_by_role("button", name="Сменить пароль").press("Enter")

    expect(page.get_by_role("status")).to_contain_text("Пароль изменён")
    other = elsewhere.pages[0]
    other.goto("/leads")
    expect(other.get_by_role("button", name="Войти")).to_be_visible()
    for context in (here, elsewhere):
        chrome.close(context)


def test_a_writer_sees_what_a_writer_may_do(chrome, board):
    context = chrome.new_context(base_url=board.url, locale="ru", reduced_motion="reduce")
    page = context.new_page()
    page.goto("/leads")
    page.get_by_label("Ваше имя").fill("Глеб")
    page.get_by_label("Пароль").fill(PASSWORD)
    page.get_by_role("button", name="Войти").click()

    for path in ("/leads", "/leads/1", "/leads/password", "/leads/misses.csv"):
        page.goto(path)
        assert violations(page) == [], path
        expect(page.get_by_role("button", name="Отклонить")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("Это может только руководитель")
    page.get_by_role("link", name="Что может каждая роль").click()
    expect(page.get_by_role("heading", name="Роли")).to_be_visible()
    chrome.close(context)


def test_what_is_sent_after_the_session_ended_is_done_after_signing_in(lead):
    page = lead("/leads/3")
    page.get_by_role("textbox", name="Заметка").fill("Первая строка\nвторая")
    page.context.clear_cookies()

    page.get_by_role("button", name="Сохранить заметку").click()
    expect(page.get_by_role("alert")).to_contain_text("Сеанс закончился")
    page.get_by_label("Пароль").fill(PASSWORD)
    page.get_by_role("button", name="Войти").click()

    expect(page.get_by_role("textbox", name="Заметка")).to_have_value("Первая строка\nвторая")


def test_the_list_is_worked_by_keyboard_on_a_russian_layout(lead):
    page = lead("/leads")

    def press(code, key):
        page.evaluate(
            """([code, key]) => document.activeElement.dispatchEvent(
                 new KeyboardEvent("keydown", {code, key, bubbles: true, cancelable: true}))""",
            [code, key],
        )

    press("KeyJ", "о")  # at once, wherever the focus is
    press("KeyJ", "о")
    press("KeyX", "ч")
    press("ArrowDown", "ArrowDown")
    press("KeyX", "ч")
    expect(page.locator(".groups input").nth(0)).not_to_be_checked()
    expect(page.locator(".groups input").nth(1)).to_be_checked()
    expect(page.locator(".groups input").nth(2)).to_be_checked()
    expect(page.locator("[data-count]")).to_have_text("выбрано: 2")
    page.get_by_label("Ответственный").nth(1).fill("Вера")
    page.get_by_role("button", name="Назначить").click()
    expect(page.get_by_role("status").first).to_contain_text("2 вопроса: ответственный — Вера")
    page.locator(".groups h2 a").nth(2).focus()
    press("KeyU", "г")
    expect(page.get_by_role("status").first).to_contain_text("Отменено.")
    page.locator(".groups h2 a").nth(2).focus()
    press("KeyK", "л")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("вернуть деньги за подписку")


@pytest.mark.parametrize("width", [360, 1280])
def test_a_menu_of_a_row_opens_by_keyboard_one_at_a_time_without_scripts(lead, width):
    page = lead("/leads", width=width, java_script_enabled=False)
    first, second = (page.locator(".menu").nth(n) for n in (0, 1))

    first.locator("summary").press("Enter")
    expect(first.get_by_role("link")).to_have_count(4)
    second.locator("summary").press("Enter")

    expect(first.get_by_role("link")).to_have_count(0)
    place = second.locator("ul").bounding_box()
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= width
    second.get_by_role("link").nth(1).press("Enter")
    expect(page).to_have_url(re.compile(r"/leads/\d+#synonym$"))


def test_the_first_screen_holds_the_week_and_twelve_rows(lead, board):
    page = lead("/leads")
    heights = page.evaluate(
        """() => [...document.querySelectorAll(".groups > li")].map((n) => n.offsetHeight)"""
    )
    top = page.evaluate("document.querySelector('.groups').getBoundingClientRect().top")
    bar = page.locator(".bulk").bounding_box()

    assert max(heights) <= 42
    assert top + 12 * max(heights) <= 900 - bar["height"]  # the bar sticks to the lower edge
    assert bar["y"] + bar["height"] <= 901
    assert page.locator(".week div").count() == 5
    assert page.locator(".narrowing").get_attribute("open") is None


def test_what_customers_wrote_runs_nowhere(lead):
    page = lead("/leads?q=script")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))

    expect(page.get_by_role("link", name="<script>alert(1)</script> не работает")).to_be_visible()
    page.get_by_role("link", name="<script>alert(1)").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("<script>alert(1)</script>")
    page.goto("/leads/state")
    expect(page.locator(".wrote").first).to_contain_text("<script>alert(2)</script>")


@FULL
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshots_to_look_at(lead, keep, width, theme):
    page = lead("/leads", width=width, color_scheme=theme)
    for name, path in (
        ("board", "/leads"),
        ("question", "/leads/1"),
        ("alike", "/leads/alike"),
        ("numbers", "/leads/numbers"),
    ):
        page.goto(path)
        keep(page, f"leads-{name}-{width}-{theme}")


def test_the_board_stays_light(board):
    weight = {
        name: len(gzip.compress((Path(__file__).parents[2] / "static" / name).read_bytes(), 9))
        for name in ("leads.css", "leads.js")
    }

    assert weight["leads.css"] <= 4096
    assert weight["leads.js"] <= 1536
