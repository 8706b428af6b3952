"""Parser of one file: bytes to an Article or to Problems. Opens and renders nothing."""

import html
import posixpath
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from hashlib import blake2b
from typing import Any

from pydantic_core import PydanticCustomError

from kb.base.messages import Message
from kb.content import dialects, front_matter, gates, home_pages, language_folders
from kb.content.front_matter import CONTROLS, FrontMatter, InvalidFile, one_line
from kb.content.markup.admonitions import PHRASES
from kb.content.markup.models import Inclusions
from kb.content.metadata import MAX_TITLE, Metadata, convert, slug_of, without_ending
from kb.content.navigation import variables
from kb.content.own_words import own_words
from kb.content.problems import Problem
from kb.content.reading_order import INDEX_NAMES
from kb.content.tools import DOCUSAURUS, MINTLIFY, VITEPRESS
from kb.git.history import Change
from kb.language import tokens

VERSION = "7"  # of what `parse` makes of the same bytes; a new one makes every digest new
MAX_BYTES = 2 * 2**20


@dataclass(frozen=True, slots=True)
class Article:
    """An article as parsed from its file. Texts are in NFC and contain no NUL."""

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
    audience: tuple[str, ...] = ()  # who may read it; () is everybody
    translation_of: str = ""
    order: float | None = None  # its place among its neighbours in the topic
    label: str = ""  # its short title in a navigation
    place: tuple[str, ...] = ()  # the topics that its front matter names, the uppermost first
    parents: tuple[str, ...] = ()  # titles of the pages above it, the uppermost first
    dialect: str = ""  # a name of `tools`: whose keys and spellings it may hold
    also: tuple[str, ...] = ()  # further tools whose spellings its folder holds
    extra: Mapping[str, object] = field(default_factory=dict)  # unknown keys, as plain JSON values
    lines: Mapping[str, int] = field(
        default_factory=dict
    )  # line of each front-matter key in the file

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values, dates as ISO text; `from_json` reverses it."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Article":
        """The article of the values of `to_json`. Raises TypeError or ValueError for others."""
        known = dict(values)
        for name in _DATES:
            if known.get(name) is not None:
                known[name] = date.fromisoformat(known[name])
        for name in _LISTS:
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


_DATES = ("updated", "review_by", "publish", "expires")
_LISTS = ("tags", "answers", "related", "aliases", "audience", "place", "parents", "also")


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


@dataclass(frozen=True, slots=True)
class Defaults:
    """Default values of a file: settings, the dialect of its folder, its last commit."""

    lang: str = "ru"
    langs: tuple[str, ...] = ("ru", "en")
    max_bytes: int = MAX_BYTES
    author: str = ""
    updated: date | None = None
    dialect: str = ""  # of the folder
    also: tuple[str, ...] = ()  # further tools met in the folder
    inclusions: Inclusions = field(default_factory=Inclusions)  # what other files hold for it
    audience: tuple[str, ...] = ()  # that the folder's page sets for what is below
    address: str = ""  # that the settings of a tool give it, besides its own

    def of(self, change: Change | None) -> "Defaults":
        """The defaults of a file whose last commit is `change`, if it has one."""
        return replace(self, author=change.author, updated=change.updated) if change else self


@dataclass(frozen=True, slots=True)
class Parsed:
    """The result of parsing: an article and its problems, or no article and an error.

    An article with a problem of level `error` is a draft: a gate of it could not be read.
    """

    article: Article | None
    problems: tuple[Problem, ...] = ()


# --- one file -----------------------------------------------------------------------------------


