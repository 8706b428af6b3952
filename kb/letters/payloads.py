"""A letter as the receivers of each channel take it: JSON of their APIs, and text. Pure."""

import base64
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from kb.letters.http_post import Request
from kb.searchlog.db.letter_models import Attachment, Letter

_JSON: Final = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "kb"}
_LONGEST_NOTE: Final = 3000  # characters of a notice
_TELEGRAM: Final = "https://api.telegram.org"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A letter with all that a receiver may be told of it."""

    letter: Letter
    key: str  # idempotency key of this delivery
    files: tuple[Attachment, ...] = ()
    board: str = ""  # address of its page on the board, or ""
    base: str = ""  # address of the site, or ""


def as_json(parcel: Parcel) -> dict[str, Any]:
    """The letter as JSON values: what `KB_LETTERS_WEBHOOK` receives."""
    letter = parcel.letter
    return {
        "event": "letter",
        "id": letter.key,
        "number": letter.number,
        "at": letter.at.isoformat(),
        "subject": letter.subject,
        "text": letter.text,
        "email": letter.email,
        "type": letter.type,
        "plan": letter.plan,
        "lang": letter.lang,
        "owner": letter.owner,
        "group": letter.group or None,
        "trail": [
            {
                "query": step.query,
                "at": step.at.isoformat(),
                "found": step.total,
                "shown": list(step.shown),
                "opened": list(step.opened),
            }
            for step in letter.trail
        ],
        "offered": list(letter.offered),
        "files": [
            {"name": file.name, "type": file.type, "bytes": file.size} for file in parcel.files
        ],
        "board": parcel.board,
    }


def webhook(parcel: Parcel, url: str, secret: str, now: int) -> Request:
    """The letter to any receiver, signed as Standard Webhooks describes.

    `now` are seconds since 1970. Without a secret there is no signature.
    """
    return signed(url, secret, parcel.key, now, as_json(parcel))


def signed(url: str, secret: str, id: str, now: int, document: object) -> Request:
    """JSON to any receiver under an id, signed if there is a secret; `now` as of `webhook`."""
    body = _bytes(document)
    headers = {**_JSON, "Idempotency-Key": id, "webhook-id": id, "webhook-timestamp": str(now)}
    if secret:
        headers["webhook-signature"] = signature(secret, id, now, body)
    return Request(url, headers, body)


def signature(secret: str, id: str, now: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of id, time and body; `whsec_…` is a key in Base64."""
    prefix, mark, encoded = secret.partition("whsec_")
    key = base64.b64decode(encoded) if mark and not prefix else secret.encode()
    signed = hmac.new(key, f"{id}.{now}.".encode() + body, sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


# --- help desks ---------------------------------------------------------------------------------


def zendesk_known(url: str, token: str, key: str) -> Request:
    """Asks Zendesk whether a ticket with this external id is there already."""
    asked = f"{url.rstrip('/')}/api/v2/tickets.json?external_id={quote(key)}"
    return Request(asked, {**_JSON, **_basic(token)}, method="GET")


def zendesk_upload(url: str, token: str, name: str, type: str, content: bytes) -> Request:
    """A file for a ticket of Zendesk; the answer names the token of the upload."""
    address = f"{url.rstrip('/')}/api/v2/uploads.json?filename={quote(name)}"
    return Request(address, {"Content-Type": type, "User-Agent": "kb", **_basic(token)}, content)


def zendesk(parcel: Parcel, url: str, token: str, uploads: Sequence[str] = ()) -> Request:
    """The letter as a ticket of Zendesk, its sender as the requester."""
    letter = parcel.letter
    comment: dict[str, Any] = {"body": text(parcel)}
    if uploads:
        comment["uploads"] = list(uploads)
    ticket = {
        "subject": _titled(letter),
        "comment": comment,
        "requester": {"name": letter.email.partition("@")[0], "email": letter.email},
        "external_id": parcel.key,
        "tags": ["kb", *filter(None, map(_tag, (letter.type, letter.plan, letter.lang)))],
    }
    headers = {**_JSON, **_basic(token), "Idempotency-Key": parcel.key}
    return Request(f"{url.rstrip('/')}/api/v2/tickets.json", headers, _bytes({"ticket": ticket}))


def zammad_known(url: str, token: str, number: str) -> Request:
    """Asks Zammad whether a ticket with this number of ours in its title is there already."""
    query = quote(f'title:"{number}"')
    address = f"{url.rstrip('/')}/api/v1/tickets/search?query={query}&limit=1"
    return Request(address, {**_JSON, **_token(token)}, method="GET")


def zammad(
    parcel: Parcel, url: str, token: str, group: str, contents: Sequence[bytes] = ()
) -> Request:
    """The letter as a ticket of Zammad, its sender as the customer, files within."""
    letter = parcel.letter
    article: dict[str, Any] = {
        "subject": _titled(letter),
        "body": text(parcel),
        "content_type": "text/plain",
        "type": "web",
        "sender": "Customer",
        "internal": False,
    }
    if contents:
        article["attachments"] = [
            {
                "filename": file.name,
                "data": base64.b64encode(content).decode(),
                "mime-type": file.type,
            }
            for file, content in zip(parcel.files, contents, strict=True)
        ]
    ticket = {
        "title": _titled(letter),
        "group": group,
        "customer_id": f"guess:{letter.email}",
        "article": article,
    }
    headers = {**_JSON, **_token(token)}
    return Request(f"{url.rstrip('/')}/api/v1/tickets", headers, _bytes(ticket))


# --- notices ------------------------------------------------------------------------------------


def telegram(parcel: Parcel, token: str, chat: str, base: str = _TELEGRAM) -> Request:
    """A notice of a letter to a chat of Telegram."""
    return telegram_message(notice(parcel), token, chat, base)


def telegram_message(text: str, token: str, chat: str, base: str = _TELEGRAM) -> Request:
    """A message to a chat of Telegram, as plain text."""
    message = {
        "chat_id": chat,
        "text": text,
        "link_preview_options": {"is_disabled": True},
    }
    return Request(f"{base}/bot{token}/sendMessage", dict(_JSON), _bytes(message))


def chat(parcel: Parcel, url: str) -> Request:
    """A notice to an incoming webhook of Slack or Mattermost.

    What the customer wrote stands as code: it calls nobody, links nowhere and shows no picture.
    """
    letter = parcel.letter
    facts = " · ".join(filter(None, (letter.type, letter.plan, letter.owner)))
    head = f"{letter.number} {as_code(letter.subject)}".rstrip()
    lines = (head, as_code(facts), as_code(" ".join(letter.text.split())[:300]), parcel.board)
    return chat_message("\n".join(filter(None, lines)), url)


def chat_message(text: str, url: str) -> Request:
    """A message to an incoming webhook of Slack or Mattermost."""
    return Request(url, dict(_JSON), _bytes({"text": text}))


def notice(parcel: Parcel) -> str:
    """A letter in a few lines of plain text."""
    letter = parcel.letter
    facts = " · ".join(filter(None, (letter.type, letter.plan, letter.owner)))
    head = f"{letter.number} {letter.subject}".rstrip()
    lines = (head, facts, letter.text, parcel.board)
    return "\n".join(filter(None, lines))[:_LONGEST_NOTE]


def text(parcel: Parcel) -> str:
    """A letter as a person in the team reads it: its words, then what is known around it."""
    letter = parcel.letter
    facts = [each for each in (letter.type, letter.plan, letter.owner) if each]
    around = [" · ".join(facts)] if facts else []
    around += [_step(step.query, step.total, step.opened or step.shown) for step in letter.trail]
    around += [f"+ {file.name} ({file.size // 1024 + 1} kB)" for file in parcel.files]
    around += [f"{letter.number} {parcel.board}".rstrip()]
    return "\n".join((letter.text, "", "-- ", *around))


def _step(query: str, total: int, slugs: Sequence[str]) -> str:
    told = f"? {query} ({total})"
    return f"{told}: {', '.join(slugs)}" if slugs else told


def _titled(letter: Letter) -> str:
    first = letter.subject or " ".join(letter.text.split())[:80]
    return f"[{letter.number}] {first}"[:140]


def _tag(text: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def as_code(text: str) -> str:
    """Text as code of Slack and Mattermost, which neither reads as commands."""
    escaped = text.replace("`", "'").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"`{escaped}`" if escaped else ""


def _basic(token: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(token.encode()).decode()}"}


def _token(token: str) -> dict[str, str]:
    return {"Authorization": f"Token token={token}"}


def _bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
