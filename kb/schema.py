"""Fields, their weights and the Whoosh schema: the one page that writer and reader share."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from whoosh import fields, formats, scoring

K1, B = 1.2, 0.75  # BM25's constants; Whoosh's own defaults


@dataclass(frozen=True, slots=True)
class Field:
    """A field of dictionary forms and what it counts for.

    `weight` multiplies its BM25 score; `b` in 0–1 says how far longer values count less.
    """

    name: str
    weight: float
    b: float = B


# Weights and constants come from `docs/ranking.md`, which also holds the table behind them.
FIELDS = (
    Field("title", 1.0),
    Field("answers", 1.0),
    Field("headings", 0.4),
    Field("tags", 0.2),
    Field("lead", 0.5),  # the first words of the body
    Field("text", 1.4),  # everything: title, answers, headings, body
)
LEAD = 30  # words
FIELD_NAMES = tuple(field.name for field in FIELDS)
SURFACE = "words"  # folded words as written, of the whole article

Counts = dict[str, int]


class Ready(formats.Frequency):  # type: ignore[misc]
    """Postings of terms that are counted already: a field's value is a list of (term, count)."""

    def word_values(
        self, value: Iterable[tuple[str, int]], analyzer: Any, **kwargs: Any
    ) -> Iterator[tuple[bytes, int, float, bytes]]:
        for term, count in value:
            yield term.encode(), count, float(count), self.encode(count)

    @staticmethod
    def encode(count: int) -> bytes:
        return int(count).to_bytes(4, "big")


class ReadyField(fields.FieldType):  # type: ignore[misc]
    """A Whoosh field whose terms come from `kb.text`; the engine analyses nothing itself."""

    indexed = True
    scorable = True
    stored = False
    unique = False

    def __init__(self) -> None:
        self.format = Ready()
        self.analyzer = None
        self.vector = None
        self.column_type = None

    def index(self, value: list[tuple[str, int]], **kwargs: Any) -> Iterator[Any]:
        return self.format.word_values(value, None)

    def to_bytes(self, value: str | bytes) -> bytes:
        return value if isinstance(value, bytes) else value.encode()

    def from_bytes(self, value: bytes) -> str:
        return value.decode()


def whoosh_schema() -> fields.Schema:
    """The schema of the index of record; an article's slug is stored, its terms are not."""
    return fields.Schema(
        slug=fields.ID(stored=True, unique=True),
        **{name: ReadyField() for name in (*FIELD_NAMES, SURFACE)},
    )


def whoosh_weighting() -> scoring.WeightingModel:
    """Whoosh's own BM25F with our constants: what `instant` must equal."""
    return scoring.BM25F(K1=K1, **{f"{field.name}_B": field.b for field in FIELDS})


def counted(terms: Iterable[str]) -> Counts:
    """How often each term comes."""
    counts: Counts = defaultdict(int)
    for term in terms:
        counts[term] += 1
    return counts
