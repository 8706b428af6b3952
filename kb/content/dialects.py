"""Dialects of folders, and front matter of other tools in our keys. Opens no file.

A folder has the dialect of a tool when a file of the tool lies there, or when enough of its files
hold what only this tool writes. Other tools' keys are read only there: in a plain folder every key
means what our own contract says.
"""

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from kb.base.messages import Message
from kb.content.front_matter import FrontMatter, one_line
from kb.content.metadata import MAX_ANSWER, Metadata, without_ending
from kb.content.tools import (
    DOCSIFY,
    DOCUSAURUS,
    HUGO,
    JEKYLL,
    MINTLIFY,
    MKDOCS,
    OBSIDIAN,
    PLAIN,
    VITEPRESS,
    of_file,
    written_in,
)
from kb.language.tokens import shorten

# Tools whose file in the outermost folder tells of all folders in it.
_OF_WHOLE_FOLDERS = frozenset((DOCSIFY, MINTLIFY, VITEPRESS))
ENOUGH = 0.1  # of a folder's files must tell of a tool


def _names(written: str) -> frozenset[str]:
    return frozenset(written.split())


# Sources: docusaurus.io/docs/api/plugins/@docusaurus/plugin-content-docs#markdown-front-matter,
# gohugo.io/content-management/front-matter, jekyllrb.com/docs/front-matter with just-the-docs and
# jekyll-redirect-from, squidfunk.github.io/mkdocs-material/reference,
# vitepress.dev/reference/frontmatter-config.
_MARKS = {
    DOCUSAURUS: _names("""
        sidebar_position sidebar_label sidebar_class_name sidebar_key sidebar_custom_props
        displayed_sidebar hide_title hide_table_of_contents toc_min_heading_level
        toc_max_heading_level pagination_label pagination_next pagination_prev custom_edit_url
        parse_number_prefixes last_update
    """),
    HUGO: _names("""
        weight linkTitle lastmod publishDate expiryDate isCJKLanguage markup headless cascade
        bookCollapseSection bookFlatSection bookHidden bookToc alwaysopen geekdocHidden
    """),
    JEKYLL: _names("""
        layout permalink redirect_from redirect_to nav_order nav_exclude has_children
        grand_parent has_toc search_exclude excerpt_separator last_modified_at
    """),
    VITEPRESS: _names("outline titleTemplate pageClass editLink"),
}
_MKDOCS_BODY = re.compile(rb'^===[!+]? +"', re.M)
_KEY = re.compile(rb"""^["']?([A-Za-z][\w-]*)["']?[ \t]*[:=]""", re.M)
_BLOCK = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(---|\+\+\+)[^\n]*\n")
_ENDS = {
    mark: re.compile(rb"^" + re.escape(mark) + rb"[ \t\r]*$", re.M) for mark in (b"---", b"+++")
}
_MKDOCS_KEYS = re.compile(
    rb"^hide:[ \t]*(?:\[|\r?\n[ \t]*-)|^search:[ \t]*(?:\{|\r?\n[ \t]+(?:boost|exclude):)", re.M
)
_LONGEST_HEAD = 16_384  # bytes that are looked at for marks


def detect(path: str, data: bytes) -> str:
    """The tools that a file indicates, separated by spaces.

    The first is that of its keys or name: `PLAIN` where front matter indicates none, "" where there
    is no front matter. The others are those of its text.
    """
    texts = written_in(data)
    return " ".join((_of_keys(path, data, texts), *texts))


def _of_keys(path: str, data: bytes, texts: Collection[str] = ()) -> str:
    head = data[:_LONGEST_HEAD]
    begun = _BLOCK.match(head)
    found = _ENDS[begun[1]].search(head, begun.end()) if begun else None
    block = head[begun.end() : found.start()] if begun and found else b""
    keys = {key.decode() for key in _KEY.findall(block)}
    counts = {dialect: len(keys & marks) for dialect, marks in _MARKS.items()}
    counts[HUGO] += _name(path) == "_index"
    counts[MKDOCS] = bool(_MKDOCS_KEYS.search(block)) + (
        b"===" in head and bool(_MKDOCS_BODY.search(head))
    )
    if not any(counts[tool] for tool in counts if tool != JEKYLL) and _is_note(keys, texts):
        return OBSIDIAN
    best = max(counts, key=lambda dialect: counts[dialect])
    return best if counts[best] else PLAIN if found else ""


