"""The Whoosh index of a build: its schema, how a segment is added, confirmed and opened.

All of it goes through names that Whoosh makes public. The terms of an article come counted, as
`kb.index.postings` counts them, so Whoosh analyses no text, and its BM25 scores are of the same
terms as those of `kb.index.corpus`.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.index.postings import Postings
from kb.index.schema import FIELD_NAMES, FIELDS, K1, SURFACE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Whoosh 2.7.4 has invalid escapes (decision 1)
    from whoosh import fields, formats, index, reading, scoring
    from whoosh.util.numeric import byte_to_length

FOLDER = "whoosh"  # of a build
SLUG, CARD = "slug", "card"
WRITE_LOCK = "MAIN_WRITELOCK"  # a file that Whoosh leaves behind
_LENGTHS = np.array([byte_to_length(byte) for byte in range(256)], np.int32)

Told = Callable[[float], None]
Posting = tuple[str, bytes, int, float, bytes]  # field, term, article, frequency, no more


class CountedField(fields.FieldType):  # type: ignore[misc]
    """A field whose terms are counted and sorted already, and are in the pool of the writer.

    Its value in `add_document` is therefore no text but a length: the number of terms.
    """

    indexed = True
    scorable = True
    stored = False
    unique = False

    def __init__(self) -> None:
        self.format = formats.Existence()  # how often is a posting's weight, not its value
        self.analyzer = None
        self.vector = None
        self.column_type = None

    def index(self, value: int, **_: Any) -> Iterator[tuple[bytes, int, float, bytes]]:
        """One posting of a length, from which Whoosh adds up the length of the field."""
        if value:
            yield b"", value, float(value), b""

    def to_bytes(self, value: str | bytes) -> bytes:
        """A term as Whoosh keeps it."""
        return value if isinstance(value, bytes) else value.encode()

    def from_bytes(self, value: bytes) -> str:
        """A term as it is queried."""
        return value.decode()


class SortedPool:
    """A posting pool for `SegmentWriter.pool` that sorts and spills nothing to disk.

    Whoosh's own collects the postings of one article after another; those of `terms` are given
    whole, and only slugs are collected.
    """

    def __init__(self, terms: Mapping[str, Postings], told: Told | None = None) -> None:
        """`told` is called now and then with the share of the postings that are given, 0–1."""
        self._terms = terms
        self._told = told
        self._given, self._total = 0, sum(len(field.docs) for field in terms.values())
        self._slugs: list[Posting] = []

    def add(self, posting: Posting) -> None:
        """Collects a slug; a posting of a `CountedField` is a length and is left out."""
        if posting[0] == SLUG:
            self._slugs.append(posting)

    def iter_postings(self) -> Iterator[Posting]:
        """Every posting in Whoosh's order: by field, term and article."""
        for name in sorted((*self._terms, SLUG)):
            yield from sorted(self._slugs) if name == SLUG else self._postings(name)

    def _postings(self, name: str) -> Iterator[Posting]:
        field = self._terms[name]
        for term, (start, end) in zip(field.terms, pairwise(field.ptr.tolist()), strict=True):
            if start == end:
                continue
            self._given += end - start
            if self._told:
                self._told(self._given / self._total)
            encoded = term.encode()
            docs, counts = field.docs[start:end].tolist(), field.counts[start:end].tolist()
            for doc, count in zip(docs, counts, strict=True):
                yield name, encoded, doc, count, b""

    def cleanup(self) -> None:
        """Does nothing: there are no files to remove."""


def schema() -> fields.Schema:
    """The schema: every field of dictionary forms, the words as written, slug and card.

    The card of an article is stored only: all that a result list shows and filters by, see
    `segment_writer.SegmentWriter.cards`.
    """
    return fields.Schema(
        **{SLUG: fields.ID(stored=True, unique=True), CARD: fields.STORED()},
        **{name: CountedField() for name in (*FIELD_NAMES, SURFACE)},
    )


def weighting() -> scoring.WeightingModel:
    """Whoosh's own BM25F with the constants of `kb.index.schema`: what `corpus` must equal."""
    return scoring.BM25F(K1=K1, **{f"{field.name}_B": field.b for field in FIELDS})


