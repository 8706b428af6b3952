"""`kb doctor` tells what is wrong with an installation and how to cure it; it changes nothing."""

import json
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import postbox
import pytest
import sqlalchemy as sa
from click.testing import Result
from clones import Clones
from werkzeug.serving import make_server

from kb.base.config import Hook, Settings
from kb.base.errors import LogUnavailable
from kb.base.messages import Message
from kb.cli import main
from kb.commands import doctor as command
from kb.index import checkpoint
from kb.index.builds import Builds
from kb.jobs import doctor
from kb.jobs.doctor import folders, machine, network, state
from kb.jobs.doctor.findings import Finding
from kb.searchlog.db import condition
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.service import KnowledgeBase
from kb.site import own_questions
from kb.web import create_app

Write = Callable[..., Path]
DAY = 86_400.0


def found(settings: Settings, **more: Any) -> dict[str, Finding]:
    """The findings by subject; of several, the worst."""
    options = {"origins": {}, "toml": settings.data.parent / "kb.toml", "now": time.time} | more
    rank = ("ok", "warning", "error")
    by_subject: dict[str, Finding] = {}
    for each in doctor.examine(settings, **options):
        before = by_subject.get(each.subject)
        if before is None or rank.index(each.level) > rank.index(before.level):
            by_subject[each.subject] = each
    return by_subject


def told(finding: Finding) -> str:
    return f"{finding.level}: {finding.message}; {finding.cure}"


@pytest.fixture
def installed(kb: KnowledgeBase, settings: Settings, write: Write) -> Settings:
    """Two builds and a log of one search."""
    for n in range(2):
        write("ru/vpn", f"Текст {n}.", title="VPN")
        kb.rebuild()
    record(settings.log_url, time.time())
    return settings


def record(url: str, at: float) -> None:
    log = SearchLog(url)
    log.record(Search("r", "v", "vpn", at, at, lang="ru"))
    log.close()


def test_where_all_is_well_nothing_is_an_error_and_nothing_changes(installed: Settings) -> None:
    def everything() -> dict[str, tuple[float, int]]:
        return {
            str(path): (path.stat().st_mtime, path.stat().st_size)
            for path in installed.data.rglob("*")
            if path.name != "doctor.json"
        }

    before = everything()

    findings = found(installed)

    assert {s: told(f) for s, f in findings.items() if f.level == "error"} == {}
    allowed = {"rights", "clock", "kernel", "service"}  # of the machine the test runs on
    assert {s for s, f in findings.items() if f.level == "warning"} <= allowed
    assert findings.keys() >= {"versions", "kernel", "index", "previous", "log", "disk", "git"}
    assert "SQLite" in findings["log"].message
    assert "(delete)" in findings["log"].message
    assert "1 search" in findings["log"].message
    assert everything() == before


def test_every_subject_has_a_name_in_both_languages() -> None:
    source = "".join(
        Path(module.__file__ or "").read_text("utf-8")
        for module in (folders, machine, network, state, doctor)
    )
    named = [name for name in command._SUBJECTS if f'"{name}"' in source]

    assert named == list(command._SUBJECTS)


