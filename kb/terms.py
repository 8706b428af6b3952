"""A word of a query as a corpus knows it, and what it is worth in the query. Adds nothing up."""

from typing import NamedTuple

from kb.instant import Beginning, Places, Postings


class Term(NamedTuple):
    """A word in the corpus, whatever query it stands in.

    Where `whole` is given, the word is more than its dictionary forms: also words that begin so, or
    synonyms. It holds the best score of each article.
    """

    lemmas: Places
    idf: float
    articles: int  # that hold it
    beginning: Beginning = ()  # words that begin so
    others: Places = ()  # dictionary forms of its synonyms
    likeness: float = 0.0  # what a synonym counts
    whole: Postings | None = None


class Content(NamedTuple):
    """A content word of a query: what it weighs, and what holding it is worth."""

    text: str  # empty where its letters do not count
    term: Term
    weight: float
    mass: float
    sentence: int  # number of the sentence it stands in
