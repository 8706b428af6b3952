"""OpenAPI 3.1 description of the JSON API, made of the models of its documents. Serves nothing."""

import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Map

import kb
from kb.searchlog.db.choices import KINDS, STATUSES
from kb.searchlog.db.models import CAUSES, ORDERS
from kb.searchlog.db.token_models import READ, SEARCH, WRITE
from kb.site import api_models as models

_ERRORS = {
    400: "what was sent cannot be read; the message says which part",
    401: "no credential, or a wrong one",
    403: "sent from another site's page, or by a token without the scope",
    404: "no such thing",
    409: "came before; only something new is acted on",
    413: "too much was sent",
    429: "too often; wait as the message says",
    503: "no build yet, or the log cannot be reached; the message says what to do",
}
_PLACES = "#/components/schemas/{model}"


def document(routes: Map, home: str) -> dict[str, Any]:
    """The OpenAPI document of the routes that are served, below the path `home` of the site."""
    served = {path_of(rule.rule) for rule in routes.iter_rules()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Knowledge base search",
            "version": kb.__version__,
            "description": "Search of a help centre, and what its pages report.",
        },
        "servers": [{"url": home}],
        "paths": {path: item for path, item in _PATHS.items() if path in served},
        "webhooks": _WEBHOOKS,
        "components": {"schemas": schemas(), "securitySchemes": _CREDENTIALS},
    }


def path_of(rule: str) -> str:
    """A rule of routing as OpenAPI writes a path: `/a/<int:id>` is `/a/{id}`."""
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule)


@cache
def schemas() -> dict[str, Any]:
    """The schemas of all models by name."""
    _, made = models_json_schema(
        [(model, "validation") for model in models.MODELS], ref_template=_PLACES
    )
    found: dict[str, Any] = _plain(made["$defs"])
    return found


def _plain(schema: Any, *, is_names: bool = False) -> Any:
    """A schema without what pydantic adds for its own use.

    Titles repeat names, and a program must bear new fields.
    """
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _plain(value, is_names=key in ("properties", "$defs"))
        for key, value in schema.items()
        if is_names or not (
            (key == "title" and isinstance(value, str))
            or (key == "additionalProperties" and value is False)
        )
    }  # fmt: skip


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _PLACES.format(model=model.__name__)}


def _answers(
    status: int, text: str, media: str | None, schema: dict[str, Any] | None, *errors: int
) -> dict[str, Any]:
    responses: dict[str, Any] = {str(status): {"description": text}}
    if media:
        responses[str(status)]["content"] = {media: {"schema": schema or {}}}
    for code in errors:
        responses[str(code)] = {
            "description": _ERRORS[code],
            "content": {"application/json": {"schema": _ref(models.Error)}},
        }
    return responses


def _json(status: int, text: str, model: type[BaseModel], *errors: int) -> dict[str, Any]:
    return _answers(status, text, "application/json", _ref(model), *errors)


def _param(name: str, text: str, schema: dict[str, Any], place: str = "query") -> dict[str, Any]:
    return {"name": name, "in": place, "description": text, "schema": schema}


def _header(name: str, text: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": name, "description": text}


_CREDENTIALS = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "of `kb tokens add`, with scopes; or KB_API_TOKEN, which reads the board",
    },
    "github": _header("X-Hub-Signature-256", "HMAC-SHA256 of the body by KB_WEBHOOK_SECRET"),
    "gitea": _header("X-Gitea-Signature", "the same without `sha256=`"),
    "gitlab": _header("X-Gitlab-Token", "KB_WEBHOOK_SECRET itself"),
    "gitlabSigned": _header(
        "webhook-signature",
        "by KB_WEBHOOK_SECRET, if it is `whsec_…`; with webhook-id and webhook-timestamp",
    ),
}
_TEXT: dict[str, Any] = {"type": "string"}
_SINCE = {
    "anyOf": [
        {"type": "string", "pattern": "^[1-9][0-9]{0,2}[hdw]$"},
        {"type": "string", "format": "date"},
    ]
}
_LIST_OF_TEXTS = {"type": "array", "items": _TEXT}


def _number(most: int, default: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most, "default": default}


def _sent(model: type[BaseModel]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _ref(model)}}}


def _by_token(scope: str) -> list[dict[str, list[str]]]:
    return [{"token": [scope]}]