def test_whatever_fails_is_a_finding(installed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Iterator[Finding]:
        raise PermissionError(13, "Permission denied", "/x")

    monkeypatch.setattr(folders, "permissions", fails)

    assert told(found(installed)["rights"]) == (
        "error: /x: Permission denied; check the path and its rights"
    )


# --- the index ----------------------------------------------------------------------------------


def build_folders(settings: Settings) -> list[Path]:
    """The build that is published, and the one before."""
    return sorted((p for p in settings.builds.iterdir() if p.is_dir()), reverse=True)


def damage(build: Path) -> None:
    file = max(build.rglob("*.kb"), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()  # the build before shares it
    file.write_bytes(content)


def test_a_damaged_build_is_an_error_and_the_one_before_is_named(installed: Settings) -> None:
    current, before = build_folders(installed)
    damage(current)

    finding = found(installed)["index"]

    assert told(finding) == (
        f"error: build {current.name} cannot be read, {before.name} answers; run `kb index --full`"
    )


def test_a_damaged_build_before_is_a_warning(installed: Settings) -> None:
    damage(build_folders(installed)[1])

    findings = found(installed)

    assert findings["index"].level == "ok"
    assert told(findings["previous"]).startswith("warning: build ")


def test_no_build_and_a_build_of_another_folder_are_told(
    installed: Settings, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = installed.model_copy(update={"articles": tmp_path / "other"})
    assert "is of " in found(other)["index"].message

    shutil.rmtree(installed.builds)
    assert told(found(installed)["index"]).endswith("; run `kb index`")


def test_interrupted_indexing_is_told_unless_it_goes_on(installed: Settings) -> None:
    rendered = installed.builds / checkpoint.NAME
    rendered.write_bytes(b"x" * 3_000_000)
    assert told(found(installed)["index"]) == (
        "warning: indexing was interrupted; what it rendered is kept: 3 MB;"
        " run `kb index`, which goes on from there"
    )
    with Builds(installed.builds).draft():
        assert found(installed)["index"].level == "ok"
    shutil.rmtree(build_folders(installed)[0].parent)
    assert "no build in " in found(installed)["index"].message


def test_rejected_articles_are_told(kb: KnowledgeBase, installed: Settings, write: Write) -> None:
    write("ru/bad.md", "").write_bytes(b"---\ntitle: [\n---\n")
    kb.rebuild()

    assert told(found(installed)["articles"]) == (
        "warning: 1 article is rejected; `kb check` says why"
    )


# --- the log ------------------------------------------------------------------------------------


def test_the_condition_of_a_log_is_told_whatever_database_it_is_in(url: str) -> None:
    record(url, 1_700_000_000.0)

    seen = condition.look(url)

    assert seen is not None
    assert (seen.searches, seen.is_current, seen.oldest) == (1, True, 1_700_000_000.0)
    assert seen.software.startswith(("SQLite 3.", "PostgreSQL 1"))
    assert seen.bytes > 10_000


def test_a_log_that_is_not_there_is_not_made(settings: Settings) -> None:
    assert condition.look(settings.log_url) is None
    assert found(settings)["log"].level == "ok"
    assert not settings.data.exists()


def test_an_older_log_is_told_and_not_migrated(installed: Settings) -> None:
    version(installed.log_url, "0007")

    finding = found(installed)["log"]

    assert told(finding).startswith("warning: the tables are of version 0007, this kb makes 00")
    assert condition.look(installed.log_url).version == "0007"  # type: ignore[union-attr]


def test_a_log_of_a_newer_version_is_an_error(installed: Settings) -> None:
    version(installed.log_url, "9999")

    assert "install the newer kb again" in told(found(installed)["log"])


def version(url: str, number: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"update alembic_version set version_num = '{number}'")
    engine.dispose()


def test_a_log_that_stays_locked_is_told(
    installed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition, "_LOCKED", 0.2)
    with closing(sqlite3.connect(installed.data / "log.sqlite3")) as other:
        other.execute("begin exclusive")

        assert "database is locked" in told(found(installed)["log"])


def test_a_damaged_log_is_told(installed: Settings) -> None:
    file = installed.data / "log.sqlite3"
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 12] = b"\xff" * 4096 * 9
    file.write_bytes(content)

    assert found(installed)["log"].level == "error"


def test_a_server_that_is_gone_is_told(installed: Settings) -> None:
    gone = Settings(database_url=f"postgresql://kb:geheim@127.0.0.1:{postbox.free_port()}/kb")
    there = installed.model_copy(update={"database_url": gone.database_url})

    said = told(found(there)["log"])

    assert "error: the search log postgresql+psycopg://kb:***@127.0.0.1" in said
    assert "geheim" not in said


def test_a_write_ahead_log_is_refused_where_sqlite_is_too_old() -> None:
    assert condition.is_journal_safe("delete")
    assert condition.is_journal_safe("wal") == (sqlite3.sqlite_version_info >= (3, 51, 3))


def test_searches_that_nobody_deletes_are_told(installed: Settings) -> None:
    later = time.time() + 100 * DAY

    assert told(found(installed, now=lambda: later)["retention"]) == (
        "warning: the oldest search is 100 days old; run `kb log purge` every night"
    )


# --- the machine --------------------------------------------------------------------------------


def test_a_clock_set_back_is_told(installed: Settings) -> None:
    earlier = time.time() - 3600

    finding = found(installed, now=lambda: earlier)["clock"]

    assert told(finding).startswith("error: the newest search is 59 minutes ahead of the clock; ")


@pytest.mark.parametrize(
    ("free", "level"), [(10**12, "ok"), (300 * 10**6, "warning"), (100 * 10**6, "error")]
)
def test_a_full_disk_is_told_before_it_is_full(
    installed: Settings, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))

    assert found(installed)["disk"].level == level


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("2.7.4", "whoosh==2.7.4", True),
        ("2.7.5", "whoosh==2.7.4", False),
        ("3", "flask>=3.0.0", True),
        ("2.8.9", "granian<2.9,>=2.8.1", True),
        ("2.9.0", "granian<2.9,>=2.8.1", False),
        ("2.10.0", "sqlalchemy>=2.9", True),
        ("3.1.0rc1", "x>=3.1", True),
    ],
)
def test_a_version_is_within_its_bounds_or_not(version: str, wanted: str, fits: bool) -> None:
    assert machine._fits(version, wanted) is fits


