"""`kb sync`: what was pushed is published, and whatever goes wrong, the site goes on."""

import fcntl
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from clones import Clones

from kb.base.config import Settings
from kb.base.errors import BuildBusy, MailFailed
from kb.cli import main
from kb.content import status
from kb.content.status import Synced
from kb.index.builds import Builds
from kb.jobs import mail
from kb.jobs.sync import LASTING, letter, sync
from kb.service import KnowledgeBase

BROKEN = "---\ntitle: [\n---\n"
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Site:
    """A site over the clone `clones.site`, its clock, and the letters that left it."""

    def __init__(self, tmp_path, monkeypatch):
        self.clones = Clones(tmp_path)
        self.settings = Settings(
            articles=self.clones.site / "articles",
            data=tmp_path / "var",
            smtp_url="smtp://mail.example.com",
            leads_email=("lead@example.com",),
        )
        self.now = MONDAY
        self.letters = []
        self.mail_works = True
        monkeypatch.setattr(mail, "send", self._send)
        self.kb = KnowledgeBase.open(self.settings)
        self.kb.rebuild()

    def _send(self, _, letter):
        if not self.mail_works:
            raise MailFailed("mail.example.com did not take the letter; check KB_SMTP_URL")
        self.letters.append(letter)

    def sync(self, **options):
        """Syncs, and what is kept of it is what was said."""
        self.now += timedelta(minutes=5)
        result = sync(self.kb, now=lambda: self.now, patience=0.5, **options)
        assert status.read(self.settings.data, Synced) == result
        return result

    def served(self):
        return sorted(card.slug for card in self.kb.all_cards())

    def text(self, slug="a"):
        return self.kb.article(slug).html


@pytest.fixture
def site(tmp_path, monkeypatch):
    made = Site(tmp_path, monkeypatch)
    yield made
    made.kb.close()


def test_what_was_pushed_is_published(site):
    commit = site.clones.push("articles/b.md", "second")

    result = site.sync()

    assert (result.outcome, result.branch, result.commit) == ("published", "main", commit)
    assert result.build == site.kb.status().build
    assert site.served() == ["a", "b"]
    assert site.sync().outcome == "unchanged"
    assert site.letters == []


def test_a_pull_that_was_cut_short_before_indexing_is_made_up_for(site):
    site.clones.push("articles/b.md", "second")
    site.clones.git(site.clones.site, "pull", "-q", "--ff-only")  # and then the power went

    assert site.sync().outcome == "published"
    assert site.served() == ["a", "b"]


def test_a_push_that_breaks_a_served_article_changes_nothing_until_it_is_corrected(site):
    before = site.kb.status().build
    site.clones.push("articles/b.md", "second")
    site.clones.push("articles/a.md", BROKEN)

    result = site.sync()

    assert (result.outcome, result.code, result.build) == ("held", "would-lose", before)
    assert [(p.path, p.code) for p in result.rejected] == [("a.md", "bad-yaml")]
    assert site.served() == ["a"]
    assert "first" in site.text()

    site.clones.push("articles/a.md", "corrected")
    assert site.sync().outcome == "published"
    assert site.served() == ["a", "b"]
    assert "corrected" in site.text()


def test_a_broken_article_that_was_never_served_keeps_nothing_back(site):
    site.clones.push("articles/b.md", "second")
    site.clones.push("articles/c.md", BROKEN)

    result = site.sync()

    assert (result.outcome, [p.path for p in result.rejected]) == ("published", ["c.md"])
    assert site.served() == ["a", "b"]
    assert len(site.letters) == 1


def test_a_push_that_deletes_everything_empties_nothing(site):
    (site.clones.writer / "articles/a.md").unlink()
    site.clones.push("articles/readme.txt", "moved elsewhere")

    assert site.sync().code == "empty"
    assert site.served() == ["a"]


