"""A browser that hangs costs one wait, never the run."""

from threading import Timer
from typing import Any

import pytest
from chromium import Chromium

pytestmark = pytest.mark.browser


@pytest.fixture(params=[True, False], ids=["whole", "shell"])
def other(request: pytest.FixtureRequest, browsers: dict[bool, Chromium]) -> Any:
    """A browser of this test's own."""
    known = browsers[request.param]
    browser = Chromium(known.playwright, known.executable)
    yield browser
    browser.kill()


def test_a_script_without_end_ends_with_its_browser(other):
    from playwright.sync_api import Error

    context = other.new_context()
    page = context.new_page()
    killing = Timer(1, other.kill)
    killing.start()

    with pytest.raises(Error):
        page.evaluate("for (;;) {}")
    other.close(context)

    assert other.new_context().new_page().evaluate("1 + 1") == 2
