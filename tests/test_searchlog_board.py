"""What leads see of the log and do to it, on SQLite and PostgreSQL."""

import itertools
import json
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import postgres
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from logs import NOON, Ask, moment

from kb import searchlog, text
from kb.runs import Event
from kb.searchlog import Filter, Finding, Search, SearchLog, Triage, tables
from kb.searchlog.numbers import Deflection, Repaid
from kb.searchlog.tables import FEEDBACK

HITS: dict[str, Any] = {"total": 3, "confident": True, "shown": (("a", 1), ("b", 2))}
DAY = 86_400
FIRST = date(2023, 11, 14)  # of NOON


def names(log: SearchLog, *options: Any, **more: Any) -> list[str]:
    return [group.question for group in log.board(Filter(**more), *options).groups]


@pytest.fixture
def asked(log: SearchLog, ask: Ask) -> dict[str, int]:
    """Four groups of two categories, three kinds and two languages, on three days."""
    ask("v1", "как вернуть деньги", 0, category="Оплата", owner="Анна")
    ask("v2", "как вернуть деньги", DAY)
    ask("v3", "как вернуть деньги", 2 * DAY)
    ask("v4", "забыл пароль", DAY, total=2, confident=False, category="Вход")
    ask("v5", "забыл пароль", 2 * DAY, total=2, confident=False)
    ask("v6", "two factor codes", 2 * DAY, lang="en")
    ask("v7", "счёт для бухгалтерии", 0, **HITS, seen=9, category="Оплата", owner="Анна")
    return {group.question: group.id for group in log.misses(status="all")}


# --- the list -----------------------------------------------------------------------------------


def test_a_new_group_is_assigned_to_the_owner_of_the_nearest_article(
    log: SearchLog, asked: dict[str, int]
) -> None:
    found = log.group(asked["как вернуть деньги"])

    assert found is not None
    assert (found.status, found.owner, found.category) == ("assigned", "Анна", "Оплата")
    assert [(change.who, change.detail) for change in log.history(found.id)] == [("", "Анна")]


def test_the_board_is_narrowed_by_each_of_its_filters(
    log: SearchLog, asked: dict[str, int]
) -> None:
    assert names(log) == [
        "как вернуть деньги",
        "забыл пароль",
        "счёт для бухгалтерии",
        "two factor codes",
    ]
    assert names(log, status="open") == ["забыл пароль", "two factor codes"]
    assert names(log, owner="Анна") == ["как вернуть деньги", "счёт для бухгалтерии"]
    assert names(log, owner="") == ["забыл пароль", "two factor codes"]
    assert names(log, category="Вход") == ["забыл пароль"]
    assert names(log, lang="en") == ["two factor codes"]
    assert names(log, kind="weak") == ["забыл пароль"]
    assert names(log, kind="none", owner="Анна") == ["как вернуть деньги"]
    assert names(log, text="ДЕНЬГИ вернуть") == ["как вернуть деньги"]
    assert names(log, text="счет") == ["счёт для бухгалтерии"]  # е finds ё
    assert names(log, text="%") == names(log, kind="no such") == names(log, status="no such") == []


def test_the_orders_of_the_board(log: SearchLog, asked: dict[str, int]) -> None:
    def order(name: str) -> list[str]:
        return [group.question.split()[0] for group in log.board(order=name).groups]

    log.ticket("помогите", visit="v6", at=moment(2 * DAY + 60))

    assert order("cost") == ["как", "two", "забыл", "счёт"]  # 3, 1 × 3, 2, 1: the older first
    assert order("visits") == ["как", "забыл", "счёт", "two"]
    assert order("newest") == ["two", "забыл", "как", "счёт"]
    assert order("oldest") == ["как", "счёт", "забыл", "two"]
    assert order("latest") == ["как", "забыл", "two", "счёт"]
    assert order("no such order") == order("cost")


