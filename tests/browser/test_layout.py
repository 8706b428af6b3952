"""How high and wide the pages are: what is seen at a glance, on a phone and on a desk."""

import zlib
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from browser.accessibility import violations
from kb.base.config import Settings
from kb.service import KnowledgeBase

pytestmark = pytest.mark.browser

PHONE_WITH_KEYBOARD = {"width": 360, "height": 420}


LONG = "MOZILLA_PKIX_ERROR_KEY_PINNING_FAILURE"
CELLS = " | ".join(f"{LONG}_{n}" for n in range(6))
HARD = f"""---
title: {LONG} при входе №0 и что с ней делать, если сертификат {LONG}
tags: [{LONG.lower()}]
answer: Удалите {LONG} и войдите снова.
answers: [что делать с ошибкой при входе №0, почему {LONG}]
---
Ошибка `{LONG}{LONG}` означает, что {"долгослово" * 20}.

| {CELLS} |
|{"---|" * 6}
| {CELLS} |

    {LONG} {LONG} {LONG}

## {LONG}{LONG}

{"Здесь подробно рассказано, что означает эта ошибка и как её исправить. " * 12}

## {"Что" * 40}

https://example.com/{"path" * 40}

### Ещё {LONG}

- {LONG * 2}

![Большая схема](../../big.png)

##### Значок

![Значок](../../small.png)
"""


