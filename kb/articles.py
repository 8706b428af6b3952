"""One file of text to an Article, or to Problems that say what to do about it. Renders nothing."""

import errno
import html
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import PydanticCustomError

from kb import dialects, front_matter, text
from kb.errors import ArticlesMissing
from kb.front_matter import CONTROLS, Wrong, one_line, short
from kb.history import Change
from kb.keys import ENDINGS, MAX_TITLE, Known, shorten, slug_of, typed, without_ending
from kb.messages import NOTHING, Message
from kb.reading import INDEX_NAMES

VERSION = "1"  # of what `parse` makes of the same bytes; a new one makes every digest new
MAX_BYTES = 2 * 2**20


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
    message: Message
    cure: Message = NOTHING
    level: str = "error"

    def to_json(self) -> list[Any]:
        """Plain JSON values; `from_json` gives an equal problem back."""
        message, cure = self.message.to_json(), self.cure.to_json()
        return [self.path, self.line, self.code, message, cure, self.level]

    @classmethod
    def from_json(cls, told: Sequence[Any]) -> "Problem":
        """The problem `to_json` was asked of. Raises TypeError or ValueError for anything else."""
        path, line, code, message, cure, level = told
        return cls(path, line, code, Message.from_json(message), Message.from_json(cure), level)


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
    order: float | None = None  # its place in its category, where another tool's key gives one
    dialect: str = ""  # of `dialects`: whose spellings the body may hold
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
    """What a file may leave unsaid: settings, its folder, and what git knows of this file."""

    lang: str = "ru"
    langs: tuple[str, ...] = ("ru", "en")
    max_bytes: int = MAX_BYTES
    author: str = ""
    updated: date | None = None
    dialect: str = ""  # of the folder

    def of(self, change: Change | None) -> "Defaults":
        """The defaults for a file with this last change."""
        return replace(self, author=change.author, updated=change.updated) if change else self


@dataclass(frozen=True, slots=True)
class Parsed:
    """What came of one file: an article, perhaps with warnings; or none, and at least one error."""

    article: Article | None
    problems: tuple[Problem, ...] = ()


# --- one file -----------------------------------------------------------------------------------


def parse(path: str, data: bytes, defaults: Defaults | None = None) -> Parsed:
    """The article in `data`, found at `path` below the articles folder. Any bytes are a Parsed."""
    defaults = defaults or Defaults()
    try:
        lines = _decode(data, defaults.max_bytes).split("\n")
        front = front_matter.read(lines)
        own_slug = _slug_of_path(path)
    except Wrong as wrong:
        return Parsed(None, (Problem(path, wrong.line, wrong.code, wrong.message, wrong.cure),))
    is_dated = defaults.updated is not None
    meaning = dialects.meaning(front, path, defaults.dialect, langs=defaults.langs, dated=is_dated)
    known, warnings = typed(meaning.front)
    body, heading = _body(lines, front.body_line, wants_title=not known.title)
    notes = [Problem(path, *warning, level="warning") for warning in warnings]
    title = known.title or heading or shorten(meaning.label, MAX_TITLE)
    if not title:
        notes.append(_no_title(path))
    lang = known.lang or _language(path, heading, body, defaults)
    return Parsed(
        Article(
            path=path,
            slug=known.slug or own_slug,
            title=title or _title_of(own_slug),
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
            order=meaning.order,
            dialect=defaults.dialect,
            extra={k: v for k, v in front.values.items() if k not in Known.model_fields},
            lines=meaning.front.lines,
        ),
        tuple(sorted(notes)),
    )


def _no_title(path: str) -> Problem:
    return Problem(
        path,
        1,
        "no-title",
        Message("the article has no title; its file name is shown instead"),
        Message("write `title: …` in the front matter, or a first line `# …`"),
        "hint",
    )


