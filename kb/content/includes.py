"""Texts that articles include from other files of their folder, and variables of its tool.

Only regular files inside the folder are read, none that is hidden and no article that is kept back.
A text of a folder for some readers is included by articles for the same readers alone.
"""

import os
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from kb.base import regular_files
from kb.base.audiences import is_restricted, label
from kb.content import front_matter, gates, regions, tools
from kb.content.articles import Article, heading_text, parse
from kb.content.gates import FolderAudiences
from kb.content.link_table import distance
from kb.content.markup import heading_ids
from kb.content.markup.liquid import TITLED
from kb.content.markup.models import APPENDED, TITLE, Inclusions
from kb.content.markup.vitepress import INCLUDE, SNIPPET, snippet
from kb.content.metadata import ENDINGS, without_ending
from kb.content.navigation import variables

_MOST_FILES, _MOST_BYTES = 200, 1 << 20  # of one article
_MOST_INHERITED = 6  # files of settings
# Each begins with what must be there, so that a text without any is passed over fast.
_REFERENCES = re.compile(
    r"\{%-?\s*include\s+(?:notitle\s+)?\[[^\]]{0,1000}+\]\((?P<diplodoc>[^)\s]+)\)"
    r"|\{%-?\s*include(?:_relative|-markdown)?\s+[\"']?(?P<jekyll>[\w./-]+\.\w+)"
    r"|\[!(?i:include)\s*\[[^\]\n]{0,1000}+\]\((?P<docfx>[^)\n]{0,500}+)\)"
    r"|-8<-{1,2}[ \t]+[\"'](?P<mkdocs>[^\"'\n]+)[\"']"
    r"|\{\{[<%]\s*(?:include|readfile|code_sample|code-sample|codenew|code)\s[^}>]{0,500}?"
    r"[\"'](?P<hugo>[^\"'\s]{1,500}\.\w+)[\"']"
    r"|!\[\[(?P<obsidian>[^\[\]|\n]+)(?:\|[^\]\n]*)?\]\]"
    r"|\nimport\s+\w+\s+from\s+['\"](?P<mdx>[^'\"\n]+\.mdx?)['\"]"
    r"|\]\((?P<docsify>[^\s()]+)[ \t]+[\"']:include\b[^\"'\n]*[\"']\)"
    r"|<Snippet\s+file=[\"'](?P<mintlify>[^\"'\n]+)[\"']"
    rf"|{TITLED}(?:\{{#T\}})?\]\((?P<title>[^)\s]+)"
    rf"|{INCLUDE.pattern.replace('?P<path>', '?P<vitepress>')}"
    rf"|\n[ \t>]*{SNIPPET.pattern.replace('?P<path>', '?P<snippet>')}"
)
_SIGNS = (
    b"{", b"[!", b"[](", b"-8<-", b"![[", b"import", b"@include", b"<<<", b":include",
    b"<Snippet",
)  # fmt: skip
"""What a text must hold to include anything; most hold nothing of it."""
_BESIDE = ("", "_includes", "includes", "examples", "_snippets", "snippets", tools.SNIPPETS)
_FRONT = re.compile(r"\A\s*---[ \t]*\n.*?^---[ \t]*$\n?", re.S | re.M)
_RELATIVE = re.compile(
    r"(?P<before>\]\(<?|\b(?:src|href)=[\"']|^[ \t]*\[[^\]\n]+\]:[ \t]+)"
    r"(?P<target>(?![a-z][\w+.-]*:|[/#~@<{])[^\s)>\"']+)",
    re.M | re.I,
)
_AUTO_APPEND = re.compile(r"\bauto_append:[ \t]*\n((?:[ \t]*-[ \t]*\S+[ \t]*\n?)+)")


class _Found(NamedTuple):
    """The file that an address means, or where it would be; its text, if it has one for us."""

    path: str
    text: str | None = None
    references: tuple[tuple[str, str], ...] = ()  # kinds and addresses that the text includes


