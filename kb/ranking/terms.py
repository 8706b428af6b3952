"""A query looked up in a corpus: its terms, their weights and their synonyms. Scores nothing."""

from typing import NamedTuple

from kb.index.corpus import Docs, LemmaIds, Postings, PrefixRanges, Scores
from kb.language.query import Query, Word
from kb.language.synonyms import Expansion


class Term(NamedTuple):
    """A word in the corpus, independent of the query it stands in.

    `postings` are given where the word matches more than its dictionary forms: words that begin
    with it, or synonyms. They hold the best score of each article.
    """

    lemmas: LemmaIds
    idf: float
    frequency: int  # articles that hold it
    prefix_ranges: PrefixRanges = ()  # of the words that begin with it
    synonyms: LemmaIds = ()  # dictionary forms of its synonyms
    synonym_weight: float = 0.0  # what a place holds of the word with a synonym; 1 with itself
    postings: Postings | None = None


class ContentTerm(NamedTuple):
    """A content word of a query with its weights."""

    text: str  # empty where its n-grams do not count
    term: Term
    weight: float  # of its part of speech, see `tokens`
    query_weight: float  # weight times idf: the share of the query it makes up
    sentence: int  # number of the sentence it stands in


class PhraseSynonym(NamedTuple):
    """Articles with other words in place of the words `start` to `end` of the query."""

    start: int
    end: int
    docs: Docs
    scores: Scores


class QueryTerms(NamedTuple):
    """The words of a query that weigh anything, looked up in the corpus."""

    query: Query
    words: tuple[Word, ...]
    weights: tuple[float, ...]
    expansions: tuple[Expansion, ...]  # synonyms of these words
    terms: tuple[Term, ...]
    phrase_synonyms: tuple[PhraseSynonym, ...]
