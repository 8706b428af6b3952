"""The kernel in C: calls `native.c` through ctypes with the arrays of a build.

The library is compiled when the package is installed; without it `numpy_kernel` does the same.
"""

import ctypes
import logging
from array import array
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, chain
from pathlib import Path
from threading import local
from typing import Any, NoReturn
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from kb.base.errors import IndexDamaged
from kb.base.messages import Message
from kb.index.corpus import PREFIX_FIELDS, Corpus, Docs, Postings, PrefixRanges, Scores
from kb.index.schema import K1
from kb.language.query import MOST_WORDS
from kb.ranking import rerank, snippets
from kb.ranking.confidence import LOOKED_INTO
from kb.ranking.kernels.structs import ARRAYS, SOURCE, packer
from kb.ranking.passages import ATTACHED, BLOCK
from kb.ranking.rerank import CANDIDATES, MIN_RESCORED, MIN_SHARE, Found, LengthNorms, Rescored
from kb.ranking.snippets import Excerpt, Marks, shortened
from kb.ranking.terms import ContentTerm, Term

logger = logging.getLogger(__name__)

LIBRARY = Path(__file__).with_name("libnative.so")
# The source the library must be compiled from, read at import: an upgrade may replace both later.
SEAL = crc32(SOURCE.read_bytes())

_POSTINGS, _SUMMAND, _QUERY = packer("Postings"), packer("Summand"), packer("Query")
_WEIGHTS = packer("Weights").pack(
    rerank.BODY, rerank.TITLE, rerank.LINE, rerank.PAIRS, rerank.PLACE, rerank.CLAIM,
    ATTACHED, rerank.LINE_CANDIDATES, BLOCK,
)  # fmt: skip
_CUT = packer("Cut").pack(
    snippets.WINDOW, snippets.BEFORE, snippets.HEADED, snippets.AGAIN, snippets.ADDED,
    snippets.ATTACHED,
)  # fmt: skip
_CHOICE = packer("Choice").pack(MIN_SHARE, MIN_RESCORED, CANDIDATES, LOOKED_INTO)
_HEAD = 9  # numbers before the marks of an excerpt
_ROOM = _HEAD + 2 * 2 * snippets.MOST  # numbers an excerpt may take
_Number, _Address = ctypes.c_int64, ctypes.c_void_p


@cache
def library() -> ctypes.CDLL | None:
    """The compiled library, or None if there is none, or only one of another source or machine.

    One that is not whole is not opened, for the process would end with SIGBUS; that is logged.
    """
    if not _is_whole(LIBRARY):
        return None
    try:
        found = ctypes.CDLL(str(LIBRARY))
        if found.kb_seal() & 0xFFFFFFFF != SEAL:
            return None
    except (OSError, AttributeError):
        return None
    for name, result, *given in (
        ("add_up", _Number, _Address, _Number, _Address, _Address, _Address),
        ("best_of", _Number, _Number, _Number, _Address, _Address, _Address),
        ("prefix", _Number, _Address, _Address, _Address, _Address),
        ("candidates", _Number, _Number, _Address, _Address, _Address, _Address, _Address,
         _Address),
        ("best_hits", _Number, _Number, _Address, _Number, _Address),
        ("ranked", _Number, _Address, _Address, _Address, _Address, _Address, _Address, _Address,
         _Number, _Address, _Address, _Address, _Address, _Address),
        ("rescore", _Number, _Address, _Address, _Address, _Number, _Address, _Address, _Address,
         _Number, _Address, _Address, _Address, _Address, _Address),
        ("excerpts", _Number, _Address, _Address, _Address, _Address, _Number, _Address, _Address),
    ):  # fmt: skip
        function = getattr(found, f"kb_{name}")
        function.restype, function.argtypes = result, given
    return found


def _is_whole(file: Path) -> bool:
    """Whether a library is as it was when it was compiled, by the checksum beside it."""
    try:
        content = file.read_bytes()
        checksum = file.with_suffix(".crc").read_text("utf-8")
    except OSError:
        return False
    if checksum == f"{crc32(content):08x}":
        return True
    logger.warning("%s is damaged; search is slower in numpy; install the package again", file)
    return False


