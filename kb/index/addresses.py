"""Writes the addresses of a build: slugs, redirects, reading order, translations, inbound links."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import orjson
from numpy.typing import NDArray

from kb.content import addresses, gates, language_folders, reading_order
from kb.content.topics import TopicTree
from kb.index import topics
from kb.index.arrays import write_arrays
from kb.index.entries import Entry
from kb.index.links import is_same
from kb.index.reader import NAMES, link_key
from kb.index.segment import article_url, count_articles
from kb.language.vocabulary import Vocabulary

_ARTICLES = article_url("")


def write_addresses(
    draft: Path,
    entries: Mapping[str, Entry],
    segments: Sequence[str],
    langs: Sequence[str],
    tree: TopicTree,
) -> None:
    """Writes the file of addresses of a build into `draft`.

    Articles are numbered as in a corpus. `entries` are all files with their places in `segments`,
    `langs` the languages that folders may be named by, `tree` the topics of the articles. Besides
    slugs and redirects the file holds the tree, the reading order, section pages without text of
    their own, groups of translations, which articles link to which, where links lead, which
    articles refer to which files beside them, and the audiences of folders.
    """
    bases = np.cumsum([0, *(count_articles(draft / name) for name in segments)]).tolist()
    live = {path: entry for path, entry in sorted(entries.items()) if entry.is_served}
    at = {path: bases[entry.segment] + entry.doc for path, entry in live.items()}
    by_slug = {entry.slug: path for path, entry in live.items()}
    pages = reading_order.folder_pages(live)
    others = _other_addresses(live, by_slug, pages)
    slugs, aliases = sorted(by_slug), sorted(others)  # as a vocabulary holds them
    places = {slug: i for i, slug in enumerate(slugs)}
    arrays: dict[str, Any] = {
        "slugs.doc": np.array([at[by_slug[slug]] for slug in slugs], np.int32),
        "aliases.to": np.array([places[others[alias]] for alias in aliases], np.int32),
        "order": np.array(list(at.values()), np.int32),
        "reading": np.array([at[path] for path in tree.reading], np.int32),
        "stubs": _stubs(live, tree, at, bases[-1]),
        "group": _translations(live, by_slug, at, bases[-1], langs),
    }
    arrays |= topics.arrays(tree, at, bases[-1])
    links: dict[str, str] = {}
    linked: set[tuple[str, str]] = set()
    for path, entry in live.items():
        for (url, _), right in zip(entry.details.links, entry.details.leads, strict=True):
            if right.startswith(_ARTICLES):
                slug = unquote(right[len(_ARTICLES) :])
                if by_slug.get(slug, path) != path:
                    linked.add((path, slug))
            if not is_same(url, right):
                links[link_key(at[path], url)] = right
    pairs = sorted((at[path], at[by_slug[slug]]) for path, slug in linked)
    arrays["inlinks"] = np.array(pairs, np.int32).reshape(-1, 2)
    folders = gates.FolderAudiences.of((path, entry.audience) for path, entry in entries.items())
    written = orjson.dumps(dict(folders.by_folder))
    arrays["folders"] = np.frombuffer(written, np.uint8)
    keys, targets = sorted(links), sorted(set(links.values()))
    order = {target: number for number, target in enumerate(targets)}
    arrays["links.to"] = np.array([order[links[key]] for key in keys], np.int32)
    referring = _referring(entries, at)
    media = sorted(referring)
    arrays["media.docs"] = np.array([doc for file in media for doc in referring[file]], np.int32)
    arrays["media.bounds"] = np.cumsum([0, *(len(referring[file]) for file in media)]).astype("i4")
    for name, words in (
        ("slugs", slugs), ("aliases", aliases), ("media", media), ("links", keys),
        ("targets", targets),
    ):  # fmt: skip
        arrays[f"{name}.blob"], arrays[f"{name}.offsets"] = Vocabulary.of(words).arrays
    write_arrays(draft / NAMES, arrays)


def _other_addresses(
    live: Mapping[str, Entry], by_slug: Mapping[str, str], pages: Mapping[str, str]
) -> dict[str, str]:
    """The redirects: former slugs, file paths and folders that are no slug, each with its slug."""
    former = [(alias, entry.slug) for entry in live.values() for alias in entry.aliases]
    taken = {addresses.folded(slug) for slug in by_slug} if former else set()
    others: dict[str, str] = {}
    for alias, slug in former:
        if addresses.folded(alias) not in taken:
            others.setdefault(alias, slug)
    for path, entry in live.items():  # a former slug was chosen, a path came about
        if (address := _without_suffix(path)) not in by_slug:
            others.setdefault(address, entry.slug)
    for folder, path in pages.items():
        if folder and folder not in by_slug:
            others.setdefault(folder, live[path].slug)
    return others


def _referring(entries: Mapping[str, Entry], at: Mapping[str, int]) -> dict[str, list[int]]:
    """For each file beside the articles that a file names, the articles that do.

    A file that only rejected articles name has none.
    """
    referring: dict[str, list[int]] = {}
    for path, entry in entries.items():
        for file in entry.details.media:
            docs = referring.setdefault(file, [])
            docs += [at[path]] if path in at else []
    return referring


def _stubs(
    live: Mapping[str, Entry], tree: TopicTree, at: Mapping[str, int], size: int
) -> NDArray[np.bool_]:
    """A mask of the pages of topics that have no text of their own."""
    is_stub = np.zeros(size, bool)
    for topic in tree.topics:
        if topic.page and (placement := live[topic.page].details.placement) and placement.is_empty:
            is_stub[at[topic.page]] = True
    return is_stub


def _without_suffix(path: str) -> str:
    return path.rsplit(".", 1)[0]


def _translations(
    live: Mapping[str, Entry],
    by_slug: Mapping[str, str],
    at: Mapping[str, int],
    size: int,
    langs: Sequence[str],
) -> Any:
    """The group of each article: translations of one another have the same, -1 is none."""
    groups: dict[tuple[str, str], int] = {}
    group = np.full(size, -1, np.int32)
    without_lang = {"": ""}  # each folder, which many articles lie in
    for path, entry in live.items():
        source = entry.details.translation_of
        original = by_slug.get(source, path) if source else path
        folder, _, name = _without_suffix(original).rpartition("/")
        if folder not in without_lang:
            without_lang[folder] = language_folders.split(f"{folder}/", langs)[1]
        key = without_lang[folder], name
        group[at[path]] = groups.setdefault(key, len(groups))
    sizes = np.bincount(group[group >= 0])
    aliases = ((path, entry.aliases) for path, entry in live.items())
    for paths in language_folders.sharing(aliases, langs):
        docs = [at[path] for path in paths]
        if (sizes[group[docs]] == 1).all():  # none has a translation under its own path
            group[docs] = group[docs[0]]
    return group
