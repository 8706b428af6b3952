"""What ended well at an article is learned by it: by askers, not visits, and only where it proves.

An article that stood first and was opened proves nothing; nor does what was not the end of a visit.
"""

import itertools
from datetime import timedelta
from secrets import token_hex

import pytest
from logs import NOON, moment

from kb.base.errors import LogUnavailable
from kb.searchlog import learning
from kb.searchlog.db.models import Amendment, Search
from kb.searchlog.proofs import Reworded, Solved
from kb.searchlog.reports import Event, Report, Step
from kb.service import KnowledgeBase

SHOWN = (("mail", 1), ("vpn", 2), ("wifi", 3))


def click(slug, rank, ms=2_000):
    return Event("click", slug, rank, ms)


@pytest.fixture
def solve(ask):
    """`solve("ann", "query", click("vpn", 2))`: an asker asks once, and opens articles."""
    count = itertools.count()

    def ask_and_open(asker, query, *events, visit="", at=0.0, **more):
        visit = visit or f"visit {next(count)}"
        more = {"shown": SHOWN, "total": 3, "confident": True} | more
        ask(visit, query, at, asker=asker, events=events, **more)
        return visit

    return ask_and_open


# ---------------------------------------------------------------- what proves


def test_a_question_that_enough_askers_solved_is_learned(log, solve):
    for asker in ("ann", "ben", "cid"):
        solve(asker, "Не могу войти из дома", click("vpn", 2))

    assert log.proofs.solved(3) == [Solved("не могу войти из дома", "vpn", chosen=3, shown=3)]
    assert log.proofs.solved(4) == []


def test_a_thousand_visits_of_one_network_are_one_asker(log, solve):
    for asker in ("ann", "ben"):
        solve(asker, "не могу войти", click("vpn", 2))
    forged = [
        Search(
            f"f{n}", f"forged {n}", "не могу войти", NOON + 1, NOON + 2, lang="ru", shown=SHOWN,
            total=3, confident=True, events=(click("wifi", 3),), asker="forger",
        )
        for n in range(1000)
    ]  # fmt: skip
    log.record(*forged)

    assert log.proofs.solved(2) == [Solved("не могу войти", "vpn", chosen=2, shown=3)]


def test_what_stands_first_proves_nothing_by_being_opened(log, solve):
    for asker in ("ann", "ben", "cid"):
        solve(asker, "почта", click("mail", 1))

    assert log.proofs.solved(1) == []


def test_what_stands_first_is_proved_by_the_readers_word(log, solve):
    for asker in ("ann", "ben", "cid"):
        solve(asker, "почта", click("mail", 1), Event("answered", "mail", 1, 5_000))

    assert log.proofs.solved(3) == [Solved("почта", "mail", chosen=3, shown=3)]


def test_the_article_opened_last_is_the_one_that_solved(log, solve):
    solve("ann", "почта", click("vpn", 2, 2_000), click("wifi", 3, 9_000))

    assert [each.slug for each in log.proofs.solved(1)] == ["wifi"]


@pytest.mark.parametrize("later", ["search", "letter", "vote", "click"])
def test_what_went_on_was_not_solved(log, solve, later):
    visit = solve("ann", "не могу войти", click("vpn", 2), id="run")
    assert len(log.proofs.solved(1)) == 1

    if later == "search":
        solve("ann", "сброс пароля", visit=visit, at=400)
    elif later == "letter":
        log.ticket("помогите", visit=visit, at=moment(300), asker="ann")
    elif later == "vote":
        log.feedback("vpn", False, run="run", at=moment(60), asker="ann")
    else:
        log.amend(Amendment("run", visit, 0.0, (click("wifi", 3, 60_000),), asker="ann"))

    assert [each for each in log.proofs.solved(1) if each.slug == "vpn"] == []


def test_a_click_that_is_told_after_the_next_search_proves_nothing(log, solve):
    visit = solve("ann", "не могу войти", id="run")
    solve("ann", "сброс пароля", visit=visit, at=100)

    log.amend(Amendment("run", visit, 0.0, (click("vpn", 2),), asker="ann"))

    assert log.proofs.solved(1) == []


def test_who_passes_an_article_over_speaks_against_it(log, solve):
    solve("ann", "не могу войти", click("vpn", 2))

    solve("ben", "не могу войти", click("wifi", 3))  # passes it over
    solve("cid", "не могу войти")  # opens nothing
    solve("dan", "не могу войти", click("mail", 1))  # looked no further than the first

    found = {each.slug: (each.chosen, each.shown) for each in log.proofs.solved(1)}
    assert found == {"vpn": (1, 3), "wifi": (1, 2)}


def test_a_repaired_question_is_learned_as_it_was_understood(log, solve):
    solve("ann", "gjxnf", click("vpn", 2), correction="layout", corrected="почта")

    assert [each.question for each in log.proofs.solved(1)] == ["почта"]


@pytest.mark.parametrize("query", ["почта ivan@example.com", "?!", "почта " * 60])
def test_what_names_somebody_or_nothing_is_not_learned(log, solve, query):
    solve("ann", query, click("vpn", 2))

    assert log.proofs.solved(1) == []


@pytest.mark.parametrize("who", [{"robot": True}, {"surface": "agent"}])
def test_a_program_proves_nothing(log, solve, who):
    solve("bot", "не могу войти", click("vpn", 2), **who)

    assert log.proofs.solved(1) == []


@pytest.mark.parametrize(("shown", "is_learned"), [(9, True), (10, False)])
def test_an_article_that_most_pass_over_learns_nothing(shown, is_learned):
    solved = [Solved("почта", "vpn", chosen=3, shown=shown)]

    assert bool(learning.lines(solved, lambda slug: (), least=3)) == is_learned


