"""Conversion of front matter to the types of known keys. Reads no file."""

import math
import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from kb.base.messages import Message
from kb.content.front_matter import FrontMatter, one_line, short
from kb.language.tokens import shorten

ENDINGS = (".md", ".markdown", ".mdx")
TYPES = ("how-to", "problem", "reference", "policy")
MAX_ANSWER = 300
MAX_TITLE = 300
MAX_SLUG = 400


def _wrong(code: str, message: Message, cure: Message) -> PydanticCustomError:
    return PydanticCustomError(code, "{message}", {"message": message, "cure": cure})


def as_text(value: Any) -> str:
    """The value as one line of text, "" for none. Raises PydanticCustomError for a list."""
    if value is None:
        return ""
    if not isinstance(value, str):
        message = (
            Message("is a list, not text")
            if isinstance(value, list)
            else Message("is a group of keys, not text")
        )
        raise _wrong("bad-text", message, Message("write one text on one line, in quotes"))
    return one_line(value)


def as_list(value: Any) -> tuple[str, ...]:
    """The value as texts, each once; one text is a list of one. Raises PydanticCustomError."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise _wrong("bad-list", Message("is a group of keys, not a list"), _ONE_EACH)
    for item in value:
        if isinstance(item, dict) and item:
            key = short(str(next(iter(item))))
            raise _wrong(
                "bad-list",
                Message("holds `{key}: …`, which is no text", key=key),
                Message('quote texts with a colon: `- "{key}: …"`', key=key),
            )
        if isinstance(item, list):
            raise _wrong("bad-list", Message("holds a list"), _ONE_EACH)
        if isinstance(item, dict):
            raise _wrong("bad-list", Message("holds a group of keys"), _ONE_EACH)
    return tuple(
        dict.fromkeys(filter(None, (one_line(item) for item in value if item is not None)))
    )


_ONE_EACH = Message("write one `- text` on each line")
_ISO_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")


def as_date(value: Any) -> date | None:
    """The day of an ISO date or time, None for no text. Raises PydanticCustomError for others."""
    written = as_text(value)
    if not written:
        return None
    found = _ISO_DATE.fullmatch(written)
    try:
        return date.fromisoformat(found[1]) if found else _no_date(written)
    except ValueError:
        return _no_date(written)


def _no_date(written: str) -> date:
    raise _wrong(
        "bad-date",
        Message("is no date: {written}", written=short(written)),
        Message("write year-month-day, such as 2026-08-31"),
    )


YES = {"yes", "true", "on", "y", "1", "да"}
NO = {"no", "false", "off", "n", "0", "нет", ""}


def as_yes_no(value: Any) -> bool:
    """Whether the value says yes. Raises PydanticCustomError where it says neither yes nor no."""
    written = as_text(value).lower()
    if written not in YES | NO:
        raise _wrong(
            "bad-yes-no",
            Message("is neither yes nor no: {written}", written=short(written)),
            Message("write yes or no"),
        )
    return written in YES


def _as_boost(value: Any) -> float:
    written = as_text(value)
    try:
        number = float(written) if written else 1.0
    except ValueError:
        number = 0.0
    if not 0.1 <= number <= 10:  # false for nan, too
        raise _wrong(
            "bad-boost",
            Message("must be from 0.1 to 10, not {written}", written=short(written)),
            Message("write a number such as 2"),
        )
    return number


def _as_order(value: Any) -> float | None:
    written = as_text(value)
    try:
        number = float(written) if written else None
    except ValueError:
        number = math.inf
    if number is not None and not abs(number) < 1e9:  # true for nan, too
        raise _wrong(
            "bad-order",
            Message("is no number: {written}", written=short(written)),
            Message("write a number such as 2"),
        )
    return number


def _as_type(value: Any) -> str:
    written = as_text(value).lower()
    if written and written not in TYPES:
        raise _wrong(
            "bad-type",
            Message("is no type of article: {written}", written=short(written)),
            Message("write one of {types}", types=", ".join(TYPES)),
        )
    return written


def _as_lang(value: Any) -> str:
    written = as_text(value)
    code = re.split("[-_]", written.lower())[0]
    if written and not re.fullmatch("[a-z]{2,3}", code):
        raise _wrong(
            "bad-lang",
            Message("is no language code: {written}", written=short(written)),
            Message("write a code such as ru or en"),
        )
    return code


def _as_slug(value: Any) -> str:
    return slug_of(as_text(value))


def _as_slugs(value: Any) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(filter(None, (slug_of(without_ending(item)) for item in as_list(value))))
    )


class Metadata(BaseModel):
    """The known keys of front matter, converted. An error carries its message and cure."""

    model_config = ConfigDict(extra="ignore")

    title: Annotated[str, BeforeValidator(as_text)] = ""
    lang: Annotated[str, BeforeValidator(_as_lang)] = ""
    slug: Annotated[str, BeforeValidator(_as_slug)] = ""
    answers: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    answer: Annotated[str, BeforeValidator(as_text)] = ""
    category: Annotated[str, BeforeValidator(as_text)] = ""
    tags: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    related: Annotated[tuple[str, ...], BeforeValidator(_as_slugs)] = ()
    aliases: Annotated[tuple[str, ...], BeforeValidator(_as_slugs)] = ()
    type: Annotated[str, BeforeValidator(_as_type)] = ""
    author: Annotated[str, BeforeValidator(as_text)] = ""
    owner: Annotated[str, BeforeValidator(as_text)] = ""
    updated: Annotated[date | None, BeforeValidator(as_date)] = None
    review_by: Annotated[date | None, BeforeValidator(as_date)] = None
    publish: Annotated[date | None, BeforeValidator(as_date)] = None
    expires: Annotated[date | None, BeforeValidator(as_date)] = None
    draft: Annotated[bool, BeforeValidator(as_yes_no)] = False
    unlisted: Annotated[bool, BeforeValidator(as_yes_no)] = False
    boost: Annotated[float, BeforeValidator(_as_boost)] = 1.0
    order: Annotated[float | None, BeforeValidator(_as_order)] = None
    audience: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    translation_of: Annotated[str, BeforeValidator(_as_slug)] = ""


KEYS = tuple(Metadata.model_fields)


def convert(front: FrontMatter) -> tuple[Metadata, list[tuple[int, str, Message, Message]]]:
    """Converts the known keys of front matter to their types.

    Returns the metadata, and warnings as line, code, message and cure. A value of a wrong type is a
    warning and counts as absent; a title or an answer that is too long is cut.
    """
    warnings = list(front.warnings)
    values = {key: value for key, value in front.values.items() if key in Metadata.model_fields}
    try:
        known = Metadata.model_validate(values)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            key = str(one["loc"][0])
            wrong = one["ctx"]
            message = Message(
                "`{key}` {wrong}; it counts as absent", key=key, wrong=wrong["message"]
            )
            warnings.append((front.lines.get(key, 1), one["type"], message, wrong["cure"]))
            values.pop(key, None)
        known = Metadata.model_validate(values)
    for key, length in (("answer", MAX_ANSWER), ("title", MAX_TITLE)):
        written = getattr(known, key)
        if len(written) > length:
            message = Message(
                "`{key}` has {length} characters; it is cut to {most}",
                key=key,
                length=len(written),
                most=length,
            )
            cure = Message("say it shorter")
            warnings.append((front.lines.get(key, 1), f"long-{key}", message, cure))
            setattr(known, key, shorten(written, length))
    return known, warnings


_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029\ud800-\udfff]")


def without_ending(path: str) -> str:
    """The path without its ending `.md`, `.markdown` or `.mdx`, in any case."""
    stem, _, ending = path.rpartition(".")
    return stem if f".{ending.lower()}" in ENDINGS else path


def slug_of(written: str) -> str:
    """The slug in its canonical form: no empty parts, no "/" at either end.

    Raises PydanticCustomError for control characters, parts "." or "..", and more than 400
    characters.
    """
    slug = "/".join(part for part in (p.strip() for p in written.split("/")) if part)
    if _UNSAFE.search(slug) or any(part in (".", "..") for part in slug.split("/")):
        raise _wrong(
            "bad-slug",
            Message("is no address: {written}", written=short(written)),
            Message("write words joined by - and /, without . and .."),
        )
    if len(slug) > MAX_SLUG:
        raise _wrong(
            "bad-slug",
            Message("has {length} characters; {most} are allowed", length=len(slug), most=MAX_SLUG),
            Message("shorten it"),
        )
    return slug
