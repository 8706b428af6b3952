"""Learned lines in a build: searched with their article, shown to nobody, rebuilt by themselves."""

from dataclasses import fields

import numpy as np
import pytest

from kb import indexer
from kb.content.articles import Article
from kb.index import document, learned, rendering
from kb.index.document import Kind, with_learned
from kb.index.learned import LearnedLine

LINE = LearnedLine("айфон не заряжается", chosen=3, shown=3)
BODY = "## Кабель\n\nДостаньте кабель: он лежит в коробке.\n\n## Блок\n\nВоткните блок в розетку."


@pytest.fixture
def article(kb, write):
    """An article that holds no word of the line, among others."""
    write("charge", BODY, title="Питание телефона", answers=["телефон сел"])
    for number in range(12):
        write(f"other-{number}", f"Заметка {number} про склад и доставку.", title=f"Склад {number}")
    kb.rebuild()


def build(kb, **lines):
    report = indexer.rebuild(kb.settings, lines=lines)
    kb._current.look_again()
    return report


def slugs(results):
    return [hit.slug for hit in results.hits]


def test_a_learned_line_finds_its_article_as_long_as_it_is_learned(kb, article):
    assert slugs(kb.answer("айфон не заряжается")) == []

    report = build(kb, charge=(LINE,))

    found = kb.answer("не заряжается айфон")
    assert (slugs(found)[0], found.confident) == ("charge", True)
    assert (report.learned, report.changed, report.unchanged) == (1, 0, 12)

    assert build(kb).learned == 1
    assert slugs(kb.answer("айфон не заряжается")) == []


def test_readers_see_no_word_of_it(kb, article):
    build(kb, charge=(LINE,))

    hit = kb.answer("айфон не заряжается").hits[0]

    shown = repr((hit, kb.article("charge"), kb.suggest("айф", "ru")))
    assert "айфон" not in shown.casefold()
    assert hit.answer or hit.snippet


def test_what_is_not_told_stays_as_it_was(kb, write, article):
    build(kb, charge=(LINE,))
    write("charge", BODY + "\n\nИ подождите.", title="Питание телефона")

    indexer.rebuild(kb.settings, hurried=True)
    kb._current.look_again()

    assert slugs(kb.answer("айфон не заряжается"))[0] == "charge"
    assert kb.catalog().reader.learned == {"charge": (LINE,)}
    indexer.rebuild(kb.settings, full=True)
    kb._current.look_again()
    assert slugs(kb.answer("айфон не заряжается"))[0] == "charge"


def test_equal_lines_make_no_new_build(kb, article):
    build(kb, charge=(LINE,))

    report = build(kb, charge=(LearnedLine(LINE.text, 24, 44),))  # as sure, to a tenth

    assert not report.published
    assert build(kb, charge=(LearnedLine(LINE.text, 30, 30),)).published


def test_an_unchanged_article_is_not_rendered_again(kb, article):
    rendered = []

    report = indexer.rebuild(
        kb.settings, lines={"charge": (LINE,)}, progress=lambda *done: rendered.append(done)
    )

    assert (report.published, report.learned, rendered) == (True, 1, [])


def test_a_former_address_keeps_its_lines(kb, write, article):
    kb.settings.articles.joinpath("charge.md").unlink()
    write("power", BODY, title="Питание телефона", aliases=["charge"])

    build(kb, charge=(LINE,))

    assert slugs(kb.answer("айфон не заряжается"))[0] == "power"
    assert kb.catalog().reader.learned == {"power": (LINE,)}


def test_a_rolled_back_build_does_not_come_back_by_what_is_learned(kb, write, article):
    write("charge", BODY + "\n\nИ подождите.", title="Питание телефона")
    kb.rebuild()
    kb.rollback()

    report = indexer.rebuild(kb.settings, careful=True, lines={"charge": (LINE,)})

    assert report.withheld == "withdrawn"


def test_lines_are_cut_as_the_article_was_and_taken_out_without_a_trace():
    article = Article("a.md", "a", "Заголовок", "ru", f"Начало.\n\n{BODY}", answers=("вопрос",))
    rendered = rendering.render(article, remote_images=False)
    plain = document.analyse(article, rendered)

    lined = with_learned(plain, {"айфон не заряжается": 0.5, "нет зарядки": 0.8})

    assert [Kind(kind).name for kind in lined.kinds[:4]] == [
        "TITLE", "ANSWERS", "LEARNED", "LEARNED",
    ]  # fmt: skip
    assert lined.claims[:4].tolist() == [0.0, 1.0, 0.5, np.float32(0.8)]
    back = with_learned(lined, {})
    for each in fields(plain):
        assert np.array_equal(getattr(back, each.name), getattr(plain, each.name)), each.name


def test_of_two_articles_the_surer_one_comes_first(kb, write, article):
    for slug in ("a", "b"):
        write(slug, "Текст без нужных слов.", title="Заметка")

    build(kb, a=(LearnedLine("новый акт", 3, 3),), b=(LearnedLine("новый акт", 30, 30),))

    assert slugs(kb.answer("новый акт")) == ["b", "a"]


def test_an_article_learns_the_questions_of_most_askers(kb, article):
    many = [LearnedLine(f"вопрос номер {n}", n + 3, n + 3) for n in range(learned.MOST + 5)]

    build(kb, charge=tuple(many))

    held = kb.catalog().reader.learned["charge"]
    assert {line.text for line in held} == {line.text for line in many[5:]}


@pytest.mark.parametrize(
    ("chosen", "shown", "claim"), [(3, 3, 0.5), (3, 10, 0.2), (30, 30, 0.9), (9_999, 9_999, 0.9)]
)
def test_few_askers_prove_little(chosen, shown, claim):
    assert LearnedLine("vpn", chosen, shown).claim == claim


def test_a_broken_file_is_no_lines(tmp_path):
    (tmp_path / learned.FILE).write_text('{"a": [["vpn"]]}')

    assert learned.read(tmp_path) == {}
    assert learned.read(tmp_path / "gone") == {}
