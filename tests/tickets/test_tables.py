"""A CSV of any help desk is read as it is: whatever its encoding, delimiter and line ends."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.tickets import tables
from kb.tickets.models import CannotRead

HEADER = ("ID", "Описание", "Тип")
ROWS = [
    ("1", "Не приходит письмо, что делать?\nСовсем не приходит; ни одно | нет", "Почта"),
    ("2", 'Он сказал "нет", и всё', "Прочее"),
]


def write(path, encoding, delimiter, end="\r\n", rows=ROWS):
    def cell(text):
        return '"' + text.replace('"', '""') + '"'

    lines = (delimiter.join(map(cell, row)) for row in (HEADER, *rows))
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be"), ("cp1251", "cp1251"),
        ("koi8-r", "koi8-r"), ("cp866", "cp866"),
    ],
)  # fmt: skip
def test_encoding_and_delimiter_are_found_out(tmp_path, written, found, delimiter):
    table = tables.table(write(tmp_path / "t.csv", written, delimiter))

    assert (table.encoding, table.delimiter, table.header) == (found, delimiter, HEADER)
    assert [tuple(row) for row in table.rows()] == [
        (id, text.replace("\n", "\n"), type) for id, text, type in ROWS
    ]


def test_rows_are_as_long_as_the_header_and_empty_ones_are_none(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n1\n\n,,\n1,2,3,4\n", "utf-8")

    assert list(tables.table(path).rows()) == [["1", "", ""], ["1", "2", "3"]]


def test_options_go_before_what_is_found(tmp_path):
    path = write(tmp_path / "t.csv", "cp1251", ";")

    table = tables.table(path, "koi8-r", ";")

    assert table.encoding == "koi8-r"
    assert table.header[1] != "Описание"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe", b" , ,\n1,2,3\n"])
def test_a_file_without_a_header_is_told(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)

    with pytest.raises(CannotRead, match="no header"):
        tables.table(tmp_path / "t.csv")


def test_an_encoding_that_is_none_is_told(tmp_path):
    with pytest.raises(CannotRead, match="no encoding 'utf-9'"):
        tables.table(write(tmp_path / "t.csv", "utf-8", ","), "utf-9")


def test_a_wrong_encoding_is_told_in_a_sentence(tmp_path):
    table = tables.table(write(tmp_path / "t.csv", "cp1251", ","), "cp1251", ",")
    wrong = tables.Table(table.path, "utf-8", ",", table.header)

    with pytest.raises(CannotRead, match="--encoding"):
        list(wrong.rows())


@given(st.binary(max_size=300), st.integers(0, 3))
def test_any_bytes_are_rows_or_a_sentence(tmp_path_factory, data, marked):
    path = tmp_path_factory.mktemp("any") / "t.csv"
    path.write_bytes((b"", b"\xef\xbb\xbf", b"\xff\xfe", b'a,"b\n')[marked] + data)
    try:
        table = tables.table(path)
        rows = list(table.rows())
    except CannotRead as error:
        rows, table = [], None
        told = str(error)
        assert str(path) in told

    assert all(len(row) == len(table.header) for row in rows)


def test_texts_of_random_letters_keep_their_encoding(tmp_path):
    chance = random.Random(1)
    rows = [("1", "".join(chance.choices("оеаинтсрвлкм ", k=200)), "x")]

    for encoding in ("cp1251", "koi8-r", "cp866"):
        table = tables.table(write(tmp_path / f"{encoding}.csv", encoding, ";", rows=rows))
        assert next(iter(table.rows()))[1] == rows[0][1]
