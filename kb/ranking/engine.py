"""The word step of a search: an engine scores articles by the words of a query.

Re-scoring, confidence, explanations and snippets are the same behind every engine.
"""

from typing import Protocol

import numpy as np

from kb.index.corpus import Scores
from kb.ranking.kernels import Kernel
from kb.ranking.terms import QueryTerms


class Engine(Protocol):
    """Finds the articles that hold words of a query and scores them by those words."""

    def word_scores(self, terms: QueryTerms) -> Scores:
        """The score of every article of the corpus for a query; 0: it holds none of the words.

        A new array, which the caller may change. Equal words score as BM25 of the fields of
        `schema.FIELDS`, times the weight of the word; of forms and synonyms the best one counts.
        """


class ArrayEngine:
    """Scores from the memory-mapped postings of a build: the default engine."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def word_scores(self, terms: QueryTerms) -> Scores:
        """The sum over the words; a synonym of several of them counts where it scores more."""
        total = self._kernel.add_up(terms.terms, terms.weights)
        for start, end in {(each.start, each.end) for each in terms.phrase_synonyms}:
            typed = self._kernel.add_up(terms.terms[start:end], terms.weights[start:end])
            best = typed.copy()
            for each in terms.phrase_synonyms:
                if (each.start, each.end) == (start, end):
                    best[each.docs] = np.maximum(best[each.docs], each.scores)
            total += best - typed
        return total
