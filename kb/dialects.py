"""What the front matter of Docusaurus, Hugo, Jekyll and MkDocs means in ours. Opens no file.

A folder speaks a tool's dialect when enough of its files use keys that no other tool has. Only
there are other tools' keys read: in a plain folder every key means what our own contract says.
"""

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from kb.front_matter import Front, one_line
from kb.keys import MAX_ANSWER, Known, shorten, without_ending

DOCUSAURUS, HUGO, JEKYLL, MKDOCS = "docusaurus", "hugo", "jekyll", "mkdocs"
PLAIN = "plain"  # the mark of front matter that tells of no tool
ENOUGH = 0.1  # of a folder's files with front matter must tell of a tool

NAMES = {DOCUSAURUS: "Docusaurus", HUGO: "Hugo", JEKYLL: "Jekyll", MKDOCS: "MkDocs"}


def _names(written: str) -> frozenset[str]:
    return frozenset(written.split())


# Sources: docusaurus.io/docs/api/plugins/@docusaurus/plugin-content-docs#markdown-front-matter,
# gohugo.io/content-management/front-matter, jekyllrb.com/docs/front-matter with just-the-docs and
# jekyll-redirect-from, squidfunk.github.io/mkdocs-material/reference.
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
}
_MKDOCS_BODY = re.compile(rb'^===[!+]? +"', re.M)
_KEY = re.compile(rb"""^["']?([A-Za-z][\w-]*)["']?[ \t]*[:=]""", re.M)
_BLOCK = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(---|\+\+\+)[^\n]*\n(.*?)^\1[ \t\r]*$", re.S | re.M)
_MKDOCS_KEYS = re.compile(
    rb"^hide:[ \t]*(?:\[|\r?\n[ \t]*-)|^search:[ \t]*(?:\{|\r?\n[ \t]+(?:boost|exclude):)", re.M
)
_LONGEST_HEAD = 16_384  # bytes that are looked at for marks


def mark(path: str, data: bytes) -> str:
    """The tool that the file's keys, name or blocks tell of.

    `PLAIN` where there is front matter and it tells of none, "" where there is none.
    """
    head = data[:_LONGEST_HEAD]
    found = _BLOCK.match(head)
    block = found[2] if found else b""
    keys = {key.decode() for key in _KEY.findall(block)}
    counts = {dialect: len(keys & marks) for dialect, marks in _MARKS.items()}
    counts[HUGO] += _name(path) == "_index"
    counts[MKDOCS] = bool(_MKDOCS_KEYS.search(block)) + bool(_MKDOCS_BODY.search(head))
    best = max(counts, key=lambda dialect: counts[dialect])
    return best if counts[best] else PLAIN if found else ""


@dataclass(frozen=True, slots=True)
class Folders:
    """The dialect of each folder directly below the articles folder, and of the files beside them.

    A folder whose files do not tell is as the files beside it.
    """

    spoken: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, marks: Iterable[tuple[str, str]]) -> "Folders":
        """What the marks of all files, by path, say of their folders: the most frequent decides."""
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        for path, told in marks:
            if told:
                votes[_folder(path)][told] += 1
        return cls({folder: _most(counted) for folder, counted in votes.items()})

    def dialect(self, path: str) -> str:
        """The dialect of the file at `path`; "" where it is ours."""
        return self.spoken.get(_folder(path)) or self.spoken.get("", "")


def _folder(path: str) -> str:
    return path.split("/")[0] if "/" in path else ""


def _most(counted: Counter[str]) -> str:
    """The dialect most files tell of, if enough do: a single key must not change a whole folder."""
    files = counted.total()
    tools = [dialect for dialect in counted if dialect != PLAIN]
    best = min(tools, key=lambda dialect: (-counted[dialect], dialect), default="")
    return best if counted[best] >= ENOUGH * files else ""


def _name(path: str) -> str:
    return without_ending(posixpath.basename(path)).lower()


