"""Where the links of each article lead in a build: worked out when it is published."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, unquote

from kb.content import media
from kb.content.link_table import Found, Habits, LinkedArticle, LinkTable
from kb.content.markup import Link
from kb.content.markup.link_targets import SAFE
from kb.index.changes import Entry
from kb.index.segment import article_url, topic_url

DEAD = ""  # the address of a link that leads nowhere


def references(links: Sequence[Link]) -> tuple[tuple[str, str], ...]:
    """The links within the folder, each once: as the HTML holds them, and as written."""
    within = (link for link in links if link.url.startswith(("/articles/", "/media/")))
    return tuple(sorted({(link.url.partition("#")[0], link.target) for link in within}))


def link_table(
    live: Mapping[str, Entry],
    files: Collection[str],
    langs: Sequence[str],
    settled: Sequence[Any],
    folders: Sequence[tuple[str, str, str]] = (),
) -> LinkTable:
    """The addresses of a build's articles, for links of what is no article.

    `settled` is what `settle_links` returned, the rest is as there.
    """
    places = tuple(_place(path, entry) for path, entry in live.items())
    served = frozenset(filter(media.is_servable, files))
    habits = Habits(*map(frozenset, settled[1:]))
    return LinkTable(places, served, langs, learned=habits, folders=folders)


def _place(path: str, entry: Entry) -> LinkedArticle:
    return LinkedArticle(path, entry.slug, entry.lang, entry.aliases, entry.uid)


def settle_links(
    live: Mapping[str, Entry],
    files: Collection[str],
    langs: Sequence[str],
    before: Sequence[Any],
    folders: Sequence[tuple[str, str, str]] = (),
    former: Mapping[str, Entry] | None = None,
) -> list[Any]:
    """Sets `leads` of the articles `live`: the right address of each of their links.

    `before` is what this returned for the previous build: if no address and no habit is another
    since, only articles without `leads` are looked at. `former` are the entries of that build:
    habits are read off the links again unless they are the same, or it is None. `folders` are those
    with a topic, as in `LinkTable`. Returns plain JSON values for the next build.
    """
    places = {path: _place(path, entry) for path, entry in live.items()}
    served = frozenset(filter(media.is_servable, files))
    digest = _digest(places.values(), served, langs, folders)
    remembered = Habits(*map(frozenset, before[1:])) if before and before[0] == digest else None
    is_sure = remembered is None or former is None or _have_same_links(live, former)
    habits = remembered if is_sure else None
    sample = ((places[path], target) for path, entry in live.items() for _, target in entry.links)
    table = LinkTable(tuple(places.values()), served, langs, sample, habits, folders)
    stays = remembered is not None and table.habits == remembered
    for path, entry in live.items():
        if not stays or len(entry.leads) != len(entry.links):
            entry.leads = tuple(
                address(table.find(places[path], target)) for _, target in entry.links
            )
    return [digest, sorted(table.habits.page_relative), sorted(table.habits.prefixes)]


def _have_same_links(live: Mapping[str, Entry], former: Mapping[str, Entry]) -> bool:
    """Whether every article has the links that it had; one that changed then has its `leads`."""
    for path, entry in live.items():
        old = former.get(path)
        if old is None or old.links != entry.links:
            return False
        if not entry.leads:
            entry.leads = old.leads
    return True


def _digest(places: Iterable[LinkedArticle], files: Collection[str], *others: object) -> str:
    named = sorted((one.path, one.slug, one.lang, one.aliases, one.uid) for one in places)
    whole = repr((named, sorted(files), *others))
    return blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def address(found: Found | None) -> str:
    """The address of what a link means on this site."""
    if found is None:
        return DEAD
    if found.topic:
        return topic_url(*found.topic)
    if found.file:
        return "/media/" + quote(found.file, safe=SAFE)
    return article_url(found.slug) if found.slug else "/"


def is_same(one: str, other: str) -> bool:
    """Whether two addresses are equal but for their percent signs."""
    return one == other or unquote(one) == unquote(other)