def test_a_rewritten_branch_is_refused_and_the_site_goes_on(site):
    site.clones.push("articles/a.md", "second")
    site.sync()
    before = site.kb.status().build
    site.clones.git(site.clones.writer, "reset", "-q", "--hard", "HEAD^")
    site.clones.push("articles/a.md", "rewritten", "--force")

    result = site.sync()

    assert (result.outcome, result.code, result.build) == ("held", "not-fast-forward", before)
    assert "second" in site.text()


def test_edits_that_were_never_committed_are_kept_and_told(site):
    (site.clones.site / "articles/a.md").write_text("mine")
    site.clones.push("articles/a.md", "theirs")

    result = site.sync()

    assert (result.outcome, result.code) == ("held", "local-edits")
    assert site.clones.read() == "mine"
    assert "first" in site.text()


def test_a_remote_that_cannot_be_reached_is_tried_again(site):
    gone = site.clones.remote.rename(site.clones.remote.with_name("gone"))
    since = site.sync().since

    result = site.sync()
    assert (result.outcome, result.code, result.since) == ("failed", "fetch-failed", since)
    assert result.message.startswith("main could not be fetched from origin: ")
    assert "не удалось получить main из origin: " in letter(result, site.settings).text
    assert site.served() == ["a"]

    gone.rename(site.clones.remote)
    site.clones.push("articles/b.md", "second")
    assert site.sync().outcome == "published"


def test_a_disk_that_takes_no_build_is_told(site):
    site.clones.push("articles/b.md", "second")
    lock = Builds(site.settings.builds).draft()
    with lock:
        result = site.sync()

    assert (result.outcome, result.code) == ("failed", "not-built")
    assert "another process is building" in result.message
    assert site.served() == ["a"]
    assert site.sync().outcome == "published"


def test_what_was_rolled_back_is_not_brought_back_by_the_next_sync(site):
    site.clones.push("articles/a.md", "second")
    site.sync()
    site.kb.rollback()

    for _ in range(2):
        result = site.sync()
        assert (result.outcome, result.code) == ("held", "withdrawn")
        assert "first" in site.text()
    assert site.letters == []  # a person did it, and knows

    site.clones.push("articles/a.md", "third")
    assert site.sync().outcome == "published"
    assert "third" in site.text()


