"""Programs that send a token: who they are, and whether it opens what they ask for."""

from datetime import datetime
from hmac import compare_digest
from math import ceil

from flask import request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from kb.base.networks import network
from kb.searchlog.db.token_models import PREFIX, READ, SEARCH, Token
from kb.site.context import kb, site
from kb.site.throttle import LoginThrottle


def require(scope: str = "") -> Token:
    """The token of the request, which is valid and opens `scope`; "" is any.

    Raises Unauthorized without a valid token, Forbidden without the scope, and TooManyRequests
    after many wrong tokens. A network that sent a valid token in the last thirty days does not
    wait: strangers behind the same proxy must not stop a lead's program.
    """
    token: Token | None = None

    def is_right() -> bool:
        nonlocal token
        token = sent()
        return token is not None

    throttle = LoginThrottle(kb().shared_json("token-tries"))
    if wait := throttle.wait(network(request.remote_addr or ""), is_right):
        raise TooManyRequests("too many wrong tokens; wait a minute", retry_after=ceil(wait))
    if token is None:
        raise Unauthorized(
            "send the header Authorization: Bearer and a token of `kb tokens add`, or KB_API_TOKEN",
            www_authenticate=WWWAuthenticate("bearer"),
        )
    if scope and not token.opens(scope):
        raise Forbidden(f"this token has no scope {scope}; `kb tokens add` makes another")
    return token


def if_sent(scope: str) -> Token | None:
    """The token of a request that needs none; None where none of `kb tokens` was sent.

    Raises as `require` for one that is not valid. Other bearer tokens are those of proxies.
    """
    given = request.headers.get("Authorization", "")[len("Bearer ") :]
    return require(scope) if given.startswith(PREFIX) else None


def sent() -> Token | None:
    """The valid token of the request; None without one."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    given = given.strip()
    if kind.casefold() != "bearer":
        return None
    if _is_ours(given):
        return Token("KB_API_TOKEN", (SEARCH, READ), datetime.min, None, None)
    if not given.startswith(PREFIX):
        return None
    now = kb().now()
    found = kb().log.tokens.find(given, now)
    return None if found is None or found.is_expired(now) else found


def _is_ours(given: str) -> bool:
    """Whether this is the token of the settings; compared in constant time."""
    token = site().settings.api_token
    wanted = token.get_secret_value() if token is not None else ""
    return bool(wanted) and compare_digest(given.encode(), wanted.encode())
