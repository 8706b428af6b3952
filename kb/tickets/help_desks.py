"""Tickets of Zendesk and conversations of Intercom, as their APIs and exports give them in JSON.

A file is one document (`tickets`, `conversations`, `results`, with side-loaded `metric_sets`) or
one object a line, as Zendesk's export of an account is. Shapes: developer.zendesk.com, Tickets,
Ticket Comments and Ticket Metrics; developers.intercom.com, Conversations and Tickets.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kb.base.messages import Message
from kb.tickets import times
from kb.tickets.models import CannotRead, Ticket, links_of, plain, question_of

Object = Mapping[str, Any]
_when = times.reader(())


def zendesk(path: Path) -> Iterator[Ticket]:
    """The tickets of answers of Zendesk's API, or of its export; raises CannotRead for others."""
    metrics = {
        metric["ticket_id"]: metric
        for document in _documents(path)
        for name in ("metric_sets", "ticket_metrics")
        for metric in _objects(document.get(name))
        if isinstance(metric.get("ticket_id"), int)
    }

    def made(each: Object) -> Ticket | None:
        id = each.get("id")
        return _of_zendesk(each, metrics.get(id) if isinstance(id, int) else None)

    return _made(path, _found(path, ("tickets",)), made)


def intercom(path: Path) -> Iterator[Ticket]:
    """The conversations and tickets of Intercom's API; raises CannotRead for others."""
    return _made(path, _found(path, ("conversations", "tickets", "data")), _of_intercom)


def _found(path: Path, names: tuple[str, ...]) -> Iterator[Object]:
    return (each for document in _documents(path) for each in _listed(document, names))


def _made(
    path: Path, found: Iterable[Object], make: Callable[[Object], Ticket | None]
) -> Iterator[Ticket]:
    tickets = [ticket for each in found if (ticket := make(each)) is not None]
    if not tickets:
        raise CannotRead(
            Message(
                "{path}: no tickets in it; save the answers of the API for tickets",
                path=str(path),
            )
        )
    return iter(tickets)


# --- JSON -----------------------------------------------------------------------------------------


def _documents(path: Path) -> Iterator[Object]:
    """The documents of a file: one, a list, or one a line, of which one at a time is in memory."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        try:
            first = json.loads(file.readline())
        except ValueError:
            first = None  # a document of several lines
        except RecursionError:
            raise _nested(path) from None
        if first is not None:
            yield from _each(first)
            for line in file:
                if line.strip():
                    yield from _each(_line(path, line))
            return
    try:
        yield from _each(json.loads(path.read_text("utf-8-sig", "replace")))
    except ValueError:
        raise _no_json(path) from None
    except RecursionError:
        raise _nested(path) from None


def _each(value: object) -> Iterator[Object]:
    return _objects(value if isinstance(value, list) else [value])


def _nested(path: Path) -> CannotRead:
    return CannotRead(
        Message("{path}: nested too deeply; save the API's own answers", path=str(path))
    )


def _no_json(path: Path) -> CannotRead:
    return CannotRead(
        Message("{path}: no JSON; save the answers of the API, or its export", path=str(path))
    )


def _line(path: Path, line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        raise _no_json(path) from None
    except RecursionError:
        raise _nested(path) from None


def _objects(value: object) -> Iterator[Object]:
    yield from (
        (each for each in value if isinstance(each, Mapping)) if isinstance(value, list) else ()
    )


def _listed(document: Object, names: Iterable[str]) -> Iterator[Object]:
    """The objects under one of the names, or the document itself, which is one of them."""
    lists = [document[name] for name in (*names, "results") if isinstance(document.get(name), list)]
    if lists:
        yield from (each for found in lists for each in _objects(found))
    elif "id" in document:
        yield document


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    """A moment of ISO text or of seconds since 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 4e9:
        return datetime.fromtimestamp(value, UTC)
    return _when(value) if isinstance(value, str) else None


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return float(value) if is_number else None  # type: ignore[arg-type]


def _between(begun: datetime | None, end: datetime | None) -> float | None:
    if begun is None or end is None or end < begun:
        return None
    return (end - begun).total_seconds() / 60


# --- Zendesk --------------------------------------------------------------------------------------


