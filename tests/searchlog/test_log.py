"""The log of searches, on SQLite and PostgreSQL: what is kept, counted, grouped, forgotten."""

import os
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import postgres
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import NOON, Ask, moment
from paths import TESTS

from kb.base.errors import LogUnavailable
from kb.language import query_words
from kb.searchlog import miss_kinds, reports
from kb.searchlog.db import database, models, tables, transaction
from kb.searchlog.db.copies import migrate
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.searchlog.db.records import row_of
from kb.searchlog.db.sql import select
from kb.searchlog.db.transaction import LogTransaction
from kb.searchlog.recorder import Recorder, SearchOutcome
from kb.searchlog.reports import Event, parse_report

FULL = os.environ.get("KB_TEST_FULL") == "1"  # the figures of the note, in minutes not seconds
HITS: dict[str, Any] = {"total": 3, "confident": True, "shown": (("a", 1), ("b", 2))}


def click(slug: str = "a", ms: int = 2000) -> tuple[Event, ...]:
    return (Event("click", slug, 1, ms),)


def kinds(log: SearchLog) -> dict[str, str | None]:
    return {row["query"]: row["kind"] for row in log.export()}


# --- one search, one row ------------------------------------------------------------------------


def test_a_search_that_found_nothing_stands_in_the_list(log: SearchLog, ask: Ask) -> None:
    ask("v1", "как сбросить пароль")

    [group] = log.board.misses()

    assert (group.question, group.visits, group.kinds) == ("как сбросить пароль", 1, {"none": 1})
    assert (group.status, group.phrasings) == ("open", (("как сбросить пароль", 1),))


def test_a_search_that_was_answered_does_not(log: SearchLog, ask: Ask) -> None:
    ask("v1", "пароль", **HITS, seen=9, events=click())
    ask("v2", "оплата", **HITS, seen=9, events=(Event("answered", "a", 1, 900),))
    ask("v3", "доставка", **HITS, seen=1)

    assert log.board.misses() == []
    assert kinds(log) == {"пароль": None, "оплата": None, "доставка": None}


def test_recording_twice_changes_nothing(log: SearchLog, ask: Ask) -> None:
    ask("v1", "vpn", id="r1", events=click())
    before = list(log.export()), log.board.misses(), log.statistics.days()

    ask("v1", "vpn", id="r1", events=click())

    assert (list(log.export()), log.board.misses(), log.statistics.days()) == before


def test_placeholders_make_no_question(log: SearchLog, ask: Ask) -> None:
    ask("v1", "me@example.com")
    ask("v2", "@primer_imya")
    ask("v3", "не приходит письмо на me@example.com")
    ask("v4", "не приходит письмо на +7 900 555-01-23")

    assert [(group.question, group.visits) for group in log.board.misses()] == [
        ("не приходит письмо на ‹email›", 2)
    ]


def test_a_later_report_amends_the_run(log: SearchLog, ask: Ask) -> None:
    ask("v1", "vpn", id="r1", **HITS, seen=10)
    assert kinds(log) == {"vpn": "ignored"}

    ask("v1", "vpn", id="r1", **HITS, seen=10, events=click(ms=12_000))

    assert kinds(log) == {"vpn": None}
    assert log.board.misses() == []
    assert log.statistics.days()["2023-11-14"] == {
        "searches": 1,
        "surface:box": 1,
        "clicked": 1,
        "rank:1": 1,
    }


def test_reports_may_come_in_any_order(log: SearchLog, ask: Ask) -> None:
    ask("v1", "как сбросить пароль", id="r1", keystrokes=5, events=click("b"))
    ask("v1", "как сбр", id="r1", keystrokes=2, events=click("a"))

    [row] = log.export()

    assert (row["query"], row["keystrokes"]) == ("как сбросить пароль", 5)
    assert sorted(event["slug"] for event in row["events"]) == ["a", "b"]


def test_a_report_may_only_amend_a_run_of_its_own_visit(log: SearchLog, ask: Ask) -> None:
    ask("v1", "vpn", id="r1")
    before = list(log.export())

    ask("stranger", "vpn для всех", id="r1", keystrokes=99, events=click())

    assert list(log.export()) == before
    assert log.forged == 1


def test_searches_of_one_visit_that_go_on_with_each_other_are_one(log: SearchLog, ask: Ask) -> None:
    ask("v1", "как сбр", 0)  # a page without scripts reports each submission
    ask("v1", "как сбросить", 5)
    ask("v1", "как сбросить пароль", 12)

    [row] = log.export()

    assert (row["id"], row["query"], row["keystrokes"]) == ("r0", "как сбросить пароль", 3)
    assert log.statistics.days()["2023-11-14"]["searches"] == 1


def test_they_are_one_in_whatever_order_they_arrive(log: SearchLog, ask: Ask) -> None:
    ask("v1", "как сбр", 0)
    ask("v1", "как сбросить пароль", 16)
    assert len(list(log.export())) == 2

    ask("v1", "как сбросить", 8)  # another worker held it longer

    [row] = log.export()
    assert (row["query"], row["keystrokes"]) == ("как сбросить пароль", 3)
    assert [group.question for group in log.board.misses()] == ["как сбросить пароль"]


def test_a_joined_run_is_known_by_each_of_its_names(log: SearchLog, ask: Ask) -> None:
    ask("v1", "парол", 0, id="first", **HITS)
    ask("v1", "пароль", 5, id="second", **HITS)

    ask("v1", "пароль", 5, id="second", **HITS, events=click())

    [row] = log.export()
    assert (row["id"], row["clicked"]) == ("first", True)


def test_what_was_asked_in_between_ends_a_search(log: SearchLog, ask: Ask) -> None:
    ask("v1", "пароль", 0)
    ask("v1", "оплата", 3)
    ask("v1", "пароль vpn", 6)

    assert len(list(log.export())) == 3


def test_strangers_are_never_joined(log: SearchLog, ask: Ask) -> None:
    ask("v1", "как сбр", 0)
    ask("v2", "как сбросить", 1)

    assert len(list(log.export())) == 2


def test_a_click_ends_a_search(log: SearchLog, ask: Ask) -> None:
    ask("v1", "пароль", 0, events=click())
    ask("v1", "пароль vpn", 5)

    assert len(list(log.export())) == 2


# --- kinds and flags ----------------------------------------------------------------------------


