"""A notice stands on every page while its time lasts, in the reader's language, then is gone."""

from datetime import UTC, datetime, timedelta

import pytest

from kb.content import notices
from kb.content.articles import Defaults
from kb.service import KnowledgeBase
from kb.web import create_app

NOW = datetime(2026, 12, 5, 12, tzinfo=UTC)
PAGES = ("/", "/search?q=vpn", "/articles/ru/net/vpn", "/categories/ru/net", "/contact", "/widget",
         "/no/such/page", "/leaving", "/tell-me")  # fmt: skip
RUSSIAN = {"level": "critical", "from": "2026-12-05 14:00 МСК", "until": "2026-12-05 18:00 МСК"}


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def site(settings, write):
    """A base with a notice in each language, as its readers' browser sees it."""
    write("ru/net/vpn", "Текст.", title="VPN")
    write("ru/net/hidden", "Текст.", title="Скрытое", draft="yes")
    write(
        "notice.ru.md", "## Оплата картой не работает\n\nЧиним. [Пока — VPN](ru/net/vpn.md), "
        "[не выйдет](ru/net/hidden.md). <script>alert(1)</script>", **RUSSIAN,
    )  # fmt: skip
    write("notice", "Card payments fail.", level="warning", until="2026-12-05 15:00 UTC")
    clock = Clock()
    service = KnowledgeBase(settings, now=clock)
    service.rebuild()
    app = create_app(service)
    app.testing = True
    yield app.test_client(), clock, service
    service.close()


def text_of(client, path, lang="ru"):
    return client.get(path, headers={"Accept-Language": lang}).text


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_readers_shows_the_notice(site, path):
    client, clock, _ = site
    shown = text_of(client, path)
    clock.now = NOW + timedelta(hours=3)

    assert 'class="notice critical" aria-label="Сбой"' in shown
    assert shown.count('role="alert"') == 1
    assert "<strong>Оплата картой не работает</strong>" in shown
    assert "notice" not in text_of(client, path)


def test_a_notice_is_sanitised_and_its_links_lead_to_what_is_served(site):
    client, _, _ = site
    shown = text_of(client, "/contact")

    assert '<a href="/articles/ru/net/vpn">Пока — VPN</a>, не выйдет.' in shown
    assert "alert(1)" not in shown.replace('role="alert"', "")
    assert '<a href="/help/articles/ru/net/vpn">' in client.get(
        "/contact", headers={"Accept-Language": "ru"}, environ_overrides={"SCRIPT_NAME": "/help"}
    ).text  # fmt: skip


def test_a_value_that_looks_like_an_id_makes_no_attribute():
    html = '<p id="h-a"><abbr title=" id=">x</abbr> "y" onclick=alert(1) z="" &lt;p id="a"&gt;</p>'

    assert notices.plain(html) == html.replace(' id="h-a"', "", 1)


def test_it_begins_and_ends_by_itself_and_no_kept_answer_outlives_it(site):
    client, clock, _ = site
    clock.now = NOW - timedelta(hours=1, seconds=20)
    early = client.get("/api/notice?lang=ru")
    clock.now = NOW
    during = client.get("/api/notice?lang=ru").json["notice"]
    english = client.get("/api/notice?lang=en").json["notice"]
    clock.now = NOW + timedelta(hours=3)

    assert early.json["notice"]["level"] == "warning"  # the one for all
    assert early.headers["Cache-Control"] == "private, max-age=20"
    assert (during["level"], during["label"], during["until"]) == (
        "critical", "Сбой", "2026-12-05T15:00:00+00:00",
    )  # fmt: skip
    assert during["text"].startswith("Оплата картой не работает Чиним.")
    assert (english["lang"], english["title"], english["text"]) == ("en", "", "Card payments fail.")
    assert client.get("/api/notice?lang=ru").json == {"lang": "ru", "notice": None}
    assert client.get("/ru/").headers["Cache-Control"] == "private, no-cache"
    assert "ETag" not in client.get("/ru/").headers


def test_a_notice_is_no_article_and_its_change_is_a_new_build(site, settings, write):
    client, _, service = site

    assert service.status().articles == 1
    assert client.get("/articles/notice").status_code == 404
    assert client.get("/api/search?q=оплата картой").json["total"] == 0

    write("notice.ru.md", "Уже работает.", level="info")

    assert service.rebuild().published
    assert "Уже работает." in text_of(client, "/contact")
    assert 'role="status"' in text_of(client, "/contact")
    assert not service.rebuild().published


def test_an_article_of_that_name_stays_an_article(kb, write):
    write("notice", "Текст о скидках.", title="Объявление")
    kb.rebuild()

    assert kb.answer("скидки").hits[0].slug == "notice"
    assert kb.notice("ru") is None


def test_the_board_shows_none(site):
    client, _, _ = site

    assert "notice" not in text_of(client, "/leads/sign-in")


@pytest.mark.parametrize(
    ("front", "codes"),
    [
        ("until: soon", ["bad-notice"]),
        ("from: 2026-12-05\nuntil: 2026-12-04", ["bad-notice"]),
        ("level: huge\nuntil: 2026-12-05", ["notice-level"]),
        ("level: info\nuntil: 2026-12-05 14:00", ["no-zone"]),
        ("level: info\ntitle: a: b", ["bad-yaml"]),
        ("level: info\ndraft: maybe", ["bad-gate"]),
    ],
)
def test_each_mistake_is_told_and_a_time_that_cannot_be_read_shows_nothing(front, codes):
    written = notices.parse("notice.md", f"---\n{front}\n---\nText.\n".encode(), Defaults())

    assert [problem.code for problem in written.problems] == codes
    assert all(each.path == "notice.md" and each.cure for each in written.problems)
    assert (written.notice is None) == (codes[0] not in ("notice-level", "no-zone"))


def test_check_tells_what_is_over_lasts_for_ever_or_is_in_one_language(kb, write):
    write("ru/vpn", "Текст о сети, который каждый прочтёт.", title="Настроить VPN")
    write("ru/hidden", "Текст.", title="Скрытое", draft="yes")
    write("notice.ru.md", "[1](ru/vpn.md)\n[2](ru/hidden.md)\n[3](ru/gone.md)", level="info")
    write("notice.en.md", "Text.", level="info", until="2020-01-01")

    problems = [p for p in kb.check() if p.path.startswith("notice")]
    found = sorted((p.path, p.code, p.level) for p in problems)

    assert found == [
        ("notice.en.md", "notice-over", "hint"),
        ("notice.ru.md", "notice-language", "hint"),
        ("notice.ru.md", "notice-link", "warning"),
        ("notice.ru.md", "notice-link", "warning"),
        ("notice.ru.md", "notice-without-end", "hint"),
    ]
    assert sorted(p.line for p in problems if p.code == "notice-link") == [5, 6]