def test_each_facet_counts_what_it_would_leave(log: SearchLog, asked: dict[str, int]) -> None:
    log.dismiss(asked["two factor codes"], "not ours")

    facets = log.board(Filter(category="Оплата")).facets

    assert facets["category"] == {"Оплата": 2, "Вход": 1}  # whatever it is itself
    assert facets["owner"] == {"Анна": 2}
    assert facets["status"] == {"assigned": 2}
    assert facets["kind"] == {"ignored": 1, "none": 1}
    assert log.board().facets["status"] == {"assigned": 2, "dismissed": 1, "open": 1}
    assert log.board(Filter(kind="weak")).facets["kind"] == {"ignored": 1, "none": 1, "weak": 1}


def test_with_a_period_only_its_days_count(log: SearchLog, asked: dict[str, int]) -> None:
    board = log.board(Filter(since=FIRST + timedelta(days=2)))

    assert [(group.question, group.visits, group.kinds) for group in board.groups] == [
        ("как вернуть деньги", 1, {"none": 1}),
        ("забыл пароль", 1, {"weak": 1}),
        ("two factor codes", 1, {"none": 1}),
    ]
    assert board.total == 3
    assert names(log, until=FIRST) == ["как вернуть деньги", "счёт для бухгалтерии"]
    assert names(log, since=FIRST, kind="weak") == ["забыл пароль"]
    assert names(log, since=FIRST, text="деньги", owner="") == []


FILTERS = [
    {},
    {"status": "all"},
    {"kind": "none"},
    {"owner": "Анна"},
    {"category": "Вход", "kind": "weak"},
    {"lang": "en", "owner": "Анна"},
    {"text": "пароль", "status": "open"},
]


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("order", ["cost", "latest", "oldest"])
def test_a_period_that_holds_everything_changes_nothing(
    log: SearchLog, asked: dict[str, int], filter: dict[str, Any], order: str
) -> None:
    """What SQL counts without a period and Python with one is the same."""
    log.dismiss(asked["забыл пароль"], "")
    always = {**filter, "since": FIRST, "until": FIRST + timedelta(days=99)}

    assert log.board(Filter(**always), order=order) == log.board(Filter(**filter), order=order)


def test_a_period_counts_what_its_days_hold(
    log: SearchLog, ask: Ask, asked: dict[str, int]
) -> None:
    """Groups asked within it alone, outside it alone, on both sides, and over midnight."""
    ask("v8", "кнопка печати серая", MIDNIGHT - 0.5)  # begun the day before it ended
    ask("v9", "как вернуть деньги", 2 * DAY, id="letter", total=2, confident=False)
    log.ticket("помогите", visit="v9", at=moment(2 * DAY + 60))
    days = [FIRST + timedelta(days=n) for n in range(-1, 4)]

    for since, until in itertools.combinations_with_replacement([None, *days, None], 2):
        if since is None and until is None:
            continue
        found = log._recent(Filter(since=since, until=until))

        counted = {each.id: (each.visits, each.tickets, each.mask) for each in found}
        assert len(counted) == len(found)
        assert counted == by_day(log, since or date.min, until or date.max), (since, until)


MIDNIGHT = 6_400  # seconds after NOON


def by_day(log: SearchLog, since: date, until: date) -> dict[int, tuple[int, int, int]]:
    """Visits, letters and kinds of each group, added up one by one."""
    sums = {}
    for group in log.misses():
        details = log.details(group.id)
        assert details is not None
        days = [day for day in details.days if since.isoformat() <= day.day <= until.isoformat()]
        kinds = {kind for day in days for kind in day.kinds}
        mask = sum(1 << at for at, kind in enumerate(searchlog.KINDS) if kind in kinds)
        visits, tickets = sum(day.visits for day in days), sum(day.tickets for day in days)
        if visits:
            sums[group.id] = (visits, tickets, mask)
    return sums


@pytest.mark.parametrize(
    "ask",
    [
        lambda log: log.suggestions(moment(0)),
        lambda log: log.votes(since=moment(0)),
        lambda log: log.news(moment(0), moment(1)),
    ],
)
def test_votes_are_read_from_the_time_that_is_asked_for(
    tmp_path: Path, ask: Callable[[SearchLog], object]
) -> None:
    log = SearchLog(f"sqlite:///{tmp_path / 'log'}")

    found = [step for step in plans(log, lambda: ask(log)) if "feedback" in step]

    assert found
    assert all(re.match(r"SEARCH feedback USING INDEX feedback_at ", step) for step in found)