def parse(path: str, data: bytes, defaults: Defaults | None = None) -> Parsed:
    """Parses the content of one file; never raises, whatever the bytes.

    `path` is relative to the articles folder, with "/". The result has an article, perhaps with
    problems, or no article and one problem of level `error`.
    """
    defaults = defaults or Defaults()
    try:
        text = _decode(data, defaults.max_bytes)
        lines = text.split("\n")
        _refuse_pointer(data)
        if "<<<<<<< " in text or ">>>>>>> " in text:  # most are spared a look at each line
            front_matter.refuse_conflict(lines)
        front = _with_variables(front_matter.read(lines), defaults)
        own_slug = _slug_of_path(path)
    except InvalidFile as wrong:
        return Parsed(None, (Problem(path, wrong.line, wrong.code, wrong.message, wrong.cure),))
    is_dated = defaults.updated is not None
    normalized = dialects.normalize(
        front, path, defaults.dialect, langs=defaults.langs, dated=is_dated,
        settings=defaults.inclusions.variables,
        address=defaults.address,
    )  # fmt: skip
    gated = gates.normalize(normalized.front, defaults.audience)
    metadata, warnings = convert(gated.front)
    is_mdx = path.endswith(".mdx") or defaults.dialect in (DOCUSAURUS, MINTLIFY)
    body, heading = _body(
        lines, front.body_line, wants_title=not metadata.title, keeps_parts=is_mdx
    )
    home = home_pages.text(front.values) if defaults.dialect == VITEPRESS else ""
    problems = [Problem(path, *warning, level="warning") for warning in warnings]
    problems += [Problem(path, *problem) for problem in gated.problems]
    problems += _control_characters(path, data, front.lines.get("title", 0))
    heading = variables.filled(heading, defaults.inclusions.variables)
    named = home_pages.title(front.values) if home else normalized.label
    title = metadata.title or heading or tokens.shorten(named, MAX_TITLE)
    if not title:
        problems.append(_no_title(path))
    name = _title_of(own_slug)
    body_line = front.body_line
    if home:
        body_line -= home.count("\n") + 2  # so that what follows keeps its lines
        body = f"{home}\n\n{body}"
    lang = metadata.lang or _language(path, title or name, body, defaults)
    if defaults.dialect and not body.strip():
        body = _moved(front, title or name, lang) or _endpoint(front, defaults.dialect)
    values = {key: getattr(metadata, key) for key in Metadata.model_fields}
    values |= {
        "title": title or name,
        "slug": metadata.slug or own_slug,
        "lang": lang,
        "category": metadata.category or _category(path, defaults.langs),
        "author": metadata.author or defaults.author,
        "updated": metadata.updated or defaults.updated,
        "order": metadata.order if normalized.order is None else normalized.order,
    }
    article = Article(
        path=path,
        body=body,
        body_line=max(body_line, 1),
        label=tokens.shorten(normalized.label, MAX_TITLE),
        place=_place(metadata.category, front, path, defaults.langs),
        parents=normalized.parents,
        dialect=defaults.dialect,
        also=defaults.also,
        extra={k: v for k, v in front.values.items() if k not in Metadata.model_fields},
        lines=gated.front.lines,
        **values,
    )
    return Parsed(article, tuple(sorted(problems)))


def _with_variables(front: FrontMatter, defaults: Defaults) -> FrontMatter:
    """The front matter with the values of its tool's variables in its texts."""
    known = defaults.inclusions.variables
    if not known:
        return front
    return replace(
        front, values={key: variables.filled(value, known) for key, value in front.values.items()}
    )


def _moved(front: FrontMatter, title: str, lang: str) -> str:
    """The text of a page without one that only leads to another: a link there; else ""."""
    target = dialects.redirect(front.values)
    if not target or re.search(r"[<>\s]", target):
        return ""
    words = PHRASES.get(lang, PHRASES["en"])["moved"]
    return f"{words} [{re.sub(r'([][])', r'', title)}](<{target}>)"


def _endpoint(front: FrontMatter, dialect: str) -> str:
    """What a page of Mintlify without text describes: an endpoint such as `GET /users`."""
    named = (front.values.get(key) for key in ("openapi", "api")) if dialect == MINTLIFY else ()
    return next((f"`{one_line(each)}`" for each in named if isinstance(each, str) and each), "")


def _no_title(path: str) -> Problem:
    return Problem(
        path,
        1,
        "no-title",
        Message("the article has no title; its file name is shown instead"),
        Message("write `title: …` in the front matter, or a first line `# …`"),
        "hint",
    )


LFS_POINTER = b"version https://git-lfs.github.com/spec/"  # the beginning of a file


def _refuse_pointer(data: bytes) -> None:
    """Raises InvalidFile where the content of the file lies in Git LFS and was not fetched."""
    if data.startswith(LFS_POINTER):
        raise InvalidFile(
            1,
            "lfs-pointer",
            Message("the file is a pointer of Git LFS, not the text itself"),
            Message("fetch it: `git lfs pull`, also where the site is published from"),
        )


_ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    r"|\\(?:x|u00)[01][0-9A-Fa-f]|\A(?>.*?:\s*\").*\\[abefv0]"
)


def _control_characters(path: str, data: bytes, line: int) -> list[Problem]:
    """A warning where the line of the title holds characters that nobody sees."""
    if not line:
        return []
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    written = data.split(b"\n", line)[line - 1]
    if not _ODD.search(written.decode("utf-8", "replace").removeprefix("\ufeff")):
        return []
    message = Message("the title holds control characters, which nobody sees; they are left out")
    cure = Message("type the title anew")
    return [Problem(path, line, "title-characters", message, cure, "warning")]


