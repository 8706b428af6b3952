"""Ranks the articles of a small corpus as the whole corpus would rank them."""

from kb.index.corpus import Postings, PrefixRanges
from kb.language.synonyms import Synonyms
from kb.opensearch.small_corpus import SmallCorpus
from kb.ranking.kernels import Kernel, c_kernel, numpy_kernel
from kb.ranking.lookup import TermLookup
from kb.ranking.ranker import Ranker
from kb.ranking.terms import Term


class _CKernel(c_kernel.CKernel):
    """The kernel in C, but for words that begin with a typed one: they are not in its arrays."""

    def prefix(self, prefix_ranges: PrefixRanges) -> Postings:
        """See `Kernel.prefix`."""
        return self._corpus.prefix_impact(prefix_ranges)


class _Lookup(TermLookup):
    """A lookup whose terms bring their postings: there are no ready scores of a small corpus."""

    def _look_up_lemmas(self, lemmas: tuple[str, ...]) -> Term:
        term = super()._look_up_lemmas(lemmas)
        lists = [(self.corpus.impact(self.corpus.lemma_ids(lemma)), 1.0) for lemma in lemmas]
        return term._replace(postings=self._union(lists))


def small_kernel(corpus: SmallCorpus) -> Kernel:
    """The kernel over the articles of `corpus`."""
    library = c_kernel.library()
    return numpy_kernel.NumpyKernel(corpus) if library is None else _CKernel(library, corpus)


def small_ranker(corpus: SmallCorpus, synonyms: Synonyms, level: float) -> Ranker:
    """A ranker of the articles of `corpus`; `level` is the chance level of the whole one."""
    kernel = small_kernel(corpus)
    return Ranker(corpus, synonyms, level, kernel, lookup=_Lookup(corpus, synonyms, kernel))
