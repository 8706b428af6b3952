"""Resolves links of articles to the articles and files they mean, as each tool wrote them.

Knows the addresses of the whole folder and no text. A link is tried as a path from its file, as an
address from its page, which tools make a folder of, and from every folder that may be the root of
the site; the names of wikis and DocFX are looked up by name.
"""

import posixpath
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote

from kb.content.articles import Article
from kb.content.markup.link_targets import NAME_SCHEMES
from kb.content.reading_order import INDEX_NAMES

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ENDING = re.compile(r"\.(?:md|markdown|mdx|html?)$", re.I)
_PREFIX = re.compile(r"(?:^|(?<=/))(?:\d{1,4}[-_.]\s*(?!\d)|_)(?=[^/])")  # `01-intro`, `_docs`
_POST = re.compile(r"(?:^|.*/)(\d{4})-(\d{2})-(\d{2})-([^/]+)$")  # jekyllrb.com/docs/posts
_ENOUGH_LINKS, _ENOUGH = 3, 0.05  # number and share that must lead somewhere without a prefix


@dataclass(frozen=True, slots=True)
class LinkedArticle:
    """An article as links see it."""

    path: str  # of its file
    slug: str
    lang: str = ""
    aliases: tuple[str, ...] = ()
    uid: str = ""  # of DocFX

    @classmethod
    def of(cls, article: Article) -> "LinkedArticle":
        """The place of an article."""
        uid = article.extra.get("uid")
        return cls(
            article.path, article.slug, article.lang, article.aliases,
            uid if isinstance(uid, str) else "",
        )  # fmt: skip


class Found(NamedTuple):
    """Where a link leads: to an article, a file, a topic or, with none, to the home page."""

    slug: str = ""
    file: str = ""
    topic: tuple[str, str] | None = None  # language and key


@dataclass(frozen=True, slots=True)
class Habits:
    """How the links of a folder are written, as its own links show.

    `page_relative` are the top folders in which addresses without an ending count from the page,
    `prefixes` first parts of rooted addresses that are no folder here. `by_name` says that a name
    alone means the page or file of that name, wherever in the folder it lies.
    """

    page_relative: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    by_name: bool = False


