"""What leads see of the log and do to it, on SQLite and PostgreSQL."""

import itertools
import json
import re
import sqlite3
import subprocess
import sys
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
from paths import ROOT

from kb.language import query_words, sketches
from kb.searchlog.db import board, choices, tables
from kb.searchlog.db.copies import migrate
from kb.searchlog.db.letter_models import Attachment, LetterFilter, NewDelivery, NewLetter
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Filter, GroupTriage, Search, Triage
from kb.searchlog.db.statistics import Deflection, Repaid
from kb.searchlog.db.tables import FEEDBACK
from kb.searchlog.miss_kinds import MISS_KINDS
from kb.searchlog.reports import Event

HITS: dict[str, Any] = {"total": 3, "confident": True, "shown": (("a", 1), ("b", 2))}
DAY = 86_400
FIRST = date(2023, 11, 14)  # of NOON


def names(log: SearchLog, *options: Any, **more: Any) -> list[str]:
    return [group.question for group in log.board.page(Filter(**more), *options).groups]


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
    return {group.question: group.id for group in log.board.misses(status="all")}


# --- the list -----------------------------------------------------------------------------------


def test_a_new_group_is_assigned_to_the_owner_of_the_nearest_article(
    log: SearchLog, asked: dict[str, int]
) -> None:
    found = log.groups.get(asked["как вернуть деньги"])

    assert found is not None
    assert (found.status, found.owner, found.category) == ("assigned", "Анна", "Оплата")
    assert [(change.who, change.detail) for change in log.groups.history(found.id)] == [
        ("", "Анна")
    ]


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
        return [group.question.split()[0] for group in log.board.page(order=name).groups]

    log.ticket("помогите", visit="v6", at=moment(2 * DAY + 60))

    assert order("cost") == ["как", "two", "забыл", "счёт"]  # 3, 1 × 3, 2, 1: the older first
    assert order("visits") == ["как", "забыл", "счёт", "two"]
    assert order("newest") == ["two", "забыл", "как", "счёт"]
    assert order("oldest") == ["как", "счёт", "забыл", "two"]
    assert order("latest") == ["как", "забыл", "two", "счёт"]
    assert order("no such order") == order("cost")


def test_each_facet_counts_what_it_would_leave(log: SearchLog, asked: dict[str, int]) -> None:
    log.actions.dismiss(asked["two factor codes"], "not ours")

    facets = log.board.page(Filter(category="Оплата")).facets

    assert facets["category"] == {"Оплата": 2, "Вход": 1}  # whatever it is itself
    assert facets["owner"] == {"Анна": 2}
    assert facets["status"] == {"assigned": 2}
    assert facets["kind"] == {"ignored": 1, "none": 1}
    assert log.board.page().facets["status"] == {"assigned": 2, "dismissed": 1, "open": 1}
    assert log.board.page(Filter(kind="weak")).facets["kind"] == {
        "ignored": 1,
        "none": 1,
        "weak": 1,
    }