def test_each_kind_is_counted_as_defined(log: SearchLog, ask: Ask) -> None:
    ask("a", "с фильтром", total=0, unfiltered=2, filters={"category": "vpn"})
    ask("b", "ничего", total=0)
    ask("c", "слабо", total=2, confident=False)
    ask("d", "ghbdtn", **HITS, correction="layout", corrected="привет")
    ask("e", "сначала так", 0, **HITS, seen=30)
    ask("e", "потом иначе", 60, **HITS, events=click())
    ask("f", "без ответа", **HITS, seen=2)
    ask("g", "с ответом", **HITS, seen=2, events=click())

    assert kinds(log) == {
        "с фильтром": "filtered",
        "ничего": "none",
        "слабо": "weak",
        "ghbdtn": "rescued",
        "сначала так": "refined",
        "потом иначе": None,
        "без ответа": "ignored",
        "с ответом": None,
    }
    day = log.statistics.days()["2023-11-14"]
    own = [kind.name for kind in miss_kinds.MISS_KINDS if not kind.is_flag]
    assert {name: day[name] for name in own} == dict.fromkeys(own, 1)
    assert (day["searches"], day["counted"], day["miss"]) == (8, 4, 6)


def test_the_same_question_again_refines_nothing(log: SearchLog, ask: Ask) -> None:
    ask("v", "пароль", 0, **HITS, events=click())
    ask("v", "Пароли", 30, **HITS, events=click())
    ask("v", "оплата", 120, **HITS, events=click())  # more than 60 s later

    assert set(kinds(log).values()) == {None}


def test_a_refinement_is_seen_from_either_side(log: SearchLog, ask: Ask) -> None:
    ask("v", "второй вопрос", 30, **HITS, events=click())
    ask("v", "первый вопрос", 0, **HITS, events=click())  # arrives late

    assert kinds(log) == {"первый вопрос": "refined", "второй вопрос": None}


def test_a_letter_flags_the_searches_of_half_an_hour(log: SearchLog, ask: Ask) -> None:
    ask("v", "давно", 0, **HITS, events=click())
    ask("v", "недавно", 600, **HITS, events=click())
    ask("w", "чужой", 600, **HITS, events=click())

    log.ticket("не работает", visit="v", at=moment(600 + 1 + 30 * 60))

    assert [group.question for group in log.board.misses()] == ["недавно"]
    assert log.board.misses()[0].kinds == {"ticketed": 1}


def test_a_search_that_is_reported_after_the_letter_is_flagged_too(
    log: SearchLog, ask: Ask
) -> None:
    log.ticket("не работает", visit="v", at=moment(100))

    ask("v", "до письма", 50, **HITS, events=click())
    ask("v", "после письма", 200, **HITS, events=click())

    assert [group.question for group in log.board.misses()] == ["до письма"]


def test_a_letter_sent_twice_is_one_letter(log: SearchLog) -> None:
    for _ in range(2):
        log.ticket("текст", id="t1", visit="v", at=moment(1), type="оплата", offered=("a", "b"))

    [ticket] = log.inbox.tickets()
    assert (ticket.text, ticket.type, ticket.offered) == ("текст", "оплата", ("a", "b"))


def test_a_letter_is_kept_apart_from_the_visit(log: SearchLog, ask: Ask) -> None:
    ask("visit-1", "vpn")
    log.ticket("я Иван", visit="visit-1", reply_to="ivan@mail.ru", at=moment(5))

    assert "visit-1" not in repr(log.inbox.tickets())


def test_a_bad_vote_flags_the_search_that_led_to_the_article(log: SearchLog, ask: Ask) -> None:
    ask("v", "пароль", id="r1", **HITS, events=click())

    log.feedback("a", False, run="r1", reason="устарело", text="звоните 89161234567")

    assert log.board.misses()[0].kinds == {"unhelpful": 1}
    assert log.inbox.votes("a")[0].text == "звоните ‹phone›"

    log.feedback("a", True, run="r1")  # the reader thought again

    assert log.board.misses() == []
    assert [vote.helpful for vote in log.inbox.votes("a")] == [True]


def test_of_two_searches_in_a_report_the_one_that_opened_the_article_is_flagged(
    log: SearchLog, ask: Ask
) -> None:
    ask("v", "пароль", 0, id="r1", **HITS, events=click("other"))
    ask("v", "оплата", 100, id="r1~2", report="r1", **HITS, events=click("a"))

    log.feedback("a", False, run="r1")

    assert [group.question for group in log.board.misses()] == ["оплата"]


def test_a_vote_that_comes_first_waits_for_its_search(log: SearchLog, ask: Ask) -> None:
    log.feedback("a", False, run="r1")

    ask("v", "пароль", id="r1", **HITS, events=click())

    assert log.board.misses()[0].kinds == {"unhelpful": 1}


def test_a_visit_of_more_than_thirty_searches_a_minute_is_a_robot(log: SearchLog, ask: Ask) -> None:
    for i in range(30):
        ask("person", f"вопрос {i} {'абвгд'[i % 5] * 9}", i * 1.9, lang="xx")
    for i in range(31):
        ask("robot", f"junk {i} {'abcde'[i % 5] * 9}", i * 1.9, lang="yy")

    days = {lang: log.statistics.days(lang=lang)["2023-11-14"] for lang in ("xx", "yy")}
    assert days["xx"]["searches"] == 30
    assert days["yy"] == {"robots": 31}
    assert all(group.lang == "xx" for group in log.board.misses(limit=99))


def test_askers_are_counted_by_word_in_whatever_form(log: SearchLog, ask: Ask) -> None:
    ask("v1", "впн дома отключается")
    ask("v2", "впн дома отключается")
    ask("v2", "впн дома отключался", 3600)
    ask("v3", "впн дома отключается вечером", 60)
    [group] = log.groups.to_replay(0)

    counted = log.shared.askers_by_word(group.id)
    assert counted == {"впн": 3, "дом": 3, "отключаться": 3, "вечером": 1}
    log.purge(moment(86_400))
    assert log.shared.askers_by_word(group.id) == {}


def test_a_known_robot_is_marked_and_left_out_not_deleted(log: SearchLog, ask: Ask) -> None:
    ask("v", "vpn", robot=True)

    assert log.board.misses() == []
    assert [row["robot"] for row in log.export()] == [True]


# --- groups -------------------------------------------------------------------------------------


def test_misses_that_ask_the_same_are_one_group(log: SearchLog, ask: Ask) -> None:
    ask("v1", "как сбросить пароль")
    ask("v2", "Как сбросить пароли?")
    ask("v3", "оплата картой")

    assert [(group.question, group.visits) for group in log.board.misses()] == [
        ("как сбросить пароль", 2),
        ("оплата картой", 1),
    ]


def test_a_repaired_query_is_grouped_by_what_was_meant(log: SearchLog, ask: Ask) -> None:
    ask("v1", "сбросить пароль", total=1)
    ask("v2", "c,hjcbnm gfhjkm", total=1, correction="layout", corrected="сбросить пароль")

    [group] = log.board.misses()
    assert (group.question, group.visits) == ("сбросить пароль", 2)