_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def _decode(data: bytes, max_bytes: int) -> str:
    """The text with `\\n` line ends, composed, without byte-order mark and control characters."""
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    if data.startswith(_UTF16):
        raise Wrong(
            1,
            "utf16",
            Message("the file is UTF-16, not UTF-8"),
            Message("save it as UTF-8 (in Notepad: Save as, Encoding)"),
        )
    if (at := data.find(b"\0")) >= 0:
        raise Wrong(
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
    found = CONTROLS.sub("", found)
    return found if found.isascii() else unicodedata.normalize("NFC", found)


def _too_large(size: int, max_bytes: int) -> Wrong:
    return Wrong(
        1,
        "too-large",
        Message("the file has {size} bytes; {most} are allowed", size=size, most=max_bytes),
        Message("split the article, or raise KB_MAX_ARTICLE_BYTES"),
    )


def _not_utf8(data: bytes, at: int) -> Wrong:
    byte = f"0x{data[at]:02x}"
    message, name = Message("byte {byte} is not UTF-8", byte=byte), "LATIN1"
    if _is_old_russian(data):
        message = Message("byte {byte} is not UTF-8; it looks like Windows-1251", byte=byte)
        name = "WINDOWS-1251"
    cure = Message("save the file as UTF-8: `iconv -f {name} -t UTF-8 FILE`", name=name)
    return Wrong(_line_of(data, at), "not-utf8", message, cure)


def _line_of(data: bytes, at: int) -> int:
    before = data[:at].replace(b"\r\n", b"\n")
    return 1 + before.count(b"\n") + before.count(b"\r")


def _is_old_russian(data: bytes) -> bool:
    """Whether the file seems to be Russian text of old Windows, which is the usual case."""
    guess = data[:4096].decode("cp1251", "replace")
    cyrillic = sum("а" <= char <= "я" for char in guess.lower())
    return cyrillic * 3 > len(guess)


# --- slug, language, category, title ------------------------------------------------------------


_RENAME = Message("rename it: letters, digits, - and _")


def _slug_of_path(path: str) -> str:
    try:
        slug = slug_of(unicodedata.normalize("NFC", without_ending(path)))
    except PydanticCustomError:
        slug = ""
    if not slug:
        raise Wrong(
            1,
            "bad-name",
            Message("the name of the file or of a folder above it cannot be an address"),
            _RENAME,
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
    return one_line(folders[-1])


def _title_of(slug: str) -> str:
    parts = slug.split("/")
    name = parts[-1]
    if name.lower() in INDEX_NAMES and len(parts) > 1:
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
    return shorten(one_line(html.unescape(words)), MAX_TITLE)


# --- the folder ---------------------------------------------------------------------------------


class Source(NamedTuple):
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
                found = _source(top, path, entry)
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
        message = Message("a link to another folder is not followed")
        cure = Message("list the articles where they are")
        return Problem(shown(path), 1, "link-to-folder", message, cure, "warning")
    return _outside(path)


_PUT_HERE = Message("put the file itself here")


def _outside(path: str) -> Problem:
    message = Message("the link leads out of the articles folder")
    return Problem(shown(path), 1, "link-outside", message, _PUT_HERE)


def _unreadable(path: str, error: OSError) -> Problem:
    reason = error.strerror or str(error)
    if error.errno == errno.ENAMETOOLONG:
        cure = Message("shorten the names of the folders above it")
    else:
        cure = Message("let the service's user read it (chmod a+r, a+x for folders)")
    message = Message("cannot be read: {reason}", reason=reason)
    return Problem(shown(path) or ".", 1, "unreadable", message, cure)


def _source(top: str, path: str, entry: os.DirEntry[str]) -> Source | Problem:
    is_link = entry.is_symlink()
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        message = Message("the file's name is not UTF-8")
        return Problem(shown(path), 1, "bad-name", message, _RENAME)
    try:
        if is_link and not _inside(top, os.path.realpath(os.path.join(top, path))):
            return _outside(path)
        found = entry.stat()
    except FileNotFoundError:
        message = (
            Message("the link leads nowhere") if is_link else Message("the file has just gone")
        )
        cure = Message("put the file itself here, or remove the link")
        return Problem(shown(path), 1, "link-broken", message, cure)
    except OSError as error:
        if error.errno == errno.ELOOP:
            message = Message("the link leads to itself")
            return Problem(shown(path), 1, "link-broken", message, _PUT_HERE)
        return _unreadable(path, error)
    if not stat.S_ISREG(found.st_mode):
        return _not_a_file(path, found.st_mode)
    return Source(path, found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns)


_KINDS = {
    stat.S_IFIFO: Message("is a pipe, not a text file"),
    stat.S_IFSOCK: Message("is a socket, not a text file"),
    stat.S_IFCHR: Message("is a device, not a text file"),
    stat.S_IFBLK: Message("is a device, not a text file"),
}


def _not_a_file(path: str, mode: int) -> Problem:
    message = _KINDS.get(stat.S_IFMT(mode), Message("is no file, not a text file"))
    return Problem(shown(path), 1, "not-a-file", message, Message("remove it"))


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
    told = (
        VERSION, path, defaults.lang, *defaults.langs, defaults.author, str(defaults.updated),
        defaults.dialect,
    )  # fmt: skip
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
    claimed: tuple[Article, ...] = ()  # the articles with the aliases they ask for, taken or not


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
                    Message(
                        "the address {slug} belongs to {path} already",
                        slug=short(article.slug),
                        path=owner.path,
                    ),
                    Message("give one of them another `slug`")
                    if owner.slug == article.slug
                    else Message("give one of them another `slug` (capitals make no difference)"),
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
                        Message(
                            "the alias {alias} belongs to {path}; it is dropped",
                            alias=short(alias),
                            path=owner.path,
                        ),
                        Message("remove it from one of them"),
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
    paths = {article.path for article in settled}
    return Scan(
        settled,
        tuple(sorted((*problems, *taken))),
        found.skipped,
        found.sources,
        tuple(article for article in articles if article.path in paths),
    )


def _parse_all(
    root: Path, sources: Iterable[Source], defaults: Defaults, changes: Mapping[str, Change]
) -> Iterator[Parsed]:
    files = {source.path: read(root, source, defaults.max_bytes) for source in sources}
    folders = dialects.Folders.of(
        (path, dialects.mark(path, data)) for path, data in files.items() if isinstance(data, bytes)
    )
    for path, data in files.items():
        if isinstance(data, Problem):
            yield Parsed(None, (data,))
        else:
            own = replace(defaults.of(changes.get(path)), dialect=folders.dialect(path))
            yield parse(path, data, own)
