"""A Chromium for tests that is started again after it hung or died.

Rarely, a busy Chromium never answers that a context is closed, and Playwright waits for it without
end. Then `kill` ends the browser, what waits fails or ends, and the next test gets a new one.
"""

import os
import shutil
import signal
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

WHOLE = ("chromium", "chromium-browser", "google-chrome")
SHELL = ("chromium-headless-shell", "chrome-headless-shell")


def executable(*, whole: bool) -> str | None:
    """Path of the whole browser, or of the shell (decision 156); of the other if one is there."""
    names = (*WHOLE, *SHELL) if whole else (*SHELL, *WHOLE)
    return next((path for name in names if (path := shutil.which(name))), None)


class Chromium:
    """A browser of Playwright: started when it is first needed, and anew when it is gone."""

    def __init__(self, playwright: Any, executable: str) -> None:
        self.playwright = playwright
        self.executable = executable
        self._mark = f"--kb-test-run={uuid.uuid4().hex}"
        self._browser: Any = None

    def new_context(self, **options: Any) -> Any:
        """A context of its own cookies; `close` ends it."""
        return self._running().new_context(**options)

    def new_page(self, **options: Any) -> Any:
        """A page in a context of its own."""
        return self._running().new_page(**options)

    def close(self, context: Any) -> None:
        """Closes a context; one whose browser is gone is closed already."""
        from playwright.sync_api import Error

        try:
            context.close()
        except Error:
            if self._browser.is_connected():
                raise

    def kill(self) -> None:
        """Ends the browser's processes at once, in any thread: to close it may wait without end."""
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if self._mark.encode() in entry.read_bytes():
                    os.kill(int(entry.parent.name), signal.SIGKILL)

    def _running(self) -> Any:
        if self._browser is None or not self._browser.is_connected():
            self._browser = self.playwright.chromium.launch(
                executable_path=self.executable, args=[*ARGUMENTS, self._mark]
            )
        return self._browser
