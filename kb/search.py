"""What a person typed to Results. Reads the index, writes nothing, logs nothing."""

from dataclasses import dataclass, field
from datetime import date

Part = tuple[str, int]  # text, 1 if it is marked


@dataclass(frozen=True, slots=True)
class Marked:
    """Text with some parts marked; escaping it is the template's job.

    `marks` are half-open, sorted, non-overlapping ranges of `text`.
    """

    text: str
    marks: tuple[tuple[int, int], ...] = ()

    def parts(self) -> list[Part]:
        """The text cut at its marks; joined back, the parts are the text."""
        parts: list[Part] = []
        at = 0
        for start, end in self.marks:
            if start > at:
                parts.append((self.text[at:start], 0))
            parts.append((self.text[start:end], 1))
            at = end
        if at < len(self.text):
            parts.append((self.text[at:], 0))
        return parts


@dataclass(frozen=True, slots=True)
class Hit:
    """One article that answers, as the result list shows it."""

    slug: str
    url: str  # with the anchor of the best section
    title: Marked
    section: str  # title of the best section, "" when the article's beginning is best
    snippet: Marked
    answer: str
    category: str
    lang: str
    score: float
    updated: date | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """What was searched instead of what was typed; kind is layout, spelling, translit or dropped."""

    kind: str
    query: str


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value to filter by and how many of the hits have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Results:
    """The answer to one query: a page of hits and what belongs to it."""

    query: str  # as typed, cut to 500 characters
    hits: tuple[Hit, ...] = ()
    total: int = 0
    confident: bool = False
    correction: Correction | None = None
    build: str = ""
    lang: str = ""  # language of the query
    page: int = 1
    pages: int = 0
    took_ms: float = 0.0
    facets: dict[str, tuple[FacetValue, ...]] = field(default_factory=dict)  # lang, category, tag
    tried: tuple[Correction, ...] = ()  # repairs that were tried and did not help
