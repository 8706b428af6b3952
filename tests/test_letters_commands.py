"""`kb letters`: lists, delivers once, tries again; and `kb serve` delivers by itself."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import help_desks
import pytest
from letter_forms import LETTER, hidden
from served import serving

from kb.cli import main
from kb.letters import channels
from kb.letters.attachments import AttachmentFolder, GivenFile
from kb.searchlog.db.letter_models import LetterFilter, NewLetter
from kb.searchlog.db.log import SearchLog


@pytest.fixture
def run(runner, settings, monkeypatch):
    monkeypatch.setenv("KB_ARTICLES", str(settings.articles))
    monkeypatch.setenv("KB_DATA", str(settings.data))
    monkeypatch.setenv("KB_LANG", "en")

    def run(*words, **env):
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        return runner.invoke(main, ["letters", *words])

    return run


@pytest.fixture
def store(settings):
    def store(n=1, **changed):
        settled = settings.model_copy(update=changed)
        log = SearchLog(settings.log_url)
        for i in range(n):
            new = NewLetter(
                f"key-{i}", "Не работает\x1b[2J", "a@example.com", subject="\x1b[31mВход"
            )
            log.letters.store(new, _now(), deliveries=channels.of_letter(settled, new.key))
        log.close()

    return store


def _now():
    from datetime import UTC, datetime

    return datetime.now(UTC)


def test_letters_are_listed_without_commands_for_the_terminal(run, store):
    assert "There are no such letters." in run().stdout
    store()

    done = run()

    assert done.exit_code == 0
    assert "\\u001b[31mВход" in done.stdout
    assert "\x1b" not in done.stdout
    [letter] = json.loads(run("--state", "new", "--json").stdout)["letters"]
    assert (letter["state"], letter["email"]) == ("new", "a@example.com")
    assert json.loads(run("--state", "closed", "--json").stdout)["total"] == 0


def test_what_waits_is_delivered_once_and_what_fails_is_told(run, store):
    with help_desks.opened() as kept:
        store(2, letters_webhook=kept.url)
        kept.refuse = lambda n: 500 * (n == 1)
        first = run("send", KB_LETTERS_WEBHOOK=kept.url)
        run("retry")
        second = json.loads(run("send", "--json").stdout)

    assert (first.exit_code, first.stdout) == (1, "Delivered: 1; not taken: 1.\n")
    assert second == {"sent": 1, "failed": 0}
    assert run("send").exit_code == 0


def test_what_is_stuck_is_told_on_stderr_and_ends_with_1(run, store):
    store(letters_webhook="http://127.0.0.1:1")
    for _ in range(5):
        run("send", KB_LETTERS_WEBHOOK="http://127.0.0.1:1")
        run("retry")

    done = run()

    assert done.exit_code == 1
    assert "Not delivered since" in done.stderr
    assert "webhook, 5 tries" in done.stderr
    assert json.loads(run("--json").stdout)["stuck"][0]["channel"] == "webhook"


def test_a_forgotten_letter_takes_its_files_along(run, runner, settings):
    folder = AttachmentFolder(settings.data)
    old, kept, arriving = (folder.save(GivenFile(f"{n}.txt", b"x")) for n in range(3))
    for file in (old, kept):
        os.utime(folder.path(file), (1, 1))
    log = SearchLog(settings.log_url)
    for key, text, file in (("a", "от Сидорова", old), ("b", "Другое", kept)):
        log.letters.store(NewLetter(key, text, f"{key}@example.com", attachments=(file,)), _now())
    log.close()

    assert run().exit_code == 0
    assert runner.invoke(main, ["log", "forget", "Сидорова"]).exit_code == 0

    assert [folder.path(each).exists() for each in (old, kept, arriving)] == [False, True, True]


def eventually(claim, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := claim()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return found


def sender_of(server: int) -> int:
    """The process of `kb letters send` that a server started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if "letters" in words and int(parent) == server:
                return int(entry.name)
    return 0


@pytest.mark.slow
@pytest.mark.xdist_group("server")
def test_kb_serve_delivers_and_starts_the_deliverer_again(settings, write, tmp_path):
    write("ru/vpn", "Текст.", title="Настройка VPN")
    with help_desks.opened() as kept:
        (tmp_path / "kb.toml").write_text(f'letters_webhook = "{kept.url}"\n')
        with serving(settings, tmp_path) as site:
            fields = hidden(site.get("contact?ui=ru"))
            time.sleep(3.2)  # faster than that nobody types
            sent = urlencode(fields | LETTER).encode()
            with urllib.request.urlopen(site.address + "contact", sent) as answer:
                assert answer.status == 200
            eventually(lambda: kept.bodies)
            sender = sender_of(site.process.pid)
            assert sender

            os.kill(sender, signal.SIGKILL)
            eventually(lambda: sender_of(site.process.pid) not in (0, sender))

            again = urlencode(fields | LETTER | {"text": "Ещё одно"}).encode()
            urllib.request.urlopen(site.address + "contact", again).close()
            eventually(lambda: len(kept.bodies) == 2)
            assert "kb_letters_waiting 0.0" in site.get("metrics")
            sender = sender_of(site.process.pid)
            assert site.stop() == 0
    assert not Path(f"/proc/{sender}").exists()
    log = SearchLog(settings.log_url)
    assert log.letters.find(LetterFilter()).total == 2
    log.close()
