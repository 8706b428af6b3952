"""What axe-core finds wrong with a page."""

from pathlib import Path
from typing import Any

import needs

_OPTIONS = {
    "resultTypes": ["violations"],
    "rules": {"label-content-name-mismatch": {"enabled": True}},
}


def violations(page: Any) -> list[str]:
    """Rule and element of everything axe-core holds against the page as it stands.

    Its best practices count, and that a control is called as it looks, which is on trial there.
    """
    if not page.evaluate("'axe' in window"):
        package = needs.library("axe_playwright_python", "axe-playwright-python")
        page.evaluate((Path(package.__file__).parent / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("options => axe.run(document, options)", _OPTIONS)["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]
