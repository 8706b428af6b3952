"""What customers asked, as the lines of a `misses.jsonl` that may stand in git. Judges no answer.

Nothing asked by fewer than three visits leaves the log for git (LEADS.md §11): neither a question
nor a word of one. Lines are sorted and hold no time, so that two exports differ where customers do.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kb import text
from kb.errors import KBError
from kb.query import MOST_CHARACTERS
from kb.redaction import redact

if TYPE_CHECKING:
    from kb.searchlog import MissGroup, SearchLog

FOUND = "found"  # status of a question that customers found an answer to by themselves
SHARED = 3  # visits
CLAIMED = 10  # wordings of a question that a new article claims to answer
_SETTLED = ("answered", "dismissed", FOUND)


class CannotRead(KBError):
    """A file of questions that cannot be used as it stands."""


class Question(BaseModel):
    """A question of customers: of a group, or with `id` 0 one they found answers to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[int, Field(ge=0)] = 0
    lang: Annotated[str, Field(max_length=16)] = ""
    question: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
    status: Annotated[str, Field(max_length=16)] = "open"
    visits: Annotated[int, Field(ge=0)] = 0

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered it yet."""
        return self.status not in _SETTLED


def claimable(wordings: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Of a question's wordings, with the visits that used them, those an article may claim in git.

    The first ten that three visits used; fewer than three keep their words in the log.
    """
    return tuple(words for words, visits in wordings if visits >= SHARED)[:CLAIMED]


def is_shareable(words: str, visits: Mapping[str, int], is_written: Callable[[str], bool]) -> bool:
    """Whether words may stand in git: each is written in an article, or three visits used it.

    `visits` are those of each dictionary form.
    """
    told = text.plain_words(words)
    return bool(told) and all(
        is_written(word) or visits.get(text.key(word), 0) >= SHARED for word in told
    )


def for_git(log: "SearchLog", langs: Sequence[str]) -> list[Question]:
    """What may leave the log: groups by id, then what was found, by language and words."""
    groups = (
        Question(
            id=group.id,
            lang=group.lang,
            question=redact(group.question),
            status=group.status,
            visits=group.visits,
        )
        for group in log.shareable(SHARED)
    )
    return _once([*groups, *_found(log, langs)])


def of_log(log: "SearchLog", langs: Sequence[str]) -> list[Question]:
    """All that the log knows: every group that is not dismissed, and what was found."""
    groups = (
        Question(
            id=group.id,
            lang=group.lang,
            question=group.question,
            status=group.status,
            visits=group.visits,
        )
        for group in _groups(log)
    )
    return _once([*groups, *_found(log, langs)])


def _groups(log: "SearchLog") -> Iterator["MissGroup"]:
    last = 0
    while page := log.groups_to_replay(last):
        yield from page
        last = page[-1].id


def _found(log: "SearchLog", langs: Sequence[str]) -> list[Question]:
    """The most asked questions that were opened or called answered; by three visits at least."""
    return sorted(
        (
            Question(lang=lang, question=redact(query.name), status=FOUND, visits=query.visits)
            for lang in langs
            for query in log.successful_queries(lang)
        ),
        key=lambda question: (question.lang, question.question),
    )


def _once(questions: Iterable[Question]) -> list[Question]:
    """The first of those that read the same."""
    first: dict[tuple[str, str], Question] = {}
    for question in questions:
        first.setdefault((question.lang, " ".join(question.question.casefold().split())), question)
    return list(first.values())


def line(question: Question) -> str:
    """A question as a line of the file, without its end."""
    return json.dumps(question.model_dump(), ensure_ascii=False)


def read(path: Path) -> list[Question]:
    """The questions of a file. Raises CannotRead with the line of a mistake."""
    return list(_lines(path))


def _lines(path: Path) -> Iterator[Question]:
    cure = "write it afresh with `kb log export --for-git`"
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, written in enumerate(file, 1):
                if not written.strip():
                    continue
                try:
                    yield Question.model_validate_json(written)
                except ValidationError as error:
                    first = error.errors(include_url=False, include_input=False)[0]
                    where = ".".join(map(str, first["loc"]))
                    told = f"{where}: {first['msg']}" if where else first["msg"]
                    raise CannotRead(f"{path}:{number}: {told}; {cure}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRead(f"{path}: {error}; {cure}") from None
