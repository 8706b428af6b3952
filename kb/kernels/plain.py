"""The arithmetic of ranking with numpy: slower than `native`, and what that is measured by."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kb import rerank, snippets
from kb.instant import NOTHING, Beginning, Corpus, Docs, Postings, Scores
from kb.matches import NO_GRAMS, Letters, Matches, Sought
from kb.places import Places
from kb.rerank import CANDIDATES, FEWEST, HOPELESS, Lengths, Rescored
from kb.snippets import Excerpt
from kb.terms import Content, Term


class Plain:
    """`kernels.Kernel` with numpy."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._letters = Letters(corpus)
        self._lengths = Lengths(corpus)

    def add_up(self, terms: Sequence[Term], weights: Sequence[float]) -> Scores:
        """See `Kernel.add_up`."""
        total = np.zeros(self._corpus.size, np.float32)
        for term, weight in zip(terms, weights, strict=True):
            lists = [(self._corpus.impact((place,)), 1.0) for place in term.lemmas]
            docs, scores = term.whole or self.best_of(lists)
            total[docs] += np.float32(weight) * scores
        return total

    def best_of(self, lists: Sequence[tuple[Postings, float]]) -> Postings:
        """See `Kernel.best_of`."""
        best = np.zeros(self._corpus.size, np.float32)
        for (docs, scores), factor in lists:
            best[docs] = np.maximum(best[docs], np.float32(factor) * scores)
        found = best.nonzero()[0].astype(np.int32)
        return (found, best[found]) if len(found) else NOTHING

    def beginning(self, start: str) -> Beginning:
        """See `Kernel.beginning`."""
        return self._corpus.beginning(start)

    def prefix(self, beginning: Beginning) -> Postings:
        """See `Kernel.prefix`."""
        return self._corpus.prefix_impact(beginning)

    def best(self, scores: Scores, most: int) -> Docs:
        """See `Kernel.best`."""
        found = int(np.count_nonzero(scores > 0))
        return rerank.best_first(scores, min(most, found))

    def candidates(
        self, words: Scores, allowed: NDArray[np.bool_], favour: Scores | None
    ) -> tuple[Docs, int]:
        """See `Kernel.candidates`."""
        words *= allowed
        total = int(np.count_nonzero(words))
        scores = words if favour is None else words * favour
        best = scores.max(initial=0)
        if not best:
            return np.empty(0, np.int32), total
        for share in (HOPELESS, HOPELESS / 2, 0.0):
            docs: Docs = (scores > share * best).nonzero()[0].astype(np.int32)
            if len(docs) >= FEWEST:
                break
        most = max(int(np.count_nonzero(scores[docs] >= HOPELESS * best)), FEWEST)
        if len(docs) > min(most, CANDIDATES):
            docs = docs[rerank.best_first(scores[docs], min(most, CANDIDATES))]
            docs.sort()
        return docs, total

    def prepared(self, contents: Sequence[Content]) -> Sequence[Sought]:
        """See `Kernel.prepared`."""
        forms = self._corpus.forms
        return [
            Sought(
                each.text,
                each.weight,
                each.mass,
                forms(each.term.lemmas, each.term.beginning),
                forms(each.term.others),
                each.term.likeness,
            )
            for each in contents
        ]

    def rescored(
        self,
        prepared: Sequence[Sought],
        docs: Docs,
        words: Scores,
        favour: Scores | None,
        masses: Scores,
    ) -> Rescored:
        """See `Kernel.rescored`."""
        matches = Matches(self._corpus, prepared, self._letters.of(prepared), docs)
        places = Places(matches)
        held = np.array([places.most(each) for each in masses], np.float32)
        parts = rerank.parts(matches, held[0], self._lengths, words)
        scores = words + sum(parts.values())
        if favour is not None:
            scores *= favour[docs]
        return Rescored(scores, rerank.in_order(self._corpus, docs, scores), parts, held)

    def excerpts(self, prepared: Sequence[Sought], docs: Sequence[int]) -> list[Excerpt]:
        """See `Kernel.excerpts`."""
        ascending = np.sort(np.array(docs, np.int32))
        matches = Matches(self._corpus, prepared, NO_GRAMS, ascending)
        return snippets.Marker(matches).excerpts(np.searchsorted(ascending, docs).tolist())
