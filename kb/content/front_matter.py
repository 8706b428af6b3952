"""Front matter of a file, YAML or TOML, as text with line numbers. Converts no types."""

import datetime as dt
import json
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from frontmatter import default_handlers
from yaml.composer import Composer, ComposerError

from kb.base import escaping
from kb.base.messages import Message

MAX_FRONT_MATTER = 256 * 1024
_BLOCK = Message("the front matter")  # what is read; other files are read as it is, too
_MAX_DEPTH = 12
_MAX_NODES = 20_000
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class InvalidFile(Exception):
    """A mistake that keeps a file from being read: its line from 1, code, message and cure."""

    def __init__(self, line: int, code: str, message: Message, cure: Message) -> None:
        super().__init__(message)
        self.line, self.code, self.message, self.cure = line, code, message, cure


_Plain = str | list[Any] | dict[str, Any] | None  # text, and lists and mappings of it


@dataclass(slots=True)
class FrontMatter:
    """Front matter as written: text values by key, lines from 1, where the body begins."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    body_line: int = 1
    warnings: list[tuple[int, str, Message, Message]] = field(default_factory=list)


_OPENING = re.compile(r"---[ \t]*([A-Za-z]*)[ \t]*")
_CLOSING = re.compile(r"(?:---|\.\.\.)\s*")
_KEY_LINE = re.compile(r"""\s*(?:[\w.-]+|"[^"]*"|'[^']*')\s*:(?:\s|$)""")
_PLAIN_KEY = re.compile(r"(?:title|draft|published?|status|audience|expires)\s*:", re.I)
_JSON = re.compile(r"""\{\s*"[\w-]+"\s*:""")
_BLOCK_FORMATS = {"": "yaml", "yaml": "yaml", "yml": "yaml", "toml": "toml"}


def read(lines: list[str]) -> FrontMatter:
    """Parses the front matter of a file, given as lines without line ends.

    It may stand below empty lines and comments. A file without any gives an empty FrontMatter.
    Raises InvalidFile where a block is not closed, too large, neither YAML nor TOML, or breaks the
    rules of `StrictComposer`.
    """
    first = _first_line(lines)
    opening = lines[first].rstrip()
    if opening == "+++":
        return _block(lines, first, "+++", "toml")
    if opening.startswith("{") and _JSON.match("\n".join(lines[first : first + 3])):
        raise _foreign(first, "JSON")
    found = _OPENING.fullmatch(opening)
    if not found:
        return FrontMatter()
    language = found[1].lower()
    end = next((i for i in range(first + 1, len(lines)) if _CLOSING.fullmatch(lines[i])), None)
    if first and not _is_block(lines[first + 1 : end], is_closed=end is not None):
        return FrontMatter()  # below an empty line or a comment, `---` draws a rule
    if language not in _BLOCK_FORMATS:
        if end is None:
            return FrontMatter()  # ordinary text that happens to begin so
        raise _foreign(first, found[1])
    return _block(lines, first, "---", _BLOCK_FORMATS[language])


def _first_line(lines: list[str]) -> int:
    """The first line that is neither empty nor of a comment; 0 if there is none.

    Where a comment is followed by text on its own line, or never ends, it is the first line.
    """
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        end = next((end for begin, end in _COMMENTS if lines[at].lstrip().startswith(begin)), None)
        last = next((i for i in range(at, len(lines)) if end and end in lines[i]), None)
        if end is None or last is None or not lines[last].rstrip().endswith(end):
            return at
        at = last + 1
    return 0


_COMMENTS = (("<!--", "-->"), ("{/*", "*/}"))  # of HTML and MDX


def _is_block(lines: list[str], *, is_closed: bool) -> bool:
    """Whether lines below `---` are front matter, where that is not the first line of the file."""
    if is_closed:
        return any(_KEY_LINE.match(line) for line in lines)
    following = next((line for line in lines if line.strip()), "")
    return bool(_PLAIN_KEY.match(following))


def _foreign(first: int, name: str) -> InvalidFile:
    return InvalidFile(
        first + 1,
        "front-matter-language",
        Message("the front matter is marked as {name}; only YAML and TOML are read", name=name),
        Message("write it as YAML between two lines `---`"),
    )


_CONFLICT = ("<<<<<<< ", ">>>>>>> ")


def refuse_conflict(lines: list[str]) -> None:
    """Raises InvalidFile at the first marker of an unfinished merge of git, wherever it stands.

    A line of seven equals signs alone underlines a heading; `<<<<<<< ` and `>>>>>>> ` are markers
    also where the other ones were removed.
    """
    for number, line in enumerate(lines):
        if line.startswith(_CONFLICT):
            raise InvalidFile(
                number + 1,
                "merge-conflict",
                Message("the file holds an unfinished merge of git: `{line}`", line=short(line)),
                Message(
                    "keep one of the two versions, remove the lines `<<<<<<<`, `=======`,"
                    " `>>>>>>>`; where an article shows such a line, indent it by a space"
                ),
            )