_NOTE_STYLES = _names("cssclass cssclasses")


def _is_note(keys: Collection[str], texts: Collection[str]) -> bool:
    """Whether a file with no other tool's keys but Jekyll's is a note of Obsidian.

    Obsidian Publish has `permalink` as well: with links such as `[[note]]` beside it, which Jekyll
    does not read, the key tells of Obsidian.
    """
    told = _MARKS[JEKYLL].intersection(keys)
    is_linked = bool(told) and OBSIDIAN in texts and JEKYLL not in texts
    return told <= {"permalink"} and (is_linked or not _NOTE_STYLES.isdisjoint(keys))


@dataclass(frozen=True, slots=True)
class FolderDialects:
    """Dialects by top-level folder; "" is the folder of all articles itself.

    A folder whose files indicate no tool has the dialect of the files beside it.
    """

    by_folder: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # further tools met there
    reasons: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        marks: Iterable[tuple[str, str]],
        files: Iterable[str] = (),
        chosen: Mapping[str, str] | None = None,
    ) -> "FolderDialects":
        """The dialect of each folder: the one that is set, that of a tool's file, the most met.

        `marks` are the results of `detect` by path, of which the folder with its slash is enough,
        `files` the paths of files that belong to tools, `chosen` tools by folder as set; "." sets
        all.
        """
        votes: dict[str, _Votes] = defaultdict(_Votes)
        for (path, mark), number in Counter(marks).items():
            votes[_folder(path)].count(mark, number)
        for path in sorted(files, key=lambda path: (path.count("/"), path)):
            votes[_folder(path)].files.setdefault(of_file(path), path)
        chosen = chosen or {}
        found = cls({}, {}, {})
        is_whole = "" in votes and not _OF_WHOLE_FOLDERS.isdisjoint(votes[""].files)
        for folder, vote in votes.items():
            is_set = chosen.get(folder or ".") or chosen.get(".")
            tool, reason = (is_set, Message("setting tools")) if is_set else vote.first()
            if folder and is_whole and not (is_set or vote.files):
                tool, reason = "", ""
            found.by_folder[folder] = tool  # type: ignore[index]
            found.reasons[folder] = reason  # type: ignore[index]
            found.others[folder] = vote.others(tool)  # type: ignore[index]
        return found

    def dialect(self, path: str) -> str:
        """The dialect of the file at `path`; "" is ours."""
        found = self.by_folder.get(_folder(path)) or self.by_folder.get("", "")
        return "" if found == PLAIN else found

    def also(self, path: str) -> tuple[str, ...]:
        """Further tools whose syntax stands in files of the folder of `path`."""
        return self.others.get(_folder(path), ())


@dataclass(slots=True)
class _Votes:
    """What the files of a folder indicate."""

    keys: Counter[str] = field(default_factory=Counter)  # by tool, of files with front matter
    texts: Counter[str] = field(default_factory=Counter)  # by tool
    files: dict[str, str] = field(default_factory=dict)  # by tool: a file that belongs to it
    size: int = 0

    def count(self, mark: str, number: int) -> None:
        """Counts what so many files indicate."""
        key, *texts = mark.split(" ")
        self.size += number
        for text in texts:
            self.texts[text] += number
        if key:
            self.keys[key] += number

    def first(self) -> tuple[str, str]:
        """The tool of the folder and what told it; "" if nothing did.

        Enough files must tell: one key must not change a folder.
        """
        if self.files:
            return next(iter(self.files.items()))
        tool, number = _most(self.keys)
        if tool and number >= ENOUGH * self.keys.total():
            return tool, Message("keys in {n} of {total} files", n=number, total=self.keys.total())
        # Tools with keys of their own are told by them: what is written may be an example. What
        # Docusaurus alone imports is none.
        texts = Counter(
            {tool: n for tool, n in self.texts.items() if tool not in _MARKS or tool == DOCUSAURUS}
        )
        tool, number = _most(texts)
        if tool and number >= ENOUGH * self.size:
            return tool, Message("tags in {n} of {total} files", n=number, total=self.size)
        return "", ""

    def others(self, tool: str) -> tuple[str, ...]:
        """The tools besides `tool` whose syntax enough files hold."""
        found = (each for each, number in self.texts.items() if number >= ENOUGH * self.size)
        return tuple(sorted({*found, *self.files} - {tool, MKDOCS}))


