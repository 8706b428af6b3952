"""The arithmetic of ranking in C: hands `native.c` the arrays of a build and takes what it found.

The library is compiled when the package is installed; without it `plain` does the same.
"""

import ctypes
from array import array
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, chain
from pathlib import Path
from struct import Struct
from threading import local
from typing import Any, NoReturn
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from kb import rerank, snippets
from kb.errors import IndexDamaged
from kb.instant import SURFACE, Beginning, Corpus, Docs, Postings, Scores
from kb.matches import live_frequency
from kb.places import BLOCK
from kb.rerank import CANDIDATES, FEWEST, HOPELESS, Lengths, Rescored
from kb.schema import K1
from kb.snippets import Excerpt, Marks, shortened
from kb.terms import Content, Term

SOURCE = Path(__file__).with_name("native.c")
LIBRARY = Path(__file__).with_name("libnative.so")
# What the library must be made of, taken when this file is: an upgrade may replace both later.
SEAL = crc32(SOURCE.read_bytes())

# The arrays of a segment in the order of the struct `Segment` in C.
_ARRAYS = (
    "words.blob", "words.offsets", "field.text.ptr", "field.text.docs", "scores",
    "lemma_words.ptr", "lemma_words.ids",
    "content.ptr", "content.words", "content.token", "content.line", "content.title",
    "grams.keys", "grams.ptr", "grams.words", "grams.df",
    "regions.ptr", "regions.kind", "regions.section", "regions.token", "regions.byte",
    "tokens.ptr", "tokens.start", "tokens.end", "texts.ptr", "texts.blob",
    *(f"surface.{field.name}.{kind}" for field in SURFACE for kind in ("ptr", "docs", "tf")),
)  # fmt: skip
_POSTINGS, _SUMMAND, _QUERY = Struct("=3qd"), Struct("=5qd"), Struct("=10q")
_WEIGHTS = Struct("=6f2i").pack(
    rerank.BODY, rerank.TITLE, rerank.LINE, rerank.PAIRS, rerank.PLACE, rerank.CLAIMED,
    rerank.LINED, BLOCK,
)  # fmt: skip
_CUT = Struct("=2i2d").pack(snippets.WINDOW, snippets.BEFORE, snippets.HEADED, snippets.AGAIN)
_HEAD = 9  # numbers before the marks of an excerpt
_ROOM = _HEAD + 2 * 2 * snippets.MOST  # numbers an excerpt may take
_Number, _Address = ctypes.c_int64, ctypes.c_void_p


@cache
def library() -> ctypes.CDLL | None:
    """The compiled library, or None if there is none, or only one of another source or machine."""
    try:
        found = ctypes.CDLL(str(LIBRARY))
        if found.kb_seal() & 0xFFFFFFFF != SEAL:
            return None
    except (OSError, AttributeError):
        return None
    for name, result, *given in (
        ("add_up", _Number, _Address, _Number, _Address, _Address, _Address),
        ("best_of", _Number, _Number, _Number, _Address, _Address, _Address),
        ("beginning", _Number, _Address, _Address, _Number, _Address),
        ("best", _Number, _Number, _Address, _Number, _Address),
        ("prefix", _Number, _Address, _Address, _Address, _Address),
        ("candidates", _Number, _Number, _Address, _Address, _Address, ctypes.c_double, _Number,
         _Number, _Address, _Address),
        ("rescore", _Number, _Address, _Address, _Address, _Number, _Address, _Address, _Address,
         _Number, _Address, _Address, _Address, _Address, _Address),
        ("excerpts", _Number, _Address, _Address, _Address, _Address, _Number, _Address, _Address),
    ):  # fmt: skip
        function = getattr(found, f"kb_{name}")
        function.restype, function.argtypes = result, given
    return found


