"""The kernels of ranking: sums of scores, re-scoring and excerpts over the arrays of a corpus.

`numpy_kernel` is the definition; `c_kernel` computes the same in C, if the package was installed
with it (decision 40).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kb.index.corpus import Corpus, Docs, Postings, PrefixRanges, Scores
from kb.ranking.kernels import c_kernel, numpy_kernel
from kb.ranking.rerank import Found, Rescored
from kb.ranking.snippets import Excerpt
from kb.ranking.terms import ContentTerm, Term


class Kernel(Protocol):
    """The arithmetic of ranking over one corpus."""

    def add_up(self, terms: Sequence[Term], weights: Sequence[float]) -> Scores:
        """For every article of the corpus the sum of its scores for terms, each times its weight.

        Of a term with several forms the best one counts.
        """

    def best_of(self, lists: Sequence[tuple[Postings, float]]) -> Postings:
        """The union of the lists, each article with its highest score times the list's factor."""

    def prefix(self, prefix_ranges: PrefixRanges) -> Postings:
        """The articles that hold a word with a prefix, scored as if all these were one word."""

    def candidates(
        self, words: Scores, allowed: NDArray[np.bool_], boost: Scores | None
    ) -> tuple[Docs, int]:
        """The articles to be re-scored, ascending, and how many score at all.

        `words` becomes 0 where an article is not allowed; `boost` multiplies the scores that
        articles are chosen by.
        """

    def best_hits(self, scores: Scores, most: int) -> Docs:
        """See `rerank.best_hits`."""

    def prepared(self, content: Sequence[ContentTerm]) -> Any:
        """The content terms of a query in the form that `rescored` and `excerpts` take."""

    def rescored(
        self,
        prepared: Any,
        docs: Docs,
        words: Scores,
        boost: Scores | None,
        query_weights: Sequence[Sequence[float]],
    ) -> Rescored:
        """Re-scores articles (ascending) by n-grams, order and proximity, and orders them.

        `words` are their word scores; `query_weights` is questions × words of the query, and the
        coverage of each row is returned; the first row is the one articles are ranked by.
        """

    def ranked(
        self,
        prepared: Any,
        words: Scores,
        allowed: NDArray[np.bool_],
        boost: Scores | None,
        query_weights: Sequence[Sequence[float]],
    ) -> Found:
        """The `candidates` by the word scores of all articles, in the order of `rescored`."""

    def excerpts(self, prepared: Any, docs: Sequence[int]) -> list[Excerpt]:
        """Title, best section and its best passage of some articles, in their order."""


def open_kernel(corpus: Corpus) -> Kernel:
    """The kernel in C if it is installed and whole, else the one in numpy."""
    library = c_kernel.library()
    return (
        numpy_kernel.NumpyKernel(corpus) if library is None else c_kernel.CKernel(library, corpus)
    )
