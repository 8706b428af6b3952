"""The Model Context Protocol at `/mcp`: messages of agents in, answers of tools out. Reads only.

Each message is a POST of its own and its answer is JSON: no stream and no session. Spoken are the
stateless revision (modelcontextprotocol.io/specification/2026-07-28) and those before it, which
begin with a handshake.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, TooManyRequests

from kb import __version__
from kb.searchlog.db.token_models import SEARCH
from kb.site import context, markdown_pages, mcp_tools, tokens
from kb.site.context import site

mcp = Blueprint("mcp", __name__)

PATH = "/mcp"
STATELESS = ("2026-07-28",)
WITH_HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
_MINUTE = 60_000  # milliseconds for which a client may keep the list of tools
_PREFIX = "io.modelcontextprotocol/"  # of the keys of `_meta` that the protocol defines
_INSTRUCTIONS = (
    "A help centre of ready answers. Search in the user's own words and language, then read the "
    "article. Where `confident` is false the answer is not in the base: say so instead of "
    "guessing. Give the address of the article with the answer."
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of error of JSON-RPC, and the HTTP status that the stateless revision gives it."""

    code: int
    status: int = 400


_PARSE, _INVALID, _BAD_PARAMS = _Kind(-32700), _Kind(-32600), _Kind(-32602)
_NO_METHOD, _HEADERS, _VERSION = _Kind(-32601, 404), _Kind(-32020), _Kind(-32022)


class _Wrong(Exception):
    """A message that is answered by an error."""

    def __init__(self, kind: _Kind, message: str, **data: object) -> None:
        super().__init__(message)
        self.kind, self.message, self.data = kind, message, data


@mcp.route(PATH, methods=["GET", "POST", "DELETE"])
def endpoint() -> ResponseReturnValue:
    """Answers one message of JSON-RPC; a notification is accepted without an answer."""
    if not site().settings.mcp:
        abort(404)
    if request.method != "POST":  # no stream to open and no session to end
        return Response(status=405, headers={"Allow": "POST"})
    if context.is_cross_site():
        raise Forbidden("pages of other sites may not ask")
    token = tokens.if_sent(SEARCH)
    most, by = site().settings.searches_per_minute, token.who if token else ""
    if not context.is_within_rate("mcp", most, 60, by=by):
        raise TooManyRequests("too many requests from this network; wait a minute")
    try:
        message = _message(request.get_data())
    except _Wrong as wrong:
        return _error(None, wrong, is_stateless=True)
    return _answered(message) if "id" in message else Response(status=202)


def _message(body: bytes) -> Mapping[str, Any]:
    """The body as a message whose shape is right. Raises _Wrong."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _Wrong(_PARSE, "the body is no JSON") from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise _Wrong(_INVALID, "the body is no message of JSON-RPC 2.0")
    id = message.get("id", 0)
    if isinstance(id, bool) or not isinstance(id, str | int):
        raise _Wrong(_INVALID, "id is a text or a number")
    if not isinstance(message.get("method"), str):
        raise _Wrong(_INVALID, "method is a text")
    return message


def _answered(message: Mapping[str, Any]) -> Response:
    params = message.get("params") or {}
    meta = params.get("_meta") if isinstance(params, dict) else None
    is_stateless = isinstance(meta, dict) and f"{_PREFIX}protocolVersion" in meta
    try:
        if not isinstance(params, dict):
            raise _Wrong(_BAD_PARAMS, "params is an object")
        if is_stateless:
            _check_envelope(message["method"], params, meta or {})
            result = _stateless(message["method"], params)
        else:
            result = _with_handshake(message["method"], params)
    except _Wrong as wrong:
        return _error(message["id"], wrong, is_stateless=is_stateless)
    return _json({"jsonrpc": "2.0", "id": message["id"], "result": result})


def _error(id: object, wrong: _Wrong, *, is_stateless: bool) -> Response:
    error = {"code": wrong.kind.code, "message": wrong.message}
    if wrong.data:
        error["data"] = wrong.data
    return _json(
        {"jsonrpc": "2.0", "id": id, "error": error}, wrong.kind.status if is_stateless else 200
    )


def _json(body: object, status: int = 200) -> Response:
    made = Response(orjson.dumps(body), status, content_type="application/json")
    made.headers["Cache-Control"] = "no-store"
    return made


# --- revisions of the protocol ------------------------------------------------------------------


def _with_handshake(method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The result of a method as revisions before 2026-07-28 give it. Raises _Wrong."""
    given = request.headers.get("MCP-Protocol-Version", WITH_HANDSHAKE[0])
    if method == "initialize":
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in WITH_HANDSHAKE else WITH_HANDSHAKE[0],
            "capabilities": _capabilities(),
            "serverInfo": _server(),
            "instructions": _INSTRUCTIONS,
        }
    if given not in WITH_HANDSHAKE:
        raise _Wrong(_INVALID, f"this server speaks {', '.join((*STATELESS, *WITH_HANDSHAKE))}")
    if method == "ping":
        return {}
    return _of_tools(method, params)


