"""Who changed what when, from real repositories made here."""

import os
import subprocess
from datetime import date

import pytest

from kb import indexer
from kb.base.config import Settings
from kb.git import history, run

TEXT = "".join(f"line {i} of a text long enough to be known again\n" for i in range(20))


class Repository:
    """A git repository whose commits have a given author and day."""

    def __init__(self, root):
        self.root = root
        root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments, **environment):
        done = subprocess.run(
            ["git", "-c", "user.name=C", "-c", "user.email=c@example.com", *arguments],
            cwd=self.root,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **environment},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def write(self, path, text=TEXT):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, day, author="Anna"):
        self.git("add", "-A")
        self.git(
            "commit", "-q", "--allow-empty", "-m", "x",
            GIT_AUTHOR_NAME=author, GIT_AUTHOR_EMAIL="a@example.com",
            GIT_AUTHOR_DATE=f"{day}T12:00:00+00:00", GIT_COMMITTER_DATE="2026-12-31T12:00:00+00:00",
        )  # fmt: skip

    def dates(self):
        return {
            path: (change.author, change.updated.isoformat())
            for path, change in history.read(self.root).changes.items()
        }


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")


def test_each_file_has_its_last_author_and_day(repository):
    repository.write("a.md")
    repository.write("ru/Сброс пароля.md")
    repository.commit("2026-01-01")
    repository.write("a.md", TEXT + "more")
    repository.commit("2026-02-02", author="Борис Б")

    found = history.read(repository.root)

    assert repository.dates() == {
        "a.md": ("Борис Б", "2026-02-02"),
        "ru/Сброс пароля.md": ("Anna", "2026-01-01"),
    }
    assert found.changes["a.md"].order < found.changes["ru/Сброс пароля.md"].order
    assert found.commit == repository.git("rev-parse", "HEAD").strip()
    assert found.note == ""


def test_moving_is_not_changing(repository):
    repository.write("a.md")
    repository.commit("2026-01-01")
    repository.git("mv", "a.md", "b.md")
    repository.commit("2026-02-02", author="Boris")
    repository.write("sub/.keep", "")
    repository.git("mv", "b.md", "sub/c.md")
    repository.commit("2026-03-03", author="Boris")

    assert repository.dates()["sub/c.md"] == ("Anna", "2026-01-01")
    assert "a.md" not in repository.dates()
    assert "b.md" not in repository.dates()


def test_moving_and_changing_is_changing(repository):
    repository.write("a.md")
    repository.commit("2026-01-01")
    repository.git("mv", "a.md", "b.md")
    repository.write("b.md", TEXT + "more")
    repository.commit("2026-02-02")

    assert repository.dates()["b.md"] == ("Anna", "2026-02-02")


def test_a_changed_file_that_is_moved_later_keeps_the_change(repository):
    repository.write("a.md")
    repository.commit("2026-01-01")
    repository.write("a.md", TEXT + "more")
    repository.commit("2026-02-02")
    repository.git("mv", "a.md", "b.md")
    repository.commit("2026-03-03")

    assert repository.dates()["b.md"] == ("Anna", "2026-02-02")


def test_a_new_file_at_an_old_place_is_new(repository):
    repository.write("a.md")
    repository.commit("2026-01-01")
    repository.git("mv", "a.md", "b.md")
    repository.commit("2026-02-02")
    repository.write("a.md", "quite another text\n" * 9)
    repository.commit("2026-03-03", author="Boris")

    assert repository.dates() == {"a.md": ("Boris", "2026-03-03"), "b.md": ("Anna", "2026-01-01")}


def test_a_deleted_file_that_comes_back_is_dated_by_its_return(repository):
    repository.write("a.md")
    repository.commit("2026-01-01")
    (repository.root / "a.md").unlink()
    repository.commit("2026-02-02")
    assert repository.dates() == {}
    repository.write("a.md")
    repository.commit("2026-03-03")

    assert repository.dates() == {"a.md": ("Anna", "2026-03-03")}


def test_a_folder_inside_a_repository_has_paths_of_its_own(repository):
    repository.write("docs/a.md")
    repository.write("code.py", "x")
    repository.commit("2026-01-01")

    assert list(history.read(repository.root / "docs").changes) == ["a.md"]


def test_a_merge_leaves_dates_alone(repository):
    repository.write("a.md")
    repository.commit("2026-01-01")
    repository.git("checkout", "-q", "-b", "side")
    repository.write("b.md", "side\n" * 9)
    repository.commit("2026-02-02")
    repository.git("checkout", "-q", "main")
    repository.write("a.md", TEXT + "more")
    repository.commit("2026-01-15")
    repository.git("merge", "-q", "--no-edit", "side")

    assert repository.dates() == {"a.md": ("Anna", "2026-01-15"), "b.md": ("Anna", "2026-02-02")}


def test_odd_names_come_through(repository):
    names = ["a\nb.md", 'q"uote.md', "tab\t.md", " .md", "\x02\x1f:100644.md", "-x.md"]
    for name in names:
        repository.write(name, name * 30)
    repository.commit("2026-01-01", author="A\x1fB\x02C")

    assert set(history.read(repository.root).changes) == set(names)


def test_without_git_there_are_no_dates_and_a_note(tmp_path, monkeypatch):
    outside = history.read(tmp_path)
    gone = history.read(tmp_path / "none")
    monkeypatch.setenv("PATH", "")
    without = history.read(tmp_path)

    assert outside.changes == gone.changes == without.changes == {}
    assert "not in a git repository" in outside.note
    assert "git is not installed" in without.note
    assert gone.note