def test_the_list_is_ordered_by_visits_times_three_for_letters_then_age(
    log: SearchLog, ask: Ask
) -> None:
    for i in range(4):
        ask(f"four-{i}", "четыре человека", 5000 + i)
    for i in range(9):
        ask("stubborn", "один упрямый", i * 100)
    ask("late", "второй старый", 50)
    ask("early", "первый старый", 20)
    for i in range(2):
        ask(f"letter-{i}", "двое написали", 9000)
    log.ticket("помогите", visit="letter-1", at=moment(9100))

    assert [group.question for group in log.board.misses()] == [
        "двое написали",  # 2 visits × 3
        "четыре человека",  # 4
        "один упрямый",  # 1, since second 0
        "первый старый",  # 1, since 20
        "второй старый",  # 1, since 50
    ]


def test_groups_keep_their_ids_and_are_found_again(log: SearchLog, ask: Ask, url: str) -> None:
    ask("v1", "как сбросить пароль")
    id = log.board.misses()[0].id
    log.close()

    again = SearchLog(url)
    again.record(Search("x", "v2", "сбросить как пароль", NOON + 99, NOON + 99))

    assert [(group.id, group.visits) for group in again.board.misses()] == [(id, 2)]
    again.close()


def test_the_list_can_be_narrowed(log: SearchLog, ask: Ask) -> None:
    ask("v1", "старый вопрос", 0)
    ask("v2", "старый вопрос", 86_400)
    ask("v3", "новый и слабый", 90_000, total=1, lang="en")
    log.actions.assign(log.board.misses()[0].id, "Анна")

    def names(**how: Any) -> list[tuple[str, int]]:
        return [(group.question, group.visits) for group in log.board.misses(**how)]

    assert names(since=moment(80_000).date()) == [("старый вопрос", 1), ("новый и слабый", 1)]
    assert names(kind="weak") == [("новый и слабый", 1)]
    assert names(kind="ticketed") == names(kind="no such kind") == []
    assert names(status="assigned") == names(owner="Анна") == [("старый вопрос", 2)]
    assert names(lang="en") == [("новый и слабый", 1)]
    assert names(limit=1, offset=1) == [("новый и слабый", 1)]
    assert len(names(status="all")) == 2


def test_a_query_without_words_founds_no_group(log: SearchLog, ask: Ask) -> None:
    ask("v", "???!!!")

    assert log.board.misses() == []


def test_text_that_looks_like_sql_is_text(log: SearchLog, ask: Ask) -> None:
    ask("v", "пароль'); drop table runs; -- :id %s {x}")

    assert log.board.misses()[0].question == "пароль'); drop table runs; -- :id %s {x}"


word_sets = st.lists(
    st.lists(st.sampled_from([f"слово{i}" for i in range(9)]), min_size=1, max_size=9),
    min_size=1,
    max_size=25,
)


def most_similar(words: set[str], groups: Mapping[int, set[str]]) -> int | None:
    """The group most similar to `words` by Jaccard, from .7; the oldest on a tie."""
    similar = {id: Fraction(len(words & own), len(words | own)) for id, own in groups.items()}
    close = [
        (-similarity, id) for id, similarity in similar.items() if similarity >= Fraction("0.7")
    ]
    return min(close)[1] if close else None


@pytest.mark.parametrize(("a", "b", "same"), [(7, 10, True), (69, 100, False), (70, 100, True)])
def test_seven_tenths_are_enough(log: SearchLog, a: int, b: int, same: bool) -> None:
    names = [f"слово{chr(0x430 + n // 10)}{chr(0x430 + n % 10)}" for n in range(b)]
    for visit, words in (("v1", names), ("v2", names[:a])):
        row = row_of(Search(visit, visit, "вопрос", NOON, NOON)) | {"words": " ".join(words)}
        with log.database.writing() as connection:
            transaction = LogTransaction(connection)
            transaction._settle(visit, {}, [row], [], robot=False)
            transaction.finish()

    assert (len({row["group"] for row in log.export()}) == 1) is same


@settings(max_examples=25)
@given(word_sets)
def test_the_database_groups_as_the_definition_does(queries: list[list[str]]) -> None:
    log = SearchLog("sqlite://")
    founding: dict[int, set[str]] = {}
    expected = []
    for i, words in enumerate(queries):
        asked = set(query_words.key(" ".join(words)).split())
        id = most_similar(asked, founding)
        if id is None:
            id = len(founding) + 1
            founding[id] = asked
        expected.append((f"{i:03}", id))
        log.record(Search(f"{i:03}", f"v{i}", " ".join(words), NOON + i, NOON + i))

    assert [(row["id"], row["group"]) for row in log.export()] == expected
    log.close()


# --- the life of a group ------------------------------------------------------------------------


@pytest.fixture
def group(log: SearchLog, ask: Ask) -> int:
    ask("v1", "как сбросить пароль")
    return log.board.misses()[0].id


def test_a_group_lives_from_open_to_answered_to_regressed(
    log: SearchLog, ask: Ask, group: int
) -> None:
    def status() -> str:
        found = log.groups.get(group)
        assert found is not None
        return found.status

    assert status() == "open"
    log.actions.assign(group, "Анна", who="lead", at=moment(10))
    assert status() == "assigned"

    assert log.actions.answer(group, slug="pw", build="b2", commit="c0ffee", rank=2, at=moment(20))
    assert not log.actions.answer(group, slug="pw", build="b3", at=moment(30))  # still
    assert status() == "answered"
    assert log.board.misses() == []

    ask("v2", "как сбросить пароль", 40)
    assert status() == "regressed"
    assert [change.what for change in log.groups.history(group)] == [
        "assigned",
        "answered",
        "regressed",
    ]


def test_an_answer_says_which_article_build_commit_and_rank(log: SearchLog, group: int) -> None:
    log.actions.answer(group, slug="pw", build="b2", commit="c0ffee", rank=2, committed=moment(15),
               at=moment(20))  # fmt: skip

    [found] = log.board.misses(status="answered")

    assert found.answer == models.GroupAnswer("pw", "b2", "c0ffee", 2, moment(15), moment(20))


def test_an_earlier_miss_that_is_reported_late_regresses_nothing(
    log: SearchLog, ask: Ask, group: int
) -> None:
    log.actions.answer(group, slug="pw", build="b2", at=moment(100))

    ask("v2", "как сбросить пароль", 50)

    assert [found.status for found in log.board.misses(status="all")] == ["answered"]


def test_an_article_that_falls_out_regresses_its_groups(log: SearchLog, group: int) -> None:
    assert not log.actions.regress(group, "never was answered")
    log.actions.answer(group, slug="pw", build="b2")

    assert log.actions.regress(group, "pw is gone")

    assert [found.status for found in log.board.misses()] == ["regressed"]


