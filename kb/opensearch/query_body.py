"""A query as OpenSearch takes it: our terms with the weights that BM25 of ours gives them.

Lucene's rarity of a term is another than ours, so each term is boosted by ours over Lucene's. The
order of the candidates need only be near ours: they are scored again.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from enum import Enum
from functools import cached_property
from itertools import accumulate
from math import log
from typing import Any

from kb.index.corpus import PREFIX_FIELDS
from kb.index.counts import LightCorpus
from kb.index.reader import IndexReader
from kb.index.schema import FIELDS, K1
from kb.language.query import Query, Word
from kb.language.synonyms import Expansion, Phrase, Synonyms
from kb.opensearch.mapping import ANY, EVERYBODY, SURFACE, lemmas, written
from kb.ranking.lookup import PREFIX, expanded
from kb.ranking.ranker import OWN_LANGUAGE
from kb.search import SearchRequest

Clause = dict[str, Any]

NOTHING: Clause = {"match_none": {}}
# OpenSearch refuses more than 1,024 in a query, those of filters, phrases and `-words` included.
MOST_CLAUSES = 800
MOST_IN_PHRASES = 400  # words of synonyms of several words, each a clause
_MOST_TERMS = 60_000  # in one clause; it refuses more than 65,536
_LEAVES = frozenset(("term", "terms", "prefix", "match_phrase", "range", "match_none"))
_SATURATED = 0.6  # of the most that a word gains by standing in a field; of beginnings none tells
_RAREST = 0.05  # Lucene's rarity of a word that most articles hold is next to nothing


class QueryBody:
    """The clauses of one query for the index of one build, as some readers see it."""

    def __init__(self, corpus: LightCorpus, synonyms: Synonyms, query: Query) -> None:
        self._corpus = corpus
        weighted = [(word, weight) for word, weight in query.weighted() if weight > 0]
        self._words = [word for word, _ in weighted]
        self._weights = [weight for _, weight in weighted]
        self._expansions = {each.start: each for each in expanded(self._words, synonyms)}
        self.prefixes = tuple(word.text for word in self._words if self._has_longer(word))
        """The beginnings of longer words that the query asks for."""

    def _has_longer(self, word: Word) -> bool:
        if not word.unfinished:
            return False
        ranges = self._corpus.prefix_ranges(word.text)
        own = tuple(pair for lemma in word.lemmas for pair in self._corpus.lemma_ids(lemma))
        return self._corpus.has_longer_words(ranges, own)

    def scoring(self) -> Clause:
        """What scores articles by the words, near enough to ours.

        In each field; where these are too many clauses, synonyms are looked for in whole articles
        alone, and where these still are, so are all words.
        """
        for whole in (_Whole.NONE, _Whole.SYNONYMS, _Whole.ALL):
            found = _any([self._scored(at, whole) for at in self._starts()])
            if leaves(found) <= MOST_CLAUSES:
                break
        return found

    def matching(self) -> Clause:
        """What finds every article that holds a word, without scores."""
        forms = [form for word in self._words for form in self._held(word.lemmas)]
        phrases: list[Clause] = []
        for each in self._expansions.values():
            forms += [form for phrase in _single(each) for form in self._held(phrase[0])]
            phrases += [self._all_of(phrase) for phrase in self._affordable(each)]
        beginnings = [
            {"prefix": {written(name): prefix}}
            for prefix in self.prefixes
            for name in ("text", "attached")
        ]
        return _any([_holding(list(dict.fromkeys(forms))), *beginnings, *phrases])

    def _starts(self) -> Iterator[int]:
        """Where each synonym begins, and each word that belongs to none."""
        at = 0
        while at < len(self._words):
            yield at
            at = self._expansions[at].end if at in self._expansions else at + 1

    def _scored(self, at: int, whole: "_Whole") -> Clause:
        """The better of what was typed at a place and of its synonyms."""
        expansion = self._expansions.get(at, Expansion(at, at + 1, (), 0.0))
        weight, is_whole = expansion.weight * self._weights[at], whole is not _Whole.NONE
        typed = [
            _best(self._typed(place, whole is _Whole.ALL)) for place in range(at, expansion.end)
        ]
        if is_whole:
            forms = [form for phrase in _single(expansion) for form in self._held(phrase[0])]
            others = [self._in_whole(forms, weight)]
        else:
            others = [
                _best([self._form(lemma, weight) for lemma in phrase[0]])
                for phrase in _single(expansion)
            ]
        several = [self._phrase(phrase, weight, is_whole) for phrase in self._affordable(expansion)]
        return _best([_any(typed), *others, *several])

    def _typed(self, place: int, is_whole: bool) -> list[Clause]:
        """A typed word: its dictionary forms, and the longer words it begins."""
        word, weight = self._words[place], self._weights[place]
        if is_whole:
            found = [self._in_whole(self._held(word.lemmas), weight)]
        else:
            found = [self._form(lemma, weight) for lemma in word.lemmas]
        if word.text in self.prefixes and word.unfinished:
            found.append(self._beginning(word.text, PREFIX * weight))
        return found

    def _held(self, lemmas: Sequence[str]) -> list[str]:
        """The dictionary forms that articles hold."""
        return [lemma for lemma in lemmas if self._frequency(lemma)]

    def _frequency(self, lemma: str) -> int:
        ids = self._corpus.lemma_ids(lemma)
        return self._corpus.frequency(ids) if ids else 0

    def _in_whole(self, forms: Sequence[str], weight: float) -> Clause:
        """Any of some dictionary forms, anywhere in an article; what they gain is estimated."""
        found = _holding(forms)
        if found is NOTHING:
            return NOTHING
        frequency = max(self._frequency(form) for form in forms)
        return {"constant_score": {"filter": found, "boost": self._estimated(frequency, weight)}}

    def _estimated(self, frequency: int, weight: float) -> float:
        """What a word gains in a field of weight 1 by standing there."""
        return max(self._corpus.idf(frequency), 0.0) * (K1 + 1) * _SATURATED * weight

    def _form(self, lemma: str, weight: float) -> Clause:
        """A dictionary form, in all fields."""
        ids = self._corpus.lemma_ids(lemma)
        if not ids or not self._corpus.frequency(ids):
            return NOTHING
        found: list[Clause] = []
        for field in FIELDS:
            if frequency := self._corpus.frequency_in(field, ids):
                boost = field.weight * weight * self._boost(frequency)
                found.append({"term": {lemmas(field.name): {"value": lemma, "boost": boost}}})
        return _any(found)

    def _boost(self, frequency: int) -> float:
        """What Lucene's BM25 of a term is multiplied by, to be ours."""
        count = max(self._corpus.count, frequency)
        lucene = log(1 + (count - frequency + 0.5) / (frequency + 0.5))
        return max(self._corpus.idf(frequency), 0.0) * (K1 + 1) / max(lucene, _RAREST)

    def _beginning(self, prefix: str, weight: float) -> Clause:
        frequency = self._corpus.most_holding(self._corpus.prefix_ranges(prefix))
        gain = self._estimated(frequency, weight)
        return _any([
            {"constant_score": {
                "filter": {"prefix": {written(field.name): prefix}}, "boost": gain * field.weight,
            }}
            for field in PREFIX_FIELDS
        ])  # fmt: skip

    def _phrase(self, phrase: Phrase, weight: float, is_whole: bool) -> Clause:
        """Every word of a synonym, in any form."""
        words = [
            self._in_whole(self._held(forms), weight)
            if is_whole
            else _best([self._form(lemma, weight) for lemma in forms])
            for forms in phrase
        ]
        return NOTHING if NOTHING in words else {"bool": {"must": words}}

    def _all_of(self, phrase: Phrase) -> Clause:
        """Every word of a synonym, in any form, without scores."""
        words = [_holding(self._held(forms)) for forms in phrase]
        return NOTHING if NOTHING in words else {"bool": {"filter": words}}

    def _affordable(self, expansion: Expansion) -> list[Phrase]:
        """The synonyms of several words that are asked for."""
        return [phrase for phrase in _several(expansion) if (expansion.start, phrase) in self._kept]

    @cached_property
    def _kept(self) -> set[tuple[int, Phrase]]:
        """Synonyms of several words, by their place: those of the weightiest words first."""
        several = [
            (-each.weight * self._weights[each.start], each.start, phrase)
            for each in self._expansions.values()
            for phrase in _several(each)
            if all(self._held(forms) for forms in phrase)
        ]
        several.sort(key=lambda each: each[0])
        ends = accumulate(len(phrase) for _, _, phrase in several)
        return {
            (start, phrase)
            for (_, start, phrase), end in zip(several, ends, strict=True)
            if end <= MOST_IN_PHRASES
        }


