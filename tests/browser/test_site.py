"""The pages as people meet them: any width, theme and language, with and without scripts."""

import os

import pytest
from playwright.sync_api import expect

from browser.accessibility import violations

pytestmark = pytest.mark.browser

ADDRESSES = {
    "ru": {
        "home": "/ru/",
        "results": "/ru/search?q=пароль",
        "pages": "/ru/search?q=тариф&page=2",
        "weak": "/ru/search?q=img+src+onerror+1",
        "nothing": "/ru/search?q=щщщкккх",
        "repaired": "/ru/search?q=gfhjkm",
        "article": "/articles/ru/account/reset-password?q=пароль",
        "voted": "/articles/ru/account/reset-password?voted=more",
        "category": "/categories/ru/Учётная запись",
        "topics": "/categories/ru/",
        "contact": "/contact?ui=ru&q=пароль",
        "lost": "/ru/no/password",
        "widget": "/widget?ui=ru&page=/пароль",
        "demo": "/widget/demo?ui=ru",
    },
    "en": {
        "home": "/en/",
        "results": "/en/search?q=password",
        "pages": "/en/search?q=тариф&page=2",
        "weak": "/en/search?q=img+src+onerror+1",
        "nothing": "/en/search?q=zzzz",
        "repaired": "/en/search?q=pasword",
        "article": "/articles/en/account/reset-password?q=password",
        "voted": "/articles/en/account/reset-password?voted=more",
        "category": "/categories/en/Account",
        "topics": "/categories/en/",
        "contact": "/contact?ui=en&q=password",
        "lost": "/en/no/password",
        "widget": "/widget?ui=en&page=/password",
        "demo": "/widget/demo?ui=en",
    },
}
PAGES = [(lang, name) for lang, pages in ADDRESSES.items() for name in pages]
LOOKED_AT = ("home", "results", "nothing", "article", "contact", "category", "topics", "lost")


# --- accessibility ------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "name"), PAGES)
def test_axe_finds_nothing_in_either_theme(visit, lang, name):
    page = visit(ADDRESSES[lang][name], color_scheme="light", locale=lang, reduced_motion="reduce")
    assert page.locator("html").get_attribute("lang") == lang
    assert violations(page) == []

    page.emulate_media(color_scheme="dark")
    assert violations(page) == []