def test_a_repository_without_a_commit_says_so(repository):
    found = history.read(repository.root)

    assert found.changes == {}
    assert "no commit yet" in found.note


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_repository_says_how_to_trust_it(repository, monkeypatch):
    repository.write("a.md")
    repository.commit("2026-01-01")
    for folder, _, files in os.walk(repository.root):
        for name in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(name, 12345, 12345)
    monkeypatch.setenv("HOME", str(repository.root.parent))

    found = history.read(repository.root)

    assert found.changes == {}
    assert "safe.directory" in found.note


def test_a_shallow_clone_tells_only_what_it_knows(repository, tmp_path):
    repository.write("a.md")
    repository.write("b.md", "b")
    repository.commit("2026-01-01")
    repository.write("c.md", "c")
    repository.commit("2026-02-02")
    repository.write("a.md", TEXT + "more")
    repository.commit("2026-03-03")
    repository.git("clone", "-q", "--depth=2", f"file://{repository.root}", str(tmp_path / "clone"))

    found = history.read(tmp_path / "clone")

    assert {path: str(c.updated) for path, c in found.changes.items()} == {"a.md": "2026-03-03"}
    assert "--unshallow" in found.note


def test_a_hostile_repository_starts_no_program(repository, tmp_path):
    proof = tmp_path / "proof"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {proof}\ncat\n")
    script.chmod(0o755)
    repository.write("a.md")
    repository.write(".gitattributes", "*.md diff=evil filter=evil\n")
    repository.commit("2026-01-01")
    for key in (
        "core.pager", "core.fsmonitor", "core.editor", "core.sshCommand", "core.askPass",
        "diff.external", "diff.evil.textconv", "diff.evil.command", "pager.log", "pager.status",
        "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "gpg.program",
        "alias.log", "alias.status", "credential.helper",
    ):  # fmt: skip
        value = f"!{script}" if key.startswith("alias") else str(script)
        repository.git("config", key, value)
    repository.git("config", "log.showSignature", "true")
    hooks = repository.root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-index-change", "fsmonitor-watchman", "pre-auto-gc"):
        (hooks / name).write_text(script.read_text())
        (hooks / name).chmod(0o755)
    repository.write("a.md", TEXT + "x")
    proof.unlink(missing_ok=True)

    found = history.read(repository.root)

    assert found.changes["a.md"].updated == date(2026, 1, 1)
    assert not proof.exists()


def test_a_slow_git_is_given_up(repository):
    repository.write("a.md")
    repository.commit("2026-01-01")

    found = history.read(repository.root, seconds=0)

    assert found.changes == {}
    assert "longer than" in found.note


def test_the_history_may_end_with_an_earlier_commit(repository):
    repository.write("a.md")
    repository.commit("2026-01-01", "Anna")
    first = repository.git("rev-parse", "HEAD").strip()
    repository.write("a.md", "changed\n")
    repository.commit("2026-02-02", "Boris")

    past = history.read(repository.root, at=first)

    assert (past.changes["a.md"].author, past.commit) == ("Anna", first)
    assert history.read(repository.root).changes["a.md"].author == "Boris"


def test_a_commit_that_changes_only_line_ends_is_no_change_of_words(repository):
    for name in "ab":
        repository.write(f"{name}.md")
    repository.commit("2026-01-01")
    for name in "ab":
        (repository.root / f"{name}.md").write_bytes(TEXT.replace("\n", "\r\n").encode())
    repository.commit("2026-02-02", "Boris")
    repository.write("b.md", TEXT.replace("line 3", "row 3"))
    repository.commit("2026-03-03", "Vera")
    (repository.root / "b.md").write_bytes(
        TEXT.replace("line 3", "row 3").replace("\n", "\r\n").encode()
    )
    repository.commit("2026-04-04", "Boris")

    assert repository.dates() == {"a.md": ("Anna", "2026-01-01"), "b.md": ("Vera", "2026-03-03")}


def test_words_that_change_with_line_ends_are_a_change(repository):
    repository.write("a.md")
    repository.commit("2026-01-01")
    (repository.root / "a.md").write_bytes(TEXT.replace("\n", "\r\n").encode() + b"more\r\n")
    repository.commit("2026-02-02", "Boris")

    assert repository.dates() == {"a.md": ("Boris", "2026-02-02")}


def test_a_shallow_clone_is_told_once(repository, tmp_path):
    repository.write("a.md")
    repository.commit("2026-01-01")
    repository.write("b.md")
    repository.commit("2026-02-02")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{repository.root}", str(clone)], check=True
    )
    settings = Settings(articles=clone, data=tmp_path / "var")

    for _ in range(2):
        report = indexer.rebuild(settings)
        assert [(p.path, p.code) for p in report.warnings if p.code == "no-history"] == [
            (".", "no-history")
        ]
    assert "unshallow" in history.read(clone).trouble


def test_a_repository_of_another_user_is_told_once(repository, monkeypatch):
    def refuse(*_, **__):
        raise run.GitFailed(run.FOREIGN)

    monkeypatch.setattr(history.run, "read", refuse)

    assert "safe.directory" in history.read(repository.root).trouble


def test_a_folder_without_git_is_no_trouble(tmp_path):
    assert history.read(tmp_path).trouble == ""


def test_the_log_up_to_a_commit_is_read_once(repository, monkeypatch):
    ran = []
    real = run.run
    monkeypatch.setattr(
        run,
        "run",
        lambda folder, *given, **more: ran.append(given[0]) or real(folder, *given, **more),
    )
    repository.write("a.md")
    repository.commit("2026-01-01")
    first = repository.dates()
    ran.clear()

    assert repository.dates() == first
    assert ran == ["rev-parse"]
    repository.write("b.md")
    repository.commit("2026-01-02")
    assert set(repository.dates()) == {"a.md", "b.md"}
