"""The world of a test: a folder of articles, a data folder, a service, all inside `tmp_path`.

`KB_TEST_REQUIRE=1` (CI) turns "skipped: Chromium or PostgreSQL is not here" into a failure;
`KB_TEST_REQUIRE=all` does the same for the shared data beside the checkout.
"""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import opensearch_cluster
import pytest
import repeated_work
import yaml
from click.testing import CliRunner
from logs import _migrated_once, ask, empty_url, log, server, url  # noqa: F401 (fixtures)
from needs import unavailable

from kb.base.config import Settings

ROOT = Path(__file__).resolve().parent.parent
Write = Callable[..., Path]

# The machine is shared: a slow example is no wrong example. A run is the same as the one before;
# KB_TEST_RANDOM=1 looks for new examples.
IS_RANDOM = "KB_TEST_RANDOM" in os.environ
hypothesis.settings.register_profile(
    "kb", deadline=None, derandomize=not IS_RANDOM, max_examples=200 if IS_RANDOM else 60
)
hypothesis.settings.load_profile("kb")


repeated_work.share()


@pytest.hookimpl(trylast=True)  # after pytest-rerunfailures
def pytest_configure(config: pytest.Config) -> None:
    """Has a process ask at once whether a test ran before.

    pytest-rerunfailures sends what it notes of a test and asks of the next one in two packets, of
    which TCP keeps the second until the first is acknowledged: 40 ms a test.
    """
    connection = getattr(getattr(config, "failures_db", None), "sock", None)
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives one process all tests that share the OpenSearch node, or a fixture of their module."""
    for item in items:
        known = getattr(item, "_fixtureinfo", None)
        defined = known.name2fixturedefs.values() if known else ()
        if "opensearch_node" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("opensearch"))  # it takes seconds to start
        elif item.get_closest_marker("xdist_group"):
            continue
        elif any(found[-1].scope == "module" for found in defined):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
        elif item.get_closest_marker("whole_browser"):
            item.add_marker(pytest.mark.xdist_group("whole browser"))  # the others start the shell


def pytest_collection_finish() -> None:
    """Spares the collector what every test of this process has in memory."""
    repeated_work.keep_what_was_collected()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Gives a second run its own time: pytest-timeout sets its timer once for all runs."""
    if getattr(item, "execution_count", 1) > 1:
        signal.setitimer(signal.ITIMER_REAL, float(item.config.getini("timeout")))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own KB_* variables and locale decide no test."""
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    for name in list(os.environ):
        if name.startswith("KB_") and not name.startswith("KB_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def in_russian(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal speaks Russian; without this it speaks English."""
    monkeypatch.setenv("LANG", "ru_RU.UTF-8")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty articles folder and a data folder that does not exist yet."""
    (tmp_path / "articles").mkdir()
    return Settings(articles=tmp_path / "articles", data=tmp_path / "var")


@pytest.fixture
def write(settings: Settings) -> Write:
    """`write("ru/vpn", "text", title="VPN")` writes an article and returns its path."""

    def write_article(path: str, body: str = "Some text.", /, **front_matter: Any) -> Path:
        file = settings.articles / (path if Path(path).suffix else f"{path}.md")
        file.parent.mkdir(parents=True, exist_ok=True)
        head = yaml.safe_dump(front_matter, allow_unicode=True, sort_keys=False)
        file.write_text(f"---\n{head}---\n{body}\n" if front_matter else f"{body}\n", "utf-8")
        return file

    return write_article


@pytest.fixture
def kb(settings: Settings) -> Iterator[Any]:
    """The real service over `settings`; `kb.rebuild()` publishes what `write` wrote."""
    from kb.service import KnowledgeBase

    service = KnowledgeBase.open(settings)
    yield service
    service.close()


@pytest.fixture
def app(kb: Any) -> Any:
    """The web application over the real service."""
    from kb.web import create_app

    return create_app(kb)


@pytest.fixture
def client(app: Any) -> Any:
    """A browser without a browser: Flask's test client."""
    return app.test_client()


@pytest.fixture
def runner() -> CliRunner:
    """Runs commands in this process: `runner.invoke(main, ["index"])`."""
    return CliRunner()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real articles and query sets beside the checkout (or `KB_TEST_SHARED`)."""
    folder = Path(os.environ.get("KB_TEST_SHARED", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        unavailable(f"no shared data at {folder}", always_optional=True)
    return folder


@pytest.fixture(scope="session")
def opensearch_node() -> Iterator[opensearch_cluster.Cluster]:
    """An OpenSearch cluster of one node for the whole run; `.urls` are its addresses."""
    try:
        with opensearch_cluster.cluster() as found:
            yield found
    except opensearch_cluster.Missing as error:
        unavailable(str(error))
