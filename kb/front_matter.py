"""The keys at the head of a file, as text with their lines. Converts nothing, knows no article."""

import datetime as dt
import re
import tomllib
import unicodedata
from dataclasses import dataclass, field
from typing import Any

import yaml

from kb.messages import Message

MAX_FRONT_MATTER = 256 * 1024
_BLOCK = Message("the front matter")  # what is read; other files are read as it is, too
_MAX_DEPTH = 12
_MAX_NODES = 20_000
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Wrong(Exception):
    """The file is no article; says why."""

    def __init__(self, line: int, code: str, message: Message, cure: Message) -> None:
        super().__init__(message)
        self.line, self.code, self.message, self.cure = line, code, message, cure


_Plain = str | list[Any] | dict[str, Any] | None  # text, and lists and mappings of it


@dataclass(slots=True)
class Front:
    """Front matter as it is written: text values, the line of each key, where the body begins."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    body_line: int = 1
    warnings: list[tuple[int, str, Message, Message]] = field(default_factory=list)


_OPENING = re.compile(r"---[ \t]*([A-Za-z]*)[ \t]*")
_CLOSING = re.compile(r"(?:---|\.\.\.)\s*")
_KEY_LINE = re.compile(r"""\s*(?:[\w.-]+|"[^"]*"|'[^']*')\s*:(?:\s|$)""")
_CONFLICT = re.compile(r"(?:<{7}|>{7}) |={7}$")
_BLOCK_FORMATS = {"": "yaml", "yaml": "yaml", "yml": "yaml", "toml": "toml"}


def read(lines: list[str]) -> Front:
    """Reads the block at the head of the file, if there is one."""
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    opening = lines[first].rstrip()
    if opening == "+++":
        return _block(lines, first, "+++", "toml")
    found = _OPENING.fullmatch(opening)
    if not found:
        return Front()
    language = found[1].lower()
    end = next((i for i in range(first + 1, len(lines)) if _CLOSING.fullmatch(lines[i])), None)
    if first and (end is None or not any(_KEY_LINE.match(line) for line in lines[first + 1 : end])):
        return Front()  # below an empty line, `---` draws a rule
    if language not in _BLOCK_FORMATS:
        if end is None:
            return Front()  # ordinary text that happens to begin so
        raise Wrong(
            first + 1,
            "front-matter-language",
            Message(
                "the front matter is marked as {name}; only YAML and TOML are read", name=found[1]
            ),
            Message("write it as YAML between two lines `---`"),
        )
    return _block(lines, first, "---", _BLOCK_FORMATS[language])


def _block(lines: list[str], first: int, marker: str, language: str) -> Front:
    is_end = _CLOSING.fullmatch if marker == "---" else re.compile(r"\+\+\+\s*").fullmatch
    end = next((i for i in range(first + 1, len(lines)) if is_end(lines[i])), None)
    if end is None:
        raise Wrong(
            first + 1,
            "front-matter-open",
            Message("the front matter begins with `{marker}` but never ends", marker=marker),
            Message(
                "put a line `---` after its last key, or an empty line before the first if a rule"
                " was meant"
            )
            if marker == "---"
            else Message("put a line `+++` after its last key"),
        )
    block = "\n".join(lines[first + 1 : end])
    if len(block) > MAX_FRONT_MATTER:
        raise Wrong(
            first + 1,
            "front-matter-too-large",
            Message(
                "{block} has {length} characters; {most} are allowed",
                block=_BLOCK,
                length=len(block),
                most=MAX_FRONT_MATTER,
            ),
            Message("move text below the closing line; check that line is where you want it"),
        )
    for number in range(first + 1, end):
        if _CONFLICT.match(lines[number]):
            raise Wrong(
                number + 1,
                "merge-conflict",
                Message("{block} holds an unfinished merge of git", block=_BLOCK),
                Message(
                    "keep one of the two versions, remove the lines `<<<<<<<`, `=======`, `>>>>>>>`"
                ),
            )
    read = _yaml if language == "yaml" else _toml
    front = read(block, first + 2)
    front.body_line = end + 2
    return front


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_YAML_BREAKS = re.compile("[\x85\u2028\u2029]")  # line ends for YAML, not for an editor


