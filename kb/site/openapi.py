"""OpenAPI 3.1 description of the JSON API: schemas, parameters, responses. Serves nothing."""

from typing import Any

from werkzeug.routing import Map

import kb
from kb.searchlog.db.models import CAUSES, KINDS, STATUSES

_ERRORS = {
    400: "what was sent cannot be read; the message says which part",
    401: "no credential, or a wrong one",
    403: "sent from another site's page",
    404: "no such thing",
    409: "came before; only something new is acted on",
    413: "too much was sent",
    429: "too often; wait as the message says",
    503: "no build yet, or the log cannot be reached; the message says what to do",
}


def document(routes: Map, home: str) -> dict[str, Any]:
    """The OpenAPI document of the routes that are served, below the path `home` of the site."""
    served = {rule.rule for rule in routes.iter_rules()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Knowledge base search",
            "version": kb.__version__,
            "description": "Search of a help centre, and what its pages report.",
        },
        "servers": [{"url": home}],
        "paths": {path: item for path, item in _PATHS.items() if path in served},
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": _CREDENTIALS,
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answers(
    status: int, text: str, media: str | None, schema: dict[str, Any] | None, *errors: int
) -> dict[str, Any]:
    responses: dict[str, Any] = {str(status): {"description": text}}
    if media:
        responses[str(status)]["content"] = {media: {"schema": schema or {}}}
    for code in errors:
        responses[str(code)] = {
            "description": _ERRORS[code],
            "content": {"application/json": {"schema": _ref("Error")}},
        }
    return responses


def _param(name: str, text: str, schema: dict[str, Any], place: str = "query") -> dict[str, Any]:
    return {"name": name, "in": place, "description": text, "schema": schema}


def _object(required: tuple[str, ...] = (), **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def _maybe_list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["array", "null"], "items": items}


