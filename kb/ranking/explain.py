"""Explains scores: what each part, word and field contributes to an article's score."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.index.corpus import Scores
from kb.language.query import Query, Word
from kb.ranking.lookup import PREFIX
from kb.ranking.ranker import Ranker
from kb.ranking.terms import QueryTerms

_ROUNDING = 5e-4  # a difference of scores below this is none


class Contribution(NamedTuple):
    """What one part adds to the score of an article."""

    doc: int
    part: str  # word, beginning, synonym, letters, order, place, favour
    term: str
    field: str
    value: float


def explain(
    ranker: Ranker, query: Query, allowed: NDArray[np.bool_], own_lang: str, docs: Sequence[int]
) -> list[Contribution]:
    """The contributions to the scores of `docs`; articles that were not re-scored have none."""
    terms = ranker.lookup.query_terms(query)
    ranked = ranker.rank(query, allowed, own_lang)
    words = ranker.engine.word_scores(terms)
    candidates = np.sort(ranked.docs)
    rescored = ranker.rescore(terms, candidates, words)
    rows: list[Contribution] = []
    for doc in docs:
        place = int(np.searchsorted(candidates, doc))
        if place >= len(candidates) or candidates[place] != doc:
            continue
        rows += _word_contributions(ranker, doc, terms, words)
        rows += [
            Contribution(
                doc,
                name if name in ("order", "place") else "letters",
                query.raw,
                name,
                float(part[place]),
            )
            for name, part in rescored.parts.items()
            if part[place] > 0
        ]
        final = float(ranked.scores[(ranked.docs == doc).nonzero()[0][0]])
        boost = final - float(rescored.scores[place])
        if abs(boost) > _ROUNDING:
            rows.append(Contribution(doc, "favour", "boost, language", "", boost))
    return rows


def _word_contributions(
    ranker: Ranker, doc: int, terms: QueryTerms, words: Scores
) -> Iterator[Contribution]:
    """The best form of each word in one article, field by field; the rest are synonyms."""
    explained = 0.0
    for word, weight, term in zip(terms.words, terms.weights, terms.terms, strict=True):
        docs, scores = ranker.lookup.postings(term)
        at = int(np.searchsorted(docs, doc))
        if at >= len(docs) or docs[at] != doc:
            continue
        score = float(scores[at])
        explained += weight * score
        part, name, fields = _best_form(ranker, word, doc, score)
        for field, value in fields:
            yield Contribution(doc, part, name, field, weight * value)
    if (rest := float(words[doc]) - explained) > _ROUNDING:
        typed = " ".join(word.text for word in terms.words)
        yield Contribution(doc, "synonym", typed, "text", rest)


def _best_form(
    ranker: Ranker, word: Word, doc: int, score: float
) -> tuple[str, str, list[tuple[str, float]]]:
    """The form of a word that gave an article its score: part, term, and its fields' scores."""
    corpus = ranker.corpus
    for lemma in word.lemmas:
        fields = corpus.field_scores(lemma, doc)
        if fields and abs(sum(value for _, value in fields) - score) < 1e-3:
            return "word", lemma, fields
    if word.unfinished:
        fields = corpus.field_scores(word.text, doc, prefix=True)
        if fields and abs(sum(value for _, value in fields) * PREFIX - score) < 1e-3:
            return "beginning", word.text + "…", [(n, v * PREFIX) for n, v in fields]
    return "synonym", word.text, [("text", score)]
