"""What a build remembers of files is read back as it was written, details when asked for."""

import pytest

from kb.base.errors import IndexDamaged
from kb.base.messages import Message
from kb.content.problems import Problem
from kb.content.topics import Placement
from kb.index import entries
from kb.index.entries import DETAILS, Details, Entry, LinkedFile

DETAILS_OF_A = Details(
    "b", (("/articles/b", "b.md"), ("/media/c.pdf", "c.pdf")), (2, 3), ("d.png",),
    Placement("ru", "А", category=("x", "y"), order=1.5), "ru", "uid", ("/articles/b", ""),
)  # fmt: skip
FILES = {
    "a.md": Entry(
        (1, 2, 3, 4), "facts", "digest", 0, 7, "a", "hugo", DETAILS_OF_A, (), ("old", "older"),
        ("staff",), ("_part.md",), 2, "learned", (LinkedFile("c.pdf", (5, 6), "key"),), True,
    ),
    "b.md": Entry((5, 6, 7, 8), "", ""),
    "c.md": Entry(
        (9, 10, 11, 12), "", "", problems=(Problem("c.md", 1, "too-slow", Message("slow")),)
    ),
}  # fmt: skip


def test_entries_come_back_as_they_were_written(tmp_path):
    columns = entries.write(tmp_path, FILES)

    found = entries.read(tmp_path, columns)

    assert list(found) == list(FILES)
    assert [entry.details for entry in found.values()] == [DETAILS_OF_A, Details(), Details()]
    assert found == FILES
    assert entries.read(tmp_path, entries.write(tmp_path, {})) == {}


def test_details_that_nobody_asked_for_are_written_as_they_are(tmp_path):
    found = entries.read(tmp_path, entries.write(tmp_path, FILES))
    line = (tmp_path / DETAILS).read_bytes()

    entries.write(tmp_path, found)

    assert (tmp_path / DETAILS).read_bytes() == line
    assert all(isinstance(entry.kept, bytes) for entry in found.values())


def test_damaged_details_are_told_when_asked_for():
    with pytest.raises(IndexDamaged, match="run `kb index --full`"):
        _ = Entry((), "", "", kept=b"[1]").details