def _folder(path: str) -> str:
    top, slash, _ = path.partition("/")
    return top if slash else ""


def _most(counted: Counter[str]) -> tuple[str, int]:
    """The most frequent tool, and in how many files it was met."""
    tools = [dialect for dialect in counted if dialect != PLAIN]
    best = min(tools, key=lambda dialect: (-counted[dialect], dialect), default="")
    return best, counted[best]


def _name(path: str) -> str:
    return without_ending(posixpath.basename(path)).lower()


# --- other tools' values as ours ----------------------------------------------------------------

_Value = str | list[str]


def _text(value: Any, _: str) -> _Value:
    return one_line(value) if isinstance(value, str) else ""


def _short(value: Any, _: str) -> _Value:
    return shorten(one_line(value), MAX_ANSWER) if isinstance(value, str) else ""


def _listed(value: Any) -> list[str]:
    """The texts of a list, nested lists included; of a mapping, its label, name or title."""
    if isinstance(value, dict):
        named = (value.get(key) for key in ("label", "name", "title"))
        return [next((one for one in named if isinstance(one, str)), "")]
    if isinstance(value, list):
        return [text for each in value for text in _listed(each)]
    return [value] if isinstance(value, str) else []


def _labels(value: Any, dialect: str) -> _Value:
    """Labels as a list: one text is split at commas, or at spaces in Jekyll."""
    if not isinstance(value, str):
        return _listed(value)
    if "," in value:
        return [each.strip() for each in value.split(",")]
    return value.split() if dialect == JEKYLL else [value]


def _first(value: Any, dialect: str) -> _Value:
    return next(iter(_labels(value, dialect)), "")


def _people(value: Any, _: str) -> _Value:
    return ", ".join(filter(None, map(one_line, _listed(value))))


def _yes(value: Any, _: str) -> _Value:
    return "yes" if str(value).lower() in ("true", "yes", "on") else ""


def _given(value: Any, _: str) -> _Value:
    return "yes" if value else ""


def _refused(value: Any, dialect: str) -> _Value:
    """Whether a page of VitePress is kept out of its search."""
    return "yes" if dialect == VITEPRESS and str(value).lower() == "false" else ""


def _hidden(value: Any, dialect: str) -> _Value:
    """Whether a page of Mintlify is kept out of its navigation and search."""
    return _yes(value, dialect) if dialect == MINTLIFY else ""


