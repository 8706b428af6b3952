"""Follows every address of every page of a site, as a browser and a search engine do."""

import re
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

_ADDRESS = re.compile(r"https?://[^\s\"'<>()\\]+")  # Markdown ends one by a bracket
_NAMED = ("href", "src", "action", "data-address")
# One of each kind is enough: these differ in their query alone.
_ONCE = ("q", "run", "visit", "rank", "ui", "said")


class Answer(NamedTuple):
    """What a crawler sees of an answer."""

    status: int
    kind: str
    text: str
    location: str = ""


class Crawl(NamedTuple):
    """Addresses that were followed, and paths that forms send to."""

    followed: dict[str, int]
    sent_to: set[str]


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, value) for name, value in attrs if name in _NAMED and value]


def addresses(text: str, kind: str) -> list[tuple[str, str]]:
    """Tag and address of all that a document leads to; in XML and text, the tag is ""."""
    if "html" not in kind:
        return [("", each) for each in _ADDRESS.findall(text.replace("&amp;", "&"))]
    parser = _Addresses()
    parser.feed(text)
    return parser.found


def crawl(get: Callable[[str], Answer], base: str, starts: Iterable[str]) -> Crawl:
    """Asks for every address of the site `base` that can be reached from the paths `starts`."""
    waiting = [urljoin(base, start) for start in starts]
    followed: dict[str, int] = {}
    sent_to: set[str] = set()
    known = set()
    while waiting:
        url = waiting.pop()
        parts = urlsplit(url)
        key = (parts.path, re.sub(rf"\b({'|'.join(_ONCE)})=[^&]*", r"\1", parts.query))
        if not url.startswith(base) or key in known:
            continue
        known.add(key)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        answer = get(path)
        followed[path] = answer.status
        found = addresses(answer.text, answer.kind)
        sent_to |= {urlsplit(urljoin(url, to)).path for tag, to in found if tag == "form"}
        waiting += [urljoin(url, to) for tag, to in found if tag != "form"]
        waiting += [urljoin(url, answer.location)] if answer.location else []
    return Crawl(followed, sent_to)
