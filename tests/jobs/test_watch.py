"""`kb serve --watch`: what is saved is shown, with what is wrong with it, to writers only."""

import re
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from kb.base import gc_tuning
from kb.base.errors import ConfigError
from kb.content import status
from kb.jobs import watch
from kb.searchlog.replay import ReplayResult
from kb.service import KnowledgeBase
from kb.site import preview
from kb.web import create_app

BROKEN = "---\ntitle: [\n---\n"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def day(days):
    return (NOW + timedelta(days=days)).date().isoformat()


@pytest.fixture
def base(settings):
    made = KnowledgeBase.open(settings, for_writers=True, now=lambda: NOW)
    yield made
    made.close()


@pytest.fixture
def page(base):
    """`page("/articles/ru/vpn")` as a writer sees it."""
    app = create_app(base)
    preview.install(app)
    client = app.test_client()

    def get(path, status=200):
        answer = client.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    return get


def stamp(html):
    return re.search(r'<meta name="live" content="(\w+)"', html)[1]


# ---------------------------------------------------------------- what writers see


@pytest.mark.parametrize(
    ("front_matter", "said"),
    [
        ({"draft": "yes"}, "Черновик: клиенты этой статьи не видят."),
        ({"publish": day(3)}, "Клиенты увидят эту статью с 26 ноября 2026."),
        ({"expires": day(0)}, "Клиенты не видят эту статью с 23 ноября 2026."),
    ],
)
def test_what_customers_do_not_see_is_shown_with_a_mark(
    base, page, settings, write, front_matter, said
):
    write("ru/новое/vpn", title="Настройка VPN", **front_matter)
    write("ru/новое/mail", title="Почта")
    base.rebuild()

    assert said in page("/articles/ru/новое/vpn")
    assert "Черновик" not in page("/articles/ru/новое/mail")
    listing = page("/categories/ru/новое")
    marked = re.findall(r"<a[^>]*>([^<]*)</a> <span class=\"unseen\"[^>]*>([^<]*)<", listing)
    assert marked == [("Настройка VPN", "не показана")]
    # Search stays what customers have, so that a draft changes no ranking.
    assert base.answer("настройка vpn").total == 0

    customers = create_app(KnowledgeBase.open(settings, now=lambda: NOW)).test_client()
    assert customers.get("/articles/ru/новое/vpn").status_code == 404
    for path in ("/ru/", "/articles/ru/новое/mail"):
        html = customers.get(path).text
        assert "VPN" not in html
        assert "live" not in html


def test_customers_get_nothing_of_it(client, kb, write):
    write("ru/vpn", title="VPN")
    kb.rebuild()

    assert client.get("/live").status_code == 404


def test_problems_stand_on_the_page_with_line_and_cure_and_stay_text(base, page, write):
    write("ru/vpn", "![](нет<b>.png)", title="VPN", updated="вчера")
    base.rebuild()
    first = page("/articles/ru/vpn")
    assert "bad-value" in first or "bad-date" in first  # what the index itself says, at once

    base.note_problems()

    html = page("/articles/ru/vpn")
    assert "Что исправить в ru/vpn.md" in html
    assert re.search(
        r"<strong>Ошибка, строка \d+</strong>\s*нет картинки нет&lt;b&gt;.png; положите", html
    )
    assert "нет<b>" not in html
    assert html.count("<code>missing-image</code>") == 1
    levels = re.findall(r'<li class="(error|warning|hint)">', html)
    assert levels == sorted(levels, key=["error", "warning", "hint"].index)
    assert stamp(html) != stamp(first)


def test_an_article_that_cannot_be_read_says_why_in_its_place(base, page, write):
    file = write("ru/vpn", title="VPN", slug="vpn")
    write("ru/mail", title="Почта")
    base.rebuild()
    fine = file.read_text()
    file.write_text(BROKEN)
    base.rebuild()

    html = page("/articles/vpn")
    assert "Эту статью не удаётся прочитать" in html
    assert "строка 2" in html
    assert "bad-yaml" in html
    page("/articles/ru/nowhere", 404)

    file.write_text(fine)
    base.rebuild()
    assert "<h1>VPN</h1>" in page("/articles/vpn")


def test_an_address_that_another_article_has_shows_that_article(base, page, write):
    write("ru/a", title="Первая", slug="vpn")
    write("ru/b", title="Вторая", slug="vpn")
    base.rebuild()

    assert "<h1>Первая</h1>" in page("/articles/vpn")


