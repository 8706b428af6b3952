"""Converts letters to rows and rows to letters. Pure; asks no database."""

import json
from collections.abc import Mapping
from typing import Any, Final

from kb.base.messages import Message
from kb.searchlog.db.letter_models import (
    Attachment,
    Delivery,
    Letter,
    LetterEvent,
    NewDelivery,
    NewLetter,
    Reply,
    TrailStep,
)
from kb.searchlog.db.models import dump, stamp, when

_TROUBLE: Final = 2000  # characters of a message as JSON
_PLAIN_TROUBLE: Final = 500  # characters of text
SHOWN: Final = 3  # articles of a search that the trail tells of


def row_of(new: NewLetter, id: int, number: str, at: int, owner: str) -> dict[str, Any]:
    """A letter as it is stored."""
    return {
        "id": id,
        "key": new.key,
        "number": number,
        "form": new.form,
        "at": at,
        "lang": new.lang,
        "subject": new.subject,
        "text": new.text,
        "reply_to": new.email,
        "address": folded_address(new.email),
        "type": new.type,
        "plan": new.plan,
        "state": "new",
        "owner": owner,
        "offered": dump(list(new.offered)),
        "replied": 0,
        "run": new.run,
        "in_group": 0,
        "trail": dump([_step_row(step) for step in new.trail]),
        "handed": 0,
        "files": len(new.attachments),
    }


def folded_address(email: str) -> str:
    """An address as addresses are compared: without case and white space."""
    return email.strip().casefold()


def letter_of(row: Mapping[str, Any]) -> Letter:
    """The letter of a row."""
    return Letter(
        id=row["id"],
        key=row["key"],
        number=row["number"],
        at=when(row["at"]),
        lang=row["lang"],
        subject=row["subject"],
        text=row["text"],
        email=row["reply_to"],
        type=row["type"],
        plan=row["plan"],
        state=row["state"],
        owner=row["owner"],
        offered=tuple(json.loads(row["offered"])),
        replied=when(row["replied"]) if row["replied"] else None,
        group=int(row.get("of_group") or row["in_group"]),
        trail=tuple(map(_step_of, json.loads(row["trail"]))),
        handed=row["handed"],
        files=row["files"],
    )


def _step_row(step: TrailStep) -> dict[str, Any]:
    return {
        "run": step.run,
        "query": step.query,
        "at": stamp(step.at),
        "total": step.total,
        "shown": list(step.shown),
        "opened": list(step.opened),
    }


def _step_of(row: Mapping[str, Any]) -> TrailStep:
    return TrailStep(
        row["run"], row["query"], when(row["at"]), row["total"],
        tuple(row["shown"]), tuple(row["opened"]),
    )  # fmt: skip


def trail_of(row: Mapping[str, Any], opened: tuple[str, ...]) -> TrailStep:
    """A search of the log as a step of a trail."""
    shown = tuple(slug for slug, _ in json.loads(row["shown"])[:SHOWN])
    return TrailStep(row["id"], row["query"], when(row["ended"]), row["total"], shown, opened)


def attachment_of(row: Mapping[str, Any]) -> Attachment:
    """The attachment of a row."""
    return Attachment(row["id"], row["name"], row["type"], row["size"])


def reply_of(row: Mapping[str, Any]) -> Reply:
    """The reply of a row."""
    return Reply(
        row["id"], row["letter"], when(row["at"]), row["who"], row["text"],
        tuple(json.loads(row["articles"])), row["by_hand"],
    )  # fmt: skip


def event_of(row: Mapping[str, Any]) -> LetterEvent:
    """The event of a row."""
    return LetterEvent(when(row["at"]), row["who"], row["what"], row["detail"])


def delivery_row(new: NewDelivery, id: int, at: int) -> dict[str, Any]:
    """A delivery as it is queued: due at once, tried by nobody."""
    return {
        "id": id,
        "key": new.key,
        "channel": new.channel,
        "what": new.what,
        "letter": new.letter,
        "payload": new.payload,
        "at": at,
        "state": "waiting",
        "attempts": 0,
        "due": at,
        "claimed": 0,
        "sent": 0,
        "trouble": "",
    }


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """The delivery of a row."""
    return Delivery(
        id=row["id"],
        key=row["key"],
        channel=row["channel"],
        what=row["what"],
        letter=row["letter"],
        payload=row["payload"],
        at=when(row["at"]),
        state=row["state"],
        attempts=row["attempts"],
        due=when(row["due"]),
        sent=when(row["sent"]) if row["sent"] else None,
        trouble=_trouble(row["trouble"]),
    )


def trouble_kept(trouble: str) -> str:
    """The text of the column `trouble`: a Message as JSON, to be said in any language.

    Where that is too long, and of other text, it is the beginning of the text.
    """
    if isinstance(trouble, Message):
        kept = json.dumps(trouble.to_json(), ensure_ascii=False)
        if len(kept) <= _TROUBLE:
            return kept
    return trouble[:_PLAIN_TROUBLE]


def _trouble(kept: str) -> Message:
    """The message of `trouble_kept`, also of what older versions wrote."""
    try:
        return Message.from_json(json.loads(kept) if kept.startswith("[") else kept)
    except (TypeError, ValueError):
        return Message("{text}", text=kept)
