"""From a page to the log: what visitors without and with scripts do becomes the right searches.

The real application over the real service and log, by a clock that is moved by hand.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from letter_forms import LETTER, hidden, typed_at_once

from kb.base.config import Settings
from kb.letters.spool import LetterSpool
from kb.searchlog.db.log import SearchLog
from kb.service import KnowledgeBase
from kb.site.rate_limits import CrawlDetector
from kb.web import create_app

PERSON = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


class Site:
    """A help centre, a visitor's hands, and what the log says afterwards."""

    def __init__(self, settings: Any) -> None:
        self.at = datetime(2026, 11, 23, 9, tzinfo=UTC)
        self.kb = KnowledgeBase.open(settings, now=lambda: self.at)
        self.kb.rebuild()
        self.app = create_app(self.kb)
        self.app.extensions["kb"] = replace(
            self.app.extensions["kb"], crawls=CrawlDetector(30, 60, lambda: self.at.timestamp())
        )
        typed_at_once(self.app)
        self.client = self.app.test_client()
        self.page = ""

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def get(self, address: str, **headers: str) -> str:
        answer = self.client.get(address, headers=PERSON | headers)
        assert answer.status_code == 200
        self.page = answer.text
        return self.page

    def follow(self, pattern: str) -> str:
        """Opens the first link of the page that leads to `pattern`."""
        (address, *_) = re.findall(rf'href="({pattern}[^"]*)"', self.page)
        return self.get(unescape(address))

    def asks_again(self, query: str) -> str:
        """Types into the form of the page and presses Enter, without scripts."""
        form = re.search(r'<form class="search.*?</form>', self.page, re.S)
        assert form
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
        answer = self.client.get("/ru/search", query_string={"q": query, **hidden}, headers=PERSON)
        self.page = answer.text
        return self.page

    def post(self, address: str, **fields: Any) -> int:
        answer = self.client.post(address, data=fields, headers=PERSON)
        self.page = answer.text
        return int(answer.status_code)

    def writes(self, **fields: Any) -> int:
        """Fills in the contact form of the page and sends it."""
        return self.post("/contact", **hidden(self.page) | LETTER | fields)

    def report(self, **body: Any) -> int:
        answer = self.client.post("/api/searches", json=body, headers=PERSON)
        return int(answer.status_code)

    def searches(self) -> list[dict[str, Any]]:
        """All that was recorded, the first first."""
        assert self.kb.recorder.flush(60)
        log = SearchLog(self.kb.settings.log_url)
        rows = sorted(log.export(), key=lambda row: row["started"])
        log.close()
        return rows

    def told(self, *names: str) -> list[Any]:
        return [tuple(row[name] for name in names) for row in self.searches()]


@pytest.fixture
def site(settings: Any, write: Any) -> Iterator[Site]:
    write(
        "ru/account/password",
        "Нажмите «Забыли пароль» и откройте письмо.",
        title="Как сбросить пароль",
        category="Вход",
        answer="Нажмите «Забыли пароль».",
    )
    write(
        "ru/money/refund",
        "Деньги вернутся за три дня, пароль не нужен.",
        title="Вернуть деньги",
        category="Оплата",
    )
    found = Site(settings)
    yield found
    found.kb.close()


# --- without scripts ----------------------------------------------------------------------------


def test_a_click_five_minutes_after_the_page_of_results_is_a_click(site):
    site.get("/ru/search?q=сбросить пароль")
    site.wait(11)
    assert site.told("kind") == [("ignored",)]

    site.wait(300)
    site.follow("/articles/")

    assert site.told("query", "kind", "clicked") == [("сбросить пароль", None, True)]


def test_the_answer_in_the_list_is_thanked_for_without_scripts(site):
    page = site.get("/ru/search?q=сбросить пароль")
    form = re.search(r"<form[^>]*data-answered.*?</form>", page, re.S)
    assert form
    site.wait(20)

    sent = site.post("/api/feedback", **dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0])))

    assert sent == 303
    assert site.told("kind", "answered") == [(None, True)]


def test_who_asks_twice_without_scripts_is_one_visitor(site):
    site.get("/ru/search?q=сбросить пароль")
    site.wait(20)

    site.asks_again("вернуть деньги")
    site.follow("/articles/ru/money")

    first, second = site.searches()
    assert first["visit"] == second["visit"]
    assert (first["kind"], second["kind"]) == ("refined", None)


