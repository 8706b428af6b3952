"""The word step by Whoosh's own search: the reference for `ArrayEngine`, and its substitute.

It needs nothing of a build but the Whoosh index, so it answers where the arrays cannot be read.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kb.index import whoosh_index
from kb.index.corpus import Scores
from kb.index.schema import FIELDS, SURFACE
from kb.language.query import Query, Word
from kb.language.synonyms import Expansion, Phrase, Synonyms
from kb.ranking.lookup import PREFIX, expanded
from kb.ranking.terms import QueryTerms

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Whoosh 2.7.4 has invalid escapes (decision 1)
    from whoosh import matching
    from whoosh import query as whoosh_query

_TEXT_WEIGHT = next(field.weight for field in FIELDS if field.name == "text")


class _BestMatcher(matching.DisjunctionMaxMatcher):  # type: ignore[misc]
    """Whoosh's, which compares the scores of two articles where its parts stand apart."""

    def score(self) -> float:
        """The higher score of the parts that match this article."""
        both = [part for part in (self.a, self.b) if part.is_active()]
        here = min(part.id() for part in both)
        return float(max(part.score() for part in both if part.id() == here))


class _BestOf(whoosh_query.DisjunctionMax):  # type: ignore[misc]
    """Of several queries the one that scores an article highest."""

    def _matcher(self, subs: Any, searcher: Any, context: Any) -> Any:
        return self._tree_matcher(subs, _BestMatcher, searcher, context, None, tiebreak=0.0)


class WordHit(NamedTuple):
    """An article that Whoosh found: what it stores of it, and its word score."""

    stored: dict[str, Any]  # slug and card, see `whoosh_index.schema`
    score: float


class WhooshEngine:
    """Scores articles by words with Whoosh's BM25F. Threads may share it.

    It differs from `ArrayEngine` in two things: the words that begin with a typed one are scored
    one by one in the whole text of an article without its files, not as one word field by field;
    and in a build of several segments the document frequency counts replaced articles.
    """

    def __init__(self, folder: Path, find: Callable[[str], int | None], size: int) -> None:
        """Opens the Whoosh index of the build in `folder`, for a corpus of `size` articles.

        `find` gives the number of the article with a slug in that corpus.
        """
        self._index = whoosh_index.open_dir(folder / whoosh_index.FOLDER)
        self._find = find
        self._size = size

    def word_scores(self, terms: QueryTerms) -> Scores:
        """See `Engine.word_scores`."""
        scores = np.zeros(self._size, np.float32)
        question = _question(terms.words, terms.weights, terms.expansions)
        for hit in search(self._index, question):
            doc = self._find(hit.stored[whoosh_index.SLUG])
            if doc is not None:
                scores[doc] = hit.score
        return scores


def word_hits(index: Any, query: Query, synonyms: Synonyms) -> Iterator[WordHit]:
    """The articles of an opened Whoosh index that hold a word of a query, best first."""
    weighted = [(word, weight) for word, weight in query.weighted() if weight > 0]
    words = [word for word, _ in weighted]
    expansions = expanded(words, synonyms)
    return search(index, _question(words, [weight for _, weight in weighted], expansions))


def search(index: Any, question: Any) -> Iterator[WordHit]:
    """All hits of one of Whoosh's queries, best first; of equal scores the earlier article."""
    with index.searcher(weighting=whoosh_index.weighting()) as searcher:
        for hit in searcher.search(question, limit=None, optimize=False):
            yield WordHit(hit.fields(), hit.score)


def _question(
    words: Sequence[Word], weights: Sequence[float], expansions: Sequence[Expansion]
) -> Any:
    """Whoosh's query for words: their sum; of forms, beginnings and synonyms the best counts."""
    by_start = {each.start: each for each in expansions}
    parts, at = [], 0
    while at < len(words):
        expansion = by_start.get(at, Expansion(at, at + 1, (), 0.0))
        end = expansion.end
        typed = [
            _best_of(_forms(word, weight))
            for word, weight in zip(words[at:end], weights[at:end], strict=True)
        ]
        synonyms = [_phrase(phrase, expansion.weight * weights[at]) for phrase in expansion.phrases]
        parts.append(_best_of([_sum_of(typed), *synonyms]))
        at = end
    return _sum_of(parts)


def _forms(word: Word, weight: float) -> list[Any]:
    forms = [_lemma(lemma, weight) for lemma in word.lemmas]
    if word.unfinished:
        boost = weight * PREFIX * _TEXT_WEIGHT
        forms.append(whoosh_query.Prefix(SURFACE, word.text, boost=boost, constantscore=False))
    return forms


def _phrase(phrase: Phrase, weight: float) -> Any:
    """Every word of a synonym, in any form."""
    words = [_best_of([_lemma(lemma, weight) for lemma in lemmas]) for lemmas in phrase]
    return words[0] if len(words) == 1 else whoosh_query.And(words)


def _lemma(lemma: str, weight: float) -> Any:
    """A dictionary form in all fields."""
    return _sum_of(
        [whoosh_query.Term(field.name, lemma, boost=field.weight * weight) for field in FIELDS]
    )


def _sum_of(queries: Sequence[Any]) -> Any:
    return queries[0] if len(queries) == 1 else whoosh_query.Or(queries)


def _best_of(queries: Sequence[Any]) -> Any:
    return queries[0] if len(queries) == 1 else _BestOf(queries)
