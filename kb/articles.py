"""One file of text to an Article, or to Problems that say what to do about it. Renders nothing."""

import datetime as dt
import errno
import html
import os
import re
import stat
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from kb import text
from kb.errors import ArticlesMissing
from kb.history import Change

VERSION = "1"  # of what `parse` makes of the same bytes; a new one makes every digest new
ENDINGS = (".md", ".markdown")
TYPES = ("how-to", "problem", "reference", "policy")
MAX_BYTES = 2 * 2**20
MAX_ANSWER = 300
MAX_TITLE = 300
MAX_SLUG = 400
MAX_FRONT_MATTER = 256 * 1024
_MAX_DEPTH = 12
_MAX_NODES = 20_000


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A writer's mistake, as a value.

    `path` is relative to the articles folder, `line` counts from 1 (1 where the whole file is
    meant), `code` is a stable name such as `bad-yaml`, `message` says what is wrong, `cure` what to
    do about it.
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
    lines: Mapping[str, int] = field(
        default_factory=dict
    )  # line of each front-matter key in the file

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; dates as ISO text. `from_json` gives an equal article back."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Article":
        """The article `to_json` was asked of. Raises TypeError or ValueError for anything else."""
        known = dict(values)
        for name in _DATES:
            if known.get(name) is not None:
                known[name] = date.fromisoformat(known[name])
        for name in _LISTS:
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


_DATES = ("updated", "review_by", "publish", "expires")
_LISTS = ("tags", "answers", "related", "aliases")


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a file may leave unsaid: settings, and what git knows of this file."""

    lang: str = "ru"
    langs: tuple[str, ...] = ("ru", "en")
    max_bytes: int = MAX_BYTES
    author: str = ""
    updated: date | None = None

    def of(self, change: Change | None) -> "Defaults":
        """The defaults for a file with this last change."""
        return replace(self, author=change.author, updated=change.updated) if change else self


@dataclass(frozen=True, slots=True)
class Parsed:
    """What came of one file: an article, perhaps with warnings; or none, and at least one error."""

    article: Article | None
    problems: tuple[Problem, ...] = ()


# --- one file -----------------------------------------------------------------------------------


class _Wrong(Exception):
    """The file is no article; says why."""

    def __init__(self, line: int, code: str, message: str, cure: str) -> None:
        super().__init__(message)
        self.line, self.code, self.message, self.cure = line, code, message, cure


def parse(path: str, data: bytes, defaults: Defaults | None = None) -> Parsed:
    """The article in `data`, found at `path` below the articles folder. Any bytes are a Parsed."""
    defaults = defaults or Defaults()
    try:
        lines = _decode(data, defaults.max_bytes).split("\n")
        front = _front_matter(lines)
        own_slug = _slug_of_path(path)
    except _Wrong as wrong:
        return Parsed(None, (Problem(path, wrong.line, wrong.code, wrong.message, wrong.cure),))
    known, warnings = _typed(front)
    body, heading = _body(lines, front.body_line, wants_title=not known.title)
    notes = [Problem(path, *warning, level="warning") for warning in warnings]
    if not known.title and not heading:
        notes.append(_no_title(path))
    lang = known.lang or _language(path, heading, body, defaults)
    return Parsed(
        Article(
            path=path,
            slug=known.slug or own_slug,
            title=known.title or heading or _title_of(own_slug),
            lang=lang,
            body=body,
            body_line=front.body_line,
            category=known.category or _category(path, defaults.langs),
            tags=known.tags,
            answers=known.answers,
            answer=known.answer,
            type=known.type,
            author=known.author or defaults.author,
            owner=known.owner,
            updated=known.updated or defaults.updated,
            review_by=known.review_by,
            publish=known.publish,
            expires=known.expires,
            related=known.related,
            aliases=known.aliases,
            draft=known.draft,
            unlisted=known.unlisted,
            boost=known.boost,
            translation_of=known.translation_of,
            extra={k: v for k, v in front.values.items() if k not in _Known.model_fields},
            lines=front.lines,
        ),
        tuple(sorted(notes)),
    )


def _no_title(path: str) -> Problem:
    return Problem(
        path,
        1,
        "no-title",
        "the article has no title; its file name is shown instead",
        "write `title: …` in the front matter, or a first line `# …`",
        "hint",
    )


_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def _decode(data: bytes, max_bytes: int) -> str:
    """The text with `\\n` line ends, composed, without byte-order mark and control characters."""
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    if data.startswith(_UTF16):
        raise _Wrong(
            1,
            "utf16",
            "the file is UTF-16, not UTF-8",
            "save it as UTF-8 (in Notepad: Save as, Encoding)",
        )
    if (at := data.find(b"\0")) >= 0:
        raise _Wrong(
            _line_of(data, at),
            "nul",
            "the file holds a NUL byte: it is no text, or it is UTF-16",
            "save it as UTF-8 text",
        )
    try:
        found = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        looks, name = _other_encoding(data)
        raise _Wrong(
            _line_of(data, start),
            "not-utf8",
            f"byte 0x{data[start]:02x} is not UTF-8{looks}",
            f"save the file as UTF-8: `iconv -f {name} -t UTF-8 FILE`",
        ) from None
    if "\r" in found:
        found = found.replace("\r\n", "\n").replace("\r", "\n")
    found = _CONTROLS.sub("", found)
    return found if found.isascii() else unicodedata.normalize("NFC", found)


def _too_large(size: int, max_bytes: int) -> _Wrong:
    return _Wrong(
        1,
        "too-large",
        f"the file has {size:,} bytes; {max_bytes:,} are allowed",
        "split the article, or raise KB_MAX_ARTICLE_BYTES",
    )


def _line_of(data: bytes, at: int) -> int:
    before = data[:at].replace(b"\r\n", b"\n")
    return 1 + before.count(b"\n") + before.count(b"\r")


def _other_encoding(data: bytes) -> tuple[str, str]:
    """A guess at what the file is instead: Russian text of old Windows is the usual case."""
    guess = data[:4096].decode("cp1251", "replace")
    cyrillic = sum("а" <= char <= "я" for char in guess.lower())
    if cyrillic * 3 > len(guess):
        return "; it looks like Windows-1251", "WINDOWS-1251"
    return "", "LATIN1"


# --- front matter: from lines to text values ----------------------------------------------------

_Plain = str | list[Any] | dict[str, Any] | None  # text, and lists and mappings of it


@dataclass(slots=True)
class _Front:
    """Front matter as it is written: text values, the line of each key, where the body begins."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    body_line: int = 1
    warnings: list[tuple[int, str, str, str]] = field(default_factory=list)


