"""Events for receivers outside: what happened, and what is queued of it for whom. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from kb.base.config import Hook
from kb.content.problems import Problem
from kb.index.segment import article_url
from kb.language.redaction import redact
from kb.letters.channels import HOOK
from kb.searchlog.db.feed_models import ArticleChange, BadVote, QuestionChange
from kb.searchlog.db.letter_models import EVENT, Letter, NewDelivery

MOST_TOLD: Final = 20  # events of a kind at once that a chat gets one by one; more are counted
_LISTED: Final = 10  # titles in a message that counts


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, once; its id is the same for every receiver and every try."""

    id: str
    type: str  # of config.HOOK_EVENTS
    at: datetime
    path: str  # of the page that shows it, below the address of the site
    data: dict[str, Any]

    def payload(self) -> str:
        """The event as JSON text, as the outbox keeps it."""
        told = {"id": self.id, "type": self.type, "at": self.at.isoformat(), "path": self.path}
        return json.dumps(told | {"data": self.data}, ensure_ascii=False)

    @classmethod
    def read(cls, payload: str) -> "Event":
        """The event of `payload`."""
        told = json.loads(payload)
        at = datetime.fromisoformat(told["at"])
        return cls(told["id"], told["type"], at, told["path"], told["data"])


def deliveries(hooks: Iterable[Hook], events: Sequence[Event]) -> list[NewDelivery]:
    """What is queued of events that happened together, for the hooks that want them."""
    return [
        NewDelivery(f"{event.id}-{hook.called}", f"{HOOK}{hook.called}", EVENT, payload=text)
        for hook in hooks
        for event in _told_to(hook, events)
        for text in (event.payload(),)
    ]


def _told_to(hook: Hook, events: Sequence[Event]) -> list[Event]:
    """The events that a hook wants; in a chat many of one kind are one message."""
    by_type: dict[str, list[Event]] = {}
    for event in events:
        if hook.wants(event.type):
            by_type.setdefault(event.type, []).append(event)
    told: list[Event] = []
    for type, some in by_type.items():
        if hook.shape == "json" or len(some) <= MOST_TOLD:
            told += some
        else:
            first = [_called(each) for each in some]
            ids = "".join(each.id for each in some)
            data = {"count": len(some), "titles": first[:_LISTED]}
            told.append(Event(_id("many", ids), type, some[0].at, "/", data))
    return told


def _called(event: Event) -> str:
    """What an event is about, in a few words."""
    names = (str(event.data.get(name, "")) for name in ("title", "question", "path", "number"))
    return next(filter(None, names), "")


def of_article(change: ArticleChange) -> Event:
    """An article that was published, changed or removed by a build."""
    data = {
        "build": change.build, "slug": change.slug, "title": change.title, "lang": change.lang,
    }  # fmt: skip
    path = "" if change.event == "article.removed" else article_url(change.slug)
    id = _id("article", change.build, change.event, change.slug)
    return Event(id, change.event, change.at, path, data)


def of_rejected(problem: Problem, build: str, at: datetime) -> Event:
    """A file that is no article; `at` is when it was indexed."""
    data = {
        "build": build, "path": problem.path, "line": problem.line, "code": problem.code,
        "message": problem.message.to_json(), "cure": problem.cure.to_json(),
    }  # fmt: skip
    id = _id("rejected", at.isoformat(), problem.path, problem.code, str(problem.line))
    return Event(id, "article.rejected", at, "/leads/state", data)


def of_question(change: QuestionChange) -> Event:
    """A question that nobody answered, and what became of it."""
    data = {
        "id": change.group, "question": change.question, "lang": change.lang,
        "status": change.status, "owner": change.owner, "category": change.category,
        "slug": change.slug,
    }  # fmt: skip
    id = _id("question", change.event, change.key)
    return Event(id, change.event, change.at, f"/leads/{change.group}", data)


def of_vote(vote: BadVote, title: str) -> Event:
    """A reader whom an article did not help; nothing says who it was."""
    data = {"slug": vote.slug, "title": title, "reason": vote.reason, "text": vote.text}
    return Event(_id("vote", vote.id), "vote.no", vote.at, article_url(vote.slug), data)


def of_letter(letter: Letter) -> Event:
    """A letter to support, without its text and the address of whoever wrote it."""
    data = {
        "number": letter.number, "subject": redact(letter.subject), "type": letter.type,
        "plan": letter.plan, "lang": letter.lang, "owner": letter.owner,
    }  # fmt: skip
    path = f"/leads/letters/{letter.id}"
    return Event(_id("letter", letter.key), "letter.received", letter.at, path, data)


def _id(kind: str, *parts: str) -> str:
    """An id of ASCII letters and digits: headers take no others, slugs and paths do."""
    told = "\0".join(parts).encode("utf-8", "surrogatepass")
    return f"{kind}-{blake2b(told, digest_size=16).hexdigest()}"