def _block(lines: list[str], first: int, marker: str, language: str) -> FrontMatter:
    is_end = _CLOSING.fullmatch if marker == "---" else re.compile(r"\+\+\+\s*").fullmatch
    end = next((i for i in range(first + 1, len(lines)) if is_end(lines[i])), None)
    if end is None:
        raise InvalidFile(
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
        raise InvalidFile(
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
    if language == "yaml":
        front = _of_wikijs(block, first + 2) or YAMLHandler().read(block, first + 2)
    else:
        front = _toml(block, first + 2)
    front.body_line = end + 2
    return front


_WIKIJS_LINE = re.compile(r"(title|description|published|date|tags|editor|dateCreated):(?: (.*))?")
_WIKIJS_QUOTED = re.compile(r"""\s*(?:"[^"]*"|'[^']*')\s*""")


def _of_wikijs(block: str, line: int) -> FrontMatter | None:
    """Front matter as Wiki.js writes it: no YAML, but each text as it is behind its key.

    Its titles hold colons, `#` and quotes bare. Known by its keys, all on lines of their own and
    each once; None for anything else, and where somebody put a value in quotes.
    """
    if "\neditor: " not in block or "\npublished: " not in block:
        return None
    front = FrontMatter()
    for number, written in enumerate(block.split("\n"), line):
        found = _WIKIJS_LINE.fullmatch(written)
        if not found or found[1] in front.lines or _WIKIJS_QUOTED.fullmatch(found[2] or ""):
            return None
        front.values[found[1]] = CONTROLS.sub("", (found[2] or "").strip()) or None
        front.lines[found[1]] = number
    return front


# --- YAML ---------------------------------------------------------------------------------------

_YAML_BREAKS = re.compile("[\x85\u2028\u2029]")  # line ends for YAML, not for an editor
_NO_ANCHOR: Any = None
_NULLS = ("", "~", "null", "Null", "NULL")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")  # pasted with a key


class _Refused(Exception):
    """A YAML node that front matter may not have; `can_quote`: in quotes it is allowed."""

    def __init__(
        self, event: Any, code: str, message: Message, cure: Message, *, can_quote: bool = False
    ) -> None:
        super().__init__(message)
        self.line: int = event.start_mark.line  # of the block, from 0
        self.code, self.message, self.cure, self.can_quote = code, message, cure, can_quote


class StrictComposer(Composer):
    """YAML composer that refuses aliases, anchors, tags, collections as keys, deep nesting.

    `strict_loader` mixes it into a loader of PyYAML. Raises `_Refused` at the first such node.
    """

    peek_event: Callable[[], Any]  # of the loader
    _count = 0  # nodes composed so far
    _depth = 0  # collections that are open

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        """Composes the next node, as PyYAML's method does.

        `parent` is None for the root; `index` is None for a key of a mapping and for the root.
        """
        event = self.peek_event()
        _refuse_reference(event)
        self._count += 1
        if self._count > _MAX_NODES or self._depth > _MAX_DEPTH:
            raise _Refused(event, *_TOO_DEEP)
        if isinstance(event, yaml.ScalarEvent):
            if parent is None and not _is_null(event):
                raise _not_keys(event, Message("{block} is plain text", block=_BLOCK))
            return self.compose_scalar_node(_NO_ANCHOR)
        if index is None and isinstance(parent, yaml.MappingNode):
            message = Message("a key must be text; this one is in brackets")
            cure = Message("quote the whole value: braces and brackets mean something to YAML")
            raise _Refused(event, "bad-yaml", message, cure, can_quote=True)
        is_list = isinstance(event, yaml.SequenceStartEvent)
        if parent is None and is_list:
            raise _not_keys(event, Message("{block} is a list", block=_BLOCK))
        self._depth += 1
        compose = self.compose_sequence_node if is_list else self.compose_mapping_node
        node = compose(_NO_ANCHOR)
        self._depth -= 1
        return node

    def resolve(self, *_: Any) -> str:
        """The tag of every node without one: text, for the key decides the type later."""
        return "tag:yaml.org,2002:str"


def strict_loader(base: type) -> Any:
    """A loader class like `base`, one of PyYAML, with `StrictComposer` as its composer."""
    return type("StrictLoader", (StrictComposer, base), {"__init__": base.__init__})  # type: ignore[misc]


_LOADER: Any = strict_loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader))


