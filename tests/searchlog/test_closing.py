"""A question is closed only where something changed that answers its misses (LEADS.md §7)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from paths import ROOT
from visitors import Visitors

from kb.searchlog.closing import Standing, progress, settling
from kb.searchlog.db import database
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Miss, Question
from kb.searchlog.reports import Event, Report, Step
from kb.service import KnowledgeBase

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LONG = "Откройте страницу входа и нажмите «Забыли пароль». Письмо придёт на почту через минуту. "


def miss(kinds, offered=None, *, visit="v", wording="пароль", filters=()):
    return Miss(visit, wording, Question(wording, "ru", filters), tuple(kinds), offered)


def rewritten(slug, digest):
    return digest == "old"


@pytest.mark.parametrize(
    ("kinds", "offered", "standing", "expected"),
    [
        (["none"], {}, Standing(("a",)), "a"),
        (["weak"], {"a": "same"}, Standing(("a",)), "a"),  # nothing was sure then
        (["filtered"], {}, Standing(("a",), is_repaired=True), "a"),
        (["none"], {}, Standing(), ""),
        (["rescued"], {"a": "same"}, Standing(("a",), is_repaired=True), ""),
        (["rescued"], {"a": "same"}, Standing(("a",)), "a"),
        (["ignored"], {"a": "same"}, Standing(("a",)), ""),
        (["ignored"], {"a": "same"}, Standing(("a", "b")), "b"),  # was not shown
        (["ignored"], {"a": "old"}, Standing(("a",)), "a"),  # was rewritten since
        (["ignored"], {"a": ""}, Standing(("a",)), ""),  # nobody knows what it said then
        (["refined"], {"a": "same"}, Standing(("a",)), ""),
        (["none", "ticketed"], {}, Standing(("a",)), "a"),
        (["weak", "ticketed"], {"a": "same"}, Standing(("a",)), ""),
        (["unhelpful"], {"a": "same"}, Standing(("a",)), ""),
        (["ignored"], None, Standing(("a",)), ""),  # a search of before this was remembered
    ],
)
def test_a_miss_is_settled_by_its_kind(kinds, offered, standing, expected):
    def ask(question, but):
        return replace(standing, slugs=tuple(slug for slug in standing.slugs if slug not in but))

    assert settling(miss(kinds, offered), ask, rewritten) == expected


def test_what_is_news_must_be_sure_by_itself():
    def ask(question, but):
        return Standing() if but else Standing(("known", "junk"))

    assert settling(miss(["ignored"], {"known": "same"}), ask, rewritten) == ""


def test_a_group_waits_when_four_fifths_and_its_two_commonest_wordings_are_answered():
    def misses(settled):
        return [
            miss(["none"], {}, visit=f"{w}{n}", wording=w) for w, n in settled for n in range(n)
        ]

    def ask(question, but):
        return Standing(("a",)) if question.query in ("first", "second", "third") else Standing()

    most = progress(misses([("first", 5), ("second", 3), ("other", 2)]), ask, rewritten)
    less = progress(misses([("first", 4), ("second", 3), ("other", 2)]), ask, rewritten)
    rare = progress(
        misses([("first", 5), ("other", 2), ("second", 1), ("third", 1)]), ask, rewritten
    )

    assert (most.is_enough, most.wordings, most.answered_wordings) == (True, 3, 2)
    assert (most.visits, most.answered_visits, most.slug, most.rank) == (10, 8, "a", 1)
    assert not less.is_enough  # 7 of 9 visits
    assert not rare.is_enough  # 7 of 9, and the second commonest wording is not answered


def test_a_visit_is_answered_if_all_its_misses_are():
    asked = [miss(["none"], {}, visit="v"), miss(["none"], {}, visit="v", wording="вход")]

    found = progress(
        asked, lambda q, but: Standing(("a",)) if q.query == "вход" else Standing(), rewritten
    )

    assert (found.visits, found.answered_visits) == (1, 0)


class World:
    """A help centre whose clock is moved by hand."""

    def __init__(self, settings):
        self.at = NOW
        self.kb = KnowledgeBase.open(settings, now=lambda: self.at)
        self.visit = Visitors(self.kb)

    def ignores(self, query, *slugs, visit="", filters=None, events=()):
        """Results stood there for three seconds, and nobody opened one."""
        self.visit.count += 1
        run = f"run-{self.visit.count}"
        asker = visit or f"visit-{self.visit.count}"
        self.kb.report(
            Report(
                run=run, visit=asker, lang="ru", filters=filters or {}, steps=(Step(query, 0),),
                shown=tuple((slug, at) for at, slug in enumerate(slugs, 1)),
                events=(*events, Event("left", ms=3000)),
            ),
            asker=asker,
        )  # fmt: skip
        assert self.kb.recorder.flush()
        return run

    def group(self):
        [found] = self.kb.misses(status="all")
        return found


@pytest.fixture
def world(settings, write):
    write("ru/password", LONG * 3, title="Сброс пароля")
    write("ru/mail", "Почта меняется в настройках.", title="Сменить почту")
    found = World(settings)
    found.kb.rebuild()
    yield found
    found.kb.close()


def test_a_build_without_a_changed_article_closes_nothing_readers_gave_up_on(world, write):
    for _ in range(3):
        world.ignores("сброс пароля", "ru/password")
    assert world.group().kinds == {"ignored": 3}

    write("ru/other", "Другое.", title="Совсем другое")
    report = world.kb.rebuild()

    assert (report.answered, world.group().status) == ((), "open")
    assert (world.group().triage.cause, world.group().triage.slug) == ("unhelpful", "ru/password")
    assert world.group().progress.answered_visits == 0


def test_a_moved_comma_closes_nothing_and_a_rewritten_article_does(world, write):
    world.ignores("сброс пароля", "ru/password")

    write("ru/password", (LONG * 3).replace("входа и", "входа, и") + " 2026", title="Сброс пароля")
    assert world.kb.rebuild().answered == ()

    more = "Если письмо не пришло, проверьте папку со спамом или спросите администратора. "
    write("ru/password", LONG * 3 + more, title="Сброс пароля")
    assert world.kb.rebuild().answered == ("сброс пароля",)
    assert (world.group().status, world.group().answer.share) == ("waiting", 100)


def test_the_article_that_was_voted_down_closes_nothing(world, write):
    run = world.ignores(
        "сброс пароля", "ru/password", events=(Event("click", "ru/password", 1, 900),)
    )
    world.kb.feedback("ru/password", False, reason="failed", text="Письма нет", run=run)
    assert world.kb.recorder.flush()
    assert world.group().kinds == {"unhelpful": 1}

    write("ru/other", "Другое.", title="Совсем другое")

    assert world.kb.rebuild().answered == ()
    assert world.group().triage.cause == "unhelpful"


def test_each_miss_is_asked_with_its_own_filters(world, write):
    write("ru/hidden", "Текст.", title="Телепорт на Луну", category="Луна")
    write("ru/earth", "Текст.", title="Земля", category="Земля")
    world.kb.rebuild()
    world.ignores("телепорт на луну", filters={"category": "Земля"})
    assert world.group().kinds == {"filtered": 1}

    world.kb.replay()
    assert world.group().status == "open"  # without filters it would be answered

    write("ru/earth", "Текст.", title="Телепорт на Луну с Земли", category="Земля")
    assert world.kb.rebuild().answered == ("телепорт на луну",)


def test_an_answer_is_proved_by_three_later_askers_or_two_weeks(world, write):
    world.visit.searches("сбросить пароль VPN")
    world.visit.searches("телепорт на Луну")
    write("ru/vpn", "Нажмите «Забыли».", title="Как сбросить пароль VPN")
    write("ru/moon", "Возьмите ракету.", title="Телепорт на Луну")
    assert len(world.kb.rebuild().answered) == 2
    statuses = lambda: {g.question: g.status for g in world.kb.misses(status="all")}  # noqa: E731

    for _ in range(3):
        world.visit.opens("ru/vpn", "сбросить пароль VPN")
    assert world.kb.replay().proved == ()  # of the same day: they may have come before
    world.at += timedelta(days=1)
    for _ in range(2):
        world.visit.opens("ru/vpn", "сбросить пароль VPN")
    assert world.kb.replay().proved == ()
    world.visit.opens("ru/vpn", "сбросить пароль VPN")

    assert world.kb.replay().proved == ("сбросить пароль VPN",)
    assert statuses() == {"сбросить пароль VPN": "answered", "телепорт на Луну": "waiting"}
    world.at += timedelta(days=13)
    assert world.kb.replay().proved == ("телепорт на Луну",)
    told = [change.what for change in world.kb.log.groups.history(2) if change.what != "triage"]
    assert told == ["waiting", "answered"]


def test_a_miss_starts_the_proof_anew(world, write):
    for _ in range(9):
        world.visit.searches("телепорт на Луну")
    write("ru/moon", "Возьмите ракету.", title="Телепорт на Луну")
    world.kb.rebuild()
    world.at += timedelta(days=10)
    world.ignores("телепорт на Луну", "ru/moon")

    world.at += timedelta(days=10)
    world.kb.replay()
    assert (world.group().status, world.group().progress.answered_visits) == ("waiting", 9)

    world.at += timedelta(days=4)
    assert world.kb.replay().proved == ("телепорт на Луну",)


def test_after_a_lost_answer_only_later_misses_count(world, write):
    for _ in range(9):
        world.visit.searches("телепорт на Луну")
    write("ru/moon", "Возьмите ракету.", title="Телепорт на Луну")
    world.kb.rebuild()
    world.at += timedelta(days=15)
    world.kb.replay()
    world.at += timedelta(days=1)
    world.ignores("телепорт на Луну", "ru/moon")
    assert world.group().status == "regressed"

    assert world.kb.replay().answered == ()  # nine were settled, but this one is not

    write("ru/moon", "Ракеты летают по вторникам, билет берут заранее.", title="Телепорт на Луну")
    assert world.kb.rebuild().answered == ("телепорт на Луну",)


def test_where_no_search_is_kept_the_question_stands_for_them(world, write):
    world.visit.searches("телепорт на Луну")
    world.kb.log.purge(NOW + timedelta(days=1))
    world.kb.replay()
    assert world.group().status == "open"

    write("ru/moon", "Возьмите ракету.", title="Телепорт на Луну")

    assert world.kb.rebuild().answered == ("телепорт на Луну",)


def test_the_words_of_articles_go_with_the_searches_that_saw_them(world):
    world.ignores("сброс пароля", "ru/password")
    log = world.kb.log
    with log.database.reading() as connection:
        row = connection.exec_driver_sql("select offered from runs").scalar_one()
    digest = json.loads(row)["ru/password"]
    assert log.closing.sketch(digest) == world.kb.catalog().sketch("ru/password")

    log.purge(NOW + timedelta(days=1))

    assert log.closing.sketch(digest) is None


def test_searches_from_before_remember_what_was_shown(empty_url):
    """A row of version 0005, on SQLite and PostgreSQL."""
    engine = sa.create_engine(database.address_of(empty_url))
    config = Config()
    config.set_main_option("script_location", str(ROOT / "kb" / "searchlog" / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        runs = sa.Table("runs", sa.MetaData(), autoload_with=connection)
        row = {c.name: "" if isinstance(c.type, sa.Text) else 0 for c in runs.c}
        row |= {c.name: False for c in runs.c if isinstance(c.type, sa.Boolean)}
        row |= {"id": "r", "shown": json.dumps([["ru/password", 1]]), "group_id": 1, "total": 3}
        connection.execute(runs.insert().values(row))
    engine.dispose()

    log = SearchLog(empty_url)
    with log.database.reading() as connection:
        offered = connection.execute(sa.text("select offered from runs")).scalar_one()
    log.close()

    assert json.loads(offered) == {"ru/password": ""}  # its words then are not known