def test_a_library_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.requires", lambda name: ["whoosh==9", "gone-lib>=1"])

    [finding] = machine.versions()

    assert told(finding).startswith("error: libraries do not fit: gone-lib –, whoosh 2.7.4; ")


def test_ranking_without_the_kernel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb.ranking.kernels.c_kernel.library", lambda: None)

    [finding] = machine.kernel()

    assert finding.level == "warning"


# --- rights and secrets -------------------------------------------------------------------------


def test_others_who_may_write_builds_or_read_the_log_are_told(installed: Settings) -> None:
    installed.builds.chmod(0o775)
    assert "chmod -R go-w" in told(found(installed)["rights"])

    installed.builds.chmod(0o755)
    (installed.data / "log.sqlite3").chmod(0o644)
    (installed.data / "leads.toml").touch(0o644)
    told_of = [f.message for f in folders.permissions(installed) if "others may read" in f.message]
    assert [message.rpartition("/")[2] for message in told_of] == ["log.sqlite3", "leads.toml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_left_is_told(installed: Settings) -> None:
    os.chown(installed.data / "log.sqlite3", 12345, -1)

    assert "belongs to another user than its folder" in found(installed)["rights"].message


def test_a_missing_articles_folder_is_told(installed: Settings) -> None:
    gone = installed.model_copy(update={"articles": installed.articles / "gone"})

    assert any("no articles folder" in f.message for f in folders.permissions(gone))


def test_secrets_that_others_may_read_or_that_are_in_git_are_told(
    installed: Settings, tmp_path: Path
) -> None:
    toml = tmp_path / "kb.toml"
    toml.write_text('api_token = "0123456789abcdefghij"\n')
    toml.chmod(0o600)
    token = Settings(api_token="0123456789abcdefghij").api_token
    secret = installed.model_copy(update={"api_token": token, "reader_secret": token})
    origins = {"api_token": str(toml)}

    def secrets_of(origins: dict[str, str]) -> str:
        return told(found(secret, origins=origins, toml=toml)["secrets"])

    assert secrets_of(origins).startswith("ok: ")
    toml.chmod(0o644)
    assert "others may read" in secrets_of(origins)
    both = {**origins, "reader_secret": str(toml)}
    assert "holds api_token, reader_secret" in secrets_of(both)  # all at once
    assert secrets_of({"api_token": "KB_API_TOKEN"}).startswith("ok: ")
    toml.chmod(0o600)
    for arguments in (["init", "-q"], ["add", "kb.toml"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    assert "is in git and holds api_token; change the secret" in secrets_of(origins)
    subprocess.run(["git", "rm", "-q", "--cached", "kb.toml"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-f", "var"], cwd=tmp_path, check=True)
    assert "with all searches is in git" in secrets_of(origins)


def test_weak_secrets_are_told(installed: Settings) -> None:
    weak = Settings(leads_password="сосна лодка семь окон", webhook_secret="short")
    there = installed.model_copy(
        update={"leads_password": weak.leads_password, "webhook_secret": weak.webhook_secret}
    )

    said = [told(f) for f in folders.secrets(there, {}, Path("kb.toml"))]

    assert ["kb config --hash" in each for each in said] == [True, False]
    assert ["openssl rand" in each for each in said] == [False, True]


# --- mail and git -------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_the_mail_server_is_greeted_and_no_letter_sent(installed: Settings) -> None:
    with postbox.opened(login=True) as inbox:
        for login, level in (("kb%40example.com:pass%3Aword%2F%40@", "ok"), ("kb:no@", "error")):
            url = Settings(smtp_url=f"smtp://{login}{inbox.where}").smtp_url
            finding = found(installed.model_copy(update={"smtp_url": url}))["mail"]
            assert finding.level == level, told(finding)
        assert inbox.envelopes == []


def test_mail_is_examined_only_where_it_is_set(installed: Settings) -> None:
    assert "mail" not in found(installed)
    gone = Settings(smtp_url=f"smtp://127.0.0.1:{postbox.free_port()}").smtp_url
    assert "takes no letters: " in found(
        installed.model_copy(update={"smtp_url": gone})
    )["mail"].message  # fmt: skip
    nobody = installed.model_copy(update={"leads_email": ("lead@example.com",)})
    assert told(found(nobody)["mail"]).endswith("set KB_SMTP_URL")


def test_hooks_that_are_unsigned_or_in_the_clear_are_told(installed: Settings) -> None:
    def hooks(**more: Any) -> dict[str, Finding]:
        hook = Hook(**{"url": "https://crm.example.com", "secret": "s"} | more)
        base = {"hooks": (hook,), "base_url": "http://127.0.0.1:1"}
        return found(installed.model_copy(update=base))

    assert "hooks" not in found(installed)
    assert told(hooks()["hooks"]) == "ok: events are sent to json; "
    assert "nothing is signed" in told(hooks(secret=None)["hooks"])
    clear = hooks(url="http://crm.example.com", name="crm")["hooks"]
    assert told(clear).startswith("warning: the hook crm is sent without encryption")


def test_the_remote_is_asked_what_is_new(tmp_path: Path) -> None:
    clones = Clones(tmp_path)
    settings = Settings(articles=clones.site / "articles", data=tmp_path / "var")
    assert told(found(settings)["git"]).startswith("ok: origin/main")

    clones.push("articles/b.md", "new")
    assert told(found(settings)["git"]).endswith("`kb sync` fetches it")

    other = settings.model_copy(update={"sync_branch": "gone"})
    assert "origin has no branch gone" in found(other)["git"].message

    shutil.rmtree(clones.remote)
    assert told(found(settings)["git"]).startswith("error: origin cannot be reached: ")


# --- the running service ------------------------------------------------------------------------


@contextmanager
def running(
    kb: KnowledgeBase, settings: Settings, *, behind: dict[str, str] | None = None
) -> Iterator[int]:
    """The site on a port of all addresses; `behind` are headers that a proxy in front adds."""
    app = create_app(kb, settings)

    def proxied(environ: dict[str, Any], start_response: Any) -> Any:
        names = {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in (behind or {}).items()}
        return app(environ | names, start_response)

    server = make_server("0.0.0.0", 0, proxied, threaded=True)  # noqa: S104
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


FORWARDED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "{host}",
}


@pytest.mark.parametrize(
    ("host", "trusted", "headers", "says"),
    [
        ("127.0.0.1", (), {}, "ok: headers arrive and are believed: –; "),
        ("127.0.0.1", ("127.0.0.1",), FORWARDED, "ok: headers arrive and are believed: X-Forw"),
        ("127.0.0.1", (), FORWARDED, "error: the proxy at 127.0.0.1 is not believed: all visitors"
         " count as one; set KB_TRUSTED_PROXIES=127.0.0.1"),
        ("127.0.0.2", (), {}, "error: the service sees no X-Forwarded-For"),
        ("127.0.0.1", ("127.0.0.1",), FORWARDED | {"X-Forwarded-Proto": "https"},
         "error: the service takes its address for https://127.0.0.1"),
        ("127.0.0.1", ("127.0.0.1",), FORWARDED | {"X-Forwarded-Host": "inside:8000"},
         "error: the service takes its address for http://inside:8000; have the proxy set"
         " X-Forwarded-Host"),
    ],
)  # fmt: skip
def test_the_service_is_asked_what_it_sees_of_its_proxy(
    kb: KnowledgeBase, installed: Settings, host: str, trusted: tuple[str, ...],
    headers: dict[str, str], says: str,
) -> None:  # fmt: skip
    settings = installed.model_copy(update={"trusted_proxies": trusted})
    behind = dict(headers)
    with running(kb, settings, behind=behind) as port:
        for name in behind:
            behind[name] = behind[name].format(host=f"{host}:{port}")
        asked = settings.model_copy(update={"base_url": f"http://{host}:{port}"})

        findings = found(asked)

    assert told(findings["service"]).startswith("ok: ")
    assert told(findings["proxy"]).startswith(says)


def test_nobody_else_is_told_how_a_request_looks(kb: KnowledgeBase, installed: Settings) -> None:
    client = create_app(kb, installed).test_client()
    moment = [1000.0]
    questions = own_questions.OwnQuestions(installed.data, lambda: moment[0])

    def is_told(**headers: str) -> bool:
        return "request" in client.get("/readyz", headers=headers).get_json()

    assert not is_told()
    assert not is_told(**{own_questions.HEADER: "x"})
    token = own_questions.OwnQuestions(installed.data).make()
    assert is_told(**{own_questions.HEADER: token})
    assert not is_told(**{own_questions.HEADER: token + "x"})
    made = questions.make()
    assert questions.is_ours(made)
    moment[0] += 61
    assert not questions.is_ours(made)
    assert not questions.is_ours(token)
    assert (installed.data / "doctor.json").stat().st_mode & 0o077 == 0
    assert made not in (installed.data / "doctor.json").read_text()


def test_a_service_that_does_not_answer_is_told(installed: Settings) -> None:
    port = postbox.free_port()
    not_started = installed.model_copy(update={"port": port})
    named = installed.model_copy(update={"base_url": f"http://127.0.0.1:{port}"})

    assert found(not_started)["service"].level == "warning"
    assert told(found(named)["service"]).startswith(
        f"error: http://127.0.0.1:{port} does not answer: Connection refused; "
    )


def test_another_service_at_the_address_is_told(
    kb: KnowledgeBase, installed: Settings, tmp_path: Path
) -> None:
    with running(kb, installed) as port:
        other = installed.model_copy(
            update={"base_url": f"http://127.0.0.1:{port}", "data": tmp_path / "other"}
        )
        other.data.mkdir()
        shutil.copytree(installed.builds, other.builds)
        current = build_folders(other)[0]
        shutil.rmtree(current)
        (other.builds / "current").write_text(build_folders(other)[0].name)

        findings = found(other)

    assert "answers from build" in findings["service"].message
    assert "does not know this data folder" in findings["proxy"].message


def test_a_host_that_the_service_refuses_is_told(kb: KnowledgeBase, installed: Settings) -> None:
    asked = {"trusted_hosts": ("help.example.com",)}
    with running(kb, installed) as port:
        base = {"base_url": f"http://127.0.0.1:{port}"}
        findings = found(installed.model_copy(update=asked | base))

    assert "KB_TRUSTED_HOSTS does not name 127.0.0.1" in findings["hosts"].message


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ('<a href="/help/ru/"><script src="/help/static/a.js">', "ok: links stay below /help"),
        ('<a href="/help/ru/"><script src="/static/a.js">', "error: links lead out of /help: /s"),
        ('<a href="/helpful">', "error: links lead out of /help: /helpful"),
        ("<p>nginx</p>", "error: https://x.example/help/ shows no page of ours"),
    ],
)  # fmt: skip
def test_links_that_lead_out_of_the_prefix_are_told(page: str, says: str) -> None:
    [finding] = network._prefix("https://x.example/help", page)

    assert told(finding).startswith(says)


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def run(runner: Any, settings: Settings, tmp_path: Path, monkeypatch: Any) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)

    def doctor_command(*arguments: str, lang: str = "en_GB.UTF-8") -> Result:
        env = {"LANG": lang, "KB_PORT": str(postbox.free_port())}
        done: Result = runner.invoke(main, ["doctor", *arguments], env=env)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return doctor_command


def test_the_exit_code_says_whether_a_person_is_needed(
    run: Callable[..., Result], installed: Settings
) -> None:
    well = run()
    shutil.rmtree(installed.builds)
    ill = run()

    assert (well.exit_code, ill.exit_code) == (0, 1)
    assert well.stderr.startswith("0 errors, ")
    assert ill.stderr.startswith("1 error, ")
    for line in ill.stdout.splitlines():
        assert line.startswith(("OK ", "warning ", "error ")), line


def test_settings_that_cannot_be_read_are_exit_code_2(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "kb.toml").write_text('retention_days = "x"\nworkers = 0\n')

    done = run()

    assert (done.exit_code, done.stdout) == (2, "")
    assert "setting retention_days" in done.stderr
    assert "setting workers" in done.stderr


def test_it_speaks_russian(run: Callable[..., Result], installed: Settings) -> None:
    done = run(lang="ru_RU.UTF-8")

    assert "в норме  версии" in done.stdout
    assert "VPN" not in done.stdout
    assert done.stderr.startswith("0 ошибок, ")


def test_as_json_it_is_one_document(run: Callable[..., Result], installed: Settings) -> None:
    told = json.loads(run("--json", lang="ru_RU.UTF-8").stdout)

    assert told["errors"] == 0
    assert {"check", "level", "message", "cure"} == set(told["checks"][0])
    assert {each["check"] for each in told["checks"]} >= {"index", "log", "service"}
    assert "is whole" in next(c["message"] for c in told["checks"] if c["check"] == "index")


def test_an_unreadable_answer_is_no_answer(installed: Settings) -> None:
    class Raw:
        def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
            start_response("200 OK", [("Content-Type", "text/html")])
            return [b"<h1>It works!</h1>"]

    server = make_server("127.0.0.1", 0, Raw())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        finding = found(installed.model_copy(update={"base_url": url}))["service"]
    finally:
        server.shutdown()
        server.server_close()

    assert finding.message == Message("{url} does not answer: {reason}", url=url, reason="no JSON")


def test_look_raises_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite3").write_bytes(b"no database" * 999)

    with pytest.raises(LogUnavailable, match="not a database"):
        condition.look(f"sqlite:///{tmp_path / 'log.sqlite3'}")