def test_a_dismissed_group_comes_back_after_its_date(log: SearchLog, ask: Ask, group: int) -> None:
    log.actions.dismiss(group, "не наш продукт", until=moment(1000), who="lead", at=moment(10))
    ask("v2", "как сбросить пароль", 500)
    assert log.board.misses() == []
    assert log.board.misses(status="dismissed")[0].dismissed == "не наш продукт"

    ask("v3", "как сбросить пароль", 2000)

    assert [(found.status, found.visits) for found in log.board.misses()] == [("open", 3)]


def test_groups_are_merged_and_split_by_hand(log: SearchLog, ask: Ask, group: int) -> None:
    ask("v2", "забыл код входа")
    other = next(found.id for found in log.board.misses() if found.id != group)
    log.actions.annotate(group, "важно")

    log.actions.merge(other, group, who="lead")
    ask("v3", "забыл код входа")

    [merged] = log.board.misses()
    assert (merged.id, merged.visits, merged.note) == (group, 3, "важно")
    found = log.groups.get(other)
    assert found is not None
    assert found.id == group

    new = log.actions.split(group, "забыл код входа", who="lead")

    assert {(found.id, found.visits) for found in log.board.misses()} == {(group, 1), (new, 2)}
    with pytest.raises(KeyError, match="no group 99"):
        log.actions.merge(99, group)


def test_one_network_adds_five_visits_a_day_to_a_group(log: SearchLog, ask: Ask) -> None:
    for n in range(8):
        ask(f"v{n}", "вернуть деньги", n, asker="office")
    ask("v0", "вернуть деньги", 100, asker="office")
    ask("home", "вернуть деньги", 101, asker="home")

    [group] = log.board.misses()
    assert (group.visits, group.searches) == (6, 10)
    assert group.phrasings == (("вернуть деньги", 6),)
    log.purge(moment(86_400))
    assert [(group.visits, group.searches) for group in log.board.misses()] == [(6, 10)]


def test_a_letter_counts_no_visit_beyond_its_networks_share(log: SearchLog, ask: Ask) -> None:
    for n in range(8):
        ask(f"v{n}", "вернуть деньги", n, asker="office")
        log.ticket("верните", visit=f"v{n}", at=moment(n + 20), asker="office")

    [group] = log.board.misses()
    assert (group.visits, group.tickets, group.kinds["ticketed"]) == (5, 5, 8)


def test_one_network_founds_so_many_groups_a_day_and_others_bring_the_rest_to_the_board(
    log: SearchLog, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "MOST_FOUNDED", 2)
    for n, query in enumerate(["один", "два", "три", "четыре"]):
        ask(f"v{n}", query, n, asker="office")
    assert {group.question for group in log.board.misses()} == {"один", "два"}

    ask("w", "три", 50, asker="home")
    ask("v1", "два", 51, asker="office")

    assert {group.question: group.visits for group in log.board.misses()} == {
        "один": 1,
        "два": 1,
        "три": 1,
    }
    assert len(list(log.export())) == 6


def test_the_costliest_groups_are_replayed_first(log: SearchLog, ask: Ask) -> None:
    for visit, query in enumerate(["один", "два", "два", "три", "четыре"]):
        ask(f"v{visit}", query, visit * 100)
    log.actions.dismiss(3, "мусор")

    assert log.groups.costliest_to_replay() == ([2, 1, 4], 3)
    assert log.groups.costliest_to_replay(2) == ([2, 1], 3)


def test_a_flood_is_removed_as_if_it_had_never_been(log: SearchLog, ask: Ask) -> None:
    for visit in ("a", "b"):
        ask(visit, "вернуть деньги", id=f"honest-{visit}")
    before = list(log.export()), log.statistics.days(), log.board.misses()
    for n in range(120):
        ask(f"f{n}", f"дешёвые окна номер {'абвгдежзик'[n % 10] * 3}{n}", 5_000 + n)

    found = log.forgettable(moment(4_000))
    removed = log.forget_groups(found.groups)

    assert (removed, found.searches, len(found.examples)) == (120, 120, 5)
    assert (list(log.export()), log.statistics.days(), log.board.misses()) == before
    ask("c", "другое", 9_000)
    assert [group.id for group in log.board.misses(text="другое")] == [max(found.groups) + 1]


def test_only_what_is_named_and_untouched_is_forgettable(log: SearchLog, ask: Ask) -> None:
    for second, query in enumerate(
        ["раньше", "много", "заметка", "другое", "окна", "окна ПВХ дом"]
    ):
        ask(f"v{second}", query, second * 100)
    ask("again", "много", 700)
    log.actions.annotate(3, "важно", who="Анна")

    def asked(**more: Any) -> list[int]:
        return list(log.forgettable(moment(100), **more).groups)

    assert asked() == [2, 4, 5, 6]
    assert asked(fewer_than=2) == [4, 5, 6]
    assert asked(text="ОКНА") == [5, 6]
    assert asked(until=moment(450)) == [2, 4, 5]


def test_replay_is_given_all_groups_but_dismissed_ones(log: SearchLog, ask: Ask) -> None:
    for i, query in enumerate(["один", "два", "три"]):
        ask(f"v{i}", query)
    log.actions.dismiss(2, "мусор")

    assert [found.question for found in log.groups.to_replay()] == ["один", "три"]
    assert [found.question for found in log.groups.to_replay(after=1)] == ["три"]


# --- what others see ----------------------------------------------------------------------------


def test_a_query_is_suggested_once_three_askers_asked_it_and_found(
    log: SearchLog, ask: Ask
) -> None:
    for visit in ("a", "b", "c"):
        ask(visit, "Сброс пароля" if visit == "a" else "сброс  пароля", **HITS, events=click())
        ask(visit, "меня зовут Иван", 200, **HITS)  # never clicked
        ask("a", "только я", 400, **HITS, events=click())
        ask(visit, "письмо ivan@mail.ru", 600, **HITS, events=click())
        ask(f"robot-{visit}", "junk", 800, **HITS, events=click(), robot=True)

    [found] = log.shared.successful_queries("ru", least=3)
    assert (found.name.casefold().split(), found.askers) == (["сброс", "пароля"], 3)
    assert log.shared.successful_queries("en", least=1) == []


def test_popular_articles_are_those_opened_by_most_askers(log: SearchLog, ask: Ask) -> None:
    for visit in ("a", "b"):
        ask(visit, "пароль", **HITS, events=click("pw"))
    for at in range(0, 900, 100):
        ask("a", f"оплата {at}", at + 100, **HITS, events=click("pay"))
    ask("c", "vpn", **HITS, lang="en", events=click("vpn"))

    popular = log.shared.popular("ru", least=1)
    assert [(found.name, found.askers) for found in popular] == [("pw", 2), ("pay", 1)]
    assert [found.name for found in log.shared.popular("ru", least=2)] == ["pw"]
    assert [found.name for found in log.shared.popular("ru", least=1, limit=1)] == ["pw"]