_OPENING = re.compile(r"---[ \t]*([A-Za-z]*)[ \t]*")
_CLOSING = re.compile(r"(?:---|\.\.\.)\s*")
_KEY_LINE = re.compile(r"""\s*(?:[\w.-]+|"[^"]*"|'[^']*')\s*:(?:\s|$)""")
_CONFLICT = re.compile(r"(?:<{7}|>{7}) |={7}$")
_BLOCK_FORMATS = {"": "yaml", "yaml": "yaml", "yml": "yaml", "toml": "toml"}


def _front_matter(lines: list[str]) -> _Front:
    """Reads the block at the head of the file, if there is one."""
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    opening = lines[first].rstrip()
    if opening == "+++":
        return _block(lines, first, "+++", "toml")
    found = _OPENING.fullmatch(opening)
    if not found:
        return _Front()
    language = found[1].lower()
    end = next((i for i in range(first + 1, len(lines)) if _CLOSING.fullmatch(lines[i])), None)
    if first and (end is None or not any(_KEY_LINE.match(line) for line in lines[first + 1 : end])):
        return _Front()  # below an empty line, `---` draws a rule
    if language not in _BLOCK_FORMATS:
        if end is None:
            return _Front()  # ordinary text that happens to begin so
        raise _Wrong(
            first + 1,
            "front-matter-language",
            f"the front matter is marked as {found[1]}; only YAML and TOML are read",
            "write it as YAML between two lines `---`",
        )
    return _block(lines, first, "---", _BLOCK_FORMATS[language])


def _block(lines: list[str], first: int, marker: str, language: str) -> _Front:
    is_end = _CLOSING.fullmatch if marker == "---" else re.compile(r"\+\+\+\s*").fullmatch
    end = next((i for i in range(first + 1, len(lines)) if is_end(lines[i])), None)
    if end is None:
        raise _Wrong(
            first + 1,
            "front-matter-open",
            f"the front matter begins with `{marker}` but never ends",
            f"put a line `{marker}` after its last key"
            + (
                ", or an empty line before the first if a rule was meant" if marker == "---" else ""
            ),
        )
    block = "\n".join(lines[first + 1 : end])
    if len(block) > MAX_FRONT_MATTER:
        raise _Wrong(
            first + 1,
            "front-matter-too-large",
            f"the front matter has {len(block):,} characters; {MAX_FRONT_MATTER:,} are allowed",
            "move text below the closing line; check that line is where you want it",
        )
    for number in range(first + 1, end):
        if _CONFLICT.match(lines[number]):
            raise _Wrong(
                number + 1,
                "merge-conflict",
                "the front matter holds an unfinished merge of git",
                "keep one of the two versions, remove the lines `<<<<<<<`, `=======`, `>>>>>>>`",
            )
    read = _yaml if language == "yaml" else _toml
    front = read(block, first + 2)
    front.body_line = end + 2
    return front


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_YAML_BREAKS = re.compile("[\x85\u2028\u2029]")  # line ends for YAML, not for an editor


