"""Answers for programs: JSON under `/api/`, and what monitors ask. Renders no page.

`/api/search` is asked at every keystroke, so nothing here touches catalogues or templates.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

import orjson
from flask import Blueprint, Response, current_app, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import BadRequest, Forbidden, TooManyRequests, Unauthorized

from kb import front, openapi, periods, repeats, runs
from kb.errors import IndexMissing
from kb.front import kb, site
from kb.search import Correction, Hit, Results
from kb.searchlog import KINDS, STATUSES
from kb.service import KnowledgeBase

api = Blueprint("api", __name__)

_MOST_HITS = 50
_YES = frozenset(["1", "true", "yes", "on"])


def error(code: str, message: str, status: int) -> Response:
    """The one shape of everything that went wrong."""
    return _json({"error": {"code": code, "message": message}}, status)


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, content_type="application/json")


# --- searching ----------------------------------------------------------------------------------


@api.get(repeats.PATH)
def search() -> ResponseReturnValue:
    """Hits as JSON; writes nothing.

    Usually `repeats` has answered before Flask begins: here come HEAD, and questions that
    something is wrong with.
    """
    answer = answered(site().service, request.environ["QUERY_STRING"])
    headers = {"Cache-Control": repeats.AGE, "Vary": "Accept-Encoding"}
    return Response(answer.body, headers=headers, content_type="application/json")


def answered(service: KnowledgeBase, asked: str) -> repeats.Answer:
    """What the service says to a query string, as WSGI writes it.

    Raises BadRequest, and what the service raises.
    """
    given = asked.encode("latin-1").decode("utf-8", "replace")
    args = dict(parse_qsl(given, errors="replace"))
    results = service.answer(
        args.get("q", "")[: front.LONGEST_QUERY],
        lang=args.get("lang"),
        category=args.get("category"),
        tag=args.get("tag"),
        limit=_number("limit", args.get("limit"), 8, _MOST_HITS),
        exact=args.get("exact") in _YES,
        own_lang=args.get("own"),
        facets=False,
    )
    outcome = repeats.Outcome(results.total > 0, results.confident)
    return repeats.Answer(outcome, results.build, orjson.dumps(shape(results)))


def shape(results: Results) -> dict[str, Any]:
    """Results as CONTRACT.md writes them."""
    return {
        "query": results.query,
        "total": results.total,
        "took_ms": round(results.took_ms, 2),
        "build": results.build,
        "lang": results.lang,
        "correction": _correction(results.correction) if results.correction else None,
        "confident": results.confident,
        "results": [_hit(hit) for hit in results.hits],
        "tried": [_correction(each) for each in results.tried],
    }


def _correction(correction: Correction) -> dict[str, str]:
    return {"kind": correction.kind, "query": correction.query}


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "slug": hit.slug,
        "url": hit.url,
        "title": hit.title.text,
        "title_parts": hit.title.parts(),
        "section": hit.section,
        "snippet": hit.snippet.parts(),
        "answer": hit.answer,
        "category": hit.category,
        "lang": hit.lang,
        "score": round(hit.score, 4),
    }


def _number(name: str, text: str | None, usual: int, most: int) -> int:
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise BadRequest(f"{name} is a number from 1 to {most}")
    return int(text)


@api.get("/api/suggest")
def suggest() -> ResponseReturnValue:
    """Completions in the shape browsers' search bars ask for (OpenSearch suggestions)."""
    prefix = request.args.get("q", "")[: front.LONGEST_QUERY]
    found = kb().suggest(prefix, request.args.get("lang") or site().languages.default)
    response = Response(
        orjson.dumps([prefix, list(found)]), content_type="application/x-suggestions+json"
    )
    response.headers["Cache-Control"] = repeats.AGE
    return response


# --- what browsers report -----------------------------------------------------------------------


@api.post("/api/searches")
def report() -> ResponseReturnValue:
    """A typing run and what came of it; the same run may be reported again and again."""
    _from_own_page()
    if not front.allowed("report", 600, 60):
        raise TooManyRequests("too many reports; wait a minute")
    try:
        found = runs.parse_report(_body())
    except runs.BadReport as error:
        raise BadRequest(str(error)) from None
    kb().report(found, robot=front.is_robot())
    return Response(status=204)