def _misses() -> dict[str, Any]:
    """Groups as JSON, and with `for=git` lines for a file in git."""
    responses = _json(200, "questions", models.Misses, 400, 401, 403, 429, 503)
    responses["200"]["content"]["application/x-ndjson"] = {"schema": _TEXT}
    return responses


_ID = {
    "name": "id", "in": "path", "required": True, "description": "of the question",
    "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999},
}  # fmt: skip


def _action(name: str, text: str, model: type[BaseModel]) -> dict[str, Any]:
    """A route that changes a question of the board."""
    return {
        "post": {
            "operationId": name,
            "summary": text,
            "description": "The history says `token` and its name. Leads can undo nothing of it"
            " but by hand.",
            "security": _by_token(WRITE),
            "parameters": [_ID],
            "requestBody": _sent(model),
            "responses": _json(
                200, "the question as it is now", models.Question, 400, 401, 403, 404, 413, 429, 503
            ),
        }
    }


_PATHS: dict[str, Any] = {
    "/api/search": {
        "get": {
            "operationId": "search",
            "summary": "Search; writes nothing. Any text is a query, up to 500 characters of it",
            "parameters": [
                _param("q", "what was typed", _TEXT),
                _param("lang", "only articles of this language", _TEXT),
                _param("own", "language whose articles come first", _TEXT),
                _param("category", "only this category", _TEXT),
                _param("tag", "only articles with this tag", _TEXT),
                _param(
                    "limit",
                    "how many hits",
                    _number(50, 8),
                ),
                _param("exact", "1: repair nothing", _TEXT),
            ],
            "responses": _json(200, "hits", models.Results, 400, 503)
            | {"304": {"description": "the same as before, by If-None-Match"}},
        }
    },
    "/api/suggest": {
        "get": {
            "operationId": "suggest",
            "summary": "Completions of a beginning, in the shape of OpenSearch suggestions",
            "parameters": [
                _param("q", "the beginning", _TEXT),
                _param("lang", "language of the completions", _TEXT),
            ],
            "responses": _answers(
                200, "the beginning and its completions", "application/x-suggestions+json",
                {"type": "array", "items": {"anyOf": [_TEXT, _LIST_OF_TEXTS]}}, 503,
            ),
        }
    },
    "/api/searches": {
        "post": {
            "operationId": "report",
            "summary": "Report a typing run; idempotent by `run`, later reports amend it",
            "requestBody": _sent(models.Report),
            "responses": _answers(204, "taken", None, None, 400, 403, 413, 429, 503),
        }
    },
    "/api/feedback": {
        "post": {
            "operationId": "feedback",
            "summary": "Say whether an article helped",
            "requestBody": _sent(models.Feedback),
            "responses": _answers(204, "taken", None, None, 400, 403, 404, 413, 429, 503)
            | {"303": {"description": "a plain form is led back to the article"}},
        }
    },
    "/api/promise": {
        "get": {
            "operationId": "promise",
            "summary": "How soon support replies, by plan and type of letter",
            "parameters": [
                _param("plan", "only what a sender of this plan may expect", _TEXT),
                _param("type", "only of letters of this type", _TEXT),
                _param("lang", "language of the sentences; else by Accept-Language", _TEXT),
            ],
            "responses": _json(200, "promises", models.Promises),
        }
    },
    "/api/notice": {
        "get": {
            "operationId": "notice",
            "summary": "The notice that all pages show now, if there is one",
            "parameters": [_param("lang", "of the reader; else by Accept-Language", _TEXT)],
            "responses": _json(200, "the notice", models.Notices),
        }
    },
    "/api/contact": {
        "post": {
            "operationId": "contactForm",
            "summary": "Say what a contact form was shown, or which article answered",
            "requestBody": _sent(models.ContactForm),
            "responses": _answers(204, "taken", None, None, 400, 403, 413)
            | {"303": {"description": "a plain form is thanked"}},
        }
    },
    "/api/misses": {
        "get": {
            "operationId": "misses",
            "summary": "Questions customers asked in vain, what costs most first",
            "security": _by_token(READ),
            "parameters": [
                _param("status", "only these; without it what nobody has solved",
                       {"enum": [*STATUSES, "all"]}),
                _param("since", "only misses since then: 12h, 7d, 4w or a day", _SINCE),
                _param("for", "git: the lines of a misses.jsonl (application/x-ndjson), "
                       "questions of KB_MIN_ASKERS askers or more", {"enum": ["git"]}),
                _param("kind", "only questions missed in this way", {"enum": list(KINDS)}),
                _param("owner", "only this person's; empty: nobody's", _TEXT),
                _param(
                    "limit",
                    "how many questions",
                    _number(1000, 100),
                ),
            ],
            "responses": _misses(),
        }
    },
    "/api/token": {
        "get": {
            "operationId": "token",
            "summary": "Whose token is sent, and what it opens",
            "security": _by_token(SEARCH),
            "responses": _json(200, "a token that is valid", models.TokenHolder, 401, 429, 503),
        }
    },
    "/api/board/questions": {
        "get": {
            "operationId": "questions",
            "summary": "A page of the board: questions asked in vain, what costs most first",
            "security": _by_token(READ),
            "parameters": [
                _param("status", "only these; without it what nobody has solved",
                       {"enum": [*STATUSES, "all"]}),
                _param("kind", "only questions missed in this way", {"enum": list(KINDS)}),
                _param("cause", "only with this likely cause", {"enum": list(CAUSES)}),
                _param("owner", "only this person's; empty: nobody's", _TEXT),
                _param("category", "only of this topic; empty: of none", _TEXT),
                _param("lang", "only of this language", _TEXT),
                _param("q", "only what holds these words", _TEXT),
                _param("since", "only misses since then: 12h, 7d, 4w or a day", _SINCE),
                _param("order", "what comes first", {"enum": list(ORDERS), "default": "cost"}),
                _param("page", "from 1", _number(1_000_000, 1)),
                _param("limit", "how many questions a page", _number(100, 50)),
            ],
            "responses": _json(200, "a page", models.Questions, 400, 401, 403, 429, 503),
        }
    },
    "/api/board/questions/{id}": {
        "get": {
            "operationId": "question",
            "summary": "All that is known of a question; of one that was merged, where it is now",
            "security": _by_token(READ),
            "parameters": [_ID],
            "responses": _json(
                200, "the question", models.QuestionDetails, 401, 403, 404, 429, 503
            ),
        }
    },
    "/api/board/questions/{id}/assign": _action(
        "assign", "Say whose question it is", models.Assignment
    ),
    "/api/board/questions/{id}/dismiss": _action(
        "dismiss", "Leave a question alone, for a reason, at most until a day", models.Dismissed
    ),
    "/api/board/questions/{id}/note": _action("note", "Write the note", models.Noted),
    "/hooks/git": {
        "post": {
            "operationId": "push",
            "summary": "Announce a push to the articles' repository: it is pulled and indexed",
            "description": "There only with KB_WEBHOOK_SECRET, by which the sender is known.",
            "security": [{name: []} for name in _CREDENTIALS if name != "token"],
            "parameters": [
                _param("X-GitHub-Event", "`push` of GitHub, Gitea, Forgejo", _TEXT, "header"),
                _param("X-Gitlab-Event", "`Push Hook` or `System Hook` of GitLab", _TEXT, "header"),
            ],
            "requestBody": _sent(models.Push),
            "responses": _json(
                202, "a push to the branch that is served", models.Noticed,
                400, 401, 404, 409, 413, 429, 503,
            ) | _json(200, "understood, and nothing to do", models.Noticed),
        }
    },
    "/healthz": {
        "get": {
            "operationId": "health",
            "summary": "The process answers",
            "responses": _json(200, "it does", models.Health),
        }
    },
    "/readyz": {
        "get": {
            "operationId": "ready",
            "summary": "There is a build to answer from; degraded: not the published one",
            "responses": _json(200, "there is", models.Ready, 503),
        }
    },
}  # fmt: skip

_WEBHOOKS: dict[str, Any] = {
    "event": {
        "post": {
            "operationId": "event",
            "summary": "What receivers of KB_HOOKS are sent",
            "description": "Signed as Standard Webhooks says: webhook-id, webhook-timestamp and"
            " webhook-signature. An event may come twice under the same id.",
            "requestBody": _sent(models.HookEvent),
            "responses": {"2XX": {"description": "it is taken; anything else is tried again"}},
        }
    }
}
