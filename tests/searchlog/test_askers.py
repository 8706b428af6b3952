"""What others see, and what leaves the log, is what enough askers did; visits are invented."""

import itertools
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from logs import Ask, moment

from kb.base.config import Settings
from kb.cli import main
from kb.searchlog import askers, export
from kb.searchlog.askers import Askers
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.searchlog.reports import Event
from kb.service import KnowledgeBase
from kb.web import create_app

PERSON = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


# ---------------------------------------------------------------- the count in memory


def test_an_asker_is_counted_once_for_each_thing():
    known = Askers()

    assert [known.is_new("a", "vpn") for _ in range(3)] == [True, False, False]
    assert known.is_new("a", "mail")
    assert known.is_new("b", "vpn")


def test_all_workers_count_together():
    known = Askers()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            os._exit(sum(known.is_new(f"asker {n}", "vpn") for n in range(50)))
        children.append(child)

    counted = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

    assert sum(counted) == 50
    assert not known.is_new("asker 49", "vpn")


def test_what_was_asked_before_midnight_is_not_counted_again_after_it():
    now = [datetime(2026, 11, 28, 23, 59, tzinfo=UTC)]
    known = Askers(lambda: now[0])
    assert known.is_new("of the 28th", "vpn")

    now[0] += timedelta(minutes=2)  # a search of the 28th that is written on the 29th

    assert not known.is_new("of the 28th", "vpn")
    assert known.is_new("of the 29th", "vpn")
    assert known.day.isoformat() == "2026-11-29"


def test_a_day_is_forgotten_two_days_later():
    now = [datetime(2026, 11, 28, tzinfo=UTC)]
    known = Askers(lambda: now[0])
    known.is_new("a", "vpn")

    now[0] += timedelta(days=2)

    assert known.is_new("a", "vpn")


def test_a_clock_that_is_set_back_counts_nobody_twice():
    now = [datetime(2026, 11, 28, tzinfo=UTC)]
    known = Askers(lambda: now[0])
    known.is_new("a", "vpn")

    for days in (-3, 0):
        now[0] = datetime(2026, 11, 28, tzinfo=UTC) + timedelta(days=days)
        assert not known.is_new("a", "vpn")


def test_one_asker_cannot_fill_the_memory_of_a_day():
    known = Askers()

    counted = sum(known.is_new("flood", f"text {n}") for n in range(3 * askers.MOST))

    assert counted == askers.MOST
    assert not known.is_new("flood", "one more")
    assert known.is_new("another", "vpn")


def test_an_asker_may_do_a_thing_so_often_a_day():
    now = [datetime(2026, 11, 28, 12, tzinfo=UTC)]
    known = Askers(lambda: now[0])

    today = [known.allows("a", "visit 1", 3) for _ in range(5)]
    others = known.allows("a", "visit 2", 3), known.allows("b", "visit 1", 3)
    now[0] += timedelta(days=1)

    assert today == [True, True, True, False, False]
    assert others == (True, True)
    assert known.allows("a", "visit 1", 3)


def test_what_is_allowed_is_bounded_for_each_asker():
    known = Askers()

    allowed = sum(known.allows("flood", f"visit {n}", 5) for n in range(2 * askers.MOST))

    assert allowed == askers.MOST
    assert known.allows("flood", "visit 0", 5)
    assert known.allows("another", "visit 0", 5)


def test_a_full_memory_counts_nobody_twice(monkeypatch):
    monkeypatch.setattr(askers, "_SLOTS", 64)
    known = Askers()
    things = [(f"asker {n}", f"text {n}") for n in range(200)]

    first = sum(known.is_new(*thing) for thing in things)

    assert 16 <= first <= 64
    assert not any(known.is_new(*thing) for thing in things)


# ---------------------------------------------------------------- the count on disk