def _yaml(block: str, line: int) -> _Front:
    """Text, lists and mappings from YAML's events: no tags, no aliases, no types, no recursion."""
    front = _Front()
    try:
        _compose(_Events(_YAML_BREAKS.sub(" ", block)), block.split("\n"), line, front)
    except yaml.YAMLError as error:
        raise _yaml_mistake(error, block.split("\n"), line) from None
    except (RecursionError, ValueError, OverflowError, MemoryError) as error:
        raise _Wrong(
            line,
            "bad-yaml",
            f"the front matter cannot be read: {error}",
            "write plain `key: value` lines",
        ) from None
    return front


class _Events:
    """YAML's events in order, one ahead."""

    def __init__(self, block: str) -> None:
        self._events = iter(yaml.parse(block, Loader=_LOADER))
        self.count = 0

    def next(self) -> Any:
        self.count += 1
        return next(self._events, None)


def _compose(events: _Events, block: list[str], line: int, front: _Front) -> None:
    """Builds the values with a stack of open collections: depth is data here, not recursion."""
    open_: list[tuple[Any, list[Any]]] = []  # collection, and the key waiting for its value
    documents = 0
    while (event := events.next()) is not None:
        at = line + event.start_mark.line if event.start_mark else line
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _Wrong(
                    at, "bad-yaml", "a second document begins here", "write one block of keys"
                )
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            open_.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        _refuse(event, at, block, line)
        if events.count > _MAX_NODES or len(open_) > _MAX_DEPTH:
            raise _Wrong(
                at,
                "front-matter-too-deep",
                "the front matter is nested too deeply or has too many values",
                "write plain `key: value` lines; move data out of the article",
            )
        value = _value(event)
        if not open_:
            if value is None:
                continue  # an empty block, or one of comments
            if not isinstance(value, dict):
                raise _Wrong(
                    at,
                    "front-matter-not-keys",
                    "the front matter is "
                    + ("a list" if isinstance(value, list) else "plain text"),
                    "write `key: value` lines"
                    " (if a rule was meant, put an empty line before the first `---`)",
                )
            open_.append((value, []))
            front.values = value
            continue
        holder, waiting = open_[-1]
        if isinstance(holder, dict) and not waiting and not isinstance(event, yaml.ScalarEvent):
            cure = "quote the whole value: braces and brackets mean something to YAML"
            raise _Wrong(
                at,
                "bad-yaml",
                "a key must be text; this one is in brackets",
                _quote_cure(block, at - line, cure),
            )
        _put(open_, value, event, at, front)
        if isinstance(value, (dict, list)):
            open_.append((value, []))


def _put(
    open_: list[tuple[Any, list[Any]]], value: _Plain, event: Any, at: int, front: _Front
) -> None:
    holder, waiting = open_[-1]
    if isinstance(holder, list):
        holder.append(value)
    elif waiting:
        holder[waiting.pop()] = value
    else:
        key = _one_line(event.value)
        waiting.append(key)
        if len(open_) > 1:
            return
        if key in front.lines:
            first = front.lines[key]
            message = f"`{_short(key)}` was given on line {first} already; this line counts"
            front.warnings.append((at, "duplicate-key", message, "keep one of them"))
        front.lines[key] = at


def _value(event: Any) -> _Plain:
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    is_plain = not event.style
    if is_plain and event.value in ("", "~", "null", "Null", "NULL"):
        return None
    return _CONTROLS.sub("", event.value)


def _refuse(event: Any, at: int, block: list[str], line: int) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
        raise _Wrong(
            at,
            "yaml-alias",
            f"a value begins with `{sign}`: YAML takes that for a reference, and none are read",
            _quote_cure(block, at - line, "quote the value"),
        )
    if event.tag not in (None, "!"):
        raise _Wrong(
            at,
            "yaml-tag",
            f"a value begins with `!`: YAML takes {_short(event.tag)} for a type; none are read",
            _quote_cure(block, at - line, "quote the value, or write it without the `!…`"),
        )


_PAIR = re.compile(r"(\s*(?:- +)?)([^\s#:][^:#]*):[ \t]+(.+?)\s*")