_CONTROLS = bytes((*range(0x09), *range(0x0B, 0x20), 0x7F))  # what `CONTROLS` matches in UTF-8
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def _decode(data: bytes, max_bytes: int) -> str:
    """Decodes UTF-8 to NFC with `\\n` line ends, without byte-order mark and controls."""
    if len(data) > max_bytes:
        raise too_large(len(data), max_bytes)
    if data.startswith(_UTF16):
        raise InvalidFile(
            1,
            "utf16",
            Message("the file is UTF-16, not UTF-8"),
            Message("save it as UTF-8 (in Notepad: Save as, Encoding)"),
        )
    if (at := data.find(b"\0")) >= 0:
        raise InvalidFile(
            _line_of(data, at),
            "nul",
            Message("the file holds a NUL byte: it is no text, or it is UTF-16"),
            Message("save it as UTF-8 text"),
        )
    try:
        found = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise _not_utf8(data, start) from None
    if "\r" in found:
        found = found.replace("\r\n", "\n").replace("\r", "\n")
    if len(data.translate(None, _CONTROLS)) < len(data):  # most are spared a look at each letter
        found = CONTROLS.sub("", found)
    return found if found.isascii() else unicodedata.normalize("NFC", found)


def too_large(size: int, max_bytes: int) -> InvalidFile:
    """The error `too-large` of a file with `size` bytes where `max_bytes` are allowed."""
    return InvalidFile(
        1,
        "too-large",
        Message("the file has {size} bytes; {most} are allowed", size=size, most=max_bytes),
        Message("split the article, or raise KB_MAX_ARTICLE_BYTES"),
    )


def _not_utf8(data: bytes, at: int) -> InvalidFile:
    byte = f"0x{data[at]:02x}"
    message, name = Message("byte {byte} is not UTF-8", byte=byte), "LATIN1"
    if _is_old_russian(data):
        message = Message("byte {byte} is not UTF-8; it looks like Windows-1251", byte=byte)
        name = "WINDOWS-1251"
    cure = Message("save the file as UTF-8: `iconv -f {name} -t UTF-8 FILE`", name=name)
    return InvalidFile(_line_of(data, at), "not-utf8", message, cure)


def _line_of(data: bytes, at: int) -> int:
    before = data[:at].replace(b"\r\n", b"\n")
    return 1 + before.count(b"\n") + before.count(b"\r")


def _is_old_russian(data: bytes) -> bool:
    """Whether the bytes look like Russian text in Windows-1251, the usual case."""
    guess = data[:4096].decode("cp1251", "replace")
    cyrillic = sum("а" <= char <= "я" for char in guess.lower())
    return cyrillic * 3 > len(guess)


# --- slug, language, category, title ------------------------------------------------------------


RENAME = Message("rename it: letters, digits, - and _")


def _slug_of_path(path: str) -> str:
    try:
        slug = slug_of(unicodedata.normalize("NFC", without_ending(path)))
    except PydanticCustomError:
        slug = ""
    if not slug:
        raise InvalidFile(
            1,
            "bad-name",
            Message("the name of the file or of a folder above it cannot be an address"),
            RENAME,
        )
    return slug


def _language(path: str, title: str, body: str, defaults: Defaults) -> str:
    if named := language_folders.split(path, defaults.langs)[0]:
        return named
    if body.isascii() and title.isascii() and tokens.language_of_most_words(title) == "en":
        return "en" if "en" in defaults.langs else defaults.lang
    found = ""
    for sample in _SAMPLES:
        russian, english = tokens.words_of_languages(own_words(f"{title}\n{body[:sample]}"))
        found = tokens.majority(russian, english)
        if len(body) <= sample or max(russian, english) > _CLEAR * min(russian, english) + _CLEAR:
            break
    return found if found in defaults.langs else defaults.lang


_SAMPLES = (1_500, 40_000)  # characters that are read to tell the language; most need the first
_CLEAR = 4  # how many times as many words one language must have for the first to do


def _category(path: str, langs: tuple[str, ...]) -> str:
    folders = language_folders.split(path, langs)[1].split("/")[:-1]
    return one_line(folders[-1]) if folders else ""


_COLLECTIONS = ("", "_posts", "posts", "blog")  # folders that say nothing of a topic


