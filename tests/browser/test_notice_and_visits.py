"""A notice, marks of changed articles and history in a real browser, on phones and in the dark."""

import subprocess
from typing import Any

from browser.accessibility import violations
from kb.base.config import Settings
from kb.service import KnowledgeBase


def test_a_notice_is_readable_and_a_changed_article_is_marked(
    chrome: Any, serve: Any, settings: Settings, write: Any
) -> None:
    long = "Оплата картой не работает: " + "оченьдлинноеслово" * 8
    write("notice.ru.md", f"## {long}\n\nЧиним, [подождите](ru/pay/wait.md).", level="critical")
    write("ru/pay/wait", "Текст.", title="Ждать", updated="2026-01-01")
    write("ru/pay/other", "Текст.", title="Другое", updated="2026-01-01")
    base = KnowledgeBase(settings)
    base.rebuild()
    with serve(base) as url:
        context = chrome.new_context(viewport={"width": 360, "height": 800}, locale="ru")
        page = context.new_page()
        for path in ("/ru/", "/articles/ru/pay/wait", "/widget?ui=ru"):
            page.goto(url + path)
            assert page.get_by_role("alert").is_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                assert violations(page) == []
        page.goto(url + "/categories/ru/pay")
        assert page.locator(".changed").count() == 0

        write("ru/pay/wait", "Другой текст.", title="Ждать", updated="2026-02-01")
        write("ru/pay/other", "Другой текст.", title="Другое", updated="2026-02-01")
        base.rebuild()

        page.goto(url + "/categories/ru/pay")
        marks = page.locator(".changed")
        assert marks.all_inner_texts() == ["изменена с вашего прошлого визита"]
        assert violations(page) == []
        page.get_by_role("link", name="Ждать").click()
        page.locator("article .changed").wait_for()
        page.reload()
        assert page.locator("article .changed").count() == 0
        chrome.close(context)
    base.close()


def test_the_history_of_an_article_is_readable_on_a_phone(
    chrome: Any, serve: Any, settings: Settings, write: Any
) -> None:
    def commit() -> None:
        for command in (["add", "."], ["commit", "-q", "-m", "x"]):
            subprocess.run(["git", *who, *command], cwd=settings.articles, check=True)

    who = ("-c", "user.name=Анна", "-c", "user.email=a@example.com")
    subprocess.run(["git", "init", "-q"], cwd=settings.articles, check=True)
    write("ru/vpn", "Первый шаг: откройте настройки.\n\n## Почему\n\nСеть.", title="VPN")
    commit()
    write("ru/vpn", f"Первый шаг: закройте настройки.\n\n## Почему\n\n{'длинно' * 40}", title="VPN")
    commit()
    base = KnowledgeBase(settings)
    base.rebuild()
    with serve(base) as url:
        context = chrome.new_context(viewport={"width": 360, "height": 800}, locale="ru")
        page = context.new_page()
        page.goto(url + "/articles/ru/vpn")
        page.get_by_role("link", name="Что менялось").click()
        page.locator("ins", has_text="закройте").wait_for()
        assert page.locator("del", has_text="откройте").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert violations(page) == []
        chrome.close(context)
    base.close()
