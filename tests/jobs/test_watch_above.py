"""Watching a folder whose navigation lies above it."""

from kb.jobs.watch import saves


def test_a_change_of_settings_above_the_folder_is_a_save(tmp_path):
    folder, data = tmp_path / "docs", tmp_path / "data"
    folder.mkdir()
    looks = saves(folder, data, lambda: True)
    assert next(looks) == 0.0
    next(looks)

    (tmp_path / "mkdocs.yml").write_text("nav: [x.md]\n")

    assert 0.0 in (next(looks) for _ in range(20))