def _yaml(block: str, line: int) -> Front:
    """Text, lists and mappings from YAML's events: no tags, no aliases, no types, no recursion."""
    front = Front()
    try:
        _compose(_Events(_YAML_BREAKS.sub(" ", block)), block.split("\n"), line, front)
    except yaml.YAMLError as error:
        raise _yaml_mistake(error, block.split("\n"), line) from None
    except (RecursionError, ValueError, OverflowError, MemoryError) as error:
        raise Wrong(
            line,
            "bad-yaml",
            Message("{block} cannot be read: {reason}", block=_BLOCK, reason=str(error)),
            Message("write plain `key: value` lines"),
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


def _compose(events: _Events, block: list[str], line: int, front: Front) -> None:
    """Builds the values with a stack of open collections: depth is data here, not recursion."""
    open_: list[tuple[Any, list[Any]]] = []  # collection, and the key waiting for its value
    documents = 0
    while (event := events.next()) is not None:
        at = line + event.start_mark.line if event.start_mark else line
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Wrong(
                    at,
                    "bad-yaml",
                    Message("a second document begins here"),
                    Message("write one block of keys"),
                )
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            open_.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        _refuse(event, at, block, line)
        if events.count > _MAX_NODES or len(open_) > _MAX_DEPTH:
            raise Wrong(
                at,
                "front-matter-too-deep",
                Message("{block} is nested too deeply or has too many values", block=_BLOCK),
                Message("write plain `key: value` lines; move data out of the article"),
            )
        value = _value(event)
        if not open_:
            if value is None:
                continue  # an empty block, or one of comments
            if not isinstance(value, dict):
                raise Wrong(
                    at,
                    "front-matter-not-keys",
                    Message("{block} is a list", block=_BLOCK)
                    if isinstance(value, list)
                    else Message("{block} is plain text", block=_BLOCK),
                    Message(
                        "write `key: value` lines"
                        " (if a rule was meant, put an empty line before the first `---`)"
                    ),
                )
            open_.append((value, []))
            front.values = value
            continue
        holder, waiting = open_[-1]
        if isinstance(holder, dict) and not waiting and not isinstance(event, yaml.ScalarEvent):
            cure = Message("quote the whole value: braces and brackets mean something to YAML")
            raise Wrong(
                at,
                "bad-yaml",
                Message("a key must be text; this one is in brackets"),
                _quote_cure(block, at - line, cure),
            )
        _put(open_, value, event, at, front)
        if isinstance(value, (dict, list)):
            open_.append((value, []))


def _put(
    open_: list[tuple[Any, list[Any]]], value: _Plain, event: Any, at: int, front: Front
) -> None:
    holder, waiting = open_[-1]
    if isinstance(holder, list):
        holder.append(value)
    elif waiting:
        holder[waiting.pop()] = value
    else:
        key = one_line(event.value)
        waiting.append(key)
        if len(open_) > 1:
            return
        if key in front.lines:
            message = Message(
                "`{key}` was given on line {line} already; this line counts",
                key=short(key),
                line=str(front.lines[key]),
            )
            front.warnings.append((at, "duplicate-key", message, Message("keep one of them")))
        front.lines[key] = at


def _value(event: Any) -> _Plain:
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    is_plain = not event.style
    if is_plain and event.value in ("", "~", "null", "Null", "NULL"):
        return None
    return CONTROLS.sub("", event.value)


def _refuse(event: Any, at: int, block: list[str], line: int) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
        raise Wrong(
            at,
            "yaml-alias",
            Message(
                "a value begins with `{sign}`: YAML takes that for a reference, and none are read",
                sign=sign,
            ),
            _quote_cure(block, at - line, Message("quote the value")),
        )
    if event.tag not in (None, "!"):
        raise Wrong(
            at,
            "yaml-tag",
            Message(
                "a value begins with `!`: YAML takes {tag} for a type; none are read",
                tag=short(event.tag),
            ),
            _quote_cure(block, at - line, Message("quote the value, or write it without the `!…`")),
        )


_PAIR = re.compile(r"(\s*(?:- +)?)([^\s#:][^:#]*):[ \t]+(.+?)\s*")


def _yaml_mistake(error: yaml.YAMLError, block: list[str], line: int) -> Wrong:
    """The usual mistakes in the writer's words; the rest in YAML's own."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if re.search("quoted|flow", getattr(error, "context", None) or ""):
        mark = error.context_mark or mark  # type: ignore[attr-defined]
    at = min(mark.line, len(block) - 1) if mark else 0
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    written = block[at] if block else ""
    pair = _PAIR.fullmatch(written)
    value = pair[3] if pair else ""
    key = short(pair[2]) if pair else ""
    cure = _quote_cure(
        block, at, Message("quote texts that hold signs such as : # [ ] { } * & ! % @ ` or quotes")
    )
    if "\t" in written[: len(written) - len(written.lstrip())]:
        message = Message("a tab stands at the start of the line")
        cure = Message("indent with spaces")
    elif pair and re.search(r":(\s|$)", value) and value[0] not in "\"'":
        message = Message(
            "the value of `{key}` holds a colon, which YAML takes for another key", key=key
        )
    elif value[:1] in ("[", "{", "@", "`", "%", "*", "&", "!", "|", ">"):
        message = Message("the value of `{key}` begins with `{sign}`", key=key, sign=value[0])
    elif value[:1] in ("'", '"'):
        message = Message("the quotes around the value of `{key}` do not match", key=key)
    else:
        told = " ".join(str(reason).split())[:120]
        message = Message("{block} is not YAML: {reason}", block=_BLOCK, reason=told)
        cure = Message("check this line and the one above it: `key: value`, indented by spaces")
    return Wrong(line + at, "bad-yaml", message, cure)


def _quote_cure(block: list[str], at: int, otherwise: Message) -> Message:
    """The line as it should be written, if it is one key and one value."""
    pair = _PAIR.fullmatch(block[at]) if 0 <= at < len(block) else None
    if not pair or len(pair[3]) > 200:
        return otherwise
    value = pair[3]
    if value[0] in "\"'":
        value = value.replace(value[0], "").strip()
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    written = f'{pair[1].strip()} {pair[2]}: "{quoted}"'.lstrip()
    return Message("quote it: `{line}`", line=written)


_MAX_TOML = 32 * 1024
_DOTTED = re.compile(r"(?<![\w-])(?:[\w-]++\s*+\.\s*+){20}")
_TOML_LINE = re.compile(r"at line (\d+)")
_TOML_KEY = re.compile(r"""\s*\[*\s*["']?([\w-]+)["']?\s*[.=\]]""")


def _toml(block: str, line: int) -> Front:
    front = Front()
    lines = block.split("\n")
    # 50,000 dotted keys keep tomllib busy for more than a minute.
    if len(block) > _MAX_TOML or _DOTTED.search(block):
        raise Wrong(
            line,
            "front-matter-too-deep",
            Message("the front matter is too long for TOML, or its keys have too many dots"),
            Message('write plain `key = "value"` lines; move data out of the article'),
        )
    try:
        values = tomllib.loads(block)
        front.values = {one_line(k): _text_of(v) for k, v in values.items()}
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        at = min(int(found[1]), len(lines)) if found else len(lines)
        raise Wrong(
            line + at - 1,
            "bad-toml",
            Message(
                "the front matter is not TOML: {reason}", reason=str(error).partition(" (at")[0]
            ),
            Message('write `key = "value"`, or YAML between two lines `---`'),
        ) from None
    except (RecursionError, ValueError, OverflowError) as error:
        raise Wrong(
            line,
            "bad-toml",
            Message("{block} cannot be read: {reason}", block=_BLOCK, reason=str(error)),
            Message('write plain `key = "value"` lines'),
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
        return {one_line(k): _text_of(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_text_of(v, depth + 1) for v in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    return CONTROLS.sub("", str(value))


def one_line(value: str) -> str:
    return " ".join(unicodedata.normalize("NFC", CONTROLS.sub("", value)).split())


def short(value: str, length: int = 60) -> str:
    return value if len(value) <= length else value[: length - 1] + "…"
