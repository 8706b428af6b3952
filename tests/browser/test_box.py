"""The search box as people use it: by keyboard, by composition, in a hurry, on a slow line."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

# Answers to "парол" come late, and nobody can call them off: only their number keeps them away.
LATE = """
const real = window.fetch;
window.fetch = (url, options) => {
  const q = new URL(url, location.href).searchParams.get("q");
  if (q !== "парол") return real(url, options);
  const later = (reply, done) => setTimeout(() => { window.late = true; done(reply); }, 700);
  return real(url).then((reply) => new Promise((done) => later(reply, done)));
};
"""


def box(page):
    return page.get_by_role("combobox")


def hits(page):
    return page.locator("#hits [role=option]")


def texts(page, selector="#hits .title"):
    return page.locator(selector).all_inner_texts()


def until_late(page):
    """Waits without `eval`, which the pages' policy forbids."""
    assert eventually(lambda: page.evaluate("window.late"))


def asked(page):
    """The queries this page asks from now on, in order."""
    found = []

    def note(request):
        if "/api/search?" in request.url:
            found.append(parse_qs(urlsplit(request.url).query)["q"][0])

    page.on("request", note)
    return found


# --- typing and keys ----------------------------------------------------------------------------


def test_the_answer_is_there_while_typing(visit):
    page = visit("/ru/")

    box(page).press_sequentially("парол", delay=30)

    expect(hits(page).first).to_contain_text("Сброс пароля")
    expect(hits(page).first).to_contain_text("Учётная запись")
    expect(hits(page).first).to_contain_text("ссылка для нового пароля придёт за пять минут")
    assert page.locator("#hits mark").first.inner_text() == "пароля"


def test_the_box_is_a_combobox_with_a_flat_list_of_links(visit):
    page = visit("/ru/")
    assert box(page).get_attribute("aria-expanded") == "false"

    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()

    assert box(page).get_attribute("aria-expanded") == "true"
    assert box(page).get_attribute("aria-controls") == page.get_by_role("listbox").get_attribute(
        "id"
    )
    assert box(page).get_attribute("aria-autocomplete") == "list"
    first = hits(page).first
    assert first.evaluate("node => [node.tagName, node.tabIndex, node.parentNode.id]") == [
        "A",
        -1,
        "hits",
    ]
    assert "/articles/ru/account/reset-password" in first.get_attribute("href")


def test_no_hit_is_chosen_until_somebody_chooses(visit):
    page = visit("/ru/")

    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()

    assert box(page).get_attribute("aria-activedescendant") is None
    assert page.locator("#hits [aria-selected=true]").count() == 0
    page.keyboard.press("Tab")
    assert box(page).input_value() == "пароль"


