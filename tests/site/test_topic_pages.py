"""The tree of topics as readers meet it: two products, a flat folder, a navigation."""

import json
import re

import bases
import pytest

from kb.web import create_app

FILES = {
    "ru/pay/index.md": "# Акме Касса\n\nВсё о кассе.\n",
    "ru/pay/orders/_index.md": "---\ntitle: Заказы\n---\n",
    "ru/pay/orders/late.md": "# Посылка задержалась\n\nПосылка задержалась: подождите день.\n",
    "ru/pay/orders/refund/index.md": "# Возврат\n\nВозврат посылки оформляют в кассе.\n",
    "ru/box/orders/late.md": "# Посылка задержалась\n\nПосылка задержалась в пути у склада.\n",
    "ru/box/orders/x/a.md": "# Обзор\n\nОбзор посылок.\n",
    "ru/box/orders/x/b.md": "# Обзор\n\nОбзор посылок ещё раз.\n",
    "en/pay/index.md": "# Acme Pay\n\nAll about the till.\n",
    "en/pay/orders/late.md": "# Late parcel\n\nA parcel is late: wait a day.\n",
    "en/till/start.md": "# Start\n\nBegin with the till.\n",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return bases.of(FILES, tmp_path_factory.mktemp("topics"))


@pytest.fixture(scope="module")
def client(service):
    return create_app(service).test_client()


def crumbs(page):
    nav = re.search(r'<nav class="crumbs".*?</nav>', page, re.S)[0]
    return re.findall(r">([^<>]+)</a>", nav)


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_address_of_all_topics_leads_to_the_readers_language(client, lang):
    page = client.get("/categories?page=2", headers={"Accept-Language": lang})
    led = client.get("/categories/?page=2", headers={"Accept-Language": lang})

    assert page.headers["Location"].endswith("/categories/?page=2")
    assert (led.status_code, led.headers["Location"]) == (302, f"/categories/{lang}/?page=2")
    assert "Accept-Language" in led.headers["Vary"]


def test_home_shows_the_uppermost_topics_with_what_stands_under_them(client):
    page = client.get("/ru/").text

    assert re.findall(r'<h3><a href="([^"]+)">([^<]+)', page) == [
        ("/categories/ru/box", "Box"),
        ("/categories/ru/pay", "Акме Касса"),
    ]
    assert '<p class="says">Всё о кассе.</p>' in page


def test_home_shows_twelve_topics_and_leads_to_all(settings, write, kb):
    for number in range(1, 15):
        write(f"ru/topic-{number}/a", "Текст.", title=f"Статья {number}")
    kb.rebuild()
    client = create_app(kb).test_client()

    home, every = client.get("/ru/").text, client.get("/categories/ru/").text

    assert len(re.findall("<h3>", home)) == 12
    assert 'href="/categories/ru/">Все темы' in home
    assert len(re.findall(r'<h2><a href="/categories/ru/topic-', every)) == 14


def test_home_shows_what_stands_under_the_only_topic(write, kb):
    for path in ("ru/acme/a/x", "ru/acme/a/y", "ru/acme/b/x", "ru/acme/b/y"):
        write(path, "Текст.", title=path)
    kb.rebuild()

    page = create_app(kb).test_client().get("/ru/").text

    assert re.findall(r'<h3><a href="([^"]+)"', page) == [
        "/categories/ru/acme/a", "/categories/ru/acme/b",
    ]  # fmt: skip
    assert 'href="/categories/ru/acme"' in page


def test_the_page_of_a_topic_has_its_text_its_articles_and_its_sections(client):
    page = client.get("/categories/ru/pay").text

    assert "<h1" in page
    assert "Всё о кассе." in page
    assert re.findall(r'<h2><a href="([^"]+)"', page) == ["/categories/ru/pay/orders"]
    assert "/articles/ru/pay/orders/late" in page
    assert crumbs(page) == ["Главная"]
    assert crumbs(client.get("/categories/ru/pay/orders").text) == ["Главная", "Акме Касса"]


def test_breadcrumbs_and_structured_data_lead_up_the_whole_path(client):
    page = client.get("/articles/ru/pay/orders/late").text

    assert crumbs(page) == ["Главная", "Акме Касса", "Заказы"]
    data = json.loads(
        re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)[1]
    )
    items = data["@graph"][1]["itemListElement"]
    assert [(each["position"], each["name"]) for each in items] == [
        (1, "Акме Касса"), (2, "Заказы"), (3, "Посылка задержалась"),
    ]  # fmt: skip
    assert items[1]["item"].endswith("/categories/ru/pay/orders")


