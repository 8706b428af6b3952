"""An article as two compact blobs: its words, to be ranked by, and its text, to be shown.

Words are numbers in the dictionary of the article's segment, so a blob is read with that segment at
hand and no other. What statistics and lists need stands in the light build. Of a long article only
as many words stand in their order as ranking looks at; the others are counted.
"""

import struct
import zlib
from typing import Any, NamedTuple

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from kb.index import ngrams
from kb.index.document import Kind
from kb.index.segment import Segment
from kb.language import query_words

FORMAT = 1  # of a blob
MARGIN = 64  # words behind the last one that is ranked by: a snippet may end with them
_CHECK = struct.Struct("<I")  # CRC-32 of what follows
_LEVEL, _RAW = 9, -15

Numbers = NDArray[Any]


class Tail(NamedTuple):
    """The words of an article whose places do not matter: how often each stands in each kind."""

    words: Numbers
    kind: Numbers  # of the regions it stands in
    times: Numbers


class Words(NamedTuple):
    """What an article is ranked by: arrays of a segment that holds it alone."""

    words: Numbers
    extra: Numbers
    kind: Numbers  # of its regions
    token: Numbers
    tail: Tail


class Text(NamedTuple):
    """What its snippets are cut from."""

    start: Numbers
    end: Numbers
    section: Numbers  # of its regions
    byte: Numbers
    text: bytes


def pack(segment: Segment, doc: int) -> tuple[bytes, bytes]:
    """Both blobs of an article: its words, then its text."""
    get = segment.arrays.__getitem__
    tokens = slice(*get("tokens.ptr")[doc : doc + 2].tolist())
    regions = slice(*get("regions.ptr")[doc : doc + 2].tolist())
    stream, first = get("tokens.words")[tokens], get("regions.token")[regions].astype(np.int64)
    lengths = np.diff(np.append(first, len(stream)))
    kinds = np.repeat(get("regions.kind")[regions], lengths)
    kept = _ranked_by(stop_words(segment)[stream], kinds)
    words, at = stream[kept], np.append(0, np.cumsum(kept))[first]
    known, places = np.unique(words, return_inverse=True)
    tail = _counted(stream[~kept], kinds[~kept])
    ranked = _packed(
        (len(segment.words), len(words), len(known), len(first), len(tail.words)),
        _planes(np.diff(known, prepend=0)),
        _planes(places, _width(len(known))),
        np.packbits(get("tokens.extra")[tokens][kept]).tobytes(),
        get("regions.kind")[regions].tobytes(),
        _planes(np.diff(at, prepend=0)),
        _planes(np.diff(tail.words, prepend=0)),
        tail.kind.tobytes(),
        _planes(tail.times),
    )
    start, end = (get(f"tokens.{name}")[tokens][kept].astype(np.int64) for name in ("start", "end"))
    text = segment.blob("texts", doc)
    if len(kept) and not kept[-1]:  # the end of a long file, or of the article
        text = text[: int(end.max(initial=0)) + 1]
    section, byte = (
        get(f"regions.{name}")[regions].astype(np.int64) for name in ("section", "byte")
    )
    sizes = end - start
    shown = _packed(
        (len(words), len(first), len(text)),
        _planes(_folded(np.diff(start, prepend=0) - np.append(0, sizes)[: len(words)])),
        _planes(_folded(sizes - _sizes(segment, words))),
        _planes(_folded(np.diff(section, prepend=0))),
        _planes(np.diff(np.minimum(byte, len(text)), prepend=0)),
        text,
    )
    return ranked, shown


def _ranked_by(is_stop: NDArray[np.bool_], kinds: Numbers) -> NDArray[np.bool_]:
    """Which words of an article n-grams, pairs and snippets are made of, and some behind them."""
    is_attached, is_content = kinds == Kind.ATTACHED, ~is_stop & (kinds != Kind.TAGS)
    kept = np.ones(len(kinds), bool)
    for part, most in ((~is_attached, ngrams.LONGEST), (is_attached, ngrams.MOST_ATTACHED)):
        places = np.flatnonzero(part & is_content)
        if len(places) > most:
            kept[int(places[most - 1]) + MARGIN :] &= ~part[int(places[most - 1]) + MARGIN :]
    return kept


