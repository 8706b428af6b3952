"""A writer's browser beside his editor: what he saves is on the page, where he was reading."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from browser.accessibility import violations
from kb.base.config import Settings

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LONG = "Обычный абзац статьи.\n\n" * 60
PATIENCE = 40_000  # ms; how soon it is on a quiet machine, `benchmarks/watch.py` tells


@pytest.fixture
def preview(chrome, settings: Settings, write, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """`kb serve --watch` over one long article, and a page that shows it."""
    file = write("ru/vpn", LONG + "Начало.", title="Настройка VPN")
    write("ru/mail", "Текст.", title="Почта")
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]
    command = [sys.executable, "-m", "kb", "serve", *folders, "--port", "0", "--watch"]
    mistakes: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://[^\s\"]+", process.stdout.readline())
        assert found
        context = chrome.new_context(viewport={"width": 1000, "height": 600}, locale="ru")
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("console", lambda m: mistakes.append(m.text) if "Policy" in m.text else None)
        page.goto(f"{found[0]}articles/ru/vpn")
        indexed = settings.data / "indexed.json"
        while '"checked"' not in (indexed.read_text() if indexed.exists() else ""):
            time.sleep(0.05)  # the watcher's own start
        yield SimpleNamespace(page=page, file=file, url=found[0], write=write)
        chrome.close(context)
        process.terminate()
    assert mistakes == []


def test_what_is_saved_is_on_the_page_where_it_was_read(preview):
    page = preview.page
    page.evaluate("scrollTo(0, 700)")

    preview.write("ru/vpn", LONG + "Первая правка.", title="Настройка VPN")
    page.get_by_text("Первая правка.").wait_for()
    assert abs(page.evaluate("scrollY") - 700) < 2

    preview.write("ru/vpn", "Вторая правка.\n\n![](нет.png)", title="Настройка VPN", draft="yes")
    page.get_by_text("Вторая правка.").wait_for()
    assert page.get_by_text("Черновик: клиенты этой статьи не видят.").is_visible()
    note = page.locator(".notes li", has_text="нет картинки нет.png")
    note.wait_for()  # a moment later, without another save
    assert re.search(r"Ошибка, строка \d+", note.inner_text())


def test_a_mistake_shows_in_place_of_the_article_until_it_is_corrected(preview):
    page = preview.page

    preview.file.write_text("---\ntitle: Error: cannot\n---\nТекст.\n", "utf-8")
    page.get_by_role("heading", name="Эту статью не удаётся прочитать").wait_for()
    assert page.locator(".notes").get_by_text("строка 2").is_visible()

    preview.write("ru/vpn", "Исправлено.", title="Настройка VPN")
    page.get_by_text("Исправлено.").wait_for()


def test_what_is_being_typed_is_not_thrown_away(preview):
    page = preview.page
    box = page.locator("input[name=q]").first
    box.fill("как настр")

    preview.write("ru/vpn", "Новый текст.", title="Настройка VPN")
    page.wait_for_function(
        "fetch('/live?path=ru/vpn.md').then(a => a.text())"
        ".then(stamp => stamp !== document.querySelector('meta[name=live]').content)"
    )
    time.sleep(1)
    assert box.input_value() == "как настр"

    box.fill("")
    page.get_by_text("Новый текст.").wait_for()


def test_notes_can_be_read_by_everybody(preview, chrome):
    preview.write("ru/vpn", "![](нет.png)", title="Настройка VPN", draft="yes")
    preview.page.locator(".notes li").first.wait_for()
    preview.page.route("**/live?*", lambda asked: asked.abort())  # nothing is renewed meanwhile

    for width, theme in product((360, 1280), ("light", "dark")):
        preview.page.set_viewport_size({"width": width, "height": 800})
        preview.page.emulate_media(color_scheme=theme)
        assert violations(preview.page) == []
        assert preview.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
