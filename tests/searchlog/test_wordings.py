"""Synonyms that readers show: the pairs they exchanged, and what each would change."""

import pytest

from kb.searchlog import wordings
from kb.searchlog.db.models import Question
from kb.searchlog.proofs import Reworded
from kb.searchlog.reports import Event, Report, Step
from kb.searchlog.wordings import Asked, Proposal


def words(*reworded):
    return [(each.word, each.means, each.askers) for each in wordings.pairs(reworded)]


def test_a_pair_is_what_two_questions_exchanged():
    assert words(Reworded("впн упал", "vpn упал", "ru", 3)) == [("впн", "vpn", 3)]
    assert words(Reworded("не пашет впн", "не работает vpn", "ru", 3)) == [
        ("впн", "vpn", 3), ("впн", "работает", 3), ("пашет", "vpn", 3), ("пашет", "работает", 3),
    ]  # fmt: skip


def test_other_questions_and_forms_of_a_word_give_no_pair():
    assert words(Reworded("сменить тариф", "сменить тарифы", "ru", 9)) == []
    assert words(Reworded("где мой счёт за май", "отменить заказ курьеру срочно", "ru", 9)) == []


def test_pairs_of_most_askers_come_first():
    found = words(
        Reworded("впн упал", "vpn упал", "ru", 3),
        Reworded("симка пропала", "сим пропала", "ru", 5),
        Reworded("впн сломался", "vpn сломался", "ru", 4),
    )

    assert found == [("впн", "vpn", 7), ("симка", "сим", 5)]


def test_a_pair_is_kept_where_it_answers_and_tells_what_it_loses():
    asked = [
        Asked(Question("впн упал")), Asked(Question("впн дома"), "home"), Asked(Question("почта")),
    ]  # fmt: skip
    now = {"впн дома": ("home",), "почта": ("mail",)}
    then = {"впн упал": ("vpn",), "впн дома": ("vpn",), "почта": ()}

    found = wordings.measured(
        [Proposal("впн", "vpn", "", "", 3), Proposal("почта", "письмо", "", "", 3)],
        asked,
        lambda question: now.get(question.query, ()),
        lambda pair: lambda question: then.get(question.query, ()),
        seconds=60,
    )

    assert found == [Proposal("впн", "vpn", "", "", 3, ("впн упал",), ("впн дома",))]


def test_what_there_is_no_time_to_measure_is_left_out():
    pair = Proposal("впн", "vpn", "", "", 3)

    assert wordings.measured([pair], [], lambda q: (), lambda p: lambda q: (), seconds=-1) == []


@pytest.mark.parametrize("content", ["", "{", '[{"word": "a"}]', "[1]"])
def test_a_broken_file_is_no_proposals(tmp_path, content):
    (tmp_path / wordings.FILE).write_text(content)

    assert wordings.read(tmp_path) == []


def test_what_readers_exchanged_is_proposed_with_its_effect(kb, write):
    write("plug", "Вилка не входит в розетку: возьмите переходник.", title="Переходник для розетки")
    for number in range(12):
        write(f"other-{number}", f"Заметка {number} про склад и доставку.", title=f"Склад {number}")
    kb.rebuild()
    for number, asker in enumerate(("ann", "ben", "cid")):
        for run, query, opened in (("a", "адаптерчик", ""), ("b", "переходник", "plug")):
            events = (Event("click", opened, 1, 3_000),) if opened else (Event("left", ms=5_000),)
            kb.report(
                Report(
                    run=f"{run}{number}", visit=f"v{number}", lang="ru", steps=(Step(query, 0),),
                    shown=(("plug", 1),) if opened else (), events=events,
                ),
                asker=asker,
            )  # fmt: skip
            assert kb.recorder.flush(60)

    kb.replay()

    [proposal] = kb.synonym_proposals()
    assert (proposal.word, proposal.means, proposal.askers) == ("адаптерчик", "переходник", 3)
    assert (proposal.answers, proposal.loses) == (("адаптерчик",), ())
    assert "+- [адаптерчик, переходник]" in kb.proposed_synonym_patch("адаптерчик", "переходник")