def test_pages_follow_each_other(log: SearchLog, ask: Ask) -> None:
    for n in range(7):
        ask(f"v{n}", f"вопрос {'абвгдеж'[n] * 6}", n)

    pages = [log.board(page=n, limit=3) for n in (1, 2, 3)]

    assert [len(page.groups) for page in pages] == [3, 3, 1]
    assert {(page.total, page.pages) for page in pages} == {(7, 3)}
    assert len({group.id for page in pages for group in page.groups}) == 7
    assert log.board(page=99, limit=3).page == 3
    assert log.board(page=-1, limit=3).page == 1


def plans(log: SearchLog, ask: Callable[[], object]) -> list[str]:
    """How SQLite goes about each query of a reading."""
    found: list[str] = []

    def explain(connection: Any, cursor: Any, query: str, values: Any, *rest: Any) -> None:
        if query.lstrip().startswith("select"):
            steps = cursor.connection.execute(f"explain query plan {query}", values)
            found.extend(step[3] for step in steps)

    sa.event.listen(log._engine, "before_cursor_execute", explain)
    try:
        ask()
    finally:
        sa.event.remove(log._engine, "before_cursor_execute", explain)
    return found


@pytest.mark.parametrize(
    "ask",
    [
        lambda log: log._ids(Filter(), None, "cost", 50, 0),
        lambda log: log._facet(Filter(kind="none", owner="Анна"), "category"),
        lambda log: log._facet(Filter(), "kind"),
        lambda log: log._total(Filter(category="Оплата")),
        lambda log: log._recent(Filter(since=FIRST)),
        lambda log: log.misses_by_category(FIRST, FIRST),
        lambda log: log.answer_times(FIRST, FIRST),
        lambda log: log.repaid(),
    ],
)
def test_no_list_or_number_reads_whole_groups_or_any_search(
    tmp_path: Path, ask: Callable[[SearchLog], object]
) -> None:
    """They read indexes that hold all they need: a reader holds up whoever records."""
    log = SearchLog(f"sqlite:///{tmp_path / 'log'}")

    found = plans(log, lambda: ask(log))

    assert found
    for step in found:
        assert not re.match(r"(SCAN|SEARCH) (g|groups)\b(?!.*COVERING INDEX)", step), step
        assert not re.match(r"(SCAN|SEARCH) (r|runs)\b", step), step
    log.close()


# --- one group ----------------------------------------------------------------------------------


def test_the_details_of_a_group(log: SearchLog, ask: Ask) -> None:
    for n in range(3):
        ask(f"v{n}", "VPN не работает", n * DAY, **HITS, seen=5)
    ask("v9", "не работает VPN", 5, **HITS, seen=5, events=(Event("click", "b", 2, 900),),
        filters={"category": "Сеть"})  # fmt: skip
    log.feedback("b", False, run="r3")
    [group] = log.misses()

    found = log.details(group.id)

    assert found is not None
    assert found.phrasings == (("VPN не работает", 3), ("не работает VPN", 1))
    assert [(day.day, day.visits, day.kinds) for day in found.days] == [
        ("2023-11-14", 2, {"ignored": 1, "unhelpful": 1}),
        ("2023-11-15", 1, {"ignored": 1}),
        ("2023-11-16", 1, {"ignored": 1}),
    ]
    assert [(seen.slug, seen.searches, seen.rank) for seen in found.shown] == [
        ("a", 4, 1.0),
        ("b", 4, 2.0),
    ]
    assert [(seen.slug, seen.searches, seen.rank) for seen in found.clicked] == [("b", 1, 2.0)]
    assert found.filters == (({"category": "Сеть"}, 1),)
    assert log.details(99) is None


# --- actions ------------------------------------------------------------------------------------


