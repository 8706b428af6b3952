"""Receivers of letters on this machine: they take what the documentation of their API shows.

Each answers as the documented example does, keeps what it was sent, and refuses anything that the
documented request would not hold.
"""

import base64
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ZENDESK_TOKEN, ZAMMAD_TOKEN = "agent@example.com/token:zd", "za-token"
# "Create Ticket" of Zendesk's Tickets API, and the fields of a ticket that a client may set.
_ZENDESK_TICKET = {"subject", "comment", "requester", "external_id", "tags"}
# "Create" of Zammad's ticket endpoint: a ticket with its first article.
_ZAMMAD_TICKET = {"title", "group", "customer_id", "article"}
_ZAMMAD_ARTICLE = {
    *("subject", "body", "type", "internal", "content_type", "sender", "attachments"),
}


@dataclass
class Received:
    """What a receiver was sent, and how it answers."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    tickets: list[dict[str, Any]] = field(default_factory=list)
    uploads: list[tuple[str, bytes]] = field(default_factory=list)
    refuse: Callable[[int], int] = lambda n: 0  # by the number of the request: a status, or 0
    answered: bool = True  # whether an answer to a ticket arrives

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, _, body in self.requests if body[:1] == b"{"]


class Refused(Exception):
    """The request is not as documented."""


def zendesk(kept: Received, method: str, path: str, headers: Any, body: bytes) -> Any:
    """Tickets and uploads of Zendesk's Support API."""
    wanted = "Basic " + base64.b64encode(ZENDESK_TOKEN.encode()).decode()
    if headers["Authorization"] != wanted:
        raise Refused("Couldn't authenticate you")
    address = urlsplit(path)
    asked = parse_qs(address.query)
    if (method, address.path) == ("GET", "/api/v2/tickets.json"):
        found = [each for each in kept.tickets if each["external_id"] == asked["external_id"][0]]
        return 200, {"tickets": found, "count": len(found)}
    if (method, address.path) == ("POST", "/api/v2/uploads.json"):
        kept.uploads.append((asked["filename"][0], body))
        return 201, {"upload": {"token": f"token-{len(kept.uploads)}", "expires_at": "2026-12-01"}}
    if (method, address.path) != ("POST", "/api/v2/tickets.json"):
        raise Refused(path)
    ticket = json.loads(body)["ticket"]
    if set(ticket) - _ZENDESK_TICKET or not ticket["comment"]["body"]:
        raise Refused("RecordInvalid")
    if set(ticket["requester"]) != {"name", "email"} or not headers["Idempotency-Key"]:
        raise Refused("RecordInvalid")
    kept.tickets.append(ticket)
    return 201, {"ticket": {"id": 35436, "subject": ticket["subject"], "status": "new"}}


def zammad(kept: Received, method: str, path: str, headers: Any, body: bytes) -> Any:
    """Tickets of Zammad."""
    if headers["Authorization"] != f"Token token={ZAMMAD_TOKEN}":
        raise Refused("Authentication required")
    address = urlsplit(path)
    if (method, address.path) == ("GET", "/api/v1/tickets/search"):
        sought = parse_qs(address.query)["query"][0].partition('"')[2].rstrip('"')
        found = [n for n, ticket in enumerate(kept.tickets, 9) if sought in ticket["title"]]
        return 200, {"tickets": found, "tickets_count": len(found), "assets": {}}
    if (method, address.path) != ("POST", "/api/v1/tickets"):
        raise Refused(path)
    ticket = json.loads(body)
    if set(ticket) != _ZAMMAD_TICKET or set(ticket["article"]) - _ZAMMAD_ARTICLE:
        raise Refused("Invalid parameter")
    for file in ticket["article"].get("attachments", ()):
        base64.b64decode(file["data"], validate=True)
        assert set(file) == {"filename", "data", "mime-type"}
    kept.tickets.append(ticket)
    return 201, {"id": 3, "group_id": 1, "number": "22003", "title": ticket["title"]}


def telegram(kept: Received, method: str, path: str, headers: Any, body: bytes) -> Any:
    """`sendMessage` of Telegram's bots."""
    message = json.loads(body)
    if path != "/bot12:abc/sendMessage" or not 1 <= len(message["text"]) <= 4096:
        raise Refused("Bad Request: message text is empty")
    return 200, {"ok": True, "result": {"message_id": 1, "chat": {"id": message["chat_id"]}}}


def incoming(kept: Received, method: str, path: str, headers: Any, body: bytes) -> Any:
    """An incoming webhook of Slack or Mattermost: `{"text": …}`, answered with ok."""
    if set(json.loads(body)) != {"text"}:
        raise Refused("invalid_payload")
    return 200, "ok"


def any_receiver(kept: Received, method: str, path: str, headers: Any, body: bytes) -> Any:
    """Takes anything."""
    return 204, None


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether a request is signed as the specification of Standard Webhooks says."""
    told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    signed = base64.b64encode(hmac.new(secret.encode(), told, sha256).digest()).decode()
    return f"v1,{signed}" in headers["webhook-signature"].split(" ")


@contextmanager
def opened(answer: Callable[..., Any] = any_receiver) -> Iterator[Received]:
    """A receiver on a free port."""
    kept = Received()

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if len(kept.requests) < 1000:
                kept.requests.append((self.command, self.path, dict(self.headers), body))
            status = kept.refuse(len(kept.requests))
            if status:
                self._say(status, {"error": "as told"})
                return
            try:
                code, told = answer(kept, self.command, self.path, self.headers, body)
            except ConnectionAbortedError:
                self.connection.close()
                return
            except (Refused, KeyError, ValueError, AssertionError) as error:
                code, told = 422, {"error": repr(error)}
            if kept.answered:
                self._say(code, told)
            else:
                self.connection.close()

        do_GET = do_POST = _take

        def _say(self, code: int, told: Any) -> None:
            text = b"" if told is None else json.dumps(told).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