# ---------------------------------------------------------------- what is kept


def test_proofs_go_with_the_searches_and_with_what_is_forgotten(log, solve):
    solve("ann", "не могу войти", click("vpn", 2))
    solve("ann", "тайное имя", click("vpn", 2))

    log.forget("тайное")
    assert [each.question for each in log.proofs.solved(1)] == ["не могу войти"]

    log.purge(moment(0) + timedelta(days=2))
    assert log.proofs.solved(1) == []


def test_proofs_go_with_the_questions_of_a_flood(log, solve):
    for asker in ("ann", "ben"):
        visit = solve(asker, "дешёвые окна", total=0, shown=(), confident=False)
        solve(asker, "окна", click("vpn", 2), visit=visit, at=20)
    [group] = [each.id for each in log.groups.get_all([1, 2]) if each.question == "дешёвые окна"]

    log.forget_groups([group])

    assert log.proofs.reworded(1) == []


def test_only_counts_stand_on_disk(log, solve):
    solve("ann of 192.0.2.1", "не могу войти", click("vpn", 2))

    rows = log.database.select("select * from proofs")

    assert {row["kind"] for row in rows} == {"chosen", "shown"}
    assert "ann" not in repr(rows)


# ---------------------------------------------------------------- other words


def test_a_missed_question_is_tied_to_the_one_that_ended_well(log, solve):
    for asker in ("ann", "ben", "cid"):
        visit = solve(asker, "не пашет впн", total=0, shown=(), confident=False)
        solve(asker, "не работает vpn", click("mail", 1), visit=visit, at=20)

    assert log.proofs.reworded(3) == [Reworded("не пашет впн", "не работает vpn", "ru", 3)]

    solve("cid", "ещё вопрос", visit=visit, at=100)
    assert log.proofs.reworded(3) == []
    assert len(log.proofs.reworded(2)) == 1


# ---------------------------------------------------------------- the index that learns


@pytest.fixture
def site(kb, write):
    """A base in which «не пашет связь из дома» finds the article that solves it in third place."""
    write("mail", "Связь с почтой из дома не пашет? Проверьте адрес.", title="Почта из дома")
    write("wifi", "Связь не пашет, если выключен роутер.", title="Домашняя связь")
    write("vpn", "Включите туннель. Связь зашифрована.", title="VPN")
    for number in range(8):
        write(f"other-{number}", f"Заметка {number} про склад.", title=f"Склад {number}")
    kb.rebuild()
    return kb


ASKED = "не пашет связь из дома"


def opens(kb, asker, slug, query=ASKED):
    """A reader asks, opens an article where it stands, and is content."""
    hits = [hit.slug for hit in kb.answer(query, own_lang="ru").hits]
    rank = hits.index(slug) + 1
    kb.report(
        Report(
            run=token_hex(8),
            visit=token_hex(8),
            lang="ru",
            steps=(Step(query, 0),),
            shown=tuple((each, at) for at, each in enumerate(hits, 1)),
            events=(Event("click", slug, rank, 3_000),),
        ),
        asker=asker,
    )


def found(kb, query):
    return [hit.slug for hit in kb.answer(query, own_lang="ru").hits]


def test_an_article_rises_by_what_it_solved_until_learning_is_off(site):
    assert found(site, ASKED)[0] != "vpn"
    for asker in ("ann", "ben", "cid"):
        opens(site, asker, "vpn")
    assert site.recorder.flush(60)

    report = site.rebuild()

    assert (report.published, report.learned) == (True, 1)
    assert found(site, ASKED)[0] == "vpn"
    assert found(site, "связь из дома не пашет")[0] == "vpn"

    off = KnowledgeBase.open(site.settings.model_copy(update={"learn": False}))
    assert off.rebuild().learned == 1
    assert found(off, ASKED)[0] != "vpn"
    off.close()


def test_a_thousand_forged_visits_move_no_rank(site):
    asked = [ASKED, "связь", "почта из дома", "заметка про склад"]
    before = {query: found(site, query) for query in asked}
    for number in range(1000):
        opens(site, "forger", "wifi" if number % 2 else "vpn")
        if number % 100 == 99:
            assert site.recorder.flush(60)

    report = site.rebuild()

    assert not report.published
    assert {query: found(site, query) for query in asked} == before


def test_a_thousand_forged_visits_take_no_learned_line_away(site):
    for asker in ("ann", "ben", "cid"):
        opens(site, asker, "vpn")
    site.recorder.flush(60)
    site.rebuild()

    for number in range(1000):
        opens(site, "forger", "mail")
        if number % 100 == 99:
            assert site.recorder.flush(60)

    assert not site.rebuild().published
    assert found(site, ASKED)[0] == "vpn"


def test_what_a_writer_put_down_is_not_learned_again(site, write):
    for asker in ("ann", "ben", "cid"):
        opens(site, asker, "vpn")
    site.recorder.flush(60)
    write("vpn", "Включите туннель. Связь зашифрована.", title="VPN", answers=[ASKED + "?"])

    site.rebuild()
    site.rebuild()

    assert site.catalog().reader.learned == {}
    assert found(site, ASKED)[0] == "vpn"


def test_a_log_that_cannot_be_reached_takes_nothing_away(site, monkeypatch):
    for asker in ("ann", "ben", "cid"):
        opens(site, asker, "vpn")
    site.recorder.flush(60)
    site.rebuild()

    def fail(least):
        raise LogUnavailable("no log today")

    monkeypatch.setattr(site.log.proofs, "solved", fail)
    site.rebuild(full=True)

    assert found(site, ASKED)[0] == "vpn"
