"""A query and a corpus to articles in order, and how sure that order is. Repairs and shows nothing.

Two steps: words, beginnings of words and synonyms find the hits and the best of them; letters and
the order of words re-score only those (`rerank`). The formula and its table: `docs/ranking.md`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb import confidence, rerank
from kb.confidence import Sought
from kb.instant import NOTHING, Corpus, Docs, Postings, Scores
from kb.query import Query, Word
from kb.rerank import CANDIDATES, Reranker
from kb.synonyms import Phrase, Synonyms

OWN_LANGUAGE = 1.15  # multiplies the scores of articles in the reader's own language
PREFIX = 0.8  # what a word that only begins as asked counts beside the word itself
FEWEST, HOPELESS = 50, 0.4  # re-scored: so many, and all with this share of the best score


@dataclass(frozen=True, slots=True)
class Ranked:
    """Articles in order of their scores."""

    docs: Docs
    scores: Scores
    hits: NDArray[np.bool_]  # of all articles, which are hits
    total: int
    confident: bool
    terms: "tuple[Term, ...]"


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the query in the corpus."""

    word: Word
    weight: float
    docs: Docs
    scores: Scores
    mass: float  # weight times rarity: what holding it is worth
    others: tuple[str, ...] = ()  # dictionary forms of its synonyms
    other_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Alternative:
    """Several words of the query, from–to, for which articles may hold other words instead."""

    start: int
    end: int
    docs: Docs
    scores: Scores