def _counted(words: Numbers, kinds: Numbers) -> Tail:
    keys, counts = np.unique(words.astype(np.int64) * len(Kind) + kinds, return_counts=True)
    return Tail(keys // len(Kind), (keys % len(Kind)).astype(np.uint8), counts)


def stop_words(segment: Segment) -> NDArray[np.bool_]:
    """Which words of a segment's dictionary are stop words; worked out once."""
    known: NDArray[np.bool_] | None = getattr(segment, "stop_words", None)
    if known is None:
        known = np.zeros(len(segment.words), bool)
        places = [segment.words.find(word) for word in query_words.STOP]
        known[[place for place in places if place >= 0]] = True
        segment.stop_words = known  # type: ignore[attr-defined]
    return known


def unpack_words(segment: Segment, blob: bytes) -> Words:
    """The words of a blob. Raises ValueError if it holds none of this segment."""
    read = _Planes(blob, 5)
    dictionary, tokens, distinct, regions, tail = read.head
    if dictionary != len(segment.words):
        raise ValueError("a blob of another segment")
    known = np.cumsum(read.numbers(distinct))
    places = read.numbers(tokens, _width(distinct))
    extra = np.unpackbits(read.bytes(-(-tokens // 8)), count=tokens).astype(bool)
    kind, first = read.bytes(regions), np.cumsum(read.numbers(regions))
    others = Tail(
        np.cumsum(read.numbers(tail)).astype(np.int32), read.bytes(tail), read.numbers(tail)
    )
    return Words(known[places].astype(np.int32), extra, kind, first.astype(np.uint32), others)


def unpack_text(segment: Segment, words: Words, blob: bytes) -> Text:
    """The text of an article with these words. Raises ValueError if the blob is of another."""
    read = _Planes(blob, 3)
    tokens, regions, size = read.head
    if (tokens, regions) != (len(words.words), len(words.kind)):
        raise ValueError("a blob of another article")
    gaps = _unfolded(read.numbers(tokens))
    lengths = _unfolded(read.numbers(tokens)) + _sizes(segment, words.words)
    start = np.cumsum(gaps + np.append(0, lengths)[:tokens])
    section = np.cumsum(_unfolded(read.numbers(regions)))
    byte = np.cumsum(read.numbers(regions))
    return Text(
        start.astype(np.uint32), (start + lengths).astype(np.uint32), section.astype(np.int32),
        byte.astype(np.uint32), read.bytes(size).tobytes(),
    )  # fmt: skip


def _sizes(segment: Segment, words: Numbers) -> Numbers:
    """How many bytes each word has in the dictionary."""
    offsets = segment.arrays["words.offsets"]
    sizes: Numbers = offsets[words + 1].astype(np.int64) - offsets[words]
    return sizes


def _width(count: int) -> int:
    return 1 if count <= 256 else 2


def _folded(values: Numbers) -> Numbers:
    """Whole numbers as those from 0 on, small ones small."""
    return np.where(values < 0, -2 * values - 1, 2 * values)


def _unfolded(values: Numbers) -> Numbers:
    return (values >> 1) ^ -(values & 1)


def _planes(values: Numbers, size: int = 4) -> bytes:
    """Numbers by their bytes: all lowest ones first. What is mostly small compresses well."""
    return values.astype(f"<u{size}").view(np.uint8).reshape(-1, size).T.tobytes()


def _packed(head: tuple[int, ...], *parts: bytes) -> bytes:
    data = b"".join((_head(len(head)).pack(FORMAT, len(head), *head), *parts))
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, 9)
    return packer.compress(_CHECK.pack(zlib.crc32(data)) + data) + packer.flush()


def _head(numbers: int) -> struct.Struct:
    return struct.Struct(f"<BB{numbers}I")


class _Planes:
    """Reads what `_packed` wrote. Raises ValueError where it is not as it was written."""

    def __init__(self, blob: bytes, numbers: int) -> None:
        """`numbers` is how many stand in its head."""
        try:
            whole = isal_zlib.decompress(blob, _RAW)
            (check,) = _CHECK.unpack_from(whole)
            self._data = memoryview(whole)[_CHECK.size :]
            kind, size, *head = _head(numbers).unpack_from(self._data)
        except (isal_zlib.error, struct.error) as reason:  # type: ignore[misc]  # its stubs
            raise ValueError(f"no blob: {reason}") from None
        if zlib.crc32(self._data) != check:
            raise ValueError("no blob: another checksum")
        if (kind, size) != (FORMAT, numbers):
            raise ValueError("a blob of another format")
        self.head: list[int] = head
        self._at = _head(numbers).size

    def bytes(self, count: int) -> NDArray[np.uint8]:
        """The next bytes."""
        at = self._at
        self._at += count
        if not count:
            return np.empty(0, np.uint8)
        return np.frombuffer(self._data, np.uint8, count, at)

    def numbers(self, count: int, size: int = 4) -> Numbers:
        """The next numbers of so many bytes each."""
        planes = self.bytes(count * size).reshape(size, count)
        return np.ascontiguousarray(planes.T).view(f"<u{size}").ravel().astype(np.int64)
