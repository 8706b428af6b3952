"""Tickets of a support queue, as every help desk gives them. Reads none."""

import html
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kb.base.errors import KBError

LONGEST: Final = 500  # characters of a question, as of a query
_MOST: Final = 20_000  # characters of a text that are looked at


class CannotRead(KBError):
    """A file of tickets cannot be read; the message ends with the next step."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A letter to support, and when it was replied to. Its text is not redacted."""

    question: str  # what is asked, in 500 characters
    type: str = ""
    opened: datetime | None = None
    minutes: float | None = None  # to the first reply
    links: tuple[str, ...] = ()  # addresses in the replies


_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,500}|!--)>?")
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h\d)\b[^<>]{0,50}>", re.I)
_SCRIPT = re.compile(r"<(script|style)\b.*?</\1\s*>", re.I | re.S)
_IS_HTML = re.compile(r"<(?:p|div|br|html|body|span|table|a)\b[^<>]{0,500}>", re.I)
_SUBJECT = re.compile(r"^(?:(?:re|fwd?|отв|ответ|пересл)\s?(?:\[\d+\])?\s?:\s*)+", re.I)
# What stands below is of an earlier letter or of a mail program.
_END = re.compile(
    r"^(?:-- ?$|_{5,}|-{2,} ?(?:original message|исходное сообщение|пересылаемое)"
    r"|on .{4,80} wrote:|.{4,80} (?:пишет|писал\(а\)|написал\(а\)?|wrote):\s*$"
    r"|sent from my |отправлено (?:с|из) "
    r"|(?:с уважением|with (?:best|kind) regards|best regards|kind regards|regards|cheers"
    r"|all the best|всего доброго|спасибо заранее|заранее спасибо)\b[\s,.!]*)",
    re.I,
)
_GREETING = re.compile(
    r"^\W*(?:здравствуйте|добр(?:ый|ого|ое) (?:день|дня|вечер|утро|времени суток)"
    r"|привет(?:ствую)?|hello|hi|hey|dear|good (?:morning|afternoon|evening)|greetings"
    r"|уважаем\w{2})\b[^\n.!?,:]{0,40}[.!?,:]*\s*",
    re.I,
)


def plain(text: str) -> str:
    """The words of a text, which may be HTML, with its line ends."""
    text = text[:_MOST]
    if _IS_HTML.search(text):
        text = _SCRIPT.sub(" ", text)
        text = html.unescape(_TAG.sub(" ", _BREAK.sub("\n", text)))
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def question_of(subject: str, text: str) -> str:
    """What a letter asks: subject and own words, without greeting, quotations and signature."""
    subject = " ".join(_SUBJECT.sub("", plain(subject).strip()).split())
    body = _GREETING.sub("", " ".join(_own_lines(plain(text))), count=1)
    if subject and not body.casefold().startswith(subject.casefold()):
        mark = "" if subject[-1] in ".?!" else "."
        body = f"{subject}{mark} {body}" if body else subject
    return _cut(" ".join(body.split()))


def _own_lines(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        line = line.strip()
        if lines and _END.match(line):
            break
        if not line.startswith((">", "|")):
            lines.append(line)
    return lines


def _cut(text: str) -> str:
    """The text in 500 characters, cut between words."""
    if len(text) <= LONGEST:
        return text
    return text[: text.rfind(" ", 0, LONGEST) if " " in text[:LONGEST] else LONGEST]


_ADDRESS = re.compile(r"https?://[^\s<>\"'()\[\]{}|\\^`]{1,500}")


def links_of(text: str) -> tuple[str, ...]:
    """The addresses in a text, each once."""
    found = (address.rstrip(".,;:!?") for address in _ADDRESS.findall(text[:_MOST]))
    return tuple(dict.fromkeys(found))