def test_a_board_read_in_steps_is_the_whole_board(
    log: SearchLog, asked: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    log.actions.dismiss(asked["two factor codes"], "not ours")
    filters = (Filter(), Filter(status="all"), Filter(kind="none", owner="Анна"), Filter(text="е"))
    asks = [
        (filter, order, page)
        for filter in filters
        for order in ("cost", "newest")
        for page in (1, 2, 3)
    ]
    whole = [log.board.page(f, order=order, page=page, limit=2) for f, order, page in asks]

    monkeypatch.setattr(board, "SPAN", 1)

    stepped = [log.board.page(f, order=order, page=page, limit=2) for f, order, page in asks]
    assert stepped == whole
    assert {page.total for page in whole} == {1, 2, 3, 4}


def test_with_a_period_only_its_days_count(log: SearchLog, asked: dict[str, int]) -> None:
    board = log.board.page(Filter(since=FIRST + timedelta(days=2)))

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
    log.actions.dismiss(asked["забыл пароль"], "")
    always = {**filter, "since": FIRST, "until": FIRST + timedelta(days=99)}

    assert log.board.page(Filter(**always), order=order) == log.board.page(
        Filter(**filter), order=order
    )


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
        found = log.board._recent(Filter(since=since, until=until))

        counted = {each.id: (each.visits, each.tickets, each.mask) for each in found}
        assert len(counted) == len(found)
        assert counted == by_day(log, since or date.min, until or date.max), (since, until)


MIDNIGHT = 6_400  # seconds after NOON


WITH_A_NEW_KIND = """
import json, sys
from kb.base.messages import Message
from kb.searchlog.miss_kinds import miss_kind

miss_kind("new", 8, Message("New"))(lambda facts: False)
from kb.searchlog.db.choices import KINDS
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Filter

board = SearchLog(sys.argv[1]).board
found = {kind: [each.question for each in board.page(Filter(kind=kind)).groups] for kind in KINDS}
print(json.dumps([board.page().facets["kind"], found]))
"""


def test_stored_kinds_and_flags_survive_a_new_kind(
    log: SearchLog, ask: Ask, asked: dict[str, int], url: str
) -> None:
    ask("v8", "как вернуть деньги", 2 * DAY, id="letter")
    log.ticket("помогите", visit="v8", at=moment(2 * DAY + 60))
    ask("v9", "забыл пароль", 3 * DAY, id="vote", **HITS, seen=9)
    log.feedback("a", False, run="vote", at=moment(3 * DAY + 60))
    facets = dict(log.board.page().facets["kind"])
    kinds = {kind: names(log, kind=kind) for kind in choices.KINDS}
    assert kinds["ticketed"] == ["как вернуть деньги"]
    assert kinds["unhelpful"] == ["забыл пароль"]

    done = subprocess.run(
        [sys.executable, "-c", WITH_A_NEW_KIND, url], cwd=ROOT, capture_output=True, check=True
    )

    assert json.loads(done.stdout) == [facets, {"new": [], **kinds}]


def test_a_stored_mask_means_what_it_meant(log: SearchLog, asked: dict[str, int], url: str) -> None:
    meant = ["filtered", "none", "weak", "rescued", "refined", "ignored", "ticketed", "unhelpful"]
    engine = sa.create_engine(url)
    for kind, mask in zip(meant, (1, 2, 4, 8, 16, 32, 64, 128), strict=True):
        with engine.begin() as connection:
            id = asked["two factor codes"]
            connection.execute(sa.text(f"update groups set mask = {mask} where id = {id}"))
        assert "two factor codes" in names(log, kind=kind)
        assert log.board.page(Filter(lang="en")).facets["kind"] == {kind: 1}
    engine.dispose()


def by_day(log: SearchLog, since: date, until: date) -> dict[int, tuple[int, int, int]]:
    """Visits, letters and kinds of each group, added up one by one."""
    sums = {}
    for group in log.board.misses():
        details = log.groups.details(group.id)
        assert details is not None
        days = [day for day in details.days if since.isoformat() <= day.day <= until.isoformat()]
        kinds = {kind for day in days for kind in day.kinds}
        mask = sum(1 << kind.bit for kind in MISS_KINDS if kind.name in kinds)
        visits, tickets = sum(day.visits for day in days), sum(day.tickets for day in days)
        if visits:
            sums[group.id] = (visits, tickets, mask)
    return sums


@pytest.mark.parametrize(
    "ask",
    [
        lambda log: log.inbox.suggestions(moment(0)),
        lambda log: log.inbox.votes(since=moment(0)),
        lambda log: log.weekly.report(moment(0), moment(1)),
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

    pages = [log.board.page(page=n, limit=3) for n in (1, 2, 3)]

    assert [len(page.groups) for page in pages] == [3, 3, 1]
    assert {(page.total, page.pages) for page in pages} == {(7, 3)}
    assert len({group.id for page in pages for group in page.groups}) == 7
    assert log.board.page(page=99, limit=3).page == 3
    assert log.board.page(page=-1, limit=3).page == 1


def plans(log: SearchLog, ask: Callable[[], object]) -> list[str]:
    """How SQLite goes about each query of a reading."""
    found: list[str] = []

    def explain(connection: Any, cursor: Any, query: str, values: Any, *rest: Any) -> None:
        if query.lstrip().startswith("select"):
            steps = cursor.connection.execute(f"explain query plan {query}", values)
            found.extend(step[3] for step in steps)

    sa.event.listen(log.database.engine, "before_cursor_execute", explain)
    try:
        ask()
    finally:
        sa.event.remove(log.database.engine, "before_cursor_execute", explain)
    return found


@pytest.mark.parametrize(
    "ask",
    [
        lambda log: log.board._ids(Filter(), None, "cost", 50, 0),
        lambda log: log.board._facet(Filter(kind="none", owner="Анна"), "category"),
        lambda log: log.board._facet(Filter(), "kind"),
        lambda log: log.board._facet(Filter(category="Оплата"), "status"),
        lambda log: log.board._recent(Filter(since=FIRST)),
        lambda log: log.statistics.misses_by_category(FIRST, FIRST),
        lambda log: log.statistics.answer_times(FIRST, FIRST),
        lambda log: log.statistics.repaid(),
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
    [group] = log.board.misses()

    found = log.groups.details(group.id)

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
    assert log.groups.details(99) is None


# --- actions ------------------------------------------------------------------------------------


def test_what_is_done_to_several_groups_is_undone_at_once(
    log: SearchLog, asked: dict[str, int]
) -> None:
    ids = list(asked.values())
    before = log.board.page(Filter(status="all"))

    action = log.actions.assign(ids, "Вера", who="lead")
    log.actions.dismiss(ids[:2], "дубль", until=moment(9 * DAY), who="other")

    assert names(log, owner="Вера", status="all") != []
    last = log.actions.last_action("lead")
    assert last is not None
    assert (last.id, last.what, len(last.groups)) == (action, "assigned", 4)
    other = log.actions.last_action("other")
    assert other is not None
    log.actions.undo(other.id, who="other")
    assert log.actions.undo(action, who="lead") == ids
    assert log.board.page(Filter(status="all")) == before
    assert log.actions.last_action("lead") is None
    assert log.actions.undo(action) == []  # once


def test_undoing_leaves_what_changed_since(log: SearchLog, asked: dict[str, int]) -> None:
    id = asked["забыл пароль"]
    action = log.actions.assign(id, "Вера", who="lead")
    log.actions.answer(id, slug="a", build="b1")

    log.actions.undo(action, who="lead")

    found = log.groups.get(id)
    assert found is not None
    assert (found.owner, found.status) == ("", "answered")


def test_nothing_a_lead_wrote_is_lost(log: SearchLog, asked: dict[str, int]) -> None:
    id = asked["забыл пароль"]
    log.actions.annotate(id, "первая заметка", who="lead")
    action = log.actions.annotate(id, "вторая", who="lead")
    assert log.actions.annotate(id, "вторая", who="lead") == 0  # nothing to do

    log.actions.undo(action, who="lead")

    found = log.groups.get(id)
    assert found is not None
    assert found.note == "первая заметка"
    history = [(change.what, change.detail, change.undone) for change in log.groups.history(id)]
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
    log.actions.merge(invoice, password, who="lead")
    before = log.board.page(Filter(status="all"))

    action = log.actions.merge(
        [password, invoice], money, who="lead"
    )  # the second is inside the first
    ask("v20", "забыл пароль", 3 * DAY, total=2, confident=False)

    merged = log.groups.details(password)
    assert merged is not None
    assert (merged.group.id, merged.group.visits) == (money, 7)
    assert {group.question for group in merged.merged} == {"забыл пароль", "счёт для бухгалтерии"}

    log.actions.undo(action, who="lead")

    after = {group.id: group.visits for group in log.board.page(Filter(status="all")).groups}
    assert after == {group.id: group.visits + (group.id == password) for group in before.groups}
    inside = log.groups.get(invoice)
    assert inside is not None
    assert inside.id == password


def test_purged_numbers_are_merged_and_parted_too(log: SearchLog, asked: dict[str, int]) -> None:
    money, password = asked["как вернуть деньги"], asked["забыл пароль"]
    log.purge(moment(9 * DAY))

    action = log.actions.merge(password, money)
    merged = log.groups.get(money)
    assert merged is not None
    assert (merged.visits, merged.kinds) == (5, {"none": 3, "weak": 2})

    log.actions.undo(action)
    assert {group.id: group.visits for group in log.board.misses()}[money] == 3
    assert {group.id: group.visits for group in log.board.misses()}[password] == 2


def test_a_split_can_be_undone(log: SearchLog, ask: Ask) -> None:
    ask("v1", "сбросить пароль почты")
    ask("v2", "сбросить пароль почты vpn", 5)
    [group] = log.board.misses()
    before = log.board.misses()

    new = log.actions.split(group.id, ["сбросить пароль почты vpn"], who="lead")
    assert {found.id: found.visits for found in log.board.misses()} == {group.id: 1, new: 1}
    last = log.actions.last_action("lead")
    assert last is not None
    log.actions.undo(last.id, who="lead")

    assert log.board.misses() == before
    with pytest.raises(KeyError, match="is what group 1 asks"):
        log.actions.split(group.id, ["сбросить пароль почты"])
    with pytest.raises(KeyError, match="no phrasing"):
        log.actions.split(group.id, ["чужое"])


def test_an_unknown_group_changes_nothing(log: SearchLog, asked: dict[str, int]) -> None:
    before = log.board.page(Filter(status="all"))

    for act in (log.actions.assign, log.actions.dismiss, log.actions.annotate):
        with pytest.raises(KeyError, match="no group 99"):
            act([asked["забыл пароль"], 99], "x")
    with pytest.raises(KeyError):
        log.actions.merge(asked["забыл пароль"], 99)

    assert log.board.page(Filter(status="all")) == before


def test_forgetting_reaches_what_could_be_undone(log: SearchLog, asked: dict[str, int]) -> None:
    id = asked["забыл пароль"]
    log.actions.annotate(id, "звонил Иван Кактусов", who="lead")
    log.actions.annotate(id, "", who="lead")

    log.forget("кактусов")

    assert "Кактусов" not in repr([log.groups.history(id), log.groups.get(id)])


# --- triage -------------------------------------------------------------------------------------


def test_a_finding_is_kept_with_the_group(log: SearchLog, asked: dict[str, int]) -> None:
    id = asked["забыл пароль"]
    finding = Triage("synonym", "b7", "забыл код", "ru/code", ("пароль", "код"))

    log.actions.triage(GroupTriage(id, finding, "Другое", "Борис"))
    log.actions.triage(GroupTriage(id, finding))

    found = log.groups.get(id)
    assert found is not None
    assert (found.triage, found.category, found.owner) == (finding, "Вход", "Борис")
    assert [change.what for change in log.groups.history(id)] == ["triage", "assigned"]
    assert names(log, cause="synonym") == ["забыл пароль"]


def test_who_was_taken_off_by_a_lead_is_not_put_back(log: SearchLog, asked: dict[str, int]) -> None:
    id = asked["как вернуть деньги"]
    log.actions.assign(id, "", who="lead")

    log.actions.triage(GroupTriage(id, Triage("content", "b7"), "Оплата", "Анна"))

    found = log.groups.get(id)
    assert found is not None
    assert (found.status, found.owner) == ("open", "")


# --- numbers ------------------------------------------------------------------------------------


def test_no_rate_is_given_below_twenty(log: SearchLog, ask: Ask) -> None:
    for n in range(19):
        ask(f"v{n}", "вопрос", n, **(HITS if n < 10 else {}), events=(Event("answered", "a"),))
    assert log.statistics.rate(FIRST, FIRST).share is None

    ask("v19", "вопрос", 30)

    rate = log.statistics.rate(FIRST, FIRST)
    assert (rate.searches, rate.missed, rate.share) == (20, 10, 0.5)
    assert rate.parts == {"none": 10}
    assert list(log.statistics.rates(FIRST, FIRST + timedelta(days=1))) == [
        "2023-11-14",
        "2023-11-15",
    ]
    assert log.statistics.rate(FIRST, FIRST, lang="en").searches == 0


def test_a_search_with_two_reasons_is_missed_once(log: SearchLog, ask: Ask) -> None:
    ask("v1", "вопрос")
    log.ticket("письмо", visit="v1", at=moment(60))

    rate = log.statistics.rate(FIRST, FIRST)

    assert (rate.missed, rate.parts) == (1, {"none": 1, "ticketed": 1})


def test_deflection_is_an_interval(log: SearchLog) -> None:
    for n in range(20):
        helped = "a" if n < 4 else ""
        log.forms.note(f"f{n}", f"v{n}", moment(n), shown=("a", "b"), helped=helped)
        if n >= 10:
            log.ticket("письмо", visit=f"v{n}", at=moment(n + (60 if n < 15 else 25 * 3600)))
    log.forms.note("shown nothing", "nobody", moment(5))

    found = log.statistics.deflection(FIRST, FIRST)

    assert found == Deflection(opened=21, answered=4, silent=15)
    assert found.interval == (4 / 21, 15 / 21)
    assert Deflection(19, 1, 2).interval is None


def test_time_to_answer_is_from_the_first_miss_to_the_commit(log: SearchLog, ask: Ask) -> None:
    for n in range(21):
        ask(f"v{n}", f"вопрос {chr(ord('а') + n) * 7}", n)
        id = log.board.misses(order="newest")[0].id
        log.actions.answer(
            id, slug="a", build="b", at=moment(90 * 3600),
            committed=moment(n + 1 + n * 3600) if n else None,
        )  # fmt: skip

    times = log.statistics.answer_times(FIRST, FIRST + timedelta(days=9))

    assert times.n == 21
    assert times.median == timedelta(hours=11)  # 1 … 20 hours, and 90 without a commit
    assert times.p90 == timedelta(hours=19)
    assert times.spread == (20, 0, 1, 0, 0)
    assert log.statistics.answer_times(FIRST, FIRST).median is None
    assert log.statistics.repaid() == [Repaid("a", 21, 21, 0)]


def test_times_to_answer_are_counted_in_whole_days(log: SearchLog, ask: Ask) -> None:
    days = [0, *[1] * 2, *[2.9] * 3, *[3] * 4, *[8] * 5, *[30.9] * 2, *[31] * 2, 400]
    for n, took in enumerate(days):
        ask(f"v{n}", f"вопрос {chr(ord('а') + n) * 7}")
        [id] = [group.id for group in log.board.misses(order="newest") if group.status == "open"]
        at = moment(1.001 + took * DAY)  # a miss is a search that has ended
        log.actions.answer(id, slug="a", build="b", at=moment(9 * DAY), committed=at)

    assert log.statistics.answer_times(FIRST, FIRST + timedelta(days=9)).spread == (1, 5, 4, 7, 3)


def test_first_clicks_are_counted_by_place(log: SearchLog, ask: Ask) -> None:
    for n in range(20):
        ask(f"v{n}", "вопрос", n, **HITS, events=(Event("click", "a", n % 4 * 5 + 1, 9),))

    ranks = log.statistics.click_ranks(FIRST, FIRST)

    assert ranks is not None
    assert {place: clicks for place, clicks in ranks.items() if clicks} == {1: 5, 6: 5, 11: 10}
    assert log.statistics.click_ranks(FIRST, FIRST, lang="en") is None


def test_misses_are_counted_by_category_and_day(log: SearchLog, asked: dict[str, int]) -> None:
    found = log.statistics.misses_by_category(FIRST, FIRST + timedelta(days=9))

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

    first, second = log.statistics.ticket_types(FIRST, FIRST)

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


def fill_empty_tables(url: str) -> None:
    """One row in each table that nothing above writes to, whatever tables there will be."""
    values = {sa.Text: "текст", sa.BigInteger: 7, sa.Boolean: True, sa.LargeBinary: b"\x00"}
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in tables.META.sorted_tables:
            if connection.execute(sa.select(table).limit(1)).first() is None:
                row = {column.name: values[type(column.type)] for column in table.c}
                connection.execute(table.insert(), row)
    engine.dispose()


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
        offered={"a": sketches.sketch("нажмите забыли пароль")},
    )
    log.feedback("a", False, run="r20", text="плохо")
    at = moment(3 * DAY + 9)
    log.ticket("письмо", visit="v20", at=at, replied=moment(4 * DAY), type="вход")
    file = Attachment("f" * 32, "снимок.png", "image/png", 12)
    letter = NewLetter("k", "письмо", "a@example.com", attachments=(file,))
    log.letters.store(letter, at, deliveries=[NewDelivery("k-email", "email", "letter")])
    log.forms.note("form", "v20", at, shown=["a"])
    log.purge(moment(DAY))
    ask("v21", "забыл пароль", 3 * DAY)  # its asker is counted after the purge
    log.actions.merge(asked["two factor codes"], asked["забыл пароль"], who="lead")
    log.actions.separate([asked["счёт для бухгалтерии"]], asked["забыл пароль"], who="lead")
    log.actions.triage(GroupTriage(asked["забыл пароль"], Triage("content", "b1")))
    fill_empty_tables(url)
    before = every_row(url)
    assert [name for name, rows in before.items() if not rows] == []
    target = server.new_database()
    back = f"sqlite:///{tmp_path / 'back.sqlite3'}"

    migrate(url, target, page=2)
    migrate(target, back)

    assert every_row(target) == before
    assert every_row(back) == before
    server.drop(target)


# --- an older log -------------------------------------------------------------------------------


def make_tables(url: str, version: str) -> None:
    """As they were made by the code of that version."""
    engine = sa.create_engine(url)
    config = Config()
    config.set_main_option("script_location", "kb.searchlog:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()


def test_letters_of_the_ninth_version_are_kept_and_can_be_found(empty_url: str) -> None:
    make_tables(empty_url, "0009")
    engine = sa.create_engine(empty_url)
    old = (
        "insert into tickets values (:id, :at, 'ru', 'Вход', :text, :reply_to, '[\"a\"]', :replied)"
    )
    at = int(NOON * 1000)
    with engine.begin() as connection:
        for n in range(3):
            row = {
                "id": f"t{n}",
                "at": at + n,
                "text": f"Письмо {n}",
                "reply_to": f"{n}@EXAMPLE.com",
            }
            connection.execute(sa.text(old), row | {"replied": at + 60_000 if n else 0})
    engine.dispose()

    log = SearchLog(empty_url)

    [last, middle, first] = log.letters.find(LetterFilter()).letters
    assert (first.text, first.state, first.replied) == ("Письмо 0", "new", None)
    assert (last.state, last.replied, last.offered) == ("answered", moment(60), ("a",))
    assert len({letter.number for letter in (first, middle, last)}) == 3
    assert log.letters.find(LetterFilter(text="1@example")).letters == (middle,)
    assert [each.tickets for each in log.statistics.ticket_types(FIRST, FIRST)] == [3]
    log.letters.store(NewLetter("new", "Ещё", "a@example.com"), moment(9))
    log.close()


def test_votes_of_the_second_version_are_kept(empty_url: str) -> None:
    make_tables(empty_url, "0002")
    engine = sa.create_engine(empty_url)
    row = {"id": "v", "at": int(NOON * 1000), "slug": "a", "reason": "", "text": "плохо", "run": ""}
    with engine.begin() as connection:
        connection.execute(FEEDBACK.insert(), row | {"helpful": False})
    engine.dispose()

    log = SearchLog(empty_url)

    [vote] = log.inbox.suggestions(moment(-1)).votes
    assert (vote.slug, vote.helpful, vote.text, vote.at) == ("a", False, "плохо", moment(0))
    log.close()


def test_a_log_of_the_first_version_is_brought_along(tmp_path: Path) -> None:
    """What 0001 held is there afterwards: kept searches and the numbers of purged ones."""
    file = tmp_path / "log.sqlite3"
    make_tables(f"sqlite:///{file}", "0001")
    _old_rows(file)

    log = SearchLog(f"sqlite:///{file}")

    [group] = log.board.misses()
    assert (group.visits, group.searches, group.tickets) == (3, 4, 1)
    assert group.kinds == {"none": 1, "ticketed": 1, "weak": 3}
    assert group.phrasings == (("как сбросить пароль", 1),)
    log.record(Search("new", "v9", "сбросить пароль как", NOON + 9 * DAY, NOON + 9 * DAY))
    assert log.board.misses()[0].visits == 4
    assert names(log, text="сбросить") == ["как сбросить пароль"]
    log.close()


_KEY = " ".join(sorted(set(query_words.key("как сбросить пароль").split())))


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
