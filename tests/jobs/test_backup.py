"""A backup brings back what was there, is whole or absent, and replaces nothing unasked."""

import gzip
import io
import json
import os
import random
import signal
import stat
import subprocess
import sys
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import postgres
import pytest
import sqlalchemy as sa
from click.testing import Result
from paths import ROOT, TESTS

from kb.base.config import Settings
from kb.base.errors import LogUnavailable
from kb.cli import main
from kb.jobs import backup
from kb.jobs.archives import ArchiveFailed
from kb.searchlog.db.copies import count
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.searchlog.db.tables import META

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
SECRET = "сосна-лодка-семь-окон"


def ask(url: str, n: int, first: int = 0) -> None:
    log = SearchLog(url)
    for i in range(first, first + n):
        log.record(Search(f"r{i}", f"v{i}", f"вопрос {i % 7}", 1e9 + i, 1e9 + i, lang="ru"))
    log.feedback("a", False, run="r1", text="плохо")
    log.close()


def rows(url: str) -> dict[str, list[str]]:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(sa.select(table)))
            for table in META.sorted_tables
        }
    engine.dispose()
    return found


def saved(settings: Settings, file: Path, **more: Any) -> backup.Backup:
    more = {"origins": {}, "toml": file.parent / "kb.toml", "now": NOW} | more
    return backup.save(settings, file, **more)


def elsewhere(tmp_path: Path, name: str = "elsewhere") -> Settings:
    """The settings of an empty machine."""
    folder = tmp_path / name
    folder.mkdir()
    return Settings(articles=folder / "articles", data=folder / "var")