@api.post("/api/feedback")
def feedback() -> ResponseReturnValue:
    """Whether an article helped, from a script as JSON or from a plain form, which is led back."""
    _from_own_page()
    if not front.allowed("feedback", 60, 600):
        raise TooManyRequests("too many votes; wait a few minutes")
    is_form = request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data")
    sent: Mapping[str, Any] = request.form if is_form else _mapping(_body())
    slug = _text(sent, "slug", 500, needed=True)
    helpful = sent.get("helpful")
    if is_form and helpful in ("true", "false"):
        helpful = helpful == "true"
    if not isinstance(helpful, bool):
        raise BadRequest("helpful is true or false")
    reason, text = _text(sent, "reason", 100), _text(sent, "text", 2000)
    run = _text(sent, "run", 64) or (front.new_id() if is_form else "")
    kb().feedback(slug, helpful, reason, text, run)
    rank = _text(sent, "rank", 4)
    if run and helpful and rank.isascii() and rank.isdigit():  # said in the result list
        answered = runs.Event("answered", slug, int(rank))
        kb().report(runs.Report(run=run, visit=run, events=(answered,)), robot=front.is_robot())
    if not is_form:
        return Response(status=204)
    voted = "yes" if helpful else "more" if not (reason or text) else "no"
    page = front.with_params(front.article_url(slug), voted=voted, run=run)
    return redirect(front.absolute(page + "#feedback"), 303)


def _from_own_page() -> None:
    if front.is_foreign():
        raise Forbidden("send this from a page of this site")


def _body() -> object:
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise BadRequest("the body must be JSON") from None


def _mapping(body: object) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise BadRequest("the body must be a JSON object")
    return body


def _text(sent: Mapping[str, Any], name: str, most: int, *, needed: bool = False) -> str:
    value = sent.get(name)
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be text")
    # NUL and lone surrogates are no text to a database.
    value = value[:most].replace("\0", "").encode("utf-8", "ignore").decode().strip()
    if needed and not value:
        raise BadRequest(f"{name} must not be empty")
    return value


# --- for leads' programs ------------------------------------------------------------------------

_MOST_GROUPS = 1000


@api.get("/api/misses")
def misses() -> ResponseReturnValue:
    """The board's list for whoever holds KB_API_TOKEN, what costs most first."""
    _only_with_token()
    status, kind = request.args.get("status"), request.args.get("kind")
    if status not in (None, "all", *STATUSES):
        raise BadRequest(f"status is one of {', '.join(STATUSES)} or all")
    if kind not in (None, *KINDS):
        raise BadRequest(f"kind is one of {', '.join(KINDS)}")
    found = kb().misses(
        _since(request.args.get("since")), status, kind=kind, owner=request.args.get("owner"),
        limit=_number("limit", request.args.get("limit"), 100, _MOST_GROUPS),
    )  # fmt: skip
    answer = _json({"groups": [group.shape() for group in found]})
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _only_with_token() -> None:
    """Refuses who has no token, or another; in a time that says nothing of the right one."""
    token = site().settings.api_token
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted = token.get_secret_value() if token is not None else ""
    is_right = compare_digest(given.strip().encode(), wanted.encode())
    if not wanted or kind.casefold() != "bearer" or not is_right:
        if not front.allowed("token", 30, 60):
            raise TooManyRequests("too many wrong tokens; wait a minute")
        raise Unauthorized(
            "send the header Authorization: Bearer and the token of KB_API_TOKEN",
            www_authenticate=WWWAuthenticate("bearer"),
        )


def _since(written: str | None) -> datetime | None:
    try:
        return periods.since(written, kb().now()) if written else None
    except ValueError as error:
        raise BadRequest(f"since: {error}") from None


# --- monitors -----------------------------------------------------------------------------------


@api.get("/healthz")
def health() -> ResponseReturnValue:
    """The process answers."""
    return _json({"status": "ok"})


@api.get("/readyz")
def ready() -> ResponseReturnValue:
    """The process can answer questions; 503 until there is a build."""
    status = kb().status()
    if status.build is None:
        raise IndexMissing("no build")
    return _json({"status": "ok", "build": status.build, "articles": status.articles})


@api.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Figures for Prometheus; no queries, no addresses."""
    return Response(site().metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


@api.get("/openapi.json")
def description() -> ResponseReturnValue:
    """These routes, described for programs."""
    return _json(openapi.document(current_app.url_map))
