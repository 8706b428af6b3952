"""Words that share letters, and articles' content words in order. Ranks nothing.

Two words are alike as far as they share character 4-grams, the rare ones counting more, whatever
their endings: `оплатили` and `предоплата`. A gram is known by a 64-bit key of its characters; `_`
stands at both ends of a word.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb import text
from kb.analysis import Kind
from kb.vocabulary import Vocabulary

Keys = NDArray[np.uint64]
Arrays = Mapping[str, NDArray[Any]]

SIZE = 4  # characters of a gram
LONGEST = 4000  # content words of an article that are looked at, from its beginning
_FACTOR, _ALL = 0x100000001B3, (1 << 64) - 1
_PRIME = np.uint64(_FACTOR)
_CHUNK = 2000  # articles whose grams are counted at once


def keys(words: Sequence[str]) -> tuple[Keys, NDArray[np.int32]]:
    """The grams of words, with repeats, and the number of the word each comes from."""
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
    """As `keys`, of one word: for a few that is faster."""
    points = [ord(char) for char in f"_{word}_"]
    found = []
    for at in range(len(points) - SIZE + 1):
        key = 0
        for point in points[at : at + SIZE]:
            key = (key * _FACTOR + point) & _ALL
        found.append(key)
    return found


def prepare(words: Vocabulary, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """The content words of each article, and the grams of all words of them.

    `content.words` holds each article's title, its answers and the rest, without compounds and
    stop words; two places that hold no word (the number of words) stand before each of the three,
    so that nothing is near anything across a border. `content.token` says which token of its
    article a word is, `content.line` in which heading or answered question it stands (from 1, 0
    in none); the lines of article j are `lines.of[j]` to `lines.of[j + 1] - 1`.
    """
    at, docs, parts, lines, owners, claims = _content(words, arrays)
    stream = arrays["tokens.words"][at]
    size = len(arrays["tokens.ptr"]) - 1
    border = np.ones(len(at), bool)
    border[1:] = (docs[1:] != docs[:-1]) | (parts[1:] != parts[:-1])
    shift = 2 * np.cumsum(border)
    place = np.arange(len(at)) + shift
    total = len(at) + (int(shift[-1]) if len(shift) else 0)
    first_line = _pointers(np.bincount(owners, minlength=size))
    made: dict[str, NDArray[Any]] = {
        "content.words": np.full(total, len(words), np.int32),
        "content.token": np.full(total, -1, np.int32),
        "content.line": np.zeros(total, np.int32),
        "content.ptr": _pointers(
            np.bincount(docs, minlength=size) + 2 * np.bincount(docs[border], minlength=size)
        ),
        "content.title": np.bincount(docs[parts == 0], minlength=size).astype(np.int32),
        "content.length": np.bincount(docs, minlength=size).astype(np.int32),
        "lines.of": first_line,
        "lines.claim": claims,  # whether a line is an answered question
        "lines.length": np.bincount(lines[lines >= 0], minlength=len(owners)).astype(np.int32),
    }
    made["content.words"][place] = stream
    made["content.token"][place] = at - arrays["tokens.ptr"][docs]
    made["content.line"][place] = np.where(lines >= 0, lines - first_line[docs] + 1, 0)
    return made | _grams(words, stream, docs, size)


def _content(words: Vocabulary, arrays: Arrays) -> tuple[NDArray[Any], ...]:
    """Every content token with its article, its part (title 0, answers 1, all else 2) and line.

    Lines are numbered through the segment, -1 for none; the last two values are the article of each
    line and whether it is an answered question.
    """
    tokens = arrays["tokens.words"]
    counts = np.diff(arrays["tokens.ptr"])
    docs = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    kinds = arrays["regions.kind"]
    is_line = (kinds == Kind.HEADING) | (kinds == Kind.ANSWERS)
    owners = np.repeat(np.arange(len(counts)), np.diff(arrays["regions.ptr"]))[is_line]
    region = np.repeat(np.arange(len(kinds)), region_lengths(arrays))
    stop = np.fromiter((word in text.STOP for word in words), bool, len(words))
    kept = ~arrays["tokens.compound"] & ~stop[tokens] & (kinds[region] != Kind.TAGS)
    at = np.flatnonzero(kept)
    first = np.searchsorted(docs[at], np.arange(len(counts)))
    at = at[np.arange(len(at)) - first[docs[at]] < LONGEST]
    kind, region = kinds[region[at]], region[at]
    parts = np.where(kind == Kind.TITLE, 0, np.where(kind == Kind.ANSWERS, 1, 2))
    lines = np.where(is_line[region], np.cumsum(is_line)[region] - 1, -1)
    return at, docs[at], parts, lines, owners, kinds[is_line] == Kind.ANSWERS


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


def _grams(
    words: Vocabulary, stream: NDArray[np.int32], docs: NDArray[np.int64], size: int
) -> dict[str, NDArray[Any]]:
    """Grams to the words that have them, and in how many articles each stands."""
    used = np.unique(stream)
    found, owner = keys([words[i] for i in used.tolist()])
    distinct, place = np.unique(found, return_inverse=True)
    order = np.argsort(place, kind="stable")
    by_word = np.zeros(len(words) + 1, np.int64)
    by_word[1:][used] = np.bincount(owner, minlength=len(used))
    np.cumsum(by_word, out=by_word)
    frequency = np.zeros(len(distinct), np.int64)
    for low in range(0, size, _CHUNK):
        a, b = np.searchsorted(docs, (low, low + _CHUNK))
        pairs = distinct_of(docs[a:b] * len(by_word) + stream[a:b])
        article, word = pairs // len(by_word), pairs % len(by_word)
        steps, lengths = ranges(by_word[word], by_word[word + 1])
        there = distinct_of(np.repeat(article, lengths) * max(len(distinct), 1) + place[steps])
        frequency += np.bincount(there % max(len(distinct), 1), minlength=len(distinct))
    return {
        "grams.keys": distinct,
        "grams.ptr": _pointers(np.bincount(place, minlength=len(distinct))),
        "grams.words": used[owner[order]].astype(np.int32),
        "grams.df": frequency.astype(np.int32),
    }


def distinct_of(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The distinct numbers, ascending; sorts in place. `np.unique` hashes, for millions slower."""
    numbers.sort()
    return numbers[runs(numbers)]


def runs(values: NDArray[Any]) -> NDArray[np.intp]:
    """Where each run of equal values begins."""
    starts = np.empty(len(values), bool)
    starts[:1] = True
    np.not_equal(values[1:], values[:-1], out=starts[1:])
    return starts.nonzero()[0]


def ranges(
    starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All whole numbers of the half-open ranges one after another, and each range's length."""
    lengths = ends - starts
    total = int(lengths.sum())
    if not total:
        return np.empty(0, np.int64), lengths
    steps = np.arange(total)
    steps += np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return steps, lengths


def _pointers(counts: NDArray[Any]) -> NDArray[np.int64]:
    pointers = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=pointers[1:])
    return pointers