def test_people_and_what_came_with_letters_come_back(settings: Settings, tmp_path: Path) -> None:
    for name, text in (("leads.toml", '["Анна"]\n'), ("attachments/ab/ab12", "chart")):
        path = settings.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    empty = elsewhere(tmp_path)

    saved(settings, tmp_path / "b.tar.gz")
    backup.restore(empty, tmp_path / "b.tar.gz", tmp_path / "kb.toml")

    for name, text in (("leads.toml", '["Анна"]\n'), ("attachments/ab/ab12", "chart")):
        assert (empty.data / name).read_text("utf-8") == text
        assert stat.S_IMODE((empty.data / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((empty.data / "attachments" / "ab").stat().st_mode) == 0o700


def test_what_is_forgotten_meanwhile_is_no_trouble(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = settings.data / "attachments" / "ab12"
    sent.parent.mkdir(parents=True)
    sent.write_text("chart")
    ask(settings.log_url, 1)
    monkeypatch.setattr(
        backup.copies, "save", lambda url, file: (file.touch(), sent.unlink(), {})[2]
    )
    listed = backup._files
    monkeypatch.setattr(
        backup, "_files", lambda *given: [*listed(*given), ("attachments/ab12", sent)]
    )

    assert saved(settings, tmp_path / "b.tar.gz").files == ()


@pytest.fixture
def archive(settings: Settings, tmp_path: Path) -> Path:
    """A backup of a log of twenty searches and of owners.yml."""
    ask(settings.log_url, 20)
    (settings.articles / "owners.yml").write_text("'*': Анна\n", "utf-8")
    saved(settings, tmp_path / "b.tar.gz")
    return tmp_path / "b.tar.gz"


@pytest.mark.parametrize("to", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_an_empty_machine_gets_back_every_row_and_file(
    settings: Settings, url: str, to: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ask(url, 50)
    settings = settings.model_copy(update={"database_url": Settings(database_url=url).database_url})
    for name, text in (("owners.yml", "'*': Анна\n"), ("synonyms.yml", "- [vpn, впн]\n")):
        (settings.articles / name).write_text(text, "utf-8")
    (tmp_path / "kb.toml").write_text('site_name = "Справка"\n', "utf-8")
    empty = elsewhere(tmp_path)
    if to == "postgresql":
        server: postgres.Server = request.getfixturevalue("server")
        target = Settings(database_url=server.new_database()).database_url
        empty = empty.model_copy(update={"database_url": target})

    made = saved(settings, tmp_path / "b.tar.gz")
    restored = backup.restore(empty, tmp_path / "b.tar.gz", tmp_path / "elsewhere" / "kb.toml")

    assert rows(empty.log_url) == rows(url)
    assert made.rows == sum(map(len, rows(url).values())) > 100
    for name in ("owners.yml", "synonyms.yml"):
        assert (empty.articles / name).read_bytes() == (settings.articles / name).read_bytes()
    assert (tmp_path / "elsewhere" / "kb.toml").read_text("utf-8") == 'site_name = "Справка"\n'
    assert restored.backup == made
    assert len(restored.written) == 3
    log = SearchLog(empty.log_url)  # and goes on
    log.record(Search("new", "v99", "вопрос 1", 1e9, 1e9, lang="ru"))
    log.close()


def test_with_articles_the_whole_folder_comes_back(
    settings: Settings, write: Callable[..., Path], tmp_path: Path
) -> None:
    write("ru/vpn", "Текст.", title="VPN")
    (settings.articles / "ru" / "имя с пробелом.png").write_bytes(bytes(range(256)) * 999)
    (settings.articles / ".git").mkdir()
    (settings.articles / ".git" / "config").write_text("token")
    (settings.articles / "link.md").symlink_to("/etc/passwd")
    empty = elsewhere(tmp_path)

    saved(settings, tmp_path / "b.tar.gz", with_articles=True)
    backup.restore(empty, tmp_path / "b.tar.gz", tmp_path / "kb.toml")

    def files(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and not path.is_symlink() and ".git" not in path.parts
        }

    assert files(empty.articles) == files(settings.articles)
    assert len(files(empty.articles)) == 2
    assert not (empty.articles / ".git").exists()


def test_only_its_owner_can_read_it_and_nothing_unfinished_stays(
    archive: Path, tmp_path: Path
) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["articles", "b.tar.gz", "var"]


def test_no_secret_is_in_it_and_its_names_are_told(settings: Settings, tmp_path: Path) -> None:
    toml = tmp_path / "kb.toml"
    toml.write_text(
        f'site_name = "Справка"\nleads_password = "{SECRET}"\n"smtp_url" = "smtp://u:geheim@m"\n'
        f'[[hooks]]\nurl = "https://a.test/{SECRET}"\n\n[[hooks]]\nname = "b"\n'
        f'url = "https://b.test/{SECRET}"\n[checks]\nno-author = "off"\n',
        "utf-8",
    )
    origins = {"leads_password": str(toml), "smtp_url": str(toml), "lang": "KB_LANG"}

    made = saved(settings, tmp_path / "b.tar.gz", origins=origins)
    _, text = backup.look(tmp_path / "b.tar.gz")

    assert made.left_out == ("KB_LEADS_PASSWORD", "KB_SMTP_URL", "KB_LANG")
    assert text == (
        'site_name = "Справка"\n# leads_password is not in the backup\n'
        "# smtp_url is not in the backup\n"
        "# hooks are not in the backup\n# hooks are not in the backup\n"
        '[checks]\nno-author = "off"\n'
    )


@pytest.mark.parametrize(
    "written",
    [
        f'leads_password = """\\\n  {SECRET}"""\n',
        f'leads_password = "{SECRET}"  # once {SECRET}\nfooter = "{SECRET}"\n',
    ],
)
def test_settings_whose_secrets_cannot_be_taken_out_are_left_out(
    settings: Settings, tmp_path: Path, written: str
) -> None:
    (tmp_path / "kb.toml").write_text(written, "utf-8")

    made = saved(settings, tmp_path / "b.tar.gz")

    assert made.left_out == ("kb.toml",)
    assert backup.look(tmp_path / "b.tar.gz") == (made, "")


# --- nothing is replaced unasked ----------------------------------------------------------------


def test_nothing_that_is_there_is_replaced_unasked(
    settings: Settings, archive: Path, tmp_path: Path
) -> None:
    ask(settings.log_url, 5, first=100)
    owners = settings.articles / "owners.yml"
    owners.write_text("'*': Борис\n", "utf-8")
    before = rows(settings.log_url)

    with pytest.raises(ArchiveFailed, match=r"replace 2 files, .*log\.sqlite3; add --force"):
        backup.restore(settings, archive, tmp_path / "kb.toml")
    with pytest.raises(ArchiveFailed, match=r"b\.tar\.gz is there already; .* --force"):
        saved(settings, archive)

    assert rows(settings.log_url) == before
    assert owners.read_text("utf-8") == "'*': Борис\n"

    backup.restore(settings, archive, tmp_path / "kb.toml", replace=True)

    assert len(rows(settings.log_url)["runs"]) == 20
    assert owners.read_text("utf-8") == "'*': Анна\n"


def test_settings_are_never_replaced(settings: Settings, tmp_path: Path) -> None:
    toml = tmp_path / "kb.toml"
    toml.write_text('lang = "ru"\n')
    saved(settings, tmp_path / "b.tar.gz")
    toml.write_text(f'lang = "en"\nleads_password = "{SECRET}"\n', "utf-8")

    restored = backup.restore(settings, tmp_path / "b.tar.gz", toml, replace=True)

    assert SECRET in toml.read_text("utf-8")
    assert restored.beside == (f"{toml}.restored",)
    assert (tmp_path / "kb.toml.restored").read_text() == 'lang = "ru"\n'


def test_restoring_twice_finds_nothing_to_do_for_files(archive: Path, tmp_path: Path) -> None:
    empty = elsewhere(tmp_path)
    backup.restore(empty, archive, tmp_path / "kb.toml")

    again = backup.restore(empty, archive, tmp_path / "kb.toml", replace=True)

    assert (again.written, len(again.unchanged)) == ((), 1)
    assert count(empty.log_url) == again.backup.rows


# --- archives that are none ---------------------------------------------------------------------


def refused(archive: Path, tmp_path: Path) -> str:
    """Why an archive is refused; nothing of it was put anywhere."""
    empty = elsewhere(tmp_path, f"empty{random.random()}")
    with pytest.raises(ArchiveFailed) as error:
        backup.restore(empty, archive, empty.data / "kb.toml")
    assert not empty.articles.exists()
    assert [path.name for path in empty.data.iterdir()] == [".gitignore"]
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_archive_cut_anywhere_is_refused_whole(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    for length in [0, 1, 9, 10, *range(100, len(whole) - 9, len(whole) // 12)]:
        archive.write_bytes(whole[:length])
        assert "is no whole backup: " in refused(archive, tmp_path), length


def test_an_archive_with_a_wrong_byte_is_refused(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    content, draw = gzip.decompress(whole), random.Random(3)
    for _ in range(40):
        at = draw.randrange(10, len(whole) - 8)  # between the head of gzip and its own checksum
        archive.write_bytes(
            whole[:at] + bytes([whole[at] ^ (1 << draw.randrange(8))]) + whole[at + 1 :]
        )
        with suppress(OSError, EOFError, zlib.error):
            if gzip.decompress(archive.read_bytes()) == content:
                continue  # a bit that means nothing
        assert refused(archive, tmp_path)


def foreign(path: Path, names: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in names.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            entry.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_an_archive_with_a_changed_file_is_refused(archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as whole:
        names = {entry.name: whole.extractfile(entry).read() for entry in whole}  # type: ignore[union-attr]

    said = refused(foreign(archive, names | {"articles/owners.yml": b"'*': Eve\n"}), tmp_path)

    assert "a file in it is not as it was written" in said


@pytest.mark.parametrize(
    "name",
    ["articles/../../x.md", "/etc/x", "var/log.sqlite3", "../kb.toml", "articles/a/../../../x"],
)
def test_an_archive_writes_nowhere_else(tmp_path: Path, name: str) -> None:
    said = refused(foreign(tmp_path / "x.tar.gz", {name: b"x"}), tmp_path)

    assert f"{name} does not belong into one" in said


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    said = refused(
        foreign(tmp_path / "x.tar.gz", {"articles/a.md": b""}, tarfile.SYMTYPE), tmp_path
    )

    assert "articles/a.md does not belong into one" in said


@pytest.mark.parametrize(
    "contents",
    [b"", b"{", b"[]", b'{"format": 1}', b'{"format": "x", "files": {}}',
     b'{"format": 1, "files": {}, "rows": {}, "made": "", "version": ""}',
     b'{"format": 1, "files": {}, "rows": [], "made": "", "version": "", "left_out": []}'],
)  # fmt: skip
def test_an_archive_without_its_list_is_refused(tmp_path: Path, contents: bytes) -> None:
    said = refused(foreign(tmp_path / "x.tar.gz", {"contents.json": contents}), tmp_path)

    assert "its list of contents is missing" in said


def test_an_archive_of_a_newer_version_says_what_to_install(tmp_path: Path) -> None:
    newer = json.dumps({"format": 2, "version": "9.1", "files": {}}).encode()

    said = refused(foreign(tmp_path / "x.tar.gz", {"contents.json": newer}), tmp_path)

    assert "was written by kb 9.1; install that version or a newer one" in said


def test_a_log_of_a_newer_version_replaces_nothing(
    settings: Settings, tmp_path: Path, archive: Path
) -> None:
    ask(settings.log_url, 1, first=500)
    engine = sa.create_engine(settings.log_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    engine.dispose()
    saved(settings, tmp_path / "newer.tar.gz")
    empty = elsewhere(tmp_path)
    ask(empty.log_url, 3)
    before = rows(empty.log_url)

    with pytest.raises(LogUnavailable, match="newer version of kb"):
        backup.restore(empty, tmp_path / "newer.tar.gz", tmp_path / "kb.toml", replace=True)

    assert rows(empty.log_url) == before


# --- while the service runs, and when it is interrupted -----------------------------------------


@pytest.fixture
def recording(url: str, tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """Two processes that record until `stop` is there, and the folder of what is acknowledged."""
    SearchLog(url).close()
    notes = tmp_path / "notes"
    notes.mkdir()
    command = [sys.executable, TESTS / "log_writer.py", url, notes, "load", "2", "100000"]
    with subprocess.Popen(command) as writers:
        yield notes, writers
        (notes / "stop").touch()  # if the test failed
        writers.kill()


def acknowledged(notes: Path) -> set[str]:
    return {line for file in notes.iterdir() for line in file.read_text().split("\n")[:-1]}


@pytest.mark.slow
def test_a_backup_of_a_log_that_is_written_is_of_one_moment(
    settings: Settings, url: str, recording: tuple[Path, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    notes, writers = recording
    settings = settings.model_copy(update={"database_url": Settings(database_url=url).database_url})
    before: set[str] = set()

    for taken in range(6):
        while len(now := acknowledged(notes)) <= len(before):  # they go on meanwhile
            assert writers.poll() is None
            time.sleep(0.01)
        before = now
        saved(settings, tmp_path / "b.tar.gz", replace=True)
        empty = elsewhere(tmp_path, f"elsewhere{taken}")
        backup.restore(empty, tmp_path / "b.tar.gz", tmp_path / "kb.toml")
        log = SearchLog(empty.log_url)
        kept = {row["id"] for row in log.export()}
        counted = sum(day["searches"] for day in log.statistics.days().values())
        log.close()
        assert before - kept == set()
        assert counted == len(kept)

    (notes / "stop").touch()
    assert writers.wait(60) == 0
    log = SearchLog(url)
    assert {row["id"] for row in log.export()} == acknowledged(notes)
    log.close()


def kb(*arguments: str, cwd: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "kb", *arguments],
        cwd=cwd, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        # What a shell started with `&` ignores SIGINT, and so would the command.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_backup_leaves_no_half_file(
    settings: Settings, tmp_path: Path, how: signal.Signals
) -> None:
    ask(settings.log_url, 30)
    (settings.articles / "big.bin").write_bytes(random.Random(1).randbytes(30_000_000))
    into = tmp_path / "backups"
    into.mkdir()

    running = kb("backup", "--with-articles", "backups/b.tar.gz", cwd=tmp_path)
    while not any(into.glob(".kb-unfinished-*/packed")):
        assert running.poll() is None, running.communicate()
        time.sleep(0.005)
    running.send_signal(how)
    running.communicate(timeout=60)

    assert running.returncode != 0
    assert not (into / "b.tar.gz").exists()
    if how != signal.SIGKILL:
        assert list(into.iterdir()) == []
    done = kb("backup", "backups/b.tar.gz", cwd=tmp_path)
    assert (done.wait(60), [path.name for path in into.iterdir()]) == (0, ["b.tar.gz"])
    done.communicate()


@pytest.mark.slow
def test_a_killed_restore_leaves_the_log_as_it_was_or_as_it_should_be(
    settings: Settings, tmp_path: Path
) -> None:
    ask(settings.log_url, 300)
    saved(settings, tmp_path / "b.tar.gz")
    should_be = rows(settings.log_url)
    ask(settings.log_url, 3, first=1000)
    was = rows(settings.log_url)
    draw = random.Random(5)
    killed = 0

    for _ in range(6):
        running = kb("restore", "--force", "b.tar.gz", cwd=tmp_path)
        while running.poll() is None and not any(settings.data.glob(".kb-unfinished-*/log*")):
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.25))
        running.kill()
        running.communicate()
        killed += running.returncode == -signal.SIGKILL
        found = rows(settings.log_url)
        assert found in (was, should_be)

    assert killed > 0
    backup.restore(settings, tmp_path / "b.tar.gz", tmp_path / "kb.toml", replace=True)
    assert rows(settings.log_url) == should_be
    assert not list(settings.data.glob(".kb-unfinished-*"))


def test_a_served_log_is_restored_and_recording_goes_on(
    settings: Settings, archive: Path, tmp_path: Path
) -> None:
    log = SearchLog(settings.log_url)
    log.record(Search("late", "v99", "поздно", 2e9, 2e9))

    backup.restore(settings, archive, tmp_path / "kb.toml", replace=True)
    log.record(Search("next", "v98", "потом", 2e9, 2e9))

    assert {row["id"] for row in log.export()} == {*(f"r{i}" for i in range(20)), "next"}
    log.close()


# --- the commands -------------------------------------------------------------------------------


@pytest.fixture
def command(runner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **env: str) -> Result:
        done: Result = runner.invoke(main, arguments, env={"LANG": "en_GB.UTF-8"} | env)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return run


def test_a_backup_says_what_is_in_it_and_what_is_not(
    command: Callable[..., Result], settings: Settings, tmp_path: Path
) -> None:
    ask(settings.log_url, 3)

    done = command("backup", "b.tar.gz", KB_API_TOKEN="0123456789abcdefghij")
    in_russian = command("backup", "--force", "b.tar.gz", LANG="ru_RU.UTF-8")

    assert (done.exit_code, done.stdout.startswith("Backed up: ")) == (0, True)
    assert "Not in it, keep elsewhere: KB_API_TOKEN.\n" in done.stderr
    assert "add --with-articles" in done.stderr
    assert in_russian.stdout.startswith("Скопировано: ")


def test_a_backup_as_json_is_one_document(
    command: Callable[..., Result], settings: Settings
) -> None:
    ask(settings.log_url, 3)

    done = json.loads(command("backup", "b.tar.gz", "--json").stdout)
    back = json.loads(command("restore", "b.tar.gz", "--force", "--json").stdout)

    assert (done["file"], done["rows"], done["files"]) == ("b.tar.gz", done["rows"], [])
    assert (back["backup"]["rows"], back["has_log"]) == (done["rows"], True)


def test_on_an_empty_machine_the_settings_of_the_backup_say_where_everything_belongs(
    command: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kb.toml").write_text('data = "state"\narticles = "docs"\n')
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "owners.yml").write_text("'*': Анна\n", "utf-8")
    ask(f"sqlite:///{tmp_path / 'state' / 'log.sqlite3'}", 3)
    command("backup", "b.tar.gz")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)

    done = command("restore", "../b.tar.gz")

    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Restored: ")
    assert done.stdout.endswith("Now run `kb index`.\n")
    assert (empty / "state" / "log.sqlite3").exists()
    assert (empty / "docs" / "owners.yml").exists()
    assert (empty / "kb.toml").read_text() == 'data = "state"\narticles = "docs"\n'


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["restore", "gone.tar.gz"], "gone.tar.gz"),
        (["restore", "none.txt"], "is no whole backup"),
        (["backup", "none.txt"], "is there already"),
        (["backup", "gone/b.tar.gz"], "gone"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    command: Callable[..., Result], tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "none.txt").write_text("no archive")

    done = command(*arguments)

    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr


def test_a_full_disk_is_one_line_and_leaves_nothing(
    command: Callable[..., Result], settings: Settings, tmp_path: Path
) -> None:
    import resource

    ask(settings.log_url, 3)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        done = command("backup", "b.tar.gz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "b.tar.gz").exists()
    assert not list(tmp_path.glob(".kb-*"))