def rounded_lengths(lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Lengths of a field, in terms, as Whoosh keeps them: rounded to what one byte can say."""
    place = np.minimum(np.searchsorted(_LENGTHS, lengths), len(_LENGTHS) - 1)
    return _LENGTHS[place]


def create(folder: Path) -> Any:
    """Makes `folder` and a new empty index in it. Returns Whoosh's index."""
    folder.mkdir()
    return index.create_in(str(folder), schema())


def open_dir(folder: Path) -> Any:
    """The index in `folder`, opened. Raises whoosh.index.EmptyIndexError where there is none."""
    return index.open_dir(str(folder))


def add_segment(
    opened: Any,
    cards: Iterable[Mapping[str, Any]],
    terms: Mapping[str, Postings],
    deleted: Sequence[tuple[int, int]] = (),
    kept: int = 0,
    told: Told | None = None,
) -> None:
    """Commits one change of an index: articles of segments deleted, segments dropped, one added.

    `cards` are those of the new articles in order and `terms` their postings by field; without
    articles no segment is added. `deleted` are pairs of the number of a segment and of an article
    in it; of the segments before, the first `kept` stay. `told` is that of the pool.
    """
    writer = opened.writer()
    writer.pool = SortedPool(terms, told)
    try:
        bases = np.cumsum([0, *(segment.doc_count_all() for segment in writer.segments)])
        for segment, doc in deleted:
            writer.delete_document(int(bases[segment]) + doc)
        lengths = zip(*(field.lengths().tolist() for field in terms.values()), strict=True)
        for card, values in zip(cards, lengths, strict=True):
            stored = {SLUG: card["slug"], CARD: dict(card)}
            writer.add_document(**stored, **dict(zip(terms, values, strict=True)))
        writer.commit(mergetype=lambda _, segments: segments[:kept])
    except BaseException:
        with suppress(Exception):  # the draft is thrown away anyway; its files are to be closed
            writer.cancel()
        raise


def confirm_segment(opened: Any, size: int, terms: Mapping[str, Postings]) -> None:
    """Compares the last segment of an index with what was given to `add_segment`.

    `size` is the number of articles. Raises ValueError when the segment holds other articles or
    terms, or a term in another number of articles or another number of times.
    """
    with _last_segment(opened) as last:
        if last.doc_count_all() != size:
            raise ValueError(f"the index holds {last.doc_count_all()} of {size} articles")
        for name, field in terms.items():
            found, expected = _totals(last, name), _expected_totals(field)
            if any(one != other for one, other in zip_longest(found, expected)):
                raise ValueError(f"the index does not hold in its field {name} what it was given")


def count_articles(opened: Any) -> int:
    """How many articles an index holds by its table of contents, deleted ones left out."""
    return sum(segment.doc_count() for segment in _contents(opened).segments)


def _last_segment(opened: Any) -> Any:
    """A reader of the last segment; one of all would copy each of them into memory."""
    contents = _contents(opened)
    if not contents.segments:
        return reading.EmptyReader(contents.schema)
    return reading.SegmentReader(opened.storage, contents.schema, contents.segments[-1])


def _contents(opened: Any) -> Any:
    """The table of contents of an index: its schema and segments."""
    return index.TOC.read(opened.storage, opened.indexname)


def _totals(reader: Any, field: str) -> Iterator[tuple[str, int, float]]:
    """Every term of a field, in how many articles it stands and how often, in code-point order."""
    for term, info in reader.iter_field(field):
        yield term.decode(), info.doc_frequency(), info.weight()


def _expected_totals(field: Postings) -> Iterator[tuple[str, int, float]]:
    """The same of the postings that were given; Whoosh keeps a weight in 32 bits."""
    articles = np.diff(field.ptr)
    held = np.flatnonzero(articles)
    sums = np.zeros(len(articles), np.float32)
    if len(held):
        sums[held] = np.add.reduceat(field.counts, field.ptr[held], dtype=np.int64)
    facts = zip(field.terms, articles.tolist(), sums.tolist(), strict=True)
    return (each for each in facts if each[1])