def _place(category: str, front: FrontMatter, path: str, langs: tuple[str, ...]) -> tuple[str, ...]:
    """The topics that a file names: by `category`, or by a label where no folder says more."""
    folder = posixpath.basename(posixpath.dirname(language_folders.split(path, langs)[1]))
    if not front.values.get("category") and folder not in _COLLECTIONS:
        return ()
    return tuple(name for part in category.split("/") if (name := part.strip()))


def _title_of(slug: str) -> str:
    parts = slug.split("/")
    name = parts[-1]
    if name.lower() in INDEX_NAMES and len(parts) > 1:
        name = parts[-2]
    words = re.sub("[-_]+", " ", name).strip() or name
    return tokens.shorten(words[:1].upper() + words[1:], MAX_TITLE)


_HEADING = re.compile(r" {0,3}#[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_OWN_IDS = re.compile(r"(?:[ \t]*\{:?[ ]*#[^{}\s<>\"&]+[^{}]*\})+[ \t]*$")
_MDX_IMPORT = re.compile(
    r"""import\s[^;]*?['"][^'"]+['"]\s*+(?:;\s*+)?|export\s+(?:const|default)\b.*;\s*"""
)

_MDX_PART = re.compile(r"""\.mdx?['"]""")


def _body(
    lines: list[str], body_line: int, *, wants_title: bool, keeps_parts: bool = False
) -> tuple[str, str]:
    """The Markdown body, and its first `# heading` where that serves as the title.

    Such a heading leaves the body as an empty line, or as the places that its ids name, so that the
    lines after it keep their numbers, and so do imports; with `keeps_parts` those of texts stay,
    for the body to name them.
    """
    body = lines[body_line - 1 :]
    for number, line in enumerate(body):
        if line.strip() and not _MDX_IMPORT.fullmatch(line):
            break
        if not (keeps_parts and _MDX_PART.search(line)):
            body[number] = ""
    heading = ""
    if wants_title:
        at, heading = _first_heading(body)
        if heading:
            body[at] = _places(body[at])
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
        elif (found := _HEADING.fullmatch(line)) and (title := heading_text(found[1])):
            return number, title
        elif (
            re.fullmatch("=+ *", body[number + 1] if number + 1 < len(body) else "")
            and line.strip()
            and not line.startswith((" ", "\t", "#", "|", ">", "-", "*"))
            and (not number or not body[number - 1].strip())
        ):
            return number, heading_text(line)
    return 0, ""


def _places(heading: str) -> str:
    """The ids that the writer gave to a heading, as places that links lead to."""
    own = _OWN_IDS.search(heading) if "{" in heading else None
    ids = re.findall(r"#([^{}\s<>\"&]+)", own[0]) if own else ()
    return "".join(f'<a id="{id_}"></a>' for id_ in ids)


_MARKS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>"), ""),
    (re.compile(r"(?:\s*\{:? *[#.][^{}]*\})+\s*$"), ""),
    (re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])"), r"\1"),
    (re.compile(r"(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])([*_])(?=\S)([^*_]+?)(?<=\S)\1(?![\w*])"), r"\2"),
)
# Code and escaped signs are no markup: their signs become references until the marks are gone.
_LITERAL = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)|\\([!-/:-@\[-`{-~])")


def heading_text(heading: str) -> str:
    """The plain text of a Markdown heading, of which at most 2,000 characters are read."""
    words = _LITERAL.sub(_referenced, heading[:2000])
    for pattern, instead in _MARKS:
        words = pattern.sub(instead, words)
    return tokens.shorten(one_line(html.unescape(words)), MAX_TITLE)


def _referenced(found: re.Match[str]) -> str:
    """Code or an escaped sign as HTML character references."""
    code = (found[2] or "").strip() or found[2]
    return "".join(f"&#{ord(sign)};" for sign in code or found[3])


def digest(path: str, data: bytes, defaults: Defaults | None = None) -> str:
    """Digest of everything `parse` depends on, 32 hexadecimal digits.

    Equal digests mean that `parse` gives an equal article.
    """
    defaults = defaults or Defaults()
    given = (
        VERSION, path, defaults.lang, *defaults.langs, defaults.author, str(defaults.updated),
        defaults.dialect, *defaults.also, "", *defaults.audience,
        *(("", defaults.address) if defaults.address else ()),
    )  # fmt: skip
    result = blake2b("\0".join(given).encode("utf-8", "surrogatepass"), digest_size=16)
    included = defaults.inclusions
    if included.texts or included.variables:
        used = (sorted(included.texts.items()), sorted(included.variables.items()))
        result.update(repr(used).encode("utf-8", "surrogatepass"))
    result.update(b"\0\0")
    result.update(data)
    return result.hexdigest()