def test_a_hit_says_its_whole_path(client):
    hits = client.get("/api/search?q=посылка+задержалась&lang=ru").json["results"]

    assert {(hit["slug"], *hit["path"]) for hit in hits[:2]} == {
        ("ru/pay/orders/late", "Акме Касса", "Заказы"),
        ("ru/box/orders/late", "Box", "Orders"),
    }
    page = client.get("/ru/search?q=посылка+задержалась").text
    assert 'Акме Касса <span aria-hidden="true">›</span> Заказы' in page


def test_articles_of_one_title_and_topic_are_told_apart_in_every_list(client):
    topic = client.get("/categories/ru/box/orders/x").text
    hits = client.get("/api/search?q=обзор+посылок&lang=ru").json["results"]
    article = client.get("/articles/ru/box/orders/x/a").text

    assert re.findall(r'<small class="path">(.)</small>', topic) == ["a", "b"]
    assert {tuple(hit["path"]) for hit in hits if hit["title"] == "Обзор"} == {
        ("Box", "Orders", "X", "a"), ("Box", "Orders", "X", "b"),
    }  # fmt: skip
    assert "<title>Обзор · Box › Orders › X › a · " in article


def test_a_filter_keeps_what_stands_below_a_topic(service):
    everything = service.answer("посылка", lang="ru")
    [box, pay] = sorted(everything.facets["category"], key=lambda value: value.value)

    assert [(value.value, value.title) for value in (box, pay)] == [
        ("box", "Box"), ("pay", "Акме Касса"),
    ]  # fmt: skip
    assert [value.title for value in pay.below] == ["Заказы"]
    narrowed = service.answer("посылка", lang="ru", category="pay")
    assert narrowed.total == pay.hits
    assert {hit.path[0] for hit in narrowed.hits} == {"Акме Касса"}
    assert narrowed.topic == "Акме Касса"
    deeper = service.answer("посылка", lang="ru", category="pay/orders")
    assert deeper.topic == "Акме Касса › Заказы"


def test_a_filter_by_the_name_of_a_former_category_still_finds(service):
    assert service.answer("посылка", category="orders").total > 0


def test_a_section_page_without_text_is_no_hit_and_leads_to_its_topic(client, service):
    assert service.answer("заказы", exact=True, lang="ru", category="pay").total == 0
    moved = client.get("/articles/ru/pay/orders/_index")

    assert (moved.status_code, moved.location) == (302, "/categories/ru/pay/orders")


def test_a_section_page_with_text_is_an_article_that_lists_what_is_below(client):
    page = client.get("/articles/ru/pay").headers["Location"]
    text = client.get(page).text

    assert page == "/articles/ru/pay/index"
    assert "В этом разделе" in text
    assert 'href="/categories/ru/pay/orders"' in text


def test_the_address_of_a_former_category_leads_to_its_topic(client):
    for name, target in (("orders", "orders"), ("x", "box/orders/x")):
        moved = client.get(f"/categories/ru/{name}?page=1")
        assert moved.status_code == 301
        assert moved.location.endswith(f"{target}?page=1")
    assert client.get("/categories/ru/nothing").status_code == 404
    assert client.get("/categories/ru/pay/").status_code == 301
    assert client.get("/categories/de/").status_code == 404


def test_the_sitemap_lists_topics(client):
    text = client.get("/sitemap.xml").text

    assert "/categories/ru/pay/orders</loc>" in text
    assert "/articles/ru/pay/orders/late</loc>" in text
    assert "/articles/ru/pay/orders/_index" not in text


