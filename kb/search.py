"""What a person typed to Results. Reads the index, writes nothing, logs nothing."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import islice
from threading import Lock
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb import query as queries
from kb import repairs, spelling, synonyms, text
from kb.instant import Corpus
from kb.library import Library
from kb.query import Query
from kb.ranking import Ranked, Ranker
from kb.rerank import CANDIDATES
from kb.segment import Segment
from kb.snippets import Excerpt
from kb.spelling import Near

Part = tuple[str, int]  # text, 1 if it is marked


class Marked(NamedTuple):
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


class Hit(NamedTuple):
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
    """What was searched instead of what was typed; kind: layout, spelling, translit, dropped."""

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


MOST_LIMIT = 50  # hits of a page
MOST_PAGES = 20
_MOST_REPAIRS = 6  # that are tried for one query
_MOST_DOUBT = 8.0  # of `repairs`; beyond it a repair is a guess
_MOST_SUGGESTIONS = 6
_CACHED = 512  # answers remembered per build


def to_json(results: Results) -> dict[str, Any]:
    """The shape of `GET /api/search` (CONTRACT.md)."""
    correction = results.correction
    return {
        "query": results.query,
        "total": results.total,
        "took_ms": round(results.took_ms, 2),
        "build": results.build,
        "lang": results.lang,
        "correction": {"kind": correction.kind, "query": correction.query} if correction else None,
        "confident": results.confident,
        "results": [
            {
                "slug": hit.slug,
                "url": hit.url,
                "title": hit.title.text,
                "title_parts": hit.title.parts(),
                "section": hit.section,
                "snippet": hit.snippet.parts(),
                "answer": hit.answer,
                "category": hit.category,
                "lang": hit.lang,
                "score": round(hit.score, 3),
            }
            for hit in results.hits
        ],
    }


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and how it is asked; equal values have equal answers in one build on one day."""

    query: str
    lang: str | None = None
    category: str | None = None
    tag: str | None = None
    page: int = 1
    limit: int = 10
    exact: bool = False
    own_lang: str | None = None
    facets: bool = True
    newest: bool = False  # the articles changed last come first
    hidden: bool = False  # also drafts, and what is not yet or no longer shown: never for customers


