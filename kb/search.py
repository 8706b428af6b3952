"""Answers a search request from one build: parse, rank, correct, page. Logs nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import islice
from time import perf_counter
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kb.base.errors import SearchUnavailable
from kb.base.messages import Message
from kb.content import pins as pinning
from kb.content.pins import Pin, Pins
from kb.facets import FacetCounter, FacetValue
from kb.index.corpus import Corpus, Docs, Scores
from kb.index.reader import IndexReader
from kb.index.segment import Segment
from kb.language import corrections, spelling, synonyms, tokens
from kb.language import query as queries
from kb.language.lexicon import Lexicon
from kb.language.query import Query
from kb.language.spelling import Near
from kb.ranking.engine import Engine
from kb.ranking.explain import explain
from kb.ranking.ranker import Ranked, Ranker
from kb.ranking.rerank import CANDIDATES
from kb.ranking.snippets import BEGINNING, Excerpt

EngineName = Literal["arrays", "whoosh"]
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
    """One article in the result list."""

    slug: str
    url: str  # with the anchor of the best section, or of the page of a file that it links to
    title: Marked
    section: str  # title of the best section, "" when the article's beginning is best
    snippet: Marked
    answer: str
    category: str
    lang: str
    score: float
    updated: date | None = None
    path: tuple[str, ...] = ()  # titles of the topics above it, the uppermost first
    pinned: bool = False  # `pins.yml` puts it first

    @property
    def is_in_file(self) -> bool:
        """Whether it leads into a file that the article links to, whose words its snippet shows."""
        return self.url.startswith("/media/")

    @property
    def where(self) -> tuple[str, ...]:
        """The titles that it stands under: of the topics, and of its best section."""
        return (*self.path, self.section) if self.section else self.path


@dataclass(frozen=True, slots=True)
class Correction:
    """The query searched instead of the typed one; kind: layout, spelling, translit, dropped."""

    kind: str
    query: str


class Results(NamedTuple):
    """The answer to one request: a page of hits, their number, facets and corrections."""

    query: str  # as typed, cut to 500 characters
    hits: tuple[Hit, ...] = ()
    total: int = 0
    relevant: int = 0  # of them, how many are within reach of the best; see `relevant_hits`
    confident: bool = False
    margin: float = 0.0  # how sure that is: 1 and more is confident, nothing covered is 0
    correction: Correction | None = None
    build: str = ""
    lang: str = ""  # language of the query
    page: int = 1
    pages: int = 0
    took_ms: float = 0.0
    facets: Mapping[str, tuple[FacetValue, ...]] = MappingProxyType({})  # lang, category, tag
    tried: tuple[Correction, ...] = ()  # corrections that were tried and did not help
    topic: str = ""  # titles of the topic that hits were asked from and of those above it
    without: tuple[str, ...] = ()  # words that no hit holds, as a minus before them asks

    @property
    def with_all(self) -> str:
        """The query in which a minus before a word leaves nothing out."""
        return queries.without_minus(self.query)


MOST_LIMIT = 50  # hits of a page
MOST_PAGES = 20
ALWAYS_RELEVANT = 6  # first hits
_REACH = 0.5  # of the best score; what is below it is the tail
_MOST_CORRECTIONS = 6  # that are tried for one query
_MOST_DOUBT = 8.0  # of `corrections`; beyond it a correction is a guess
_MOST_SUGGESTIONS = 6
_CACHED = 8.0  # megabytes of answers kept per build


def to_json(results: Results, prefix: str = "") -> dict[str, Any]:
    """The results as JSON values: schema `Results` of `/openapi.json`."""
    return {
        "query": results.query,
        "total": results.total,
        "relevant": results.relevant,
        "took_ms": round(results.took_ms, 2),
        "build": results.build,
        "lang": results.lang,
        "correction": _correction_json(results.correction) if results.correction else None,
        "confident": results.confident,
        "results": [_hit_json(hit, prefix) for hit in results.hits],
        "tried": [_correction_json(each) for each in results.tried],
        "without": list(results.without),
        "with_all": results.with_all if results.without else None,
    }


def _correction_json(correction: Correction) -> dict[str, str]:
    return {"kind": correction.kind, "query": correction.query}


def _hit_json(hit: Hit, prefix: str) -> dict[str, Any]:
    return {
        "slug": hit.slug,
        "url": prefix + hit.url,
        "title": hit.title.text,
        "title_parts": hit.title.parts(),
        "section": hit.section,
        "snippet": hit.snippet.parts(),
        "answer": hit.answer,
        "category": hit.category,
        "path": list(hit.path),
        "lang": hit.lang,
        "score": round(hit.score, 4),
        "pinned": hit.pinned,
    }


class SearchRequest(NamedTuple):
    """A query with its filters; equal requests have equal answers in one build on one day."""

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
    hidden: bool = False  # also drafts, unpublished and expired articles: for writers only
    but: frozenset[str] = frozenset()  # slugs of articles that are left out
    relevant: bool = False  # only hits within reach of the best
    excerpts: bool = True  # else hits are told by their cards: no marks, section and snippet
    pins: int | None = None  # the epoch whose pins are in force (`content.pins`); None: none are


class Scope(NamedTuple):
    """What an answer may hold: the request and its day, and a mask of the articles they allow."""

    request: SearchRequest
    today: date
    allowed: NDArray[np.bool_]


class AnyBuildSearcher(Protocol):
    """Answers from a build, whatever of it can be read."""

    @property
    def edition(self) -> str:
        """Equal as long as equal requests have equal answers on one day."""

    @property
    def pins(self) -> Pins:
        """The pins of the build, in force by the epoch of a request."""

    def answer(self, request: SearchRequest, today: date, *, keep: bool = True) -> Results:
        """The answer to a request, which is kept, or not looked for among those that were."""

    def suggest(
        self, start: str, lang: str, today: date, also: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Completions of a query."""


