"""Character n-grams of words, and the content words of each article in order. Ranks nothing.

Two words are alike as far as they share 4-grams of characters, and rare ones count more: `оплатили`
and `предоплата`. `_` stands at both ends of a word; a 64-bit key stands for an n-gram.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.index import array_tools
from kb.index.document import Kind
from kb.index.spool import Column
from kb.language import query_words
from kb.language.vocabulary import Vocabulary

Keys = NDArray[np.uint64]
Arrays = Mapping[str, NDArray[Any]]
Streams = Callable[[], Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]]

SIZE = 4  # characters of an n-gram
LONGEST = 4000  # content words of an article that are indexed, from its beginning
MOST_ATTACHED = 60_000  # and those of the files that it links to
_FACTOR, _ALL = 0x100000001B3, (1 << 64) - 1
_PRIME = np.uint64(_FACTOR)
_ATTACHED = 3  # the part of an article's content that files are
_CHUNK = 2000  # articles whose n-grams are counted at once
_COUNTS = ("content.ptr", "lines.of")  # collected as counts of each article


def keys(words: Sequence[str]) -> tuple[Keys, NDArray[np.int32]]:
    """The keys of the n-grams of words, with repeats, and the number of the word each is from."""
    points = np.frombuffer("".join(f"_{word}_" for word in words).encode("utf-32-le"), np.uint32)
    codes = points.astype(np.uint64)
    lengths = np.fromiter((len(word) + 2 for word in words), np.int64, len(words))
    owner = np.repeat(np.arange(len(words), dtype=np.int32), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(codes))  # characters to the end
    starts = np.flatnonzero(left >= SIZE)
    key = np.zeros(len(starts), np.uint64)
    for offset in range(SIZE):
        key = key * _PRIME + codes[starts + offset]
    return key, owner[starts]


def keys_of(word: str) -> list[int]:
    """The keys of the n-grams of one word; for a few words this is faster than `keys`."""
    points = [ord(char) for char in f"_{word}_"]
    found = []
    for at in range(len(points) - SIZE + 1):
        key = 0
        for point in points[at : at + SIZE]:
            key = (key * _FACTOR + point) & _ALL
        found.append(key)
    return found


class Content:
    """The content words of a segment, collected some articles at a time.

    `content.words` holds each article's title, its questions, the rest, and the files that it links
    to, without stop words. Two places that hold no word (the number of words) stand before each of
    the four, so that nothing is near anything across a border. `content.own` is how many places are
    before those of files, whose n-grams are not counted. `content.token` says which token of its
    article a word is, `content.line` in which heading or answered question it stands (from 1, 0 in
    none); the lines of article j are `lines.of[j]` to `lines.of[j + 1] - 1`.
    """

    def __init__(self, words: Vocabulary, folder: Path | None = None) -> None:
        """`words` are those of all articles; `folder` is that of columns."""
        self._words = words
        self._is_stop = np.fromiter((word in query_words.STOP for word in words), bool, len(words))
        self._places = {
            f"content.{name}": Column(np.int32, folder) for name in ("words", "token", "line")
        }
        self._of_articles: dict[str, list[NDArray[Any]]] = {}

    def add(self, arrays: Arrays) -> None:
        """Adds articles, by the arrays of their words and regions."""
        places, of_articles = content(self._is_stop, arrays)
        for name, values in of_articles.items():
            self._of_articles.setdefault(name, []).append(values)
        for name, values in places.items():
            self._places[name].append(values)

    def arrays(self) -> dict[str, NDArray[Any] | Column]:
        """The arrays of the segment that hold its content words, and the n-grams of these words."""
        made: dict[str, NDArray[Any] | Column] = {**self._places}
        for name, parts in self._of_articles.items():
            whole = np.concatenate(parts)
            made[name] = array_tools.offsets(whole) if name in _COUNTS else whole
        return made | _grams(self._words, self._streams)

    def _streams(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Of some articles at a time all content words but those of files: word and article."""
        words = self._places["content.words"]
        ptr = array_tools.offsets(np.concatenate(self._of_articles["content.ptr"]))
        own = np.concatenate(self._of_articles["content.own"])
        for low in range(0, len(own), _CHUNK):
            high = min(low + _CHUNK, len(own))
            read = words.read(int(ptr[low]), int(ptr[high]))
            starts = ptr[low:high] - ptr[low]
            steps, lengths = array_tools.ranges(starts, starts + own[low:high])
            stream = read[steps].astype(np.int64)
            docs = np.repeat(np.arange(high - low, dtype=np.int64), lengths)
            is_word = stream < len(self._words)
            yield stream[is_word], docs[is_word]


