"""What an examination finds: a subject, how bad it is, what was seen and the cure."""

from dataclasses import dataclass
from typing import Literal

from kb.base.messages import NOTHING, Message

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `kb doctor`."""

    subject: str
    level: Level
    message: Message
    cure: Message = NOTHING


def ok(subject: str, message: Message) -> Finding:
    """Nothing is to be done."""
    return Finding(subject, "ok", message)


def warning(subject: str, message: Message, cure: Message) -> Finding:
    """It works, and something should be done."""
    return Finding(subject, "warning", message, cure)


def error(subject: str, message: Message, cure: Message) -> Finding:
    """It does not work, is lost or is open to others unless something is done."""
    return Finding(subject, "error", message, cure)


def sized(size: int) -> Message:
    """A number of bytes as people read it."""
    if size >= 10**9:
        return Message("{size} GB", size=f"{size / 10**9:.1f}")
    return Message("{n} MB", n=-(-size // 10**6))