class _Whole(Enum):
    """Which words are looked for in whole articles, instead of in each field."""

    NONE, SYNONYMS, ALL = range(3)


def leaves(clause: Any) -> int:
    """How many clauses OpenSearch counts in one: all that hold no others."""
    if isinstance(clause, list):
        return sum(map(leaves, clause))
    if not isinstance(clause, dict):
        return 0
    own = sum(name in _LEAVES for name in clause)
    return own + sum(leaves(each) for name, each in clause.items() if name not in _LEAVES)


def _single(expansion: Expansion) -> list[Phrase]:
    return [phrase for phrase in expansion.phrases if len(phrase) == 1]


def _several(expansion: Expansion) -> list[Phrase]:
    return [phrase for phrase in expansion.phrases if len(phrase) > 1]


def _holding(forms: Sequence[str]) -> Clause:
    """The articles that hold any of some dictionary forms."""
    return _any([{"terms": {ANY: list(some)}} for some in _pieces(forms, _MOST_TERMS)])


def _pieces(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]


def favoured(clause: Clause, own_lang: str, has_boosts: bool, has_languages: bool) -> Clause:
    """A scoring clause with what writers and the reader's language add."""
    functions: list[Clause] = []
    if has_languages:
        functions.append({"filter": {"term": {"lang": own_lang}}, "weight": OWN_LANGUAGE})
    if has_boosts:
        functions.append({"field_value_factor": {"field": "boost", "missing": 1.0}})
    if not functions:
        return clause
    return {"function_score": {
        "query": clause, "functions": functions, "score_mode": "multiply", "boost_mode": "multiply",
    }}  # fmt: skip