class Includes:
    """Reads what articles of one folder include; each file is read once."""

    def __init__(
        self,
        root: Path,
        articles: Iterable[str],
        tool_files: Iterable[str] = (),
        audiences: FolderAudiences | None = None,
    ) -> None:
        self._audiences = audiences or FolderAudiences()
        self._top = os.path.realpath(root)
        self._articles = articles
        self._settings = [path for path in tool_files if variables.are_in(path)]
        # What Jekyll says of a collection counts for articles that name no variable, too.
        self._is_site = any(posixpath.basename(path) == "_config.yml" for path in self._settings)
        self._texts: dict[str, str | None] = {}
        self._states: dict[str, str] = {}
        self._reals: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        self._heads: dict[str, int] = {}  # lines of front matter, which the texts lack
        # By folder, kind, address and audience.
        self._known: dict[tuple[str, str, str, str], _Found] = {}  # of a place alone, by article
        self._variables: dict[str, Mapping[str, str]] = {}
        self._above: dict[str, list[str]] = {}  # settings that a file of them inherits

    def of(self, path: str, content: bytes) -> Inclusions:
        """What the article at `path` with this content includes, and the variables it may name."""
        if not self._settings and not any(sign in content for sign in _SIGNS):
            return Inclusions()
        body = content.decode("utf-8", "replace")
        named, settings = self._variables_of(path) if "{" in body or self._is_site else ({}, ())
        known = {**named, **_of_page(body)}
        audience = label(gates.own_audience(content) or self._audiences.audience(path))
        texts: dict[str, str] = {}
        files: list[str] = list(settings)
        waiting, size = [tuple(_references(body))], 0
        while waiting and len(files) < _MOST_FILES and size < _MOST_BYTES:
            for kind, address in waiting.pop():
                key = TITLE + address if kind == "title" else address
                if key in texts:
                    continue
                found = self._found(path, kind, address, audience)
                files.append(found.path)
                if found.text is not None:
                    texts[key] = found.text
                    waiting.append(found.references)
                    size += len(found.text)
        for setting, address in self._appended(path):
            files += (setting, address)
            if (text := self._shared(address, audience)) is not None:
                texts[APPENDED + address] = text
        paths = tuple(dict.fromkeys(files))
        return Inclusions(texts, known, paths, self.state(paths))

    def state(self, files: Collection[str]) -> str:
        """A digest that changes when one of the files does; "" for none."""
        if not files:
            return ""
        states = [self._state(path) for path in files]
        return blake2b(repr(states).encode(), digest_size=8).hexdigest()

    # ------------------------------------------------------------ finding and reading

    @cached_property
    def _names(self) -> Mapping[str, list[str]]:
        """The articles by the names of their files."""
        names: dict[str, list[str]] = {}
        for path in self._articles:
            names.setdefault(posixpath.basename(without_ending(path)).lower(), []).append(path)
        return names

    def _found(self, path: str, kind: str, address: str, audience: str) -> "_Found":
        """The file that an address means in any article of the folder of `path` for an audience."""
        folder = path if address.startswith("#") else posixpath.dirname(path)
        key = folder, kind, address, audience
        if key not in self._known:
            self._known[key] = self._find(path, kind, address, audience)
        return self._known[key]

    def _find(self, path: str, kind: str, address: str, audience: str) -> "_Found":
        whole, range_ = regions.split_range(address)
        place, _, section = whole.partition("#")
        first = ""
        for candidate in self._candidates(path, kind, unquote(place.strip())):
            first = first or candidate
            if (text := self._shared(candidate, audience)) is not None:
                if kind == "title":
                    known = self._variables_of(candidate)[0]
                    titled = _titled(text, section) if section else ""
                    title = variables.filled(titled, known) or self._titles.get(candidate, "")
                    return _Found(candidate, title)
                if kind == "docsify" and not candidate.lower().endswith(ENDINGS):
                    return _Found(candidate, text)
                if kind == "snippet":
                    return _Found(candidate, regions.region(text, section) if section else text)
                part = regions.region(text, section) if section and "region" in text else None
                before = 0 if section else self._heads.get(candidate, 0)
                part = _section(text, section) if part is None else part
                text = _rebased(regions.lines(part, range_, before), candidate, path)
                return _Found(candidate, text, tuple(_references(text)))
        return _Found(first or place)

    def _candidates(self, path: str, kind: str, place: str) -> Iterator[str]:
        folder = posixpath.dirname(path)
        if kind == "title" and not place:
            yield path
            return
        if kind == "obsidian":
            near = self._names.get(posixpath.basename(without_ending(place)).lower(), ())
            yield from sorted(near, key=lambda other: (distance(path, other), other))
            return
        if not place.startswith(("/", "~", "@")):
            yield _joined(folder, place)
        if kind in ("diplodoc", "title"):
            return
        inner = re.sub(r"^(?:~/|@site/|@?/)", "", place)
        for above in (*_folders_above(path), ""):
            for beside in _BESIDE:
                yield _joined(posixpath.join(above, beside), inner)

    def _shared(self, path: str, audience: str) -> str | None:
        """The text of a file if it may stand in an article for this audience."""
        return self._text(path) if self._readers(path) <= {"", audience} else None

    def _readers(self, path: str) -> set[str]:
        """The audiences of the folders of a file: where it is named, and where it lies."""
        return {label(self._audiences.audience(each)) for each in (path, self._real(path))}

    def _real(self, path: str) -> str:
        """Where the file at a path lies behind all links; "" outside the folder."""
        if path not in self._reals:
            real = os.path.realpath(os.path.join(self._top, path))
            is_inside = real.startswith(self._top + os.sep)
            self._reals[path] = real[len(self._top) + 1 :] if is_inside else ""
        return self._reals[path]

    def _text(self, path: str) -> str | None:
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _read(self, path: str) -> str | None:
        """The text of a file without front matter; None if it may not or cannot be read."""
        real = self._real(path)
        if not real or any(map(tools.is_kept_hidden, map(tools.beside_snippets, (path, real)))):
            return None
        try:
            content = regular_files.read(os.path.join(self._top, real), _MOST_BYTES + 1)
        except OSError:
            return None
        if len(content) > _MOST_BYTES or b"\0" in content:
            return None
        if path.lower().endswith(ENDINGS) or real.lower().endswith(ENDINGS):
            article = parse(path, content).article
            if _is_kept_back(article):
                return None
            title = article.title if article else ""
            self._titles[path] = variables.filled(title, self._variables_of(path)[0])
        text = content.decode("utf-8-sig", "replace").replace("\r\n", "\n")
        if front := _FRONT.match(text):
            self._heads[path] = front[0].count("\n")
        return _FRONT.sub("", text)

    def _state(self, path: str) -> str:
        if path not in self._states:
            try:
                found = os.stat(os.path.join(self._top, path))
                own = " ".join(sorted(self._readers(path)))
                self._states[path] = f"{path}:{found.st_size}:{found.st_mtime_ns}:{own}"
            except (OSError, ValueError):
                self._states[path] = f"{path}:"
        return self._states[path]

    def _appended(self, path: str) -> Iterator[tuple[str, str]]:
        """The files that MkDocs appends to every page, each with the settings that say so."""
        for settings in self._settings:
            folder = posixpath.dirname(settings)
            is_above = not folder or path.startswith(f"{folder}/")
            if posixpath.basename(settings).startswith("mkdocs.") and is_above:
                found = _AUTO_APPEND.search(self._text(settings) or "")
                for name in re.findall(r"-\s*[\"']?([^\s\"']+)", found[1]) if found else ():
                    yield settings, _joined(folder, name)

    # ------------------------------------------------------------ variables

    def _variables_of(self, path: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """The variables of the folders above an article, the nearest first."""
        folders = ("", *reversed(list(_folders_above(path))))
        files = [file for file in self._settings if posixpath.dirname(file) in folders]
        found: dict[str, str] = {}
        read: dict[str, None] = {}
        for file in sorted(files, key=lambda file: file.count("/")):
            for each in self._inherited(file):
                if each not in self._variables:
                    kind = posixpath.basename(file)
                    self._variables[each] = variables.read(kind, self._text(each) or "")
                found |= self._variables[each]
                read[each] = None
        return found, tuple(read)

    def _inherited(self, file: str) -> list[str]:
        """The settings that a file of MkDocs inherits, the uppermost first, and itself."""
        if file not in self._above:
            chain = [file]
            while posixpath.basename(file).startswith("mkdocs.") and len(chain) < _MOST_INHERITED:
                above = variables.inherited(self._text(chain[-1]) or "")
                path = _joined(posixpath.dirname(chain[-1]), above) if above else ""
                if not path or path in chain:
                    break
                chain.append(path)
            self._above[file] = chain[::-1]
        return self._above[file]


def _references(text: str) -> Iterator[tuple[str, str]]:
    """The addresses that a text includes, each with the kind of its tag."""
    for found in _REFERENCES.finditer(f"\n{text}"):
        kind = found.lastgroup or ""
        address = found[kind].strip()
        yield kind, snippet(address).address if kind == "snippet" else address


def _is_kept_back(article: Article | None) -> bool:
    """Whether a text is not for everybody, now and always."""
    if article is None:
        return False
    is_dated = article.publish is not None or article.expires is not None
    return article.draft or is_dated or is_restricted(article.audience)


def _section(text: str, name: str) -> str:
    """The part of a text under a heading or an own id; the whole text without a name."""
    if not name:
        return text
    lines = text.split("\n")
    at, heading = _heading(lines, name)
    if heading is None:
        return text
    level = len(heading[1])
    ends = (
        i for i, other in enumerate(lines[at + 1 :], at + 1)
        if re.match(rf"#{{1,{level}}}[ \t]", other)
    )  # fmt: skip
    return "\n".join(lines[at + 1 : next(ends, len(lines))])


_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)((?:[ \t]*\{[ ]?#[\w-]+[ ]?\})*)[ \t]*")


def _heading(lines: list[str], name: str) -> tuple[int, re.Match[str] | None]:
    """The heading with an id: its own, or that which its words have in some tool."""
    written = unquote(name)
    wanted = _signless(written)
    for at, line in enumerate(lines):
        heading = _HEADING.fullmatch(line) if line.startswith("#") else None
        if heading and (
            written in re.findall(r"#([\w-]+)", heading[3])
            or wanted in (_signless(heading[2]), _signless(heading_ids.transliterated(heading[2])))
        ):
            return at, heading
    return 0, None


def _signless(words: str) -> str:
    return re.sub(r"[\W_]+", "-", words.lower()).strip("-")


def _titled(text: str, name: str) -> str:
    """The words of the heading with an id; "" for none."""
    _, heading = _heading(text.split("\n"), name)
    return heading_text(heading[2]) if heading else ""


def _rebased(text: str, path: str, article: str) -> str:
    """The text with addresses counted from the folder of the article that includes it."""
    here, there = posixpath.dirname(path), posixpath.dirname(article)
    if here == there:
        return text

    def moved(found: re.Match[str]) -> str:
        target = posixpath.relpath(posixpath.join("/", here, found["target"]), f"/{there}")
        return found["before"] + target

    return _RELATIVE.sub(moved, text)


def _folders_above(path: str) -> Iterator[str]:
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


def _joined(folder: str, place: str) -> str:
    return posixpath.normpath(posixpath.join(folder, place)).lstrip("/")


# --- variables of a page ------------------------------------------------------------------------

_PAGE = re.compile(r"\{[{%][^{}\n]*\b(?:page|frontmatter)\.\w")


def _of_page(text: str) -> dict[str, str]:
    """The values of a page's own front matter, as Jekyll and VitePress name them, if it does."""
    if not _PAGE.search(text):
        return {}
    try:
        values = front_matter.read(text.replace("\r\n", "\n").split("\n")).values
    except front_matter.InvalidFile:
        return {}
    return {
        name: value
        for prefix in _OWN_VALUES
        for name, value in variables.flat(values, prefix).items()
    }


_OWN_VALUES = ("page.", "frontmatter.", "$frontmatter.")