def test_what_is_done_to_several_groups_is_undone_at_once(
    log: SearchLog, asked: dict[str, int]
) -> None:
    ids = list(asked.values())
    before = log.board(Filter(status="all"))

    action = log.assign(ids, "Вера", who="lead")
    log.dismiss(ids[:2], "дубль", until=moment(9 * DAY), who="other")

    assert names(log, owner="Вера", status="all") != []
    last = log.last_action("lead")
    assert last is not None
    assert (last.id, last.what, len(last.groups)) == (action, "assigned", 4)
    other = log.last_action("other")
    assert other is not None
    log.undo(other.id, who="other")
    assert log.undo(action, who="lead") == ids
    assert log.board(Filter(status="all")) == before
    assert log.last_action("lead") is None
    assert log.undo(action) == []  # once


def test_undoing_leaves_what_changed_since(log: SearchLog, asked: dict[str, int]) -> None:
    id = asked["забыл пароль"]
    action = log.assign(id, "Вера", who="lead")
    log.answer(id, slug="a", build="b1")

    log.undo(action, who="lead")

    found = log.group(id)
    assert found is not None
    assert (found.owner, found.status) == ("", "answered")


def test_nothing_a_lead_wrote_is_lost(log: SearchLog, asked: dict[str, int]) -> None:
    id = asked["забыл пароль"]
    log.annotate(id, "первая заметка", who="lead")
    action = log.annotate(id, "вторая", who="lead")
    assert log.annotate(id, "вторая", who="lead") == 0  # nothing to do

    log.undo(action, who="lead")

    found = log.group(id)
    assert found is not None
    assert found.note == "первая заметка"
    history = [(change.what, change.detail, change.undone) for change in log.history(id)]
    assert history == [
        ("note", "первая заметка", False),
        ("note", "вторая", True),
        ("undone", "note", False),
    ]


def test_merging_is_undone_with_the_searches_that_came_since(
    log: SearchLog, ask: Ask, asked: dict[str, int]
) -> None:
    money, password = asked["как вернуть деньги"], asked["забыл пароль"]
    invoice = asked["счёт для бухгалтерии"]
    log.merge(invoice, password, who="lead")
    before = log.board(Filter(status="all"))

    action = log.merge([password, invoice], money, who="lead")  # the second is inside the first
    ask("v20", "забыл пароль", 3 * DAY, total=2, confident=False)

    merged = log.details(password)
    assert merged is not None
    assert (merged.group.id, merged.group.visits) == (money, 7)
    assert {group.question for group in merged.merged} == {"забыл пароль", "счёт для бухгалтерии"}

    log.undo(action, who="lead")

    after = {group.id: group.visits for group in log.board(Filter(status="all")).groups}
    assert after == {group.id: group.visits + (group.id == password) for group in before.groups}
    inside = log.group(invoice)
    assert inside is not None
    assert inside.id == password


def test_purged_numbers_are_merged_and_parted_too(log: SearchLog, asked: dict[str, int]) -> None:
    money, password = asked["как вернуть деньги"], asked["забыл пароль"]
    log.purge(moment(9 * DAY))

    action = log.merge(password, money)
    merged = log.group(money)
    assert merged is not None
    assert (merged.visits, merged.kinds) == (5, {"none": 3, "weak": 2})

    log.undo(action)
    assert {group.id: group.visits for group in log.misses()}[money] == 3
    assert {group.id: group.visits for group in log.misses()}[password] == 2


def test_a_split_can_be_undone(log: SearchLog, ask: Ask) -> None:
    ask("v1", "сбросить пароль почты")
    ask("v2", "сбросить пароль почты vpn", 5)
    [group] = log.misses()
    before = log.misses()

    new = log.split(group.id, ["сбросить пароль почты vpn"], who="lead")
    assert {found.id: found.visits for found in log.misses()} == {group.id: 1, new: 1}
    last = log.last_action("lead")
    assert last is not None
    log.undo(last.id, who="lead")

    assert log.misses() == before
    with pytest.raises(KeyError, match="is what group 1 asks"):
        log.split(group.id, ["сбросить пароль почты"])
    with pytest.raises(KeyError, match="no phrasing"):
        log.split(group.id, ["чужое"])


