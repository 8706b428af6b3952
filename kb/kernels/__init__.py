"""The arithmetic of ranking: what is added up, re-scored and cut out. Knows no query and no rule.

`plain` does it with numpy and is the definition; `native` does the same in C, if a compiler was
there when the package was installed (decision 40).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kb.instant import Beginning, Corpus, Docs, Postings, Scores
from kb.kernels import native, plain
from kb.rerank import Rescored
from kb.snippets import Excerpt
from kb.terms import Content, Term


class Kernel(Protocol):
    """What ranking asks of arithmetic, over one corpus."""

    def add_up(self, terms: Sequence[Term], weights: Sequence[float]) -> Scores:
        """For every article of the corpus the sum of its scores for words, each times its weight.

        Of a word with several forms the best one counts.
        """

    def best_of(self, lists: Sequence[tuple[Postings, float]]) -> Postings:
        """The union of the lists, each article with its highest score times the list's factor."""

    def beginning(self, start: str) -> Beginning:
        """The words that begin so."""

    def prefix(self, beginning: Beginning) -> Postings:
        """What articles score for all words of a beginning, as for one word."""

    def best(self, scores: Scores, most: int) -> Docs:
        """The `most` best of the articles that score above 0; of equals lower numbers first."""

    def candidates(
        self, words: Scores, allowed: NDArray[np.bool_], favour: Scores | None
    ) -> tuple[Docs, int]:
        """The articles worth re-scoring, ascending, and how many score at all.

        `words` becomes 0 where an article is not allowed; `favour` multiplies what articles are
        chosen by.
        """

    def prepared(self, contents: Sequence[Content]) -> Any:
        """The content words of a query as the next two take them."""

    def rescored(
        self, prepared: Any, docs: Docs, words: Scores, favour: Scores | None, masses: Scores
    ) -> Rescored:
        """What letters, order and nearness add to articles (ascending), and their order.

        `words` is what the words alone give them, `masses` for each way to weigh the words of the
        query what each is worth.
        """

    def excerpts(self, prepared: Any, docs: Sequence[int]) -> list[Excerpt]:
        """Title, best section and its best passage of some articles, in their order."""


def opened(corpus: Corpus) -> Kernel:
    """The fastest kernel there is."""
    library = native.library()
    return plain.Plain(corpus) if library is None else native.Native(library, corpus)