def _header(name: str, text: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": name, "description": text}


_CREDENTIALS = {
    "token": {"type": "http", "scheme": "bearer", "description": "KB_API_TOKEN"},
    "github": _header("X-Hub-Signature-256", "HMAC-SHA256 of the body by KB_WEBHOOK_SECRET"),
    "gitea": _header("X-Gitea-Signature", "the same without `sha256=`"),
    "gitlab": _header("X-Gitlab-Token", "KB_WEBHOOK_SECRET itself"),
    "gitlabSigned": _header(
        "webhook-signature",
        "by KB_WEBHOOK_SECRET, if it is `whsec_…`; with webhook-id and webhook-timestamp",
    ),
}
_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_MAYBE_COUNT = {"type": ["integer", "null"], "minimum": 0}
_TIME = {"type": "string", "format": "date-time"}
_MS = {"type": "number", "minimum": 0}
_CUT = {"type": ["number", "null"], "description": "cut to what is possible"}
_ID = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
_PARTS = _list(
    {
        "type": "array",
        "prefixItems": [_TEXT, {"enum": [0, 1]}],
        "minItems": 2,
        "maxItems": 2,
        "description": "text, and 1 if it is marked",
    }
)

_SCHEMAS: dict[str, Any] = {
    "Error": _object(("error",), error=_object(("code", "message"), code=_TEXT, message=_TEXT)),
    "Correction": _object(
        ("kind", "query"),
        kind={"enum": ["layout", "spelling", "translit", "dropped"]},
        query=_TEXT,
    ),
    "Hit": _object(
        (
            *("slug", "url", "title", "title_parts", "section"),
            *("snippet", "answer", "category", "path", "lang", "score", "pinned"),
        ),
        slug=_TEXT,
        url=_TEXT,
        title=_TEXT,
        title_parts=_PARTS,
        section=_TEXT,
        snippet=_PARTS,
        answer=_TEXT,
        category=_TEXT,
        path={
            "type": "array",
            "items": _TEXT,
            "description": "titles of the topics above the article, the uppermost first",
        },
        lang=_TEXT,
        score={"type": "number"},
        pinned={"type": "boolean", "description": "`pins.yml` puts it first"},
    ),
    "Results": _object(
        ("query", "total", "took_ms", "build", "lang", "correction", "confident", "results"),
        query=_TEXT,
        total={**_COUNT, "description": "articles that are hits"},
        relevant={**_COUNT, "description": "of them, those within reach of the best"},
        took_ms=_MS,
        build=_TEXT,
        lang=_TEXT,
        correction={"anyOf": [_ref("Correction"), {"type": "null"}]},
        confident={"type": "boolean", "description": "false: results are weak matches at best"},
        results=_list(_ref("Hit")),
        tried=_list(_ref("Correction")),
        without={**_list(_TEXT), "description": "words that no hit holds, as `-word` asks"},
        with_all={**_MAYBE_TEXT, "description": "the query that leaves out none of them"},
    ),
    "Report": _object(
        ("run", "visit"),
        run=_ID,
        visit=_ID,
        surface={"enum": ["box", "page", "contact", "widget", "", None]},
        lang=_MAYBE_TEXT,
        filters={"type": ["object", "null"], "additionalProperties": _MAYBE_TEXT},
        build=_MAYBE_TEXT,
        steps=_maybe_list(_object(("q",), q=_MAYBE_TEXT, ms=_CUT)),
        shown=_maybe_list(
            {
                "type": "array",
                "prefixItems": [_MAYBE_TEXT, _CUT],
                "minItems": 2,
                "maxItems": 2,
                "description": "slug and rank",
            }
        ),
        events=_maybe_list(
            _object(
                ("kind",),
                kind={"enum": ["click", "answered", "left", "contact"]},
                slug=_MAYBE_TEXT,
                rank=_CUT,
                ms=_CUT,
            )
        ),
    ),
    "Misses": _object(
        ("groups", "more"),
        groups=_list(_ref("Miss")),
        more={"type": "boolean", "description": "whether there are more than the limit"},
    ),
    "Miss": _object(
        (
            *(
                "id",
                "question",
                "label",
                "phrasings",
                "visits",
                "kinds",
                "status",
                "owner",
                "category",
            ),
            *("first", "last", "triage", "answer", "progress"),
        ),
        id=_COUNT,
        question=_TEXT,
        label={**_TEXT, "description": "the most asked wording, repaired"},
        phrasings=_list(_object(("query", "visits"), query=_TEXT, visits=_COUNT)),
        visits={**_COUNT, "description": "different visits; with since, of that time"},
        kinds={"type": "object", "additionalProperties": _COUNT},
        status={"enum": list(STATUSES)},
        owner=_TEXT,
        category=_TEXT,
        first=_TIME,
        last=_TIME,
        triage={"anyOf": [_ref("Triage"), {"type": "null"}]},
        answer={"anyOf": [_ref("Answer"), {"type": "null"}]},
        progress={"anyOf": [_ref("Progress"), {"type": "null"}]},
    ),
    "Progress": _object(
        (
            *("wordings", "answered_wordings", "visits", "answered_visits", "is_enough"),
            *("slug", "rank", "standing", "unhelpful"),
        ),
        wordings=_COUNT,
        answered_wordings={**_COUNT, "description": "those that the search answers today"},
        visits=_COUNT,
        answered_visits=_COUNT,
        is_enough={"type": "boolean", "description": "whether the question may be closed"},
        slug={**_TEXT, "description": "the article that answers most"},
        rank=_COUNT,
        standing=_list(_TEXT),
        unhelpful={**_TEXT, "description": "an article that readers saw and that did not help"},
    ),
    "Triage": _object(
        ("cause", "build", "query", "slug", "words"),
        cause={"enum": list(CAUSES)},
        build=_TEXT,
        query={**_TEXT, "description": "as which it would have been answered"},
        slug={**_TEXT, "description": "the article that would have answered"},
        words={**_maybe_list(_TEXT), "description": "of a synonym: customers' word, ours"},
    ),
    "Answer": _object(
        ("slug", "build", "commit", "rank", "committed", "at", "share"),
        slug=_TEXT,
        build=_TEXT,
        commit=_TEXT,
        rank=_COUNT,
        committed={"anyOf": [_TIME, {"type": "null"}]},
        at=_TIME,
        share={**_COUNT, "description": "per cent of the visits that it answers"},
    ),
    "Promises": _object(
        ("lang", "sentence", "promises", "delay"),
        lang=_TEXT,
        sentence={**_TEXT, "description": "KB_PROMISE, or all promises in a sentence; or empty"},
        promises=_list(_ref("Promise")),
        delay={
            "anyOf": [
                _object(
                    ("sentence", "letters"),
                    sentence=_TEXT,
                    letters={**_COUNT, "description": "that wait longer than promised"},
                ),
                {"type": "null"},
            ]
        },
    ),
    "Notices": _object(
        ("lang", "notice"), lang=_TEXT, notice={"anyOf": [_ref("Notice"), {"type": "null"}]}
    ),
    "Notice": _object(
        ("level", "label", "lang", "title", "html", "text", "from", "until"),
        level={"enum": ["info", "warning", "critical"]},
        label={**_TEXT, "description": "the level in words"},
        lang={**_TEXT, "description": "of its text"},
        title=_TEXT,
        html={**_TEXT, "description": "sanitised"},
        text=_TEXT,
        **{
            "from": {"anyOf": [_TIME, {"type": "null"}]},
            "until": {"anyOf": [_TIME, {"type": "null"}]},
        },
    ),
    "Promise": _object(
        (
            *("plan", "type", "sentence", "minutes", "days", "measured"),
            *("time_zone", "usual", "due"),
        ),
        plan={**_MAYBE_TEXT, "description": "null: any"},
        type={**_MAYBE_TEXT, "description": "of letter; null: any"},
        sentence=_TEXT,
        minutes={**_MAYBE_COUNT, "description": "of working time, as configured"},
        days={**_MAYBE_COUNT, "description": "working days, as configured"},
        measured={"type": "boolean", "description": "the sentence tells the measured time"},
        time_zone=_TEXT,
        usual={"anyOf": [_ref("Usual"), {"type": "null"}]},
        due={
            "anyOf": [_TIME, {"type": "null"}],
            "description": "by when a letter written now is replied to",
        },
    ),
    "Usual": _object(
        ("letters", "median_minutes", "p90_minutes"),
        letters={**_COUNT, "description": "replied to in the last 28 days, five or more"},
        median_minutes={**_COUNT, "description": "of working time"},
        p90_minutes=_COUNT,
    ),
    "Push": _object(
        ("ref", "after"),
        ref={**_TEXT, "description": "such as refs/heads/main"},
        after={**_TEXT, "description": "its new commit"},
    ),
    "Noticed": _object(
        ("status", "message"), status={"enum": ["accepted", "ignored"]}, message=_TEXT
    ),
    "Feedback": _object(
        ("slug", "helpful"),
        slug={"type": "string", "minLength": 1, "pattern": r"[^\s\x00]"},
        helpful={"type": "boolean"},
        reason=_MAYBE_TEXT,
        text=_MAYBE_TEXT,
        run=_MAYBE_TEXT,
    ),
    "ContactForm": _object(
        ("form",),
        form={"type": "string", "pattern": "^[A-Za-z0-9_-]{6,64}$"},
        visit=_MAYBE_TEXT,
        shown={"type": ["array", "null"], "items": {"type": "string"}},
        helped=_MAYBE_TEXT,
    ),
}


def _sent(name: str, *forms: str) -> dict[str, Any]:
    media = {"application/json": {"schema": _ref(name)}}
    return {"required": True, "content": media | {form: {"schema": _ref(name)} for form in forms}}


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
                    {"type": "integer", "minimum": 1, "maximum": 50, "default": 8},
                ),
                _param("exact", "1: repair nothing", _TEXT),
            ],
            "responses": _answers(200, "hits", "application/json", _ref("Results"), 400, 503)
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
                _list({"anyOf": [_TEXT, _list(_TEXT)]}), 503,
            ),
        }
    },
    "/api/searches": {
        "post": {
            "operationId": "report",
            "summary": "Report a typing run; idempotent by `run`, later reports amend it",
            "requestBody": _sent("Report"),
            "responses": _answers(204, "taken", None, None, 400, 403, 413, 429, 503),
        }
    },
    "/api/feedback": {
        "post": {
            "operationId": "feedback",
            "summary": "Say whether an article helped",
            "requestBody": _sent("Feedback"),
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
            "responses": _answers(200, "promises", "application/json", _ref("Promises")),
        }
    },
    "/api/notice": {
        "get": {
            "operationId": "notice",
            "summary": "The notice that all pages show now, if there is one",
            "parameters": [_param("lang", "of the reader; else by Accept-Language", _TEXT)],
            "responses": _answers(200, "the notice", "application/json", _ref("Notices")),
        }
    },
    "/api/contact": {
        "post": {
            "operationId": "contactForm",
            "summary": "Say what a contact form was shown, or which article answered",
            "requestBody": _sent("ContactForm"),
            "responses": _answers(204, "taken", None, None, 400, 403, 413)
            | {"303": {"description": "a plain form is thanked"}},
        }
    },
    "/api/misses": {
        "get": {
            "operationId": "misses",
            "summary": "Questions customers asked in vain, what costs most first",
            "security": [{"token": []}],
            "parameters": [
                _param("status", "only these; without it what nobody has solved",
                       {"enum": [*STATUSES, "all"]}),
                _param("since", "only misses since then: 12h, 7d, 4w or a day", _TEXT),
                _param("for", "git: the lines of a misses.jsonl (application/x-ndjson), "
                       "questions of KB_MIN_ASKERS askers or more", {"enum": ["git"]}),
                _param("kind", "only questions missed in this way", {"enum": list(KINDS)}),
                _param("owner", "only this person's; empty: nobody's", _TEXT),
                _param(
                    "limit",
                    "how many questions",
                    {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
                ),
            ],
            "responses": _answers(
                200, "questions", "application/json", _ref("Misses"), 400, 401, 429, 503
            ),
        }
    },
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
            "requestBody": _sent("Push"),
            "responses": _answers(
                202, "a push to the branch that is served", "application/json", _ref("Noticed"),
                400, 401, 404, 409, 413, 503,
            ) | _answers(
                200, "understood, and nothing to do", "application/json", _ref("Noticed")
            ),
        }
    },
    "/healthz": {
        "get": {
            "operationId": "health",
            "summary": "The process answers",
            "responses": _answers(200, "it does", "application/json", _object(status=_TEXT)),
        }
    },
    "/readyz": {
        "get": {
            "operationId": "ready",
            "summary": "There is a build to answer from; degraded: not the published one",
            "responses": _answers(
                200, "there is", "application/json",
                _object(status=_TEXT, build=_TEXT, articles=_COUNT), 503,
            ),
        }
    },
}  # fmt: skip
