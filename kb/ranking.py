"""A query and a corpus to articles in order, and how sure that order is. Repairs and shows nothing.

Two steps: words, beginnings of words and synonyms find the hits and the best of them; letters and
the order of words re-score only those (`rerank`). The formula and its table: `docs/ranking.md`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kb import confidence, rerank
from kb.confidence import Stops
from kb.instant import NOTHING, Corpus, Docs, Postings, Recent, Scores
from kb.matches import NO_GRAMS, Letters, Matches, Sought
from kb.places import Places
from kb.query import Query, Word
from kb.rerank import CANDIDATES, Lengths
from kb.synonyms import Expansion, Phrase, Synonyms

OWN_LANGUAGE = 1.15  # multiplies the scores of articles in the reader's own language
PREFIX = 0.8  # what a word that only begins as asked counts beside the word itself
UNSURE = 0.2  # what holding the beginning of a stop word is worth, beside another word's
FEWEST, HOPELESS = 30, 0.6  # re-scored: so many, and all with this share of the best score


_CACHED = 1_000_000  # postings of all remembered words together


@dataclass(frozen=True)
class Ranked:
    """The re-scored articles in order of their scores."""

    docs: Docs
    scores: Scores
    words: Scores  # of all articles, what the words alone give; above 0: a hit
    confident: bool
    matches: Matches  # in these articles
    own_lang: str

    @cached_property
    def total(self) -> int:
        """How many articles are hits."""
        return int(np.count_nonzero(self.words))


@dataclass(frozen=True, slots=True)
class Term:
    """A word in the corpus, whatever query it stands in."""

    text: str
    docs: Docs
    scores: Scores
    idf: float
    forms: tuple[NDArray[np.int32], ...]  # per segment, words that are it or begin with it
    others: tuple[NDArray[np.int32], ...]  # and its synonyms
    other_weight: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """Several words of the query, from–to, for which articles may hold other words instead."""

    start: int
    end: int
    docs: Docs
    scores: Scores


@dataclass(frozen=True, slots=True)
class _Asked:
    """The weighty words of a query, looked up."""

    words: tuple[Word, ...]
    weights: tuple[float, ...]
    terms: tuple[Term, ...]
    alternatives: tuple[Alternative, ...]


class Ranker:
    """Ranks queries over one corpus."""

    def __init__(self, corpus: Corpus, synonyms: Synonyms, level: float = 0.6) -> None:
        """`level` is how much of random words one place of this base holds (`calibrate`)."""
        self.corpus = corpus
        self.level = level
        self._synonyms = synonyms
        self._letters = Letters(corpus)
        self._lengths = Lengths(corpus)
        self._boost: Scores | None = corpus.boost if np.any(corpus.boost != 1.0) else None
        self._favours: dict[str, Scores] = {}
        if len(corpus.langs) > 1:
            for number, lang in enumerate(corpus.langs):
                own = np.where(corpus.lang == number, np.float32(OWN_LANGUAGE), np.float32(1))
                self._favours[lang] = own * corpus.boost
        self._terms: Recent[Term] = Recent(lambda term: len(term.docs) + 64, _CACHED)

    def rank(self, query: Query, allowed: NDArray[np.bool_], own_lang: str = "") -> Ranked:
        """The articles of `allowed` that hold a word of the query, the best of them in order."""
        asked = self.look_up(query)
        words = self.add_up(asked)
        words *= allowed
        docs = self._candidates(self._favoured(words, own_lang))
        matches = self.matches(self._sought(asked), docs)
        places = Places(matches)
        parts = rerank.parts(matches, places, self._lengths, words[docs])
        scores = self._favoured(rerank.total(words[docs], parts), own_lang, docs)
        order = np.lexsort((docs, -self.corpus.updated[docs], -np.round(scores, 3)))
        confident = confidence.is_enough(
            places,
            [each.sentence for each in matches.sought],
            order,
            self.level,
            _stops(asked, self.corpus.count),
        )
        return Ranked(docs[order], scores[order], words, confident, matches, own_lang)

    def behind(self, ranked: Ranked) -> tuple[Docs, Scores]:
        """The articles of the best 200 that were not re-scored, in order, and their scores."""
        scores = self._favoured(ranked.words, ranked.own_lang).copy()
        scores[ranked.docs] = 0
        most = CANDIDATES - len(ranked.docs)
        docs = best_first(scores, min(most, int(np.count_nonzero(scores))))
        return docs, np.minimum(scores[docs], ranked.scores.min(initial=np.inf))

    def share(self, query: Query) -> float:
        """How much of a question the best place of this base holds."""
        asked = self.look_up(query)
        words = self.add_up(asked)
        docs = best_first(words, confidence.LOOKED_INTO)
        docs = np.sort(docs[words[docs] > 0])
        places = Places(Matches(self.corpus, self._sought(asked), NO_GRAMS, docs))
        return confidence.share(places, np.arange(len(docs)), _stops(asked, self.corpus.count))

    def matches(self, sought: Sequence[Sought], docs: Docs) -> Matches:
        """Where the words and letters of a query stand in some articles (ascending)."""
        return Matches(self.corpus, sought, self._letters.of(sought), docs)

    def _sought(self, asked: _Asked) -> list[Sought]:
        """The content words of the query in order; a repeated word is worth something once."""
        found: list[Sought] = []
        seen: set[tuple[str, ...]] = set()
        for word, weight, term in reversed(
            list(zip(asked.words, asked.weights, asked.terms, strict=True))
        ):
            if word.is_stop:
                continue
            mass = 0.0 if word.lemmas in seen else weight * max(0.0, term.idf)
            if word.may_be_stop:
                mass *= UNSURE
            seen.add(word.lemmas)
            found.append(
                Sought(
                    word.text,
                    weight,
                    mass,
                    word.sentence,
                    term.forms,
                    term.others,
                    term.other_weight,
                )
            )
        return found[::-1]

    def _candidates(self, scores: Scores) -> Docs:
        """The articles worth re-scoring, ascending: all near the best, and some in any case."""
        best = scores.max(initial=0)
        if not best:
            return np.empty(0, np.int32)
        for share in (HOPELESS, HOPELESS / 2, 0.0):
            docs: Docs = (scores > share * best).nonzero()[0].astype(np.int32)
            if len(docs) >= FEWEST:
                break
        most = max(int(np.count_nonzero(scores[docs] >= HOPELESS * best)), FEWEST)
        if len(docs) > min(most, CANDIDATES):
            docs = docs[best_first(scores[docs], min(most, CANDIDATES))]
            docs.sort()
        return docs

    def _favoured(self, scores: Scores, own_lang: str, docs: Docs | None = None) -> Scores:
        """Scores of all articles or of `docs` with the writers' `boost`, the own language first."""
        favour = self._favours.get(own_lang, self._boost)
        if favour is None:
            return scores
        return scores * (favour if docs is None else favour[docs])

    # ------------------------------------------------------------ words

    def look_up(self, query: Query) -> _Asked:
        """The words of the query that weigh, with their synonyms."""
        weighty = [(word, weight) for word, weight in query.weighted() if weight > 0]
        words = tuple(word for word, _ in weighty)
        found = self._synonyms.expand([word.lemmas for word in words])
        single = {each.start: each for each in found if each.end - each.start == 1}
        terms = tuple(self.term(word, single.get(place)) for place, word in enumerate(words))
        alternatives = tuple(
            self._alternative(each.start, each.end, phrase, each.weight * weighty[each.start][1])
            for each in found
            if each.end - each.start > 1
            for phrase in each.phrases
        )
        return _Asked(words, tuple(weight for _, weight in weighty), terms, alternatives)

    def term(self, word: Word, synonyms: Expansion | None) -> Term:
        """A word in any form, one that begins so, or a synonym: the best score of each article."""
        key = (f"*{word.text}" if word.unfinished else word.text, "+" if synonyms else "")
        found = self._terms.get(key)
        if found is None:
            found = self._term(word, synonyms)
            self._terms.put(key, found)
        return found

    def _term(self, word: Word, synonyms: Expansion | None) -> Term:
        lists = [self.corpus.impact(lemma) for lemma in word.lemmas]
        frequency = max(len(docs) for docs, _ in lists)
        unfinished = word.unfinished and self.corpus.goes_on(word.text, word.lemmas)
        if unfinished:
            docs, scores = self.corpus.prefix_impact(word.text)
            lists.append((docs, scores * np.float32(PREFIX)))
            frequency = max(frequency, len(docs))
        phrases = synonyms.phrases if synonyms else ()
        other_weight = synonyms.weight if synonyms else 0.0
        for phrase in phrases:
            docs, scores = self.phrase(phrase)
            lists.append((docs, scores * np.float32(other_weight)))
        docs, scores = best_of(self.corpus.size, lists)
        others = [lemma for phrase in phrases if len(phrase) == 1 for lemma in phrase[0]]
        return Term(
            word.text,
            docs,
            scores,
            self.corpus.idf(frequency or min(len(docs), self.corpus.count)),
            self.corpus.forms(word.lemmas, word.text if unfinished else ""),
            self.corpus.forms(others),
            other_weight,
        )

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
        docs = (times == len(lists)).nonzero()[0].astype(np.int32)
        return docs, total[docs]

    def add_up(self, asked: _Asked) -> Scores:
        """The sum over the words; where others stand for several of them, the better of the two."""
        total = np.zeros(self.corpus.size, np.float32)
        for weight, term in zip(asked.weights, asked.terms, strict=True):
            total[term.docs] += term.scores if weight == 1 else np.float32(weight) * term.scores
        for start, end in {(each.start, each.end) for each in asked.alternatives}:
            own = np.zeros_like(total)
            for weight, term in zip(asked.weights[start:end], asked.terms[start:end], strict=True):
                own[term.docs] += np.float32(weight) * term.scores
            better = own.copy()
            for each in asked.alternatives:
                if (each.start, each.end) == (start, end):
                    better[each.docs] = np.maximum(better[each.docs], each.scores)
            total += better - own
        return total

    # ------------------------------------------------------------ why

    def explain(
        self, query: Query, allowed: NDArray[np.bool_], own_lang: str, docs: Sequence[int]
    ) -> list[tuple[int, str, str, str, float]]:
        """What some articles' scores are made of: article, part, term, field, contribution."""
        asked = self.look_up(query)
        ranked = self.rank(query, allowed, own_lang)
        words = self.add_up(asked)
        candidates = ranked.matches.docs
        parts = rerank.parts(
            ranked.matches, Places(ranked.matches), self._lengths, words[candidates]
        )
        total = rerank.total(words[candidates], parts)
        rows: list[tuple[int, str, str, str, float]] = []
        for doc in docs:
            place = int(np.searchsorted(candidates, doc))
            if place >= len(candidates) or candidates[place] != doc:
                continue
            rows += self._explained(doc, asked, words)
            rows += [
                (
                    doc,
                    name if name in ("order", "place") else "letters",
                    query.raw,
                    name,
                    float(part[place]),
                )
                for name, part in parts.items()
                if part[place] > 0
            ]
            final = float(ranked.scores[(ranked.docs == doc).nonzero()[0][0]])
            rest = final - float(total[place])
            if abs(rest) > 5e-4:
                rows.append((doc, "favour", "boost, language", "", rest))
        return rows

    def _explained(
        self, doc: int, asked: _Asked, words: Scores
    ) -> Iterator[tuple[int, str, str, str, float]]:
        """The word step of one article: each word's best form, field by field."""
        told = 0.0
        for word, weight, term in zip(asked.words, asked.weights, asked.terms, strict=True):
            at = int(np.searchsorted(term.docs, doc))
            if at >= len(term.docs) or term.docs[at] != doc:
                continue
            score = float(term.scores[at])
            told += weight * score
            part, name, fields = self._origin(word, doc, score)
            for field, value in fields:
                yield doc, part, name, field, weight * value
        if (rest := float(words[doc]) - told) > 5e-4:
            yield doc, "synonym", " ".join(word.text for word in asked.words), "text", rest

    def _origin(
        self, word: Word, doc: int, score: float
    ) -> tuple[str, str, list[tuple[str, float]]]:
        """Which form of a word gave an article its score, and how that is made up of fields."""
        for lemma in word.lemmas:
            fields = self.corpus.field_scores(lemma, doc)
            if fields and abs(sum(value for _, value in fields) - score) < 1e-3:
                return "word", lemma, fields
        if word.unfinished:
            fields = self.corpus.field_scores(word.text, doc, prefix=True)
            if fields and abs(sum(value for _, value in fields) * PREFIX - score) < 1e-3:
                return "beginning", word.text + "…", [(n, v * PREFIX) for n, v in fields]
        return "synonym", word.text, [("text", score)]


def _stops(asked: _Asked, count: int) -> Stops:
    """The distinct stop words of a query: how many, their worth, and what a place holds of it."""
    worth = {
        word.lemmas: (weight * max(0.0, term.idf), len(term.docs) / max(count, 1))
        for word, weight, term in zip(asked.words, asked.weights, asked.terms, strict=True)
        if word.is_stop
    }
    masses = [mass for mass, _ in worth.values()]
    return Stops(len(worth), sum(masses), sum(mass * share for mass, share in worth.values()))


def best_of(size: int, lists: Sequence[Postings]) -> Postings:
    """The union of posting lists, each article with its highest score."""
    lists = [each for each in lists if len(each[0])]
    if not lists:
        return NOTHING
    if len(lists) == 1:
        return lists[0]
    best = np.zeros(size, np.float32)
    best[lists[0][0]] = lists[0][1]
    for docs, scores in lists[1:]:
        best[docs] = np.maximum(best[docs], scores)
    found = best.nonzero()[0].astype(np.int32)
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