# --- other tools' values as ours ----------------------------------------------------------------

_Value = str | list[str]


def _text(value: Any, _: str) -> _Value:
    return one_line(value) if isinstance(value, str) else ""


def _short(value: Any, _: str) -> _Value:
    return shorten(one_line(value), MAX_ANSWER) if isinstance(value, str) else ""


def _listed(value: Any) -> list[str]:
    """The texts of a list; of a group of keys, what it is called."""
    if isinstance(value, dict):
        named = (value.get(key) for key in ("label", "name", "title"))
        return [next((one for one in named if isinstance(one, str)), "")]
    if isinstance(value, list):
        return [text for each in value for text in _listed(each)]
    return [value] if isinstance(value, str) else []


def _labels(value: Any, dialect: str) -> _Value:
    """Labels, also when they are written as one text: by commas, and by spaces in Jekyll."""
    if not isinstance(value, str):
        return _listed(value)
    if "," in value:
        return [each.strip() for each in value.split(",")]
    return value.split() if dialect == JEKYLL else [value]


def _first(value: Any, dialect: str) -> _Value:
    return next(iter(_labels(value, dialect)), "")


def _people(value: Any, _: str) -> _Value:
    return ", ".join(filter(None, map(one_line, _listed(value))))


def _not(value: Any, _: str) -> _Value:
    return "yes" if str(value).lower() in ("false", "no", "off") else ""


def _yes(value: Any, _: str) -> _Value:
    return "yes" if str(value).lower() in ("true", "yes", "on") else ""


def _given(value: Any, _: str) -> _Value:
    return "yes" if value else ""


@dataclass(frozen=True, slots=True)
class _Rule:
    """One of our keys, the keys that may say it (the best first), and how those are read."""

    ours: str
    theirs: tuple[str, ...]  # a dot leads into a group of keys
    read: Callable[[Any, str], _Value] = _text