def visible(reader: IndexReader) -> list[Clause]:
    """The articles that readers may see."""
    if reader.audience is None:
        return []
    return [{"terms": {"audience": sorted({EVERYBODY, *reader.audience})}}]


def allowed(reader: IndexReader, request: SearchRequest, today: date) -> list[Clause]:
    """The articles that an answer may hold."""
    found, day = visible(reader), today.toordinal()
    if not request.hidden:
        found += [
            {"term": {"served": True}}, {"range": {"publish": {"lte": day}}},
            {"range": {"expires": {"gt": day}}},
        ]  # fmt: skip
    if request.lang:
        found.append({"term": {"lang": request.lang}})
    if request.category:
        found.append(_in_topic(reader, request.category))
    if request.tag:
        found.append({"term": {"tags": request.tag}})
    left_out = [doc for slug in request.but if (doc := reader.find(slug)) is not None]
    if left_out:
        found.append({"bool": {"must_not": [{"terms": {"number": sorted(left_out)}}]}})
    return found


def _in_topic(reader: IndexReader, key: str) -> Clause:
    names = reader.topics.named(key)
    return {"terms": {"topics": names}} if names else {"term": {"category": key}}


def narrowing(corpus: LightCorpus, query: Query) -> list[Clause]:
    """What phrases and words with a minus ask of each hit."""
    found = [_side_by_side(corpus, phrase) for phrase in query.phrases]
    for word in query.without:
        forms = [form for form in corpus.meaning(word).lemmas if corpus.lemma_ids(form)]
        if forms:
            found.append({"bool": {"must_not": [{"terms": {ANY: forms}}]}})
    return found


def _side_by_side(corpus: LightCorpus, words: Sequence[str]) -> Clause:
    if not all(corpus.knows(word) for word in words):
        return NOTHING
    return {"match_phrase": {SURFACE: " ".join(words)}}


def phrase(corpus: LightCorpus, words: Sequence[str]) -> Clause:
    """The articles that hold words as written, one after another."""
    return _side_by_side(corpus, words)


def together(corpus: LightCorpus, words: Sequence[str]) -> Clause:
    """The articles that hold every one of the words, each in some form."""
    parts: list[Clause] = []
    for word in words:
        forms = [form for form in corpus.meaning(word).lemmas if corpus.lemma_ids(form)]
        parts.append({"terms": {ANY: forms}} if forms else NOTHING)
    return {"bool": {"filter": parts}}


def beginnings(prefixes: Sequence[str], seen: Sequence[Clause]) -> Clause:
    """Aggregations: in how many articles, by field and in any, a word stands that begins so."""
    found: Clause = {}
    for number, prefix in enumerate(prefixes):
        for field in PREFIX_FIELDS:
            found[f"{number}.{field.name}"] = {"filter": {"prefix": {written(field.name): prefix}}}
        found[f"{number}."] = {
            "filter": _any([{"prefix": {written(name): prefix}} for name in ("text", "attached")])
        }
    within = {"aggs": found, "filter": {"bool": {"filter": list(seen)}}}
    return {"beginnings": {"global": {}, "aggs": {"seen": within}}}


def _best(clauses: Sequence[Clause]) -> Clause:
    some = [each for each in clauses if each is not NOTHING]
    if len(some) < 2:
        return some[0] if some else NOTHING
    return {"dis_max": {"queries": some}}


def _any(clauses: Sequence[Clause]) -> Clause:
    some = [each for each in clauses if each is not NOTHING]
    if len(some) < 2:
        return some[0] if some else NOTHING
    return {"bool": {"should": some, "minimum_should_match": 1}}
