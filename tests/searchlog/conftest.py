"""The service of this room's tests keeps its log in SQLite, and with KB_TEST_FULL in PostgreSQL."""

import os
from collections.abc import Iterator

import pytest

from kb.base.config import Settings


def pytest_runtest_setup(item: pytest.Function) -> None:
    """Skips a service that keeps its log in PostgreSQL, before a database is made for it."""
    call = getattr(item, "callspec", None)
    is_there = call is not None and call.params.get("url") == "postgresql"
    if is_there and "settings" in item.fixturenames and "KB_TEST_FULL" not in os.environ:
        pytest.skip("the service keeps its log in PostgreSQL too: KB_TEST_FULL=1")


@pytest.fixture
def settings(settings: Settings, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of an empty log in either database, which commands are told by the environment."""
    if url.startswith("sqlite"):
        yield settings  # in the data folder, as by default
    else:
        monkeypatch.setenv("KB_DATABASE_URL", url)
        yield settings.model_copy(update={"database_url": Settings(database_url=url).database_url})