def _of_zendesk(ticket: Object, metric: Object | None) -> Ticket | None:
    subject = _text(ticket.get("raw_subject")) or _text(ticket.get("subject"))
    comments = [each for each in _objects(ticket.get("comments")) if each.get("public", True)]
    asker = ticket.get("requester_id", ticket.get("submitter_id"))
    replies = [each for each in comments if each.get("author_id") not in (None, asker)]
    description = _text(ticket.get("description"))
    if not description and comments:
        description = _body(comments[0])
    if not description and not subject:
        return None
    opened = _moment(ticket.get("created_at"))
    return Ticket(
        question=question_of(subject, description),
        type=_zendesk_type(ticket),
        opened=opened,
        minutes=_zendesk_minutes(ticket, metric, opened, replies),
        links=tuple(link for reply in replies for link in links_of(_body(reply, html=True))),
    )


def _zendesk_type(ticket: Object) -> str:
    """Its type, or the first of its tags where it has none."""
    tags = ticket.get("tags")
    first = tags[0] if isinstance(tags, list) and tags else ""
    return _text(ticket.get("type")) or _text(first)


def _zendesk_minutes(
    ticket: Object, metric: Object | None, opened: datetime | None, replies: list[Object]
) -> float | None:
    """Minutes to the first reply: from the metrics, else from the comments."""
    for given in (metric, ticket.get("metric_set")):
        took = given.get("reply_time_in_minutes") if isinstance(given, Mapping) else None
        if isinstance(took, Mapping) and (found := _number(took.get("calendar"))) is not None:
            return found
    moments = [at for reply in replies if (at := _moment(reply.get("created_at")))]
    return _between(opened, min(moments, default=None))


def _body(comment: Object, *, html: bool = False) -> str:
    names = ("html_body", "plain_body", "body") if html else ("plain_body", "body", "html_body")
    return next((text for name in names if (text := _text(comment.get(name)))), "")


# --- Intercom -------------------------------------------------------------------------------------


def _of_intercom(each: Object) -> Ticket | None:
    source = each.get("source")
    source = source if isinstance(source, Mapping) else {}
    given = each.get("ticket_attributes")
    given = given if isinstance(given, Mapping) else {}
    subject = _text(source.get("subject")) or _text(given.get("_default_title_"))
    subject = subject or _text(each.get("title"))
    body = _text(source.get("body")) or _text(given.get("_default_description_"))
    if not body and not subject:
        return None
    replies = [part for part in _parts(each) if _is_reply(part)]
    opened = _moment(each.get("created_at"))
    return Ticket(
        question=question_of(plain(subject), body),
        type=_intercom_type(each),
        opened=opened,
        minutes=_intercom_minutes(each, opened, replies),
        links=tuple(link for part in replies for link in links_of(_text(part.get("body")))),
    )


def _parts(each: Object) -> Iterator[Object]:
    for name in ("conversation_parts", "ticket_parts"):
        held = each.get(name)
        yield from _objects(held.get(name) if isinstance(held, Mapping) else held)


def _is_reply(part: Object) -> bool:
    author = part.get("author")
    kind = author.get("type") if isinstance(author, Mapping) else ""
    return kind in ("admin", "teammate") and part.get("part_type") in ("comment", "quick_reply")


def _intercom_type(each: Object) -> str:
    kind, tags = each.get("ticket_type"), each.get("tags")
    if isinstance(kind, Mapping) and kind.get("name"):
        return _text(kind.get("name"))
    listed = list(_objects(tags.get("tags") if isinstance(tags, Mapping) else tags))
    return _text(listed[0].get("name")) if listed else ""


def _intercom_minutes(each: Object, opened: datetime | None, replies: list[Object]) -> float | None:
    statistics = each.get("statistics")
    if isinstance(statistics, Mapping):
        if (seconds := _number(statistics.get("time_to_admin_reply"))) is not None:
            return seconds / 60
        at = _moment(statistics.get("first_admin_reply_at"))
        if (found := _between(opened, at)) is not None:
            return found
    moments = [at for part in replies if (at := _moment(part.get("created_at")))]
    return _between(opened, min(moments, default=None))
