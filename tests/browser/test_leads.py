"""The leads' board as leads meet it: any width and theme, by keyboard, without scripts."""

import gzip
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import TEXTS, write_articles
from playwright.sync_api import expect
from pydantic import SecretStr

from browser.accessibility import violations
from kb import runs
from kb.config import Settings
from kb.searchlog import Search, SearchLog
from kb.service import KnowledgeBase

pytestmark = pytest.mark.browser

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
PAGES = ("/leads", "/leads/1", "/leads/numbers", "/leads/state", "/leads?q=no+such")


def seed(url: str) -> None:
    """Two months of questions: asked in vain, and answered by a click."""
    log, now, searches = SearchLog(url), time.time(), []
    for place, (query, (visits, total, _)) in enumerate(ASKED.items()):
        for n in range(visits):
            at = now - 3600 - (n * 37 % 50) * 86400
            lang = "en" if query.isascii() else "ru"
            searches.append(
                Search(
                    id=f"r{place}-{n}", visit=f"v{place}-{n}", query=query.strip(), lang=lang,
                    started=at, ended=at + 2, total=total, owner=("Анна", "Борис", "")[place % 3],
                    category=("Учётная запись", "Оплата", "")[place % 3],
                    shown=(("ru/billing/refund", 1),) if total else (),
                )
            )  # fmt: skip
    for n in range(120):
        at = now - 3600 - (n % 50) * 86400
        click = runs.Event("click", "ru/account/reset-password", 1 + n % 4, 900)
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
    base = KnowledgeBase.open(settings)
    seed(settings.log_url)
    base.rebuild()
    with serve(base) as url:
        yield SimpleNamespace(url=url, base=base)
    base.close()


@pytest.fixture(scope="module")
def session(chrome, board):
    """A signed-in lead's cookies."""
    context = chrome.new_context(base_url=board.url, locale="ru")
    page = context.new_page()
    page.goto("/leads")
    page.get_by_label("Пароль").fill(PASSWORD)
    page.get_by_label("Ваше имя").fill("Анна")
    page.get_by_role("button", name="Войти").click()
    expect(page.get_by_role("heading", name="Вопросы без ответа")).to_be_visible()
    yield context.storage_state()
    context.close()


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
        context.close()
    assert mistakes == []


@pytest.mark.parametrize(("lang", "themes"), [("ru", ("light", "dark")), ("en", ("dark",))])
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
            """() => [...document.querySelectorAll("body *:not(.scroll *, pre *, .vh)")]
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
    page.locator(".groups a").first.focus()

    def press(code, key):
        page.evaluate(
            """([code, key]) => document.activeElement.dispatchEvent(
                 new KeyboardEvent("keydown", {code, key, bubbles: true, cancelable: true}))""",
            [code, key],
        )

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
    page.locator(".groups a").nth(2).focus()
    press("KeyU", "г")
    expect(page.get_by_role("status").first).to_contain_text("Отменено.")
    page.locator(".groups a").nth(2).focus()
    press("KeyK", "л")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("вернуть деньги за подписку")


def test_what_customers_wrote_runs_nowhere(lead):
    page = lead("/leads?q=script")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))

    expect(page.get_by_role("link", name="<script>alert(1)</script> не работает")).to_be_visible()
    page.get_by_role("link", name="<script>alert(1)").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("<script>alert(1)</script>")
    page.goto("/leads/state")
    expect(page.locator(".wrote").first).to_contain_text("<script>alert(2)</script>")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshots_to_look_at(lead, keep, width, theme):
    page = lead("/leads", width=width, color_scheme=theme)
    for name, path in (
        ("board", "/leads"),
        ("question", "/leads/1"),
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