def test_an_unknown_group_changes_nothing(log: SearchLog, asked: dict[str, int]) -> None:
    before = log.board(Filter(status="all"))

    for act in (log.assign, log.dismiss, log.annotate):
        with pytest.raises(KeyError, match="no group 99"):
            act([asked["забыл пароль"], 99], "x")
    with pytest.raises(KeyError):
        log.merge(asked["забыл пароль"], 99)

    assert log.board(Filter(status="all")) == before


def test_forgetting_reaches_what_could_be_undone(log: SearchLog, asked: dict[str, int]) -> None:
    id = asked["забыл пароль"]
    log.annotate(id, "звонил Иван Кактусов", who="lead")
    log.annotate(id, "", who="lead")

    log.forget("кактусов")

    assert "Кактусов" not in repr([log.history(id), log.group(id)])


# --- triage -------------------------------------------------------------------------------------


def test_a_finding_is_kept_with_the_group(log: SearchLog, asked: dict[str, int]) -> None:
    id = asked["забыл пароль"]
    finding = Triage("synonym", "b7", "забыл код", "ru/code", ("пароль", "код"))

    log.triage(Finding(id, finding, "Другое", "Борис"))
    log.triage(Finding(id, finding))

    found = log.group(id)
    assert found is not None
    assert (found.triage, found.category, found.owner) == (finding, "Вход", "Борис")
    assert [change.what for change in log.history(id)] == ["triage", "assigned"]
    assert names(log, cause="synonym") == ["забыл пароль"]


def test_who_was_taken_off_by_a_lead_is_not_put_back(log: SearchLog, asked: dict[str, int]) -> None:
    id = asked["как вернуть деньги"]
    log.assign(id, "", who="lead")

    log.triage(Finding(id, Triage("content", "b7"), "Оплата", "Анна"))

    found = log.group(id)
    assert found is not None
    assert (found.status, found.owner) == ("open", "")


# --- numbers ------------------------------------------------------------------------------------


def test_no_rate_is_given_below_twenty(log: SearchLog, ask: Ask) -> None:
    for n in range(19):
        ask(f"v{n}", "вопрос", n, **(HITS if n < 10 else {}), events=(Event("answered", "a"),))
    assert log.rate(FIRST, FIRST).share is None

    ask("v19", "вопрос", 30)

    rate = log.rate(FIRST, FIRST)
    assert (rate.searches, rate.missed, rate.share) == (20, 10, 0.5)
    assert rate.parts == {"none": 10}
    assert list(log.rates(FIRST, FIRST + timedelta(days=1))) == ["2023-11-14", "2023-11-15"]
    assert log.rate(FIRST, FIRST, lang="en").searches == 0


def test_a_search_with_two_reasons_is_missed_once(log: SearchLog, ask: Ask) -> None:
    ask("v1", "вопрос")
    log.ticket("письмо", visit="v1", at=moment(60))

    rate = log.rate(FIRST, FIRST)

    assert (rate.missed, rate.parts) == (1, {"none": 1, "ticketed": 1})


def test_deflection_is_an_interval(log: SearchLog, ask: Ask) -> None:
    for n in range(20):
        more = {"events": (Event("answered", "a", 1, 5),)} if n < 4 else {}
        ask(f"v{n}", "вопрос", n, **HITS, surface="contact", **more)
        if n >= 10:
            log.ticket("письмо", visit=f"v{n}", at=moment(n + (60 if n < 15 else 25 * 3600)))
    ask("nobody", "вопрос", 5, surface="contact")  # was shown nothing

    found = log.deflection(FIRST, FIRST)

    assert found == Deflection(opened=21, answered=4, silent=15)
    assert found.interval == (4 / 21, 15 / 21)
    assert Deflection(19, 1, 2).interval is None


