"""Fields and their weights: the one page that writer and reader share. Speaks to no engine."""

from dataclasses import dataclass

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
    Field("learned", 0.5),
    Field("headings", 0.4),
    Field("tags", 0.2),
    Field("lead", 0.5),  # the first words of the body
    # Files that the article links to. Few articles have any, so an average length says nothing.
    Field("attached", 0.3, b=0.0),
    Field("text", 1.4),  # everything of its own: title, questions, headings, body
)
LEAD = 30  # words
FIELD_NAMES = tuple(field.name for field in FIELDS)
SURFACE_FIELDS = (
    "title",
    "answers",
    "headings",
    "attached",
    "text",
)  # whose words are kept as written
SURFACE = "words"  # folded words as written, of the whole article but what is attached