# --- privacy ------------------------------------------------------------------------------------

SECRETS = ("ivan.petrov@example.com", "89161234567", "4111 1111 1111 1111", "ivan.petrov@gm")


def everything(url: str) -> str:
    """All that is in the database, and in its files where it has some."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        dump = repr([connection.execute(sa.text(f"select * from {n}")).all() for n in names])
    engine.dispose()
    if url.startswith("sqlite"):
        for file in Path(url.removeprefix("sqlite:///")).parent.iterdir():
            dump += file.read_bytes().decode("utf-8", "replace")
    return dump


def test_nothing_personal_reaches_the_disk(log: SearchLog, ask: Ask, url: str) -> None:
    for i, secret in enumerate(SECRETS):
        ask(f"v{i}", f"вход {secret}", first=secret, filters={"tag": secret}, corrected=secret)
        log.feedback("a", False, text=secret, reason=secret)

    dump = everything(url)

    assert "‹email›" in dump
    assert [secret for secret in SECRETS if secret in dump] == []


def test_forgetting_leaves_no_trace(log: SearchLog, ask: Ask, url: str) -> None:
    ask("v1", "договор Сидорова Петра")
    ask("v2", "договор сидорова петра", 100)
    ask("v3", "совсем другое")
    log.actions.annotate(1, "клиент СИДОРОВА Петра звонил", who="lead")
    log.feedback("a", False, text="Сидорова Петра не нашла")
    log.ticket("от Сидорова Петра", visit="v1", at=moment(9))

    places = log.forget("сидорова петра")

    assert places >= 5
    dump = everything(url).casefold()
    assert "сидоров" not in dump
    assert "пётр" not in dump
    assert [group.question for group in log.board.misses()] == ["совсем другое"]
    assert log.statistics.days()["2023-11-14"]["searches"] == 1
    assert log.forget("сидорова петра") == log.forget("  ") == 0


def test_retention_deletes_searches_and_keeps_groups_and_counts(log: SearchLog, ask: Ask) -> None:
    for i in range(5):
        ask(f"v{i}", "как сбросить пароль", i * 86_400)
    log.ticket("старое", visit="v0", at=moment(60))
    before = log.statistics.days()

    assert log.purge(moment(3 * 86_400)) == 3
    assert log.purge(moment(3 * 86_400)) == 0

    assert len(list(log.export())) == 2
    [group] = log.board.misses()
    assert (group.visits, group.searches, group.tickets, group.first) == (5, 5, 1, moment(1))
    assert group.kinds == {"none": 5, "ticketed": 1}
    assert log.statistics.days() == before
    assert log.inbox.tickets() == []

    ask("v9", "сбросить пароль как", 9 * 86_400)
    assert log.board.misses()[0].visits == 6


def test_what_is_purged_leaves_the_file(log: SearchLog, url: str) -> None:
    log.feedback("a", False, text="Сидорова Петра не нашла", at=moment(0))
    assert "Сидорова" in everything(url)

    log.purge(moment(60))

    assert "Сидорова" not in everything(url)


def test_a_log_of_a_newer_version_says_what_to_do(log: SearchLog, url: str) -> None:
    with log.database.writing() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")

    with pytest.raises(LogUnavailable, match=r"newer version of kb; install that one again"):
        SearchLog(url)


def test_the_file_is_the_services_own(tmp_path: Path) -> None:
    SearchLog(f"sqlite:///{tmp_path / 'new' / 'log.sqlite3'}").close()

    assert stat.S_IMODE((tmp_path / "new" / "log.sqlite3").stat().st_mode) == 0o600


# --- the database -------------------------------------------------------------------------------


def test_migrations_make_the_tables_the_code_means(log: SearchLog, url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, tables.META)
        assert context.get_current_revision() == database.HEAD
    engine.dispose()

    assert differences == []


def test_the_newest_migration_is_the_one_a_log_is_brought_to() -> None:
    steps = Path(database.__file__).parents[1] / "migrations/versions"

    assert max(file.name[:4] for file in steps.glob("[0-9]*.py")) == database.HEAD


def test_several_processes_may_open_a_new_log_at_once(url: str) -> None:
    script = "import sys; from kb.searchlog.db.log import SearchLog; SearchLog(sys.argv[1]).close()"
    found = [subprocess.Popen([sys.executable, "-c", script, url]) for _ in range(3)]

    assert [process.wait(60) for process in found] == [0, 0, 0]


def test_two_threads_may_open_two_new_logs_at_once(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / f'{number}.sqlite3'}" for number in range(4)]

    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(SearchLog, urls))

    for log in opened:
        assert log.database.select_one("select count(*) as count from letters") == {"count": 0}
        log.close()


def test_sqlite_is_opened_to_lose_nothing(tmp_path: Path) -> None:
    log = SearchLog(f"sqlite:///{tmp_path / 'log'}")
    with log.database.engine.connect() as connection:

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"pragma {name}").scalar_one()

        wal = sqlite3.sqlite_version_info >= (3, 51, 3)
        assert pragma("journal_mode") == ("wal" if wal else "delete")
        assert [pragma(name) for name in ("synchronous", "secure_delete", "busy_timeout")] == [
            2, 1, 5000,
        ]  # fmt: skip
    log.close()


@pytest.mark.parametrize("held", ["begin immediate", "begin; select * from runs"])
def test_a_log_that_stays_locked_says_so_and_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    log = SearchLog(f"sqlite:///{tmp_path / 'log'}")
    log.record(Search("r0", "v0", "vpn", NOON, NOON))
    other = sqlite3.connect(tmp_path / "log", isolation_level=None)
    for statement in held.split(";"):
        other.execute(statement).fetchone()
    monkeypatch.setattr(database, "_BUSY_MS", 50)
    with pytest.raises(LogUnavailable, match="locked"):
        log.record(Search("r1", "v1", "vpn", NOON, NOON))

    other.execute("rollback")
    log.record(Search("r1", "v1", "vpn", NOON, NOON))

    assert [row["id"] for row in log.export()] == ["r0", "r1"]
    other.close()
    log.close()


@pytest.mark.parametrize("held", ["begin immediate", "begin; select * from runs"])
def test_a_writer_waits_for_others_and_for_readers(tmp_path: Path, held: str) -> None:
    log = SearchLog(f"sqlite:///{tmp_path / 'log'}")
    log.record(Search("r0", "v0", "vpn", NOON, NOON))
    other = sqlite3.connect(tmp_path / "log", isolation_level=None, check_same_thread=False)
    for statement in held.split(";"):
        other.execute(statement).fetchone()
    done = threading.Timer(0.1, other.execute, ("rollback",))
    done.start()

    log.record(Search("r1", "v1", "vpn", NOON, NOON))

    assert [row["id"] for row in log.export()] == ["r0", "r1"]
    done.join()
    other.close()
    log.close()


def test_a_writer_is_alone_before_it_reads(tmp_path: Path) -> None:
    log = SearchLog(f"sqlite:///{tmp_path / 'log'}")
    other = sqlite3.connect(tmp_path / "log", isolation_level=None, timeout=0)

    with log.database.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("begin immediate")

    other.execute("begin immediate")
    other.close()
    log.close()


def test_a_search_is_recorded_in_a_dozen_statements(log: SearchLog, ask: Ask) -> None:
    ask("v1", "как сбросить пароль")
    told: list[str] = []
    sa.event.listen(log.database.engine, "before_cursor_execute", lambda *of: told.append(of[2]))

    ask("v2", "как сбросить пароль")

    [group] = log.board.misses()
    assert group.visits == 2
    recorded = told[: next(i for i, words in enumerate(told) if words.startswith("UPDATE groups"))]
    assert len(recorded) <= 15  # before it; the turn, the askers and what it solved are three


def test_nothing_is_in_an_empty_list(log: SearchLog, ask: Ask) -> None:
    ask("v1", "vpn")
    with log.database.reading() as connection:
        query = "select id from runs where id in :ids and query = :q and query not like '%x%'"
        found = [select(connection, query, ids=ids, q="vpn") for ids in ([], ["r0"], ["a", "r0"])]

    assert found == [[], [{"id": "r0"}], [{"id": "r0"}]]


def test_health_tells_the_database_and_what_it_holds(log: SearchLog, ask: Ask) -> None:
    ask("v", "vpn")

    health = log.health()

    assert (health.ok, health.searches) == (True, 1)
    assert health.database.startswith(("SQLite 3.", "PostgreSQL 1"))


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("mysql://localhost/kb", "knows SQLite and PostgreSQL, not mysql; change KB_DATABASE_URL"),
        ("nonsense", "cannot be read; write KB_DATABASE_URL as"),
        ("sqlite:////proc/nowhere/log", "cannot be written (No such file or directory); check"),
        ("postgresql://kb:secret@127.0.0.1:9/kb", "kb:***@127.0.0.1:9/kb cannot be used: "),
    ],
)
def test_an_address_that_does_not_work_is_one_sentence(address: str, sentence: str) -> None:
    with pytest.raises(LogUnavailable) as error:
        SearchLog(address)

    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("there_and_back", [False, True])
def test_a_log_moves_into_another_database_without_loss(
    log: SearchLog, ask: Ask, url: str, tmp_path: Path, there_and_back: bool
) -> None:
    for i in range(7):
        ask(f"v{i}", f"вопрос {'абвгдеж'[i] * 5}", **HITS, events=click())
    ask("v7", "ничего")
    log.feedback("a", False, run="r1", text="плохо")
    log.ticket("письмо", visit="v7", at=moment(9))
    log.actions.assign(1, "Анна", who="lead", at=moment(9))
    target = f"sqlite:///{tmp_path / 'other.sqlite3'}"

    copied = migrate(url, target, page=3)
    if there_and_back:
        copied = migrate(target, f"sqlite:///{tmp_path / 'third'}", page=100)
        target = f"sqlite:///{tmp_path / 'third'}"

    other = SearchLog(target)
    assert copied["runs"] == 8
    assert list(other.export()) == list(log.export())
    assert (other.board.misses(status="all"), other.statistics.days()) == (
        log.board.misses(status="all"),
        log.statistics.days(),
    )
    assert (other.inbox.tickets(), other.inbox.votes(), other.groups.history(1)) == (
        log.inbox.tickets(), log.inbox.votes(), log.groups.history(1),
    )  # fmt: skip
    other.record(Search("new", "v99", "ничего", NOON, NOON))
    assert {group.visits for group in other.board.misses() if group.question == "ничего"} == {2}
    other.close()
    with pytest.raises(LogUnavailable, match="already holds"):
        migrate(url, target)


@pytest.mark.postgres
def test_a_sqlite_log_moves_to_postgresql(server: postgres.Server, tmp_path: Path) -> None:
    old = SearchLog(f"sqlite:///{tmp_path / 'log'}")
    for i in range(50):
        old.record(Search(f"r{i}", f"v{i}", f"вопрос {i // 5}", NOON + i, NOON + i))
    target = server.new_database()

    migrate(f"sqlite:///{tmp_path / 'log'}", target)

    new = SearchLog(target)
    assert sorted(map(repr, new.export())) == sorted(map(repr, old.export()))
    assert new.board.misses() == old.board.misses()
    for log in (old, new):
        log.close()
    server.drop(target)


def acknowledged(notes: Path) -> set[str]:
    return {
        line
        for file in notes.iterdir()
        for line in file.read_text().splitlines(keepends=True)
        if line.endswith("\n")
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "processes", "rows"),
    [("load", 4, 2000 if FULL else 100), ("kills", 100 if FULL else 8, 0)],
)
def test_no_acknowledged_row_is_lost(
    url: str, tmp_path: Path, how: str, processes: int, rows: int
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    SearchLog(url).close()
    writer = TESTS / "log_writer.py"

    started = time.monotonic()
    subprocess.run([sys.executable, writer, url, notes, how, str(processes), str(rows)], check=True)
    took = time.monotonic() - started

    log = SearchLog(url)
    kept = {row["id"] for row in log.export()}
    wanted = {line.strip() for line in acknowledged(notes)}
    counted = sum(day["searches"] for day in log.statistics.days().values())
    log.close()
    print(f"\nmeasured: {url.split(':')[0]}, {how}: acknowledged {len(wanted)} in {took:.1f} s, "
          f"lost {len(wanted - kept)}")  # fmt: skip
    assert wanted - kept == set()
    assert counted == len(kept)
    if rows:
        assert len(wanted) == processes * rows


# --- the recorder -------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def judge(query: str, lang: str, filters: Any) -> SearchOutcome:
    return SearchOutcome(0 if "miss" in query else 3, confident=True, build="b1")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(url: str, clock: Clock) -> Iterator[Recorder]:
    made = Recorder(lambda: SearchLog(url), judge, clock=clock)
    yield made
    made.close(5)


def report(run: str, *steps: tuple[str, int], visit: str = "v1", **more: Any) -> reports.Report:
    return parse_report(
        {"run": run, "visit": visit, "steps": [{"q": q, "ms": ms} for q, ms in steps], **more}
    )


CLICK = {"events": [{"kind": "click", "slug": "a", "rank": 1, "ms": 3000}]}


def test_reports_of_a_run_become_one_search(recorder: Recorder, log: SearchLog) -> None:
    recorder.report(report("r", ("как", 0), ("как сбр", 400)))
    recorder.report(report("r", ("как", 0), ("как сбр", 400), ("как сбросить", 900), **CLICK))

    assert recorder.flush()

    [row] = log.export()
    assert (row["query"], row["keystrokes"], row["clicked"]) == ("как сбросить", 3, True)
    assert (row["total"], row["build"], row["seen"]) == (3, "b1", 2100)
    assert (recorder.written, recorder.dropped, recorder.waiting) == (1, 0, 0)


def test_a_run_is_written_once_it_is_closed_or_quiet(
    recorder: Recorder, log: SearchLog, clock: Clock
) -> None:
    recorder.report(report("open", ("vpn", 0)))
    recorder.report(report("closed", ("оплата", 0), visit="v2", **CLICK))

    wait_for(lambda: recorder.written == 1)
    assert [row["id"] for row in log.export()] == ["closed"]

    clock.now += 10.1
    wait_for(lambda: recorder.written == 2)
    assert {row["id"]: row["seen"] for row in log.export()}["open"] == 10_100


def wait_for(what: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_clock_that_jumps_keeps_no_search_in_memory(
    recorder: Recorder, log: SearchLog, clock: Clock, jump: int
) -> None:
    recorder.report(report("r1", ("пароль", 0)))
    clock.now += jump

    wait_for(lambda: recorder.written == 1)

    clock.now += 1
    recorder.report(report("r2", ("оплата", 0), visit="v2", **CLICK))
    assert recorder.flush()
    assert {row["id"] for row in log.export()} == {"r1", "r2"}


def test_two_questions_in_one_report_are_two_searches(recorder: Recorder, log: SearchLog) -> None:
    recorder.report(report("r", ("пароль", 0), ("оплата", 900), ("miss", 5000), **CLICK))
    recorder.flush()

    rows = list(log.export())

    assert [(row["id"], row["query"], row["kind"]) for row in rows] == [
        ("r", "пароль", "refined"),
        ("r~2", "оплата", "refined"),
        ("r~3", "miss", "none"),
    ]
    assert [row["clicked"] for row in rows] == [False, True, False]


def test_two_workers_learn_of_one_run(url: str, log: SearchLog, clock: Clock) -> None:
    one, two = (Recorder(lambda: SearchLog(url), judge, clock=clock) for _ in range(2))
    one.report(report("r", ("как сбр", 0)))
    two.report(report("r", ("как сбр", 0), ("как сбросить", 900), **CLICK))

    assert one.close()
    assert two.close()

    [row] = log.export()
    assert (row["query"], row["keystrokes"], row["clicked"]) == ("как сбросить", 2, True)


CAME = reports.Report("r", "r", events=(Event("click", "a", 2),))  # the page knows only the run


def test_a_click_long_after_the_page_was_shown_is_a_click(
    recorder: Recorder, log: SearchLog, clock: Clock
) -> None:
    recorder.report(report("r", ("оплата", 0), shown=[["a", 2]]))
    clock.now += 10.1
    wait_for(lambda: recorder.written == 1)
    assert kinds(log) == {"оплата": "ignored"}

    clock.now += 300
    for _ in range(2):  # the article is opened again
        recorder.report(CAME)
        assert recorder.flush()

    assert kinds(log) == {"оплата": None}
    [row] = log.export()
    assert [(event["slug"], event["rank"]) for event in row["events"]] == [("a", 2)]


def test_a_click_waits_for_another_worker_to_write_its_search(
    url: str, recorder: Recorder, log: SearchLog, clock: Clock
) -> None:
    recorder.report(CAME)
    wait_for(lambda: recorder.waiting == 1)
    other = Recorder(lambda: SearchLog(url), judge, clock=clock)
    other.report(report("r", ("оплата", 0)))
    assert other.close()

    clock.now += 10.1

    wait_for(lambda: recorder.waiting == 0)
    assert kinds(log) == {"оплата": None}


def test_a_click_on_nothing_that_is_known_is_forgotten(
    recorder: Recorder, log: SearchLog, clock: Clock
) -> None:
    def a_while_later() -> bool:
        clock.now += 10.1
        return recorder.waiting == 0

    recorder.report(CAME)

    wait_for(a_while_later)
    assert list(log.export()) == []


def test_a_click_is_kept_when_the_worker_stops_at_that_moment(
    recorder: Recorder, log: SearchLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    trying, go_on = threading.Event(), threading.Event()
    amend = SearchLog.amend

    def slowly(self: SearchLog, more: Any) -> bool:
        trying.set()
        assert go_on.wait(10)
        return amend(self, more)

    monkeypatch.setattr(SearchLog, "amend", slowly)
    recorder.report(report("r", ("оплата", 0)))
    recorder.report(CAME)
    assert trying.wait(10)
    threading.Timer(0.2, go_on.set).start()

    assert recorder.close()

    assert kinds(log) == {"оплата": None}


def test_a_strangers_click_is_no_click(recorder: Recorder, log: SearchLog) -> None:
    recorder.report(report("r", ("оплата", 0)))
    recorder.flush()

    recorder.report(replace(CAME, visit="stranger"))
    recorder.flush()

    assert [row["clicked"] for row in log.export()] == [False]


def test_a_click_after_two_questions_belongs_to_the_last(
    recorder: Recorder, log: SearchLog
) -> None:
    recorder.report(report("r", ("пароль", 0), ("оплата", 5000)))
    recorder.flush()

    recorder.report(CAME)
    recorder.flush()

    assert {row["query"]: row["clicked"] for row in log.export()} == {
        "пароль": False,
        "оплата": True,
    }


@pytest.mark.parametrize("first", ["letter", "search"])
def test_a_letter_that_names_a_run_is_its_visits_letter(
    log: SearchLog, ask: Ask, first: str
) -> None:
    def write() -> None:
        log.ticket("не работает", visit="run", at=moment(100))

    if first == "letter":
        write()
    ask("v", "до письма", 50, id="run", **HITS, events=click())
    if first == "search":
        write()
    ask("v", "ещё вопрос", 20, **HITS, events=click())

    assert {row["query"]: row["ticketed"] for row in log.export()} == {
        "до письма": True,
        "ещё вопрос": True,
    }


def test_a_vote_and_a_letter_flag_one_search(recorder: Recorder, log: SearchLog) -> None:
    recorder.report(report("r", ("пароль", 0), **CLICK))
    recorder.feedback("a", False, run="r")
    recorder.flush()
    log.ticket("помогите", visit="v1", at=moment(4))

    assert log.board.misses()[0].kinds == {"ticketed": 1, "unhelpful": 1}


def test_short_or_empty_typing_is_no_search(recorder: Recorder, log: SearchLog) -> None:
    recorder.report(report("r", ("", 0), ("па", 300)))
    recorder.report(report("s"))
    recorder.flush()

    assert list(log.export()) == []


def test_a_search_nobody_could_judge_counts_as_one_that_found_nothing(
    url: str, log: SearchLog
) -> None:
    def broken(query: str, lang: str, filters: Any) -> SearchOutcome:
        raise RuntimeError("no index")

    recorder = Recorder(lambda: SearchLog(url), broken)
    recorder.report(report("r", ("пароль", 0)))
    assert recorder.close()

    assert log.board.misses()[0].kinds == {"none": 1}


def report_all(recorder: Recorder, n: int) -> float:
    """How long a caller is held up, but for one in twenty: the machine may be busy elsewhere."""
    took = []
    for i in range(n):
        started = time.perf_counter()
        recorder.report(report(f"r{i}", ("пароль", 0), visit=f"v{i}", **CLICK))
        took.append(time.perf_counter() - started)
        time.sleep(0.002)
    return sorted(took)[n - 1 - n // 20]


def test_a_flood_from_one_network_delays_nobody_else(
    recorder: Recorder, log: SearchLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    record, all_sent = SearchLog.record, threading.Event()

    def noted(self: SearchLog, *searches: Search) -> None:
        assert all_sent.wait(10)
        record(self, *searches)
        written.extend(search.id for search in searches)

    monkeypatch.setattr(SearchLog, "record", noted)
    for n in range(300):
        recorder.report(report(f"f{n}", ("окна", 0), visit=f"f{n}", **CLICK), asker="flood")
    recorder.report(report("r", ("пароль", 0), visit="r", **CLICK), asker="reader")
    all_sent.set()

    assert recorder.flush(60)
    assert len(written) == 301
    assert written.index("r") < 2 * 20 + 2  # at most what was in hand, and its own transaction


def test_one_network_fills_a_tenth_of_the_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recorder = Recorder(lambda: SearchLog(f"sqlite:///{tmp_path / 'file' / 'log'}"), judge, size=50)

    for n in range(20):
        recorder.report(report(f"f{n}", ("окна", 0), visit=f"f{n}"), asker="flood")
    recorder.report(report("r", ("пароль", 0), visit="r"), asker="reader")

    assert (recorder.waiting, recorder.dropped) == (5 + 1, 15)
    (tmp_path / "file").unlink()
    assert recorder.close(30)
    assert (recorder.waiting, recorder.written) == (0, 6)


def test_nobody_waits_while_the_log_is_locked(url: str) -> None:
    log = SearchLog(url)
    recorder = Recorder(lambda: SearchLog(url), judge)
    with ExitStack() as stack:
        engine = sa.create_engine(url)
        locked = stack.enter_context(engine.connect())
        locked.exec_driver_sql(
            "BEGIN EXCLUSIVE"
            if url.startswith("sqlite")
            else f"select pg_advisory_xact_lock({database.LOCK})"
        )
        assert report_all(recorder, 100) < 0.05
        assert recorder.written == 0
        assert recorder.waiting == 100
        locked.rollback()
    engine.dispose()

    assert recorder.close(30)
    assert (recorder.written, recorder.dropped) == (100, 0)
    assert len(list(log.export())) == 100
    log.close()


def test_nobody_waits_while_the_log_is_gone(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder belongs")
    recorder = Recorder(lambda: SearchLog(f"sqlite:///{blocked}/log"), judge, size=60)

    assert report_all(recorder, 100) < 0.05
    wait_for(lambda: bool(recorder.trouble))
    assert "cannot be written" in recorder.trouble
    assert recorder.dropped == 40  # no more room
    assert recorder.waiting == 60

    blocked.unlink()
    assert recorder.close(30)
    assert (recorder.written, recorder.trouble) == (60, "")


def test_a_log_that_is_taken_away_is_begun_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'log'}"
    log = SearchLog(url)
    log.record(Search("r1", "v1", "vpn", NOON, NOON))

    (tmp_path / "log").unlink()
    log.record(Search("r2", "v2", "vpn", NOON, NOON))

    assert [row["id"] for row in log.export()] == ["r2"]
    log.close()


def test_nobody_waits_while_the_disk_is_full(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'log'}"
    SearchLog(url).close()
    recorder = Recorder(lambda: SearchLog(url), judge)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        assert report_all(recorder, 50) < 0.05
        wait_for(lambda: bool(recorder.trouble))
        assert recorder.written == 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert recorder.close(30)
    assert (recorder.written, recorder.dropped) == (50, 0)
    log = SearchLog(url)
    assert len(list(log.export())) == 50
    log.close()


@pytest.mark.postgres
def test_a_server_that_went_away_is_found_again(server: postgres.Server) -> None:
    url = server.new_database()
    log = SearchLog(url)
    recorder = Recorder(lambda: SearchLog(url), judge)
    recorder.report(report("r1", ("пароль", 0), visit="v1", **CLICK))
    assert recorder.flush()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
    engine.dispose()

    recorder.report(report("r2", ("пароль", 0), visit="v2", **CLICK))

    assert recorder.close(30)
    assert len(list(log.export())) == 2
    log.close()
    server.drop(url)


def test_after_closing_nothing_is_taken(url: str) -> None:
    recorder = Recorder(lambda: SearchLog(url), judge)
    assert recorder.close()

    recorder.report(report("r", ("пароль", 0)))

    assert recorder.dropped == 1


def test_closing_in_vain_says_so_and_counts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recorder = Recorder(lambda: SearchLog(f"sqlite:///{tmp_path / 'file' / 'log'}"), judge)
    recorder.report(report("r", ("пароль", 0)))

    assert not recorder.close(0.3)
    assert recorder.dropped == 1


def test_a_fork_writes_its_own_and_only_its_own(url: str, log: SearchLog) -> None:
    recorder = Recorder(lambda: SearchLog(url), judge)
    recorder.report(report("parent", ("пароль", 0), visit="p"))
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            recorder.report(report("child", ("оплата", 0), visit="c"))
            log.record(Search("direct", "d", "напрямую", NOON, NOON))
            code = 0 if recorder.close(20) and recorder.written == 1 else 2
        finally:
            os._exit(code)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert recorder.close()
    assert recorder.written == 1
    assert sorted(row["id"] for row in log.export()) == ["child", "direct", "parent"]


def test_many_threads_report_at_once(url: str, log: SearchLog) -> None:
    recorder = Recorder(lambda: SearchLog(url), judge)

    def work(name: int) -> None:
        for i in range(40):
            recorder.report(report(f"r{name}-{i}", ("пароль", 0), visit=f"v{name}-{i}", **CLICK))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert recorder.close(30)
    assert len(list(log.export())) == 200


def test_searches_of_a_day_are_counted_by_the_day_they_began(log: SearchLog, ask: Ask) -> None:
    ask("v1", "vpn", 0)
    ask("v2", "vpn", timedelta(days=1).total_seconds())

    assert list(log.statistics.days()) == ["2023-11-14", "2023-11-15"]
    assert list(log.statistics.days(since="2023-11-15")) == ["2023-11-15"]