def test_time_to_answer_is_from_the_first_miss_to_the_commit(log: SearchLog, ask: Ask) -> None:
    for n in range(21):
        ask(f"v{n}", f"вопрос {chr(ord('а') + n) * 7}", n)
        id = log.misses(order="newest")[0].id
        log.answer(
            id, slug="a", build="b", at=moment(90 * 3600),
            committed=moment(n + 1 + n * 3600) if n else None,
        )  # fmt: skip

    times = log.answer_times(FIRST, FIRST + timedelta(days=9))

    assert times.n == 21
    assert times.median == timedelta(hours=11)  # 1 … 20 hours, and 90 without a commit
    assert times.p90 == timedelta(hours=19)
    assert times.spread == (20, 0, 1, 0, 0)
    assert log.answer_times(FIRST, FIRST).median is None
    assert log.repaid() == [Repaid("a", 21, 21, 0)]


def test_times_to_answer_are_counted_in_whole_days(log: SearchLog, ask: Ask) -> None:
    days = [0, *[1] * 2, *[2.9] * 3, *[3] * 4, *[8] * 5, *[30.9] * 2, *[31] * 2, 400]
    for n, took in enumerate(days):
        ask(f"v{n}", f"вопрос {chr(ord('а') + n) * 7}")
        [id] = [group.id for group in log.misses(order="newest") if group.status == "open"]
        at = moment(1.001 + took * DAY)  # a miss is a search that has ended
        log.answer(id, slug="a", build="b", at=moment(9 * DAY), committed=at)

    assert log.answer_times(FIRST, FIRST + timedelta(days=9)).spread == (1, 5, 4, 7, 3)


def test_first_clicks_are_counted_by_place(log: SearchLog, ask: Ask) -> None:
    for n in range(20):
        ask(f"v{n}", "вопрос", n, **HITS, events=(Event("click", "a", n % 4 * 5 + 1, 9),))

    ranks = log.click_ranks(FIRST, FIRST)

    assert ranks is not None
    assert {place: clicks for place, clicks in ranks.items() if clicks} == {1: 5, 6: 5, 11: 10}
    assert log.click_ranks(FIRST, FIRST, lang="en") is None


def test_misses_are_counted_by_category_and_day(log: SearchLog, asked: dict[str, int]) -> None:
    found = log.misses_by_category(FIRST, FIRST + timedelta(days=9))

    assert found == {
        "Оплата": {"2023-11-14": 2, "2023-11-15": 1, "2023-11-16": 1},
        "Вход": {"2023-11-15": 1, "2023-11-16": 1},
        "": {"2023-11-16": 1},
    }


def test_what_costs_most_time_stands_on_top(log: SearchLog) -> None:
    for n in range(25):
        at = moment(n)
        log.ticket("т", type="возврат", at=at, replied=at + timedelta(hours=2 if n else 50))
        log.ticket("т", type="пароль", at=at)
        log.ticket("т", type="пароль", at=at, replied=at + timedelta(minutes=10))

    first, second = log.ticket_types(FIRST, FIRST)

    assert (first.type, first.tickets, first.replied) == ("возврат", 25, 25)
    assert first.median == timedelta(hours=2)
    assert first.mean == timedelta(hours=(2 * 24 + 50) / 25)
    assert (second.type, second.tickets, second.mean) == ("пароль", 50, timedelta(minutes=10))


# --- another database ---------------------------------------------------------------------------


