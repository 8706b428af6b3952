"""A real Chromium before a site in this process; screenshots go to `test-artefacts/`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import TEXTS, write_articles
from needs import unavailable
from werkzeug.serving import make_server

from kb.config import Settings
from kb.service import KnowledgeBase
from kb.web import create_app

ARTEFACTS = Path(__file__).parent.parent.parent / "test-artefacts"
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PROMISE = "Отвечаем за два часа в рабочие дни."


@pytest.fixture(scope="session")
def chrome(chromium: str) -> Iterator[Any]:
    """One Chromium for all tests."""
    if find_spec("playwright") is None:
        unavailable("no playwright; pip install playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Listening(KnowledgeBase):
    """The real service; what it was told is kept for tests to read as well."""

    def listen(self) -> None:
        self.reports: list[tuple[Any, bool]] = []
        self.votes: list[tuple[Any, ...]] = []
        self.questions: list[tuple[Any, ...]] = []

    def report(self, report: Any, robot: bool = False) -> None:
        self.reports.append((report, robot))
        super().report(report, robot)

    def feedback(self, *vote: Any) -> None:
        self.votes.append(vote)
        super().feedback(*vote)

    def contact(self, *question: Any) -> None:
        self.questions.append(question)
        super().contact(*question)


@contextmanager
def _served(base: KnowledgeBase) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(base), threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def serve() -> Callable[[KnowledgeBase], AbstractContextManager[str]]:
    """`with serve(base) as url:` runs the site of a service in this process."""
    return _served


@pytest.fixture(scope="session")
def served(
    tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., Any]
) -> Iterator[SimpleNamespace]:
    """A running site over the articles of `fakes.TEXTS`: `url`, and the `base` behind it."""
    folder = tmp_path_factory.mktemp("site")
    write_articles(TEXTS, folder / "articles")
    settings = Settings(
        articles=folder / "articles",
        data=folder / "var",
        promise=PROMISE,
        edit_url="https://git.example.com/edit/{path}",
    )
    base = Listening.open(settings)
    base.listen()
    base.rebuild()
    with serve(base) as url:
        yield SimpleNamespace(url=url, base=base)
    base.close()


@pytest.fixture
def visit(chrome: Any, served: SimpleNamespace) -> Iterator[Callable[..., Any]]:
    """`visit("/ru/", width=360, color_scheme="dark")` opens a page; a script's mistake fails."""
    contexts: list[Any] = []
    mistakes: list[str] = []
    for told in (served.base.reports, served.base.votes, served.base.questions):
        told.clear()

    def visit(
        path: str, *, width: int = 1280, height: int = 900, before: str = "", **options: Any
    ) -> Any:
        options.setdefault("locale", "ru")
        context = chrome.new_context(
            viewport={"width": width, "height": height}, base_url=served.url, **options
        )
        contexts.append(context)
        context.set_default_timeout(5000)
        if before:
            context.add_init_script(before)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on(
            "console", lambda said: mistakes.append(said.text) if "Policy" in said.text else None
        )
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert mistakes == []


@pytest.fixture
def keep() -> Callable[[Any, str], None]:
    """`keep(page, "home-360")` takes a screenshot to look at."""

    def keep(page: Any, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)

    return keep
