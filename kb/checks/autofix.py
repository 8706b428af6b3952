"""Automatic fixes: dates as ISO, keys in order, spaces at ends of lines.

Every other byte of a file stays as it is. A file that cannot be read as an article is not touched,
nor is one that would then say anything else; what was written while we read is not overwritten.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from kb.base.config import Settings
from kb.base.messages import Message
from kb.content import articles, front_matter
from kb.content.articles import Article, Defaults, Parsed
from kb.content.folder import list_files, read_file
from kb.content.front_matter import FrontMatter, InvalidFile
from kb.content.problems import Problem

_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_ENDS = "\r\n"

ORDER = (
    "title", "lang", "slug", "category", "type", "author", "owner", "translation_of", "updated",
    "review_by", "publish", "expires", "draft", "unlisted", "audience", "order", "boost", "tags",
    "answer", "answers", "related", "aliases",
)  # fmt: skip
DATES = ("updated", "review_by", "publish", "expires")


@dataclass(frozen=True, slots=True, order=True)
class Fix:
    """A change of a file; `line` is its place before the change, the first of several."""

    path: str
    line: int
    code: str  # `date`, `key-order`, `trailing-space`
    message: Message


def fix(settings: Settings, within: Sequence[str] = ()) -> list[Fix]:
    """Fixes the articles in the files and folders `within`, all if none. Returns the changes.

    Raises ArticlesMissing, and OSError where a file cannot be written.
    """
    defaults = Defaults(settings.lang, settings.langs, settings.max_article_bytes)
    done: list[Fix] = []
    for source in list_files(settings.articles, settings.langs).sources:
        if within and not any(_is_below(source.path, place) for place in within):
            continue
        data = read_file(settings.articles, source, settings.max_article_bytes)
        if isinstance(data, Problem):
            continue
        new, fixes = repaired(source.path, data, defaults)
        if fixes and _written(settings.articles / source.path, data, new):
            done += fixes
    return done


def _is_below(path: str, place: str) -> bool:
    return place in (".", "", path) or path.startswith(f"{place}/")


def _written(path: Path, old: bytes, new: bytes) -> bool:
    """Replaces the file in one step; false if it is not as it was read."""
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with draft.open("xb") as file:
            os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        if target.read_bytes() != old:
            return False
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    return True


# ---------------------------------------------------------------- one file


def repaired(
    path: str, data: bytes, defaults: Defaults | None = None
) -> tuple[bytes, tuple[Fix, ...]]:
    """The file as it should be, and what was changed in it; any bytes will do."""
    before = articles.parse(path, data, defaults)
    if before.article is None:
        return data, ()
    bom = _BOM if data.startswith(_BOM) else b""
    lines = _LINE.findall(data.removeprefix(_BOM).decode("utf-8")) or [""]
    try:
        front = front_matter.read([line.rstrip(_ENDS) for line in lines])
    except InvalidFile:  # control characters that reading an article leaves out
        return data, ()
    fixes: list[Fix] = []
    bad_dates = {p.line for p in before.problems if p.code in ("bad-date", "bad-gate")}
    dated = [key for key in DATES if front.lines.get(key) in bad_dates]
    for step in (
        _with_dates(path, lines, front, dated),
        _without_spaces(path, lines, front.body_line - 1),
        _in_order(path, lines, front),
    ):
        fixes += step
    new = bom + "".join(lines).encode("utf-8")
    if not fixes or not _says_the_same(before, articles.parse(path, new, defaults), dated):
        return data, ()
    return new, tuple(fixes)


def _says_the_same(before: Parsed, after: Parsed, dated: Sequence[str]) -> bool:
    """Whether nothing but the dates and the spaces at ends of lines is another."""

    def said(article: Article | None) -> Article | None:
        if article is None:
            return None
        body = "\n".join(line.rstrip() for line in article.body.split("\n"))
        without: dict[str, Any] = dict.fromkeys(dated)
        if any(key in ("publish", "expires") for key in dated):
            without["draft"] = None  # a gate that could not be read made it one
        return replace(article, body=body, lines={}, **without)

    return said(before.article) == said(after.article)


# ---------------------------------------------------------------- dates

_VALUE = re.compile(r"""([^:]+:[ \t]+)(["']?)([^"'#]*?)\2([ \t]*(?:#.*)?[\r\n]*)""")
_MONTHS = (
    "янв января january", "фев февр февраля february", "мар марта march", "апр апреля april",
    "май мая may", "июн июня june", "июл июля july", "авг августа august",
    "сен сент сентября september", "окт октября october", "ноя нояб ноября november",
    "дек декабря december",
)  # fmt: skip


def _with_dates(
    path: str, lines: list[str], front: FrontMatter, keys: Sequence[str]
) -> Iterator[Fix]:
    """Dates that can be read in one way only, written as year-month-day."""
    for key in keys:
        at = front.lines[key] - 1
        found = _VALUE.fullmatch(lines[at])
        iso = iso_date(found[3]) if found else None
        if found and iso:
            lines[at] = f"{found[1]}{iso}{found[4]}"
            yield Fix(
                path,
                at + 1,
                "date",
                Message("{key}: {written} → {iso}", key=key, written=found[3], iso=iso),
            )


def iso_date(written: str) -> str | None:
    """`31.08.2026`, `2026/8/31`, `31 августа 2026` or `August 31, 2026` as `2026-08-31`.

    None where it is no date, or could be two: `05/06/2026` is May to some and June to others.
    """
    text = " ".join(written.split()).lower().removesuffix(" г.").removesuffix(" года")
    numbers: tuple[int, int, int] | None = None
    if found := re.fullmatch(r"(\d{4})([./-])(\d{1,2})\2(\d{1,2})", text):
        numbers = int(found[1]), int(found[3]), int(found[4])
    elif found := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text):
        numbers = int(found[3]), int(found[2]), int(found[1])
    elif found := re.fullmatch(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})", text):
        first, second = int(found[1]), int(found[3])
        if (first > 12) != (second > 12):
            numbers = int(found[4]), min(first, second), max(first, second)
    elif found := re.fullmatch(r"(\d{1,2}) ([a-zа-я]+)\.?,? (\d{4})", text):
        numbers = int(found[3]), _month(found[2]), int(found[1])
    elif found := re.fullmatch(r"([a-z]+)\.? (\d{1,2}),? (\d{4})", text):
        numbers = int(found[3]), _month(found[1]), int(found[2])
    try:
        return date(*numbers).isoformat() if numbers else None
    except ValueError:
        return None