def every_row(url: str) -> dict[str, list[str]]:
    """What each table holds."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).mappings()))
            for table in tables.META.sorted_tables
        }
    engine.dispose()
    return found


@pytest.mark.postgres
def test_every_table_moves_whichever_database_it_is_in(
    log: SearchLog,
    ask: Ask,
    asked: dict[str, int],
    url: str,
    server: postgres.Server,
    tmp_path: Path,
) -> None:
    ask(
        "v20",
        "забыл пароль",
        3 * DAY,
        id="r20",
        **HITS,
        seen=9,
        events=(Event("click", "a", 2, 9),),
    )
    log.feedback("a", False, run="r20", text="плохо")
    at = moment(3 * DAY + 9)
    log.ticket("письмо", visit="v20", at=at, replied=moment(4 * DAY), type="вход")
    log.purge(moment(DAY))
    log.merge(asked["two factor codes"], asked["забыл пароль"], who="lead")
    log.triage(Finding(asked["забыл пароль"], Triage("content", "b1")))
    before = every_row(url)
    assert [name for name, rows in before.items() if not rows] == []
    target = server.new_database()
    back = f"sqlite:///{tmp_path / 'back.sqlite3'}"

    searchlog.migrate(url, target, page=2)
    searchlog.migrate(target, back)

    assert every_row(target) == before
    assert every_row(back) == before
    server.drop(target)


# --- an older log -------------------------------------------------------------------------------


def make_tables(url: str, version: str) -> None:
    """As they were made by the code of that version."""
    engine = sa.create_engine(url)
    config = Config()
    config.set_main_option("script_location", "kb:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()


def test_votes_of_the_second_version_are_kept(url: str) -> None:
    make_tables(url, "0002")
    engine = sa.create_engine(url)
    row = {"id": "v", "at": int(NOON * 1000), "slug": "a", "reason": "", "text": "плохо", "run": ""}
    with engine.begin() as connection:
        connection.execute(FEEDBACK.insert(), row | {"helpful": False})
    engine.dispose()

    log = SearchLog(url)

    [vote] = log.suggestions(moment(-1)).votes
    assert (vote.slug, vote.helpful, vote.text, vote.at) == ("a", False, "плохо", moment(0))
    log.close()


def test_a_log_of_the_first_version_is_brought_along(tmp_path: Path) -> None:
    """What 0001 held is there afterwards: kept searches and the numbers of purged ones."""
    file = tmp_path / "log.sqlite3"
    make_tables(f"sqlite:///{file}", "0001")
    _old_rows(file)

    log = SearchLog(f"sqlite:///{file}")

    [group] = log.misses()
    assert (group.visits, group.searches, group.tickets) == (3, 4, 1)
    assert group.kinds == {"none": 1, "ticketed": 1, "weak": 3}
    assert group.phrasings == (("как сбросить пароль", 1),)
    log.record(Search("new", "v9", "сбросить пароль как", NOON + 9 * DAY, NOON + 9 * DAY))
    assert log.misses()[0].visits == 4
    assert names(log, text="сбросить") == ["как сбросить пароль"]
    log.close()


_KEY = " ".join(sorted(set(text.key("как сбросить пароль").split())))


def _old_rows(file: Path) -> None:
    """One group of one kept search and three purged ones, as version 0001 wrote them."""
    ms = int(NOON * 1000)
    run: dict[str, Any] = {
        "id": "r1", "visit": "v1", "query": "как сбросить пароль", "phrase": "как сбросить пароль",
        "key": _KEY, "words": _KEY, "lang": "ru", "surface": "box",
        "filters": "{}", "build": "", "correction": "", "corrected": "", "shown": "[]",
        "total": 0, "confident": 0, "keystrokes": 1, "ms": 0, "started": ms, "ended": ms,
        "seen": 0, "clicked": 0, "answered": 0, "refined": 0, "ticketed": 0, "unhelpful": 0,
        "robot": 0, "kind": "none", "miss": 1, "counted": 1, "group_id": 1, "day": "2023-11-14",
    }  # fmt: skip
    group: dict[str, Any] = {
        "id": 1, "question": run["query"], "lang": "ru", "words": run["words"], "status": "open",
        "owner": "", "note": "", "first": ms - DAY * 1000, "last": ms, "visits": 3, "searches": 4,
        "tickets": 1, "kinds": json.dumps({"none": 1, "weak": 3, "ticketed": 1}),
        "phrasings": "[]", "past_visits": 2, "past_searches": 3, "past_tickets": 1,
        "past_kinds": json.dumps({"weak": 3, "ticketed": 1}), "answer_slug": "",
        "answer_build": "", "answer_commit": "", "answer_rank": 0, "answer_committed": 0,
        "answer_at": 0, "triage": "", "dismissed_reason": "", "dismissed_until": 0,
        "merged_into": 0, "priority": 9,
    }  # fmt: skip
    with sqlite3.connect(file) as connection:
        for table, row in (("runs", run), ("groups", group)):
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values())
            )
        words = _KEY.split()
        for word in words:
            connection.execute("insert into group_words values (?, 1, ?)", [word, len(words)])
    connection.close()
    assert datetime.fromtimestamp(NOON, UTC).date() == FIRST
