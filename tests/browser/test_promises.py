"""Reply times by plan, a notice of a delay, and the report on tickets, in a real browser."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes import TEXTS, write_articles

from browser.accessibility import violations
from kb.base.config import Settings
from kb.service import KnowledgeBase
from kb.tickets import estimate, grouping, report, report_page
from kb.tickets.answering import Answered
from kb.tickets.models import Ticket

WEEKDAYS = "on weekdays 9–18 Europe/Moscow"
PROMISES = {
    "Pro": f"within 30 minutes {WEEKDAYS}",
    "Free": "за 1 рабочий день, пн–пт 9–18, сб 10–14 МСК",
    "*": f"within 4 hours {WEEKDAYS}",
}


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory,
    serve: Callable[[KnowledgeBase], AbstractContextManager[str]],
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("promising")
    write_articles(TEXTS, folder / "articles")
    settings = Settings(
        articles=folder / "articles", data=folder / "var", promises=PROMISES, delay="Авария."
    )
    base = KnowledgeBase(settings)
    base.rebuild()
    with serve(base) as url:
        yield url
    base.close()


@pytest.mark.parametrize(("lang", "width"), [("ru", 360), ("en", 1280)])
def test_axe_finds_nothing_in_reply_times(chrome: Any, address: str, lang: str, width: int) -> None:
    context = chrome.new_context(viewport={"width": width, "height": 800}, locale=lang)
    page = context.new_page()
    for path in (f"/contact?ui={lang}", f"/{lang}/search?q=zzzz", f"/widget?ui={lang}"):
        page.goto(address + path)
        assert page.locator(".plans div").count() == 3
        assert page.locator(".delay").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert violations(page) == []
    chrome.close(context)


def test_axe_finds_nothing_in_the_report_on_tickets(chrome: Any, tmp_path: Path) -> None:
    asked = [f"where is my <b>card</b> number {n}" for n in range(6)]
    answers = [
        Answered(text, "card number", ("en/card",), 1.2 if n % 2 else 0.5)
        for n, text in enumerate(asked)
    ]
    tickets = [
        Ticket(text, "cards", datetime(2026, 3, 1 + 7 * n % 28, tzinfo=UTC), 30.0 * n)
        for n, text in enumerate(asked)
    ]
    queue = report.Queue(tickets, answers, ["y", "n", None, None, None, None])
    rows = [estimate.Row(text, answer.margin) for text, answer in zip(asked, answers, strict=True)]
    made = report.made(
        queue, grouping.groups(answers), estimate.parts(rows, 1), rows=7, build="b",
        linked={0: "en/card"}, least=3,
    )  # fmt: skip
    file = tmp_path / "report.html"
    titles = {"en/card": "Where is my card"}
    file.write_text(
        report_page.page(made, Settings(), lang="ru", name="tickets.csv", titles=titles), "utf-8"
    )

    for width in (360, 1280):
        context = chrome.new_context(viewport={"width": width, "height": 800}, locale="ru")
        page = context.new_page()
        page.goto(file.as_uri())
        assert page.locator("rect").count() > 2
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert violations(page) == []
        page.screenshot(path=tmp_path / f"report-{width}.png")
        chrome.close(context)
