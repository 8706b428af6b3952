"""JSON API under `/api/`, health checks and metrics. Renders no template."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, g, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, Forbidden, NotFound, TooManyRequests

from kb.base.errors import IndexDamaged, IndexMissing
from kb.base.messages import Message
from kb.index.segment import article_url
from kb.search import to_json
from kb.searchlog import export, reports, since
from kb.searchlog.db.choices import KINDS, STATUSES
from kb.searchlog.db.token_models import READ
from kb.service import KnowledgeBase
from kb.site import (
    answer_cache,
    banner,
    context,
    own_questions,
    promises,
    query_strings,
    tokens,
)
from kb.site.context import kb, site

api = Blueprint("api", __name__)

_MOST_HITS = 50
_YES = frozenset(["1", "true", "yes", "on"])


def error(code: str, message: str, status: int) -> Response:
    """The JSON body of every error: a code for programs and a message for people."""
    return json_answer({"error": {"code": code, "message": message}}, status)


def json_answer(body: object, status: int = 200) -> Response:
    """Plain values as JSON."""
    return Response(orjson.dumps(body), status, content_type="application/json")


# --- searching ----------------------------------------------------------------------------------


@api.get(answer_cache.PATH)
def search() -> ResponseReturnValue:
    """Results as JSON; records nothing.

    `CacheMiddleware` answers most requests before Flask does: HEAD and invalid ones come here.
    """
    answer = answered(kb(), request.environ["QUERY_STRING"], request.script_root)
    kept = answer_cache.cache_control(kb().lasting(answer_cache.SECONDS))
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
    return Response(answer.body, headers=headers, content_type="application/json")


def answered(
    service: KnowledgeBase, query_string: str, prefix: str, *, keep: bool = True
) -> answer_cache.SearchAnswer:
    """The answer of the service to a query string as WSGI writes it (Latin-1).

    `prefix` is the URL prefix: the addresses in the answer begin with it. `keep` has it kept in the
    cache of its build. Raises BadRequest for a wrong parameter, and the errors of
    `KnowledgeBase.answer`.
    """
    args = parameters(query_string.encode("latin-1").decode("utf-8", "replace"))
    results = service.answer(
        args.get("q", "")[: context.LONGEST_QUERY],
        lang=args.get("lang"),
        category=args.get("category"),
        tag=args.get("tag"),
        limit=number("limit", args.get("limit"), 8, _MOST_HITS),
        exact=args.get("exact") in _YES,
        own_lang=args.get("own"),
        facets=False,
        keep=keep,
    )
    outcome = answer_cache.Outcome(results.total > 0, results.confident)
    return answer_cache.SearchAnswer(outcome, results.build, orjson.dumps(to_json(results, prefix)))


def parameters(query_string: str) -> dict[str, str]:
    """The parameters of a query string that are not empty; of several with one name the last."""
    return {name: value for name, value in query_strings.fields(query_string) if value}


def number(name: str, text: str | None, default: int, most: int) -> int:
    """The parameter as a number from 1 to `most`; raises BadRequest if it is another text."""
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise BadRequest(f"{name} is a number from 1 to {most}")
    return int(text)


@api.get("/api/suggest")
def suggest() -> ResponseReturnValue:
    """Completions of a query as OpenSearch suggestions, for search bars of browsers."""
    prefix = request.args.get("q", "")[: context.LONGEST_QUERY]
    completions = kb().suggest(prefix, request.args.get("lang") or site().languages.default)
    response = Response(
        orjson.dumps([prefix, list(completions)]), content_type="application/x-suggestions+json"
    )
    response.headers["Cache-Control"] = answer_cache.cache_control(answer_cache.SECONDS)
    return response


# --- reports of browsers -----------------------------------------------------------------------


@api.post("/api/searches")
def report() -> ResponseReturnValue:
    """Takes the report of a typing run; idempotent by run, so later reports amend earlier ones."""
    _refuse_cross_site()
    if not context.is_within_rate("report", 600, 60):
        raise _too_many_reports()
    try:
        parsed = reports.parse_report(_body())
    except reports.BadReport as error:
        raise BadRequest(str(error)) from None
    if not context.record_report(parsed):
        raise _too_many_reports()
    return Response(status=204)


def _too_many_reports() -> TooManyRequests:
    return TooManyRequests("too many reports from this network; they are not recorded for now")


@api.post("/api/feedback")
def feedback() -> ResponseReturnValue:
    """Takes a vote on an article: JSON of a script, or a form, which is redirected back."""
    _refuse_cross_site()
    if not context.is_within_rate("feedback", 60, 600) or not context.may_report("vote"):
        raise TooManyRequests("too many votes; wait a few minutes")
    is_form = request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data")
    sent: Mapping[str, Any] = request.form if is_form else sent_object()
    slug = text_of(sent, "slug", 500, needed=True)
    helpful = sent.get("helpful")
    if is_form and helpful in ("true", "false"):
        helpful = helpful == "true"
    if not isinstance(helpful, bool):
        raise BadRequest("helpful is true or false")
    reason, text = text_of(sent, "reason", 100), text_of(sent, "text", 2000)
    run = text_of(sent, "run", 64) or (context.new_id() if is_form else "")
    slug = _current_slug(slug)
    kb().feedback(slug, helpful, reason, text, run, asker=context.asker())
    rank = text_of(sent, "rank", 4)
    if run and helpful and rank.isascii() and rank.isdigit():  # said in the result list
        answered = reports.Event("answered", slug, int(rank))
        context.record_report(reports.Report(run=run, visit=run, events=(answered,)))
    if not is_form:
        return Response(status=204)
    page = context.with_params(article_url(slug), voted=_voted(helpful, reason, text), run=run)
    return redirect(context.quoted(page) + "#feedback", 303)


def _voted(helpful: bool, reason: str, text: str) -> str:
    """What the page of the article says and asks next."""
    if helpful:
        return "thanked" if text else "yes"
    return "no" if reason or text else "more"


def _current_slug(slug: str) -> str:
    """The current slug of an article at this or a former slug; raises NotFound if there is none."""
    served = kb().article(slug)
    if served is None:
        raise NotFound("no article is served at this slug")
    return served.slug


def _refuse_cross_site() -> None:
    if context.is_cross_site():
        raise Forbidden("send this from a page of this site")


def _body() -> object:
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise BadRequest("the body must be JSON") from None


def sent_object() -> Mapping[str, Any]:
    """The JSON object that was sent; raises BadRequest for anything else."""
    body = _body()
    if not isinstance(body, Mapping):
        raise BadRequest("the body must be a JSON object")
    return body


def text_of(
    sent: Mapping[str, Any], name: str, most: int, *, needed: bool = False, given: bool = False
) -> str:
    """A field of what was sent, cut to `most` characters, or "" if it is not there.

    Raises BadRequest if it is no text, is empty though `needed`, or is not there though it must be
    `given`.
    """
    value = sent.get(name)
    if value is None and not given:
        value = ""
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be text")
    value = context.storable(value[:most]).strip()
    if needed and not value:
        raise BadRequest(f"{name} must not be empty")
    return value


# --- promises -----------------------------------------------------------------------------------


@api.get("/api/promise")
def promise() -> ResponseReturnValue:
    """How soon support replies: to everybody, or to a letter of a plan and a type."""
    context.set_language(request.args.get("lang"))
    shown, plan, type = promises.shown(), request.args.get("plan"), request.args.get("type")
    rows = shown.rows if plan is None and type is None else promises.of(plan or "", type or "")
    body = {
        "lang": str(g.lang),
        "sentence": promises.in_a_sentence(shown),
        "promises": [promises.shape(row) for row in rows],
        "delay": {"sentence": shown.delay, "letters": shown.late} if shown.delay else None,
    }
    answer = json_answer(body)
    answer.headers["Cache-Control"] = "private, max-age=60"
    answer.vary.add("Accept-Language")
    return answer


# --- the notice ---------------------------------------------------------------------------------

_NOTICE_KEPT = 60  # seconds


@api.get("/api/notice")
def notice() -> ResponseReturnValue:
    """The notice that pages show now to readers of a language, or null."""
    context.set_language(request.args.get("lang"))
    found = banner.shown()
    answer = json_answer({"lang": str(g.lang), "notice": banner.shape(found) if found else None})
    answer.headers["Cache-Control"] = answer_cache.cache_control(kb().lasting(_NOTICE_KEPT))
    answer.vary.add("Accept-Language")
    return answer


# --- leads' programs ------------------------------------------------------------------------

_MOST_GROUPS = 1000


@api.get("/api/misses")
def misses() -> ResponseReturnValue:
    """The groups of misses for programs that may read the board, the costliest first."""
    tokens.require(READ)
    purpose = request.args.get("for")
    if purpose == "git":
        return _for_git()
    if purpose is not None:
        raise BadRequest("for is git; leave it out for the whole groups")
    status, kind = request.args.get("status"), request.args.get("kind")
    if status not in (None, "all", *STATUSES):
        raise BadRequest(f"status is one of {', '.join(STATUSES)} or all")
    if kind not in (None, *KINDS):
        raise BadRequest(f"kind is one of {', '.join(KINDS)}")
    limit = number("limit", request.args.get("limit"), 100, _MOST_GROUPS)
    found = kb().misses(
        since_param(request.args.get("since")), status, kind=kind, owner=request.args.get("owner"),
        limit=limit + 1,
    )  # fmt: skip
    groups = [group.shape() for group in found[:limit]]
    answer = json_answer({"groups": groups, "more": len(found) > limit})
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _for_git() -> ResponseReturnValue:
    """The lines of a `misses.jsonl`, as `kb log export --for-git` writes them."""
    settings = site().settings
    questions = export.for_git(kb().log, settings.langs, least=settings.min_askers)
    lines = "".join(f"{export.line(each)}\n" for each in questions)
    answer = Response(lines, content_type="application/x-ndjson; charset=utf-8")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def since_param(written: str | None) -> datetime | None:
    """The moment of `12h`, `7d` or a day; raises BadRequest for another text."""
    try:
        return since.since(written, kb().now()) if written else None
    except ValueError as error:
        raise BadRequest(f"since: {error}") from None


# --- monitors -----------------------------------------------------------------------------------


@api.get("/healthz")
def health() -> ResponseReturnValue:
    """Liveness: the process answers."""
    return json_answer({"status": "ok"})


@api.get("/readyz")
def ready() -> ResponseReturnValue:
    """Readiness: there is a build to show pages of, else 503.

    The status is `degraded` while another build than the published one answers, since that cannot
    be read.
    """
    status = kb().status()
    if status.build is None:
        raise (
            IndexDamaged(Message("no build can be read"))
            if status.is_damaged
            else IndexMissing(Message("no build"))
        )
    told: dict[str, object] = {
        "status": "degraded" if status.is_damaged else "ok",
        "build": status.build,
        "articles": status.articles,
    }
    token = request.headers.get(own_questions.HEADER)
    if token and own_questions.OwnQuestions(site().settings.data).is_ours(token):
        told["request"] = own_questions.seen(request.environ)
    return json_answer(told)


@api.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Metrics for Prometheus, without queries and addresses."""
    return Response(site().metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


@api.get("/openapi.json")
def description() -> ResponseReturnValue:
    """The OpenAPI description of the API."""
    from kb.site import openapi  # models that no other answer needs

    return json_answer(openapi.document(current_app.url_map, context.url("/")))
