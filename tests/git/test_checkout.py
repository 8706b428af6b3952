"""The files of a commit in a folder: their bytes, and the times of those that lie here the same."""

import os
import subprocess

import pytest

from kb.git import checkout

LONG_AGO = 1_000_000_000_000_000_000  # ns


@pytest.fixture
def clone(tmp_path):
    root = tmp_path / "clone"
    root.mkdir()
    for name in ("kept.md", "edited.md"):
        (root / name).write_text("one\n", "utf-8")
        os.utime(root / name, ns=(LONG_AGO, LONG_AGO))
    who = ("-c", "user.name=Anna", "-c", "user.email=anna@example.com")
    for command in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "both")):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def extracted(clone, into):
    checkout.extract(clone, "HEAD", lambda blob: True, into)
    return {path.name: (path.read_text("utf-8"), path.stat().st_mtime_ns) for path in
            sorted(into.iterdir())}  # fmt: skip


def test_a_file_that_lies_here_the_same_comes_with_its_time(clone, tmp_path):
    files = extracted(clone, tmp_path / "into")

    assert files == {"edited.md": ("one\n", LONG_AGO), "kept.md": ("one\n", LONG_AGO)}


def test_a_file_that_differs_here_comes_as_committed_and_as_new(clone, tmp_path):
    (clone / "edited.md").write_text("two\n", "utf-8")
    later = LONG_AGO + 5_000_000_000  # git may tell seconds apart and no less
    os.utime(clone / "edited.md", ns=(later, later))  # of the same size

    text, time = extracted(clone, tmp_path / "into")["edited.md"]

    assert text == "one\n"
    assert time > later


def commit(clone):
    who = ("-c", "user.name=Anna", "-c", "user.email=anna@example.com")
    for command in (("add", "-A"), (*who, "commit", "-q", "-m", "more")):
        subprocess.run(["git", *command], cwd=clone, check=True)


def inodes(into):
    return {path.name: path.lstat().st_ino for path in into.rglob("*") if not path.is_dir()}


def test_what_an_earlier_call_wrote_stays_if_it_is_the_same(clone, tmp_path):
    into = tmp_path / "into"
    extracted(clone, into)
    first = inodes(into)
    (clone / "edited.md").write_text("two\n", "utf-8")
    commit(clone)
    later = LONG_AGO + 5_000_000_000
    os.utime(clone / "kept.md", ns=(later, later))  # touched: the same, with another time

    files = extracted(clone, into)

    assert inodes(into)["kept.md"] == first["kept.md"]
    assert files["kept.md"][0] == "one\n"
    assert files["edited.md"][0] == "two\n"
    assert extracted(clone, into) == files


@pytest.mark.parametrize("spoiled", ["content", "note", "kind"])
def test_what_is_not_as_it_was_written_is_written_anew(clone, tmp_path, spoiled):
    into, secret = tmp_path / "into", tmp_path / "secret"
    files = extracted(clone, into)
    secret.write_text("one\n", "utf-8")
    os.utime(secret, ns=(LONG_AGO, LONG_AGO))
    file = into / "kept.md"
    if spoiled == "content":
        file.write_text("two\n", "utf-8")
    elif spoiled == "note":
        (tmp_path / "into.json").write_text("{", "utf-8")
        file.write_text("two\n", "utf-8")
        os.utime(file, ns=(LONG_AGO, LONG_AGO))
    else:
        file.unlink()
        file.symlink_to(secret)

    assert extracted(clone, into) == files
    assert not file.is_symlink()
    assert secret.read_text("utf-8") == "one\n"


def test_what_is_not_of_the_commit_goes_and_nothing_is_written_through_a_link(clone, tmp_path):
    into, outside = tmp_path / "into", tmp_path / "outside"
    outside.mkdir()
    (clone / "folder").symlink_to(outside)
    (clone / "old").mkdir()
    (clone / "old" / "gone.md").write_text("gone\n", "utf-8")
    commit(clone)
    checkout.extract(clone, "HEAD", lambda blob: True, into)
    assert (into / "folder").is_symlink()
    assert (into / "old" / "gone.md").exists()

    (clone / "folder").unlink()
    (clone / "folder").mkdir()
    (clone / "folder" / "new.md").write_text("new\n", "utf-8")
    subprocess.run(["git", "rm", "-q", "-r", "old"], cwd=clone, check=True)
    commit(clone)
    checkout.extract(clone, "HEAD", lambda blob: True, into)

    assert sorted(path.relative_to(into).as_posix() for path in into.rglob("*")) == [
        "edited.md", "folder", "folder/new.md", "kept.md",
    ]  # fmt: skip
    assert list(outside.iterdir()) == []


def test_files_of_a_call_that_failed_are_written_anew(clone, tmp_path, monkeypatch):
    into = tmp_path / "into"
    files = extracted(clone, into)
    monkeypatch.setattr(checkout.run, "blobs", lambda *_, **__: [None])
    (clone / "edited.md").write_text("two\n", "utf-8")
    commit(clone)
    with pytest.raises(checkout.NoSuchState):
        checkout.extract(clone, "HEAD", lambda blob: True, into)
    monkeypatch.undo()
    assert not (tmp_path / "into.json").exists()

    assert extracted(clone, into)["kept.md"] == files["kept.md"]