class Native:
    """`kernels.Kernel` in C."""

    def __init__(self, library: ctypes.CDLL, corpus: Corpus) -> None:
        self._c = library
        self._corpus = corpus
        self._kept: list[Any] = []  # what C was given the addresses of
        self._described = self._corpus_of(corpus)
        self._bases = corpus.bases
        self._local = local()

    def _corpus_of(self, corpus: Corpus) -> int:
        """The address of the struct `Corpus` in C."""
        lengths = Lengths(corpus)
        segments = array("q")
        for number, (segment, base) in enumerate(zip(corpus.segments, corpus.bases, strict=False)):
            arrays = {
                **segment.arrays,
                "grams.df": live_frequency(corpus, number),
                "scores": corpus.scores[number],
            }
            segments.extend((base, segment.size, len(segment.words)))
            for name in _ARRAYS:
                segments.extend(self._given(arrays[name]))
        numbers = array("q", (len(corpus.segments), corpus.size, corpus.count))
        numbers.append(_address(self._keep(segments)))
        for values in (
            corpus.live, lengths.content, lengths.title, lengths.line, lengths.first_line,
            lengths.words_of_line, lengths.is_claim, corpus.updated,
            *(corpus.norms[field.name] for field in SURFACE),
        ):  # fmt: skip
            numbers.extend(self._given(values))
        tail = array("f", (*(field.weight for field in SURFACE), K1, 0))
        return _address(self._keep(array("q", numbers.tobytes() + tail.tobytes())))

    def _keep(self, value: Any) -> Any:
        self._kept.append(value)
        return value

    def _given(self, values: NDArray[Any]) -> tuple[int, int]:
        """Address and length of an array that stays."""
        return _at(self._keep(np.ascontiguousarray(values))), len(values)

    # ------------------------------------------------------------ words

    def add_up(self, terms: Sequence[Term], weights: Sequence[float]) -> Scores:
        """See `Kernel.add_up`."""
        total = np.empty(self._corpus.size, np.float32)
        places, summands = array("q"), []
        for term, weight in zip(terms, weights, strict=True):
            whole = term.whole
            at = (_at(whole[0]), _at(whole[1]), len(whole[0])) if whole else (0, 0, 0)
            summands.append(_SUMMAND.pack(*at, len(places) // 2, len(term.lemmas), weight))
            places.extend(chain.from_iterable(term.lemmas))
        done = self._c.kb_add_up(
            self._described, len(terms), b"".join(summands), _address(places), _at(total)
        )
        if done < 0:
            _fail(done)
        return total

    def best_of(self, lists: Sequence[tuple[Postings, float]]) -> Postings:
        """See `Kernel.best_of`."""
        size = self._corpus.size
        room = min(size, sum([len(docs) for (docs, _), _ in lists])) + 1
        docs, scores = np.empty(room, np.int32), np.empty(room, np.float32)
        found = self._c.kb_best_of(size, len(lists), _packed(lists), _at(docs), _at(scores))
        return _cut_off(docs, scores, found)

    def beginning(self, start: str) -> Beginning:
        """See `Kernel.beginning`."""
        sought = start.encode("utf-8", "surrogatepass")
        ranges = array("q", bytes(16 * len(self._corpus.segments)))
        done = self._c.kb_beginning(self._described, sought, len(sought), _address(ranges))
        if done < 0:
            _fail(done)
        return tuple(zip(ranges[::2], ranges[1::2], strict=True))

    def prefix(self, beginning: Beginning) -> Postings:
        """See `Kernel.prefix`."""
        room = self._corpus.size + 1
        docs, scores = np.empty(room, np.int32), np.empty(room, np.float32)
        ranges = array("q", [bound for bounds in beginning for bound in bounds])
        found = self._c.kb_prefix(self._described, _address(ranges), _at(docs), _at(scores))
        return _cut_off(docs, scores, found)

    def best(self, scores: Scores, most: int) -> Docs:
        """See `Kernel.best`."""
        docs = np.empty(max(0, min(most, len(scores))), np.int32)
        found = self._c.kb_best(len(scores), _at(scores), len(docs), _at(docs))
        if found < 0:
            _fail(found)
        return docs[:found]

    def candidates(
        self, words: Scores, allowed: NDArray[np.bool_], favour: Scores | None
    ) -> tuple[Docs, int]:
        """See `Kernel.candidates`."""
        docs, hits = np.empty(CANDIDATES, np.int32), array("q", (0,))
        found = self._c.kb_candidates(
            len(words), _at(words), _at(allowed), None if favour is None else _at(favour),
            HOPELESS, FEWEST, CANDIDATES, _at(docs), _address(hits),
        )  # fmt: skip
        if found < 0:
            _fail(found)
        return docs[:found], hits[0]

    # ------------------------------------------------------------ candidates

    def prepared(self, contents: Sequence[Content]) -> "_Query":
        """See `Kernel.prepared`."""
        return _Query(len(self._corpus.segments), contents)

    def rescored(
        self,
        prepared: "_Query",
        docs: Docs,
        words: Scores,
        favour: Scores | None,
        masses: Scores,
    ) -> Rescored:
        """See `Kernel.rescored`."""
        units, questions, parts = len(docs), len(masses), len(rerank.PARTS)
        made = np.empty((1 + parts + questions, units), np.float32)
        order, at = np.empty(units, np.int32), _at(made)
        done = self._c.kb_rescore(
            self._described, prepared.address(self._tables()), _WEIGHTS, units, _at(docs),
            _at(words), None if favour is None else _at(favour), questions, _at(masses),
            at + 4 * units, at + 4 * units * (1 + parts), at, _at(order),
        )  # fmt: skip
        if done < 0:
            _fail(done)
        named = dict(zip(rerank.PARTS, made[1 : 1 + parts], strict=True))
        return Rescored(made[0], order, named, made[1 + parts :])

    def excerpts(self, prepared: "_Query", docs: Sequence[int]) -> list[Excerpt]:
        """See `Kernel.excerpts`."""
        order = sorted(range(len(docs)), key=docs.__getitem__)
        ascending = array("i", [docs[i] for i in order])
        out = np.empty(_ROOM * len(docs) + 1, np.int32)
        written = self._c.kb_excerpts(
            self._described, prepared.address(self._tables()), _address(prepared.worth), _CUT,
            len(docs), _address(ascending), _at(out),
        )  # fmt: skip
        if written < 0:
            _fail(written)
        numbers = out[:written].tolist()
        found: dict[int, Excerpt] = {}
        at = 0
        for i in order:
            found[i], at = self._excerpt(docs[i], numbers, at)
        return [found[i] for i in range(len(docs))]

    def _excerpt(self, doc: int, numbers: list[int], at: int) -> tuple[Excerpt, int]:
        """What C wrote of an article from number `at` on, and where the next one begins."""
        section, start, stop, low, high, before, after, titled, marked = numbers[at : at + _HEAD]
        title_at = at + _HEAD
        text_at = title_at + 2 * titled
        end = text_at + 2 * marked
        segment, number = self._corpus.locate(doc)
        blob, first = segment.view["texts.blob"], segment.view["texts.ptr"][number]
        text = str(blob[first + low : first + high], "utf-8", "replace")
        marks = _marks(numbers, text_at, end)
        if text:
            text, marks = shortened(text, marks, bool(before), bool(after))
        title = str(blob[first + start : first + stop], "utf-8", "replace")
        return Excerpt(title, _marks(numbers, title_at, text_at), section, text, marks), end

    def _tables(self) -> "array[int]":
        """The addresses of this thread's tables, one for each segment, all 0 between calls."""
        found: array[int] | None = getattr(self._local, "tables", None)
        if found is None:
            found = array("q", [_at(segment.rows()) for segment in self._corpus.segments])
            self._local.tables = found
        return found


class _Query:
    """The struct `Query` in C; valid as long as this lives."""

    def __init__(self, segments: int, contents: Sequence[Content]) -> None:
        places, ranges, beginnings = array("q"), array("q"), array("q")
        for each in contents:
            term, first = each.term, len(places) // 2
            middle = first + len(term.lemmas)
            ranges.extend((first, middle, middle, middle + len(term.others)))
            places.extend(chain(*term.lemmas, *term.others))
            beginnings.extend(chain(*term.beginning) if term.beginning else (0, 0) * segments)
        weights = {each.text: each.weight for each in contents if each.text}
        bordered = [f"_{word}_" for word in weights]
        letters = array("I", "".join(bordered).encode("utf-32-le"))
        ends = array("i", accumulate(map(len, bordered), initial=0))
        likeness = array("f", [each.term.likeness for each in contents])
        rarity = array("d", weights.values())
        self.worth = array("d", [each.mass for each in contents])
        self.worth.extend([each.mass * each.term.likeness for each in contents])
        self._kept = (places, ranges, beginnings, likeness, letters, ends, rarity)
        self._numbers = (
            len(contents), _address(places), _address(ranges), _address(beginnings),
            _address(likeness), len(weights), _address(letters), _address(ends), _address(rarity),
        )  # fmt: skip

    def address(self, tables: "array[int]") -> bytes:
        """The struct itself, for a thread's tables."""
        return _QUERY.pack(*self._numbers, _address(tables))


def _marks(numbers: list[int], start: int, end: int) -> Marks:
    return tuple(zip(numbers[start:end:2], numbers[start + 1 : end : 2], strict=True))


def _at(values: NDArray[Any]) -> int:
    return values.ctypes.data


def _address(values: "array[Any]") -> int:
    return values.buffer_info()[0]


def _packed(lists: Sequence[tuple[Postings, float]]) -> bytes:
    """An array of the struct `Postings` in C."""
    return b"".join(
        [
            _POSTINGS.pack(_at(docs), _at(scores), len(docs), factor)
            for (docs, scores), factor in lists
        ]
    )


def _cut_off(docs: Docs, scores: Scores, found: int) -> Postings:
    """The first `found` of both, without the room behind them."""
    if found < 0:
        _fail(found)
    if found > len(docs) // 2:
        return docs[:found], scores[:found]
    return docs[:found].copy(), scores[:found].copy()


def _fail(error: int) -> NoReturn:
    if error == -1:
        raise MemoryError
    raise IndexDamaged("an index points nowhere; run `kb index --full`")