def _month(name: str) -> int:
    """The number of a month: `августа`, `Aug`, `September`; 0 if it is none."""
    for number, names in enumerate(_MONTHS, 1):
        *russian, english = names.split()
        if name in russian or (len(name) > 2 and english.startswith(name)):
            return number
    return 0


# ---------------------------------------------------------------- spaces

_FENCE = re.compile(r"[ >]*(?:[-*+]|\d{1,9}[.)])?[ \t]*(`{3,}|~{3,})")
_CODE = re.compile(r"(?: {4}|\t)")
_PRE = re.compile(r"<(/?)pre\b", re.I)


def _without_spaces(path: str, lines: list[str], head: int) -> Iterator[Fix]:
    """Lines without spaces at their ends; two are a line break to Markdown and stay, as does code.

    `head` is how many lines the front matter takes.
    """
    where = [*range(head), *_outside_code(lines, head)]
    changed = []
    for at in where:
        text = lines[at].rstrip(_ENDS)
        bare = text.rstrip(" \t")
        if bare != text and not (at >= head and bare and text.endswith("  ")):
            lines[at] = bare + lines[at][len(text) :]
            changed.append(at)
    if changed:
        message = Message(
            "spaces at the end of {n} line removed", "spaces at the end of {n} lines removed",
            n=len(changed),
        )  # fmt: skip
        yield Fix(path, changed[0] + 1, "trailing-space", message)


def _outside_code(lines: Sequence[str], head: int) -> Iterator[int]:
    """Lines of the body that are surely no code; indented ones may be.

    Where there are both fences and `<pre>`, one may hide the other: then none is sure.
    """
    has_pre = any(_PRE.search(line) for line in lines[head:])
    if has_pre and any(_FENCE.match(line.rstrip(_ENDS)) for line in lines[head:]):
        return
    fence = ""
    is_pre = was_indented = False
    for at in range(head, len(lines)):
        text = lines[at].rstrip(_ENDS)
        found = _FENCE.match(text)
        if fence:
            if found and found[1].startswith(fence) and found.end() == len(text.rstrip()):
                fence = ""
            continue
        if found:
            fence = found[1]
            continue
        for tag in _PRE.finditer(text):
            is_pre = not tag[1]
        if text.strip():
            was_indented = bool(_CODE.match(text))
        if not was_indented and not is_pre and "</pre" not in text.lower():
            yield at


# ---------------------------------------------------------------- order


def _in_order(path: str, lines: list[str], front: FrontMatter) -> Iterator[Fix]:
    """The keys we know in the order in which they are read; other keys keep their places.

    Where a writer has put remarks or empty lines between keys, the order is theirs.
    """
    starts = sorted(line - 1 for line in front.lines.values())
    if not starts or front.warnings or lines[starts[0] - 1].strip() not in ("---", "--- yaml"):
        return
    end = front.body_line - 2
    if len(set(starts)) < len(starts) or any(_is_remark(line) for line in lines[starts[0] : end]):
        return
    parts = {
        start: lines[start:stop] for start, stop in zip(starts, [*starts[1:], end], strict=True)
    }
    key_at = {line - 1: key for key, line in front.lines.items()}
    places = [start for start in starts if key_at[start] in ORDER]
    wanted = sorted(places, key=lambda start: ORDER.index(key_at[start]))
    if wanted == places:
        return
    moved = dict(zip(places, wanted, strict=True))
    lines[starts[0] : end] = [line for start in starts for line in parts[moved.get(start, start)]]
    yield Fix(
        path,
        starts[0] + 1,
        "key-order",
        Message("keys put in order: {keys}", keys=", ".join(key_at[s] for s in wanted)),
    )


def _is_remark(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")