def _stateless(method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The result of a method as revision 2026-07-28 gives it. Raises _Wrong."""
    told = {"resultType": "complete", "_meta": {f"{_PREFIX}serverInfo": _server()}}
    kept = {"ttlMs": _MINUTE, "cacheScope": "public"}
    if method == "server/discover":
        return {
            "supportedVersions": [*STATELESS, *WITH_HANDSHAKE],
            "capabilities": _capabilities(),
            "instructions": _INSTRUCTIONS,
            **kept,
            **told,
        }
    result = _of_tools(method, params)
    return {**result, **(kept if method == "tools/list" else {}), **told}


def _check_envelope(method: str, params: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    """Whether a stateless message says what it must, and its headers say the same; or _Wrong."""
    version, headers = meta[f"{_PREFIX}protocolVersion"], request.headers
    if not isinstance(version, str) or f"{_PREFIX}clientCapabilities" not in meta:
        raise _Wrong(_BAD_PARAMS, f"_meta needs {_PREFIX}protocolVersion and clientCapabilities")
    if headers.get("MCP-Protocol-Version") != version or headers.get("Mcp-Method") != method:
        raise _Wrong(_HEADERS, "MCP-Protocol-Version or Mcp-Method is another than the message's")
    if method == "tools/call" and headers.get("Mcp-Name") != params.get("name"):
        raise _Wrong(_HEADERS, "Mcp-Name is another than the message's")
    if version not in STATELESS:
        known = [*STATELESS, *WITH_HANDSHAKE]
        raise _Wrong(_VERSION, "unsupported revision", supported=known, requested=version)


def _capabilities() -> Mapping[str, Any]:
    return {"tools": {"listChanged": False}}


def _server() -> Mapping[str, str]:
    return {"name": "kb", "title": markdown_pages.site_title(), "version": __version__}


# --- tools --------------------------------------------------------------------------------------


def _of_tools(method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    if method == "tools/list":
        return {"tools": [tool.described() for tool in mcp_tools.TOOLS.values()]}
    if method == "tools/call":
        return _called(params)
    raise _Wrong(_NO_METHOD, "this server has tools alone: tools/list and tools/call")


def _called(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a tool answers; a mistake in its arguments is an answer that the agent reads."""
    tool = mcp_tools.TOOLS.get(str(params.get("name")))
    if tool is None:
        raise _Wrong(_BAD_PARAMS, f"no such tool; there are {', '.join(mcp_tools.TOOLS)}")
    given = params.get("arguments") or {}
    if not isinstance(given, dict):
        raise _Wrong(_BAD_PARAMS, "arguments is an object")
    try:
        found = tool.answer(given)
    except mcp_tools.Unanswered as why:
        return _content(str(why), is_error=True)
    if isinstance(found, str):
        return _content(found)
    return {**_content(orjson.dumps(found).decode()), "structuredContent": found}


def _content(text: str, *, is_error: bool = False) -> Mapping[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": is_error}