@dataclass(frozen=True)
class _Rule:
    """A mapping rule: our key, the keys of other tools (best first), and their conversion."""

    ours: str
    theirs: tuple[str, ...]  # a dot leads into a group of keys
    read: Callable[[Any, str], _Value] = _text

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys that it reads, without what a dot leads to."""
        return frozenset(name.partition(".")[0] for name in self.theirs)


_REDIRECTS = ("redirect_to", "redirect_url")  # of Jekyll and DocFX
_RULES = (
    _Rule("answer", ("description", "summary", "excerpt"), _short),
    _Rule("tags", ("tags", "keywords", "tag"), _labels),
    _Rule("category", ("categories",), _first),
    _Rule("author", ("author", "authors", "last_update.author"), _people),
    _Rule("updated", ("last_update.date", "lastmod", "last_modified_at", "date.updated")),
    _Rule("unlisted", ("search_exclude", "search.exclude"), _yes),
    _Rule("unlisted", _REDIRECTS, _given),
    _Rule("unlisted", ("search",), _refused),
    _Rule("unlisted", ("hidden", "noindex"), _hidden),
    _Rule("boost", ("search.boost",)),
)
_LESS_THAN_GIT = _Rule("updated", ("date", "date.created"))
_LABELS = ("sidebar_label", "linkTitle", "sidebarTitle")
_ORDERS = ("sidebar_position", "nav_order", "weight", "order")
_ADDRESSES = ("permalink", "url", "redirect_from", "redirects")
KEYS = frozenset.union(
    *_MARKS.values(),
    *(one.keys for one in (*_RULES, _LESS_THAN_GIT)),
    {*_LABELS, *_ORDERS, *_ADDRESSES, "id"},
    # of VitePress and Mintlify, which mean nothing here
    _names("hero features head prev next layout aside sidebar navbar footer lastUpdated team"),
    _names("tag boost icon iconType openapi asyncapi api mode rss og:image canonical deprecated"),
)


@dataclass(frozen=True, slots=True)
class Normalized:
    """Front matter in our keys, with the values of other tools that we have no key for."""

    front: FrontMatter
    order: float | None = None  # its place in its category; None: after those that have one
    label: str = ""  # its short title; its title, if neither a key nor a heading gives one
    parents: tuple[str, ...] = ()  # titles of the pages above it, the uppermost first


def normalize(
    front: FrontMatter,
    path: str,
    dialect: str,
    *,
    langs: Collection[str] = (),
    dated: bool = False,
    settings: Mapping[str, str] | None = None,
    address: str = "",
) -> Normalized:
    """Translates the keys of `dialect` to ours; a key of ours takes precedence.

    A value that cannot be converted counts as absent. `langs` are the languages that may have a
    top-level folder each. `dated` says that git knows the day of the last change: the date in the
    file is then ignored. `settings` are the tool's variables (`navigation.variables`): Jekyll's say
    at which address the files of a collection stand. `address` is one more that they give the page.
    """
    if not dialect:
        return Normalized(front)
    ours = replace(front, values=dict(front.values), lines=dict(front.lines))
    for rule in (*_RULES, *(() if dated else (_LESS_THAN_GIT,))):
        if not rule.keys.isdisjoint(front.values):
            _take(ours, rule, dialect)
    if (kind := ours.values.get("type")) and not _is_good("type", kind):
        ours.values["type"] = None  # a layout or the like of the tool
    if "order" in ours.values:
        ours.values["order"] = None  # read with the other keys that tell it
    _address(ours, path, dialect, langs)
    _aliases(ours, path, dialect, _of_collection(ours, path, settings or {}), address)
    if dialect == JEKYLL and "_drafts" in path.split("/")[:-1]:
        ours.values["draft"] = "yes"  # jekyllrb.com/docs/posts/#drafts
    posted = _POSTED.match(posixpath.basename(path)) if dialect == JEKYLL and not dated else None
    if posted and not ours.values.get("updated"):
        ours.values["updated"] = posted[1]
    label = next(filter(None, (_text(front.values.get(key), "") for key in _LABELS)), "")
    return Normalized(ours, _order(front), str(label), _parents(front, dialect))


def redirect(values: Mapping[str, Any]) -> str:
    """Where front matter of another tool says that a page has moved; "" for nowhere."""
    named = (one for key in _REDIRECTS for one in _listed(values.get(key)))
    return one_line(next(named, ""))


def _parents(front: FrontMatter, dialect: str) -> tuple[str, ...]:
    """The pages above one, by title: of Jekyll's just-the-docs theme, or in a menu of Hugo."""
    if dialect == HUGO:
        menus = front.values.get("menus") or front.values.get("menu")
        entries = menus.values() if isinstance(menus, dict) else ()
        found = (entry.get("parent") for entry in entries if isinstance(entry, dict))
        return next(((one_line(each),) for each in found if isinstance(each, str) and each), ())
    if dialect != JEKYLL or not isinstance(front.values.get("parent"), str):
        return ()
    named = (_text(front.values.get(key), "") for key in ("grand_parent", "parent"))
    return tuple(str(title) for title in named if title)


_POSTED = re.compile(r"(\d{4}-\d{2}-\d{2})-")  # jekyllrb.com/docs/posts


def _take(front: FrontMatter, rule: _Rule, dialect: str) -> None:
    """Sets our key to the first convertible value of the tool, unless it has a value already."""
    is_theirs = rule.ours in rule.theirs  # the same word, written in more ways
    if front.values.get(rule.ours) not in (None, "", []) and not is_theirs:
        return
    for name in rule.theirs:
        key, _, inner = name.partition(".")
        value = front.values.get(key)
        if inner:
            value = value.get(inner) if isinstance(value, dict) else None
        read = rule.read(value, dialect) if value or value is False else ""
        if read and _is_good(rule.ours, read):
            front.values[rule.ours] = read
            front.lines.setdefault(rule.ours, front.lines.get(key, 1))
            return