def test_the_stamp_changes_with_the_page_and_not_without(base, page, write):
    file = write("ru/vpn", title="VPN")
    other = write("ru/mail", title="Почта")
    base.rebuild()
    html = page("/articles/ru/vpn")
    asked = "/live?path=ru/vpn.md"
    assert page(asked) == page(asked) == stamp(html)

    other.write_text("![](нет.png)\n")
    base.note_problems()  # of another article
    assert page(asked) == stamp(html)

    file.write_text("# VPN\n\nНовый текст.\n")
    base.rebuild()
    assert page(asked) != stamp(html)
    assert page(asked) == stamp(page("/articles/ru/vpn"))


def test_a_site_without_a_build_waits_for_one(base, page, write):
    before = stamp(page("/", 503))
    write("ru/vpn", title="VPN")
    base.rebuild()

    assert page("/live?path=") != before


# ---------------------------------------------------------------- following


class Following:
    """`watch.follow` in a thread: what was told, and what failed."""

    def __init__(self, base):
        self.reports, self.failures = [], []
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=watch.follow,
            args=(base, self.reports.append, self.failures.append),
            kwargs={"is_wanted": lambda: not self._stopped.is_set()},
        )

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def eventually(claim, seconds=30):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_a_save_is_indexed_then_checked_and_in_the_end_asked(base, settings, write, monkeypatch):
    done = []
    monkeypatch.setattr(watch, "REST", 0.5)
    monkeypatch.setattr(
        KnowledgeBase, "replay", lambda self, *_, **__: done.append("asked") or ReplayResult()
    )
    monkeypatch.setattr(gc_tuning, "collect", lambda: done.append("freed"))
    note = KnowledgeBase.note_problems
    monkeypatch.setattr(
        KnowledgeBase,
        "note_problems",
        lambda self, found: (note(self, found), done.append("checked")),
    )
    write("ru/vpn", "![](нет.png)", title="VPN")

    with Following(base) as following:
        eventually(lambda: sorted(done) == ["asked", "checked", "freed"])
        assert [report.published for report in following.reports] == [True]
        checked = status.read(settings.data, status.Indexed).checked
        assert "missing-image" in {problem.code for problem in checked}

        write("ru/.vpn.md.swp", "nothing")
        write("ru/vpn", "Текст.", title="VPN")
        eventually(lambda: sorted(done) == sorted(["asked", "checked", "freed"] * 2))
        assert [report.changed for report in following.reports] == [0, 1]
    assert following.failures == []


def test_a_save_does_not_wait_for_what_is_wrong_with_the_former(base, settings, write, monkeypatch):
    started = []
    start = watch.Checker.start
    monkeypatch.setattr(
        watch.Checker, "start", lambda self, today: (start(self, today), started.append(self))
    )
    monkeypatch.setattr(watch.Checker, "result", lambda self: None)  # as if it took for ever
    write("ru/vpn", title="VPN")

    with Following(base) as following:
        eventually(lambda: len(started) == 1)
        process = started[0]._process
        write("ru/vpn", "Текст.", title="VPN")
        eventually(lambda: len(started) == 2)
        assert [report.changed for report in following.reports] == [0, 1]
        with pytest.raises(ValueError, match="closed"):  # the newest save is checked, alone
            process.is_alive()


def test_a_check_tells_its_problems_once_and_its_error(settings, write):
    write("ru/vpn", "![](нет.png)", title="VPN")
    checker = watch.Checker(settings)
    checker.start(NOW.date())
    found = []
    eventually(lambda: found or found.extend(checker.result() or ()))

    assert "missing-image" in {problem.code for problem in found}
    assert checker.result() is None

    wrong = watch.Checker(settings.model_copy(update={"checks": {"no-rule": "off"}}))
    wrong.start(NOW.date())
    with pytest.raises(ConfigError, match="no-rule"):
        eventually(lambda: wrong.result() is not None)


def test_what_fails_is_told_and_the_next_save_is_followed(base, write, monkeypatch):
    rebuild, fails = KnowledgeBase.rebuild, [True]

    def sometimes(self, **options):
        if fails.pop() if fails else False:
            raise ConfigError("the disk is full; free some space")
        return rebuild(self, **options)

    monkeypatch.setattr(KnowledgeBase, "rebuild", sometimes)

    with Following(base) as following:
        eventually(lambda: following.failures)
        write("ru/vpn", title="VPN")
        eventually(lambda: following.reports)
    assert [str(error) for error in following.failures] == ["the disk is full; free some space"]


def test_a_watcher_whose_parent_is_gone_is_wanted_no_more():
    assert watch.while_parent(None)()
    assert not watch.while_parent(1 << 30)()
