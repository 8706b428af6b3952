"""Ranks the articles of a corpus for a query and judges how sure the order is. Corrects nothing.

Two steps: an engine scores articles by words, and the best of these candidates are re-scored by
n-grams, order and proximity of words (`rerank`). The formula and its table: `docs/ranking.md`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.index.corpus import Corpus, Docs, Scores
from kb.language.query import Query
from kb.language.synonyms import Synonyms
from kb.ranking import confidence, kernels
from kb.ranking.confidence import StopWords
from kb.ranking.engine import ArrayEngine, Engine
from kb.ranking.kernels import Kernel
from kb.ranking.lookup import TermLookup, content_terms
from kb.ranking.rerank import CANDIDATES, Rescored
from kb.ranking.snippets import Excerpt
from kb.ranking.terms import QueryTerms

OWN_LANGUAGE = 1.15  # factor of the scores of articles in the reader's own language


class Ranked(NamedTuple):
    """The re-scored articles in order of their scores."""

    docs: Docs
    scores: Scores
    words: Scores  # word scores of all articles; above 0: a hit
    total: int  # hits
    confident: bool
    own_lang: str
    prepared: Any  # the content terms, as the kernel takes them
    margin: float = 0.0  # how much of the query is covered, in parts of what is enough
    pinned: tuple[int, ...] = ()  # the first of `docs`, which writers put there


class Ranker:
    """Ranks queries over one corpus. Safe to be used by several threads at once."""

    def __init__(
        self,
        corpus: Corpus,
        synonyms: Synonyms,
        chance_level: float,
        kernel: Kernel | None = None,
        engine: Engine | None = None,
        lookup: TermLookup | None = None,
    ) -> None:
        """`chance_level` is the coverage of random words in this corpus, 0–1 (`calibration`).

        The kernel is the fastest one installed unless given; the engine and the lookup read the
        corpus's arrays unless given.
        """
        self.corpus = corpus
        self.chance_level = chance_level
        self.kernel = kernels.open_kernel(corpus) if kernel is None else kernel
        self.engine = ArrayEngine(self.kernel) if engine is None else engine
        self.lookup = TermLookup(corpus, synonyms, self.kernel) if lookup is None else lookup
        self._boost: Scores | None = corpus.boost if np.any(corpus.boost != 1.0) else None
        self._boosts: dict[str, Scores] = {}  # per language of the reader
        if len(corpus.langs) > 1:
            for number, lang in enumerate(corpus.langs):
                own = np.where(corpus.lang == number, np.float32(OWN_LANGUAGE), np.float32(1))
                self._boosts[lang] = own * corpus.boost

    def rank(self, query: Query, allowed: NDArray[np.bool_], own_lang: str = "") -> Ranked:
        """Ranks the articles of `allowed` (a mask of the corpus) that hold a word of the query.

        Articles in `own_lang` are boosted.
        """
        terms = self.lookup.query_terms(query)
        words = self.engine.word_scores(terms)
        boost = self._boosts.get(own_lang, self._boost)
        content = content_terms(terms)
        prepared = self.kernel.prepared(content)
        weights = confidence.query_weights(content)
        found = self.kernel.ranked(prepared, words, allowed, boost, weights.rows)
        stop_words = self._stop_words(terms)
        margin = confidence.margin(found.coverage, weights, self.chance_level, stop_words)
        return Ranked(
            found.docs, found.scores, words, found.total, margin >= 1, own_lang, prepared, margin
        )

    def word_scores(self, query: Query) -> Scores:
        """The score of every article by the words of a query; above 0: a hit."""
        return self.engine.word_scores(self.lookup.query_terms(query))

    def excerpts(self, ranked: Ranked, docs: Sequence[int]) -> list[Excerpt]:
        """Title, best section and its best passage of some articles, in their order."""
        return self.kernel.excerpts(ranked.prepared, docs)

    def not_rescored(self, ranked: Ranked) -> tuple[Docs, Scores]:
        """The articles of the best 200 that were not re-scored, in order, and their scores."""
        boost = self._boosts.get(ranked.own_lang, self._boost)
        scores = ranked.words.copy() if boost is None else ranked.words * boost
        scores[ranked.docs] = 0
        docs = self.kernel.best_hits(scores, CANDIDATES - len(ranked.docs))
        return docs, np.minimum(scores[docs], ranked.scores.min(initial=np.inf))

    def rescore(self, terms: QueryTerms, docs: Docs, words: Scores) -> Rescored:
        """The scores of articles (ascending) for a query, unboosted, with their parts."""
        content = content_terms(terms)
        weights = confidence.query_weights(content).rows
        prepared = self.kernel.prepared(content)
        return self.kernel.rescored(prepared, docs, words[docs], None, weights)

    def coverage(self, query: Query) -> float:
        """The share of a query, 0–1, that the best passage of this corpus holds in whole words."""
        terms = self.lookup.query_terms(query)
        words = self.engine.word_scores(terms)
        docs = np.sort(self.kernel.best_hits(words, confidence.LOOKED_INTO))
        content = [each._replace(text="") for each in content_terms(terms)]  # without n-grams
        weights = [each.query_weight for each in content]
        rescored = self.kernel.rescored(
            self.kernel.prepared(content), docs, words[docs], None, [weights]
        )
        best = float(rescored.coverage[0].max(initial=0.0))
        return confidence.share(best, weights, self._stop_words(terms))

    def _stop_words(self, terms: QueryTerms) -> StopWords:
        """The distinct stop words of a query; the coverage of each is its share of articles."""
        found = {
            word.lemmas: (weight * max(0.0, term.idf), term.frequency / max(self.corpus.count, 1))
            for word, weight, term in zip(terms.words, terms.weights, terms.terms, strict=True)
            if word.is_stop
        }
        weights = [weight for weight, _ in found.values()]
        coverage = sum(weight * share for weight, share in found.values())
        return StopWords(len(found), sum(weights), coverage)
