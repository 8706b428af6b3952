"""The addresses of the previous build for articles that changed and say the same of addresses.

Such a change moves an article to another segment, so it has another number, and nothing else in the
file of addresses differs (`addresses` writes that of any other build).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from kb.index.arrays import read_arrays, write_arrays
from kb.index.changes import PreviousBuild
from kb.index.entries import Entry
from kb.index.reader import NAMES, link_key
from kb.index.segment import count_articles
from kb.language.vocabulary import Vocabulary

_MOST_MOVED = 1_000  # articles with another number; for more, writing all is no slower
_OF_ARTICLES = {"stubs": False, "group": -1, "topics.of": -1}  # a value for each, else this one
_NUMBERS = ("slugs.doc", "order", "reading", "topics.pages", "media.docs")

Moved = Mapping[int, int]
"""The new number of each article that has another, by the old one."""


def renumber_addresses(
    draft: Path,
    before: PreviousBuild,
    entries: Mapping[str, Entry],
    others: Collection[str],
    segments: Sequence[str],
) -> bool:
    """Writes the file of addresses into `draft`, if other numbers are all that differs in it.

    Topics and the addresses that links lead to are those of `before`; `others` are the files whose
    entry is not the very one of that. Returns whether it is written.
    """
    former = before.entries
    if len(entries) != len(former) or not all(path in former for path in others):
        return False
    changed = [
        (former[path], entries[path])
        for path in others
        if not _stand_alike(former[path], entries[path])
    ]
    if len(changed) > _MOST_MOVED or not all(_say_the_same(*pair) for pair in changed):
        return False
    were = _first_numbers(before.build.folder, before.segments)
    are = _first_numbers(draft, segments)
    moved = {
        were[old.segment] + old.doc: are[new.segment] + new.doc
        for old, new in changed
        if new.is_served
    }
    names = read_arrays(before.build.folder / NAMES)
    write_arrays(draft / NAMES, {**names, **dict(_renumbered(names, moved, are[-1]))})
    return True


def _stand_alike(old: Entry, new: Entry) -> bool:
    """Whether an article that is the same has its old number as well."""
    return new.is_same_article(old) and (new.segment, new.doc) == (old.segment, old.doc)


def _say_the_same(old: Entry, new: Entry) -> bool:
    """Whether two entries of a file say the same of addresses, links and folders."""
    return (old.is_served, old.slug, old.aliases, old.audience) == (
        new.is_served, new.slug, new.aliases, new.audience,
    ) and (
        new.is_same_article(old)
        or new.details._replace(lines=(1, 1)) == old.details._replace(lines=(1, 1))
    )  # fmt: skip


def _first_numbers(folder: Path, segments: Sequence[str]) -> list[int]:
    """The number of the first article of each segment in a corpus, and how many there are."""
    numbers = [0]
    for name in segments:
        numbers.append(numbers[-1] + count_articles(folder / name))
    return numbers


def _renumbered(
    names: Mapping[str, NDArray[Any]], moved: Moved, size: int
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The arrays that hold numbers of articles."""
    numbers = np.arange(len(names["group"]) + 1, dtype=np.int32)
    numbers[-1] = -1  # of no article
    numbers[list(moved)] = list(moved.values())
    live = names["order"]
    for name in _NUMBERS:
        yield name, numbers[names[name]]
    for name, none in _OF_ARTICLES.items():
        column = np.full(size, none, names[name].dtype)
        column[numbers[live]] = names[name][live]
        yield name, column
    pairs = numbers[names["inlinks"]]
    yield "inlinks", pairs[np.lexsort(pairs.T[::-1])]
    written = orjson.loads(names["topics.json"].tobytes())
    named = {str(old): str(new) for old, new in moved.items()}
    namesakes = {named.get(doc, doc): name for doc, name in written["namesakes"].items()}
    told = orjson.dumps({**written, "namesakes": namesakes})
    yield "topics.json", np.frombuffer(told, np.uint8)
    yield from _renamed_links(names, moved)


def _renamed_links(
    names: Mapping[str, NDArray[Any]], moved: Moved
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The links with the numbers of their articles, in order again."""
    to, bounds = names["links.to"], names["links.offsets"].astype(np.intp)
    keys = Vocabulary(names["links.blob"], names["links.offsets"])
    gone: list[int] = []
    added: list[tuple[bytes, int]] = []  # keys, and where they lead
    for old, new in moved.items():
        places = range(*keys.prefix(link_key(old, "")))
        gone += places
        urls = (keys[place].partition(" ")[2] for place in places)
        added += [
            (link_key(new, url).encode(), int(to[place]))
            for place, url in zip(places, urls, strict=True)
        ]
    gone.sort()
    added.sort()
    before = np.array([keys.prefix(key.decode())[0] for key, _ in added], np.intp)
    at = before - np.searchsorted(gone, before)  # among those that stay
    cuts = [(bounds[place], bounds[place + 1], b"") for place in gone]
    cuts += [
        (bounds[place], bounds[place], key) for place, (key, _) in zip(before, added, strict=True)
    ]
    lengths = np.delete(bounds[1:] - bounds[:-1], gone)
    lengths = np.insert(lengths, at, [len(key) for key, _ in added])
    yield "links.blob", np.frombuffer(_edited(names["links.blob"], sorted(cuts)), np.uint8)
    yield "links.offsets", np.append(0, np.cumsum(lengths)).astype(np.uint32)
    yield "links.to", np.insert(np.delete(to, gone), at, [each for _, each in added])


def _edited(blob: NDArray[np.uint8], cuts: Iterable[tuple[int, int, bytes]]) -> bytes:
    """A blob in which other bytes stand in place of some; cuts are where they begin and end."""
    parts: list[Any] = []
    done = 0
    for start, end, instead in cuts:
        parts += (blob.data[done:start], instead)
        done = end
    return b"".join((*parts, blob.data[done:]))