@pytest.mark.parametrize(
    ("lang", "query", "none"), [("ru", "пароль", "щщщкккх"), ("en", "password", "zzzz")]
)
def test_axe_finds_nothing_in_the_popup(visit, lang, query, none):
    page = visit(f"/{lang}/", locale=lang, reduced_motion="reduce")
    box = page.get_by_role("combobox")

    def both():
        found = []
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            found += violations(page)
        return found

    box.fill(query)
    expect(page.locator("#hits [role=option]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    assert both() == []

    box.fill(none)
    expect(page.locator("#hits .ask")).to_be_visible()
    assert both() == []

    page.keyboard.press("Enter")
    page.wait_for_url("**/search?**")
    page.goto(f"/{lang}/")
    box.focus()
    expect(page.locator("#hits .recent")).to_be_visible()
    assert both() == []

    page.goto(f"/contact?ui={lang}")
    page.evaluate("document.querySelector('form.contact').noValidate = true")
    page.locator("form.contact button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert both() == []


def test_targets_are_large_enough_for_a_thumb(visit):
    small = []
    page = visit("/ru/", width=360)
    for name in LOOKED_AT:
        page.goto(ADDRESSES["ru"][name])
        small += page.evaluate(
            """name => [...document.querySelectorAll("a, button, input, summary, textarea")]
              .filter((n) => n.checkVisibility() && n.type !== "hidden")
              .filter((n) => !n.closest("p, .prose, .vh, .trap, .skip, label"))
              .map((n) => [n, (n.closest(".tiles li") || n).getBoundingClientRect()])
              .filter(([, r]) => r.height && (r.height < 43.5 || r.width < 43.5))
              .map(([n, r]) => `${name}: ${n.outerHTML.slice(0, 80)} ${r.width}x${r.height}`)""",
            name,
        )
    assert small == []


def test_the_field_is_large_enough_not_to_zoom(visit):
    page = visit("/ru/", width=360)

    assert float(page.locator("#q").evaluate("n => parseFloat(getComputedStyle(n).fontSize)")) >= 16


def test_keyboard_focus_is_always_seen(visit):
    page = visit("/articles/ru/account/reset-password")
    unseen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        unseen += page.evaluate(
            """() => { const n = document.activeElement;
              const seen = parseFloat(getComputedStyle(n).outlineWidth) >= 2;
              return n === document.body || seen ? [] : [n.outerHTML.slice(0, 80)]; }"""
        )
    assert unseen == []


def test_the_first_tab_skips_to_the_content(visit):
    page = visit("/ru/")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


# --- widths, themes, motion ---------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_nothing_scrolls_sideways(visit, lang):
    wide = []
    page = visit(f"/{lang}/")
    for address in ADDRESSES[lang].values():
        page.goto(address)
        for width in (320, 360, 640, 768, 1280):  # 640 is 1280 at 200 %
            page.set_viewport_size({"width": width, "height": 800})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append((address, width))
    assert wide == []


def background(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_the_theme_follows_the_system_until_somebody_chooses(visit):
    page = visit("/ru/", color_scheme="light")
    light = background(page)
    page.emulate_media(color_scheme="dark")
    dark = background(page)
    assert light != dark

    switch = page.get_by_role("button", name="Тёмная тема")
    expect(switch).to_have_attribute("aria-pressed", "true")
    switch.click()
    assert background(page) == light

    page.reload()
    assert background(page) == light
    page.get_by_role("button", name="Тёмная тема").click()
    assert page.evaluate("localStorage.getItem('kb-theme')") is None  # as the system again
    assert background(page) == dark


def test_a_chosen_theme_never_flashes(visit):
    """The choice is applied by a script in the head, so before the first paint."""
    page = visit("/ru/", color_scheme="light", before="localStorage.setItem('kb-theme', 'dark')")

    first = page.evaluate(
        """async () => { const text = await (await fetch(location.href)).text();
          const early = text.indexOf("theme.js") < text.indexOf("<body");
          return early && !/theme.js[^>]*(defer|async)/.test(text); }"""
    )

    assert first
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_motion_is_reduced_on_request(visit):
    page = visit("/ru/", reduced_motion="reduce")
    page.get_by_role("combobox").fill("пароль")
    expect(page.locator("#hits [role=option]").first).to_be_visible()

    assert page.locator(".popup").evaluate("n => getComputedStyle(n).animationName") == "none"
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_forced_colours_show_the_chosen_hit(visit, keep):
    page = visit("/ru/", forced_colors="active")
    page.get_by_role("combobox").fill("пароль")
    expect(page.locator("#hits [role=option]").first).to_be_visible()

    page.keyboard.press("ArrowDown")

    chosen = page.locator("#hits [aria-selected=true]")
    assert chosen.evaluate("n => getComputedStyle(n).outlineStyle") == "solid"
    keep(page, "popup-forced-colours")


def test_print_leaves_the_article_alone(visit):
    page = visit("/articles/ru/account/reset-password", color_scheme="dark")

    page.emulate_media(media="print")

    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator(".vote")).to_be_hidden()
    expect(page.locator(".prose")).to_be_visible()


@pytest.mark.skipif("KB_TEST_FULL" not in os.environ, reason="for people: KB_TEST_FULL=1")
@pytest.mark.parametrize(
    ("lang", "theme", "width"),
    [
        *(("ru", "light", 360), ("ru", "light", 1280), ("ru", "dark", 1280)),
        *(("en", "light", 768), ("en", "dark", 360)),
    ],
)
def test_screenshots_to_look_at(visit, keep, lang, theme, width):
    page = visit("/ru/", width=width, color_scheme=theme, locale=lang)
    for name in LOOKED_AT:
        page.goto(ADDRESSES[lang][name])
        keep(page, f"{name}-{lang}-{theme}-{width}")
    page.goto(f"/{lang}/")
    page.get_by_role("combobox").fill("пароль" if lang == "ru" else "password")
    expect(page.locator("#hits [role=option]").first).to_be_visible()
    keep(page, f"popup-{lang}-{theme}-{width}")


# --- weight -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["home", "results", "article"])
def test_a_page_asks_for_six_things_at_most_and_only_at_home(visit, served, name):
    page = visit("about:blank")
    asked = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(ADDRESSES["ru"][name], wait_until="networkidle")

    assert len(asked) <= 6, asked
    assert all(url.startswith(served.url) for url in asked)
    assert page.context.cookies() == []


# --- without scripts ----------------------------------------------------------------------------


def test_everything_works_without_scripts(visit, served):
    page = visit("/ru/", java_script_enabled=False)
    page.get_by_label("Поиск по справке").fill("пароль")
    page.get_by_role("button", name="Найти").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("пароль")
    expect(page.locator(".count")).to_contain_text("Найдено 3 статьи")
    ((report, _),) = served.base.reports
    assert (report.surface, report.steps[0].q) == ("page", "пароль")
    assert report.shown[0] == ("ru/account/reset-password", 1)

    page.get_by_role("link", name="Сброс пароля").click()
    expect(page.locator(".prose mark").first).to_be_visible()
    click = served.base.reports[1][0]
    assert click.run == report.run
    assert (click.events[0].kind, click.events[0].rank) == ("click", 1)

    page.get_by_role("button", name="Нет").click()
    page.get_by_label("Ошибка или устарело").check()
    page.get_by_label("Своими словами").fill("Кнопка называется иначе")
    page.get_by_role("button", name="Отправить").click()
    expect(page.locator("#feedback")).to_contain_text("Спасибо!")
    slug = "ru/account/reset-password"
    assert served.base.votes == [
        (slug, False, "", "", report.run),
        (slug, False, "wrong", "Кнопка называется иначе", report.run),
    ]


def test_asking_a_person_works_without_scripts(visit, served):
    page = visit("/ru/search?q=щщщкккх", java_script_enabled=False)
    assert served.base.recorder.flush()  # the trail is read from the log
    page.get_by_role("link", name="Задать вопрос").first.click()

    page.get_by_label("Ваш вопрос").fill("Как?")
    page.get_by_label("Почта для ответа").fill("anna@example.com")
    page.get_by_role("button", name="Отправить вопрос").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Мы получили ваш вопрос")
    [letter] = served.base.questions
    assert (letter.subject, letter.text, letter.email) == ("щщщкккх", "Как?", "anna@example.com")
    assert letter.run == served.base.reports[0][0].run
    assert [step.query for step in letter.trail] == ["щщщкккх"]


def test_a_hit_of_the_result_page_can_be_called_the_answer_without_leaving(visit, served):
    page = visit("/ru/search?q=пароль")

    page.locator(".hits").get_by_role("button", name="Это помогло").first.click()

    expect(page.locator(".hits [role=status]")).to_have_text("Спасибо! Рады, что помогло.")
    assert "/search" in page.url


# --- an article ---------------------------------------------------------------------------------


@pytest.mark.whole_browser  # has a clipboard of its own
def test_a_heading_gives_its_link(visit):
    page = visit(
        "/articles/ru/account/reset-password", permissions=["clipboard-read", "clipboard-write"]
    )

    page.get_by_role("link", name="Скопировать ссылку на раздел: Как сбросить пароль").click()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith(
        "/articles/ru/account/reset-password#h-%D0%BA%D0%B0%D0%BA-%D1%81%D0%B1%D1%80%D0%BE%D1%81%D0%B8%D1%82%D1%8C-%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C"
    )


@pytest.mark.whole_browser  # has a clipboard of its own
def test_an_article_is_copied_as_markdown(visit):
    page = visit(
        "/articles/ru/account/reset-password", permissions=["clipboard-read", "clipboard-write"]
    )
    address = page.locator(".as-markdown").get_attribute("href")

    page.get_by_role("button", name="Скопировать в Markdown").click()

    expect(page.get_by_role("button", name="Скопировано")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.request.get(address).text()
    assert "Как сбросить пароль" in copied


def test_the_language_switch_leads_to_the_translation(visit):
    page = visit("/articles/ru/account/reset-password")

    page.get_by_role("link", name="English").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Reset your password")
    assert page.locator("html").get_attribute("lang") == "en"


# --- inside other sites -------------------------------------------------------------------------


def test_the_widget_searches_in_a_frame_of_another_page(visit):
    page = visit("/widget/demo?ui=ru")
    page.get_by_role("button", name="Помощь").click()
    inside = page.frame_locator("iframe")

    inside.get_by_role("combobox").fill("пароль")

    expect(inside.locator("#hits [role=option]").first).to_contain_text("Сброс пароля")
    assert inside.locator("#hits a").first.get_attribute("target") == "_blank"
    page.evaluate("kbWidget.close()")
    expect(page.locator("iframe")).to_be_hidden()
    page.evaluate("kbWidget.open('деньги')")
    expect(inside.get_by_role("combobox")).to_have_value("деньги")
    assert page.context.cookies() == []


def test_the_widget_closes_from_within(visit):
    page = visit("/widget/demo?ui=ru")
    page.get_by_role("button", name="Помощь").click()
    inside = page.frame_locator("iframe")

    inside.get_by_role("button", name="Закрыть окно").click()
    expect(page.locator("iframe")).to_be_hidden()

    page.get_by_role("button", name="Помощь").click()
    inside.get_by_role("combobox").press("Escape")
    expect(page.locator("iframe")).to_be_hidden()
    expect(page.get_by_role("button", name="Помощь")).to_be_focused()


def test_the_widget_answers_what_its_site_asks_for(visit):
    page = visit("/widget/demo?ui=ru")

    page.evaluate("kbWidget.open('пароль')")

    hits = page.frame_locator("iframe").locator("#hits [role=option]")
    expect(hits.first).to_contain_text("Сброс пароля")


def test_the_widget_fills_a_phone(visit, keep):
    page = visit("/widget/demo?ui=ru", width=360, height=640)

    page.get_by_role("button", name="Помощь").click()

    frame = page.locator("iframe")
    expect(frame).to_be_visible()
    assert frame.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 640}
    keep(page, "widget-360")


def test_the_widget_lists_articles_of_one_language(visit):
    page = visit("/widget?ui=ru&page=/account/password/пароль")

    langs = page.locator("main .links li").evaluate_all("nodes => nodes.map((n) => n.lang)")

    assert set(langs) == {"ru"}
