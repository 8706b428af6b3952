"""The fingerprint of a build: a digest of all that decides what the same files become."""

from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from kb import __version__
from kb.base.config import Settings
from kb.content import articles
from kb.index import builds

_PACKAGE = Path(__file__).parent.parent
_ROOMS = ("language", "content", "index", "ranking")  # their code decides what a build holds
_LIBRARIES = (
    "markdown", "markdown-it-py", "mdit-py-plugins", "nh3", "pygments", "pymdown-extensions",
    "pymorphy3", "pymorphy3-dicts-ru", "pystemmer", "whoosh",
)  # fmt: skip


def fingerprint(settings: Settings) -> str:
    """The fingerprint of builds made now with these settings, as hexadecimal digits.

    A build of another fingerprint is not gone on from: every article is parsed and rendered again.
    """
    facts = (
        __version__, builds.FORMAT, articles.VERSION, settings.lang, settings.langs,
        settings.remote_images, settings.max_article_bytes, _code(), _libraries(),
    )  # fmt: skip
    return blake2b(repr(facts).encode(), digest_size=12).hexdigest()


@cache
def _code() -> str:
    """The digest of our own code, which this process has loaded."""
    return _digest(_PACKAGE)


def _digest(package: Path) -> str:
    """A digest of the code and the word lists that decide what a build holds."""
    files = [
        package / "indexer.py",
        *(file for room in _ROOMS for file in sorted((package / room).rglob("*.py"))),
        *sorted((package / "data").glob("*.txt")),
    ]
    return blake2b(b"".join(file.read_bytes() for file in files), digest_size=8).hexdigest()


@cache
def _libraries() -> tuple[str, ...]:
    """The versions of the libraries whose code decides what a build holds."""
    return tuple(version(name) for name in _LIBRARIES)
