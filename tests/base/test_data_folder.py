"""The data folder keeps itself out of git, and touches no folder that holds other things."""

from kb import indexer
from kb.base import data_folder


def test_a_build_makes_a_data_folder_that_git_ignores(settings, write):
    write("a", title="A")
    indexer.rebuild(settings)

    assert (settings.data / ".gitignore").read_text().endswith("\n*\n")


def test_a_folder_with_other_things_in_it_stays_as_it_is(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")

    data_folder.prepare(tmp_path)

    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_what_a_person_wrote_stays(tmp_path):
    (tmp_path / "builds").mkdir()
    (tmp_path / ".gitignore").write_text("builds\n")

    data_folder.prepare(tmp_path)

    assert (tmp_path / ".gitignore").read_text() == "builds\n"
