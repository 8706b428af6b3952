"""Groups that probably ask the same are suggested; nobody but a person merges them."""

import pytest
from logs import Ask

from kb.searchlog.db.log import SearchLog
from kb.searchlog.likeness import GroupProfile, alike


def profile(id, words, nearest=(), opened=()):
    return GroupProfile(
        id,
        dict.fromkeys(words.split(), 1),
        {slug: 1 / place for place, slug in enumerate(nearest, 1)},
        dict.fromkeys(opened, 1),
    )


OTHERS = [profile(100 + n, f"чужое{n} вопрос{n}") for n in range(20)]


def pairs(*profiles, **more):
    return [(each.first, each.second) for each in alike([*profiles, *OTHERS], **more)]


def test_groups_that_share_rare_words_are_alike():
    assert pairs(profile(1, "карта потерять"), profile(2, "потерять карта вчера")) == [(1, 2)]
    assert pairs(profile(1, "карта потерять"), profile(2, "тариф сменить")) == []


def test_a_word_that_most_groups_hold_makes_none_alike():
    common = [profile(n, f"как слово{n}") for n in range(1, 80)]

    assert pairs(*common) == []


def test_the_same_nearest_articles_tip_the_scale():
    words = "карта не работать банкомат", "карта магазин отклонить"

    assert pairs(*(profile(n, each) for n, each in enumerate(words))) == []
    assert pairs(*(profile(n, each, ("card", "atm")) for n, each in enumerate(words))) == [(0, 1)]


def test_an_article_that_visits_of_both_opened_tips_it_too():
    words = "карта не работать банкомат", "карта магазин отклонить"

    assert pairs(*(profile(n, each, opened=["card"]) for n, each in enumerate(words))) == [(0, 1)]


def test_what_was_told_apart_is_not_suggested():
    both = profile(1, "карта потерять"), profile(2, "потерять карта вчера")

    assert pairs(*both, apart=[frozenset((1, 2))]) == []


def test_the_likeliest_come_first_and_the_earlier_group_leads():
    found = alike(
        [profile(5, "карта потерять"), profile(2, "потерять карта вчера"),
         profile(9, "карта потерять")]
    )  # fmt: skip

    assert (found[0].first, found[0].second) == (5, 9)


# --- in the log ---------------------------------------------------------------------------------


@pytest.fixture
def cards(log: SearchLog, ask: Ask) -> None:
    for n in range(3):
        ask(f"a{n}", "потерял карту вчера вечером")
    ask("b", "потерял карту что делать")
    ask("c", "сменить тариф")


@pytest.mark.usefixtures("cards")
def test_the_log_suggests_merges_and_remembers(log: SearchLog) -> None:
    [pair] = log.likeness.pairs()
    assert (pair.first, pair.second) == (1, 2)
    assert [each.second for each in log.likeness.pairs(3)] == []

    action = log.actions.separate([2], 1, who="lead")
    assert log.likeness.pairs() == []
    assert log.actions.separate([2], 1, who="lead") == 0  # it was so

    log.actions.undo(action, who="lead")
    assert len(log.likeness.pairs()) == 1

    log.actions.merge([2], 1, who="lead")
    assert log.likeness.pairs() == []


@pytest.mark.usefixtures("cards")
def test_what_differs_from_a_merged_group_differs_from_its_target(log: SearchLog, ask: Ask) -> None:
    ask("d", "вчера потерял карту и деньги")
    log.actions.separate([4], 2, who="lead")

    log.actions.merge([2], 1, who="lead")

    assert log.likeness.pairs(4) == []


def test_a_group_is_called_by_its_most_asked_wording_repaired(log: SearchLog, ask: Ask) -> None:
    ask("v1", "потерял карту")
    for n in range(2):
        ask(f"w{n}", "патерял карту", total=1, correction="spelling", corrected="потерял карту")
    [group] = log.board.misses()
    assert (group.question, group.label) == ("потерял карту", "потерял карту")

    for n in range(4):
        ask(f"x{n}", "карту потерял")

    [group] = log.board.misses()
    assert (group.question, group.label) == ("потерял карту", "карту потерял")
