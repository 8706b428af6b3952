"""A query and a corpus to articles in order, and how sure that order is. Repairs nothing, shows nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kb.instant import NOTHING, Corpus, Docs, Postings, Scores
from kb.query import Query, Word

CANDIDATES = 200


class Expansions(Protocol):
    """What `synonyms` offers for the words of a query."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Articles in order of their scores."""

    docs: Docs
    scores: Scores
    hits: NDArray[np.bool_]  # of all articles, which are hits
    total: int
    confident: bool


def word_postings(corpus: Corpus, word: Word) -> Postings:
    """Articles that hold a word in any form, or begin one with it, with their best score."""
    lists = [corpus.impact(lemma) for lemma in word.lemmas]
    if word.unfinished:
        lists.append(corpus.prefix_impact(word.text))
    return best_of(corpus.size, [each for each in lists if len(each[0])])


def best_of(size: int, lists: Sequence[Postings]) -> Postings:
    """The union of posting lists, each article with its highest score."""
    if not lists:
        return NOTHING
    if len(lists) == 1:
        return lists[0]
    best = np.zeros(size, np.float32)
    for docs, scores in lists:
        best[docs] = np.maximum(best[docs], scores)
    found = np.flatnonzero(best).astype(np.int32)
    return found, best[found]


def rank(
    corpus: Corpus, query: Query, allowed: NDArray[np.bool_], most: int = CANDIDATES
) -> Ranked:
    """The articles of `allowed` that hold a word of the query, the best `most` in order."""
    total = np.zeros(corpus.size, np.float32)
    held = np.zeros(corpus.size, np.float32)
    mass = 0.0
    for word in query.weighty:
        docs, scores = word_postings(corpus, word)
        idf = corpus.idf(len(docs)) if len(docs) else corpus.idf(0)
        total[docs] += scores
        if not word.compound:
            mass += idf
            held[docs] += np.float32(idf)
    hits = (total > 0) & allowed
    scores = np.where(hits, total * (1 + 0.5 * held / max(mass, 1e-6)), 0).astype(np.float32)
    count = int(np.count_nonzero(hits))
    order = best_first(scores, min(most, count))
    top = float(held[order[:3]].max() / mass) if len(order) and mass else 0.0
    return Ranked(order, scores[order], hits, count, top >= 0.6)


def best_first(scores: Scores, most: int) -> Docs:
    """The `most` highest scores' articles, highest first, lower numbers first among equals."""
    if most <= 0:
        return np.empty(0, np.int32)
    if most < len(scores):
        top = np.argpartition(-scores, most - 1)[:most]
    else:
        top = np.arange(len(scores))
    top.sort()
    return top[np.argsort(-scores[top], kind="stable")].astype(np.int32)


def marked_words(
    corpus: Corpus, number: int, query: Query
) -> tuple[list[NDArray[np.int32]], list[float]]:
    """For each word of the query, the words of a segment to mark for it, and what it weighs."""
    segment = corpus.segments[number]
    groups, weights = [], []
    for word in query.weighty:
        found = [segment.lemma_words(at) for at in map(segment.lemmas.find, word.lemmas) if at >= 0]
        if word.unfinished:
            low, high = segment.words.prefix(word.text)
            found.append(np.arange(low, high, dtype=np.int32))
        group = np.concatenate(found) if found else np.empty(0, np.int32)
        groups.append(group)
        weights.append(corpus.idf(len(word_postings(corpus, word)[0])))
    return groups, weights
