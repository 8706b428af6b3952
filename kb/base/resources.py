"""Finds the folders that come with the product, and reads its word lists."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def folder(name: str) -> Path:
    """The folder `templates`, `static`, `translations` or `articles`, in the wheel or checkout."""
    installed = _PACKAGE / "_shipped" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def lines(name: str) -> list[str]:
    """The lines of a word list in `kb/data`, without comments (`#`)."""
    text = (_PACKAGE / "data" / name).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def words(name: str) -> list[str]:
    """The words of a word list in `kb/data`."""
    return [word for line in lines(name) for word in line.split()]
