"""One search stays one search from page to page, in a real browser before the real log."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from kb.searchlog.db.log import SearchLog

pytestmark = [pytest.mark.browser, pytest.mark.whole_browser]
# Chromium without a window says that it is a robot.
PERSON = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0"}


def box(page: Page) -> Any:
    return page.get_by_role("combobox")


@pytest.fixture
def recorded(served: Any) -> Any:
    """`recorded("запрос")`: what the log holds of searches with these words.

    A page that is left sends its report while the next one is loaded: the first row is waited for.
    """

    def rows(query: str) -> list[dict[str, Any]]:
        assert served.base.recorder.flush()
        log = SearchLog(served.base.settings.log_url)
        found = [row for row in log.export() if row["query"] == query]
        log.close()
        return found

    def awaited(query: str) -> list[dict[str, Any]]:
        end = time.monotonic() + 60
        while not (found := rows(query)) and time.monotonic() < end:
            time.sleep(0.1)
        return found

    return awaited


def test_enter_and_a_click_on_the_page_of_results_are_one_search(visit, recorded):
    page = visit("/ru/", **PERSON)
    box(page).press_sequentially("пароль возврат", delay=20)
    page.keyboard.press("Enter")
    page.locator(".hits h2 a").first.click()
    page.wait_for_url("**/articles/**")

    [row] = recorded("пароль возврат")

    assert (row["clicked"], row["rank"]) == (True, 1)
    assert row["keystrokes"] > 3
    assert "run=" not in page.url


def test_all_results_go_on_with_the_search_of_the_box(visit, recorded):
    page = visit("/ru/", **PERSON)
    box(page).fill("правило тарифа номер")
    page.get_by_role("option", name="Все результаты").click()
    expect(page.locator(".hits li").first).to_be_visible()

    assert len(recorded("правило тарифа номер")) == 1


def test_a_tab_is_one_visit_wherever_it_searches(visit, recorded):
    page = visit("/ru/search?q=сменить почту", **PERSON)
    box(page).fill("вернуть деньги срочно")
    expect(page.get_by_role("option").first).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("Enter")

    [first], [second] = recorded("сменить почту"), recorded("вернуть деньги срочно")

    assert first["visit"] == second["visit"]
    assert first["kind"] == "refined"


def test_a_letter_from_the_foot_of_a_page_belongs_to_the_visit(visit, recorded):
    page = visit("/ru/", **PERSON)
    box(page).fill("счёт для бухгалтерии потерян")
    expect(page.get_by_role("option").first).to_be_visible()
    page.locator(".foot a[href^='/contact']").click()
    page.get_by_label("Ваш вопрос").fill("Где счёт?")
    page.get_by_label("Почта для ответа").fill("anna@example.com")
    page.get_by_role("button", name="Отправить вопрос").click()
    expect(page.get_by_role("status").last).to_be_visible()

    [row] = recorded("счёт для бухгалтерии потерян")

    assert row["ticketed"]


def test_a_letter_from_the_widget_belongs_to_its_visit(visit, recorded):
    page = visit("/widget?ui=ru", **PERSON)
    box(page).fill("акт для аудитора потерян")
    expect(page.get_by_role("option").first).to_be_visible()
    box(page).press("Escape")
    with page.context.expect_page() as opened:
        page.locator(".promise a").click()
    letter = opened.value
    letter.get_by_label("Ваш вопрос").fill("Где акт?")
    letter.get_by_label("Почта для ответа").fill("anna@example.com")
    letter.get_by_role("button", name="Отправить вопрос").click()
    expect(letter.get_by_role("status").last).to_be_visible()
    page.close(run_before_unload=False)
    page = visit("/ru/", **PERSON)  # the closed page has said what it had to say

    [row] = recorded("акт для аудитора потерян")

    assert (row["surface"], row["ticketed"]) == ("widget", True)


def test_a_very_long_question_is_recorded_too(visit, recorded):
    page = visit("/ru/", **PERSON)
    box(page).focus()
    page.evaluate(
        """() => {
            const input = document.querySelector("#q");
            for (let n = 2; n <= 480; n++) {
                input.value = "щ".repeat(n);
                input.dispatchEvent(new Event("input", { bubbles: true }));
            }
        }"""
    )
    page.goto("/contact?ui=ru")

    [row] = recorded("щ" * 480)

    assert row["keystrokes"] > 10
