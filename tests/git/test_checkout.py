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
