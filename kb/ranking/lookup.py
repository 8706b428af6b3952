"""Looks the words of a query up in a corpus, with longer words and synonyms. Ranks nothing."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from kb.base.cache import TEXT, size_of
from kb.index.corpus import PAIR_BYTES, Corpus, Postings
from kb.language.query import Query, Word
from kb.language.synonyms import Expansion, Phrase, Synonyms
from kb.ranking.kernels import Kernel
from kb.ranking.terms import ContentTerm, PhraseSynonym, QueryTerms, Term

PREFIX = 0.8  # weight of a word that only begins with the typed one, beside 1 for the word itself
WHOLE = 0.8  # weight of a compound that is written in one word, beside 1 for its part
UNSURE = 0.2  # factor of the query weight of a word that may be the beginning of a stop word

_TERM_CACHE, _LEMMA_CACHE = 16, 3  # megabytes; terms with postings of their own, and without


class TermLookup:
    """The terms of queries in one corpus, cached."""

    def __init__(self, corpus: Corpus, synonyms: Synonyms, kernel: Kernel) -> None:
        self.corpus = corpus
        self.synonyms = synonyms
        self._kernel = kernel
        self._terms = corpus.cache(self._look_up, _TERM_CACHE, _size_of_term)
        self._of_lemmas = corpus.cache(self._look_up_lemmas, _LEMMA_CACHE, _size_of_lemmas)

    def query_terms(self, query: Query) -> QueryTerms:
        """The words of the query with a weight above 0, and their synonyms."""
        weighted = [(word, weight) for word, weight in query.weighted() if weight > 0]
        words = tuple([word for word, _ in weighted])
        expansions = expanded(words, self.synonyms)
        single = {each.start: each for each in expansions if each.end - each.start == 1}
        return QueryTerms(
            query,
            words,
            tuple([weight for _, weight in weighted]),
            expansions,
            tuple([self.term(word, single.get(place)) for place, word in enumerate(words)]),
            tuple(
                [
                    self._phrase_synonym(each, phrase, weighted[each.start][1])
                    for each in expansions
                    if each.end - each.start > 1
                    for phrase in each.phrases
                ]
            ),
        )

    def term(self, word: Word, synonyms: Expansion | None) -> Term:
        """A word in any form, a word that begins with it, or a synonym."""
        if not (synonyms or word.unfinished or (word.is_stop and len(word.lemmas) > 1)):
            return self._of_lemmas[word.lemmas]
        anywhere = Word(word.text, word.lemmas, word.unfinished)
        return self._terms[anywhere, synonyms and synonyms._replace(start=0, end=1)]

    def _look_up_lemmas(self, lemmas: tuple[str, ...]) -> Term:
        """A word that matches its dictionary forms and nothing else."""
        by_lemma = [self.corpus.lemma_ids(lemma) for lemma in lemmas]
        frequency = max(map(self.corpus.frequency, by_lemma))
        return Term(tuple(chain(*by_lemma)), self.corpus.idf(frequency), frequency)

    def _look_up(self, key: tuple[Word, Expansion | None]) -> Term:
        corpus, (word, synonyms) = self.corpus, key
        term = self._of_lemmas[word.lemmas]
        prefix_ranges = corpus.prefix_ranges(word.text) if word.unfinished else ()
        has_longer = corpus.has_longer_words(prefix_ranges, term.lemmas)
        if not (has_longer or synonyms or word.is_stop):
            return term
        lists = [(corpus.impact(corpus.lemma_ids(lemma)), 1.0) for lemma in word.lemmas]
        held = [corpus.frequency(corpus.lemma_ids(lemma)) for lemma in word.lemmas]
        frequency = term.frequency
        if has_longer:
            longer = self._kernel.prefix(prefix_ranges)
            lists.append((longer, PREFIX))
            held.append(corpus.prefix_frequency(prefix_ranges, longer))
            frequency = max(frequency, held[-1])
        phrases, weight = (synonyms.phrases, synonyms.weight) if synonyms else ((), 0.0)
        lists += [(self.phrase(phrase), weight) for phrase in phrases]
        held += [self._phrase_frequency(phrase) for phrase in phrases]
        postings = self._union(lists)
        count = corpus.union_frequency(held, postings)
        others = [lemma for phrase in phrases for lemma in self._telling(phrase)]
        return Term(
            term.lemmas,
            corpus.idf(frequency or min(count, corpus.count)),
            count,
            prefix_ranges if has_longer else (),
            tuple(chain.from_iterable(map(corpus.lemma_ids, others))),
            (1 + weight) / 2 if synonyms else 0.0,
            postings,
        )

    def _phrase_frequency(self, phrase: Phrase) -> int:
        """How many articles hold every word of a synonym, at most."""
        frequency, lemma_ids = self.corpus.frequency, self.corpus.lemma_ids
        return min(sum(frequency(lemma_ids(lemma)) for lemma in lemmas) for lemmas in phrase)

    def _telling(self, phrase: Phrase) -> Sequence[str]:
        """The dictionary forms that tell where a phrase stands: those of its rarest word."""
        frequency = [
            sum([self.corpus.frequency(self.corpus.lemma_ids(lemma)) for lemma in lemmas])
            for lemmas in phrase
        ]
        return phrase[frequency.index(min(frequency))] if all(frequency) else ()

    def postings(self, term: Term) -> Postings:
        """The articles that hold a term, each with the score of the term's best form."""
        if term.postings is not None:
            return term.postings
        forms = [(self.corpus.impact((place,)), 1.0) for place in term.lemmas]
        return self._union(forms)

    def _phrase_synonym(self, synonym: Expansion, phrase: Phrase, weight: float) -> PhraseSynonym:
        docs, scores = self.phrase(phrase)
        scores = scores * np.float32(synonym.weight * weight)
        return PhraseSynonym(synonym.start, synonym.end, docs, scores)

    def phrase(self, phrase: Phrase) -> Postings:
        """Articles that hold every word of a synonym, in any form, with the sum of their scores."""
        lemma_ids, size = self.corpus.lemma_ids, self.corpus.size
        lists = [
            self._union([(self.corpus.impact(lemma_ids(lemma)), 1.0) for lemma in lemmas])
            for lemmas in phrase
        ]
        if len(lists) == 1:
            return lists[0]
        total = np.zeros(size, np.float32)
        times = np.zeros(size, np.int8)
        for docs, scores in lists:
            total[docs] += scores
            times[docs] += 1
        docs = (times == len(lists)).nonzero()[0].astype(np.int32)
        return docs, total[docs]

    def _union(self, lists: Sequence[tuple[Postings, float]]) -> Postings:
        """The union of weighted posting lists, each article with its highest score."""
        some = [each for each in lists if len(each[0][0])]
        if len(some) == 1 and some[0][1] == 1:
            return some[0][0]
        return self._kernel.best_of(some)