def _yaml_mistake(error: yaml.YAMLError, block: list[str], line: int) -> _Wrong:
    """The usual mistakes in the writer's words; the rest in YAML's own."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if re.search("quoted|flow", getattr(error, "context", None) or ""):
        mark = error.context_mark or mark  # type: ignore[attr-defined]
    at = min(mark.line, len(block) - 1) if mark else 0
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    written = block[at] if block else ""
    pair = _PAIR.fullmatch(written)
    value = pair[3] if pair else ""
    cure = _quote_cure(
        block, at, "quote texts that hold signs such as : # [ ] { } * & ! % @ ` or quotes"
    )
    if "\t" in written[: len(written) - len(written.lstrip())]:
        message, cure = "a tab stands at the start of the line", "indent with spaces"
    elif pair and re.search(r":(\s|$)", value) and value[0] not in "\"'":
        message = (
            f"the value of `{_short(pair[2])}` holds a colon, which YAML takes for another key"
        )
    elif value[:1] in ("[", "{", "@", "`", "%", "*", "&", "!", "|", ">"):
        message = f"the value of `{_short(pair[2] if pair else '')}` begins with `{value[0]}`"
    elif value[:1] in ("'", '"'):
        message = f"the quotes around the value of `{_short(pair[2] if pair else '')}` do not match"
    else:
        message = f"the front matter is not YAML: {' '.join(str(reason).split())[:120]}"
        cure = "check this line and the one above it: `key: value`, indented by spaces"
    return _Wrong(line + at, "bad-yaml", message, cure)


def _quote_cure(block: list[str], at: int, otherwise: str) -> str:
    """The line as it should be written, if it is one key and one value."""
    pair = _PAIR.fullmatch(block[at]) if 0 <= at < len(block) else None
    if not pair or len(pair[3]) > 200:
        return otherwise
    value = pair[3]
    if value[0] in "\"'":
        value = value.replace(value[0], "").strip()
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'quote it: `{pair[1].strip()}{" " if pair[1].strip() else ""}{pair[2]}: "{quoted}"`'


_MAX_TOML = 32 * 1024
_DOTTED = re.compile(r"(?<![\w-])(?:[\w-]++\s*+\.\s*+){20}")
_TOML_LINE = re.compile(r"at line (\d+)")
_TOML_KEY = re.compile(r"""\s*\[*\s*["']?([\w-]+)["']?\s*[.=\]]""")


def _toml(block: str, line: int) -> _Front:
    front = _Front()
    lines = block.split("\n")
    # 50,000 dotted keys keep tomllib busy for more than a minute.
    if len(block) > _MAX_TOML or _DOTTED.search(block):
        raise _Wrong(
            line,
            "front-matter-too-deep",
            "the front matter is too long for TOML, or its keys have too many dots",
            'write plain `key = "value"` lines; move data out of the article',
        )
    try:
        values = tomllib.loads(block)
        front.values = {_one_line(k): _text_of(v) for k, v in values.items()}
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        at = min(int(found[1]), len(lines)) if found else len(lines)
        raise _Wrong(
            line + at - 1,
            "bad-toml",
            f"the front matter is not TOML: {str(error).partition(' (at')[0]}",
            'write `key = "value"`, or YAML between two lines `---`',
        ) from None
    except (RecursionError, ValueError, OverflowError) as error:
        raise _Wrong(
            line,
            "bad-toml",
            f"the front matter cannot be read: {error}",
            'write plain `key = "value"` lines',
        ) from None
    for number, written in enumerate(lines):
        found = _TOML_KEY.match(written)
        if found and found[1] in front.values:
            front.lines.setdefault(found[1], line + number)
    return front


def _text_of(value: Any, depth: int = 0) -> _Plain:
    """TOML's own types back to text: both kinds of front matter are converted by one rule."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {_one_line(k): _text_of(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_text_of(v, depth + 1) for v in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    return _CONTROLS.sub("", str(value))


# --- front matter: from text values to types ----------------------------------------------------


def _one_line(value: str) -> str:
    return " ".join(unicodedata.normalize("NFC", _CONTROLS.sub("", value)).split())


def _short(value: str, length: int = 60) -> str:
    return value if len(value) <= length else value[: length - 1] + "…"


def shorten(value: str, length: int) -> str:
    """The text cut at a word to at most `length` characters, `…` included."""
    if len(value) <= length:
        return value
    cut = value[: length - 1]
    return (cut[: cut.rfind(" ")] if cut.rfind(" ") > length // 2 else cut).rstrip(" ,.;:–—-") + "…"


def _wrong(code: str, message: str, cure: str) -> PydanticCustomError:
    return PydanticCustomError(code, "{message}", {"message": message, "cure": cure})


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a group of keys"


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(
            "bad-text", f"is {_kind(value)}, not text", "write one text on one line, in quotes"
        )
    return _one_line(value)


def _as_list(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise _wrong(
            "bad-list", f"is {_kind(value)}, not a list", "write one `- text` on each line"
        )
    for item in value:
        if isinstance(item, dict) and item:
            key = _short(str(next(iter(item))))
            raise _wrong(
                "bad-list",
                f"holds `{key}: …`, which is no text",
                f'quote texts with a colon: `- "{key}: …"`',
            )
        if isinstance(item, (dict, list)):
            raise _wrong("bad-list", f"holds {_kind(item)}", "write one `- text` on each line")
    return tuple(
        dict.fromkeys(filter(None, (_one_line(item) for item in value if item is not None)))
    )


_ISO_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")


def _as_date(value: Any) -> date | None:
    written = _as_text(value)
    if not written:
        return None
    found = _ISO_DATE.fullmatch(written)
    try:
        return date.fromisoformat(found[1]) if found else _no_date(written)
    except ValueError:
        return _no_date(written)


def _no_date(written: str) -> date:
    raise _wrong(
        "bad-date", f"is no date: {_short(written)}", "write year-month-day, such as 2026-08-31"
    )


_YES = {"yes", "true", "on", "y", "1", "да"}
_NO = {"no", "false", "off", "n", "0", "нет", ""}


def _as_yes_no(value: Any) -> bool:
    written = _as_text(value).lower()
    if written not in _YES | _NO:
        raise _wrong("bad-yes-no", f"is neither yes nor no: {_short(written)}", "write yes or no")
    return written in _YES


def _as_boost(value: Any) -> float:
    written = _as_text(value)
    try:
        number = float(written) if written else 1.0
    except ValueError:
        number = 0.0
    if not 0.1 <= number <= 10:  # false for nan, too
        raise _wrong(
            "bad-boost",
            f"must be from 0.1 to 10, not {_short(written)}",
            "write a number such as 2",
        )
    return number


def _as_type(value: Any) -> str:
    written = _as_text(value).lower()
    if written and written not in TYPES:
        raise _wrong(
            "bad-type",
            f"is no type of article: {_short(written)}",
            f"write one of {', '.join(TYPES)}",
        )
    return written


def _as_lang(value: Any) -> str:
    written = _as_text(value)
    code = re.split("[-_]", written.lower())[0]
    if written and not re.fullmatch("[a-z]{2,3}", code):
        raise _wrong(
            "bad-lang", f"is no language code: {_short(written)}", "write a code such as ru or en"
        )
    return code


def _as_slug(value: Any) -> str:
    return _slug(_as_text(value))


def _as_slugs(value: Any) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(filter(None, (_slug(_without_ending(item)) for item in _as_list(value))))
    )


class _Known(BaseModel):
    """The keys we know, converted; an error tells the key, what is wrong, and the cure."""

    model_config = ConfigDict(extra="ignore")

    title: Annotated[str, BeforeValidator(_as_text)] = ""
    lang: Annotated[str, BeforeValidator(_as_lang)] = ""
    slug: Annotated[str, BeforeValidator(_as_slug)] = ""
    answers: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    answer: Annotated[str, BeforeValidator(_as_text)] = ""
    category: Annotated[str, BeforeValidator(_as_text)] = ""
    tags: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    related: Annotated[tuple[str, ...], BeforeValidator(_as_slugs)] = ()
    aliases: Annotated[tuple[str, ...], BeforeValidator(_as_slugs)] = ()
    type: Annotated[str, BeforeValidator(_as_type)] = ""
    author: Annotated[str, BeforeValidator(_as_text)] = ""
    owner: Annotated[str, BeforeValidator(_as_text)] = ""
    updated: Annotated[date | None, BeforeValidator(_as_date)] = None
    review_by: Annotated[date | None, BeforeValidator(_as_date)] = None
    publish: Annotated[date | None, BeforeValidator(_as_date)] = None
    expires: Annotated[date | None, BeforeValidator(_as_date)] = None
    draft: Annotated[bool, BeforeValidator(_as_yes_no)] = False
    unlisted: Annotated[bool, BeforeValidator(_as_yes_no)] = False
    boost: Annotated[float, BeforeValidator(_as_boost)] = 1.0
    translation_of: Annotated[str, BeforeValidator(_as_slug)] = ""


KEYS = tuple(_Known.model_fields)


def _typed(front: _Front) -> tuple[_Known, list[tuple[int, str, str, str]]]:
    """The known keys by type; a value of another type is a warning and the key counts as absent."""
    warnings = list(front.warnings)
    values = {key: value for key, value in front.values.items() if key in _Known.model_fields}
    try:
        known = _Known.model_validate(values)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            key = str(one["loc"][0])
            context = one.get("ctx", {})
            warnings.append(
                (
                    front.lines.get(key, 1),
                    one["type"],
                    f"`{key}` {context.get('message', one['msg'])}; it counts as absent",
                    context.get("cure", ""),
                )
            )
            values.pop(key, None)
        known = _Known.model_validate(values)
    for key, length in (("answer", MAX_ANSWER), ("title", MAX_TITLE)):
        written = getattr(known, key)
        if len(written) > length:
            message = f"`{key}` has {len(written):,} characters; it is cut to {length}"
            warnings.append((front.lines.get(key, 1), f"long-{key}", message, "say it shorter"))
            setattr(known, key, shorten(written, length))
    return known, warnings


# --- slug, language, category, title ------------------------------------------------------------

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029\ud800-\udfff]")


def _without_ending(path: str) -> str:
    for ending in ENDINGS:
        if path.lower().endswith(ending):
            return path[: -len(ending)]
    return path


def _slug(written: str) -> str:
    """A slug as it is compared and linked: composed, no `/` at its ends, or an error."""
    slug = "/".join(part for part in (p.strip() for p in written.split("/")) if part)
    if _UNSAFE.search(slug) or any(part in (".", "..") for part in slug.split("/")):
        raise _wrong(
            "bad-slug",
            f"is no address: {_short(written)}",
            "write words joined by - and /, without . and ..",
        )
    if len(slug) > MAX_SLUG:
        raise _wrong(
            "bad-slug", f"has {len(slug)} characters; {MAX_SLUG} are allowed", "shorten it"
        )
    return slug


def _slug_of_path(path: str) -> str:
    try:
        slug = _slug(unicodedata.normalize("NFC", _without_ending(path)))
    except PydanticCustomError:
        slug = ""
    if not slug:
        raise _Wrong(
            1,
            "bad-name",
            "the name of the file or of a folder above it cannot be an address",
            "rename it: letters, digits, - and _",
        )
    return slug


def folded(slug: str) -> str:
    """The slug as slugs are compared: without case."""
    return unicodedata.normalize("NFC", slug.casefold())


def _language(path: str, title: str, body: str, defaults: Defaults) -> str:
    first = path.split("/")[0].lower()
    if "/" in path and first in defaults.langs:
        return first
    sample = f"{title}\n{body[:20_000]}"
    if not any(char.isalpha() for char in sample):
        return defaults.lang
    found = text.language(sample)
    return found if found in defaults.langs else defaults.lang


def _category(path: str, langs: tuple[str, ...]) -> str:
    folders = path.split("/")[:-1]
    if not folders or (len(folders) == 1 and folders[0].lower() in langs):
        return ""
    return _one_line(folders[-1])


def _title_of(slug: str) -> str:
    parts = slug.split("/")
    name = parts[-1]
    if name.lower() in ("index", "_index", "readme") and len(parts) > 1:
        name = parts[-2]
    words = re.sub("[-_]+", " ", name).strip() or name
    return shorten(words[:1].upper() + words[1:], MAX_TITLE)


_HEADING = re.compile(r" {0,3}#[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MDX_IMPORT = re.compile(
    r"""import\s+[^;]*?['"][^'"]+['"]\s*;?\s*|export\s+(?:const|default)\b.*;\s*"""
)


def _body(lines: list[str], body_line: int, *, wants_title: bool) -> tuple[str, str]:
    """The Markdown, and its first `# heading` if that is the title: it then leaves the text.

    Leaving is becoming an empty line, so that lines of the body keep their numbers.
    """
    body = lines[body_line - 1 :]
    for number, line in enumerate(body):
        if line.strip() and not _MDX_IMPORT.fullmatch(line):
            break
        body[number] = ""
    heading = ""
    if wants_title:
        at, heading = _first_heading(body)
        if heading:
            body[at] = ""
            if at + 1 < len(body) and re.fullmatch("=+ *", body[at + 1]):
                body[at + 1] = ""
    return "\n".join(body), heading


def _first_heading(body: list[str]) -> tuple[int, str]:
    fence = ""
    for number, line in enumerate(body):
        if not line:
            continue
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif fence:
            if found and found[1].startswith(fence) and line.strip() == found[1]:
                fence = ""
        elif (found := _HEADING.fullmatch(line)) and (title := plain(found[1])):
            return number, title
        elif (
            re.fullmatch("=+ *", body[number + 1] if number + 1 < len(body) else "")
            and line.strip()
            and not line.startswith((" ", "\t", "#", "|", ">", "-", "*"))
            and (not number or not body[number - 1].strip())
        ):
            return number, plain(line)
    return 0, ""


_MARKS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>"), ""),
    (re.compile(r"\s*\{[#:.][^{}]*\}\s*$"), ""),
    (re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])"), r"\1"),
    (re.compile(r"(`+)(.+?)\1"), r"\2"),
    (re.compile(r"(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])([*_])(?=\S)([^*_]+?)(?<=\S)\1(?![\w*])"), r"\2"),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
)


def plain(heading: str) -> str:
    """A heading's words without its Markdown. Bounded: a title has no use for more."""
    words = heading[:2000]
    for pattern, instead in _MARKS:
        words = pattern.sub(instead, words)
    return shorten(_one_line(html.unescape(words)), MAX_TITLE)


# --- the folder ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A file as the folder's listing shows it; equal values mean it need not be read again."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """The articles folder without a file opened: what could be an article, and what cannot."""

    sources: tuple[Source, ...]  # by path
    problems: tuple[Problem, ...] = ()
    skipped: int = 0  # .mdx files


def listing(root: Path) -> Listing:
    """All article files below `root`. Reads folders and no file.

    Hidden files and folders are passed over. A link to a file inside the folder is an article of
    its own; a link to a folder is not followed; a link that leaves the folder is a problem.
    Raises ArticlesMissing if there is no such folder.
    """
    top = os.path.realpath(root)
    if not os.path.isdir(top):
        raise ArticlesMissing(f"no folder {root}; create it, or name yours with --articles")
    sources: list[Source] = []
    problems: list[Problem] = []
    skipped = 0
    folders = [""]
    while folders:
        folder = folders.pop()
        for entry in _entries(top, folder, problems):
            path = folder + entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and _is_folder(entry):
                problems.append(_linked_folder(top, path))
            elif entry.is_dir(follow_symlinks=False):
                folders.append(path + "/")
            elif entry.name.lower().endswith(".mdx"):
                skipped += 1
            elif entry.name.lower().endswith(ENDINGS):
                found = _source(top, path)
                (sources if isinstance(found, Source) else problems).append(found)  # type: ignore[arg-type]
    return Listing(tuple(sorted(sources)), tuple(sorted(problems)), skipped)


def _entries(top: str, folder: str, problems: list[Problem]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(os.path.join(top, folder)) as entries:
            return list(entries)
    except OSError as error:
        problems.append(_unreadable(folder.rstrip("/"), error))
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _inside(top: str, real: str) -> bool:
    return real.startswith(top.rstrip("/") + "/")


def shown(path: str) -> str:
    """A path that can be printed: bytes that are no UTF-8 and control characters are escaped."""
    readable = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in readable
    )


def _linked_folder(top: str, path: str) -> Problem:
    if _inside(top, os.path.realpath(os.path.join(top, path))):
        message = "a link to another folder is not followed"
        return Problem(
            shown(path), 1, "link-to-folder", message, "list the articles where they are", "warning"
        )
    return _outside(path)


def _outside(path: str) -> Problem:
    message = "the link leads out of the articles folder"
    return Problem(shown(path), 1, "link-outside", message, "put the file itself here")


def _unreadable(path: str, error: OSError) -> Problem:
    reason = error.strerror or str(error)
    if error.errno == errno.ENAMETOOLONG:
        cure = "shorten the names of the folders above it"
    else:
        cure = "let the service's user read it (chmod a+r, a+x for folders)"
    return Problem(shown(path) or ".", 1, "unreadable", f"cannot be read: {reason}", cure)


def _source(top: str, path: str) -> Source | Problem:
    full = os.path.join(top, path)
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        message = "the file's name is not UTF-8"
        return Problem(shown(path), 1, "bad-name", message, "rename it: letters, digits, - and _")
    try:
        if os.path.islink(full) and not _inside(top, os.path.realpath(full)):
            return _outside(path)
        found = os.stat(full)
    except FileNotFoundError:
        message = "the link leads nowhere" if os.path.islink(full) else "the file has just gone"
        return Problem(
            shown(path), 1, "link-broken", message, "put the file itself here, or remove the link"
        )
    except OSError as error:
        if error.errno == errno.ELOOP:
            message = "the link leads to itself"
            return Problem(shown(path), 1, "link-broken", message, "put the file itself here")
        return _unreadable(path, error)
    if not stat.S_ISREG(found.st_mode):
        return _not_a_file(path, found.st_mode)
    return Source(path, found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns)


def _not_a_file(path: str, mode: int) -> Problem:
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device"}
    kind = kinds.get(stat.S_IFMT(mode), "a device" if stat.S_ISBLK(mode) else "no file")
    return Problem(shown(path), 1, "not-a-file", f"is {kind}, not a text file", "remove it")


def read(root: Path, source: Source, max_bytes: int = MAX_BYTES) -> bytes | Problem:
    """The bytes of a listed file, or why it cannot be trusted. Never waits on a pipe."""
    if source.size > max_bytes:
        wrong = _too_large(source.size, max_bytes)
        return Problem(source.path, wrong.line, wrong.code, wrong.message, wrong.cure)
    top = os.path.realpath(root)
    real = os.path.realpath(os.path.join(top, source.path))
    if not _inside(top, real):
        return _outside(source.path)
    try:
        opened = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return _unreadable(source.path, error)
    with os.fdopen(opened, "rb", closefd=True, buffering=0) as file:
        try:
            mode = os.fstat(opened).st_mode
            if not stat.S_ISREG(mode):
                return _not_a_file(source.path, mode)
            return _read_up_to(
                file.fileno(), max_bytes + 1
            )  # `parse` names one that has just grown
        except OSError as error:
            return _unreadable(source.path, error)


def _read_up_to(descriptor: int, size: int) -> bytes:
    parts = []
    while size > 0 and (part := os.read(descriptor, min(size, 1 << 20))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def digest(path: str, data: bytes, defaults: Defaults | None = None) -> str:
    """Equal digests mean `parse` gives an equal article."""
    defaults = defaults or Defaults()
    told = (VERSION, path, defaults.lang, *defaults.langs, defaults.author, str(defaults.updated))
    found = blake2b("\0".join(told).encode("utf-8", "surrogatepass"), digest_size=16)
    found.update(b"\0\0")
    found.update(data)
    return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Scan:
    """The folder's articles, each with an address of its own, and what is wrong with the others."""

    articles: tuple[Article, ...]  # by path
    problems: tuple[Problem, ...]
    skipped: int = 0
    sources: tuple[Source, ...] = ()


def settle(articles: Iterable[Article]) -> tuple[tuple[Article, ...], tuple[Problem, ...]]:
    """Gives each address to one article: slugs first, by path, then aliases. Reads no body."""
    problems: list[Problem] = []
    owners: dict[str, Article] = {}
    for article in sorted(articles, key=lambda a: a.path):
        owner = owners.setdefault(folded(article.slug), article)
        if owner is not article:
            problems.append(
                Problem(
                    article.path,
                    article.lines.get("slug", 1),
                    "slug-taken",
                    f"the address {_short(article.slug)} belongs to {owner.path} already",
                    "give one of them another `slug`"
                    + (" (capitals make no difference)" if owner.slug != article.slug else ""),
                )
            )
    settled = []
    aliases: dict[str, Article] = {}
    for article in owners.values():
        kept = []
        for alias in article.aliases:
            owner = owners.get(folded(alias)) or aliases.setdefault(folded(alias), article)
            if owner is not article:
                problems.append(
                    Problem(
                        article.path,
                        article.lines.get("aliases", 1),
                        "alias-taken",
                        f"the alias {_short(alias)} belongs to {owner.path}; it is dropped",
                        "remove it from one of them",
                        "warning",
                    )
                )
            elif folded(alias) != folded(article.slug):
                kept.append(alias)
        settled.append(
            article if len(kept) == len(article.aliases) else replace(article, aliases=tuple(kept))
        )
    return tuple(settled), tuple(sorted(problems))


def scan(
    root: Path, defaults: Defaults | None = None, changes: Mapping[str, Change] | None = None
) -> Scan:
    """Lists, reads and parses the whole folder. `changes` is what `history.read` says of it."""
    defaults = defaults or Defaults()
    found = listing(root)
    problems = list(found.problems)
    articles = []
    for parsed in _parse_all(root, found.sources, defaults, changes or {}):
        problems += parsed.problems
        if parsed.article:
            articles.append(parsed.article)
    settled, taken = settle(articles)
    return Scan(settled, tuple(sorted((*problems, *taken))), found.skipped, found.sources)


def _parse_all(
    root: Path, sources: Iterable[Source], defaults: Defaults, changes: Mapping[str, Change]
) -> Iterator[Parsed]:
    for source in sources:
        data = read(root, source, defaults.max_bytes)
        if isinstance(data, Problem):
            yield Parsed(None, (data,))
        else:
            yield parse(source.path, data, defaults.of(changes.get(source.path)))
