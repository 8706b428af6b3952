"""A real Chromium before a site in this process; screenshots go to `test-artefacts/`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Thread, Timer
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from chromium import Chromium, executable
from fakes import TEXTS, write_articles
from flask import request
from needs import unavailable
from werkzeug.serving import make_server

from kb.base.config import Settings
from kb.searchlog.db.letter_models import Letter, NewLetter
from kb.service import KnowledgeBase
from kb.web import create_app

ARTEFACTS = Path(__file__).parent.parent.parent / "test-artefacts"
TEST = "X-Test"  # names the test in whose browser a request was sent
PATIENCE = 150  # seconds; the longest test takes a tenth of it on a quiet machine
PROMISE = "Отвечаем за два часа в рабочие дни."


@pytest.fixture(scope="session")
def browsers() -> Iterator[dict[bool, Chromium]]:
    """The whole browser (`True`) and the shell (`False`); the same one where one is installed."""
    if find_spec("playwright") is None:
        unavailable("no playwright; pip install playwright")
    from playwright.sync_api import sync_playwright

    paths = {whole: executable(whole=whole) for whole in (True, False)}
    if None in paths.values():
        unavailable("no Chromium; apt-get install chromium chromium-headless-shell")
    with sync_playwright() as playwright:
        started = {path: Chromium(playwright, path) for path in paths.values() if path}
        yield {whole: started[path] for whole, path in paths.items() if path}
        for browser in started.values():
            browser.kill()


@pytest.fixture
def chrome(request: pytest.FixtureRequest, browsers: dict[bool, Chromium]) -> Chromium:
    """The Chromium of all tests, or the whole one of those marked `whole_browser`."""
    return browsers[request.node.get_closest_marker("whole_browser") is not None]


@pytest.fixture(autouse=True)
def _browser_that_hangs_is_killed(chrome: Chromium) -> Iterator[None]:
    """Bounds what Playwright itself waits for without end: `evaluate`, `new_context`, `close`."""
    timer = Timer(PATIENCE, chrome.kill)
    timer.start()
    yield
    timer.cancel()


class Listening(KnowledgeBase):
    """The real service; what it was told is kept for tests to read as well."""

    def listen(self) -> None:
        self.test = ""
        self.reports: list[tuple[Any, bool]] = []
        self.votes: list[tuple[Any, ...]] = []
        self.questions: list[NewLetter] = []

    def report(self, report: Any, robot: bool = False, **more: Any) -> None:
        if request.headers.get(TEST, self.test) == self.test:  # not late, of the test before
            self.reports.append((report, robot))
        super().report(report, robot, **more)

    def feedback(self, *vote: Any, **more: Any) -> None:
        self.votes.append(vote)
        super().feedback(*vote, **more)

    def send_letter(self, letter: NewLetter, *files: Any, **more: Any) -> Letter:
        self.questions.append(letter)
        return super().send_letter(letter, *files, **more)


@contextmanager
def _served(base: KnowledgeBase) -> Iterator[str]:
    app = create_app(base)
    app.extensions["kb"].stamps.soonest = 0.0  # a test types faster than people
    server = make_server("127.0.0.1", 0, app, threaded=True)
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
def visit(chrome: Chromium, served: SimpleNamespace) -> Iterator[Callable[..., Any]]:
    """`visit("/ru/", width=360, color_scheme="dark")` opens a page; a script's mistake fails."""
    contexts: list[Any] = []
    mistakes: list[str] = []
    served.base.test = uuid4().hex
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
        context.set_extra_http_headers({TEST: served.base.test})
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
        chrome.close(context)
    assert mistakes == []


@pytest.fixture
def keep() -> Callable[[Any, str], None]:
    """`keep(page, "home-360")` takes a screenshot to look at."""

    def keep(page: Any, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)

    return keep