def test_a_restart_adds_no_asker(url: str):
    """The salt and the memory are lost; the higher of the two counts of a day is taken."""
    for restart in range(3):
        log = SearchLog(url, Askers(lambda: moment(0)))
        for asker in ("one", "two") if restart == 1 else ("one",):
            log.record(found(f"{restart}{asker}", asker=asker))
        log.close()

    log = SearchLog(url)
    assert [query.askers for query in log.shared.successful_queries("ru", least=1)] == [2]
    assert [each.askers for each in log.shared.popular("ru", least=1)] == [2]
    log.close()


def test_the_same_network_on_another_day_is_another_asker(url: str):
    at = [moment(0)]
    log = SearchLog(url, Askers(lambda: at[0]))
    for day in range(3):
        at[0] = moment(day * 86_400)
        log.record(found(f"r{day}", at=day * 86_400, asker=f"one, day {day}"))

    assert [query.askers for query in log.shared.successful_queries("ru", least=3)] == [3]
    assert [each.askers for each in log.shared.popular("ru", least=1, since=moment(86_400))] == [2]
    log.close()


def found(id: str, at: float = 0, *, visit: str = "", asker: str, slug: str = "pw") -> Search:
    return Search(
        id=id, visit=visit or id, query="Сброс пароля", lang="ru", asker=asker,
        started=moment(at).timestamp(), ended=moment(at).timestamp() + 1, total=1, confident=True,
        events=(Event("click", slug, 1, 500),),
    )  # fmt: skip


def test_searches_without_an_asker_count_for_nothing(log: SearchLog, ask: Ask) -> None:
    for n in range(9):
        log.record(found(f"f{n}", asker=""))
        ask(f"v{n}", "сбросить vpn", asker="")

    assert log.shared.successful_queries("ru", least=1) == []
    assert log.shared.popular("ru", least=1) == []
    assert list(log.shared.shareable(1)) == []
    assert log.board.misses()[0].visits == 9  # leads see them


def test_a_robot_counts_for_nothing(log: SearchLog, ask: Ask) -> None:
    for n in range(3):
        ask(f"v{n}", "сбросить vpn", robot=True, total=1, events=(Event("click", "vpn", 1, 5),))

    assert log.shared.successful_queries("ru", least=1) == log.shared.popular("ru", least=1) == []


def test_what_becomes_a_miss_later_counts_its_asker(log: SearchLog) -> None:
    for n in range(3):
        log.record(found(f"f{n}", asker=f"asker {n}"))
        log.feedback("pw", False, run=f"f{n}", asker=f"asker {n}")
    for n in range(3, 6):
        log.record(found(f"f{n}", 3600, asker=f"asker {n}"))
        log.ticket("Помогите", visit=f"f{n}", at=moment(3700), asker=f"asker {n}")

    [(group, number)] = log.shared.shareable(3)

    assert (group.question, number) == ("Сброс пароля", 6)


def test_a_merged_question_has_the_askers_of_the_larger_one_at_least(
    log: SearchLog, ask: Ask
) -> None:
    for n in range(4):
        ask(f"a{n}", "сбросить пароль", asker=f"asker {n}")
        ask(f"b{n}", "вернуть деньги", 3600, asker=f"asker {n}")  # the same people
    log.actions.merge(2, 1)

    assert log.shared.askers_by_group() == {1: 4}
    assert log.shared.askers_by_word(1) == {"сбросить": 4, "пароль": 4, "вернуть": 4, "деньга": 4}


def test_counts_of_askers_are_purged_and_forgotten_with_the_searches(
    log: SearchLog, ask: Ask, url: str
) -> None:
    for n in range(3):
        ask(f"v{n}", "договор Кактусова")
        log.record(found(f"f{n}", 60, asker=f"asker {n}"))
    log.forget("Кактусова")
    assert "кактусов" not in table(url)
    assert len(log.shared.successful_queries("ru", least=3)) == 1

    log.purge(moment(86_400))

    assert table(url) == "[]"


