"""A clone follows its remote forward and loses nothing of its own. The repositories are real."""

import os
import stat
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from clones import Clones

from kb.git import pull as repository
from kb.git.pull import PullFailed


@pytest.fixture
def clones(tmp_path):
    return Clones(tmp_path)


def pull(clones, **options):
    return repository.pull(clones.site / "articles", **options)


def refused(clones, code, **options):
    """Nothing moved, and the message says why."""
    commit = clones.commit()
    with pytest.raises(PullFailed) as refusal:
        pull(clones, **options)
    assert refusal.value.code == code
    assert clones.commit() == commit
    return str(refusal.value)


def test_what_was_pushed_arrives(clones):
    before = clones.commit()
    after = clones.push("articles/a.md", "second")

    assert pull(clones) == repository.Pulled("main", before, after)
    assert clones.read() == "second"
    assert pull(clones) == repository.Pulled("main", after, after)


def test_a_clone_of_an_empty_repository_gets_its_first_commit(clones, tmp_path):
    clones.git(tmp_path, "init", "-q", "--bare", "-b", "main", "empty")
    clones.git(tmp_path, "clone", "-q", str(tmp_path / "empty"), "early")
    with pytest.raises(PullFailed, match="could not be fetched"):
        repository.pull(tmp_path / "early")

    clones.git(clones.writer, "push", "-q", str(tmp_path / "empty"), "main")

    assert repository.pull(tmp_path / "early").before == ""
    assert (tmp_path / "early/articles/a.md").read_text() == "first"


def test_edits_elsewhere_stay_and_hinder_nothing(clones):
    (clones.site / "articles/draft.md").write_text("mine")
    clones.push("articles/b.md", "new")

    pull(clones)

    assert clones.read("articles/draft.md") == "mine"
    assert clones.read("articles/b.md") == "new"


@pytest.mark.parametrize("path", ["articles/a.md", "articles/new.md"])
def test_an_edit_that_was_never_committed_is_not_overwritten(clones, path):
    (clones.site / path).write_text("mine")
    clones.push("articles/b.md", "new")
    clones.push(path, "theirs")

    assert path in refused(clones, "local-edits")
    assert clones.read(path) == "mine"
    assert not (clones.site / "articles/b.md").exists()


def test_a_rewritten_branch_is_not_followed(clones):
    clones.push("articles/a.md", "second")
    pull(clones)
    clones.git(clones.writer, "reset", "-q", "--hard", "HEAD^")
    clones.push("articles/a.md", "rewritten", "--force")

    for _ in range(2):  # not on a second try either
        assert "git reset --keep origin/main" in refused(clones, "not-fast-forward")
    assert clones.read() == "second"


def test_a_branch_that_went_back_is_not_followed(clones):
    clones.push("articles/a.md", "second")
    pull(clones)
    clones.git(clones.writer, "push", "-q", "--force", "origin", "HEAD^:main")

    for _ in range(2):
        refused(clones, "not-fast-forward")
    assert clones.read() == "second"


def test_commits_made_in_the_clone_are_kept(clones):
    (clones.site / "articles/a.md").write_text("mine")
    clones.git(clones.site, "commit", "-q", "-a", "-m", "mine")
    clones.push("articles/b.md", "theirs")

    refused(clones, "not-fast-forward")
    assert clones.read() == "mine"


def test_a_merge_somebody_left_half_done_is_left_alone(clones):
    clones.push("articles/a.md", "theirs")
    (clones.site / "articles/a.md").write_text("mine")
    clones.git(clones.site, "commit", "-q", "-a", "-m", "mine")
    clones.git(clones.site, "fetch", "-q")
    with pytest.raises(subprocess.CalledProcessError):
        clones.git(clones.site, "merge", "origin/main")

    refused(clones, "not-fast-forward")
    assert "<<<<<<<" in clones.read()


def test_a_lock_of_another_git_is_told(clones):
    (clones.site / ".git/index.lock").touch()
    clones.push("articles/a.md", "second")

    assert "index.lock" in refused(clones, "merge-failed")


def test_a_remote_that_is_gone_is_told(clones):
    clones.remote.rename(clones.remote.with_name("elsewhere"))

    assert "could not be fetched from origin" in refused(clones, "fetch-failed")


@pytest.mark.parametrize(
    "remote", ["nowhere", "--upload-pack=touch pwned", "-x", "a b", "ext::sh -c"]
)
def test_a_hostile_or_unknown_remote_runs_nothing(clones, remote, tmp_path):
    refused(clones, "fetch-failed", remote=remote)
    assert not list(tmp_path.rglob("pwned"))


def test_a_remote_that_is_a_program_is_not_run(clones, tmp_path):
    clones.git(clones.site, "remote", "set-url", "origin", f"ext::sh -c touch% {tmp_path}/pwned")

    refused(clones, "fetch-failed")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("hook", ["post-merge", "post-checkout", "reference-transaction"])
def test_no_hook_of_the_clone_runs(clones, hook, tmp_path):
    script = clones.site / ".git/hooks" / hook
    script.parent.mkdir(exist_ok=True)
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    clones.push("articles/a.md", "second")

    pull(clones)

    assert not (tmp_path / "ran").exists()


def test_the_branch_of_the_settings_has_to_be_checked_out(clones):
    assert "git switch live" in refused(clones, "other-branch", wanted="live")
    clones.git(clones.site, "checkout", "-q", "--detach")
    assert "git switch main" in refused(clones, "no-branch")


def test_a_folder_without_git_is_told(tmp_path):
    with pytest.raises(PullFailed, match="not in a git repository; clone") as refusal:
        repository.pull(tmp_path)
    assert refusal.value.code == "no-repository"


def test_a_server_that_never_answers_is_left_with_all_that_was_started(clones, tmp_path):
    """A helper of git hangs; it is stopped, too."""
    slow = tmp_path / "slow"
    slow.write_text(
        f"#!{sys.executable}\nimport os, time\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )
    slow.chmod(0o755)
    clones.git(clones.site, "config", "remote.origin.uploadpack", str(slow))
    began = time.monotonic()

    assert "longer than 1 s" in refused(clones, "fetch-failed", seconds=1)

    assert time.monotonic() - began < 20
    child = int((tmp_path / "pid").read_text())
    while os.path.exists(f"/proc/{child}"):
        assert time.monotonic() - began < 30
        time.sleep(0.05)


class _Locked(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_git_asks_nobody_for_a_password(clones, monkeypatch, tmp_path):
    asking = tmp_path / "ask"
    asking.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\n")
    asking.chmod(0o755)
    for name in ("GIT_ASKPASS", "SSH_ASKPASS"):
        monkeypatch.setenv(name, str(asking))
    clones.git(clones.site, "config", "core.askPass", str(asking))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Locked) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/articles.git"
        clones.git(clones.site, "remote", "set-url", "origin", address)

        assert "could not read Username" in refused(clones, "fetch-failed")
        server.shutdown()

    assert not (tmp_path / "asked").exists()