class Searcher:
    """Answers search requests from one build, with a cache. Threads may share it."""

    _needs_whole = True  # a build with all that ranking reads

    def __init__(
        self,
        reader: IndexReader,
        cached: float = _CACHED,
        engine: EngineName = "arrays",
        synonyms_text: str | None = None,
    ) -> None:
        """`cached` is the size of the cache of answers in megabytes; `engine` scores the words.

        `synonyms_text` stands for the `synonyms.yml` of the build, if it is given.
        """
        self._engine = engine
        self._synonyms_text = reader.synonyms if synonyms_text is None else synonyms_text
        self.reader = reader
        self._corpus = self._corpus_of(reader)
        self._lexicon = self._lexicon_of(self._corpus)
        self._answers = self._corpus.cache(self._answer, cached, _size_of_answer)

    def _corpus_of(self, reader: IndexReader) -> Corpus:
        return reader.corpus

    def _lexicon_of(self, corpus: Corpus) -> Lexicon:
        return CorpusLexicon(corpus)

    @cached_property
    def _synonyms(self) -> synonyms.Synonyms:
        own, _ = synonyms.parse(self._synonyms_text)
        return own.over(synonyms.shipped())

    @property
    def edition(self) -> str:
        """The name of the build, and which of its articles these readers may see."""
        return self.reader.edition

    @cached_property
    def pins(self) -> Pins:
        """The pins of the build."""
        return pinning.parse(self.reader.pins)[0]

    @cached_property
    def _ranker(self) -> Ranker:
        """Made when first used: indexing needs no synonyms."""
        return Ranker(
            self._corpus,
            self._synonyms,
            self.reader.level,
            engine=self._whoosh_engine() if self._engine == "whoosh" else None,
        )

    @cached_property
    def _facet_counter(self) -> FacetCounter:
        return FacetCounter(self._corpus, self.reader.topics)

    def _whoosh_engine(self) -> Engine:
        """Imported when used: a worker, which reads arrays, needs no Whoosh."""
        from kb.ranking.whoosh_engine import WhooshEngine

        return WhooshEngine(self.reader.folder, self.reader.find, self._corpus.size)

    def answer(self, request: SearchRequest, today: date, *, keep: bool = True) -> Results:
        """The answer to a request; any text is a query. `took_ms` is the time of this call.

        `keep` has it kept in the cache, from which it comes if it was asked before. Raises
        SearchUnavailable where the build is a light one.
        """
        began = perf_counter()
        if self.reader.is_light and self._needs_whole:
            raise SearchUnavailable(
                Message(
                    "build {name} is light and can be searched with KB_ENGINE=opensearch only; set"
                    " it again, or run `kb pull --whole`",
                    name=self.reader.name,
                )
            )
        key = (request, today)
        results = self._answers[key] if keep else self._answer(key)
        return results._replace(took_ms=(perf_counter() - began) * 1000)

    def _answer(self, key: tuple[SearchRequest, date]) -> Results:
        request, today = key
        allowed = self._allowed(request, today)
        scope = Scope(request, today, allowed)
        query = self._parsed(scope)
        own = request.own_lang or query.lang
        used, correction = query, None
        ranked = self._with_pins(self._rank(query, scope, own), query, request, allowed)
        tried: list[Correction] = []
        if not request.exact and not ranked.total and (query.phrases or query.without):
            loose = replace(query, phrases=(), without=())
            again = self._rank(loose, scope, own)
            if again.total:
                plain = " ".join(word.text for word in query.words)
                used, ranked, correction = loose, again, Correction("dropped", plain)
        if query.words and not ranked.confident and not request.exact:
            for corrected, attempt in self._corrected(query):
                again = self._rank(corrected, scope, own)
                again = self._with_pins(again, corrected, request, allowed)
                if again.confident or (not ranked.total and again.total):
                    used, correction = corrected, attempt
                    ranked = self._with_translation(again, allowed, request.own_lang)
                    break
                tried.append(attempt)
        return self._results(request, query, used, ranked, correction, tuple(tried))

    def _parse(self, raw: str, exclude: bool = True) -> Query:
        return queries.parse(raw, self._corpus.meaning, self._corpus.knows, exclude)

    def _parsed(self, scope: Scope) -> Query:
        """The query; `-word` excludes only where the rest of it is answered with confidence."""
        request = scope.request
        query = self._parse(request.query)
        if not query.without:
            return query
        rest = self._rank(replace(query, without=()), scope, request.own_lang or query.lang)
        return query if rest.confident else self._parse(request.query, exclude=False)

    def _corrected(self, query: Query) -> Iterator[tuple[Query, Correction]]:
        """Corrections of a query, likeliest first.

        Words are never left out: a hit need not hold them all, so that finds nothing new, and the
        rest of a query about something else would look answered.
        """
        candidates = corrections.candidates(query.raw, self._lexicon)
        for candidate in islice(candidates, _MOST_CORRECTIONS):
            if candidate.kind == "dropped" or candidate.doubt > _MOST_DOUBT:
                continue
            corrected = self._parse(candidate.query, exclude=False)
            if any(len(word.text) > 1 for word in corrected.words):
                yield corrected, Correction(candidate.kind, candidate.query)

    def _rank(self, query: Query, scope: Scope, own: str) -> Ranked:
        allowed = scope.allowed
        for phrase in query.phrases:
            allowed = allowed & self._corpus.holding_phrase(phrase)
        for word in query.without:
            allowed = allowed & ~self._corpus.holding(self._corpus.meaning(word).lemmas)
        return self._ranker.rank(query, allowed, own)

    def _with_translation(
        self, ranked: Ranked, allowed: NDArray[np.bool_], own_lang: str | None
    ) -> Ranked:
        """The order of a repaired query, the first article's translation for the reader before it.

        A repair may change the language of a query («хоткейс», hotkeys), which its reader did not.
        """
        if not own_lang or not ranked.total:
            return ranked
        corpus, first = self._corpus, int(ranked.docs[0])
        is_own = corpus.is_labelled(corpus.langs, corpus.lang, own_lang)
        found = [doc for doc in self.reader.translations(first) if (is_own & allowed)[doc]]
        if is_own[first] or not found:
            return ranked
        others = ranked.docs != found[0]
        words = ranked.words.copy()
        words[found[0]] = words[first]
        return ranked._replace(
            docs=np.insert(ranked.docs[others], 0, found[0]),
            scores=np.insert(ranked.scores[others], 0, ranked.scores[0]),
            words=words,
            total=ranked.total + int(ranked.words[found[0]] <= 0),
        )

    def _with_pins(
        self, ranked: Ranked, query: Query, request: SearchRequest, allowed: NDArray[np.bool_]
    ) -> Ranked:
        """The order with the articles that are pinned to the query before all others.

        Writers know that they answer it. They score as much as the best hit.
        """
        docs = self._pinned(query, request, allowed)
        if not docs:
            return ranked
        pinned, words = np.array(docs, ranked.docs.dtype), ranked.words.copy()
        best = ranked.scores[0] if len(ranked.scores) else np.float32(1)
        total = ranked.total + int(np.count_nonzero(words[pinned] <= 0))
        words[pinned] = np.maximum(words[pinned], words.max(initial=best))
        others = ~np.isin(ranked.docs, pinned)
        return ranked._replace(
            docs=np.concatenate((pinned, ranked.docs[others])),
            scores=np.concatenate((np.full(len(docs), best), ranked.scores[others])),
            words=words,
            total=total,
            confident=True,
            margin=max(ranked.margin, 1.0),
            pinned=tuple(docs),
        )

    def _pinned(
        self, query: Query, request: SearchRequest, allowed: NDArray[np.bool_]
    ) -> list[int]:
        """The articles pinned to a query, those in the reader's language first.

        An article in another language makes room for its translation. Who asks for a phrase, or for
        a word to be left out, says what is wanted better than a pin.
        """
        if request.pins is None or query.phrases or query.without:
            return []
        pins = self.pins.of(query.raw, request.pins)
        if not pins:
            return []
        corpus, own_lang = self._corpus, request.own_lang or query.lang
        is_own = corpus.is_labelled(corpus.langs, corpus.lang, own_lang)
        docs: list[int] = []
        for pin in pins:
            doc = self.addressed(pin.article)
            if doc is not None and not is_own[doc]:
                translations = self.reader.translations(doc)
                doc = next((each for each in translations if (is_own & allowed)[each]), doc)
            if doc is not None and allowed[doc]:
                docs.append(doc)
        return sorted(dict.fromkeys(docs), key=lambda doc: not is_own[doc])

    def addressed(self, address: str) -> int | None:
        """The article at an address, at a former one, or of a path without its ending."""
        reader = self.reader
        doc = reader.find(address)
        slug = reader.moved(address) or reader.meant(address) if doc is None else None
        return reader.find(slug) if slug else doc

    def pins_of(self, query: str, epoch: int) -> dict[str, Pin]:
        """The pin behind each pinned article of the answer to a query, by slug."""
        found: dict[str, Pin] = {}
        for pin in self.pins.of(query, epoch):
            doc = self.addressed(pin.article)
            for each in () if doc is None else (doc, *self.reader.translations(doc)):
                found.setdefault(str(self.reader.card(each)["slug"]), pin)
        return found

    def hits(self, query: str) -> NDArray[np.bool_]:
        """Which articles hold a word of a query as it stands, whether served or not."""
        return self._ranker.word_scores(self._parse(query)) > 0

    def explain(
        self, query: str, slug: str | None, limit: int, today: date
    ) -> list[dict[str, Any]]:
        """The contributions to the scores of the first articles, or of the one with this slug."""
        request = SearchRequest(query, limit=limit, exact=True, facets=False)
        allowed = self._allowed(request, today)
        scope = Scope(request, today, allowed)
        parsed = self._parsed(scope)
        if slug is not None:
            found = self.reader.find(slug)
            docs = [] if found is None else [found]
        else:
            docs = self._rank(parsed, scope, parsed.lang).docs[:limit].tolist()
        return [
            {
                "slug": self.reader.card(each.doc)["slug"],
                "part": each.part,
                "term": each.term,
                "field": each.field,
                "contribution": round(each.value, 4),
            }
            for each in explain(self._ranker, parsed, allowed, parsed.lang, docs)
        ]

    def suggest(
        self, start: str, lang: str, today: date, also: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Completions: lines in which every word of `start` is a word or begins one.

        Lines are titles, answered questions and, after the best article's, the lines `also`.
        """
        wanted = tokens.plain_words(tokens.clean(start[: queries.MOST_CHARACTERS]))
        if not wanted:
            return ()
        request = SearchRequest(
            start, limit=20, own_lang=lang, exact=True, facets=False, excerpts=False
        )
        lines: list[str] = []
        for hit in self.answer(request, today).hits:
            doc = self.reader.find(hit.slug)
            answers = self.reader.card(doc).get("answers", ()) if doc is not None else ()
            lines += (hit.title.text, *answers, *(() if lines else also))
        return completions(wanted, lines or also)

    def _allowed(self, request: SearchRequest, today: date) -> NDArray[np.bool_]:
        corpus = self._corpus
        allowed = corpus.live if request.hidden else corpus.served(today)
        if request.lang:
            allowed = allowed & corpus.is_labelled(corpus.langs, corpus.lang, request.lang)
        if request.category:
            allowed = allowed & self._in_topic(request.category)
        if request.tag:
            allowed = allowed & corpus.tagged(request.tag)
        left_out = [doc for slug in request.but if (doc := self.reader.find(slug)) is not None]
        if left_out:
            allowed = allowed.copy()
            allowed[left_out] = False
        return allowed

    def _in_topic(self, key: str) -> NDArray[np.bool_]:
        """Which articles stand in a topic or below it, or have a category of this name."""
        corpus, below = self._corpus, self.reader.topics.is_below(key)
        return (
            corpus.is_labelled(corpus.categories, corpus.category, key) if below is None else below
        )

    # ------------------------------------------------------------ results

    def _results(
        self,
        request: SearchRequest,
        typed: Query,
        used: Query,
        ranked: Ranked,
        correction: Correction | None,
        tried: tuple[Correction, ...],
    ) -> Results:
        docs, scores = ranked.docs, ranked.scores
        relevant = relevant_hits(scores)
        total = relevant if request.relevant else ranked.total
        page, pages, shown = page_of(request, total)
        if request.relevant:
            docs, scores = docs[:relevant], scores[:relevant]
        elif total > len(docs) and (request.newest or shown.stop > len(docs)):
            more = self._not_rescored(ranked)
            docs, scores = np.concatenate((docs, more[0])), np.concatenate((scores, more[1]))
        if request.newest:
            order = np.argsort(-self._corpus.updated[docs], kind="stable")
            docs, scores = docs[order], scores[order]
        return Results(
            query=typed.raw,
            hits=tuple(
                self._hits(docs[shown].tolist(), scores[shown].tolist(), ranked, request.excerpts)
            ),
            total=ranked.total,
            relevant=relevant,
            confident=ranked.confident,
            margin=ranked.margin,
            correction=correction,
            build=self.reader.name,
            lang=typed.lang,
            page=page,
            pages=pages,
            facets=self._facets(ranked, request, typed.lang) if request.facets else {},
            tried=tried if not ranked.confident else (),
            topic=self._topic_title(request, typed.lang),
            without=used.without,
        )

    def _topic_title(self, request: SearchRequest, lang: str) -> str:
        key = request.category or ""
        return key and self.reader.topics.title(key, request.own_lang or lang)

    def _hits(
        self, docs: Sequence[int], scores: Sequence[float], ranked: Ranked, with_excerpts: bool
    ) -> list[Hit]:
        """The articles as the result list shows them."""
        if not docs:
            return []
        if with_excerpts:
            excerpts = self._excerpts(ranked, docs)
        else:
            cards = map(self.reader.card, docs)
            excerpts = [Excerpt(str(card["title"]), (), BEGINNING, "", ()) for card in cards]
        return [
            _hit(
                *self._corpus.locate(doc), excerpt, score, self.reader.topics.path(doc),
                doc in ranked.pinned,
            )
            for doc, excerpt, score in zip(docs, excerpts, scores, strict=True)
        ]  # fmt: skip

    def _excerpts(self, ranked: Ranked, docs: Sequence[int]) -> list[Excerpt]:
        return self._ranker.excerpts(ranked, docs)

    def _not_rescored(self, ranked: Ranked) -> tuple[Docs, Scores]:
        return self._ranker.not_rescored(ranked)

    def _facets(
        self, ranked: Ranked, request: SearchRequest, lang: str
    ) -> dict[str, tuple[FacetValue, ...]]:
        hits = ranked.words > 0
        return self._facet_counter.facets(hits, request.category or "", request.own_lang or lang)


def completions(wanted: Sequence[str], lines: Iterable[str]) -> tuple[str, ...]:
    """The lines in which each of the words wanted is a word or begins one, without repeats."""
    distinct: dict[str, str] = {}  # popular queries may differ in case from a title
    for line in lines:
        words = tokens.plain_words(line)
        if all(any(word.startswith(each) for word in words) for each in wanted):
            distinct.setdefault(line.casefold(), line)
    return tuple(distinct.values())[:_MOST_SUGGESTIONS]


def relevant_hits(scores: NDArray[np.float32]) -> int:
    """How many of the hits, best first, score half of the best or are among the first six.

    The others hold some word of the query, but nobody reads that far.
    """
    if not len(scores):
        return 0
    within = int(np.count_nonzero(scores >= scores[0] * _REACH))
    return max(within, min(ALWAYS_RELEVANT, len(scores)))


def page_of(request: SearchRequest, total: int) -> tuple[int, int, slice]:
    """The number of the page asked for, how many pages there are, and its hits among all."""
    limit = min(max(request.limit, 1), MOST_LIMIT)
    pages = min(-(-min(total, CANDIDATES) // limit), MOST_PAGES)
    page = min(max(request.page, 1), max(pages, 1))
    return page, pages, slice((page - 1) * limit, page * limit)


def _size_of_answer(_: object, results: Results) -> int:
    letters = len(results.query) * (2 + len(results.tried))
    marks = 0
    for hit in results.hits:
        letters += len(hit.url) + len(hit.title.text) + len(hit.section)
        letters += len(hit.snippet.text) + len(hit.answer) + sum(map(len, hit.path))
        marks += len(hit.title.marks) + len(hit.snippet.marks)
    values = [value for facet in results.facets.values() for value in facet]
    facets = len(values) + sum(len(value.below) for value in values)
    return 4 * letters + 168 * marks + 2_000 * len(results.hits) + 400 * facets + 4_000


def _hit(
    segment: Segment, doc: int, excerpt: Excerpt, score: float, path: tuple[str, ...], pinned: bool
) -> Hit:
    card = segment.card(doc)
    heading, fragment = segment.head(doc, excerpt.section) if excerpt.section >= 0 else ("", "")
    return Hit(
        slug=card["slug"],
        url=fragment if fragment.startswith("/") else card["url"] + fragment,
        title=Marked(excerpt.title, excerpt.title_marks),
        section=heading,
        snippet=Marked(excerpt.text, excerpt.marks),
        answer=card["answer"],
        category=card["category"],
        lang=card["lang"],
        score=score,
        updated=date.fromisoformat(card["updated"]) if card["updated"] else None,
        path=path,
        pinned=pinned,
    )


Searching = Callable[[IndexReader, float], Searcher]
"""What makes the searcher of an opened build, with so many megabytes of answers in its cache."""


class CorpusLexicon:
    """Document frequencies and similar words of a corpus, for `corrections`."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._spellers = [
            segment.speller(corpus.frequencies(number))
            for number, segment in enumerate(corpus.segments)
        ]

    def df(self, word: str) -> int:
        """The document frequency of this very form."""
        ranges = self._corpus.word_ranges(word, prefix=False)
        held = [
            self._corpus.postings(field, ranges, surface=True)[0] for field in ("text", "attached")
        ]
        return len(np.union1d(*held)) if len(held[1]) else len(held[0])

    def lemma_df(self, lemma: str) -> int:
        """The document frequency of a dictionary form, in any form."""
        return self._corpus.frequency(self._corpus.lemma_ids(lemma))

    def may_begin(self, start: str) -> bool:
        """Whether some word may begin with `start`; only False is certain."""
        return any(speller.may_begin(start) for speller in self._spellers)

    def begins(self, start: str) -> bool:
        """Whether some word begins with `start`."""
        return self.may_begin(start) and self._corpus.begins(start)

    def nearest(self, word: str, limit: int) -> Sequence[Near]:
        """Words that `word` may be a misspelling of, likeliest first."""
        return spelling.merged(self._spellers, word, limit)

    def together(self, words: Sequence[str]) -> int:
        """How many articles hold every one of the words, each in some form."""
        holding = np.ones(self._corpus.size, bool)
        for word in words:
            holding &= self._corpus.holding(self._corpus.meaning(word).lemmas)
        return int(np.count_nonzero(holding))

    def side_by_side(self, words: Sequence[str]) -> bool:
        """Whether some article holds the words one after another, in these very forms."""
        return bool(self._corpus.holding_phrase(words).any())
