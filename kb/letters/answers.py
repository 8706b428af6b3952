"""A ready answer to a letter, made of articles: their links, short answers and reasons. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Final

MOST: Final = 3  # articles of an answer
_LONGEST: Final = 500  # characters of a reason
_WHY: Final = re.compile(r"\b(?:почему|отчего|из-за чего|причин\w*|why|causes?|reasons?)\b", re.I)
_HEADING: Final = re.compile(r"<h([1-6])\b[^>]*>(.*?)</h\1>", re.S)
_BLOCK: Final = re.compile(r"</?(?:p|li|ul|ol|div|br|tr|td|th|table|pre|blockquote|h[1-6])\b[^>]*>")
_TAG: Final = re.compile(r"<[^>]*>")
_SENTENCE: Final = re.compile(r"(?<=[.!?…])\s+")


@dataclass(frozen=True, slots=True)
class QuotedArticle:
    """An article as an answer quotes it."""

    slug: str
    title: str
    url: str
    answer: str
    why: str  # why it happens, in the article's words, or ""


def why(html: str) -> str:
    """What an article says of why it happens: the beginning of the section that is headed so."""
    for heading in _HEADING.finditer(html):
        if not _WHY.search(_words(heading[2])):
            continue
        below = html[heading.end() :]
        following = re.search(rf"<h[1-{heading[1]}]\b", below)
        text = _words(below[: following.start()] if following else below)
        if text:
            return _beginning(text)
    return ""


def _words(html: str) -> str:
    """The text of a piece of HTML, in one line."""
    return " ".join(unescape(_TAG.sub("", _BLOCK.sub(" ", html))).split())


def _beginning(text: str) -> str:
    """Whole sentences of a text, as many as fit; of a longer one its words."""
    kept = ""
    for sentence in _SENTENCE.split(text):
        if len(kept) + len(sentence) >= _LONGEST:
            break
        kept = f"{kept} {sentence}".strip()
    return kept or text[:_LONGEST].rpartition(" ")[0] + "…"


def gives_reason(articles: Sequence[QuotedArticle]) -> bool:
    """Whether an answer made of these says why."""
    return any(article.why for article in articles)
