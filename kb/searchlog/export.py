"""Exports the questions of customers as a `misses.jsonl` that may stand in git, and reads it.

A question and each of its words leave the log for git only where `KB_MIN_ASKERS` askers used them;
an asker is a network on one day (`searchlog.askers`). Lines are sorted and hold no time, so that
two exports differ only where the questions do.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from kb.base import errors, wrong_values
from kb.base.errors import KBError
from kb.base.messages import Message
from kb.language import query_words, tokens
from kb.language.query import MOST_CHARACTERS
from kb.language.redaction import redact

if TYPE_CHECKING:
    from kb.searchlog.db.log import SearchLog
    from kb.searchlog.db.models import MissGroup

FOUND = "found"  # status of a question that customers found an answer to by themselves
CLAIMED = 10  # most wordings of a question that a new article is given as `answers`
_SETTLED = ("waiting", "answered", "dismissed", FOUND)


class CannotRead(KBError):
    """A file of questions cannot be read."""


class SharedQuestion(BaseModel):
    """A question of customers: that of a miss group, or with `id` 0 one that was answered."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: Annotated[int, Field(ge=0)] = 0
    lang: Annotated[str, Field(max_length=16)] = ""
    question: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
    status: Annotated[str, Field(max_length=16)] = "open"
    askers: Annotated[int, Field(ge=0, validation_alias=AliasChoices("askers", "visits"))] = 0
    """Files of older versions count visits."""

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered it yet."""
        return self.status not in _SETTLED


def is_shareable(
    words: str, askers: Mapping[str, int], is_written: Callable[[str], bool], *, least: int
) -> bool:
    """Whether words may stand in git: each is written in an article, or `least` askers used it.

    `askers` are those of each dictionary form.
    """
    plain = tokens.plain_words(words)
    return bool(plain) and all(
        is_written(word) or askers.get(query_words.key(word), 0) >= least for word in plain
    )


def for_git(log: "SearchLog", langs: Sequence[str], *, least: int) -> list[SharedQuestion]:
    """The questions of `least` askers or more: groups by id, then answered ones by language.

    Raises LogUnavailable.
    """
    groups = (
        SharedQuestion(
            id=group.id,
            lang=group.lang,
            question=redact(group.question),
            status=group.status,
            askers=askers,
        )
        for group, askers in log.shared.shareable(least)
    )
    return _distinct([*groups, *_answered(log, langs, least)])


def of_log(log: "SearchLog", langs: Sequence[str], *, least: int) -> list[SharedQuestion]:
    """The questions that leads may see: all groups that are not dismissed, whoever asked them, and
    the answered questions of `least` askers or more. Raises LogUnavailable.
    """
    askers = log.shared.askers_by_group()
    groups = (
        SharedQuestion(
            id=group.id,
            lang=group.lang,
            question=group.question,
            status=group.status,
            askers=askers.get(group.id, 0),
        )
        for group in _groups(log)
    )
    return _distinct([*groups, *_answered(log, langs, least)])


def _groups(log: "SearchLog") -> Iterator["MissGroup"]:
    last = 0
    while page := log.groups.to_replay(last):
        yield from page
        last = page[-1].id


def _answered(log: "SearchLog", langs: Sequence[str], least: int) -> list[SharedQuestion]:
    """The most asked questions that led to an opened article or a vote, of `least` askers."""
    return sorted(
        (
            SharedQuestion(
                lang=lang, question=redact(query.name), status=FOUND, askers=query.askers
            )
            for lang in langs
            for query in log.shared.successful_queries(lang, least=least)
        ),
        key=lambda question: (question.lang, question.question),
    )


def _distinct(questions: Iterable[SharedQuestion]) -> list[SharedQuestion]:
    """The questions without those that repeat an earlier one."""
    first: dict[tuple[str, str], SharedQuestion] = {}
    for question in questions:
        first.setdefault((question.lang, " ".join(question.question.casefold().split())), question)
    return list(first.values())


def line(question: SharedQuestion) -> str:
    """A question as a line of the file, without the line break."""
    return json.dumps(question.model_dump(), ensure_ascii=False)


def read(path: Path) -> list[SharedQuestion]:
    """The questions of a file. Raises CannotRead with the number of the line that is wrong."""
    return list(_lines(path))


def _lines(path: Path) -> Iterator[SharedQuestion]:
    cure = Message("write it afresh with `kb log export --for-git`")
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, written in enumerate(file, 1):
                if not written.strip():
                    continue
                try:
                    yield SharedQuestion.model_validate_json(written)
                except ValidationError as error:
                    first = error.errors(include_url=False)[0]
                    where = ": ".join((f"{path}:{number}", *map(str, first["loc"])))
                    wrong = wrong_values.told(first, hides_value=True)  # somebody's question
                    raise CannotRead(_told(where, wrong, cure)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRead(_told(str(path), errors.reason(error), cure)) from None


def _told(where: str, wrong: Message, cure: Message) -> Message:
    return Message("{where}: {wrong}; {cure}", where=where, wrong=wrong, cure=cure)