def test_forgotten_groups_leave_no_count(log: SearchLog, ask: Ask, url: str) -> None:
    for n in range(3):
        ask(f"v{n}", "зебра договор")

    log.forget_groups([1])

    assert table(url) == "[]"
    assert log.shared.askers_by_group() == {}


def test_no_asker_stands_on_the_disk(log: SearchLog, ask: Ask, url: str) -> None:
    who = secrets.token_hex(16)
    ask("v", "сбросить vpn", asker=who)
    log.record(found("f", 60, asker=who))

    engine = sa.create_engine(url)
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        held = [connection.execute(sa.text(f"select * from {name}")).all() for name in names]
    engine.dispose()

    assert who not in repr(held)


def table(url: str) -> str:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("select name from askers where name <> ''")).all()
    engine.dispose()
    return repr([name for (name,) in rows])


# ---------------------------------------------------------------- over HTTP

WORDS = "зебра договор кактусова"
ADVERT = "пароль купить на зебра.example"


class Site:
    """A help centre with one article to praise, and visitors at addresses."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kb = KnowledgeBase.open(settings)
        self.kb.rebuild()
        self.client = create_app(self.kb).test_client()
        self._number = itertools.count()

    def report(self, address: str, query: str, slug: str = "", visit: str = "") -> int:
        """A search that was clicked, or that found nothing."""
        run = f"run-{next(self._number)}"
        events = [{"kind": "click", "slug": slug, "rank": 1, "ms": 900}] if slug else []
        body = {
            "run": run, "visit": visit or f"visit-{run}", "lang": "ru",
            "steps": [{"q": query, "ms": 0}], "events": events or [{"kind": "left", "ms": 900}],
        }  # fmt: skip
        return self._sent(self.client.post("/api/searches", json=body, **self._from(address)))

    def clicks(self, address: str, slug: str) -> None:
        """A search without scripts, and a click on what it found."""
        page = self.client.get("/ru/search?q=сброс пароля", **self._from(address))
        (link,) = re.findall(rf'href="(/articles/{slug}\?[^"]*)"', page.text)[:1]
        self._sent(self.client.get(link.replace("&amp;", "&"), **self._from(address)))

    def _from(self, address: str) -> dict[str, Any]:
        return {"environ_base": {"REMOTE_ADDR": address}, "headers": PERSON}

    def _sent(self, answer: Any) -> int:
        assert self.kb.recorder.flush(60)
        return int(answer.status_code)

    def seen(self) -> dict[str, Any]:
        """All that others see."""
        for ask in (lambda: self.kb.suggest("пароль", "ru"), lambda: self.kb.home("ru")):
            self.kb._popular._read.clear()
            ask()
            self.kb._popular.wait()
        runner = CliRunner(env={"KB_ARTICLES": str(self.settings.articles),
                                "KB_DATA": str(self.settings.data)})  # fmt: skip
        exported = runner.invoke(main, ["log", "export", "--for-git"]).stdout
        groups = self.kb.misses(status="all")
        return {
            "completions": self.client.get("/api/suggest?q=пароль&lang=ru").json[1],
            "popular": self.kb.home("ru").popular[0].slug,
            "git": [json.loads(line)["question"] for line in exported.splitlines()],
            "claims": [each for group in groups for each in self.kb.claimable(group.id)],
            "synonym": [
                group.id for group in groups if self.kb.synonym_patch(group.id, ("зебра", "пароль"))
            ],
        }


@pytest.fixture
def site(settings: Settings, write: Callable[..., Any]) -> Iterator[Site]:
    write("ru/liked", "Текст. [И о сбросе](reset.md)", title="Сброс пароля по почте")
    write("ru/reset", "Текст. [И по почте](liked.md)", title="Сброс пароля")
    write("ru/linked", "Текст.", title="Куда все ссылаются")
    for number in range(3):
        write(f"ru/{number}", "[сюда](linked.md)", title=f"Статья {number}")
    made = Site(settings)
    yield made
    made.kb.close()


def test_one_address_with_three_invented_visits_changes_nothing_others_see(site):
    before = site.seen()

    for n in range(3):
        assert site.report("203.0.113.7", ADVERT, "ru/liked", visit=f"invented-{n}") == 204
        assert site.report("203.0.113.7", WORDS, visit=f"invented-{n}") == 204
        assert site.report(f"203.0.113.{n}", ADVERT, "ru/liked") == 204  # of one network
        assert site.report(f"2001:db8:7:{n}::1", WORDS) == 204
        site.clicks("203.0.113.7", "ru/liked")

    after = site.seen()
    assert after == before
    assert (after["popular"], after["git"], after["claims"], after["synonym"]) == (
        "ru/linked", [], [], [],
    )  # fmt: skip
    assert "зебра" not in "".join(after["completions"])
    asked_in_vain = {group.question for group in site.kb.misses(status="all")}
    assert asked_in_vain == {WORDS, ADVERT}  # leads see it


def test_three_networks_are_enough(site):
    for n in range(3):
        site.report(f"203.0.{n}.7", ADVERT, "ru/liked")
        site.report(f"203.0.{n}.7", WORDS)

    seen = site.seen()

    assert ADVERT in seen["completions"]
    assert seen["popular"] == "ru/liked"
    assert sorted(seen["git"]) == sorted(seen["claims"]) == [WORDS, ADVERT]
    assert len(seen["synonym"]) == 1  # of the question with the word by itself


def test_clicks_without_scripts_count_askers_too(site):
    for _ in range(3):
        site.clicks("203.0.113.7", "ru/liked")
    assert site.seen()["popular"] == "ru/linked"

    for n in range(3):
        site.clicks(f"203.0.{n}.7", "ru/liked")

    assert site.seen()["popular"] == "ru/liked"


def test_how_many_are_enough_is_a_setting(settings, write):
    write("ru/liked", "Текст.", title="Сброс пароля по почте")
    site = Site(settings.model_copy(update={"min_askers": 2}))
    for n in range(2):
        site.report(f"203.0.{n}.7", ADVERT, "ru/liked")

    assert ADVERT in site.kb.suggest("пароль", "ru") or ADVERT in site.seen()["completions"]
    site.kb.close()


FORMER = (  # the tables of step 0003, as far as they are the same today
    *("alembic_version", "runs", "reports", "events", "groups", "group_days", "group_words"),
    *("phrasings", "history", "feedback", "sent", "days"),
)
TICKETS = """create table tickets (id text primary key, at bigint not null, lang text not null,
    type text not null, text text not null, reply_to text not null, offered text not null,
    replied bigint not null)"""
LATER = {  # columns that steps after 0003 added
    "runs": ("crowded", "offered", "hasty"),
    "groups": ("progress", "answer_share", "label", "nearest"),
    "feedback": ("done_by",),
}


def test_a_log_from_before_askers_were_counted_shows_nothing(log: SearchLog, ask: Ask, url: str):
    for n in range(9):
        log.record(found(f"f{n}", asker=f"asker {n}"))
        ask(f"v{n}", "сбросить vpn", 60)
    log.close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in set(sa.inspect(connection).get_table_names()) - set(FORMER):
            connection.execute(sa.text(f"drop table {table}"))
        connection.execute(sa.text(TICKETS))
        connection.execute(sa.text("create index tickets_at on tickets (at)"))
        for table, columns in LATER.items():
            for column in columns:
                connection.execute(sa.text(f"alter table {table} drop column {column}"))
        connection.execute(sa.text("update alembic_version set version_num = '0003'"))
    engine.dispose()

    upgraded = SearchLog(url, Askers(lambda: moment(0)))

    assert export.for_git(upgraded, ("ru",), least=3) == []
    assert upgraded.shared.popular("ru", least=3) == []
    for n in range(9, 12):
        upgraded.record(found(f"f{n}", asker=f"asker {n}"))
    assert [query.askers for query in upgraded.shared.successful_queries("ru", least=3)] == [3]
    upgraded.close()