@dataclass(frozen=True)
class LinkTable:
    """The addresses of a folder; `find` resolves one link.

    `files` are the paths of files beside the articles, `langs` the languages that may have a folder
    each. The habits are `learned`, else read off `sample`: links as source and target. `folders`
    are those that have a topic, each with the topic's language and key: a folder without a page of
    its own is its topic.
    """

    places: Sequence[LinkedArticle]
    files: Collection[str] = frozenset()
    langs: Sequence[str] = ("ru", "en")
    sample: Iterable[tuple[LinkedArticle, str]] = field(default=(), repr=False)
    learned: Habits | None = None
    folders: Sequence[tuple[str, str, str]] = ()

    @cached_property
    def habits(self) -> Habits:
        """How the links of the folder are written."""
        return self.learned or Habits(self._page_relative, self._site_prefixes, self._by_name)

    def find(self, source: LinkedArticle, target: str) -> Found | None:
        """The article, file or topic that the link `target` means in `source`; None for nowhere.

        `target` is as written, with or without query and fragment; links to other sites and to a
        place in the article itself are not asked about.
        """
        for scheme in NAME_SCHEMES:
            if target.lower().startswith(scheme):
                return self._by_scheme(source, scheme, place_of(target[len(scheme) :]))
        place = place_of(target)
        return (
            self._page(source, place)
            or self._topic(source, target)
            or (self._named(source, place) if _is_name(place) and self.habits.by_name else None)
        )

    def last_part(self, target: str) -> str | None:
        """The last part of every address that `find` tries for a link, as `last_parts` has them.

        So articles that have no such part make no difference to where the link leads. None if that
        cannot be said: then the article with the link decides it, or the link is a name.
        """
        if target.lower().startswith(NAME_SCHEMES):
            return None
        place = place_of(target)
        last = posixpath.basename(_key(posixpath.normpath(place)))
        if last in ("", ".", "..") or last in self.langs:  # of another language: another last part
            return None
        head, _, rest = place.strip("/").partition("/")
        is_within = head in ("articles", "media") or head in self.habits.prefixes
        if place.startswith("/") and is_within and posixpath.basename(_key(rest)) != last:
            return None
        return last

    @cached_property
    def shape(self) -> tuple[object, ...]:
        """What else of all articles and files decides where a link leads: roots and languages."""
        return tuple(sorted(self._inner_roots.items())), self._languages

    def _topic(self, source: LinkedArticle, target: str) -> Found | None:
        """The topic of the folder that a link means."""
        found = self._by_folder.find(source, target) if self._by_folder else None
        if found is None or not found.slug:
            return None
        _, lang, key = self.folders[int(found.slug)]
        return Found(topic=(lang, key))

    @cached_property
    def _by_folder(self) -> "LinkTable | None":
        """The folders as if each were an article, whose slug is a number; None without folders."""
        places = [
            LinkedArticle(f"{folder}/index.md", str(number), lang)
            for number, (folder, lang, _) in enumerate(self.folders)
        ]
        return LinkTable(places, (), self.langs, (), self.habits) if places else None

    def _page(self, source: LinkedArticle, place: str) -> Found | None:
        for site in ("/articles/", "/media/"):
            if place.startswith(site) and (found := self._at(place[len(site) :], source)):
                return found
        if place.startswith("/"):
            return self._from_root(source, place.strip("/"))
        return self._relative(source, place)

    # ------------------------------------------------------------ relative and rooted

    def _relative(self, source: LinkedArticle, place: str) -> Found | None:
        is_file = bool(re.search(r"\.(?:md|markdown|mdx)$", place, re.I))
        from_file = _joined(posixpath.dirname(source.path), place)
        from_page = _joined(page_folder(source.path), place)
        first, second = from_file, from_page
        if not is_file and self._is_page_relative(source):
            first, second = from_page, from_file
        tried = [first, second]
        if _stem(source.path) != source.slug:
            tried += [_joined(posixpath.dirname(source.slug), place), _joined(source.slug, place)]
        for candidate in tried:
            if candidate is not None and (found := self._at(candidate, source)):
                return found
        if is_file and (found := self._above(source, place)):
            return found
        return self._in_other_language(source, from_file) or (Found() if first == "" else None)

    def _above(self, source: LinkedArticle, place: str) -> Found | None:
        """The file at `place` below a folder above: Docusaurus counts from its root as well."""
        folder = posixpath.dirname(source.path)
        while folder:
            folder = posixpath.dirname(folder)
            candidate = _joined(folder, place)
            if candidate is not None and (found := self._at(candidate, source)):
                return found
        return None

    def _is_page_relative(self, source: LinkedArticle) -> bool:
        """Whether addresses without an ending count from the page, which ends by `/` there."""
        return source.path.partition("/")[0] in self.habits.page_relative

    @cached_property
    def _page_relative(self) -> frozenset[str]:
        """The top folders in which more links lead somewhere from pages than from files."""
        votes: Counter[str] = Counter()
        for source, target in self._samples:
            place = place_of(target)
            if place.startswith("/") or not place or re.search(r"\.\w{1,8}$", place):
                continue
            top = source.path.partition("/")[0]
            file_, page = (
                candidate is not None and self._at(candidate, source) is not None
                for candidate in (
                    _joined(posixpath.dirname(source.path), place),
                    _joined(page_folder(source.path), place),
                )
            )
            votes[top] += page - file_
        return frozenset(top for top, count in votes.items() if count > 0)

    @cached_property
    def _by_name(self) -> bool:
        """Whether enough links are names of files that lie elsewhere.

        So write Obsidian, which calls it the shortest path, and mkdocs-autolinks-plugin.
        """
        total = led = 0
        for source, target in set(self._samples):
            place = place_of(target)
            if _is_name(place):
                total += 1
                folders = posixpath.dirname(source.path), page_folder(source.path)
                beside = (_joined(folder, place) for folder in folders)
                if not any(each is not None and self._at(each, source) for each in beside):
                    led += self._named(source, place) is not None
        return led >= max(_ENOUGH_LINKS, total * _ENOUGH)

    def _from_root(self, source: LinkedArticle, place: str) -> Found | None:
        found = list(self._rooted(source, place))
        if not found:
            head, _, rest = place.partition("/")
            if head in self.habits.prefixes:
                found = list(self._rooted(source, rest))
        own = (each for each in found if self._lang(each) in ("", source.lang))
        return next(own, found[0] if found else None)

    def _rooted(self, source: LinkedArticle, place: str) -> Iterator[Found]:
        """What stands at `place` below each folder that may be the root of the site."""
        for root in self._roots(source):
            if found := self._at(f"{root}{place}", source):
                yield found

    def _roots(self, source: LinkedArticle) -> list[str]:
        """The folders above the article, the outermost first, and those of languages in them."""
        above = [""]
        for part in source.path.split("/")[:-1]:
            above.append(f"{above[-1]}{part}/")
        return [
            *above,
            *(root + below for root in above for below in self._inner_roots.get(root, ())),
        ]

    @cached_property
    def _inner_roots(self) -> Mapping[str, tuple[str, ...]]:
        """Folders that a site's addresses leave out, by the folder they lie in."""
        found: dict[str, set[str]] = defaultdict(set)
        for path in (*(place.path for place in self.places), *self.files):
            above, parts = "", path.split("/")[:-1]
            for part in parts:
                if part in _STATIC or part in self.langs:
                    found[above].add(f"{part}/")
                above += f"{part}/"
        return {folder: tuple(sorted(below)) for folder, below in found.items()}

    @cached_property
    def _site_prefixes(self) -> frozenset[str]:
        """First parts of rooted addresses that are no folder here: `/docs/x` for the file `x.md`.

        Believed in where enough of the links that begin so lead somewhere without it.
        """
        total: Counter[str] = Counter()
        led: Counter[str] = Counter()
        for source, target in set(self._samples):
            place = place_of(target)
            head, _, rest = place.strip("/").partition("/")
            if (
                not place.startswith("/")
                or not rest
                or next(self._rooted(source, place.strip("/")), None)
            ):
                continue
            total[head] += 1
            led[head] += next(self._rooted(source, rest), None) is not None
        return frozenset(
            head for head in total if led[head] >= max(_ENOUGH_LINKS, total[head] * _ENOUGH)
        ) | {"docs"}

    @cached_property
    def _samples(self) -> list[tuple[LinkedArticle, str]]:
        return [(source, target) for source, target in self.sample if not _SCHEME.match(target)]

    def _in_other_language(self, source: LinkedArticle, candidate: str | None) -> Found | None:
        """A page that was not translated, where the link of the translation means it."""
        if candidate is None:
            return None
        parts = candidate.split("/")
        for at, part in enumerate(parts):
            if part in self._languages:
                for lang in self._languages:
                    other = "/".join((*parts[:at], lang, *parts[at + 1 :]))
                    if lang != part and (found := self._at(other, source)):
                        return found
        return None

    @cached_property
    def _languages(self) -> tuple[str, ...]:
        """Names of folders that are languages, the one with most files first."""
        named = Counter(
            part
            for place in self.places
            for part in place.path.split("/")[:-1]
            if part in self.langs
        )
        return tuple(name for name, _ in named.most_common())

    # ------------------------------------------------------------ by name

    def _by_scheme(self, source: LinkedArticle, scheme: str, name: str) -> Found | None:
        if scheme == "xref:":
            slug = self._by_uid.get(name.casefold())
            return Found(slug) if slug else self._relative(source, name)
        if scheme == "ref:" or "/" in name:
            found = (
                self._from_root(source, name[1:])
                if name.startswith("/")
                else (self._relative(source, name) or self._from_root(source, name))
            )
            if found:
                return found
        return self._named(source, name.strip("/"))

    def _named(self, source: LinkedArticle, name: str) -> Found | None:
        """The page or file whose path ends with `name`; the nearest of several."""
        last = posixpath.basename(name)
        ending = f"/{_folded(name)}"
        files = [
            file
            for file in self._files_by_name.get(_folded(last), ())
            if f"/{_folded(file)}".endswith(ending)
        ]
        if files:
            return Found(file=min(files, key=lambda file: (distance(source.path, file), file)))
        if _stem(last).lower() in INDEX_NAMES:
            return self._relative(source, name) or self._from_root(source, name)
        wanted = f"/{_key(name)}"
        pages = [
            place
            for place in self._pages_by_name.get(_key(last), ())
            if any(f"/{key}".endswith(wanted) for key in _keys(place))
        ]
        if not pages:
            return None
        best = min(
            pages,
            key=lambda p: (p.lang != source.lang, distance(source.path, p.path), p.path),
        )
        return Found(best.slug)

    @cached_property
    def _files_by_name(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for file in self.files:
            found[_folded(posixpath.basename(file))].append(file)
        return found

    @cached_property
    def _pages_by_name(self) -> Mapping[str, list[LinkedArticle]]:
        found: dict[str, list[LinkedArticle]] = defaultdict(list)
        for place in self.places:
            for name in {posixpath.basename(key) for key in _keys(place)}:
                found[name].append(place)
        return found

    @cached_property
    def _by_uid(self) -> Mapping[str, str]:
        return {place.uid.casefold(): place.slug for place in self.places if place.uid}

    # ------------------------------------------------------------ addresses

    def _at(self, place: str, source: LinkedArticle) -> Found | None:
        """The article or file at a path, with or without an ending, or at an address."""
        if place in self.files:
            return Found(file=place)
        found = self._by_key.get(_key(place))
        if found is None:
            return None
        if len(found) == 1:
            return Found(found[0].slug)
        # Of several with one address: the file that is called so, then the one in this language.
        stem = _stem(place.strip("/"))
        best = min(
            found,
            key=lambda each: (
                _stem(each.path) != stem,
                each.lang != source.lang,
                distance(source.path, each.path),
            ),
        )
        return Found(best.slug)

    @cached_property
    def _by_key(self) -> Mapping[str, list[LinkedArticle]]:
        """Articles by what may be written for their address; paths take precedence."""
        levels: tuple[dict[str, list[LinkedArticle]], ...] = ({}, {}, {})
        for place in self.places:
            own = _key(place.path)
            for level, keys in enumerate(((own,), _keys(place), map(_key, place.aliases))):
                for key in keys:
                    known = levels[level].setdefault(key, [])
                    if place not in known:
                        known.append(place)
        return levels[2] | levels[1] | levels[0]

    @cached_property
    def _lang_of(self) -> Mapping[str, str]:
        return {place.slug: place.lang for place in self.places}

    def _lang(self, found: Found) -> str:
        return self._lang_of.get(found.slug, "")


def last_parts(place: LinkedArticle) -> set[str]:
    """The last part of each address by which links find an article."""
    keys = (_key(place.path), *_keys(place), *map(_key, place.aliases))
    return {posixpath.basename(key) for key in keys}


_STATIC = frozenset(("static", "public", "docs"))  # folders that a site serves at its root


def place_of(target: str) -> str:
    """The path of a link without query, fragment and percent signs."""
    written = "".join(target.split("\n")).strip().replace("\\", "/")
    return unquote(written.partition("#")[0].partition("?")[0], errors="replace")


def _is_name(place: str) -> bool:
    """Whether a place is the name of a file and no more; `index.md` means one of many."""
    named = "/" not in place and re.search(r"\.\w{1,8}$", place)
    return bool(named) and _stem(place).lower() not in INDEX_NAMES


def page_folder(path: str) -> str:
    """The folder that a file's page is where tools end addresses by `/`: `a/b.md` is at `a/b/`."""
    stem = _stem(path)
    return posixpath.dirname(path) if posixpath.basename(stem).lower() in INDEX_NAMES else stem


def _stem(path: str) -> str:
    return _ENDING.sub("", path)


def _joined(folder: str, place: str) -> str | None:
    """The path from a folder; None if it leads out of all articles."""
    found = posixpath.normpath(posixpath.join(folder, place))
    if found == ".":
        return ""
    return None if found.startswith("../") or found == ".." else found.lstrip("/")


def _folded(text: str) -> str:
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text.casefold())