def _is_good(key: str, value: _Value) -> bool:
    try:
        Metadata.model_validate({key: value})
    except ValidationError:
        return False
    return True


def _order(front: FrontMatter) -> float | None:
    for key in _ORDERS:
        if not (written := front.values.get(key)):
            continue
        try:
            order = float(str(written))
        except ValueError:
            continue
        if abs(order) < 1e9 and (order or key != "weight"):  # Hugo: a weight of 0 is none
            return order
    return None


# --- addresses ----------------------------------------------------------------------------------


def _base(path: str, dialect: str) -> str:
    """The folder that relative addresses count from: for a bundle of Hugo the one above."""
    folder = posixpath.dirname(path)
    return posixpath.dirname(folder) if dialect == HUGO and _name(path) == "index" else folder


def _address(front: FrontMatter, path: str, dialect: str, langs: Collection[str]) -> None:
    """Makes `slug` an address under /articles/: these tools count it from the folder."""
    slug = front.values.get("slug")
    if not isinstance(slug, str) or not slug.strip("/ "):
        return
    slug = slug.strip()
    if not slug.startswith("/"):
        front.values["slug"] = _joined(_base(path, dialect), slug)
        return
    # Docusaurus counts from the docs of one language, and so may two languages use one slug.
    root, rest = path.split("/")[0], slug.strip("/")
    is_language = "/" in path and root.lower() in langs
    is_inside = rest == root or rest.startswith(f"{root}/")
    front.values["slug"] = f"{root}/{rest}" if is_language and not is_inside else rest


def _aliases(front: FrontMatter, path: str, dialect: str, *given: str) -> None:
    """Adds the addresses that the tool gave the file, `given` by its settings, to the aliases.

    As aliases they cannot cost an article its place: of two claims on one alias one is dropped,
    while an article whose slug is taken is rejected.
    """
    base = _base(path, dialect)
    own = _listed(front.values.get("aliases"))
    if dialect == HUGO:  # gohugo.io/content-management/urls/#aliases
        own = [alias if alias.startswith("/") else _joined(base, alias) for alias in own]
    elif dialect == OBSIDIAN:  # names of a note; one with a folder is where the note used to lie
        own = [alias for alias in own if "/" in alias]
        front.values.pop("aliases", None)
    found = [*own, *(address for key in _ADDRESSES for address in _former(front, key))]
    found += filter(None, given)
    unique_id = front.values.get("id")
    if dialect == DOCUSAURUS and isinstance(unique_id, str) and unique_id:
        found.append(_joined(base, unique_id))
    good = [alias for alias in dict.fromkeys(found) if alias and _is_good("aliases", [alias])]
    if good:
        line = next((front.lines[k] for k in (*_ADDRESSES, "id") if k in front.lines), 1)
        front.values["aliases"] = good
        front.lines.setdefault("aliases", line)


_COLLECTION = re.compile(r"(?:^|.*/)_([^/_][^/]*)/(.+)$")


def _of_collection(front: FrontMatter, path: str, settings: Mapping[str, str]) -> str:
    """The address that Jekyll gives a file of a collection; "" for any other file.

    Source: jekyllrb.com/docs/permalinks/#collections.
    """
    found = _COLLECTION.match(path)
    pattern = settings.get(f"site.collections.{found[1]}.permalink") if found else None
    if not found or not pattern:
        return ""
    name = _name(path)
    slug = front.values.get("slug")
    values = {
        "collection": found[1],
        "path": without_ending(found[2]),
        "name": name,
        "title": slug if isinstance(slug, str) and slug else name,
        "output_ext": "",
    }
    address = re.sub(r":(\w+)", lambda each: values.get(each[1], each[0]), pattern)
    return "" if ":" in address else re.sub(r"\.html?$", "", address).strip("/")


def _former(front: FrontMatter, key: str) -> Iterator[str]:
    """The addresses under a key as paths, without site, ending and placeholders of the tool."""
    for written in _listed(front.values.get(key)):
        address = re.sub(r"^https?://[^/]*|[?#].*$", "", one_line(written))
        address = re.sub(r"(?:(?:^|/)index)?\.html?$", "", address)
        if "/:" not in address and not address.startswith(":"):
            yield without_ending(address).strip("/")


def _joined(folder: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(folder, address)).removeprefix("./")
