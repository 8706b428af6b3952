"""Which column of a table holds what, guessed from its name and its values; and the tickets.

An option names a column by its header or by its number from 1; `-` says that there is none.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Final

from kb.base.messages import Message, quoted
from kb.tickets import times
from kb.tickets.models import CannotRead, Ticket, links_of, question_of
from kb.tickets.tables import Table

_SAMPLE: Final = 200
NONE: Final = "-"
# Names of headers, the surest first; `*` stands for further words.
_NAMES: Final = {
    "text": (
        "text", "description", "body", "message", "question", "content", "request", "comment",
        "текст", "описание", "сообщение", "вопрос", "обращение", "запрос", "содержание",
        "комментарий",
        "first message*", "customer message*", "conversation*", "ticket description*",
        "текст*", "описание*", "*message", "*description", "*body",
    ),
    "subject": (
        "subject", "title", "summary", "topic", "тема", "заголовок", "тема *", "название",
        "ticket subject", "*subject",
    ),
    "type": (
        "type", "ticket type", "category", "request type", "issue type", "reason", "label",
        "intent",
        "тип", "тип *", "категория", "категория *", "причина", "причина *", "тематика", "раздел",
        "group", "tags", "группа", "теги", "*category", "*type",
    ),
    "opened": (
        "created", "created at", "created*", "opened", "opened*", "date", "received*", "submitted*",
        "создано", "создан", "дата создания", "создан*", "дата обращения", "дата", "получено",
        "открыт*",
        "requested*", "*created*", "ticket created*",
    ),
    "replied": (
        "replied", "replied at", "first reply*", "first response*", "first replied*", "reply time*",
        "reply at", "replied*",
        "response time*", "responded*", "время первого ответа*", "первый ответ*", "дата ответа",
        "время ответа*", "отвечено", "ответ дан", "ответили*", "*first reply*", "*first response*",
    ),
    "answer": (
        "answer", "reply text", "agent reply", "response", "solution", "resolution",
        "agent comments",
        "ответ", "текст ответа", "решение", "комментарий оператора", "last reply*", "agent*",
    ),
}  # fmt: skip
FIELDS: Final = tuple(_NAMES)


@dataclass(frozen=True, slots=True)
class Columns:
    """The number of each column, from 0; None where there is none."""

    text: int | None
    subject: int | None = None
    type: int | None = None
    opened: int | None = None
    replied: int | None = None
    answer: int | None = None


def columns(table: Table, named: Mapping[str, str | None]) -> Columns:
    """The columns of a table; `named` goes before what is guessed.

    Raises CannotRead where a name is none, or no column holds text.
    """
    sample = list(islice(table.rows(), _SAMPLE))
    found: dict[str, int | None] = {}
    for field, name in named.items():
        if name is not None:
            found[field] = None if name == NONE else _number(table, name)
    for field in FIELDS:
        if field not in found:
            found[field] = _guess(table.header, _NAMES[field], {*found.values()})
    if found["text"] is None and "text" not in {f for f, n in named.items() if n}:
        found["text"] = _longest(sample, {*found.values()} - {None})
    if found["text"] is None and found["subject"] is None:
        raise CannotRead(
            Message(
                "{path}: no column of text; name it with --text: {names}",
                path=str(table.path),
                names=", ".join(table.header[:20]),
            )
        )
    return Columns(**found)


def _number(table: Table, name: str) -> int:
    known = [header.casefold() for header in table.header]
    if name.casefold() in known:
        return known.index(name.casefold())
    if name.isascii() and name.isdigit() and 0 < int(name) <= len(known):
        return int(name) - 1
    near = get_close_matches(name, table.header, 1)
    if near:
        meant = Message("did you mean {near}?", near=quoted(near[0]))
    else:
        meant = Message("it has {names}", names=", ".join(table.header[:20]))
    raise CannotRead(
        Message(
            "{path}: no column {name}; {meant}",
            path=str(table.path),
            name=quoted(name),
            meant=meant,
        )
    )


def _guess(header: Sequence[str], names: Iterable[str], taken: set[int | None]) -> int | None:
    folded = [" ".join(re.split(r"[\W_]+", name.casefold())).strip() for name in header]
    for pattern in names:
        written = re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\ ", " "))
        for at, name in enumerate(folded):
            if at not in taken and written.fullmatch(name):
                return at
    return None


def _longest(sample: Sequence[Sequence[str]], taken: set[int | None]) -> int | None:
    """The column with the longest texts: words with spaces between them."""
    if not sample:
        return None
    lengths = {
        at: sum(len(row[at]) for row in sample if " " in row[at].strip())
        for at in range(len(sample[0]))
        if at not in taken
    }
    best = max(lengths, key=lambda at: lengths[at], default=None)
    return best if best is not None and lengths[best] else None


def tickets(table: Table, columns: Columns) -> Iterator[Ticket]:
    """The tickets of a table, in its order; one that asks nothing has an empty question."""
    sample = list(islice(table.rows(), _SAMPLE))

    def values(at: int | None) -> list[str]:
        return [] if at is None else [row[at] for row in sample]

    opened, replied = times.reader(values(columns.opened)), times.reader(values(columns.replied))
    is_duration = times.is_duration(values(columns.replied))
    header = "" if columns.replied is None else table.header[columns.replied]
    for row in table.rows():
        begun = opened(row[columns.opened]) if columns.opened is not None else None
        took = None
        if columns.replied is not None:
            cell = row[columns.replied]
            if is_duration:
                took = times.minutes(cell, header)
            elif begun and (end := replied(cell)):
                took = (end - begun).total_seconds() / 60
        yield Ticket(
            question=question_of(_cell(row, columns.subject), _cell(row, columns.text)),
            type=" ".join(_cell(row, columns.type).split())[:100],
            opened=begun,
            minutes=took if took is not None and took >= 0 else None,
            links=links_of(_cell(row, columns.answer)),
        )


def _cell(row: Sequence[str], at: int | None) -> str:
    return "" if at is None else row[at]
