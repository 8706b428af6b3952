"""One file of text to an Article, or to Problems that say what is wrong and what to do. Renders nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A writer's mistake, as a value.

    `path` is relative to the articles folder, `line` counts from 1 (1 where the whole file is meant),
    `code` is a stable name such as `bad-yaml`, `message` says what is wrong, `cure` what to do about it.
    `level` is `error` (the article is rejected, or a check failed), `warning` or `hint`.
    """

    path: str
    line: int
    code: str
    message: str
    cure: str = ""
    level: str = "error"


@dataclass(frozen=True, slots=True)
class Article:
    """What a file says, complete and of the right types; texts are NFC and hold no NUL."""

    path: str  # relative to the articles folder, with "/"
    slug: str
    title: str
    lang: str
    body: str  # Markdown without front matter; line 1 of it is line `body_line` of the file
    body_line: int = 1
    category: str = ""
    tags: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    answer: str = ""
    type: str = ""
    author: str = ""
    owner: str = ""
    updated: date | None = None
    review_by: date | None = None
    publish: date | None = None
    expires: date | None = None
    related: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    draft: bool = False
    unlisted: bool = False
    boost: float = 1.0
    translation_of: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)  # unknown keys, as plain JSON values
