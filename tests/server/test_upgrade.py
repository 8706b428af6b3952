"""What commit 21080bd wrote, a log of three migrations and builds of format 4, is taken over.

`tests/data/upgrade/make.py` says how the fixtures were made.
"""

import json
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from paths import TESTS
from test_serving import serving

from kb.base.config import Settings
from kb.base.errors import IndexDamaged
from kb.index.builds import FORMAT, Builds
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.service import KnowledgeBase

WRITTEN = TESTS / "data" / "upgrade"
GROUPS: list[dict[str, Any]] = json.loads((WRITTEN / "groups.json").read_text("utf-8"))
LATER = 1_795_900_000.0  # after everything in the log

pytestmark = [
    pytest.mark.xdist_group("server"),
    # Whoosh leaves a file that it cannot read to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def written_log(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(file) as log:
        log.executescript((WRITTEN / "log.sql").read_text("utf-8"))
    log.close()


def rows_of(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row that was written, by table."""
    log = sqlite3.connect(file)
    log.row_factory = sqlite3.Row
    names = [name for (name,) in log.execute("select name from sqlite_master where type = 'table'")]
    found = {name: [dict(row) for row in log.execute(f'select * from "{name}"')] for name in names}
    log.close()
    return found


@pytest.fixture
def before(tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows as they were written."""
    written_log(tmp_path / "as-written.sqlite3")
    return rows_of(tmp_path / "as-written.sqlite3")


@pytest.fixture
def old_log(empty_url: str, before: dict[str, list[dict[str, Any]]]) -> str:
    """The address of a log as it was written, in SQLite and in PostgreSQL."""
    if empty_url.startswith("sqlite"):
        written_log(Path(empty_url.removeprefix("sqlite:///")))
        return empty_url
    engine = sa.create_engine(empty_url)
    config = Config()
    config.set_main_option("script_location", "kb.searchlog:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        meta = sa.MetaData()
        meta.reflect(connection)
        for name, rows in before.items():
            if rows and name != "alembic_version":
                table = meta.tables[name]
                flags = [c.name for c in table.c if isinstance(c.type, sa.Boolean)]
                connection.execute(
                    table.insert(), [row | {f: bool(row[f]) for f in flags} for row in rows]
                )
    engine.dispose()
    return empty_url


def rows(url: str, table: str) -> list[dict[str, Any]]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = [
            dict(row) for row in connection.execute(sa.text(f"select * from {table}")).mappings()
        ]
    engine.dispose()
    return found


# Tables that keep all columns they had; letters moved into a table of their own.
KEPT = {"runs": "id", "groups": "id", "group_days": None, "phrasings": None, "history": "id",
        "events": None, "feedback": "id", "reports": "id", "group_words": None, "sent": None,
        "days": None}  # fmt: skip


def test_no_row_and_no_value_of_an_old_log_is_lost(
    old_log: str, before: dict[str, list[dict[str, Any]]]
) -> None:
    SearchLog(old_log).close()

    for table in KEPT:
        wanted = before[table]
        found = rows(old_log, table)
        columns = wanted[0].keys() & found[0].keys() if wanted else set()

        def shape(row: dict[str, Any], columns: set[str] = columns) -> str:
            return repr(sorted((name, _plain(row[name])) for name in columns))

        assert sorted(map(shape, found)) == sorted(map(shape, wanted)), table
    [letter] = rows(old_log, "letters")
    [ticket] = before["tickets"]
    for name in ("at", "lang", "text", "reply_to", "type", "offered"):
        assert letter[name] == ticket[name], name
    assert len(before["runs"]) > 40
    assert [
        table for table in ("history", "events", "feedback", "phrasings") if not before[table]
    ] == []


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def test_what_leads_saw_and_did_is_there_as_it_was(old_log: str) -> None:
    log = SearchLog(old_log)

    seen = {group.id: group for group in log.board.misses(status="all")}
    for wanted in GROUPS:
        group = seen.pop(wanted["id"])
        assert {
            "id": group.id, "question": group.question, "visits": group.visits,
            "searches": group.searches, "tickets": group.tickets, "status": group.status,
            "owner": group.owner, "kinds": dict(group.kinds),
        } == wanted  # fmt: skip
    assert seen == {}
    assert [entry.who for entry in log.groups.history(1)].count("Мария") == 2
    assert "Спросить у разработчиков" in [row["note"] for row in rows(old_log, "groups")]
    log.close()


def test_recording_goes_on_in_the_groups_that_are_there(old_log: str) -> None:
    log = SearchLog(old_log)

    log.record(Search("new", "new", "телепорт в офис", LATER, LATER + 1, lang="ru"))

    [group] = [g for g in log.board.misses(status="all") if g.id == 1]
    assert (group.visits, group.searches) == (13, 13)
    assert len(log.board.misses(status="all")) == len(GROUPS)
    log.close()


# --- builds -------------------------------------------------------------------------------------


@pytest.fixture
def old_folder(tmp_path: Path) -> Settings:
    """Articles and a data folder as they were written, log included."""
    with tarfile.open(WRITTEN / "folder.tar.gz") as archive:
        archive.extractall(tmp_path / "site", filter="data")
    settings = Settings(articles=tmp_path / "site" / "articles", data=tmp_path / "site" / "var")
    written_log(settings.data / "log.sqlite3")
    return settings


def test_builds_of_an_older_format_are_refused_in_one_line(old_folder: Settings) -> None:
    with pytest.raises(IndexDamaged) as error:
        Builds(old_folder.builds).current()

    assert re.fullmatch(
        rf"build \d{{8}}-\d{{6}}-[0-9a-f]{{6}}: format 4, this version reads {FORMAT};"
        r" run `kb index --full`",
        str(error.value),
    )


def test_indexing_replaces_them_and_nothing_of_the_articles_is_missing(
    old_folder: Settings,
) -> None:
    kb = KnowledgeBase.open(old_folder)

    report = kb.rebuild()

    assert (report.articles, report.published) == (3, True)
    assert kb.answer("сбросить пароль").hits[0].slug == "ru/password"
    assert not kb.status().is_damaged
    kb.close()


def test_a_service_that_runs_meanwhile_takes_the_new_build(old_folder: Settings) -> None:
    waiting = KnowledgeBase.open(old_folder)
    with pytest.raises(IndexDamaged):
        waiting.answer("vpn")

    indexing = KnowledgeBase(old_folder)
    indexing.rebuild()
    indexing.close()
    waiting._current.look_again()

    assert waiting.answer("vpn").hits[0].slug == "ru/vpn"
    waiting.close()


def test_a_service_goes_on_with_its_build_when_another_version_publishes(
    kb: KnowledgeBase, settings: Settings, write: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """As the old server does while the new version indexes for the restart that comes."""
    write("ru/vpn", "Текст.", title="VPN")
    kb.rebuild()
    assert kb.answer("vpn").total == 1
    write("ru/mail", "Текст.", title="Почта")
    with monkeypatch.context() as newer:
        newer.setattr("kb.index.builds.FORMAT", FORMAT + 1)
        other = KnowledgeBase(settings)
        other.rebuild()
        other.close()
    kb._current.look_again()

    assert kb.answer("vpn").total == 1
    assert kb.status().is_damaged


def test_serve_says_why_it_indexes_anew_and_serves(old_folder: Settings, tmp_path: Path) -> None:
    with serving(old_folder, tmp_path) as site:
        assert json.loads(site.get("api/search?q=vpn"))["results"][0]["slug"] == "ru/vpn"
        assert json.loads(site.get("readyz"))["status"] == "ok"
        log = site.log

    assert re.search(
        rf"warning build \S+: format 4, this version reads {FORMAT};"
        r" all articles are indexed anew, then they are served\n",
        log,
    )
    assert "Indexed 3 articles" in log


@pytest.fixture
def restored(old_folder: Settings, tmp_path: Path) -> Settings:
    """The folder after an upgrade and back again: the copy of the log from before is put back."""
    copy = tmp_path / "copy.sqlite3"
    shutil.copy2(old_folder.data / "log.sqlite3", copy)
    SearchLog(old_folder.log_url).close()
    shutil.copy2(copy, old_folder.data / "log.sqlite3")
    return old_folder


def test_an_old_log_put_back_is_brought_along_once_more(restored: Settings) -> None:
    log = SearchLog(restored.log_url)

    assert len(log.board.misses(status="all")) == len(GROUPS)
    log.close()