def test_arrows_pass_through_the_input_at_the_ends(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()
    count = hits(page).count()

    def active():
        return box(page).get_attribute("aria-activedescendant")

    page.keyboard.press("ArrowDown")
    assert active() == hits(page).first.get_attribute("id")
    page.keyboard.press("ArrowUp")
    assert active() is None
    page.keyboard.press("ArrowUp")
    assert active() == hits(page).nth(count - 1).get_attribute("id")
    page.keyboard.press("ArrowDown")
    assert active() is None
    assert box(page).evaluate("node => node === document.activeElement")


def test_enter_opens_the_chosen_hit_with_its_words_marked(visit):
    page = visit("/ru/")
    box(page).fill("деньги")
    expect(hits(page).first).to_contain_text("Как вернуть деньги")

    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    page.wait_for_url("**/articles/ru/billing/refund**")
    assert page.locator(".prose mark").count() > 0
    expect(page.get_by_role("heading", level=1)).to_have_text("Как вернуть деньги")


def test_enter_without_a_choice_opens_the_result_page(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()

    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("пароль")
    expect(page.locator(".count")).to_contain_text("Найдено 3 статьи")
    assert box(page).input_value() == "пароль"


def test_control_enter_opens_a_new_tab(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()

    page.keyboard.press("ArrowDown")
    with page.context.expect_page() as opened:
        page.keyboard.press("Control+Enter")

    assert "/articles/" in opened.value.url
    assert page.url.endswith("/ru/")


def test_a_middle_click_opens_a_new_tab_and_counts(visit, served):
    page = visit("/ru/")
    box(page).fill("пароль")

    with page.context.expect_page():
        hits(page).first.click(button="middle")

    told = eventually(lambda: [e for r, _ in served.base.reports for e in r.events])
    assert (told[0].kind, told[0].slug, told[0].rank) == ("click", "ru/account/reset-password", 1)


def test_escape_closes_then_clears(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()

    page.keyboard.press("Escape")
    expect(page.locator(".popup")).to_be_hidden()
    assert box(page).input_value() == "пароль"
    assert box(page).get_attribute("aria-expanded") == "false"

    page.keyboard.press("Escape")
    assert box(page).input_value() == ""


def test_tab_leaves_to_the_button(visit):
    page = visit("/ru/")
    box(page).fill("щщщкккх")
    expect(hits(page).first).to_be_visible()

    page.keyboard.press("Tab")

    expect(page.locator(".popup")).to_be_hidden()
    expect(page.get_by_role("button", name="Найти")).to_be_focused()


def test_an_arrow_opens_what_escape_closed(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()
    page.keyboard.press("Escape")

    page.keyboard.press("ArrowDown")

    expect(page.locator(".popup")).to_be_visible()


def test_a_click_elsewhere_closes(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()

    page.get_by_role("heading", level=1).click()

    expect(page.locator(".popup")).to_be_hidden()


@pytest.mark.parametrize(
    "event",
    [
        {"key": "k", "code": "KeyK", "ctrlKey": True},
        {"key": "k", "code": "KeyK", "metaKey": True},
        {"key": "л", "code": "KeyK", "ctrlKey": True},  # the same key on a Russian layout
        {"key": "/", "code": "Slash"},
        {"key": ".", "code": "Slash"},  # Russian layout
        {"key": "/", "code": "Backslash", "shiftKey": True},  # where a Russian layout has "/"
    ],
)
@pytest.mark.parametrize("path", ["/ru/", "/articles/ru/account/reset-password"])
def test_shortcuts_work_on_any_layout_and_page(visit, event, path):
    page = visit(path)

    prevented = page.evaluate(
        "init => !document.body.dispatchEvent(new KeyboardEvent('keydown', "
        "{...init, bubbles: true, cancelable: true}))",
        event,
    )

    assert prevented
    expect(box(page)).to_be_focused()


def test_shortcuts_stay_out_of_fields(visit):
    page = visit("/contact?ui=ru")
    question = page.get_by_label("Ваш вопрос")
    question.focus()

    page.keyboard.type("и/или")
    page.keyboard.press("Control+k")

    assert question.input_value() == "и/или"
    expect(question).to_be_focused()


def test_the_slash_can_be_switched_off(visit):
    page = visit("/ru/")
    page.get_by_label("Клавиша / открывает поиск").uncheck()
    page.reload()

    page.keyboard.press("/")
    expect(box(page)).not_to_be_focused()
    page.keyboard.press("Control+k")
    expect(box(page)).to_be_focused()


# --- asking -------------------------------------------------------------------------------------


def test_the_first_letters_ask_at_once_the_rest_when_typing_rests(visit):
    page = visit("/ru/")
    page.clock.install()  # how fast keys follow each other is the test's, not the machine's
    page.clock.pause_at(time.time() + 60)
    page.reload()
    queries = asked(page)

    box(page).press_sequentially("п")
    page.clock.run_for(1000)
    assert queries == []  # from two letters
    for letter in "арол":
        box(page).press_sequentially(letter)
        page.clock.run_for(40)
    page.clock.run_for(1000)
    expect(hits(page).first).to_be_visible()

    assert queries == ["па", "парол"]


def test_a_late_answer_never_paints_over_a_newer_one(visit):
    page = visit("/ru/", before=LATE)
    box(page).fill("парол")
    page.wait_for_timeout(50)

    box(page).fill("деньги")
    expect(hits(page).first).to_contain_text("Как вернуть деньги")
    until_late(page)
    page.wait_for_timeout(100)

    assert "Как вернуть деньги" in texts(page)
    assert "Сброс пароля" not in texts(page)


def test_a_late_answer_never_opens_an_emptied_box(visit):
    page = visit("/ru/", before=LATE)
    box(page).fill("парол")
    page.wait_for_timeout(50)

    box(page).fill("")
    until_late(page)
    page.wait_for_timeout(100)

    expect(page.locator(".popup")).to_be_hidden()


def test_old_hits_stay_until_new_ones_come_and_only_a_slow_line_shows_a_spinner(visit):
    page = visit("/ru/", before=LATE.replace("700", "3000"))  # a busy machine looks late as well
    box(page).fill("деньги")
    expect(hits(page).first).to_contain_text("Как вернуть деньги")
    expect(page.locator(".busy")).to_be_hidden()

    box(page).fill("парол")
    assert "Как вернуть деньги" in texts(page)
    expect(page.locator(".busy")).to_be_visible()
    assert "Как вернуть деньги" in texts(page)

    expect(hits(page).first).to_contain_text("Сброс пароля")
    expect(page.locator(".busy")).to_be_hidden()


def test_a_failed_answer_says_what_to_do(visit):
    page = visit("/ru/")
    page.route("**/api/search?*", lambda route: route.fulfill(status=503, body="{}"))

    box(page).fill("пароль")

    expect(page.locator(".note")).to_contain_text("Нажмите Enter")


@pytest.mark.parametrize("word", ["пароль", "refund"])
def test_a_word_is_searched_while_a_keyboard_composes_it(visit, word):
    page = visit("/ru/")
    keyboard = page.context.new_cdp_session(page)
    box(page).focus()

    for end in range(1, len(word) + 1):
        composed = {"text": word[:end], "selectionStart": end, "selectionEnd": end}
        keyboard.send("Input.imeSetComposition", composed)

    expect(hits(page).first.locator("mark").first).to_be_visible()
    page.wait_for_timeout(250)
    queries = asked(page)
    keyboard.send("Input.insertText", {"text": word})
    expect(box(page)).to_have_value(word)
    page.wait_for_timeout(250)
    assert queries == []  # the same word is not asked again


@pytest.mark.parametrize("key", ["Escape", "Enter", "ArrowDown"])
def test_a_key_belongs_to_the_composition(visit, key):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()

    is_left_alone = box(page).evaluate(
        "(node, key) => node.dispatchEvent(new KeyboardEvent('keydown', "
        "{key, isComposing: true, bubbles: true, cancelable: true}))",
        key,
    )

    assert is_left_alone
    expect(page.locator(".popup")).to_be_visible()
    assert box(page).get_attribute("aria-activedescendant") is None


@pytest.mark.parametrize("letters", [3000, 501])
def test_a_long_text_is_cut_to_what_is_searched(visit, letters):
    page = visit("/ru/")
    queries = asked(page)
    text = "пароль " + "я" * letters

    box(page).evaluate(
        "(n, text) => { n.value = text; n.dispatchEvent(new Event('input', {bubbles: true})) }",
        text,
    )
    expect(hits(page).first).to_be_visible()
    box(page).press("Enter")

    page.wait_for_url("**/search?**")
    assert queries == [text[:500]]
    assert box(page).input_value() == text[:500]


def test_a_field_takes_no_more_than_is_searched(visit):
    page = visit("/ru/", java_script_enabled=False)

    box(page).focus()
    page.keyboard.insert_text("пароль " + "я" * 3000)

    assert len(box(page).input_value()) == 500


def test_a_field_that_is_entered_again_shows_its_hits_again(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()
    page.get_by_role("heading", level=1).click()
    expect(page.locator(".popup")).to_be_hidden()
    queries = asked(page)

    box(page).focus()

    expect(hits(page).first).to_contain_text("Сброс пароля")
    assert queries == []


def test_back_from_a_hit_shows_the_others_again(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    hits(page).first.click()
    page.wait_for_url("**/articles/**")

    page.go_back()

    expect(hits(page).first).to_contain_text("Сброс пароля")
    assert box(page).input_value() == "пароль"


def test_the_field_of_a_result_page_does_not_cover_its_results(visit):
    page = visit("/ru/search?q=пароль")
    queries = asked(page)

    box(page).focus()
    page.wait_for_timeout(250)

    expect(page.locator(".popup")).to_be_hidden()
    assert queries == []


# --- saying -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "said"),
    [
        *(("бухгалтерии", "Найдена 1 статья"), ("тариф", "Найдена 21 статья")),
        *(("пароль", "Найдено 3 статьи"), ("щщщкккх", "Ничего не нашлось")),
    ],
)
def test_the_count_is_said_once_typing_has_rested(visit, query, said):
    page = visit("/ru/")
    status = page.locator("form [role=status]")
    box(page).fill(query)

    page.wait_for_timeout(900)
    assert status.inner_text() == ""
    expect(status).not_to_be_empty(timeout=2500)

    assert status.inner_text() == said


def test_the_count_is_said_in_english(visit):
    page = visit("/en/", locale="en")

    box(page).fill("refund")

    expect(page.locator("form [role=status]")).to_have_text("1 article found", timeout=2500)


def test_a_repair_is_said_and_can_be_refused(visit):
    page = visit("/ru/")
    box(page).fill("gfhjkm")

    expect(page.locator(".note")).to_contain_text("Показано по запросу «пароль».")
    page.get_by_role("option", name="Искать gfhjkm").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("gfhjkm")
    expect(page.locator(".results header")).to_contain_text("ничего не нашлось.")


def test_nothing_found_offers_articles_and_a_person(visit):
    page = visit("/ru/")

    box(page).fill("щщщкккх")

    expect(page.locator(".note")).to_contain_text("По запросу «щщщкккх» ничего не нашлось.")
    expect(page.locator(".note")).to_contain_text("Отвечаем за два часа")
    expect(page.locator(".note .offered")).to_have_text("Популярные статьи")
    assert hits(page).count() == 4
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/contact?**")
    assert page.get_by_label("Вы искали").input_value() == "щщщкккх"


def test_weak_matches_are_called_so(visit):
    page = visit("/ru/")

    box(page).fill("img src onerror 1")

    expect(page.locator(".note")).to_contain_text("Точного ответа нет")
    expect(page.get_by_role("option", name="Задать вопрос")).to_be_visible()


def test_hostile_text_stays_text(visit, served):
    page = visit("/ru/")

    box(page).fill("<img src=щщщ onerror=кккх>")

    expect(page.locator(".note")).to_contain_text("<img src=щщщ onerror=кккх>")
    assert page.locator(".popup img").count() == 0


# --- remembering and telling --------------------------------------------------------------------


def eventually(look, seconds=3.0):
    """What `look` finds, as soon as it finds something."""
    until = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def test_recent_searches_stay_in_the_browser_and_can_be_cleared(visit):
    page = visit("/ru/")
    for query in ("один", "два", "три", "четыре", "пять", "шесть"):
        box(page).fill(query)
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?**")
        page.goto("/ru/")

    box(page).focus()
    recent = ["шесть", "пять", "четыре", "три", "два"]
    assert hits(page).all_inner_texts() == [*recent, "Очистить список"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator(".popup")).to_be_hidden()
    page.reload()
    box(page).focus()
    expect(page.locator(".popup")).to_be_hidden()


def test_a_click_is_told_with_what_was_typed_and_shown(visit, served):
    page = visit("/ru/")
    box(page).press_sequentially("пароль", delay=30)
    expect(hits(page).first).to_be_visible()
    page.wait_for_timeout(250)

    hits(page).first.click()
    page.wait_for_url("**/articles/**")

    def told():  # a page of the test before may still be leaving
        return [r for r, _ in served.base.reports if r.steps and r.steps[-1].q == "пароль"]

    report = eventually(told)[0]
    assert report.surface == "box"
    assert len(report.steps) == 5  # from two letters
    assert report.shown[0] == ("ru/account/reset-password", 1)
    assert [(e.kind, e.rank) for e in report.events] == [("click", 1)]
    assert report.build == served.base.status().build
    assert "run=" not in page.url


def helped(page):
    return page.locator(".popup").get_by_role("button", name="Это помогло")


def test_this_answered_me_is_a_success_without_a_click(visit, served):
    page = visit("/ru/")
    box(page).fill("пароль")

    helped(page).click()

    expect(page.locator(".note")).to_have_text("Спасибо! Рады, что помогло.")
    report = eventually(lambda: [r for r, _ in served.base.reports])[0]
    assert [(e.kind, e.slug) for e in report.events] == [("answered", "ru/account/reset-password")]


def test_this_answered_me_is_no_hit_and_reached_by_tab(visit, served):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(helped(page)).to_be_visible()
    assert page.get_by_role("option", name="Это помогло").count() == 0

    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(helped(page)).to_be_focused()
    page.keyboard.press("Enter")

    report = eventually(lambda: [r for r, _ in served.base.reports])[0]
    assert report.events[0].kind == "answered"
    expect(box(page)).to_be_focused()


def test_two_downs_and_enter_open_the_second_hit(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(helped(page)).to_be_visible()
    second = hits(page).nth(1).get_attribute("data-slug")

    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)

    page.wait_for_url(f"**/articles/{second}**")


def test_this_answered_me_stands_between_the_first_hit_and_the_second(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(helped(page)).to_be_visible()

    def top(node):
        return node.bounding_box()["y"]

    assert top(hits(page).first) < top(helped(page)) < top(hits(page).nth(1))


def test_escape_closes_from_every_part_of_the_box(visit):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(helped(page)).to_be_visible()
    helped(page).focus()

    page.keyboard.press("Escape")

    expect(page.locator(".popup")).to_be_hidden()
    expect(box(page)).to_be_focused()


def test_leaving_is_told(visit, served):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()

    page.goto("/contact?ui=ru")

    report = eventually(lambda: [r for r, _ in served.base.reports])[0]
    assert [e.kind for e in report.events] == ["left"]


def test_enter_goes_on_with_the_same_run(visit, served):
    page = visit("/ru/")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()

    page.keyboard.press("Enter")
    page.wait_for_url("**/search?**")

    runs = eventually(lambda: served.base.reports if len(served.base.reports) > 1 else None)
    assert len({report.run for report, _ in runs}) == 1
    assert len({report.visit for report, _ in runs}) == 1
    expect(page).to_have_url(f"{served.url}/ru/search?q=%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C")


# --- the result page ----------------------------------------------------------------------------


def test_the_address_follows_the_typing_and_back_works(visit, served):
    page = visit("/ru/search?q=деньги")
    box(page).fill("пароль")
    expect(page).to_have_url(f"{served.url}/ru/search?q=%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C")

    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("пароль")
    expect(page.locator(".count")).to_contain_text("Найдено 3 статьи")
    page.go_back()

    expect(page.locator(".hits h2").first).to_contain_text("Как вернуть деньги")
    assert box(page).input_value() == "деньги"
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("пароль")
    expect(page.locator(".count")).to_contain_text("Найдено 3 статьи")
    assert box(page).input_value() == "пароль"


def test_a_reload_shows_what_was_typed(visit):
    page = visit("/ru/search?q=деньги")
    box(page).fill("пароль")
    expect(hits(page).first).to_be_visible()

    page.reload()

    expect(page.get_by_role("heading", level=1)).to_have_text("пароль")
    expect(page.locator(".count")).to_contain_text("Найдено 3 статьи")


def test_filters_hold_while_typing(visit):
    page = visit("/ru/search?q=пароль&lang=ru")
    queries = []
    page.on(
        "request", lambda request: queries.append(request.url) if "/api/" in request.url else None
    )

    box(page).fill("пароля")
    expect(hits(page).first).to_be_visible()

    assert all("lang=ru" in url for url in queries)