def expanded(words: Sequence[Word], synonyms: Synonyms) -> tuple[Expansion, ...]:
    """What else the words may be: synonyms, and for a part of a compound the whole of it.

    A word that belongs to a synonym of several words has that alone.
    """
    of_synonyms = synonyms.expand([word.lemmas for word in words])
    if not any(word.whole for word in words):
        return tuple(of_synonyms)
    found = {each.start: each for each in of_synonyms}
    taken = {at for each in found.values() for at in range(each.start + 1, each.end)}
    for place, word in enumerate(words):
        if word.whole and place not in taken:
            own = found.get(place, Expansion(place, place + 1, (), WHOLE))
            if own.end == place + 1:
                found[place] = own._replace(phrases=(*own.phrases, (word.whole,)))
    return tuple(found[start] for start in sorted(found))


def content_terms(terms: QueryTerms) -> list[ContentTerm]:
    """The content words of the query in order; of a repeated word only the last has a weight."""
    content: list[ContentTerm] = []
    seen: set[tuple[str, ...]] = set()
    for word, weight, term in reversed(
        list(zip(terms.words, terms.weights, terms.terms, strict=True))
    ):
        if word.is_stop:
            continue
        query_weight = 0.0 if word.lemmas in seen else weight * max(0.0, term.idf)
        if word.may_be_stop:
            query_weight *= UNSURE
        seen.add(word.lemmas)
        content.append(ContentTerm(word.text, term, weight, query_weight, word.sentence))
    return content[::-1]


def _size_of_term(key: tuple[Word, Expansion | None], term: Term) -> int:
    word, synonyms = key
    pairs = PAIR_BYTES * (len(term.synonyms) + len(term.prefix_ranges))
    postings = sum([array.nbytes for array in term.postings]) if term.postings else 0
    words = 4 * len(word.text) + (size_of(synonyms) if synonyms else 0)
    return _size_of_lemmas(word.lemmas, term) + words + pairs + postings + 720


def _size_of_lemmas(lemmas: tuple[str, ...], term: Term) -> int:
    words = 4 * sum(map(len, lemmas)) + (TEXT + 8) * len(lemmas)
    return words + PAIR_BYTES * len(term.lemmas) + 480