class CKernel:
    """`kernels.Kernel` in C."""

    def __init__(self, library: ctypes.CDLL, corpus: Corpus) -> None:
        self._c = library
        self._corpus = corpus
        self._kept: list[Any] = []  # what C was given the addresses of
        self._described = self._corpus_of(corpus)
        self._local = local()
        self._allowed, self._boost = _Steady(), _Steady()

    def _corpus_of(self, corpus: Corpus) -> int:
        """The address of the struct `Corpus` in C."""
        norms = LengthNorms(corpus)
        segments = array("q")
        for number, (segment, base) in enumerate(zip(corpus.segments, corpus.bases, strict=False)):
            arrays = {
                **segment.arrays,
                "grams.df": corpus.gram_frequencies(number),
                "scores": corpus.scores[number],
            }
            segments.extend((base, segment.size, len(segment.words)))
            for name, kind in ARRAYS.items():
                segments.extend(self._given(name, arrays[name], kind))
        numbers = array("q", (len(corpus.segments), corpus.size, corpus.count))
        numbers.append(_address(self._keep(segments)))
        for name, values, kind in (
            ("live", corpus.live, np.bool_), ("content", norms.content, np.float32),
            ("title", norms.title, np.float32), ("line", norms.line, np.float32),
            ("first_line", norms.first_line, np.int64),
            ("words_of_line", norms.words_of_line, np.int32),
            ("claims", norms.claims, np.float32), ("updated", corpus.updated, np.int32),
            *((field.name, corpus.norms[field.name], np.float32) for field in PREFIX_FIELDS),
        ):  # fmt: skip
            numbers.extend(self._given(name, values, kind))
        tail = array("f", (*(field.weight for field in PREFIX_FIELDS), K1))
        return _address(self._keep(array("q", numbers.tobytes() + tail.tobytes())))

    def _keep(self, value: Any) -> Any:
        self._kept.append(value)
        return value

    def _given(self, name: str, values: NDArray[Any], kind: Any) -> tuple[int, int]:
        """Address and length of an array that stays; IndexDamaged if C misread it."""
        if len(values) and (values.dtype != kind or values.ndim != 1):
            raise IndexDamaged(
                Message(
                    "{name} holds other numbers than expected; run `kb index --full`", name=name
                )
            )
        return _at(self._keep(np.ascontiguousarray(values))), len(values)

    # ------------------------------------------------------------ words

    def add_up(self, terms: Sequence[Term], weights: Sequence[float]) -> Scores:
        """See `Kernel.add_up`."""
        total = np.empty(self._corpus.size, np.float32)
        lemma_ids, summands = array("q"), []
        for term, weight in zip(terms, weights, strict=True):
            own = term.postings
            at = (_at(own[0]), _at(own[1]), len(own[0])) if own else (0, 0, 0)
            summands.append(_SUMMAND.pack(*at, len(lemma_ids) // 2, len(term.lemmas), weight))
            lemma_ids.extend(chain.from_iterable(term.lemmas))
        done = self._c.kb_add_up(
            self._described, len(terms), b"".join(summands), _address(lemma_ids), _at(total)
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

    def prefix(self, prefix_ranges: PrefixRanges) -> Postings:
        """See `Kernel.prefix`."""
        room = self._corpus.size + 1
        docs, scores = np.empty(room, np.int32), np.empty(room, np.float32)
        ranges = array("q", [bound for bounds in prefix_ranges for bound in bounds])
        found = self._c.kb_prefix(self._described, _address(ranges), _at(docs), _at(scores))
        return _cut_off(docs, scores, found)

    def candidates(
        self, words: Scores, allowed: NDArray[np.bool_], boost: Scores | None
    ) -> tuple[Docs, int]:
        """See `Kernel.candidates`."""
        docs, hits = np.empty(CANDIDATES, np.int32), array("q", (0,))
        found = self._c.kb_candidates(
            len(words), _at(words), _at(allowed), None if boost is None else _at(boost), _CHOICE,
            _at(docs), _address(hits),
        )  # fmt: skip
        if found < 0:
            _fail(found)
        return docs[:found], hits[0]

    def best_hits(self, scores: Scores, most: int) -> Docs:
        """See `Kernel.best_hits`."""
        docs = np.empty(max(min(most, len(scores)), 0) + 1, np.int32)
        found = self._c.kb_best_hits(len(scores), _at(scores), len(docs) - 1, _at(docs))
        if found < 0:
            _fail(found)
        return docs[:found]

    # ------------------------------------------------------------ candidates

    def prepared(self, content: Sequence[ContentTerm]) -> "_Query":
        """See `Kernel.prepared`."""
        return _Query(len(self._corpus.segments), content)

    def ranked(
        self,
        prepared: "_Query",
        words: Scores,
        allowed: NDArray[np.bool_],
        boost: Scores | None,
        query_weights: Sequence[Sequence[float]],
    ) -> Found:
        """See `Kernel.ranked`."""
        room, questions = self._room(), len(query_weights)
        weights = array("f", chain.from_iterable(query_weights))
        found = self._c.kb_ranked(
            self._described, prepared.address(room.tables), _WEIGHTS, _CHOICE, _at(words),
            self._allowed.address(allowed), None if boost is None else self._boost.address(boost),
            questions, _address(weights), *room.addresses,
        )  # fmt: skip
        if found < 0:
            _fail(found)
        docs, scores = room.docs[:found].copy(), room.scores[:found].copy()
        return Found(docs, scores, room.total[0], room.coverage[:questions].tolist())

    def rescored(
        self,
        prepared: "_Query",
        docs: Docs,
        words: Scores,
        boost: Scores | None,
        query_weights: Sequence[Sequence[float]],
    ) -> Rescored:
        """See `Kernel.rescored`."""
        units, questions, parts = len(docs), len(query_weights), len(rerank.PARTS)
        made = np.empty((1 + parts + questions, units), np.float32)
        order, at = np.empty(units, np.int32), _at(made)
        weights = array("f", chain.from_iterable(query_weights))
        done = self._c.kb_rescore(
            self._described, prepared.address(self._room().tables), _WEIGHTS, units, _at(docs),
            _at(words), None if boost is None else _at(boost), questions, _address(weights),
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
            self._described, prepared.address(self._room().tables), _address(prepared.gain), _CUT,
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

    def _room(self) -> "_Room":
        """What this thread's calls write into."""
        found: _Room | None = getattr(self._local, "room", None)
        if found is None:
            found = self._local.room = _Room(self._corpus)
        return found


class _Room:
    """What C writes into for one thread.

    `tables` are the addresses of its tables, one for each segment, all 0 between calls.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.tables = array("q", [_at(segment.rows()) for segment in corpus.segments])
        self.docs = np.empty(CANDIDATES, np.int32)
        self.scores = np.empty(CANDIDATES, np.float32)
        self.coverage = np.empty(1 + MOST_WORDS, np.float32)
        self.total = array("q", (0,))
        arrays = (self.docs, self.scores, self.coverage)
        self.addresses = (*map(_at, arrays), _address(self.total))


class _Steady:
    """The address of an array that most calls are given anew."""

    def __init__(self) -> None:
        self._last: tuple[NDArray[Any] | None, int] = (None, 0)

    def address(self, values: NDArray[Any]) -> int:
        """The address of the values."""
        known, address = self._last
        if known is not values:
            address = _at(values)
            self._last = values, address
        return address


class _Query:
    """The struct `Query` in C; valid as long as this lives."""

    def __init__(self, segments: int, content: Sequence[ContentTerm]) -> None:
        ranges: list[int] = []
        prefixes: list[int] = []
        places: list[int] = []
        for each in content:
            term, first = each.term, len(places) // 2
            for place in term.lemmas:
                places += place
            middle = len(places) // 2
            for place in term.synonyms:
                places += place
            ranges += (first, middle, middle, len(places) // 2)
            prefixes += chain(*term.prefix_ranges) if term.prefix_ranges else (0, 0) * segments
        numbers = array("q", [*ranges, *prefixes, *places])
        weights = {each.text: each.weight for each in content if each.text}
        bordered = [f"_{word}_" for word in weights]
        letters = array("I", "".join(bordered).encode("utf-32-le"))
        ends = array("i", accumulate(map(len, bordered), initial=0))
        synonym_weights = array("f", [each.term.synonym_weight for each in content])
        word_weights = array("d", weights.values())
        self.gain = array("d", [each.query_weight for each in content])
        self.gain.extend([each.query_weight * each.term.synonym_weight for each in content])
        self._kept = (numbers, synonym_weights, letters, ends, word_weights)
        at = _address(numbers)
        ranges_end = at + 8 * len(ranges)
        self._numbers = (
            len(content), ranges_end + 8 * len(prefixes), at, ranges_end,
            _address(synonym_weights), len(weights), _address(letters), _address(ends),
            _address(word_weights),
        )  # fmt: skip

    def address(self, tables: "array[int]") -> bytes:
        """The struct itself, for a thread's tables."""
        return _QUERY.pack(*self._numbers, _address(tables))


def _marks(numbers: list[int], start: int, end: int) -> Marks:
    bounds = iter(numbers[start:end])
    return tuple(zip(bounds, bounds, strict=True)) if start < end else ()


def _at(values: NDArray[Any]) -> int:
    """The address of an array; `ndarray.ctypes` tells it, too, but takes five times as long."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(values.data))
    except (TypeError, ValueError):  # read-only, or empty
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
    if found <= len(docs) // 2:
        return docs[:found].copy(), scores[:found].copy()
    docs.resize(found, refcheck=False)  # in place: a part of them would keep all of them
    scores.resize(found, refcheck=False)
    return docs, scores


def _fail(error: int) -> NoReturn:
    if error == -1:
        raise MemoryError
    raise IndexDamaged(Message("an index points nowhere; run `kb index --full`"))
