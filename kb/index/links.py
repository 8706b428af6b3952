"""Where the links of each article lead in a build: worked out when it is published."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from hashlib import blake2b
from operator import attrgetter
from typing import NamedTuple
from urllib.parse import quote, unquote

from kb.content import attachments, media
from kb.content.link_table import (
    Found,
    Habits,
    LinkedArticle,
    LinkTable,
    last_parts,
    place_of,
)
from kb.content.markup import Link
from kb.content.markup.link_targets import SAFE
from kb.index.entries import Entry
from kb.index.segment import article_url, topic_url

_SEARCHED_SIGNS = ("pdf", "docx", "txt", "%", "\n")  # in each target that is searched stands one
_MANY = 1000  # articles, of which one more makes no habit
DEAD = ""  # the address of a link that leads nowhere


def references(links: Sequence[Link]) -> tuple[tuple[str, str], ...]:
    """The links within the folder, each once: as the HTML holds them, and as written."""
    within = (link for link in links if link.url.startswith(("/articles/", "/media/")))
    return tuple(sorted({(link.url.partition("#")[0], link.target) for link in within}))


def may_be_searched(target: str) -> bool:
    """Whether a link, as written, may lead to a file that is searched."""
    lowered = target.lower()
    for sign in _SEARCHED_SIGNS:  # most targets have none, which is told fast
        if sign in lowered:
            return attachments.is_searched(place_of(target))
    return False


class SettledLinks(NamedTuple):
    """What a build remembers of how its links were settled; plain JSON values."""

    articles: str = ""  # a digest of the addresses of its articles
    files: str = ""  # of the files beside them
    folders: str = ""  # of the folders with a topic, and the languages
    page_relative: Sequence[str] = ()
    prefixes: Sequence[str] = ()
    by_name: bool = False
    shape: str = ""  # a digest of what else decides where links lead, see `LinkTable.shape`

    @property
    def habits(self) -> Habits:
        """How links are written."""
        return Habits(frozenset(self.page_relative), frozenset(self.prefixes), self.by_name)


class _Moved(NamedTuple):
    """The articles that links find otherwise than before."""

    places: frozenset[str] = frozenset()  # paths of those that are new, gone or at another address
    parts: frozenset[str] = frozenset()  # the last parts of their addresses, before and now


def link_table(
    live: Mapping[str, Entry],
    files: Collection[str],
    langs: Sequence[str],
    habits: Habits | None,
    folders: Sequence[tuple[str, str, str]] = (),
) -> LinkTable:
    """The addresses of a build; without `habits` they are read off the links of its articles."""
    places = {path: place(path, entry) for path, entry in live.items()}
    sample = (
        (places[path], target) for path, entry in live.items() for _, target in entry.details.links
    )
    return LinkTable(tuple(places.values()), servable(files), langs, sample, habits, folders)


def servable(files: Iterable[str]) -> frozenset[str]:
    """The files that links may lead to."""
    return frozenset(filter(media.is_servable, files))


def place(path: str, entry: Entry) -> LinkedArticle:
    """An article as links see it."""
    return LinkedArticle(path, entry.slug, entry.details.lang, entry.aliases, entry.details.uid)


def settle_links(
    live: Mapping[str, Entry],
    files: Collection[str],
    langs: Sequence[str],
    known: SettledLinks,
    folders: Sequence[tuple[str, str, str]],
    former: Mapping[str, Entry],
    others: Sequence[str],
    *,
    may_differ: bool = True,
) -> SettledLinks:
    """Sets `leads` of the articles `live`: the right address of each of their links.

    `known` is what this returned for the previous build, `former` are the articles of that, from
    which `others` differ. If no address and no habit is another since, only articles without
    `leads` are looked at; if some addresses are, also those with a link that may mean one of them.
    Where links or addresses differ, habits are read off all links again, unless they `may_differ`
    no more; of few articles they are read again where addresses differ, for there each tells much.
    """
    moved = _moved(live, former, others) if known.articles else None
    articles = known.articles if moved == _Moved() else _digest_of_addresses(live)
    is_same = articles == known.articles
    now = SettledLinks(articles, _digest(sorted(servable(files))), _digest(langs, folders))
    has_same_files = now.files == known.files and now.folders == known.folders
    is_sure = (_have_same_links(live, former, others) or not may_differ) and has_same_files
    if is_sure and is_same and all(_is_settled(live[path]) for path in others):
        return known
    are_known = is_sure and (is_same or (not may_differ and len(live) >= _MANY))
    table = link_table(live, files, langs, known.habits if are_known else None, folders)
    relative, prefixes = sorted(table.habits.page_relative), sorted(table.habits.prefixes)
    now = now._replace(
        shape=_digest(table.shape), page_relative=relative, prefixes=prefixes,
        by_name=table.habits.by_name,
    )  # fmt: skip
    stay: _Moved | None = None
    if has_same_files and table.habits == known.habits and (is_same or now.shape == known.shape):
        stay = _Moved() if is_same else moved
    may_lead_elsewhere = cache(partial(_may_mean, table, stay.parts if stay else frozenset()))
    for path, entry in live.items():
        if (
            stay is None
            or not _is_settled(entry)
            or path in stay.places
            or (stay.parts and any(may_lead_elsewhere(to) for _, to in entry.details.links))
        ):
            source = place(path, entry)
            entry.lead(address(table.find(source, to)) for _, to in entry.details.links)
    return now


def _moved(
    live: Mapping[str, Entry], former: Mapping[str, Entry], others: Iterable[str]
) -> _Moved | None:
    """Which articles links find otherwise; None without a build before."""
    if not former:
        return None
    moved: dict[str, list[LinkedArticle]] = {}
    for path in others:
        new = place(path, live[path])
        old = place(path, former[path]) if path in former else None
        if new != old:
            moved[path] = [each for each in (new, old) if each]
    if len(live) != len(former) or moved:
        moved |= {path: [place(path, former[path])] for path in former if path not in live}
    parts = (part for places in moved.values() for each in places for part in last_parts(each))
    return _Moved(frozenset(moved), frozenset(parts))


def _may_mean(table: LinkTable, parts: Collection[str], target: str) -> bool:
    """Whether a link may mean an article one of whose addresses ends with one of these parts."""
    part = table.last_part(target)
    return part is None or part in parts


def are_settled(
    live: Mapping[str, Entry],
    files: Iterable[str],
    known: SettledLinks,
    former: Mapping[str, Entry],
    others: Iterable[str],
) -> bool:
    """Whether links lead where they led in the build before.

    `known` and `former` are of that; `others` are the articles that differ.
    """
    has_same_files = known.files == _digest(sorted(servable(files)))
    return has_same_files and _moved(live, former, others) == _Moved()


def _is_settled(entry: Entry) -> bool:
    return len(entry.details.leads) == len(entry.details.links)


def _have_same_links(
    live: Mapping[str, Entry], former: Mapping[str, Entry], others: Iterable[str]
) -> bool:
    """Whether every article has the links that it had; one of `others` then has its `leads`."""
    for path in others:
        old, entry = former.get(path), live[path]
        if old is None or old.details.links != entry.details.links:
            return False
        if not entry.details.leads:
            entry.lead(old.details.leads)
    return True


def _digest_of_addresses(live: Mapping[str, Entry]) -> str:
    return _digest(sorted(_told(place(path, entry)) for path, entry in live.items()))


_told = attrgetter("path", "slug", "lang", "aliases", "uid")  # all of a `LinkedArticle`


def _digest(*values: object) -> str:
    whole = repr(values).encode("utf-8", "surrogatepass")
    return blake2b(whole, digest_size=12).hexdigest()


def address(found: Found | None) -> str:
    """The address of what a link means on this site."""
    if found is None:
        return DEAD
    if found.topic:
        return topic_url(*found.topic)
    if found.file:
        return "/media/" + quote(found.file, safe=SAFE)
    return article_url(found.slug) if found.slug else "/"


def file_at(address: str) -> str:
    """The path of the file at an address of this site; "" for anything else."""
    start = "/media/"
    return unquote(address[len(start) :]) if address.startswith(start) else ""


def is_same(one: str, other: str) -> bool:
    """Whether two addresses are equal but for their percent signs."""
    return one == other or ("%" in one + other and unquote(one) == unquote(other))