_RULES = (
    _Rule("answer", ("description", "summary", "excerpt"), _short),
    _Rule("tags", ("tags", "keywords", "tag"), _labels),
    _Rule("category", ("categories",), _first),
    _Rule("author", ("author", "authors", "last_update.author"), _people),
    _Rule("updated", ("last_update.date", "lastmod", "last_modified_at", "date.updated")),
    _Rule("publish", ("publishDate",)),
    _Rule("expires", ("expiryDate",)),
    _Rule("draft", ("published",), _not),
    _Rule("unlisted", ("search_exclude", "search.exclude"), _yes),
    _Rule("unlisted", ("redirect_to",), _given),
    _Rule("boost", ("search.boost",)),
)
_LESS_THAN_GIT = _Rule("updated", ("date", "date.created"))
_LABELS = ("sidebar_label", "linkTitle")
_ORDERS = ("sidebar_position", "nav_order", "weight", "order")
_ADDRESSES = ("permalink", "url", "redirect_from", "redirects")
KEYS = frozenset.union(
    *_MARKS.values(),
    {name.partition(".")[0] for one in (*_RULES, _LESS_THAN_GIT) for name in one.theirs},
    {*_LABELS, *_ORDERS, *_ADDRESSES, "id"},
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """A file's front matter in our keys, and what we have no key for."""

    front: Front
    order: float | None = None  # its place in its category; None: after those that have one
    label: str = ""  # its title, if neither a key nor a heading gives one


def meaning(
    front: Front, path: str, dialect: str, *, langs: Collection[str] = (), dated: bool = False
) -> Meaning:
    """What the keys say where `dialect` is spoken; ours count before those of the tool.

    What a tool's key says in a way we cannot read counts as absent. `langs` are the languages that
    may have a folder each. `dated` says that the day of the last change is known elsewhere: the day
    a file was written is then not asked for.
    """
    if not dialect:
        return Meaning(front)
    ours = replace(front, values=dict(front.values), lines=dict(front.lines))
    for rule in (*_RULES, *(() if dated else (_LESS_THAN_GIT,))):
        _take(ours, rule, dialect)
    _address(ours, path, dialect, langs)
    _aliases(ours, path, dialect)
    posted = _POSTED.match(posixpath.basename(path)) if dialect == JEKYLL and not dated else None
    if posted and not ours.values.get("updated"):
        ours.values["updated"] = posted[1]
    label = next(filter(None, (_text(front.values.get(key), "") for key in _LABELS)), "")
    return Meaning(ours, _order(front), str(label))


_POSTED = re.compile(r"(\d{4}-\d{2}-\d{2})-")  # jekyllrb.com/docs/posts


def _take(front: Front, rule: _Rule, dialect: str) -> None:
    """Gives our key the first of the tool's values that can be read, unless it has one."""
    is_theirs = rule.ours in rule.theirs  # the same word, written in more ways
    if front.values.get(rule.ours) not in (None, "", []) and not is_theirs:
        return
    for name in rule.theirs:
        key, _, inner = name.partition(".")
        value = front.values.get(key)
        if inner:
            value = value.get(inner) if isinstance(value, dict) else None
        read = rule.read(value, dialect) if value else ""
        if read and _is_good(rule.ours, read):
            front.values[rule.ours] = read
            front.lines.setdefault(rule.ours, front.lines.get(key, 1))
            return


def _is_good(key: str, value: _Value) -> bool:
    try:
        Known.model_validate({key: value})
    except ValidationError:
        return False
    return True


def _order(front: Front) -> float | None:
    for key in _ORDERS:
        try:
            order = float(str(front.values.get(key) or ""))
        except ValueError:
            continue
        if abs(order) < 1e9 and (order or key != "weight"):  # Hugo: a weight of 0 is none
            return order
    return None


# --- addresses ----------------------------------------------------------------------------------


def _base(path: str, dialect: str) -> str:
    """The folder that the file's address lies in: a bundle of Hugo's lies in the one above."""
    folder = posixpath.dirname(path)
    return posixpath.dirname(folder) if dialect == HUGO and _name(path) == "index" else folder


def _address(front: Front, path: str, dialect: str, langs: Collection[str]) -> None:
    """Makes `slug` an address under /articles/: these tools count it from the file's folder."""
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


def _aliases(front: Front, path: str, dialect: str) -> None:
    """Adds the addresses that the tool gave the file as former addresses of the article.

    They lead here and never contend: where two files claim one, only the alias is dropped, while a
    slug that is taken costs the second article its place.
    """
    base = _base(path, dialect)
    own = _listed(front.values.get("aliases"))
    if dialect == HUGO:  # gohugo.io/content-management/urls/#aliases
        own = [alias if alias.startswith("/") else _joined(base, alias) for alias in own]
    found = [*own, *(address for key in _ADDRESSES for address in _former(front, key))]
    unique_id = front.values.get("id")
    if dialect == DOCUSAURUS and isinstance(unique_id, str) and unique_id:
        found.append(_joined(base, unique_id))
    good = [alias for alias in dict.fromkeys(found) if alias and _is_good("aliases", [alias])]
    if good:
        line = next((front.lines[k] for k in (*_ADDRESSES, "id") if k in front.lines), 1)
        front.values["aliases"] = good
        front.lines.setdefault("aliases", line)


def _former(front: Front, key: str) -> Iterator[str]:
    """Addresses under a key, as paths: without site, ending, and names put in by the tool."""
    for written in _listed(front.values.get(key)):
        address = re.sub(r"^https?://[^/]*|[?#].*$", "", one_line(written))
        address = re.sub(r"(?:(?:^|/)index)?\.html?$", "", address)
        if "/:" not in address and not address.startswith(":"):
            yield without_ending(address).strip("/")


def _joined(folder: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(folder, address)).removeprefix("./")
