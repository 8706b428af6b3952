"""A letter from the form to the disk: its files, its owner, its search. Real service."""

import io
from pathlib import Path

import pytest
from letter_forms import LETTER, open_form, typed_at_once

from kb.letters.attachments import AttachmentFolder, shown_name
from kb.searchlog.db.letter_models import LetterFilter
from kb.searchlog.reports import Report, Step
from kb.service import KnowledgeBase

ADDRESS = "/contact?ui=ru&q=телепорт сломан&run=the-run&visit=the-visit"


@pytest.fixture
def base(kb, write):
    write("ru/money", "Деньги вернутся на карту.", title="Как вернуть деньги", category="Оплата",
          answers=["вернуть деньги"])  # fmt: skip
    (kb.settings.articles / "owners.yml").write_text("Оплата: Анна\nЖалоба: Вера\ndefault: Борис\n")
    kb.rebuild()
    return kb


@pytest.fixture
def visitor(base, app):
    typed_at_once(app)
    return app.test_client()


def only_letter(base: KnowledgeBase):
    [letter] = base.log.letters.find(LetterFilter()).letters
    return letter


def test_what_was_searched_goes_along_and_is_tied_exactly(base, visitor):
    base.report(Report("the-run", "the-visit", lang="ru", steps=(Step("телепорт сломан", 0),)))
    assert base.recorder.flush()

    page = visitor.get(ADDRESS).text
    fields = open_form(visitor, ADDRESS)
    answer = visitor.post("/contact", data=fields | LETTER)

    assert "поиск: «телепорт сломан»" in page
    assert answer.status_code == 303
    letter = only_letter(base)
    assert [step.query for step in letter.trail] == ["телепорт сломан"]
    [group] = base.misses()
    assert (letter.group, group.kinds["ticketed"]) == (group.id, 1)
    assert letter.number in answer.headers["Location"]


def test_files_lie_in_the_data_folder_for_the_service_alone(base, visitor):
    fields = open_form(visitor, ADDRESS)
    sent = fields | LETTER | {"file": (io.BytesIO(b"\x89PNG"), "../../снимок.png")}

    assert visitor.post("/contact", data=sent).status_code == 303

    letter = only_letter(base)
    [file] = base.log.letters.details(letter.id).attachments
    lies = AttachmentFolder(base.settings.data).path(file)
    assert (file.name, lies.read_bytes()) == ("снимок.png", b"\x89PNG")
    assert lies.parent == base.settings.data / "attachments"
    assert lies.stat().st_mode & 0o777 == 0o600


def test_a_letter_sent_twice_is_one_letter_with_its_files(base, visitor):
    fields = open_form(visitor, ADDRESS)
    answers = [
        visitor.post("/contact", data=fields | LETTER | {"file": (io.BytesIO(b"x"), "a.txt")})
        for _ in range(2)
    ]

    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len(list((base.settings.data / "attachments").iterdir())) == 1
    assert only_letter(base).files == 1


def test_the_owner_of_the_type_comes_first_then_that_of_the_topic(base, visitor):
    def owner(**fields):
        sent = open_form(visitor, "/contact?ui=ru") | LETTER | fields
        assert visitor.post("/contact", data=sent).status_code == 303
        return base.log.letters.find(LetterFilter()).letters[0].owner

    object.__setattr__(
        visitor.application.extensions["kb"], "settings",
        base.settings.model_copy(update={"letter_types": ("Жалоба", "Вопрос")}),
    )  # fmt: skip

    assert owner(email="1@example.com", type="Жалоба", subject="Как вернуть деньги") == "Вера"
    assert owner(email="2@example.com", type="Вопрос", subject="Как вернуть деньги") == "Анна"
    assert owner(email="3@example.com", subject="щщщ ккк") == "Борис"
    assert owner(email="1@EXAMPLE.com", subject="щщщ ккк") == "Вера"  # as before


def test_files_that_no_letter_has_are_swept(tmp_path):
    folder = AttachmentFolder(tmp_path)
    (tmp_path / "attachments").mkdir()
    for name in ("a" * 32, "b" * 32):
        Path(tmp_path / "attachments" / name).write_bytes(b"x")
    import os

    for entry in (tmp_path / "attachments").iterdir():
        os.utime(entry, (0, 0))

    assert folder.sweep({"a" * 32}) == 1
    assert [entry.name for entry in (tmp_path / "attachments").iterdir()] == ["a" * 32]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a.png", "a.png"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\me\\b.txt", "b.txt"),
        ("x" * 300 + ".log", "x" * 96 + ".log"),
        ("‮gpj.exe", "\\u202egpj.exe"),
        ("a\r\nX: y.txt", "a X: y.txt"),
        ("...", "file"),
        ("", "file"),
    ],
)
def test_a_name_of_a_file_is_shown_without_tricks(given, shown):
    assert shown_name(given) == shown
