"""Whoosh's index, the index of record: its schema, and how a segment is written and read back.

Whoosh's own writer takes terms one article after another and sorts all of them on disk. Ours are
counted and sorted already, so each is written the moment it is named; and they are read back block
by block.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.postings import Postings
from kb.schema import FIELD_NAMES, FIELDS, K1, SURFACE
from kb.vocabulary import Vocabulary

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Whoosh 2.7.4 has invalid escapes (decision 1)
    from whoosh import fields, formats, scoring
    from whoosh.util.numeric import byte_to_length
    from whoosh.writing import SegmentWriter

SLUG = "slug"
_LENGTHS = np.array([byte_to_length(byte) for byte in range(256)], np.int32)


class TermsField(fields.FieldType):  # type: ignore[misc]
    """A field whose terms come from `kb.text`, counted; the engine analyses nothing itself."""

    indexed = True
    scorable = True
    stored = False
    unique = False

    def __init__(self) -> None:
        self.format = formats.Existence()  # how often is a posting's weight, not its value
        self.analyzer = None
        self.vector = None
        self.column_type = None

    def to_bytes(self, value: str | bytes) -> bytes:
        return value if isinstance(value, bytes) else value.encode()

    def from_bytes(self, value: bytes) -> str:
        return value.decode()


def schema() -> fields.Schema:
    """The schema of the index of record; an article's slug is stored, its terms are not."""
    return fields.Schema(
        **{SLUG: fields.ID(stored=True, unique=True)},
        **{name: TermsField() for name in (*FIELD_NAMES, SURFACE)},
    )


def weighting() -> scoring.WeightingModel:
    """Whoosh's own BM25F with our constants: what `instant` must equal."""
    return scoring.BM25F(K1=K1, **{f"{field.name}_B": field.b for field in FIELDS})


def rounded(lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Lengths of fields as Whoosh keeps them, in one byte."""
    place = np.minimum(np.searchsorted(_LENGTHS, lengths), len(_LENGTHS) - 1)
    return _LENGTHS[place]


class Writer(SegmentWriter):  # type: ignore[misc]
    """Whoosh's writer for one segment of articles whose terms are counted and sorted."""

    def add_articles(self, slugs: Sequence[str], terms: Mapping[str, Postings]) -> None:
        """Takes all articles of the segment; their terms are written by `commit`."""
        self._lengths = {name: field.lengths() for name, field in terms.items()}
        lengths = {name: values.tolist() for name, values in self._lengths.items()}
        for number, slug in enumerate(slugs):
            self.perdocwriter.start_doc(number)
            self.perdocwriter.add_field(SLUG, self.schema[SLUG], slug, 0)
            for name, values in lengths.items():
                self.perdocwriter.add_field(name, self.schema[name], None, values[number])
            self.perdocwriter.finish_doc()
        names = Vocabulary.of(slugs)
        ids = np.array([names.find(slug) for slug in slugs], np.int64)
        self._terms = {**terms, SLUG: Postings.of(names, ids, np.arange(len(slugs)), len(slugs))}
        self.docnum, self._added = len(slugs), bool(slugs)

    def _flush_segment(self) -> None:
        self.perdocwriter.close()
        for name in sorted(self._terms):  # the order Whoosh wants fields in
            self.fieldwriter.start_field(name, self.schema[name])
            lengths = rounded(self._lengths[name]).tolist() if name in self._lengths else None
            self._write_field(self._terms[name], lengths)
            self.fieldwriter.finish_field()
        self.fieldwriter.close()

    def _write_field(self, field: Postings, lengths: list[int] | None) -> None:
        docs, counts = field.docs.tolist(), field.counts.astype(float).tolist()
        add: Callable[[int, float, bytes, int], None] = self.fieldwriter.add
        for term, (start, end) in zip(field.terms, pairwise(field.ptr.tolist()), strict=True):
            if start < end:
                self.fieldwriter.start_term(term.encode())
                for at in range(start, end):
                    add(docs[at], counts[at], b"", lengths[docs[at]] if lengths else 0)
                self.fieldwriter.finish_term()


class Written:
    """A segment as Whoosh holds it."""

    def __init__(self, reader: Any) -> None:
        """`reader` is Whoosh's, of this segment."""
        self._reader = reader
        self.size: int = reader.doc_count_all()

    def terms(self, field: str) -> Iterator[tuple[str, list[int], list[float]]]:
        """Every term of a field with its articles and how often, in code-point order."""
        for term in self._reader.field_terms(field):
            matcher = self._reader.postings(field, term)
            docs: list[int] = []
            weights: list[float] = []
            # Block by block: the public interface steps posting by posting, ten times slower.
            while matcher.is_active():
                matcher._read_ids()
                matcher._read_weights()
                docs += matcher._ids
                weights += matcher._weights
                matcher._next_block()
            yield term, docs, weights

    def rounded(self, lengths: NDArray[np.int32]) -> NDArray[np.int32]:
        """Lengths of a field as Whoosh keeps them."""
        return rounded(lengths)
