"""Labels are kept one a line: none is lost, and a torn line stops nobody."""

import pytest

from kb.tickets import labels
from kb.tickets.labels import Label
from kb.tickets.models import CannotRead


def test_labels_are_read_as_they_were_added(tmp_path):
    file = tmp_path / "t.labels.jsonl"
    labels.add(file, Label("a", "y", "Где\nкарта?", ("ru/a",)))
    labels.add(file, Label("b", ""))
    labels.add(file, Label("a", "n"))

    assert labels.read(file) == {"a": "n", "b": ""}
    assert len(file.read_text("utf-8").splitlines()) == 3


def test_no_file_is_no_labels(tmp_path):
    assert labels.read(tmp_path / "none") == {}


def test_a_line_that_was_being_written_is_passed_over_and_the_next_is_whole(tmp_path):
    file = tmp_path / "t.labels.jsonl"
    labels.add(file, Label("a", "y"))
    file.write_bytes(file.read_bytes() + b'{"key": "b", "lab')

    assert labels.read(file) == {"a": "y"}
    labels.add(file, Label("c", "n"))
    assert labels.read(file) == {"a": "y", "c": "n"}


@pytest.mark.parametrize(
    "content", [b'{"key": "a", "label": "x"}\n', b"[]\n", b"\xff\xfe\n", b"1\n2\n", b"{\n{}\n"]
)
def test_a_file_that_is_none_of_ours_is_told(tmp_path, content):
    (tmp_path / "t").write_bytes(content)

    with pytest.raises(CannotRead, match=r"label|remove it"):
        labels.read(tmp_path / "t")


def test_a_label_belongs_to_a_question_and_the_articles_shown():
    keys = {
        labels.key_of("Где карта?", ("a", "b")), labels.key_of("Где карта?", ("b", "a")),
        labels.key_of("Где карта?", ()), labels.key_of("Где карта", ("a", "b")),
    }  # fmt: skip

    assert len(keys) == 4