def test_one_sync_at_a_time(site):
    ours = os.open(site.settings.data / "sync.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(ours, fcntl.LOCK_EX)
    try:
        with pytest.raises(BuildBusy, match="another `kb sync`"):
            sync(site.kb, patience=0.3)
    finally:
        os.close(ours)


# ---------------------------------------------------------------- letters


def test_leads_are_told_once_of_each_trouble(site):
    site.clones.push("articles/a.md", BROKEN)
    first = site.sync()
    again = site.sync()

    assert len(site.letters) == 1
    assert again.since == first.since < again.at
    [told] = site.letters
    assert told.to == ("lead@example.com",)
    assert "a.md:2: " in told.text

    site.clones.push("articles/a.md", "fine")
    site.sync()
    site.clones.push("articles/a.md", BROKEN)
    site.sync()
    assert len(site.letters) == 2


def test_a_network_that_fails_for_a_moment_is_no_news(site):
    site.clones.remote.rename(site.clones.remote.with_name("gone"))
    site.sync()
    site.sync()
    assert site.letters == []

    site.now += LASTING
    site.sync()
    site.sync()
    assert len(site.letters) == 1


def test_a_letter_that_did_not_leave_leaves_later(site):
    site.mail_works = False
    site.clones.push("articles/a.md", BROKEN)
    assert not site.sync().is_told

    site.mail_works = True
    assert site.sync().is_told
    assert len(site.letters) == 1


def test_without_a_mail_server_nothing_is_sent(site):
    site.kb.settings = site.settings.model_copy(update={"smtp_url": None})
    site.clones.push("articles/a.md", BROKEN)

    assert not site.sync().is_told


def test_a_letter_speaks_the_language_of_the_settings(site):
    site.clones.push("articles/a.md", BROKEN)
    result = site.sync()
    english = site.settings.model_copy(
        update={"lang": "en", "site_name": "Help", "base_url": "https://help.example.com"}
    )

    written = letter(result, english)
    assert written.subject == ("Help: A push broke articles; customers go on seeing the old ones")
    assert "https://help.example.com/leads/state" in written.text
    assert "сломала статьи" in letter(result, site.settings).subject


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_every_trouble_has_a_headline(site, lang):
    codes = (
        *("would-lose", "empty", "withdrawn", "not-built", "fetch-failed", "no-repository"),
        *("no-branch", "other-branch", "not-fast-forward", "local-edits", "merge-failed"),
    )
    result = Synced(at=MONDAY, since=MONDAY, outcome="held")
    settings = site.settings.model_copy(update={"lang": lang})

    said = {letter(replace(result, code=code), settings).subject for code in codes}

    assert len(said) == len(codes)
    assert all(any("а" <= c <= "я" for c in each) == (lang == "ru") for each in said)


# ---------------------------------------------------------------- the command


def run(site, *more):
    folders = ["--articles", str(site.settings.articles), "--data", str(site.settings.data)]
    return subprocess.run(
        [sys.executable, "-m", "kb", "sync", *folders, *more],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command_says_what_it_did(site):
    commit = site.clones.push("articles/b.md", "second")

    done = run(site, "--json")

    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["outcome"], told["commit"], told["rejected"]) == ("published", commit, [])


@pytest.mark.usefixtures("in_russian")
def test_the_command_ends_with_the_next_step(site, runner):
    site.clones.push("articles/a.md", BROKEN)
    folders = ["--articles", str(site.settings.articles), "--data", str(site.settings.data)]

    done = runner.invoke(main, ["sync", *folders])
    assert done.exit_code == 1
    assert "a.md:2: bad-yaml" in done.output
    assert done.output.splitlines()[-1].endswith("прежняя сборка остаётся, пока их не исправят")

    site.clones.remote.rename(site.clones.remote.with_name("gone"))
    done = runner.invoke(main, ["sync", *folders])
    assert done.exit_code == 2
    assert done.output.startswith("kb: не удалось получить main из origin: ")
    assert done.output.count("\n") == 1


def test_a_quiet_command_tells_a_trouble_once(site, runner):
    folders = ["--articles", str(site.settings.articles), "--data", str(site.settings.data)]
    command = ["sync", "--quiet", *folders]
    assert runner.invoke(main, command).output == ""

    site.clones.push("articles/a.md", BROKEN)
    told, again = runner.invoke(main, command), runner.invoke(main, command)
    assert (told.exit_code, again.exit_code) == (1, 1)
    assert "bad-yaml" in told.output
    assert again.output == ""

    site.clones.push("articles/a.md", "corrected")
    assert runner.invoke(main, command).output.startswith("Published: main at ")


def test_a_sync_that_is_killed_leaves_everything_to_the_next(site):
    folders = ["--articles", str(site.settings.articles), "--data", str(site.settings.data)]
    for number, delay in enumerate((0.2, 0.5, 0.9, 1.4, 2.0)):
        site.clones.push("articles/a.md", f"number {number}")
        command = [sys.executable, "-m", "kb", "sync", *folders]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            time.sleep(delay)
            process.kill()
        assert re.search(r"first|number \d", site.text())

    assert site.sync().outcome in ("published", "unchanged")
    assert "number 4" in site.text()


@pytest.mark.usefixtures("in_russian")
def test_a_folder_without_git_is_one_line(settings, runner):
    done = runner.invoke(
        main, ["sync", "--articles", str(settings.articles), "--data", str(settings.data)]
    )

    assert done.exit_code == 2
    assert "клонируйте репозиторий статей" in done.output
