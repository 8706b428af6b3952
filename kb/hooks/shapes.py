"""An event as the receivers of each shape take it: JSON, Slack, Mattermost, Telegram. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from kb.base.config import Hook
from kb.base.messages import Message
from kb.hooks.events import Event
from kb.letters import payloads
from kb.letters.http_post import Request

VERSION: Final = 1  # of the JSON document; a receiver may rely on its fields
_LONGEST: Final = 3000  # characters of a message in a chat
Say = Callable[[Message], str]
Quote = Callable[[str], str]

_REASONS: Final[Mapping[str, Message]] = {
    "unclear": Message("I did not understand it"),
    "wrong": Message("It is wrong or out of date"),
    "missing": Message("My question is not in it"),
    "failed": Message("I did as it says, and it did not help"),
}
# What is said of one event, and of many at once.
_SAID: Final[Mapping[str, Message]] = {
    "article.published": Message("Article published: {title}", title=""),
    "article.changed": Message("Article changed: {title}", title=""),
    "article.removed": Message("Article removed: {title}", title=""),
    "article.rejected": Message(
        "Article rejected: {path}, line {line}: {message}", path="", line="", message=""
    ),
    "question.opened": Message("A question without an answer: {question}", question=""),
    "question.answered": Message(
        "An article answers the question {question}: {slug}", question="", slug=""
    ),
    "question.proved": Message(
        "The answer is proved: {question}, {slug}", question="", slug=""
    ),
    "question.lost": Message("A question has lost its answer: {question}", question=""),
    "vote.no": Message("An article did not help: {title}", title=""),
    "letter.received": Message("A letter has come: {number} {subject}", number="", subject=""),
}  # fmt: skip


def request(hook: Hook, event: Event, say: Say, base: str, now: int, telegram: str) -> Request:
    """What a hook is sent of an event.

    `say` speaks the language of the site, `base` is its address or "", `now` are seconds since
    1970, `telegram` is where bots of Telegram are spoken to.
    """
    url = hook.url.get_secret_value() if hook.url else ""
    if hook.shape == "json":
        secret = hook.secret.get_secret_value() if hook.secret else ""
        return payloads.signed(url, secret, event.id, now, as_json(event, say, base))
    if hook.shape == "telegram":
        token = hook.token.get_secret_value() if hook.token else ""
        return payloads.telegram_message(text(event, say, base), token, hook.chat, telegram)
    return payloads.chat_message(text(event, say, base, payloads.as_code), url)


def as_json(event: Event, say: Say, base: str) -> dict[str, Any]:
    """The event as JSON values: schema `HookEvent` of `/openapi.json`."""
    data = dict(event.data)
    for name in ("message", "cure"):
        if name in data:
            data[name] = say(Message.from_json(data[name]))
    return {
        "version": VERSION,
        "id": event.id,
        "type": event.type,
        "at": event.at.isoformat(),
        "site": base,
        "link": _link(event, base),
        "text": _sentence(event, say, _plain),
        "data": data,
    }


def text(event: Event, say: Say, base: str, quote: Quote | None = None) -> str:
    """The event in a few lines; what people wrote passes through `quote`."""
    quote = quote or _plain
    lines = [_sentence(event, say, quote)]
    lines += [quote(title) for title in event.data.get("titles", ())]
    if event.type == "vote.no":
        reason = str(event.data.get("reason", ""))
        lines += [say(_REASONS[reason]) if reason in _REASONS else quote(reason)]
        lines += [quote(" ".join(str(event.data.get("text", "")).split())[:500])]
    return "\n".join(filter(None, (*lines, _link(event, base))))[:_LONGEST]


def _sentence(event: Event, say: Say, quote: Quote) -> str:
    if "count" in event.data:
        return say(_many(event.type, int(event.data["count"])))
    said = _SAID[event.type]
    values = {name: quote(str(event.data.get(name, ""))) for name in said.values}
    if event.type == "article.rejected":
        values["message"] = quote(say(Message.from_json(event.data["message"])))
    return say(said.with_values(**values)).rstrip()


def _many(type: str, n: int) -> Message:
    if type == "article.published":
        return Message("{n} article published, first:", "{n} articles published, first:", n=n)
    if type == "article.changed":
        return Message("{n} article changed, first:", "{n} articles changed, first:", n=n)
    if type == "article.removed":
        return Message("{n} article removed, first:", "{n} articles removed, first:", n=n)
    if type == "article.rejected":
        return Message("{n} article rejected, first:", "{n} articles rejected, first:", n=n)
    if type == "vote.no":
        return Message("{n} vote against articles:", "{n} votes against articles:", n=n)
    return Message("{n} question changed:", "{n} questions changed:", n=n)


def _link(event: Event, base: str) -> str:
    return f"{base}{event.path}" if base and event.path else ""


def _plain(text: str) -> str:
    return text