def png(width, height):
    """A black picture."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    rows = zlib.compress((b"\0" * (width + 1)) * height)
    head, body, end = (b"IHDR", size + b"\x08\0\0\0\0"), (b"IDAT", rows), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in (head, body, end))


@pytest.fixture(scope="module")
def hard(tmp_path_factory, serve):
    """A site of twenty articles with long words, wide tables and deep topics."""
    folder = tmp_path_factory.mktemp("hard")
    for number in range(20):
        topic = LONG if number % 2 else "Очень длинное название раздела справки о сертификатах"
        file = folder / "articles" / "ru" / topic / f"{LONG}-part" / f"{number}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HARD.replace("№0", str(number)), "utf-8")
    (folder / "articles/ru/big.png").write_bytes(png(2000, 300))
    (folder / "articles/ru/small.png").write_bytes(png(16, 16))
    base = KnowledgeBase.open(Settings(articles=folder / "articles", data=folder / "var"))
    base.rebuild()
    with serve(base) as url:
        yield SimpleNamespace(url=url, pages=[card.url for card in base.all_cards()])
    base.close()


def search(page, query):
    page.get_by_role("combobox").fill(query)
    expect(page.locator("#hits .hit").first).to_be_visible()


def box_of(page, selector, at=0):
    return page.locator(selector).nth(at).bounding_box()


# --- the popup ----------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["ru", "en"])
@pytest.mark.parametrize("start", ["", "search?q=x"])
def test_three_hits_are_seen_above_the_keyboard_of_a_phone(visit, keep, lang, start):
    page = visit(f"/{lang}/{start}", **PHONE_WITH_KEYBOARD)

    search(page, "тариф")

    third = box_of(page, "#hits .hit", 2)
    assert third["y"] + third["height"] <= 420
    keep(page, f"popup-{lang}-360x420")


def test_three_hits_with_long_titles_are_seen_as_well(visit, hard):
    page = visit(hard.url + "/ru/", **PHONE_WITH_KEYBOARD)

    search(page, LONG)

    third = box_of(page, "#hits .hit", 2)
    assert third["y"] + third["height"] <= 420


def test_the_popup_of_a_phone_fills_the_window_and_can_be_closed(visit):
    page = visit("/ru/", **PHONE_WITH_KEYBOARD)

    search(page, "пароль")

    sheet = box_of(page, "form.search")
    assert (sheet["x"], sheet["y"], sheet["width"], sheet["height"]) == (0, 0, 360, 420)
    page.get_by_role("button", name="Закрыть поиск").click()
    expect(page.locator(".popup")).to_be_hidden()
    assert box_of(page, "form.search")["height"] < 100
    assert page.get_by_role("combobox").input_value() == "пароль"


@pytest.mark.parametrize("height", [500, 700, 900])
@pytest.mark.parametrize("path", ["/ru/", "/articles/ru/account/reset-password"])
def test_the_popup_ends_above_the_lower_edge_of_the_window(visit, path, height):
    page = visit(path, height=height)

    search(page, "тариф")

    popup = box_of(page, ".popup")
    assert popup["y"] + popup["height"] <= height


def test_a_hit_is_one_compact_row(visit):
    page = visit("/ru/")

    search(page, "тариф")

    assert page.locator("#hits .hit").count() == 6
    for at in range(1, 6):
        assert box_of(page, "#hits .hit", at)["height"] < 80


def test_the_short_answer_stands_under_the_first_hit_alone(visit):
    page = visit("/ru/")

    search(page, "пароль")

    assert page.locator("#hits .hit").count() > 1
    assert page.locator("#hits .short").count() == 1
    assert page.locator("#hits .hit").first.locator(".short").count() == 1


def test_a_mouse_is_told_the_keys_and_a_finger_is_not(visit):
    page = visit("/ru/")
    search(page, "пароль")
    expect(page.locator(".keys")).to_have_text("↑↓ выбрать ↵ открыть esc закрыть")
    expect(page.locator(".keys")).to_be_visible()

    page = visit("/ru/", width=360)
    search(page, "пароль")
    expect(page.locator(".keys")).to_be_hidden()


@pytest.mark.parametrize("size", [(320, 420), (360, 420), (1280, 700)])
def test_long_words_stay_within_the_popup(visit, hard, size):
    page = visit(hard.url + "/ru/", width=size[0], height=size[1])

    search(page, LONG)

    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    edge = box_of(page, ".popup")
    for at in range(page.locator("#hits .hit").count()):
        hit = box_of(page, "#hits .hit", at)
        assert hit["x"] + hit["width"] <= edge["x"] + edge["width"]


# --- home ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1280, 720), (360, 640), (320, 640)])
@pytest.mark.parametrize("scripts", [True, False])
def test_the_search_and_the_first_topics_stand_within_600_pixels(visit, hard, size, scripts):
    page = visit(hard.url + "/ru/", width=size[0], height=size[1], java_script_enabled=scripts)
    assert page.locator(".examples a").count() == 5

    first = box_of(page, ".tiles li")
    assert first["y"] + first["height"] <= 600
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_the_placeholder_fits_a_small_phone(visit):
    page = visit("/ru/", width=320)

    fits = page.locator("#q").evaluate(
        """n => { const pen = document.createElement("canvas").getContext("2d");
          const style = getComputedStyle(n);
          pen.font = style.font;
          const edges = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
          const room = n.clientWidth - edges;
          return pen.measureText(n.placeholder).width < room; }"""
    )

    assert fits


def test_every_part_of_a_topic_leads_to_it(visit):
    page = visit("/ru/")

    page.locator(".tiles .count").first.click(force=True)  # under the link of the whole tile

    page.wait_for_url("**/categories/ru/**")


# --- results ------------------------------------------------------------------------------------


def test_ten_hits_stand_within_2200_pixels_of_a_desk(visit, hard, keep):
    page = visit(f"{hard.url}/ru/search?q={LONG}+исправить")

    assert page.locator(".hits .hit").count() == 10
    last = box_of(page, ".hits .hit", 9)
    assert last["y"] + last["height"] <= 2200
    keep(page, "results-hard-1280")


def test_the_first_hit_of_a_phone_is_seen_without_scrolling(visit):
    page = visit("/ru/search?q=пароль", width=360, height=640)

    assert box_of(page, ".hits h2")["y"] < 400


# --- sideways -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scripts", [True, False])
def test_no_page_with_long_words_or_wide_tables_scrolls_sideways(visit, hard, keep, scripts):
    page = visit(hard.url + "/ru/", width=320, height=700, java_script_enabled=scripts)
    topic = page.locator(".tiles a").first.get_attribute("href")
    wide = []
    for path in ("/ru/", topic, hard.pages[0], f"/ru/search?q={LONG}", "/ru/" + LONG, "/widget"):
        page.goto(hard.url + path)
        if page.evaluate("document.documentElement.scrollWidth") > 320:
            wide.append(path)
    assert wide == []
    page.goto(hard.url + hard.pages[0])
    keep(page, "article-hard-320")


def test_a_wide_table_scrolls_within_itself(visit, hard):
    page = visit(hard.url + hard.pages[0], width=320)

    table = page.locator(".scroll").first
    assert table.evaluate("n => n.scrollWidth > n.clientWidth")
    table.focus()
    page.keyboard.press("ArrowRight")
    expect(table).not_to_have_js_property("scrollLeft", 0)


# --- an article ---------------------------------------------------------------------------------


def top_of(page, selector):
    return page.locator(selector).first.evaluate("n => n.getBoundingClientRect().top")


@pytest.mark.parametrize("width", [1280, 360])
def test_the_search_stays_in_sight_while_an_article_is_read(visit, hard, width):
    page = visit(hard.url + hard.pages[0], width=width, height=640, reduced_motion="reduce")

    page.locator("h2").nth(1).scroll_into_view_if_needed()
    page.mouse.wheel(0, 900)

    expect(page.get_by_role("combobox")).to_be_in_viewport()
    page.keyboard.press("Control+k")
    search(page, LONG)
    assert 0 <= top_of(page, "#q") < 80
    expect(page.locator("#hits .hit").first).to_be_in_viewport()


def test_a_link_to_a_section_shows_its_heading_below_the_search(visit, hard):
    page = visit(hard.url + hard.pages[0], height=500, reduced_motion="reduce")

    page.locator(".contents a").last.click()

    heading = page.locator(".prose h3").last
    expect(heading).to_be_in_viewport(ratio=1)
    assert top_of(page, ".prose h3") >= page.locator(".top").bounding_box()["height"]


def test_the_contents_tell_the_section_being_read(visit, hard):
    page = visit(hard.url + hard.pages[0], height=500, reduced_motion="reduce")
    current = page.locator(".contents [aria-current=true]")
    expect(current).to_have_count(0)

    for at in range(page.locator(".contents a").count()):
        page.locator(".contents a").nth(at).click()
        expect(current).to_have_count(1)
        wanted = page.locator(".contents a").nth(at).inner_text()
        expect(current).to_have_text(wanted)


def test_code_is_copied_by_a_button(visit, hard):
    page = visit(hard.url + hard.pages[0], permissions=["clipboard-read", "clipboard-write"])
    page.locator("pre").first.hover()

    page.get_by_role("button", name="Скопировать", exact=True).click()

    expect(page.get_by_role("button", name="Скопировано")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").strip() == f"{LONG} {LONG} {LONG}"


def test_a_large_image_is_enlarged_and_a_small_one_is_no_link(visit, hard):
    page = visit(hard.url + hard.pages[0])
    image = page.get_by_role("img", name="Большая схема")
    page.get_by_role("img", name="Значок").scroll_into_view_if_needed()
    expect(page.get_by_role("link", name="Значок", exact=True)).to_have_count(0)
    expect(page.get_by_role("img", name="Значок")).to_be_visible()
    shown = image.bounding_box()["width"]

    page.get_by_role("link", name="Большая схема").press("Enter")

    large = page.get_by_role("dialog", name="Большая схема")
    assert large.get_by_role("img").bounding_box()["width"] > shown
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    expect(page.get_by_role("link", name="Большая схема")).to_be_focused()


def test_an_image_opens_without_scripts(visit, hard):
    page = visit(hard.url + hard.pages[0], java_script_enabled=False)

    link = page.get_by_role("link", name="Большая схема").get_attribute("href")
    file = page.request.get(hard.url + link)

    assert file.headers["content-type"] == "image/png"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_an_article_with_everything(visit, hard, theme):
    page = visit(hard.url + hard.pages[0], color_scheme=theme, reduced_motion="reduce")
    assert violations(page) == []

    page.get_by_role("link", name="Большая схема").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