def test_a_further_page_or_a_filter_is_the_same_visitor(site):
    site.get("/ru/search?q=деньги пароль")
    site.wait(5)
    site.follow(r"/(?:ru/)?search\?q=[^\"]*order=newest")
    site.wait(20)
    site.follow(r"/(?:ru/)?search\?q=[^\"]*category=")

    rows = site.searches()
    assert len(rows) == 2  # the newest first are the same search, a filter is another
    assert len({row["visit"] for row in rows}) == 1


def test_strangers_on_one_address_stay_strangers(site):
    site.get("/ru/search?q=сбросить пароль")
    site.get("/ru/search?q=сменить тариф")

    first, second = site.searches()

    assert first["visit"] != second["visit"]


def test_an_address_that_was_passed_on_names_nobody_elses_run(site):
    site.get("/ru/search?q=сбросить пароль&run=somebody-elses-run")

    (row,) = site.searches()

    assert row["id"] != "somebody-elses-run"


# --- asking a human -----------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["сбросить пароль", "телепорт на Луну"])
def test_a_letter_is_tied_to_the_search_it_came_from(site, typed):
    site.get(f"/ru/search?q={typed}")
    site.wait(60)
    site.follow("/contact")
    site.wait(120)

    assert site.writes() == 303

    assert site.told("query", "ticketed") == [(typed, True)]


def test_the_box_names_its_run_only_and_the_letter_finds_the_visit(site):
    site.report(
        run="run-of-box", visit="visit-of-tab", lang="ru", steps=[{"q": "пароль потерян", "ms": 0}],
        events=[{"kind": "contact", "ms": 3000}],
    )  # fmt: skip
    site.wait(60)
    site.get("/contact?ui=ru&run=run-of-box")

    assert site.writes() == 303

    assert site.told("ticketed") == [(True,)]


def test_what_may_answer_a_letter_stands_above_it_and_is_recorded(site):
    page = site.get("/contact?q=сбросить пароль&ui=ru")
    assert not offers_nothing(page)
    offered = re.search(r"<form[^>]*data-helped.*?</form>", page, re.S)
    assert offered
    told = dict(re.findall(r'name="(\w+)" value="([^"]*)"', offered[0]))
    assert site.searches() == []  # nobody searched: the form looked by itself
    assert told["helped"] in site.kb.log.forms.shown(told["form"])

    assert site.post("/api/contact", **told) == 303

    assert site.kb.recorder.flush(60)
    row = site.kb.log.database.select_one("select helped, sent from forms")
    assert row == {"helped": told["helped"], "sent": 0}


def test_above_a_letter_stands_nothing_unsure(site):
    page = site.get("/contact?q=телепорт на Луну&ui=ru")

    assert offers_nothing(page)
    assert site.searches() == []


def offers_nothing(page: str) -> bool:
    """Whether the section of articles that may answer is hidden."""
    [attributes] = re.findall(r'<section class="offered"([^>]*)>', page)
    return str(attributes).endswith(" hidden")


# --- late, repeated, forged ---------------------------------------------------------------------

RUN = {"run": "run-1", "visit": "visit-1", "lang": "ru"}
TYPED = [{"q": "сбр", "ms": 0}, {"q": "сбросить", "ms": 700}, {"q": "сбросить пароль", "ms": 1500}]
OPENED = [{"kind": "click", "slug": "ru/account/password", "rank": 1, "ms": 4000}]


def test_reports_may_be_repeated_late_and_out_of_order(site):
    for _ in range(3):
        assert site.report(**RUN, steps=TYPED, events=OPENED) == 204
    site.wait(40)
    assert site.report(**RUN, steps=TYPED[:1]) == 204
    site.wait(40)
    assert site.report(**RUN, steps=TYPED, events=OPENED) == 204

    assert site.told("query", "keystrokes", "clicked") == [("сбросить пароль", 3, True)]


def test_half_a_report_that_comes_late_says_nothing_of_how_long_the_list_stood(site):
    site.report(**RUN, steps=TYPED, shown=[["ru/account/password", 1]], events=[
        {"kind": "left", "ms": 2000}
    ])  # fmt: skip
    site.wait(40)

    site.report(**RUN, steps=TYPED[:1], shown=[["ru/account/password", 1]])
    site.wait(11)

    assert site.told("kind", "seen") == [(None, 500)]


