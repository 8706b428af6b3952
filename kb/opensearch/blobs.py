"""An article as two compact blobs: its words, to be ranked by, and its text, to be shown.

Words are numbers in the dictionary of the article's segment, so a blob is read with that segment at
hand and no other. What statistics and lists need stands in the light build.
"""

import struct
import zlib
from typing import Any, NamedTuple

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from kb.index.segment import Segment

MOST_TOKENS = 12_000  # of an article; what is beyond is not re-scored and in no snippet
_HEAD = struct.Struct("<III")
_LEVEL, _RAW = 9, -15

Numbers = NDArray[Any]


class Words(NamedTuple):
    """What an article is ranked by: arrays of a segment that holds it alone."""

    words: Numbers
    extra: Numbers
    kind: Numbers  # of its regions
    token: Numbers


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
    a, b = (int(x) for x in get("tokens.ptr")[doc : doc + 2])
    b = min(b, a + MOST_TOKENS)
    r, s = (int(x) for x in get("regions.ptr")[doc : doc + 2])
    s = r + int(np.count_nonzero(get("regions.token")[r:s] <= b - a))
    text, words = segment.blob("texts", doc), get("tokens.words")[a:b]
    start, end = (get(f"tokens.{name}")[a:b].astype(np.int64) for name in ("start", "end"))
    if b - a == MOST_TOKENS:
        text = text[: int(end.max(initial=0)) + 1]
    known, places = np.unique(words, return_inverse=True)
    first, section, byte = (
        np.diff(get(f"regions.{name}")[r:s].astype(np.int64), prepend=0)
        for name in ("token", "section", "byte")
    )
    ranked = _packed(
        _HEAD.pack(b - a, len(known), s - r),
        _planes(np.diff(known, prepend=0)),
        _planes(places, _width(len(known))),
        np.packbits(get("tokens.extra")[a:b]).tobytes(),
        get("regions.kind")[r:s].tobytes(),
        _planes(first),
    )
    lengths = end - start
    shown = _packed(
        _HEAD.pack(b - a, s - r, len(text)),
        _planes(_folded(np.diff(start, prepend=0) - np.append(0, lengths)[: b - a])),
        _planes(_folded(lengths - _sizes(segment, words))),
        _planes(_folded(section)),
        _planes(byte),
        text,
    )
    return ranked, shown


def unpack_words(blob: bytes) -> Words:
    """The words of a blob. Raises ValueError if it holds none."""
    read = _Planes(blob)
    tokens, distinct, regions = read.head
    known = np.cumsum(read.numbers(distinct))
    places = read.numbers(tokens, _width(distinct))
    if distinct <= int(places.max(initial=-1)):
        raise ValueError("a blob that points nowhere")
    extra = np.unpackbits(read.bytes(-(-tokens // 8)), count=tokens).astype(bool)
    kind, first = read.bytes(regions), np.cumsum(read.numbers(regions))
    return Words(known[places].astype(np.int32), extra, kind, first.astype(np.uint32))


def unpack_text(segment: Segment, words: Words, blob: bytes) -> Text:
    """The text of an article with these words. Raises ValueError if the blob is of another."""
    read = _Planes(blob)
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


def _packed(*parts: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, 9)
    return packer.compress(b"".join(parts)) + packer.flush()


class _Planes:
    """Reads what `_packed` wrote. Raises ValueError where it ends too early."""

    def __init__(self, blob: bytes) -> None:
        try:
            self._data = isal_zlib.decompress(blob, _RAW)
            self.head = _HEAD.unpack_from(self._data)
        except (isal_zlib.error, struct.error) as reason:  # type: ignore[misc]  # its stubs
            raise ValueError(f"no blob: {reason}") from None
        self._at = _HEAD.size

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