class Ranker:
    """Ranks queries over one corpus."""

    def __init__(self, corpus: Corpus, synonyms: Synonyms, level: float = 0.6) -> None:
        """`level` is how much of random words one place of this base holds (`calibrate`)."""
        self.corpus = corpus
        self.level = level
        self._synonyms = synonyms
        self._reranker = Reranker(corpus)

    def rank(self, query: Query, allowed: NDArray[np.bool_], own_lang: str = "") -> Ranked:
        """The articles of `allowed` that hold a word of the query, the best 200 in order."""
        terms, alternatives = self.terms(query)
        total = self._add_up(terms, alternatives)
        hits = (total > 0) & allowed
        count = int(np.count_nonzero(hits))
        docs = self._candidates(np.where(hits, total, 0), count)
        again = self._reranker.scores(self.asked(terms), docs, total[docs])
        scores = self._favoured(docs, again.total, own_lang)
        order = np.lexsort((docs, -self.corpus.updated[docs], -np.round(scores, 3)))
        docs = docs[order]
        confident = confidence.is_enough(self.corpus, self.sought(terms), docs, self.level)
        return Ranked(docs, scores[order], hits, count, confident, tuple(terms))

    def share(self, query: Query) -> float:
        """How much of a question the best place of this base holds."""
        terms, alternatives = self.terms(query)
        total = self._add_up(terms, alternatives)
        first = best_first(total, confidence.LOOKED_INTO)
        return confidence.share(self.corpus, self.sought(terms), first[total[first] > 0])

    def sought(self, terms: Sequence[Term]) -> list[Sought]:
        """The distinct words of the query as `confidence` needs them."""
        distinct = {term.word.lemmas: term for term in reversed(terms)}
        return [
            Sought(
                term.mass,
                term.word.sentence,
                self._forms(term),
                self._other_forms(term) if term.others else (),
                term.other_weight,
            )
            for term in distinct.values()
        ]

    def _candidates(self, scores: Scores, count: int) -> Docs:
        """The articles worth re-scoring, ascending: at most 200, and none hopelessly behind."""
        docs = best_first(scores, min(CANDIDATES, count))
        ahead = int(np.count_nonzero(scores[docs] >= HOPELESS * scores[docs[:1]]))
        return np.sort(docs[: max(ahead, FEWEST)])

    def _favoured(self, docs: Docs, scores: Scores, own_lang: str) -> Scores:
        """Scores with the writers' `boost`, and the reader's own language first."""
        corpus = self.corpus
        if corpus.boosted:
            scores = scores * corpus.boost[docs]
        if own_lang in corpus.langs and len(corpus.langs) > 1:
            own = corpus.lang[docs] == corpus.langs.index(own_lang)
            scores = np.where(own, scores * np.float32(OWN_LANGUAGE), scores)
        return scores

    # ------------------------------------------------------------ words

    def terms(self, query: Query) -> tuple[list[Term], list[Alternative]]:
        """The words of the query that weigh, looked up with their synonyms."""
        words = [(word, weight) for word, weight in query.weighted() if weight > 0]
        found = self._synonyms.expand([word.lemmas for word, _ in words])
        single = {each.start: each for each in found if each.end - each.start == 1}
        terms = []
        for place, (word, weight) in enumerate(words):
            others = single.get(place)
            terms.append(
                self._term(word, weight, others.phrases, others.weight)
                if others
                else self._term(word, weight)
            )
        alternatives = [
            self._alternative(each.start, each.end, phrase, each.weight * words[each.start][1])
            for each in found
            if each.end - each.start > 1
            for phrase in each.phrases
        ]
        return terms, alternatives

    def _term(
        self, word: Word, weight: float, others: Sequence[Phrase] = (), other_weight: float = 0.0
    ) -> Term:
        """A word in any form, one that begins so, or a synonym: the best score of each article."""
        own = [self.corpus.impact(lemma) for lemma in word.lemmas]
        frequency = max(len(docs) for docs, _ in own)
        lists = own
        if word.unfinished:
            docs, scores = self.corpus.prefix_impact(word.text)
            lists.append((docs, scores * np.float32(PREFIX)))
            frequency = frequency or len(docs)
        for phrase in others:
            docs, scores = self.phrase(phrase)
            lists.append((docs, scores * np.float32(other_weight)))
        docs, scores = best_of(self.corpus.size, lists)
        mass = weight * max(0.0, self.corpus.idf(frequency or min(len(docs), self.corpus.count)))
        stand_in = [lemma for phrase in others if len(phrase) == 1 for lemma in phrase[0]]
        return Term(word, weight, docs, scores, mass, tuple(stand_in), other_weight)

    def _alternative(self, start: int, end: int, phrase: Phrase, weight: float) -> Alternative:
        docs, scores = self.phrase(phrase)
        return Alternative(start, end, docs, scores * np.float32(weight))

    def phrase(self, phrase: Phrase) -> Postings:
        """Articles that hold every word of a synonym, in any form, with the sum of their scores."""
        lists = [
            best_of(self.corpus.size, [self.corpus.impact(lemma) for lemma in lemmas])
            for lemmas in phrase
        ]
        if len(lists) == 1:
            return lists[0]
        total = np.zeros(self.corpus.size, np.float32)
        times = np.zeros(self.corpus.size, np.int8)
        for docs, scores in lists:
            total[docs] += scores
            times[docs] += 1
        docs = np.flatnonzero(times == len(lists)).astype(np.int32)
        return docs, total[docs]

    def _add_up(self, terms: Sequence[Term], alternatives: Sequence[Alternative]) -> Scores:
        """The sum over the words; where others stand for several of them, the better of the two."""
        total = np.zeros(self.corpus.size, np.float32)
        for term in terms:
            total[term.docs] += np.float32(term.weight) * term.scores
        for start, end in {(each.start, each.end) for each in alternatives}:
            own = np.zeros_like(total)
            for term in terms[start:end]:
                own[term.docs] += np.float32(term.weight) * term.scores
            better = own.copy()
            for each in alternatives:
                if (each.start, each.end) == (start, end):
                    better[each.docs] = np.maximum(better[each.docs], each.scores)
            total += better - own
        return total

    def asked(self, terms: Sequence[Term]) -> rerank.Asked:
        """The content words of the query with their forms in every segment."""
        content = [term for term in terms if not term.word.is_stop]
        return rerank.Asked(
            tuple(term.word.text for term in content),
            tuple(term.weight for term in content),
            tuple(self._forms(term) for term in content),
        )

    def _forms(self, term: Term) -> tuple[NDArray[np.int32], ...]:
        """For each segment, the words that are a form of a word of the query or begin with it."""
        start = term.word.text if term.word.unfinished else ""
        return self.corpus.forms(term.word.lemmas, start)

    def _other_forms(self, term: Term) -> tuple[NDArray[np.int32], ...]:
        return self.corpus.forms(term.others)

    def marked_words(
        self, number: int, terms: Sequence[Term]
    ) -> tuple[list[NDArray[np.int32]], list[float]]:
        """For each word of the query, the words of a segment to mark for it, and what it weighs."""
        groups = [self._forms(term)[number] for term in terms]
        groups += [self._other_forms(term)[number] for term in terms]
        weights = [term.mass for term in terms]
        return groups, weights + [term.mass * term.other_weight for term in terms]

    # ------------------------------------------------------------ why

    def explain(
        self, query: Query, allowed: NDArray[np.bool_], own_lang: str, docs: Sequence[int]
    ) -> list[tuple[int, str, str, str, float]]:
        """What some articles' scores are made of: article, part, term, field, contribution."""
        terms, alternatives = self.terms(query)
        ranked = self.rank(query, allowed, own_lang)
        words = self._add_up(terms, alternatives)
        candidates = np.sort(ranked.docs)
        again = self._reranker.scores(self.asked(terms), candidates, words[candidates])
        rows: list[tuple[int, str, str, str, float]] = []
        for doc in docs:
            place = int(np.searchsorted(candidates, doc))
            if place >= len(candidates) or candidates[place] != doc:
                continue
            rows += self._explained(doc, terms, words)
            rows += [
                (
                    doc,
                    "letters" if name != "pairs" else "order",
                    query.raw,
                    name,
                    float(part[place]),
                )
                for name, part in again.parts.items()
                if part[place] > 0
            ]
            final = float(ranked.scores[np.flatnonzero(ranked.docs == doc)[0]])
            rest = final - float(again.total[place])
            if abs(rest) > 5e-4:
                rows.append((doc, "favour", "boost, language", "", rest))
        return rows

    def _explained(
        self, doc: int, terms: Sequence[Term], words: Scores
    ) -> Iterator[tuple[int, str, str, str, float]]:
        """The word step of one article: each word's best form, field by field."""
        told = 0.0
        for term in terms:
            at = int(np.searchsorted(term.docs, doc))
            if at >= len(term.docs) or term.docs[at] != doc:
                continue
            score = float(term.scores[at])
            told += term.weight * score
            part, name, fields = self._origin(term, doc, score)
            for field, value in fields:
                yield doc, part, name, field, term.weight * value
        if (rest := float(words[doc]) - told) > 5e-4:
            yield doc, "synonym", " ".join(term.word.text for term in terms), "text", rest

    def _origin(
        self, term: Term, doc: int, score: float
    ) -> tuple[str, str, list[tuple[str, float]]]:
        """Which form of a word gave an article its score, and how that is made up of fields."""
        for lemma in term.word.lemmas:
            fields = self.corpus.field_scores(lemma, doc)
            if fields and abs(sum(value for _, value in fields) - score) < 1e-3:
                return "word", lemma, fields
        if term.word.unfinished:
            fields = self.corpus.field_scores(term.word.text, doc, prefix=True)
            if fields and abs(sum(value for _, value in fields) * PREFIX - score) < 1e-3:
                return "beginning", term.word.text + "…", [(n, v * PREFIX) for n, v in fields]
        return "synonym", term.word.text, [("text", score)]


def best_of(size: int, lists: Sequence[Postings]) -> Postings:
    """The union of posting lists, each article with its highest score."""
    lists = [each for each in lists if len(each[0])]
    if not lists:
        return NOTHING
    if len(lists) == 1:
        return lists[0]
    best = np.zeros(size, np.float32)
    for docs, scores in lists:
        best[docs] = np.maximum(best[docs], scores)
    found = np.flatnonzero(best).astype(np.int32)
    return found, best[found]


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
