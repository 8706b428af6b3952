"""Columns are guessed by their names and values, and named where the guess is wrong."""

import csv

import pytest

from kb.tickets import columns, tables
from kb.tickets.models import CannotRead, Ticket, links_of, question_of


def table(tmp_path, *rows):
    path = tmp_path / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return tables.table(path)


def guessed(tmp_path, *header, row=None):
    found = table(tmp_path, header, row or ["x y"] * len(header))
    chosen = columns.columns(found, {})
    return {f: found.header[at] for f in columns.FIELDS if (at := getattr(chosen, f)) is not None}


def test_columns_of_russian_and_english_desks_are_known(tmp_path):
    assert guessed(
        tmp_path, "№", "Тема", "Описание", "Категория", "Дата создания", "Время первого ответа",
        "Ответ",
    ) == {
        "subject": "Тема", "text": "Описание", "type": "Категория", "opened": "Дата создания",
        "replied": "Время первого ответа", "answer": "Ответ",
    }  # fmt: skip
    assert guessed(
        tmp_path, "Ticket ID", "Subject", "Description", "Ticket type", "Created at",
        "First response time (min)", "Agent reply",
    ) == {
        "subject": "Subject", "text": "Description", "type": "Ticket type",
        "opened": "Created at", "replied": "First response time (min)", "answer": "Agent reply",
    }  # fmt: skip


def test_without_a_known_name_the_longest_words_are_the_text(tmp_path):
    row = ["1772636820", "2026-03-04T15:07:00.000Z-and-longer", "why is my card blocked"]

    assert guessed(tmp_path, "a", "b", "c", row=row) == {"text": "c"}


def test_a_column_is_named_by_header_number_or_dash(tmp_path):
    found = table(tmp_path, ["Text", "Letter", "Type"], ["short", "a long letter", "x"])

    by_name = columns.columns(found, {"text": "letter", "type": "-"})
    by_number = columns.columns(found, {"text": "2"})

    assert (by_name.text, by_name.type) == (1, None)
    assert by_number.text == 1


@pytest.mark.parametrize(
    ("named", "told"),
    [({"text": "leter"}, "did you mean 'letter'"), ({"text": "9"}, "it has id, letter"),
     ({"text": "-"}, "no column of text; name it with --text")],
)  # fmt: skip
def test_a_column_that_is_not_there_is_told(tmp_path, named, told):
    with pytest.raises(CannotRead, match=told):
        columns.columns(table(tmp_path, ["id", "letter"], ["1", "a b"]), named)


def test_tickets_have_their_reply_times_and_links(tmp_path):
    found = table(
        tmp_path,
        ["text", "type", "created", "first reply at", "answer"],
        ["Why?", "a", "04.03.2026 10:00", "04.03.2026 11:30", "See https://x.org/articles/en/a."],
        ["Who?", "b", "04.03.2026 10:00", "04.03.2026 09:30", ""],
        ["", "b", "soon", "", ""],
    )

    made = list(columns.tickets(found, columns.columns(found, {})))

    assert [(each.question, each.type, each.minutes, each.links) for each in made] == [
        ("Why?", "a", 90, ("https://x.org/articles/en/a",)), ("Who?", "b", None, ()),
        ("", "b", None, ()),
    ]  # fmt: skip


def test_reply_times_may_be_durations(tmp_path):
    found = table(tmp_path, ["text", "Response time, hours"], ["Why so?", "1.5"])

    assert [each.minutes for each in columns.tickets(found, columns.columns(found, {}))] == [90]


@pytest.mark.parametrize(
    ("subject", "text", "asked"),
    [
        ("", "Здравствуйте! Не приходит код.\nС уважением,\nИван", "Не приходит код."),
        ("Re: Fwd: Код", "Добрый день, не приходит", "Код. не приходит"),
        ("Код", "Код не приходит", "Код не приходит"),
        ("", "Hi team,\nwhere is my card?\n> quoted\nSent from my iPhone", "where is my card?"),
        ("", "New words\nOn Mon, 3 Mar 2026, Bob wrote:\nold words", "New words"),
        ("", "<p>Why &amp; how?</p><style>p {}</style><br>Now", "Why & how? Now"),
        ("Только тема", "", "Только тема"),
        ("", "Спасибо заранее", "Спасибо заранее"),
        ("", "1 < 2 и 3 > 2", "1 < 2 и 3 > 2"),
    ],
)
def test_a_question_is_a_letter_without_its_manners(subject, text, asked):
    assert question_of(subject, text) == asked


def test_a_question_is_cut_between_words():
    asked = question_of("", "слово " * 200)

    assert 480 < len(asked) <= 500
    assert asked.endswith("слово")


def test_links_are_told_from_the_signs_around_them():
    text = '<a href="https://a.org/x?y=1">x</a>, (https://b.org/z). https://b.org/z'

    assert links_of(text) == ("https://a.org/x?y=1", "https://b.org/z")


def test_a_ticket_knows_nothing_it_was_not_told():
    assert Ticket("Why?") == Ticket("Why?", "", None, None, ())
