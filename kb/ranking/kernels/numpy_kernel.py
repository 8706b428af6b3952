"""The kernel in numpy: the reference for the kernel in C, and its substitute."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kb.index.corpus import NOTHING, Corpus, Docs, Postings, PrefixRanges, Scores
from kb.ranking import rerank, snippets
from kb.ranking.confidence import LOOKED_INTO
from kb.ranking.matching import NO_GRAMS, Matches, QueryNgrams, SoughtTerm
from kb.ranking.passages import Passages
from kb.ranking.rerank import CANDIDATES, MIN_RESCORED, MIN_SHARE, Found, LengthNorms, Rescored
from kb.ranking.snippets import Excerpt
from kb.ranking.terms import ContentTerm, Term


class NumpyKernel:
    """`kernels.Kernel` in numpy."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._ngrams = QueryNgrams(corpus)
        self._norms = LengthNorms(corpus)

    def add_up(self, terms: Sequence[Term], weights: Sequence[float]) -> Scores:
        """See `Kernel.add_up`."""
        total = np.zeros(self._corpus.size, np.float32)
        for term, weight in zip(terms, weights, strict=True):
            lists = [(self._corpus.impact((place,)), 1.0) for place in term.lemmas]
            docs, scores = term.postings or self.best_of(lists)
            total[docs] += np.float32(weight) * scores
        return total

    def best_of(self, lists: Sequence[tuple[Postings, float]]) -> Postings:
        """See `Kernel.best_of`."""
        best = np.zeros(self._corpus.size, np.float32)
        for (docs, scores), factor in lists:
            best[docs] = np.maximum(best[docs], np.float32(factor) * scores)
        found = best.nonzero()[0].astype(np.int32)
        return (found, best[found]) if len(found) else NOTHING

    def prefix(self, prefix_ranges: PrefixRanges) -> Postings:
        """See `Kernel.prefix`."""
        return self._corpus.prefix_impact(prefix_ranges)

    def candidates(
        self, words: Scores, allowed: NDArray[np.bool_], boost: Scores | None
    ) -> tuple[Docs, int]:
        """See `Kernel.candidates`."""
        words *= allowed
        total = int(np.count_nonzero(words))
        scores = words if boost is None else words * boost
        best = scores.max(initial=0)
        if not best:
            return np.empty(0, np.int32), total
        for share in (MIN_SHARE, MIN_SHARE / 2, 0.0):
            docs: Docs = (scores > share * best).nonzero()[0].astype(np.int32)
            if len(docs) >= MIN_RESCORED:
                break
        most = max(int(np.count_nonzero(scores[docs] >= MIN_SHARE * best)), MIN_RESCORED)
        if len(docs) > min(most, CANDIDATES):
            docs = docs[rerank.best_first(scores[docs], min(most, CANDIDATES))]
            docs.sort()
        return docs, total

    def best_hits(self, scores: Scores, most: int) -> Docs:
        """See `Kernel.best_hits`."""
        return rerank.best_hits(scores, most)

    def prepared(self, content: Sequence[ContentTerm]) -> Sequence[SoughtTerm]:
        """See `Kernel.prepared`."""
        forms = self._corpus.forms
        return [
            SoughtTerm(
                each.text,
                each.weight,
                each.query_weight,
                forms(each.term.lemmas, each.term.prefix_ranges),
                forms(each.term.synonyms),
                each.term.synonym_weight,
            )
            for each in content
        ]

    def rescored(
        self,
        prepared: Sequence[SoughtTerm],
        docs: Docs,
        words: Scores,
        boost: Scores | None,
        query_weights: Sequence[Sequence[float]],
    ) -> Rescored:
        """See `Kernel.rescored`."""
        matches = Matches(self._corpus, prepared, self._ngrams.of(prepared), docs)
        passages = Passages(matches)
        weights = np.array(query_weights, np.float32)
        coverage = np.array([passages.best(each) for each in weights], np.float32)
        parts = rerank.parts(matches, coverage[0], self._norms, words)
        scores = words + sum(parts.values())
        if boost is not None:
            scores *= boost[docs]
        return Rescored(scores, rerank.in_order(self._corpus, docs, scores), parts, coverage)

    def ranked(
        self,
        prepared: Sequence[SoughtTerm],
        words: Scores,
        allowed: NDArray[np.bool_],
        boost: Scores | None,
        query_weights: Sequence[Sequence[float]],
    ) -> Found:
        """See `Kernel.ranked`."""
        docs, total = self.candidates(words, allowed, boost)
        rescored = self.rescored(prepared, docs, words[docs], boost, query_weights)
        order = rescored.order
        coverage = rescored.coverage[:, order[:LOOKED_INTO]].max(axis=1, initial=0)
        return Found(docs[order], rescored.scores[order], total, coverage.tolist())

    def excerpts(self, prepared: Sequence[SoughtTerm], docs: Sequence[int]) -> list[Excerpt]:
        """See `Kernel.excerpts`."""
        ascending = np.sort(np.array(docs, np.int32))
        matches = Matches(self._corpus, prepared, NO_GRAMS, ascending)
        return snippets.Highlighter(matches).excerpts(np.searchsorted(ascending, docs).tolist())