def test_previous_and_next_go_on_within_a_product(service):
    page = service.article("ru/box/orders/late")

    assert page.next.slug == "ru/box/orders/x/a"
    assert service.article("ru/box/orders/x/b").next is None  # the next product begins


def test_a_long_list_is_told_by_titles_and_pages(write, kb):
    for number in range(70):
        write(f"ru/flat/a{number}", "Текст.", title=f"Статья {number}")
    write("ru/other/b", "Текст.", title="Другая")
    kb.rebuild()
    client = create_app(kb).test_client()

    first, second = (client.get(f"/categories/ru/flat?page={n}").text for n in (1, 2))
    in_list = re.compile(r'(?:<li lang="ru">|<h2>)<a href="/articles/ru/flat/')

    assert (len(in_list.findall(first)), len(in_list.findall(second))) == (60, 10)
    assert 'class="columns"' in first
    assert "Страница 2 из 2" in second


def test_a_topic_whose_articles_are_all_drafts_is_not_there(write, kb):
    write("ru/open/a", "Текст.", title="Открыто")
    write("ru/secret/plan", "Текст.", title="План", draft=True)
    write("ru/secret/index", "Текст.", title="Тайна", draft=True)
    kb.rebuild()
    client = create_app(kb).test_client()

    assert client.get("/categories/ru/secret").status_code == 404
    for address in ("/ru/", "/categories/ru/", "/sitemap.xml"):
        assert "ecret" not in client.get(address).text


# --- feeds --------------------------------------------------------------------------------------


def entries(feed):
    return re.findall(r"<entry.*?<title>(.*?)</title>", feed.text, re.S)


def test_each_topic_has_a_feed_of_all_that_stands_under_it(write, kb):
    write("ru/till/index", "Касса.", title="Касса", updated="2026-01-01")
    write("ru/till/pay", "Текст.", title="Оплата", updated="2026-03-01")
    write("ru/till/deep/receipt", "Текст.", title="Чек & сдача", updated="2026-02-01")
    write("ru/till/secret", "Текст.", title="Черновик", updated="2026-04-01", draft="yes")
    write("ru/store/goods", "Текст.", title="Товары", updated="2026-05-01")
    write("en/till/pay", "Text.", title="Payment", updated="2026-06-01")
    kb.rebuild()
    client = create_app(kb).test_client()

    page = client.get("/categories/ru/till").text
    feed = client.get("/categories/ru/till/feed.xml")

    assert (
        '<link rel="alternate" type="application/atom+xml" href="/categories/ru/till/feed.xml"'
        in page
    )
    assert feed.mimetype == "application/atom+xml"
    assert entries(feed) == ["Оплата", "Чек &amp; сдача", "Касса"]
    assert '<link rel="self" href="http://localhost/categories/ru/till/feed.xml"/>' in feed.text
    assert "<updated>2026-03-01T00:00:00Z</updated>" in feed.text
    assert entries(client.get("/categories/ru/till/deep/feed.xml")) == ["Чек &amp; сдача"]
    assert entries(client.get("/categories/ru/feed.xml"))[0] == "Товары"
    assert client.get("/categories/ru/nowhere/feed.xml").status_code == 404


def test_articles_carry_the_day_by_which_a_browser_tells_changed_ones(write, kb):
    write("ru/till/pay", "Текст.", title="Оплата", updated="2026-03-01")
    write("ru/till/old", "Текст.", title="Без даты")
    kb.rebuild()
    client = create_app(kb).test_client()

    topic, article = (
        client.get("/categories/ru/till").text,
        client.get("/articles/ru/till/pay").text,
    )

    assert '<a href="/articles/ru/till/pay" data-updated="2026-03-01">Оплата</a>' in topic
    assert '<a href="/articles/ru/till/old">Без даты</a>' in topic
    assert 'data-updated="2026-03-01"' in article
    assert "visited.js" in article
    assert "visited.js" not in client.get("/articles/ru/till/old").text
