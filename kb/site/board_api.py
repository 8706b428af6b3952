"""The leads' board for programs with a token: read questions, assign, dismiss and note them."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import Any, Final

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from kb.searchlog.db.choices import KINDS, STATUSES
from kb.searchlog.db.models import (
    CAUSES,
    ORDERS,
    ArticleRank,
    Details,
    Filter,
    MissGroup,
)
from kb.searchlog.db.token_models import READ, WRITE, Token
from kb.site import api, tokens
from kb.site.context import kb

board_api = Blueprint("board_api", __name__)

_QUESTION: Final = "/api/board/questions/<int(max=999999999999999):id>"
_MOST: Final = 100  # questions of a page
_LAST_PAGE: Final = 1_000_000


@board_api.get("/api/token")
def token() -> ResponseReturnValue:
    """Whose token is sent, what it opens and until when."""
    found = tokens.require()
    expires = found.expires.isoformat() if found.expires else None
    return _answer({"name": found.name, "scopes": list(found.scopes), "expires": expires})


@board_api.get("/api/board/questions")
def questions() -> ResponseReturnValue:
    """A page of the board."""
    tokens.require(READ)
    args = request.args
    since = api.since_param(args.get("since"))
    wanted = Filter(
        status=_one_of("status", (*STATUSES, "all")),
        kind=_one_of("kind", KINDS),
        owner=args.get("owner"),
        category=args.get("category"),
        lang=args.get("lang", ""),
        cause=_one_of("cause", CAUSES),
        text=args.get("q", "")[:500],
        since=since.astimezone(UTC).date() if since else None,
    )
    page = api.number("page", args.get("page"), 1, _LAST_PAGE)
    limit = api.number("limit", args.get("limit"), 50, _MOST)
    order = _one_of("order", ORDERS) or "cost"
    found = kb().log.board.page(wanted, order=order, page=page, limit=limit)
    return _answer(
        {
            "questions": [shape(group) for group in found.groups],
            "total": found.total,
            "page": found.page,
            "pages": found.pages,
        }
    )


@board_api.get(_QUESTION)
def question(id: int) -> ResponseReturnValue:
    """All that is known of a question."""
    tokens.require(READ)
    return _answer(_details(_found(id)))


@board_api.post(f"{_QUESTION}/assign")
def assign(id: int) -> ResponseReturnValue:
    """Says whose question it is."""

    def act(group: int, who: str) -> None:
        owner = " ".join(api.text_of(api.sent_object(), "owner", 80, given=True).split())
        kb().log.actions.assign(group, owner, who=who)

    return _changed(id, act)


@board_api.post(f"{_QUESTION}/dismiss")
def dismiss(id: int) -> ResponseReturnValue:
    """Leaves a question alone, for a reason."""

    def act(group: int, who: str) -> None:
        sent = api.sent_object()
        reason = " ".join(api.text_of(sent, "reason", 500, needed=True).split())
        kb().log.actions.dismiss(group, reason, until=_until(sent.get("until")), who=who)

    return _changed(id, act)


@board_api.post(f"{_QUESTION}/note")
def note(id: int) -> ResponseReturnValue:
    """Writes the note of a question."""

    def act(group: int, who: str) -> None:
        text = api.text_of(api.sent_object(), "note", 5000, given=True)
        kb().log.actions.annotate(group, text.replace("\r\n", "\n"), who=who)

    return _changed(id, act)


def _changed(id: int, act: Callable[[int, str], None]) -> ResponseReturnValue:
    """Does something to a question, as the holder of the token; tells what it is now."""
    holder: Token = tokens.require(WRITE)
    group = _found(id).group.id
    try:
        act(group, holder.who)
    except KeyError:  # merged or forgotten a moment ago
        raise NotFound("there is no such question") from None
    return _answer(shape(_found(group).group))


def shape(group: MissGroup) -> dict[str, Any]:
    """A question as JSON values: schema `Question`."""
    until = group.dismissed_until
    dismissal = {"reason": group.dismissed, "until": until.isoformat() if until else None}
    return {
        **group.shape(),
        "lang": group.lang,
        "searches": group.searches,
        "letters": group.tickets,
        "note": group.note,
        "dismissed": dismissal if group.status == "dismissed" else None,
    }


def _details(found: Details) -> dict[str, Any]:
    return {
        **shape(found.group),
        "days": [
            {
                "day": day.day, "visits": day.visits, "searches": day.searches,
                "letters": day.tickets,
            }
            for day in found.days
        ],
        "shown": list(map(_place, found.shown)),
        "opened": list(map(_place, found.clicked)),
        "merged": [group.id for group in found.merged],
        "history": [
            {
                "at": entry.at.isoformat(), "who": entry.who, "what": entry.what,
                "detail": entry.detail, "undone": entry.undone,
            }
            for entry in found.history
        ],
    }  # fmt: skip


def _place(seen: ArticleRank) -> dict[str, Any]:
    return asdict(seen)


def _found(id: int) -> Details:
    found = kb().log.groups.details(id)
    if found is None:
        raise NotFound("there is no such question")
    return found


def _one_of(name: str, known: tuple[str, ...]) -> str:
    """A parameter that is one of some names, or ""."""
    given = request.args.get(name)
    if given is not None and given not in known:
        raise BadRequest(f"{name} is one of {', '.join(known)}")
    return given or ""


def _until(given: object) -> datetime | None:
    """The end of the last day on which a question is left alone."""
    if given is None:
        return None
    try:
        if not isinstance(given, str) or len(given) != 10:
            raise ValueError
        return datetime.combine(date.fromisoformat(given), time(23, 59, 59), UTC)
    except ValueError:
        raise BadRequest("until is a day such as 2027-01-31, or null") from None


def _answer(body: object) -> Response:
    answer = api.json_answer(body)
    answer.headers["Cache-Control"] = "no-store"
    return answer
