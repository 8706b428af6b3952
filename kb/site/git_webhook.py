"""Webhook for pushes, `POST /hooks/git`: verifies the sender and queues the push. Pulls nothing."""

import binascii
import hmac
import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from math import ceil
from time import time
from typing import Any
from urllib.parse import parse_qs

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests

from kb.base.networks import network
from kb.content import status
from kb.git import pull
from kb.git.push_queue import Notices
from kb.site import api
from kb.site.context import site
from kb.site.throttle import LoginThrottle

hooks = Blueprint("hooks", __name__)

_NOT_GENUINE = (
    "the secret is not the one of KB_WEBHOOK_SECRET, or a signed notice is older than five minutes"
)

PATH = "/hooks/git"
LARGEST = 4 * 2**20  # bytes; a larger notice is refused, and the next one or a schedule syncs
_PUSHES = ("push", "Push Hook", "System Hook")
_SIGNING = "whsec_"  # how a signing token begins, by the Standard Webhooks specification
_LATE = 300.0  # seconds a signed notice may be old, or ahead of our clock
_NOBODY = re.compile("0{40,64}")  # the commit of a branch that was deleted


@hooks.post(PATH)
def push() -> ResponseReturnValue:
    """Queues a push to the served branch (202); ignores other events and branches (200).

    GitHub, Gitea and Forgejo sign the body (`X-Hub-Signature-256`, `X-Gitea-Signature`). GitLab
    signs it with its signing token (`webhook-signature`), or sends its secret token itself
    (`X-Gitlab-Token`). Refused are: a wrong secret (401), further ones after many (429), a notice
    that came before (409), unless the sync after it failed, and one that is too large (413).
    Without `KB_WEBHOOK_SECRET` the answer is 404.
    """
    settings = site().settings
    secret = settings.webhook_secret
    if not secret:
        abort(404)
    request.max_content_length = LARGEST
    body = request.get_data(parse_form_data=False)
    throttle = LoginThrottle(settings.data / "notice-tries.json")
    client = network(request.remote_addr or "")
    wait = throttle.wait(client, lambda: is_genuine(secret.get_secret_value(), body))
    if wait:
        raise TooManyRequests("too many wrong signatures; wait a minute", retry_after=ceil(wait))
    if wait is not None:
        return api.error("bad-signature", _NOT_GENUINE, 401)
    event = request.headers.get("X-GitHub-Event") or request.headers.get("X-Gitlab-Event", "")
    if event not in _PUSHES:
        return _ignored(f"this is about {event or 'nothing'}; only pushes are acted on")
    ref, after = _pushed(body)
    branch = settings.sync_branch or pull.branch(settings.articles)
    if ref != f"refs/heads/{branch}":
        return _ignored(f"a push to {ref}; this site serves {branch}")
    if _NOBODY.fullmatch(after):
        return _ignored(f"{branch} was deleted; the site stays as it is")
    last = status.read(settings.data, status.Synced)
    failed = last.at.timestamp() if last is not None and last.outcome == "failed" else 0.0
    if not Notices(settings.data).accept(*_keys(body), failed=failed):
        return api.error("replayed", "this notice came before; only a new push is acted on", 409)
    return {"status": "accepted", "message": f"{branch} will be pulled and indexed"}, 202


def is_genuine(secret: str, body: bytes) -> bool:
    """Whether signature or token of the request match the secret; compares in constant time."""
    signature = _signature()
    if signature is not None:
        expected = hmac.new(secret.encode(), body, sha256).hexdigest()
        given = signature.removeprefix("sha256=")
        return hmac.compare_digest(expected.encode(), given.encode())
    # GitLab names and dates every notice, and signs it where it has a signing token.
    if secret.startswith(_SIGNING) and "webhook-signature" in request.headers:
        return _is_signed(secret.removeprefix(_SIGNING), body)
    token = request.headers.get("X-Gitlab-Token", "")
    return hmac.compare_digest(secret.encode(), token.encode("latin-1"))


def _is_signed(token: str, body: bytes) -> bool:
    """Whether a signature was made with the signing token in the last five minutes.

    https://www.standardwebhooks.com: HMAC-SHA256 of id, time and body, the key in base64.
    """
    signed_headers = [request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp")]
    try:
        key, at = b64decode(token), float(signed_headers[1])
    except (binascii.Error, ValueError):
        return False
    signed = ".".join(signed_headers).encode("latin-1") + b"." + body
    expected = b"v1," + b64encode(hmac.new(key, signed, sha256).digest())
    given = request.headers["webhook-signature"].encode("latin-1").split()
    is_right = any(hmac.compare_digest(expected, each) for each in given)
    return is_right and abs(time() - at) <= _LATE


def _signature() -> str | None:
    """The signature of GitHub, or of Gitea and Forgejo, or None."""
    return request.headers.get("X-Hub-Signature-256") or request.headers.get("X-Gitea-Signature")


def _keys(body: bytes) -> tuple[str, ...]:
    """The keys by which a notice is recognised as a repeated one.

    For GitHub and Gitea these are the body's hash, as the delivery's id is not signed, and the id.
    For GitLab it is the id, which is signed or comes with the secret itself: a branch that goes
    forward, back and forward again is rightly announced twice in the same words.
    """
    if _signature() is not None:
        ids = [sha256(body).hexdigest(), request.headers.get("X-GitHub-Delivery", "")]
    else:
        names = ("webhook-id", "Idempotency-Key", "X-Gitlab-Event-UUID")
        ids = [next(filter(None, map(request.headers.get, names)), sha256(body).hexdigest())]
    return tuple(filter(None, ids))


def _pushed(body: bytes) -> tuple[str, str]:
    """The ref that was pushed and its new commit; aborts with 400 if the body has neither."""
    try:
        if request.mimetype == "application/x-www-form-urlencoded":
            body = parse_qs(body.decode())["payload"][0].encode()
        notice: Any = json.loads(body)
        ref, after = notice["ref"], notice["after"]
    except (ValueError, KeyError, TypeError, RecursionError):
        ref = after = None
    if not isinstance(ref, str) or not isinstance(after, str):
        abort(400, "the notice of a push must be JSON with `ref` and `after`")
    return ref, after


def _ignored(message: str) -> ResponseReturnValue:
    return {"status": "ignored", "message": message}
