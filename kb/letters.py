"""Character n-grams of a vocabulary, and articles' content words in order. Ranks nothing.

Words share n-grams where they share letters, whatever their endings: `оплатили` and `предоплата`.
A gram is known by a 64-bit key of its characters; `_` stands at both ends of a word.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb import text
from kb.analysis import Kind
from kb.vocabulary import Vocabulary

Keys = NDArray[np.uint64]
Arrays = Mapping[str, NDArray[Any]]

BODY, TITLE, LINES = "grams", "title_grams", "line_grams"
SIZES = {BODY: (4,), TITLE: (3, 4, 5), LINES: (3, 4, 5)}
LONGEST = 4000  # content words of an article that are looked at, from its beginning
_PRIME = np.uint64(0x100000001B3)
_CHUNK = 2000  # articles whose grams are counted at once


def keys(words: Sequence[str], sizes: Iterable[int]) -> tuple[Keys, NDArray[np.int32]]:
    """The grams of words, with repeats, and the number of the word each comes from."""
    points = np.frombuffer("".join(f"_{word}_" for word in words).encode("utf-32-le"), np.uint32)
    codes = points.astype(np.uint64)
    lengths = np.fromiter((len(word) + 2 for word in words), np.int64, len(words))
    owner = np.repeat(np.arange(len(words), dtype=np.int32), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(codes))  # characters to the end
    found, owners = [], []
    for size in sizes:
        starts = np.flatnonzero(left >= size)
        key = np.full(len(starts), size, np.uint64)
        for offset in range(size):
            key = key * _PRIME + codes[starts + offset]
        found.append(key)
        owners.append(owner[starts])
    return np.concatenate(found), np.concatenate(owners)


@lru_cache(1 << 14)
def keys_of(word: str, kind: str) -> Keys:
    """The grams of one word, with repeats."""
    return keys([word], SIZES[kind])[0]


def prepare(words: Vocabulary, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """The content words of each article, and the grams of its body, its title and its lines.

    A line is one heading or one of the questions an article answers: `lines.words` are the words of
    lines one after another, line i has `lines.words[lines.ptr[i]:lines.ptr[i + 1]]`, and article j
    the lines `lines.of[j]` to `lines.of[j + 1] - 1`.

    `content.words` holds each article's title, its answers and the rest, without compounds and
    stop words; two places that hold no word (the number of words) stand before each of the three,
    so that nothing is near anything across a border.
    """
    stream, docs, parts = _content(words, arrays)
    size = len(arrays["tokens.ptr"]) - 1
    border = np.ones(len(stream), bool)
    border[1:] = (docs[1:] != docs[:-1]) | (parts[1:] != parts[:-1])
    shift = 2 * np.cumsum(border)
    spread = np.full(len(stream) + (int(shift[-1]) if len(shift) else 0), len(words), np.int32)
    spread[np.arange(len(stream)) + shift] = stream
    made: dict[str, NDArray[Any]] = {
        "content.words": spread,
        "content.ptr": _pointers(
            np.bincount(docs, minlength=size) + 2 * np.bincount(docs[border], minlength=size)
        ),
        "content.title": np.bincount(docs[parts == 0], minlength=size).astype(np.int32),
        "content.length": np.bincount(docs, minlength=size).astype(np.int32),
    }
    titled = parts == 0
    made |= _grams(BODY, words, stream, docs, size)
    made |= _grams(TITLE, words, stream[titled], docs[titled], size)
    return made | _lines(words, arrays, size)


def _lines(words: Vocabulary, arrays: Arrays, size: int) -> dict[str, NDArray[Any]]:
    """The headings and answered questions of each article, every one a unit of its own."""
    kinds = arrays["regions.kind"]
    is_line = (kinds == Kind.HEADING) | (kinds == Kind.ANSWERS)
    region = np.repeat(np.arange(len(kinds)), region_lengths(arrays))
    kept = is_line[region] & ~arrays["tokens.compound"]
    stream = arrays["tokens.words"][kept]
    line = (np.cumsum(is_line) - 1)[region[kept]]
    owner = np.repeat(np.arange(size, dtype=np.int32), np.diff(arrays["regions.ptr"]))[is_line]
    made: dict[str, NDArray[Any]] = {
        "lines.words": stream,
        "lines.ptr": _pointers(np.bincount(line, minlength=len(owner))),
        "lines.of": _pointers(np.bincount(owner, minlength=size)),
    }
    grams = _grams(LINES, words, stream, owner[line], size)
    per_line = np.bincount(line, weights=_gram_counts(words, stream, LINES), minlength=len(owner))
    return made | grams | {f"{LINES}.length": per_line.astype(np.int32)}


def _gram_counts(words: Vocabulary, stream: NDArray[np.int32], name: str) -> NDArray[np.int64]:
    """How many grams each word of the stream has."""
    used, place = np.unique(stream, return_inverse=True)
    lengths = np.fromiter((len(words[i]) + 2 for i in used.tolist()), np.int64, len(used))
    counts = sum(np.maximum(lengths - size + 1, 0) for size in SIZES[name])
    return np.asarray(counts, np.int64)[place]


def _content(words: Vocabulary, arrays: Arrays) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Every content word with its article and its part: title 0, answers 1, all else 2."""
    tokens = arrays["tokens.words"]
    counts = np.diff(arrays["tokens.ptr"])
    docs = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    kinds = region_kinds(arrays)
    stop = np.fromiter((word in text.STOP for word in words), bool, len(words))
    kept = ~arrays["tokens.compound"] & ~stop[tokens] & (kinds != Kind.TAGS)
    stream, docs, kinds = tokens[kept], docs[kept], kinds[kept]
    first = np.searchsorted(docs, np.arange(len(counts)))
    kept = np.arange(len(docs)) - first[docs] < LONGEST
    parts = np.where(kinds == Kind.TITLE, 0, np.where(kinds == Kind.ANSWERS, 1, 2))
    return stream[kept], docs[kept], parts[kept]


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
    name: str, words: Vocabulary, stream: NDArray[np.int32], docs: NDArray[np.int32], size: int
) -> dict[str, NDArray[Any]]:
    """Grams to the words that have them, the number of their articles, and articles' lengths."""
    used = np.unique(stream)
    found, owner = keys([words[i] for i in used.tolist()], SIZES[name])
    distinct, place = np.unique(found, return_inverse=True)
    order = np.argsort(place, kind="stable")
    per_word = np.zeros(len(words), np.int64)
    per_word[used] = np.bincount(owner, minlength=len(used))
    made: dict[str, NDArray[Any]] = {
        f"{name}.keys": distinct,
        f"{name}.ptr": _pointers(np.bincount(place, minlength=len(distinct))),
        f"{name}.words": used[owner[order]].astype(np.int32),
        f"{name}.length": np.bincount(docs, weights=per_word[stream], minlength=size).astype(
            np.int32
        ),
    }
    by_word = np.zeros(len(words) + 1, np.int64)
    np.cumsum(per_word, out=by_word[1:])
    by_owner = place[np.argsort(owner, kind="stable")]
    made[f"{name}.df"] = _frequencies(len(distinct), by_word, by_owner, stream, docs, size)
    return made


def _frequencies(
    count: int,
    by_word: NDArray[np.int64],
    place: NDArray[np.intp],
    stream: NDArray[np.int32],
    docs: NDArray[np.int32],
    size: int,
) -> NDArray[np.int32]:
    """In how many articles each gram stands; `place[by_word[w]:by_word[w + 1]]` are w's grams."""
    frequency = np.zeros(count, np.int64)
    for low in range(0, size, _CHUNK):
        a, b = np.searchsorted(docs, (low, low + _CHUNK))
        pairs = np.unique(docs[a:b].astype(np.int64) * len(by_word) + stream[a:b])
        owner, word = pairs // len(by_word), pairs % len(by_word)
        at, lengths = ranges(by_word[word], by_word[word + 1])
        grams = np.unique(np.repeat(owner, lengths) * count + place[at])
        frequency += np.bincount(grams % max(count, 1), minlength=count)
    return frequency.astype(np.int32)


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