@pytest.mark.parametrize(
    "forged",
    [
        {"steps": [{"q": "чужие слова чужие слова", "ms": 0}] * 20},
        {"events": [{"kind": "click", "slug": "x", "rank": 1, "ms": 1}]},
        {"steps": TYPED, "events": [{"kind": "answered", "slug": "x", "ms": 9}]},
    ],
)
def test_another_visit_changes_nothing(site, forged):
    site.report(**RUN, steps=TYPED)
    site.wait(11)
    before = site.searches()

    site.report(**RUN | {"visit": "stranger"}, **forged)

    assert site.searches() == before


# --- robots -------------------------------------------------------------------------------------


def test_a_crawler_without_scripts_is_known_by_its_haste(site):
    for number in range(40):
        site.get(f"/ru/search?q=дешёвые окна {number}")
        site.wait(1)
    site.wait(60)
    site.get("/ru/search?q=телепорт на Луну")

    assert {row["query"] for row in site.searches() if not row["robot"]} == {"телепорт на Луну"}


def test_a_crawler_is_told_of_once_for_each_search():
    crawls = CrawlDetector(3, 60.0, lambda: 0.0)

    told = [crawls.add("somebody", f"run-{number}") for number in range(1, 7)]

    assert told == [[], [], [], ["run-1", "run-2", "run-3", "run-4"], ["run-5"], ["run-6"]]
    assert crawls.add("somebody else", "run-7") == []


def test_a_person_without_scripts_is_no_crawler(site):
    for number in range(40):
        site.get(f"/ru/search?q=дешёвые окна {number}")
        site.wait(3)

    assert not any(row["robot"] for row in site.searches())


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0.0.0 Safari/537.36",
        "python-requests/2.32",
        "",
    ],
)
def test_known_robots_are_marked(site, agent):
    site.client.get("/ru/search?q=телепорт", headers={"User-Agent": agent})

    assert site.told("robot") == [(True,)]


# --- the log is down ----------------------------------------------------------------------------


def break_log(settings: Settings) -> None:
    """Makes every use of the log fail."""
    if settings.database_url is None:
        (settings.data / "log.sqlite3").write_bytes(b"no database" * 1000)
        return
    SearchLog(settings.log_url).close()
    engine = sa.create_engine(settings.log_url)
    with engine.begin() as connection:
        for table in ("runs", "letters"):
            connection.exec_driver_sql(f"alter table {table} rename to {table}_gone")
    engine.dispose()


def test_searches_are_answered_while_the_log_is_broken_and_a_counter_says_so(site):
    break_log(site.kb.settings)
    assert "kb_log_total{" not in site.get("/metrics")

    assert "Как сбросить пароль" in site.get("/ru/search?q=сбросить пароль")
    assert "Как сбросить" in site.get("/api/search?q=сбросить")
    assert site.report(**RUN, steps=TYPED, events=OPENED) == 204
    assert not site.kb.recorder.flush(0.5)

    assert re.search(r'kb_log_total\{outcome="failed"\} [1-9]', site.get("/metrics"))
    site.get("/contact?ui=ru")
    status = site.writes()
    waiting = [letter.text for letter, _ in LetterSpool(site.kb.settings.data).waiting()]
    if site.kb.settings.shares_log:  # the server may come back: the letter waits on this machine
        assert (status, waiting) == (303, [LETTER["text"]])
    else:  # the file may not, and the letter would be kept in it; its writer is told
        assert (status, waiting) == (503, [])
        assert LETTER["text"] in site.page


def test_what_was_recorded_and_what_was_forged_is_counted(site):
    site.report(**RUN, steps=TYPED, events=OPENED)
    site.searches()
    site.report(**RUN | {"visit": "stranger"}, steps=TYPED, events=OPENED)
    site.searches()

    page = site.get("/metrics")

    assert 'kb_log_total{outcome="written"}' in page
    assert 'kb_log_total{outcome="forged"} 1.0' in page


def test_searches_that_come_to_count_as_misses_are_counted_once(site):
    nothing = {"run": "run-2", "visit": "visit-2", "lang": "ru"}
    for _ in range(2):  # a repeated report changes nothing
        site.report(**nothing, steps=[{"q": "телепорт", "ms": 0}])
        site.searches()
    assert 'kb_log_total{outcome="missed"} 1.0' in site.get("/metrics")

    site.report(**RUN, steps=TYPED, events=OPENED)
    site.searches()
    vote = {"slug": "ru/account/password", "helpful": False, "run": "run-1"}
    site.client.post("/api/feedback", json=vote)
    site.searches()

    assert sorted(site.told("unhelpful")) == [(False,), (True,)]
    assert 'kb_log_total{outcome="missed"} 2.0' in site.get("/metrics")