class Searcher:
    """Answers questions from one build. Safe to be used by several threads at once."""

    def __init__(self, library: Library, cached: int = _CACHED) -> None:
        self.library = library
        self._corpus = library.corpus
        self._lexicon = Words(library.corpus)
        self._answers: OrderedDict[tuple[Asked, date], Results] = OrderedDict()
        self._most_answers = cached
        self._lock = Lock()

    @cached_property
    def _ranker(self) -> Ranker:
        """Made when first asked: who only indexes needs no synonyms."""
        own, _ = synonyms.parse(self.library.synonyms)
        return Ranker(self._corpus, own.over(synonyms.shipped()), self.library.level)

    def answer(self, asked: Asked, today: date) -> Results:
        """The answer to any text; the same question on the same day is worked out once."""
        began = perf_counter()
        key = (asked, today)
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
        if found is None:
            found = self._answer(asked, today)
            with self._lock:
                self._answers[key] = found
                while len(self._answers) > self._most_answers:
                    self._answers.popitem(last=False)
        return replace(found, took_ms=(perf_counter() - began) * 1000)

    def _answer(self, asked: Asked, today: date) -> Results:
        query = queries.parse(asked.query, self._corpus.meaning)
        allowed = self._allowed(asked, today)
        own = asked.own_lang or query.lang
        used, ranked, correction = query, self._rank(query, allowed, own), None
        tried: list[Correction] = []
        if not asked.exact and not ranked.total and (query.phrases or query.without):
            loose = replace(query, phrases=(), without=())
            again = self._rank(loose, allowed, own)
            if again.total:
                plain = " ".join(word.text for word in query.words)
                used, ranked, correction = loose, again, Correction("dropped", plain)
        if query.words and not ranked.confident and not asked.exact:
            for repaired, repair in self._repaired(query):
                again = self._rank(repaired, allowed, own)
                if again.confident or (not ranked.total and again.total):
                    used, ranked, correction = repaired, again, repair
                    break
                tried.append(repair)
        return self._results(asked, query, used, ranked, correction, tuple(tried))

    def _repaired(self, query: Query) -> Iterator[tuple[Query, Correction]]:
        """What may have been meant, likeliest first.

        Words are never left out: a hit need not hold them all, so that finds nothing new, and what
        is left of a question about something else would look answered.
        """
        found = repairs.candidates(query.raw, self._lexicon)
        for repair in islice(found, _MOST_REPAIRS):
            if repair.kind == "dropped" or repair.doubt > _MOST_DOUBT:
                continue
            repaired = queries.parse(repair.query, self._corpus.meaning)
            if any(len(word.text) > 1 for word in repaired.words):
                yield repaired, Correction(repair.kind, repair.query)

    def _rank(self, query: Query, allowed: NDArray[np.bool_], own: str) -> Ranked:
        for phrase in query.phrases:
            allowed = allowed & self._corpus.holding_phrase(phrase)
        for word in query.without:
            allowed = allowed & ~self._corpus.holding(self._corpus.meaning(word).lemmas)
        return self._ranker.rank(query, allowed, own)

    def explain(
        self, query: str, slug: str | None, limit: int, today: date
    ) -> list[dict[str, Any]]:
        """Of what the scores of the first articles, or of one, are made."""
        asked = Asked(query, limit=limit, exact=True, facets=False)
        parsed = queries.parse(query, self._corpus.meaning)
        allowed = self._allowed(asked, today)
        if slug is not None:
            found = self.library.find(slug)
            docs = [] if found is None else [found]
        else:
            docs = self._rank(parsed, allowed, parsed.lang).docs[:limit].tolist()
        return [
            {
                "slug": self.library.card(doc)["slug"],
                "part": part,
                "term": term,
                "field": field,
                "contribution": round(value, 4),
            }
            for doc, part, term, field, value in self._ranker.explain(
                parsed, allowed, parsed.lang, docs
            )
        ]

    def suggest(
        self, start: str, lang: str, today: date, also: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Lines in which every word of `start` stands or begins a word.

        Lines are titles, answered questions and, after the best article's, what is given `also`.
        """
        wanted = text.plain_words(text.clean(start[: queries.MOST_CHARACTERS]))
        if not wanted:
            return ()
        asked = Asked(start, limit=20, own_lang=lang, exact=True, facets=False)
        lines: list[str] = []
        for hit in self.answer(asked, today).hits:
            doc = self.library.find(hit.slug)
            answers = self.library.card(doc).get("answers", ()) if doc is not None else ()
            lines += (hit.title.text, *answers, *(() if lines else also))
        found: dict[str, str] = {}  # what was typed by others differs in case from a title
        for line in lines or also:
            words = text.plain_words(line)
            if all(any(word.startswith(each) for word in words) for each in wanted):
                found.setdefault(line.casefold(), line)
        return tuple(found.values())[:_MOST_SUGGESTIONS]

    def _allowed(self, asked: Asked, today: date) -> NDArray[np.bool_]:
        corpus = self._corpus
        allowed = corpus.live if asked.hidden else corpus.served(today)
        if asked.lang:
            allowed = allowed & corpus.is_labelled(corpus.langs, corpus.lang, asked.lang)
        if asked.category:
            allowed = allowed & corpus.is_labelled(
                corpus.categories, corpus.category, asked.category
            )
        if asked.tag:
            allowed = allowed & corpus.tagged(asked.tag)
        return allowed

    # ------------------------------------------------------------ what is shown

    def _results(
        self,
        asked: Asked,
        typed: Query,
        used: Query,
        ranked: Ranked,
        correction: Correction | None,
        tried: tuple[Correction, ...],
    ) -> Results:
        limit = min(max(asked.limit, 1), MOST_LIMIT)
        pages = min(-(-min(ranked.total, CANDIDATES) // limit), MOST_PAGES)
        page = min(max(asked.page, 1), max(pages, 1))
        found, worth = ranked.docs, ranked.scores
        if ranked.total > len(found) and (asked.newest or page * limit > len(found)):
            behind = self._ranker.behind(ranked)
            found, worth = np.concatenate((found, behind[0])), np.concatenate((worth, behind[1]))
        if asked.newest:
            order = np.argsort(-self._corpus.updated[found], kind="stable")
            found, worth = found[order], worth[order]
        shown = slice((page - 1) * limit, page * limit)
        docs, scores = found[shown].tolist(), worth[shown].tolist()
        return Results(
            query=typed.raw,
            hits=tuple(self._hits(docs, scores, ranked)),
            total=ranked.total,
            confident=ranked.confident,
            correction=correction,
            build=self.library.name,
            lang=typed.lang,
            page=page,
            pages=pages,
            facets=self._facets(ranked.words > 0) if asked.facets else {},
            tried=tried if not ranked.confident else (),
        )

    def _hits(self, docs: Sequence[int], scores: Sequence[float], ranked: Ranked) -> list[Hit]:
        """The articles as the result list shows them."""
        if not docs:
            return []
        excerpts = self._ranker.excerpts(ranked, docs)
        return [
            _hit(*self._corpus.locate(doc), excerpt, score)
            for doc, excerpt, score in zip(docs, excerpts, scores, strict=True)
        ]

    def _facets(self, hits: NDArray[np.bool_]) -> dict[str, tuple[FacetValue, ...]]:
        corpus = self._corpus
        return {
            "lang": _counted(
                corpus.langs, np.bincount(corpus.lang[hits], minlength=len(corpus.langs))
            ),
            "category": _counted(
                corpus.categories,
                np.bincount(corpus.category[hits], minlength=len(corpus.categories)),
            ),
            "tag": _counted(*corpus.tag_counts(hits)),
        }


def _hit(segment: Segment, doc: int, excerpt: Excerpt, score: float) -> Hit:
    card = segment.card(doc)
    heading, fragment = segment.head(doc, excerpt.section) if excerpt.text else ("", "")
    return Hit(
        slug=card["slug"],
        url=card["url"] + fragment,
        title=Marked(excerpt.title, excerpt.title_marks),
        section=heading,
        snippet=Marked(excerpt.text, excerpt.marks),
        answer=card["answer"],
        category=card["category"],
        lang=card["lang"],
        score=score,
        updated=date.fromisoformat(card["updated"]) if card["updated"] else None,
    )


def _counted(names: Sequence[str], counts: NDArray[np.int_]) -> tuple[FacetValue, ...]:
    """The values that occur, most frequent first, then by name; the unnamed one is left out."""
    found = [
        (name, count) for name, count in zip(names, counts.tolist(), strict=True) if name and count
    ]
    return tuple(FacetValue(*each) for each in sorted(found, key=lambda each: (-each[1], each[0])))


class Words:
    """What the index knows of words, as `repairs` asks it: the sum over all segments."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._spellers = [segment.speller() for segment in corpus.segments]

    def df(self, word: str) -> int:
        """In how many articles this very form stands."""
        return len(
            self._corpus.postings(
                "text", self._corpus.word_ranges(word, prefix=False), surface=True
            )[0]
        )

    def lemma_df(self, lemma: str) -> int:
        """In how many articles some form of this dictionary form stands."""
        return self._corpus.frequency(self._corpus.places(lemma))

    def may_begin(self, start: str) -> bool:
        """Whether some word may begin so: a no is sure, a yes nearly so."""
        return any(speller.may_begin(start) for speller in self._spellers)

    def begins(self, start: str) -> bool:
        """Whether some word begins so."""
        return any(speller.begins(start) for speller in self._spellers)

    def nearest(self, word: str, limit: int) -> Sequence[Near]:
        """The words `word` may be a slip of, likeliest first."""
        return spelling.merged(self._spellers, word, limit)

    def together(self, words: Sequence[str]) -> int:
        """How many articles hold every one of the words, each in some form."""
        held = np.ones(self._corpus.size, bool)
        for word in words:
            held &= self._corpus.holding(self._corpus.meaning(word).lemmas)
        return int(np.count_nonzero(held))
