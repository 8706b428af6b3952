"""What axe-core finds wrong with a page."""

from pathlib import Path
from typing import Any

import needs


def violations(page: Any) -> list[str]:
    """Rule and element of everything axe-core holds against the page as it stands."""
    if not page.evaluate("'axe' in window"):
        package = needs.library("axe_playwright_python", "axe-playwright-python")
        page.evaluate((Path(package.__file__).parent / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]