def content(
    is_stop: NDArray[np.bool_], arrays: Arrays
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """The content words of some articles as of `Content`, and what it holds of each article.

    Of the second, `content.ptr` and `lines.of` are numbers of places and lines, one an article.
    """
    at, docs, parts, lines, owners, claims = _content(is_stop, arrays)
    size = len(arrays["tokens.ptr"]) - 1
    border = np.ones(len(at), bool)
    border[1:] = (docs[1:] != docs[:-1]) | (parts[1:] != parts[:-1])
    shift = 2 * np.cumsum(border)
    place = np.arange(len(at)) + shift
    total = len(at) + (int(shift[-1]) if len(shift) else 0)
    asked = (lines >= 0) & ~arrays["tokens.extra"][at]  # as many as a query has
    lines_each = np.bincount(owners, minlength=size)
    own = parts < _ATTACHED
    of_articles = {
        "content.ptr": (
            np.bincount(docs, minlength=size) + 2 * np.bincount(docs[border], minlength=size)
        ),
        "content.title": np.bincount(docs[parts == 0], minlength=size).astype(np.int32),
        "content.length": np.bincount(docs[own], minlength=size).astype(np.int32),
        "content.own": (
            np.bincount(docs[own], minlength=size)
            + 2 * np.bincount(docs[border & own], minlength=size)
        ).astype(np.int32),
        "lines.of": lines_each,
        "lines.claim": claims,  # how surely the article answers the question of a line, 0–1
        "lines.length": np.bincount(lines[asked], minlength=len(owners)).astype(np.int32),
    }
    numbers = np.where(lines >= 0, lines - array_tools.offsets(lines_each)[docs] + 1, 0)
    places: dict[str, NDArray[Any]] = {}
    for name, filler, values in (
        ("words", len(is_stop), arrays["tokens.words"][at]),
        ("token", -1, at - arrays["tokens.ptr"][docs]),
        ("line", 0, numbers),
    ):
        filled = places[f"content.{name}"] = np.full(total, filler, np.int32)
        filled[place] = values
    return places, of_articles


def places_of_article(words: Vocabulary, arrays: Arrays, doc: int) -> NDArray[np.intp]:
    """The places of the n-grams of an article in the list of those of its segment."""
    low = int(arrays["content.ptr"][doc])
    found = np.unique(arrays["content.words"][low : low + int(arrays["content.own"][doc])])
    held = [words[word] for word in found[found < len(words)].tolist()]
    return np.searchsorted(arrays["grams.keys"], np.unique(keys(held)[0]) if held else ())


def _content(is_stop: NDArray[np.bool_], arrays: Arrays) -> tuple[NDArray[Any], ...]:
    """Every content token with its article, its part and line.

    Parts are the title 0, answers 1, files that are linked to 3, and all else 2.

    Lines are numbered through the segment, -1 for none; the last two values are the article of each
    line and how surely it answers the question that the line is.
    """
    tokens = arrays["tokens.words"]
    counts = np.diff(arrays["tokens.ptr"])
    docs = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    kinds = arrays["regions.kind"]
    is_line = np.isin(kinds, (Kind.HEADING, Kind.ANSWERS, Kind.LEARNED))
    owners = np.repeat(np.arange(len(counts)), np.diff(arrays["regions.ptr"]))[is_line]
    region = np.repeat(np.arange(len(kinds)), region_lengths(arrays))
    kept = ~is_stop[tokens] & (kinds[region] != Kind.TAGS)
    is_attached = kinds[region] == Kind.ATTACHED
    at = np.concatenate((
        _first(np.flatnonzero(kept & ~is_attached), docs, LONGEST),
        _first(np.flatnonzero(kept & is_attached), docs, MOST_ATTACHED),
    ))  # fmt: skip
    at.sort()
    kind, region = kinds[region[at]], region[at]
    is_question = (kind == Kind.ANSWERS) | (kind == Kind.LEARNED)
    parts = np.where(kind == Kind.TITLE, 0, np.where(is_question, 1, 2))
    parts[kind == Kind.ATTACHED] = _ATTACHED
    lines = np.where(is_line[region], np.cumsum(is_line)[region] - 1, -1)
    return at, docs[at], parts, lines, owners, arrays["regions.claim"][is_line]


def _first(at: NDArray[np.intp], docs: NDArray[np.int64], most: int) -> NDArray[np.intp]:
    """Of the ascending tokens `at` the first ones of each article, `most` at most."""
    owners = docs[at]
    rank = np.arange(len(at)) - np.searchsorted(owners, owners)
    return at[rank < most]


def region_kinds(arrays: Arrays) -> NDArray[np.uint8]:
    """The kind of the region each token of a segment stands in."""
    return np.repeat(arrays["regions.kind"], region_lengths(arrays))


def region_lengths(arrays: Arrays) -> NDArray[np.int64]:
    """How many tokens each region of a segment has."""
    regions, tokens = arrays["regions.ptr"], arrays["tokens.ptr"]
    counts: NDArray[np.int64] = np.diff(np.append(arrays["regions.token"].astype(np.int64), 0))
    some = np.diff(regions) > 0
    last = (regions[1:] - 1)[some]
    counts[last] = np.diff(tokens)[some] - arrays["regions.token"][last].astype(np.int64)
    return counts


def _grams(words: Vocabulary, streams: Streams) -> dict[str, NDArray[Any]]:
    """The n-grams, the words that have each, and in how many articles each stands."""
    is_used = np.zeros(len(words), bool)
    for stream, _ in streams():
        is_used[stream] = True
    used = np.flatnonzero(is_used)
    found, owner = keys([words[i] for i in used.tolist()])
    distinct, place = np.unique(found, return_inverse=True)
    order = np.argsort(place, kind="stable")
    by_word = np.zeros(len(words) + 1, np.int64)
    by_word[1:][used] = np.bincount(owner, minlength=len(used))
    np.cumsum(by_word, out=by_word)
    frequency = np.zeros(len(distinct), np.int64)
    for stream, docs in streams():
        pairs = array_tools.distinct(docs * len(by_word) + stream)
        article, word = pairs // len(by_word), pairs % len(by_word)
        steps, lengths = array_tools.ranges(by_word[word], by_word[word + 1])
        there = array_tools.distinct(
            np.repeat(article, lengths) * max(len(distinct), 1) + place[steps]
        )
        frequency += np.bincount(there % max(len(distinct), 1), minlength=len(distinct))
    return {
        "grams.keys": distinct,
        "grams.ptr": array_tools.offsets(np.bincount(place, minlength=len(distinct))),
        "grams.words": used[owner[order]].astype(np.int32),
        "grams.df": frequency.astype(np.int32),
    }