def _refuse_reference(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
        message = Message(
            "a value begins with `{sign}`: YAML takes that for a reference, and none are read",
            sign=sign,
        )
        cure = Message("quote the value")
        raise _Refused(event, "yaml-alias", message, cure, can_quote=True)
    if event.tag not in (None, "!"):
        message = Message(
            "a value begins with `!`: YAML takes {tag} for a type; none are read",
            tag=short(event.tag),
        )
        cure = Message("quote the value, or write it without the `!…`")
        raise _Refused(event, "yaml-tag", message, cure, can_quote=True)


def _not_keys(event: Any, message: Message) -> _Refused:
    cure = Message(
        "write `key: value` lines (if a rule was meant, put an empty line before the first `---`)"
    )
    return _Refused(event, "front-matter-not-keys", message, cure)


_TOO_DEEP = (
    "front-matter-too-deep",
    Message("{block} is nested too deeply or has too many values", block=_BLOCK),
    Message("write plain `key: value` lines; move data out of the article"),
)


class PlainScalar(str):
    """A text that `YAMLHandler.export` writes as a plain scalar, without quotes."""


class YAMLHandler(default_handlers.YAMLHandler):
    """YAML handler of python-frontmatter: reads scalars as text, writes quoted text.

    Reading refuses what `StrictComposer` refuses. Writing keeps the order of the keys and appends
    `remarks`, texts by key, as comments.
    """

    def __init__(self, remarks: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._remarks = remarks or {}

    def load(self, fm: str, **_: object) -> dict[str, Any]:
        """Parses a block of YAML to text, None, lists and mappings. Raises InvalidFile."""
        return self.read(fm, 1).values

    def read(self, block: str, line: int) -> FrontMatter:
        """Parses a block of YAML that begins on `line` of its file.

        Of a key that is given twice the last value counts, with a warning. Raises InvalidFile.
        """
        root = _composed(block, line)
        front = _keys_of(root, line)
        _read_hash(front, root, block.split("\n"), line)
        return front

    def export(self, metadata: dict[str, object], **_: object) -> str:
        """Formats the keys as YAML, one on each line, each item of a list on its own."""
        lines = []
        for key, value in metadata.items():
            remark = f"  # {self._remarks[key]}" if key in self._remarks else ""
            if isinstance(value, list):
                lines += [f"{key}:{remark}", *(f"  - {_quoted(item)}" for item in value)]
            else:
                text = value if isinstance(value, PlainScalar) else _quoted(str(value))
                lines.append(f"{key}: {text}{remark}")
        return "\n".join(lines)


def _composed(block: str, line: int) -> yaml.Node | None:
    """The root of a block of YAML that begins on `line` of its file. Raises InvalidFile."""
    try:
        root: yaml.Node | None = yaml.compose(_YAML_BREAKS.sub(" ", block), Loader=_LOADER)
        return root
    except _Refused as refused:
        cure = refused.cure
        if refused.can_quote:
            cure = _quote_cure(block.split("\n"), refused.line, cure)
        raise InvalidFile(line + refused.line, refused.code, refused.message, cure) from None
    except yaml.YAMLError as error:
        raise _yaml_mistake(error, block, line) from None
    except (RecursionError, ValueError, OverflowError, MemoryError) as error:
        raise InvalidFile(
            line,
            "bad-yaml",
            Message("{block} cannot be read: {reason}", block=_BLOCK, reason=str(error)),
            Message("write plain `key: value` lines"),
        ) from None


def read_list(content: str) -> list[tuple[int, FrontMatter | None]]:
    """Parses a YAML file that is a list of mappings: the line of each item, and its keys.

    The keys are None where an item is no mapping. Raises InvalidFile as `read` does, and where the
    file is no list.
    """
    lines = content.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() == "---":
        lines[0] = ""
    root = _composed("\n".join(["entries:", *lines]), 0)  # `StrictComposer` takes no list as a root
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    entries = pairs[0][1]
    if len(pairs) == 1 and isinstance(entries, yaml.ScalarNode) and _is_null(entries):
        return []
    if len(pairs) > 1 or not isinstance(entries, yaml.SequenceNode):
        raise InvalidFile(
            max(1, pairs[1][0].start_mark.line if len(pairs) > 1 else entries.start_mark.line),
            "not-a-list",
            Message("the file is not a list"),
            Message("begin each entry with `- `"),
        )
    return [
        (item.start_mark.line, _keys_of(item, 0) if isinstance(item, yaml.MappingNode) else None)
        for item in entries.value
    ]


def dumps(values: Mapping[str, object], body: str) -> str:
    """The text of a file with these keys, in their order, and this body."""
    return f"---\n{YAMLHandler().export(dict(values))}\n---\n{body.strip()}".rstrip() + "\n"


def _quoted(text: str) -> str:
    """A double-quoted YAML scalar: no colon, hash or leading `no` changes its meaning."""
    return escaping.line(json.dumps(text, ensure_ascii=False))


def _keys_of(root: yaml.Node | None, line: int) -> FrontMatter:
    """The front matter of a root mapping; any other root has no keys."""
    front = FrontMatter()
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        name, at = one_line(_UNSEEN.sub("", key.value)), line + key.start_mark.line
        if name in front.lines:
            message = Message(
                "`{key}` was given on line {line} already; this line counts",
                key=short(name),
                line=str(front.lines[name]),
            )
            front.warnings.append((at, "duplicate-key", message, Message("keep one of them")))
        front.lines[name] = at
        front.values[name] = _value(value)
    return front


_COMMENT = re.compile(r"\s+#.*")


def _read_hash(front: FrontMatter, root: yaml.Node | None, lines: list[str], line: int) -> None:
    """Warns of a title that YAML ends at ` #`; `#` right before a word is text, and is read."""
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value != "title" or not isinstance(value, yaml.ScalarNode) or value.style:
            continue
        mark = value.end_mark
        rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
        if not value.value or not _COMMENT.fullmatch(rest):
            continue
        message = Message("the title goes on after ` #`, where a comment begins to YAML")
        if re.match(r"\s+#\S", rest):
            front.values["title"] = f"{value.value} {rest.strip()}"
            message = Message("the title holds ` #`, where other programs read a comment")
        cure = Message("put the title in quotes, or drop the comment")
        front.warnings.append((line + mark.line, "title-hash", message, cure))


def _value(node: Any) -> _Plain:
    if isinstance(node, yaml.ScalarNode):
        return None if _is_null(node) else CONTROLS.sub("", node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    return {one_line(key.value): _value(value) for key, value in node.value}


def _is_null(scalar: Any) -> bool:
    return not scalar.style and scalar.value in _NULLS


_BRACKETS = re.compile(r"""\"[^"\n]*"|'[^'\n]*'|[\[{\]}]""")  # in quotes they are text


def _open_brackets(text: str) -> int:
    """The number of brackets that are open at the end of the text.

    YAML's scanner reads up to 1,024 characters ahead of its events, and some versions of it
    bound nesting themselves: what they refuse there has not reached the composer yet.
    """
    depth = 0
    for sign in _BRACKETS.findall(text):
        if sign in "[{":
            depth += 1
        elif sign in "]}":
            depth = max(depth - 1, 0)
    return depth


_PAIR = re.compile(r"(\s*(?:- +)?)([^\s#:][^:#]*):[ \t]+(.+?)\s*")


def _yaml_mistake(error: yaml.YAMLError, text: str, line: int) -> InvalidFile:
    """The error of YAML in the words of writers for the usual mistakes, else in its own."""
    mark = getattr(error, "problem_mark", None)
    if mark and isinstance(error, ComposerError):  # the one that `StrictComposer` leaves
        message = Message("a second document begins here")
        return InvalidFile(
            line + mark.line, "bad-yaml", message, Message("write one block of keys")
        )
    if mark and _open_brackets(text[: mark.index]) > _MAX_DEPTH:
        return InvalidFile(line + mark.line, *_TOO_DEEP)
    block = text.split("\n")
    mark = mark or getattr(error, "context_mark", None)
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
        problem = " ".join(str(reason).split())[:120]
        message = Message("{block} is not YAML: {reason}", block=_BLOCK, reason=problem)
        cure = Message("check this line and the one above it: `key: value`, indented by spaces")
    return InvalidFile(line + at, "bad-yaml", message, cure)


def _quote_cure(block: list[str], at: int, otherwise: Message) -> Message:
    """A cure that shows the line with its value quoted, if it is one key and one value."""
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


def _toml(block: str, line: int) -> FrontMatter:
    front = FrontMatter()
    lines = block.split("\n")
    # 50,000 dotted keys keep tomllib busy for more than a minute.
    if len(block) > _MAX_TOML or _DOTTED.search(block):
        raise InvalidFile(
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
        raise InvalidFile(
            line + at - 1,
            "bad-toml",
            Message(
                "the front matter is not TOML: {reason}", reason=str(error).partition(" (at")[0]
            ),
            Message('write `key = "value"`, or YAML between two lines `---`'),
        ) from None
    except (RecursionError, ValueError, OverflowError) as error:
        raise InvalidFile(
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
    """TOML values as text, so that YAML and TOML are converted by the same rules."""
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
    """The text in NFC, without control characters, each run of whitespace one space."""
    return " ".join(unicodedata.normalize("NFC", CONTROLS.sub("", value)).split())


def short(value: str, length: int = 60) -> str:
    """The text cut to at most `length` characters, for a message."""
    return value if len(value) <= length else value[: length - 1] + "…"