def _key(place: str) -> str:
    """A path as addresses are compared: folded, without ending and the name of a folder's page."""
    stem = _folded(_stem(place.strip("/")))
    folder, _, name = stem.rpartition("/")
    return folder if name in INDEX_NAMES else stem


def _keys(place: LinkedArticle) -> Iterator[str]:
    """Every address that tools may give the file, besides its aliases."""
    own = _key(place.path)
    yield own
    yield _key(place.slug)
    yield own.replace(" ", "-")
    if "_" in own or own[:1].isdigit() or re.search(r"/\d", own):
        yield _PREFIX.sub("", own)
    folder, _, name = own.rpartition("/")
    if folder and posixpath.basename(folder) == name:  # `x/x.md` is the page of the folder
        yield folder
    if posted := _POST.fullmatch(own):
        year, month, day, title = posted.groups()
        above = folder.removesuffix("_posts").strip("/")
        for address in (f"{year}/{month}/{day}/{title}", title):
            yield f"{above}/{address}".strip("/")


def distance(one: str, other: str) -> int:
    """How many folders lie between two files."""
    a, b = one.split("/")[:-1], other.split("/")[:-1]
    same = 0
    for left, right in zip(a, b, strict=False):
        if left != right:
            break
        same += 1
    return len(a) + len(b) - 2 * same
